package accounts

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dockercfg/jet/internal/spelling"
	"github.com/dockercfg/jet/internal/yamledit"
)

// privateMode is that of a file with credentials, if none is given.
const privateMode fs.FileMode = 0o600

// outputNames are the fields of an output.
func outputNames() []string {
	return []string{"passwordFile", "dockercfg", "kubernetesSecret", "registry", "registries", "namespaces", "force", "mode", "owner", "group"}
}

// outputs reads what stands under outputs. Accounts are known by their names.
func (p *parser) outputs(f *File, nodes []yamledit.Node, accounts map[string]int) {
	places := make(map[string]int) // files and Secrets, and the line of each
	for _, n := range nodes {
		line := beginning(n)
		fs := p.fields(n, line, "an output", outputNames())
		o := fs.output(accounts)
		for _, place := range o.places() {
			if places[place] != 0 {
				p.fail(line, "the output of line %d is in the same place", places[place])
			}
			places[place] = line
		}
		f.Outputs = append(f.Outputs, o)
	}
}

func (f fields) output(accounts map[string]int) Output {
	o := Output{
		PasswordFile: f.text("passwordFile"), Dockercfg: f.text("dockercfg"), KubernetesSecret: f.text("kubernetesSecret"), Line: f.line,
	}
	kinds := f.given("passwordFile", "dockercfg", "kubernetesSecret")
	if len(kinds) != 1 {
		f.fail(f.line, "an output is exactly one of passwordFile, dockercfg and kubernetesSecret")
		return o
	}
	known := func(name string) string {
		if accounts[name] != 0 {
			return ""
		}
		var names []string
		for name := range accounts {
			names = append(names, name)
		}
		slices.Sort(names)
		if near := spelling.Nearest(name, names); near != "" {
			return "no registry has this name; did you mean " + near + "?"
		}
		return "no registry has this name"
	}
	kind := kinds[0]
	for _, other := range []struct {
		name string
		kind []string
	}{
		{"registry", []string{"passwordFile"}},
		{"registries", []string{"dockercfg", "kubernetesSecret"}},
		{"namespaces", []string{"kubernetesSecret"}},
		{"force", []string{"kubernetesSecret"}},
		{"mode", []string{"passwordFile", "dockercfg"}},
		{"owner", []string{"passwordFile", "dockercfg"}},
		{"group", []string{"passwordFile", "dockercfg"}},
	} {
		if f.has(other.name) && !slices.Contains(other.kind, kind) {
			f.fail(f.lineOf(other.name), "%s has no %s, which is for %s", kind, other.name, strings.Join(other.kind, " and "))
		}
	}
	if kind == "passwordFile" {
		if name := f.text("registry"); name != "" {
			o.Registries = []string{name}
			if problem := known(name); problem != "" {
				f.fail(f.lineOf("registry"), "registry: %s", problem)
			}
		} else if !f.has("registry") {
			f.fail(f.line, "a passwordFile needs a registry, whose password it gets")
		}
	} else {
		o.Registries = f.texts("registries", known)
	}
	if kind == "kubernetesSecret" {
		if o.KubernetesSecret != "" && !isSubdomain(o.KubernetesSecret) {
			f.fail(f.lineOf(kind), "kubernetesSecret has to be a name that Kubernetes takes: lower-case letters, digits, hyphens and dots")
		}
		o.Namespaces = f.texts("namespaces", func(name string) string {
			if !isLabel(name) {
				return "a namespace has 1 to 63 lower-case letters, digits and hyphens"
			}
			return ""
		})
		o.Force = f.truth("force")
		return o
	}
	o.ownership(f, privateMode)
	return o
}

// ownership reads who may read a file.
func (o *Output) ownership(f fields, mode fs.FileMode) {
	o.Mode, o.Owner, o.Group = mode, f.word("owner"), f.word("group")
	text := f.word("mode")
	if text == "" {
		return
	}
	bits, err := strconv.ParseUint(text, 8, 32)
	switch {
	case err != nil || len(text) < 3 || len(text) > 4 || bits > 0o777:
		f.fail(f.lineOf("mode"), `mode has to be three digits from 0 to 7, with a zero in front: "0640"`)
	case bits&0o400 == 0:
		f.fail(f.lineOf("mode"), "mode keeps the file from its owner")
	case bits&0o002 != 0:
		f.fail(f.lineOf("mode"), "mode lets everybody write the file")
	case bits&0o111 != 0:
		f.fail(f.lineOf("mode"), "mode makes the file a program")
	default:
		o.Mode = fs.FileMode(bits)
	}
}

// places are where an output is: what two of them may not share.
func (o Output) places() (places []string) {
	switch {
	case o.PasswordFile != "":
		return []string{"file " + filepath.Clean(o.PasswordFile)}
	case o.Dockercfg != "":
		return []string{"file " + filepath.Clean(o.Dockercfg)}
	case o.KubernetesSecret == "":
	case o.Namespaces == nil:
		return []string{"secret /" + o.KubernetesSecret}
	}
	for _, namespace := range o.Namespaces {
		places = append(places, "secret "+namespace+"/"+o.KubernetesSecret)
	}
	return places
}

// isSubdomain reports whether a text is a name of an object (Kubernetes, "Object
// Names and IDs", DNS subdomain names).
func isSubdomain(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

package dockercfg

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dockercfg/jet/dockercfg/internal/secret"
)

// Form is a form that a file can have.
type Form int

const (
	Config           Form = iota // config.json, also Podman's auth.json
	Legacy                       // the flat .dockercfg of before Docker 1.7
	KubernetesSecret             // a Secret of type kubernetes.io/dockerconfigjson; one that is read may be of kubernetes.io/dockercfg
	Environment                  // the variable DOCKER_AUTH_CONFIG; for output only
)

var formNames = [...]string{"dockercfg", "legacy", "kubernetes-secret", "env"}

// String gives the name that ParseForm takes.
func (f Form) String() string {
	if f < 0 || int(f) >= len(formNames) {
		return fmt.Sprintf("Form(%d)", int(f))
	}
	return formNames[f]
}

// ParseForm gives the form of a name: dockercfg, legacy, kubernetes-secret or env.
func ParseForm(name string) (Form, error) {
	if i := slices.Index(formNames[:], name); i >= 0 {
		return Form(i), nil
	}
	return 0, fmt.Errorf("dockercfg: form %q is not known (known: %s)", name, strings.Join(formNames[:], ", "))
}

// EnvironmentVariable is the variable in which the docker CLI, from 28.3 on,
// looks for credentials before any file.
const EnvironmentVariable = "DOCKER_AUTH_CONFIG"

// Output says what EncodeAs is to give.
type Output struct {
	Form Form

	// Partial leaves out what the form cannot hold; without it, that is an error.
	Partial bool

	// These are for a KubernetesSecret. Name is required: a DNS subdomain of
	// at most 253 bytes (RFC 1123). Namespace is a DNS label of at most 63
	// bytes, or empty and left out. Keys and values of Labels follow
	// Kubernetes' rules.
	Name, Namespace string
	Labels          map[string]string
}

// UnsupportedError says which entries hold what a form has no place for:
// identity and registry tokens, which the kubelet, DOCKER_AUTH_CONFIG and the
// readers of the legacy form ignore or refuse.
type UnsupportedError struct {
	Form       Form
	Registries []string // sorted
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("dockercfg: form %s has no place for identity and registry tokens, which these entries have: %q", e.Form, e.Registries)
}

// OutputError says what is wrong with an Output, or that the result would be.
type OutputError struct {
	Field   string // of Output; "" if the problem is the result
	Problem string
}

func (e *OutputError) Error() string {
	if e.Field == "" {
		return "dockercfg: output: " + e.Problem
	}
	return fmt.Sprintf("dockercfg: output: %s: %s", e.Field, e.Problem)
}

// EncodeAs gives the file in any form. In the form it has, and for a
// KubernetesSecret without a name, that is Encode. In another form it is the
// entries alone, with their email addresses where the form has a place for them.
// The result holds the secrets.
//
//   - Environment is one line for an env file as Docker reads it,
//     DOCKER_AUTH_CONFIG= and JSON, each entry as "auth" alone.
//   - KubernetesSecret is YAML. What it holds has been read back and compared,
//     and is at most 1 MiB long, Kubernetes' limit.
//
// The error is an *UnsupportedError or a *OutputError.
func (f *File) EncodeAs(o Output) ([]byte, error) {
	have := f.Form()
	switch {
	case o.Form < Config || o.Form > Environment:
		return nil, &OutputError{"Form", "it is none of those that exist"}
	case o.Form == have && (have != KubernetesSecret || o.Name == "" && o.Namespace == "" && len(o.Labels) == 0):
		return f.Encode()
	case o.Form == Config && have == KubernetesSecret && !f.document.flat:
		return f.document.encode(), nil
	}
	if o.Form == KubernetesSecret {
		if err := o.check(); err != nil {
			return nil, err
		}
	}
	entries, unsupported := f.Entries(), []string(nil)
	if o.Form != Config {
		entries = slices.DeleteFunc(entries, func(e Entry) bool {
			if e.IdentityToken != (Secret{}) || e.RegistryToken != (Secret{}) {
				unsupported = append(unsupported, e.Registry)
			}
			return e.Password == (Secret{})
		})
	}
	if unsupported != nil && !o.Partial {
		return nil, &UnsupportedError{o.Form, unsupported}
	}
	start := map[Form]string{Config: emptyConfig, Legacy: emptyLegacy, KubernetesSecret: emptyConfig, Environment: emptyCompact}
	d := newDocument(start[o.Form], o.Form == Legacy)
	for i := range entries {
		e := &entries[i]
		if o.Form != Config {
			e.IdentityToken, e.RegistryToken = Secret{}, Secret{}
		}
		if o.Form == Environment {
			e.Email = ""
		}
		d.put(*e, e.Registry)
	}
	text := d.encode()
	switch o.Form {
	case KubernetesSecret:
		return o.kubernetesSecret(text, entries)
	case Environment:
		return fmt.Appendf(nil, "%s=%s\n", EnvironmentVariable, text), nil
	}
	return text, nil
}

// maxSecretBytes bounds the data of a Secret (Kubernetes API, core/v1, MaxSecretSize).
const maxSecretBytes = 1 << 20

// kubernetesSecret writes the manifest. All names are quoted: YAML would take
// some that are allowed for numbers or truth values.
func (o Output) kubernetesSecret(text []byte, entries []Entry) ([]byte, error) {
	if len(text) > maxSecretBytes {
		return nil, &OutputError{"", fmt.Sprintf("it holds %d bytes, a Kubernetes Secret at most %d", len(text), maxSecretBytes)}
	}
	encoded := base64.StdEncoding.EncodeToString(text)
	if err := readBack(encoded, entries); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "apiVersion: v1\nkind: Secret\nmetadata:\n  name: %q\n", o.Name)
	if o.Namespace != "" {
		fmt.Fprintf(&out, "  namespace: %q\n", o.Namespace)
	}
	if len(o.Labels) > 0 {
		out.WriteString("  labels:\n")
		for _, key := range slices.Sorted(maps.Keys(o.Labels)) {
			fmt.Fprintf(&out, "    %q: %q\n", key, o.Labels[key])
		}
	}
	fmt.Fprintf(&out, "type: %s\ndata:\n  %s: %s\n", secret.TypeConfig, secret.KeyConfig, encoded)
	return out.Bytes(), nil
}

// readBack fails unless the data of a Secret holds exactly the entries.
func readBack(encoded string, entries []Entry) error {
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return &OutputError{"", "its data is not base64"}
	}
	file, err := Parse(text)
	if err != nil {
		return &OutputError{"", "its data cannot be read back: " + err.Error()}
	}
	same := func(a, b Entry) bool { return a.Registry == b.Registry && a.Email == b.Email && a.sameCredentials(b) }
	if !slices.EqualFunc(file.Entries(), entries, same) {
		return &OutputError{"", "its data reads back differently"}
	}
	return nil
}

// check applies Kubernetes' rules for names (apimachinery, util/validation).
func (o Output) check() error {
	if problem := checkSubdomain(o.Name); problem != "" {
		return &OutputError{"Name", problem}
	}
	if o.Namespace != "" {
		if problem := checkDNSLabel(o.Namespace); problem != "" {
			return &OutputError{"Namespace", problem}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(o.Labels)) {
		prefix, name, found := strings.Cut(key, "/")
		problem := ""
		if !found {
			name = key
		} else {
			problem = checkSubdomain(prefix)
		}
		if problem == "" {
			problem = checkLabelText(name)
		}
		if problem != "" {
			return &OutputError{"Labels", fmt.Sprintf("key %q: %s", key, problem)}
		}
		if value := o.Labels[key]; value != "" {
			if problem := checkLabelText(value); problem != "" {
				return &OutputError{"Labels", fmt.Sprintf("value of %q: %s", key, problem)}
			}
		}
	}
	return nil
}

func checkSubdomain(name string) (problem string) {
	if len(name) > 253 {
		return fmt.Sprintf("it is %d bytes long, at most 253 are allowed", len(name))
	}
	return checkWords(name, ".", "lower-case letters, digits, hyphens and dots", "-", isLetterOrDigit)
}

func checkDNSLabel(name string) (problem string) {
	if len(name) > 63 {
		return fmt.Sprintf("it is %d bytes long, at most 63 are allowed", len(name))
	}
	return checkWords(name, "", "lower-case letters, digits and hyphens", "-", isLetterOrDigit)
}

func checkLabelText(text string) (problem string) {
	if len(text) > 63 {
		return fmt.Sprintf("it is %d bytes long, at most 63 are allowed", len(text))
	}
	return checkWords(text, "", "letters, digits, hyphens, underscores and dots", "-_.", func(r rune) bool {
		return isLetterOrDigit(r) || 'A' <= r && r <= 'Z'
	})
}

// checkWords checks words of the characters that end allows, and within a word
// those of inner; separator parts the words.
func checkWords(text, separator, allowed, inner string, end func(rune) bool) (problem string) {
	if text == "" {
		return "it is empty"
	}
	words := []string{text}
	if separator != "" {
		words = strings.Split(text, separator)
	}
	for _, word := range words {
		if word == "" || !end(rune(word[0])) || !end(rune(word[len(word)-1])) {
			return "it, or a part between dots, does not begin and end with a letter or digit of those allowed: " + allowed
		}
		if strings.ContainsFunc(word, func(r rune) bool { return !end(r) && !strings.ContainsRune(inner, r) }) {
			return "it holds a character other than those allowed: " + allowed
		}
	}
	return ""
}

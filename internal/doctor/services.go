package doctor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/encryptedfile"
	"github.com/dockercfg/jet/internal/services"
	"github.com/dockercfg/jet/internal/shellword"
	"github.com/dockercfg/jet/internal/spelling"
	"github.com/dockercfg/jet/internal/yamledit"
)

// lookAtServices looks at the services and steps files of the project. What they
// refer to counts from their folder.
func (e *examiner) lookAtServices() error {
	named := make(map[string][]string) // by folder, the names of its services; nil if they are not known
	for _, steps := range []bool{false, true} {
		for _, file := range e.files {
			dir, name := filepath.Split(file.Path)
			if !file.Info.Mode().IsRegular() || file.Info.Size() > services.MaxBytes || isSteps(name) != steps || !steps && !isServices(name) {
				continue
			}
			if !slices.Contains(e.looked, "services and steps files") {
				e.looked = append(e.looked, "services and steps files")
			}
			text, err := os.ReadFile(filepath.Join(e.top, file.Path))
			if err != nil {
				e.add(Problem, "unreadable", file.Path, 0, fmt.Sprintf("it cannot be read: %v", cause(err)), "ls -l "+shellword.Quote(e.typed(file.Path)))
				continue
			}
			parsed, err := services.Parse(text)
			var tree *yamledit.File
			if err == nil {
				tree, err = yamledit.Parse(string(text))
			}
			if err != nil {
				e.yamlBroken(file.Path, string(text), err)
				if !steps {
					named[dir] = nil
				}
				continue
			}
			f := &servicesFile{e, file.Path, dir, parsed}
			if steps {
				f.lookAtSteps(tree, named)
			} else {
				for _, s := range parsed.Services {
					named[dir] = append(named[dir], s.Name)
				}
				f.lookAtServices(tree)
			}
			f.lookAtReferences(named[dir])
			f.lookAtValues()
		}
	}
	return nil
}

// isServices reports whether a file is a services file of Codeship's, or a Compose
// file in its place.
func isServices(name string) bool { return services.IsNamed(name) }

func isSteps(name string) bool {
	name = strings.ToLower(name)
	return name == "codeship-steps.yml" || name == "codeship-steps.yaml" || name == "codeship-steps.json"
}

// yamlBroken tells of a file that the parser refuses, and of the reason that is most
// common: a template without quotes, which begins as a mapping does.
func (e *examiner) yamlBroken(path, text string, err error) {
	line, problem := 0, err.Error()
	var syntax *yamledit.Error
	if errors.As(err, &syntax) {
		line, problem = syntax.Line, syntax.Problem
	}
	hint := "${EDITOR:-vi} " + shellword.Quote(e.typed(path))
	if lines := strings.Split(text, "\n"); line > 0 && line <= len(lines) && strings.Contains(lines[line-1], ": {{") {
		hint = "a template stands in quotes, as in image_tag: \"{{.Branch}}\": " + hint
	}
	e.add(Problem, "yaml-broken", path, line, "YAML readers refuse it: "+problem, hint)
}

// A servicesFile is a services or steps file that is looked at.
type servicesFile struct {
	*examiner
	path, dir string // from the top; dir ends in a separator, or is ""
	parsed    *services.File
}

func (f *servicesFile) edit() string { return "${EDITOR:-vi} " + shellword.Quote(f.typed(f.path)) }

// directives are the names that have a meaning for jet, or had one for Codeship,
// and are long enough to be misspelt.
var directives = [...]string{
	"encrypted_env_file", "encrypted_environment", "encrypted_args", "encrypted_args_file", "encrypted_dockercfg_path", "dockercfg_service",
	"env_file", "environment", "add_docker", "image_name", "image_tag", "dockerfile_path", "dockerfile", "registry", "service", "command", "exclude", "steps",
}

// misspelt gives the directive that was probably meant, "" if the word is one or is
// like none: encrypted_env for encrypted_env_file, encryped_dockercfg for
// encrypted_dockercfg_path.
func misspelt(word string) string {
	plain := strings.ReplaceAll(strings.ToLower(word), "-", "_")
	if slices.Contains(directives[:], word) || strings.HasPrefix(word, "x-") { // an extension of Compose
		return ""
	}
	if slices.Contains(directives[:], plain) {
		return plain
	}
	// Only names with an underscore are Codeship's own; many short ones of Compose
	// are near to each other.
	if !strings.Contains(plain, "_") {
		return ""
	}
	best, least := "", 3
	for _, directive := range directives {
		if !strings.Contains(directive, "_") {
			continue
		}
		stems := []string{directive}
		for _, end := range [...]string{"_file", "_path", "_service"} {
			if stem, ok := strings.CutSuffix(directive, end); ok && strings.Contains(stem, "_") {
				stems = append(stems, stem)
			}
		}
		for _, stem := range append(stems, directive+"s", directive+"_file") {
			if d := spelling.Distance(plain, stem); d < least && d <= len(stem)/5 {
				best, least = directive, d
			}
		}
	}
	return best
}

func (f *servicesFile) lookAtDirectives(n yamledit.Node) {
	for _, pair := range n.Pairs() {
		if meant := misspelt(pair.Name); meant != "" {
			f.add(Problem, "misspelt-directive", f.path, pair.Line, fmt.Sprintf("there is no directive %q, and it is ignored: it is called %s", pair.Name, meant), f.edit())
		}
	}
}

// lookAtServices looks at the directives of each service.
func (f *servicesFile) lookAtServices(tree *yamledit.File) {
	for _, document := range tree.Documents() {
		all := document
		if within, ok := document.Field("services"); ok {
			all = within
		}
		for _, pair := range all.Pairs() {
			f.lookAtDirectives(pair.Value)
			if build, ok := pair.Value.Field("build"); ok {
				f.lookAtDirectives(build)
			}
		}
	}
}

// lookAtSteps looks at each step and group.
func (f *servicesFile) lookAtSteps(tree *yamledit.File, named map[string][]string) {
	known, thereAre := named[f.dir]
	if !thereAre {
		f.add(Note, "services-missing", f.path, 0, "there is no services file beside it", "codeship-services.yml is its name")
	}
	for _, document := range tree.Documents() {
		steps := document
		if within, ok := document.Field("steps"); ok {
			steps = within
		}
		f.step(steps, known, false)
	}
}

// step looks at a step, or all that are in a list. Credentials are those of a
// group around it.
func (f *servicesFile) step(n yamledit.Node, known []string, credentials bool) {
	for _, element := range n.Elements() {
		f.step(element, known, credentials)
	}
	if len(n.Pairs()) == 0 {
		return
	}
	f.lookAtDirectives(n)
	text := func(name string) (string, int) {
		value, _ := n.Field(name)
		text, _ := value.Text()
		if text == "" {
			return "", 0
		}
		return text, value.Line()
	}
	if service, line := text("service"); service != "" && known != nil && !slices.Contains(known, service) {
		f.unknownService(service, line, known)
	}
	all, _ := n.Field("services")
	for _, element := range all.Elements() {
		if service, ok := element.Text(); ok && known != nil && !slices.Contains(known, service) {
			f.unknownService(service, element.Line(), known)
		}
	}
	by, line := text("dockercfg_service")
	path, _ := text("encrypted_dockercfg_path")
	if by != "" && path != "" {
		f.add(Note, "two-credentials", f.path, line, "dockercfg_service and encrypted_dockercfg_path exclude each other, and the path is what counts", f.edit())
	}
	credentials = credentials || by != "" || path != ""
	if kind, line := text("type"); kind == "push" && !credentials {
		f.add(Note, "push-without-credentials", f.path, line, "a push takes its credentials from the step itself or its group, and there is neither dockercfg_service nor encrypted_dockercfg_path", f.edit())
	}
	if registry, line := text("registry"); registry != "" {
		normal, err := dockercfg.NormalizeRegistry(registry)
		switch {
		case err != nil:
		case normal == dockercfg.DockerHub && registry != dockercfg.DockerHub && strings.Contains(registry, "://"):
			f.add(Problem, "docker-hub-key", f.path, line, fmt.Sprintf("Docker Hub is %s, and under %q Docker finds no credential", dockercfg.DockerHub, registry), f.edit())
		case normal != dockercfg.DockerHub && strings.HasSuffix(registry, "/"):
			f.add(Problem, "trailing-slash", f.path, line, fmt.Sprintf("the registry %q ends in a slash, with which Codeship's jet found no credential (\"No basic auth credentials\")", registry), "without it: "+f.edit())
		}
	}
	if steps, ok := n.Field("steps"); ok {
		f.step(steps, known, credentials)
	}
}

func (f *servicesFile) unknownService(name string, line int, known []string) {
	message := fmt.Sprintf("there is no service %q", name)
	if near := nearestService(name, known); near != "" {
		message += fmt.Sprintf("; %q was meant, perhaps", near)
	}
	f.add(Problem, "unknown-service", f.path, line, message, f.edit())
}

// nearestService also knows names that share a word: dockercfg_service for
// dockercfg_generator.
func nearestService(name string, known []string) string {
	if near := spelling.Nearest(name, known); near != "" {
		return near
	}
	word, _, _ := strings.Cut(strings.ReplaceAll(name, "-", "_"), "_")
	for _, k := range known {
		if strings.HasPrefix(strings.ReplaceAll(k, "-", "_"), word+"_") || k == word {
			return k
		}
	}
	return ""
}

// lookAtReferences looks for the files and services that are named.
func (f *servicesFile) lookAtReferences(known []string) {
	for _, r := range f.parsed.References {
		if r.Key == "dockercfg_service" {
			if known != nil && !slices.Contains(known, r.Target) {
				f.unknownService(r.Target, r.Line, known)
			}
			continue
		}
		if strings.ContainsAny(r.Target, "$") || filepath.IsAbs(r.Target) {
			continue // a variable stands in it, or it is not of the project
		}
		path := filepath.Join(f.top, f.dir, filepath.FromSlash(r.Target))
		encrypted := r.Key != "env_file"
		info, err := os.Stat(path)
		switch {
		case err != nil:
			f.missing(r, path, encrypted)
		case encrypted && info.Mode().IsRegular():
			if format, err := encryptedfile.FormatOf(path); err == nil && format == 0 && !encryptedfile.Named(path) { // else package check says so
				f.add(Problem, "reference-not-encrypted", f.path, r.Line, fmt.Sprintf("%s names %q, which is not encrypted", r.Key, r.Target),
					fmt.Sprintf("jet encrypt %s %s", shellword.Quote(f.typed(path)), shellword.Quote(f.typed(path)+".encrypted")))
			}
		}
	}
}

// missing tells of a file that is named and not there.
func (f *servicesFile) missing(r services.Reference, path string, encrypted bool) {
	typed := func(path string) string { return shellword.Quote(f.typed(path)) }
	hint := f.edit()
	plain, isNamed := strings.CutSuffix(path, ".encrypted")
	switch {
	case !encrypted && isFile(path+".encrypted"):
		hint = fmt.Sprintf("jet decrypt %s %s", typed(path+".encrypted"), typed(path))
	case encrypted && isNamed && isFile(plain):
		hint = fmt.Sprintf("jet encrypt %s %s", typed(plain), typed(path))
	default:
		if near := nearestFile(path); near != "" {
			hint = fmt.Sprintf("%q is there: %s", f.typed(near), f.edit())
		}
	}
	severity := Problem
	if !encrypted {
		severity = Note // it may be made by hand, on each machine
	}
	f.add(severity, "missing-file", f.path, r.Line, fmt.Sprintf("%s names %q, and there is no such file", r.Key, r.Target), hint)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// nearestFile gives a file in the same folder whose name is much like that one.
func nearestFile(path string) string {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return ""
	}
	var names []string
	for _, entry := range entries {
		if entry.Type().IsRegular() {
			names = append(names, entry.Name())
		}
	}
	if near := spelling.Nearest(filepath.Base(path), names); near != "" {
		return filepath.Join(filepath.Dir(path), near)
	}
	return ""
}

// lookAtValues tries the key on the values that are encrypted in the file itself.
func (f *servicesFile) lookAtValues() {
	for _, v := range f.parsed.Values {
		if v.Format == 0 {
			f.add(Problem, "value-not-encrypted", f.path, v.Line, fmt.Sprintf("under %s stands what is not encrypted", v.Key),
				"in an env file it can be: \"jet encrypt app.env app.env.encrypted\", and \"encrypted_env_file: app.env.encrypted\"")
			continue
		}
		if !f.haveKey {
			continue
		}
		if _, err := crypto.Probe([]byte(v.Text), f.key.Key); errors.Is(err, crypto.ErrWrongKey) {
			f.add(Problem, "wrong-key", f.path, v.Line, fmt.Sprintf("a value under %s does not open with the key", v.Key), "--key-path FILE tries another key")
		}
	}
}

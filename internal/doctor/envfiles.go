package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/envfile"
	"github.com/dockercfg/jet/internal/shellword"
)

// slips are names of variables that people write for others.
var slips = [...]struct{ wrong, right string }{
	{"DOCKER_USER", "DOCKER_USERNAME"},
	{"DOCKER_PASS", "DOCKER_PASSWORD"},
	{"DOCKER_SERVER", "DOCKER_REGISTRY"},
	{"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID"},
	{"AWS_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"},
	{"AWS_SECRET_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
	{"GOOGLE_AUTH", "GOOGLE_AUTH_JSON"},
	{"BLUEMIX_APIKEY", "BLUEMIX_API_KEY"},
	{"HEROKU_KEY", "HEROKU_API_KEY"},
	{"HEROKU_TOKEN", "HEROKU_API_KEY"},
}

// lookAtVariables looks at an env file in Docker's syntax. The path is that of the
// file, or of the one that it is encrypted in.
func (e *examiner) lookAtVariables(path string, text []byte) {
	file, err := envfile.Parse(text, envfile.Docker)
	var parse *envfile.ParseError
	switch {
	case errors.As(err, &parse):
		e.add(Problem, "env-file-broken", path, parse.Line, parse.Problem, e.edit(path))
		return
	case err != nil:
		return
	}
	quoted := e.lookAtJSON(path, file)
	for _, notice := range file.Notices {
		if !slices.Contains(quoted, notice.Line) {
			e.add(Note, "odd-variable", path, notice.Line, notice.Text, e.edit(path))
		}
	}
	for _, slip := range slips {
		if _, ok := file.Lookup(slip.wrong); !ok {
			continue
		}
		if _, both := file.Lookup(slip.right); !both {
			e.add(Problem, "misspelt-variable", path, lineOf(file, slip.wrong), fmt.Sprintf("%s is read by nothing; it is called %s", slip.wrong, slip.right), e.edit(path))
		}
	}
	e.lookAtAzure(path, file)
	if isForGenerators(path) {
		e.lookAtBackends(path, file)
	}
}

// edit is how a file is changed.
func (e *examiner) edit(path string) string {
	typed := shellword.Quote(e.typed(path))
	if strings.HasSuffix(path, ".encrypted") {
		return "jet edit " + typed
	}
	return "${EDITOR:-vi} " + typed
}

func lineOf(file envfile.File, name string) int {
	for _, v := range file.Variables {
		if v.Name == name {
			return v.Line
		}
	}
	return 0
}

// lookAtJSON: service-account keys that were put in quotes, as a shell wants them,
// or broken over lines. It gives the lines that it said something of.
func (e *examiner) lookAtJSON(path string, file envfile.File) (lines []int) {
	for _, v := range file.Variables {
		value, _ := file.Lookup(v.Name)
		bare := strings.TrimSpace(value)
		inQuotes := len(bare) > 1 && (bare[0] == '\'' || bare[0] == '"') && bare[len(bare)-1] == bare[0]
		if inQuotes {
			bare = bare[1 : len(bare)-1]
		}
		if !strings.HasPrefix(strings.TrimSpace(bare), "{") {
			continue
		}
		name := v.Name
		if !v.Plain {
			name = "a variable"
		}
		switch {
		case inQuotes:
			e.add(Problem, "quoted-json", path, v.Line, fmt.Sprintf("the JSON of %s stands in quotes, which env files keep, so that it is no JSON", name),
				"take the quotes off: "+e.edit(path))
			lines = append(lines, v.Line)
		case !json.Valid([]byte(bare)) && (v.Name == "GOOGLE_AUTH_JSON" || strings.HasSuffix(v.Name, "_JSON")):
			e.add(Problem, "broken-json", path, v.Line, fmt.Sprintf("the value of %s begins as JSON and is none; a value ends with its line", name),
				fmt.Sprintf("\"jq -c . KEY.json\" gives it on one line; %s", e.edit(path)))
			lines = append(lines, v.Line)
		}
	}
	return lines
}

// lookAtAzure: Codeship documented AZURE_REGISTRY, and its image wanted
// AZURE_REGISTRY_NAME. jet takes both, unless they differ.
func (e *examiner) lookAtAzure(path string, file envfile.File) {
	one, hasOne := file.Lookup("AZURE_REGISTRY")
	other, hasOther := file.Lookup("AZURE_REGISTRY_NAME")
	host := func(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".azurecr.io") }
	switch {
	case hasOne && hasOther && host(one) != host(other):
		e.add(Problem, "azure-registry", path, lineOf(file, "AZURE_REGISTRY"), "AZURE_REGISTRY and AZURE_REGISTRY_NAME name two registries", "leave one of the two out: "+e.edit(path))
	case hasOne && !hasOther:
		e.add(Note, "azure-registry", path, lineOf(file, "AZURE_REGISTRY"), "Codeship's own image wants AZURE_REGISTRY_NAME, whatever its documentation says; jet takes both", e.edit(path))
	}
}

// isForGenerators reports whether an env file is called as those with which
// credentials are generated.
func isForGenerators(path string) bool {
	name := strings.ToLower(filepath.Base(path))
	for _, part := range [...]string{"credential", "dockercfg", "registry"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// lookAtBackends: a backend that the variables select lacks others.
func (e *examiner) lookAtBackends(path string, file envfile.File) {
	if e.Known == nil {
		return
	}
	for _, selection := range e.Known.Select(file.Lookup) {
		var missing *generators.MissingVariablesError
		err := generators.CheckVariables(selection.Backend.Name, selection.Backend.Variables, file.Lookup)
		if errors.As(err, &missing) {
			e.add(Problem, "missing-variable", path, 0, err.Error(), e.edit(path), fmt.Sprintf("\"jet generate dockercfg --help\" lists the variables of %s", selection.Backend.Name))
		}
	}
}

package generators

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dockercfg/jet/dockercfg"
)

// Env looks up one variable in a scope, the process environment or an env file.
// It must be safe for concurrent use.
type Env func(name string) (value string, ok bool)

// Value gives the value of a variable, or its default if the variable is not
// set or empty.
func (env Env) Value(v Variable) string {
	if value, ok := env(v.Name); ok && value != "" {
		return value
	}
	return v.Default
}

// isSet reports whether a variable has a value of its own.
func (env Env) isSet(name string) bool {
	value, ok := env(name)
	return ok && value != ""
}

// Variable describes a variable that a backend reads. Backends read only what
// they describe; help texts, the check for missing variables and the selection
// of backends all use the description.
type Variable struct {
	Name     string
	Summary  string // one line, for people
	Required bool   // the backend does not open without it
	Secret   bool   // the value may never be shown
	Selects  bool   // its being set selects the backend, see Registry.Select
	Default  string // the value if it is not set
}

// Source produces entries from credentials it holds. It is safe for concurrent
// use and does not print its secrets under any verb of fmt.
type Source interface {
	// Generate makes the entries. It may ask servers, and returns the error of
	// the context soon after that is done. If the error is a *PartialError, the
	// Result beside it is good, and lacks what the error names; beside any other
	// error it is empty.
	Generate(ctx context.Context) (Result, error)
}

// Result is what a source produces.
type Result struct {
	Entries []dockercfg.Entry
	// Notices tell a person what looks wrong with the input though it was used
	// as it is: one line each, naming variables and never a secret.
	Notices []string
}

// PartialError says that a source could not produce some of its entries, and
// why. It is for sources of many entries that fail one by one: who ignores the
// type takes the whole for failed, who looks at it goes on with the rest.
type PartialError struct {
	Errors []error // at least one; each names its registry or what it stands for
}

// Error gives the errors, one a line.
func (e *PartialError) Error() string { return errors.Join(e.Errors...).Error() }

// Unwrap gives the errors.
func (e *PartialError) Unwrap() []error { return e.Errors }

// Backend is a kind of source.
type Backend struct {
	Name    string // as CheckName allows
	Summary string // one line, for people
	// Variables are all that Open reads, in the order in which people should see them.
	Variables []Variable
	// Open makes a source from variables. It does not use the network. If
	// required variables are missing the error is a *MissingVariablesError.
	Open func(Env) (Source, error)
}

// CheckVariables returns a *MissingVariablesError that names all required
// variables that env does not set, or nil if there are none.
func CheckVariables(backend string, variables []Variable, env Env) error {
	var missing []string
	for _, v := range variables {
		if v.Required && !env.isSet(v.Name) {
			missing = append(missing, v.Name)
		}
	}
	if missing == nil {
		return nil
	}
	return &MissingVariablesError{Backend: backend, Names: missing}
}

// MissingVariablesError says which variables a backend needs and did not get.
type MissingVariablesError struct {
	Backend string
	Names   []string // all of them, in the order of Backend.Variables
}

func (e *MissingVariablesError) Error() string {
	return fmt.Sprintf("%s: these variables are not set: %s", e.Backend, strings.Join(e.Names, ", "))
}

// maxName is the longest name of a backend in bytes.
const maxName = 64

// CheckName refuses what cannot name a backend. Names become parts of program
// names (jet-generator-NAME), so nothing in them may mean something to a file
// system, a shell or a parser of flags: they hold lower-case letters, digits and
// hyphens, begin with a letter, do not end with a hyphen and are at most 64 bytes long.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("generators: a backend's name is empty")
	case len(name) > maxName:
		return fmt.Errorf("generators: a backend's name is %d bytes long, at most %d are allowed", len(name), maxName)
	case name[0] < 'a' || name[0] > 'z':
		return fmt.Errorf("generators: backend name %q does not begin with a lower-case letter", name)
	case name[len(name)-1] == '-':
		return fmt.Errorf("generators: backend name %q ends with a hyphen", name)
	}
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return fmt.Errorf("generators: backend name %q holds %q; lower-case letters, digits and hyphens are allowed", name, r)
		}
	}
	return nil
}

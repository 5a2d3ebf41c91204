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

// Value gives the value of a variable: the first of its names that is set and not
// empty, else its default.
func (env Env) Value(v Variable) string {
	if name := env.nameOf(v); name != "" {
		value, _ := env(name)
		return value
	}
	return v.Default
}

// IsSet reports whether a variable has a value of its own under one of its names;
// for one whose Presence counts, whether its first name is set to anything.
func (env Env) IsSet(v Variable) bool {
	if v.Presence {
		_, ok := env(v.Name)
		return ok
	}
	return env.nameOf(v) != ""
}

// nameOf gives the first name of a variable that is set and not empty, "" for none.
func (env Env) nameOf(v Variable) string {
	for i := -1; i < len(v.Aliases); i++ {
		name := v.Name
		if i >= 0 {
			name = v.Aliases[i]
		}
		if value, ok := env(name); ok && value != "" {
			return name
		}
	}
	return ""
}

// Variable describes a variable that a backend reads. Backends read only what
// they describe; help texts, the check for missing variables and the selection
// of backends all use the description.
type Variable struct {
	Name     string
	Aliases  []string // other names of the same, tried in this order after Name
	Summary  string   // one line, for people
	Required bool     // the backend does not open without it
	Secret   bool     // the value may never be shown
	Selects  bool     // its being set under Name selects the backend, see Registry.Select
	AnyName  bool     // it Selects under its Aliases too
	Presence bool     // it counts as set even if it is empty; it has no aliases
	Default  string   // the value if it is not set
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

// Identified is a Source of entries that die soon, which may be used again while they
// live, by whoever is the same then.
type Identified interface {
	Source
	// Identity gives what decides, beside the values of the backend's variables and
	// the registries that are asked for, whose the entries are: what is in the files
	// that the variables lead to. It reads those and asks nobody. If all that is the
	// same as at another time, so is the identity.
	//
	// It is false where that cannot be told, since a server or a program decides it,
	// and for entries that are not short-lived.
	Identity() (parts []dockercfg.Secret, ok bool)
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
	// LongLived says, in a sentence for people, how to get a credential that lasts
	// where the usual one dies within hours; "" if the usual one lasts.
	LongLived string
	// Interactive is true for a backend that may wait for a person: it keeps time
	// itself, and the deadline of a whole run does not count for it.
	Interactive bool
	// Open makes a source from variables. It does not use the network. If
	// variables are missing, required ones or those that others call for, the
	// error is a *MissingVariablesError that names all of them.
	Open func(Env) (Source, error)
}

// CheckVariables returns a *MissingVariablesError that names all required
// variables that env does not set, or nil if there are none.
func CheckVariables(backend string, variables []Variable, env Env) error {
	var required []Variable
	for _, v := range variables {
		if v.Required {
			required = append(required, v)
		}
	}
	return CheckSet(backend, env, required...)
}

// CheckSet is CheckVariables for variables that are all called for, by others that
// are set.
func CheckSet(backend string, env Env, variables ...Variable) error {
	var missing []string
	for _, v := range variables {
		if !env.IsSet(v) {
			missing = append(missing, v.Name)
		}
	}
	if missing == nil {
		return nil
	}
	return &MissingVariablesError{Backend: backend, Names: missing}
}

// AdvisedError is an error with a sentence on what a person can do about it. Both
// hold no secret.
type AdvisedError struct {
	Err    error
	Advice string
}

func (e *AdvisedError) Error() string { return e.Err.Error() }

// Unwrap gives the error without the advice.
func (e *AdvisedError) Unwrap() error { return e.Err }

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

// Package accounts reads the file of registry accounts, registries.yaml: which
// registries there are, where the credential for each comes from, and where "jet
// refresh" puts it. It also reads config.yaml of skuid/ecr-token-refresh as it is.
//
// The package opens no file and asks nobody: paths and commands stay as they are
// written.
package accounts

import (
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/envfile"
	"github.com/dockercfg/jet/internal/registry"
)

// A File is a file of registry accounts. Its passwords do not print.
type File struct {
	Interval time.Duration // of "jet refresh", at the longest; 0 if none is given
	Accounts []Account     // at least one
	Outputs  []Output
	Skuid    bool // it is in the form of ecr-token-refresh
	// Notices are for who writes the outputs: what may not be as it is meant.
	Notices []string
}

// An Account is a registry and where the credential for it comes from: either
// Backend is set, or Username and one of the passwords.
type Account struct {
	Name    string // of its own; letters, digits and hyphens
	Address string // in normal form, see dockercfg.NormalizeRegistry
	Line    int    // on which it begins, from 1

	Backend string // as generators.CheckName allows
	EnvFile string // a closed scope of variables; "" means the process environment
	// EnvSyntax is how EnvFile is read.
	EnvSyntax envfile.Syntax
	// Variables go over those of the scope. The settings of the account are among
	// them, under the names that they have in the backend. nil means none.
	Variables map[string]string

	Username        string
	Password        dockercfg.Secret
	PasswordFile    string
	PasswordCommand string
	Email           string

	Repositories       []registry.Repository // to prove the credential on
	CACert             string                // PEM file; of the three at most one is set
	InsecureSkipVerify bool
	PlainHTTP          bool
	Timeout            time.Duration // to get and to prove the credential; 0 if none is given
	Default            bool          // of one account at most
}

// An Output is a place where "jet refresh" puts credentials: one of the first three.
type Output struct {
	PasswordFile     string
	Dockercfg        string
	KubernetesSecret string // its name
	Line             int    // on which it begins, from 1

	// Registries are the names of accounts: one for a PasswordFile, else nil means all.
	Registries []string
	Namespaces []string // of the Secret; nil means the one that jet runs in
	Force      bool     // the Secret is taken over from another field manager

	Mode         fs.FileMode // of a file; 0600 if none is given
	Owner, Group string      // of a file, names or numbers; "" means those of the process
}

// An Error says what is wrong with a line. It quotes no value of the file.
type Error struct {
	Line    int // from 1; 0 if it is not known
	Problem string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Problem
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Problem)
}

// Errors are all that is wrong with a file, in the order of its lines.
type Errors []*Error

// Error gives the errors, one a line.
func (e Errors) Error() string {
	var lines []string
	for _, err := range e {
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the errors.
func (e Errors) Unwrap() []error {
	errs := make([]error, len(e))
	for i := range e {
		errs[i] = e[i]
	}
	return errs
}

// Of gives the accounts that a name is for: the one that is called so, else those
// at that address, in any spelling that dockercfg.NormalizeRegistry takes.
func (f *File) Of(name string) []Account {
	for _, a := range f.Accounts {
		if a.Name == name {
			return []Account{a}
		}
	}
	key, err := dockercfg.NormalizeRegistry(name)
	if err != nil {
		return nil
	}
	var at []Account
	for _, a := range f.Accounts {
		if a.Address == key {
			at = append(at, a)
		}
	}
	return at
}

// Default gives the account that is the default, or the only one.
func (f *File) Default() (Account, bool) { return theDefault(f.Accounts) }

// One gives the account that a name is for. Of several at one address it is the
// default one; if none is, ok is false.
func (f *File) One(name string) (a Account, ok bool) { return theDefault(f.Of(name)) }

func theDefault(among []Account) (Account, bool) {
	for _, a := range among {
		if a.Default {
			return a, true
		}
	}
	if len(among) == 1 {
		return among[0], true
	}
	return Account{}, false
}

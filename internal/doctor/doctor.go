// Package doctor looks at a folder as somebody from support would, and says what
// is wrong and what to type: the key, the encrypted files, what git has of them,
// Docker's configuration and its helpers, registry accounts, the clock, and known
// slips in services, steps and env files.
//
// It changes nothing, asks nobody over the network, and no finding holds a secret.
package doctor

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/projectkey"
	"github.com/dockercfg/jet/internal/worktree"
)

// Severity is how bad a finding is.
type Severity string

const (
	Problem Severity = "problem" // something does not work, or a secret is in the open
	Note    Severity = "note"    // worth knowing
)

// A Finding is one thing that is wrong.
type Finding struct {
	Name     string   `json:"name"` // stable, for scripts
	Severity Severity `json:"severity"`
	Path     string   `json:"path,omitempty"` // as one types it in the folder that was looked at; "" if it is about no file
	Line     int      `json:"line,omitempty"` // from 1; 0 if it is about all of the file
	Message  string   `json:"message"`        // a sentence, without the path
	Hints    []string `json:"hints"`          // what to do, with a command to type
}

// Options are what the doctor is told of the person and the machine.
type Options struct {
	Dir       string // "" for the current folder
	LookupEnv func(name string) (value string, ok bool)
	// FindKey looks the project key up. Its error may have advice; nil: there is
	// none, and none is missed.
	FindKey func(context.Context) (projectkey.Found, error)
	Require crypto.Format        // the weakest format that the person accepts, 0 for any
	Known   *generators.Registry // the backends, whose variables env files hold
	// DockerFolder is that of Docker's config.json; "" if there is none.
	DockerFolder string
	// FindHelper gives the paths of a docker-credential-NAME: those on PATH, in its
	// order, and one elsewhere, which Docker does not find.
	FindHelper func(name string) (onPath []string, elsewhere string)
	Now        func() time.Time // nil: time.Now
}

// Examination is what was looked at and what was found.
type Examination struct {
	Findings []Finding `json:"findings"`
	Looked   []string  `json:"-"` // at what, for people
}

// Problems counts the findings that are more than notes.
func (e Examination) Problems() int {
	n := 0
	for _, f := range e.Findings {
		if f.Severity == Problem {
			n++
		}
	}
	return n
}

// advised is an error that knows what to do.
type advised interface{ Advice() []string }

// Examine looks at a folder, and at the project that it is in. An error says that
// this could not be done; whatever is wrong with the project is a finding.
func Examine(ctx context.Context, o Options) (Examination, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	dir, top, err := worktree.Top(o.Dir)
	if err != nil {
		return Examination{}, err
	}
	e := &examiner{Options: o, ctx: ctx, dir: dir, top: cmp.Or(top, dir), inGit: top != ""}
	for _, look := range []func() error{e.lookAtKey, e.lookAtGit, e.lookAtFiles, e.lookAtSharing, e.lookAtServices, e.lookAtDocker, e.lookAtAccounts, e.lookAtClock} {
		if err := look(); err != nil {
			return Examination{}, err
		}
		if err := ctx.Err(); err != nil {
			return Examination{}, err
		}
	}
	findings := e.found
	if findings == nil {
		findings = []Finding{}
	}
	slices.SortStableFunc(findings, func(a, b Finding) int { return strings.Compare(string(b.Severity), string(a.Severity)) }) // problems first
	return Examination{Findings: findings, Looked: e.looked}, nil
}

// examiner is an examination under way.
type examiner struct {
	Options
	ctx      context.Context
	dir, top string // without symbolic links
	inGit    bool

	key     projectkey.Found
	haveKey bool
	noKey   error // why there is none, if that is all that is wrong with it
	files   []worktree.File

	found  []Finding
	looked []string
}

// add adds a finding about a file, which is a path from the top or an absolute one, or
// about none.
func (e *examiner) add(s Severity, name, path string, line int, message string, hints ...string) {
	f := Finding{Name: name, Severity: s, Line: line, Message: message, Hints: hints}
	if path != "" {
		f.Path = e.typed(path)
	}
	if !slices.ContainsFunc(e.found, func(o Finding) bool { return same(o, f) }) {
		e.found = append(e.found, f)
	}
}

func same(a, b Finding) bool {
	return a.Name == b.Name && a.Path == b.Path && a.Line == b.Line && a.Message == b.Message
}

// typed gives a path as it is typed in the folder that is looked at.
func (e *examiner) typed(path string) string {
	full := filepath.FromSlash(path)
	if !filepath.IsAbs(full) {
		full = filepath.Join(e.top, full)
	}
	if short, err := filepath.Rel(e.dir, full); err == nil && len(short) <= len(full) {
		return short
	}
	return full
}

// adviceOf gives what an error says to do.
func adviceOf(err error) []string {
	for ; err != nil; err = unwrap(err) {
		if a, ok := err.(advised); ok && len(a.Advice()) > 0 {
			return a.Advice()
		}
	}
	return nil
}

func unwrap(err error) error {
	if w, ok := err.(interface{ Unwrap() error }); ok {
		return w.Unwrap()
	}
	return nil
}

// listed joins words for people.
func listed(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = fmt.Sprintf("%q", word)
	}
	return strings.Join(quoted, ", ")
}

// count writes a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

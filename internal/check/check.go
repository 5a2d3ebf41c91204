// Package check finds what must not be in a project whose encrypted files are kept
// in git: keys and secrets in the open, and encrypted files that are useless.
//
// What is judged is what git has, or would have after "git add": versions of files
// in the index, in the work tree, in commits. Nothing is changed, nothing is asked
// of the network, and no finding holds a secret or a part of one. docs/check.md
// describes the rules.
package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/git"
	"github.com/dockercfg/jet/internal/worktree"
)

// Options say what to judge.
type Options struct {
	// Dir is a folder of the project; "" is the current one. All of the project is
	// judged: the git work tree around Dir, or Dir and what is below if it is in none.
	Dir string
	// Paths, from Dir, limit what is judged to these files and folders; nil for all.
	Paths []string
	// Staged judges what the next commit changes, as it stands in the index, instead
	// of the index and the work tree.
	Staged bool
	// History also looks for keys in all commits that a ref leads to.
	History bool
	// Key gives the project key. It is called at most once, and while Staged is set
	// only if the answer matters. Its error wraps ErrNoKey if there is none, and the
	// rules that need one are then skipped; nil is the same as that.
	Key func(context.Context) (crypto.Key, error)
}

// A Report is the outcome of a check.
type Report struct {
	Top      string    `json:"-"`     // the folder that paths count from, without symbolic links
	Git      bool      `json:"git"`   // it is a git work tree
	Files    int       `json:"files"` // how many files there are, of those that were asked for
	Commits  int       `json:"commits,omitempty"`
	Findings []Finding `json:"findings"` // by path
	Allowed  []Allowed `json:"allowed"`  // what AllowFile accepts, by path
	Skipped  []Skipped `json:"skipped"`
	Notes    []string  `json:"notes,omitempty"` // what else was not judged, a sentence each

	dir string // that was asked about, without symbolic links
}

// Typed gives a path of a finding as it counts from the folder that was asked about.
func (r *Report) Typed(path string) string {
	full := filepath.Join(r.Top, filepath.FromSlash(path))
	if relative, err := filepath.Rel(r.dir, full); err == nil {
		return relative
	}
	return full
}

// Allowed is a finding that AllowFile accepts.
type Allowed struct {
	Finding
	Allowance Allowance `json:"allowance"`
}

// Skipped is a rule that was not applied, or not in full.
type Skipped struct {
	Rule string `json:"rule"`
	Why  string `json:"why"`
}

// ErrNoRepository: what was asked for needs a git work tree, or the git program.
var ErrNoRepository = errors.New("there is no git work tree")

// Run checks a project. It fails if something cannot be judged that should be: git
// fails, a file cannot be read, AllowFile is faulty (an *AllowError), a path does
// not exist (fs.ErrNotExist), the key is there and cannot be had.
func Run(ctx context.Context, o Options) (*Report, error) {
	c := &checker{Options: o, ctx: ctx, keys: keyring{lookUp: o.Key}}
	if err := c.open(); err != nil {
		return nil, err
	}
	steps := []func() error{c.collect}
	if o.History {
		steps = append(steps, c.history)
	}
	for _, step := range steps {
		if err := step(); err != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return nil, err
		}
	}
	return c.report(), nil
}

// A checker is a check under way.
type checker struct {
	Options
	ctx  context.Context
	dir  string // without symbolic links
	top  string
	repo *git.Repository // nil without git
	only []string        // the paths that are judged, from the top with slashes; nil for all
	keys keyring
	say  *speaker

	allowances []Allowance
	files      int
	commits    int
	notes      []string

	lock  sync.Mutex // of these two
	found []Finding
	known map[identity]int // positions in found
}

// open finds out where the project is and whether git can be asked.
func (c *checker) open() error {
	dir, top, err := worktree.Top(c.Dir)
	if err != nil {
		return err
	}
	c.dir, c.top = dir, top
	if top != "" {
		if _, err := exec.LookPath("git"); err == nil {
			c.repo = git.Open(top)
		} else {
			c.notes = append(c.notes, "git is not installed, so files that it ignores were judged too")
		}
	} else {
		c.top = dir
	}
	if c.repo == nil && (c.Staged || c.History) {
		return fmt.Errorf("%w in %q, or git is not installed", ErrNoRepository, dir)
	}
	c.say = &speaker{dir: c.dir, top: c.top, git: c.repo != nil, staged: c.Staged}
	for _, named := range c.Paths {
		path := named
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		// The folder alone is resolved: a link is judged as one.
		if parent, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
			path = filepath.Join(parent, filepath.Base(path))
		}
		relative, err := filepath.Rel(c.top, path)
		if err != nil || relative == ".." || strings.HasPrefix(relative, ".."+string(filepath.Separator)) {
			return fmt.Errorf("%q is not in the project %q", named, c.top)
		}
		c.only = append(c.only, filepath.ToSlash(relative))
	}
	return nil
}

// judges reports whether a path is among those that were asked for.
func (c *checker) judges(path string) bool {
	if c.only == nil {
		return true
	}
	return slices.ContainsFunc(c.only, func(only string) bool {
		return only == "." || path == only || strings.HasPrefix(path, only+"/")
	})
}

// exist fails for a path that was asked for and is nowhere.
func (c *checker) exist(known map[string]bool) error {
	for i, only := range c.only {
		if _, err := os.Lstat(filepath.Join(c.top, filepath.FromSlash(only))); err == nil || known[only] {
			continue
		}
		folder := false
		for path := range known {
			folder = folder || strings.HasPrefix(path, only+"/")
		}
		if !folder {
			return &fs.PathError{Op: "check", Path: c.Paths[i], Err: fs.ErrNotExist}
		}
	}
	return nil
}

// add takes findings in. One that is known already from the index is not repeated
// for the work tree.
func (c *checker) add(findings ...Finding) {
	c.lock.Lock()
	defer c.lock.Unlock()
	for _, f := range findings {
		id := identity{f.Rule, f.Path, f.Commit}
		at, known := c.known[id]
		switch {
		case !known:
			if c.known == nil {
				c.known = make(map[identity]int)
			}
			c.known[id] = len(c.found)
			c.found = append(c.found, f)
		case f.Place == InIndex:
			c.found[at] = f
		}
	}
}

// An identity tells findings apart; those in the history alone have a commit.
type identity struct{ rule, path, commit string }

// report sorts out what was found.
func (c *checker) report() *Report {
	r := &Report{
		Top: c.top, Git: c.repo != nil, Files: c.files, Commits: c.commits, Notes: c.notes,
		Findings: []Finding{}, Allowed: []Allowed{}, Skipped: []Skipped{}, dir: c.dir,
	}
	used := make([]bool, len(c.allowances))
	for _, f := range c.found {
		allowed := -1
		for i, a := range c.allowances {
			if a.Rule == f.Rule && a.allows(f.Path) {
				used[i] = true
				if allowed < 0 {
					allowed = i
				}
			}
		}
		if allowed < 0 {
			r.Findings = append(r.Findings, f)
		} else {
			r.Allowed = append(r.Allowed, Allowed{f, c.allowances[allowed]})
		}
	}
	noKey := c.keys.missed()
	for i, a := range c.allowances {
		rule, _ := RuleNamed(a.Rule)
		// Only a check of everything can tell that there is nothing to allow.
		if !used[i] && !c.Staged && c.only == nil && !(rule.NeedsKey && noKey) && (a.Rule != KeyInGit || c.History && !noKey) {
			v := &version{path: AllowFile, place: InWorkTree}
			f := c.say.finding(v, StaleAllowance, fmt.Sprintf("nothing is found that it allows: %s %s", a.Rule, a.Pattern),
				fmt.Sprintf(`"jet check" without line %d of %s finds the same`, a.Line, c.say.typed(AllowFile)))
			f.Line = a.Line
			r.Findings = append(r.Findings, f)
		}
	}
	if noKey {
		for _, rule := range rules {
			if rule.NeedsKey {
				r.Skipped = append(r.Skipped, Skipped{rule.Name, c.keys.err.Error()})
			}
		}
		if c.repo != nil {
			r.Skipped = append(r.Skipped, Skipped{KeyInGit, "in files that are not named *.aes: " + ErrNoKey.Error()})
		}
	}
	if c.repo == nil {
		r.Skipped = append(r.Skipped, Skipped{KeyInGit, ErrNoRepository.Error()})
	}
	order := func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), weight(a.Rule)-weight(b.Rule), strings.Compare(a.Commit, b.Commit))
	}
	slices.SortStableFunc(r.Findings, order)
	slices.SortStableFunc(r.Allowed, func(a, b Allowed) int { return order(a.Finding, b.Finding) })
	return r
}

// weight is the place of a rule in the order of the rules.
func weight(rule string) int {
	return slices.IndexFunc(rules[:], func(r Rule) bool { return r.Name == rule })
}

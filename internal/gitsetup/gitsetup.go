// Package gitsetup teaches a git repository to compare and merge encrypted files
// and to check commits: in its configuration, in .gitattributes and in the
// pre-commit hook. What it puts there it can take out again, to the byte.
package gitsetup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/dockercfg/jet/internal/shellword"
	"github.com/dockercfg/jet/internal/worktree"
)

// A Request says what is to be done.
type Request struct {
	Dir    string // a folder in the work tree; "" for the current one
	NoHook bool   // leave the pre-commit hook alone
	DryRun bool   // change nothing, and tell what would change

	// Program is the path of jet, for git to run; it need not be on PATH then.
	Program string
}

// Change is what was changed, a few words each, and what is left for people to do.
type Change struct {
	Done    []string
	Notices []string
}

func (c *Change) done(format string, args ...any) {
	c.Done = append(c.Done, fmt.Sprintf(format, args...))
}
func (c *Change) notice(format string, args ...any) {
	c.Notices = append(c.Notices, fmt.Sprintf(format, args...))
}

// repository is a git repository with a work tree.
type repository struct {
	Request
	ctx    context.Context
	top    string // of the work tree
	change *Change
}

// ErrNoWorkTree: there is no git work tree around the folder.
var ErrNoWorkTree = errors.New("not inside the work tree of a git repository")

func open(ctx context.Context, r Request) (*repository, error) {
	_, top, err := worktree.Top(r.Dir)
	if err != nil {
		return nil, err
	}
	if top == "" {
		return nil, ErrNoWorkTree
	}
	repo := &repository{Request: r, ctx: ctx, top: top, change: new(Change)}
	_, err = repo.git("rev-parse", "--git-dir") // that git is there, and takes it for a repository too
	return repo, err
}

// Install sets a repository up. What is set up already stays as it is. The error
// says what stands in the way; what was changed before it stays changed, and does
// no harm.
func Install(ctx context.Context, r Request) (*Change, error) {
	repo, err := open(ctx, r)
	if err != nil {
		return nil, err
	}
	if shellword.Quote(r.Program) == shellword.Untypeable {
		return nil, fmt.Errorf("the path of jet cannot be written in a configuration: %q", r.Program)
	}
	if err := repo.installConfig(); err != nil {
		return repo.change, err
	}
	if err := repo.installAttributes(); err != nil {
		return repo.change, err
	}
	if r.NoHook {
		return repo.change, nil
	}
	return repo.change, repo.installHook()
}

// Uninstall takes out what Install put in.
func Uninstall(ctx context.Context, r Request) (*Change, error) {
	repo, err := open(ctx, r)
	if err != nil {
		return nil, err
	}
	return repo.change, errors.Join(repo.uninstallHook(), repo.uninstallAttributes(), repo.uninstallConfig())
}

// git gives what a git command prints, at the top of the work tree.
func (r *repository) git(args ...string) ([]byte, error) {
	out, err := worktree.Git(r.ctx, r.top, args...).Output()
	return bytes.TrimRight(out, "\r\n"), worktree.GitError(err)
}

// config gives a value of the repository's own configuration, "" for none.
func (r *repository) config(key string) (string, error) {
	out, err := r.git("config", "--local", "--get", key)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return "", nil
	}
	return string(out), err
}

func (r *repository) setConfig(key, value string) error {
	if r.DryRun {
		return nil
	}
	_, err := r.git("config", "--local", key, value)
	return err
}

func (r *repository) unsetConfig(key string) error {
	value, err := r.config(key)
	if err != nil || value == "" || r.DryRun {
		return err
	}
	_, err = r.git("config", "--local", "--unset", key)
	return err
}

// A setting is one of git's that names jet.
type setting struct {
	key, value string
	mark       string // which tells a value of ours, whatever the path of jet was
}

func (r *repository) settings() []setting {
	program := shellword.Quote(filepath.ToSlash(r.Program))
	return []setting{
		{"diff.jet.textconv", program + " git textconv", " git textconv"},
		{"merge.jet.name", "encrypted files, by jet", "by jet"},
		// git itself puts %P into quotes.
		{"merge.jet.driver", program + " git merge-driver %O %A %B %P --marker-size %L", " git merge-driver "},
	}
}

// A TakenError says that something else stands where a setting belongs.
type TakenError struct {
	Key, Value string
}

func (e *TakenError) Error() string {
	return fmt.Sprintf("%s in the repository's configuration is %q already, which is not jet's", e.Key, e.Value)
}

func (r *repository) installConfig() error {
	for _, s := range r.settings() {
		switch have, err := r.config(s.key); {
		case err != nil:
			return err
		case have == s.value:
			continue
		case have != "" && !strings.Contains(have, s.mark):
			return &TakenError{s.key, have}
		}
		if err := r.setConfig(s.key, s.value); err != nil {
			return err
		}
		r.change.done("set %s in the repository's configuration", s.key)
	}
	return nil
}

func (r *repository) uninstallConfig() error {
	for _, s := range r.settings() {
		have, err := r.config(s.key)
		if err != nil {
			return err
		}
		if have == "" || !strings.Contains(have, s.mark) {
			continue
		}
		if err := r.unsetConfig(s.key); err != nil {
			return err
		}
		r.change.done("removed %s from the repository's configuration", s.key)
	}
	return nil
}

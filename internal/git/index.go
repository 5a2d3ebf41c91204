// Package git tells what the index and the history of a repository hold, through
// the plumbing of the git program. It changes nothing and fetches nothing.
package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/dockercfg/jet/internal/worktree"
)

// A Repository is the one around a work tree. The environment has no say in that,
// but for GIT_INDEX_FILE, in which git tells a hook what is about to be committed.
type Repository struct {
	top   string
	index string // the index to look at; "" for the work tree's own
}

// Open gives the repository of the work tree with this top.
func Open(top string) *Repository {
	r := &Repository{top: top}
	// A relative name counts from the top of the work tree whose hook runs. Where that
	// is another one (the hook went into a submodule) it names nothing.
	if index := os.Getenv("GIT_INDEX_FILE"); index != "" {
		if !filepath.IsAbs(index) {
			index = filepath.Join(top, index)
		}
		if _, err := os.Stat(index); err == nil {
			r.index = index
		}
	}
	return r
}

// command is git in the work tree.
func (r *Repository) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := worktree.Git(ctx, r.top, args...)
	cmd.Env = append(cmd.Env,
		"GIT_OPTIONAL_LOCKS=0",     // the index is not refreshed on disk
		"GIT_NO_REPLACE_OBJECTS=1", // a replaced commit is still there
		"GIT_NO_LAZY_FETCH=1",      // of git 2.45 and later
		"GIT_ALLOW_PROTOCOL=none",  // and of older ones
	)
	if r.index != "" {
		cmd.Env = append(cmd.Env, "GIT_INDEX_FILE="+r.index)
	}
	return cmd
}

// output runs git and gives what it prints.
func (r *Repository) output(ctx context.Context, args ...string) ([]byte, error) {
	out, err := r.command(ctx, args...).Output()
	return out, failure(ctx, args, err)
}

// failure makes an error of a git command say which one it was, and what git said.
func failure(ctx context.Context, args []string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("git %s: %w", args[0], worktree.GitError(err))
}

// Mode is what an entry of the index or of a commit is.
type Mode string

// The modes that git has, in octal (gitformat-index(5)).
const (
	Regular    Mode = "100644"
	Executable Mode = "100755"
	Symlink    Mode = "120000"
	Submodule  Mode = "160000"
)

// IsFile reports whether there is a content of its own behind the entry.
func (m Mode) IsFile() bool { return m == Regular || m == Executable }

// An Entry is a path in the index.
type Entry struct {
	Path   string // from the top, with slashes
	Mode   Mode
	Object string // the hash of the blob
	// Unmerged: one of up to three versions of a path in conflict.
	Unmerged bool
	// Unwatched: git was told not to look at the file in the work tree
	// (--assume-unchanged, or --skip-worktree as in a sparse checkout), so that one
	// says nothing about the index.
	Unwatched bool
}

var errOutput = errors.New("the output is not understood")

// Entries gives the index in its order, that of the bytes of the paths.
func (r *Repository) Entries(ctx context.Context) ([]Entry, error) {
	args := []string{"ls-files", "-v", "--stage", "-z"}
	out, err := r.output(ctx, args...)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, bytes.Count(out, []byte{0}))
	for record := range records(out) {
		// TAG MODE OBJECT STAGE<TAB>PATH; a lower-case tag is --assume-unchanged, S is --skip-worktree.
		head, path, found := strings.Cut(record, "\t")
		fields := strings.Fields(head)
		if !found || len(fields) != 4 {
			return nil, failure(ctx, args, errOutput)
		}
		tag := fields[0]
		entries = append(entries, Entry{
			Path: path, Mode: Mode(fields[1]), Object: fields[2],
			Unmerged:  fields[3] != "0",
			Unwatched: tag == "S" || tag == strings.ToLower(tag) && tag != "?",
		})
	}
	return entries, nil
}

// records cuts what git ends with NUL.
func records(out []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for record := range bytes.SplitAfterSeq(out, []byte{0}) {
			if len(record) > 0 && !yield(string(bytes.TrimSuffix(record, []byte{0}))) {
				return
			}
		}
	}
}

// A change is a line of what git calls the raw format (git-diff-index(1), "Raw
// output format"), without the old side.
type change struct {
	mode   Mode
	object string
	status byte // A, D, M, T or U
	path   string
}

// changes reads the raw format.
func changes(out []byte) ([]change, error) {
	var all []change
	next, stop := iter.Pull(records(out))
	defer stop()
	for {
		head, more := next()
		if !more {
			return all, nil
		}
		path, more := next()
		// :OLDMODE MODE OLDOBJECT OBJECT STATUS
		fields := strings.Fields(head)
		if !more || len(fields) != 5 || !strings.HasPrefix(head, ":") {
			return nil, errOutput
		}
		all = append(all, change{Mode(fields[1]), fields[3], fields[4][0], path})
	}
}

// rawFormat are the arguments that give what changes reads.
var rawFormat = [...]string{"--raw", "-z", "--no-renames", "--no-abbrev", "--ignore-submodules=dirty"}

// Staged gives the entries of the index that the next commit changes or adds: with
// its old name gone, a file that was renamed is one that is new. What is only
// intended to be added is not among them, nor what is in conflict.
func (r *Repository) Staged(ctx context.Context) ([]Entry, error) {
	head, err := r.head(ctx)
	if err != nil {
		return nil, err
	}
	args := append([]string{"diff-index", "--cached", "--ita-invisible-in-index"}, rawFormat[:]...)
	out, err := r.output(ctx, append(args, head)...)
	if err != nil {
		return nil, err
	}
	staged, err := changes(out)
	if err != nil {
		return nil, failure(ctx, args, err)
	}
	var entries []Entry
	for _, c := range staged {
		if c.status != 'D' && c.status != 'U' {
			entries = append(entries, Entry{Path: c.path, Mode: c.mode, Object: c.object})
		}
	}
	return entries, nil
}

// head gives what the next commit is compared with: the tree of the last one, and
// before the first one a tree without files.
func (r *Repository) head(ctx context.Context) (string, error) {
	out, err := r.output(ctx, "rev-parse", "--quiet", "--verify", "HEAD^{tree}")
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 {
		out, err = r.output(ctx, "hash-object", "-t", "tree", "--stdin")
	}
	return string(bytes.TrimSpace(out)), err
}

// A Difference is how the file in the work tree stands to the index.
type Difference int

const (
	Modified Difference = iota + 1 // it has another content or is something else, or git could not tell in time
	Missing                        // there is no file
	Intended                       // the index holds its name alone (git add --intent-to-add)
)

// Differences gives the paths of the index whose file in the work tree is not, or
// may not be, what the index has.
func (r *Repository) Differences(ctx context.Context) (map[string]Difference, error) {
	args := append([]string{"diff-files"}, rawFormat[:]...)
	out, err := r.output(ctx, args...)
	if err != nil {
		return nil, err
	}
	all, err := changes(out)
	if err != nil {
		return nil, failure(ctx, args, err)
	}
	differences := make(map[string]Difference, len(all))
	for _, c := range all {
		switch c.status {
		case 'D':
			differences[c.path] = Missing
		case 'A':
			differences[c.path] = Intended
		default:
			differences[c.path] = Modified
		}
	}
	return differences, nil
}

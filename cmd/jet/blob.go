package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/dockercfg/jet/internal/process"
	"github.com/dockercfg/jet/internal/worktree"
)

// blobs are the versions that git has of a file.
type blobs struct {
	path string // as the command line has it
}

// revision is how a commit is called, "" for HEAD.
func (blobs) revision(rev string) string {
	if rev == "" {
		return "HEAD"
	}
	return rev
}

// committed gives the version in a commit, "" for HEAD.
func (b blobs) committed(ctx context.Context, rev string) (*snapshot, error) {
	shown := b.revision(rev)
	v := &snapshot{name: shown + ":" + filepath.ToSlash(b.path), path: b.path, absent: true}
	out, err := b.git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", shown+"^{commit}")
	if err != nil {
		if _, outside := b.git(ctx, "rev-parse", "--git-dir"); outside != nil {
			return nil, fmt.Errorf("git has no versions of %q: %w", b.path, outside)
		}
		if rev == "" {
			return v, nil // there is no commit yet
		}
		return nil, fail("git knows no commit %q", rev).hint(`"git log --oneline --all" lists commits`)
	}
	commit := string(bytes.TrimSpace(out))
	listed, err := b.git(ctx, "ls-tree", "-z", commit, "--", "./"+filepath.Base(b.path))
	if err != nil {
		return nil, err
	}
	fields, _, _ := strings.Cut(string(listed), "\t") // MODE TYPE OBJECT, a tab and the path
	words := strings.Fields(fields)
	switch {
	case len(words) != 3:
		return v, nil
	case words[1] != "blob":
		return nil, fail("%s is a %s, not a file", v.name, words[1])
	}
	v.absent = false
	v.raw, err = b.blob(ctx, words[2])
	return v, err
}

// staged gives the version in the index.
func (b blobs) staged(ctx context.Context) (*snapshot, error) {
	stages, err := b.stages(ctx)
	if err != nil {
		return nil, err
	}
	v := &snapshot{name: "index:" + filepath.ToSlash(b.path), path: b.path, absent: true}
	object, ok := stages[0]
	switch {
	case ok:
		v.absent = false
		v.raw, err = b.blob(ctx, object)
	case len(stages) > 0:
		err = fail("%q is in conflict, so that nothing of it is staged", b.path).
			hint("\"jet merge " + shellWord(b.path) + "\" settles that")
	}
	return v, err
}

// stages gives the objects that the index has for the file, by their stage: 0, or
// in a conflict 1 (the common ancestor), 2 (ours) and 3 (theirs).
func (b blobs) stages(ctx context.Context) (map[int]string, error) {
	out, err := b.git(ctx, "ls-files", "--stage", "-z", "--", "./"+filepath.Base(b.path))
	if err != nil {
		return nil, fmt.Errorf("git has no versions of %q: %w", b.path, err)
	}
	stages := make(map[int]string)
	for record := range strings.SplitSeq(string(out), "\x00") {
		// MODE OBJECT STAGE, a tab and the path.
		fields, path, _ := strings.Cut(record, "\t")
		words := strings.Fields(fields)
		if len(words) != 3 || path != filepath.Base(b.path) {
			continue // the path of a folder has those of its files
		}
		stages[int(words[2][0]-'0')] = words[1]
	}
	return stages, nil
}

// inConflict reports whether git holds the file for a conflict.
func inConflict(ctx context.Context, path string) bool {
	if _, top, err := worktree.Top(filepath.Dir(path)); err != nil || top == "" {
		return false
	}
	stages, err := blobs{path}.stages(ctx)
	return err == nil && (stages[2] != "" || stages[3] != "")
}

// blob gives what is in an object.
func (b blobs) blob(ctx context.Context, object string) ([]byte, error) {
	content := process.Bounded{Limit: maxWhole}
	cmd := worktree.Git(ctx, filepath.Dir(b.path), "cat-file", "blob", object)
	cmd.Stdout = &content
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	if content.Full() {
		return nil, fail("%q: a version of it is over %d MiB long", b.path, maxWhole>>20)
	}
	return content.Bytes(), nil
}

// git runs git in the folder of the file.
func (b blobs) git(ctx context.Context, args ...string) ([]byte, error) {
	cmd := worktree.Git(ctx, filepath.Dir(b.path), append([]string{"--literal-pathspecs"}, args...)...)
	cmd.Stdin = strings.NewReader("")
	out, err := cmd.Output()
	return out, worktree.GitError(err)
}

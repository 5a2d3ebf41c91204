package worktree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Tracks reports whether git tracks what stands at path, under this name or
// under another one that means the same file, as it can where the case of letters
// does not count. Where the index plainly knows no such name, which takes a look
// at it and no more, the git program is not asked.
func Tracks(ctx context.Context, path string) (bool, error) {
	dir, name := filepath.Split(path)
	physical, top, err := Top(dir)
	if err != nil || top == "" {
		return false, err
	}
	for _, name := range spellings(physical, name) {
		if tracked, err := tracks(ctx, top, physical, name); err != nil || tracked {
			return tracked, err
		}
	}
	return false, nil
}

// Ignores reports whether git leaves what stands at path out of what it adds, or
// would if it did not track it. Outside of a work tree that is an error.
//
// git check-ignore refuses --literal-pathspecs; "./" takes the meaning from ":",
// and wildcards have none without the index.
func Ignores(ctx context.Context, path string) (bool, error) {
	dir, name := filepath.Split(path)
	physical, _, err := Top(dir)
	if err != nil {
		return false, err
	}
	_, err = Git(ctx, physical, "check-ignore", "--no-index", "-q", "--", "./"+name).Output()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		return false, nil
	}
	return false, GitError(err)
}

// spellings gives the names that a file is opened by: the one that is asked for,
// and the one that the folder has, which may be another one on macOS and Windows
// (for APFS "\u017f" is the letter s).
func spellings(dir, name string) []string {
	names := []string{name}
	if runtime.GOOS != "darwin" && runtime.GOOS != "windows" {
		return names
	}
	asked, err := os.Lstat(filepath.Join(dir, name))
	if err != nil {
		return names
	}
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && entry.Name() != name && os.SameFile(info, asked) {
			names = append(names, entry.Name())
		}
	}
	return names
}

// tracks asks about one spelling, in any case of letters.
func tracks(ctx context.Context, top, dir, name string) (bool, error) {
	if may, err := indexMayHold(top, name); err != nil || !may {
		return false, err
	}
	out, err := Git(ctx, dir, "ls-files", "-z", "--", ":(icase,literal)"+name).Output()
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		return false, fmt.Errorf("git ls-files: %w", GitError(err))
	}
	asked, missing := os.Lstat(filepath.Join(dir, name))
	for tracked := range strings.SplitSeq(string(out), "\x00") {
		if tracked == name {
			return true, nil
		}
		info, err := os.Lstat(filepath.Join(dir, tracked))
		if tracked != "" && missing == nil && err == nil && os.SameFile(info, asked) {
			return true, nil
		}
	}
	return false, nil
}

// indexMayHold reports whether the index of a work tree may hold a file of that
// name, in any case of letters. Paths in an index end in a zero byte; only
// version 4 and a split index do not have them whole (gitformat-index(5)).
func indexMayHold(top, name string) (bool, error) {
	repository, err := Repository(top)
	if err != nil {
		return false, err
	}
	index, err := os.ReadFile(filepath.Join(repository, "index"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil // nothing was ever added
	case err != nil:
		return false, err
	case name == "", len(index) < 8, index[7] > 3:
		return true, nil
	}
	entries, err := os.ReadDir(repository)
	if err != nil {
		return false, err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "sharedindex.") {
			return true, nil
		}
	}
	last := name[len(name)-1:]
	for _, last := range []string{strings.ToLower(last), strings.ToUpper(last)} {
		for rest := index; ; {
			i := bytes.Index(rest, []byte(last+"\x00"))
			if i < 0 {
				break
			}
			if start := i + 1 - len(name); start >= 0 && strings.EqualFold(string(rest[start:i+1]), name) {
				return true, nil
			}
			rest = rest[i+1:]
		}
	}
	return false, nil
}

// Repository gives the repository of the work tree with that top: the folder .git, or the one
// that a file of that name points to (gitrepository-layout(5)).
func Repository(top string) (string, error) {
	path := filepath.Join(top, ".git")
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return path, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	target, found := strings.CutPrefix(strings.TrimRight(string(text), "\r\n"), "gitdir: ")
	if !found {
		return "", fmt.Errorf("%q does not say where the repository is", path)
	}
	if target = filepath.FromSlash(target); !filepath.IsAbs(target) {
		target = filepath.Join(top, target)
	}
	return target, nil
}

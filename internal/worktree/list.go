package worktree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// A File is something in a project that is no folder: a file, a symbolic link
// (which was not followed), or a pipe.
type File struct {
	Path string      // from the folder that was listed, as the system writes it
	Info fs.FileInfo // of the file itself, or of the link
}

// A Listing is what stands in a folder and below, in the order of the paths.
type Listing struct {
	Files  []File
	Nested []string // folders that are repositories of their own (submodules, linked work trees, clones), which were not looked into
	Unread []error  // what could not be looked at, each a *fs.PathError with a path from the folder that was listed
}

// List gives the files in dir and below that git tracks and those that it would
// add: neither ignored ones nor what is tracked and gone. It asks the git program
// and fails without it. Where dir is in no work tree it is ListAll.
func List(ctx context.Context, dir string) (Listing, error) {
	physical, top, err := Top(dir)
	if err != nil {
		return Listing{}, err
	}
	if top == "" {
		return ListAll(ctx, physical, nil)
	}
	out, err := Git(ctx, physical, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if ctx.Err() != nil {
		return Listing{}, ctx.Err()
	}
	if err != nil {
		return Listing{}, fmt.Errorf("git ls-files: %w", GitError(err))
	}
	var l Listing
	folders := folders{physical: true}
	previous := ""
	for name := range strings.SplitSeq(string(out), "\x00") {
		if name == "" || name == previous {
			continue // the end; what is in conflict stands there up to three times
		}
		previous = name
		path := filepath.FromSlash(strings.TrimSuffix(name, "/"))
		full := filepath.Join(physical, path)
		if !folders.hold(filepath.Dir(full)) {
			continue // a link stands now where git knows a folder
		}
		switch info, err := os.Lstat(full); {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		case err != nil:
			l.Unread = append(l.Unread, relative(err, path))
		case info.IsDir():
			l.Nested = append(l.Nested, path)
		default:
			l.Files = append(l.Files, File{path, info})
		}
	}
	l.sort()
	return l, nil
}

func (l Listing) sort() {
	slices.SortFunc(l.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
}

// folders remembers which paths are folders, reached without symbolic links.
type folders map[string]bool

func (f folders) hold(path string) bool {
	is, known := f[path]
	if !known {
		info, err := os.Lstat(path)
		is = err == nil && info.IsDir() && f.hold(filepath.Dir(path))
		f[path] = is
	}
	return is
}

// ListAll gives all files in dir and below, also those that git ignores, but for
// the folders .git and what skip says; nil skips nothing. It needs no git.
func ListAll(ctx context.Context, dir string, skip func(path string) bool) (Listing, error) {
	physical, err := filepath.Abs(dir)
	if err == nil {
		physical, err = filepath.EvalSymlinks(physical)
	}
	if err != nil {
		return Listing{}, err
	}
	var l Listing
	err = filepath.WalkDir(physical, func(full string, entry fs.DirEntry, problem error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		path, err := filepath.Rel(physical, full)
		if err != nil {
			return err
		}
		if problem == nil && full != physical {
			switch {
			case entry.Name() == ".git", skip != nil && skip(path):
				if entry.IsDir() {
					return fs.SkipDir
				}
				return nil
			case entry.IsDir():
				if _, err := os.Lstat(filepath.Join(full, ".git")); err == nil {
					l.Nested = append(l.Nested, path)
					return fs.SkipDir
				}
				return nil
			}
			var info fs.FileInfo
			if info, problem = entry.Info(); problem == nil {
				l.Files = append(l.Files, File{path, info})
			}
		}
		if problem != nil && !errors.Is(problem, fs.ErrNotExist) { // what is gone meanwhile is gone
			l.Unread = append(l.Unread, relative(problem, path))
		}
		return nil
	})
	l.sort()
	return l, err
}

// relative makes an error of the system's name a path from the folder that is listed.
func relative(err error, path string) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return &fs.PathError{Op: p.Op, Path: path, Err: p.Err}
	}
	return err
}

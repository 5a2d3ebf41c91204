// Package worktree finds the git work tree that a folder is in, and the files in
// it. Only List needs the git program.
package worktree

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Top gives dir without symbolic links, as git sees it, and the top of the git
// work tree it is in; "" for none. The folder .git is not in the work tree.
func Top(dir string) (physical, top string, err error) {
	physical, err = filepath.Abs(dir)
	if err == nil {
		physical, err = filepath.EvalSymlinks(physical)
	}
	if err != nil {
		return "", "", err
	}
	for d := physical; filepath.Base(d) != ".git"; d = filepath.Dir(d) {
		// A file in linked work trees and submodules, else a folder.
		if _, err := os.Lstat(filepath.Join(d, ".git")); err == nil {
			return physical, d, nil
		}
		if d == filepath.Dir(d) {
			break
		}
	}
	return physical, "", nil
}

// Folders gives the folders in which a file of the project may stand, from dir up
// to the top of its work tree; dir alone if it is in none.
func Folders(dir string) ([]string, error) {
	physical, top, err := Top(dir)
	if err != nil {
		return nil, err
	}
	folders := []string{physical}
	for d := physical; top != "" && d != top; {
		d = filepath.Dir(d)
		folders = append(folders, d)
	}
	return folders, nil
}

// Nearest gives the path of the file of that name in dir, else in the nearest
// folder above it that has one, as Folders has them; "" for none.
func Nearest(dir, name string) (string, error) {
	folders, err := Folders(dir)
	if err != nil {
		return "", err
	}
	for _, folder := range folders {
		path := filepath.Join(folder, name)
		// Something that cannot be looked at is there, and reading it says what is wrong.
		if _, err := os.Lstat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	return "", nil
}

// Package worktree finds the git work tree that a folder is in, without git.
package worktree

import (
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

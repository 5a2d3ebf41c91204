package tokencache

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Folder gives the folder of this user's cache, which need not be there.
func Folder() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "jet", "tokens"), nil
}

// isOurs reports whether a file has the name of one of ours, or of one that somebody who
// was killed was about to write.
func isOurs(file fs.DirEntry) bool {
	name := strings.TrimPrefix(file.Name(), ".")
	if len(name) < 2*sha256.Size || strings.Trim(name[:2*sha256.Size], "0123456789abcdef") != "" || file.IsDir() {
		return false
	}
	end := name[2*sha256.Size:]
	return end == fileEnd || end == lockEnd || strings.HasPrefix(end, fileEnd+".")
}

// tidy removes what is too old to be used. Nobody minds if it fails.
func (c *Cache) tidy() {
	dir, err := os.Open(c.Folder)
	if err != nil {
		return
	}
	entries, _ := dir.ReadDir(maxTidied)
	dir.Close()
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !isOurs(entry) || c.time().Sub(info.ModTime()) < maxAge {
			continue
		}
		path := filepath.Join(c.Folder, entry.Name())
		if filepath.Ext(path) == lockEnd {
			removeLock(path)
		} else {
			os.Remove(path)
		}
	}
}

// Clear removes all files of a cache, and reports how many tokens that were. A command
// that asks for one at the moment may still leave it.
func Clear(folder string) (tokens int, err error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		if !isOurs(entry) {
			continue
		}
		if filepath.Ext(path) == lockEnd {
			removeLock(path)
			continue
		}
		if e := os.Remove(path); e != nil {
			err = errors.Join(err, e)
		} else if filepath.Ext(path) == fileEnd {
			tokens++
		}
	}
	return tokens, err
}

// Count gives how many tokens are kept in a folder, good or not.
func Count(folder string) (tokens int, err error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	for _, entry := range entries {
		if isOurs(entry) && filepath.Ext(entry.Name()) == fileEnd {
			tokens++
		}
	}
	return tokens, err
}

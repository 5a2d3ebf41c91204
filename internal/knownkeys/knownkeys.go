// Package knownkeys remembers the keys of work trees in the user's configuration,
// where nobody who can write to a repository gets at it: fingerprints, and one half
// of a key that the credential store has the other half of, but never a key.
package knownkeys

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/worktree"
)

// Record is what is remembered of one work tree. There is a file for each, so
// that two programs that remember at once do not undo each other's work.
type Record struct {
	WorkTree string `json:"workTree"` // its top, without symbolic links
	// Keys are the fingerprints of its keys by the folder that they stand in, from
	// the top and with slashes, "." for the top itself. Mostly there is but one.
	Keys map[string]string `json:"keys"`
	// Stored is the key that the credential store has for the work tree, nil for none.
	Stored *Stored `json:"stored,omitempty"`
}

// Stored says where one half of a key is, and holds the other: see package storedkey.
type Stored struct {
	Helper      string `json:"helper"` // docker-credential-HELPER
	Fingerprint string `json:"fingerprint"`
	Half        string `json:"half"`
}

// Place gives the work tree that a folder is in and the folder from its top, as
// Record has them. Outside of a work tree the folder is one by itself.
func Place(dir string) (workTree, folder string, err error) {
	physical, top, err := worktree.Top(dir)
	if err != nil {
		return "", "", err
	}
	if top == "" {
		top = physical
	}
	folder, err = filepath.Rel(top, physical)
	return top, filepath.ToSlash(folder), err
}

// Load gives what is remembered of a work tree, the empty Record for nothing. A
// file that is no record is an error.
func Load(workTree string) (Record, error) {
	r := Record{WorkTree: workTree}
	path, err := r.file()
	if err != nil {
		return r, nil // a user without a configuration remembers nothing
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
		if err == nil && r.WorkTree != workTree {
			err = fmt.Errorf("it is about %q", r.WorkTree)
		}
	}
	if err != nil {
		return Record{WorkTree: workTree}, fmt.Errorf("what is remembered of the keys of %q: %q: %w", workTree, path, cause(err))
	}
	return r, nil
}

// Knows reports whether the fingerprint is that of the key in the folder, or, if
// none is remembered for that, of one in another folder.
func (r Record) Knows(folder, fingerprint string) bool {
	if known, ok := r.Keys[folder]; ok {
		return known == fingerprint
	}
	return slices.Contains(slices.Collect(maps.Values(r.Keys)), fingerprint)
}

// Fingerprints gives those of which Knows took the one that it wants.
func (r Record) Fingerprints(folder string) []string {
	if known, ok := r.Keys[folder]; ok {
		return []string{known}
	}
	return slices.Compact(slices.Sorted(maps.Values(r.Keys)))
}

// Remember puts a fingerprint in the place of the one that the folder had.
func (r *Record) Remember(folder, fingerprint string) {
	if r.Keys == nil {
		r.Keys = make(map[string]string)
	}
	r.Keys[folder] = fingerprint
}

// Save writes the record, readable by the user alone.
func (r Record) Save() error {
	path, err := r.file()
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	_, err = outfile.WriteFile(path, append(text, '\n'), outfile.Private)
	return err
}

// ID names the work tree by 32 characters, without saying where it is.
func (r Record) ID() string {
	sum := sha256.Sum256([]byte(r.WorkTree))
	return hex.EncodeToString(sum[:16])
}

// file gives the path of a record.
func (r Record) file() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "jet", "work-trees", r.ID()+".json"), nil
}

// cause takes off the path that an error of the system names once more.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

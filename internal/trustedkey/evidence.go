package trustedkey

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/projectkey"
	"github.com/dockercfg/jet/internal/worktree"
)

// evidence tries the key on the output, and on the other encrypted files that it
// is for: those in its folder and below, but for folders with a key of their own.
// It reports whether any was opened, and one that was not. Files of the format
// unsigned tell nothing, nor do damaged ones.
func (r Request) evidence(ctx context.Context) (opened bool, closed string, err error) {
	if r.Output != "" && r.Output != "-" {
		switch r.opens(ctx, r.Output) {
		case yes:
			opened = true
		case no:
			return false, r.Output, nil
		}
	}
	dir := folder(r.Found.Path)
	listing, err := worktree.List(ctx, dir)
	if err != nil && ctx.Err() == nil { // there is no git
		listing, err = worktree.ListAll(ctx, dir, nil)
	}
	if err != nil {
		return false, "", err
	}
	for _, file := range listing.Files {
		if err := ctx.Err(); err != nil {
			return false, "", err
		}
		if !file.Info.Mode().IsRegular() {
			continue
		}
		path := filepath.Join(dir, file.Path)
		is := r.opens(ctx, path)
		if is == unknown || hasOtherKey(dir, file.Path) {
			continue
		}
		if is == no {
			return opened, path, nil
		}
		opened = true
	}
	return opened, "", nil
}

// hasOtherKey reports whether a folder between dir and the file at path, from
// there, has a key of its own.
func hasOtherKey(dir, path string) bool {
	for d := filepath.Dir(path); d != "."; d = filepath.Dir(d) {
		for _, name := range [...]string{projectkey.FileName, projectkey.SharedFileName} {
			if _, err := os.Lstat(filepath.Join(dir, d, name)); err == nil {
				return true
			}
		}
	}
	return false
}

type answer int

const (
	unknown answer = iota
	yes
	no
)

// opens tells whether the key is the one that a file is encrypted with.
func (r Request) opens(ctx context.Context, path string) answer {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return unknown
	}
	file, err := os.Open(path)
	if err != nil {
		return unknown
	}
	defer file.Close()
	// What is no encrypted file ends after its first bytes.
	_, err = crypto.Decrypt(io.Discard, reader{ctx, file}, r.Found.Key, crypto.WithHiddenOutput(), crypto.WithRequire(crypto.CodeshipV2))
	switch {
	case err == nil:
		return yes
	case errors.Is(err, crypto.ErrWrongKey):
		return no
	}
	return unknown
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// folder gives the folder that a path stands in.
func folder(path string) string {
	if dir, _ := filepath.Split(path); dir != "" {
		return dir
	}
	return "."
}

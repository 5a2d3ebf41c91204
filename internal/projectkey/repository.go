package projectkey

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dockercfg/jet/internal/worktree"
)

// maxLinks is how many symbolic links lead to a key at most, as Linux has it.
const maxLinks = 40

// FromRepository reports whether the key may have come with the repository, so
// that whoever can write to that decides what the key is: its file is tracked by
// git, or one that it leads to as a symbolic link; or it is a file of age, which
// is meant to be committed, and tells nobody who made it. After an error that is
// not known, and should be taken for yes.
func (f Found) FromRepository(ctx context.Context) (bool, error) {
	if f.Path == "" {
		return false, nil
	}
	path := f.Path
	if f.Shared && filepath.Base(f.Path) == SharedFileName {
		return true, nil
	}
	for range maxLinks {
		if _, top, err := worktree.Top(filepath.Dir(path)); f.Shared && (err != nil || top != "") {
			return true, err
		}
		tracked, err := worktree.Tracks(ctx, path)
		if err != nil {
			return true, fmt.Errorf("whether git tracks the key %q: %w", f.Path, err)
		}
		if tracked {
			return true, nil
		}
		target, err := os.Readlink(path)
		if err != nil {
			return false, nil // it is no link
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return true, errors.New("too many symbolic links")
}

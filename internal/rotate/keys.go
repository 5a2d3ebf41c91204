package rotate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/projectkey"
	"github.com/dockercfg/jet/internal/rotate/journal"
	"github.com/dockercfg/jet/internal/trustedkey"
)

// Moved is where the keys are at the end.
type Moved struct {
	Stay bool   // other files need the old key, so both keys are where they were
	Old  string // the file with the old key; "" if it comes from no file
	New  string // the file with the new key

	Shared string // the file that has the new key for other people; "" for none
}

// A KeyError is about the file of a key, that is there or is to be.
type KeyError struct {
	Path string
	Err  error
}

func (e *KeyError) Error() string { return fmt.Sprintf("key %q: %v", e.Path, e.Err) }
func (e *KeyError) Unwrap() error { return e.Err }

// keepsKeys reports whether files of the project go on needing the old key, so
// that it stays where it is looked for.
func (p *Plan) keepsKeys() bool {
	for _, left := range p.Remaining {
		if left.Reason == NotNamed {
			return true
		}
	}
	return false
}

// prepareKeys finds names for the keys to come, which nothing has yet, and keeps
// them out of git.
func (s *Session) prepareKeys(ctx context.Context, p *Plan) error {
	j := s.Journal
	paths := []string{p.New.Path}
	if !j.KeepKeys && p.Old.Path != "" {
		paths = append(paths, p.Old.Path)
		later := p.Old.Path + ".old"
		for i := 1; exists(later); i++ {
			later = p.Old.Path + ".old." + strconv.Itoa(i)
		}
		j.Old.Later = j.Short(later)
		paths = append(paths, later)

		if p.Old.Shared {
			// The file itself is meant for git, and gets the new key as the others do.
			return s.keepOutOfGit(ctx, []string{p.New.Path, later})
		}
		later = p.New.Path
		if filepath.Dir(later) != filepath.Dir(p.Old.Path) {
			later = p.Old.Path + ".new"
			if exists(later) {
				return &KeyError{Path: later, Err: fs.ErrExist}
			}
			paths = append(paths, later)
		}
		j.New.Later = j.Short(later)
	}
	return s.keepOutOfGit(ctx, paths)
}

func (s *Session) keepOutOfGit(ctx context.Context, paths []string) error {
	for _, path := range paths {
		ignored, notices, err := projectkey.KeepOutOfGit(ctx, path)
		if err != nil {
			return &KeyError{Path: path, Err: err}
		}
		if ignored != "" {
			s.notices = append(s.notices, fmt.Sprintf("added %q to %q", filepath.Base(path), ignored))
		}
		s.notices = append(s.notices, notices...)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// writeKeys writes the keys under their later names, so that only a rename is left
// for the end.
func (s *Session) writeKeys(p *Plan) error {
	j := s.Journal
	if p.New.Generated && !exists(p.New.Path) {
		if err := outfile.WriteNewFile(p.New.Path, p.New.Encode(), outfile.Private); err != nil {
			return err
		}
	}
	if path := j.Path(j.Old.Later); path != "" {
		text := p.Old.Encode()
		if p.Old.Shared {
			var err error
			if text, err = os.ReadFile(p.Old.Path); err != nil {
				return err
			}
		}
		if err := outfile.WriteNewFile(path, text, outfile.Private); err != nil {
			return err
		}
	}
	if path := j.Path(j.New.Later); path != "" && path != p.New.Path {
		return outfile.WriteNewFile(path, p.New.Encode(), outfile.Private)
	}
	return nil
}

// removeKeys takes back what writeKeys wrote.
func (s *Session) removeKeys() error {
	err := s.removeCopies()
	if j := s.Journal; j.New.Generated {
		err = errors.Join(err, removeKey(j.Path(j.New.Path), j.New.Fingerprint))
	}
	return err
}

// removeCopies leaves a key that was made.
func (s *Session) removeCopies() error {
	j := s.Journal
	var problems []error
	switch path := j.Path(j.Old.Later); {
	case path == "":
	case j.Old.Shared: // and there was nothing of that name before
		problems = append(problems, remove(path))
	default:
		problems = append(problems, removeKey(path, j.Old.Fingerprint))
	}
	if j.New.Later != j.New.Path && j.New.Later != "" {
		problems = append(problems, removeKey(j.Path(j.New.Later), j.New.Fingerprint))
	}
	return errors.Join(append(problems, s.tidyKeys())...)
}

// tidyKeys removes what is left of attempts to write a key.
func (s *Session) tidyKeys() error {
	j := s.Journal
	var problems []error
	for _, path := range []string{j.Old.Later, j.New.Later, j.New.Path} {
		if path != "" {
			problems = append(problems, outfile.Tidy(j.Path(path)))
		}
	}
	return errors.Join(problems...)
}

// removeKey removes the file of a key, if it holds that one.
func removeKey(path, fingerprint string) error {
	if !holds(path, fingerprint) {
		return nil
	}
	return remove(path)
}

func holds(path, fingerprint string) bool {
	found, err := projectkey.Lookup{}.ReadFile(context.Background(), path)
	return err == nil && found.Key.Fingerprint() == fingerprint
}

// prepareShared encrypts the new key for those who share the old one.
func (s *Session) prepareShared(ctx context.Context, p *Plan) error {
	if p.Shared == nil || s.Journal.KeepKeys {
		return nil
	}
	p.shared = nil
	for _, path := range []string{p.Shared.ListPath, p.Shared.Path} {
		if path == "" {
			continue
		}
		inside, err := filepath.Rel(p.Root, path)
		if err != nil {
			return err
		}
		p.shared = append(p.shared, &File{Path: inside, shared: true})
	}
	return p.sealShared(ctx, p.shared...)
}

// sealShared fills in what the files are to hold.
func (p *Plan) sealShared(ctx context.Context, files ...*File) error {
	file, list, err := p.Shared.Seal(ctx, p.New.Key)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.content = file; p.full(f.Path) == p.Shared.ListPath {
			f.content = list
		}
		if f.sum, err = sumOfFile(ctx, p.full(f.Path)); err != nil {
			return named(f, err)
		}
	}
	return nil
}

// moveKeys puts the new key where the old one was found. It may be called again
// after it was interrupted.
func (s *Session) moveKeys(p *Plan) (moved Moved, notices []string, err error) {
	if p.shared != nil && p.Shared != nil {
		defer func() { moved.Shared = p.Shared.Path }()
	}
	j := s.Journal
	oldPath, newPath := j.Path(j.Old.Path), j.Path(j.New.Path)
	if j.KeepKeys || oldPath == "" {
		moved = Moved{Stay: j.KeepKeys, Old: oldPath, New: newPath}
		if !j.KeepKeys {
			notices = remember("", j.New.Fingerprint)
		}
		return moved, notices, nil
	}
	moved = Moved{Old: j.Path(j.Old.Later), New: oldPath}
	if !j.Old.Shared && !holds(oldPath, j.New.Fingerprint) {
		later := j.Path(j.New.Later)
		if err := os.Chmod(later, 0o600); err != nil {
			return moved, nil, err
		}
		inPlace, err := outfile.Replace(later, oldPath)
		if err != nil {
			return moved, nil, err
		}
		if inPlace {
			notices = append(notices, fmt.Sprintf("%q could only be written in place", oldPath))
		}
		if err := outfile.SyncFolder(oldPath); err != nil {
			return moved, notices, err
		}
	}
	// A key from elsewhere is somebody's copy; one in the project is in the way.
	if inside, err := filepath.Rel(p.Root, newPath); err == nil && filepath.IsLocal(inside) && newPath != oldPath {
		if err := removeKey(newPath, j.New.Fingerprint); err != nil {
			return moved, notices, err
		}
	}
	return moved, append(notices, remember(oldPath, j.New.Fingerprint)...), s.tidyKeys()
}

// remember makes the new key the one of the project that the user knows. Who has
// no configuration is told, and not stopped.
func remember(path, fingerprint string) []string {
	if err := trustedkey.Remember(path, fingerprint); err != nil {
		return []string{fmt.Sprintf("the fingerprint of the new key could not be remembered: %v", err)}
	}
	return nil
}

// MissingKeyError says that a key of an unfinished rotation is not to be found.
type MissingKeyError struct {
	IsNew       bool
	Fingerprint string
	Path        string // where it was; "" if it came from no file
}

func (e *MissingKeyError) Error() string {
	which := "old"
	if e.IsNew {
		which = "new"
	}
	if e.Path == "" {
		return fmt.Sprintf("the %s key, %s, is not found", which, e.Fingerprint)
	}
	return fmt.Sprintf("the %s key, %s, is not found at %q", which, e.Fingerprint, e.Path)
}

// Keys finds the keys of the unfinished rotation: among those given, and where the
// journal says. A key that was made for a rotation and got lost before anything
// was encrypted with it is made again. The error is a *MissingKeyError.
func (s *Session) Keys(ctx context.Context, given ...crypto.Key) (old, new Key, err error) {
	j := s.Journal
	for _, path := range j.KeyPaths() {
		reveal(path)
		found, err := projectkey.Lookup{}.ReadFile(ctx, path)
		if err == nil {
			given = append(given, found.Key)
		}
	}
	missing := []*MissingKeyError{
		{Fingerprint: j.Old.Fingerprint, Path: j.Path(j.Old.Path)},
		{Fingerprint: j.New.Fingerprint, Path: j.Path(j.New.Path), IsNew: true},
	}
	for _, key := range given {
		switch key.Fingerprint() {
		case j.Old.Fingerprint:
			old, missing[0] = Key{Key: key, Path: j.Path(j.Old.Path), Shared: j.Old.Shared}, nil
		case j.New.Fingerprint:
			new, missing[1] = Key{Key: key, Path: j.Path(j.New.Path), Generated: j.New.Generated}, nil
		}
	}
	if missing[1] != nil && j.New.Generated && j.Phase == journal.Preparing && !exists(j.Path(j.New.Path)) {
		new, missing[1] = Key{Key: crypto.GenerateKey(), Path: j.Path(j.New.Path), Generated: true}, nil
	}
	for _, m := range missing {
		if m != nil {
			return Key{}, Key{}, m
		}
	}
	return old, new, nil
}

// reveal gives a key file the mode that it did not get before its process was
// killed: see package outfile.
func reveal(path string) {
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && info.Mode().Perm() == 0 {
		os.Chmod(path, 0o600)
	}
}

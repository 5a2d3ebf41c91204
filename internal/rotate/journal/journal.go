// Package journal is what is on disk about a change of the project key while it
// is not finished: which keys, which files, and how far it is. Whoever looks a
// key up finds both keys through it. It holds no key and no plaintext.
package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/worktree"
)

// version is that of the layout of the file.
const version = 1

// ErrDamaged: the file is no journal, or one of another version.
var ErrDamaged = errors.New("it is damaged")

// Phase is how far a change is.
type Phase string

const (
	// Preparing: new files are written beside the old ones, and none is in place.
	// All of it can be undone.
	Preparing Phase = "preparing"
	// Swapping: all new files are complete, and some may be in place. From here on
	// there is only the way forward.
	Swapping Phase = "swapping"
)

// A Journal is an unfinished change. Paths are from the folder Base, with slashes,
// where they lead below it, so that the project may be moved meanwhile; Path gives
// them as the system has them.
type Journal struct {
	Version  int    `json:"version"`
	Phase    Phase  `json:"phase"`
	Root     string `json:"root"` // the folder whose files are changed
	ID       string `json:"id"`   // stands in the names of new files
	Old      Key    `json:"old"`
	New      Key    `json:"new"`
	KeepKeys bool   `json:"keepKeys,omitempty"` // the key files do not change places
	Files    []File `json:"files"`

	Paths    []string `json:"paths,omitempty"`    // what the user named, from Root
	Exclude  []string `json:"exclude,omitempty"`  // what the user left out, from Root
	Unsigned []string `json:"unsigned,omitempty"` // what the user vouched for, from Root
	Format   string   `json:"format,omitempty"`   // what all files are to be written in

	place Place
}

// A Key is one of the two keys. Path is where it stands at the start, "" if it
// comes from no file.
type Key struct {
	Fingerprint string `json:"fingerprint"`
	Path        string `json:"path,omitempty"`
	Later       string `json:"later,omitempty"`     // the old key: where it is kept at the end; the new one: a copy beside the old key
	Generated   bool   `json:"generated,omitempty"` // it was made for this change
	Shared      bool   `json:"shared,omitempty"`    // the file is one of age
}

// A File is one file whose content changes. The digests are SHA-256 of the
// encrypted files, in hexadecimal; New is known from Swapping on.
type File struct {
	Path string `json:"path"` // from Root
	Old  string `json:"old"`
	New  string `json:"new,omitempty"`
	Key  bool   `json:"key,omitempty"` // it holds the key for other people, or lists them
}

// A Place is where the journal of a project stands.
type Place struct {
	File string // the journal
	Base string // what its paths are from: the top of the work tree, or the folder of the key
}

// PlaceOf tells where the journal stands for who works in dir with the key at
// keyPath, "" for one from no file: in the git folder, or, outside of a work tree,
// beside the key.
func PlaceOf(dir, keyPath string) (Place, error) {
	_, top, err := worktree.Top(dir)
	if err != nil {
		return Place{}, err
	}
	if top != "" {
		folder, err := worktree.Repository(top)
		return Place{File: filepath.Join(folder, "jet-rotation.json"), Base: top}, err
	}
	if keyPath == "" {
		keyPath = filepath.Join(dir, "codeship.aes")
	}
	base, err := filepath.Abs(filepath.Dir(keyPath))
	if err == nil {
		base, err = filepath.EvalSymlinks(base)
	}
	return Place{File: filepath.Join(base, filepath.Base(keyPath)+".rotation"), Base: base}, err
}

// New begins a journal. Save puts it on disk.
func New(place Place) *Journal {
	return &Journal{Version: version, Phase: Preparing, place: place}
}

// Load gives the journal at a place, nil for none. The error names the file.
func Load(place Place) (*Journal, error) {
	text, err := os.ReadFile(place.File)
	if errors.Is(err, fs.ErrPermission) {
		// A process that was killed in the moment of writing it, see package outfile.
		if info, e := os.Lstat(place.File); e == nil && info.Mode().Perm() == 0 && os.Chmod(place.File, 0o600) == nil {
			text, err = os.ReadFile(place.File)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	j := &Journal{place: place}
	if err == nil {
		err = json.Unmarshal(text, j)
		switch {
		case err != nil:
			err = ErrDamaged
		case j.Version != version:
			err = fmt.Errorf("%w, or from another version of jet", ErrDamaged)
		case j.Phase != Preparing && j.Phase != Swapping || j.ID == "" || j.Old.Fingerprint == "" || j.New.Fingerprint == "":
			err = ErrDamaged
		}
	}
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return nil, fmt.Errorf("the journal of an unfinished change of key, %q: %w", place.File, err)
	}
	return j, nil
}

// Save writes the journal, whole and on disk, readable by the user alone.
func (j *Journal) Save() error {
	text, err := json.MarshalIndent(j, "", " ")
	if err != nil {
		return err
	}
	_, err = outfile.WriteFile(j.place.File, append(text, '\n'), outfile.Private)
	return err
}

// Remove takes the journal away, for good, and what is left of attempts to write it.
func (j *Journal) Remove() error {
	if err := outfile.Tidy(j.place.File); err != nil {
		return err
	}
	if err := os.Remove(j.place.File); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return outfile.SyncFolder(j.place.File)
}

// File gives the path of the journal itself.
func (j *Journal) File() string { return j.place.File }

// Path gives a path of the journal as the system has it, "" for none.
func (j *Journal) Path(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(j.place.Base, filepath.FromSlash(path))
}

// Short gives an absolute path as the journal has it.
func (j *Journal) Short(path string) string {
	short, err := filepath.Rel(j.place.Base, path)
	if path == "" || err != nil || short == ".." || strings.HasPrefix(short, ".."+string(filepath.Separator)) {
		return path
	}
	return filepath.ToSlash(short)
}

// KeyPaths gives where either key may stand, now or at any moment of the change.
// Those of the new key come first, since they never are files of age.
func (j *Journal) KeyPaths() []string {
	var all []string
	for _, path := range []string{j.New.Path, j.New.Later, j.Old.Path, j.Old.Later} {
		if path != "" {
			all = append(all, j.Path(path))
		}
	}
	return all
}

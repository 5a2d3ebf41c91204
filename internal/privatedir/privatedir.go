// Package privatedir makes folders for plaintext that other programs have to
// read by name: the text in somebody's editor, a config.json for docker.
//
// A folder is in memory where the system has a file system for that, so that what
// is in it never reaches a disk of its own accord (a system short of memory may
// swap it out). Its name cannot be guessed and nobody else may enter it. It is
// locked for as long as the program that made it runs: what a killed program left
// behind is known by the missing lock, and removed by the next one.
package privatedir

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/dockercfg/jet/internal/filelock"
)

// prefix begins the name of every folder; 130 random bits in base32 follow.
const prefix = "jet-private-"

// tries is how often a new folder may be taken for a leftover by somebody else
// before it is locked.
const tries = 10

// Dir is a private folder. It is not safe for concurrent use.
type Dir struct {
	path     string
	inMemory bool
	lock     *os.File // nil after Remove
}

// Create makes a folder in the first of these places that is there and that
// nobody else can change: XDG_RUNTIME_DIR and /dev/shm, if they are in memory
// (Linux), and the system's folder for temporary files. The caller removes it.
//
// Sources: XDG Base Directory Specification 0.8 for XDG_RUNTIME_DIR, shm_overview(7)
// for /dev/shm.
func Create() (*Dir, error) {
	var problems []error
	for _, place := range Places() {
		if err := checkPlace(place); err != nil {
			problems = append(problems, err)
			continue
		}
		dir, err := createIn(place)
		if err == nil {
			return dir, nil
		}
		problems = append(problems, err)
	}
	return nil, fmt.Errorf("private folder: %w", errors.Join(problems...))
}

// Places gives the folders in which Create would make one, if they are there, the
// best first and the folder for temporary files last, without symbolic links.
func Places() []string {
	var all []string
	for _, place := range memoryPlaces() {
		if real, err := filepath.EvalSymlinks(place); err == nil && inMemory(real) {
			all = append(all, real)
		}
	}
	temporary := os.TempDir()
	if real, err := filepath.EvalSymlinks(temporary); err == nil {
		temporary = real
	}
	return append(all, temporary)
}

// checkPlace refuses a folder in which somebody else could put another folder in
// the place of ours.
func checkPlace(place string) error {
	info, err := os.Stat(place)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%q is not a folder", place)
	case runtime.GOOS == "windows": // its temporary folder is in the user's profile
		return nil
	case !ours(info) && !ofRoot(info):
		return fmt.Errorf("%q belongs to another user", place)
	case info.Mode()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0:
		return fmt.Errorf("%q can be changed by others (mode %o without the sticky bit)", place, info.Mode().Perm())
	}
	return nil
}

// Keep makes a folder that lasts, with those above it, or checks that the one that is
// there is ours, closed to all others and no symbolic link, and that nobody else can
// put another one in its place.
func Keep(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	if !isPrivate(path) {
		return fmt.Errorf("%q is not a folder of ours that is closed to all others (mode 0700)", path)
	}
	above, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return err
	}
	return checkPlace(above)
}

func createIn(place string) (*Dir, error) {
	for range tries {
		path := filepath.Join(place, prefix+strings.ToLower(rand.Text()))
		if err := os.Mkdir(path, 0o700); err != nil {
			return nil, err
		}
		err := os.Chmod(path, 0o700) // whatever the umask took off
		var lock *os.File
		if err == nil {
			lock, err = acquire(path)
		}
		if errors.Is(err, filelock.ErrInUse) || errors.Is(err, fs.ErrNotExist) {
			continue // somebody who looked for leftovers was quicker, and removes it
		}
		if err != nil {
			os.Remove(path)
			return nil, err
		}
		return &Dir{path: path, inMemory: inMemory(place), lock: lock}, nil
	}
	return nil, fmt.Errorf("%q: new folders are removed at once", place)
}

// Path gives the path of the folder, which is absolute.
func (d *Dir) Path() string { return d.path }

// InMemory reports whether what is in the folder never reaches a disk of its own
// accord. False means that a disk may keep it after it was removed.
func (d *Dir) InMemory() bool { return d.inMemory }

// WriteFile makes a file in the folder, readable by its owner alone, and gives
// its path. The name must be new and without folders.
func (d *Dir) WriteFile(name string, data []byte) (path string, err error) {
	if name == "." || name == ".." || name != filepath.Base(name) {
		return "", fmt.Errorf("private folder: %q is not the name of a file", name)
	}
	path = filepath.Join(d.path, name)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = file.Write(data)
	return path, errors.Join(err, file.Close())
}

// Remove removes the folder with all that is in it. It may be called more than once.
func (d *Dir) Remove() error {
	if d.lock == nil {
		return nil
	}
	err := removeLocked(d.path, d.lock)
	if err == nil {
		d.lock = nil
	}
	return err
}

// RemoveLeftovers removes the folders of this user whose programs were killed,
// wherever Create would make new ones now, and gives the paths of those that it
// removed. Folders in use are left alone, and so is everything that is not as
// Create makes it: of another owner or mode, or a symbolic link. An error is about
// what could not be removed.
func RemoveLeftovers() (removed []string, err error) {
	var problems []error
	for _, place := range Places() {
		if checkPlace(place) != nil {
			continue
		}
		names, err := namesIn(place)
		if err != nil {
			continue // nothing can be found in a place that cannot be read
		}
		for _, name := range names {
			path := filepath.Join(place, name)
			if !strings.HasPrefix(name, prefix) || !isPrivate(path) {
				continue
			}
			lock, err := acquire(path)
			if errors.Is(err, filelock.ErrInUse) || errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err == nil {
				err = removeLocked(path, lock)
			}
			if err != nil {
				lock.Close()
				problems = append(problems, fmt.Errorf("private folder that a killed run left behind: %w", err))
				continue
			}
			removed = append(removed, path)
		}
	}
	return removed, errors.Join(problems...)
}

func namesIn(place string) ([]string, error) {
	dir, err := os.Open(place)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Readdirnames(-1)
}

// isPrivate reports whether a folder is ours, closed to all others, and no link.
func isPrivate(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir() && ours(info) && (runtime.GOOS == "windows" || info.Mode().Perm() == 0o700)
}

package privatedir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dockercfg/jet/internal/filelock"
)

// lockName is a file in each folder that is locked.
const lockName = ".lock"

// acquire locks a file in a folder, and makes it where there is none: then whoever
// made the folder comes too late and makes another one. It gives filelock.ErrInUse if
// somebody else has the lock.
func acquire(path string) (*os.File, error) {
	return filelock.Open(filepath.Join(path, lockName), 0)
}

// removeLocked removes a folder, the lock last. After an error the lock may still
// be held.
func removeLocked(path string, lock *os.File) error {
	entries, err := os.ReadDir(path)
	for _, entry := range entries {
		if entry.Name() != lockName {
			err = errors.Join(err, os.RemoveAll(filepath.Join(path, entry.Name())))
		}
	}
	if err != nil {
		return err
	}
	return errors.Join(lock.Close(), os.RemoveAll(path))
}

// ours is decided by the folder's place, which is in the user's profile.
func ours(fs.FileInfo) bool { return true }

func ofRoot(fs.FileInfo) bool { return false }

package privatedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// lockName is a file in each folder that one process alone can have open.
const lockName = ".lock"

// acquire opens the lock file of a folder, and makes it where there is none: then
// whoever made the folder comes too late and makes another one. It gives errInUse
// if somebody else has the file open.
func acquire(path string) (*os.File, error) {
	name := filepath.Join(path, lockName)
	name16, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	const shareNothing = 0
	handle, err := windows.CreateFile(name16, windows.GENERIC_READ|windows.GENERIC_WRITE, shareNothing, nil,
		windows.OPEN_ALWAYS, windows.FILE_ATTRIBUTE_NORMAL, 0)
	switch {
	case err == windows.ERROR_SHARING_VIOLATION:
		return nil, errInUse
	case err != nil:
		return nil, fmt.Errorf("lock %q: %w", name, err)
	}
	return os.NewFile(uintptr(handle), name), nil
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

package tokencache

import (
	"os"

	"golang.org/x/sys/windows"
)

// acquire opens a file that one process alone can have open. It gives errInUse if
// somebody else has.
func acquire(path string) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	const shareNothing = 0
	handle, err := windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE, shareNothing, nil,
		windows.OPEN_ALWAYS, windows.FILE_ATTRIBUTE_NORMAL, 0)
	switch {
	case err == windows.ERROR_SHARING_VIOLATION:
		return nil, errInUse
	case err != nil:
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

// removeLock removes the file of a lock that nobody has: Windows removes none that is
// open.
func removeLock(path string) { os.Remove(path) }

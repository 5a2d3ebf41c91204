package filelock

import (
	"os"

	"golang.org/x/sys/windows"
)

// Open opens a file, and makes it if there is none, so that nobody else can open it.
// The flags are those of CreateFile, such as FILE_FLAG_DELETE_ON_CLOSE, 0 for none.
// It does not wait: the error is ErrInUse if somebody else has the file open, else a
// *os.PathError.
func Open(path string, flags uint32) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	const shareNothing = 0
	handle, err := windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE, shareNothing, nil,
		windows.OPEN_ALWAYS, windows.FILE_ATTRIBUTE_NORMAL|flags, 0)
	switch {
	case err == windows.ERROR_SHARING_VIOLATION:
		return nil, ErrInUse
	case err != nil:
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

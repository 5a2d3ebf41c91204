//go:build unix

package filelock

import (
	"os"

	"golang.org/x/sys/unix"
)

// Open opens a file or a folder as os.OpenFile does, mode 0600 if it makes one, and
// locks it by flock. It does not wait: the error is ErrInUse if somebody else has
// the lock, else a *os.PathError.
func Open(path string, flag int) (*os.File, error) {
	file, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch err {
	case nil:
		return file, nil
	case unix.EWOULDBLOCK:
		err = ErrInUse
	default:
		err = &os.PathError{Op: "lock", Path: path, Err: err}
	}
	file.Close()
	return nil, err
}

// At reports whether path leads to the open file: else that was removed, and
// somebody who opens the path gets another lock.
func At(path string, file *os.File) bool {
	named, err := os.Lstat(path)
	if err != nil {
		return false
	}
	open, err := file.Stat()
	return err == nil && os.SameFile(named, open)
}

//go:build unix

package tokencache

import (
	"os"

	"golang.org/x/sys/unix"
)

// acquire gives errInUse if somebody else has the lock, or had it and has removed the
// file.
func acquire(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	if err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == unix.EWOULDBLOCK {
		err = errInUse
	}
	if err == nil && !stillAt(path, file) {
		err = errInUse
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// stillAt reports whether path leads to the open file.
func stillAt(path string, file *os.File) bool {
	named, err := os.Lstat(path)
	if err != nil {
		return false
	}
	open, err := file.Stat()
	return err == nil && os.SameFile(named, open)
}

// removeLock removes the file of a lock that nobody has.
func removeLock(path string) {
	if file, err := acquire(path); err == nil {
		os.Remove(path)
		file.Close()
	}
}

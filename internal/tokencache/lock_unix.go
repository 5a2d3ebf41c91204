//go:build unix

package tokencache

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/dockercfg/jet/internal/filelock"
)

// acquire gives filelock.ErrInUse if somebody else has the lock, or had it and has
// removed the file.
func acquire(path string) (*os.File, error) {
	lock, err := filelock.Open(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK)
	if err == nil && !filelock.At(path, lock) {
		lock.Close()
		return nil, filelock.ErrInUse
	}
	return lock, err
}

// removeLock removes the file of a lock that nobody has.
func removeLock(path string) {
	if file, err := acquire(path); err == nil {
		os.Remove(path)
		file.Close()
	}
}

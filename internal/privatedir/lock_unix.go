//go:build unix

package privatedir

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// acquire locks the folder itself, for as long as the file is open. It gives
// errInUse if somebody else has the lock, and fs.ErrNotExist for a folder that
// was removed before it could be locked.
func acquire(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == unix.EWOULDBLOCK {
		err = errInUse
	} else if err != nil {
		err = fmt.Errorf("lock %q: %w", path, err)
	}
	if err == nil {
		err = stillAt(path, file)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// stillAt checks that path leads to the open folder.
func stillAt(path string, file *os.File) error {
	named, err := os.Lstat(path)
	if err != nil {
		return err
	}
	open, err := file.Stat()
	if err == nil && !os.SameFile(named, open) {
		err = fs.ErrNotExist
	}
	return err
}

// removeLocked removes a folder and then gives up its lock. After an error the
// lock is still held.
func removeLocked(path string, lock *os.File) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return lock.Close()
}

func ours(info fs.FileInfo) bool   { return owner(info) == os.Geteuid() }
func ofRoot(info fs.FileInfo) bool { return owner(info) == 0 }

func owner(info fs.FileInfo) int {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1
	}
	return int(stat.Uid)
}

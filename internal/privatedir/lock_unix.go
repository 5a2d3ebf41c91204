//go:build unix

package privatedir

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/dockercfg/jet/internal/filelock"
)

// acquire locks the folder itself. It gives filelock.ErrInUse if somebody else has
// the lock, and fs.ErrNotExist for a folder that was removed before it could be locked.
func acquire(path string) (*os.File, error) {
	lock, err := filelock.Open(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err == nil && !filelock.At(path, lock) {
		lock.Close()
		return nil, fs.ErrNotExist
	}
	return lock, err
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

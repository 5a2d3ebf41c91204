//go:build unix

package rotate

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// acquire locks the folder in which a journal stands, for as long as the lock is
// open: it ends with the process, and leaves nothing behind.
func acquire(journal string) (io.Closer, error) {
	dir := filepath.Dir(journal)
	folder, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err = unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
		return folder, nil
	}
	folder.Close()
	if err == unix.EWOULDBLOCK {
		return nil, ErrRunning
	}
	return nil, fmt.Errorf("lock %q: %w", dir, err)
}

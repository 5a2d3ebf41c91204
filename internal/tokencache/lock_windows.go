package tokencache

import (
	"os"

	"github.com/dockercfg/jet/internal/filelock"
)

// acquire gives filelock.ErrInUse if somebody else has the lock.
func acquire(path string) (*os.File, error) { return filelock.Open(path, 0) }

// removeLock removes the file of a lock that nobody has: Windows removes none that is
// open.
func removeLock(path string) { os.Remove(path) }

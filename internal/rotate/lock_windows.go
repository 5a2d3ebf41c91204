package rotate

import (
	"io"

	"golang.org/x/sys/windows"

	"github.com/dockercfg/jet/internal/filelock"
)

// acquire locks a file beside a journal that goes with the lock.
func acquire(journal string) (io.Closer, error) {
	return filelock.Open(journal+".lock", windows.FILE_FLAG_DELETE_ON_CLOSE)
}

//go:build unix

package rotate

import (
	"io"
	"os"
	"path/filepath"

	"github.com/dockercfg/jet/internal/filelock"
)

// acquire locks the folder in which a journal stands: that leaves nothing behind.
func acquire(journal string) (io.Closer, error) {
	return filelock.Open(filepath.Dir(journal), os.O_RDONLY)
}

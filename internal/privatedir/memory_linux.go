package privatedir

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// memoryPlaces gives where Linux has a file system in memory that everybody can
// use. A variable for tests.
var memoryPlaces = func() []string {
	var all []string
	if runtime := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(runtime) {
		all = append(all, runtime)
	}
	return append(all, "/dev/shm")
}

// inMemory reports whether a folder is in memory, by the type of its file system.
func inMemory(path string) bool {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return false
	}
	return int64(stat.Type) == unix.TMPFS_MAGIC || int64(stat.Type) == unix.RAMFS_MAGIC
}

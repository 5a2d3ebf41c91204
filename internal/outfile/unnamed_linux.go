package outfile

import (
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Variables for tests.
var (
	canUnnamed  = true
	descriptors = "/proc/self/fd/"
)

// openUnnamed makes a file in dir that has no name (O_TMPFILE, Linux 3.11).
func openUnnamed(dir string, mode fs.FileMode, flag int) (*os.File, error) {
	if !canUnnamed {
		return nil, unix.EOPNOTSUPP
	}
	return os.OpenFile(dir, os.O_RDWR|unix.O_TMPFILE|flag, mode)
}

// link gives an open file a name, where none may exist. The first way is what
// open(2) shows for O_TMPFILE; it needs /proc. The second needs a privilege on
// most kernels.
func link(f *os.File, name string) error {
	fd := int(f.Fd())
	err := unix.Linkat(unix.AT_FDCWD, descriptors+strconv.Itoa(fd), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW)
	if err == nil || err == unix.EEXIST {
		return err
	}
	return unix.Linkat(fd, "", unix.AT_FDCWD, name, unix.AT_EMPTY_PATH)
}

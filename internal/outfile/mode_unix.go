//go:build unix

package outfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// hiddenMode is the mode of plaintext under a temporary name.
const hiddenMode fs.FileMode = 0

// containerMarks are files that Docker and Podman put into every container.
var containerMarks = []string{"/.dockerenv", "/run/.containerenv"}

// settle gives the open file its final mode and owner.
func (f *File) settle() error {
	switch {
	case f.class == Private:
		if err := setMode(f.file, 0o600); err != nil {
			return err
		}
	case f.class == chosen:
		if err := setMode(f.file, f.wanted.Mode); err != nil {
			return err
		}
	case f.old != nil:
		if err := setMode(f.file, f.old.Mode().Perm()); err != nil {
			return err
		}
	}
	// Last, since it may take away the right to do the above; and only if it can
	// be done, since the content matters more.
	if owner := f.owner(); owner != nil {
		f.file.Chown(int(owner.Uid), int(owner.Gid))
	}
	if f.class == chosen && (f.wanted.UID != -1 || f.wanted.GID != -1) {
		if err := f.file.Chown(f.wanted.UID, f.wanted.GID); err != nil {
			return fmt.Errorf("owner %d, group %d: %w", f.wanted.UID, f.wanted.GID, cause(err))
		}
	}
	return nil
}

// owner tells whose the file shall be, nil for ours. Only root may give files
// away: inside a container to the owner of the folder, who is the user outside;
// elsewhere to the owner of the file that is replaced.
func (f *File) owner() *syscall.Stat_t {
	if os.Geteuid() != 0 {
		return nil
	}
	dir, err := os.Stat(folder(f.target))
	if err != nil {
		return nil
	}
	info := f.old
	switch {
	case inContainer():
		info = dir
	case info == nil:
		return nil
	case f.class != Shared && dir.Mode()&fs.ModeSticky != 0:
		// Anybody may have put a file there to be given the plaintext.
		return nil
	}
	owner, _ := info.Sys().(*syscall.Stat_t)
	return owner
}

// ofOthers reports whether a file belongs to another user.
func ofOthers(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) != os.Geteuid()
}

func inContainer() bool {
	for _, mark := range containerMarks {
		if _, err := os.Stat(mark); err == nil {
			return true
		}
	}
	return false
}

// setMode changes the mode of an open file. File systems that know no modes (FAT,
// some network and virtual ones) refuse that even to the owner, and nothing can be
// done there.
func setMode(f *os.File, mode fs.FileMode) error {
	err := f.Chmod(mode)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// syncFolder makes a new name in the folder of path last. A folder that can be
// written but not read, or a file system without this operation, is no error.
func syncFolder(path string) error {
	dir, err := os.Open(folder(path))
	if err != nil {
		return nil
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// openStream opens what stands at path for writing. A descriptor of this process
// is duplicated, since opening it anew would start at offset 0 of a file and is
// refused for a socket.
func openStream(path string) (*os.File, error) {
	fd, ok := descriptor(path)
	if !ok || fd < 0 {
		return os.OpenFile(path, os.O_WRONLY, 0)
	}
	fd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

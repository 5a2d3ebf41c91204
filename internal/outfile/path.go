package outfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// maxLinks is how many symbolic links are followed, as Linux has it.
const maxLinks = 40

// resolve follows symbolic links to the file that path means, which need not
// exist: then info is nil. A stream is a target that is written to as it is. The
// paths are never cleaned: "a/../b" is not "b" where a is a link.
func resolve(path string) (target string, info fs.FileInfo, stream bool, err error) {
	for range maxLinks {
		// These look like links to a file, but replacing that file would leave
		// whoever holds the descriptor with the old one.
		if _, ok := descriptor(path); ok {
			return path, nil, true, nil
		}
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return path, nil, false, nil
		case err != nil:
			return "", nil, false, err
		case info.Mode()&fs.ModeSymlink == 0:
			return path, info, !info.Mode().IsRegular() && !info.IsDir(), nil
		}
		next, err := os.Readlink(path)
		switch {
		case err != nil:
			return "", nil, false, err
		case filepath.IsAbs(next):
			path = next
		case os.IsPathSeparator(next[0]): // rooted without a volume, on Windows
			path = filepath.VolumeName(path) + next
		default:
			dir, _ := filepath.Split(path)
			path = dir + next
		}
	}
	return "", nil, false, syscall.ELOOP
}

// descriptor reports whether path names an open descriptor of a process, and
// which one if the process is this one; else fd is -1.
func descriptor(path string) (fd int, ok bool) {
	if !strings.HasPrefix(path, "/dev/") && !strings.HasPrefix(path, "/proc/") {
		return 0, false
	}
	path = filepath.Clean(path)
	switch path {
	case "/dev/stdout":
		return 1, true
	case "/dev/stderr":
		return 2, true
	}
	dir, name := filepath.Split(path)
	fd, err := strconv.Atoi(name)
	switch {
	case err != nil || fd < 0:
		return 0, false
	case dir == "/dev/fd/", dir == "/proc/self/fd/", dir == "/proc/thread-self/fd/":
		return fd, true
	case strings.HasPrefix(dir, "/proc/") && strings.HasSuffix(dir, "/fd/"):
		return -1, true
	}
	return 0, false
}

// folder gives the folder that path stands in.
func folder(path string) string {
	if dir, _ := filepath.Split(path); dir != "" {
		return dir
	}
	return "."
}

// SameFile reports whether a and b mean the same file: after symbolic links, and
// also if it does not exist yet. Two names (hard links) of one file count as the
// same; devices, pipes and folders never do.
func SameFile(a, b string) (bool, error) {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	switch {
	case errA == nil && errB == nil:
		return infoA.Mode().IsRegular() && os.SameFile(infoA, infoB), nil
	case errA != nil && !errors.Is(errA, fs.ErrNotExist):
		return false, errA
	case errB != nil && !errors.Is(errB, fs.ErrNotExist):
		return false, errB
	case errA == nil || errB == nil:
		return false, nil
	}
	targetA, _, _, errA := resolve(a)
	targetB, _, _, errB := resolve(b)
	if err := errors.Join(errA, errB); err != nil {
		return false, err
	}
	if filepath.Base(targetA) != filepath.Base(targetB) {
		return false, nil
	}
	infoA, errA = os.Stat(folder(targetA))
	infoB, errB = os.Stat(folder(targetB))
	return errA == nil && errB == nil && os.SameFile(infoA, infoB), nil
}

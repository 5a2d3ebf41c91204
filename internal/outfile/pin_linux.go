package outfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// noFollow has os.OpenFile refuse a symbolic link.
const noFollow = unix.O_NOFOLLOW

// pin follows path for root, part by part, and gives a path of the same file that
// nobody can lead elsewhere from then on: by way of the open folder, which is to be
// closed afterwards. A link of somebody who is not root is not followed: whose folder
// root writes into could have root replace any file, and be given it. For others than
// root, and where there is no /proc, the path stays as it is and the folder is nil.
func pin(path string) (pinned string, folder *os.File, err error) {
	if os.Geteuid() != 0 {
		return path, nil, nil
	}
	folder, name, err := walk(path)
	if err != nil {
		return "", nil, err
	}
	pinned = filepath.Join(descriptors, strconv.Itoa(int(folder.Fd())))
	if _, err := os.Stat(pinned + "/."); err != nil {
		folder.Close()
		return path, nil, nil
	}
	return pinned + "/" + name, folder, nil
}

// walk opens the folder that a path leads to, and gives the name in it, which is none
// of a symbolic link.
func walk(path string) (folder *os.File, name string, err error) {
	at := unix.AT_FDCWD
	defer func() {
		if err != nil && at != unix.AT_FDCWD {
			unix.Close(at)
		}
	}()
	enter := func(name string) error {
		next, err := unix.Openat(at, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		if at != unix.AT_FDCWD {
			unix.Close(at)
		}
		at = next
		return nil
	}
	begin := func(path string) error {
		if strings.HasPrefix(path, "/") {
			return enter("/")
		}
		return nil
	}
	if err = enter("."); err == nil {
		err = begin(path)
	}
	rest, links := path, 0
	for err == nil {
		name, rest, _ = strings.Cut(strings.TrimLeft(rest, "/"), "/")
		rest = strings.TrimLeft(rest, "/")
		if name == "" {
			return nil, "", unix.EISDIR
		}
		var stat unix.Stat_t
		err = unix.Fstatat(at, name, &stat, unix.AT_SYMLINK_NOFOLLOW)
		link := err == nil && stat.Mode&unix.S_IFMT == unix.S_IFLNK
		switch {
		case link && stat.Uid != 0:
			err = fmt.Errorf("the symbolic link %q on the way belongs to another user (%d), who could lead root anywhere by it", name, stat.Uid)
		case link:
			if links++; links > maxLinks {
				return nil, "", unix.ELOOP
			}
			var to string
			if to, err = readlinkat(at, name); err == nil {
				err = begin(to)
			}
			if rest == "" {
				rest = to
			} else {
				rest = to + "/" + rest
			}
		case rest == "" && (err == nil || errors.Is(err, unix.ENOENT)):
			return os.NewFile(uintptr(at), path), name, nil
		case err == nil:
			err = enter(name)
		}
	}
	return nil, "", err
}

func readlinkat(at int, name string) (string, error) {
	text := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(at, name, text)
	return string(text[:max(n, 0)]), err
}

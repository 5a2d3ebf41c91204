package outfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// Class says who may read a file.
type Class int

const (
	// Private is for plaintext and keys: mode 0600, whatever stood there before.
	Private Class = iota
	// Shared is for ciphertext: the permissions of the file it replaces, else
	// 0666 less the umask.
	Shared
	// chosen is for files with Attributes.
	chosen
)

// Attributes are the mode and the owner of a file that people have chosen.
type Attributes struct {
	Mode fs.FileMode // its permissions
	// UID and GID are the owner and the group; -1 means whom the file would belong
	// to without this. Systems without such numbers refuse any other.
	UID, GID int
}

// inPlaceLimit is the largest file, in bytes, that is written in place: its
// content has to be in memory, complete, before the target is touched.
const inPlaceLimit = 16 << 20

// maxTempStem is how many bytes of the target's name a temporary name repeats:
// file systems allow names of 255 bytes.
const maxTempStem = 200

// File is an output that its target knows nothing of before Commit. It is not
// safe for concurrent use; two Files for one target are, and the later Commit wins.
type File struct {
	path   string // as the caller named it, for errors
	target string // path with its symbolic links resolved
	class  Class
	wanted Attributes  // of a chosen class
	old    fs.FileInfo // what stands at target, nil for nothing
	isNew  bool        // Commit must not replace anything
	staged string      // where Commit leaves the file, "" for its target

	pinned  *os.File // the folder that target is reached by, nil for none
	file    *os.File // nil in memory and at the end
	temp    string   // the temporary name of file, "" while it has none
	stream  bool
	memory  bool
	buffer  []byte
	inPlace bool
	err     error // why nothing more can be written
}

// Create prepares an output for path. The folder must exist; path may be a
// symbolic link, also one that leads to nothing yet. Errors name path and wrap
// the cause: fs.ErrNotExist for a missing folder, fs.ErrPermission,
// syscall.EISDIR for a folder.
//
// The caller closes the File; without Commit that leaves no trace.
func Create(path string, class Class) (*File, error) {
	f := &File{path: path, class: class}
	if err := f.open(); err != nil {
		return nil, f.failure(err)
	}
	return f, nil
}

// Stage prepares an output that takes the place of path later, when others are
// ready too: Commit leaves it, complete, under the name staged, with the mode and
// owner that it is to have. Replace does the rest. Path must be a file, and staged,
// in the same folder, nothing yet. It is on disk only after Sync, which can be done
// for many files side by side, and its name after SyncFolder.
func Stage(path, staged string, class Class) (*File, error) {
	f := &File{path: path, class: class, staged: staged}
	if err := f.open(); err != nil {
		return nil, f.failure(err)
	}
	return f, nil
}

// Replace moves a staged file to the path that it is for, and says whether that
// had to be done in place: where a crash leaves a mixture, the staged file is
// still there. The new name is lasting only after SyncFolder.
func Replace(staged, path string) (inPlace bool, err error) {
	err = os.Rename(staged, path)
	if !errors.Is(err, syscall.EBUSY) && !errors.Is(err, syscall.EXDEV) {
		if err != nil {
			err = fmt.Errorf("write %q: %w", path, cause(err))
		}
		return false, err
	}
	info, err := os.Stat(staged)
	if err == nil && info.Size() > inPlaceLimit {
		err = errTooLarge
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(staged)
	}
	if err != nil {
		return false, fmt.Errorf("write %q: %w", path, cause(err))
	}
	if inPlace, err = WriteFile(path, data, Shared); err != nil {
		return inPlace, err
	}
	return inPlace, os.Remove(staged)
}

// Sync puts the content of a file on disk.
func Sync(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// SyncFolder makes the names in the folder of path last.
func SyncFolder(path string) error { return syncFolder(path) }

// WriteFile replaces the content of path by data and says whether that had to be
// done in place. Errors are those of Create and Commit.
func WriteFile(path string, data []byte, class Class) (inPlace bool, err error) {
	f, err := Create(path, class)
	if err != nil {
		return false, err
	}
	return f.inPlaceAfter(data)
}

// WriteFileWith is WriteFile for a file with these attributes. Unlike a Private one
// it has them before it takes its name, so that who may read it can do so at every
// moment; a process that is killed in between leaves it beside the target, under a
// name that Tidy knows. An owner that may not be set is an error; a mode that the
// file system does not know is none. Pipes, devices and sockets are an error too. Root
// follows no symbolic link of another user (Linux).
func WriteFileWith(path string, data []byte, a Attributes) (inPlace bool, err error) {
	f := &File{path: path, class: chosen, wanted: a}
	if err := f.open(); err != nil {
		f.Close()
		return false, f.failure(err)
	}
	return f.inPlaceAfter(data)
}

// WriteNewFile writes data to path, where nothing may stand: not even a symbolic
// link that leads nowhere. The error then wraps fs.ErrExist.
func WriteNewFile(path string, data []byte, class Class) error {
	f := &File{path: path, class: class, isNew: true}
	if err := f.open(); err != nil {
		return f.failure(err)
	}
	_, err := f.inPlaceAfter(data)
	return err
}

func (f *File) inPlaceAfter(data []byte) (bool, error) {
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return false, err
	}
	err := f.Commit()
	return f.inPlace, err
}

func (f *File) open() error {
	if f.path == "" {
		return errors.New("the name is empty")
	}
	var err error
	if f.isNew {
		f.target = f.path
		if _, err = os.Lstat(f.path); err == nil {
			return fs.ErrExist
		}
	} else if f.target, f.old, f.stream, err = resolve(f.path); err != nil {
		return err
	}
	if f.class == chosen && !f.stream {
		if err := f.pin(); err != nil {
			return err
		}
	}
	switch {
	case f.stream && f.class == chosen:
		return errNoFile
	case f.stream:
		f.file, err = openStream(f.target)
		return err
	case f.old != nil && f.old.IsDir():
		return syscall.EISDIR
	case f.staged != "":
		if f.old == nil {
			return fs.ErrNotExist
		}
		if f.file, err = os.OpenFile(f.staged, os.O_RDWR|os.O_CREATE|os.O_EXCL, f.firstMode()); err != nil {
			return fmt.Errorf("folder %q: %w", folder(f.staged), cause(err))
		}
		f.temp = f.staged
		return nil
	}

	f.file, f.temp, err = createTemporary(f.target, f.firstMode())
	if err == nil {
		return nil
	}
	forbidden := errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
	if forbidden && f.old != nil && writable(f.target) {
		f.memory = true
		return nil
	}
	shown := f.target
	if f.pinned != nil {
		shown = f.path
	}
	return fmt.Errorf("folder %q: %w", folder(shown), cause(err))
}

var errNoFile = errors.New("it is a pipe, a device or a socket, and no file")

// pin makes sure that the target stays what it is until the end.
func (f *File) pin() (err error) {
	if f.target, f.pinned, err = pin(f.path); err != nil || f.pinned == nil {
		if err == nil {
			f.target, f.old, f.stream, err = resolve(f.path)
		}
		return err
	}
	f.old, err = os.Lstat(f.target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.old, err = nil, nil
	case err == nil && f.old.Mode()&fs.ModeSymlink != 0: // put there this moment
		err = syscall.ELOOP
	case err == nil:
		f.stream = !f.old.Mode().IsRegular() && !f.old.IsDir()
	}
	return err
}

// Open opens for reading the file that WriteFileWith would replace, under the same
// rules, and never waits. The error wraps fs.ErrNotExist if there is none.
func Open(path string) (*os.File, error) {
	f := &File{path: path}
	target, _, stream, err := resolve(path)
	if err == nil && !stream {
		f.target = target
		err = f.pin()
	}
	if f.pinned != nil {
		defer f.pinned.Close()
	}
	switch {
	case err != nil:
		return nil, cause(err)
	case stream || f.stream:
		return nil, errNoFile
	}
	flag := os.O_RDONLY | syscall.O_NONBLOCK
	if f.pinned != nil {
		flag |= noFollow
	}
	file, err := os.OpenFile(f.target, flag, 0)
	if err != nil {
		return nil, cause(err)
	}
	info, err := file.Stat()
	switch {
	case err == nil && info.IsDir():
		err = syscall.EISDIR
	case err == nil && !info.Mode().IsRegular():
		err = errNoFile
	}
	if err != nil {
		file.Close()
		return nil, cause(err)
	}
	return file, nil
}

// firstMode is the mode of the temporary file.
//
// For plaintext it is 0000 where modes exist, for as long as the file has a
// temporary name: the file is written through the descriptor that created it,
// which needs no permission, so a process killed before it could remove the
// file leaves nothing beside the target that can be read.
func (f *File) firstMode() fs.FileMode {
	switch {
	case f.class != Shared:
		return hiddenMode
	case f.old != nil:
		return 0o600
	}
	return 0o666 // the system takes the umask off
}

// Write adds p to the output. After an error every further Write and Commit fails.
func (f *File) Write(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	if f.memory {
		if len(f.buffer)+len(p) > inPlaceLimit {
			f.err = f.failure(errTooLarge)
			return 0, f.err
		}
		f.buffer = append(f.buffer, p...)
		return len(p), nil
	}
	n, err := f.file.Write(p)
	if err != nil {
		f.err = f.failure(err)
	}
	return n, f.err
}

var errTooLarge = errors.New("it can only be written in place, which is limited to 16 MiB")

// Hidden reports whether nothing that is written can be seen under any name
// before Commit: the file has no name, or is in memory. It is false for a
// temporary file with a name and for a stream.
func (f *File) Hidden() bool {
	return f.memory || !f.stream && f.temp == ""
}

// InPlace reports, after Commit, that the target was overwritten in place: a
// crash could have left a mixture, and the caller says so.
func (f *File) InPlace() bool { return f.inPlace }

// Commit puts the file, on disk and complete, in the place of its target. When it
// fails the target is as it was, unless the error says otherwise, and nothing is
// left beside it. The File is closed in any case.
func (f *File) Commit() error {
	err := f.err
	if err == nil {
		if err = f.commit(); err != nil {
			err = f.failure(err)
		}
	}
	f.Close()
	return err
}

func (f *File) commit() error {
	if f.stream {
		file := f.file
		f.file = nil
		return file.Close()
	}
	if f.memory {
		return f.overwrite(f.buffer)
	}

	if f.staged != "" {
		if err := f.settle(); err != nil {
			return err
		}
		f.temp = "" // it stays
		return nil
	}

	// Where nothing stands yet, a file without a name takes the final one at once
	// and so must be ready before.
	straight := f.old == nil && f.temp == ""
	if straight || f.class != Private {
		if err := f.settle(); err != nil {
			return err
		}
	}
	if err := f.file.Sync(); err != nil {
		return err
	}
	if straight {
		if done, err := f.linkStraight(); done || err != nil {
			return err
		}
	}
	if f.temp == "" {
		if err := f.takeTemporaryName(); err != nil {
			return err
		}
	}
	err := f.takeName()
	if errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EXDEV) {
		return f.overwriteFromFile()
	}
	if err != nil {
		return err
	}
	f.temp = ""
	if f.class == Private {
		// Only now: see firstMode. Killed just before this line, a process leaves
		// the new content whole and closed to everybody but root.
		if err := f.settle(); err != nil {
			return err
		}
	}
	return syncFolder(f.target)
}

// linkStraight gives an unnamed file its final name. It is not done if somebody
// was quicker, or if an open file cannot be linked here.
func (f *File) linkStraight() (done bool, err error) {
	if link(f.file, f.target) == nil {
		return true, syncFolder(f.target)
	}
	if f.class == Private {
		err = setMode(f.file, hiddenMode)
	}
	return false, err
}

// takeTemporaryName gives an unnamed file a name beside the target, from which it
// can be renamed. Where an open file cannot be linked it is copied.
func (f *File) takeTemporaryName() error {
	name := temporaryName(f.target)
	if link(f.file, name) == nil {
		f.temp = name
		return nil
	}
	return f.copyToNamed()
}

func (f *File) copyToNamed() error {
	named, name, err := createNamed(f.target, f.firstMode())
	if err != nil {
		return err
	}
	unnamed := f.file
	defer unnamed.Close()
	f.file, f.temp = named, name
	if _, err := unnamed.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.Copy(named, unnamed); err != nil {
		return err
	}
	if f.class != Private {
		if err := f.settle(); err != nil {
			return err
		}
	}
	return named.Sync()
}

// takeName moves the file from its temporary to its final name.
func (f *File) takeName() error {
	if runtime.GOOS == "windows" { // which renames no open file
		f.file.Close()
	}
	if !f.isNew {
		return os.Rename(f.temp, f.target)
	}
	err := os.Link(f.temp, f.target)
	if err == nil {
		return os.Remove(f.temp)
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	// No hard links here. Claim the name with an empty file and replace that one.
	claim, err := os.OpenFile(f.target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	claim.Close()
	if err := os.Rename(f.temp, f.target); err != nil {
		os.Remove(f.target)
		return err
	}
	return nil
}

// overwriteFromFile does in place what rename refused to do.
func (f *File) overwriteFromFile() error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() > inPlaceLimit {
		return errTooLarge
	}
	data := make([]byte, info.Size())
	if _, err := f.file.ReadAt(data, 0); err != nil && err != io.EOF {
		return err
	}
	if err := os.Remove(f.temp); err != nil {
		return err
	}
	f.temp = ""
	return f.overwrite(data)
}

// overwrite writes data into the target itself.
func (f *File) overwrite(data []byte) error {
	target, err := os.OpenFile(f.target, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer target.Close()
	// As far as that is permitted: the target may belong to somebody else.
	switch f.class {
	case Private:
		target.Chmod(0o600)
	case chosen:
		info, err := target.Stat()
		if err != nil {
			return err
		}
		err = target.Chmod(f.wanted.Mode)
		// Who asks for a mode keeps credentials from those that it does not name.
		if mode := info.Mode().Perm(); err != nil && ofOthers(info) && mode&^f.wanted.Mode&0o044 != 0 {
			return fmt.Errorf("it can only be written in place and belongs to another user: more may read it by its mode %04o than by %04o, which cannot be set", mode, f.wanted.Mode)
		}
	}
	f.inPlace = true
	_, err = target.Write(data)
	if err == nil {
		err = target.Truncate(int64(len(data)))
	}
	if err == nil {
		err = target.Sync()
	}
	if err != nil {
		return fmt.Errorf("it was being written in place and is damaged now: %w", cause(err))
	}
	return nil
}

// Close gives the output up if it was not committed, leaving nothing behind. It
// may be called at any time and more than once.
func (f *File) Close() error {
	var err error
	if f.file != nil {
		err = f.file.Close()
		f.file = nil
	}
	if f.temp != "" {
		err = os.Remove(f.temp)
		f.temp = ""
	}
	if f.pinned != nil {
		f.pinned.Close()
		f.pinned = nil
	}
	f.buffer = nil
	if f.err == nil {
		f.err = f.failure(fs.ErrClosed)
	}
	if err != nil {
		return f.failure(err)
	}
	return nil
}

func (f *File) failure(err error) error {
	return fmt.Errorf("write %q: %w", f.path, cause(err))
}

// cause takes off what the os package says about names: they are names of
// temporary files, or stand in the message already.
func cause(err error) error {
	switch e := err.(type) {
	case *fs.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	case *os.SyscallError:
		return e.Err
	}
	return err
}

// writable reports whether path may be opened for writing. It changes nothing.
func writable(path string) bool {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// createTemporary makes an empty file in the folder of target, without a name if
// the system can do that.
func createTemporary(target string, mode fs.FileMode) (f *os.File, name string, err error) {
	// Every refusal leads to the second way: systems and file systems give many
	// different errors for "no such thing here", and the second way repeats the others.
	if f, err := openUnnamed(folder(target), mode, 0); err == nil {
		return f, "", nil
	}
	return createNamed(target, mode)
}

func createNamed(target string, mode fs.FileMode) (*os.File, string, error) {
	name := temporaryName(target)
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	return f, name, err
}

// temporaryDigits is how long the random end of a temporary name is.
const temporaryDigits = 26 // of rand.Text

func temporaryName(target string) string { return temporaryStem(target) + rand.Text() }

// temporaryStem is what the temporary names for a target begin with.
func temporaryStem(target string) string {
	dir, name := filepath.Split(target)
	return dir + "." + name[:min(len(name), maxTempStem)] + ".jet-"
}

// Tidy removes what processes that were killed while they wrote to these paths have
// left beside them. Nobody may be writing to them.
func Tidy(paths ...string) error {
	stems := make(map[string]map[string]bool) // by folder
	for _, path := range paths {
		dir := folder(path)
		if stems[dir] == nil {
			stems[dir] = make(map[string]bool)
		}
		stems[dir][filepath.Base(temporaryStem(path))] = true
	}
	var problems []error
	for dir, stems := range stems {
		entries, err := os.ReadDir(dir)
		if err != nil {
			problems = append(problems, cause(err))
		}
		for _, entry := range entries {
			at := max(0, len(entry.Name())-temporaryDigits)
			stem, id := entry.Name()[:at], entry.Name()[at:]
			if stems[stem] && strings.ToUpper(id) == id {
				problems = append(problems, os.Remove(filepath.Join(dir, entry.Name())))
			}
		}
	}
	return errors.Join(problems...)
}

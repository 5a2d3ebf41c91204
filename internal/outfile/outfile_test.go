//go:build unix

package outfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// roleVariable makes the test binary play another process; see TestMain.
const roleVariable = "OUTFILE_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := roles[role](os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	containerMarks = nil // tests of ownership set it
	os.Exit(m.Run())
}

// roles are what a child does with its arguments.
var roles = map[string]func([]string) error{
	"overwrite for ever": overwriteForEver,
	"write to": func(args []string) error {
		_, err := WriteFile(args[0], []byte("by the child\n"), Private)
		return err
	},
	"in place": func(args []string) error { return inPlaceAsUser(args[0]) },
}

func child(role string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	return cmd
}

// testWays are the ways in which a temporary file can be made and named; the
// functions choose one. Linux has more.
var testWays = map[string]func(){"named": func() {}}

// ways runs a test once for every way.
func ways(t *testing.T, test func(t *testing.T)) {
	if usual, ok := testWays["unnamed"]; ok {
		defer usual()
	}
	for name, choose := range testWays {
		t.Run(name, func(t *testing.T) {
			choose()
			test(t)
		})
	}
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func wantOnly(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := list(t, dir); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("folder holds %q, want %q", got, want)
	}
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	} else if string(got) != want {
		t.Errorf("%s holds %.40q (%d bytes), want %.40q", path, got, len(got), want)
	}
}

func wantMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Error(err)
	} else if info.Mode() != want {
		t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
	}
}

func put(t *testing.T, path, content string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, path string, class Class) *File {
	t.Helper()
	f, err := Create(path, class)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestModes(t *testing.T) {
	const none = fs.FileMode(0o7777)
	tests := []struct {
		class Class
		umask int
		old   fs.FileMode
		want  fs.FileMode
	}{
		{Private, 0o022, none, 0o600},
		{Private, 0o000, none, 0o600},
		{Private, 0o777, none, 0o600},
		{Private, 0o022, 0o644, 0o600},
		{Private, 0o022, 0o544, 0o600},
		{Private, 0o022, 0o400, 0o600},
		{Shared, 0o022, none, 0o644},
		{Shared, 0o000, none, 0o666},
		{Shared, 0o077, none, 0o600},
		{Shared, 0o027, none, 0o640},
		{Shared, 0o077, 0o664, 0o664},
		{Shared, 0o000, 0o600, 0o600},
		{Shared, 0o022, 0o444, 0o444},
		{Shared, 0o022, 0o640 | fs.ModeSetuid, 0o640},
	}
	ways(t, func(t *testing.T) {
		for _, test := range tests {
			t.Run(fmt.Sprintf("%d umask %03o old %04o", test.class, test.umask, test.old), func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, "out")
				if test.old != none {
					put(t, path, "old", test.old)
				}
				umask := syscall.Umask(test.umask)
				inPlace, err := WriteFile(path, []byte("new"), test.class)
				syscall.Umask(umask)
				if err != nil || inPlace {
					t.Fatalf("got in place %v, error %v", inPlace, err)
				}
				wantMode(t, path, test.want)
				wantContent(t, path, "new")
				wantOnly(t, dir, "out")
			})
		}
	})
}

// TestAttributes writes files with a mode of their own, which nobody ever sees with
// another one.
func TestAttributes(t *testing.T) {
	ways(t, func(t *testing.T) {
		for _, mode := range []fs.FileMode{0o600, 0o644, 0o640, 0o444} {
			dir := t.TempDir()
			path := filepath.Join(dir, "out")
			ended, failed := make(chan struct{}), make(chan string, 1)
			go func() {
				defer close(failed)
				for {
					if info, err := os.Stat(path); err == nil && info.Mode() != mode {
						failed <- info.Mode().String()
						return
					}
					select {
					case <-ended:
						return
					default:
					}
				}
			}()
			umask := syscall.Umask(0o077)
			for i := range 30 {
				text := strings.Repeat("token", i+1)
				if inPlace, err := WriteFileWith(path, []byte(text), Attributes{Mode: mode, UID: -1, GID: -1}); err != nil || inPlace {
					t.Errorf("got in place %v, error %v", inPlace, err)
				}
				wantContent(t, path, text)
			}
			syscall.Umask(umask)
			close(ended)
			if seen, ok := <-failed; ok {
				t.Errorf("it was seen with mode %s, want %v", seen, mode)
			}
			wantOnly(t, dir, "out")
		}
	})
}

func TestNothingIsSeenBeforeCommit(t *testing.T) {
	ways(t, func(t *testing.T) {
		for _, class := range []Class{Private, Shared} {
			for _, old := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d old %v", class, old), func(t *testing.T) {
					dir := t.TempDir()
					path := filepath.Join(dir, "out")
					var before []string
					if old {
						put(t, path, "old", 0o644)
						before = []string{"out"}
					}
					f := create(t, path, class)
					fmt.Fprint(f, "the secret")
					if f.Hidden() {
						wantOnly(t, dir, before...)
					} else if class == Private {
						wantMode(t, f.temp, 0)
					}
					if old {
						wantContent(t, path, "old")
						wantMode(t, path, 0o644)
					}
					if err := f.Close(); err != nil {
						t.Error(err)
					}
					wantOnly(t, dir, before...)
					if old {
						wantContent(t, path, "old")
					}
				})
			}
		}
	})
}

func TestAfterTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	f := create(t, path, Private)
	fmt.Fprint(f, "content")
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("Close after Commit: %v", err)
	}
	if _, err := f.Write([]byte("more")); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Write after Commit: %v", err)
	}
	if err := f.Commit(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("second Commit: %v", err)
	}
	wantContent(t, path, "content")

	other := filepath.Join(t.TempDir(), "out")
	f = create(t, other, Private)
	f.Close()
	if err := f.Commit(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Commit after Close: %v", err)
	}
	wantOnly(t, filepath.Dir(other))
}

func TestCreateErrors(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "file"), "x", 0o600)
	os.Mkdir(filepath.Join(dir, "folder"), 0o700)
	os.Symlink("folder", filepath.Join(dir, "to-folder"))
	os.Symlink("loop", filepath.Join(dir, "loop"))
	os.Symlink("nowhere/file", filepath.Join(dir, "into-nowhere"))
	before := list(t, dir)
	tests := []struct {
		path, text string
		want       error
	}{
		{"", "the name is empty", nil},
		{"missing/out", `missing/": no such file`, fs.ErrNotExist},
		{"missing/", `missing/": no such file`, fs.ErrNotExist},
		{"into-nowhere", `nowhere/": no such file`, fs.ErrNotExist},
		{"folder", "is a directory", syscall.EISDIR},
		{"folder/", "is a directory", syscall.EISDIR},
		{"folder/.", "is a directory", syscall.EISDIR},
		{"folder/..", "is a directory", syscall.EISDIR},
		{"to-folder", "is a directory", syscall.EISDIR},
		{"file/out", "not a directory", syscall.ENOTDIR},
		{"file/", "not a directory", syscall.ENOTDIR},
		{"loop", "too many levels", syscall.ELOOP},
		{strings.Repeat("n", 300), "name too long", syscall.ENAMETOOLONG},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%.20s", test.path), func(t *testing.T) {
			path := test.path
			if path != "" {
				path = dir + "/" + path
			}
			f, err := Create(path, Shared)
			if err == nil {
				f.Close()
				t.Fatal("got no error")
			}
			if test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got %v, want it to wrap %v", err, test.want)
			}
			if !strings.Contains(err.Error(), test.text) || !strings.Contains(err.Error(), fmt.Sprintf("write %q: ", path)) {
				t.Errorf("got %q, want the path and %q", err, test.text)
			}
			if strings.Contains(err.Error(), ".jet-") {
				t.Errorf("%q names a temporary file", err)
			}
		})
	}
	wantOnly(t, dir, before...)
}

func TestSymlinks(t *testing.T) {
	tests := []struct{ name, link, old string }{
		{"relative", "real/out", "old"},
		{"relative, dangling", "real/out", ""},
		{"chain", "second", "old"},
		{"chain, dangling", "second", ""},
		{"dots after a link", "to-deep/../out", "old"}, // real/deep/../out
		{"dots after a link, dangling", "to-deep/../out", ""},
	}
	ways(t, func(t *testing.T) {
		for _, test := range tests {
			for _, absolute := range []bool{false, true} {
				t.Run(fmt.Sprint(test.name, absolute), func(t *testing.T) {
					dir := t.TempDir()
					os.MkdirAll(filepath.Join(dir, "real/deep"), 0o700)
					os.Symlink("real/deep", filepath.Join(dir, "to-deep"))
					os.Symlink("third", filepath.Join(dir, "second"))
					os.Symlink("real/out", filepath.Join(dir, "third"))
					link := test.link
					if absolute {
						link = dir + "/" + link
					}
					os.Symlink(link, filepath.Join(dir, "link"))
					before := list(t, dir)
					if test.old != "" {
						put(t, filepath.Join(dir, "real/out"), test.old, 0o640)
					}

					if _, err := WriteFile(filepath.Join(dir, "link"), []byte("new"), Shared); err != nil {
						t.Fatal(err)
					}
					wantContent(t, filepath.Join(dir, "real/out"), "new")
					wantOnly(t, filepath.Join(dir, "real"), "deep", "out")
					wantOnly(t, dir, before...)
					if got, _ := os.Readlink(filepath.Join(dir, "link")); got != link {
						t.Errorf("the link leads to %q, want %q", got, link)
					}
				})
			}
		}
	})
}

func TestCurrentFolderAndLongNames(t *testing.T) {
	ways(t, func(t *testing.T) {
		dir := t.TempDir()
		t.Chdir(dir)
		long := strings.Repeat("ä", 127) // 254 bytes
		for _, name := range []string{"out", long, "-", "with space"} {
			for _, content := range []string{"first", "second", ""} {
				if _, err := WriteFile(name, []byte(content), Private); err != nil {
					t.Fatal(err)
				}
				wantContent(t, name, content)
			}
		}
		if got := list(t, dir); len(got) != 4 {
			t.Errorf("folder holds %q", got)
		}
	})
}

func TestWriteError(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	f := create(t, "/dev/full", Shared)
	if _, err := f.Write([]byte("x")); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("Write: %v, want ENOSPC", err)
	}
	if _, err := f.Write(nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("second Write: %v, want ENOSPC", err)
	}
	if err := f.Commit(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Commit: %v, want ENOSPC", err)
	}
}

func TestStreams(t *testing.T) {
	t.Run("pipe with a name", func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "pipe")
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		os.Symlink("pipe", filepath.Join(dir, "link"))
		read := make(chan string)
		go func() {
			data, _ := os.ReadFile(path)
			read <- string(data)
		}()
		f := create(t, filepath.Join(dir, "link"), Private)
		if f.Hidden() {
			t.Error("a stream is hidden")
		}
		fmt.Fprint(f, "through")
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		if got := <-read; got != "through" {
			t.Errorf("got %q", got)
		}
		wantOnly(t, dir, "link", "pipe")
	})
	t.Run("device", func(t *testing.T) {
		before, _ := os.Stat("/dev/null")
		if inPlace, err := WriteFile("/dev/null", []byte("x"), Private); err != nil || inPlace {
			t.Error(inPlace, err)
		}
		after, err := os.Lstat("/dev/null")
		if err != nil || after.Mode() != before.Mode() {
			t.Errorf("/dev/null became %v, %v", after, err)
		}
	})
	t.Run("descriptor of a file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		file, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		fmt.Fprint(file, "before ")
		wrote := ""
		for _, name := range []string{"/dev/fd/%d", "/proc/self/fd/%d", "/dev/../dev/fd/%d"} {
			if strings.HasPrefix(name, "/proc") {
				if _, err := os.Stat("/proc/self/fd"); err != nil {
					continue
				}
			}
			if _, err := WriteFile(fmt.Sprintf(name, file.Fd()), []byte("x"), Private); err != nil {
				t.Error(err)
			}
			wrote += "x"
		}
		fmt.Fprint(file, " after")
		wantContent(t, path, "before "+wrote+" after")
		wantOnly(t, filepath.Dir(path), "file")
	})
	t.Run("closed descriptor", func(t *testing.T) {
		if f, err := Create("/dev/fd/1234567", Private); !errors.Is(err, syscall.EBADF) {
			f.Close()
			t.Errorf("got %v, want EBADF", err)
		}
	})
	for _, name := range []string{"/dev/stdout", "/dev/fd/1"} {
		t.Run("redirected "+name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			file, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			fmt.Fprintln(file, "before")
			cmd := child("write to", name)
			cmd.Stdout = file
			if err := cmd.Run(); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(file, "after")
			wantContent(t, path, "before\nby the child\nafter\n")
			wantOnly(t, filepath.Dir(path), "file")

			got, err := child("write to", name).Output() // a pipe
			if err != nil || string(got) != "by the child\n" {
				t.Errorf("pipe: got %q, %v", got, err)
			}
		})
	}
}

func TestDescriptor(t *testing.T) {
	tests := []struct {
		path string
		fd   int
		ok   bool
	}{
		{"/dev/stdout", 1, true},
		{"/dev/stderr", 2, true},
		{"//dev//fd/63", 63, false}, // the prefix is compared as written; the link in the way is followed
		{"/dev/fd/63", 63, true},
		{"/dev//fd/63", 63, true},
		{"/proc/self/fd/7", 7, true},
		{"/proc/thread-self/fd/7", 7, true},
		{"/proc/4711/fd/7", -1, true},
		{"/proc/self/fd/", 0, false},
		{"/proc/self/fd/x", 0, false},
		{"/proc/self/fd/-1", 0, false},
		{"/proc/self/fdinfo/7", 0, false},
		{"/dev/fd", 0, false},
		{"/dev/shm/1", 0, false},
		{"dev/stdout", 0, false},
		{"/home/dev/fd/1", 0, false},
	}
	for _, test := range tests {
		fd, ok := descriptor(test.path)
		if ok != test.ok || ok && fd != test.fd {
			t.Errorf("%s: got %d, %v, want %d, %v", test.path, fd, ok, test.fd, test.ok)
		}
	}
}

func TestTwoWriters(t *testing.T) {
	ways(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "out")
		contents := []string{strings.Repeat("a", 100_000), strings.Repeat("b", 300_000)}
		var group sync.WaitGroup
		for _, content := range contents {
			group.Go(func() {
				for range 20 {
					if _, err := WriteFile(path, []byte(content), Private); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != contents[0] && string(got) != contents[1] {
			t.Errorf("a mixture of %d bytes", len(got))
		}
		wantMode(t, path, 0o600)
		wantOnly(t, dir, "out")
	})
}

// A file that appears after Create is replaced all the same.
func TestTargetAppears(t *testing.T) {
	ways(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "out")
		f := create(t, path, Private)
		fmt.Fprint(f, "new")
		put(t, path, "somebody else's", 0o644)
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		wantContent(t, path, "new")
		wantMode(t, path, 0o600)
		wantOnly(t, dir, "out")
	})
}

func TestPlaintextIsClosedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	f := create(t, path, Private)
	if !f.Hidden() {
		t.Skip("every file has a name here")
	}
	put(t, path, "somebody else's", 0o644)
	f.settle()
	if done, err := f.linkStraight(); done || err != nil {
		t.Fatal(done, err)
	}
	if info, _ := f.file.Stat(); info.Mode() != 0 {
		t.Errorf("mode %v before it gets a temporary name, want 0", info.Mode())
	}
}

func TestTargetBecomesFolder(t *testing.T) {
	ways(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "out")
		f := create(t, path, Private)
		fmt.Fprint(f, "new")
		os.Mkdir(path, 0o700)
		if err := f.Commit(); err == nil {
			t.Error("got no error")
		}
		wantOnly(t, dir, "out")
	})
}

func TestWriteNewFile(t *testing.T) {
	ways(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "key")
		if err := WriteNewFile(path, []byte("first"), Private); err != nil {
			t.Fatal(err)
		}
		wantMode(t, path, 0o600)
		if err := WriteNewFile(path, []byte("second"), Private); !errors.Is(err, fs.ErrExist) {
			t.Errorf("over a file: %v, want ErrExist", err)
		}
		wantContent(t, path, "first")

		os.Symlink("nothing", filepath.Join(dir, "link"))
		if err := WriteNewFile(filepath.Join(dir, "link"), []byte("x"), Private); !errors.Is(err, fs.ErrExist) {
			t.Errorf("over a link: %v, want ErrExist", err)
		}
		if err := WriteNewFile(filepath.Join(dir, "missing", "key"), nil, Private); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("missing folder: %v, want ErrNotExist", err)
		}
		wantOnly(t, dir, "key", "link")

		// Something that appears in between is left alone.
		late := filepath.Join(dir, "late")
		f := &File{path: late, class: Private, isNew: true}
		if err := f.open(); err != nil {
			t.Fatal(err)
		}
		put(t, late, "theirs", 0o644)
		if err := f.Commit(); !errors.Is(err, fs.ErrExist) {
			t.Errorf("appeared: %v, want ErrExist", err)
		}
		wantContent(t, late, "theirs")
		wantOnly(t, dir, "key", "late", "link")
	})
}

// Of many who make the same new file at once one wins.
func TestWriteNewFileRace(t *testing.T) {
	ways(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "key")
		var group sync.WaitGroup
		won := make(chan string, 8)
		for i := range 8 {
			group.Go(func() {
				content := strings.Repeat(fmt.Sprint(i), 1000)
				switch err := WriteNewFile(path, []byte(content), Private); {
				case err == nil:
					won <- content
				case !errors.Is(err, fs.ErrExist):
					t.Error(err)
				}
			})
		}
		group.Wait()
		if len(won) != 1 {
			t.Fatalf("%d won, want 1", len(won))
		}
		wantContent(t, path, <-won)
		wantOnly(t, dir, "key")
	})
}

func TestCopyToNamed(t *testing.T) {
	for _, class := range []Class{Private, Shared} {
		dir := t.TempDir()
		path := filepath.Join(dir, "out")
		put(t, path, "old", 0o640)
		f := create(t, path, class)
		content := strings.Repeat("0123456789", 100_000)
		io.WriteString(f, content)
		if f.temp != "" {
			t.Skip("every file has a name here")
		}
		if err := f.copyToNamed(); err != nil {
			t.Fatal(err)
		}
		if class == Private {
			wantMode(t, f.temp, 0)
		}
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		wantContent(t, path, content)
		wantMode(t, path, []fs.FileMode{Private: 0o600, Shared: 0o640}[class])
		wantOnly(t, dir, "out")
	}
}

func TestSpool(t *testing.T) {
	ways(t, func(t *testing.T) {
		dir := t.TempDir()
		t.Setenv("TMPDIR", dir)
		s, err := OpenSpool()
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(s, "ciphertext")
		wantOnly(t, dir)
		if _, err := s.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(s); string(got) != "ciphertext" {
			t.Errorf("got %q, %v", got, err)
		}
		if info, _ := s.Stat(); info.Mode() != 0o600 {
			t.Errorf("mode %v", info.Mode())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}

		t.Setenv("TMPDIR", filepath.Join(dir, "missing"))
		if _, err := OpenSpool(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v, want ErrNotExist", err)
		}
	})
}

func TestSameFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	put(t, "a", "", 0o600)
	put(t, "b", "", 0o600)
	os.Mkdir("folder", 0o700)
	os.Symlink("a", "to-a")
	os.Symlink("../a", "folder/to-a")
	os.Symlink("new", "to-new")
	os.Symlink("folder", "to-folder")
	os.Symlink("loop", "loop")
	os.Link("a", "hard-a")
	tests := []struct {
		a, b string
		want bool
	}{
		{"a", "a", true},
		{"a", "./folder/../a", true},
		{"a", dir + "/a", true},
		{"a", "to-a", true},
		{"folder/to-a", "to-a", true},
		{"a", "hard-a", true},
		{"new", "to-new", true},
		{"folder/new", "to-folder/new", true},
		{"a", "b", false},
		{"a", "new", false},
		{"to-new", "a", false},
		{"new", "folder/new", false},
		{"new", "other", false},
		{"missing/new", "missing/new", false},
		{"folder", "folder", false},
		{"/dev/null", "/dev/null", false},
	}
	for _, test := range tests {
		got, err := SameFile(test.a, test.b)
		if err != nil || got != test.want {
			t.Errorf("%s and %s: got %v, %v, want %v", test.a, test.b, got, err, test.want)
		}
	}
	for _, pair := range [][2]string{{"a", "loop"}, {"loop", "a"}, {"a/x", "a"}} {
		if _, err := SameFile(pair[0], pair[1]); err == nil {
			t.Errorf("%v: got no error", pair)
		}
	}
}

// TestStage: a staged file stands beside its target, with the mode that it is to
// have, and takes its place in one step.
func TestStage(t *testing.T) {
	dir := t.TempDir()
	path, staged := filepath.Join(dir, "out"), filepath.Join(dir, ".out.new")
	put(t, path, "old", 0o640)
	stage := func() *File {
		t.Helper()
		f, err := Stage(path, staged, Shared)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, "new"); err != nil {
			t.Fatal(err)
		}
		return f
	}
	stage().Close()
	wantOnly(t, dir, "out")

	if err := stage().Commit(); err != nil {
		t.Fatal(err)
	}
	wantContent(t, path, "old")
	wantContent(t, staged, "new")
	wantMode(t, staged, 0o640)
	if _, err := Stage(path, staged, Shared); !errors.Is(err, fs.ErrExist) {
		t.Errorf("staged twice: got %v", err)
	}
	wantContent(t, staged, "new")
	if inPlace, err := Replace(staged, path); inPlace || err != nil {
		t.Errorf("got %v, %v", inPlace, err)
	}
	if err := errors.Join(Sync(path), SyncFolder(path)); err != nil {
		t.Error(err)
	}
	wantContent(t, path, "new")
	wantMode(t, path, 0o640)
	wantOnly(t, dir, "out")

	if _, err := Replace(staged, path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a staged file: got %v", err)
	}
	for target, want := range map[string]error{filepath.Join(dir, "absent"): fs.ErrNotExist, dir: syscall.EISDIR} {
		if _, err := Stage(target, staged, Shared); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", target, err, want)
		}
	}
	wantOnly(t, dir, "out")
}

// TestTidy removes temporary files of one target, and nothing else.
func TestTidy(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	for range 2 {
		put(t, temporaryName(path), "old", 0)
	}
	kept := []string{"out", "out.jet-X", ".out.jet-lower", ".out.jet-rotate-" + strings.Repeat("A", 26), filepath.Base(temporaryName(filepath.Join(dir, "other")))}
	for _, name := range kept {
		put(t, filepath.Join(dir, name), "x", 0o600)
	}
	if err := Tidy(path); err != nil {
		t.Error(err)
	}
	slices.Sort(kept)
	wantOnly(t, dir, kept...)
	put(t, temporaryName(path), "old", 0)
	err := Tidy(filepath.Join(dir, "absent", "out"), filepath.Join(dir, "other"), path)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	wantOnly(t, dir, kept[1:]...) // "other" had one too
}

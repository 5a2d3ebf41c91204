package outfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func init() {
	testWays = map[string]func(){
		"unnamed": func() { canUnnamed, descriptors = true, "/proc/self/fd/" },
		"no proc": func() { canUnnamed, descriptors = true, "/nothing/is/here/" },
		"named":   func() { canUnnamed, descriptors = false, "" },
	}
}

func TestWaysDiffer(t *testing.T) {
	ways(t, func(t *testing.T) {
		f := create(t, filepath.Join(t.TempDir(), "out"), Private)
		if f.Hidden() != canUnnamed {
			t.Skipf("got hidden %v, want %v: no O_TMPFILE in %s", f.Hidden(), canUnnamed, os.TempDir())
		}
	})
}

// mount mounts something for one test, or skips it.
func mount(t *testing.T, source, target, kind string, flags uintptr, data string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		t.Skipf("mounting is not possible here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(target, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
}

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	mount(t, "none", dir, "tmpfs", 0, "size=256k")
	ways(t, func(t *testing.T) {
		for _, old := range []bool{false, true} {
			path := filepath.Join(dir, "out")
			os.Remove(path)
			var before []string
			if old {
				put(t, path, "old", 0o600)
				before = []string{"out"}
			}
			f := create(t, path, Private)
			var err error
			for range 100 {
				if _, err = f.Write(make([]byte, 16<<10)); err != nil {
					break
				}
			}
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("Write: %v, want ENOSPC", err)
			}
			if err := f.Commit(); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("Commit: %v, want ENOSPC", err)
			}
			wantOnly(t, dir, before...)
			if old {
				wantContent(t, path, "old")
			}
		}
	})
}

// A full disk must not lead to writing in place.
func TestNoRoomForTemporaryFile(t *testing.T) {
	dir := t.TempDir()
	mount(t, "none", dir, "tmpfs", 0, "nr_inodes=2")
	path := filepath.Join(dir, "out")
	put(t, path, "old", 0o600)
	ways(t, func(t *testing.T) {
		if _, err := WriteFile(path, []byte("new"), Private); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("got %v, want ENOSPC", err)
		}
		wantContent(t, path, "old")
	})
}

func TestMountedFile(t *testing.T) {
	tests := []struct {
		class Class
		old   string
		size  int
		mode  fs.FileMode
	}{
		{Private, "short", 100_000, 0o600},
		{Private, strings.Repeat("long", 10_000), 3, 0o600},
		{Shared, "short", 0, 0o664},
		{Shared, "short", inPlaceLimit, 0o664},
	}
	ways(t, func(t *testing.T) {
		for _, test := range tests {
			t.Run(fmt.Sprint(test.class, test.size), func(t *testing.T) {
				dir := t.TempDir()
				outside, inside := filepath.Join(dir, "outside"), filepath.Join(dir, "inside")
				put(t, outside, test.old, 0o664)
				put(t, inside, "", 0o600)
				mount(t, outside, inside, "", unix.MS_BIND, "")

				content := strings.Repeat("x", test.size)
				f := create(t, inside, test.class)
				io.WriteString(f, content)
				wantContent(t, inside, test.old)
				if err := f.Commit(); err != nil {
					t.Fatal(err)
				}
				if !f.InPlace() {
					t.Error("not in place")
				}
				wantContent(t, outside, content)
				wantMode(t, outside, test.mode)
				wantOnly(t, dir, "inside", "outside")
			})
		}
		t.Run("too large", func(t *testing.T) {
			dir := t.TempDir()
			outside, inside := filepath.Join(dir, "outside"), filepath.Join(dir, "inside")
			put(t, outside, "old", 0o644)
			put(t, inside, "", 0o600)
			mount(t, outside, inside, "", unix.MS_BIND, "")
			_, err := WriteFile(inside, make([]byte, inPlaceLimit+1), Private)
			if !errors.Is(err, errTooLarge) || !strings.Contains(err.Error(), "limited to 16 MiB") {
				t.Errorf("got %v, want errTooLarge", err)
			}
			wantContent(t, outside, "old")
			wantOnly(t, dir, "inside", "outside")
		})
	})
}

func TestReadOnlyFileSystem(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "out"), "old", 0o644)
	mount(t, dir, dir, "", unix.MS_BIND, "")
	if err := unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Skipf("mounting read-only is not possible here: %v", err)
	}
	for _, name := range []string{"out", "new"} {
		if _, err := WriteFile(filepath.Join(dir, name), []byte("x"), Private); !errors.Is(err, syscall.EROFS) {
			t.Errorf("%s: got %v, want EROFS", name, err)
		}
	}
	// A single file mounted writable into it, as containers have it.
	outside := filepath.Join(t.TempDir(), "outside")
	put(t, outside, "old", 0o644)
	mount(t, outside, filepath.Join(dir, "out"), "", unix.MS_BIND, "")
	f := create(t, filepath.Join(dir, "out"), Private)
	if !f.Hidden() {
		t.Error("in memory and not hidden")
	}
	fmt.Fprint(f, "new")
	wantContent(t, outside, "old")
	if err := f.Commit(); err != nil || !f.InPlace() {
		t.Errorf("in place %v, error %v", f.InPlace(), err)
	}
	wantContent(t, outside, "new")
}

// TestReplaceMountedFile: a file that cannot be renamed over is written in place,
// from the staged one, which stays until that is done.
func TestReplaceMountedFile(t *testing.T) {
	dir := t.TempDir()
	outside, inside, staged := filepath.Join(dir, "outside"), filepath.Join(dir, "inside"), filepath.Join(dir, "staged")
	put(t, outside, "old", 0o644)
	put(t, inside, "", 0o600)
	mount(t, outside, inside, "", unix.MS_BIND, "")
	for size, want := range map[int]error{3: nil, inPlaceLimit + 1: errTooLarge} {
		put(t, staged, strings.Repeat("x", size), 0o644)
		inPlace, err := Replace(staged, inside)
		if !errors.Is(err, want) || inPlace != (err == nil) {
			t.Errorf("%d bytes: got %v, %v", size, inPlace, err)
		}
		if _, left := os.Stat(staged); errors.Is(left, fs.ErrNotExist) != (err == nil) {
			t.Errorf("%d bytes: the staged file: %v", size, left)
		}
	}
	wantContent(t, outside, "xxx")
}

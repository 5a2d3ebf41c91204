package privatedir_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dockercfg/jet/internal/privatedir"
)

// TestInMemory: XDG_RUNTIME_DIR is used if it is in memory, else /dev/shm if that is.
func TestInMemory(t *testing.T) {
	var stat unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &stat); err != nil || int64(stat.Type) != unix.TMPFS_MAGIC {
		t.Skipf("needs a tmpfs at /dev/shm (%v)", err)
	}
	memory, err := os.MkdirTemp("/dev/shm", "jet-test-")
	if err != nil {
		t.Skipf("needs a tmpfs that can be written at /dev/shm: %v", err)
	}
	defer os.RemoveAll(memory)
	disk := t.TempDir()
	if err := unix.Statfs(disk, &stat); err == nil && int64(stat.Type) == unix.TMPFS_MAGIC {
		disk = "" // the temporary folder is in memory too
	}
	t.Setenv("TMPDIR", t.TempDir())
	for _, test := range []struct{ runtime, want string }{
		{memory, memory},
		{disk, "/dev/shm"},
		{"", "/dev/shm"},
		{"shm", "/dev/shm"},
		{filepath.Join(memory, "missing"), "/dev/shm"},
	} {
		t.Setenv("XDG_RUNTIME_DIR", test.runtime)
		dir, err := privatedir.Create()
		if err != nil {
			t.Fatal(err)
		}
		if !dir.InMemory() || filepath.Dir(dir.Path()) != test.want {
			t.Errorf("%q: made %q, in memory: %v; want it in %q", test.runtime, dir.Path(), dir.InMemory(), test.want)
		}
		if err := dir.Remove(); err != nil {
			t.Error(err)
		}
	}
}

// TestOnDisk: a temporary folder on a disk is not taken for memory.
func TestOnDisk(t *testing.T) {
	var stat unix.Statfs_t
	if err := unix.Statfs(inTemporary(t), &stat); err != nil || int64(stat.Type) == unix.TMPFS_MAGIC {
		t.Skipf("needs a temporary folder on a disk (%v)", err)
	}
	dir, err := privatedir.Create()
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Remove()
	if dir.InMemory() {
		t.Errorf("%q is taken for memory", dir.Path())
	}
}

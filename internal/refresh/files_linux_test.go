package refresh

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dockercfg/jet/dockercfg"
)

// mounted mounts a small file system for one test.
func mounted(t *testing.T, options string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("mounting is not possible here: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// TestRealDisk fills a disk, and makes it read-only: the old file stands, nothing is
// left beside it, and when there is room again the credential at hand is written.
func TestRealDisk(t *testing.T) {
	dir := mounted(t, "size=64k")
	path := filepath.Join(dir, "password")
	f := &PasswordFile{file(path)}
	put := func(secret string) error {
		_, err := f.Write(t.Context(), Content{Entries: []dockercfg.Entry{entryFor("a.test", secret)}})
		return err
	}
	check := func(what string, err, wanted error, content string) {
		t.Helper()
		if !errors.Is(err, wanted) {
			t.Errorf("%s: got %v, want %v", what, err, wanted)
		}
		want(t, what, read(t, path), content)
		if names, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(names) != 0 {
			t.Errorf("%s: left %v, %v", what, names, err)
		}
	}
	check("fresh", put("one"), nil, "one")
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 128<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	check("full", put("two"), syscall.ENOSPC, "one")
	os.Remove(ballast)
	check("room again", put("two"), nil, "two")
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Skipf("remounting is not possible here: %v", err)
	}
	check("read-only", put("three"), syscall.EROFS, "two")
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	check("writable again", put("three"), nil, "three")
}

//go:build unix

package privatedir_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dockercfg/jet/internal/privatedir"
)

// TestNotOurs: nothing is removed that is not as we make it.
func TestNotOurs(t *testing.T) {
	place := inTemporary(t)
	elsewhere := t.TempDir()
	name := func(label string) string { return filepath.Join(place, privatedir.Prefix+label) }
	kept := map[string]func(path string) error{
		"link":   func(path string) error { return os.Symlink(elsewhere, path) },
		"file":   func(path string) error { return os.WriteFile(path, nil, 0o700) },
		"opened": func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, 0o755)) },
		"group":  func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, 0o770)) },
		"someone's": func(path string) error {
			if os.Geteuid() != 0 {
				return os.Mkdir(path, 0o500) // only root can play this one
			}
			return errors.Join(os.Mkdir(path, 0o700), os.Chown(path, 12345, 12345))
		},
	}
	for label, make := range kept {
		if err := make(name(label)); err != nil {
			t.Fatal(err)
		}
	}
	other := filepath.Join(place, "another-folder")
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	if removed, err := privatedir.RemoveLeftovers(); err != nil || removed != nil {
		t.Errorf("removed %q, %v", removed, err)
	}
	for label := range kept {
		if _, err := os.Lstat(name(label)); err != nil {
			t.Error(err)
		}
	}
}

// TestUnsafePlaces: a place in which somebody else could exchange the folder is
// not used, and said so.
func TestUnsafePlaces(t *testing.T) {
	place := inTemporary(t)
	refused := func(want string) {
		t.Helper()
		dir, err := privatedir.Create()
		if err == nil {
			dir.Remove()
			t.Fatalf("made %q", dir.Path())
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if err := os.Chmod(place, 0o777); err != nil {
		t.Fatal(err)
	}
	refused("can be changed by others (mode 777 without the sticky bit)")
	if err := os.Chmod(place, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	dir, err := privatedir.Create()
	if err != nil {
		t.Fatal(err)
	}
	dir.Remove()

	t.Setenv("TMPDIR", filepath.Join(place, "missing"))
	refused("no such file")
	if os.Geteuid() == 0 {
		if err := os.Chown(place, 12345, 12345); err != nil {
			t.Fatal(err)
		}
		t.Setenv("TMPDIR", place)
		refused("belongs to another user")
	}
}

// TestUmask: the folder is open to its owner under every umask.
func TestUmask(t *testing.T) {
	inTemporary(t)
	old := syscall.Umask(0o777)
	dir, err := privatedir.Create()
	syscall.Umask(old)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Remove()
	if info, err := os.Stat(dir.Path()); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v, want 0700", info.Mode(), err)
	}
}

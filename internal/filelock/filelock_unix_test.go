//go:build unix

package filelock

import (
	"os"
	"path/filepath"
	"testing"
)

const create = os.O_RDWR | os.O_CREATE

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	lock, err := Open(dir, os.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := Open(dir, os.O_RDONLY); err != ErrInUse {
		t.Errorf("got %v", err)
	}
}

func TestAt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := Open(path, create)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if !At(path, lock) {
		t.Error("not at its own path")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if At(path, lock) {
		t.Error("at a path that was removed")
	}
	other, err := Open(path, create)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if At(path, lock) || !At(path, other) {
		t.Error("the other file is taken for the first")
	}
}

package filelock

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Open(path, create)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := Open(path, create); !errors.Is(err, ErrInUse) {
		t.Fatalf("a second one: got %v, %v", second, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(path, create)
	if err != nil {
		t.Fatalf("after the first was closed: %v", err)
	}
	again.Close()
	if _, err := Open(filepath.Join(path, "below"), create); err == nil || errors.Is(err, ErrInUse) {
		t.Errorf("below a file: got %v", err)
	}
}

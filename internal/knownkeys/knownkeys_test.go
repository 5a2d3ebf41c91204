package knownkeys_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dockercfg/jet/internal/knownkeys"
)

func TestRecord(t *testing.T) {
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	t.Setenv("HOME", config)
	t.Setenv("AppData", config)
	var r knownkeys.Record
	check := func(folder, fingerprint string, want bool, fingerprints ...string) {
		t.Helper()
		if got := r.Knows(folder, fingerprint); got != want {
			t.Errorf("%s in %s: got %v, want %v", fingerprint, folder, got, want)
		}
		if got := r.Fingerprints(folder); !slices.Equal(got, fingerprints) {
			t.Errorf("%s: got %q, want %q", folder, got, fingerprints)
		}
	}
	check(".", "a", false)
	r, err := knownkeys.Load("/work tree")
	if err != nil || r.WorkTree != "/work tree" || r.Keys != nil {
		t.Fatalf("got %v, %v", r, err)
	}
	r.Remember(".", "a")
	check(".", "a", true, "a")
	check("sub", "a", true, "a")
	r.Remember("sub", "b")
	check("sub", "a", false, "b")
	check("sub", "b", true, "b")
	check(".", "b", false, "a")
	check("other", "b", true, "a", "b")
	r.Remember(".", "b")
	check("other", "a", false, "b")
	if err := r.Save(); err != nil {
		t.Fatal(err)
	}
	if r, err = knownkeys.Load("/work tree"); err != nil {
		t.Fatal(err)
	}
	check("other", "b", true, "b")
	if other, err := knownkeys.Load("/work tree/"); err != nil || other.Keys != nil {
		t.Errorf("another work tree: got %v, %v", other, err)
	}

	// Without a home nothing is remembered, and that is no error for those who look.
	for _, name := range []string{"XDG_CONFIG_HOME", "HOME", "AppData"} {
		t.Setenv(name, "")
	}
	if r, err := knownkeys.Load("/work tree"); err != nil || r.Keys != nil {
		t.Errorf("without a home: got %v, %v", r, err)
	}
	if err := r.Save(); err == nil {
		t.Error("without a home: saved")
	}
}

func TestPlace(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	sub := filepath.Join(top, "a", "b")
	if err := os.MkdirAll(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	check := func(dir, workTree, folder string) {
		t.Helper()
		if gotTree, gotFolder, err := knownkeys.Place(dir); err != nil || gotTree != workTree || gotFolder != folder {
			t.Errorf("%s: got %q, %q, %v, want %q, %q", dir, gotTree, gotFolder, err, workTree, folder)
		}
	}
	check(sub, sub, ".")
	if err := os.Mkdir(filepath.Join(top, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	check(sub, top, "a/b")
	check(top, top, ".")
	t.Chdir(sub)
	check("", top, "a/b")
	check("..", top, "a")
}

package helperconfig

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

func put(t *testing.T, path, content string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// check checks content and, where there are modes, the mode of a file.
func check(t *testing.T, path, content string, mode fs.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != content {
		t.Errorf("%s: got %q, %v, want %q", path, got, err, content)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode && runtime.GOOS != "windows" {
		t.Errorf("%s: got mode %v, %v, want %v", path, info.Mode(), err, mode)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		found = append(found, e.Name())
	}
	return found
}

func TestFileKept(t *testing.T) {
	dir := t.TempDir()
	f := File{filepath.Join(dir, "config.json")}
	const before, after = `{"credsStore":"pass"}`, `{"credsStore":"jet"}`
	for _, mode := range []fs.FileMode{0o600, 0o644} {
		put(t, f.Path, before, mode)
		c, err := f.Install(everything, true)
		if err != nil || len(c.Members) != 1 || string(c.Config) != after {
			t.Errorf("dry run: %v, %v", c, err)
		}
		check(t, f.Path, before, mode)
		if _, err := f.Install(everything, false); err != nil {
			t.Fatal(err)
		}
		check(t, f.Path, after, mode)
		if info, err := os.Stat(f.statePath()); err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
			t.Errorf("state: %v, %v", info, err)
		}
		if helper, err := f.PassOn("a.test"); helper != "pass" || err != nil {
			t.Errorf("pass on: %q, %v", helper, err)
		}
		if _, err := f.Uninstall(Request{}, true); err != nil {
			t.Fatal(err)
		}
		check(t, f.Path, after, mode)
		if _, err := f.Uninstall(Request{}, false); err != nil {
			t.Fatal(err)
		}
		check(t, f.Path, before, mode)
		if got := names(t, dir); !slices.Equal(got, []string{"config.json"}) {
			t.Errorf("left: %q", got)
		}
	}
}

func TestFileNew(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, ".docker")
	f := File{filepath.Join(dir, "config.json")}
	if helper, err := f.PassOn("a.test"); helper != "" || err != nil {
		t.Errorf("pass on: %q, %v", helper, err)
	}
	if _, err := f.Install(everything, true); err != nil || len(names(t, home)) != 0 {
		t.Errorf("dry run: %v, and there is %q", err, names(t, home))
	}
	if _, err := f.Install(everything, false); err != nil {
		t.Fatal(err)
	}
	check(t, f.Path, "{\n\t\"credsStore\": \"jet\"\n}\n", 0o600)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 && runtime.GOOS != "windows" {
		t.Errorf("folder: %v, %v", info.Mode(), err)
	}
	if _, err := f.Uninstall(Request{}, false); err != nil || len(names(t, dir)) != 0 {
		t.Errorf("uninstall: %v, and there is %q", err, names(t, dir))
	}
	if _, err := f.Uninstall(Request{}, false); err != nil {
		t.Errorf("uninstall again: %v", err)
	}
}

func TestFileLinked(t *testing.T) {
	dir := t.TempDir()
	f := File{filepath.Join(dir, "config.json")}
	target := filepath.Join(dir, "dotfiles.json")
	if err := os.Symlink("dotfiles.json", f.Path); err != nil {
		t.Skip("needs symbolic links: ", err)
	}
	for _, existing := range []bool{true, false} {
		os.Remove(target)
		if existing {
			put(t, target, "{}", 0o640)
		}
		if _, err := f.Install(everything, false); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(f.Path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("the link was replaced: %v, %v", info, err)
		}
		if _, err := os.Stat(target); err != nil {
			t.Error(err)
		}
		if _, err := f.Uninstall(Request{}, false); err != nil {
			t.Fatal(err)
		}
		if existing {
			check(t, target, "{}", 0o640)
		} else if _, err := os.Stat(target); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the new file is still there: %v", err)
		}
	}
}

func TestFileNothingWritten(t *testing.T) {
	dir := t.TempDir()
	f := File{filepath.Join(dir, "config.json")}
	put(t, f.Path, `{"auths":`, 0o600)
	var syntax *SyntaxError
	if _, err := f.Install(everything, false); !errors.As(err, &syntax) {
		t.Errorf("install: %v", err)
	}
	if _, err := f.Uninstall(Request{}, false); !errors.As(err, &syntax) {
		t.Errorf("uninstall: %v", err)
	}
	if _, err := f.PassOn("a.test"); !errors.As(err, &syntax) {
		t.Errorf("pass on: %v", err)
	}
	check(t, f.Path, `{"auths":`, 0o600)
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("there is %q", got)
	}

	if err := (os.Remove(f.Path)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(f.Path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Install(everything, false); err == nil || len(names(t, dir)) != 1 {
		t.Errorf("a folder: %v, and there is %q", err, names(t, dir))
	}
}

// TestFileNotWritable: what was written first is taken back.
func TestFileNotWritable(t *testing.T) {
	dir := t.TempDir()
	f := File{filepath.Join(dir, "config.json")}
	if err := os.Symlink(filepath.Join("missing", "config.json"), f.Path); err != nil {
		t.Skip("needs symbolic links: ", err)
	}
	if _, err := f.Install(everything, false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"config.json"}) {
		t.Errorf("left: %q", got)
	}
}

func TestPath(t *testing.T) {
	t.Setenv("HOME", filepath.FromSlash("/home/x"))
	t.Setenv("USERPROFILE", filepath.FromSlash("/home/x"))
	for value, want := range map[string]string{"": "/home/x/.docker/config.json", "/y": "/y/config.json"} {
		got, err := Path(func(string) (string, bool) { return filepath.FromSlash(value), value != "" })
		if got != filepath.FromSlash(want) || err != nil {
			t.Errorf("DOCKER_CONFIG=%q: got %q, %v, want %q", value, got, err, want)
		}
	}
}

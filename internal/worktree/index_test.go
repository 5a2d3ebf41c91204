package worktree_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/dockercfg/jet/internal/worktree"
)

func wantTracked(t *testing.T, want bool, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if got, err := worktree.Tracks(t.Context(), path); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", path, got, err, want)
		}
	}
}

func TestTracks(t *testing.T) {
	for name, prepare := range map[string][]string{
		"version 2":   nil,
		"version 4":   {"update-index", "--index-version=4"},
		"split index": {"update-index", "--split-index"},
		"large paths": {"config", "index.sparse", "false"},
	} {
		t.Run(name, func(t *testing.T) {
			top := repository(t)
			put(t, top, "key-services.yml", "key.aes", "sub/key.aes", ":odd[x]", "untracked.aes", "sub/sub.aes")
			git(t, top, "add", "-f", "key-services.yml", "key.aes", "sub/key.aes")
			git(t, top, "--literal-pathspecs", "add", "-f", ":odd[x]")
			if prepare != nil {
				git(t, top, prepare...)
			}
			t.Chdir(filepath.Join(top, "sub"))
			wantTracked(t, true, "key.aes", "../key.aes", filepath.Join(top, ":odd[x]"), "tracked", "../gone")
			wantTracked(t, false, "../untracked.aes", "sub.aes", "../sub/missing", "../ey.aes", "../odd[x]", "../clone/key.aes")
			// In the linked work tree the file is not, in the submodule another index counts.
			wantTracked(t, false, "../linked/key.aes", "../module/key.aes")
			wantTracked(t, true, "../linked/sub/tracked", "../module/sub/tracked")
			t.Setenv("GIT_DIR", filepath.Join(top, "clone", ".git"))
			wantTracked(t, true, "key.aes")
		})
	}
}

func TestTracksOutside(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "key.aes", "new/.git/HEAD", "new/key.aes")
	wantTracked(t, false, filepath.Join(dir, "key.aes"), filepath.Join(dir, "new", "key.aes"))
	if _, err := worktree.Tracks(t.Context(), filepath.Join(dir, "missing", "key.aes")); err == nil {
		t.Error("a missing folder: no error")
	}
}

// TestTracksWithoutGit: without the program it is known that a name is not in the
// index, and never that it is.
func TestTracksWithoutGit(t *testing.T) {
	top := repository(t)
	put(t, top, "key.aes")
	t.Setenv("PATH", t.TempDir())
	wantTracked(t, false, filepath.Join(top, "key.aes"))
	if got, err := worktree.Tracks(t.Context(), filepath.Join(top, "tracked")); err == nil {
		t.Errorf("got %v and no error", got)
	}
	if err := os.WriteFile(filepath.Join(top, "linked", ".git"), []byte("what?"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := worktree.Tracks(t.Context(), filepath.Join(top, "linked", "key.aes")); err == nil {
		t.Errorf("no repository: got %v and no error", got)
	}
}

// TestTracksInAnyCase: where the case of letters does not count a file is the one
// that git has under another spelling. Two names of one file stand for that here.
func TestTracksInAnyCase(t *testing.T) {
	top := repository(t)
	put(t, top, "KEY.AES", "other.aes")
	git(t, top, "add", "-f", "KEY.AES")
	path := filepath.Join(top, "key.aes")
	if err := os.Link(filepath.Join(top, "KEY.AES"), path); err != nil && !os.IsExist(err) {
		t.Skip(err)
	}
	wantTracked(t, true, path)
	if runtime.GOOS == "linux" {
		os.Remove(path)
		put(t, top, "key.aes") // another file, by the same name for none but us
		wantTracked(t, false, path)
	}
}

func BenchmarkTracks(b *testing.B) {
	top := filepath.Join(b.TempDir(), "top")
	for i := range 2000 {
		put(b, top, strings.Repeat("folder/", i%7)+"file"+strings.Repeat("s", i%50)+string(rune('a'+i%26))+".aes")
	}
	git(b, top, "init", "-q")
	git(b, top, "add", ".")
	path := filepath.Join(top, "codeship.aes")
	for b.Loop() {
		if got, err := worktree.Tracks(b.Context(), path); got || err != nil {
			b.Fatal(got, err)
		}
	}
}

func TestIgnores(t *testing.T) {
	top := repository(t)
	put(t, top, ":odd.log", "sub/[x].log", "x.txt")
	for path, want := range map[string]bool{":odd.log": true, "sub/[x].log": true, "sub/forced.log": true, "absent.log": true, "x.txt": false, "tracked": false} {
		if got, err := worktree.Ignores(t.Context(), filepath.Join(top, filepath.FromSlash(path))); err != nil || got != want {
			t.Errorf("%s: got %v, %v", path, got, err)
		}
	}
	if _, err := worktree.Ignores(t.Context(), filepath.Join(t.TempDir(), "x.log")); err == nil {
		t.Error("outside of a work tree: no error")
	}
}

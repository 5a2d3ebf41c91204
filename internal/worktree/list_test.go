package worktree_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/dockercfg/jet/internal/worktree"
)

// git runs git in dir as nobody in particular.
func git(t testing.TB, dir string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git")
	}
	cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
}

// put writes files, whose names have slashes.
func put(t testing.TB, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(name), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

func paths(l worktree.Listing) (all []string) {
	for _, f := range l.Files {
		all = append(all, filepath.ToSlash(f.Path))
	}
	return all
}

func check(t *testing.T, what string, got, want []string) {
	t.Helper()
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// repository makes a work tree with a bit of everything.
func repository(t *testing.T) string {
	t.Helper()
	top := filepath.Join(t.TempDir(), "top")
	put(t, top, ".gitignore", "tracked", "gone", "sub/tracked", "sub/forced.log", "was/folder/file", "was/file")
	if err := os.WriteFile(filepath.Join(top, ".gitignore"), []byte("*.log\nbuild/\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	git(t, top, "init", "-q", "-b", "main")
	git(t, top, "add", "-f", ".")
	git(t, top, "commit", "-q", "-m", "start")
	os.Remove(filepath.Join(top, "gone"))
	put(t, top, "untracked", "sub/untracked", "sub/ignored.log", "build/out", "clone/file", "other/file", "kept/file")
	git(t, filepath.Join(top, "clone"), "init", "-q")
	git(t, top, "worktree", "add", "-q", "linked")
	git(t, top, "submodule", "--quiet", "add", filepath.Join(top, ".git"), "module")
	return top
}

func TestList(t *testing.T) {
	top := repository(t)
	tracked := []string{".gitignore", ".gitmodules", "tracked", "sub/tracked", "sub/forced.log", "was/folder/file", "was/file",
		"untracked", "sub/untracked", "other/file", "kept/file"}
	list := func(what, dir string, want []string, nested ...string) {
		t.Helper()
		l, err := worktree.List(t.Context(), filepath.Join(top, dir))
		if err != nil || l.Unread != nil {
			t.Fatalf("%s: %v, unread %v", what, err, l.Unread)
		}
		check(t, what, paths(l), want)
		slices.Sort(l.Nested)
		check(t, what+": nested", l.Nested, nested)
	}
	list("all", "", tracked, "clone", "linked", "module")
	list("a folder", "sub", []string{"tracked", "forced.log", "untracked"})
	list("a submodule", "module", []string{".gitignore", "tracked", "gone", "sub/tracked", "sub/forced.log", "was/folder/file", "was/file"})
	list("an ignored folder", "build", nil)

	// git's variables, as a hook has them, lead nowhere else.
	t.Setenv("GIT_DIR", filepath.Join(top, "clone", ".git"))
	t.Setenv("GIT_INDEX_FILE", filepath.Join(top, "none"))
	list("in a hook", "", tracked, "clone", "linked", "module")

	all, err := worktree.ListAll(t.Context(), top, func(path string) bool { return path == "other" || path == "untracked" })
	if err != nil || all.Unread != nil {
		t.Fatal(err, all.Unread)
	}
	want := slices.DeleteFunc(append(slices.Clone(tracked), "sub/ignored.log", "build/out"), func(path string) bool {
		return path == "other/file" || path == "untracked"
	})
	check(t, "ignored ones too", paths(all), want)
	check(t, "ignored ones too: nested", all.Nested, []string{"clone", "linked", "module"})
}

// TestListLinks: a link is listed and not followed, neither as a file nor as a
// folder where git knows one.
func TestListLinks(t *testing.T) {
	top := repository(t)
	outside := filepath.Join(filepath.Dir(top), "outside")
	put(t, outside, "file", "folder/file", "secret")
	if err := os.RemoveAll(filepath.Join(top, "was")); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"was": outside, "link": "tracked", "dangling": "nothing"} {
		if err := os.Symlink(to, filepath.Join(top, link)); err != nil {
			t.Skip(err)
		}
	}
	for name, list := range map[string]func() (worktree.Listing, error){
		"List":    func() (worktree.Listing, error) { return worktree.List(t.Context(), top) },
		"ListAll": func() (worktree.Listing, error) { return worktree.ListAll(t.Context(), top, nil) },
	} {
		l, err := list()
		if err != nil {
			t.Fatal(err)
		}
		var links []string
		for _, f := range l.Files {
			if f.Info.Mode()&fs.ModeSymlink != 0 {
				links = append(links, f.Path)
			}
			if filepath.Dir(f.Path) == "was" {
				t.Errorf("%s: %q is behind a link", name, f.Path)
			}
		}
		check(t, name, links, []string{"was", "link", "dangling"})
	}
}

// TestListNames: no name is too odd.
func TestListNames(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no odd names")
	}
	top := t.TempDir()
	git(t, top, "init", "-q")
	names := []string{"with space", "line\nend", "tab\there", "\"quoted\"", "back\\slash", "ümläut", "-dash", "#hash", "!bang", ":colon", "*", "sub/ trailing "}
	if runtime.GOOS == "linux" {
		names = append(names, "not\xffutf8")
	}
	put(t, top, names...)
	git(t, top, "add", "-A")
	put(t, top, "new\nname")
	l, err := worktree.List(t.Context(), top)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "odd names", paths(l), append(names, "new\nname"))
}

// TestListConflict: what git has in three versions is one file.
func TestListConflict(t *testing.T) {
	top := t.TempDir()
	put(t, top, "file")
	git(t, top, "init", "-q", "-b", "main")
	git(t, top, "add", ".")
	git(t, top, "commit", "-q", "-m", "start")
	git(t, top, "checkout", "-q", "-b", "other")
	for branch, text := range map[string]string{"other": "a", "main": "b"} {
		git(t, top, "checkout", "-q", branch)
		if err := os.WriteFile(filepath.Join(top, "file"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		git(t, top, "commit", "-q", "-am", text)
	}
	merge := exec.Command("git", "-c", "user.name=a", "-c", "user.email=a@example.com", "merge", "-q", "main", "other")
	merge.Dir = top
	if out, err := merge.CombinedOutput(); err == nil || !strings.Contains(string(out), "CONFLICT") {
		t.Fatalf("no conflict: %v, %s", err, out)
	}
	l, err := worktree.List(t.Context(), top)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "a conflict", paths(l), []string{"file"})
}

// TestListWithoutGit: outside of a work tree nothing is ignored and git not needed.
func TestListWithoutGit(t *testing.T) {
	t.Setenv("GIT_CEILING_DIRECTORIES", os.TempDir())
	dir := t.TempDir()
	put(t, dir, ".gitignore", "a", "b/c")
	t.Setenv("PATH", "")
	l, err := worktree.List(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "without git", paths(l), []string{".gitignore", "a", "b/c"})

	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := worktree.List(t.Context(), dir); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("in a work tree without a git program: got %v, want %v", err, exec.ErrNotFound)
	}
	if l, err := worktree.ListAll(t.Context(), dir, nil); err != nil || len(l.Files) != 3 {
		t.Errorf("got %q, %v", paths(l), err)
	}
}

func TestListErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := worktree.List(t.Context(), filepath.Join(dir, "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent folder: got %v", err)
	}
	if _, err := worktree.ListAll(t.Context(), filepath.Join(dir, "absent"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent folder: got %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := worktree.ListAll(ended, dir, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after its context: got %v", err)
	}
	// A repository that git does not understand.
	put(t, dir, ".git/HEAD")
	git(t, dir, "--version")
	if _, err := worktree.List(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "git ls-files: exit status 128: \"fatal: ") {
		t.Errorf("a broken repository: got %v", err)
	}
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		return // nothing is closed
	}
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0); err != nil {
		t.Fatal(err)
	}
	l, err := worktree.ListAll(t.Context(), dir, nil)
	if err != nil || len(l.Unread) != 1 || !errors.Is(l.Unread[0], fs.ErrPermission) || !strings.Contains(l.Unread[0].Error(), " closed:") {
		t.Errorf("a closed folder: got %v, unread %v", err, l.Unread)
	}
	if l, err := worktree.ListAll(t.Context(), dir, func(path string) bool { return path == "closed" }); err != nil || l.Unread != nil {
		t.Errorf("a closed folder that is skipped: got %v, unread %v", err, l.Unread)
	}
}

// BenchmarkList lists 50,000 files.
func BenchmarkList(b *testing.B) {
	top := b.TempDir()
	for i := range 50_000 {
		if i%500 == 0 {
			os.MkdirAll(filepath.Join(top, fmt.Sprint("folder", i/500)), 0o755)
		}
		if err := os.WriteFile(filepath.Join(top, fmt.Sprint("folder", i/500), fmt.Sprint("file", i)), []byte("x"), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	git(b, top, "init", "-q")
	git(b, top, "add", "-A")
	for _, mode := range []struct {
		name string
		list func() (worktree.Listing, error)
	}{
		{"git", func() (worktree.Listing, error) { return worktree.List(b.Context(), top) }},
		{"all", func() (worktree.Listing, error) { return worktree.ListAll(b.Context(), top, nil) }},
	} {
		b.Run(mode.name, func(b *testing.B) {
			for b.Loop() {
				if l, err := mode.list(); err != nil || len(l.Files) != 50_000 {
					b.Fatal(len(l.Files), err)
				}
			}
		})
	}
}

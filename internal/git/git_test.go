package git_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/dockercfg/jet/internal/git"
	"github.com/dockercfg/jet/internal/worktree"
)

// A place is a work tree to try things in.
type place struct {
	testing.TB
	dir string
}

func newPlace(t testing.TB) place {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git")
	}
	p := place{t, t.TempDir()}
	p.git("init", "-q", "-b", "main")
	return p
}

// git runs git as nobody in particular and gives what it prints.
func (p place) git(args ...string) string {
	p.Helper()
	cmd := worktree.Git(p.Context(), p.dir, append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always"}, args...)...)
	cmd.Env = append(cmd.Env, "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// put writes a file.
func (p place) put(name, content string) {
	p.Helper()
	path := filepath.Join(p.dir, filepath.FromSlash(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		p.Fatal(err)
	}
}

// commit adds files and commits all.
func (p place) commit(files ...string) {
	p.Helper()
	for i := 0; i < len(files); i += 2 {
		p.put(files[i], files[i+1])
	}
	p.git("add", "-A", "-f")
	p.git("commit", "-q", "--allow-empty", "-m", "commit")
}

func paths(entries []git.Entry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, e.Path)
	}
	return all
}

func (p place) same(what string, got, want any) {
	p.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		p.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestEntries(t *testing.T) {
	p := newPlace(t)
	p.same("before the first commit", paths(must(git.Open(p.dir).Entries(t.Context()))), []string(nil))
	names := []string{"a", "b/c", "odd \"name\""}
	if runtime.GOOS != "windows" {
		names = append(names, "line\nend", "tab\there")
	}
	if runtime.GOOS == "linux" {
		names = append(names, "not\xffutf8")
	}
	for _, name := range names {
		p.put(name, name)
	}
	p.git("add", "-A")
	p.git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",module")
	p.git("update-index", "--assume-unchanged", "a")
	p.git("update-index", "--skip-worktree", "b/c")
	entries := must(git.Open(p.dir).Entries(t.Context()))
	want := append(names, "module")
	slices.Sort(want)
	if !slices.Equal(paths(entries), want) {
		t.Errorf("got %q, want %q", paths(entries), want)
	}
	for _, e := range entries {
		if e.Unwatched != (e.Path == "a" || e.Path == "b/c") || e.Unmerged || e.Mode.IsFile() == (e.Path == "module") || len(e.Object) != 40 {
			t.Errorf("got %+v", e)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestStagedAndDifferences(t *testing.T) {
	p := newPlace(t)
	r := git.Open(p.dir)
	p.put("first", "1")
	p.git("add", "first")
	p.same("staged before the first commit", paths(must(r.Staged(t.Context()))), []string{"first"})
	p.commit("gone", "1", "moved", "a long content that git sees as the same", "changed", "1", "edited", "1", "lost", "1", "kept", "1")
	p.git("rm", "-q", "gone")
	p.git("mv", "moved", "elsewhere")
	p.put("changed", "2")
	p.put("new", "1")
	p.git("add", "changed", "new")
	p.put("intended", "1")
	p.git("add", "-N", "intended")
	p.put("edited", "22")
	if err := os.Remove(filepath.Join(p.dir, "lost")); err != nil {
		t.Fatal(err)
	}
	p.same("staged", paths(must(r.Staged(t.Context()))), []string{"changed", "elsewhere", "new"})
	p.same("differences", must(r.Differences(t.Context())), map[string]git.Difference{"edited": git.Modified, "lost": git.Missing, "intended": git.Intended})

	// What a hook is told to look at, and what it is not.
	p.git("read-tree", "--index-output="+filepath.Join(p.dir, ".git", "other"), "HEAD")
	t.Setenv("GIT_INDEX_FILE", ".git/other")
	p.same("in another index", paths(must(git.Open(p.dir).Staged(t.Context()))), []string(nil))
	t.Setenv("GIT_INDEX_FILE", filepath.Join(p.dir, "none"))
	t.Setenv("GIT_DIR", "none")
	p.same("in an index that is not there", paths(must(git.Open(p.dir).Staged(t.Context()))), []string{"changed", "elsewhere", "new"})
}

func TestConflict(t *testing.T) {
	p := newPlace(t)
	p.commit("file", "1")
	p.git("checkout", "-q", "-b", "other")
	p.commit("file", "2")
	p.git("checkout", "-q", "main")
	p.commit("file", "3")
	merge := worktree.Git(t.Context(), p.dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "merge", "other")
	if out, err := merge.CombinedOutput(); err == nil {
		t.Fatalf("no conflict: %s", out)
	}
	entries := must(git.Open(p.dir).Entries(t.Context()))
	p.same("paths", paths(entries), []string{"file", "file", "file"})
	if !entries[0].Unmerged {
		t.Errorf("got %+v", entries[0])
	}
	p.same("staged", paths(must(git.Open(p.dir).Staged(t.Context()))), []string(nil))
}

func TestBlobs(t *testing.T) {
	p := newPlace(t)
	contents := []string{"one", "", "two\nlines\n", strings.Repeat("long ", 50_000), "\x00\xff"}
	var objects []string
	for i, content := range contents {
		p.put(fmt.Sprint(i), content)
		objects = append(objects, p.git("hash-object", "-w", fmt.Sprint(i)))
	}
	const absent = "1111111111111111111111111111111111111111"
	objects = append(objects, absent, objects[0])
	r := git.Open(p.dir)
	sizes := must(r.Sizes(t.Context(), objects))
	for _, read := range []int64{-1, 0, 2} { // all, nothing, a part
		got := 0
		err := r.Blobs(t.Context(), objects, func(i int, size int64, content io.Reader) error {
			got++
			want := contents[i%(len(contents)+1)%len(contents)]
			switch {
			case objects[i] == absent:
				if size != git.Absent || content != nil || sizes[i] != git.Absent {
					t.Errorf("an absent object has %d and %d bytes", size, sizes[i])
				}
				return nil
			case size != int64(len(want)) || sizes[i] != size:
				t.Errorf("object %d: %d and %d bytes, want %d", i, size, sizes[i], len(want))
			}
			if read >= 0 {
				_, err := io.CopyN(io.Discard, content, min(read, size))
				return err
			}
			data, err := io.ReadAll(content)
			if string(data) != want {
				t.Errorf("object %d: %d bytes are not the content", i, len(data))
			}
			return err
		})
		if err != nil || got != len(objects) {
			t.Errorf("%d objects of %d, %v", got, len(objects), err)
		}
	}
	stop := errors.New("stop")
	if err := r.Blobs(t.Context(), slices.Repeat(objects, 2000), func(int, int64, io.Reader) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v, want the visitor's error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := r.Blobs(ctx, slices.Repeat(objects, 2000), func(int, int64, io.Reader) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v after the context", err)
	}
	if err := r.Blobs(t.Context(), nil, nil); err != nil {
		t.Errorf("no objects: %v", err)
	}
}

// TestHistory: a blob is found on every way that a ref leads to it, once, and with
// the first commit that had it under each of its names.
func TestHistory(t *testing.T) {
	p := newPlace(t)
	p.commit("a", "key-one", "big", strings.Repeat("x", 100))
	first := p.git("rev-parse", "HEAD")
	p.git("rm", "-q", "a")
	p.commit("sub/b", "key-one")
	second := p.git("rev-parse", "HEAD")
	p.git("checkout", "-q", "-b", "side", first)
	p.commit("side", "key-two")
	third := p.git("rev-parse", "HEAD")
	p.git("checkout", "-q", "main")
	p.git("merge", "-q", "--no-commit", "--no-ff", "side")
	p.put("evil", "key-three")
	p.git("add", "evil")
	p.git("commit", "-q", "-m", "a merge that brings something of its own")
	fourth := p.git("rev-parse", "HEAD")
	p.git("branch", "-q", "-D", "side")
	p.put("stashed", "key-four")
	p.git("add", "stashed")
	p.git("stash", "-q")
	p.put("loose", "key-five")
	p.git("hash-object", "-w", "loose")

	r := git.Open(p.dir)
	h := must(r.History(t.Context(), 50))
	if h.Commits != 6 || h.Shallow || h.Absent != 0 { // the stash is two
		t.Errorf("got %+v", h)
	}
	var objects []string
	for _, b := range h.Blobs {
		objects = append(objects, b.Object)
	}
	var contents []string
	if err := r.Blobs(t.Context(), objects, func(_ int, _ int64, content io.Reader) error {
		data, err := io.ReadAll(content)
		contents = append(contents, string(data))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(contents)
	p.same("contents", contents, []string{"key-four", "key-one", "key-three", "key-two"})

	introductions := must(r.Introductions(t.Context(), objects))
	got := make(map[string]string)
	for _, in := range introductions {
		if in.Time.IsZero() || got[in.Path] != "" {
			t.Errorf("got %+v, and %q before", in, got[in.Path])
		}
		got[in.Path] = in.Commit
	}
	for path, commit := range map[string]string{"a": first, "sub/b": second, "side": third, "evil": fourth} {
		if got[path] != commit {
			t.Errorf("%s: introduced by %s, want %s", path, got[path], commit)
		}
	}
	if len(got) != 5 || got["stashed"] == "" {
		t.Errorf("got %v", got)
	}
	if none, err := r.Introductions(t.Context(), nil); none != nil || err != nil {
		t.Errorf("no objects: %v, %v", none, err)
	}
}

func TestHistoryOfNothing(t *testing.T) {
	p := newPlace(t)
	h, err := git.Open(p.dir).History(t.Context(), 50)
	if err != nil || h.Commits != 0 || h.Blobs != nil {
		t.Errorf("got %+v, %v", h, err)
	}
}

// TestClones: what a clone left behind is said, and never fetched.
func TestClones(t *testing.T) {
	source := newPlace(t)
	source.commit("a", "1")
	source.commit("a", "2")
	source.git("config", "uploadpack.allowFilter", "true")
	url := "file://" + filepath.ToSlash(source.dir)
	if runtime.GOOS == "windows" {
		url = "file:///" + filepath.ToSlash(source.dir)
	}
	clone := func(args ...string) *git.Repository {
		dir := filepath.Join(t.TempDir(), "clone")
		source.git(append(append([]string{"clone", "-q"}, args...), url, dir)...)
		place{t, dir}.git("read-tree", "HEAD")
		return git.Open(dir)
	}
	if h := must(clone("--depth=1").History(t.Context(), 50)); !h.Shallow || h.Commits != 1 || len(h.Blobs) != 1 {
		t.Errorf("a shallow clone: %+v", h)
	}
	partial := clone("--filter=blob:none", "--no-checkout")
	if h := must(partial.History(t.Context(), 50)); h.Shallow || h.Commits != 2 || h.Absent != 2 || h.Blobs != nil {
		t.Errorf("a partial clone: %+v", h)
	}
	entries := must(partial.Entries(t.Context()))
	if sizes, err := partial.Sizes(t.Context(), []string{entries[0].Object}); err != nil || sizes[0] != git.Absent {
		t.Errorf("a blob that a partial clone does not have: %d bytes, %v", sizes, err)
	}
	if h := must(partial.History(t.Context(), 50)); h.Absent != 2 {
		t.Errorf("it was fetched: %+v", h)
	}
}

func TestFailures(t *testing.T) {
	p := newPlace(t)
	p.commit("a", "1")
	r := git.Open(p.dir)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := os.WriteFile(filepath.Join(p.dir, ".git", "config"), []byte("[core\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for what, ask := range map[string]func(ctx context.Context) error{
		"Entries":       func(ctx context.Context) error { _, err := r.Entries(ctx); return err },
		"Staged":        func(ctx context.Context) error { _, err := r.Staged(ctx); return err },
		"Differences":   func(ctx context.Context) error { _, err := r.Differences(ctx); return err },
		"Sizes":         func(ctx context.Context) error { _, err := r.Sizes(ctx, []string{"HEAD"}); return err },
		"History":       func(ctx context.Context) error { _, err := r.History(ctx, 50); return err },
		"Introductions": func(ctx context.Context) error { _, err := r.Introductions(ctx, []string{"HEAD"}); return err },
	} {
		if err := ask(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "git ") || !strings.Contains(err.Error(), "bad config") {
			t.Errorf("%s: got %v, want what git says", what, err)
		}
		if err := ask(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v after the context", what, err)
		}
	}
}

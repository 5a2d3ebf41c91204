package projectkey

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// repository makes a git work tree and makes it the current folder.
func repository(t *testing.T) string {
	t.Helper()
	needGit(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	git(t, dir, "init", "-q")
	t.Chdir(dir)
	return dir
}

func needGit(t *testing.T) {
	t.Helper()
	needUnix(t)
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "GIT_") {
			t.Setenv(name, "") // so that it is put back
			os.Unsetenv(name)
		}
	}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_SYSTEM", os.DevNull)
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always"}, args...)...)
	cmd.Dir = dir
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, output)
	}
	return string(output)
}

// wantKey checks the file of a key, and that git would not add it.
func wantKey(t *testing.T, g Generated) {
	t.Helper()
	found, err := Lookup{KeyPath: g.Path}.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if found.Key.Fingerprint() != g.Fingerprint {
		t.Errorf("fingerprint %s, want %s", g.Fingerprint, found.Key.Fingerprint())
	}
	if info, _ := os.Stat(g.Path); info.Mode() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	text, _ := os.ReadFile(g.Path)
	if strings.Contains(fmt.Sprintf("%+v", g), string(text[:8])) {
		t.Error("the result holds the key")
	}
}

func wantNotAdded(t *testing.T, dir, name string) {
	t.Helper()
	if status := git(t, dir, "status", "--porcelain", "-z", "-uall"); strings.Contains(status, name) {
		t.Errorf("git would add %q: %q", name, status)
	}
}

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v, want %q", path, got, err, want)
	}
}

func TestGenerateOutsideGit(t *testing.T) {
	needUnix(t)
	dir := t.TempDir()
	t.Chdir(dir)
	g, err := Generate(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	wantKey(t, g)
	if g.Path != FileName || g.Ignored != "" || len(g.Notices) != 0 {
		t.Errorf("got %+v", g)
	}
	before, _ := os.ReadFile(FileName)
	if _, err := Generate(t.Context(), ""); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second: got %v, want ErrExist", err)
	}
	wantFile(t, FileName, string(before))
	if _, err := Generate(t.Context(), "missing/key"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), `folder "missing/"`) {
		t.Errorf("missing folder: got %v, want ErrNotExist", err)
	}
	os.Symlink("nowhere", "link")
	for _, path := range []string{"link", ".", dir} {
		if _, err := Generate(t.Context(), path); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: got %v, want ErrExist", path, err)
		}
	}
	if entries, _ := os.ReadDir("."); len(entries) != 2 {
		t.Errorf("folder holds %v", entries)
	}
}

func TestGitignoreContent(t *testing.T) {
	tests := []struct {
		name, before, after string
	}{
		{"absent", "", "/codeship.aes\n"},
		{"lines", "/bin/\n", "/bin/\n/codeship.aes\n"},
		{"no final newline", "/bin/", "/bin/\n/codeship.aes\n"},
		{"CRLF", "/bin/\r\nx\r\n", "/bin/\r\nx\r\n/codeship.aes\r\n"},
		{"CRLF, no final newline", "/bin/\r\nx", "/bin/\r\nx\r\n/codeship.aes\r\n"},
		{"byte-order mark", "\ufeff/bin/\n", "\ufeff/bin/\n/codeship.aes\n"},
		{"commented out", "#codeship.aes\n", "#codeship.aes\n/codeship.aes\n"},
		{"taken back", "*.aes\n!codeship.aes\n", "*.aes\n!codeship.aes\n/codeship.aes\n"},
		{"there and taken back", "/codeship.aes\n!*.aes\n", "/codeship.aes\n!*.aes\n/codeship.aes\n"},
		{"another folder's", "sub/codeship.aes\n", "sub/codeship.aes\n/codeship.aes\n"},
		{"there", "codeship.aes\n", "codeship.aes\n"},
		{"there, anchored", "/codeship.aes", "/codeship.aes"},
		{"there, CRLF", "codeship.aes\r\nx\r\n", "codeship.aes\r\nx\r\n"},
	}
	for _, test := range tests {
		for _, mode := range []string{"git", "no git"} {
			t.Run(test.name+", "+mode, func(t *testing.T) {
				dir := repository(t)
				if test.before != "" {
					put(t, ".gitignore", []byte(test.before), 0o640)
				}
				path := os.Getenv("PATH")
				if mode == "no git" {
					t.Setenv("PATH", dir)
				}
				g, err := Generate(t.Context(), "")
				if err != nil {
					t.Fatal(err)
				}
				wantKey(t, g)
				wantFile(t, ".gitignore", test.after)
				if changed := test.before != test.after; (g.Ignored == ".gitignore") != changed {
					t.Errorf("Ignored %q, changed %v", g.Ignored, changed)
				}
				if test.before != "" {
					if info, _ := os.Stat(".gitignore"); info.Mode() != 0o640 {
						t.Errorf("mode of .gitignore became %v", info.Mode())
					}
				}
				if got := len(g.Notices); (got == 1) != (mode == "no git") {
					t.Errorf("notices %q", g.Notices)
				}
				t.Setenv("PATH", path)
				wantNotAdded(t, dir, FileName)
			})
		}
	}
}

func TestIgnoredElsewhere(t *testing.T) {
	for file, pattern := range map[string]string{
		".git/info/exclude": "codeship.aes",
		".gitignore":        "*.aes",
	} {
		dir := repository(t)
		put(t, file, []byte(pattern+"\n"), 0o644)
		os.MkdirAll("sub", 0o755)
		g, err := Generate(t.Context(), "sub/codeship.aes")
		if err != nil || g.Ignored != "" {
			t.Errorf("%s: got %+v, %v", file, g, err)
		}
		if _, err := os.Stat("sub/.gitignore"); err == nil {
			t.Errorf("%s: a needless .gitignore", file)
		}
		wantNotAdded(t, dir, FileName)
	}
}

func TestOddNames(t *testing.T) {
	names := []string{
		"key", "#key", "!key", "a b", "ends in spaces  ", "*", "a*b", "a?b", "[ab]", "[", `back\slash`, `\`, ":(top)key",
		":!key", "-q", "--", "ключ", "\t", "tab\t", `"quoted"`, "bad\xffutf8",
	}
	for _, name := range names {
		t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
			dir := repository(t)
			put(t, "neighbour", nil, 0o644)
			put(t, "ab", nil, 0o644)
			g, err := Generate(t.Context(), name)
			if err != nil {
				if errors.Is(err, fs.ErrInvalid) || strings.Contains(err.Error(), "illegal byte sequence") {
					t.Skip(err)
				}
				t.Fatal(err)
			}
			wantKey(t, g)
			if g.Ignored != ".gitignore" || len(g.Notices) != 0 {
				t.Errorf("got %+v", g)
			}
			// Only the key is ignored.
			status := git(t, dir, "status", "--porcelain", "-z", "-uall")
			if status != "?? .gitignore\x00?? ab\x00?? neighbour\x00" {
				t.Errorf("status %q", status)
			}
			// The plain look finds the line that was written.
			pattern, _ := ignorePattern(name)
			lines, _ := os.ReadFile(".gitignore")
			if !ignores(lines, pattern) {
				t.Errorf("the line is not found again in %q", lines)
			}
		})
	}
	t.Run("line end", func(t *testing.T) {
		repository(t)
		for _, name := range []string{"a\nb", "a\r"} {
			if _, err := Generate(t.Context(), name); err == nil {
				t.Errorf("%q: got no error", name)
			}
			if _, err := os.Lstat(name); err == nil {
				t.Errorf("%q: the key stands there", name)
			}
		}
	})
}

func TestTracked(t *testing.T) {
	for _, name := range []string{FileName, ":odd", "*"} {
		dir := repository(t)
		put(t, name, []byte("an old key\n"), 0o600)
		git(t, dir, "--literal-pathspecs", "add", "-f", "--", name)
		for _, state := range []string{"added", "committed"} {
			os.Remove(name) // in the index all the same
			if _, err := Generate(t.Context(), name); !errors.Is(err, ErrTracked) {
				t.Errorf("%s, %s: got %v, want ErrTracked", name, state, err)
			}
			if _, err := os.Lstat(name); err == nil {
				t.Errorf("%s: the key stands there", name)
			}
			if _, err := os.Lstat(".gitignore"); err == nil {
				t.Errorf("%s: .gitignore was written", name)
			}
			git(t, dir, "commit", "-q", "-m", "x", "--allow-empty")
		}
	}
}

func TestWildcardNameIsNotTaken(t *testing.T) {
	dir := repository(t)
	put(t, "tracked", nil, 0o600)
	git(t, dir, "add", "tracked")
	g, err := Generate(t.Context(), "t*") // as a pathspec it would mean the other
	if err != nil {
		t.Fatal(err)
	}
	wantKey(t, g)
}

func TestWorktreeAndSubmodule(t *testing.T) {
	dir := repository(t)
	git(t, dir, "commit", "-q", "--allow-empty", "-m", "x")
	git(t, dir, "worktree", "add", "-q", dir+"/linked")
	inner := filepath.Join(t.TempDir(), "inner")
	git(t, dir, "init", "-q", inner)
	git(t, inner, "commit", "-q", "--allow-empty", "-m", "x")
	git(t, dir, "submodule", "add", "-q", inner, "module")
	for _, tree := range []string{"linked", "module"} {
		os.MkdirAll(filepath.Join(dir, tree, "sub"), 0o755)
		g, err := Generate(t.Context(), tree+"/sub/codeship.aes")
		if err != nil {
			t.Fatal(err)
		}
		wantKey(t, g)
		if want := filepath.Join(tree, "sub/.gitignore"); g.Ignored != want {
			t.Errorf("Ignored %q, want %q", g.Ignored, want)
		}
		wantNotAdded(t, filepath.Join(dir, tree), FileName)
		// And it is found again from below.
		deep := filepath.Join(dir, tree, "sub/deep")
		os.Mkdir(deep, 0o755)
		if found, err := (Lookup{LookupEnv: environment(), Dir: deep}).Find(t.Context()); err != nil || found.Key.Fingerprint() != g.Fingerprint {
			t.Errorf("%s: got %+v, %v", tree, found, err)
		}
	}
}

// Inside a hook git points at its own repository.
func TestVariablesOfGit(t *testing.T) {
	other := repository(t)
	dir := repository(t)
	t.Setenv("GIT_DIR", other+"/.git")
	t.Setenv("GIT_WORK_TREE", other)
	t.Setenv("GIT_INDEX_FILE", "/nothing/index")
	g, err := Generate(t.Context(), "")
	if err != nil || len(g.Notices) != 0 || g.Ignored != ".gitignore" {
		t.Fatalf("got %+v, %v", g, err)
	}
	os.Unsetenv("GIT_DIR")
	os.Unsetenv("GIT_WORK_TREE")
	os.Unsetenv("GIT_INDEX_FILE")
	wantNotAdded(t, dir, FileName)
}

func TestThroughLinkedFolder(t *testing.T) {
	dir := repository(t)
	os.Mkdir("real", 0o755)
	link := filepath.Join(t.TempDir(), "link")
	os.Symlink(filepath.Join(dir, "real"), link)
	g, err := Generate(t.Context(), filepath.Join(link, FileName))
	if err != nil {
		t.Fatal(err)
	}
	wantKey(t, g)
	wantFile(t, "real/.gitignore", "/codeship.aes\n")
	wantNotAdded(t, dir, FileName)
}

func TestInsideGitFolder(t *testing.T) {
	repository(t)
	g, err := Generate(t.Context(), ".git/codeship.aes")
	if err != nil || g.Ignored != "" || len(g.Notices) != 0 {
		t.Errorf("got %+v, %v", g, err)
	}
}

// Without a .gitignore that works there is no key.
func TestNoKeyUnignored(t *testing.T) {
	utf16 := "\xff\xfeb\x00i\x00n\x00\n\x00"
	tests := map[string]func(t *testing.T){
		"link":          func(t *testing.T) { put(t, "shared", []byte("x\n"), 0o644); os.Symlink("shared", ".gitignore") },
		"dangling link": func(t *testing.T) { os.Symlink("nowhere", ".gitignore") },
		"folder":        func(t *testing.T) { os.Mkdir(".gitignore", 0o755) },
		"UTF-16":        func(t *testing.T) { put(t, ".gitignore", []byte(utf16), 0o644) },
	}
	for name, prepare := range tests {
		for _, mode := range []string{"git", "no git"} {
			t.Run(name+", "+mode, func(t *testing.T) {
				dir := repository(t)
				prepare(t)
				before, _ := os.ReadFile(".gitignore")
				info, _ := os.Lstat(".gitignore")
				if mode == "no git" {
					t.Setenv("PATH", dir)
				}
				if _, err := Generate(t.Context(), ""); err == nil {
					t.Error("got no error")
				}
				if _, err := os.Lstat(FileName); err == nil {
					t.Error("the key stands there")
				}
				after, _ := os.ReadFile(".gitignore")
				now, _ := os.Lstat(".gitignore")
				if !bytes.Equal(before, after) || info.Mode() != now.Mode() {
					t.Errorf(".gitignore was changed to %q, %v", after, now.Mode())
				}
				if name == "dangling link" {
					if _, err := os.Lstat("nowhere"); err == nil {
						t.Error("something was written where the link leads")
					}
				}
			})
		}
	}
}

// A repository that git refuses to talk about.
func TestGitGivesNoAnswer(t *testing.T) {
	needGit(t)
	dir := t.TempDir()
	t.Chdir(dir)
	os.Mkdir(".git", 0o755) // and nothing in it
	g, err := Generate(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	wantKey(t, g)
	wantFile(t, ".gitignore", "/codeship.aes\n")
	if len(g.Notices) != 1 || !strings.Contains(g.Notices[0], `could not be asked whether it tracks or ignores "codeship.aes"`) || !strings.Contains(g.Notices[0], "not a git repository") {
		t.Errorf("notices %q", g.Notices)
	}
}

func TestGenerateCancelled(t *testing.T) {
	repository(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Generate(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want Canceled", err)
	}
	if entries, _ := os.ReadDir("."); len(entries) != 1 {
		t.Errorf("folder holds %v", entries)
	}
}

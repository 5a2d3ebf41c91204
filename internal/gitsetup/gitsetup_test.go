package gitsetup_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/dockercfg/jet/internal/gitsetup"
)

// newRepository makes a repository with one commit, in which the program of these
// tests stands for jet: it writes down its arguments, and fails if it is told to.
func newRepository(t *testing.T) (top string, request gitsetup.Request) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git")
	}
	dir := t.TempDir()
	for name, value := range map[string]string{
		"HOME": dir, "XDG_CONFIG_HOME": dir, "GIT_CONFIG_NOSYSTEM": "1",
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@test", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@test",
	} {
		t.Setenv(name, value)
	}
	top = filepath.Join(dir, "repo")
	git(t, dir, "init", "-q", "repo")
	write(t, filepath.Join(top, "file"), "x\n", 0o666)
	git(t, top, "add", ".")
	git(t, top, "commit", "-qm", "first")
	program := filepath.Join(dir, "a jet's", "jet")
	write(t, program, "#!/bin/sh\necho \"$@\" >>"+filepath.Join(dir, "ran")+"\nexit ${JET_TEST_EXIT:-0}\n", 0o777)
	return top, gitsetup.Request{Dir: top, Program: program}
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func write(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// files gives what is in a folder, but for what commits change: text and mode.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{"objects", "logs", "refs"}, entry.Name()) {
			return fs.SkipDir
		}
		if !entry.Type().IsRegular() || entry.Name() == "index" || entry.Name() == "COMMIT_EDITMSG" {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = info.Mode().String() + "\n" + string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func same(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for path, text := range got {
		if want[path] != text {
			t.Errorf("%s: %s is %q, want %q", what, path, text, want[path])
		}
	}
	for path := range want {
		if _, ok := got[path]; !ok {
			t.Errorf("%s: %s is gone", what, path)
		}
	}
}

func install(t *testing.T, r gitsetup.Request) *gitsetup.Change {
	t.Helper()
	change, err := gitsetup.Install(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return change
}

func uninstall(t *testing.T, r gitsetup.Request) *gitsetup.Change {
	t.Helper()
	change, err := gitsetup.Uninstall(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return change
}

const hookPath = ".git/hooks/pre-commit"

// TestRoundTrip installs, twice, and uninstalls, beside all kinds of files that
// are there before: they come back to the byte.
func TestRoundTrip(t *testing.T) {
	for name, before := range map[string]struct {
		attributes, hook, config string
	}{
		"nothing":                     {},
		"other lines":                 {"*.png binary\n", "#!/bin/sh\necho hello\n", "[user]\n\tname = x # mine\n"},
		"no line end at the end":      {"*.png binary", "#!/bin/bash\nexec true", ""},
		"CRLF":                        {"*.png binary\r\n", "#!/bin/sh\n", ""},
		"CRLF without a last":         {"*.png binary\r\n*.jpg binary", "#!/usr/bin/env bash", ""},
		"sections of ours":            {"", "", "[diff \"jet\"]\n\tbinary = true\n[merge]\n\tff = false\n"},
		"an empty file of attributes": {"\n", "#!/bin/sh -e\n\n# c\nexit 0\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			top, r := newRepository(t)
			if before.attributes != "" {
				write(t, filepath.Join(top, ".gitattributes"), before.attributes, 0o640)
			}
			if before.hook != "" {
				write(t, filepath.Join(top, hookPath), before.hook, 0o750)
			}
			config, err := os.ReadFile(filepath.Join(top, ".git/config"))
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(top, ".git/config"), string(config)+before.config, 0o600)
			were := files(t, top)

			dry := r
			dry.DryRun = true
			would := install(t, dry)
			same(t, "after a dry run", files(t, top), were)
			change := install(t, r)
			if len(change.Done) != 5 || !slices.Equal(change.Done, would.Done) || change.Notices != nil {
				t.Errorf("it did %q, and would do %q; notices: %q", change.Done, would.Done, change.Notices)
			}
			installed := files(t, top)
			if again := install(t, r); again.Done != nil {
				t.Errorf("the second time it did %q", again.Done)
			}
			same(t, "installed twice", files(t, top), installed)

			if got := git(t, top, "check-attr", "diff", "merge", "--", "below/x.encrypted"); strings.Count(got, ": jet\n") != 2 {
				t.Errorf("git says %q", got)
			}
			// The hook runs, and fails the commit if jet does.
			git(t, top, "commit", "-q", "--allow-empty", "-m", "second")
			ran, err := os.ReadFile(filepath.Join(filepath.Dir(top), "ran"))
			if err != nil || string(ran) != "check --staged\n" {
				t.Errorf("the hook ran %q (%v)", ran, err)
			}
			t.Setenv("JET_TEST_EXIT", "1")
			failing := exec.Command("git", "commit", "-q", "--allow-empty", "-m", "third")
			failing.Dir = top
			if failing.Run() == nil {
				t.Error("the commit is made though the check fails")
			}

			uninstall(t, dry)
			same(t, "after a dry run", files(t, top), installed)
			if change := uninstall(t, r); len(change.Done) != 5 || change.Notices != nil {
				t.Errorf("uninstall did %q, notices: %q", change.Done, change.Notices)
			}
			same(t, "uninstalled", files(t, top), were)
			if change := uninstall(t, r); change.Done != nil {
				t.Errorf("the second time uninstall did %q", change.Done)
			}
		})
	}
}

// TestProgramMoved has another path of jet on the second time.
func TestProgramMoved(t *testing.T) {
	top, r := newRepository(t)
	install(t, r)
	r.Program = "/elsewhere/jet"
	if change := install(t, r); len(change.Done) != 3 {
		t.Errorf("it did %q", change.Done)
	}
	hook, err := os.ReadFile(filepath.Join(top, hookPath))
	if err != nil || strings.Count(string(hook), ">>> jet >>>") != 1 || !strings.Contains(string(hook), "\t/elsewhere/jet check --staged") {
		t.Errorf("the hook is %q (%v)", hook, err)
	}
	if got := git(t, top, "config", "diff.jet.textconv"); got != "/elsewhere/jet git textconv\n" {
		t.Errorf("textconv is %q", got)
	}
	// A jet that is gone stops no commit.
	if out := git(t, top, "commit", "--allow-empty", "-qm", "x"); !strings.Contains(out, "jet is not there") {
		t.Errorf("git said %q", out)
	}
	uninstall(t, r)
	if _, err := os.Stat(filepath.Join(top, hookPath)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the hook is still there (%v)", err)
	}
}

// TestOtherHooks has hooks that are not ours to change.
func TestOtherHooks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs modes and links")
	}
	for name, c := range map[string]struct {
		hook string
		mode fs.FileMode
		want string
	}{
		"pre-commit":     {"#!/bin/sh\n# File generated by pre-commit: https://pre-commit.com\n", 0o755, "is managed by pre-commit"},
		"lefthook":       {"#!/bin/sh\ncall_lefthook run pre-commit\n", 0o755, "is managed by lefthook"},
		"another script": {"#!/usr/bin/env python3\n", 0o755, "is no shell script"},
		"a program":      {"\x7fELF\x00\n", 0o755, "is no shell script"},
		"no mode":        {"#!/bin/sh\n", 0o644, "is not executable"},
		"ours by hand":   {"#!/usr/bin/env python3\nrun('jet check --staged')\n", 0o755, ""},
	} {
		t.Run(name, func(t *testing.T) {
			top, r := newRepository(t)
			path := filepath.Join(top, hookPath)
			write(t, path, c.hook, c.mode)
			change := install(t, r)
			if got := strings.Join(change.Notices, "\n"); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("it says %q, want %q", got, c.want)
			}
			uninstall(t, r)
			if hook, err := os.ReadFile(path); err != nil || string(hook) != c.hook {
				t.Errorf("the hook is %q (%v)", hook, err)
			}
		})
	}
	t.Run("a link", func(t *testing.T) {
		top, r := newRepository(t)
		write(t, filepath.Join(top, "tool"), "#!/bin/sh\n", 0o755)
		if err := os.Symlink(filepath.Join(top, "tool"), filepath.Join(top, hookPath)); err != nil {
			t.Fatal(err)
		}
		if change := install(t, r); len(change.Notices) != 1 || !strings.Contains(change.Notices[0], "is a symbolic link") {
			t.Errorf("it says %q", change.Notices)
		}
	})
}

func TestHooksPath(t *testing.T) {
	t.Run("husky", func(t *testing.T) {
		top, r := newRepository(t)
		git(t, top, "config", "core.hooksPath", ".husky/_")
		if change := install(t, r); len(change.Notices) != 1 || !strings.Contains(change.Notices[0], "is managed by husky") {
			t.Errorf("it says %q", change.Notices)
		}
		if _, err := os.Stat(filepath.Join(top, ".husky")); err == nil {
			t.Error("it made .husky")
		}
	})
	t.Run("in the work tree", func(t *testing.T) {
		top, r := newRepository(t)
		git(t, top, "config", "core.hooksPath", "hooks")
		install(t, r)
		hook, err := os.ReadFile(filepath.Join(top, "hooks/pre-commit"))
		if err != nil || !strings.Contains(string(hook), "\tjet check --staged") {
			t.Errorf("the hook is %q (%v)", hook, err)
		}
		uninstall(t, r)
	})
	t.Run("of all repositories", func(t *testing.T) {
		top, r := newRepository(t)
		git(t, top, "config", "--global", "core.hooksPath", filepath.Join(filepath.Dir(top), "hooks"))
		if change := install(t, r); len(change.Notices) != 1 || !strings.Contains(change.Notices[0], "other repositories too") {
			t.Errorf("it says %q", change.Notices)
		}
	})
}

// TestLinkedWorkTree sets up from a linked work tree and from a folder below.
func TestLinkedWorkTree(t *testing.T) {
	top, r := newRepository(t)
	linked := filepath.Join(filepath.Dir(top), "linked")
	git(t, top, "worktree", "add", "-q", linked)
	r.Dir = filepath.Join(linked, "below")
	if err := os.Mkdir(r.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	before := files(t, filepath.Dir(top))
	if change := install(t, r); len(change.Done) != 5 {
		t.Errorf("it did %q", change.Done)
	}
	if got := git(t, top, "config", "merge.jet.driver"); !strings.Contains(got, "git merge-driver") {
		t.Errorf("the driver is %q", got)
	}
	if _, err := os.Stat(filepath.Join(top, hookPath)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(linked, ".gitattributes")); err != nil {
		t.Error(err)
	}
	uninstall(t, r)
	same(t, "uninstalled", files(t, filepath.Dir(top)), before)
}

func TestAttributes(t *testing.T) {
	t.Run("committed by a colleague", func(t *testing.T) {
		top, r := newRepository(t)
		write(t, filepath.Join(top, ".gitattributes"), "*.encrypted diff=jet merge=jet\n", 0o666)
		if change := install(t, r); len(change.Done) != 4 {
			t.Errorf("it did %q", change.Done)
		}
		uninstall(t, r)
		if text, err := os.ReadFile(filepath.Join(top, ".gitattributes")); err != nil || string(text) != "*.encrypted diff=jet merge=jet\n" {
			t.Errorf("the file is %q (%v)", text, err)
		}
	})
	t.Run("committed since", func(t *testing.T) {
		top, r := newRepository(t)
		r.NoHook = true
		install(t, r)
		git(t, top, "add", ".gitattributes")
		git(t, top, "commit", "-qm", "attributes")
		if change := uninstall(t, r); len(change.Notices) != 1 || !strings.Contains(change.Notices[0], "it is committed") {
			t.Errorf("it says %q", change.Notices)
		}
		if got := git(t, top, "status", "--porcelain"); got != "" {
			t.Errorf("git status says %q", got)
		}
	})
	t.Run("overruled", func(t *testing.T) {
		top, r := newRepository(t)
		write(t, filepath.Join(top, ".git/info/attributes"), "*.encrypted -diff\n", 0o666)
		if change := install(t, r); len(change.Notices) != 1 || !strings.Contains(change.Notices[0], "something else") {
			t.Errorf("it says %q", change.Notices)
		}
	})
	t.Run("lines before and behind", func(t *testing.T) {
		top, r := newRepository(t)
		path := filepath.Join(top, ".gitattributes")
		write(t, path, "a", 0o666)
		install(t, r)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, path, string(text)+"\nb\n", 0o666)
		uninstall(t, r)
		if text, err = os.ReadFile(path); err != nil || string(text) != "a\nb\n" {
			t.Errorf("the file is %q (%v)", text, err)
		}
	})
}

func TestRefusals(t *testing.T) {
	top, r := newRepository(t)
	git(t, top, "config", "diff.jet.textconv", "something else")
	before := files(t, top)
	var taken *gitsetup.TakenError
	if _, err := gitsetup.Install(t.Context(), r); !errors.As(err, &taken) || taken.Key != "diff.jet.textconv" {
		t.Errorf("got %v, want a *TakenError", err)
	}
	uninstall(t, r)
	same(t, "refused", files(t, top), before)
	r.Dir = filepath.Dir(top)
	if _, err := gitsetup.Install(t.Context(), r); !errors.Is(err, gitsetup.ErrNoWorkTree) {
		t.Errorf("got %v, want ErrNoWorkTree", err)
	}
}

package worktree_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dockercfg/jet/internal/worktree"
)

func TestFolders(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(names ...string) string { return filepath.Join(append([]string{root}, names...)...) }
	for _, dir := range []string{at("repo", ".git", "hooks"), at("repo", "a", "b"), at("repo", "sub", "c"), at("none", "d")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	// Linked work trees and submodules have a file in place of the folder.
	if err := os.WriteFile(at("repo", "sub", ".git"), []byte("gitdir: ../.git/modules/sub\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(at("repo", "a", "b"), at("none", "link")); err != nil {
		t.Skip(err)
	}
	for dir, want := range map[string][]string{
		at("repo", "a", "b"):        {at("repo", "a", "b"), at("repo", "a"), at("repo")},
		at("repo"):                  {at("repo")},
		at("repo", "sub", "c"):      {at("repo", "sub", "c"), at("repo", "sub")},
		at("repo", ".git", "hooks"): {at("repo", ".git", "hooks")},
		at("repo", ".git"):          {at("repo", ".git")},
		at("none", "d"):             {at("none", "d")},
		at("none", "link"):          {at("repo", "a", "b"), at("repo", "a"), at("repo")},
	} {
		if got, err := worktree.Folders(dir); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, error %v, want %q", dir, got, err, want)
		}
	}
	if _, err := worktree.Folders(at("absent")); err == nil {
		t.Error("a folder that does not exist is in a work tree")
	}
}

func TestNearest(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	below := filepath.Join(root, "a", "b")
	if err := errors.Join(os.MkdirAll(below, 0o700), os.Mkdir(filepath.Join(root, ".git"), 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{"", root, filepath.Join(root, "a"), below} { // each one nearer
		want := ""
		if at != "" {
			want = filepath.Join(at, "file")
			if err := os.WriteFile(want, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := worktree.Nearest(below, "file"); got != want || err != nil {
			t.Errorf("got %q, error %v, want %q", got, err, want)
		}
	}
}

package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dockercfg/jet/internal/rotate/journal"
)

func TestPlaceOf(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_CEILING_DIRECTORIES", root)
	at := func(names ...string) string { return filepath.Join(append([]string{root}, names...)...) }
	for _, dir := range []string{at("repo", ".git", "worktrees", "linked"), at("repo", "sub"), at("linked"), at("none", "sub")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(at("linked", ".git"), []byte("gitdir: "+at("repo", ".git", "worktrees", "linked")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dir, key string
		want     journal.Place
	}{
		{at("repo", "sub"), at("repo", "codeship.aes"), journal.Place{File: at("repo", ".git", "jet-rotation.json"), Base: at("repo")}},
		{at("repo"), "", journal.Place{File: at("repo", ".git", "jet-rotation.json"), Base: at("repo")}},
		{at("linked"), "", journal.Place{File: at("repo", ".git", "worktrees", "linked", "jet-rotation.json"), Base: at("linked")}},
		{at("none"), "", journal.Place{File: at("none", "codeship.aes.rotation"), Base: at("none")}},
		{at("none"), at("none", "sub", "k.aes"), journal.Place{File: at("none", "sub", "k.aes.rotation"), Base: at("none", "sub")}},
	} {
		if got, err := journal.PlaceOf(c.dir, c.key); err != nil || got != c.want {
			t.Errorf("%s, key %q: got %+v, %v, want %+v", c.dir, c.key, got, err, c.want)
		}
	}
	if _, err := journal.PlaceOf(at("absent"), ""); err == nil {
		t.Error("a folder that is not there has a journal")
	}
}

func TestJournal(t *testing.T) {
	dir := t.TempDir()
	place := journal.Place{File: filepath.Join(dir, "git", "journal"), Base: filepath.Join(dir, "project")}
	if j, err := journal.Load(place); j != nil || err != nil {
		t.Errorf("where there is none: got %v, %v", j, err)
	}
	if err := os.Mkdir(filepath.Dir(place.File), 0o755); err != nil {
		t.Fatal(err)
	}
	j := journal.New(place)
	j.ID, j.Root = "ID", "."
	outside := filepath.Join(dir, "outside")
	j.Old = journal.Key{Fingerprint: "old", Path: j.Short(filepath.Join(place.Base, "sub", "key")), Later: j.Short(outside)}
	j.New = journal.Key{Fingerprint: "new", Generated: true}
	j.Files = []journal.File{{Path: "a", Old: "1", New: "2"}}
	if j.Old.Path != "sub/key" || j.Old.Later != outside || j.Path(j.Old.Path) != filepath.Join(place.Base, "sub", "key") || j.Path("") != "" || j.File() != place.File {
		t.Errorf("got %+v", j.Old)
	}
	if got, want := j.KeyPaths(), []string{filepath.Join(place.Base, "sub", "key"), outside}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := j.Save(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(place.File)
	if err != nil || info.Mode().Perm() != 0o600 && filepath.Separator == '/' {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	again, err := journal.Load(place)
	if err != nil || !reflect.DeepEqual(again, j) {
		t.Errorf("got %+v, %v, want %+v", again, err, j)
	}
	// Killed in the moment between the name and the mode.
	if err := os.Chmod(place.File, 0); err != nil {
		t.Fatal(err)
	}
	if again, err := journal.Load(place); err != nil || again == nil {
		t.Errorf("without a mode: got %v, %v", again, err)
	}
	j.Phase = journal.Swapping
	if err := j.Save(); err != nil {
		t.Fatal(err)
	}
	if again, err := journal.Load(place); err != nil || again.Phase != journal.Swapping {
		t.Errorf("got %v, %v", again, err)
	}
	if err := errors.Join(j.Remove(), j.Remove()); err != nil {
		t.Error(err)
	}
	if j, err := journal.Load(place); j != nil || err != nil {
		t.Errorf("when it is removed: got %v, %v", j, err)
	}

	good := `{"version": 1, "phase": "preparing", "id": "A", "old": {"fingerprint": "canary"}, "new": {"fingerprint": "b"}}`
	for name, text := range map[string]string{
		"empty": "", "cut": good[:60], "no object": `["canary"]`, "another version": strings.Replace(good, "1", "2", 1),
		"another phase": strings.Replace(good, "preparing", "canary", 1), "no ID": strings.Replace(good, `"A"`, `""`, 1),
		"no old key": strings.Replace(good, "canary", "", 1), "another type": strings.Replace(good, `"A"`, `{}`, 1), "good": good,
	} {
		if err := os.WriteFile(place.File, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := journal.Load(place)
		if name == "good" {
			if err != nil || j == nil {
				t.Errorf("%s: got %v, %v", name, j, err)
			}
		} else if !errors.Is(err, journal.ErrDamaged) || !strings.Contains(err.Error(), place.File) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"version": 1, "phase": "swapping", "id": "A", "old": {"fingerprint": "a", "path": "x"}, "new": {"fingerprint": "b"}, "files": [{"path": "a"}]}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		place := journal.Place{File: filepath.Join(dir, "journal"), Base: dir}
		if err := os.WriteFile(place.File, data, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := journal.Load(place)
		if (j == nil) == (err == nil) {
			t.Fatalf("got %v, %v", j, err)
		}
		if j != nil {
			j.KeyPaths()
		}
	})
}

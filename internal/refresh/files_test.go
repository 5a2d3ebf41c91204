package refresh

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/outfile"
)

func entryFor(registry, password string) dockercfg.Entry {
	return dockercfg.Entry{Registry: registry, Username: "AWS", Password: dockercfg.NewSecret(password)}
}

func file(path string) File {
	return File{Path: path, Attributes: outfile.Attributes{Mode: 0o600, UID: -1, GID: -1}}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return string(data)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// long ago, so that a write is seen.
var longAgo = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)

func untouched(t *testing.T, path string) bool {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime().Equal(longAgo)
}

func TestPasswordFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	write(t, path, "of yesterday")
	f := &PasswordFile{file(path)}
	f.Mode = 0o644
	put := func(c Content, changes bool) {
		t.Helper()
		changed, err := f.Write(t.Context(), c)
		if err != nil || changed != changes {
			t.Errorf("got %v, %v, want %v", changed, err, changes)
		}
	}
	one := Content{Entries: []dockercfg.Entry{entryFor("a.test", "pass word")}}
	put(one, true)
	want(t, "content", read(t, path), "pass word")
	if info, err := os.Stat(path); runtime.GOOS != "windows" && (err != nil || info.Mode() != 0o644) {
		t.Errorf("got mode %v, %v", info.Mode(), err)
	}
	os.Chtimes(path, longAgo, longAgo)
	put(one, false)
	want(t, "untouched", untouched(t, path), true)
	os.Remove(path) // by somebody else
	put(one, true)
	want(t, "content", read(t, path), "pass word")

	token := entryFor("a.test", "password")
	token.IdentityToken = dockercfg.NewSecret("token")
	put(Content{Entries: []dockercfg.Entry{token}}, true)
	want(t, "content", read(t, path), "token")
	put(Content{Entries: []dockercfg.Entry{entryFor("a.test", "same"), entryFor("b.test", "same")}}, true)
	_, err := f.Write(t.Context(), Content{Entries: []dockercfg.Entry{entryFor("a.test", "canary-1"), entryFor("b.test", "canary-2")}})
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("two secrets: got %v", err)
	}
	want(t, "content", read(t, path), "same")
}

func TestDockercfgFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	write(t, path, `{"auths": {"own.test": {"auth": "bWU6bWluZQ=="}, "b.test": {"auth": "YjpvbGQ="}}, "detachKeys": "ctrl-e"}`)
	f := &DockercfgFile{File: file(path)}
	put := func(c Content) {
		t.Helper()
		if _, err := f.Write(t.Context(), c); err != nil {
			t.Error(err)
		}
	}
	passwords := func() string {
		t.Helper()
		file, err := dockercfg.Parse([]byte(read(t, path)))
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, e := range file.Entries() {
			all = append(all, e.Registry+"="+e.Password.Reveal())
		}
		return strings.Join(all, " ")
	}
	put(Content{Entries: []dockercfg.Entry{entryFor("a.test", "1")}, Missing: []string{"b.test"}})
	want(t, "entries", passwords(), "a.test=1 b.test=old own.test=mine")
	put(Content{Entries: []dockercfg.Entry{entryFor("a.test", "2"), entryFor("b.test", "2")}})
	want(t, "entries", passwords(), "a.test=2 b.test=2 own.test=mine")
	os.Chtimes(path, longAgo, longAgo)
	put(Content{Entries: []dockercfg.Entry{entryFor("a.test", "2"), entryFor("b.test", "2")}})
	want(t, "untouched", untouched(t, path), true)
	put(Content{Entries: []dockercfg.Entry{entryFor("a.test", "3")}, Gone: []string{"b.test"}})
	want(t, "entries", passwords(), "a.test=3 own.test=mine")
	if !strings.Contains(read(t, path), `"detachKeys": "ctrl-e"`) {
		t.Error("what Docker keeps there is lost")
	}

	write(t, path, "\n")
	put(Content{Entries: []dockercfg.Entry{entryFor("a.test", "4")}})
	want(t, "entries", passwords(), "a.test=4")
	for _, other := range []string{"jet:v1\nAAAA", "[1]", `{"auths": {"a.test": {"auth": "canary"`} {
		write(t, path, other)
		_, err := f.Write(t.Context(), Content{Entries: []dockercfg.Entry{entryFor("a.test", "5")}})
		if err == nil || !strings.Contains(err.Error(), "left alone") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: got %v", other, err)
		}
		want(t, "content", read(t, path), other)
	}
	_, err := (&DockercfgFile{File: file(filepath.Dir(path))}).Write(t.Context(), Content{})
	if err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a folder: got %v", err)
	}
}

// TestHidden warns, once, of a file in which Docker looks for no credentials.
func TestHidden(t *testing.T) {
	for text, setting := range map[string]string{
		`{"credsStore": "desktop"}`:                   "credsStore",
		`{"credHelpers": {"a.test": "ecr-login"}}`:    "credHelpers",
		`{"credHelpers": {"b.test": "ecr-login"}}`:    "",
		`{"auths": {}, "credHelpers": {}}`:            "",
		`{"auths": {"credsStore": {"auth": "YTpi"}}}`: "",
	} {
		path := filepath.Join(t.TempDir(), "config.json")
		write(t, path, text)
		var log lines
		f := &DockercfgFile{File: file(path)}
		f.Log = logTo(&log)
		for _, password := range []string{"1", "2"} {
			if _, err := f.Write(t.Context(), Content{Entries: []dockercfg.Entry{entryFor("a.test", password)}}); err != nil {
				t.Error(err)
			}
		}
		told := strings.Count(log.String(), "\n")
		if setting == "" && told != 0 || setting != "" && (told != 1 || !strings.Contains(log.String(), setting)) {
			t.Errorf("%s: the log has %q", text, log.String())
		}
	}
}

// TestReader reads two files without a pause while they are written: each time it
// finds all of one of the versions, and is allowed to.
func TestReader(t *testing.T) {
	t.Parallel()
	rounds := 500
	if testing.Short() {
		rounds = 100
	}
	dir := t.TempDir()
	password, config := filepath.Join(dir, "password"), filepath.Join(dir, "config.json")
	targets := []Target{&PasswordFile{file(password)}, &DockercfgFile{File: file(config)}}
	put := func(n int) {
		// Tokens of Amazon ECR have between two and three thousand bytes, and their
		// length is not always the same.
		secret := fmt.Sprintf("%d:%s:%d", n, bytes.Repeat([]byte{'a' + byte(n%26)}, 2000+n%997), n)
		for _, target := range targets {
			if _, err := target.Write(t.Context(), Content{Entries: []dockercfg.Entry{entryFor("a.test", secret)}}); err != nil {
				t.Error(err)
			}
		}
	}
	put(0)
	whole := func(secret string) bool {
		first, rest, ok := strings.Cut(secret, ":")
		_, last, ok2 := strings.Cut(rest, ":")
		return ok && ok2 && first == last
	}
	ended := make(chan struct{})
	var readers sync.WaitGroup
	reads := make([]int, 2)
	for i, secret := range []func([]byte) (string, error){
		func(data []byte) (string, error) { return string(data), nil },
		func(data []byte) (string, error) {
			var raw map[string]any
			if err := json.Unmarshal(data, &raw); err != nil {
				return "", err
			}
			file, err := dockercfg.Parse(data)
			if err != nil {
				return "", err
			}
			e, _, err := file.Lookup("a.test")
			return e.Password.Reveal(), err
		},
	} {
		readers.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
				}
				data, err := os.ReadFile([]string{password, config}[i])
				text := ""
				if err == nil {
					text, err = secret(data)
				}
				if err != nil || !whole(text) {
					t.Errorf("read %d bytes: %v", len(data), err)
					return
				}
				reads[i]++
			}
		})
	}
	for n := range rounds {
		put(n + 1)
	}
	close(ended)
	readers.Wait()
	if reads[0] < rounds/4 || reads[1] < rounds/4 {
		t.Errorf("only %d reads", reads)
	}
	t.Logf("%d rounds, %d reads", rounds, reads)
}

// TestReadOnlyFolder cannot make a file in the folder, and writes it in place, which
// it says.
func TestReadOnlyFolder(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("nothing is read-only here")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "password")
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	_, err := (&PasswordFile{file(path)}).Write(t.Context(), Content{Entries: []dockercfg.Entry{entryFor("a.test", "1")}})
	if !isForbidden(err) {
		t.Errorf("got %v", err)
	}
}

func isForbidden(err error) bool {
	return err != nil && strings.Contains(err.Error(), fs.ErrPermission.Error())
}

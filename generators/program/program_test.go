package program

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/generators/backendtest"
)

const canary = "canary-Zq8vXw2L"

// TestMain makes this test a program of the protocol where it runs under such a
// name. What it does stands in a file beside it.
func TestMain(m *testing.M) {
	if strings.HasPrefix(filepath.Base(os.Args[0]), Prefix) {
		os.Exit(act())
	}
	os.Exit(m.Run())
}

// A play is what a program does for each of the two words.
type play struct {
	Describe string
	Generate string // "ECHO": entries made of the request
	Exit     int    // of generate
	Stderr   string
	Sleep    time.Duration
	Flood    bool
}

func act() int {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(os.Args[0]), "play.json"))
	if err != nil {
		text, err = os.ReadFile(filepath.Join(filepath.Dir(self), "play.json"))
	}
	if err != nil {
		panic(err)
	}
	var p play
	if err := json.Unmarshal(text, &p); err != nil {
		panic(err)
	}
	if len(os.Args) != 2 {
		return 3
	}
	if os.Args[1] == "describe" {
		fmt.Print(p.Describe)
		return 0
	}
	fmt.Fprint(os.Stderr, p.Stderr)
	time.Sleep(p.Sleep)
	for p.Flood {
		fmt.Print(strings.Repeat("x", 1<<16))
	}
	if p.Generate != "ECHO" {
		fmt.Print(p.Generate)
		return p.Exit
	}
	var q request
	if err := json.NewDecoder(os.Stdin).Decode(&q); err != nil || q.Version != 1 || q.Options.Registries == nil {
		return 4
	}
	for _, name := range []string{"JET_KEY", "ACME_USER", "ACME_TOKEN"} {
		if _, ok := os.LookupEnv(name); ok {
			return 5
		}
	}
	registries := q.Options.Registries
	if len(registries) == 0 {
		registries = []string{q.Variables["ACME_REGISTRY"]}
	}
	answer := response{}
	for _, registry := range registries {
		answer.Entries = append(answer.Entries, entry{
			Registry: registry, Username: q.Variables["ACME_USER"], Password: q.Variables["ACME_TOKEN"], Expires: time.Now().Add(time.Hour),
		})
	}
	json.NewEncoder(os.Stdout).Encode(answer)
	return p.Exit
}

const acme = `{"version": 1, "summary": "the registry of Acme", "more": {}, "variables": [
	{"name": "ACME_USER", "aliases": ["ACME_LOGIN"], "summary": "user name", "required": true},
	{"name": "ACME_TOKEN", "summary": "token", "required": true, "secret": true},
	{"name": "ACME_REGISTRY", "summary": "registry", "default": "registry.acme.example"}]}`

// install puts a program on PATH, alone.
func install(t *testing.T, name string, p play) {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, Prefix+name)
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "play.json"), text, 0o600), os.Link(self, path)); err != nil {
		if err := copyFile(self, path); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

func env(values map[string]string) generators.Env {
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

var set = map[string]string{"ACME_USER": "robot", "ACME_TOKEN": canary}

func TestContract(t *testing.T) {
	install(t, "acme", play{Describe: acme, Generate: "ECHO"})
	t.Setenv("JET_KEY", canary)
	t.Setenv("ACME_USER", "of-the-process")
	t.Setenv("ACME_TOKEN", "of-the-process")
	b, err := Describe(t.Context(), Config{Name: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	backendtest.Run(t, b, backendtest.Case{
		Env:     set,
		Want:    []dockercfg.Entry{{Registry: "registry.acme.example", Username: "robot", Password: dockercfg.NewSecret(canary)}},
		Expires: true,
	})
	b, err = Describe(t.Context(), Config{Name: "acme", Registries: []string{"a.example", "b.example"}})
	if err != nil {
		t.Fatal(err)
	}
	backendtest.Run(t, b, backendtest.Case{
		Env: map[string]string{"ACME_LOGIN": "robot", "ACME_TOKEN": canary},
		Want: []dockercfg.Entry{
			{Registry: "a.example", Username: "robot", Password: dockercfg.NewSecret(canary)},
			{Registry: "b.example", Username: "robot", Password: dockercfg.NewSecret(canary)},
		},
		Expires: true,
	})
}

func TestDescribe(t *testing.T) {
	for _, c := range []struct{ label, text, want string }{
		{"nothing", "", "is not the JSON"},
		{"no JSON", canary, "is not the JSON that the protocol asks for (near byte 0 of 15)"},
		{"another form", `{"version": 1, "summary": {"` + canary + `": 1}}`, "is not the JSON"},
		{"two values", acme + acme, "more than one JSON value"},
		{"another version", `{"version": 2, "summary": "x"}`, "speaks version 2"},
		{"no version", `{"summary": "x"}`, "speaks version 0"},
		{"no summary", `{"version": 1}`, "summary is not one line"},
		{"escape in the summary", `{"version": 1, "summary": "\u001b[2J"}`, "summary is not one line"},
		{"two lines", `{"version": 1, "summary": "x", "longLived": "a\nb"}`, "summary is not one line"},
		{"summary of a variable", `{"version": 1, "summary": "x", "variables": [{"name": "A"}]}`, "summary of one of its variables"},
		{"variable", `{"version": 1, "summary": "x", "variables": [{"name": "A=B", "summary": "x"}]}`, `has a variable named "A=B"`},
		{"variable twice", `{"version": 1, "summary": "x", "variables": [{"name": "A", "summary": "x"}, {"name": "B", "aliases": ["A"], "summary": "x"}]}`, "describes A twice"},
	} {
		t.Run(c.label, func(t *testing.T) {
			install(t, "acme", play{Describe: c.text})
			_, err := Describe(t.Context(), Config{Name: "acme"})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	install(t, "acme", play{Describe: acme})
	for _, name := range []string{"", "../acme", "acme/x", `a\b`, "ACME", "a b", "acme;x"} {
		if _, err := Describe(t.Context(), Config{Name: name}); err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("name %q: got %v", name, err)
		}
	}
	if _, err := Describe(t.Context(), Config{Name: "other"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("no program: got %v", err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	// A program in the current folder is somebody else's until PATH names it in full.
	t.Chdir(os.Getenv("PATH"))
	t.Setenv("PATH", ".")
	if _, err := Describe(t.Context(), Config{Name: "acme"}); !errors.Is(err, exec.ErrDot) {
		t.Errorf("in the current folder: got %v", err)
	}
}

func TestGenerate(t *testing.T) {
	for _, c := range []struct {
		label, want string
		play        play
	}{
		{"fails", "jet-generator-acme generate: it failed: exit status 7", play{Generate: canary, Exit: 7}},
		{"fails after a good answer", "exit status 1", play{Generate: "ECHO", Exit: 1}},
		{"no JSON", "is not the JSON", play{Generate: canary}},
		{"nothing", "is not the JSON", play{}},
		{"no entries", "made no entries", play{Generate: `{"entries": []}`}},
		{"null", "made no entries", play{Generate: `null`}},
		{"bad entry", `entry 2 of 2: dockercfg: entry "b.example": the user name holds a colon`,
			play{Generate: `{"entries": [{"registry": "a.example", "username": "u", "password": "p"}, {"registry": "b.example", "username": "u:` + canary + `", "password": "p"}]}`}},
		{"bad registry", "registry name", play{Generate: `{"entries": [{"registry": "https://u:` + canary + `@a.example", "username": "u", "password": "p"}]}`}},
		{"bad time", "is not the JSON", play{Generate: `{"entries": [{"registry": "a.example", "username": "u", "password": "p", "expires": "` + canary + `"}]}`}},
		{"flood", "prints more than 1024 KiB", play{Flood: true}},
		{"hangs", "it was ended: context deadline exceeded", play{Sleep: time.Minute}},
	} {
		t.Run(c.label, func(t *testing.T) {
			c.play.Describe, c.play.Stderr = acme, "told on stderr"
			install(t, "acme", c.play)
			var stderr bytes.Buffer
			b, err := Describe(t.Context(), Config{Name: "acme", Stderr: &stderr})
			if err != nil {
				t.Fatal(err)
			}
			source, err := b.Open(env(set))
			if err != nil {
				t.Fatal(err)
			}
			limit := 20 * time.Second
			if c.play.Sleep > 0 {
				limit = 500 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			result, err := source.Generate(ctx)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary) || result.Entries != nil {
				t.Errorf("got %v, %v, want %q", result, err, c.want)
			}
			if !strings.HasPrefix(stderr.String(), "told on stderr") {
				t.Errorf("stderr: got %q", stderr.String())
			}
		})
	}
}

func TestNotices(t *testing.T) {
	install(t, "acme", play{Describe: acme, Generate: `{"entries": [{"registry": "a.example", "username": "u", "password": "fresh-secret"}],
		"notices": ["good", "the token is ` + canary + `", "fresh-secret", "two\nlines", ""]}`})
	b, err := Describe(t.Context(), Config{Name: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	source, err := b.Open(env(set))
	if err != nil {
		t.Fatal(err)
	}
	result, err := source.Generate(t.Context())
	if err != nil || len(result.Notices) != 5 || result.Notices[0] != "good" {
		t.Fatalf("got %q, %v", result.Notices, err)
	}
	for _, notice := range result.Notices[1:] {
		if !strings.Contains(notice, "is left out") {
			t.Errorf("got %q", notice)
		}
	}
}

// TestExample runs the example of the documentation.
func TestExample(t *testing.T) {
	jq, err := exec.LookPath("jq")
	if err != nil {
		t.Skip("needs jq")
	}
	folder, err := filepath.Abs(filepath.Join("..", "..", "docs", "examples"))
	if err != nil {
		t.Fatal(err)
	}
	programs := t.TempDir()
	pass := "#!/bin/sh\nprintf 'of %s \"'\\''\\\\\\n' \"$2\"\n"
	if err := os.WriteFile(filepath.Join(programs, "pass"), []byte(pass), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", strings.Join([]string{folder, programs, filepath.Dir(jq), "/usr/bin", "/bin"}, string(os.PathListSeparator)))
	b, err := Describe(t.Context(), Config{Name: "acme", Stderr: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	for entry, set := range map[string]map[string]string{"registry/robot": nil, "other entry": {"ACME_ENTRY": "other entry"}} {
		source, err := b.Open(env(set))
		if err != nil {
			t.Fatal(err)
		}
		result, err := source.Generate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := dockercfg.Entry{Registry: "registry.acme.example", Username: "robot", Password: dockercfg.NewSecret("of " + entry + ` "'\`)}
		if len(result.Entries) != 1 || result.Entries[0] != want {
			t.Errorf("got %q", result.Entries[0].Password.Reveal())
		}
	}
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte(`{"entries": [{"registry": "a.example", "username": "u", "password": "p", "expires": "2026-01-02T15:04:05Z"}], "notices": ["x"]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var answer response
		if json.Unmarshal(text, &answer) != nil {
			return
		}
		for _, e := range answer.Entries {
			e.entry().Validate()
		}
	})
}

package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dockercfg/jet/internal/agefile"
	"github.com/dockercfg/jet/internal/awsprofile"
	"github.com/dockercfg/jet/internal/awsprofile/resolver"
	"github.com/dockercfg/jet/internal/credentialhelper"
	"github.com/dockercfg/jet/internal/sharedkey"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"jet":                   func() { leaveTerminal(); os.Exit(execute()) },
		"docker-credential-jet": func() { os.Exit(credentialhelper.Main("")) },
		awsprofile.Program: func() {
			os.Exit(resolver.Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
		},
		sharedkey.Program: func() {
			if err := agefile.Serve(os.Stdin, os.Stdout); err != nil {
				os.Exit(1)
			}
		},
	})
}

// identitiesDir has private keys for tests. It is absolute, since tests change the
// folder.
var identitiesDir, _ = filepath.Abs(filepath.Join("..", "..", "testdata", "identities"))

func readIdentity(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(identitiesDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// leastScripts is how many scripts there are at least.
const leastScripts = 25

func TestScripts(t *testing.T) {
	dir := filepath.Join("..", "..", "testdata")
	scripts, err := filepath.Glob(filepath.Join(dir, "script", "*.txtar"))
	if err != nil || len(scripts) < leastScripts {
		t.Fatalf("%d scripts, want at least %d (%v)", len(scripts), leastScripts, err)
	}
	published, err := filepath.Abs(filepath.Join(dir, "published-v1"))
	if err != nil {
		t.Fatal(err)
	}
	// A configuration that names no store: without one Docker picks what is installed.
	docker := t.TempDir()
	if err := os.WriteFile(filepath.Join(docker, "config.json"), []byte(`{"auths": {"none.test": {}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join(dir, "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("PUBLISHED", published)
			env.Setenv("IDENTITIES", identitiesDir)
			env.Setenv("SSH_AUTH_SOCK", "")
			env.Setenv("DOCKER_CONFIG", docker)
			env.Setenv("GIT_CONFIG_NOSYSTEM", "1")
			config := filepath.Join(env.WorkDir, ".tmp", "config") // of jet itself
			env.Setenv("XDG_CONFIG_HOME", config)
			env.Setenv("AppData", config)
			cache := filepath.Join(env.WorkDir, ".tmp", "cache")
			env.Setenv("XDG_CACHE_HOME", cache)
			env.Setenv("LocalAppData", cache)
			env.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(env.WorkDir))
			keys, err := filepath.Glob(filepath.Join(env.WorkDir, "*.aes"))
			for _, key := range keys {
				err = errors.Join(err, os.Chmod(key, 0o600)) // else each use would warn
			}
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"azure":          startAzure,
			"exits":          exits,
			"fakeregistries": startRegistries,
			"fakeaws":        startAWS,
			"google":         google,
			"mode":           mode,
			"holds":          holds,
			"nodata":         nodata,
			"stamp":          stamp,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// exits CODE PROGRAM ARGUMENTS… checks the exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGUMENTS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// mode MODE FILE checks the permissions of a file, on systems that have them.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode MODE FILE")
	}
	want, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := info.Mode().Perm(); runtime.GOOS != "windows" && got != fs.FileMode(want) {
		ts.Fatalf("%s has mode %o, want %o", args[1], got, want)
	}
}

// stamp FILE… gives files a time of long ago. Negated it fails if they have that
// no more: something has written them.
func stamp(ts *testscript.TestScript, neg bool, args []string) {
	long := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	for _, name := range args {
		if !neg {
			ts.Check(os.Chtimes(ts.MkAbs(name), long, long))
			continue
		}
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if !info.ModTime().Equal(long) {
			ts.Fatalf("%s was written at %v", name, info.ModTime())
		}
	}
}

// holds FOLDER NAME… checks that the folder holds these names and nothing else.
func holds(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: holds FOLDER NAME…")
	}
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	want := args[1:]
	slices.Sort(want)
	if !slices.Equal(got, want) {
		ts.Fatalf("%s holds %q, want %q", args[0], got, want)
	}
}

// nodata TEXT FILE… checks that a text stands in none of the files, nor in those
// of the folders; stdout and stderr are what the last program wrote. Negated it
// stands in all of them. The text @FILE is what is in that file.
func nodata(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: nodata TEXT FILE…")
	}
	text := args[0]
	if name, ok := strings.CutPrefix(text, "@"); ok {
		text = strings.TrimSpace(ts.ReadFile(name))
	}
	if text == "" {
		ts.Fatalf("there is nothing to look for")
	}
	check := func(name, data string) {
		if strings.Contains(data, text) != neg {
			ts.Fatalf("%s: holds %q: %v", name, text, !neg)
		}
	}
	for _, name := range args[1:] {
		if name == "stdout" || name == "stderr" {
			check(name, ts.ReadFile(name))
			continue
		}
		ts.Check(filepath.WalkDir(ts.MkAbs(name), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			check(path, string(data))
			return err
		}))
	}
}

// TestInterrupt ends commands that wait for an input that never comes.
func TestInterrupt(t *testing.T) {
	const key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	dir := t.TempDir()
	output := filepath.Join(dir, "out")
	for _, words := range [][]string{
		{"encrypt", "-", output},
		{"encrypt", "-", output, "--format", "codeship:v2"},
		{"decrypt", "-", output},
		{"generate", "dockercfg", output, "--env-file", "-"},
		{"dockercfg", "show", "-"},
		{"dockercfg", "add", output, "quay.io", "--username", "ci", "--password-stdin"},
		{"dockercfg", "merge", output, "-"},
		{"dockercfg", "convert", "-", output},
		{"token", "quay.io", "--dockercfg", "-"},
		{"verify", "-"},
		{"inspect", "-"},
		{"diff", "-", output},
		{"git", "textconv", "-"},
		{"set", output, "NAME"},
		{"get", "-", "NAME"},
	} {
		t.Run(strings.Join(words[:2], " "), func(t *testing.T) {
			stdin, writer, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer writer.Close()
			defer stdin.Close()
			if _, err := writer.WriteString("jet:v1\n" + strings.Repeat("AAAA", 4096)); err != nil {
				t.Fatal(err)
			}
			var stdout, stderr bytes.Buffer
			p := &program{stdin: stdin, stdout: &stdout, stderr: &stderr, lookupEnv: func(name string) (string, bool) {
				if name == "JET_KEY" {
					return key, true
				}
				return "", false
			}}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, cancel)
			code := make(chan int)
			go func() { code <- p.run(ctx, words) }()
			select {
			case got := <-code:
				if got != exitFailed || !strings.HasSuffix(stderr.String(), "jet: error: interrupted\n") {
					t.Errorf("got exit code %d and %q, want %d and \"interrupted\"", got, stderr.String(), exitFailed)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("it does not end")
			}
			left, err := os.ReadDir(dir)
			if err != nil || len(left) > 0 || stdout.Len() > 0 {
				t.Errorf("it left %v and %q (%v)", left, stdout.String(), err)
			}
		})
	}
}

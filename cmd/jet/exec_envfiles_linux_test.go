package main

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/envfile/envfiletest"
)

// TestExecEnvFiles gives a command the variables of generated env files, encrypted
// in every format or not at all, and compares the bytes that arrive.
func TestExecEnvFiles(t *testing.T) {
	const (
		batches, batch = 49, 200
		singles        = 200
	)
	total := batches*batch + singles
	if testing.Short() {
		total = 1000
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	key, err := crypto.ParseKey([]byte(testKey))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "codeship.aes"), []byte(testKey), 0o600); err != nil {
		t.Fatal(err)
	}
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Fatal(err)
	}

	// run has jet read files and gives what the command's environment then is.
	run := func(files []envfiletest.File, inherited map[string]string) map[string]string {
		words := []string{"exec"}
		for i, f := range files {
			text := f.Text
			if format := crypto.Format(r.IntN(4)); format == crypto.JetV1 || format == crypto.CodeshipV2 {
				var sealed bytes.Buffer
				if err := crypto.Encrypt(&sealed, bytes.NewReader(text), key, format); err != nil {
					t.Fatal(err)
				}
				text = sealed.Bytes()
			}
			name := strconv.Itoa(i)
			if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
			words = append(words, "--env-file", name)
		}
		cmd := exec.Command("jet", append(words, "--", cat, "/proc/self/environ")...)
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GORACE=" + os.Getenv("GORACE")}
		for name, value := range inherited {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		var problems bytes.Buffer
		cmd.Stderr = &problems
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, &problems)
		}
		got := make(map[string]string)
		for entry := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
			name, value, _ := strings.Cut(entry, "=")
			got[name] = value
		}
		delete(got, "PATH")
		delete(got, "GORACE")
		return got
	}

	differences := 0
	compare := func(files []envfiletest.File, got, want map[string]string) {
		if maps.Equal(got, want) {
			return
		}
		differences++
		for name := range want {
			if value, ok := got[name]; value != want[name] || !ok {
				t.Errorf("%q: got %q, %v, want %q; the files: %q", name, value, ok, want[name], files[:min(len(files), 3)])
				return
			}
		}
		t.Errorf("%d variables, want %d", len(got), len(want))
	}
	checked := 0
	for ; checked+batch <= total && checked < batches*batch; checked += batch {
		var files []envfiletest.File
		want := make(map[string]string)
		for i := range batch {
			files = append(files, envfiletest.Generate(r, fmt.Sprintf("F%d_", i), nil))
			maps.Copy(want, files[i].Values)
		}
		compare(files, run(files, nil), want)
	}
	for ; checked < total; checked++ {
		inherited := map[string]string{"HOME": "/h", "N1": envfiletest.Value(r, 3), "N-2": "x"}
		f := envfiletest.Generate(r, "N", inherited)
		want := maps.Clone(inherited)
		maps.Copy(want, f.Values)
		compare([]envfiletest.File{f}, run([]envfiletest.File{f}, inherited), want)
	}
	t.Logf("%d files, %d differences", checked, differences)
}

package main

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dockercfg/jet/crypto"
)

// A generatedFile is an env file, and what it means by construction: no parser of
// ours has a part in that.
type generatedFile struct {
	text   []byte
	values map[string]string
}

// Pieces of names and values. What Docker's syntax has no place for is left out:
// line feeds and NUL in values, blanks and "=" in names, "#" at their beginning.
var (
	namePieces = []string{"A", "b", "_", "9", "-", ".", "/", ":", "@", "PASSWORD", "key", "ü", "密", "(", "$", `"`, "'", "\\", "export", "#"}
	pieces     = []string{
		"a", "Z", "0", " ", "\t", "=", "#", "$", "$HOME", "${X}", "$(id)", "`id`", `"`, "'", `\`, `\n`, `\"`, "%", "&", "|", ";", "!",
		"*", "?", "~", "{", "}", "[", "]", "<", ">", "(", ")", ",", "é", "密码", "😀", "\u00a0", "\ufeff", "\x01", "\x1b[31m", "\x7f", "\r",
		`{"type": "x"}`, "-----BEGIN KEY-----", "export ", "A=b", "correct horse battery staple",
	}
)

func pick(r *rand.Rand, from []string, most int) string {
	var b strings.Builder
	for range r.IntN(most + 1) {
		b.WriteString(from[r.IntN(len(from))])
	}
	return b.String()
}

// generateFile makes a file whose names begin with prefix. A bare NAME means what
// is in inherited.
func generateFile(r *rand.Rand, prefix string, inherited map[string]string) generatedFile {
	f := generatedFile{values: make(map[string]string)}
	var b bytes.Buffer
	if r.IntN(8) == 0 {
		b.WriteString("\ufeff")
	}
	ending := []string{"\n", "\n", "\r\n"}[r.IntN(3)]
	var names []string
	for lines := r.IntN(12); lines >= 0; lines-- {
		if lines == 0 && r.IntN(3) == 0 {
			break // sometimes the last line has its end
		}
		b.WriteString([]string{"", "", "", " ", "\t", "\u00a0 "}[r.IntN(6)])
		name := prefix + pick(r, namePieces, 4)
		if prefix == "" {
			name = "N" + name
		}
		switch {
		case r.IntN(4) == 0 && names != nil:
			name = names[r.IntN(len(names))]
		case r.IntN(6) == 0 && len(inherited) > 0:
			name = slices.Sorted(maps.Keys(inherited))[r.IntN(len(inherited))]
		}
		switch kind := r.IntN(10); {
		case kind == 0:
			b.WriteString("# " + strings.TrimSuffix(pick(r, pieces, 5), "\r"))
		case kind == 1: // an empty line
		case kind == 2:
			b.WriteString(name)
			if value, ok := inherited[name]; ok {
				f.values[name] = value
			}
			names = append(names, name)
		default:
			value := pick(r, pieces, 8)
			if ending == "\n" || lines == 0 {
				value = strings.TrimRight(value, "\r") // or the line would end there
			}
			b.WriteString(name + "=" + value)
			f.values[name] = value
			names = append(names, name)
		}
		if lines > 0 || r.IntN(2) == 0 {
			b.WriteString(ending)
		}
	}
	f.text = b.Bytes()
	return f
}

// TestExecEnvFiles gives a command the variables of generated env files, encrypted
// in every format or not at all, and compares the bytes that arrive.
func TestExecEnvFiles(t *testing.T) {
	const (
		batches, batch = 97, 100
		singles        = 300
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
	run := func(files []generatedFile, inherited map[string]string) map[string]string {
		words := []string{"exec"}
		for i, f := range files {
			text := f.text
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
		cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
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
		return got
	}

	differences := 0
	compare := func(files []generatedFile, got, want map[string]string) {
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
		var files []generatedFile
		want := make(map[string]string)
		for i := range batch {
			files = append(files, generateFile(r, fmt.Sprintf("F%d_", i), nil))
			maps.Copy(want, files[i].values)
		}
		compare(files, run(files, nil), want)
	}
	for ; checked < total; checked++ {
		inherited := map[string]string{"HOME": "/h", "N1": pick(r, pieces, 3), "N-2": "x"}
		f := generateFile(r, "", inherited)
		want := maps.Clone(inherited)
		maps.Copy(want, f.values)
		compare([]generatedFile{f}, run([]generatedFile{f}, inherited), want)
	}
	t.Logf("%d files, %d differences", checked, differences)
}

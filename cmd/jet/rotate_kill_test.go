//go:build unix

package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/services"
)

// A rotating project has encrypted files of all formats, and services files.
type rotatingProject struct {
	t      *testing.T
	jet    program
	dir    string
	plain  map[string]string // of each encrypted file, and of the values of services files
	canary string            // stands in each
	keys   []crypto.Key      // that it had
}

// newRotatingProject makes a project in a git work tree.
func newRotatingProject(t *testing.T, jet program, dir string, files int) *rotatingProject {
	t.Helper()
	if out, err := exec.Command("git", "init", "-q", dir).CombinedOutput(); err != nil {
		t.Skipf("needs git: %v\n%s", err, out)
	}
	p := &rotatingProject{t: t, jet: jet, dir: dir, plain: make(map[string]string), canary: "canary-5d1b07e2"}
	key := crypto.GenerateKey()
	p.keys = []crypto.Key{key}
	write := func(name string, data []byte) {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	formats := []crypto.Format{crypto.JetV1, crypto.CodeshipV2, crypto.CloudBeesV1, crypto.Unsigned}
	for i := range files {
		name := fmt.Sprintf("folder%d/app%d.env.encrypted", i%7, i)
		plain := fmt.Sprintf("NAME=%s-%d\n%s", p.canary, i, strings.Repeat("x", i%50*10))
		if i%100 == 50 {
			plain += strings.Repeat(p.canary+"\n", 5_000) // over what is done in one go
		}
		if i%10 == 9 {
			name = fmt.Sprintf("folder%d/codeship-services%d.yml", i%7, i)
			value := encrypted(t, []byte(plain), key, crypto.Unsigned)
			write(name, fmt.Appendf(nil, "# %d\napp%d:\n  image: x\n  encrypted_environment: &a %s # c\n  build: {encrypted_args: [*a, '%s']}\n", i, i, value, value))
		} else {
			write(name, encrypted(t, []byte(plain), key, formats[i%4]))
		}
		p.plain[name] = plain
	}
	if err := os.WriteFile(filepath.Join(dir, "codeship.aes"), key.Encode(), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// command gives a run of jet in the project.
func (p *rotatingProject) command(args ...string) *exec.Cmd {
	cmd := p.jet.command(args...)
	cmd.Dir = p.dir
	cmd.Env = append(cmd.Env, "PATH="+os.Getenv("PATH"))
	return cmd
}

// quickDir gives a folder in memory, where there is one: a test of hundreds of
// kills would wait for the disk most of the time.
func quickDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "jet-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// keysThere gives the keys in the project.
func (p *rotatingProject) keysThere() (keys []crypto.Key) {
	p.t.Helper()
	names, err := filepath.Glob(filepath.Join(p.dir, "codeship.aes*"))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			p.t.Fatal(err)
		}
		key, err := crypto.ParseKey(text)
		if err != nil {
			p.t.Errorf("%s: %v", name, err)
			continue
		}
		keys = append(keys, key)
	}
	return keys
}

// check fails for each file that none of the keys opens to what it was.
func (p *rotatingProject) check(when string, keys ...crypto.Key) {
	p.t.Helper()
	for name, plain := range p.plain {
		data, err := os.ReadFile(filepath.Join(p.dir, name))
		if err != nil {
			p.t.Errorf("%s: %v", when, err)
			continue
		}
		texts := [][]byte{data}
		if strings.HasSuffix(name, ".yml") {
			file, err := services.Parse(data)
			if err != nil || len(file.Values) != 2 || !bytes.HasPrefix(data, []byte("# ")) || !bytes.Contains(data, []byte(" # c\n")) {
				p.t.Errorf("%s: %s: %v\n%s", when, name, err, data)
				continue
			}
			texts = [][]byte{[]byte(file.Values[0].Text), []byte(file.Values[1].Text)}
		}
		for _, text := range texts {
			opens := false
			for _, key := range keys {
				var got bytes.Buffer
				_, err := crypto.Decrypt(&got, bytes.NewReader(text), key, crypto.WithHiddenOutput())
				if opens = err == nil && got.String() == plain; opens {
					break
				}
			}
			if !opens {
				p.t.Errorf("%s: no key opens %s", when, name)
			}
		}
	}
}

// checkClean fails for what an unfinished rotation leaves behind.
func (p *rotatingProject) checkClean(when string) {
	p.t.Helper()
	count := 0
	err := filepath.WalkDir(p.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if strings.Contains(entry.Name(), "jet-rot") || strings.HasSuffix(entry.Name(), ".new") {
			p.t.Errorf("%s: left behind: %s", when, path)
		}
		if !strings.HasPrefix(path, filepath.Join(p.dir, ".git")) && !strings.HasPrefix(entry.Name(), "codeship.aes") {
			count++
		}
		return nil
	})
	if err != nil || count != len(p.plain) {
		p.t.Errorf("%s: %d files, want %d (%v)", when, count, len(p.plain), err)
	}
}

// checkNoPlaintext looks for the canary in all files of some folders.
func checkNoPlaintext(t *testing.T, when, canary string, folders ...string) {
	t.Helper()
	for _, folder := range folders {
		filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return nil
			}
			data, err := os.ReadFile(path)
			if err == nil && bytes.Contains(data, []byte(canary)) {
				t.Errorf("%s: %s holds the plaintext", when, path)
			}
			return nil
		})
	}
}

// forgetOldKeys makes the project one that has the newest key alone.
func (p *rotatingProject) forgetOldKeys() {
	p.t.Helper()
	names, err := filepath.Glob(filepath.Join(p.dir, "codeship.aes.*"))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, name := range names {
		if err := os.Remove(name); err != nil {
			p.t.Fatal(err)
		}
	}
}

// newKey gives the key in its place.
func (p *rotatingProject) newKey() crypto.Key {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, "codeship.aes"))
	if err != nil {
		p.t.Fatal(err)
	}
	key, err := crypto.ParseKey(text)
	if err != nil {
		p.t.Fatal(err)
	}
	return key
}

// TestRotateKill kills rotations at random moments. After each kill every file
// opens with one of the keys that are there, and one command finishes.
func TestRotateKill(t *testing.T) {
	jet := buildProgram(t)
	total, before, between, after := 0, 0, 0, 0
	for _, size := range []struct{ files, kills, short int }{
		{1000, 12, 1},
		{40, 90, 8},
		{3, 120, 20}, // where the keys take a good part of the time
	} {
		t.Run(fmt.Sprintf("%d files", size.files), func(t *testing.T) {
			kills := size.kills
			if testing.Short() {
				kills = size.short
			}
			p := newRotatingProject(t, jet, quickDir(t), size.files)
			journal := filepath.Join(p.dir, ".git", "jet-rotation.json")
			run := func(args ...string) time.Duration {
				t.Helper()
				began := time.Now()
				if out, err := p.command(args...).CombinedOutput(); err != nil {
					t.Fatalf("jet %q: %v\n%s", args, err, out)
				}
				return time.Since(began)
			}
			longest := run("rotate")
			p.check("without a kill", p.newKey())
			p.checkClean("without a kill")
			for try, killed := 0, 0; killed < kills && try < 3*kills; try++ {
				p.forgetOldKeys()
				old := p.newKey()
				args, wasKilled := []string{"rotate"}, false
				for round := 0; ; round++ {
					cmd := p.command(args...)
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Duration(rand.Int64N(int64(longest) + 1)))
					cmd.Process.Kill()
					cmd.Wait()
					if cmd.ProcessState.Success() {
						break // it was quicker
					}
					wasKilled = true
					killed++
					total++
					when := fmt.Sprintf("kill %d", killed)
					p.check(when, append(p.keysThere(), old)...)
					// Another one in the middle of finishing, now and then.
					if _, err := os.Stat(journal); err == nil && round < 2 && rand.IntN(3) == 0 {
						args = []string{"rotate", "--resume"}
						continue
					}
					break
				}
				finish := []string{"rotate"}
				if text, err := os.ReadFile(journal); err == nil {
					if rand.IntN(2) == 0 {
						finish = append(finish, "--resume")
					}
					if bytes.Contains(text, []byte(`"swapping"`)) {
						between++
					} else {
						before++
					}
				} else if p.newKey().Equal(old) {
					before++
				} else if wasKilled {
					after++
				}
				run(finish...)
				when := fmt.Sprintf("after kill %d and jet %q", killed, finish)
				if p.newKey().Equal(old) {
					t.Fatalf("%s: the key is the old one", when)
				}
				p.check(when, p.newKey())
				p.checkClean(when)
				if t.Failed() {
					t.FailNow()
				}
			}
			checkNoPlaintext(t, "at the end", p.canary, p.dir, jet.temp, jet.home)
		})
	}
	t.Logf("%d kills: %d before the first file was replaced, %d between, %d after the last", total, before, between, after)
	if !testing.Short() && (total < 200 || before < 10 || between < 10) {
		t.Errorf("%d kills, %d before and %d between: want at least 200, 10 and 10", total, before, between)
	}
}

// TestRotateSignal: a signal that can be caught ends a rotation in good order:
// either nothing is changed, or all of it.
func TestRotateSignal(t *testing.T) {
	if testing.Short() {
		t.Skip("starts dozens of processes")
	}
	jet := buildProgram(t)
	p := newRotatingProject(t, jet, quickDir(t), 300)
	began := time.Now()
	if out, err := p.command("rotate").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	longest := time.Since(began)
	stopped, done := 0, 0
	for try := range 24 {
		p.forgetOldKeys()
		old := p.newKey()
		cmd := p.command("rotate")
		var output bytes.Buffer
		cmd.Stderr = &output
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.Int64N(int64(longest) + 1)))
		signal := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}[try%2]
		cmd.Process.Signal(signal)
		cmd.Wait()
		when := fmt.Sprintf("%v, %s", signal, output.Bytes())
		p.checkClean(when)
		p.check(when, p.newKey())
		switch isOld := p.newKey().Equal(old); {
		case cmd.ProcessState.Success() && !isOld:
			done++
		case !cmd.ProcessState.Success() && isOld:
			stopped++
		default:
			t.Errorf("%s: %v, and the key is the old one: %v", when, cmd.ProcessState, isOld)
		}
		checkNoPlaintext(t, when, p.canary, p.dir, jet.temp, jet.home)
	}
	t.Logf("%d stopped, %d done", stopped, done)
	if stopped < 3 {
		t.Errorf("%d rotations were stopped, want at least 3", stopped)
	}
}

package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dockercfg/jet/crypto"
)

// program is jet as users run it, built once for a test.
type program struct {
	path string
	home string // for HOME, in place of the user's
	temp string // for TMPDIR, in place of the system's
}

func buildProgram(t *testing.T) program {
	t.Helper()
	dir := t.TempDir()
	p := program{path: filepath.Join(dir, "jet"), home: filepath.Join(dir, "home"), temp: filepath.Join(dir, "temp")}
	if runtime.GOOS == "windows" {
		p.path += ".exe"
	}
	for _, folder := range []string{p.home, p.temp} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "build", "-tags", "urfave_cli_no_docs,nethttpomithttp2", "-o", p.path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return p
}

// command gives a run of the program with nothing in its environment.
func (p program) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.path, args...)
	cmd.Env = []string{"HOME=" + p.home, "TMPDIR=" + p.temp, "SYSTEMROOT=" + os.Getenv("SYSTEMROOT")}
	cmd.WaitDelay = time.Minute
	return cmd
}

// writeKey gives the path of a new key.
func writeKey(t *testing.T) (string, crypto.Key) {
	t.Helper()
	path, key := filepath.Join(t.TempDir(), "codeship.aes"), crypto.GenerateKey()
	if err := os.WriteFile(path, key.Encode(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, key
}

// encrypted gives plain as a file of any format.
func encrypted(t *testing.T, plain []byte, key crypto.Key, format crypto.Format) []byte {
	t.Helper()
	written := format
	if format == crypto.CloudBeesV1 {
		written = crypto.CodeshipV2 // never written; as far as it is known it differs in the name
	}
	var file bytes.Buffer
	if err := crypto.Encrypt(&file, bytes.NewReader(plain), key, written); err != nil {
		t.Fatal(err)
	}
	if format == crypto.CloudBeesV1 {
		return bytes.Replace(file.Bytes(), []byte("codeship:v2"), []byte("cloudbees:v1"), 1)
	}
	return file.Bytes()
}

// damage changes a file at random: a bit, a byte, its end, its front, a piece of it.
func damage(file []byte) (string, []byte) {
	at := rand.IntN(len(file))
	changed := bytes.Clone(file)
	switch rand.IntN(6) {
	case 0:
		return fmt.Sprintf("cut to %d bytes", at), changed[:at]
	case 1:
		return fmt.Sprintf("without the first %d bytes", at+1), changed[at+1:]
	case 2:
		end := min(len(file), at+1+rand.IntN(20))
		return fmt.Sprintf("without bytes %d to %d", at, end), append(changed[:at], changed[end:]...)
	case 3:
		changed[at] = byte(rand.Uint32())
		return fmt.Sprintf("another byte %d", at), changed
	}
	bit := rand.IntN(8)
	changed[at] ^= 1 << bit
	return fmt.Sprintf("bit %d of byte %d flipped", bit, at), changed
}

// TestDamage runs the program on damaged files. The library says which of them
// are errors (its own tests say that it is right in that); then the program must
// exit with 1 and leave everything as it was.
func TestDamage(t *testing.T) {
	const runs = 300 // for each format, that must fail
	if testing.Short() {
		t.Skip("starts over a thousand processes")
	}
	jet := buildProgram(t)
	keyPath, key := writeKey(t)
	plain := []byte("PASSWORD=canary-5e1f\n# some more text, so that there is a body\n")
	for _, format := range []crypto.Format{crypto.Unsigned, crypto.CloudBeesV1, crypto.CodeshipV2, crypto.JetV1} {
		t.Run(format.String(), func(t *testing.T) {
			t.Parallel()
			file := encrypted(t, plain, key, format)
			for failed := 0; failed < runs; {
				what, changed := damage(file)
				var want bytes.Buffer
				_, wantErr := crypto.Decrypt(&want, bytes.NewReader(changed), key)
				if wantErr == nil && rand.IntN(10) > 0 {
					continue
				}
				exists := rand.IntN(2) == 0
				if err := runDamaged(t.TempDir(), jet, keyPath, changed, exists, wantErr, want.Bytes()); err != nil {
					t.Errorf("%s: %v\n%q", what, err, changed)
				}
				if wantErr != nil {
					failed++
				}
			}
			if left := names(t, jet.temp); len(left) > 0 {
				t.Errorf("left in TMPDIR: %q", left)
			}
		})
	}
}

func runDamaged(dir string, jet program, keyPath string, file []byte, exists bool, wantErr error, want []byte) error {
	in, out := filepath.Join(dir, "in.encrypted"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, file, 0o644); err != nil {
		return err
	}
	const old = "what was there before\n"
	if exists {
		if err := os.WriteFile(out, []byte(old), 0o640); err != nil {
			return err
		}
	}
	cmd := jet.command("decrypt", "--key-path", keyPath, in, out)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	got, readErr := os.ReadFile(out)
	entries, _ := os.ReadDir(dir)
	switch {
	case stdout.Len() > 0:
		return fmt.Errorf("wrote %d bytes to stdout", stdout.Len())
	case strings.Contains(stderr.String(), "canary"), strings.Contains(stderr.String(), "panic"):
		return fmt.Errorf("wrote %q to stderr", &stderr)
	case wantErr == nil && (err != nil || !bytes.Equal(got, want)):
		return fmt.Errorf("got %v and %d bytes, want the %d that the library gives; %s", err, len(got), len(want), &stderr)
	case wantErr == nil:
		return nil
	case cmd.ProcessState.ExitCode() != 1:
		return fmt.Errorf("exit code %d, want 1; %s", cmd.ProcessState.ExitCode(), &stderr)
	case !strings.HasPrefix(stderr.String(), "jet: error: "):
		return fmt.Errorf("stderr %q does not begin with the error", &stderr)
	case exists && string(got) != old:
		return fmt.Errorf("the existing output was changed: %q, %v", got, readErr)
	case !exists && !errors.Is(readErr, os.ErrNotExist):
		return fmt.Errorf("there is an output of %d bytes, %v", len(got), readErr)
	case exists && len(entries) != 2, !exists && len(entries) != 1:
		return fmt.Errorf("left in the folder: %v", entries)
	}
	if exists {
		if info, err := os.Stat(out); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
			return fmt.Errorf("the existing output has another mode: %v, %v", info.Mode(), err)
		}
	}
	return nil
}

// names lists what is in a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

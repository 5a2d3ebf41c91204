//go:build unix

package main_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/dockercfg/jet/crypto"
)

// overwriting is one way in which the program overwrites a file, and what may be
// found in that file afterwards.
type overwriting struct {
	name   string
	args   []string // without key, input and output
	input  []byte
	pipe   bool                   // the input comes from a pipe and not from a file
	old    []byte                 // what the output held before
	isNew  func(data []byte) bool // whether the output holds what it should at the end
	canary []byte                 // stands in the plaintext
}

func overwritings(t *testing.T, key crypto.Key) []overwriting {
	t.Helper()
	canary := []byte("canary-90b7c4 ")
	decrypts := func(plain []byte) func([]byte) bool {
		return func(data []byte) bool {
			var got bytes.Buffer
			_, err := crypto.Decrypt(&got, bytes.NewReader(data), key)
			return err == nil && bytes.Equal(got.Bytes(), plain)
		}
	}
	var all []overwriting
	for _, size := range []int{1 << 10, 6 << 20} {
		plain := bytes.Repeat(canary, size/len(canary))
		before := bytes.Repeat([]byte("older "), size/6)
		for _, format := range []crypto.Format{crypto.CodeshipV2, crypto.JetV1} {
			for _, pipe := range []bool{false, true} {
				how := fmt.Sprintf("%v of %d bytes", format, size)
				if pipe {
					how += " from a pipe"
				}
				all = append(all, overwriting{
					name: "decrypt " + how, args: []string{"decrypt"}, pipe: pipe, canary: canary,
					input: encrypted(t, plain, key, format), old: before,
					isNew: func(data []byte) bool { return bytes.Equal(data, plain) },
				}, overwriting{
					name: "encrypt " + how, args: []string{"encrypt", "--format", format.String()}, pipe: pipe, canary: canary,
					input: plain, old: encrypted(t, before, key, format), isNew: decrypts(plain),
				})
			}
		}
	}
	return all
}

// start begins to overwrite dir/out.
func (o overwriting) start(t *testing.T, jet program, keyPath, dir string) *exec.Cmd {
	t.Helper()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(out, o.old, 0o600); err != nil {
		t.Fatal(err)
	}
	var cmd *exec.Cmd
	if o.pipe {
		cmd = jet.command(append(o.args, "--key-path", keyPath, "-", out)...)
		cmd.Stdin = struct{ *bytes.Reader }{bytes.NewReader(o.input)}
	} else {
		if err := os.WriteFile(in, o.input, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd = jet.command(append(o.args, "--key-path", keyPath, in, out)...)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// duration is how long the program needs if nobody stops it.
func (o overwriting) duration(t *testing.T, jet program, keyPath, dir string) time.Duration {
	t.Helper()
	var longest time.Duration
	for range 3 {
		began := time.Now()
		if err := o.start(t, jet, keyPath, dir).Wait(); err != nil {
			t.Fatalf("without a signal: %v", err)
		}
		longest = max(longest, time.Since(began))
		data, err := os.ReadFile(filepath.Join(dir, "out"))
		if err != nil || !o.isNew(data) {
			t.Fatalf("without a signal the output is wrong, %v", err)
		}
	}
	return longest
}

// TestKill ends the program at random moments, with a signal that cannot be caught
// and with those that can.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts hundreds of processes")
	}
	const (
		kills = 13  // for each of 16 ways; the test ends more runs than that, since some are quicker than the signal
		tries = 400 // at most
	)
	jet := buildProgram(t)
	keyPath, key := writeKey(t)
	killed, olds, news := 0, 0, 0
	for _, o := range overwritings(t, key) {
		t.Run(o.name, func(t *testing.T) {
			dir := t.TempDir()
			longest := o.duration(t, jet, keyPath, dir)
			for try, here := 0, 0; here < kills && try < tries; try++ {
				signal := syscall.SIGKILL
				if try%4 == 3 {
					signal = []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}[try/4%2]
				}
				cmd := o.start(t, jet, keyPath, dir)
				time.Sleep(time.Duration(rand.Int64N(int64(longest) + 1)))
				cmd.Process.Signal(signal)
				cmd.Wait()

				if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() && status.Signal() == syscall.SIGKILL {
					here++
					killed++
				}
				out := filepath.Join(dir, "out")
				if info, err := os.Stat(out); err == nil && info.Mode().Perm() == 0 {
					// Killed between the new name and the new mode: whole, and closed.
					os.Chmod(out, 0o600)
				}
				data, err := os.ReadFile(out)
				isOld := bytes.Equal(data, o.old)
				if isOld {
					olds++
				} else {
					news++
				}
				if err != nil || !isOld && !o.isNew(data) {
					t.Errorf("%v: the output holds %d bytes, neither the old ones nor the new; %v", signal, len(data), err)
				}
				if cmd.ProcessState.Success() && isOld {
					t.Errorf("%v: exit code 0, and the output is the old one", signal)
				}
				o.checkBeside(t, signal, dir, jet.temp)
			}
		})
	}
	t.Logf("%d processes were killed; the output was the old one %d times and the new one %d times", killed, olds, news)
	if killed < 200 || olds < 20 || news < 20 {
		t.Errorf("%d kills, %d old and %d new outputs: want at least 200, 20 and 20", killed, olds, news)
	}
}

// checkBeside looks at everything but input and output, and removes it.
func (o overwriting) checkBeside(t *testing.T, signal syscall.Signal, folders ...string) {
	t.Helper()
	for _, folder := range folders {
		for _, name := range names(t, folder) {
			path := filepath.Join(folder, name)
			info, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			if name == "in" || name == "out" {
				continue
			}
			data, err := os.ReadFile(path)
			if err != nil && !os.IsPermission(err) {
				t.Fatal(err)
			}
			switch {
			case signal != syscall.SIGKILL:
				t.Errorf("%v: left behind: %s, %v", signal, name, info.Mode())
			case info.Mode().Perm() != 0 && bytes.Contains(data, o.canary):
				t.Errorf("%v: readable plaintext left behind: %s, %v", signal, name, info.Mode())
			}
			os.Remove(path)
		}
	}
}

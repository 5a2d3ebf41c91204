package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A seat is a person at a terminal, on which a program of its own session runs.
type seat struct {
	t      *testing.T
	cmd    *exec.Cmd
	person *os.File
	ended  chan error

	mutex sync.Mutex
	shown []byte
	from  int // how far expect has come
}

// sit starts a program on a new terminal. The environment is what is given, with
// HOME and TMPDIR in new folders.
func sit(t *testing.T, dir string, environment []string, name string, args ...string) *seat {
	t.Helper()
	person, terminal := openTerminal(t)
	s := &seat{t: t, person: person, ended: make(chan error, 1), cmd: exec.Command(name, args...)}
	s.cmd.Dir = dir
	s.cmd.Env = append(quietEnvironment(t), environment...)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = terminal, terminal, terminal
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		<-s.ended
	})
	terminal.Close()
	go func() {
		s.ended <- s.cmd.Wait()
		close(s.ended)
	}()
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := person.Read(buffer)
			s.mutex.Lock()
			s.shown = append(s.shown, buffer[:n]...)
			s.mutex.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s
}

// quietEnvironment is one in which nothing of this machine plays a part.
func quietEnvironment(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	memory, err := os.MkdirTemp("/dev/shm", "jet-test-")
	if err != nil {
		t.Skipf("needs a folder in memory: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(memory) })
	return []string{"XDG_RUNTIME_DIR=" + memory, "GORACE=" + os.Getenv("GORACE"), "PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir, "XDG_CACHE_HOME=" + filepath.Join(dir, "cache"), "TERM=xterm"}
}

// patience is how long anything in these tests may take on a busy machine.
const patience = 20 * time.Second

// expect waits until the terminal shows a text, after what it showed before.
func (s *seat) expect(text string) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		s.mutex.Lock()
		at := bytes.Index(s.shown[s.from:], []byte(text))
		if at >= 0 {
			s.from += at + len(text)
		}
		shown := string(s.shown)
		s.mutex.Unlock()
		if at >= 0 {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the terminal does not show %q, but %q", text, shown)
		}
	}
}

func (s *seat) typed(text string) {
	s.t.Helper()
	if _, err := s.person.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// status waits for the end of the program and gives its exit status as a shell does.
func (s *seat) status() int {
	s.t.Helper()
	select {
	case err := <-s.ended:
		return statusOf(s.t, err)
	case <-time.After(patience):
		s.t.Fatalf("it does not end; the terminal shows %q", s.screen())
		return 0
	}
}

func statusOf(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if err == nil {
		return 0
	}
	if status := exit.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}

// screen is all that the terminal showed.
func (s *seat) screen() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return string(s.shown)
}

// checkNothingLeft checks that no private folder is left of a program with this
// environment.
func checkNothingLeft(t *testing.T, environment []string) {
	t.Helper()
	for _, entry := range environment {
		if dir, ok := strings.CutPrefix(entry, "XDG_RUNTIME_DIR="); ok {
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left in %s: %v, %v", dir, left, err)
			}
			return
		}
	}
	t.Error("there is no XDG_RUNTIME_DIR")
}

// waitGone waits until a path leads to nothing.
func waitGone(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still there", path)
		}
	}
}

// writeFiles writes files into a new folder: name, content, name, content, …
func writeFiles(t *testing.T, pairs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(pairs); i += 2 {
		mode := os.FileMode(0o600)
		if strings.HasPrefix(pairs[i+1], "#!") {
			mode = 0o700
		}
		if err := os.WriteFile(filepath.Join(dir, pairs[i]), []byte(pairs[i+1]), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

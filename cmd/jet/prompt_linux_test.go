package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dockercfg/jet/dockercfg"
)

// openTerminal gives the two ends of a pseudo-terminal: the person's, and the one
// that programs have.
func openTerminal(t *testing.T) (person, terminal *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("needs pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Skipf("needs pseudo-terminals: %v", err)
	}
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Skipf("needs pseudo-terminals: %v", err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("needs pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { terminal.Close() })
	return person, terminal
}

func echoes(t *testing.T, terminal *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// waitForPrompt waits until the terminal shows nothing of what is typed.
func waitForPrompt(t *testing.T, terminal *os.File) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); echoes(t, terminal); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nobody asks")
		}
	}
}

// onTerminal begins a command whose stdin is a terminal.
func onTerminal(ctx context.Context, terminal *os.File, stdout, stderr io.Writer, words ...string) (code <-chan int) {
	p := &program{stdin: terminal, stdout: stdout, stderr: stderr, lookupEnv: func(string) (string, bool) { return "", false }}
	done := make(chan int, 1)
	go func() { done <- p.run(ctx, words) }()
	return done
}

func wait(t *testing.T, code <-chan int) int {
	t.Helper()
	select {
	case c := <-code:
		return c
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
		return 0
	}
}

// TestPrompt types a password.
func TestPrompt(t *testing.T) {
	for _, test := range []struct {
		name, typed, want string
		flags             []string
	}{
		{"password", "p w:é'\"$\n", "p w:é'\"$", nil},
		{"blanks", "  x \n", "  x ", nil},
		{"corrected", "wrong\x15right\n", "right", nil},
		{"with --password-stdin", "x\n", "x", []string{"--password-stdin"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			person, terminal := openTerminal(t)
			path := filepath.Join(t.TempDir(), "cfg")
			var stdout, stderr bytes.Buffer
			words := append([]string{"dockercfg", "add", path, "quay.io", "--username", "ci"}, test.flags...)
			code := onTerminal(t.Context(), terminal, &stdout, &stderr, words...)
			waitForPrompt(t, terminal)
			if _, err := person.WriteString(test.typed); err != nil {
				t.Fatal(err)
			}
			if got := wait(t, code); got != exitDone {
				t.Fatalf("exit code %d: %s", got, stderr.String())
			}
			if !echoes(t, terminal) {
				t.Error("the terminal shows nothing of what is typed any more")
			}
			if !strings.HasPrefix(stderr.String(), "Password for ci at quay.io (it is not shown): \n") || stdout.Len() > 0 {
				t.Errorf("it says %q and %q", stderr.String(), stdout.String())
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			file, err := dockercfg.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			if e, _, _ := file.Lookup("quay.io"); e.Password.Reveal() != test.want {
				t.Errorf("the file holds another password")
			}
			// What the terminal would have shown: the end marks that all was read.
			if _, err := terminal.WriteString("END"); err != nil {
				t.Fatal(err)
			}
			shown := make([]byte, 0, 1000)
			for !bytes.Contains(shown, []byte("END")) {
				n, err := person.Read(shown[len(shown):cap(shown)])
				if err != nil {
					t.Fatal(err)
				}
				shown = shown[:len(shown)+n]
			}
			if string(shown) != "END" {
				t.Errorf("the terminal shows %q", shown)
			}
		})
	}
}

// TestPromptGivenUp: no password, no file, and a terminal as it was.
func TestPromptGivenUp(t *testing.T) {
	for name, test := range map[string]struct {
		act  func(person *os.File, interrupt func())
		want string
	}{
		"interrupt":  {func(_ *os.File, interrupt func()) { interrupt() }, "jet: error: interrupted\n"},
		"empty line": {func(person *os.File, _ func()) { person.WriteString("\n") }, "jet: error: no password was typed\n"},
		"taken back": {func(person *os.File, _ func()) { person.WriteString("canary\x15\n") }, "jet: error: no password was typed\n"},
	} {
		t.Run(name, func(t *testing.T) {
			person, terminal := openTerminal(t)
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var stdout, stderr bytes.Buffer
			code := onTerminal(ctx, terminal, &stdout, &stderr, "dockercfg", "add", filepath.Join(dir, "cfg"), "quay.io", "--username", "ci")
			waitForPrompt(t, terminal)
			test.act(person, cancel)
			if got := wait(t, code); got != exitFailed || !strings.HasSuffix(stderr.String(), test.want) {
				t.Errorf("exit code %d and %q, want %d and %q", got, stderr.String(), exitFailed, test.want)
			}
			if !echoes(t, terminal) {
				t.Error("the terminal shows nothing of what is typed any more")
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("it left %v (%v)", left, err)
			}
			person.WriteString("\n") // ends the read that is still waiting
		})
	}
}

// TestTokenOnTerminal: a line end on a terminal, which no program gets.
func TestTokenOnTerminal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cfg")
	if err := os.WriteFile(path, []byte(`{"auths":{"quay.io":{"auth":"Y2k6cA=="}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	person, terminal := openTerminal(t)
	var stdout, stderr bytes.Buffer
	if got := wait(t, onTerminal(t.Context(), terminal, &stdout, &stderr, "token", "quay.io", "--dockercfg", path)); got != exitDone || stdout.String() != "p" {
		t.Errorf("exit code %d and %q, want 0 and \"p\": %s", got, stdout.String(), stderr.String())
	}
	if got := wait(t, onTerminal(t.Context(), terminal, terminal, &stderr, "token", "quay.io", "--dockercfg", path)); got != exitDone {
		t.Errorf("exit code %d: %s", got, stderr.String())
	}
	shown := make([]byte, 100)
	if n, err := person.Read(shown); err != nil || string(shown[:n]) != "p\r\n" {
		t.Errorf("the terminal shows %q (%v)", shown[:n], err)
	}
}

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dockercfg/jet/crypto"
)

// editFolder is a folder with an encrypted env file and editors.
func editFolder(t *testing.T) string {
	dir := writeFiles(t, "codeship.aes", testKey,
		// Talks with the person on the terminal.
		"talk", "#!/bin/sh\ntest -t 0 && test -t 1 && test -t 2 || exit 9\nprintf 'new text: '; read line; echo \"$line\" >> \"$1\"\n",
		// Lives through Ctrl-C, as editors do.
		"tough", "#!/bin/sh\ntrap 'echo interrupted' INT\necho editing; read line; read line; echo B=2 >> \"$1\"\n",
		// The text is broken as long as there is a file that says so.
		"breaking", "#!/bin/sh\nif test -e broken; then echo canary words > \"$1\"; rm broken; else echo C=3 > \"$1\"; fi\n",
		// Saves, and then waits for its end.
		"waiting", "#!/bin/sh\necho D=canary-waiting >> \"$1\"; echo \"at $1\"; exec sleep 60\n",
		// The same, and does not end when it is asked to.
		"stubborn", "#!/bin/sh\ntrap '' TERM HUP INT QUIT\necho D=canary-waiting >> \"$1\"; echo \"at $1\"; while :; do sleep 0.1; done\n",
	)
	seal(t, filepath.Join(dir, "app.env.encrypted"), "A=canary-A\n")
	return dir
}

// seal writes an encrypted file.
func seal(t *testing.T, path, text string) {
	t.Helper()
	key, err := crypto.ParseKey([]byte(testKey))
	if err != nil {
		t.Fatal(err)
	}
	var sealed bytes.Buffer
	if err := crypto.Encrypt(&sealed, strings.NewReader(text), key, crypto.JetV1); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, sealed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// unseal reads an encrypted file.
func unseal(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	key, err := crypto.ParseKey([]byte(testKey))
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if _, err := crypto.Decrypt(&text, bytes.NewReader(data), key); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// kept gives the text that is kept in the cache folder of an environment, "" for none.
func kept(t *testing.T, environment []string) string {
	t.Helper()
	for _, entry := range environment {
		if cache, ok := strings.CutPrefix(entry, "XDG_CACHE_HOME="); ok {
			found, err := filepath.Glob(filepath.Join(cache, "jet", "*.encrypted"))
			if err != nil || len(found) > 1 {
				t.Fatalf("kept: %q, %v", found, err)
			}
			if len(found) == 1 {
				return unseal(t, found[0])
			}
		}
	}
	return ""
}

func TestEditOnTerminal(t *testing.T) {
	for _, variable := range []string{"TERM=xterm", "TERM=dumb", "NO_COLOR=1"} {
		t.Run(variable, func(t *testing.T) {
			dir := editFolder(t)
			s := sit(t, dir, []string{"EDITOR=./talk", variable}, "jet", "edit", "app.env.encrypted")
			s.expect("new text: ")
			s.typed("B=typed\n")
			if got, text := s.status(), unseal(t, filepath.Join(dir, "app.env.encrypted")); got != 0 || text != "A=canary-A\nB=typed\n" {
				t.Errorf("exit status %d and %q: %q", got, text, s.screen())
			}
			if strings.Contains(s.screen(), "\x1b") {
				t.Errorf("the terminal gets control sequences: %q", s.screen())
			}
		})
	}
	// Ctrl-C is the editor's, and does not end us.
	t.Run("interrupt", func(t *testing.T) {
		dir := editFolder(t)
		s := sit(t, dir, []string{"EDITOR=./tough"}, "jet", "edit", "app.env.encrypted")
		s.expect("editing")
		s.typed("\x03")
		s.expect("interrupted")
		s.typed("a\nb\n")
		if got, text := s.status(), unseal(t, filepath.Join(dir, "app.env.encrypted")); got != 0 || text != "A=canary-A\nB=2\n" {
			t.Errorf("exit status %d and %q: %q", got, text, s.screen())
		}
	})
}

// TestEditAsks answers the question about a text that is broken.
func TestEditAsks(t *testing.T) {
	const question = "Edit again (e), save as it is (s), or discard what was edited (d)? "
	for _, test := range []struct {
		name, answer string
		status       int
		text, kept   string
		says         string
	}{
		{"edit again", "e\n", 0, "C=3\n", "", "wrote"},
		{"edit again, after nonsense", "what?\n\nEdit\n", 0, "C=3\n", "", "wrote"},
		{"save", "s\n", 0, "canary words\n", "", "wrote"},
		{"discard", "d\n", 1, "A=canary-A\n", "", "error: what was edited is discarded"},
		{"interrupt", "\x03", 1, "A=canary-A\n", "canary words\n", "error: interrupted"},
		{"end of input", "\x04", 1, "A=canary-A\n", "canary words\n", "error: Failed to parse env file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := editFolder(t)
			if err := os.WriteFile(filepath.Join(dir, "broken"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			s := sit(t, dir, []string{"EDITOR=./breaking", "TERM=dumb"}, "jet", "edit", "app.env.encrypted")
			s.expect(`jet: error: Failed to parse env file "app.env.encrypted" as it was edited: line 1: neither a comment nor NAME=value`)
			s.expect(question)
			s.typed(test.answer)
			if got, text := s.status(), unseal(t, filepath.Join(dir, "app.env.encrypted")); got != test.status || text != test.text {
				t.Errorf("exit status %d and %q, want %d and %q: %q", got, text, test.status, test.text, s.screen())
			}
			s.expect(test.says)
			checkNothingLeft(t, s.cmd.Env)
			if got := kept(t, s.cmd.Env); got != test.kept {
				t.Errorf("kept: %q, want %q", got, test.kept)
			}
			if strings.Contains(s.screen(), "canary") {
				t.Errorf("the terminal shows the text: %q", s.screen())
			}
		})
	}
}

// TestEditSignals ends jet while the editor runs, with and without a terminal: what
// the person saved is kept, and the plaintext is gone.
func TestEditSignals(t *testing.T) {
	for _, editor := range []string{"waiting", "stubborn"} {
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
			for _, terminal := range []bool{true, false} {
				name := editor + "/" + signal.String()
				if terminal {
					name += "/terminal"
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					dir := editFolder(t)
					var process *os.Process
					var environment []string
					var path string
					var status func() int
					if terminal {
						s := sit(t, dir, []string{"EDITOR=./" + editor}, "jet", "edit", "app.env.encrypted")
						s.expect("at ")
						s.expect("app.env\r\n")
						_, path, _ = strings.Cut(strings.TrimSpace(s.screen()), "at ")
						process, environment, status = s.cmd.Process, s.cmd.Env, s.status
					} else {
						cmd, first := startPiped(t, dir, []string{"EDITOR=./" + editor}, "edit", "app.env.encrypted")
						path = strings.TrimPrefix(first, "at ")
						process, environment, status = cmd.Process, cmd.Env, func() int { return statusOf(t, cmd.Wait()) }
					}
					process.Signal(signal)
					process.Signal(signal) // of somebody who is impatient
					if got := status(); got != 1 {
						t.Errorf("exit status %d, want 1", got)
					}
					if _, err := os.Lstat(filepath.Dir(path)); err == nil {
						t.Errorf("%s is still there", path)
					}
					checkNothingLeft(t, environment)
					if got := kept(t, environment); got != "A=canary-A\nD=canary-waiting\n" {
						t.Errorf("kept: %q", got)
					}
					if got := unseal(t, filepath.Join(dir, "app.env.encrypted")); got != "A=canary-A\n" {
						t.Errorf("the file holds %q", got)
					}
				})
			}
		}
	}
}

// TestEditKilled kills jet: the next run names what it left and removes it.
func TestEditKilled(t *testing.T) {
	dir := editFolder(t)
	cmd, first := startPiped(t, dir, []string{"EDITOR=./waiting"}, "edit", "app.env.encrypted")
	path := strings.TrimPrefix(first, "at ")
	syscall.Kill(cmd.Process.Pid, syscall.SIGKILL)
	cmd.Wait()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
	next := exec.Command("jet", "edit", "app.env.encrypted")
	next.Dir, next.Env = dir, append(cmd.Env, "EDITOR=true")
	out, err := next.CombinedOutput()
	if want := "jet: removed \"" + filepath.Dir(path) + "\", which a killed run had left behind\n"; err != nil || !strings.Contains(string(out), want) {
		t.Errorf("the next run says %q, %v, want %q", out, err, want)
	}
	if _, err := os.Lstat(filepath.Dir(path)); err == nil {
		t.Errorf("%s is still there", path)
	}
}

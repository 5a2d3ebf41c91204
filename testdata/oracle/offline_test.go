package oracle

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOffline watches the system calls of commands that have no business with the
// network: not one of them may so much as open a socket.
func TestOffline(t *testing.T) {
	strace := find(t, "strace", "strace")
	p := newProject(t)
	log := filepath.Join(t.TempDir(), "log")
	write(t, filepath.Join(p.dir, "app.env"), "A=1\n")
	env := p.env(t, "credentials.env", "quay.io", account{"bob", "hunter2"})
	for _, words := range [][]string{
		{"encrypt", "app.env", "app.env.encrypted"},
		{"decrypt", "app.env.encrypted", "back.env"},
		{"generate", "key", "--key-path", "other.aes"},
		{"generate", "dockercfg", "dockercfg.encrypted", "--env-file", env, "--encrypt"},
		{"dockercfg", "show", "dockercfg.encrypted"},
		{"token", "quay.io"},
		{"inspect", "app.env.encrypted"},
		{"exec", "--env-file", "app.env.encrypted", "--", "true"},
		{"version"},
		{"help", "generate", "dockercfg"},
	} {
		said, err := run(t, p.dir, nil, strace, append([]string{"-f", "-qq", "-e", "trace=%network", "-e", "signal=none", "-o", log, p.jet}, words...)...)
		if err != nil {
			if strings.Contains(said, "ptrace") {
				missing(t, "strace may not watch here: %s", said)
			}
			t.Fatalf("jet %s: %v\n%s", strings.Join(words, " "), err, said)
		}
		calls, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		for call := range strings.Lines(string(calls)) {
			// A thread that the end of the process caught between two calls: "???(".
			if !strings.Contains(call, "???(") {
				t.Errorf("jet %s: %s", strings.Join(words, " "), call)
			}
		}
	}
	// That the watch sees anything at all:
	run(t, p.dir, nil, strace, "-f", "-qq", "-e", "trace=%network", "-e", "signal=none", "-o", log, find(t, "docker", "docker.io"), "-H", "tcp://127.0.0.1:1", "version")
	if calls, err := os.ReadFile(log); err != nil || !strings.Contains(string(calls), "socket(") {
		t.Errorf("nothing was seen of a program that uses the network: %v\n%s", err, calls)
	}
}

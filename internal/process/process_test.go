//go:build unix

package process_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dockercfg/jet/internal/process"
)

func TestKeyIsNotInherited(t *testing.T) {
	t.Setenv("JET_KEY", "canary")
	t.Setenv("JET_KEY_COMMAND", "echo canary")
	t.Setenv("JET_IDENTITY", "canary")
	t.Setenv("JET_KEY_PATH", "kept")
	out, err := process.Command(t.Context(), "env").Output()
	if err != nil || bytes.Contains(out, []byte("canary")) || !bytes.Contains(out, []byte("JET_KEY_PATH=kept")) {
		t.Errorf("error %v, the environment of the child is wrong", err)
	}
}

// What a program started, and what holds its output open, is not waited for.
func TestContextEndsTheProgram(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := process.Command(ctx, "sh", "-c", "sleep 20 & sleep 20").Run(); err == nil {
		t.Error("no error")
	}
	var out bytes.Buffer
	cmd := process.Command(t.Context(), "sh", "-c", "echo done; sleep 20 &")
	cmd.Stdout = struct{ *bytes.Buffer }{&out}
	if err := cmd.Run(); !errors.Is(err, exec.ErrWaitDelay) || out.String() != "done\n" {
		t.Errorf("a daemon holds the output: got %q, %v", out.String(), err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

// A program that lives through a signal does so with a shell around it.
func TestShellIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\ntrap '' INT\nkill -INT $PPID $$\necho alive\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt) // now we are its parent
	defer signal.Stop(signals)
	if out, err := process.Shell(t.Context(), path, "a").Output(); err != nil || string(out) != "alive\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestBounded(t *testing.T) {
	dropped := 0
	b := process.Bounded{Limit: 5, OnFull: func() { dropped++ }}
	for _, s := range []string{"abc", "de", "f", "gh"} {
		if n, err := strings.NewReader(s).WriteTo(&b); n != int64(len(s)) || err != nil {
			t.Errorf("%q: wrote %d, %v", s, n, err)
		}
	}
	if string(b.Bytes()) != "abcde" || !b.Full() || dropped != 2 {
		t.Errorf("kept %q, full %v, dropped %d times", b.Bytes(), b.Full(), dropped)
	}
}

func TestShell(t *testing.T) {
	for _, test := range []struct {
		command string
		args    []string
		want    string
	}{
		{`printf '%s\n' a "b  c"; echo d`, nil, "a\nb  c\nd\n"},
		{`printf '<%s>'`, []string{"a b", "$HOME", `"'`, "", "-n"}, `<a b><$HOME><"'><><-n>`},
		{`X=1 printf "<%s>"`, []string{"*"}, "<*>"},
		{`printf %s "$0"; :`, []string{"a"}, `printf %s "$0"; :`},
		{`command printf %s`, []string{"a"}, `a`},
		{`env X=1 sh -c 'printf "%s" "$X$0"'`, []string{"a"}, `1a`},
		{`if true`, nil, ""},
	} {
		if out, err := process.Shell(t.Context(), test.command, test.args...).Output(); (err == nil) == (test.command == "if true") || string(out) != test.want {
			t.Errorf("%s with %q: got %q, %v, want %q", test.command, test.args, out, err, test.want)
		}
	}
}

package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestSetOnTerminal types a value, which is not shown.
func TestSetOnTerminal(t *testing.T) {
	for _, variable := range []string{"TERM=xterm", "TERM=dumb", "NO_COLOR=1"} {
		t.Run(variable, func(t *testing.T) {
			dir := editFolder(t)
			s := sit(t, dir, []string{variable}, "jet", "set", "app.env.encrypted", "A")
			s.expect("Value for A (it is not shown): ")
			waitForPrompt(t, s.person)
			s.typed("  canary typed $X \n")
			if got, text := s.status(), unseal(t, filepath.Join(dir, "app.env.encrypted")); got != 0 || text != "A=  canary typed $X \n" {
				t.Errorf("exit status %d and %q: %q", got, text, s.screen())
			}
			if strings.Contains(s.screen(), "canary") || strings.Contains(s.screen(), "\x1b") {
				t.Errorf("the terminal shows %q", s.screen())
			}
		})
	}
	for _, typed := range []string{"\n", "x\x15\n"} {
		dir := editFolder(t)
		s := sit(t, dir, nil, "sh", "-c", "jet set app.env.encrypted A; echo status $?; stty -a | grep -o '[-]*echo '")
		s.expect("it is not shown")
		waitForPrompt(t, s.person)
		s.typed(typed)
		s.expect("error: no value was typed")
		s.expect("status 1")
		s.expect("\necho ") // and not -echo
		if text := unseal(t, filepath.Join(dir, "app.env.encrypted")); text != "A=canary-A\n" {
			t.Errorf("%q: the file holds %q", typed, text)
		}
	}
	dir := editFolder(t)
	s := sit(t, dir, nil, "jet", "set", "app.env.encrypted", "A")
	s.expect("it is not shown")
	waitForPrompt(t, s.person)
	s.typed("\x03")
	s.expect("error: interrupted")
	if got := s.status(); got != 1 {
		t.Errorf("interrupt: exit status %d: %q", got, s.screen())
	}
}

// TestGetOnTerminal: a line end on a terminal alone.
func TestGetOnTerminal(t *testing.T) {
	s := sit(t, editFolder(t), nil, "jet", "get", "app.env.encrypted", "A")
	if got := s.status(); got != 0 {
		t.Errorf("exit status %d", got)
	}
	s.expect("canary-A\r\n")
}

package main

import (
	"bytes"
	"errors"
	"log/slog"
	"os/user"
	"strings"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/accounts"
)

// TestLogLines makes events of what is written in pieces, each once.
func TestLogLines(t *testing.T) {
	var out bytes.Buffer
	l := &logLines{log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))}
	long := strings.Repeat("x", maxLine)
	for _, piece := range []string{"jet: warn", "ing: odd\njet: hint: do\n", "jet: warning: odd\nfrom a program\n", long, "\n\nleft"} {
		if n, err := l.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Errorf("got %d, %v", n, err)
		}
	}
	want := "level=WARN msg=odd\nlevel=INFO msg=\"hint: do\"\nlevel=INFO msg=\"from a program\"\nlevel=INFO msg=" + long + "\n"
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for i := range 3 * maxSeen {
		l.Write([]byte(strings.Repeat("y", 1+i) + "\n"))
		if len(l.seen) > maxSeen {
			t.Fatal("it remembers without end")
		}
	}
}

func TestVersionOf(t *testing.T) {
	a := accounts.Account{Name: "a", Address: "quay.io", Line: 3, Username: "ci", Password: dockercfg.NewSecret("one"), Variables: map[string]string{"A": "1", "B": "2"}}
	same := a
	same.Line, same.Variables = 7, map[string]string{"B": "2", "A": "1"}
	if versionOf(a) != versionOf(same) {
		t.Error("another line is another account")
	}
	for name, change := range map[string]func(*accounts.Account){
		"password":  func(a *accounts.Account) { a.Password = dockercfg.NewSecret("two") },
		"variables": func(a *accounts.Account) { a.Variables = map[string]string{"A": "1", "B": "3"} },
		"timeout":   func(a *accounts.Account) { a.Timeout = time.Second },
		"ca":        func(a *accounts.Account) { a.CACert = "ca.pem" },
	} {
		other := a
		change(&other)
		if versionOf(a) == versionOf(other) {
			t.Errorf("another %s is the same account", name)
		}
	}
	if strings.Contains(versionOf(a), "one") {
		t.Error("the password stands in it")
	}
}

func TestIDOf(t *testing.T) {
	none := func(string) (string, error) { return "", errors.New("nobody") }
	for _, c := range []struct {
		name   string
		lookup func(string) (string, error)
		want   int // -1 for an error
	}{
		{"0", none, 0},
		{"65532", none, 65532},
		{"2147483648", none, -1},
		{"-1", none, -1},
		{"ci", none, -1},
		{"ci", func(string) (string, error) { return "1000", nil }, 1000},
		{"ci", func(string) (string, error) { return "S-1-5-32-544", nil }, -1}, // as on Windows
	} {
		got, err := idOf(c.name, "owner", c.lookup)
		if c.want == -1 && err == nil || c.want != -1 && (err != nil || got != c.want) {
			t.Errorf("%s: got %d, %v", c.name, got, err)
		}
	}
	if me, err := user.Current(); err == nil {
		if id, err := userID(me.Username); err != nil || id != me.Uid {
			t.Errorf("got %q, %v, want %q", id, err, me.Uid)
		}
	}
	if _, err := groupID("nobody-of-this-name"); err == nil {
		t.Error("there is such a group")
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/dockercfg/jet/dockercfg"
)

// maxSecret bounds a password or token, in bytes. Key files have some 2,400.
const maxSecret = 1 << 20

// readSecret gives a password or an identity token as it is, but for one line end
// behind it. A person at a terminal is asked for it; else it is read from stdin,
// if that is wanted.
func (p *program) readSecret(ctx context.Context, kind string, entry dockercfg.Entry, stdin bool) (string, error) {
	if terminal, ok := terminalOf(p.stdin); ok {
		who := entry.Registry
		if entry.Username != "" {
			who = entry.Username + " at " + who
		}
		return p.prompt(ctx, terminal, kind, who)
	}
	if !stdin {
		return "", fail("there is no terminal on which to ask for the %s", kind).
			hint("--password-stdin reads it from stdin")
	}
	in, err := p.openInput(ctx, "-")
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(io.LimitReader(in, maxSecret+1))
	switch {
	case err != nil:
		return "", err
	case len(data) > maxSecret:
		return "", fail("the %s on stdin is over %d KiB long", kind, maxSecret>>10)
	}
	secret := string(data)
	if line, found := strings.CutSuffix(secret, "\n"); found {
		secret = strings.TrimSuffix(line, "\r")
	}
	if secret == "" {
		return "", fail("there is no %s on stdin", kind)
	}
	return secret, nil
}

// terminalOf gives the descriptor of a terminal.
func terminalOf(stream any) (descriptor int, ok bool) {
	file, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0, false
	}
	return int(file.Fd()), true
}

// prompt asks on the terminal, which does not show what is typed. An interrupt
// leaves the terminal as it was.
func (p *program) prompt(ctx context.Context, terminal int, kind, who string) (string, error) {
	p.signals.listen()
	before, err := term.GetState(terminal)
	if err != nil {
		return "", fmt.Errorf("the terminal: %w", err)
	}
	fmt.Fprintf(p.stderr, "%s for %s (it is not shown): ", strings.ToUpper(kind[:1])+kind[1:], printable(who))
	type answer struct {
		text []byte
		err  error
	}
	typed := make(chan answer, 1)
	go func() {
		text, err := term.ReadPassword(terminal)
		typed <- answer{text, err}
	}()
	var a answer
	select {
	case a = <-typed:
	case <-ctx.Done():
		a.err = errors.Join(ctx.Err(), term.Restore(terminal, before))
	}
	fmt.Fprintln(p.stderr)
	switch {
	case a.err != nil && a.err != io.EOF:
		return "", a.err
	case len(a.text) == 0:
		return "", fail("no %s was typed", kind)
	}
	return string(a.text), nil
}

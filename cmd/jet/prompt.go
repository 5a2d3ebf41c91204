package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"golang.org/x/term"

	"github.com/dockercfg/jet/internal/credentialhelper"
	"github.com/dockercfg/jet/internal/sharedkey"
)

// maxSecret bounds a password or token, in bytes. Key files have some 2,400.
const maxSecret = 1 << 20

// readSecret gives a password, a token or another value as it is, but for one line
// end behind it. A person at a terminal is asked for it; else it is read from stdin,
// if that is wanted. Who is whose it is.
func (p *program) readSecret(ctx context.Context, kind, who string, stdin bool) (string, error) {
	if descriptor, ok := terminalOf(p.stdin); ok {
		return p.prompt(ctx, terminal{descriptor, p.stderr}, kind, who)
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

// askPassphrase asks for the passphrase of a key file or of a private key, also
// where stdin is something else than the terminal.
func (p *program) askPassphrase(ctx context.Context, question sharedkey.Question) (string, error) {
	// The clients of the credential helper keep the terminal for themselves.
	if _, running := p.lookupEnv(credentialhelper.RunningVariable); running {
		return "", sharedkey.NobodyToAsk(question)
	}
	t, done, ok := p.terminal()
	if !ok {
		return "", sharedkey.NobodyToAsk(question)
	}
	defer done()
	return p.prompt(ctx, t, "passphrase", question.Path)
}

// A terminal is where a person can be asked something.
type terminal struct {
	descriptor int       // what is typed is read from it
	shows      io.Writer // the question
}

// terminal gives the terminal that the program was started from, and what is to
// be done when it is no longer needed: that of stdin and stderr, or that of the
// session where one of them leads elsewhere.
func (p *program) terminal() (t terminal, done func(), ok bool) {
	descriptor, typed := terminalOf(p.stdin)
	_, seen := terminalOf(p.stderr)
	_, isProcess := p.stderr.(*os.File) // and not a test
	if typed && (seen || !isProcess) {
		return terminal{descriptor, p.stderr}, func() {}, true
	}
	if !isProcess {
		return terminal{}, nil, false
	}
	in, out := "/dev/tty", "/dev/tty"
	if runtime.GOOS == "windows" {
		in, out = "CONIN$", "CONOUT$"
	}
	reader, err := os.OpenFile(in, os.O_RDWR, 0)
	if err != nil {
		return terminal{}, nil, false
	}
	writer, err := os.OpenFile(out, os.O_RDWR, 0)
	if err != nil {
		reader.Close()
		return terminal{}, nil, false
	}
	done = func() { reader.Close(); writer.Close() }
	return terminal{int(reader.Fd()), writer}, done, true
}

// terminalOf gives the descriptor of a terminal.
func terminalOf(stream any) (descriptor int, ok bool) {
	file, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0, false
	}
	return int(file.Fd()), true
}

// prompt asks on the terminal, which does not show what is typed, from before the
// question on: some people, and all programs, answer at once. An interrupt leaves
// the terminal as it was.
func (p *program) prompt(ctx context.Context, t terminal, kind, who string) (string, error) {
	p.signals.listen()
	before, err := term.GetState(t.descriptor)
	if err != nil {
		return "", fmt.Errorf("the terminal: %w", err)
	}
	if err := hideTyping(t.descriptor); err != nil {
		return "", fmt.Errorf("the terminal: %w", err)
	}
	fmt.Fprintf(t.shows, "%s for %s (it is not shown): ", strings.ToUpper(kind[:1])+kind[1:], printable(who))
	type answer struct {
		text []byte
		err  error
	}
	typed := make(chan answer, 1)
	go func() {
		text, err := readTyped(t.descriptor)
		typed <- answer{text, err}
	}()
	var a answer
	select {
	case a = <-typed:
	case <-ctx.Done():
		a.err = ctx.Err()
	}
	if err := term.Restore(t.descriptor, before); err != nil {
		a.err = errors.Join(a.err, fmt.Errorf("the terminal: %w", err))
	}
	fmt.Fprintln(t.shows)
	switch {
	case a.err != nil && a.err != io.EOF:
		return "", a.err
	case len(a.text) == 0:
		return "", fail("no %s was typed", kind)
	}
	return string(a.text), nil
}

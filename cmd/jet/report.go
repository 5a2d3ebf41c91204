package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/dockercfg/jet/internal/shellword"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1 // anything learnt from the system
	exitMisuse = 2 // the arguments alone are wrong
)

// A failure is an error with advice.
type failure struct {
	err    error
	hints  []string // each has a command to type
	misuse bool     // the arguments alone are wrong
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// Advice gives the lines of advice.
func (f *failure) Advice() []string { return f.hints }

// hint adds a line of advice.
func (f *failure) hint(text string) *failure {
	f.hints = append(f.hints, text)
	return f
}

// withHint adds a line of advice to an error that may have some already.
func withHint(err error, text string) *failure {
	f := fail("%w", err)
	if inner, ok := errors.AsType[*failure](err); ok {
		f.hints, f.misuse = slices.Clone(inner.hints), inner.misuse
	}
	return f.hint(text)
}

// fail makes a failure of a format as fmt.Errorf has it.
func fail(format string, args ...any) *failure {
	return &failure{err: fmt.Errorf(format, args...)}
}

// misuse is a failure of the arguments alone.
func misuse(format string, args ...any) *failure {
	return &failure{err: fmt.Errorf(format, args...), misuse: true}
}

// failures are several errors, each of which is reported.
type failures []error

func (f failures) Error() string   { return errors.Join(f...).Error() }
func (f failures) Unwrap() []error { return f }

// An ending is an error with an exit code of its own, unless that is about the
// arguments alone.
type ending struct {
	err  error // nil if there is nothing to report
	code int
}

func (e *ending) Error() string { return fmt.Sprintf("exit status %d: %v", e.code, e.err) }
func (e *ending) Unwrap() error { return e.err }

// report prints what went wrong with a command and gives the exit code.
func (p *program) report(ctx context.Context, command string, err error) int {
	if err == nil {
		return exitDone
	}
	failed := exitFailed
	var own *ending
	if errors.As(err, &own) {
		failed, err = own.code, own.err
		if err == nil {
			return failed
		}
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		p.print("error: ", "interrupted")
		return failed
	}
	var all failures
	if !errors.As(err, &all) {
		all = failures{err}
	}
	code := exitMisuse
	var hints []string
	for _, err := range all {
		p.print("error: ", err.Error())
		var f *failure
		if !errors.As(err, &f) || !f.misuse {
			code = failed
		}
		if f != nil {
			hints = append(hints, f.hints...)
		}
	}
	if code == exitMisuse && hints == nil {
		hints = append(hints, fmt.Sprintf("\"%s --help\" has examples", command))
	}
	seen := make(map[string]bool)
	for _, hint := range hints {
		if seen[hint] {
			continue
		}
		seen[hint] = true
		if len(seen) <= maxHints {
			p.print("hint: ", hint)
		}
	}
	if more := len(seen) - maxHints; more > 0 {
		p.print("hint: ", fmt.Sprintf("and %d more like these", more))
	}
	return code
}

// note tells what was done.
func (p *program) note(format string, args ...any) { p.print("", fmt.Sprintf(format, args...)) }

// warn tells what is probably wrong, though it was done.
func (p *program) warn(format string, args ...any) {
	p.print("warning: ", fmt.Sprintf(format, args...))
}

// hint tells what to type, after a warning.
func (p *program) hint(format string, args ...any) {
	p.print("hint: ", fmt.Sprintf(format, args...))
}

func (p *program) print(kind, text string) {
	fmt.Fprintf(p.stderr, "jet: %s%s\n", kind, printable(text))
}

// printable makes one line of text that no terminal takes for a command.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}

// maxHints is how many hints stand below the errors of a command.
const maxHints = 10

// maxNames is how many names a message lists.
const maxNames = 10

// firstOf writes names for people, the first of them if there are many.
func firstOf(names []string) string {
	text := strings.Join(names[:min(maxNames, len(names))], ", ")
	if more := len(names) - maxNames; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// shellWord writes a file name as one types it in a shell.
func shellWord(name string) string { return shellword.Quote(name) }

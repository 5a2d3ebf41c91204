package credentialhelper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"unicode"

	"github.com/docker/docker-credential-helpers/credentials"

	"github.com/dockercfg/jet/internal/helperconfig"
)

// maxInput bounds what is read from stdin, in bytes. A credential has a few
// thousand.
const maxInput = 1 << 20

// failedAnswer is what stdout says of every failure but those that have a phrase
// of their own in the protocol. Clients show it, and compare it with these.
const failedAnswer = helperconfig.Program + ": failed, and stderr has the reason"

// Main runs the helper on the real system and gives the exit code. The version is
// that of a release, "" for what the build knows of itself.
func Main(version string) int {
	p := &Program{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, LookupEnv: os.LookupEnv, Version: version}
	return p.Run(context.Background(), os.Args[1:])
}

// Program is a run of the helper.
type Program struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	LookupEnv      func(name string) (value string, ok bool)
	Dir            string // where to look for the file; "" is the current folder
	Version        string
}

// Run does what args, one word, says and gives the exit code: 0, or 1 for every
// failure. Usage, version and the answers to both are those of credentials.Serve
// (docker-credential-helpers v0.9.12, credentials/credentials.go).
func (p *Program) Run(ctx context.Context, args []string) int {
	credentials.Name = helperconfig.Program
	credentials.Package = "github.com/dockercfg/jet"
	if len(args) != 1 {
		return p.answer(usage, 1)
	}
	action := args[0]
	switch action {
	case "--help", "-h":
		return p.answer(usage, 0)
	case "--version", "-v", credentials.ActionVersion:
		credentials.Version = p.version()
		action = credentials.ActionVersion
	}
	var output bytes.Buffer
	err := p.handle(ctx, action, &output)
	if err == nil {
		return p.answer(output.String(), 0)
	}
	var unknown unknownActionError
	switch {
	case credentials.IsErrCredentialsNotFound(err),
		credentials.IsCredentialsMissingServerURL(err),
		credentials.IsCredentialsMissingUsername(err),
		errors.As(err, &unknown):
		return p.answer(err.Error(), 1)
	}
	p.report(err)
	return p.answer(failedAnswer, 1)
}

const usage = "Usage: " + helperconfig.Program + " <store|get|erase|list|version>"

// unknownActionError marks the error about an action that the protocol lacks.
type unknownActionError struct{ error }

// handle does one action. The error is one of the protocol, an
// unknownActionError, or ours.
func (p *Program) handle(ctx context.Context, action credentials.Action, output io.Writer) error {
	h := &helper{program: p}
	var input []byte
	switch action {
	case credentials.ActionGet, credentials.ActionStore, credentials.ActionErase:
		var err error
		if input, err = io.ReadAll(io.LimitReader(p.Stdin, maxInput+1)); err != nil {
			return fmt.Errorf("read stdin: %w", err)
		}
		if len(input) > maxInput {
			return fmt.Errorf("stdin has over %d bytes", maxInput)
		}
	case credentials.ActionList, credentials.ActionVersion: // stdin may hold anything, and is not read
	default:
		return unknownActionError{credentials.HandleCommand(h, action, nil, output)}
	}
	// Not before stdin is read: an interrupt ends that as ever.
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	h.ctx = ctx
	err := credentials.HandleCommand(h, action, bytes.NewReader(input), output)
	if err != nil && action == credentials.ActionStore && !h.asked &&
		!credentials.IsCredentialsMissingServerURL(err) && !credentials.IsCredentialsMissingUsername(err) {
		return errors.New("stdin holds no credential in JSON") // what it says may quote some of it
	}
	return err
}

func (p *Program) version() string {
	if p.Version != "" {
		return p.Version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// answer writes to stdout, with a line end, and gives the exit code.
func (p *Program) answer(text string, code int) int {
	if text == "" {
		return code
	}
	if _, err := fmt.Fprintln(p.Stdout, strings.TrimSuffix(text, "\n")); err != nil {
		p.report(fmt.Errorf("write stdout: %w", err))
		return 1
	}
	return code
}

// A failure is an error with advice.
type failure struct {
	err  error
	hint string // has a command or a variable to type; "" for none
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// fail makes a failure of a format as fmt.Errorf has it.
func fail(hint, format string, args ...any) error {
	return &failure{fmt.Errorf(format, args...), hint}
}

// report says on stderr what went wrong.
func (p *Program) report(err error) {
	p.print("error: ", err.Error())
	p.hintOf(err)
}

func (p *Program) warn(err error) {
	p.print("warning: ", err.Error())
	p.hintOf(err)
}

func (p *Program) hintOf(err error) {
	var f *failure
	if errors.As(err, &f) && f.hint != "" {
		p.print("hint: ", f.hint)
	}
}

// print writes one line that no terminal takes for a command.
func (p *Program) print(kind, text string) {
	line := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	fmt.Fprintf(p.Stderr, "jet: %s%s\n", kind, line)
}

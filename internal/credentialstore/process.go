package credentialstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/dockercfg/jet/internal/process"
)

const (
	maxOutput = 1 << 20 // bytes that a helper may print on stdout
	maxStderr = 4 << 10 // bytes of stderr that are looked at
)

// run is one run of a helper, a client.Program.
type run struct {
	ctx    context.Context
	store  *Store
	action string

	input  io.Reader
	output []byte
	err    error // why it failed, fit to be shown
}

// Input sets what the helper reads.
func (p *run) Input(in io.Reader) { p.input = in }

// Output runs the helper. Its error is that of the process.
func (p *run) Output() ([]byte, error) {
	p.output, p.err = p.store.execute(p.ctx, p.action, p.input)
	return p.output, p.err
}

// execute runs the program with one argument, as the protocol has it.
func (s *Store) execute(ctx context.Context, action string, input io.Reader) ([]byte, error) {
	timed, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	stdout := process.Bounded{Limit: maxOutput, OnFull: cancel} // who fills it is not waited for
	stderr := process.Bounded{Limit: maxStderr}
	cmd := process.Command(timed, s.path, action)
	cmd.Env = s.withOwnFolder(cmd.Env)
	if s.unattended {
		if err := s.withoutQuestions(timed, cmd); err != nil {
			return nil, err
		}
	}
	cmd.Stdin = input
	cmd.Stdout = &stdout
	cmd.Stderr = &stderr
	if s.stderr != nil {
		cmd.Stderr = io.MultiWriter(s.stderr, &stderr)
	}
	err := cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // the helper itself ended well, and all that it wrote has arrived
	}
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s %s: %w", s.name, action, context.Cause(ctx))
	case stdout.Full():
		return nil, s.failed(action, fmt.Sprintf("its answer is over %d bytes", maxOutput))
	case err != nil && timed.Err() != nil:
		return nil, &TimeoutError{Program: s.name, Action: action, After: s.timeout}
	case err == nil:
		return stdout.Bytes(), nil
	}
	failure := explain(s.name, action, bytes.TrimSpace(stdout.Bytes()), bytes.TrimSpace(stderr.Bytes()), err)
	if f, ok := failure.(*FailedError); ok && s.stderr != nil {
		f.Message = "" // it stands there already
	}
	return nil, failure
}

// withOwnFolder adds the helper's own folder at the end of PATH: where the helper
// was not on PATH, neither are the programs beside it that it needs, such as pass
// and gpg.
func (s *Store) withOwnFolder(environment []string) []string {
	for i, entry := range environment {
		name, value, _ := strings.Cut(entry, "=")
		if (name == "PATH" || runtime.GOOS == "windows" && strings.EqualFold(name, "PATH")) && value != "" {
			environment[i] = entry + string(filepath.ListSeparator) + filepath.Dir(s.path)
		}
	}
	return environment
}

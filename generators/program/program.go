package program

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"unicode"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/process"
)

// Prefix is what the name of a program begins with; that of the backend follows.
const Prefix = "jet-generator-"

// maxOutput is the longest output of a program that is read, in bytes.
const maxOutput = 1 << 20

// ErrNotFound says that there is no program for a backend's name.
var ErrNotFound = errors.New("there is no such program on PATH")

// Config says which program to run, and how.
type Config struct {
	// Name is that of the backend.
	Name string
	// Registries are those to ask for, in normal form; nil means all.
	Registries []string
	// Stderr gets what the program prints there; nil means that it is thrown away.
	Stderr io.Writer
}

// Describe finds the program of a backend and asks it what it is. The context is
// for that one question.
//
// The error is that of generators.CheckName, it wraps ErrNotFound, or it tells what
// is wrong with the program or its description.
func Describe(ctx context.Context, c Config) (generators.Backend, error) {
	// The name becomes a part of a file's name.
	if err := generators.CheckName(c.Name); err != nil {
		return generators.Backend{}, err
	}
	name := Prefix + c.Name
	path, err := exec.LookPath(name) // which refuses one in the current folder
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			err = ErrNotFound
		}
		return generators.Backend{}, fmt.Errorf("%s: %w", name, err)
	}
	r := runner{name: name, path: path, stderr: c.Stderr}
	var d description
	if err := r.ask(ctx, "describe", nil, nil, &d); err != nil {
		return generators.Backend{}, err
	}
	switch {
	case d.Version != protocolVersion:
		return generators.Backend{}, fmt.Errorf("%s: it speaks version %d of the protocol, and only %d is known", name, d.Version, protocolVersion)
	case !isLine(d.Summary) || d.LongLived != "" && !isLine(d.LongLived):
		return generators.Backend{}, fmt.Errorf("%s: its summary is not one line of text", name)
	}
	b := generators.Backend{Name: c.Name, Summary: d.Summary, LongLived: d.LongLived, Variables: d.variables()}
	for _, v := range b.Variables {
		r.described = append(append(r.described, v.Name), v.Aliases...)
		if !isLine(v.Summary) {
			return generators.Backend{}, fmt.Errorf("%s: the summary of one of its variables is not one line of text", name)
		}
	}
	b.Open = func(env generators.Env) (generators.Source, error) {
		if err := generators.CheckVariables(b.Name, b.Variables, env); err != nil {
			return nil, err
		}
		s := &Source{runner: r, variables: make(map[string]dockercfg.Secret), registries: c.Registries}
		for _, v := range b.Variables {
			if value := env.Value(v); value != "" {
				s.variables[v.Name] = dockercfg.NewSecret(value)
			}
		}
		return s, nil
	}
	if _, err := generators.NewRegistry(b); err != nil {
		return generators.Backend{}, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

// Source runs a program. It is safe for concurrent use if the program is.
type Source struct {
	runner
	variables  map[string]dockercfg.Secret
	registries []string
}

var _ generators.Source = (*Source)(nil)

// Generate runs the program once. Its errors name the program and quote nothing of
// its output; one about an entry wraps that of dockercfg.Entry.Validate.
func (s *Source) Generate(ctx context.Context) (generators.Result, error) {
	if err := ctx.Err(); err != nil {
		return generators.Result{}, fmt.Errorf("%s: %w", s.name, err)
	}
	q := request{Version: protocolVersion, Variables: make(map[string]string), Options: options{Registries: s.registries}}
	if q.Options.Registries == nil {
		q.Options.Registries = []string{}
	}
	for name, value := range s.variables {
		q.Variables[name] = value.Reveal()
	}
	var answer response
	if err := s.ask(ctx, "generate", s.described, q, &answer); err != nil {
		return generators.Result{}, err
	}
	if len(answer.Entries) == 0 {
		return generators.Result{}, fmt.Errorf("%s: it made no entries", s.name)
	}
	var result generators.Result
	for i, e := range answer.Entries {
		entry := e.entry()
		if err := entry.Validate(); err != nil {
			return generators.Result{}, fmt.Errorf("%s: entry %d of %d: %w", s.name, i+1, len(answer.Entries), err)
		}
		result.Entries = append(result.Entries, entry)
	}
	for _, notice := range answer.Notices {
		if !isLine(notice) || s.shows(notice, result.Entries) {
			notice = "a notice of the program is left out: it is not one line of text, or holds a secret"
		}
		result.Notices = append(result.Notices, notice)
	}
	return result, nil
}

// shows reports whether a text holds a value that went to the program or came from it.
func (s *Source) shows(text string, entries []dockercfg.Entry) bool {
	secrets := make([]dockercfg.Secret, 0, len(s.variables))
	for _, value := range s.variables {
		secrets = append(secrets, value)
	}
	for _, e := range entries {
		secrets = append(secrets, e.Password, e.IdentityToken, e.RegistryToken)
	}
	return slices.ContainsFunc(secrets, func(secret dockercfg.Secret) bool {
		return secret != (dockercfg.Secret{}) && strings.Contains(text, secret.Reveal())
	})
}

func isLine(text string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// A runner runs a program.
type runner struct {
	name, path string
	described  []string // names of variables
	stderr     io.Writer
}

// ask runs the program with one word, gives it a value as JSON, and decodes what it
// prints. The variables hidden are not in its environment.
func (r runner) ask(ctx context.Context, word string, hidden []string, question, answer any) error {
	var input []byte
	if question != nil {
		var err error
		if input, err = json.Marshal(question); err != nil {
			return fmt.Errorf("%s %s: %w", r.name, word, err)
		}
		input = append(input, '\n')
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := process.Command(ctx, r.path, word)
	cmd.Env = slices.DeleteFunc(cmd.Env, func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(hidden, name)
	})
	output := &process.Bounded{Limit: maxOutput, OnFull: cancel}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), output, r.stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case output.Full():
		return fmt.Errorf("%s %s: it prints more than %d KiB", r.name, word, maxOutput>>10)
	case ctx.Err() != nil:
		return fmt.Errorf("%s %s: it was ended: %w", r.name, word, context.Cause(ctx))
	case errors.As(err, &exit):
		return fmt.Errorf("%s %s: it failed: %w", r.name, word, err)
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return fmt.Errorf("%s %s: %w", r.name, word, cause(err))
	}
	decoder := json.NewDecoder(bytes.NewReader(output.Bytes()))
	if err := decoder.Decode(answer); err != nil {
		return fmt.Errorf("%s %s: what it prints is not the JSON that the protocol asks for (near byte %d of %d)", r.name, word, decoder.InputOffset(), len(output.Bytes()))
	}
	if _, err := decoder.Token(); err != io.EOF {
		return fmt.Errorf("%s %s: it prints more than one JSON value", r.name, word)
	}
	return nil
}

// cause takes off the path of the program.
func cause(err error) error {
	var e *exec.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/envfile"
	"github.com/dockercfg/jet/internal/outfile"
)

// A scope is where a backend takes its variables from: the environment or one
// env file, never both.
type scope struct {
	name string // for people
	file string // as the command line has it; "" for the environment
	env  generators.Env
}

// holdsAnyOf reports whether the scope sets a variable of the backend.
func (s scope) holdsAnyOf(b generators.Backend) bool {
	for _, v := range b.Variables {
		if value, ok := s.env(v.Name); ok && value != "" {
			return true
		}
	}
	return false
}

// A scopeReader reads the env files of a command line.
type scopeReader struct {
	*reader
	files  []string
	syntax envfile.Syntax
}

func (p *program) newScopeReader(c *cli.Context, output string) (*scopeReader, error) {
	files, err := p.newReader(c)
	if err != nil {
		return nil, err
	}
	r := &scopeReader{reader: files, files: c.StringSlice("env-file")}
	if name := c.String("env-syntax"); c.IsSet("env-syntax") {
		if r.syntax, err = envfile.ParseSyntax(name); err != nil {
			return nil, misuse("--env-syntax: %q is not docker or dotenv", name)
		}
		if r.files == nil {
			return nil, misuse("--env-syntax is the syntax of env files, and there is no --env-file")
		}
	}
	for i, file := range r.files {
		if file == "" {
			return nil, misuse("--env-file: the name is empty")
		}
		for _, other := range r.files[:i] {
			same, err := file == other, error(nil)
			if !same && file != "-" && other != "-" {
				same, err = outfile.SameFile(file, other)
			}
			if err != nil {
				return nil, err
			}
			if same {
				return nil, misuse("--env-file: the same file twice: %s", display(file, "stdin"))
			}
		}
		if err := distinct(file, output); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// scopes gives the scope of each env file, or the environment if there is none.
func (r *scopeReader) scopes(ctx context.Context) ([]scope, error) {
	if r.files == nil {
		return []scope{r.program.environment()}, nil
	}
	var scopes []scope
	var errs failures
	for _, name := range r.files {
		s, err := r.scope(ctx, name)
		if err != nil {
			errs = append(errs, err)
		}
		scopes = append(scopes, s)
	}
	if errs != nil {
		return nil, errs
	}
	return scopes, nil
}

// environment is the scope of a command line without env files.
func (p *program) environment() scope {
	return scope{name: "the environment", env: p.lookupEnv}
}

// scope reads one env file.
func (r *scopeReader) scope(ctx context.Context, name string) (scope, error) {
	file, _, err := r.envFile(ctx, name)
	return scope{name: display(name, "stdin"), file: name, env: file.Lookup}, err
}

// envFile reads one env file and says what is odd in it. The format is what it was
// encrypted in, 0 for nothing.
func (r *scopeReader) envFile(ctx context.Context, name string) (envfile.File, crypto.Format, error) {
	data, format, err := r.read(ctx, name, "env file")
	if err != nil {
		return envfile.File{}, 0, err
	}
	file, err := envfile.Parse(data, r.syntax)
	if err != nil {
		return envfile.File{}, 0, parseFailure(err, name, format)
	}
	for _, notice := range file.Notices {
		r.program.warn("%s: %v", display(name, "stdin"), notice)
	}
	return file, format, nil
}

// parseFailure says what is wrong with an env file, and never quotes it. The
// format is what it was encrypted in, 0 for nothing.
func parseFailure(err error, name string, format crypto.Format) *failure {
	shown := display(name, "stdin")
	if format != 0 {
		shown += ", decrypted"
	}
	text := err.Error()
	var parse *envfile.ParseError
	if errors.As(err, &parse) {
		text = parse.Problem
		if parse.Line > 0 {
			text = fmt.Sprintf("line %d: %s", parse.Line, text)
		}
	}
	f := fail("%w", renamed{fmt.Sprintf("Failed to parse env file %s: %s", shown, text), err})
	switch {
	case format == crypto.Unsigned:
		f.hint(fmt.Sprintf("the key may be the wrong one: \"jet decrypt %s -\" shows whether what comes out is readable", shellWord(name)))
	case parse != nil && parse.Hint != "":
		f.hint(parse.Hint)
	case format != 0:
		f.hint(fmt.Sprintf("\"jet decrypt %s -\" shows what is in it", shellWord(name)))
	}
	return f
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/envfile"
	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/projectkey"
)

// maxEnvFile bounds an env file, encrypted or not, in bytes: it is kept in memory.
const maxEnvFile = 16 << 20

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

// A scopeReader reads the env files of a command line. It looks the project key
// up when it is needed first, and once.
type scopeReader struct {
	program  *program
	files    []string
	syntax   envfile.Syntax
	required crypto.Format
	keyPath  string
	key      projectkey.Found // after findKey
	haveKey  bool
}

func (p *program) newScopeReader(c *cli.Context, output string) (*scopeReader, error) {
	r := &scopeReader{program: p, files: c.StringSlice("env-file"), keyPath: c.String("key-path")}
	var err error
	if r.required, err = p.requiredFormat(c); err != nil {
		return nil, err
	}
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

// findKey looks the project key up.
func (r *scopeReader) findKey(ctx context.Context) (projectkey.Found, error) {
	if r.haveKey {
		return r.key, nil
	}
	var err error
	r.key, err = r.program.findKey(ctx, r.keyPath)
	r.haveKey = err == nil
	return r.key, err
}

// scopes gives the scope of each env file, or the environment if there is none.
func (r *scopeReader) scopes(ctx context.Context) ([]scope, error) {
	if r.files == nil {
		return []scope{{name: "the environment", env: r.program.lookupEnv}}, nil
	}
	var scopes []scope
	var errs failures
	for _, name := range r.files {
		s, err := r.read(ctx, name)
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

// read reads one env file.
func (r *scopeReader) read(ctx context.Context, name string) (scope, error) {
	shown := display(name, "stdin")
	in, err := r.program.openInput(ctx, name)
	if err != nil {
		return scope{}, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxEnvFile+1))
	if err != nil {
		return scope{}, err
	}
	if len(data) > maxEnvFile {
		return scope{}, fail("%s: it is over %d MiB long, which no env file is", shown, maxEnvFile>>20)
	}
	encrypted, err := isEncrypted(data)
	if err != nil {
		return scope{}, diagnose(err, name, r.key)
	}
	var format crypto.Format
	if encrypted {
		if data, format, err = r.decrypt(ctx, name, data); err != nil {
			return scope{}, err
		}
	}
	file, err := envfile.Parse(data, r.syntax)
	if err != nil {
		return scope{}, parseFailure(err, name, format)
	}
	for _, notice := range file.Notices {
		r.program.warn("%s: %v", shown, notice)
	}
	return scope{name: shown, file: name, env: file.Lookup}, nil
}

// isEncrypted tells an encrypted env file from a plain one.
func isEncrypted(data []byte) (bool, error) {
	switch format, err := crypto.Detect(data); {
	case errors.Is(err, crypto.ErrUnknownFormat):
		// Only a line with a colon is meant as a header; another one is a bare name.
		line, _, _ := bytes.Cut(data, []byte("\n"))
		if bytes.Contains(line, []byte(":v")) && !bytes.Contains(line, []byte("=")) {
			return false, err
		}
		return false, nil
	case err != nil:
		return false, nil
	default:
		return format != crypto.Unsigned || isUnsigned(bytes.NewReader(data)), nil
	}
}

// decrypt decrypts an env file in memory.
func (r *scopeReader) decrypt(ctx context.Context, name string, data []byte) ([]byte, crypto.Format, error) {
	key, err := r.findKey(ctx)
	if err != nil {
		return nil, 0, err
	}
	var plain bytes.Buffer
	format, err := crypto.Decrypt(&plain, bytes.NewReader(data), key.Key, crypto.WithRequire(r.required))
	if err != nil {
		return nil, 0, diagnose(err, name, key)
	}
	r.program.warnUnchecked(format, name)
	return plain.Bytes(), format, nil
}

// parseFailure says what is wrong with an env file, and never quotes it. The
// format is what it was encrypted in, 0 for nothing.
func parseFailure(err error, name string, format crypto.Format) error {
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

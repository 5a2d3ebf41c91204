package backendtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
)

const secret = "canary-Zq8vXw2L"

var (
	user     = generators.Variable{Name: "USER_NAME", Summary: "user", Required: true}
	password = generators.Variable{Name: "PASSWORD", Summary: "password", Required: true, Secret: true}
)

// source is a source that keeps the contract; its fields let it break.
type source struct {
	entry    dockercfg.Entry
	notices  []string
	generate func(context.Context, *source) (generators.Result, error)
}

func (s *source) Generate(ctx context.Context) (generators.Result, error) {
	if s.generate != nil {
		return s.generate(ctx, s)
	}
	return s.result(), ctx.Err()
}

func (s *source) result() generators.Result {
	return generators.Result{Entries: []dockercfg.Entry{s.entry}, Notices: s.notices}
}

type leaky struct {
	source
	token string
}

func backend(change func(*source)) generators.Backend {
	b := generators.Backend{Name: "sample", Summary: "a sample", Variables: []generators.Variable{user, password}}
	b.Open = func(env generators.Env) (generators.Source, error) {
		if err := generators.CheckVariables(b.Name, []generators.Variable{user, password}, env); err != nil {
			return nil, err
		}
		s := &source{
			entry: dockercfg.Entry{Registry: "quay.io", Username: env.Value(user), Password: dockercfg.NewSecret(env.Value(password))},
			generate: func(ctx context.Context, s *source) (generators.Result, error) {
				if err := ctx.Err(); err != nil {
					return generators.Result{}, err
				}
				return s.result(), nil
			},
		}
		if change != nil {
			change(s)
		}
		return s, nil
	}
	return b
}

func sampleCase() Case {
	return Case{
		Env:  map[string]string{"USER_NAME": "bob", "PASSWORD": secret},
		Want: []dockercfg.Entry{{Registry: "https://quay.io/", Username: "bob", Password: dockercfg.NewSecret(secret)}},
	}
}

func TestRun(t *testing.T) {
	Run(t, backend(nil), sampleCase())
}

// TestFindsBreaches breaks each part of the contract.
func TestFindsBreaches(t *testing.T) {
	with := func(change func(*generators.Backend)) generators.Backend {
		b := backend(nil)
		change(&b)
		return b
	}
	opens := func(open func(generators.Env) (generators.Source, error)) generators.Backend {
		return with(func(b *generators.Backend) {
			good := b.Open
			b.Open = func(env generators.Env) (generators.Source, error) {
				if s, err := open(env); s != nil || err != nil {
					return s, err
				}
				return good(env)
			}
		})
	}
	generates := func(generate func(context.Context, *source) (generators.Result, error)) generators.Backend {
		return backend(func(s *source) { s.generate = generate })
	}
	cases := []struct {
		label, want string
		backend     generators.Backend
		change      func(*Case)
	}{
		{label: "name", want: "lower-case", backend: with(func(b *generators.Backend) { b.Name = "Sample" })},
		{label: "separator", want: "holds '/'", backend: with(func(b *generators.Backend) { b.Name = "a/b" })},
		{label: "no summary", want: "summary", backend: with(func(b *generators.Backend) { b.Summary = "" })},
		{label: "no summary of a variable", want: "summary of USER_NAME", backend: with(func(b *generators.Backend) {
			b.Variables = []generators.Variable{{Name: "USER_NAME", Required: true}, password}
		})},
		{label: "required and default", want: "has a default", backend: with(func(b *generators.Backend) { b.Variables[0].Default = "x" })},
		{label: "reads more", want: "reads HOME", backend: opens(func(env generators.Env) (generators.Source, error) { env("HOME"); return nil, nil })},
		{label: "names one of two", want: "no *MissingVariablesError", backend: opens(func(env generators.Env) (generators.Source, error) {
			if env.Value(user) == "" {
				return nil, errors.New("no user")
			}
			return nil, nil
		})},
		{label: "names too few", want: "the error names", backend: opens(func(env generators.Env) (generators.Source, error) {
			return nil, generators.CheckVariables("sample", []generators.Variable{password}, env)
		})},
		{label: "names another backend", want: "the error names", backend: opens(func(env generators.Env) (generators.Source, error) {
			return nil, generators.CheckVariables("other", []generators.Variable{user, password}, env)
		})},
		{label: "empty is set", want: "empty: got no", backend: opens(func(env generators.Env) (generators.Source, error) {
			if value, ok := env(user.Name); ok && value == "" {
				return &source{}, nil
			}
			return nil, nil
		})},
		{label: "does not open", want: "Open: broken", backend: with(func(b *generators.Backend) {
			b.Open = func(generators.Env) (generators.Source, error) { return nil, errors.New("broken") }
		})},
		{label: "neither source nor error", want: "neither", backend: with(func(b *generators.Backend) {
			b.Open = func(generators.Env) (generators.Source, error) { return nil, nil }
		})},
		{label: "source beside an error", want: "beside an error", backend: opens(func(env generators.Env) (generators.Source, error) {
			if env.Value(user) == " " {
				return (*source)(nil), errors.New("a blank")
			}
			return nil, nil
		})},
		{label: "secret in an error of Open", want: "shows a secret", backend: opens(func(env generators.Env) (generators.Source, error) {
			if value := env.Value(password); strings.Contains(value, "\x00") {
				return nil, fmt.Errorf("%q holds a NUL", value)
			}
			return nil, nil
		})},
		{label: "secret in another variable's error", want: "shows a secret", backend: opens(func(env generators.Env) (generators.Source, error) {
			if value := env.Value(user); strings.Contains(value, ":") {
				return nil, fmt.Errorf("%q holds a colon", value)
			}
			return nil, nil
		})},
		{label: "secret in an error of Generate", want: "shows a secret", backend: generates(func(_ context.Context, s *source) (generators.Result, error) {
			return generators.Result{}, errors.New("no entry for " + s.entry.Password.Reveal())
		})},
		{label: "secret within a wrapped error's fields", want: "shows a secret", backend: generates(func(_ context.Context, s *source) (generators.Result, error) {
			return generators.Result{}, fmt.Errorf("wrapped: %w", &fieldError{s.entry.Password.Reveal()})
		})},
		{label: "secret in one of several errors", want: "shows a secret", backend: generates(func(_ context.Context, s *source) (generators.Result, error) {
			return generators.Result{}, fmt.Errorf("wrapped: %w", &generators.PartialError{Errors: []error{errors.New("one"), fmt.Errorf("two: %w", &fieldError{s.entry.Password.Reveal()})}})
		})},
		{label: "secret in a notice", want: "shows a secret", backend: backend(func(s *source) { s.notices = []string{"password " + s.entry.Password.Reveal()} })},
		{label: "secret in the source", want: "shows a secret", backend: opens(func(env generators.Env) (generators.Source, error) {
			s, err := backend(nil).Open(env)
			if err != nil {
				return nil, err
			}
			return &leaky{*s.(*source), env.Value(password)}, nil
		})},
		{label: "secret in a value", want: "shows a secret", backend: backend(nil), change: func(c *Case) { c.Values = []any{struct{ text []byte }{[]byte(secret)}} }},
		{label: "error of Generate", want: "Generate: broken", backend: generates(func(context.Context, *source) (generators.Result, error) {
			return generators.Result{}, errors.New("broken")
		})},
		{label: "wrong entry", want: "other entries", backend: backend(func(s *source) { s.entry.Registry = "gcr.io" })},
		{label: "invalid entry", want: "its entries", backend: backend(func(s *source) { s.entry.Username = "a:b" })},
		{label: "empty notice", want: "one line", backend: backend(func(s *source) { s.notices = []string{""} })},
		{label: "context ignored", want: "cancelled context", backend: generates(func(_ context.Context, s *source) (generators.Result, error) { return s.result(), nil })},
		{label: "entries beside an error", want: "cancelled context", backend: generates(nil)},
		{label: "secret that is no variable", want: "shows a secret", backend: backend(func(s *source) {
			s.entry.Password = dockercfg.NewSecret("another-" + secret[:6])
			s.notices = []string{"the token is another-" + secret[:6]}
		}), change: func(c *Case) { c.Want[0].Password = dockercfg.NewSecret("another-" + secret[:6]) }},
		{label: "variables called for", want: "with USER_NAME not set: got no", backend: with(func(b *generators.Backend) {
			b.Variables[0].Required = false
			b.Open = func(env generators.Env) (generators.Source, error) {
				return &source{entry: sampleCase().Want[0]}, generators.CheckSet("sample", env, password)
			}
		}), change: func(c *Case) { c.Missing = [][]string{{"USER_NAME"}} }},
		{label: "alias", want: "reads LOGIN", backend: with(func(b *generators.Backend) {
			good := b.Open
			b.Open = func(env generators.Env) (generators.Source, error) { env("LOGIN"); return good(env) }
		})},
		{label: "life not told", want: "does not tell when it dies", backend: backend(nil), change: func(c *Case) { c.Expires = true }},
		{label: "dead", want: "does not tell when it dies", backend: backend(func(s *source) { s.entry.Expires = time.Unix(1, 0) }), change: func(c *Case) { c.Expires = true }},
		{label: "life told", want: "which the case does not say", backend: backend(func(s *source) { s.entry.Expires = time.Unix(1, 0) })},
		{label: "case without a variable", want: "does not set", backend: backend(nil), change: func(c *Case) { delete(c.Env, "USER_NAME") }},
		{label: "case with another variable", want: "sets OTHER", backend: backend(nil), change: func(c *Case) { c.Env["OTHER"] = "x" }},
		{label: "case with a short secret", want: "too short", backend: backend(nil), change: func(c *Case) { c.Env["PASSWORD"] = "x" }},
		{label: "case with invalid entries", want: "the case's entries", backend: backend(nil), change: func(c *Case) { c.Want[0].Registry = "" }},
	}
	for _, c := range cases {
		t.Run(c.label, func(t *testing.T) {
			sample := sampleCase()
			if c.change != nil {
				c.change(&sample)
			}
			found := problems(t.Context(), c.backend, sample)
			if !strings.Contains(strings.Join(found, "\n"), c.want) {
				t.Errorf("got %q, want %q", found, c.want)
			}
		})
	}
}

type fieldError struct{ token string }

func (*fieldError) Error() string { return "rejected" }

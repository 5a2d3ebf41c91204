// Package backendtest is the contract that every backend must keep, as a test.
package backendtest

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
)

// leastSecret is how long a secret is at least, in bytes, to be looked for in texts.
const leastSecret = 8

// Case is a way to use a backend that works.
type Case struct {
	// Env holds the variables, all that are required and any others. The values
	// of those that are Secret are what may not be shown; they must be at least
	// 8 bytes long and differ from all else.
	Env map[string]string
	// Values are further values that hold the secrets and may not show them,
	// such as the backend's Config.
	Values []any
	// Missing are variables of Env that others of it call for, though they are not
	// Required: each set of names that, taken away together, has to be named by the
	// error. Required variables need not be listed.
	Missing [][]string
	// Want is what comes out, with registries in any spelling. Times of expiry
	// are not compared, but see Expires.
	Want []dockercfg.Entry
	// Expires says that every entry has to tell when it dies, in the future; else
	// none may.
	Expires bool
}

// Run fails the test for every part of the contract that the backend breaks:
//
//   - its name and variables are valid, and described;
//   - required variables that are not set, or empty, are all named at once, and so
//     are those that others call for;
//   - it reads no variable that it does not describe;
//   - it produces what Case wants, for many callers at once (use -race), and tells
//     when that dies;
//   - a context that is done before the call ends it;
//   - no secret shows in its errors, its notices, or its values under any verb
//     of fmt or in JSON, also when a variable holds something it should not.
func Run(t *testing.T, b generators.Backend, c Case) {
	t.Helper()
	for _, problem := range problems(t.Context(), b, c) {
		t.Error(problem)
	}
}

// problems gives every breach of the contract.
func problems(ctx context.Context, b generators.Backend, c Case) []string {
	p := &probe{backend: b, vars: c.Env, called: c.Missing, expires: c.Expires}
	for _, e := range c.Want {
		for _, secret := range []dockercfg.Secret{e.Password, e.IdentityToken, e.RegistryToken} {
			if len(secret.Reveal()) >= leastSecret {
				p.tokens = append(p.tokens, secret.Reveal())
			}
		}
	}
	if _, err := generators.NewRegistry(b); err != nil {
		p.add("%v", err)
		return p.found
	}
	p.describes()
	p.missing()
	p.odd()
	source, err := p.open(c.Env)
	if err != nil {
		p.add("Open: %v", err)
		return p.found
	}
	p.generates(ctx, source, c.Want)
	for _, value := range append(c.Values, source) {
		p.hides(value)
	}
	return p.found
}

type probe struct {
	backend generators.Backend
	vars    map[string]string
	called  [][]string
	tokens  []string // secrets that are not variables
	expires bool

	mutex sync.Mutex // guards what follows: backends may look up variables from anywhere
	found []string
	forms []string // of the secrets, see checkText
}

func (p *probe) add(format string, arguments ...any) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if text := fmt.Sprintf(format, arguments...); !slices.Contains(p.found, text) {
		p.found = append(p.found, text)
	}
}

// open opens the backend in a scope, and looks at errors and at what is read.
func (p *probe) open(scope map[string]string) (generators.Source, error) {
	source, err := p.backend.Open(func(name string) (string, bool) {
		if !p.isDescribed(name) {
			p.add("reads %s, which it does not describe", name)
		}
		value, ok := scope[name]
		return value, ok
	})
	p.checkError(err)
	switch {
	case err == nil && source == nil:
		return nil, errors.New("neither a source nor an error")
	case err != nil && source != nil:
		p.add("Open gives a source beside an error")
	}
	return source, err
}

func (p *probe) isDescribed(name string) bool {
	return slices.ContainsFunc(p.backend.Variables, func(v generators.Variable) bool {
		return v.Name == name || slices.Contains(v.Aliases, name)
	})
}

// checkError looks at an error and all that it wraps.
func (p *probe) checkError(err error) {
	if err == nil {
		return
	}
	p.hides(err)
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		p.checkError(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			p.checkError(err)
		}
	}
}

// checkText looks for the secrets in a text, in the encodings that are likely.
func (p *probe) checkText(what, text string) {
	p.mutex.Lock()
	if p.forms == nil {
		for _, secret := range p.secrets() {
			p.forms = append(p.forms, formsOf(secret)...)
		}
	}
	forms := p.forms
	p.mutex.Unlock()
	for _, form := range forms {
		if strings.Contains(text, form) {
			p.add("%s shows a secret", what)
			return
		}
	}
}

// formsOf gives the encodings of a secret.
func formsOf(secret string) []string {
	return []string{
		secret,
		strings.Trim(fmt.Sprintf("%q", secret), `"`),
		url.QueryEscape(secret),
		hex.EncodeToString([]byte(secret)),
		strings.ToUpper(hex.EncodeToString([]byte(secret))),
		base64.StdEncoding.EncodeToString([]byte(secret)),
		strings.Trim(fmt.Sprint([]byte(secret)), "[]"),
	}
}

func (p *probe) secrets() []string {
	var secrets []string
	for _, v := range p.backend.Variables {
		for _, name := range append([]string{v.Name}, v.Aliases...) {
			if v.Secret && p.vars[name] != "" {
				secrets = append(secrets, p.vars[name])
			}
		}
	}
	return append(secrets, p.tokens...)
}

// hides prints a value in every way.
func (p *probe) hides(value any) {
	what := fmt.Sprintf("%T", value)
	for _, v := range []any{value, struct{ unexported any }{value}, []any{value}} {
		for verb := 'A'; verb <= 'z'; verb++ {
			for _, flag := range []string{"", "+", "#"} {
				format := "%" + flag + string(verb)
				p.checkText(what+" under "+format, fmt.Sprintf(format, v))
			}
		}
		if text, err := json.Marshal(v); err == nil {
			p.checkText(what+" in JSON", string(text))
		}
	}
	// Fields that no method hides: fmt follows no pointers but the first.
	if v := reflect.ValueOf(value); v.Kind() == reflect.Pointer && !v.IsNil() {
		p.checkText(what+", what it points to,", fmt.Sprintf("%#v", v.Elem()))
	}
}

func (p *probe) describes() {
	if p.backend.Summary == "" || strings.Contains(p.backend.Summary, "\n") {
		p.add("its summary is not one line")
	}
	for _, v := range p.backend.Variables {
		if v.Summary == "" || strings.Contains(v.Summary, "\n") {
			p.add("the summary of %s is not one line", v.Name)
		}
		if v.Required && v.Default != "" {
			p.add("%s is required and has a default", v.Name)
		}
		if value := p.vars[v.Name]; v.Secret && value != "" && len(value) < leastSecret {
			p.add("the case's value of %s is too short to look for", v.Name)
		}
		if v.Required && !p.env().IsSet(v) {
			p.add("the case does not set %s", v.Name)
		}
	}
	for name := range p.vars {
		if !p.isDescribed(name) {
			p.add("the case sets %s, which the backend does not describe", name)
		}
	}
}

// env looks up what the case sets.
func (p *probe) env() generators.Env {
	return func(name string) (string, bool) {
		value, ok := p.vars[name]
		return value, ok
	}
}

// missing takes required variables away, each and all, and empties them; the same
// with those that others call for.
func (p *probe) missing() {
	var required [][]string
	var all []string
	for _, v := range p.backend.Variables {
		if v.Required {
			required = append(required, []string{v.Name})
			all = append(all, v.Name)
		}
	}
	if len(all) > 1 {
		required = append(required, all)
	}
	for _, names := range append(required, p.called...) {
		gone, empty := maps.Clone(p.vars), maps.Clone(p.vars)
		for _, v := range p.backend.Variables {
			if !slices.Contains(names, v.Name) {
				continue
			}
			for _, name := range append([]string{v.Name}, v.Aliases...) {
				delete(gone, name)
				empty[name] = ""
			}
		}
		for how, scope := range map[string]map[string]string{"not set": gone, "empty": empty} {
			_, err := p.open(scope)
			missing, ok := errors.AsType[*generators.MissingVariablesError](err)
			if !ok {
				p.add("with %s %s: got no *MissingVariablesError", strings.Join(names, ", "), how)
			} else if missing.Backend != p.backend.Name || !slices.Equal(missing.Names, names) {
				p.add("with %s %s: the error names %q", strings.Join(names, ", "), how, missing)
			}
		}
	}
}

// odd gives variables values that they should not have; secrets among them, as
// happens to people who mix up two variables.
func (p *probe) odd() {
	values := []string{" ", "\n", "\x00", "a b", "://", strings.Repeat("x", 10000)}
	for _, secret := range p.secrets() {
		values = append(values, secret, "https://user:"+secret+"@registry.example/", "user:"+secret)
	}
	for _, v := range p.backend.Variables {
		for _, value := range values {
			scope := maps.Clone(p.vars)
			if v.Secret {
				value += scope[v.Name] // still what the texts are searched for
			}
			scope[v.Name] = value
			p.open(scope)
		}
	}
}

func (p *probe) generates(ctx context.Context, source generators.Source, want []dockercfg.Entry) {
	expected, err := dockercfg.New(want...)
	if err != nil {
		p.add("the case's entries: %v", err)
		return
	}
	// What prints a time looks into the time zone, which is loaded at the first use.
	_ = time.Local.String()
	var printed sync.Once // it takes a while
	check := func() {
		result, err := source.Generate(ctx)
		p.checkError(err)
		if err != nil {
			p.add("Generate: %v", err)
			return
		}
		file, err := dockercfg.New(result.Entries...)
		p.checkError(err)
		if err != nil {
			p.add("its entries: %v", err)
			return
		}
		for _, entry := range result.Entries {
			switch {
			case p.expires && !entry.Expires.After(time.Now()):
				p.add("the entry for %s does not tell when it dies, or is dead: %v", entry.Registry, entry.Expires)
			case !p.expires && !entry.Expires.IsZero():
				p.add("the entry for %s dies at %v, which the case does not say", entry.Registry, entry.Expires)
			}
		}
		got, _ := file.Encode()
		if text, _ := expected.Encode(); string(got) != string(text) {
			p.add("it gives other entries than the case wants: %v", file.Entries())
		}
		printed.Do(func() { p.hides(result) })
		for _, notice := range result.Notices {
			if notice == "" || strings.Contains(notice, "\n") {
				p.add("a notice is not one line: %q", notice)
			}
		}
	}
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(check)
		callers.Go(func() { p.open(p.vars) })
	}
	callers.Wait()

	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	result, err := source.Generate(cancelled)
	p.checkError(err)
	if !errors.Is(err, context.Canceled) || result.Entries != nil {
		p.add("with a cancelled context: got %d entries, %v", len(result.Entries), err)
	}
}

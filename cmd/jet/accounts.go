package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/generators/login"
	"github.com/dockercfg/jet/internal/accounts"
	"github.com/dockercfg/jet/internal/envfile"
	"github.com/dockercfg/jet/internal/process"
	"github.com/dockercfg/jet/internal/spelling"
	"github.com/dockercfg/jet/internal/tokencache"
)

// accountsFlag names a file of registry accounts.
func accountsFlag(usage string) cli.Flag {
	return &cli.StringFlag{Name: "config", Usage: usage}
}

// An accountsFile is a file of registry accounts as it is on disk.
type accountsFile struct {
	*accounts.File
	name string // as the command line has it
	dir  string // that paths in it start from
	sharedReader
	slots chan struct{} // of those that ask at the same time
}

// maxAsking is how many accounts of a file ask at the same time.
const maxAsking = 32

func (f *accountsFile) shown() string { return display(f.name, "stdin") }

// accounts reads a file of registry accounts, which may be encrypted.
func (r *reader) accounts(ctx context.Context, name string) (*accountsFile, error) {
	data, err := r.program.readWhole(ctx, name, accountsKind)
	if err != nil {
		return nil, err
	}
	return r.accountsIn(ctx, name, data)
}

// accountsKind is what such a file is called in messages.
const accountsKind = "file of registries"

// accountsIn is accounts for a file that was read already.
func (r *reader) accountsIn(ctx context.Context, name string, data []byte) (*accountsFile, error) {
	text, format, err := r.openData(ctx, name, data)
	if err != nil {
		return nil, err
	}
	shown := display(name, "stdin")
	if err := r.refusePlain(shown, format); err != nil {
		return nil, err
	}
	file, err := accounts.Parse(text)
	if err != nil {
		return nil, accountsFailure(err, name, format)
	}
	if format == 0 {
		if a, ok := readable(file); ok {
			r.program.warn("%s: line %d: the secret of %s is readable to everybody who can read the file", shown, a.Line, a.Name)
			r.program.hint(`"jet encrypt %s %s" encrypts it, and --config takes what comes out; passwordFile, passwordCommand and envFile leave the secret elsewhere`, shellWord(name), shellWord(name+".encrypted"))
		}
	}
	own := *r
	own.quiet = true // it is said once, here
	return &accountsFile{File: file, name: name, dir: filepath.Dir(name), sharedReader: sharedReader{reader: &own}, slots: make(chan struct{}, maxAsking)}, nil
}

// readable gives the first account with a secret in the file itself.
func readable(f *accounts.File) (accounts.Account, bool) {
	known, err := backends(backendConfig{})
	if err != nil {
		return accounts.Account{}, false
	}
	for _, a := range f.Accounts {
		if a.Password != (dockercfg.Secret{}) {
			return a, true
		}
		b, _ := known.Lookup(a.Backend)
		for _, v := range b.Variables {
			for _, name := range append([]string{v.Name}, v.Aliases...) {
				if v.Secret && a.Variables[name] != "" {
					return a, true
				}
			}
		}
	}
	return accounts.Account{}, false
}

// accountsFailure names the file in errors of Parse.
func accountsFailure(err error, name string, format crypto.Format) error {
	problems, ok := errors.AsType[accounts.Errors](err)
	shown := display(name, "stdin")
	if format != 0 {
		shown += ", decrypted"
	}
	if !ok {
		return fmt.Errorf("%s: %w", shown, err)
	}
	var all failures
	for _, problem := range problems {
		all = append(all, fmt.Errorf("%s: %w", shown, problem))
	}
	hint := "docs/registries.md describes the file, and docs/registries.schema.json has editors check it"
	if format == crypto.Unsigned {
		hint = fmt.Sprintf("the key may be the wrong one: \"jet decrypt %s -\" shows whether what comes out is readable", shellWord(name))
	}
	all[0] = withHint(all[0], hint)
	return all
}

// A sharedReader reads files for several sources at a time. The project key is kept
// until it no longer fits.
type sharedReader struct {
	one    sync.Mutex
	reader *reader
	forgot time.Time // when the key was looked up again
}

// keyPause is how long a key that does not fit is not looked up again: the look-up may
// be a command, and there may be thousands of files.
const keyPause = 10 * time.Second

// read gives what is in a file.
func (s *sharedReader) read(ctx context.Context, name, kind string) ([]byte, crypto.Format, error) {
	data, err := s.reader.program.readWhole(ctx, name, kind)
	if err != nil {
		return nil, 0, err
	}
	s.one.Lock()
	defer s.one.Unlock()
	text, format, err := s.reader.openData(ctx, name, data)
	if errors.Is(err, crypto.ErrWrongKey) && time.Since(s.forgot) > keyPause {
		s.reader.forgetKey()
		s.forgot = time.Now()
		text, format, err = s.reader.openData(ctx, name, data)
	}
	return text, format, err
}

// path gives where a file is that stands in the file of registries.
func (f *accountsFile) path(name string) string {
	if !filepath.IsAbs(name) {
		name = filepath.Join(f.dir, name)
	}
	if name == "-" { // here it is no stdin
		name = "." + string(filepath.Separator) + name
	}
	return name
}

// adviseMissing says where a file is named that is not there.
func (f *accountsFile) adviseMissing(err error, field string, a accounts.Account) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return withHint(err, fmt.Sprintf("%s: below %s in %s names it; paths start from the folder of that file", field, a.Name, f.shown()))
}

// chosen gives the accounts of these names and registries, all if there are none.
func (f *accountsFile) chosen(names []string) ([]accounts.Account, error) {
	if len(names) == 0 {
		return f.Accounts, nil
	}
	var chosen []accounts.Account
	var errs failures
	for _, name := range names {
		found := f.Of(name)
		if found == nil {
			errs = append(errs, f.unknown(name))
		}
		for _, a := range found {
			if !slices.ContainsFunc(chosen, func(other accounts.Account) bool { return other.Name == a.Name }) {
				chosen = append(chosen, a)
			}
		}
	}
	switch len(errs) {
	case 0:
		return chosen, nil
	case 1:
		return nil, errs[0]
	}
	return nil, errs
}

// one gives the account of that name or for that registry, the default one for "".
func (f *accountsFile) one(name string) (accounts.Account, error) {
	if name == "" {
		a, ok := f.Default()
		if !ok {
			return a, fail("%s: none of the %d registries is the default", f.shown(), len(f.Accounts)).
				hint("name one, or write default: true below one; they are " + f.names())
		}
		return a, nil
	}
	if a, ok := f.One(name); ok {
		return a, nil
	}
	found := f.Of(name)
	if found == nil {
		return accounts.Account{}, f.unknown(name)
	}
	var names []string
	for _, a := range found {
		names = append(names, a.Name)
	}
	return accounts.Account{}, fail("%s: several registries are at that address, and none of them is the default: %s", f.shown(), firstOf(names)).
		hint("name one of them, or write default: true below it")
}

func (f *accountsFile) unknown(name string) error {
	var known []string
	for _, a := range f.Accounts {
		known = append(known, a.Name, a.Address)
	}
	err := fail("%s has no registry %q, neither by name nor by address", f.shown(), name)
	if near := spelling.Nearest(name, known); near != "" {
		return err.hint("did you mean " + near + "?")
	}
	return err.hint("it has " + f.names())
}

// names lists the accounts for people.
func (f *accountsFile) names() string {
	var names []string
	for _, a := range f.Accounts {
		names = append(names, a.Name)
	}
	return firstOf(names)
}

// runs make the credentials of accounts, or take them from the cache of the limits.
func (f *accountsFile) runs(chosen []accounts.Account, l limits) ([]run, error) {
	known, err := backends(backendConfig{})
	if err != nil {
		return nil, err
	}
	runs := make([]run, len(chosen))
	for i, a := range chosen {
		b, _ := known.Lookup(a.Backend)
		runs[i] = run{
			backend: generators.Backend{
				Name: cmp.Or(a.Backend, "password"), LongLived: b.LongLived, Interactive: b.Interactive,
				Open: func(generators.Env) (generators.Source, error) {
					return &accountSource{file: f, account: a, limits: l}, nil
				},
			},
			scope: scope{name: a.Name, file: f.name, env: f.reader.program.lookupEnv},
		}
	}
	return runs, nil
}

// source gets the credential for an account, from whatever the account names as it
// is when it is asked for, and from no cache.
func (f *accountsFile) source(a accounts.Account) generators.Source {
	return &accountSource{file: f, account: a}
}

// An accountSource is safe for concurrent use.
type accountSource struct {
	file    *accountsFile
	account accounts.Account
	limits  limits // of which the cache counts

	mutex sync.Mutex
	kept  *tokencache.Source // that was asked last, nil for none
}

// Made tells when the entry that Generate gave last was made, and whether it comes
// from the cache.
func (s *accountSource) Made() (at time.Time, cached bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.kept == nil {
		return time.Time{}, false
	}
	return s.kept.Made()
}

// Refuse says that the entry that Generate gave last is no good, and reports whether
// it came from the cache. There is another one the next time.
func (s *accountSource) Refuse() (cached bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.kept != nil && s.kept.Refuse()
}

// keeping gives a source with the cache before it, if it is one for that.
func (s *accountSource) keeping(source generators.Source, b generators.Backend, env generators.Env) generators.Source {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	source = s.limits.keeping(source, run{backend: b, scope: scope{env: env}}, []string{s.account.Address})
	s.kept, _ = source.(*tokencache.Source)
	return source
}

// Generate gives one entry. Its errors do not name the account.
func (s *accountSource) Generate(ctx context.Context) (generators.Result, error) {
	select {
	case s.file.slots <- struct{}{}:
		defer func() { <-s.file.slots }()
	case <-ctx.Done():
		return generators.Result{}, context.Cause(ctx)
	}
	timed := ctx
	if limit := s.account.Timeout; limit > 0 {
		var cancel context.CancelFunc
		timed, cancel = context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v: %w", limit, context.DeadlineExceeded))
		defer cancel()
	}
	get := s.fromBackend
	if s.account.Backend == "" {
		get = s.fromPassword
	}
	result, err := get(timed)
	if err != nil && timed.Err() != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		err = withHint(err, "timeout: 2m below the registry waits longer; a proxy (HTTPS_PROXY) or a firewall may keep a server out of reach")
	}
	return result, err
}

// fromPassword makes the entry of a user name and a password.
func (s *accountSource) fromPassword(ctx context.Context) (generators.Result, error) {
	a := s.account
	c := login.Config{Registry: a.Address, Username: a.Username, Password: a.Password, Email: a.Email, UsernameIs: "username", PasswordIs: "password"}
	var err error
	switch {
	case a.PasswordFile != "":
		c.PasswordIs = "the password in the file"
		c.Password, err = s.passwordFile(ctx)
	case a.PasswordCommand != "":
		c.PasswordIs = "the password of the command"
		c.Password, err = s.passwordCommand(ctx)
	}
	if err != nil {
		return generators.Result{}, err
	}
	source, err := login.New(c)
	if err != nil {
		return generators.Result{}, err
	}
	return source.Generate(ctx)
}

// maxPassword is the longest password that is read from a file or a command, in
// bytes: key files of Google are passwords too.
const maxPassword = 64 << 10

// passwordFile reads the password of a file, which may be encrypted.
func (s *accountSource) passwordFile(ctx context.Context) (dockercfg.Secret, error) {
	path := s.file.path(s.account.PasswordFile)
	text, _, err := s.file.read(ctx, path, "password file")
	if err != nil {
		return dockercfg.Secret{}, s.file.adviseMissing(err, "passwordFile", s.account)
	}
	shown := display(path, "")
	password := trimLineEnd(text)
	switch {
	case len(password) == 0:
		return dockercfg.Secret{}, fail("%s: the file of the password is empty", shown)
	case len(password) > maxPassword:
		return dockercfg.Secret{}, fail("%s: it is over %d KiB long, which no password is", shown, maxPassword>>10)
	}
	return dockercfg.NewSecret(string(password)), nil
}

// trimLineEnd takes off one line end, which editors and echo leave, and nothing
// else: a blank may belong to a password.
func trimLineEnd(text []byte) []byte {
	text = bytes.TrimSuffix(text, []byte("\n"))
	return bytes.TrimSuffix(text, []byte("\r"))
}

// commandTimeout is how long a command may take for a password.
const commandTimeout = 30 * time.Second

// passwordCommand runs the command, as JET_KEY_COMMAND is run. No error quotes it or
// what it prints.
func (s *accountSource) passwordCommand(ctx context.Context) (dockercfg.Secret, error) {
	limit := max(commandTimeout, s.account.Timeout)
	timed, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v: %w", limit, context.DeadlineExceeded))
	defer cancel()
	cmd := process.Shell(timed, s.account.PasswordCommand)
	output := process.Bounded{Limit: maxPassword, OnFull: cancel}
	cmd.Stdout, cmd.Stderr = &output, s.file.reader.program.stderr
	err := cmd.Run()
	password := trimLineEnd(output.Bytes())
	switch {
	case output.Full():
		err = fail("passwordCommand: it prints over %d KiB, which no password is", maxPassword>>10)
	case timed.Err() != nil:
		err = fmt.Errorf("passwordCommand: it was ended: %w", context.Cause(timed))
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		err = fail("passwordCommand: %w", err).hint("run the command by itself, in this folder; what it prints on stderr stands above")
	case len(password) == 0:
		err = fail("passwordCommand: it succeeds and prints nothing, and an empty password is not sent").
			hint("a program that it needs may be missing here, or what it looks for")
	default:
		return dockercfg.NewSecret(string(password)), nil
	}
	return dockercfg.Secret{}, err
}

// fromBackend makes the entry by the backend of the account.
func (s *accountSource) fromBackend(ctx context.Context) (generators.Result, error) {
	a, program := s.account, s.file.reader.program
	config := backendConfig{registries: []string{a.Address}, asked: []string{a.Backend}, stderr: program.stderr}
	known, err := backends(config)
	if err != nil {
		return generators.Result{}, err
	}
	backend, ok := known.Lookup(a.Backend)
	if !ok {
		if backend, err = program.programBackend(ctx, known, "backend:", a.Backend, config.registries); err != nil {
			return generators.Result{}, err
		}
	}
	env, notices, err := s.scope(ctx, backend)
	if err != nil {
		return generators.Result{}, err
	}
	source, err := backend.Open(env)
	if err != nil {
		return generators.Result{}, s.adviseOpen(err)
	}
	made, err := s.keeping(source, backend, env).Generate(ctx)
	partial, _ := errors.AsType[*generators.PartialError](err)
	if err != nil && partial == nil {
		return generators.Result{}, err
	}
	result := generators.Result{Notices: append(notices, made.Notices...)}
	var others []string
	for _, entry := range made.Entries {
		switch key, err := registryKey(entry.Registry); {
		case err != nil || key != a.Address:
			others = append(others, entry.Registry)
		case result.Entries == nil:
			result.Entries = []dockercfg.Entry{entry}
		}
	}
	switch {
	case result.Entries != nil && partial != nil:
		for _, err := range partial.Errors {
			result.Notices = append(result.Notices, err.Error())
		}
	case partial != nil:
		return generators.Result{}, err
	case result.Entries == nil && others != nil:
		return generators.Result{}, fail("the backend %s made no credential for %s, but for %s", a.Backend, a.Address, firstOf(others))
	case result.Entries == nil:
		err := fail("the backend %s made no credential for %s", a.Backend, a.Address)
		if len(made.Notices) > 0 {
			err = fail("%w: %s", err, strings.Join(made.Notices, "; "))
		}
		return generators.Result{}, err.hint(fmt.Sprintf("\"jet generate dockercfg --help\" lists the variables of %s; they go below variables: or into the envFile", a.Backend))
	}
	return result, nil
}

// adviseOpen says where the variables of an account go.
func (s *accountSource) adviseOpen(err error) error {
	if _, ok := errors.AsType[*generators.MissingVariablesError](err); !ok {
		return err
	}
	where := "the environment"
	if s.account.EnvFile != "" {
		where = display(s.file.path(s.account.EnvFile), "")
	}
	return fail("%w, in %s", err, where).
		hint("secrets go into the file that envFile names, one NAME=value a line, and what is none below variables:")
}

// scope gives the variables of an account for a backend: those of its env file, or
// of the environment, and its own over them.
func (s *accountSource) scope(ctx context.Context, b generators.Backend) (env generators.Env, notices []string, err error) {
	base := generators.Env(s.file.reader.program.lookupEnv)
	if s.account.EnvFile != "" {
		var file envfile.File
		if file, err = s.envFile(ctx); err != nil {
			return nil, nil, err
		}
		base = file.Lookup
		for _, notice := range file.Notices {
			notices = append(notices, fmt.Sprintf("%s: %v", display(s.file.path(s.account.EnvFile), ""), notice))
		}
	}
	own := s.account.Variables
	hidden := make(map[string]bool)
	for _, v := range b.Variables {
		names := append([]string{v.Name}, v.Aliases...)
		if slices.ContainsFunc(names, func(name string) bool { return own[name] != "" }) {
			for _, name := range names {
				hidden[name] = true
			}
		}
	}
	switch b.Name {
	case "ecr":
		if own["AWS_PROFILE"] != "" || own["AWS_DEFAULT_PROFILE"] != "" {
			for _, name := range [...]string{
				"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY",
				"AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN",
			} {
				if value, _ := base(name); value != "" && s.account.EnvFile != "" {
					return nil, nil, fail("%s sets %s, and the profile of the account would not be used beside it", display(s.file.path(s.account.EnvFile), ""), name).
						hint("leave one of the two out")
				}
				hidden[name] = true
			}
		}
		if own["AWS_STS_ROLE"] != "" && s.account.EnvFile == "" {
			hidden["AWS_STS_ACCOUNT"], hidden["AWS_STS_EXTERNAL_ID"] = true, true // of another role
		}
	case "login":
		own = maps.Clone(own)
		if own == nil {
			own = make(map[string]string)
		}
		own["DOCKER_REGISTRY"] = s.account.Address
	}
	return func(name string) (string, bool) {
		if value, ok := own[name]; ok {
			return value, true
		}
		if hidden[name] {
			return "", false
		}
		return base(name)
	}, notices, nil
}

func (s *accountSource) envFile(ctx context.Context) (envfile.File, error) {
	path := s.file.path(s.account.EnvFile)
	data, format, err := s.file.read(ctx, path, "env file")
	if err != nil {
		return envfile.File{}, s.file.adviseMissing(err, "envFile", s.account)
	}
	file, err := envfile.Parse(data, s.account.EnvSyntax)
	if err != nil {
		f := parseFailure(err, path, format)
		for i, hint := range f.hints {
			f.hints[i] = strings.ReplaceAll(hint, "--env-syntax ", "envSyntax: ")
		}
		return envfile.File{}, f
	}
	return file, nil
}

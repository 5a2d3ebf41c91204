package projectkey

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/knownkeys"
	"github.com/dockercfg/jet/internal/sharedkey"
	"github.com/dockercfg/jet/internal/shellword"
	"github.com/dockercfg/jet/internal/worktree"
)

// FileName is the name under which a project keeps its key. SharedFileName is that
// of the key as an age file, for its recipients or with a passphrase.
const (
	FileName       = "codeship.aes"
	SharedFileName = FileName + ".age"
)

// Environment variables that Lookup reads.
const (
	keyVariable     = "JET_KEY"
	commandVariable = "JET_KEY_COMMAND"
	pathVariable    = "JET_KEY_PATH"
)

// Bounds of what is read, in bytes. A key has 45; crypto.ParseKey refuses much less
// than this. A key for a hundred people has 100 KB.
const (
	maxKeyBytes    = 8 << 10
	maxSharedBytes = 1 << 20
)

// Lookup says where to look for the key. The first of these that is set decides,
// and is an error if it is set to the empty text or holds no key:
//
//   - KeyPath, the option --key-path, if it is not ""
//   - JET_KEY, the text of a key file
//   - JET_KEY_COMMAND, a shell command that prints the text of a key file within 30 s
//   - JET_KEY_PATH, the name of a key file
//   - codeship.aes, else codeship.aes.age, in Dir, or in a folder above it up to
//     the top of the git work tree
//   - what Stored gives for the work tree of Dir, if something is stored for that
//
// A key file may be one of age, which is opened with the user's own private keys
// or a passphrase: see package sharedkey.
type Lookup struct {
	KeyPath   string
	LookupEnv func(name string) (value string, ok bool) // nil: os.LookupEnv
	Dir       string                                    // "": the current folder
	Stderr    io.Writer                                 // of the command; nil: thrown away
	Ask       sharedkey.Ask                             // nil: there is nobody to ask for a passphrase

	// AtHand is for those who can do without the key: no program is run to get at it,
	// and no store asked. What would need one is an error.
	AtHand bool

	// Stored gives the text of the key that the credential store has for a work
	// tree, of which the record says that; nil: no store is asked. See package
	// storedkey.
	Stored func(ctx context.Context, record knownkeys.Record) ([]byte, error)
}

// Found is a key and where it came from.
type Found struct {
	Key      crypto.Key
	Origin   string    // for people: a variable, or a path
	Path     string    // of the key file; "" if it came from elsewhere
	Shared   bool      // the file is one of age
	OpenedBy string    // of such a file: the private key that opened it, "" for a passphrase
	Warnings []string  // for people, one sentence each
	Rotation *Rotation // nil unless a change of this key is not finished
}

// NotFoundError says that there is no key in any of the places named by Tried.
type NotFoundError struct {
	Tried []string
}

// notProvided is what the original tool says and users search for.
const notProvided = "No AES key provided"

func (e *NotFoundError) Error() string {
	return notProvided + ": " + FileName + " does not exist (tried " + strings.Join(e.Tried, ", ") + ")"
}

// Find gives the first key of the places that Lookup names. The error is a
// *NotFoundError when none of them is set. Else it names the place that is set
// but broken, and wraps crypto.ErrKey for a text that is no key, fs.ErrNotExist,
// fs.ErrPermission, or the context's error. No error and no warning holds any
// part of a key.
//
// While a change of that key is not finished, Rotation has both keys.
func (l Lookup) Find(ctx context.Context) (Found, error) {
	found, err := l.find(ctx)
	if err == nil {
		if notice := l.rotating(ctx, &found); notice != "" {
			found.Warnings = append(found.Warnings, notice)
		}
	}
	return found, err
}

func (l Lookup) find(ctx context.Context) (Found, error) {
	lookupEnv := l.LookupEnv
	if lookupEnv == nil {
		lookupEnv = os.LookupEnv
	}
	if l.KeyPath != "" {
		found, err := l.readKeyFile(ctx, l.KeyPath)
		return found, asNotProvided(err)
	}
	if text, ok := lookupEnv(keyVariable); ok {
		return parse(keyVariable, []byte(text))
	}
	if command, ok := lookupEnv(commandVariable); ok {
		if l.AtHand {
			return Found{}, fmt.Errorf("%s: %w", commandVariable, errNotAtHand)
		}
		text, err := l.run(ctx, command)
		if err != nil {
			return Found{}, fmt.Errorf("%s: %w", commandVariable, err)
		}
		return parse(commandVariable, text)
	}
	if path, ok := lookupEnv(pathVariable); ok {
		if path == "" {
			return Found{}, fmt.Errorf("%s: %w", pathVariable, errSetButEmpty)
		}
		found, err := l.readKeyFile(ctx, path)
		if err != nil {
			err = fmt.Errorf("%s: %w", pathVariable, err)
		}
		return found, asNotProvided(err)
	}
	return l.search(ctx)
}

func asNotProvided(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", notProvided, err)
	}
	return err
}

// errNotAtHand is why a Lookup with AtHand fails where another would run a program.
var errNotAtHand = errors.New("it takes a program to get at the key")

var errSetButEmpty = errors.New("it is set but empty")

// search looks for key files from Dir upwards.
func (l Lookup) search(ctx context.Context) (Found, error) {
	tried := []string{"--key-path", keyVariable, commandVariable, pathVariable}
	look := func(dir string) (found Found, there bool, err error) {
		for _, name := range [...]string{FileName, SharedFileName} {
			path := filepath.Join(dir, name)
			found, err := l.readKeyFile(ctx, path)
			if !isAbsent(path, err) {
				return found, true, err
			}
			tried = append(tried, strconv.Quote(path))
		}
		return Found{}, false, nil
	}
	if found, there, err := look(l.Dir); there {
		return found, err
	}
	dir, top, err := worktree.Top(l.Dir)
	if err != nil {
		return Found{}, err
	}
	for top != "" && dir != top {
		dir = filepath.Dir(dir)
		if found, there, err := look(dir); there {
			return found, err
		}
	}
	if l.Stored != nil && !l.AtHand {
		tried = append(tried, "the credential store")
		if found, there, err := l.stored(ctx); there || err != nil {
			return found, err
		}
	}
	return Found{}, &NotFoundError{Tried: tried}
}

// stored asks the credential store, if the user's configuration says that it has
// the key.
func (l Lookup) stored(ctx context.Context) (found Found, there bool, err error) {
	tree, _, err := knownkeys.Place(l.Dir)
	if err != nil {
		return Found{}, false, err
	}
	record, err := knownkeys.Load(tree)
	if err != nil || record.Stored == nil {
		return Found{}, false, err
	}
	text, err := l.Stored(ctx, record)
	if err != nil {
		return Found{}, true, fmt.Errorf("the key in the credential store: %w", err)
	}
	found, err = parse("the credential store docker-credential-"+record.Stored.Helper, text)
	return found, true, err
}

// isAbsent reports whether err came from nothing standing at path. A symbolic
// link that leads nowhere is something.
func isAbsent(path string, err error) bool {
	if !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	_, err = os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// ReadFile gives the key in the file at path. The errors are those of Find.
func (l Lookup) ReadFile(ctx context.Context, path string) (Found, error) {
	return l.readKeyFile(ctx, path)
}

// readKeyFile reads the key at path, which may be a pipe.
func (l Lookup) readKeyFile(ctx context.Context, path string) (Found, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Found{}, keyFileError(path, err)
	}
	if info.IsDir() {
		return Found{}, keyFileError(path, syscall.EISDIR)
	}
	text, err := readBounded(ctx, path, info.Mode().IsRegular())
	if err != nil {
		return Found{}, keyFileError(path, err)
	}
	if isAgeFile(text) {
		if l.AtHand {
			return Found{}, keyFileError(path, errNotAtHand)
		}
		found, err := l.openShared(ctx, path, text)
		if err != nil {
			return Found{}, fmt.Errorf("key %q: %w", path, err)
		}
		return found, nil
	}
	found, err := parse(path, text)
	if err != nil {
		return Found{}, keyFileError(path, errors.Unwrap(err))
	}
	found.Path = path
	if info.Mode().IsRegular() && info.Mode()&0o004 != 0 && runtime.GOOS != "windows" {
		found.Warnings = append(found.Warnings,
			fmt.Sprintf("the key %q can be read by everybody on this machine: chmod 600 %s", path, shellword.Quote(path)))
	}
	return found, nil
}

// readBounded reads the beginning of a file. Nobody may ever write to a pipe, so
// that is given up with ctx.
func readBounded(ctx context.Context, path string, regular bool) ([]byte, error) {
	read := func() ([]byte, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxKeyBytes))
		if err == nil && isAgeFile(text) {
			var rest []byte
			rest, err = io.ReadAll(io.LimitReader(f, maxSharedBytes))
			text = append(text, rest...)
		}
		return text, err
	}
	if regular {
		return read()
	}
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := read()
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func keyFileError(path string, err error) error {
	if e, ok := err.(*fs.PathError); ok {
		err = e.Err // which names the path once more
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &absentError{path}
	}
	return fmt.Errorf("key %q: %w", path, err)
}

// absentError is fs.ErrNotExist in fewer words.
type absentError struct{ path string }

func (e *absentError) Error() string {
	if _, err := os.Lstat(e.path); err == nil {
		return fmt.Sprintf("key %q is a symbolic link that leads nowhere", e.path)
	}
	return fmt.Sprintf("key %q does not exist", e.path)
}

func (e *absentError) Unwrap() error { return fs.ErrNotExist }

// notKeys are the beginnings of files that people take for a key.
var notKeys = [...]struct{ prefix, what string }{
	{"codeship:v", "an encrypted file"},
	{"cloudbees:v", "an encrypted file"},
	{"jet:v", "an encrypted file"},
	{ageHead, "an age file"},
	{ageArmorHead, "an age file"},
	{"AGE-SECRET-KEY-", "an age identity"},
	{"-----BEGIN ", "a PEM file"},
}

// parse reads the text of a key. Its error is the origin before one cause.
func parse(origin string, text []byte) (Found, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	for _, n := range notKeys {
		if bytes.HasPrefix(text, []byte(n.prefix)) {
			return Found{}, fmt.Errorf("%s: %w", origin, fmt.Errorf("%w: it is %s, not a key", crypto.ErrKey, n.what))
		}
	}
	key, err := crypto.ParseKey(text)
	if err != nil {
		return Found{}, fmt.Errorf("%s: %w", origin, err)
	}
	return Found{Key: key, Origin: origin}, nil
}

package credentialhelper

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/credentialstore"
	"github.com/dockercfg/jet/internal/knownkeys"
	"github.com/dockercfg/jet/internal/projectkey"
	"github.com/dockercfg/jet/internal/sharedkey"
	"github.com/dockercfg/jet/internal/storedkey"
	"github.com/dockercfg/jet/internal/worktree"
)

// FileName is the name under which a project keeps its encrypted dockercfg.
const FileName = "dockercfg.encrypted"

// Environment variables of this package.
const (
	fileVariable    = "JET_DOCKERCFG"
	requireVariable = "JET_REQUIRE"
)

// maxFile bounds a dockercfg, encrypted or not, in bytes.
const maxFile = 16 << 20

// find gives the path of the dockercfg, "" for none, and whether JET_DOCKERCFG
// names it.
func (p *Program) find() (path string, named bool, err error) {
	if path, ok := p.LookupEnv(fileVariable); ok {
		if path == "" {
			return "", true, fmt.Errorf("%s is set but empty", fileVariable)
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(p.Dir, path)
		}
		return path, true, nil
	}
	path, err = worktree.Nearest(p.Dir, FileName)
	if err != nil {
		err = fmt.Errorf("looking for %s: %w", FileName, err)
	}
	return path, false, err
}

// load reads the dockercfg and gives its path, nil and "" if there is none.
func (h *helper) load() (*dockercfg.File, string, error) {
	path, named, err := h.program.find()
	if err != nil || path == "" {
		return nil, "", err
	}
	required, err := h.program.required()
	if err != nil {
		return nil, "", err
	}
	text, err := readFile(path, named)
	if err != nil {
		return nil, "", err
	}
	format := crypto.Format(0)
	if _, err := crypto.Detect(text); named && errors.Is(err, crypto.ErrNotEncrypted) && isObject(text) {
		if required != 0 {
			return nil, "", fail(encryptHint(path), "%w: %q is not encrypted, and %s asks for %v", crypto.ErrWeakFormat, path, requireVariable, required)
		}
		h.program.warn(fail(encryptHint(path), "%s: %q is not encrypted", fileVariable, path))
	} else if text, format, err = h.decrypt(path, text, required); err != nil {
		return nil, "", err
	}
	file, err := dockercfg.Parse(text)
	if err != nil {
		hint := ""
		if format == crypto.Unsigned {
			hint = "the format unsigned has no check, so the key may be the wrong one"
		}
		return nil, "", fail(hint, "%w: %q", err, path)
	}
	return file, path, nil
}

func isObject(text []byte) bool {
	text = bytes.TrimLeft(bytes.TrimPrefix(text, []byte("\ufeff")), " \t\r\n")
	return len(text) > 0 && text[0] == '{'
}

func encryptHint(path string) string {
	return fmt.Sprintf("\"jet encrypt %s %s\" encrypts it", path, filepath.Join(filepath.Dir(path), FileName))
}

// readFile reads a dockercfg. Only one that was named may be a pipe.
func readFile(path string, named bool) ([]byte, error) {
	failed := func(err error) error {
		var e *fs.PathError
		if errors.As(err, &e) {
			err = e.Err
		}
		if named {
			return fmt.Errorf("%s: %q: %w", fileVariable, path, err)
		}
		return fmt.Errorf("%q: %w", path, err)
	}
	info, err := os.Stat(path)
	if err == nil && (info.IsDir() || !named && !info.Mode().IsRegular()) {
		err = errors.New("it is not a file")
	}
	if err != nil {
		return nil, failed(err)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, failed(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("it is over %d MiB", maxFile>>20)
	}
	if err != nil {
		return nil, failed(err)
	}
	return text, nil
}

// required gives the weakest format that will do, 0 for any.
func (p *Program) required() (crypto.Format, error) {
	name, _ := p.LookupEnv(requireVariable)
	switch name {
	case "":
		return 0, nil
	case crypto.JetV1.String(), crypto.CodeshipV2.String():
		return crypto.ParseFormat(name)
	}
	return 0, fmt.Errorf("%s: %q is not jet:v1 or codeship:v2", requireVariable, name)
}

// keyHint says what to do when there is no key. There is never anybody to ask for
// a passphrase: clients keep the terminal for themselves.
func keyHint(err error) string {
	var shared *sharedkey.Error
	if errors.As(err, &shared) {
		return sharedkey.IdentityPathVariable + " names a private key without a passphrase that opens it; \"jet key list\" says more"
	}
	return "JET_KEY_PATH names the file that holds the key"
}

func (h *helper) decrypt(path string, text []byte, required crypto.Format) ([]byte, crypto.Format, error) {
	lookup := projectkey.Lookup{LookupEnv: h.program.LookupEnv, Dir: h.program.Dir, Stderr: h.program.Stderr}
	lookup.Stored = func(ctx context.Context, record knownkeys.Record) ([]byte, error) {
		return storedkey.Get(ctx, record, credentialstore.Options{Stderr: h.program.Stderr})
	}
	key, err := lookup.Find(h.ctx)
	for _, warning := range key.Warnings {
		h.program.warn(errors.New(warning))
	}
	if err != nil {
		return nil, 0, fail(keyHint(err), "%w: for %q", err, path)
	}
	var plain bytes.Buffer
	// The buffer is the hidden output: nobody sees it after an error.
	format, err := crypto.Decrypt(&plain, bytes.NewReader(text), key.For(text), crypto.WithRequire(required), crypto.WithHiddenOutput())
	if err == nil {
		if format == crypto.Unsigned {
			h.program.warn(fmt.Errorf("%q is in the unsigned format: a wrong key gives garbage, not an error", path))
		}
		return plain.Bytes(), format, nil
	}
	hint := fmt.Sprintf("\"jet decrypt %s -\" shows what is in it, once it can be read", path)
	switch {
	case errors.Is(err, crypto.ErrWrongKey):
		hint = fmt.Sprintf("the key is %s, %s; JET_KEY_PATH names another one", key.Origin, key.Key.Fingerprint())
	case errors.Is(err, crypto.ErrDamaged):
		hint = fmt.Sprintf("\"git log --oneline -- %s\" lists its versions", path)
	case errors.Is(err, crypto.ErrNotEncrypted):
		hint = encryptHint(path)
	case errors.Is(err, crypto.ErrWeakFormat):
		hint = requireVariable + " asks for that; \"jet encrypt\" with --format writes a stronger format"
	}
	// The phrase that people search for comes first.
	if rest, found := strings.CutPrefix(err.Error(), crypto.ErrChecksum.Error()+": "); found {
		return nil, 0, fail(hint, "%v: %q: %s", crypto.ErrChecksum, path, rest)
	}
	return nil, 0, fail(hint, "%q: %w", path, err)
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/encryptedfile"
	"github.com/dockercfg/jet/internal/projectkey"
)

// maxWhole bounds a file that is kept in memory, encrypted or not, in bytes.
const maxWhole = 16 << 20

// A reader reads whole files that may be encrypted. It looks the project key up
// when it is needed first, and once.
type reader struct {
	program  *program
	required crypto.Format
	keyPath  string
	trust    string           // --trust-key
	dir      string           // where the key is looked for, "" for the current folder
	past     bool             // what was encrypted before the last rotation of the key is read too
	former   bool             // what was read last was encrypted then
	quiet    bool             // nothing is said of formats without a check
	key      projectkey.Found // after findKey
	haveKey  bool
}

func (p *program) newReader(c *cli.Context) (*reader, error) {
	required, err := p.requiredFormat(c)
	return &reader{program: p, required: required, keyPath: c.String("key-path"), trust: c.String("trust-key")}, err
}

// findKey looks the project key up.
func (r *reader) findKey(ctx context.Context) (projectkey.Found, error) {
	if r.haveKey {
		return r.key, nil
	}
	var err error
	r.key, err = r.program.findKeyFrom(ctx, r.dir, r.keyPath)
	r.haveKey = err == nil
	return r.key, err
}

// read gives what is in the file of that name, "-" for stdin, and the format that
// it was encrypted in, 0 for none. The kind is what the file is meant to be.
func (r *reader) read(ctx context.Context, name, kind string) ([]byte, crypto.Format, error) {
	data, err := r.program.readWhole(ctx, name, kind)
	if err != nil {
		return nil, 0, err
	}
	return r.openData(ctx, name, data)
}

// openData is read for what was read already.
func (r *reader) openData(ctx context.Context, name string, data []byte) ([]byte, crypto.Format, error) {
	format, err := encryptedfile.Detect(data)
	if err != nil {
		return nil, 0, diagnose(err, name, r.key)
	}
	if format == 0 {
		return data, 0, nil
	}
	return r.decrypt(ctx, name, data)
}

// readWhole gives what is in a file, encrypted or not.
func (p *program) readWhole(ctx context.Context, name, kind string) ([]byte, error) {
	in, err := p.openInput(ctx, name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxWhole+1))
	if err == nil && len(data) > maxWhole {
		err = fail("%s: it is over %d MiB long, which no %s is", display(name, "stdin"), maxWhole>>20, kind)
	}
	return data, err
}

// decrypt decrypts a file in memory.
func (r *reader) decrypt(ctx context.Context, name string, data []byte) ([]byte, crypto.Format, error) {
	key, err := r.findKey(ctx)
	if err != nil {
		return nil, 0, err
	}
	var plain bytes.Buffer
	format, err := crypto.Decrypt(&plain, bytes.NewReader(data), key.For(data), crypto.WithRequire(r.required))
	if r.former = false; r.past && errors.Is(err, crypto.ErrWrongKey) {
		for _, former := range r.formerKeys(ctx) {
			if _, problem := crypto.Decrypt(&plain, bytes.NewReader(data), former, crypto.WithRequire(r.required)); problem == nil {
				r.former, err = true, nil
				break
			}
		}
	}
	if err != nil {
		return nil, 0, diagnose(err, name, key)
	}
	if !r.quiet {
		r.program.warnUnchecked(format, name)
	}
	return plain.Bytes(), format, nil
}

// forgetKey has the key looked up again: it may have been changed since.
func (r *reader) forgetKey() {
	r.program.keysMutex.Lock()
	defer r.program.keysMutex.Unlock()
	delete(r.program.keys, [2]string{r.dir, r.keyPath})
	r.haveKey = false
}

// maxFormer bounds how many rotations back keys are looked for.
const maxFormer = 20

// formerKeys gives the keys from before the last rotations, as each leaves one
// beside the key that took its place: the latest first.
func (r *reader) formerKeys(ctx context.Context) (keys []crypto.Key) {
	if r.key.Path == "" {
		return nil
	}
	path := r.key.Path + ".old"
	for i := 1; i <= maxFormer; i++ {
		found, err := projectkey.Lookup{KeyPath: path}.Find(ctx)
		if err != nil {
			break
		}
		keys = append(keys, found.Key)
		path = fmt.Sprintf("%s.old.%d", r.key.Path, i)
	}
	slices.Reverse(keys)
	return keys
}

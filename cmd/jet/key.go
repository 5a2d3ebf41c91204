package main

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/projectkey"
	"github.com/dockercfg/jet/internal/trustedkey"
)

func keyPathFlag() cli.Flag {
	return &cli.StringFlag{Name: "key-path", Usage: "read the project key from `FILE`"}
}

// findKey looks the project key up.
func (p *program) findKey(ctx context.Context, keyPath string) (projectkey.Found, error) {
	return p.findKeyFrom(ctx, "", keyPath)
}

// findKeyFrom looks the project key up from another folder than the current one.
func (p *program) findKeyFrom(ctx context.Context, dir, keyPath string) (projectkey.Found, error) {
	lookup := projectkey.Lookup{KeyPath: keyPath, LookupEnv: p.lookupEnv, Dir: dir, Stderr: p.stderr}
	key, err := lookup.Find(ctx)
	for _, warning := range key.Warnings {
		p.warn("%s", warning)
	}
	var missing *projectkey.NotFoundError
	switch {
	case errors.As(err, &missing), errors.Is(err, fs.ErrNotExist):
		err = fail("%w", err).hint(`"jet generate" makes a new key; --key-path FILE names one elsewhere`)
	case errors.Is(err, crypto.ErrKey):
		err = fail("%w", err).hint(`a key is one line of 44 characters, as "jet generate" writes it; --key-path FILE names another one`)
	}
	return key, err
}

// trustKeyFlag is of every command that encrypts.
func trustKeyFlag() cli.Flag {
	return &cli.StringFlag{
		Name:  "trust-key",
		Usage: "encrypt with the key of this `FINGERPRINT` even if it comes with the repository, and remember it",
		Action: func(_ *cli.Context, fingerprint string) error {
			if !crypto.IsFingerprint(fingerprint) {
				return misuse("--trust-key: %q is no fingerprint of a key", fingerprint).
					hint(`a fingerprint is SHA256: and 43 characters, as "jet generate" prints it`)
			}
			return nil
		},
	}
}

// writingKey gives a key that was found for writing to output, if it is to be
// trusted with that; trust is the value of --trust-key.
func (p *program) writingKey(ctx context.Context, found projectkey.Found, output, trust string) (trustedkey.Key, error) {
	key, notices, err := trustedkey.Request{Found: found, Output: output, Trust: trust}.Accept(ctx)
	for _, notice := range notices {
		p.warn("%s", notice)
	}
	var untrusted *trustedkey.UntrustedError
	var mismatch *trustedkey.MismatchError
	switch {
	case errors.As(err, &untrusted):
		err = fail("%w", err).
			hint("whoever put it there can read what is encrypted with it. If a colleague tells you, not through the repository, that it is right: --trust-key " + untrusted.Fingerprint)
	case errors.As(err, &mismatch):
		err = fail("%w", err).hint("nothing was written; --key-path FILE names another key")
	}
	return key, err
}

// guardKey refuses to write an output over a project key: over the one in use,
// or over anything with the name of one.
func guardKey(output string, key projectkey.Found) error {
	if output == "-" {
		return nil
	}
	same := false
	if key.Path != "" {
		var err error
		if same, err = outfile.SameFile(output, key.Path); err != nil {
			return err
		}
	}
	if same || filepath.Base(output) == projectkey.FileName && exists(output) {
		return fail("the output %q is a project key, and what is encrypted with it would be lost", output).
			hint("name another output")
	}
	return nil
}

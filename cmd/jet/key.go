package main

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/credentialstore"
	"github.com/dockercfg/jet/internal/knownkeys"
	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/projectkey"
	"github.com/dockercfg/jet/internal/sharedkey"
	"github.com/dockercfg/jet/internal/storedkey"
	"github.com/dockercfg/jet/internal/trustedkey"
)

func keyPathFlag() cli.Flag {
	return &cli.StringFlag{Name: "key-path", Usage: "read the project key from `FILE`"}
}

// findKey looks the project key up, once for a command line: a passphrase is asked
// for once.
func (p *program) findKey(ctx context.Context, keyPath string) (projectkey.Found, error) {
	return p.findKeyFrom(ctx, "", keyPath)
}

// findKeyFrom looks the project key up from another folder than the current one.
func (p *program) findKeyFrom(ctx context.Context, dir, keyPath string) (projectkey.Found, error) {
	asked := [2]string{dir, keyPath}
	p.keysMutex.Lock()
	defer p.keysMutex.Unlock()
	if found, ok := p.keys[asked]; ok {
		return found, nil
	}
	lookup := p.keyLookup(dir, keyPath)
	lookup.Stored = p.storedKey
	key, err := lookup.Find(ctx)
	for _, warning := range key.Warnings {
		p.warn("%s", warning)
	}
	if err != nil {
		return key, adviseKey(err)
	}
	if p.keys == nil {
		p.keys = make(map[[2]string]projectkey.Found)
	}
	p.keys[asked] = key
	return key, nil
}

// keyLookup is the look-up without the credential store.
func (p *program) keyLookup(dir, keyPath string) projectkey.Lookup {
	return projectkey.Lookup{KeyPath: keyPath, LookupEnv: p.lookupEnv, Dir: dir, Stderr: p.stderr, Ask: p.askPassphrase}
}

// storedKey asks the credential store.
func (p *program) storedKey(ctx context.Context, record knownkeys.Record) ([]byte, error) {
	text, err := storedkey.Get(ctx, record, credentialstore.Options{Stderr: p.stderr})
	return text, adviseStoredKey(err)
}

// adviseKey says what to do when there is no key.
func adviseKey(err error) error {
	var none *projectkey.NotFoundError
	var shared *sharedkey.Error
	var missing *sharedkey.MissingError
	switch {
	case errors.As(err, &shared):
		return adviseShared(err, shared)
	case errors.As(err, &missing):
		return fail("%w", err).hint(`it comes with jet, and belongs beside it; JET_KEY_COMMAND="age -d -i YOUR-KEY codeship.aes.age" does without`)
	case errors.As(err, &none), errors.Is(err, fs.ErrNotExist):
		return fail("%w", err).hint(`"jet generate" makes a new key; --key-path FILE names one elsewhere`)
	case errors.Is(err, crypto.ErrKey):
		return fail("%w", err).hint(`a key is one line of 44 characters, as "jet generate" writes it; --key-path FILE names another one`)
	}
	return err
}

// adviseShared says what to do about a key file of age that does not open.
func adviseShared(err error, shared *sharedkey.Error) error {
	switch shared.Code {
	case sharedkey.CodeStranger:
		return fail("%w", err).hint(`somebody who has the key can type "jet key share --to FILE", with the .pub file of one of these`).
			hint(sharedkey.IdentityPathVariable + "=FILE names another private key")
	case sharedkey.CodeNoIdentity:
		return fail("%w", err).hint(`"ssh-keygen -t ed25519" makes a key; somebody who has the project key can then type "jet key share --to FILE", with its .pub file`).
			hint(sharedkey.IdentityPathVariable + "=FILE names a private key elsewhere")
	case sharedkey.CodeAgent:
		return fail("%w", err).hint("an SSH agent signs and cannot decrypt: " + sharedkey.IdentityPathVariable + "=FILE names the file of the private key").
			hint(`else make a key for this alone, "age-keygen -o ~/.config/age/keys.txt", and let somebody share with it`)
	case sharedkey.CodePassphrase:
		return fail("%w", err).hint("run the same command again to type it once more")
	case sharedkey.CodeNobody:
		return fail("%w", err).hint("run it in a terminal, or give the job the key as JET_KEY or a private key without a passphrase as " + sharedkey.IdentityVariable)
	case sharedkey.CodeIdentity:
		return fail("%w", err).hint(sharedkey.IdentityPathVariable + "=FILE names the file of an SSH private key (ed25519 or RSA) or of an age key")
	case sharedkey.CodeFile:
		return fail("%w", err).hint(`"git log --oneline -- codeship.aes.age" lists its versions, "git restore --source=COMMIT -- codeship.aes.age" brings one back`)
	}
	return err
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
	case errors.Is(err, trustedkey.ErrRotating):
		err = fail("%w", err).hint(`"jet rotate --resume" finishes it`)
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
	name := filepath.Base(output)
	if same || (name == projectkey.FileName || name == projectkey.SharedFileName) && exists(output) {
		return fail("the output %q is a project key, and what is encrypted with it would be lost", output).
			hint("name another output")
	}
	return nil
}

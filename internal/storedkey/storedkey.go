// Package storedkey keeps a project key in the system's credential store, through
// docker-credential-NAME: the macOS keychain, the Windows credential manager, the
// secret service or pass.
//
// The store gets but one half of it, and the user's configuration the other, each
// of which is random by itself. For Docker hands everything that its store lists to
// the daemon with every build (docker/cli, GetAllCredentials), which may be on
// another machine; and half a key is worth nothing there.
package storedkey

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/credentialstore"
	"github.com/dockercfg/jet/internal/knownkeys"
)

// timeout is how long a store may take. It may ask a person for a passphrase.
const timeout = 2 * time.Minute

// userName is what the store calls the owner of the half. pass makes a file of it.
const userName = "project-key"

// ErrChanged: the halves make no key, or another one.
var ErrChanged = errors.New("what the store has and what is remembered do not make the key any more")

func server(r knownkeys.Record) string { return credentialstore.ProjectKeyPrefix + r.ID() }

// find finds a store; a timeout of 0 is ours.
func find(name string, o credentialstore.Options) (*credentialstore.Store, error) {
	if o.Timeout == 0 {
		o.Timeout = timeout
	}
	return credentialstore.Find(name, o)
}

// Keep puts a key into the store of that name, and remembers that in the record
// of its work tree, which it saves. What was kept for it before is replaced. The
// errors are those of package credentialstore.
func Keep(ctx context.Context, key crypto.Key, r knownkeys.Record, name string, o credentialstore.Options) error {
	store, err := find(name, o)
	if err != nil {
		return err
	}
	text := key.Encode()
	here := make([]byte, len(text))
	rand.Read(here)
	there := make([]byte, len(text))
	subtle.XORBytes(there, text, here)
	if err := store.Store(ctx, server(r), userName, dockercfg.NewSecret(base64.StdEncoding.EncodeToString(there))); err != nil {
		return err
	}
	r.Stored = &knownkeys.Stored{Helper: name, Fingerprint: key.Fingerprint(), Half: base64.StdEncoding.EncodeToString(here)}
	if err := r.Save(); err != nil {
		return errors.Join(err, store.Erase(ctx, server(r)))
	}
	// Some stores take what they do not give back.
	if _, err := Get(ctx, r, o); err != nil {
		r.Stored = nil
		return fmt.Errorf("it cannot be read back: %w", errors.Join(err, r.Save()))
	}
	return nil
}

// Get gives the text of the key that is kept for a work tree. The error is
// ErrChanged or one of package credentialstore.
func Get(ctx context.Context, r knownkeys.Record, o credentialstore.Options) ([]byte, error) {
	if r.Stored == nil {
		return nil, credentialstore.ErrNotFound
	}
	store, err := find(r.Stored.Helper, o)
	if err != nil {
		return nil, err
	}
	_, secret, err := store.Get(ctx, server(r))
	if err != nil {
		return nil, err
	}
	there, errThere := base64.StdEncoding.DecodeString(secret.Reveal())
	here, errHere := base64.StdEncoding.DecodeString(r.Stored.Half)
	if errThere != nil || errHere != nil || len(there) != len(here) {
		return nil, ErrChanged
	}
	text := make([]byte, len(here))
	subtle.XORBytes(text, here, there)
	key, err := crypto.ParseKey(text)
	if err != nil || key.Fingerprint() != r.Stored.Fingerprint {
		return nil, ErrChanged
	}
	return text, nil
}

// Forget takes the key of a work tree out of the store and of the record, which it
// saves. A store that does not have it any more is no error.
func Forget(ctx context.Context, r knownkeys.Record, o credentialstore.Options) error {
	if r.Stored == nil {
		return nil
	}
	store, err := find(r.Stored.Helper, o)
	if err != nil {
		return err
	}
	if err := store.Erase(ctx, server(r)); err != nil && !errors.Is(err, credentialstore.ErrNotFound) {
		return err
	}
	r.Stored = nil
	return r.Save()
}

// Package trustedkey gives the keys that may encrypt.
//
// Whoever can write to a repository can put a key of their own where the
// project's is looked for, and read what is encrypted next. So a key that may have
// come with the repository must be known before anything is encrypted with it:
// its fingerprint is the one that the user's configuration remembers of the work
// tree, or nothing is remembered yet and the key opens the encrypted files that
// are there. Those are no proof, since they come from the same hands; hence they
// count only until a fingerprint is remembered, and all must open.
//
// Every ciphertext of jet is made by a Key of this package. A test sees to that.
package trustedkey

import (
	"context"
	"fmt"
	"io"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/knownkeys"
	"github.com/dockercfg/jet/internal/projectkey"
)

// Key is a project key that may encrypt. The zero Key does not.
type Key struct {
	key crypto.Key
}

// Named gives a key that no file has to vouch for: a new one, that the user has named
// as the one to write with from now on; or one for the user's own files alone.
func Named(key crypto.Key) Key { return Key{key} }

// Encrypt is crypto.Encrypt with this key.
func (k Key) Encrypt(dst io.Writer, src io.Reader, format crypto.Format, options ...crypto.Option) error {
	return crypto.Encrypt(dst, src, k.key, format, options...)
}

// A Request is a key that was found, and what it is to write.
type Request struct {
	Found  projectkey.Found
	Output string // the path of the file that is to be written, which may exist; "" or "-" for none
	Trust  string // the fingerprint that the user says is right; "" for none
}

// Accept gives the key if it may encrypt. The notices are for people.
//
// The error is an *UntrustedError for a key from the repository that is not
// known, a *MismatchError for another key than the one that the user trusts, and
// ErrRotating.
func (r Request) Accept(ctx context.Context) (key Key, notices []string, err error) {
	if r.Found.Rotation != nil {
		return Key{}, nil, ErrRotating
	}
	key = Key{r.Found.Key}
	fingerprint := r.Found.Key.Fingerprint()
	if r.Trust != "" {
		if r.Trust != fingerprint {
			return Key{}, nil, &MismatchError{Origin: r.Found.Origin, Fingerprint: fingerprint, Trusted: r.Trust}
		}
		place, err := placeOf(r.Found.Path)
		if err != nil {
			return Key{}, nil, err
		}
		return key, place.remember(fingerprint), nil
	}
	foreign, err := r.Found.FromRepository(ctx)
	if err != nil {
		return Key{}, nil, err
	}
	if !foreign {
		return key, nil, nil
	}
	place, err := placeOf(r.Found.Path)
	if err != nil {
		return Key{}, nil, err
	}
	if place.Knows(place.folder, fingerprint) {
		return key, nil, nil
	}
	untrusted := &UntrustedError{
		Origin: r.Found.Origin, Fingerprint: fingerprint,
		WorkTree: place.WorkTree, Remembered: place.Fingerprints(place.folder),
	}
	if untrusted.Remembered != nil {
		return Key{}, nil, untrusted
	}
	opened, closed, err := r.evidence(ctx)
	switch {
	case err != nil:
		return Key{}, nil, err
	case closed != "" || !opened:
		untrusted.Closed = closed
		return Key{}, nil, untrusted
	}
	return key, place.remember(fingerprint), nil
}

// Remember remembers the fingerprint of the key of that path, "" for a key that
// comes from no file, in the place of the one that was remembered. It is for
// those who made that key the one of the project.
func Remember(keyPath, fingerprint string) error {
	place, err := placeOf(keyPath)
	if err != nil {
		return err
	}
	return place.save(fingerprint)
}

// place is where a key stands in its work tree, and what is remembered of that.
type place struct {
	knownkeys.Record
	folder string
}

// placeOf is the top of the work tree for a key that comes from no file.
func placeOf(keyPath string) (place, error) {
	dir := ""
	if keyPath != "" {
		dir = folder(keyPath)
	}
	tree, folder, err := knownkeys.Place(dir)
	if err != nil {
		return place{}, err
	}
	if keyPath == "" {
		folder = "."
	}
	record, err := knownkeys.Load(tree)
	return place{record, folder}, err
}

func (p place) save(fingerprint string) error {
	if p.Keys[p.folder] == fingerprint {
		return nil
	}
	p.Remember(p.folder, fingerprint)
	return p.Save()
}

// remember saves the fingerprint. A user whose configuration cannot be written is
// told and not stopped.
func (p place) remember(fingerprint string) (notices []string) {
	if err := p.save(fingerprint); err != nil {
		return []string{fmt.Sprintf("the fingerprint of the key could not be remembered: %v", err)}
	}
	return nil
}

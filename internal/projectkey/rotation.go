package projectkey

import (
	"context"
	"fmt"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/rotate/journal"
)

// Rotation is a change of the key that is not finished: some files may have the
// old key, others the new one already.
type Rotation struct {
	Old, New crypto.Key
}

// rotating looks for an unfinished change of the key that was found, and for the
// other key of it. The notice, "" for none, is for people.
func (l Lookup) rotating(ctx context.Context, f *Found) (notice string) {
	place, err := journal.PlaceOf(l.Dir, f.Path)
	if err != nil {
		return "" // there is no repository to read
	}
	j, err := journal.Load(place)
	switch {
	case err != nil:
		return err.Error()
	case j == nil:
		return ""
	}
	fingerprint, missing := f.Key.Fingerprint(), j.New
	switch fingerprint {
	case j.Old.Fingerprint:
	case j.New.Fingerprint:
		missing = j.Old
	default:
		return "" // this is another key, for other files
	}
	for _, path := range j.KeyPaths() {
		other, err := l.readKeyFile(ctx, path)
		if err != nil || other.Key.Fingerprint() != missing.Fingerprint {
			continue
		}
		f.Rotation = &Rotation{Old: f.Key, New: other.Key}
		if fingerprint == j.New.Fingerprint {
			f.Rotation = &Rotation{Old: other.Key, New: f.Key}
		}
		return `a change of the project key is not finished, so both keys are tried; "jet rotate --resume" finishes it`
	}
	return fmt.Sprintf(`a change of the project key is not finished, and the other key, %s, is not found at %q; "jet rotate --resume" finishes it`,
		missing.Fingerprint, j.Path(missing.Path))
}

// For gives the key that a file was encrypted with, by its first 512 bytes, if a
// change of the key is not finished; else, or if neither fits, the key that was
// found.
func (f Found) For(head []byte) crypto.Key {
	if f.Rotation == nil {
		return f.Key
	}
	// The old one first: the format without a check, with which nothing is written
	// any more, is its alone.
	for _, key := range []crypto.Key{f.Rotation.Old, f.Rotation.New} {
		if _, err := crypto.Probe(head, key); err == nil {
			return key
		}
	}
	return f.Key
}

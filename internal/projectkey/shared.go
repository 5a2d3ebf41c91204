package projectkey

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/dockercfg/jet/internal/sharedkey"
)

// How files of age begin (age-encryption.org/v1).
const (
	ageHead      = "age-encryption.org/"
	ageArmorHead = "-----BEGIN AGE ENCRYPTED FILE-----"
)

// isAgeFile reports whether a text is a file of age. White space may stand before
// the armor.
func isAgeFile(text []byte) bool {
	text = bytes.TrimLeft(bytes.TrimPrefix(text, []byte("\ufeff")), " \t\r\n")
	return bytes.HasPrefix(text, []byte(ageHead)) || bytes.HasPrefix(text, []byte(ageArmorHead))
}

// openShared opens a key file of age with the private keys of the user.
func (l Lookup) openShared(ctx context.Context, path string, file []byte) (Found, error) {
	lookupEnv := l.LookupEnv
	if lookupEnv == nil {
		lookupEnv = os.LookupEnv
	}
	identities, err := sharedkey.LookUpIdentities(lookupEnv)
	if err != nil {
		return Found{}, err
	}
	ask := l.Ask
	if ask != nil {
		ask = func(ctx context.Context, question sharedkey.Question) (string, error) {
			if question.Path == "" {
				question.Path = path
			}
			return l.Ask(ctx, question)
		}
	}
	opened, err := sharedkey.Open(ctx, bytes.TrimPrefix(file, []byte("\ufeff")), identities, ask)
	if err != nil {
		return Found{}, err
	}
	found, err := parse(path, opened.Plaintext)
	if err != nil {
		return Found{}, fmt.Errorf("it opens, and holds no key: %w", errors.Unwrap(err))
	}
	found.Path, found.Shared, found.OpenedBy = path, true, opened.By
	return found, nil
}

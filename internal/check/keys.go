package check

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"github.com/dockercfg/jet/crypto"
)

// keyChars is the length of a project key in base64 without its one "=".
const keyChars = (crypto.KeySize*8 + 5) / 6

// maxKeyFile is the size of the largest file that is taken for a key file, in
// bytes: 44 characters, with room for what editors put around them.
const maxKeyFile = 100

// parseKey reads a file that holds a key and at most blanks beside it.
func parseKey(data []byte) (crypto.Key, bool) {
	if len(data) > maxKeyFile {
		return crypto.Key{}, false
	}
	key, err := crypto.ParseKey(bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff"))))
	return key, err == nil
}

// A likeness is a piece of a text that has the form of a project key.
type likeness struct {
	line int // from 1
	key  crypto.Key
}

// keysIn gives the pieces of a text that have the form of a project key: 43
// characters of base64 and a "=", standing alone. The digests of 256 bits that lock
// files are full of have it too, but say what they are in front.
func keysIn(data []byte) (found []likeness) {
	for at := 0; ; {
		end := bytes.IndexByte(data[at:], '=')
		if end < 0 {
			return found
		}
		end += at
		at = end + 1
		start := end - keyChars
		if start < 0 || at < len(data) && (isBase64Byte(data[at]) || data[at] == '=') ||
			start > 0 && isBase64Byte(data[start-1]) || !isBase64(data[start:end]) ||
			bytes.HasSuffix(data[:start], []byte("h1:")) || bytes.HasSuffix(data[:start], []byte("sha256-")) {
			continue
		}
		if key, err := crypto.ParseKey(data[start:at]); err == nil {
			found = append(found, likeness{1 + bytes.Count(data[:start], []byte("\n")), key})
		}
	}
}

func isBase64(text []byte) bool {
	for i := len(text) - 1; i >= 0; i-- {
		if !isBase64Byte(text[i]) {
			return false
		}
	}
	return true
}

func isBase64Byte(b byte) bool { return class(b) != 'o' || b == '+' || b == '/' }

// ErrNoKey says that there is no project key at hand.
var ErrNoKey = errors.New("there is no project key at hand")

// A keyring holds the project key, which is looked up when a rule first asks for it.
type keyring struct {
	lookUp func(context.Context) (crypto.Key, error)

	once sync.Once
	key  crypto.Key
	have bool
	err  error // why there is none, ErrNoKey included
}

// get gives the project key, if there is one. An error is one of the look-up: a key
// is there and cannot be had.
func (k *keyring) get(ctx context.Context) (key crypto.Key, have bool, err error) {
	k.once.Do(func() {
		if k.err = ErrNoKey; k.lookUp != nil {
			k.key, k.err = k.lookUp(ctx)
		}
		k.have = k.err == nil
	})
	if errors.Is(k.err, ErrNoKey) {
		return crypto.Key{}, false, nil
	}
	return k.key, k.have, k.err
}

// missed reports whether a rule asked for the key and there was none.
func (k *keyring) missed() bool { return errors.Is(k.err, ErrNoKey) }

// whose says which key one is.
func (k *keyring) whose(ctx context.Context, key crypto.Key) (string, error) {
	own, have, err := k.get(ctx)
	switch {
	case err != nil:
		return "", err
	case have && own.Equal(key):
		return "the project key", nil
	case have:
		return "a project key, not the one in use", nil
	}
	return "a project key", nil
}

package crypto

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// KeySize is the length of a project key in bytes: the key of AES-256.
const KeySize = 32

// maxKeyText bounds what ParseKey looks at, in bytes. A key file holds 44 characters.
const maxKeyText = 4096

// ErrKey is wrapped by every error of ParseKey: the text is not a project key.
var ErrKey = errors.New("an incorrect or incomplete AES key")

// Key is a project key: 32 secret bytes, shared by everybody who may read the
// project's encrypted files. The zero Key is not a key and is refused by
// Encrypt and Decrypt.
//
// A Key prints as "[redacted]" under every verb of fmt, in JSON and in slog;
// Encode alone gives the secret away. It is not wiped from memory.
type Key struct {
	// A function, because fmt asks no method of a Key in an unexported field of
	// another type, and looks through arrays and pointers, but not into closures.
	reveal func() []byte
}

func newKey(secret []byte) Key {
	return Key{func() []byte { return secret }}
}

// isSet is false for the zero Key.
func (k Key) isSet() bool { return k.reveal != nil }

// ParseKey reads the text of a key file: standard base64, with padding, of
// exactly 32 bytes. One line end (LF or CRLF) after it and a UTF-8 byte-order
// mark before it are accepted, since editors add them.
//
// Every error wraps ErrKey and says what was found; none quotes the text.
func ParseKey(text []byte) (Key, error) {
	text = bytes.TrimPrefix(text, []byte(byteOrderMark))
	text = bytes.TrimSuffix(text, []byte("\n"))
	text = bytes.TrimSuffix(text, []byte("\r"))
	switch {
	case len(text) == 0:
		return Key{}, fmt.Errorf("%w: it is empty", ErrKey)
	case len(text) > maxKeyText:
		return Key{}, fmt.Errorf("%w: it is over %d bytes long, want %d characters of base64", ErrKey, maxKeyText, keyTextSize)
	case bytes.ContainsAny(text, "\r\n"):
		return Key{}, fmt.Errorf("%w: it has more than one line, want one line of %d characters", ErrKey, keyTextSize)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(string(text))
	if err != nil {
		return Key{}, fmt.Errorf("%w: it is %d characters and not base64, want %d characters of base64", ErrKey, len(text), keyTextSize)
	}
	if len(raw) != KeySize {
		return Key{}, fmt.Errorf("%w: it decodes to %d bytes, want %d", ErrKey, len(raw), KeySize)
	}
	return newKey(raw), nil
}

// keyTextSize is the length of an encoded key in characters.
const keyTextSize = (KeySize + 2) / 3 * 4

// GenerateKey makes a new random key.
func GenerateKey() Key {
	secret := make([]byte, KeySize)
	rand.Read(secret) // never fails: it ends the program instead
	return newKey(secret)
}

// Equal says whether two keys are the same, in constant time.
func (k Key) Equal(other Key) bool {
	if !k.isSet() || !other.isSet() {
		return k.isSet() == other.isSet()
	}
	return subtle.ConstantTimeCompare(k.reveal(), other.reveal()) == 1
}

// Encode gives the text of a key file: base64 and a final newline. It is the secret itself.
func (k Key) Encode() []byte {
	return append(base64.StdEncoding.AppendEncode(nil, k.reveal()), '\n')
}

const fingerprintPrefix = "SHA256:"

// Fingerprint names a key without revealing it: "SHA256:" and the unpadded
// base64 of SHA-256 over a fixed label and the key, 50 characters in all. Two
// people compare fingerprints to know that they hold the same key.
func (k Key) Fingerprint() string {
	h := sha256.New()
	io.WriteString(h, "github.com/dockercfg/jet project key fingerprint\x00")
	h.Write(k.reveal())
	return fingerprintPrefix + base64.RawStdEncoding.EncodeToString(h.Sum(nil))
}

// IsFingerprint reports whether text has the form that Fingerprint gives.
func IsFingerprint(text string) bool {
	encoded, found := strings.CutPrefix(text, fingerprintPrefix)
	sum, err := base64.RawStdEncoding.Strict().DecodeString(encoded)
	return found && err == nil && len(sum) == sha256.Size && !strings.ContainsAny(text, "\r\n")
}

// Derive gives 32 secret bytes for another use of the key than the formats. The
// purpose tells uses apart; what is derived for one tells nothing about the key
// or about any other (HKDF-Expand with SHA-512, RFC 5869). The zero Key derives
// nothing and gives an error.
func (k Key) Derive(purpose string) ([]byte, error) {
	if !k.isSet() {
		return nil, errNoKey
	}
	return hkdf.Expand(sha512.New, k.reveal(), "github.com/dockercfg/jet "+purpose, KeySize)
}

const redacted = "[redacted]"

// String hides the key.
func (Key) String() string { return redacted }

// Format hides the key under every verb.
func (Key) Format(s fmt.State, _ rune) { io.WriteString(s, redacted) }

// MarshalText hides the key in JSON and other encodings.
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue hides the key in logs.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

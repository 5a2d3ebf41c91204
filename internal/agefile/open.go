package agefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/dockercfg/jet/internal/sharedkey"
)

// maxPlaintext bounds what is in a file, in bytes. A key has 45.
const maxPlaintext = 8 << 10

// maxWorkFactor bounds the work for a passphrase, as an exponent of 2. age writes
// 18; a hostile file may ask for more, and 20 takes 1 GiB and some seconds.
const maxWorkFactor = 20

// open decrypts a file, and says what opened it.
func (s *server) open(file []byte, identities sharedkey.Identities) (plaintext []byte, opener string, err error) {
	stanzas, err := stanzasOf(file)
	if err != nil {
		return nil, "", err
	}
	if len(stanzas) == 1 && stanzas[0].Type == "scrypt" {
		plaintext, err := s.openProtected(file)
		return plaintext, "", err
	}
	keys, err := s.load(identities, stanzas)
	if err != nil {
		return nil, "", err
	}
	for _, key := range keys.usable {
		plaintext, err := decrypt(file, key.identity)
		if !errors.Is(err, age.ErrIncorrectIdentity) {
			return plaintext, key.path, err
		}
	}
	return nil, "", keys.stranger(stanzas)
}

// openProtected decrypts a file with a passphrase.
func (s *server) openProtected(file []byte) ([]byte, error) {
	passphrase, err := s.ask("")
	if err != nil {
		return nil, err
	}
	identity, err := scryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	plaintext, err := decrypt(file, identity)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		err = wrongPassphrase("", "the passphrase is not the one it was encrypted with")
	}
	return plaintext, err
}

func scryptIdentity(passphrase string) (*age.ScryptIdentity, error) {
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err // it is empty
	}
	identity.SetMaxWorkFactor(maxWorkFactor)
	return identity, nil
}

func wrongPassphrase(path, text string) error {
	return &sharedkey.Error{Code: sharedkey.CodePassphrase, Path: path, Text: text}
}

func damaged(err error) error {
	return &sharedkey.Error{Code: sharedkey.CodeFile, Text: fmt.Sprintf("it is damaged, or no file of age: %v", err)}
}

// dearmored reads a file, which may have no armor.
func dearmored(file []byte) io.Reader {
	if bytes.HasPrefix(bytes.TrimSpace(file), []byte(armor.Header)) {
		return armor.NewReader(bytes.NewReader(file))
	}
	return bytes.NewReader(file)
}

// decrypt gives the plaintext of a file. The error wraps age.ErrIncorrectIdentity
// for the wrong identity, and may be one of the identity's own.
func decrypt(file []byte, identity age.Identity) ([]byte, error) {
	r, err := age.Decrypt(dearmored(file), identity)
	var own *sharedkey.Error
	switch {
	case errors.Is(err, age.ErrIncorrectIdentity), errors.As(err, &own):
		return nil, err
	case err != nil:
		return nil, damaged(err)
	}
	plaintext, err := io.ReadAll(io.LimitReader(r, maxPlaintext+1))
	if err == nil && len(plaintext) > maxPlaintext {
		err = fmt.Errorf("what is in it is over %d bytes long", maxPlaintext)
	}
	if err != nil {
		return nil, damaged(err)
	}
	return plaintext, nil
}

// lookOn is an identity that sees for whom a file is, and opens none.
type lookOn struct{ stanzas []*age.Stanza }

func (l *lookOn) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	l.stanzas = stanzas
	return nil, age.ErrIncorrectIdentity
}

// stanzasOf gives what a file holds for each of its recipients.
func stanzasOf(file []byte) ([]*age.Stanza, error) {
	var look lookOn
	if _, err := age.Decrypt(dearmored(file), &look); !errors.Is(err, age.ErrIncorrectIdentity) {
		return nil, damaged(err)
	}
	return look.stanzas, nil
}

// kinds counts the recipients of a file by their type: "2 X25519, 1 ssh-ed25519".
func kinds(stanzas []*age.Stanza) string {
	var names []string
	counts := make(map[string]int)
	for _, stanza := range stanzas {
		if strings.HasSuffix(stanza.Type, "-grease") {
			continue // there to be ignored (age-encryption.org/v1)
		}
		if counts[stanza.Type] == 0 {
			names = append(names, stanza.Type)
		}
		counts[stanza.Type]++
	}
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", counts[name], name)
	}
	return strings.Join(names, ", ")
}

package agefile

import (
	"bytes"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"

	"github.com/dockercfg/jet/internal/sharedkey"
)

// seal encrypts for public keys, as sharedkey.Recipient has them.
func seal(plaintext []byte, keys []string) ([]byte, error) {
	var recipients []age.Recipient
	for _, key := range keys {
		parsed, err := sharedkey.ParseRecipient(key)
		if err != nil {
			return nil, badRecipient(key, err)
		}
		recipient, err := recipientOf(parsed)
		if err != nil {
			return nil, badRecipient(key, err)
		}
		recipients = append(recipients, recipient)
	}
	return encrypt(plaintext, recipients...)
}

func badRecipient(key string, err error) error {
	shown := []rune(key)
	if len(shown) > 30 {
		shown = append(shown[:30], '…')
	}
	return &sharedkey.Error{Code: sharedkey.CodeRecipient, Text: string(shown) + " is no recipient: " + err.Error()}
}

func recipientOf(r sharedkey.Recipient) (age.Recipient, error) {
	switch r.Kind {
	case "age":
		return age.ParseX25519Recipient(r.Key)
	case "age post-quantum":
		return age.ParseHybridRecipient(r.Key)
	}
	return agessh.ParseRecipient(r.Key)
}

// protect encrypts with a passphrase.
func protect(plaintext []byte, passphrase string) ([]byte, error) {
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	return encrypt(plaintext, recipient)
}

func encrypt(plaintext []byte, recipients ...age.Recipient) ([]byte, error) {
	var file bytes.Buffer
	armored := armor.NewWriter(&file)
	w, err := age.Encrypt(armored, recipients...)
	if err != nil {
		return nil, &sharedkey.Error{Code: sharedkey.CodeRecipient, Text: err.Error()}
	}
	for _, step := range []func() error{
		func() error { _, err := w.Write(plaintext); return err },
		w.Close,
		armored.Close,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return file.Bytes(), nil
}

package dockercfg

import (
	"fmt"
	"io"
	"log/slog"
	"unique"
)

// Secret is a password or token. It prints as "[redacted]" under every verb of
// fmt, in JSON and other text encodings, and in slog, also as a field of other
// structs; Reveal alone gives the text. The zero Secret is empty.
//
// Two Secrets are equal (==) when their texts are. A Secret is a value and is
// not wiped from memory.
type Secret struct {
	// A handle keeps the text behind a pointer. fmt calls no methods on the
	// unexported fields of other structs, nor under %p; it prints an address then.
	text unique.Handle[string]
}

// NewSecret keeps text as it is, whatever it holds.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{unique.Make(text)}
}

// Reveal gives the text itself.
func (s Secret) Reveal() string {
	if s == (Secret{}) {
		return ""
	}
	return s.text.Value()
}

const redacted = "[redacted]"

// String hides the text.
func (Secret) String() string { return redacted }

// Format hides the text under every verb.
func (Secret) Format(s fmt.State, _ rune) { io.WriteString(s, redacted) }

// MarshalText hides the text in JSON and other encodings.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue hides the text in logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

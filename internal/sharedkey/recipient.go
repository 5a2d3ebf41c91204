package sharedkey

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what is read as recipients. A line of age's own may have 8 KiB.
const (
	maxRecipientBytes = 8 << 10
	maxNameRunes      = 100
)

// The kinds of recipients, as age names their keys.
const (
	kindX25519      = "age"
	kindPostQuantum = "age post-quantum"
	kindEd25519     = "ssh-ed25519"
	kindRSA         = "ssh-rsa"
)

// A Recipient is a public key that the project key is shared with.
type Recipient struct {
	Name string // for people; "" for none
	Key  string // one line, without comment: age1…, or the type and the base64 of an SSH key
	Kind string // "age", "age post-quantum", "ssh-ed25519" or "ssh-rsa"
}

// ErrPrivateKey is wrapped when what should be a public key is a private one.
var ErrPrivateKey = errors.New("this is a private key, and the public one is wanted")

// ErrUnsupportedKey is wrapped for public keys that age cannot encrypt to.
var ErrUnsupportedKey = errors.New("age cannot encrypt to this kind of key")

// A SyntaxError says in which line of a file there is no recipient.
type SyntaxError struct {
	Line int // from 1
	Err  error
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }
func (e *SyntaxError) Unwrap() error { return e.Err }

// Is reports whether two recipients are the same key.
func (r Recipient) Is(other Recipient) bool { return r.Key == other.Key }

// Fingerprint names the key: that of an SSH key as "ssh-keygen -l" shows it, an age
// key as it is, the longer kind shortened.
func (r Recipient) Fingerprint() string {
	_, encoded, isSSH := strings.Cut(r.Key, " ")
	if !isSSH {
		if len(r.Key) > 64 {
			return r.Key[:40] + "…" + r.Key[len(r.Key)-8:]
		}
		return r.Key
	}
	blob, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(blob)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// ParseRecipient reads a public key: that of age-keygen (age1…), or a line as
// OpenSSH has them in .pub and authorized_keys files (sshd(8)), whose comment
// becomes the name. Errors never quote it.
func ParseRecipient(line string) (Recipient, error) {
	line = strings.TrimSpace(line)
	switch {
	case line == "":
		return Recipient{}, errors.New("it is empty")
	case len(line) > maxRecipientBytes:
		return Recipient{}, fmt.Errorf("it is over %d bytes long", maxRecipientBytes)
	case strings.HasPrefix(line, "AGE-SECRET-KEY-"), strings.HasPrefix(line, "AGE-PLUGIN-"), strings.HasPrefix(line, "-----BEGIN "):
		return Recipient{}, ErrPrivateKey
	case strings.HasPrefix(line, "age1"):
		return parseAge(line)
	}
	return parseSSH(line)
}

// What age-keygen writes, in characters. The checksum in it is for age to check.
// An X25519 key has 62; the post-quantum kind, with the key of ML-KEM-768 in it, 1,959.
const (
	x25519Chars     = 62
	postQuantumHead = "age1pq1"
)

func parseAge(key string) (Recipient, error) {
	data := strings.TrimPrefix(key, "age1")
	r := Recipient{Key: key, Kind: kindX25519}
	if strings.HasPrefix(key, postQuantumHead) {
		r.Kind = kindPostQuantum
		data = strings.TrimPrefix(key, postQuantumHead)
	} else if i := strings.LastIndexByte(data, '1'); i >= 0 {
		return Recipient{}, fmt.Errorf("%w: it is one of the plugin %q, which jet does not run", ErrUnsupportedKey, "age-plugin-"+printable(data[:i]))
	} else if len(key) != x25519Chars {
		return Recipient{}, fmt.Errorf("an age key has %d characters, and this has %d", x25519Chars, len(key))
	}
	for _, c := range data {
		if !strings.ContainsRune("qpzry9x8gf2tvdw0s3jn54khce6mua7l", c) { // BIP 173
			return Recipient{}, errors.New("a character in it is none that an age key has")
		}
	}
	return r, nil
}

// parseSSH reads a line of an authorized_keys file: options, a type, a key, and
// a comment, with white space between them.
func parseSSH(line string) (Recipient, error) {
	words := fields(line)
	for i, word := range words[:min(len(words), 2)] { // options may stand before the type
		if !isSSHType(word) {
			continue
		}
		if len(words) == i+1 {
			return Recipient{}, fmt.Errorf("there is no key after %s", printable(word))
		}
		if word != kindEd25519 && word != kindRSA {
			return Recipient{}, fmt.Errorf("%w: %s", ErrUnsupportedKey, printable(word))
		}
		blob, err := base64.StdEncoding.Strict().DecodeString(words[i+1])
		if err != nil {
			return Recipient{}, fmt.Errorf("what stands after %s is not base64", word)
		}
		if err := checkSSH(word, blob); err != nil {
			return Recipient{}, err
		}
		return Recipient{
			Key:  word + " " + base64.StdEncoding.EncodeToString(blob),
			Kind: word,
			Name: CleanName(strings.Join(words[i+2:], " ")),
		}, nil
	}
	return Recipient{}, errors.New("it is neither an age key (age1…) nor an SSH key (ssh-ed25519 … or ssh-rsa …)")
}

// isSSHType reports whether a word is the name of a type of SSH keys.
func isSSHType(word string) bool {
	for _, prefix := range [...]string{"ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "rsa-sha2-", "webauthn-"} {
		if strings.HasPrefix(word, prefix) {
			return true
		}
	}
	return false
}

// fields splits a line at white space outside of double quotes, as options have them.
func fields(line string) []string {
	quoted := false
	return strings.FieldsFunc(line, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && (r == ' ' || r == '\t')
	})
}

// leastRSABits is what age demands of a modulus (filippo.io/age v1.3.2, agessh).
const leastRSABits = 2048

// checkSSH checks the inside of a key (RFC 4253, section 6.6; RFC 8709, section 4).
func checkSSH(kind string, blob []byte) error {
	parts, ok := sshStrings(blob)
	if !ok || len(parts) == 0 || string(parts[0]) != kind {
		return fmt.Errorf("the key after %s is damaged", kind)
	}
	switch {
	case kind == kindEd25519 && len(parts) == 2 && len(parts[1]) == 32:
		return nil
	case kind == kindRSA && len(parts) == 3:
		modulus := bytes.TrimLeft(parts[2], "\x00")
		if size := len(modulus) * 8; size == 0 || size-bits.LeadingZeros8(modulus[0]) < leastRSABits {
			return fmt.Errorf("%w: an RSA key of less than %d bits", ErrUnsupportedKey, leastRSABits)
		}
		return nil
	}
	return fmt.Errorf("the key after %s is damaged", kind)
}

// sshStrings takes a text apart into strings with their length before them
// (RFC 4251, section 5).
func sshStrings(blob []byte) (parts [][]byte, ok bool) {
	for len(blob) > 0 {
		if len(blob) < 4 {
			return nil, false
		}
		n := uint64(binary.BigEndian.Uint32(blob))
		if blob = blob[4:]; n > uint64(len(blob)) {
			return nil, false
		}
		parts = append(parts, blob[:n])
		blob = blob[n:]
	}
	return parts, true
}

// ParseRecipients reads a file with one public key a line: a .pub file, an
// authorized_keys or recipients file, or what a server for public keys answers.
// Empty lines count for nothing, and a comment (#) right above a key is its name.
// Keys that age cannot encrypt to are left out and counted, as long as there is
// another one. Other errors are a *SyntaxError.
func ParseRecipients(text []byte) (recipients []Recipient, unsupported int, err error) {
	if !utf8.Valid(text) {
		return nil, 0, errors.New("it is no text")
	}
	name, number := "", 0
	var skipped error
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
		number++
		line = strings.TrimSpace(line)
		if comment, is := strings.CutPrefix(line, "#"); is || line == "" {
			name = CleanName(comment)
			continue
		}
		r, err := ParseRecipient(line)
		switch {
		case errors.Is(err, ErrUnsupportedKey):
			unsupported++
			skipped = &SyntaxError{number, err}
		case err != nil:
			return nil, 0, &SyntaxError{number, err}
		default:
			if name != "" {
				r.Name = name
			}
			recipients = append(recipients, r)
		}
		name = ""
	}
	switch {
	case recipients != nil:
		return recipients, unsupported, nil
	case skipped != nil:
		return nil, 0, skipped
	}
	return nil, 0, errors.New("there is no public key in it")
}

// CleanName makes a name of a text: one line that can be printed, cut at 100
// characters, and not to be taken for the seal of a List.
func CleanName(text string) string {
	name := strings.TrimSpace(printable(text))
	for strings.HasPrefix(name, sealWord) {
		name = strings.TrimSpace(strings.TrimPrefix(name, sealWord))
	}
	if runes := []rune(name); len(runes) > maxNameRunes {
		name = strings.TrimSpace(string(runes[:maxNameRunes]))
	}
	return name
}

// printable takes out what no terminal should get.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}

package sharedkey

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dockercfg/jet/crypto"
)

// ListName is the name of the file beside codeship.aes.age that lists its recipients.
const ListName = "codeship.aes.recipients"

// A List is who the project key is shared with.
//
// As a file it is a recipients file of age (age(1), "-R"), with a comment above
// each key that is its name. Its last line is a comment too, the seal: a MAC of
// the others under the project key. Without it somebody who can write to the
// repository but not read its secrets would add a line of their own, and get the
// key when it is shared next, or the next key when it is rotated.
type List struct {
	Recipients []Recipient
	seal       []byte // nil for none
}

// ErrAltered: the list is not as jet wrote it, or is sealed with another key.
var ErrAltered = errors.New("the list is not as jet wrote it with this key: somebody may have added themselves")

const (
	listHead   = "# Who can open codeship.aes.age. \"jet key share\" and \"jet key unshare\" write this list.\n"
	sealWord   = "seal:"
	sealPrefix = "# " + sealWord + " "
)

// sealPurpose is what the key of the seal is derived for.
const sealPurpose = "recipients of the shared key"

// ParseList reads a list. Whether its seal is right is told by Check.
func ParseList(text []byte) (List, error) {
	var l List
	lines := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool {
		encoded, is := strings.CutPrefix(line, sealPrefix)
		if is {
			l.seal, _ = base64.StdEncoding.Strict().DecodeString(encoded) // a damaged one is a wrong one
		}
		return is
	})
	recipients, unsupported, err := ParseRecipients([]byte(strings.Join(lines, "\n")))
	if err != nil {
		return List{}, err
	}
	if unsupported > 0 {
		return List{}, fmt.Errorf("%w: %d keys in it", ErrUnsupportedKey, unsupported)
	}
	l.Recipients = recipients
	return l, nil
}

// Check reports whether the list is as it was written with that key: ErrAltered if
// it is not.
func (l List) Check(key crypto.Key) error {
	want, err := l.mac(key)
	if err != nil {
		return err
	}
	if !hmac.Equal(l.seal, want) {
		return ErrAltered
	}
	return nil
}

func (l List) mac(key crypto.Key) ([]byte, error) {
	secret, err := key.Derive(sealPurpose)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, secret)
	for _, r := range l.Recipients { // neither can hold a line end
		io.WriteString(mac, r.Name+"\n"+r.Key+"\n")
	}
	return mac.Sum(nil), nil
}

// Encode gives the file of the list, sealed with the project key.
func (l List) Encode(key crypto.Key) ([]byte, error) {
	seal, err := l.mac(key)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(listHead)
	for _, r := range l.Recipients {
		b.WriteString("\n")
		if r.Name != "" {
			b.WriteString("# " + r.Name + "\n")
		}
		b.WriteString(r.Key + "\n")
	}
	b.WriteString("\n" + sealPrefix + base64.StdEncoding.EncodeToString(seal) + "\n")
	return []byte(b.String()), nil
}

// Add adds recipients, and reports those that are new. One that is there already
// takes a new name, if it is given one.
func (l *List) Add(recipients ...Recipient) (added []Recipient) {
	for _, r := range recipients {
		i := slices.IndexFunc(l.Recipients, r.Is)
		if i < 0 {
			l.Recipients = append(l.Recipients, r)
			added = append(added, r)
		} else if r.Name != "" {
			l.Recipients[i].Name = r.Name
		}
	}
	return added
}

// Find gives the recipients that a text means: a name, a public key, or a
// fingerprint. A name may be that of several keys.
func (l List) Find(text string) (found []Recipient) {
	key, err := ParseRecipient(text)
	for _, r := range l.Recipients {
		if r.Name != "" && r.Name == text || r.Fingerprint() == text || err == nil && r.Is(key) {
			found = append(found, r)
		}
	}
	return found
}

// Remove takes recipients out.
func (l *List) Remove(recipients ...Recipient) {
	l.Recipients = slices.DeleteFunc(l.Recipients, func(r Recipient) bool {
		return slices.ContainsFunc(recipients, r.Is)
	})
}

// Mixed reports whether the list has post-quantum keys beside others, which age
// refuses: the file would be as weak as the weakest.
func (l List) Mixed() bool {
	strong := 0
	for _, r := range l.Recipients {
		if r.Kind == kindPostQuantum {
			strong++
		}
	}
	return strong > 0 && strong < len(l.Recipients)
}

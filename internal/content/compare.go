package content

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/dockercfg"
)

// ChangeKind is what happened to an item.
type ChangeKind int

const (
	Added ChangeKind = iota
	Removed
	Changed
)

// String gives the word for it.
func (k ChangeKind) String() string { return [...]string{"added", "removed", "changed"}[k] }

// Change is an item that two texts do not have alike.
type Change struct {
	Kind     ChangeKind
	Item     Item             // of the new text; of the old one if it was removed
	Old, New dockercfg.Secret // the values; zero where there is none
}

// Compare tells which items were added or changed, in the order of the new text,
// and then which were removed, in that of the old one. Order and layout do not
// count, so there may be no change between texts that differ.
func Compare(old, new *Content) []Change {
	type identity struct {
		id    dockercfg.Secret
		field string
	}
	before, after := make(map[identity]Item), make(map[identity]bool)
	for _, item := range old.Items {
		before[identity{item.ID, item.Field}] = item
	}
	var changes []Change
	for _, item := range new.Items {
		id := identity{item.ID, item.Field}
		after[id] = true
		switch was, ok := before[id]; {
		case !ok:
			changes = append(changes, Change{Kind: Added, Item: item, New: item.Value})
		case was.Value != item.Value:
			changes = append(changes, Change{Kind: Changed, Item: item, Old: was.Value, New: item.Value})
		}
	}
	for _, item := range old.Items {
		if !after[identity{item.ID, item.Field}] {
			changes = append(changes, Change{Kind: Removed, Item: item, Old: item.Value})
		}
	}
	return changes
}

// digestBytes is the length of a digest: 48 bits, so that two values of one name
// look alike by chance once in 2^48.
const digestBytes = 6

// A Masker shows whether values are equal, and nothing else about them, to people
// who do not have the project key: without it a guess cannot be tried.
type Masker struct {
	secret func() []byte // a function, since fmt does not look into closures
}

// NewMasker makes the masker of a project key.
func NewMasker(key crypto.Key) (Masker, error) {
	secret, err := key.Derive("masked values")
	return Masker{func() []byte { return secret }}, err
}

// Mask gives 12 hexadecimal digits that are the same for the same value under the
// same name, in any file and at any time, and unlike for others: the beginning of
// HMAC-SHA-256 over both. That one password is used under two names does not show.
func (m Masker) Mask(name, value string) string {
	mac := hmac.New(sha256.New, m.secret())
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(name)))
	mac.Write(length[:])
	io.WriteString(mac, name)
	io.WriteString(mac, value)
	return hex.EncodeToString(mac.Sum(nil)[:digestBytes])
}

// Item masks the value of an item.
func (m Masker) Item(i Item) string {
	return m.Mask(i.ID.Reveal()+"\x00"+i.Field, i.Value.Reveal())
}

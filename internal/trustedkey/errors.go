package trustedkey

import (
	"errors"
	"fmt"
	"strings"
)

// ErrRotating refuses to encrypt while a change of the key is not finished: it is
// not certain which of the two keys the file is to have.
var ErrRotating = errors.New("nothing is encrypted while a change of the project key is not finished")

// UntrustedError refuses to encrypt with a key that may have come with the
// repository and is not known to be the project's.
type UntrustedError struct {
	Origin      string // of the key: its path
	Fingerprint string
	WorkTree    string
	Remembered  []string // the fingerprints of the keys that are known there
	Closed      string   // a file that the key does not open; "" if there is nothing that it could open
}

func (e *UntrustedError) Error() string {
	text := fmt.Sprintf("the key %q comes with the repository and is not known here, so nothing is encrypted with it: its fingerprint is %s, ",
		e.Origin, e.Fingerprint)
	switch {
	case len(e.Remembered) > 0:
		return text + fmt.Sprintf("and the one that is remembered for %q is %s", e.WorkTree, strings.Join(e.Remembered, " or "))
	case e.Closed != "":
		return text + fmt.Sprintf("none is remembered for %q, and it does not open %q", e.WorkTree, e.Closed)
	}
	return text + fmt.Sprintf("none is remembered for %q, and there is no encrypted file that it opens", e.WorkTree)
}

// MismatchError refuses another key than the one that the user trusts.
type MismatchError struct {
	Origin      string
	Fingerprint string
	Trusted     string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("the key %s is %s, and not %s, which is to be trusted", e.Origin, e.Fingerprint, e.Trusted)
}

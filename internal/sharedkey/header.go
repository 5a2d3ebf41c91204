package sharedkey

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// HasPassphrase reports whether a file of age is for a passphrase, and so for no
// other recipient: its header has a stanza of the type scrypt
// (age-encryption.org/v1). Of a damaged file that is not known, and false.
func HasPassphrase(file []byte) bool {
	text := string(bytes.TrimSpace(file))
	if body, armored := strings.CutPrefix(text, "-----BEGIN AGE ENCRYPTED FILE-----"); armored {
		body, _, _ = strings.Cut(body, "-----")
		decoded := make([]byte, base64.StdEncoding.DecodedLen(len(body)))
		n, _ := base64.StdEncoding.Decode(decoded, []byte(body)) // up to where it is damaged
		text = string(decoded[:n])
	}
	version, header, _ := strings.Cut(text, "\n")
	return strings.HasPrefix(version, "age-encryption.org/") && strings.HasPrefix(header, "-> scrypt ")
}

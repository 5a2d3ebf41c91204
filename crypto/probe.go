package crypto

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dockercfg/jet/crypto/internal/legacy"
	"github.com/dockercfg/jet/crypto/internal/sealed"
)

// Probe tells from the beginning of a file whether it was encrypted with the key;
// more than 512 bytes are not looked at. It is quick, for choosing among keys or
// sorting many files, and no check: only Decrypt tells whether a file is whole.
//
// The error is nil or one of Decrypt's. Unsigned has nothing to tell a wrong key
// by: it is ErrWrongKey if what the key makes of the beginning is no text, which
// is UTF-8 without control characters other than tab and line ends. Garbage of a
// few bytes passes for text by chance, one of 12 bytes in some 10,000.
func Probe(head []byte, key Key) (Format, error) {
	if !key.isSet() {
		return 0, errNoKey
	}
	head = head[:min(len(head), headBytes)]
	format, start, err := detect(head)
	if err != nil {
		return format, err
	}
	text := strings.NewReplacer("\r", "", "\n", "").Replace(string(head[start:]))
	text = text[:len(text)/4*4]
	if format != Unsigned {
		text = text[:min(len(text), probeChars)]
	}
	body, err := base64.StdEncoding.DecodeString(text)
	switch {
	case err != nil && format == Unsigned:
		return format, fmt.Errorf("%w: its beginning is not base64", ErrNotEncrypted)
	case err != nil:
		return format, fmt.Errorf("%w: its beginning is not base64", ErrDamaged)
	case format == JetV1 && !sealed.Fits(body, key.reveal(), JetV1.String()):
		return format, explain(sealed.ErrCommitment, format)
	case format == JetV1:
		return format, nil
	case len(body) < legacy.IVSize:
		return format, explain(errNoIV, format)
	}
	block, err := legacy.NewCipher(key.reveal())
	if err != nil {
		return format, err
	}
	plain := body[legacy.IVSize:]
	legacy.Decrypt(block, body[:legacy.IVSize], plain)
	switch {
	case format == Unsigned && !isText(plain):
		return format, fmt.Errorf("%w: it opens to no text", ErrWrongKey)
	case format == Unsigned:
		return format, nil
	case len(plain) < legacy.ChecksumSize:
		return format, explain(io.ErrUnexpectedEOF, format)
	}
	_, err = legacy.NewChecker(io.Discard, true).Write(plain)
	return format, explain(err, format)
}

// probeChars is how much base64 tells the key, where anything does: 60 bytes.
const probeChars = 80

// isText judges the beginning of a plaintext, whose last character may be cut.
func isText(plain []byte) bool {
	for len(plain) > 0 {
		r, size := utf8.DecodeRune(plain)
		switch {
		case r == utf8.RuneError && size == 1:
			return !utf8.FullRune(plain)
		case unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r':
			return false
		}
		plain = plain[size:]
	}
	return true
}

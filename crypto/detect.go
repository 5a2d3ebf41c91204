package crypto

import (
	"bytes"
	"fmt"
)

// headBytes is how much of a file is looked at to tell its format.
const headBytes = 512

const byteOrderMark = "\ufeff"

// maxHeaderChars bounds a header line, in characters.
const maxHeaderChars = 32

// Detect tells the format from the beginning of a file; more than 512 bytes are
// not looked at. The error wraps ErrNotEncrypted or ErrUnknownFormat. Unsigned
// means no more than that there is no header and the beginning is base64.
func Detect(head []byte) (Format, error) {
	format, _, err := detect(head[:min(len(head), headBytes)])
	return format, err
}

// foreign lists what people take for a file of ours, by how it begins.
var foreign = [...]struct{ begins, name string }{
	{"\xff\xfe", "UTF-16 text, as a redirection in PowerShell writes it"},
	{"\xfe\xff", "UTF-16 text"},
	{"age-encryption.org/", "a file of age"},
	{"-----BEGIN AGE ENCRYPTED FILE-----", "a file of age"},
	{"-----BEGIN PGP MESSAGE-----", "a file of GnuPG"},
	{"$ANSIBLE_VAULT;", "a file of ansible-vault"},
	{"\x00GITCRYPT\x00", "a file of git-crypt"},
	{"Salted__", "a file of openssl enc"},
	{"U2FsdGVkX1", "a file of openssl enc"},
	{"version https://git-lfs.github.com/", "a Git LFS pointer"},
	{"<<<<<<< ", "a file with merge conflicts"},
	{"<", "a web page or XML"},
	{"{", "a JSON document"},
}

// detect also says where the body begins.
func detect(head []byte) (format Format, start int, err error) {
	text := bytes.TrimPrefix(head, []byte(byteOrderMark))
	start = len(head) - len(text)
	line, rest := cutLine(text)
	for _, f := range [...]Format{JetV1, CodeshipV2, CloudBeesV1} {
		if string(line) == f.String() {
			return f, start + len(line), nil
		}
	}
	if looksLikeHeader(line) {
		return 0, 0, fmt.Errorf("%w: line 1 says %q (known: jet:v1, codeship:v2, cloudbees:v1)", ErrUnknownFormat, line)
	}
	for _, other := range foreign {
		if bytes.HasPrefix(text, []byte(other.begins)) {
			return 0, 0, fmt.Errorf("%w: it looks like %s", ErrNotEncrypted, other.name)
		}
	}
	if len(bytes.Trim(text, "\r\n")) == 0 {
		return 0, 0, fmt.Errorf("%w: it is empty", ErrNotEncrypted)
	}
	if len(line) == 0 { // line ends in front are no header and no base64
		line, rest = cutLine(rest)
	}
	if !isBase64(line) {
		return 0, 0, fmt.Errorf("%w: line 1 is neither a known header nor base64", ErrNotEncrypted)
	}
	// Wrapped base64 has lines of one length and a last one that may be shorter.
	if second, _ := cutLine(rest); len(second) > len(line) {
		return 0, 0, fmt.Errorf("%w: line 1 is no known header, and too short to be the beginning of base64", ErrUnknownFormat)
	}
	return Unsigned, start, nil
}

// cutLine gives the first line, without its end, and what follows after any line ends.
func cutLine(text []byte) (line, rest []byte) {
	end := bytes.IndexAny(text, "\r\n")
	if end < 0 {
		return text, nil
	}
	return text[:end], bytes.TrimLeft(text[end:], "\r\n")
}

// looksLikeHeader says whether the line has the shape NAME:vNUMBER.
func looksLikeHeader(line []byte) bool {
	name, version, found := bytes.Cut(line, []byte(":v"))
	if !found || len(line) > maxHeaderChars || len(name) == 0 || len(version) == 0 {
		return false
	}
	for _, b := range name {
		if (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') && (b < '0' || b > '9') && b != '-' && b != '.' {
			return false
		}
	}
	return len(bytes.Trim(version, "0123456789")) == 0
}

func isBase64(line []byte) bool {
	for _, b := range bytes.TrimRight(line, "=") {
		if (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') && (b < '0' || b > '9') && b != '+' && b != '/' {
			return false
		}
	}
	return true
}

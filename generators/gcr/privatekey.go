package gcr

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
)

// privateKeyField is where keys of service accounts have it.
const privateKeyField = "private_key"

var errPrivateKey = errors.New("has a damaged private_key, which is not the PEM of an RSA key")

// repairPrivateKey puts the private key of a service account right, if there is one.
func (r *repaired) repairPrivateKey() error {
	raw, ok := r.fields[privateKeyField]
	if !ok {
		return nil
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return errPrivateKey
	}
	if isWhole(text) {
		return nil
	}
	rebuilt, ok := rebuildPEM(text)
	if !ok {
		return errPrivateKey
	}
	// A string of ASCII without quotes always encodes.
	r.fields[privateKeyField], _ = json.Marshal(rebuilt)
	r.tell("holds a private_key that has lost its line ends, which are put back")
	return nil
}

// isWhole reports whether a PEM needs no repair.
func isWhole(text string) bool {
	block, rest := pem.Decode([]byte(text))
	return block != nil && strings.TrimSpace(string(rest)) == "" && strings.HasPrefix(text, "-----BEGIN") && isRSA(block.Bytes) == block.Type
}

// isRSA gives the label that the PEM of an RSA key has, "" if it is none: the key is
// as PKCS #8, which Google writes, or as PKCS #1.
func isRSA(der []byte) (label string) {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if _, ok := key.(*rsa.PrivateKey); ok {
			return "PRIVATE KEY"
		}
		return ""
	}
	if _, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return "RSA PRIVATE KEY"
	}
	return ""
}

// rebuildPEM makes the PEM again from its base64, whatever stands in place of the
// line ends: \n with one or more backslashes, blanks, nothing, or an n whose backslash
// was eaten. The label may have lost its blanks, and the dashes may be others.
func rebuildPEM(text string) (string, bool) {
	body := text
	if _, after, found := strings.Cut(body, "BEGIN"); found {
		label, rest, ok := cutLabel(after)
		end := strings.LastIndex(rest, "END")
		if !ok || end < 0 {
			return "", false
		}
		if endLabel, _, ok := cutLabel(rest[end+len("END"):]); !ok || endLabel != label {
			return "", false
		}
		body = rest[:end]
	}
	body = strings.Trim(withoutLineEnds(body), "-–—")
	for _, candidate := range []string{body, withoutLoneN(body)} {
		der, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(candidate, "="))
		if err != nil {
			continue
		}
		if label := isRSA(der); label != "" {
			return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})), true
		}
	}
	return "", false
}

// cutLabel cuts a text behind the label of a private key, which it begins with.
func cutLabel(text string) (label, rest string, ok bool) {
	for _, label := range []string{"RSA PRIVATE KEY", "PRIVATE KEY"} {
		rest := text
		for word := range strings.FieldsSeq(label) {
			rest, ok = strings.CutPrefix(strings.TrimLeft(rest, " \t\r\n"), word)
			if !ok {
				break
			}
		}
		if ok {
			return label, rest, true
		}
	}
	return "", text, false
}

// withoutLineEnds drops line ends and blanks, and those that are written with
// backslashes.
func withoutLineEnds(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case ' ', '\t', '\r', '\n':
		case '\\':
			for i+1 < len(text) && text[i+1] == '\\' {
				i++
			}
			if i+1 < len(text) && strings.IndexByte("nrt", text[i+1]) >= 0 {
				i++
			}
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// withoutLoneN drops the letters that are left of line ends: one before every 64
// characters, and one behind the last.
func withoutLoneN(text string) string {
	const line = 64
	var b strings.Builder
	for text != "" && text[0] == 'n' {
		text = text[1:]
		n := min(line, len(text))
		b.WriteString(text[:n])
		text = text[n:]
	}
	return strings.TrimSuffix(b.String()+text, "n")
}

package content

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"strings"
	"unicode"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/envfile"
)

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

// Lines writes what a plaintext holds with every value masked, so that two
// versions can be compared by lines. An env file and other text keep their lines:
// a variable its name, a comment or other text nothing. Of the rest there is a line
// for each item, and one for the whole. Only the data that c was parsed from fits.
func (m Masker) Lines(c *Content, data []byte) []byte {
	var b bytes.Buffer
	put := func(name, digest string) {
		if name != "" {
			b.WriteString(name + "=")
		}
		b.WriteString("masked:" + digest + "\n")
	}
	switch {
	case c.Kind == EnvFile && c.Problem == nil && c.Syntax == envfile.Docker:
		m.variables(data, put, &b)
	case c.Kind == Binary:
		put("", m.Mask("\x00whole", string(data)))
	case c.Kind == Text, c.Problem != nil:
		for line := range strings.Lines(string(data)) {
			m.line(line, put, &b)
		}
	default:
		for _, item := range c.Items {
			put(shown(item.String()), m.Item(item))
		}
		put("all of it", m.Mask("\x00whole", string(data)))
	}
	return b.Bytes()
}

// line masks a line of text; that it is blank is seen.
func (m Masker) line(line string, put func(name, digest string), b *bytes.Buffer) {
	if line = strings.TrimSuffix(line, "\n"); strings.TrimSpace(line) == "" {
		b.WriteByte('\n')
		return
	}
	put("", m.Mask("\x00line", line))
}

// variables masks the lines of an env file.
func (m Masker) variables(data []byte, put func(name, digest string), b *bytes.Buffer) {
	file, err := envfile.Parse(data, envfile.Docker)
	if err != nil {
		return // it was parsed before
	}
	byLine := make(map[int]envfile.Variable)
	for _, v := range file.Variables {
		byLine[v.Line] = v
	}
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		v, sets := byLine[number]
		switch trimmed := strings.TrimSpace(line); {
		case sets && v.Plain:
			put(shown(v.Name), m.Mask(v.Name+"\x00", v.Value))
		case strings.HasPrefix(trimmed, "#"):
			b.WriteString("# ")
			fallthrough
		default:
			m.line(line, put, b)
		}
	}
}

// shown keeps a name on one line, and from being a command for a terminal.
func shown(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, name)
}

package crypto_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dockercfg/jet/crypto"
)

// sample is a small encrypted file of another implementation.
type sample struct {
	format crypto.Format
	key    crypto.Key
	file   []byte
	plain  []byte
}

// bodyStart is where the base64 begins.
func (s sample) bodyStart() int {
	if s.format == crypto.Unsigned {
		return 0
	}
	return len(s.format.String()) + 1
}

// chars gives the characters of the body that stand before position i of the file.
func (s sample) chars(i int) int {
	body := s.file[s.bodyStart():i]
	return len(body) - bytes.Count(body, []byte("\n"))
}

// samples gives for each format an empty file, one of a byte, and one of some
// lines; the last one alone with -short.
func samples(t *testing.T) []sample {
	t.Helper()
	var all []sample
	for _, file := range vectorFiles {
		for _, v := range loadVectors(t, file.name, file.valid, file.invalid) {
			if v.Error != nil || v.Name != "text" && v.Name != "0 bytes" && v.Name != "1 bytes" {
				continue
			}
			if testing.Short() && v.Name != "text" {
				continue
			}
			s := sample{format: file.format, key: parseKey(t, v.Key), file: []byte(v.File)}
			var plain bytes.Buffer
			if _, err := crypto.Decrypt(&plain, bytes.NewReader(s.file), s.key); err != nil {
				t.Fatal(err)
			}
			s.plain = plain.Bytes()
			all = append(all, s)
		}
	}
	want := 4 * 3
	if testing.Short() {
		want = 4
	}
	if len(all) != want {
		t.Fatalf("%d samples, want %d", len(all), want)
	}
	return all
}

// sentinels are the errors that a damaged file may give; Decrypt wraps exactly one.
var sentinels = []error{
	crypto.ErrWrongKey, crypto.ErrDamaged, crypto.ErrNotEncrypted, crypto.ErrUnknownFormat,
	crypto.ErrHeaderLost, crypto.ErrVariant, crypto.ErrWeakFormat, crypto.ErrInputChanged,
}

// A verdict is what may come of a file: the right plaintext, any plaintext (where
// there is no check and nobody can know), or an error, or several of them.
type verdict struct {
	right, any bool
	errors     []error
}

var (
	right     = verdict{right: true}
	anything  = verdict{any: true}
	wrongKey  = verdict{errors: []error{crypto.ErrWrongKey}}
	damaged   = verdict{errors: []error{crypto.ErrDamaged}}
	notOurs   = verdict{errors: []error{crypto.ErrNotEncrypted, crypto.ErrUnknownFormat}}
	lost      = verdict{errors: []error{crypto.ErrHeaderLost}}
	variant   = verdict{errors: []error{crypto.ErrVariant}}
	unclear   = verdict{errors: []error{crypto.ErrNotEncrypted, crypto.ErrUnknownFormat, crypto.ErrDamaged}}
	unchecked = or(anything, unclear)
)

func or(verdicts ...verdict) (all verdict) {
	for _, v := range verdicts {
		all.right = all.right || v.right
		all.any = all.any || v.any
		all.errors = append(all.errors, v.errors...)
	}
	return all
}

// check decrypts file in each way and holds the outcome against the verdict.
func check(t *testing.T, what string, s sample, file []byte, want verdict) {
	t.Helper()
	spool := crypto.WithSpool(func() (crypto.Spool, error) { return os.CreateTemp(t.TempDir(), "") })
	for _, output := range outputs {
		for _, input := range []struct {
			name string
			src  io.Reader
		}{
			{"stream", struct{ io.Reader }{bytes.NewReader(file)}},
			{"seekable", bytes.NewReader(file)},
		} {
			if input.name == "seekable" && output.options != nil {
				continue // it is read once, as a stream is
			}
			complain := func(format string, args ...any) {
				t.Helper()
				t.Errorf("%s, %s, %s: %s\n%.300q", what, input.name, output.name, fmt.Sprintf(format, args...), file)
			}
			var plain bytes.Buffer
			_, err := crypto.Decrypt(&plain, input.src, s.key, append(output.options, spool)...)
			if err == nil {
				if !want.any && (!want.right || !bytes.Equal(plain.Bytes(), s.plain)) {
					complain("no error, and a plaintext of %d bytes", plain.Len())
				}
				continue
			}
			found := slices.DeleteFunc(slices.Clone(sentinels), func(e error) bool { return !errors.Is(err, e) })
			if len(found) != 1 || !slices.Contains(want.errors, found[0]) {
				complain("got error %v, want one of %v", err, want.errors)
			}
			if plain.Len() > 0 && output.options == nil {
				complain("%d bytes released beside the error %v", plain.Len(), err)
			}
			if s.format == crypto.JetV1 && !bytes.HasPrefix(s.plain, plain.Bytes()) {
				complain("unauthentic plaintext released beside the error %v", err)
			}
			if checked := errors.Is(err, crypto.ErrChecksum); checked && s.format != crypto.CodeshipV2 && s.format != crypto.CloudBeesV1 {
				complain("speaks of a checksum: %v", err)
			} else if !checked && errors.Is(err, crypto.ErrWrongKey) && s.format == crypto.CodeshipV2 {
				complain("does not speak of the checksum: %v", err)
			}
		}
	}
}

// bodyDamage is what a change to the decoded body from the given byte on may
// give: from is the first byte that may differ, to the one after the last, or -1
// for everything after it.
func bodyDamage(format crypto.Format, from, to int) verdict {
	const checksumEnd, checksumHalf, headEnd = 16 + 32, 16 + 16, 24 + 32
	open := to < 0
	switch format {
	case crypto.Unsigned:
		return anything
	case crypto.CloudBeesV1:
		return variant // the layout is a guess, so that damage cannot be told from a wrong one
	case crypto.CodeshipV2:
		switch {
		case from >= checksumEnd:
			return damaged
		case !open && to <= checksumHalf:
			// The IV, or a block of ciphertext: it scrambles a block of the checksum.
			return wrongKey
		}
		return or(wrongKey, damaged)
	default:
		switch {
		case from >= headEnd:
			return damaged
		case !open && to <= headEnd:
			return wrongKey
		}
		return or(wrongKey, damaged)
	}
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// broken is what a body may give that is not strict base64. Without a header nobody
// knows whether it was a file of ours at all.
func broken(format crypto.Format) verdict {
	if format == crypto.Unsigned {
		return unclear
	}
	return damaged
}

// flipVerdict says what file s may give when position i holds b instead.
func flipVerdict(s sample, i int, b byte) verdict {
	if i < s.bodyStart() {
		return notOurs
	}
	char, broken := s.chars(i), broken(s.format)
	from, to := char/4*3+char%4*6/8, char/4*3+(char%4*6+5)/8+1
	old := s.file[i]
	if old == '\n' {
		if strings.IndexByte(alphabet+"=", b) < 0 {
			return broken
		}
		return or(bodyDamage(s.format, from, -1), broken) // one character more
	}
	switch {
	case b == '\n' || b == '\r':
		// One character less, which is known at the end, or before where what follows does not fit.
		if s.format == crypto.Unsigned {
			return broken
		}
		return or(bodyDamage(s.format, from, -1), broken)
	case strings.IndexByte(alphabet, b) < 0:
		return broken
	case old == '=':
		return or(bodyDamage(s.format, from, -1), broken) // one byte more, or padding in front of a character
	}
	if next := s.file[min(i+1, len(s.file)-1)]; next == '=' {
		return or(bodyDamage(s.format, from, to), broken) // trailing bits
	}
	return bodyDamage(s.format, from, to)
}

func TestEveryBit(t *testing.T) {
	for _, s := range samples(t) {
		t.Run(fmt.Sprintf("%v of %d", s.format, len(s.plain)), func(t *testing.T) {
			check(t, "unchanged", s, s.file, right)
			for i := range s.file {
				for bit := range 8 {
					file := bytes.Clone(s.file)
					file[i] ^= 1 << bit
					check(t, fmt.Sprintf("bit %d of byte %d", bit, i), s, file, flipVerdict(s, i, file[i]))
				}
			}
		})
	}
}

func TestEveryTruncation(t *testing.T) {
	for _, s := range samples(t) {
		t.Run(fmt.Sprintf("%v of %d", s.format, len(s.plain)), func(t *testing.T) {
			for n := range len(s.file) {
				check(t, fmt.Sprintf("first %d bytes", n), s, s.file[:n], endVerdict(s, n))
			}
			for n := 1; n <= len(s.file); n++ {
				check(t, fmt.Sprintf("without the first %d bytes", n), s, s.file[n:], frontVerdict(s, n))
			}
		})
	}
}

// endVerdict says what the first n bytes of the file may give.
func endVerdict(s sample, n int) verdict {
	if n == 0 {
		return verdict{errors: []error{crypto.ErrNotEncrypted}}
	}
	if n < s.bodyStart()-1 {
		return unclear // "codeship" may be the beginning of base64 too
	}
	if n < s.bodyStart() {
		return damaged
	}
	missing := bytes.TrimSpace(s.file[n:])
	switch {
	case len(missing) == 0:
		return right
	case s.format == crypto.Unsigned:
		if chars := s.chars(n); chars%4 != 0 || chars/4*3 < 16 {
			return unclear
		}
		return anything
	case s.format == crypto.CloudBeesV1:
		return or(variant, damaged)
	}
	return damaged
}

// frontVerdict says what the file without its first n bytes may give.
func frontVerdict(s sample, n int) verdict {
	switch {
	case n == len(s.file):
		return verdict{errors: []error{crypto.ErrNotEncrypted}}
	case n < s.bodyStart()-1:
		return notOurs
	case s.format != crypto.Unsigned && n == s.bodyStart()-1:
		return or(lost, notOurs) // an empty line, then the body
	case s.format != crypto.Unsigned && n == s.bodyStart():
		return lost
	}
	return unchecked // it is now unsigned, if it is anything
}

// wrap breaks the body into lines.
func wrap(s sample, columns int, lineEnd string) string {
	header, body := string(s.file[:s.bodyStart()]), string(s.file[s.bodyStart():])
	body = strings.ReplaceAll(body, "\n", "")
	var lines []string
	if header != "" {
		lines = append(lines, strings.TrimSuffix(header, "\n"))
	}
	for len(body) > columns {
		lines = append(lines, body[:columns])
		body = body[columns:]
	}
	return strings.Join(append(lines, body), lineEnd)
}

func TestVariants(t *testing.T) {
	const mark = "\ufeff"
	for _, s := range samples(t) {
		t.Run(fmt.Sprintf("%v of %d", s.format, len(s.plain)), func(t *testing.T) {
			for _, columns := range []int{4, 63, 64, 65, 76, 1 << 20} {
				for _, lineEnd := range []string{"\n", "\r\n"} {
					for _, last := range []string{"", "\n", "\r\n", "\n\n", "\r\n\r\n"} {
						for _, front := range []string{"", mark} {
							what := fmt.Sprintf("%q lines of %d %q %q", front, columns, lineEnd, last)
							check(t, what, s, []byte(front+wrap(s, columns, lineEnd)+last), right)
						}
					}
				}
			}
			file := string(s.file)
			line := strings.TrimRight(wrap(s, 1<<20, "\n"), "\n")
			header, body := line[:s.bodyStart()], line[s.bodyStart():]
			for what, changed := range map[string]string{
				"a space in front":          " " + file,
				"a newline before a mark":   "\n" + mark + file,
				"two marks":                 mark + mark + file,
				"half a mark":               mark[:2] + file,
				"a space before the body":   header + " " + body,
				"a space in the body":       header + body[:8] + " " + body[8:],
				"a tab after the body":      file + "\t",
				"a NUL after the body":      file + "\x00",
				"a comment after the body":  file + "\n# comment\n",
				"a dot in the body":         header + body[:8] + "." + body[9:],
				"the other alphabet":        header + body[:8] + "-_-_" + body[12:],
				"padding in the middle":     header + body[:8] + "====" + body[8:],
				"padding after the end":     line + "====",
				"a character too many":      line + "A",
				"UTF-16":                    "\xff\xfe" + strings.Join(strings.Split(file, ""), "\x00") + "\x00",
				"quotes":                    `"` + file + `"`,
				"a merge conflict":          "<<<<<<< HEAD\n" + file + "=======\n" + file + ">>>>>>> other\n",
				"a foreign armour in front": "-----BEGIN PGP MESSAGE-----\n" + file,
			} {
				check(t, what, s, []byte(changed), unclear)
			}
			if header != "" {
				name := strings.TrimSuffix(header, "\n")
				for what, changed := range map[string]string{
					"no line end after the header": name + body,
					"a space after the header":     name + " \n" + body,
					"a mark after the header":      header + mark + body,
					"a header in capitals":         strings.ToUpper(name) + "\n" + body,
					"a later version":              name + "1\n" + body,
					"the header twice":             header + header + body,
					"the header of nobody":         "nobody:v1\n" + body,
				} {
					check(t, what, s, []byte(changed), unclear)
				}
			}
			if padded := strings.TrimRight(body, "="); padded != body {
				check(t, "no padding", s, []byte(header+padded), broken(s.format))
				check(t, "two files", s, []byte(header+body+body), or(broken(s.format), bodyDamage(s.format, 0, -1)))
			}
		})
	}
}

func TestAnotherKey(t *testing.T) {
	for _, s := range samples(t) {
		s.key = crypto.GenerateKey()
		want := bodyDamage(s.format, 0, 1)
		check(t, s.format.String(), s, s.file, want)
	}
}

// A header line may be exchanged for another one.
func TestExchangedHeader(t *testing.T) {
	for _, s := range samples(t) {
		body := string(s.file[s.bodyStart():])
		for _, other := range []crypto.Format{crypto.CloudBeesV1, crypto.CodeshipV2, crypto.JetV1} {
			want := or(bodyDamage(other, 0, 1), damaged)
			if other == s.format || s.format == crypto.CodeshipV2 && other == crypto.CloudBeesV1 {
				want = right
			} else if s.format == crypto.CloudBeesV1 && other == crypto.CodeshipV2 {
				want = right // as far as cloudbees:v1 is understood, the two differ in the name alone
			}
			exchanged := s
			exchanged.format = other
			check(t, fmt.Sprintf("%v as %v", s.format, other), exchanged, []byte(other.String()+"\n"+body), want)
		}
	}
}

// Damage in a long file, where blocks of it are worked on at the same time.
func TestLongDamage(t *testing.T) {
	random := newRandom(t)
	size, rounds := 3<<20+7, 20
	if testing.Short() {
		size, rounds = 500<<10+7, 5
	}
	for _, format := range []crypto.Format{crypto.CodeshipV2, crypto.JetV1} {
		s := sample{format: format, key: crypto.GenerateKey(), plain: random.bytes(size)}
		var file bytes.Buffer
		if err := crypto.Encrypt(&file, bytes.NewReader(s.plain), s.key, format); err != nil {
			t.Fatal(err)
		}
		s.file = file.Bytes()
		check(t, format.String(), s, s.file, right)
		for _, columns := range []int{1, 63, 64, 76} {
			check(t, fmt.Sprintf("%v, CRLF, lines of %d", format, columns), s, []byte(wrap(s, columns, "\r\n")+"\r\n"), right)
		}
		for range rounds {
			i := s.bodyStart() + int(random.Uint64()%uint64(len(s.file)-s.bodyStart()-8))
			changed := bytes.Clone(s.file)
			changed[i] ^= 1 << (random.Uint64() % 8)
			check(t, fmt.Sprintf("%v, byte %d", format, i), s, changed, flipVerdict(s, i, changed[i]))
			check(t, fmt.Sprintf("%v, %d bytes", format, i), s, s.file[:i], endVerdict(s, i))
		}
		body := strings.ReplaceAll(string(s.file[s.bodyStart():]), "\n", "")
		raw, err := base64.StdEncoding.DecodeString(body)
		if err != nil {
			t.Fatal(err)
		}
		check(t, "a body after padding", s, []byte(format.String()+"\n"+body[:len(body)-4]+"AA=="+body), damaged)
		check(t, "a body twice", s, []byte(format.String()+"\n"+base64.StdEncoding.EncodeToString(append(raw, raw...))), damaged)
	}
}

package armor_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dockercfg/jet/crypto/internal/armor"
)

// sizes cross the length of a line, and of a block of 144 KiB.
var sizes = []int{0, 1, 2, 3, 47, 48, 49, 96, 97, 1000, 147454, 147455, 147456, 147457, 147504, 294912, 1 << 20}

func random(n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(data)
	return data
}

// decode gives the body, after checking that Before is what stood before.
func decode(t *testing.T, text io.Reader) ([]byte, error) {
	t.Helper()
	var body []byte
	err := armor.Decode(text,
		func(b *armor.Block) error { return nil },
		func(b *armor.Block) error {
			if !bytes.HasSuffix(body, b.Before) || len(b.Before) != min(16, len(body)) {
				t.Errorf("at %d: Before is not what stands there", len(body))
			}
			body = append(body, b.Bytes...)
			return nil
		})
	return body, err
}

func TestEncode(t *testing.T) {
	for _, n := range sizes {
		body := random(n)
		want := base64.StdEncoding.EncodeToString(body)
		var line, wrapped bytes.Buffer
		if err := armor.Encode(&line, bytes.NewReader(body), false); err != nil {
			t.Fatal(err)
		}
		if line.String() != want {
			t.Errorf("%d bytes: on one line it is not standard base64", n)
		}
		if err := armor.Encode(&wrapped, iotest.HalfReader(bytes.NewReader(body)), true); err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(wrapped.String(), "\n")
		if last := lines[len(lines)-1]; last != "" {
			t.Errorf("%d bytes: no final newline", n)
		}
		for i, l := range lines[:len(lines)-1] {
			if len(l) != 65 && i != len(lines)-2 || len(l) > 65 {
				t.Fatalf("%d bytes: line %d has %d characters", n, i+1, len(l)-1)
			}
		}
		if strings.ReplaceAll(wrapped.String(), "\n", "") != want {
			t.Errorf("%d bytes: wrapped it is not standard base64", n)
		}
	}
}

func TestDecode(t *testing.T) {
	for _, n := range sizes {
		body := random(n)
		text := base64.StdEncoding.EncodeToString(body)
		var wrapped bytes.Buffer
		if err := armor.Encode(&wrapped, bytes.NewReader(body), true); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"one line":       text,
			"final newline":  text + "\n",
			"wrapped":        wrapped.String(),
			"CRLF":           strings.ReplaceAll(wrapped.String(), "\n", "\r\n"),
			"blank lines":    "\n\r\n" + strings.ReplaceAll(wrapped.String(), "\n", "\n\n"),
			"CR":             strings.ReplaceAll(wrapped.String(), "\n", "\r"),
			"wrapped at odd": wrap(text, 77),
		} {
			got, err := decode(t, strings.NewReader(text))
			if err != nil || !bytes.Equal(got, body) {
				t.Errorf("%d bytes, %s: got %d bytes, error %v", n, name, len(got), err)
			}
		}
		if n <= 1000 {
			got, err := decode(t, iotest.OneByteReader(&wrapped))
			if err != nil || !bytes.Equal(got, body) {
				t.Errorf("%d bytes, byte for byte: got %d bytes, error %v", n, len(got), err)
			}
		}
	}
}

func wrap(text string, width int) string {
	var lines []string
	for len(text) > width {
		lines, text = append(lines, text[:width]), text[width:]
	}
	return strings.Join(append(lines, text), "\n")
}

func TestDecodeRefuses(t *testing.T) {
	block := base64.StdEncoding.EncodeToString(random(147456)) // exactly one block of text
	padded := base64.StdEncoding.EncodeToString(random(147455))
	for name, test := range map[string]struct {
		text string
		char int64
	}{
		"not the alphabet":         {"AAAA*AAA", 5},
		"URL-safe":                 {"AA-_", 3},
		"blank":                    {"AAAA AAA", 5},
		"tab":                      {"AAAA\tAAA", 5},
		"NUL":                      {"AAAA\x00AAA", 5},
		"one character over":       {"AAAAA", 5},
		"no padding":               {"AAAAAA", 5},
		"half the padding":         {"AAAAAA=", 8},
		"too much padding":         {"AAAAAA===", 9},
		"only padding":             {"====", 1},
		"trailing bits":            {"AAAAAB==", 7},
		"text after padding":       {"AAAAAA==AAAA", 9},
		"in the second block":      {block + "AAAA*AAA", 196608 + 5},
		"padding ends a block":     {padded + "AAAA", 196608},
		"line ends are no chars":   {"AA\nAA\r\nA*AA", 6},
		"padding, then next block": {padded + "\n" + block, 196608},
	} {
		_, err := decode(t, strings.NewReader(test.text))
		var syntax *armor.SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s: got %v, want a SyntaxError", name, err)
		} else if syntax.Char != test.char {
			t.Errorf("%s: character %d, want %d", name, syntax.Char, test.char)
		}
	}
}

func TestErrorsPassThrough(t *testing.T) {
	boom := errors.New("boom")
	nothing := func(*armor.Block) error { return nil }
	fails := func(*armor.Block) error { return boom }
	if err := armor.Decode(iotest.ErrReader(boom), nothing, nothing); err != boom {
		t.Errorf("reader: got %v", err)
	}
	if err := armor.Decode(strings.NewReader("AAAA"), fails, nothing); err != boom {
		t.Errorf("work: got %v", err)
	}
	if err := armor.Decode(strings.NewReader("AAAA"), nothing, fails); err != boom {
		t.Errorf("drain: got %v", err)
	}
	if err := armor.Encode(io.Discard, iotest.ErrReader(boom), false); err != boom {
		t.Errorf("body: got %v", err)
	}
	if err := armor.Encode(brokenWriter{boom}, strings.NewReader("AAAA"), true); err != boom {
		t.Errorf("writer: got %v", err)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

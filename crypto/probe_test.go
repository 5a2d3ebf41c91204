package crypto

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// TestProbe: the beginning tells the key, in every format and as editors leave it.
func TestProbe(t *testing.T) {
	key, other := GenerateKey(), GenerateKey()
	for _, format := range []Format{Unsigned, CodeshipV2, JetV1, CloudBeesV1} {
		for _, size := range []int{0, 1, 12, 100, 479, 5000, 100_000} {
			plain := strings.Repeat("äöü 12345\n", size/10+1)[:size]
			written := format
			if format == CloudBeesV1 {
				written = CodeshipV2
			}
			var b bytes.Buffer
			if err := Encrypt(&b, strings.NewReader(plain), key, written); err != nil {
				t.Fatal(err)
			}
			text := strings.Replace(b.String(), written.String()+"\n", format.String()+"\n", 1)
			for name, text := range map[string]string{
				"as it is": text, "CRLF": strings.ReplaceAll(text, "\n", "\r\n"), "marked": "\ufeff" + text, "another line end": text + "\n",
			} {
				what := fmt.Sprintf("%v of %d bytes, %s", format, size, name)
				if got, err := Probe([]byte(text), key); got != format || err != nil {
					t.Errorf("%s: got %v, %v", what, got, err)
				}
				if format == Unsigned && size < 100 {
					continue // by chance
				}
				want := ErrWrongKey
				if format == CloudBeesV1 {
					want = ErrVariant
				}
				if got, err := Probe([]byte(text), other); got != format || !errors.Is(err, want) {
					t.Errorf("%s: another key: got %v, %v", what, got, err)
				}
			}
		}
	}
}

func TestProbeRefuses(t *testing.T) {
	key := GenerateKey()
	for text, want := range map[string]error{
		"":                              ErrNotEncrypted,
		"A=1\n":                         ErrNotEncrypted,
		"AAAA":                          ErrNotEncrypted,
		"jet:v9\nAAAA":                  ErrUnknownFormat,
		"jet:v1\n":                      ErrWrongKey,
		"jet:v1\n****":                  ErrDamaged,
		"codeship:v2\nAAAA":             ErrDamaged,
		"codeship:v2\n****":             ErrDamaged,
		"cloudbees:v1\n":                ErrDamaged,
		strings.Repeat("A", 80) + "*\n": ErrNotEncrypted,
	} {
		if _, err := Probe([]byte(text), key); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", text, err, want)
		}
	}
	if _, err := Probe([]byte("jet:v1\n"), Key{}); err == nil {
		t.Error("without a key: no error")
	}
	// A file in UTF-16 or with control characters is no text.
	for _, plain := range []string{"A\x00B\x00", "\x1b[0m", "a\x7f", "\xff\xfe", "a\xe4b"} {
		var b bytes.Buffer
		if err := Encrypt(&b, strings.NewReader(plain), key, Unsigned); err != nil {
			t.Fatal(err)
		}
		if _, err := Probe(b.Bytes(), key); !errors.Is(err, ErrWrongKey) {
			t.Errorf("%q: got %v, want %v", plain, err, ErrWrongKey)
		}
	}
}

// FuzzProbe: it agrees with Decrypt on what opens.
func FuzzProbe(f *testing.F) {
	key := GenerateKey()
	for _, format := range []Format{Unsigned, CodeshipV2, JetV1} {
		for _, plain := range []string{"", "A=1\n", strings.Repeat("B", 1000)} {
			var b bytes.Buffer
			if err := Encrypt(&b, strings.NewReader(plain), key, format); err != nil {
				f.Fatal(err)
			}
			f.Add(b.Bytes())
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		probed, probe := Probe(data, key)
		format, err := Decrypt(io.Discard, bytes.NewReader(data), key)
		if err == nil && format != Unsigned && (probe != nil || probed != format) {
			t.Fatalf("%q: Decrypt says %v, Probe %v, %v", data, format, probed, probe)
		}
		if errors.Is(err, ErrWrongKey) && probe == nil {
			t.Fatalf("%q: Decrypt says %v, Probe nothing", data, err)
		}
	})
}

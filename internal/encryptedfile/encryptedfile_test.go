package encryptedfile_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/encryptedfile"
)

// encrypt gives a file in a format; cloudbees:v1, which is never written, is
// codeship:v2 under another name.
func encrypt(t testing.TB, plain string, format crypto.Format) string {
	t.Helper()
	written := format
	if format == crypto.CloudBeesV1 {
		written = crypto.CodeshipV2
	}
	var b strings.Builder
	if err := crypto.Encrypt(&b, strings.NewReader(plain), crypto.GenerateKey(), written); err != nil {
		t.Fatal(err)
	}
	if format != written {
		return strings.Replace(b.String(), written.String(), format.String(), 1)
	}
	return b.String()
}

var formats = []crypto.Format{crypto.Unsigned, crypto.CloudBeesV1, crypto.CodeshipV2, crypto.JetV1}

// changes are what editors and git do to a text file.
var changes = map[string]func(string) string{
	"as it is":         func(s string) string { return s },
	"byte order mark":  func(s string) string { return "\ufeff" + s },
	"CRLF":             func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
	"another line end": func(s string) string { return s + "\n" },
	"wrapped at 76":    func(s string) string { return wrap(s) },
	"a line end in front": func(s string) string {
		if strings.Contains(s, ":v") {
			return s // a header has to be the first line
		}
		return "\n" + s
	},
}

func wrap(s string) string {
	header, body, found := strings.Cut(s, "\n")
	if !found {
		header, body = "", s
	} else {
		header += "\n"
	}
	body = strings.ReplaceAll(body, "\n", "")
	var b strings.Builder
	for len(body) > 76 {
		b.WriteString(body[:76] + "\n")
		body = body[76:]
	}
	return header + b.String() + body
}

// plain are files in no format.
var plain = map[string]string{
	"nothing":                             "",
	"a line end":                          "\n",
	"variables":                           "A=1\nB=c29tZSBiYXNlNjQ=\n",
	"a bare name":                         "PATH",
	"a config.json":                       `{"auths": {}}`,
	"a short word":                        "word\n",
	"base64 of 15 bytes":                  base64.StdEncoding.EncodeToString(make([]byte, 15)),
	"base64 without its padding":          strings.TrimRight(base64.StdEncoding.EncodeToString(make([]byte, 16)), "="),
	"base64 with an end that is not zero": "AAAAAAAAAAAAAAAAAAAAAB==",
	"base64 and more":                     strings.Repeat("A", 64) + "\n-- \n",
	"base64, and more behind the head":    strings.Repeat("A", 2048) + "\n-- \n",
	"URL-safe base64":                     strings.Repeat("A_-A", 20),
	"a certificate":                       "-----BEGIN CERTIFICATE-----\n" + strings.Repeat("A", 64) + "\n-----END CERTIFICATE-----\n",
	"an image and its version":            "registry.example.com/team/app:v3\n",
	"a file of age":                       "age-encryption.org/v1\n-> X25519 A\n",
	"binary":                              "\x7fELF\x02\x01\x01\x00",
}

func TestPlain(t *testing.T) {
	for name, text := range plain {
		if got, err := encryptedfile.Detect([]byte(text)); got != 0 || err != nil {
			t.Errorf("Detect: %s: got %v, %v", name, got, err)
		}
		got, err := encryptedfile.Look("src/file.txt", strings.NewReader(text))
		if got != (encryptedfile.Finding{}) || err != nil {
			t.Errorf("Look: %s: got %+v, %v", name, got, err)
		}
		// Under such a name each of them is a mistake.
		got, err = encryptedfile.Look("src/file.encrypted", strings.NewReader(text))
		if got.Format != 0 || got.Doubtful || got.Problem == nil || err != nil {
			t.Errorf("Look: %s, named .encrypted: got %+v, %v", name, got, err)
		}
		got, err = encryptedfile.Look("encrypted_files.go", strings.NewReader(text))
		if got != (encryptedfile.Finding{}) || err != nil {
			t.Errorf("Look: %s, named encrypted_files.go: got %+v, %v", name, got, err)
		}
	}
}

func TestFormats(t *testing.T) {
	dir := t.TempDir()
	for _, format := range formats {
		for _, size := range []int{0, 1, 500, 100_000} {
			text := encrypt(t, strings.Repeat("x", size), format)
			for change, apply := range changes {
				text := apply(text)
				what := fmt.Sprintf("%v of %d bytes, %s", format, size, change)
				if got, err := encryptedfile.Detect([]byte(text)); got != format || err != nil {
					t.Errorf("Detect: %s: got %v, %v", what, got, err)
				}
				for name, mentioned := range map[string]bool{
					"app.env.encrypted": true, "a/APP.ENCRYPTED": true, "encrypted.env": true, "env.enc": true, "env_encrypted.txt": true,
					"VERSION": false, "encrypted/app.env": false, "encoder": false,
				} {
					got, err := encryptedfile.Look(name, iotest.HalfReader(strings.NewReader(text)))
					want := encryptedfile.Finding{Format: format, Doubtful: format == crypto.Unsigned && !mentioned}
					if got != want || err != nil {
						t.Errorf("Look: %s, %s: got %+v, %v, want %+v", name, what, got, err, want)
					}
				}
				path := filepath.Join(dir, "file")
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				if got, err := encryptedfile.FormatOf(path); got != format || err != nil {
					t.Errorf("FormatOf: %s: got %v, %v", what, got, err)
				}
			}
		}
	}
}

// TestNewerFormat: a header of one of our families says what the file is meant to
// be; another one says it only where the name does too.
func TestNewerFormat(t *testing.T) {
	for text, ours := range map[string]bool{"jet:v2\nAAAA": true, "\ufeffcodeship:v3\nAAAA": true, "cloudbees:v2\r\nAAAA": true, "image:v3\n": false, "other:v1\nAAAA": false} {
		if _, err := encryptedfile.Detect([]byte(text)); !errors.Is(err, crypto.ErrUnknownFormat) {
			t.Errorf("Detect: %q: got %v", text, err)
		}
		for name, named := range map[string]bool{"file": false, "file.encrypted": true} {
			got, err := encryptedfile.Look(name, strings.NewReader(text))
			if err != nil || got.Format != 0 || errors.Is(got.Problem, crypto.ErrUnknownFormat) != (ours || named) {
				t.Errorf("Look: %s: %q: got %+v, %v", name, text, got, err)
			}
		}
	}
	// A variable is none, whatever its value.
	if got, err := encryptedfile.Detect([]byte("A=b:v1\n")); got != 0 || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestFormatOfNothing(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "absent"), filepath.Join(dir, "absent", "absent")} {
		if got, err := encryptedfile.FormatOf(path); got != 0 || err != nil {
			t.Errorf("%s: got %v, %v", path, got, err)
		}
		if _, err := encryptedfile.LookAt(path); err == nil {
			t.Errorf("LookAt: %s: no error", path)
		}
	}
	failing := errors.New("failing")
	for _, start := range []string{"", "AAAA", strings.Repeat("A", 600)} {
		if _, err := encryptedfile.Look("file", io.MultiReader(strings.NewReader(start), iotest.ErrReader(failing))); !errors.Is(err, failing) {
			t.Errorf("after %d bytes: got %v, want %v", len(start), err, failing)
		}
	}
}

func FuzzLook(f *testing.F) {
	for _, text := range plain {
		f.Add([]byte(text))
	}
	for _, format := range formats {
		f.Add([]byte(encrypt(f, "A=1", format)))
	}
	key := crypto.GenerateKey()
	f.Fuzz(func(t *testing.T, data []byte) {
		format, detectErr := encryptedfile.Detect(data)
		found, err := encryptedfile.Look("file", bytes.NewReader(data))
		if err != nil || found.Format != format && detectErr == nil {
			t.Fatalf("%q: Detect %v, %v, Look %+v, %v", data, format, detectErr, found, err)
		}
		// What crypto opens, or finds damaged, is never taken for something else.
		decrypted, err := crypto.Decrypt(io.Discard, bytes.NewReader(data), key)
		if opens := err == nil || errors.Is(err, crypto.ErrDamaged) || errors.Is(err, crypto.ErrWrongKey); opens && found.Format != decrypted {
			t.Fatalf("%q: crypto says %v, %v, Look %+v", data, decrypted, err, found)
		}
	})
}

// BenchmarkLookAt looks at one of 50,000 files of a source tree.
func BenchmarkLookAt(b *testing.B) {
	dir := b.TempDir()
	for name, text := range map[string]string{
		"source":             strings.Repeat("package main\n", 1000),
		"env.encrypted":      encrypt(b, strings.Repeat("A=1\n", 1000), crypto.JetV1),
		"unsigned.encrypted": encrypt(b, strings.Repeat("A=1\n", 1000), crypto.Unsigned),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := encryptedfile.LookAt(path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package crypto_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dockercfg/jet/crypto"
)

// TestInspect compares with what Decrypt makes of the vectors: the same size, and
// no error where there is none.
func TestInspect(t *testing.T) {
	for _, file := range vectorFiles {
		for _, v := range loadVectors(t, file.name, file.valid, file.invalid) {
			shape, err := crypto.Inspect(strings.NewReader(v.File))
			if v.Error == nil && (err != nil || shape != crypto.Shape{Format: file.format, Size: int64(v.Size)}) {
				t.Errorf("%s: %s: got %+v and %v, want %v and %d bytes", file.name, v.Name, shape, err, file.format, v.Size)
			}
			_, decrypted := crypto.Decrypt(io.Discard, strings.NewReader(v.File), parseKey(t, v.Key))
			if err != nil && (decrypted == nil || err.Error() != decrypted.Error() && !errors.Is(decrypted, crypto.ErrWrongKey)) {
				t.Errorf("%s: %s: got %v, and Decrypt gives %v", file.name, v.Name, err, decrypted)
			}
		}
	}
}

func TestInspectSizes(t *testing.T) {
	key := crypto.GenerateKey()
	for _, format := range []crypto.Format{crypto.Unsigned, crypto.CodeshipV2, crypto.JetV1} {
		for _, size := range []int{0, 1, 15, 16, 17, 16383, 16384, 16385, 3 * 16384, 1 << 20} {
			var file bytes.Buffer
			if err := crypto.Encrypt(&file, bytes.NewReader(make([]byte, size)), key, format); err != nil {
				t.Fatal(err)
			}
			want := crypto.Shape{Format: format, Size: int64(size)}
			if got, err := crypto.Inspect(iotest.OneByteReader(bytes.NewReader(file.Bytes()))); err != nil || got != want {
				t.Errorf("%v: got %+v and %v, want %+v", format, got, err, want)
			}
			// What editors and git leave.
			changed := "\ufeff" + strings.ReplaceAll(file.String()+"\n", "\n", "\r\n")
			want.ByteOrderMark, want.CarriageReturns = true, true
			if got, err := crypto.Inspect(strings.NewReader(changed)); err != nil || got != want {
				t.Errorf("%v, changed: got %+v and %v, want %+v", format, got, err, want)
			}
		}
	}
}

func TestInspectErrors(t *testing.T) {
	for _, c := range []struct {
		name, file string
		format     crypto.Format
		want       error
	}{
		{"empty", "", 0, crypto.ErrNotEncrypted},
		{"plain", "A=1\n", 0, crypto.ErrNotEncrypted},
		{"one word", "canary", crypto.Unsigned, crypto.ErrNotEncrypted},
		{"short base64", "AAAA", crypto.Unsigned, crypto.ErrNotEncrypted},
		{"a header of the future", "jet:v9\nAAAA", 0, crypto.ErrUnknownFormat},
		{"a header and nothing", "jet:v1\n", crypto.JetV1, crypto.ErrDamaged},
		{"no checksum", "codeship:v2\nAAAAAAAAAAAAAAAAAAAAAAAA", crypto.CodeshipV2, crypto.ErrDamaged},
		{"no base64", "codeship:v2\nA=1", crypto.CodeshipV2, crypto.ErrDamaged},
	} {
		shape, err := crypto.Inspect(strings.NewReader(c.file))
		if shape.Format != c.format || !errors.Is(err, c.want) {
			t.Errorf("%s: got %v and %v, want %v and %v", c.name, shape.Format, err, c.format, c.want)
		}
	}
	broken := errors.New("broken")
	if _, err := crypto.Inspect(iotest.ErrReader(broken)); err != broken {
		t.Errorf("got %v, want the reader's error", err)
	}
}

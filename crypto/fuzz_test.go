package crypto_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/dockercfg/jet/crypto"
)

// verdicts are all that a file may be found to be; errors.go says so.
var verdicts = []error{
	crypto.ErrWrongKey, crypto.ErrDamaged, crypto.ErrNotEncrypted, crypto.ErrUnknownFormat,
	crypto.ErrHeaderLost, crypto.ErrVariant, crypto.ErrWeakFormat, crypto.ErrInputChanged,
}

// seed adds the files of testdata/vectors in that format, or all of them for 0,
// and gives the key of the last one. It fails if there are fewer than there were.
func seed(f *testing.F, format crypto.Format) (key crypto.Key) {
	f.Helper()
	for _, file := range vectorFiles {
		if format != 0 && format != file.format {
			continue
		}
		for _, v := range loadVectors(f, file.name, file.valid, file.invalid) {
			if len(v.File) > 4096 {
				continue // long files slow the fuzzer down and show it nothing
			}
			f.Add([]byte(v.File))
			key = parseKey(f, v.Key)
		}
	}
	return key
}

func FuzzParseKey(f *testing.F) {
	seeds := []string{goodKey, goodKey + "\r\n", "\ufeff" + goodKey, "", "\n", goodKey[:43], strings.Repeat("A", 44), goodKey + goodKey}
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := crypto.ParseKey(text)
		if err != nil {
			if !errors.Is(err, crypto.ErrKey) {
				t.Errorf("got %v, want ErrKey", err)
			}
			if len(text) > 8 && !strings.Contains("it is characters and not base64, want bytes long", string(text)) && strings.Contains(err.Error(), string(text)) {
				t.Errorf("the error quotes the text: %v", err)
			}
			return
		}
		if !bytes.Contains(text, bytes.TrimSpace(key.Encode())) {
			t.Errorf("%q is read as another key", text)
		}
	})
}

func FuzzDetect(f *testing.F) {
	seed(f, 0)
	for _, s := range []string{"", "\ufeff", "jet:v1", "jet:v9\n", "codeship:v2\r", "\r\n\r\nAAAA", "FOO=bar", "AAAA\nAAAAAAAA", "{", "\xff\xfe"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		format, err := crypto.Detect(head)
		if (err == nil) == (format == 0) {
			t.Errorf("format %v with error %v", format, err)
		}
		if err != nil && !errors.Is(err, crypto.ErrNotEncrypted) && !errors.Is(err, crypto.ErrUnknownFormat) {
			t.Errorf("got %v", err)
		}
		if format != 0 && format != crypto.Unsigned && !bytes.Contains(head, []byte(format.String())) {
			t.Errorf("%q is taken for %v", head, format)
		}
	})
}

func FuzzDecryptUnsigned(f *testing.F)    { fuzzDecrypt(f, crypto.Unsigned) }
func FuzzDecryptCodeshipV2(f *testing.F)  { fuzzDecrypt(f, crypto.CodeshipV2) }
func FuzzDecryptCloudBeesV1(f *testing.F) { fuzzDecrypt(f, crypto.CloudBeesV1) }
func FuzzDecryptJetV1(f *testing.F)       { fuzzDecrypt(f, crypto.JetV1) }

// fuzzDecrypt wants the same answer from every way of reading a file, one of the
// verdicts if it is none, and nothing released that was not checked.
func fuzzDecrypt(f *testing.F, format crypto.Format) {
	key := seed(f, format)
	for _, n := range []int{0, 1, 16, 100} {
		if format != crypto.CloudBeesV1 {
			f.Add(encrypt(f, bytes.Repeat([]byte("FOO=bar\n"), n), key, format))
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if format != crypto.Unsigned && !bytes.HasPrefix(file, []byte(format.String())) {
			file = append([]byte(format.String()+"\n"), base64.StdEncoding.EncodeToString(file)...)
		}
		var checked, hidden bytes.Buffer
		_, err := crypto.Decrypt(&checked, bytes.NewReader(file), key)
		_, again := crypto.Decrypt(&hidden, struct{ io.Reader }{bytes.NewReader(file)}, key, crypto.WithHiddenOutput())
		if (err == nil) != (again == nil) || err == nil && !bytes.Equal(checked.Bytes(), hidden.Bytes()) {
			t.Fatalf("two ways of reading differ: %v and %v", err, again)
		}
		if err == nil {
			return
		}
		if checked.Len() > 0 {
			t.Errorf("released %d bytes before %v", checked.Len(), err)
		}
		found := 0
		for _, verdict := range verdicts {
			if errors.Is(err, verdict) {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%v is %d of the verdicts, want 1", err, found)
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	for _, s := range []string{"", "A", "FOO=bar\n", "\x00\xff", strings.Repeat("x", 16384)} {
		f.Add([]byte(s))
	}
	key := parseKey(f, goodKey)
	f.Fuzz(func(t *testing.T, plain []byte) {
		for _, format := range []crypto.Format{crypto.CodeshipV2, crypto.JetV1} {
			var got bytes.Buffer
			if _, err := crypto.Decrypt(&got, bytes.NewReader(encrypt(t, plain, key, format)), key); err != nil || !bytes.Equal(got.Bytes(), plain) {
				t.Errorf("%v: got %d bytes of %d, error %v", format, got.Len(), len(plain), err)
			}
		}
	})
}

package crypto_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dockercfg/jet/crypto"
)

func noise(n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)}).Read(data)
	return data
}

// pipe hides that a reader can seek.
func pipe(data []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(data)} }

func encrypt(t testing.TB, plain []byte, key crypto.Key, format crypto.Format) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := crypto.Encrypt(&out, bytes.NewReader(plain), key, format); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// memorySpool is a Spool that remembers all that was ever written to it.
type memorySpool struct {
	data   []byte
	at     int
	closed bool
}

func (s *memorySpool) Write(p []byte) (int, error) {
	s.data = append(s.data[:s.at], p...)
	s.at += len(p)
	return len(p), nil
}

func (s *memorySpool) Read(p []byte) (int, error) {
	n := copy(p, s.data[s.at:])
	s.at += n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (s *memorySpool) Seek(offset int64, _ int) (int64, error) {
	s.at = int(offset)
	return offset, nil
}
func (s *memorySpool) Close() error { s.closed = true; return nil }

func (s *memorySpool) option() crypto.Option {
	return crypto.WithSpool(func() (crypto.Spool, error) { return s, nil })
}

func TestRoundTrip(t *testing.T) {
	key := crypto.GenerateKey()
	for _, format := range []crypto.Format{crypto.Unsigned, crypto.CodeshipV2, crypto.JetV1} {
		for _, n := range []int{0, 1, 15, 16, 17, 33, 16384, 147456 - 48, 147456, 256 << 10, 1<<20 + 5, 5 << 20} {
			plain := noise(n)
			var spool memorySpool
			var seeked, piped bytes.Buffer
			if err := crypto.Encrypt(&seeked, bytes.NewReader(plain), key, format); err != nil {
				t.Fatal(err)
			}
			if err := crypto.Encrypt(&piped, pipe(plain), key, format, spool.option()); err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(seeked.Bytes(), piped.Bytes()) {
				t.Errorf("%v, %d bytes: encrypted twice to the same", format, n)
			}
			for name, message := range map[string][]byte{"file": seeked.Bytes(), "pipe": piped.Bytes()} {
				for how, open := range map[string]func(io.Writer) (crypto.Format, error){
					"file": func(w io.Writer) (crypto.Format, error) {
						return crypto.Decrypt(w, bytes.NewReader(message), key)
					},
					"file, hidden": func(w io.Writer) (crypto.Format, error) {
						return crypto.Decrypt(w, bytes.NewReader(message), key, crypto.WithHiddenOutput())
					},
					"pipe": func(w io.Writer) (crypto.Format, error) {
						return crypto.Decrypt(w, pipe(message), key, new(memorySpool).option())
					},
					"pipe, hidden": func(w io.Writer) (crypto.Format, error) {
						return crypto.Decrypt(w, pipe(message), key, crypto.WithHiddenOutput())
					},
				} {
					var got bytes.Buffer
					found, err := open(&got)
					if err != nil || found != format || !bytes.Equal(got.Bytes(), plain) {
						t.Errorf("%v, %d bytes from a %s to a %s: %d bytes, %v, error %v", format, n, name, how, got.Len(), found, err)
					}
				}
			}
		}
	}
}

// A pipe that is too long for memory goes through a spool, which never sees plaintext.
func TestSpoolHoldsCiphertextOnly(t *testing.T) {
	key := crypto.GenerateKey()
	plain := bytes.Repeat([]byte("PASSWORD=correct horse battery staple\n"), 200_000)
	for _, format := range []crypto.Format{crypto.CodeshipV2, crypto.JetV1} {
		var in, out memorySpool
		var message, got bytes.Buffer
		if err := crypto.Encrypt(&message, pipe(plain), key, format, in.option()); err != nil {
			t.Fatal(err)
		}
		if _, err := crypto.Decrypt(&got, pipe(message.Bytes()), key, out.option()); err != nil || !bytes.Equal(got.Bytes(), plain) {
			t.Fatalf("%v: %d bytes, error %v", format, got.Len(), err)
		}
		if format == crypto.CodeshipV2 && len(in.data) < len(plain) {
			t.Errorf("%v: encrypting spooled %d bytes of %d", format, len(in.data), len(plain))
		}
		if len(out.data) < len(plain) || !out.closed || len(in.data) > 0 && !in.closed {
			t.Errorf("%v: spool of %d bytes, closed: %v, %v", format, len(out.data), in.closed, out.closed)
		}
		for _, spooled := range [][]byte{in.data, out.data} {
			if bytes.Contains(spooled, []byte("correct horse")) {
				t.Errorf("%v: plaintext in the spool", format)
			}
		}
	}
	if err := crypto.Encrypt(io.Discard, pipe(plain), key, crypto.CodeshipV2); err == nil {
		t.Error("a long pipe without a spool is taken")
	}
	full := crypto.WithSpool(func() (crypto.Spool, error) { return nil, os.ErrPermission })
	if err := crypto.Encrypt(io.Discard, pipe(plain), key, crypto.CodeshipV2, full); !errors.Is(err, os.ErrPermission) {
		t.Errorf("spool that cannot be made: got %v", err)
	}
}

// Without WithHiddenOutput not a byte comes out of a file that is damaged anywhere,
// however long it is and wherever it comes from.
func TestNothingUncheckedIsReleased(t *testing.T) {
	key := crypto.GenerateKey()
	for _, n := range []int{100, 3 << 20, 7 << 20} {
		for _, format := range []crypto.Format{crypto.CodeshipV2, crypto.JetV1} {
			message := encrypt(t, noise(n), key, format)
			message[len(message)-10] ^= 3 // stays base64 most of the time, or is refused as such
			for name, src := range map[string]io.Reader{"file": bytes.NewReader(message), "pipe": pipe(message)} {
				var out bytes.Buffer
				_, err := crypto.Decrypt(&out, src, key, new(memorySpool).option())
				if !errors.Is(err, crypto.ErrDamaged) || out.Len() > 0 {
					t.Errorf("%v, %d bytes from a %s: released %d bytes, error %v", format, n, name, out.Len(), err)
				}
			}
		}
	}
}

func TestDiagnoses(t *testing.T) {
	key, other := crypto.GenerateKey(), crypto.GenerateKey()
	plain := []byte("FOO=bar\nBAZ=bat\n")
	v2, sealed := encrypt(t, plain, key, crypto.CodeshipV2), encrypt(t, plain, key, crypto.JetV1)
	body := string(bytes.TrimPrefix(v2, []byte("codeship:v2\n")))
	long := string(encrypt(t, noise(1000), key, crypto.CodeshipV2)[len("codeship:v2\n"):])
	raw, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		t.Fatal(err)
	}
	inHex, inText := bytes.Clone(raw), bytes.Clone(raw)
	inHex[16] ^= 0x80          // makes the first character of the checksum no hexadecimal
	inText[len(inText)-1] ^= 1 // changes the last character of the plaintext
	cut := raw[:16+20]         // ends inside the checksum
	b64 := base64.StdEncoding.EncodeToString
	for name, test := range map[string]struct {
		file   string
		key    crypto.Key
		format crypto.Format
		want   []error
	}{
		"v2, wrong key":             {string(v2), other, crypto.CodeshipV2, []error{crypto.ErrChecksum, crypto.ErrWrongKey}},
		"v2, damaged start":         {"codeship:v2\n" + b64(inHex), key, crypto.CodeshipV2, []error{crypto.ErrChecksum, crypto.ErrWrongKey}},
		"v2, damaged end":           {"codeship:v2\n" + b64(inText), key, crypto.CodeshipV2, []error{crypto.ErrChecksum, crypto.ErrDamaged}},
		"v2, cut in the checksum":   {"codeship:v2\n" + b64(cut), key, crypto.CodeshipV2, []error{crypto.ErrDamaged}},
		"v2, cut in the IV":         {"codeship:v2\n" + b64(raw[:15]), key, crypto.CodeshipV2, []error{crypto.ErrDamaged}},
		"v2, no body":               {"codeship:v2\n", key, crypto.CodeshipV2, []error{crypto.ErrDamaged}},
		"v2, header only":           {"codeship:v2", key, crypto.CodeshipV2, []error{crypto.ErrDamaged}},
		"v2, not base64":            {"codeship:v2\nFOO=bar", key, crypto.CodeshipV2, []error{crypto.ErrDamaged}},
		"v2 without header":         {body, key, crypto.Unsigned, []error{crypto.ErrHeaderLost}},
		"v2 without header, longer": {long, key, crypto.Unsigned, []error{crypto.ErrHeaderLost}},
		"v2 without header, BOM":    {"\ufeff\n" + body, key, crypto.Unsigned, []error{crypto.ErrHeaderLost}},
		"jet without header":        {string(sealed[7:]), key, crypto.Unsigned, []error{crypto.ErrHeaderLost}},
		"cloudbees, wrong key":      {"cloudbees:v1\n" + body, other, crypto.CloudBeesV1, []error{crypto.ErrChecksum, crypto.ErrVariant}},
		"cloudbees, damaged end":    {"cloudbees:v1\n" + b64(inText), key, crypto.CloudBeesV1, []error{crypto.ErrChecksum, crypto.ErrVariant}},
		"jet, wrong key":            {string(sealed), other, crypto.JetV1, []error{crypto.ErrWrongKey}},
		"jet, no body":              {"jet:v1\n", key, crypto.JetV1, []error{crypto.ErrDamaged}},
		"jet, cut short":            {string(sealed[:len(sealed)-9]), key, crypto.JetV1, []error{crypto.ErrDamaged}},
		"jet header, v2 body":       {"jet:v1\n" + body, key, crypto.JetV1, []error{crypto.ErrWrongKey}},
		"jet body, v2 header":       {strings.Replace(string(sealed), "jet:v1", "codeship:v2", 1), key, crypto.CodeshipV2, []error{crypto.ErrChecksum, crypto.ErrWrongKey}},
		"newer version":             {"jet:v2\nAAAA", key, 0, []error{crypto.ErrUnknownFormat}},
		"unknown name":              {"codeshop:v2\n" + body, key, 0, []error{crypto.ErrUnknownFormat}},
		"colon lost":                {"cloudbees8v1\n" + body, key, 0, []error{crypto.ErrUnknownFormat}},
		"header with blank":         {"codeship:v2 \n" + body, key, 0, []error{crypto.ErrNotEncrypted}},
		"header in capitals":        {"CODESHIP:V2\n" + body, key, 0, []error{crypto.ErrNotEncrypted}},
		"header and body on a line": {"codeship:v2" + body, key, 0, []error{crypto.ErrNotEncrypted}},
		"blank before the header":   {" jet:v1\n" + body, key, 0, []error{crypto.ErrNotEncrypted}},
		"empty":                     {"", key, 0, []error{crypto.ErrNotEncrypted}},
		"line ends only":            {"\r\n\n", key, 0, []error{crypto.ErrNotEncrypted}},
		"BOM only":                  {"\ufeff", key, 0, []error{crypto.ErrNotEncrypted}},
		"an env file":               {string(plain), key, 0, []error{crypto.ErrNotEncrypted}},
		"a dockercfg":               {`{"auths":{}}`, key, 0, []error{crypto.ErrNotEncrypted}},
		"a word":                    {"word", key, crypto.Unsigned, []error{crypto.ErrNotEncrypted}},
		"age":                       {"age-encryption.org/v1\n-> X25519", key, 0, []error{crypto.ErrNotEncrypted}},
		"UTF-16":                    {"\xff\xfej\x00e\x00t\x00", key, 0, []error{crypto.ErrNotEncrypted}},
		"binary":                    {string(noise(600)), key, 0, []error{crypto.ErrNotEncrypted}},
		"base64, odd end":           {b64(noise(21)) + "A", key, crypto.Unsigned, []error{crypto.ErrNotEncrypted}},
	} {
		for how, opts := range map[string][]crypto.Option{"": nil, ", hidden": {crypto.WithHiddenOutput()}} {
			format, err := crypto.Decrypt(io.Discard, strings.NewReader(test.file), test.key, opts...)
			for _, want := range test.want {
				if !errors.Is(err, want) {
					t.Errorf("%s%s: got %v, want %v", name, how, err, want)
				}
			}
			if format != test.format {
				t.Errorf("%s%s: format %v, want %v", name, how, format, test.format)
			}
		}
	}
}

func TestHeaderLostSaysWhich(t *testing.T) {
	key := crypto.GenerateKey()
	for _, format := range []crypto.Format{crypto.CodeshipV2, crypto.JetV1} {
		_, body, _ := bytes.Cut(encrypt(t, []byte("FOO=bar\n"), key, format), []byte("\n"))
		_, err := crypto.Decrypt(io.Discard, bytes.NewReader(body), key)
		var lost *crypto.HeaderLostError
		if !errors.As(err, &lost) || lost.Format != format {
			t.Errorf("%v without its header: got %v", format, err)
		}
	}
}

func TestRequire(t *testing.T) {
	key := crypto.GenerateKey()
	files := map[crypto.Format][]byte{}
	for _, f := range []crypto.Format{crypto.Unsigned, crypto.CodeshipV2, crypto.JetV1} {
		files[f] = encrypt(t, []byte("FOO=bar\n"), key, f)
	}
	files[crypto.CloudBeesV1] = bytes.Replace(files[crypto.CodeshipV2], []byte("codeship:v2"), []byte("cloudbees:v1"), 1)
	for found, file := range files {
		for _, required := range []crypto.Format{crypto.Unsigned, crypto.CloudBeesV1, crypto.CodeshipV2, crypto.JetV1} {
			var out bytes.Buffer
			_, err := crypto.Decrypt(&out, bytes.NewReader(file), key, crypto.WithRequire(required), crypto.WithHiddenOutput())
			weak := found.Strength() < required.Strength()
			if errors.Is(err, crypto.ErrWeakFormat) != weak || weak == (err == nil) || weak && out.Len() > 0 {
				t.Errorf("%v where %v is required: %d bytes, error %v", found, required, out.Len(), err)
			}
		}
	}
}

func TestZeroKeyIsRefused(t *testing.T) {
	if err := crypto.Encrypt(io.Discard, strings.NewReader("x"), crypto.Key{}, crypto.JetV1); err == nil {
		t.Error("encrypts with the zero key")
	}
	if _, err := crypto.Decrypt(io.Discard, strings.NewReader("x"), crypto.Key{}); err == nil {
		t.Error("decrypts with the zero key")
	}
}

func TestFormatsThatAreNotWritten(t *testing.T) {
	for _, f := range []crypto.Format{0, crypto.CloudBeesV1, 99} {
		var out bytes.Buffer
		if err := crypto.Encrypt(&out, strings.NewReader("x"), crypto.GenerateKey(), f); err == nil || out.Len() > 0 {
			t.Errorf("%v: wrote %d bytes, error %v", f, out.Len(), err)
		}
	}
}

// changing is a file that somebody else writes to between two readings.
type changing struct {
	*bytes.Reader
	data   []byte
	change func(data []byte) []byte
}

func (c *changing) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		c.Reader = bytes.NewReader(c.change(bytes.Clone(c.data)))
	}
	return c.Reader.Seek(offset, whence)
}

func TestInputThatChanges(t *testing.T) {
	key := crypto.GenerateKey()
	for _, n := range []int{100, 256 << 10, 2 << 20} {
		plain := noise(n)
		message := encrypt(t, plain, key, crypto.JetV1)
		other := encrypt(t, noise(n+1), key, crypto.JetV1)
		for name, change := range map[string]func([]byte) []byte{
			"first byte": func(d []byte) []byte { d[0] ^= 1; return d },
			"last byte":  func(d []byte) []byte { d[len(d)-1] ^= 1; return d },
			"longer":     func(d []byte) []byte { return append(d, 'x') },
			"shorter":    func(d []byte) []byte { return d[:len(d)-1] },
			"empty":      func([]byte) []byte { return nil },
			"another":    func([]byte) []byte { return other },
		} {
			src := &changing{bytes.NewReader(plain), plain, change}
			if err := crypto.Encrypt(io.Discard, src, key, crypto.CodeshipV2); !errors.Is(err, crypto.ErrInputChanged) {
				t.Errorf("encrypting %d bytes, %s: got %v", n, name, err)
			}
			var out bytes.Buffer
			src = &changing{bytes.NewReader(message), message, change}
			_, err := crypto.Decrypt(&out, src, key)
			if !errors.Is(err, crypto.ErrInputChanged) || !bytes.HasPrefix(plain, out.Bytes()) {
				t.Errorf("decrypting %d bytes, %s: released %d bytes, error %v", n, name, out.Len(), err)
			}
		}
	}
}

// A reader that can seek is read from where it stands.
func TestSeekableInputStartsWhereItStands(t *testing.T) {
	key := crypto.GenerateKey()
	src := strings.NewReader("skipped FOO=bar")
	src.Seek(8, io.SeekStart)
	var message, got bytes.Buffer
	if err := crypto.Encrypt(&message, src, key, crypto.CodeshipV2); err != nil {
		t.Fatal(err)
	}
	if _, err := crypto.Decrypt(&got, &message, key); err != nil || got.String() != "FOO=bar" {
		t.Errorf("got %q, error %v", got.String(), err)
	}
}

func TestErrorsPassThrough(t *testing.T) {
	key := crypto.GenerateKey()
	boom := errors.New("boom")
	for _, format := range []crypto.Format{crypto.Unsigned, crypto.CodeshipV2, crypto.JetV1} {
		message := encrypt(t, noise(1<<20), key, format)
		src := func() io.Reader { return io.MultiReader(pipe(message[:len(message)/2]), iotest.ErrReader(boom)) }
		if err := crypto.Encrypt(io.Discard, src(), key, format, new(memorySpool).option()); err != boom {
			t.Errorf("%v: encrypting from a broken source: %v", format, err)
		}
		if err := crypto.Encrypt(brokenWriter{boom}, pipe(message), key, format); err != boom {
			t.Errorf("%v: encrypting to a broken destination: %v", format, err)
		}
		for _, opts := range [][]crypto.Option{nil, {crypto.WithHiddenOutput()}} {
			if _, err := crypto.Decrypt(io.Discard, src(), key, opts...); err != boom {
				t.Errorf("%v: decrypting from a broken source: %v", format, err)
			}
			if _, err := crypto.Decrypt(brokenWriter{boom}, pipe(message), key, opts...); err != boom {
				t.Errorf("%v: decrypting to a broken destination: %v", format, err)
			}
		}
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestDetect(t *testing.T) {
	for text, want := range map[string]crypto.Format{
		"jet:v1\nAAAA":                 crypto.JetV1,
		"jet:v1":                       crypto.JetV1,
		"\ufeffcodeship:v2\r\nAAAA":    crypto.CodeshipV2,
		"cloudbees:v1\n":               crypto.CloudBeesV1,
		"8rD1P1xAAAAAAAAAAAAAAA==":     crypto.Unsigned,
		"AAAAAAAA\nAAAAAAAA\nAA==\n":   crypto.Unsigned,
		strings.Repeat("A", 2000):      crypto.Unsigned,
		"AAAAAAAA\r\nAAAAAAAA\r\n\r\n": crypto.Unsigned,
	} {
		if got, err := crypto.Detect([]byte(text)); got != want || err != nil {
			t.Errorf("%.30q: got %v, %v, want %v", text, got, err, want)
		}
	}
	if format, err := crypto.Detect([]byte("FOO=bar\n")); format != 0 || !errors.Is(err, crypto.ErrNotEncrypted) {
		t.Errorf("an env file: got %v, %v", format, err)
	}
}

func TestParseFormat(t *testing.T) {
	for _, f := range []crypto.Format{crypto.Unsigned, crypto.CloudBeesV1, crypto.CodeshipV2, crypto.JetV1} {
		if got, err := crypto.ParseFormat(f.String()); got != f || err != nil {
			t.Errorf("%v: got %v, %v", f, got, err)
		}
	}
	for _, name := range []string{"", "jet", "jet:v2", "JET:V1", "codeship", "jet:v1\n", "Format(0)"} {
		if got, err := crypto.ParseFormat(name); err == nil {
			t.Errorf("%q is taken as %v", name, got)
		}
	}
}

// Memory does not grow with the size, for any format and direction.
func TestMemoryIsConstant(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	key := crypto.GenerateKey()
	for _, format := range []crypto.Format{crypto.Unsigned, crypto.CodeshipV2, crypto.JetV1} {
		name := filepath.Join(t.TempDir(), "message")
		file, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		const size = 64 << 20
		plain := io.NewSectionReader(zeros{}, 0, size)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := crypto.Encrypt(file, plain, key, format); err != nil {
			t.Fatal(err)
		}
		file.Seek(0, io.SeekStart)
		if _, err := crypto.Decrypt(io.Discard, file, key); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		// All that is ever allocated, collected or not, for both directions.
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 24<<20 {
			t.Errorf("%v: %d bytes allocated for a plaintext of %d", format, allocated, size)
		}
	}
}

type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) { clear(p); return len(p), nil }

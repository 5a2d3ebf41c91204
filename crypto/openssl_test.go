package crypto_test

import (
	"bytes"
	"crypto/md5"
	cryptorand "crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dockercfg/jet/crypto"
)

// random gives bytes that a failed test can have again.
type random struct{ *rand.ChaCha8 }

// newRandom starts from a fresh seed each run, which it prints if the test fails;
// JET_TEST_SEED sets it.
func newRandom(t testing.TB) random {
	t.Helper()
	var seed [32]byte
	if text := os.Getenv("JET_TEST_SEED"); text != "" {
		if n, err := hex.Decode(seed[:], []byte(text)); err != nil || n != len(seed) {
			t.Fatalf("JET_TEST_SEED: %d bytes, %v; want %d bytes in hexadecimal", n, err, len(seed))
		}
	} else {
		cryptorand.Read(seed[:])
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("to have the same cases again: JET_TEST_SEED=%x", seed)
		}
	})
	return random{rand.NewChaCha8(seed)}
}

func (r random) bytes(n int) []byte {
	p := make([]byte, n)
	r.Read(p)
	return p
}

// text gives n bytes of an env file, without a line end where that would be cut.
func (r random) text(n int) []byte {
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "KEY_%d='wörd %x' # $HOME\r\n", r.Uint64()%1000, r.bytes(int(r.Uint64()%40)))
	}
	return b.Bytes()[:n]
}

type openssl struct{ program, dir string }

func findOpenSSL(t *testing.T) openssl {
	t.Helper()
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("needs the program openssl")
	}
	return openssl{program, t.TempDir()}
}

func (o openssl) run(t *testing.T, input []byte, args ...string) []byte {
	t.Helper()
	// The input is a file: base64 in OpenSSL reads a long line from a pipe badly.
	in := filepath.Join(o.dir, "in")
	if err := os.WriteFile(in, input, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(o.program, append(args, "-in", in)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl %s: %v: %s", args[0], err, &stderr)
	}
	return out
}

func (o openssl) cfb(t *testing.T, direction string, key, iv, input []byte) []byte {
	t.Helper()
	return o.run(t, input, "enc", direction, "-aes-256-cfb", "-K", hex.EncodeToString(key), "-iv", hex.EncodeToString(iv))
}

func (o openssl) base64(t *testing.T, direction string, input []byte, args ...string) []byte {
	t.Helper()
	if len(input) == 0 {
		return nil
	}
	return o.run(t, input, append([]string{"base64", direction}, args...)...)
}

// open decrypts a body of one line: IV, then what stands behind it.
func (o openssl) open(t *testing.T, key []byte, body string) []byte {
	t.Helper()
	raw := o.base64(t, "-d", []byte(body), "-A")
	if len(raw) < 16 {
		t.Fatalf("openssl decodes the body to %d bytes, want the 16 of the IV at least", len(raw))
	}
	return o.cfb(t, "-d", key, raw[:16], raw[16:])
}

// seal encrypts to base64, on one line or wrapped as OpenSSL does.
func (o openssl) seal(t *testing.T, key, iv, inner []byte, args ...string) string {
	t.Helper()
	raw := append(bytes.Clone(iv), o.cfb(t, "-e", key, iv, inner)...)
	return string(o.base64(t, "-e", raw, args...))
}

func TestOpenSSL(t *testing.T) {
	program, random := findOpenSSL(t), newRandom(t)
	for _, size := range []int{0, 1, 15, 16, 17, 31, 32, 33, 4 << 10, 1 << 20} {
		for kind, plain := range [][]byte{random.bytes(size), random.text(size)} {
			raw, iv := random.bytes(crypto.KeySize), random.bytes(16)
			key := parseKey(t, base64.StdEncoding.EncodeToString(raw))
			name := fmt.Sprintf("%s of %d/", []string{"binary", "text"}[kind], size)
			checksum := fmt.Sprintf("%x", md5.Sum(plain))

			t.Run(name+"jet writes codeship:v2", func(t *testing.T) {
				var file bytes.Buffer
				if err := crypto.Encrypt(&file, bytes.NewReader(plain), key, crypto.CodeshipV2); err != nil {
					t.Fatal(err)
				}
				body, found := strings.CutPrefix(file.String(), "codeship:v2\n")
				if !found || strings.ContainsAny(body, "\r\n") {
					t.Fatalf("the file is not its header line and one line without a line end")
				}
				inner := program.open(t, raw, body)
				if len(inner) < 32 || string(inner[:32]) != checksum {
					t.Fatalf("openssl finds another checksum")
				}
				if !bytes.Equal(inner[32:], plain) {
					t.Errorf("openssl finds another plaintext")
				}
			})
			t.Run(name+"jet writes unsigned", func(t *testing.T) {
				var file bytes.Buffer
				if err := crypto.Encrypt(&file, bytes.NewReader(plain), key, crypto.Unsigned); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(program.open(t, raw, file.String()), plain) {
					t.Errorf("openssl finds another plaintext")
				}
			})

			withChecksum := append([]byte(checksum), plain...)
			for _, written := range []struct {
				format crypto.Format
				how    string
				file   string
			}{
				{crypto.CodeshipV2, "", "codeship:v2\n" + program.seal(t, raw, iv, withChecksum, "-A")},
				{crypto.CodeshipV2, ", wrapped", "codeship:v2\n" + program.seal(t, raw, iv, withChecksum)},
				{crypto.CloudBeesV1, "", "cloudbees:v1\n" + program.seal(t, raw, iv, withChecksum, "-A")},
				{crypto.Unsigned, "", program.seal(t, raw, iv, plain, "-A")},
				{crypto.Unsigned, ", wrapped", program.seal(t, raw, iv, plain)},
			} {
				t.Run(name+"openssl writes "+written.format.String()+written.how, func(t *testing.T) {
					for _, output := range outputs {
						var got bytes.Buffer
						format, err := crypto.Decrypt(&got, strings.NewReader(written.file), key, output.options...)
						if err != nil {
							t.Fatalf("%s: %v", output.name, err)
						}
						if format != written.format || !bytes.Equal(got.Bytes(), plain) {
							t.Errorf("%s: got format %v and %d bytes, want %v and the plaintext of %d",
								output.name, format, got.Len(), written.format, size)
						}
					}
				})
			}
		}
	}
}

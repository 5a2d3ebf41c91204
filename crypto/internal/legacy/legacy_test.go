package legacy_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dockercfg/jet/crypto/internal/legacy"
)

var (
	key = bytes.Repeat([]byte{3}, 32)
	iv  = [legacy.IVSize]byte{1, 2, 3}
)

func random(n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(data)
	return data
}

// The standard library's CFB is the oracle for ours.
func TestCFB(t *testing.T) {
	block, err := legacy.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 15, 16, 17, 31, 32, 33, 4095, 4096, 4097, 8192, 100_003} {
		plain := random(n)
		want := make([]byte, n)
		reference, _ := aes.NewCipher(key)
		//lint:ignore SA1019 what is tested here is the same mode
		cipher.NewCFBEncrypter(reference, iv[:]).XORKeyStream(want, plain)
		want = append(iv[:], want...)

		for name, src := range map[string]io.Reader{
			"whole": bytes.NewReader(plain), "halves": iotest.HalfReader(bytes.NewReader(plain)),
			"data with EOF": iotest.DataErrReader(bytes.NewReader(plain)),
		} {
			for _, step := range []int{16, 47, 4096, 1 << 20} {
				var got bytes.Buffer
				_, err := io.CopyBuffer(struct{ io.Writer }{&got}, legacy.NewEncrypter(src, block, iv), make([]byte, step))
				if err != nil || !bytes.Equal(got.Bytes(), want) {
					t.Errorf("%d bytes, %s, steps of %d: not CFB (error %v)", n, name, step, err)
				}
				src = bytes.NewReader(plain)
			}
		}
		for _, step := range []int{16, 4096, 4112, 1 << 20} {
			body := bytes.Clone(want)
			for at := legacy.IVSize; at < len(body); at += step {
				// Pieces are decrypted on their own, so in any order.
				piece := bytes.Clone(want[at:min(at+step, len(want))])
				legacy.Decrypt(block, want[at-16:at], piece)
				copy(body[at:], piece)
			}
			if !bytes.Equal(body[legacy.IVSize:], plain) {
				t.Errorf("%d bytes in pieces of %d do not decrypt", n, step)
			}
		}
	}
}

func TestEncrypterErrors(t *testing.T) {
	block, _ := legacy.NewCipher(key)
	if _, err := legacy.NewEncrypter(strings.NewReader("x"), block, iv).Read(make([]byte, 15)); err != io.ErrShortBuffer {
		t.Errorf("buffer of 15: got %v", err)
	}
	boom := errors.New("boom")
	if _, err := io.ReadAll(legacy.NewEncrypter(iotest.ErrReader(boom), block, iv)); err != boom {
		t.Errorf("source: got %v", err)
	}
	if _, err := legacy.NewCipher(key[:31]); err == nil {
		t.Error("a key of 31 bytes is taken")
	}
}

func hexMD5(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestChecker(t *testing.T) {
	long := strings.Repeat("A=b\n", 1000)
	for _, test := range []struct {
		name, in string
		expected bool
		out      string
		want     error
	}{
		{"checksum fits", hexMD5(long) + long, true, long, nil},
		{"empty plaintext", hexMD5(""), true, "", nil},
		{"other checksum", hexMD5("x") + long, true, long, legacy.ErrMismatch},
		{"a byte missing", hexMD5(long) + long[1:], true, long[1:], legacy.ErrMismatch},
		{"upper case", strings.ToUpper(hexMD5("abc")) + "abc", true, "", legacy.ErrNoChecksum},
		{"garbage", strings.Repeat("\x80", 100), true, "", legacy.ErrNoChecksum},
		{"nothing", "", true, "", io.ErrUnexpectedEOF},
		{"31 characters", hexMD5("")[:31], true, "", io.ErrUnexpectedEOF},
		{"none expected, none there", long, false, long, nil},
		{"none expected, short", "A=b", false, "A=b", nil},
		{"none expected, nothing", "", false, "", nil},
		{"none expected, hex by chance", hexMD5("x") + long, false, hexMD5("x") + long, nil},
		{"none expected, 32 hex", hexMD5("x"), false, hexMD5("x"), nil},
		{"none expected, there", hexMD5(long) + long, false, hexMD5(long) + long, legacy.ErrChecksumFound},
		{"none expected, there, empty", hexMD5(""), false, hexMD5(""), legacy.ErrChecksumFound},
	} {
		for _, step := range []int{1, 31, 32, 33, 1 << 20} {
			var out bytes.Buffer
			c := legacy.NewChecker(&out, test.expected)
			err := write(c, test.in, step)
			if err == nil {
				err = c.Close()
			}
			if !errors.Is(err, test.want) || out.String() != test.out {
				t.Errorf("%s in steps of %d: got %d bytes and %v, want %d and %v", test.name, step, out.Len(), err, len(test.out), test.want)
			}
		}
	}
}

func write(w io.Writer, s string, step int) error {
	for len(s) > 0 {
		n := min(step, len(s))
		if _, err := io.WriteString(w, s[:n]); err != nil {
			return err
		}
		s = s[n:]
	}
	return nil
}

func TestChecksum(t *testing.T) {
	got, err := legacy.Checksum(strings.NewReader("abc"))
	if err != nil || string(got) != "900150983cd24fb0d6963f7d28e17f72" { // RFC 1321, A.5
		t.Errorf("got %s, %v", got, err)
	}
	boom := errors.New("boom")
	if _, err := legacy.Checksum(iotest.ErrReader(boom)); err != boom {
		t.Errorf("got %v, want boom", err)
	}
}

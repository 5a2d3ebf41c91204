package sealed_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/dockercfg/jet/crypto/internal/sealed"
)

const (
	headSize = 56
	chunk    = 16 << 10
	tag      = 16
)

var (
	key  = bytes.Repeat([]byte{7}, sealed.KeySize)
	salt = bytes.Repeat([]byte{9}, sealed.SaltSize)
)

func random(n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(data)
	return data
}

func seal(t testing.TB, plain []byte) []byte {
	t.Helper()
	s, err := sealed.NewSealer(bytes.NewReader(plain), key, salt, "test")
	if err != nil {
		t.Fatal(err)
	}
	message, err := io.ReadAll(s)
	if err != nil {
		t.Fatal(err)
	}
	return message
}

// open writes the message in steps and gives what was released.
func open(message []byte, step int, key []byte, context string) ([]byte, error) {
	var plain bytes.Buffer
	o := sealed.NewOpener(&plain, key, context)
	for rest := message; len(rest) > 0; {
		n := min(step, len(rest))
		if _, err := o.Write(rest[:n]); err != nil {
			return plain.Bytes(), err
		}
		rest = rest[n:]
	}
	err := o.Close()
	return plain.Bytes(), err
}

func TestRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, chunk - 1, chunk, chunk + 1, 3*chunk - 5, 16 * chunk, 16*chunk + 1, 40*chunk + 7} {
		plain := random(n)
		message := seal(t, plain)
		if want := headSize + n + tag*(n/chunk+1); len(message) != want {
			t.Errorf("%d bytes seal to %d, want %d", n, len(message), want)
		}
		for _, step := range []int{1 << 30, 147456, chunk + tag, chunk + tag + 1, 4097, 55} {
			got, err := open(message, step, key, "test")
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%d bytes in steps of %d: got %d bytes, error %v", n, step, len(got), err)
			}
		}
	}
	s, _ := sealed.NewSealer(iotest.HalfReader(bytes.NewReader(random(chunk))), key, salt, "test")
	if err := iotest.TestReader(s, seal(t, random(chunk))); err != nil {
		t.Error(err)
	}
}

// Whatever is done to a message, what is released is a prefix of the plaintext
// that ends at a chunk, and an error follows.
func TestTampering(t *testing.T) {
	plain := random(3*chunk + 100)
	message := seal(t, plain)
	sealedChunk := chunk + tag
	at := func(i int) []byte { return message[headSize+i*sealedChunk:][:sealedChunk] }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	end := message[headSize+3*sealedChunk:]
	head := message[:headSize]

	type test struct {
		name    string
		message []byte
		chunks  int // released
		want    error
	}
	tests := []test{
		{"nothing", nil, 0, sealed.ErrTruncated},
		{"salt only", message[:24], 0, sealed.ErrTruncated},
		{"head but a byte", message[:headSize-1], 0, sealed.ErrTruncated},
		{"head only", head, 0, sealed.ErrTruncated},
		{"less than a tag", message[:headSize+tag-1], 0, sealed.ErrTruncated},
		{"last chunk missing", message[:headSize+3*sealedChunk], 3, sealed.ErrTruncated},
		{"last chunk cut inside its tag", message[:headSize+3*sealedChunk+tag-1], 3, sealed.ErrTruncated},
		{"a byte missing at the end", message[:len(message)-1], 3, &sealed.ChunkError{Index: 3}},
		{"a byte more at the end", join(message, []byte{0}), 3, &sealed.ChunkError{Index: 3}},
		{"message twice", join(message, message), 3, &sealed.ChunkError{Index: 3}},
		{"a chunk missing", join(head, at(0), at(2), end), 1, &sealed.ChunkError{Index: 1}},
		{"first chunk missing", join(head, at(1), at(2), end), 0, &sealed.ChunkError{Index: 0}},
		{"chunks swapped", join(head, at(1), at(0), at(2), end), 0, &sealed.ChunkError{Index: 0}},
		{"chunk repeated", join(head, at(0), at(0), at(1), at(2), end), 1, &sealed.ChunkError{Index: 1}},
		{"full chunk as the last", join(head, at(0), at(1)), 2, sealed.ErrTruncated},
	}
	for _, place := range []struct {
		at, chunks int
		want       error
	}{
		{0, 0, sealed.ErrCommitment}, {23, 0, sealed.ErrCommitment},
		{24, 0, sealed.ErrCommitment}, {55, 0, sealed.ErrCommitment},
		{headSize, 0, &sealed.ChunkError{Index: 0}},
		{headSize + sealedChunk, 1, &sealed.ChunkError{Index: 1}},
		{len(message) - 1, 3, &sealed.ChunkError{Index: 3}},
	} {
		flipped := bytes.Clone(message)
		flipped[place.at] ^= 0x10
		tests = append(tests, test{fmt.Sprintf("bit flipped at %d", place.at), flipped, place.chunks, place.want})
	}
	for _, test := range tests {
		for _, step := range []int{1 << 30, 1000} {
			got, err := open(test.message, step, key, "test")
			var wantChunk, gotChunk *sealed.ChunkError
			if errors.As(test.want, &wantChunk) {
				if !errors.As(err, &gotChunk) || gotChunk.Index != wantChunk.Index {
					t.Errorf("%s: got %v, want %v", test.name, err, test.want)
				}
			} else if !errors.Is(err, test.want) {
				t.Errorf("%s: got %v, want %v", test.name, err, test.want)
			}
			if !bytes.Equal(got, plain[:test.chunks*chunk]) {
				t.Errorf("%s: released %d bytes, want %d", test.name, len(got), test.chunks*chunk)
			}
		}
	}
	if _, err := open(message, 1000, bytes.Repeat([]byte{8}, 32), "test"); !errors.Is(err, sealed.ErrCommitment) {
		t.Errorf("other key: got %v", err)
	}
	if _, err := open(message, 1000, key, "best"); !errors.Is(err, sealed.ErrCommitment) {
		t.Errorf("other context: got %v", err)
	}
}

func TestSizesAreChecked(t *testing.T) {
	if _, err := sealed.NewSealer(nil, key[:31], salt, ""); err == nil {
		t.Error("a key of 31 bytes is taken")
	}
	if _, err := sealed.NewSealer(nil, key, salt[:23], ""); err == nil {
		t.Error("a salt of 23 bytes is taken")
	}
	if _, err := open(random(100), 1000, key[:31], ""); err == nil {
		t.Error("a key of 31 bytes opens")
	}
}

func TestErrorsPassThrough(t *testing.T) {
	boom := errors.New("boom")
	s, err := sealed.NewSealer(iotest.ErrReader(boom), key, salt, "test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(s); err != boom {
		t.Errorf("source: got %v, want boom", err)
	}
	o := sealed.NewOpener(brokenWriter{boom}, key, "test")
	if _, err := o.Write(seal(t, random(2*chunk))); err != boom {
		t.Errorf("destination: got %v, want boom", err)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

package growing

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// TestReadFull compares with io.ReadFull.
func TestReadFull(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 10_000)
	failing := errors.New("failing")
	for _, size := range []int{1, smallBytes - 1, smallBytes, smallBytes + 1, 64 << 10} {
		for _, n := range []int{0, 1, smallBytes - 1, smallBytes, smallBytes + 1, 64<<10 - 1, 64 << 10, 64<<10 + 1} {
			for _, ending := range []error{io.EOF, failing} {
				source := func() io.Reader {
					return iotest.HalfReader(io.MultiReader(bytes.NewReader(content[:n]), iotest.ErrReader(ending)))
				}
				want := make([]byte, size)
				wantN, wantErr := io.ReadFull(source(), want)
				for name, buffer := range map[string][]byte{"none": nil, "of the size": make([]byte, size)} {
					got, gotN, err := ReadFull(source(), buffer, size)
					if gotN != wantN || err != wantErr || !bytes.Equal(got[:gotN], want[:wantN]) {
						t.Errorf("%d bytes of %d, %v, buffer %s: got %d, %v, want %d, %v", n, size, ending, name, gotN, err, wantN, wantErr)
					}
					if name == "none" && n < smallBytes && len(got) > smallBytes {
						t.Errorf("%d bytes of %d: the buffer has %d", n, size, len(got))
					}
				}
			}
		}
	}
}

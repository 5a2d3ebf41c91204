package crypto

import (
	"bytes"
	"io"
	"strings"

	"github.com/dockercfg/jet/crypto/internal/armor"
	"github.com/dockercfg/jet/crypto/internal/legacy"
	"github.com/dockercfg/jet/crypto/internal/sealed"
)

// Shape is what an encrypted file tells to everybody.
type Shape struct {
	Format Format
	Size   int64 // of the plaintext, in bytes

	// What readers put up with and no writer of the format leaves: signs that a
	// program for text has been at the file.
	ByteOrderMark   bool // in front
	CarriageReturns bool // line ends are CRLF
}

// Inspect reads src to its end and says what can be known of it without the key.
// Its errors are those of Decrypt that need no key; the Format is then given as
// far as it is known. That there is none does not mean that the file decrypts.
func Inspect(src io.Reader) (Shape, error) {
	head := make([]byte, headBytes)
	n, err := io.ReadFull(src, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return Shape{}, err
	}
	head = head[:n]
	format, start, err := detect(head)
	shape := Shape{Format: format, ByteOrderMark: strings.HasPrefix(string(head), byteOrderMark)}
	if err != nil {
		return shape, err
	}
	returns := &returnFinder{Reader: io.MultiReader(bytes.NewReader(head[start:]), src)}
	var body int64
	nothing := func(*armor.Block) error { return nil }
	if err := armor.Decode(returns, nothing, func(b *armor.Block) error {
		body += int64(len(b.Bytes))
		return nil
	}); err != nil {
		return shape, explain(err, format)
	}
	shape.CarriageReturns = returns.found
	switch {
	case format == JetV1:
		shape.Size, err = sealed.PlaintextSize(body)
	case body < legacy.IVSize:
		err = errNoIV
	case format == Unsigned:
		shape.Size = body - legacy.IVSize
	case body < legacy.IVSize+legacy.ChecksumSize:
		err = io.ErrUnexpectedEOF
	default:
		shape.Size = body - legacy.IVSize - legacy.ChecksumSize
	}
	return shape, explain(err, format)
}

// returnFinder looks for carriage returns in what passes.
type returnFinder struct {
	io.Reader
	found bool
}

func (r *returnFinder) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.found = r.found || bytes.IndexByte(p[:n], '\r') >= 0
	return n, err
}

// Package armor turns the binary body of an encrypted file into base64 text and
// back, on all processors.
package armor

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"slices"

	"github.com/dockercfg/jet/crypto/internal/growing"
	"github.com/dockercfg/jet/crypto/internal/pipeline"
)

const (
	lineBytes  = 48   // bytes on a wrapped line of 64 characters
	lineChars  = 64   // characters on a wrapped line
	blockLines = 3072 // lines in a block: 144 KiB of body, 192 KiB of text
	blockBytes = blockLines * lineBytes
	blockChars = blockLines * lineChars
	rawBytes   = 128 << 10 // how much text is read at once
	smallChars = 8 << 10   // how much is made room for at first
)

// Encode writes body to dst as standard base64 with padding: wrapped at 64
// columns with a final newline, or on one line without.
func Encode(dst io.Writer, body io.Reader, wrapped bool) error {
	type block struct{ body, text []byte }
	fill := func(b *block) (bool, error) {
		buffer, n, err := growing.ReadFull(body, b.body[:cap(b.body)], blockBytes)
		b.body = buffer[:n]
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return true, nil
		}
		return false, err
	}
	work := func(b *block) error {
		b.text = slices.Grow(b.text[:0], (len(b.body)/lineBytes+1)*(lineChars+1))
		b.text = appendEncode(b.text, b.body, wrapped)
		return nil
	}
	drain := func(b *block) error {
		_, err := dst.Write(b.text)
		return err
	}
	return pipeline.Run(fill, work, drain)
}

// appendEncode appends the text of a block of body.
func appendEncode(text, body []byte, wrapped bool) []byte {
	if len(body) >= quickBytes {
		written, read := encodeQuick(text[len(text):cap(text)], body, wrapped)
		text, body = text[:len(text)+written], body[read:]
	}
	if !wrapped {
		return base64.StdEncoding.AppendEncode(text, body)
	}
	for len(body) > 0 {
		n := min(len(body), lineBytes)
		text = append(base64.StdEncoding.AppendEncode(text, body[:n]), '\n')
		body = body[n:]
	}
	return text
}

// A Block is a piece of a decoded body.
type Block struct {
	First  bool   // nothing stands before it
	Before []byte // the 16 bytes of the body right before Bytes; none if First
	Bytes  []byte // the piece, which may be changed; empty only at the end

	text []byte
	size int   // characters in text
	keep int   // of which so many at the front belong to the block before
	skip int64 // characters of the whole text before this block
	body []byte
}

// overlapChars stand at the front of every block but the first, so that a worker
// can see the end of the block before without waiting for it.
const overlapChars = lineChars

const beforeBytes = 16 // a block of AES

// A SyntaxError says that text is not the strict base64 that it should be.
type SyntaxError struct {
	Char   int64  // counted from 1, line ends left out
	Reason string // "is not base64" and the like
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("character %d of the body %s", e.Char, e.Reason)
}

// Decode reads base64 text from src, line ends skipped, and passes the body on:
// work is called for several blocks at once, drain for one after the other. Both
// may be called with an empty block at the end. Text that is not strict standard
// base64 with padding is a *SyntaxError.
func Decode(src io.Reader, work, drain func(*Block) error) error {
	chars := charReader{src: src}
	encoding := base64.StdEncoding.Strict()
	var tail [overlapChars]byte // the last characters of the block before
	var seen int64              // characters handed out so far
	fill := func(b *Block) (bool, error) {
		b.keep = 0
		if seen > 0 {
			b.text = slices.Grow(b.text[:0], overlapChars+blockChars)[:overlapChars+blockChars]
			b.keep = copy(b.text, tail[:])
		}
		var n int
		var err error
		b.text, n, err = chars.read(b.text, b.keep, blockChars)
		b.skip, b.size = seen, b.keep+n
		seen += int64(n)
		copy(tail[:], b.text[max(0, b.size-overlapChars):b.size])
		if err == io.EOF {
			return true, nil
		}
		return false, err
	}
	decodeBlock := func(b *Block) error {
		// Padding that ends a block of full size looks complete to its worker.
		if b.size > b.keep && bytes.IndexByte(b.text[:b.keep], '=') >= 0 {
			return &SyntaxError{Char: b.skip, Reason: "is padding before the end"}
		}
		decoded := b.size/4*3 + 3
		b.body = slices.Grow(b.body[:0], decoded)[:decoded]
		n, err := decode(encoding, b.body, b.text[:b.size])
		switch bad := err.(type) {
		case base64.CorruptInputError:
			return &SyntaxError{Char: b.skip + int64(bad) - int64(b.keep) + 1, Reason: "is not base64"}
		case nil:
		default:
			return err
		}
		start := min(b.keep/4*3, n)
		b.First = b.keep == 0
		b.Before, b.Bytes = b.body[max(0, start-beforeBytes):start], b.body[start:n]
		return work(b)
	}
	return pipeline.Run(fill, decodeBlock, drain)
}

// charReader gives the characters of a text without its line ends.
type charReader struct {
	src  io.Reader
	raw  []byte
	rest []byte // what is left of raw
	full bool   // the last read filled raw
	err  error
}

// read fills a buffer from a place on with size characters, fewer only with an
// error, io.EOF at the end. It gives the buffer, which is made as large as it has
// to be: most texts are short.
func (c *charReader) read(buffer []byte, from, size int) ([]byte, int, error) {
	if len(buffer) == 0 {
		buffer = make([]byte, smallChars)
	}
	n, err := c.fill(buffer[from:min(from+size, len(buffer))])
	if err == nil && n < size {
		buffer = append(make([]byte, 0, from+size), buffer...)[:from+size]
		var more int
		more, err = c.fill(buffer[from+n:])
		n += more
	}
	return buffer, n, err
}

// fill fills dst; it is shorter only with an error, io.EOF at the end.
func (c *charReader) fill(dst []byte) (n int, err error) {
	for n < len(dst) {
		if len(c.rest) == 0 {
			if c.err != nil {
				return n, c.err
			}
			c.next()
			continue
		}
		line := c.rest
		end := bytes.IndexByte(line, '\n')
		if end >= 0 {
			line = line[:end]
		}
		m := copy(dst[n:], line)
		n += m
		if m == len(line) && end >= 0 {
			m++
		}
		c.rest = c.rest[m:]
	}
	return n, nil
}

// next reads more text and drops carriage returns.
func (c *charReader) next() {
	switch {
	case c.raw == nil:
		c.raw = make([]byte, smallChars)
	case c.full && len(c.raw) < rawBytes:
		c.raw = make([]byte, rawBytes)
	}
	n, err := c.src.Read(c.raw)
	c.full = n == len(c.raw)
	c.rest, c.err = c.raw[:n], err
	if bytes.IndexByte(c.rest, '\r') < 0 {
		return
	}
	kept := c.rest[:0]
	for _, b := range c.rest {
		if b != '\r' {
			kept = append(kept, b)
		}
	}
	c.rest = kept
}

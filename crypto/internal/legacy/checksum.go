package legacy

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"hash"
	"io"
)

// ChecksumSize is the length of a checksum: MD5 in lower-case hexadecimal characters.
const ChecksumSize = 2 * md5.Size

var (
	// ErrNoChecksum: the plaintext does not begin with a checksum.
	ErrNoChecksum = errors.New("no checksum at the start")
	// ErrMismatch: the checksum is not that of the plaintext.
	ErrMismatch = errors.New("the checksum does not fit")
	// ErrChecksumFound: a plaintext that should have none begins with its checksum.
	ErrChecksumFound = errors.New("the checksum of the rest stands at the start")
)

// Checksum reads src to its end and gives its checksum.
func Checksum(src io.Reader) ([]byte, error) {
	h := md5.New()
	if _, err := io.Copy(h, src); err != nil {
		return nil, err
	}
	return hex.AppendEncode(nil, h.Sum(nil)), nil
}

// Checker is a writer that passes a decrypted plaintext on and looks for the
// checksum at its start.
type Checker struct {
	dst      io.Writer
	expected bool
	start    []byte    // the first ChecksumSize bytes, as far as they came
	sum      hash.Hash // of all after them; nil if they are no checksum
}

// NewChecker gives a writer that expects a checksum, takes it off and passes the
// rest on to dst; or expects none and passes everything on. What it passed on is
// worth nothing before Close returned nil.
func NewChecker(dst io.Writer, expected bool) *Checker {
	return &Checker{dst: dst, expected: expected}
}

// Write takes the next bytes. Its errors are ErrNoChecksum or those of dst.
func (c *Checker) Write(p []byte) (int, error) {
	taken := len(p)
	if len(c.start) < ChecksumSize {
		n := min(len(p), ChecksumSize-len(c.start))
		c.start = append(c.start, p[:n]...)
		p = p[n:]
		if len(c.start) < ChecksumSize {
			return taken, nil
		}
		if isChecksum(c.start) {
			c.sum = md5.New()
		} else if c.expected {
			return 0, ErrNoChecksum
		}
		if !c.expected {
			if _, err := c.dst.Write(c.start); err != nil {
				return 0, err
			}
		}
	}
	if len(p) == 0 {
		return taken, nil
	}
	if c.sum != nil {
		c.sum.Write(p)
	}
	if _, err := c.dst.Write(p); err != nil {
		return 0, err
	}
	return taken, nil
}

// Close compares the checksum. It does not close dst. Its errors are ErrMismatch
// where a checksum was expected, ErrChecksumFound where none was, io.ErrUnexpectedEOF
// for a plaintext that is too short to hold the expected one, or those of dst.
func (c *Checker) Close() error {
	if len(c.start) < ChecksumSize {
		if c.expected {
			return io.ErrUnexpectedEOF
		}
		_, err := c.dst.Write(c.start)
		return err
	}
	if c.sum == nil {
		return nil
	}
	fits := bytes.Equal(hex.AppendEncode(nil, c.sum.Sum(nil)), c.start)
	switch {
	case c.expected && !fits:
		return ErrMismatch
	case !c.expected && fits:
		return ErrChecksumFound
	}
	return nil
}

func isChecksum(p []byte) bool {
	for _, b := range p {
		if (b < '0' || b > '9') && (b < 'a' || b > 'f') {
			return false
		}
	}
	return true
}

// Package legacy implements the layouts of the original tool: AES-256 in CFB mode
// with an optional MD5 checksum in front of the plaintext, inside the ciphertext.
// It is the only place for CFB and MD5. Neither resists an attacker; both are
// here because the files exist.
package legacy

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"
)

// IVSize is the length of the initialisation vector in front of every body, in bytes.
const IVSize = aes.BlockSize

// NewCipher gives the block cipher for a key of 32 bytes.
func NewCipher(key []byte) (cipher.Block, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("legacy: %w", err)
	}
	return block, nil
}

// The loops below are CFB128 (NIST SP 800-38A, 6.3). crypto/cipher has it too,
// deprecated and at less than two thirds of the speed.

// Encrypter is a reader that gives IV and ciphertext of another reader.
type Encrypter struct {
	block  cipher.Block
	src    io.Reader
	last   [aes.BlockSize]byte // the last block of ciphertext, at first the IV
	stream [aes.BlockSize]byte // what is left of its encryption
	used   int                 // bytes of stream that are used up
	iv     []byte              // what of the IV was not read yet
}

// NewEncrypter gives a reader of the IV, then the ciphertext of src. The IV must
// be random and fresh for every message.
func NewEncrypter(src io.Reader, block cipher.Block, iv [IVSize]byte) *Encrypter {
	return &Encrypter{block: block, src: src, last: iv, used: aes.BlockSize, iv: iv[:]}
}

// Read gives the next bytes of the body.
func (e *Encrypter) Read(p []byte) (int, error) {
	if len(e.iv) > 0 {
		n := copy(p, e.iv)
		e.iv = e.iv[n:]
		return n, nil
	}
	n, err := e.src.Read(p)
	e.encrypt(p[:n])
	return n, err
}

// encrypt works in place, on any number of bytes.
func (e *Encrypter) encrypt(p []byte) {
	for len(p) > 0 && e.used < aes.BlockSize {
		p[0] ^= e.stream[e.used]
		e.last[e.used] = p[0]
		e.used++
		p = p[1:]
	}
	if len(p) >= aes.BlockSize {
		last, stream := e.last[:], e.stream[:]
		for len(p) >= aes.BlockSize {
			e.block.Encrypt(stream, last)
			last = p[:aes.BlockSize]
			xorBlock(last, stream)
			p = p[aes.BlockSize:]
		}
		copy(e.last[:], last)
	}
	if len(p) > 0 {
		e.block.Encrypt(e.stream[:], e.last[:])
		for i := range p {
			p[i] ^= e.stream[i]
			e.last[i] = p[i]
		}
		e.used = len(p)
	}
}

// Decrypt decrypts a piece of ciphertext in place. before is the block of
// ciphertext, or the IV, that stands right before it. Pieces of one message that
// begin at a multiple of 16 bytes can be decrypted at the same time.
func Decrypt(block cipher.Block, before, p []byte) {
	var here, previous, stream [aes.BlockSize]byte
	copy(previous[:], before)
	for len(p) >= aes.BlockSize {
		copy(here[:], p)
		block.Encrypt(stream[:], previous[:])
		xorBlock(p, stream[:])
		previous = here
		p = p[aes.BlockSize:]
	}
	if len(p) > 0 {
		block.Encrypt(stream[:], previous[:])
		for i := range p {
			p[i] ^= stream[i]
		}
	}
}

// xorBlock sets dst to dst XOR mask, for one block.
func xorBlock(dst, mask []byte) {
	_, _ = dst[aes.BlockSize-1], mask[aes.BlockSize-1]
	word := binary.NativeEndian
	word.PutUint64(dst, word.Uint64(dst)^word.Uint64(mask))
	word.PutUint64(dst[8:], word.Uint64(dst[8:])^word.Uint64(mask[8:]))
}

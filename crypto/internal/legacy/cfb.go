// Package legacy implements the layouts of the original tool: AES-256 in CFB mode
// with an optional MD5 checksum in front of the plaintext, inside the ciphertext.
// It is the only place for CFB and MD5. Neither resists an attacker; both are
// here because the files exist.
package legacy

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"fmt"
	"io"
	"sync"
)

// IVSize is the length of the initialisation vector in front of every body, in bytes.
const IVSize = aes.BlockSize

// CFB here is CFB128 of NIST SP 800-38A, 6.3: a block of ciphertext is the
// plaintext XOR the encryption of the block of ciphertext before it. crypto/cipher
// has it too, but deprecated, and slower in both directions.

// NewCipher gives the block cipher for a key of 32 bytes.
func NewCipher(key []byte) (cipher.Block, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("legacy: %w", err)
	}
	return block, nil
}

// Encrypter is a reader that gives IV and ciphertext of another reader.
type Encrypter struct {
	src    io.Reader
	iv     []byte           // nil once it was read
	cbc    cipher.BlockMode // makes the key stream, see Read
	next   [aes.BlockSize]byte
	stream []byte
}

// NewEncrypter gives a reader of the IV, then the ciphertext of src. The IV must
// be random and fresh for every message.
func NewEncrypter(src io.Reader, block cipher.Block, iv [IVSize]byte) *Encrypter {
	e := &Encrypter{src: src, iv: iv[:]}
	block.Encrypt(e.next[:], iv[:])
	e.cbc = cipher.NewCBCEncrypter(block, e.next[:])
	return e
}

// Read fills p with the next bytes of the body, as far as they go. It takes at
// least a block: a shorter p is io.ErrShortBuffer.
//
// The key stream of CFB is the encryption of the ciphertext one block late:
// S(i+1) = E(C(i)) = E(P(i) XOR S(i)). That is CBC over the plaintext, begun with
// S(1) = E(IV), and the standard library does CBC in one go.
func (e *Encrypter) Read(p []byte) (int, error) {
	if len(p) < aes.BlockSize {
		return 0, io.ErrShortBuffer
	}
	if e.iv != nil {
		n := copy(p, e.iv)
		e.iv = nil
		return n, nil
	}
	n, err := io.ReadFull(e.src, p[:len(p)/aes.BlockSize*aes.BlockSize])
	if err == io.ErrUnexpectedEOF {
		err = io.EOF // with the rest of the bytes
	}
	whole := n / aes.BlockSize * aes.BlockSize
	if need := whole + aes.BlockSize; cap(e.stream) < need {
		e.stream = make([]byte, need)
	}
	stream := e.stream[:whole+aes.BlockSize]
	copy(stream, e.next[:])
	e.cbc.CryptBlocks(stream[aes.BlockSize:], p[:whole])
	subtle.XORBytes(p[:n], p[:n], stream)
	copy(e.next[:], stream[whole:])
	return n, err
}

// decryptBytes is how much key stream Decrypt makes at a time.
const decryptBytes = 4 << 10

// A scratch is what Decrypt needs beside its arguments.
type scratch struct {
	stream   [decryptBytes]byte
	previous [aes.BlockSize]byte
}

// scratches are used again: new ones for each piece would be 29 KiB of garbage for
// each MiB that is decrypted.
var scratches = sync.Pool{New: func() any { return new(scratch) }}

// Decrypt decrypts a piece of ciphertext in place. before is the block of
// ciphertext, or the IV, that stands right before it. Pieces of one message that
// begin at a multiple of 16 bytes can be decrypted at the same time.
func Decrypt(block cipher.Block, before, ciphertext []byte) {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	stream, previous := s.stream[:], s.previous[:]
	copy(previous, before)
	for len(ciphertext) > 0 {
		p := ciphertext[:min(len(ciphertext), decryptBytes)]
		ciphertext = ciphertext[len(p):]
		block.Encrypt(stream, previous)
		for i := aes.BlockSize; i < len(p); i += aes.BlockSize {
			block.Encrypt(stream[i:], p[i-aes.BlockSize:i])
		}
		if len(p) == decryptBytes {
			copy(previous, p[decryptBytes-aes.BlockSize:])
		}
		subtle.XORBytes(p, p, stream)
	}
}

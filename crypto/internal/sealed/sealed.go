// Package sealed implements C2SP chunked encryption in the instantiation
// Cobblestone-256 (c2sp.org/chunked-encryption): HKDF-Expand with SHA-512 and
// AES-256-GCM over chunks of 16 KiB. It knows raw bodies only: no header line, no
// base64, no files.
package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/dockercfg/jet/crypto/internal/growing"
)

// Sizes in bytes, all fixed by the specification.
const (
	KeySize        = 32
	SaltSize       = 24
	commitmentSize = 32
	headSize       = SaltSize + commitmentSize
	nonceSize      = 12
	tagSize        = 16
	chunkSize      = 16 << 10
	sealedSize     = chunkSize + tagSize
)

// maxChunks is the most chunks of one message; with it a nonce is never used twice.
const maxChunks = 1 << 38

// A reader or writer handles so many chunks at a time, to make few system calls.
const batch = 16

var (
	// ErrCommitment: the key, the salt, the context or the commitment is not the
	// one the message was sealed with.
	ErrCommitment = errors.New("the key does not fit the commitment")
	// ErrTruncated: the message ends before its last chunk.
	ErrTruncated = errors.New("cut short")
	// ErrTooLong: the message has more chunks than the format allows.
	ErrTooLong = errors.New("longer than the format allows")
)

// A ChunkError says which chunk does not authenticate: it was changed, moved, or
// something was put behind it.
type ChunkError struct {
	Index int64 // from 0
}

func (e *ChunkError) Error() string {
	return fmt.Sprintf("chunk %d of the body does not authenticate", e.Index)
}

// schedule is what the key, the salt and the context give: the cipher, the base
// nonce and the commitment.
type schedule struct {
	gcm        cipher.AEAD
	base       [nonceSize]byte
	commitment [commitmentSize]byte
	next       int64 // index of the next chunk
}

func newSchedule(key, salt []byte, context string) (*schedule, error) {
	if len(key) != KeySize || len(salt) != SaltSize {
		return nil, fmt.Errorf("sealed: key of %d and salt of %d bytes, want %d and %d", len(key), len(salt), KeySize, SaltSize)
	}
	info := "c2sp.org/chunked-encryption@v1+" + "AEAD_AES_256_GCM" + "\x00" + string(salt) + context
	derived, err := hkdf.Expand(sha512.New, key, info, KeySize+nonceSize+commitmentSize)
	if err != nil {
		return nil, fmt.Errorf("sealed: %w", err)
	}
	block, err := aes.NewCipher(derived[:KeySize])
	if err != nil {
		return nil, fmt.Errorf("sealed: %w", err)
	}
	s := new(schedule)
	if s.gcm, err = cipher.NewGCM(block); err != nil {
		return nil, fmt.Errorf("sealed: %w", err)
	}
	copy(s.base[:], derived[KeySize:])
	copy(s.commitment[:], derived[KeySize+nonceSize:])
	return s, nil
}

// nonce gives the nonce of the next chunk: the base nonce XOR its index,
// big-endian and right-aligned.
func (s *schedule) nonce() (nonce [nonceSize]byte, err error) {
	if s.next >= maxChunks {
		return nonce, ErrTooLong
	}
	nonce = s.base
	low := binary.BigEndian.Uint64(nonce[4:]) ^ uint64(s.next)
	binary.BigEndian.PutUint64(nonce[4:], low)
	s.next++
	return nonce, nil
}

// Sealer is a reader that gives the sealed form of another reader.
type Sealer struct {
	src      io.Reader
	schedule *schedule
	plain    []byte // a batch of plaintext, made when it is first needed
	out      []byte // sealed bytes
	rest     []byte // what of them was not read yet
	ended    bool   // the last chunk is sealed
}

// NewSealer gives a reader of the sealed form of src. The salt must be random and
// fresh for every message. It reads src ahead of what was asked for.
func NewSealer(src io.Reader, key, salt []byte, context string) (*Sealer, error) {
	s, err := newSchedule(key, salt, context)
	if err != nil {
		return nil, err
	}
	head := append(append(make([]byte, 0, headSize), salt...), s.commitment[:]...)
	return &Sealer{src: src, schedule: s, rest: head}, nil
}

// Read gives the next sealed bytes. An error of the underlying reader is passed on as it is.
func (s *Sealer) Read(p []byte) (n int, err error) {
	for len(s.rest) == 0 {
		if s.ended {
			return 0, io.EOF
		}
		if err := s.seal(); err != nil {
			return 0, err
		}
	}
	n = copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// seal reads and seals a batch of chunks.
func (s *Sealer) seal() error {
	var n int
	var err error
	s.plain, n, err = growing.ReadFull(s.src, s.plain, batch*chunkSize)
	switch err {
	case nil:
	case io.EOF, io.ErrUnexpectedEOF:
		s.ended = true
	default:
		return err
	}
	out := slices.Grow(s.out[:0], n+(n/chunkSize+1)*tagSize)
	s.out = out
	plain := s.plain[:n]
	for len(plain) >= chunkSize {
		if out, err = s.sealChunk(out, plain[:chunkSize]); err != nil {
			return err
		}
		plain = plain[chunkSize:]
	}
	if s.ended {
		// The last chunk is the one that is shorter, even if that makes it empty.
		if out, err = s.sealChunk(out, plain); err != nil {
			return err
		}
	}
	s.rest = out
	return nil
}

func (s *Sealer) sealChunk(out, plain []byte) ([]byte, error) {
	nonce, err := s.schedule.nonce()
	if err != nil {
		return nil, err
	}
	return s.schedule.gcm.Seal(out, nonce[:], plain, nil), nil
}

// Opener is a writer that takes a sealed message and passes its plaintext on,
// every chunk after it was authenticated. The message is whole only when Close
// returned nil: until then its end may be missing.
type Opener struct {
	dst      io.Writer
	key      []byte
	context  string
	schedule *schedule // nil until the head of the message is there
	pending  []byte    // the head, or the chunk, that is not complete yet
	plain    []byte    // authenticated, not passed on yet
	err      error     // the first error: nothing is opened after it
}

// NewOpener gives a writer that opens the message written to it into dst.
func NewOpener(dst io.Writer, key []byte, context string) *Opener {
	return &Opener{dst: dst, key: key, context: context}
}

// Write takes the next bytes of the message. Its errors are ErrCommitment,
// *ChunkError, ErrTooLong, or those of the underlying writer;
// after the first one every Write and Close gives it again.
func (o *Opener) Write(p []byte) (int, error) {
	if o.err == nil {
		o.err = o.write(p)
	}
	if o.err != nil {
		return 0, o.err
	}
	return len(p), nil
}

func (o *Opener) write(p []byte) error {
	if o.schedule == nil {
		n := min(len(p), headSize-len(o.pending))
		o.pending = append(o.pending, p[:n]...)
		if len(o.pending) < headSize {
			return nil
		}
		p = p[n:]
		if err := o.start(o.pending); err != nil {
			return err
		}
		o.pending = o.pending[:0]
	}
	for len(o.pending)+len(p) >= sealedSize {
		chunk := p
		if len(o.pending) > 0 {
			n := sealedSize - len(o.pending)
			o.pending = append(o.pending, p[:n]...)
			p = p[n:]
			chunk = o.pending
			o.pending = o.pending[:0]
		} else {
			p = p[sealedSize:]
		}
		// A chunk of full size is never the last one.
		if err := o.open(chunk[:sealedSize]); err != nil {
			if flushed := o.flush(); flushed != nil {
				return flushed
			}
			return err
		}
	}
	o.pending = append(o.pending, p...)
	return o.flush()
}

// Close opens the last chunk. It does not close the underlying writer. Its errors
// are ErrTruncated, *ChunkError, or those of the underlying writer.
func (o *Opener) Close() error {
	if o.err == nil {
		o.err = o.close()
	}
	return o.err
}

func (o *Opener) close() error {
	if o.schedule == nil || len(o.pending) < tagSize {
		return ErrTruncated
	}
	last := o.pending
	o.pending = nil
	if err := o.open(last); err != nil {
		return err
	}
	return o.flush()
}

// start checks the commitment.
func (o *Opener) start(head []byte) error {
	s, err := newSchedule(o.key, head[:SaltSize], o.context)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(s.commitment[:], head[SaltSize:]) != 1 {
		return ErrCommitment
	}
	o.schedule = s
	return nil
}

// PlaintextSize gives the length of what is sealed in a message, both in bytes. Its
// errors are ErrTruncated and ErrTooLong.
func PlaintextSize(message int64) (int64, error) {
	chunks := message - headSize
	if chunks < 0 || chunks%sealedSize < tagSize {
		return 0, ErrTruncated
	}
	if chunks/sealedSize >= maxChunks {
		return 0, ErrTooLong
	}
	return chunks - tagSize*(chunks/sealedSize+1), nil
}

// Fits says whether message begins like one that was sealed with the key in the context.
func Fits(message, key []byte, context string) bool {
	return len(message) >= headSize && NewOpener(nil, key, context).start(message[:headSize]) == nil
}

func (o *Opener) open(chunk []byte) error {
	index := o.schedule.next
	nonce, err := o.schedule.nonce()
	if err != nil {
		return err
	}
	plain, err := o.schedule.gcm.Open(o.plain, nonce[:], chunk, nil)
	if err != nil {
		return &ChunkError{Index: index}
	}
	o.plain = plain
	return nil
}

func (o *Opener) flush() error {
	if len(o.plain) == 0 {
		return nil
	}
	_, err := o.dst.Write(o.plain)
	o.plain = o.plain[:0]
	return err
}

package crypto

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/dockercfg/jet/crypto/internal/armor"
	"github.com/dockercfg/jet/crypto/internal/legacy"
	"github.com/dockercfg/jet/crypto/internal/sealed"
)

// An Option changes how Encrypt and Decrypt work.
type Option func(*options)

type options struct {
	spool   func() (Spool, error)
	hidden  bool
	require Format
}

// Spool is a private scratch file: what is written can be read back after Seek.
// Close gives it up for good.
type Spool interface {
	io.ReadWriteSeeker
	io.Closer
}

// WithSpool gives a source of scratch files for an input that must be read twice
// and cannot seek. Only ciphertext is ever written to a Spool. Without this
// option such an input may be 4 MiB long at most.
func WithSpool(open func() (Spool, error)) Option {
	return func(o *options) { o.spool = open }
}

// WithHiddenOutput promises that nobody can see what is written to dst until
// Decrypt returned nil, and that the caller throws it away on an error: dst is an
// unnamed file, say. Decrypt then needs one pass and releases plaintext as it
// comes. Without it Decrypt writes nothing that was not checked first.
func WithHiddenOutput() Option {
	return func(o *options) { o.hidden = true }
}

// WithRequire makes Decrypt refuse formats weaker than f with ErrWeakFormat, so
// that nobody who can write to a repository can downgrade its files.
func WithRequire(f Format) Option {
	return func(o *options) { o.require = f }
}

func apply(opts []Option) *options {
	o := new(options)
	for _, option := range opts {
		option(o)
	}
	return o
}

// errNoKey guards against the zero Key, which anybody could guess.
var errNoKey = errors.New("crypto: the key is not set")

// Encrypt writes src to dst, encrypted with key, as JetV1 or CodeshipV2, or as
// Unsigned for an inline value of a services file. Memory is constant at any size.
//
// CodeshipV2 needs src twice: it seeks back where it can and spools it, encrypted
// under a key of its own, where it cannot; see WithSpool. ErrInputChanged says
// that src was not the same the second time. After an error what dst holds is
// worth nothing.
func Encrypt(dst io.Writer, src io.Reader, key Key, format Format, opts ...Option) error {
	if !key.isSet() {
		return errNoKey
	}
	switch format {
	case JetV1:
		return encryptSealed(dst, src, key)
	case CodeshipV2, Unsigned:
		return encryptLegacy(dst, src, key, format, apply(opts))
	}
	return fmt.Errorf("crypto: format %v is never written", format)
}

func encryptSealed(dst io.Writer, src io.Reader, key Key) error {
	var salt [sealed.SaltSize]byte
	rand.Read(salt[:])
	body, err := sealed.NewSealer(src, key.reveal(), salt[:], JetV1.String())
	if err != nil {
		return err
	}
	if err := writeHeader(dst, JetV1); err != nil {
		return err
	}
	return armor.Encode(dst, body, true)
}

func encryptLegacy(dst io.Writer, src io.Reader, key Key, format Format, o *options) error {
	block, err := legacy.NewCipher(key.reveal())
	if err != nil {
		return err
	}
	if format == CodeshipV2 {
		input, err := rereadPlaintext(src, o)
		if err != nil {
			return err
		}
		defer input.Close()
		if src, err = input.Open(); err != nil {
			return err
		}
		sum, err := legacy.Checksum(src)
		if err != nil {
			return err
		}
		if src, err = input.Open(); err != nil {
			return err
		}
		src = io.MultiReader(bytes.NewReader(sum), src)
		if err := writeHeader(dst, CodeshipV2); err != nil {
			return err
		}
	}
	var iv [legacy.IVSize]byte
	rand.Read(iv[:])
	return armor.Encode(dst, legacy.NewEncrypter(src, block, iv), false)
}

func writeHeader(dst io.Writer, f Format) error {
	_, err := io.WriteString(dst, f.String()+"\n")
	return err
}

// Decrypt writes the plaintext of src to dst and gives the format it found, beside
// an error too, as far as it is known (else 0). Memory is constant at any size.
//
// Nothing is written to dst that was not checked to the last byte: src is read
// once to check it and once more to write; see WithSpool, and WithHiddenOutput
// for the quicker way. The one exception is Unsigned, which has no check: with a
// wrong key the result is garbage and no error.
//
// The errors are those of errors.go, or those of src, dst and the Spool as they are.
func Decrypt(dst io.Writer, src io.Reader, key Key, opts ...Option) (Format, error) {
	if !key.isSet() {
		return 0, errNoKey
	}
	o := apply(opts)
	if o.hidden {
		return decrypt(dst, src, key, o)
	}
	input, err := rereadCiphertext(src, o)
	if err != nil {
		return 0, err
	}
	defer input.Close()
	if src, err = input.Open(); err != nil {
		return 0, err
	}
	if format, err := decrypt(io.Discard, src, key, o); err != nil {
		return format, err
	}
	if src, err = input.Open(); err != nil {
		return 0, err
	}
	return decrypt(dst, src, key, o)
}

// decrypt releases plaintext as it comes.
func decrypt(dst io.Writer, src io.Reader, key Key, o *options) (Format, error) {
	head := make([]byte, headBytes)
	n, err := io.ReadFull(src, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return 0, err
	}
	format, start, err := detect(head[:n])
	if err != nil {
		return format, err
	}
	if format.Strength() < o.require.Strength() {
		return format, fmt.Errorf("%w: it is %v, and at least %v is required", ErrWeakFormat, format, o.require)
	}
	text := io.MultiReader(bytes.NewReader(head[start:n]), src)
	if format == JetV1 {
		err = decryptSealed(dst, text, key)
	} else {
		err = decryptLegacy(dst, text, key, format)
	}
	return format, explain(err, format)
}

func decryptSealed(dst io.Writer, text io.Reader, key Key) error {
	opener := sealed.NewOpener(dst, key.reveal(), JetV1.String())
	work := func(*armor.Block) error { return nil }
	drain := func(b *armor.Block) error {
		_, err := opener.Write(b.Bytes)
		return err
	}
	if err := armor.Decode(text, work, drain); err != nil {
		return err
	}
	return opener.Close()
}

func decryptLegacy(dst io.Writer, text io.Reader, key Key, format Format) error {
	block, err := legacy.NewCipher(key.reveal())
	if err != nil {
		return err
	}
	checker := legacy.NewChecker(dst, format != Unsigned)
	work := func(b *armor.Block) error {
		if b.First { // it begins with the IV
			if len(b.Bytes) < legacy.IVSize {
				return errNoIV
			}
			if format == Unsigned && sealed.Fits(b.Bytes, key.reveal(), JetV1.String()) {
				return &HeaderLostError{JetV1}
			}
			b.Before, b.Bytes = b.Bytes[:legacy.IVSize], b.Bytes[legacy.IVSize:]
		}
		legacy.Decrypt(block, b.Before, b.Bytes)
		return nil
	}
	drain := func(b *armor.Block) error {
		_, err := checker.Write(b.Bytes)
		return err
	}
	if err := armor.Decode(text, work, drain); err != nil {
		return err
	}
	return checker.Close()
}

// errNoIV: the body is shorter than an initialisation vector.
var errNoIV = errors.New("its body is shorter than 16 bytes")

// explain turns what a layer found into what it means for a file of that format.
func explain(err error, format Format) error {
	var syntax *armor.SyntaxError
	var chunk *sealed.ChunkError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax), err == errNoIV:
		if format == Unsigned {
			return fmt.Errorf("%w: it has no header line and %w", ErrNotEncrypted, err)
		}
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case err == sealed.ErrCommitment:
		return fmt.Errorf("%w: %w", ErrWrongKey, err)
	case err == sealed.ErrTruncated, err == sealed.ErrTooLong, errors.As(err, &chunk):
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case err == io.ErrUnexpectedEOF && format != Unsigned:
		return fmt.Errorf("%w: it is cut short, the body cannot hold a checksum", ErrDamaged)
	case format == CloudBeesV1 && (err == legacy.ErrNoChecksum || err == legacy.ErrMismatch):
		return fmt.Errorf("%w: %w", ErrChecksum, ErrVariant)
	case err == legacy.ErrNoChecksum:
		return fmt.Errorf("%w: %w", ErrChecksum, ErrWrongKey)
	case err == legacy.ErrMismatch:
		return fmt.Errorf("%w: %w", ErrChecksum, ErrDamaged)
	case err == legacy.ErrChecksumFound:
		return &HeaderLostError{CodeshipV2}
	}
	return err
}

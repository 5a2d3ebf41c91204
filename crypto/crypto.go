package crypto

import "io"

const byteOrderMark = "\ufeff"

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

// Detect tells the format from the beginning of a file; 64 bytes are enough. The
// error wraps ErrNotEncrypted or ErrUnknownFormat. Unsigned means only that the
// beginning is base64 and that there is no header.
func Detect(head []byte) (Format, error) { panic("todo") }

// Encrypt writes src to dst, encrypted with key, as CodeshipV2 or JetV1 (Unsigned
// too, for inline values of services files). Memory is constant. CodeshipV2
// reads src twice when it can seek and spools it otherwise; see WithSpool.
func Encrypt(dst io.Writer, src io.Reader, key Key, format Format, opts ...Option) error {
	panic("todo")
}

// Decrypt writes the plaintext of src to dst and gives the format it found, also
// beside an error as far as it is known. Memory is constant.
func Decrypt(dst io.Writer, src io.Reader, key Key, opts ...Option) (Format, error) { panic("todo") }

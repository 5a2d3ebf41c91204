package crypto

import "errors"

// What can be wrong with an encrypted file. Decrypt wraps exactly one of
// ErrWrongKey, ErrDamaged, ErrNotEncrypted, ErrUnknownFormat, ErrHeaderLost,
// ErrVariant, ErrWeakFormat or ErrInputChanged around the facts, unless reading or
// writing failed: then the error is the reader's or the writer's.
var (
	// ErrWrongKey: the key is not the one the file was encrypted with, or the
	// first bytes of the file are damaged; the two cannot be told apart.
	ErrWrongKey = errors.New("wrong key, or a damaged start")
	// ErrDamaged: the key is right and the file is damaged or cut short.
	ErrDamaged = errors.New("damaged")
	// ErrNotEncrypted: the file is in no encrypted format.
	ErrNotEncrypted = errors.New("not an encrypted file")
	// ErrUnknownFormat: the first line looks like a header of a format that is not known.
	ErrUnknownFormat = errors.New("unknown format")
	// ErrHeaderLost: the body of a codeship:v2 or jet:v1 file without its header
	// line. The error is a *HeaderLostError, which says which.
	ErrHeaderLost = errors.New("the header line is lost")
	// ErrVariant: a cloudbees:v1 file whose check fails. No sample with a known
	// key was ever published, so a wrong key and an unknown variant look alike.
	ErrVariant = errors.New("wrong key, damage, or a variant of cloudbees:v1 that is not understood")
	// ErrWeakFormat: the file is in a weaker format than WithRequire asks for.
	ErrWeakFormat = errors.New("the format is too weak")
	// ErrInputChanged: the input was not the same when it was read a second time.
	ErrInputChanged = errors.New("the input changed while it was read")

	// ErrChecksum is wrapped beside ErrWrongKey, ErrDamaged or ErrVariant when the
	// file carries a checksum (codeship:v2, cloudbees:v1). Its text is the
	// original tool's, which users search for.
	ErrChecksum = errors.New("checksum for decrypted data is invalid, corrupt AES key or data")
)

// HeaderLostError is an ErrHeaderLost that knows what the header line was.
type HeaderLostError struct {
	Format Format
}

func (e *HeaderLostError) Error() string { return "the header line " + e.Format.String() + " is lost" }

// Unwrap gives ErrHeaderLost.
func (e *HeaderLostError) Unwrap() error { return ErrHeaderLost }

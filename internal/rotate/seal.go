package rotate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/content"
	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/services"
	"github.com/dockercfg/jet/internal/trustedkey"
)

// maxNamed bounds a plaintext that is looked into for names, in bytes.
const maxNamed = 4 << 20

// decrypted is what is known of an encrypted file that was decrypted.
type decrypted struct {
	format crypto.Format
	sum    digest // of the file
	proof  digest // of the plaintext
	size   int64  // of the plaintext
	plain  []byte // nil if it is over maxNamed long
}

// decrypt reads a whole file.
func (p *Plan) decrypt(ctx context.Context, path string, key crypto.Key) (decrypted, error) {
	file, err := os.Open(path)
	if err != nil {
		return decrypted{}, err
	}
	defer file.Close()
	sum, proof := sha256.New(), p.prove()
	var plain limited
	format, err := crypto.Decrypt(io.MultiWriter(proof, &plain), io.TeeReader(reader{ctx, file}, sum), key,
		crypto.WithHiddenOutput(), crypto.WithRequire(p.Require))
	return decrypted{format, sumOf(sum), sumOf(proof), plain.size, plain.bytes}, err
}

// limited keeps what is written as long as it is short.
type limited struct {
	bytes []byte
	size  int64
}

func (l *limited) Write(p []byte) (int, error) {
	if l.size += int64(len(p)); l.size <= maxNamed {
		l.bytes = append(l.bytes, p...)
	} else {
		l.bytes = nil
	}
	return len(p), nil
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

func (p *Plan) newFile(path string, read decrypted) *File {
	f := &File{Path: path, From: read.format, To: p.target(read.format), sum: read.sum, proof: read.proof}
	f.name(read.plain)
	return f
}

// name finds the names of the secrets in a plaintext.
func (f *File) name(plain []byte) {
	if plain == nil {
		return // an empty or a very long one
	}
	c := content.Parse(plain, f.Path)
	names, hidden := c.Names()
	f.Kind, f.Hidden = c.Kind, f.Hidden+hidden
	for _, name := range names {
		if !slices.Contains(f.Names, name) {
			f.Names = append(f.Names, name)
		}
	}
}

func weakTarget(to, required crypto.Format) error {
	return fmt.Errorf("%w: it would be written as %v, and at least %v is required", crypto.ErrWeakFormat, to, required)
}

// stagedMark stands in the names of new files until they take their place, before
// the ID of the rotation.
const stagedMark = ".jet-rotate-"

// idLength is the length of an ID, which is of rand.Text.
const idLength = 26

// maxStem is how much of a name is repeated: file systems allow names of 255 bytes.
const maxStem = 200

// stagedPath gives the name of the new file for one at path.
func stagedPath(path, id string) string {
	dir, name := filepath.Split(path)
	return dir + "." + name[:min(len(name), maxStem)] + stagedMark + id
}

func isStaged(path string) bool {
	name := filepath.Base(path)
	at := strings.LastIndex(name, stagedMark)
	return at > 0 && name[0] == '.' && len(name) == at+len(stagedMark)+idLength
}

// stage writes the new version of a file beside it, reads that back, and gives its
// digest. After an error there is none.
func (p *Plan) stage(ctx context.Context, f *File, id string) (digest, error) {
	path := p.full(f.Path)
	stagedAs := stagedPath(path, id)
	out, err := outfile.Stage(path, stagedAs, outfile.Shared)
	if err != nil {
		return digest{}, beside(err)
	}
	defer out.Close()
	written := sha256.New()
	fill, check := p.reencrypt, p.readBack
	switch {
	case f.shared:
		fill, check = p.writeContent, p.readBackContent
	case f.Values > 0:
		fill, check = p.rewriteValues, p.readBackValues
	}
	if err = fill(ctx, f, io.MultiWriter(out, written)); err == nil {
		err = out.Commit()
	}
	if err != nil {
		return digest{}, beside(err)
	}
	sum := sumOf(written)
	if err := check(ctx, f, stagedAs, sum); err != nil {
		return digest{}, errors.Join(err, os.Remove(stagedAs))
	}
	return sum, nil
}

// beside says what an error of the system is about, without the paths in it: the
// caller names the file.
func beside(err error) error {
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return fmt.Errorf("its new version cannot be written beside it: %w", errno)
	}
	return err
}

// reencrypt decrypts a file with the old key into an encryption with the new one.
func (p *Plan) reencrypt(ctx context.Context, f *File, dst io.Writer) error {
	file, err := os.Open(p.full(f.Path))
	if err != nil {
		return err
	}
	defer file.Close()
	sum, proof := sha256.New(), p.prove()
	plain, writer := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := crypto.Decrypt(io.MultiWriter(writer, proof), io.TeeReader(reader{ctx, file}, sum), p.Old.Key, crypto.WithHiddenOutput())
		writer.CloseWithError(err)
	}()
	err = trustedkey.Named(p.New.Key).Encrypt(dst, plain, f.To, crypto.WithSpool(spool))
	plain.Close()
	<-done
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if sumOf(sum) != f.sum && (err == nil || isOfFile(err)) {
		return ErrChanged
	}
	if err == nil && sumOf(proof) != f.proof {
		return ErrReadBack
	}
	return err
}

// isOfFile reports whether an error is about what is in an encrypted file.
func isOfFile(err error) bool {
	for _, e := range []error{
		crypto.ErrWrongKey, crypto.ErrDamaged, crypto.ErrNotEncrypted, crypto.ErrUnknownFormat, crypto.ErrHeaderLost, crypto.ErrVariant, crypto.ErrWeakFormat,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func spool() (crypto.Spool, error) { return outfile.OpenSpool() }

// readBack checks a new file, which is to open to the same plaintext.
func (p *Plan) readBack(ctx context.Context, f *File, path string, sum digest) error {
	read, err := p.decrypt(ctx, path, p.New.Key)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%w: %w", ErrReadBack, err)
	case read.sum != sum || read.proof != f.proof || read.format != f.To:
		return ErrReadBack
	}
	return nil
}

// writeContent writes a file of Shared.
func (p *Plan) writeContent(_ context.Context, f *File, dst io.Writer) error {
	_, err := dst.Write(f.content)
	return err
}

func (p *Plan) readBackContent(_ context.Context, f *File, path string, sum digest) error {
	data, err := os.ReadFile(path)
	if err == nil && sha256.Sum256(data) != sum {
		err = ErrReadBack
	}
	return err
}

// rewriteValues writes a services file with its values encrypted anew.
func (p *Plan) rewriteValues(_ context.Context, f *File, dst io.Writer) error {
	data, err := readServices(p.full(f.Path))
	if err != nil {
		return err
	}
	if sha256.Sum256(data) != f.sum {
		return ErrChanged
	}
	sealed, _, err := p.sealValues(f.Path, data)
	if err != nil {
		return err
	}
	_, err = dst.Write(sealed)
	return err
}

// sealValues gives a services file with its values encrypted anew, and what is
// known of it. Values that the new key opens stay as they are. The error may be a
// Problem with the line of a value.
func (p *Plan) sealValues(path string, data []byte) ([]byte, *File, error) {
	parsed, err := services.Parse(data)
	if err != nil {
		return nil, nil, err
	}
	f := &File{Path: path, sum: sha256.Sum256(data)}
	proof := p.prove()
	texts := make([]string, len(parsed.Values))
	for i, v := range parsed.Values {
		if v.Format == 0 {
			continue
		}
		plain, isNew, err := p.openValue(path, v)
		if err == nil && !isNew {
			var sealed strings.Builder
			err = trustedkey.Named(p.New.Key).Encrypt(&sealed, bytes.NewReader(plain), valueFormat(v.Format))
			texts[i] = sealed.String()
			f.Values++
			f.name(plain)
		}
		if err != nil {
			return nil, nil, Problem{Path: path, Line: v.Line, Err: err}
		}
		proveValue(proof, plain)
	}
	f.proof = sumOf(proof)
	sealed, err := parsed.Replace(texts)
	return sealed, f, err
}

// valueFormat gives the format in which a value is written: inline values stay
// unsigned, which is all that the original tool reads there.
func valueFormat(from crypto.Format) crypto.Format {
	if from == crypto.CloudBeesV1 {
		return crypto.CodeshipV2
	}
	return from
}

func proveValue(proof io.Writer, plain []byte) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(plain)))
	proof.Write(length[:])
	proof.Write(plain)
}

// openValue decrypts a value with the key that fits, and says whether that is the
// new one.
func (p *Plan) openValue(path string, v services.Value) (plain []byte, isNew bool, err error) {
	_, fitsOld := crypto.Probe([]byte(v.Text), p.Old.Key)
	_, fitsNew := crypto.Probe([]byte(v.Text), p.New.Key)
	key, vouched := p.Old.Key, slices.Contains(p.Unsigned, path)
	switch {
	case fitsOld == nil:
	case fitsNew == nil:
		key, isNew = p.New.Key, true
	case v.Format == crypto.Unsigned && !vouched:
		return nil, false, ErrUncertain
	}
	var b bytes.Buffer
	_, err = crypto.Decrypt(&b, strings.NewReader(v.Text), key, crypto.WithRequire(p.Require))
	if fitsOld == nil && fitsNew == nil && p.mixed && !vouched && b.Len() > 0 {
		err = ErrAmbiguous
	}
	return b.Bytes(), isNew, err
}

// nameValues fills in what is known of a services file that has the new key.
func (p *Plan) nameValues(f *File, data []byte) {
	parsed, err := services.Parse(data)
	if err != nil {
		return
	}
	for _, v := range parsed.Values {
		var plain bytes.Buffer
		if _, err := crypto.Decrypt(&plain, strings.NewReader(v.Text), p.New.Key); v.Format != 0 && err == nil {
			f.Values++
			f.name(plain.Bytes())
		}
	}
}

// readBackValues checks a new services file: all its values are to open with the
// new key, to what they were.
func (p *Plan) readBackValues(_ context.Context, f *File, path string, sum digest) error {
	data, err := readServices(path)
	if err != nil {
		return err
	}
	parsed, err := services.Parse(data)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrReadBack, err)
	}
	proof := p.prove()
	for _, v := range parsed.Values {
		if v.Format == 0 {
			continue
		}
		var plain bytes.Buffer
		if _, err := crypto.Decrypt(&plain, strings.NewReader(v.Text), p.New.Key); err != nil {
			return fmt.Errorf("%w: line %d: %w", ErrReadBack, v.Line, err)
		}
		proveValue(proof, plain.Bytes())
	}
	if sha256.Sum256(data) != sum || sumOf(proof) != f.proof {
		return ErrReadBack
	}
	return nil
}

package crypto

import (
	"bytes"
	"crypto/rand"
	"errors"
	"hash/maphash"
	"io"

	"github.com/dockercfg/jet/crypto/internal/growing"
	"github.com/dockercfg/jet/crypto/internal/sealed"
)

// maxInMemory is how much of an input that cannot seek is kept in memory, in bytes.
const maxInMemory = 4 << 20

// errNoSpool is for a caller who gave no WithSpool.
var errNoSpool = errors.New("crypto: the input cannot seek and is over 4 MiB long")

// A rereadable is an input that can be read from its beginning more than once.
type rereadable interface {
	// Open gives a reader from the beginning. It ends the reader given before.
	Open() (io.Reader, error)
	io.Closer
}

// rereadCiphertext makes a rereadable of an encrypted file.
func rereadCiphertext(src io.Reader, o *options) (rereadable, error) {
	if input, ok := seekable(src); ok {
		return input, nil
	}
	start, whole, err := readStart(src)
	if err != nil || whole {
		return &inMemory{start}, err
	}
	spool, err := fillSpool(o, io.MultiReader(bytes.NewReader(start), src))
	if err != nil {
		return nil, err
	}
	return &spooled{spool}, nil
}

// rereadPlaintext makes a rereadable of a plaintext, which is never spooled as it is.
func rereadPlaintext(src io.Reader, o *options) (rereadable, error) {
	if input, ok := seekable(src); ok {
		return input, nil
	}
	start, whole, err := readStart(src)
	if err != nil || whole {
		return &inMemory{start}, err
	}
	once := GenerateKey()
	var salt [sealed.SaltSize]byte
	rand.Read(salt[:])
	hidden, err := sealed.NewSealer(io.MultiReader(bytes.NewReader(start), src), once.reveal(), salt[:], spoolContext)
	if err != nil {
		return nil, err
	}
	spool, err := fillSpool(o, hidden)
	if err != nil {
		return nil, err
	}
	return &sealedSpool{spooled: spooled{spool}, key: once}, nil
}

// readStart reads what may be kept in memory, and says whether that is all.
func readStart(src io.Reader) (start []byte, whole bool, err error) {
	// Two sizes and no more: what a growing buffer leaves behind would double the memory.
	start, n, err := growing.ReadFull(src, nil, 64<<10)
	if err == nil {
		start = append(make([]byte, 0, maxInMemory+1), start...)[:maxInMemory+1]
		var more int
		more, err = io.ReadFull(src, start[n:])
		n += more
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return start[:n], true, nil
	}
	return start, false, err
}

func fillSpool(o *options, src io.Reader) (Spool, error) {
	if o.spool == nil {
		return nil, errNoSpool
	}
	spool, err := o.spool()
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{spool}, src, make([]byte, 128<<10)); err != nil {
		return nil, errors.Join(err, spool.Close())
	}
	return spool, nil
}

// inMemory is an input that was read whole.
type inMemory struct{ data []byte }

func (m *inMemory) Open() (io.Reader, error) { return bytes.NewReader(m.data), nil }
func (m *inMemory) Close() error             { return nil }

// spooled is an input in a scratch file.
type spooled struct{ Spool }

func (s *spooled) Open() (io.Reader, error) {
	_, err := s.Seek(0, io.SeekStart)
	return s.Spool, err
}

const spoolContext = "github.com/dockercfg/jet spool"

// sealedSpool is an input in a scratch file under a key that exists only here.
type sealedSpool struct {
	spooled
	key  Key
	pipe *io.PipeReader // of the reader given last
}

func (s *sealedSpool) Open() (io.Reader, error) {
	s.stop()
	file, err := s.spooled.Open()
	if err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	s.pipe = reader
	go func() {
		opener := sealed.NewOpener(writer, s.key.reveal(), spoolContext)
		_, err := io.CopyBuffer(opener, struct{ io.Reader }{file}, make([]byte, 128<<10))
		if err == nil {
			err = opener.Close()
		}
		writer.CloseWithError(err)
	}()
	return reader, nil
}

func (s *sealedSpool) stop() {
	if s.pipe != nil {
		s.pipe.Close()
	}
}

func (s *sealedSpool) Close() error {
	s.stop()
	return s.spooled.Close()
}

// segmentBytes is the unit in which an input is compared with itself.
const segmentBytes = 256 << 10

// A seeker is an input that is read again by seeking back, and that others may
// change in between. The first pass remembers a fingerprint of every segment,
// eight bytes each; later passes release no segment that differs.
type seeker struct {
	src   io.ReadSeeker
	start int64
	seed  maphash.Seed
	sums  []uint64
	pass  *pass
}

func seekable(src io.Reader) (*seeker, bool) {
	s, ok := src.(io.ReadSeeker)
	if !ok {
		return nil, false
	}
	start, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, false // a pipe or a terminal
	}
	return &seeker{src: s, start: start, seed: maphash.MakeSeed()}, true
}

func (s *seeker) Open() (io.Reader, error) {
	again := s.pass != nil
	if again {
		s.pass.stop()
		if _, err := s.src.Seek(s.start, io.SeekStart); err != nil {
			return nil, err
		}
	}
	s.pass = &pass{seeker: s, again: again}
	return s.pass, nil
}

func (s *seeker) Close() error {
	if s.pass != nil {
		s.pass.stop()
	}
	return nil
}

// check remembers or compares the fingerprint of a segment.
func (s *seeker) check(index int, data []byte, again bool) error {
	sum := maphash.Bytes(s.seed, data)
	if !again {
		s.sums = append(s.sums, sum)
		return nil
	}
	if index >= len(s.sums) || s.sums[index] != sum {
		return ErrInputChanged
	}
	return nil
}

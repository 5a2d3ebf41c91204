package crypto

import (
	"io"
	"sync"

	"github.com/dockercfg/jet/crypto/internal/growing"
)

// A pass is one reading of a seeker from its beginning. It reads segments ahead
// of what was asked for, since hashing and reading them need not wait for the
// work on the one before; an input of one segment takes no goroutine.
type pass struct {
	*seeker
	again bool
	count int    // segments read
	rest  []byte // what of the current segment was not given out yet
	err   error  // what comes after rest

	ahead   chan segment // filled by readAhead; nil before the second segment
	idle    chan []byte  // buffers that readAhead may fill
	current []byte       // the buffer that rest is in
	quit    chan struct{}
	once    sync.Once
	done    sync.WaitGroup
}

type segment struct {
	buffer, data []byte
	err          error
}

// segmentsAhead is how many segments are in memory at once.
const segmentsAhead = 4

func (p *pass) Read(dst []byte) (int, error) {
	if err := p.next(); err != nil {
		return 0, err
	}
	n := copy(dst, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// WriteTo saves io.Copy a copy.
func (p *pass) WriteTo(dst io.Writer) (written int64, err error) {
	for {
		switch err := p.next(); err {
		case nil:
		case io.EOF:
			return written, nil
		default:
			return written, err
		}
		n, err := dst.Write(p.rest)
		written += int64(n)
		if err != nil {
			return written, err
		}
		p.rest = nil
	}
}

// next makes sure that there is something to give out.
func (p *pass) next() error {
	for len(p.rest) == 0 {
		if p.err != nil {
			return p.err
		}
		var s segment
		if p.current == nil {
			s = p.read(nil)
		} else {
			if p.ahead == nil {
				p.readAhead()
			}
			p.idle <- p.current
			s = <-p.ahead
		}
		p.current, p.rest, p.err = s.buffer, s.data, s.err
	}
	return nil
}

// read reads and checks a segment, the last one of which may be empty. The buffer
// is one of segmentBytes, or nil for the first.
func (p *pass) read(buffer []byte) segment {
	buffer, n, err := growing.ReadFull(p.src, buffer, segmentBytes)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	if err == nil || err == io.EOF {
		if changed := p.check(p.count, buffer[:n], p.again); changed != nil {
			err = changed
		}
	}
	p.count++
	if err != nil && err != io.EOF {
		n = 0
	}
	return segment{buffer: buffer, data: buffer[:n], err: err}
}

func (p *pass) readAhead() {
	p.ahead = make(chan segment, segmentsAhead)
	p.idle = make(chan []byte, segmentsAhead)
	p.quit = make(chan struct{})
	for range segmentsAhead - 1 {
		p.idle <- make([]byte, segmentBytes)
	}
	p.done.Go(func() {
		for {
			select {
			case <-p.quit:
				return
			case buffer := <-p.idle:
				s := p.read(buffer)
				p.ahead <- s
				if s.err != nil {
					return
				}
			}
		}
	})
}

// stop ends reading ahead, so that the source can be used again.
func (p *pass) stop() {
	if p.ahead != nil {
		p.once.Do(func() { close(p.quit) })
		p.done.Wait()
	}
}

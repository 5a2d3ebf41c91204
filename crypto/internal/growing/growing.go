// Package growing reads into buffers that are small for small inputs: most files
// are, and to make and clear large buffers would take longer than all the rest.
package growing

import "io"

// smallBytes is how large a buffer is at first.
const smallBytes = 8 << 10

// ReadFull is io.ReadFull into a buffer of size bytes. The buffer may be nil: then
// one is made, as large as it has to be. It gives the buffer, which is at least as
// long as what was read.
func ReadFull(src io.Reader, buffer []byte, size int) ([]byte, int, error) {
	if len(buffer) == 0 {
		buffer = make([]byte, min(size, smallBytes))
	}
	n, err := io.ReadFull(src, buffer[:min(size, len(buffer))])
	if err != nil || len(buffer) >= size {
		return buffer, n, err
	}
	buffer = append(make([]byte, 0, size), buffer...)[:size]
	more, err := io.ReadFull(src, buffer[n:])
	if err == io.EOF { // only the first read may end so
		err = io.ErrUnexpectedEOF
	}
	return buffer, n + more, err
}

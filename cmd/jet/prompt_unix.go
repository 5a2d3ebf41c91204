//go:build linux || darwin

package main

import (
	"io"

	"golang.org/x/sys/unix"
)

// hideTyping has the terminal show nothing of what is typed, and give whole lines.
func hideTyping(descriptor int) error {
	state, err := unix.IoctlGetTermios(descriptor, getTermios)
	if err != nil {
		return err
	}
	state.Lflag &^= unix.ECHO
	state.Lflag |= unix.ICANON | unix.ISIG
	state.Iflag |= unix.ICRNL
	return unix.IoctlSetTermios(descriptor, setTermios, state)
}

// readTyped reads a line of a terminal that shows nothing, without its end. Unlike
// term.ReadPassword it does not change the terminal: who gives up waiting for it
// can put that back at any time. The end of input is io.EOF.
func readTyped(descriptor int) ([]byte, error) {
	var line []byte
	for {
		var one [1]byte
		switch n, err := unix.Read(descriptor, one[:]); {
		case err == unix.EINTR:
		case err != nil:
			return nil, err
		case n == 0 && line == nil:
			return nil, io.EOF
		case n == 0 || one[0] == '\n':
			return line, nil
		default:
			line = append(line, one[0])
		}
	}
}

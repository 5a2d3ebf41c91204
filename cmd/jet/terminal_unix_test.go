//go:build unix

package main

import (
	"os"
	"syscall"
)

// leaveTerminal makes sure that a program under test, of which nobody expects a
// question, does not ask the terminal that the tests were started from.
func leaveTerminal() {
	if _, ok := terminalOf(os.Stdin); ok {
		return // that of a test
	}
	if terminal, err := os.Open("/dev/tty"); err == nil {
		terminal.Close()
		syscall.Setsid() // an error is for one who leads a session, and has left it
	}
}

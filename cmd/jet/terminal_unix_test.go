//go:build unix

package main

import (
	"os"
	"syscall"
)

// keepTerminal is a variable for programs that are to ask the terminal of their
// session.
const keepTerminal = "JET_TEST_KEEP_TERMINAL"

// leaveTerminal makes sure that a program under test, of which nobody expects a
// question, does not ask the terminal that the tests were started from.
func leaveTerminal() {
	if _, ok := terminalOf(os.Stdin); ok || os.Getenv(keepTerminal) != "" {
		return // it is that of a test
	}
	if terminal, err := os.Open("/dev/tty"); err == nil {
		terminal.Close()
		syscall.Setsid() // an error is for one who leads a session, and has left it
	}
}

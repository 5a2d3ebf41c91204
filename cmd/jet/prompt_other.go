//go:build !linux && !darwin

package main

import "golang.org/x/term"

// hideTyping leaves that to readTyped here.
func hideTyping(int) error { return nil }

// readTyped reads a line without its end, of which the terminal shows nothing.
func readTyped(descriptor int) ([]byte, error) { return term.ReadPassword(descriptor) }

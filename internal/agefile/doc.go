// Package agefile does the work of jet-age: it opens and makes files of age. See
// package sharedkey for who asks it and why it is a program of its own.
package agefile

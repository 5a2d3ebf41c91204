// Package program runs backends that are programs of their own: jet-generator-NAME,
// in any language, found on PATH. docs/backends.md describes the protocol for their
// authors; this package is the other side of it.
//
// A program is asked twice. "jet-generator-NAME describe" prints what it is and
// which variables it reads, so that help, selection and the check for missing
// variables treat it as any other backend. "jet-generator-NAME generate" reads
// those variables and the options as JSON on stdin and prints entries as JSON.
//
// A program is not trusted to behave: it ends with the context, its output has a
// limit, its environment lacks the project key and the variables that it gets on
// stdin, and no error holds what it printed on stdout, since that may be a secret.
package program

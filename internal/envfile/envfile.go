// Package envfile reads files of environment variables, one NAME=value a line,
// in the two dialects that are common: that of `docker run --env-file` and dotenv.
//
// Values are secrets as often as not. No error and no notice quotes one; they
// give line numbers, and names where the name is clearly one.
package envfile

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxLine is the longest line accepted, in bytes. Docker stops at 64 KiB, which
// certificates and key files on one line can exceed; Linux takes at most 128 KiB
// for one variable of a program's environment.
const maxLine = 1 << 20

// Variable is one variable of a file. It prints as its line alone, in JSON too:
// the value may be a secret, and where a file is not what it seems, the name.
type Variable struct {
	Name, Value string
	Line        int  // where it stands, from 1; 0 if that is not known (Dotenv)
	Set         bool // false: a bare NAME without "=", which Docker would take from its own environment
	Plain       bool // the name is one beyond doubt, and can be shown; else it may be a piece of a secret
}

// Format hides name and value under every verb.
func (v Variable) Format(s fmt.State, _ rune) { io.WriteString(s, v.redacted()) }

// MarshalText hides name and value in JSON and other encodings.
func (v Variable) MarshalText() ([]byte, error) { return []byte(v.redacted()), nil }

func (v Variable) redacted() string { return fmt.Sprintf("line %d: [redacted]", v.Line) }

// Notice is something a person should know about a file that is valid.
type Notice struct {
	Line int    // from 1
	Text string // never quotes a value
}

func (n Notice) String() string { return fmt.Sprintf("line %d: %s", n.Line, n.Text) }

// File is what a file of variables holds. Its values may be secrets.
type File struct {
	Variables []Variable // in the order of the file (Docker) or of the names (Dotenv)
	Notices   []Notice   // in the order of the file
}

// Lookup gives the value of a variable and whether the file sets it. The last
// line that sets a variable wins, as in Docker. A bare NAME sets nothing: the
// file is a closed scope, nothing comes into it from outside.
func (f File) Lookup(name string) (string, bool) {
	for i := len(f.Variables) - 1; i >= 0; i-- {
		if v := f.Variables[i]; v.Set && v.Name == name {
			return v.Value, true
		}
	}
	return "", false
}

// ParseError says why a file cannot be read. It never quotes a value.
type ParseError struct {
	Line    int    // from 1; 0 if it is not known
	Problem string // what is wrong
	Hint    string // what to do about it; "" if there is nothing to say
}

// Error leaves the hint to the caller.
func (e *ParseError) Error() string {
	if e.Line == 0 {
		return "envfile: " + e.Problem
	}
	return fmt.Sprintf("envfile: line %d: %s", e.Line, e.Problem)
}

// Syntax is a dialect of files of variables.
type Syntax int

const (
	// Docker is the syntax of `docker run --env-file`: everything after the first
	// "=" is the value, quotes, blanks, "$" and "#" included.
	Docker Syntax = iota
	// Dotenv is the syntax of .env files as github.com/joho/godotenv reads them:
	// quotes, escapes, comments behind values, and $NAME replaced by the value of
	// an earlier line.
	Dotenv
)

// String gives the name that ParseSyntax reads.
func (s Syntax) String() string {
	switch s {
	case Docker:
		return "docker"
	case Dotenv:
		return "dotenv"
	}
	return fmt.Sprintf("Syntax(%d)", int(s))
}

// ParseSyntax gives the syntax of a name: docker or dotenv.
func ParseSyntax(name string) (Syntax, error) {
	for _, s := range []Syntax{Docker, Dotenv} {
		if name == s.String() {
			return s, nil
		}
	}
	return 0, fmt.Errorf("envfile: syntax %q is not known (known: docker, dotenv)", name)
}

// Parse reads a file of variables in UTF-8, with or without a byte-order mark,
// its lines ended by LF or CRLF and at most 1 MiB long. NUL bytes are refused,
// as no environment can hold them. Every error is a *ParseError.
func Parse(data []byte, s Syntax) (File, error) {
	switch s {
	case Docker:
		return parseDocker(data)
	case Dotenv:
		return parseDotenv(data)
	}
	return File{}, &ParseError{Problem: fmt.Sprintf("%v is not a syntax", s)}
}

var byteOrderMark = []byte("\uFEFF")

// checkLine refuses a line that is invalid in both syntaxes.
func checkLine(line []byte, number int) error {
	switch {
	case len(line) > maxLine:
		return &ParseError{Line: number, Problem: fmt.Sprintf("it is %d bytes long, at most %d are allowed", len(line), maxLine)}
	case !utf8.Valid(line):
		return &ParseError{Line: number, Problem: "it is not valid UTF-8", Hint: "save the file as UTF-8"}
	case bytes.IndexByte(line, 0) >= 0:
		return &ParseError{Line: number, Problem: holderOf(line) + " holds a NUL byte, which no environment can hold", Hint: "save the file as UTF-8; UTF-16 is full of NUL bytes"}
	}
	return nil
}

// holderOf names what is on a line by the variable, if its name can be shown.
func holderOf(line []byte) string {
	name, _, set := strings.Cut(strings.TrimLeft(string(line), " \t"), "=")
	if set && isPlainName(name) {
		return "the value of " + name
	}
	return "it"
}

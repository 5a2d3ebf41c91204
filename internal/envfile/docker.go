package envfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// parseDocker follows pkg/kvfile of docker/cli v29.9.3, but for three things:
// lines may be longer, NUL bytes are refused, and a bare NAME is reported.
func parseDocker(data []byte) (File, error) {
	var file File
	var document openDocument
	setOn := make(map[string]int) // line by name
	number := 0
	for raw := range bytes.Lines(data) {
		number++
		raw = bytes.TrimSuffix(bytes.TrimSuffix(raw, []byte("\n")), []byte("\r"))
		if err := checkLine(raw, number); err != nil {
			return File{}, err
		}
		if number == 1 {
			raw = bytes.TrimPrefix(raw, byteOrderMark)
		}
		line := strings.TrimLeftFunc(string(raw), unicode.IsSpace)
		if line == "" || line[0] == '#' {
			continue
		}
		notice := func(format string, arguments ...any) {
			file.Notices = append(file.Notices, Notice{number, fmt.Sprintf(format, arguments...)})
		}
		rest, first := document.continues(line)
		if first {
			notice("this looks like the rest of the %s that begins on line %d; a value ends with its line", document.kind, document.line)
		}
		name, value, set := strings.Cut(line, "=")
		if problem, hint := checkName(name, set); problem != "" {
			if rest {
				hint = fmt.Sprintf("write the %s that begins on line %d on one line", document.kind, document.line)
			}
			return File{}, &ParseError{Line: number, Problem: problem, Hint: hint}
		}
		plain := set && !rest && isPlainName(name)
		file.Variables = append(file.Variables, Variable{Name: name, Value: value, Line: number, Set: set, Plain: plain})
		if rest || !set {
			continue
		}
		shown := "this variable"
		if plain {
			shown = name
		}
		if before, ok := setOn[name]; ok {
			notice("%s is set on line %d too; the last line wins", shown, before)
		}
		setOn[name] = number
		trimmed := strings.TrimRightFunc(value, unicode.IsSpace)
		if trimmed != value {
			notice("the value of %s ends in blanks; Docker keeps them as part of the value", shown)
		}
		if isQuoted(trimmed) {
			notice("the value of %s stands in quotes; Docker keeps them as part of the value", shown)
		}
		document = documentOpenedBy(trimmed, number)
	}
	return file, nil
}

// checkName says what is wrong with the text before "=" and what to do. It
// quotes only what is clearly a name: a stray line may be a piece of a secret.
func checkName(name string, set bool) (problem, hint string) {
	if name == "" {
		return "no variable name before =", ""
	}
	if !strings.ContainsAny(name, " \t") {
		return "", ""
	}
	if !set {
		return "neither a comment nor NAME=value", ""
	}
	if exported, ok := strings.CutPrefix(name, "export"); ok && strings.ContainsAny(exported[:1], " \t") {
		return `Docker's syntax has no "export"`, `remove it, or read the file with --env-syntax dotenv`
	}
	if trimmed := strings.TrimRight(name, " \t"); isPlainName(trimmed) {
		return fmt.Sprintf("a blank stands between %s and =", trimmed), "remove it, or read the file with --env-syntax dotenv"
	}
	return "the variable name holds a blank", ""
}

// isPlainName reports whether a name looks like that of a variable (letters,
// digits, "_", "-" and ".") and can be shown.
func isPlainName(name string) bool {
	for i, r := range name {
		switch {
		case 'A' <= r && r <= 'Z', 'a' <= r && r <= 'z', r == '_':
		case i > 0 && ('0' <= r && r <= '9' || r == '-' || r == '.'):
		default:
			return false
		}
	}
	return name != "" && len(name) <= 100
}

func isQuoted(value string) bool {
	last := len(value) - 1
	return last > 0 && (value[0] == '"' || value[0] == '\'') && value[last] == value[0]
}

// openDocument is a value that does not end with its line, though Docker ends it there.
type openDocument struct {
	kind    string // "JSON document" or "PEM block"; "" if none is open
	line    int    // where it begins
	noticed bool
}

// documentOpenedBy gives the document that a value begins and does not end.
func documentOpenedBy(value string, line int) openDocument {
	text := strings.TrimLeft(value, ` "'`)
	switch {
	case strings.Contains(text, "-----BEGIN ") && !strings.Contains(text, "-----END "):
		return openDocument{kind: "PEM block", line: line}
	case (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")) && !json.Valid([]byte(strings.TrimRight(text, ` "'`))):
		return openDocument{kind: "JSON document", line: line}
	}
	return openDocument{}
}

// continues reports whether a line, without the blanks before it, looks like the
// rest of the open document, and whether it is the first one that does. A line
// that does not ends the document.
func (d *openDocument) continues(line string) (rest, first bool) {
	switch d.kind {
	case "JSON document":
		rest = strings.ContainsRune(`"{}[],`, rune(line[0]))
	case "PEM block":
		rest = strings.HasPrefix(line, "-----END ") || isBase64Line(line)
	}
	if !rest {
		*d = openDocument{}
		return false, false
	}
	first = !d.noticed
	d.noticed = true
	return true, first
}

// isBase64Line reports whether a line is base64 and nothing else, its padding
// and a closing quote aside; NAME=value is not.
func isBase64Line(line string) bool {
	for _, r := range strings.TrimRight(line, "=\"' \t") {
		switch {
		case 'A' <= r && r <= 'Z', 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '+', r == '/':
		default:
			return false
		}
	}
	return true
}

// scanDocker finds the statements of a file that parseDocker reads.
func scanDocker(data []byte) (all []statement) {
	at := 0
	for raw := range bytes.Lines(data) {
		from := at
		at += len(raw)
		if from == 0 && bytes.HasPrefix(raw, byteOrderMark) {
			from = len(byteOrderMark)
			raw = raw[from:]
		}
		line := bytes.TrimSuffix(bytes.TrimSuffix(raw, []byte("\n")), []byte("\r"))
		end := from + len(line)
		line = bytes.TrimLeftFunc(line, unicode.IsSpace)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		name, value, set := bytes.Cut(line, []byte("="))
		all = append(all, statement{name: string(name), set: set, value: span{end - len(value), end}, lines: span{from, at}})
	}
	return all
}

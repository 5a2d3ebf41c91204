package envfile

import (
	"bytes"
	"maps"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/joho/godotenv"
)

// maxSearch bounds the files in which the line of an error is looked for, in
// bytes: the search takes time in the square of the size.
const maxSearch = 64 << 10

// parseDotenv reads what godotenv reads. Its errors quote the file, so none is passed on.
func parseDotenv(data []byte) (File, error) {
	data = bytes.TrimPrefix(data, byteOrderMark)
	number := 0
	for line := range bytes.Lines(data) {
		number++
		if err := checkLine(bytes.TrimRight(line, "\r\n"), number); err != nil {
			return File{}, err
		}
	}
	values, ok := unmarshalDotenv(data)
	if !ok {
		return File{}, &ParseError{
			Line:    failingLine(data),
			Problem: "not NAME=value in dotenv syntax, or a quote that is not closed",
			Hint:    "--env-syntax docker takes every value as it stands",
		}
	}
	var file File
	for _, name := range slices.Sorted(maps.Keys(values)) {
		file.Variables = append(file.Variables, Variable{Name: name, Value: values[name], Set: true, Plain: isPlainName(name)})
	}
	return file, nil
}

// unmarshalDotenv refuses one thing more than godotenv does: a last line without
// "=", which becomes the value of a variable without a name there.
func unmarshalDotenv(data []byte) (map[string]string, bool) {
	values, err := godotenv.UnmarshalBytes(data)
	_, nameless := values[""]
	return values, err == nil && !nameless
}

// failingLine finds the line on which the first faulty statement begins: the
// line after the most lines that are valid by themselves. It is 0 if the file
// is too large to look.
func failingLine(data []byte) int {
	if len(data) > maxSearch {
		return 0
	}
	for number := bytes.Count(data, []byte("\n")); number > 0; number-- {
		end := bytes.LastIndexByte(data, '\n')
		data = data[:end]
		if _, ok := unmarshalDotenv(data); ok {
			return number + 1
		}
	}
	return 1
}

// scanDotenv finds the statements of a file that parseDotenv reads. It follows the
// grammar of godotenv 1.5, in which a statement may span lines, or share one.
func scanDotenv(data []byte) (all []statement) {
	at := 0
	if bytes.HasPrefix(data, byteOrderMark) {
		at = len(byteOrderMark)
	}
	lineStart := at // or where the statement before ends on the same line
	for {
		blank := bytes.IndexFunc(data[at:], func(r rune) bool { return !unicode.IsSpace(r) })
		if blank < 0 {
			return all
		}
		if newline := bytes.LastIndexByte(data[at:at+blank], '\n'); newline >= 0 {
			lineStart = at + newline + 1
		}
		at += blank
		if data[at] == '#' {
			at = lineEnd(data, at)
			lineStart = at
			continue
		}

		from := at
		if after, ok := bytes.CutPrefix(data[at:], []byte("export")); ok && bytes.IndexFunc(after, isBlank) == 0 {
			at = len(data) - len(bytes.TrimLeftFunc(after, isBlank))
		}
		sign := bytes.IndexAny(data[at:], "=:")
		if sign < 0 {
			return all // which parseDotenv refuses
		}
		st := statement{name: string(bytes.TrimRightFunc(data[at:at+sign], unicode.IsSpace)), set: true}
		at += sign + 1
		at = len(data) - len(bytes.TrimLeftFunc(data[at:], isBlank))
		st.value = dotenvValue(data, at)
		written := data[st.value.from:st.value.to]
		st.refers = bytes.IndexByte(written, '$') >= 0
		at = st.value.to

		// The line goes with it, and the comment behind it, if nothing else is there.
		st.lines = span{from, at}
		if bytes.IndexFunc(data[lineStart:from], func(r rune) bool { return !unicode.IsSpace(r) }) < 0 {
			st.lines.from = lineStart
		}
		rest := bytes.TrimLeftFunc(data[at:lineEnd(data, at)], isBlank)
		if first := st.lines.from == 0 || data[st.lines.from-1] == '\n' || string(data[:st.lines.from]) == string(byteOrderMark); first &&
			(len(rest) == 0 || rest[0] == '\n' || rest[0] == '#') {
			st.lines.to = lineEnd(data, at)
		}
		lineStart = st.lines.to
		all = append(all, st)
	}
}

// dotenvValue finds the value that begins at a place, with its quotes, and without
// the blanks and the comment behind it.
func dotenvValue(data []byte, at int) span {
	if at < len(data) && (data[at] == '"' || data[at] == '\'') {
		for i := at + 1; i < len(data); i++ {
			if data[i] == data[at] && data[i-1] != '\\' {
				return span{at, i + 1}
			}
		}
		return span{at, len(data)} // which parseDotenv refuses
	}
	line := data[at:]
	if end := bytes.IndexAny(line, "\r\n"); end >= 0 {
		line = line[:end]
	}
	for i := len(line) - 1; i > 0; i-- {
		if before, _ := utf8.DecodeLastRune(line[:i]); line[i] == '#' && isBlank(before) {
			line = line[:i]
			break
		}
	}
	return span{at, at + len(bytes.TrimRightFunc(line, isBlank))}
}

// lineEnd gives where the line of a place ends, with its line feed.
func lineEnd(data []byte, at int) int {
	if end := bytes.IndexByte(data[at:], '\n'); end >= 0 {
		return at + end + 1
	}
	return len(data)
}

// isBlank is what godotenv takes for space within a line.
func isBlank(r rune) bool {
	switch r {
	case '\t', '\v', '\f', '\r', ' ', 0x85, 0xA0:
		return true
	}
	return false
}

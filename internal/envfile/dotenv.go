package envfile

import (
	"bytes"
	"maps"
	"slices"

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

package envfile

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValueError says why a file cannot hold a value under a name. It quotes neither.
type ValueError struct {
	Problem string
	Hint    string // what to do about it; "" if there is nothing to say
}

// Error leaves the hint to the caller.
func (e *ValueError) Error() string { return "envfile: " + e.Problem }

// CheckName says why a text cannot be the name of a variable in a file, and does
// not quote it: it may be a secret in the wrong place.
func CheckName(name string, s Syntax) error {
	wrong := func(r rune) bool {
		if s == Dotenv { // as godotenv has it
			return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != '_' && r != '.'
		}
		return unicode.IsSpace(r) || r == 0 || r == '\uFEFF'
	}
	switch {
	case name == "":
		return errors.New("the name of the variable is empty")
	case strings.Contains(name, "="):
		return errors.New("the name of the variable holds an equals sign")
	case name[0] == '#':
		return errors.New("the name of the variable begins with #, as comments do")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, wrong):
		return fmt.Errorf("the name of the variable holds a character that has no place there in %v syntax", s)
	}
	return nil
}

// Set gives the file data with a variable set to value. Of several lines that have
// the variable the last is changed, since that is the one that counts; without one
// a line is added at the end. All other bytes stay as they are, and if the variable
// has this value already, all do.
//
// The result was read again: it says the same as before, but for this variable and,
// in Dotenv, for those whose values refer to it. The error is a *ParseError for a
// file that cannot be read, that of CheckName, or a *ValueError.
func Set(data []byte, s Syntax, name, value string) ([]byte, error) {
	if err := CheckName(name, s); err != nil {
		return nil, err
	}
	before, err := meaningOf(data, s)
	if err != nil {
		return nil, err
	}
	if now := before[name]; now.set && now.value == value {
		return data, nil
	}
	if err := checkValue(value, s); err != nil {
		return nil, err
	}
	want := before.with(name, meant{value, true})
	statements := scan(data, s)
	for _, written := range spellings(value, s) {
		var changed []byte
		if last := lastOf(statements, name); last != nil {
			if !last.set {
				written = "=" + written
			}
			changed = slices.Concat(data[:last.value.from], []byte(written), data[last.value.to:])
		} else {
			changed = appendLine(data, name+"="+written)
		}
		if want.agrees(changed, s, name, statements) {
			return changed, nil
		}
	}
	return nil, &ValueError{Problem: fmt.Sprintf("the value cannot be written in %v syntax so that it is read again as it is, and nothing else with it", s)}
}

// Unset gives the file data without the variable: without every line that has it,
// a bare NAME included. It reports whether there was one. All other bytes stay as
// they are. Errors are those of Set.
func Unset(data []byte, s Syntax, name string) (changed []byte, found bool, err error) {
	if err := CheckName(name, s); err != nil {
		return nil, false, err
	}
	before, err := meaningOf(data, s)
	if err != nil {
		return nil, false, err
	}
	statements := scan(data, s)
	at := 0
	for _, st := range statements {
		if st.name == name {
			changed = append(changed, data[at:st.lines.from]...)
			at = st.lines.to
			found = true
		}
	}
	if changed = append(changed, data[at:]...); !found {
		return data, false, nil
	}
	if !before.without(name).agrees(changed, s, name, statements) {
		return nil, true, &ValueError{Problem: "the variable cannot be taken out so that the rest is read as before"}
	}
	return changed, true, nil
}

func checkValue(value string, s Syntax) error {
	switch {
	case strings.ContainsRune(value, 0):
		return &ValueError{Problem: "the value holds a NUL byte, which no environment can hold"}
	case !utf8.ValidString(value):
		return &ValueError{Problem: "the value is not UTF-8, as env files are", Hint: "base64 makes text of it"}
	case s == Docker && strings.Contains(value, "\n"):
		return &ValueError{
			Problem: "the value has more than one line, and in Docker's syntax a value ends with its line",
			Hint:    "--env-syntax dotenv writes it in quotes, if that is what the file is read as; base64 makes one line of it",
		}
	case s == Docker && strings.HasSuffix(value, "\r"):
		return &ValueError{Problem: "the value ends in a carriage return, which is taken for a part of the line end"}
	}
	return nil
}

// spellings gives the ways to write a value, the plainest first. In Dotenv not all
// of them give the value back in every case; reading them tells.
func spellings(value string, s Syntax) []string {
	if s == Docker {
		return []string{value}
	}
	single := "'" + value + "'"
	double := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "\n", `\n`, "\r", `\r`).Replace(value) + `"`
	if strings.ContainsFunc(value, needsQuotes) || value == "" {
		return []string{single, double}
	}
	return []string{value, single, double}
}

// needsQuotes reports whether some reader of dotenv files gives a character a
// meaning outside quotes.
func needsQuotes(r rune) bool {
	return !('A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("_-./:@%+,=", r))
}

// appendLine adds a line to a file, which ends as those before it do.
func appendLine(data []byte, line string) []byte {
	ending := "\n"
	if last := bytes.LastIndexByte(data, '\n'); last > 0 && data[last-1] == '\r' {
		ending = "\r\n"
	}
	changed := slices.Clone(data)
	if rest := bytes.TrimPrefix(data, byteOrderMark); len(rest) > 0 && rest[len(rest)-1] != '\n' {
		changed = append(changed, ending...)
	}
	return append(changed, line+ending...)
}

// meant is what a file says about a variable: a value, or its bare name.
type meant struct {
	value string
	set   bool
}

// A meaning is what a file says, by name.
type meaning map[string]meant

func meaningOf(data []byte, s Syntax) (meaning, error) {
	file, err := Parse(data, s)
	if err != nil {
		return nil, err
	}
	m := make(meaning)
	for _, v := range file.Variables {
		m[v.Name] = meant{v.Value, v.Set}
	}
	return m, nil
}

func (m meaning) with(name string, says meant) meaning {
	other := m.without(name)
	other[name] = says
	return other
}

func (m meaning) without(name string) meaning {
	other := make(meaning, len(m))
	for n, says := range m {
		if n != name {
			other[n] = says
		}
	}
	return other
}

// agrees reports whether a file says what is wanted after the change of one variable.
// Others that refer to variables may differ: the statements are those from before.
func (m meaning) agrees(changed []byte, s Syntax, name string, statements []statement) bool {
	after, err := meaningOf(changed, s)
	if err != nil || len(after) != len(m) {
		return false
	}
	for other, says := range after {
		want, ok := m[other]
		refers := other != name && slices.ContainsFunc(statements, func(st statement) bool { return st.name == other && st.refers })
		if !ok || says != want && !refers {
			return false
		}
	}
	return true
}

// span is a piece of a file.
type span struct{ from, to int }

// A statement is where a file says something about a variable.
type statement struct {
	name   string
	set    bool // false: a bare name
	refers bool // the value is made with those of other variables
	value  span // as it is written, with its quotes; behind the name of a bare one
	lines  span // what to take out to undo it
}

func lastOf(statements []statement, name string) *statement {
	for i, st := range slices.Backward(statements) {
		if st.name == name {
			return &statements[i]
		}
	}
	return nil
}

// scan finds the statements of a file that Parse reads.
func scan(data []byte, s Syntax) []statement {
	if s == Dotenv {
		return scanDotenv(data)
	}
	return scanDocker(data)
}

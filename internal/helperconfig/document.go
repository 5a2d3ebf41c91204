package helperconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

const byteOrderMark = "\ufeff"

// SyntaxError says where a config.json is not what Docker reads. It quotes
// nothing of the file, which may hold passwords.
type SyntaxError struct {
	Line, Column int // from 1, the column in bytes; 0 if it is about no one place
	Problem      string
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return "helperconfig: " + e.Problem
	}
	return fmt.Sprintf("helperconfig: line %d, column %d: %s", e.Line, e.Column, e.Problem)
}

// settings are the members that decide who is asked for credentials, as docker/cli
// reads them (v29.9.3, cli/config/configfile/file.go): names in any case, of two
// strings of one name the later one, of two objects both, and null is no string.
type settings struct {
	CredsStore  string            `json:"credsStore"`
	CredHelpers map[string]string `json:"credHelpers"`
}

// A document is the text of a config.json.
type document struct {
	text []byte
	settings
	root *object // nil where the text is empty, or null
}

// parse reads a config.json. The error is a *SyntaxError.
func parse(text []byte) (*document, error) {
	d := &document{text: text}
	start := len(text) - len(bytes.TrimPrefix(text, []byte(byteOrderMark)))
	content := text[start:]
	trimmed := bytes.Trim(content, " \t\r\n")
	if len(trimmed) == 0 || string(trimmed) == "null" {
		return d, nil
	}
	var raw json.RawMessage
	if err := json.Unmarshal(content, &raw); err != nil {
		return nil, syntaxError(text, start, err)
	}
	if trimmed[0] != '{' {
		return nil, &SyntaxError{Problem: "it is JSON, but not an object"}
	}
	if err := json.Unmarshal(content, &d.settings); err != nil {
		return nil, &SyntaxError{Problem: "credsStore is not a string, or credHelpers not an object of strings"}
	}
	root, err := parseObject(text, start+bytes.IndexByte(content, '{'))
	if err != nil {
		return nil, syntaxError(text, start, err)
	}
	d.root = &root
	return d, nil
}

func syntaxError(text []byte, start int, err error) error {
	offset := len(text)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = min(start+max(int(syntax.Offset)-1, 0), len(text))
	}
	before := text[:offset]
	return &SyntaxError{
		Line:    bytes.Count(before, []byte("\n")) + 1,
		Column:  offset - bytes.LastIndexByte(before, '\n'),
		Problem: "it is not valid JSON",
	}
}

// An object is a JSON object by its place in a text.
type object struct {
	start, end int // of "{", and behind "}"
	members    []member
}

// A member is a member of an object by its place in the same text.
type member struct {
	name                 string // decoded
	start, nameEnd       int    // of the name with its quotes
	valueStart, valueEnd int
}

// is reports whether docker/cli takes the member for the field of that name.
func (m member) is(name string) bool { return strings.EqualFold(m.name, name) }

// holds reports whether the value is the string s, in any spelling.
func (m member) holds(text []byte, s string) bool {
	var value *string
	err := json.Unmarshal(text[m.valueStart:m.valueEnd], &value)
	return err == nil && value != nil && *value == s
}

// parseObject reads the object at start. The text is valid JSON from there on.
func parseObject(text []byte, start int) (object, error) {
	decoder := json.NewDecoder(bytes.NewReader(text[start:]))
	offset := func() int { return start + int(decoder.InputOffset()) }
	if _, err := decoder.Token(); err != nil {
		return object{}, err
	}
	o := object{start: start}
	for last := offset(); decoder.More(); {
		gap := len(text[last:]) - len(bytes.TrimLeft(text[last:], " \t\r\n,"))
		m := member{start: last + gap}
		name, err := decoder.Token()
		if err != nil {
			return object{}, err
		}
		m.name, _ = name.(string)
		m.nameEnd = offset()
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return object{}, err
		}
		m.valueEnd = offset()
		m.valueStart = m.valueEnd - len(value)
		o.members = append(o.members, m)
		last = m.valueEnd
	}
	if _, err := decoder.Token(); err != nil {
		return object{}, err
	}
	o.end = offset()
	return o, nil
}

// objects gives the values of the members of that name that are objects, and
// whether the last member of that name is one.
func (d *document) objects(name string) (found []object, last bool, err error) {
	for _, m := range d.members(name) {
		last = d.text[m.valueStart] == '{'
		if !last {
			continue
		}
		o, err := parseObject(d.text, m.valueStart)
		if err != nil {
			return nil, false, err
		}
		found = append(found, o)
	}
	return found, last, nil
}

// members gives the members of the document that docker/cli takes for the one of
// that name.
func (d *document) members(name string) []member {
	var found []member
	if d.root != nil {
		for _, m := range d.root.members {
			if m.is(name) {
				found = append(found, m)
			}
		}
	}
	return found
}

// A layout is what stands between the members of an object.
type layout struct {
	separator string // in front of a member: a line end and blanks, or blanks
	unit      string // what one level more is indented by
	colon     string
}

// layoutOf finds how the members of the object are written; outer is for an
// object without any.
func (o object) layoutOf(text []byte, outer layout) layout {
	if len(o.members) == 0 {
		if !strings.Contains(outer.separator, "\n") {
			return layout{colon: outer.colon}
		}
		return layout{outer.separator + outer.unit, outer.unit, outer.colon}
	}
	last := o.members[len(o.members)-1]
	blanks := text[o.start+1 : last.start]
	blanks = blanks[len(bytes.TrimRight(blanks, " \t\r\n")):]
	l := layout{separator: lastLine(string(blanks)), unit: outer.unit}
	if _, indent, found := strings.Cut(l.separator, "\n"); found && l.unit == "" {
		l.unit = indent
	}
	l.colon = string(text[last.nameEnd:last.valueStart])
	if strings.Contains(l.colon, "\n") {
		l.colon = ": "
	}
	return l
}

// lastLine takes empty lines off blanks between members.
func lastLine(blanks string) string {
	end := strings.LastIndexByte(blanks, '\n')
	if end < 0 {
		return blanks
	}
	if end > 0 && blanks[end-1] == '\r' {
		end--
	}
	return blanks[end:]
}

// A pair is a member to be put in.
type pair struct {
	name  string
	value string // JSON
}

// write gives the pairs as members of an object in layout l.
func (l layout) write(pairs []pair) string {
	var out strings.Builder
	for i, p := range pairs {
		if i > 0 {
			out.WriteString(",")
		}
		if i > 0 || strings.Contains(l.separator, "\n") {
			out.WriteString(l.separator)
		}
		out.WriteString(quote(p.name) + l.colon + p.value)
	}
	return out.String()
}

// wrap gives the pairs as an object one level below layout l.
func (l layout) wrap(pairs []pair) string {
	inner := object{}.layoutOf(nil, l)
	text := "{" + inner.write(pairs)
	if strings.Contains(l.separator, "\n") {
		text += l.separator
	}
	return text + "}"
}

// insertion puts pairs behind the last member of the object, or fills one that
// has no members; outer is the layout of what is around it.
func (o object) insertion(text []byte, pairs []pair, outer layout) change {
	if len(o.members) == 0 {
		return change{o.start, o.end, []byte(outer.wrap(pairs))}
	}
	l := o.layoutOf(text, outer)
	var out strings.Builder
	for _, p := range pairs {
		out.WriteString("," + l.separator + quote(p.name) + l.colon + p.value)
	}
	end := o.members[len(o.members)-1].valueEnd
	return change{end, end, []byte(out.String())}
}

// removal takes member i out of the object, with its comma.
func (o object) removal(i int) change {
	switch {
	case i > 0:
		return change{o.members[i-1].valueEnd, o.members[i].valueEnd, nil}
	case len(o.members) > 1:
		return change{o.members[0].start, o.members[1].start, nil}
	}
	return change{o.start + 1, o.end - 1, nil}
}

// quote gives a string as JSON.
func quote(s string) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.Encode(s) // a string can always be encoded
	return strings.TrimSuffix(out.String(), "\n")
}

// A change puts Text in the place of the bytes from Start to End.
type change struct {
	Start int    `json:"start"`
	End   int    `json:"end"`
	Text  []byte `json:"text"` // base64 in JSON: a file need not be valid UTF-8
}

var errChanges = errors.New("its changes do not fit")

// replace makes changes, which stand in order and do not overlap, and gives those
// that undo them.
func replace(text []byte, changes []change) (after []byte, undo []change, err error) {
	done := 0
	for _, c := range changes {
		if c.Start < done || c.End < c.Start || c.End > len(text) {
			return nil, nil, errChanges
		}
		after = append(after, text[done:c.Start]...)
		undo = append(undo, change{len(after), len(after) + len(c.Text), bytes.Clone(text[c.Start:c.End])})
		after = append(after, c.Text...)
		done = c.End
	}
	return append(after, text[done:]...), undo, nil
}

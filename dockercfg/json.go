package dockercfg

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how deep arrays and objects may be nested. Docker writes five levels.
const maxDepth = 100

// container is a JSON object or array with every byte of its text.
type container struct {
	open    byte // '{' or '['
	members []member
	empty   string // the blanks between the brackets if there are no members
}

// member is an element of a container.
type member struct {
	before string // blanks
	name   string // as written, with its quotes; "" in an array
	key    string // what name says
	colon  string // from the name to the value
	value  value
	after  string // blanks

	offset   int    // where in the parsed text it begins
	registry string // the registry that a member of "auths" names, in normal form; "" for none
}

// value is a container, or the text of any other JSON value.
type value struct {
	text  string
	inner *container
}

func (v value) object() *container {
	if v.inner != nil && v.inner.open == '{' {
		return v.inner
	}
	return nil
}

// str gives what a JSON string says.
func (v value) str() (text string, ok bool) {
	if !strings.HasPrefix(v.text, `"`) {
		return "", false
	}
	return unquote(v.text), true
}

func (v value) append(out []byte) []byte {
	if v.inner == nil {
		return append(out, v.text...)
	}
	c := v.inner
	out = append(out, c.open)
	for i, m := range c.members {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, m.before...)
		out = append(out, m.name...)
		out = append(out, m.colon...)
		out = m.value.append(out)
		out = append(out, m.after...)
	}
	if len(c.members) == 0 {
		out = append(out, c.empty...)
	}
	return append(out, c.open+2) // in ASCII the closing brackets stand two after the opening ones
}

// find gives the place of the member that Docker takes for key, -1 if there is
// none. Docker reads names of fields in any case; the exact spelling is
// preferred here, and of several the last.
func (c *container) find(key string) int {
	found := -1
	for i, m := range c.members {
		if m.key == key {
			found = i
		} else if (found < 0 || c.members[found].key != key) && strings.EqualFold(m.key, key) {
			found = i
		}
	}
	return found
}

// get gives the value that find finds, else the zero value.
func (c *container) get(key string) value {
	if i := c.find(key); i >= 0 {
		return c.members[i].value
	}
	return value{}
}

// remove takes out a member and the blanks that went with it.
func (c *container) remove(i int) {
	removed := c.members[i]
	c.members = slices.Delete(c.members, i, i+1)
	switch {
	case len(c.members) == 0:
		c.empty = ""
	case i == 0:
		c.members[0].before = removed.before
	case i == len(c.members):
		c.members[i-1].after = removed.after
	}
}

// layout is how a text is laid out: what new members look like where there is
// no neighbour to copy.
type layout struct {
	newline, indent, colon string
}

// layoutOf takes the layout of a text from its first member, else Docker's own.
func layoutOf(root *container) layout {
	if len(root.members) == 0 {
		return layout{"\n", "\t", ": "}
	}
	first := root.members[0]
	end := strings.LastIndexByte(first.before, '\n') + 1
	if end == 0 {
		return layout{"", "", first.colon}
	}
	return layout{first.before[:end], first.before[end:], first.colon}
}

// insert puts a member at place i of an object whose members stand depth levels deep.
func (c *container) insert(i int, key string, v value, depth int, l layout) *member {
	m := member{name: quote(key), key: key, value: v, colon: l.colon}
	if n := len(c.members); n == 0 {
		if l.newline != "" {
			m.before = l.newline + strings.Repeat(l.indent, depth)
			m.after = l.newline + strings.Repeat(l.indent, depth-1)
		}
	} else {
		neighbour := c.members[min(1, n-1)] // in a single line the first may differ from the rest
		m.before, m.colon = neighbour.before, neighbour.colon
		if i == 0 {
			m.before, c.members[0].before = c.members[0].before, m.before
		}
		if last := &c.members[n-1]; i == n {
			m.after, last.after = last.after, ""
		}
	}
	c.members = slices.Insert(c.members, i, m)
	return &c.members[i]
}

// set gives a member the string text, or takes all of that name out if it is "".
func (c *container) set(key, text string, depth int, l layout) {
	keep := -1
	if text != "" {
		if keep = c.find(key); keep >= 0 {
			c.members[keep].value = value{text: quote(text)}
		} else {
			at := len(c.members)
			if key == "auth" { // first, as Docker has it
				at = 0
			}
			c.insert(at, key, value{text: quote(text)}, depth, l)
			keep = at
		}
	}
	for i := len(c.members) - 1; i >= 0; i-- {
		if i != keep && strings.EqualFold(c.members[i].key, key) {
			c.remove(i)
		}
	}
}

// unquote gives what a JSON string, checked, says.
func unquote(raw string) string {
	if inner := raw[1 : len(raw)-1]; strings.IndexByte(inner, '\\') < 0 && utf8.ValidString(inner) {
		return inner
	}
	var text string
	_ = json.Unmarshal([]byte(raw), &text) // the scanner has checked it
	return text
}

// quote gives text as a JSON string, readable: < > & stay.
func quote(text string) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string cannot fail
	return strings.TrimSuffix(out.String(), "\n")
}

// syntaxError is what is wrong with a JSON text and where.
type syntaxError struct {
	offset   int
	problem  string
	trailing bool // the text goes on after a complete value
}

// scanner reads JSON as RFC 8259 has it. Its problems never quote the text.
type scanner struct {
	text  string
	at    int
	depth int
}

// scan reads a text that is one JSON value, and gives the blanks around it.
func scan(text string) (before string, v value, after string, problem *syntaxError) {
	s := &scanner{text: text}
	before = s.blanks()
	if v, problem = s.value(); problem != nil {
		return "", value{}, "", problem
	}
	after = s.blanks()
	if s.at < len(text) {
		// The phrase under which people search for what a wrong key gives.
		return "", v, "", &syntaxError{s.at, "invalid character after top-level value", true}
	}
	return before, v, after, nil
}

func (s *scanner) wrong(problem string) *syntaxError {
	if s.at >= len(s.text) {
		problem = "the text ends too early"
	}
	return &syntaxError{offset: s.at, problem: problem}
}

func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) blanks() string {
	start := s.at
	for s.at < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.at]) >= 0 {
		s.at++
	}
	return s.text[start:s.at]
}

func (s *scanner) value() (value, *syntaxError) {
	start := s.at
	var problem *syntaxError
	switch c := s.peek(); {
	case c == '{' || c == '[':
		inner, problem := s.container(c)
		return value{inner: inner}, problem
	case c == '"':
		problem = s.string()
	case c == '-' || '0' <= c && c <= '9':
		problem = s.number()
	default:
		for _, word := range [...]string{"true", "false", "null"} {
			if strings.HasPrefix(s.text[s.at:], word) {
				s.at += len(word)
				return value{text: word}, nil
			}
		}
		problem = s.wrong("a JSON value should begin here")
	}
	return value{text: s.text[start:s.at]}, problem
}

func (s *scanner) container(open byte) (*container, *syntaxError) {
	if s.depth++; s.depth > maxDepth {
		return nil, s.wrong("it is nested too deep")
	}
	defer func() { s.depth-- }()
	s.at++
	c := &container{open: open, empty: s.blanks()}
	if s.peek() == open+2 {
		s.at++
		return c, nil
	}
	for before := c.empty; ; before = s.blanks() {
		m := member{before: before, offset: s.at}
		if open == '{' {
			if s.peek() != '"' {
				return nil, s.wrong("a name in double quotes should stand here")
			}
			start := s.at
			if problem := s.string(); problem != nil {
				return nil, problem
			}
			m.name = s.text[start:s.at]
			m.key = unquote(m.name)
			start = s.at
			s.blanks()
			if s.peek() != ':' {
				return nil, s.wrong("a colon should follow the name")
			}
			s.at++
			s.blanks()
			m.colon = s.text[start:s.at]
		}
		var problem *syntaxError
		if m.value, problem = s.value(); problem != nil {
			return nil, problem
		}
		m.after = s.blanks()
		c.members = append(c.members, m)
		switch s.peek() {
		case ',':
			s.at++
		case open + 2:
			s.at++
			return c, nil
		default:
			return nil, s.wrong("a comma or a closing bracket should follow the value")
		}
	}
}

func (s *scanner) string() *syntaxError {
	for s.at++; ; s.at++ {
		switch c := s.peek(); {
		case s.at >= len(s.text):
			return s.wrong("")
		case c == '"':
			s.at++
			return nil
		case c < ' ':
			return s.wrong("a control character stands within a string; a closing quote may be missing")
		case c == '\\':
			s.at++
			switch s.peek() {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				for range 4 {
					s.at++
					if strings.IndexByte("0123456789abcdefABCDEF", s.peek()) < 0 {
						return s.wrong("four hexadecimal digits should follow \\u")
					}
				}
			default:
				return s.wrong("a backslash in a string is followed by a character that JSON does not know there")
			}
		}
	}
}

func (s *scanner) number() *syntaxError {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if !s.digits() {
		return s.wrong("a digit should stand here")
	}
	if s.peek() == '.' {
		if s.at++; !s.digits() {
			return s.wrong("a digit should follow the decimal point")
		}
	}
	if s.peek() == 'e' || s.peek() == 'E' {
		if s.at++; s.peek() == '+' || s.peek() == '-' {
			s.at++
		}
		if !s.digits() {
			return s.wrong("a digit should stand in the exponent")
		}
	}
	return nil
}

func (s *scanner) digits() bool {
	start := s.at
	for '0' <= s.peek() && s.peek() <= '9' {
		s.at++
	}
	return s.at > start
}

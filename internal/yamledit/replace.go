package yamledit

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// A Change puts a text in the place of a string.
type Change struct {
	Place Node
	Text  string
	Plain bool // Text is one line that needs no quotes in YAML, such as base64; others are written as a block or in double quotes
}

// ErrLayout: the text is laid out in a way in which a change cannot be proved to
// touch nothing else.
var ErrLayout = errors.New("it cannot be changed in this layout of YAML")

// Replace gives the text with the changes made, each to another string. All else
// stays to the byte: the result is read again, and differs from what was read
// before in these strings alone, or the error is ErrLayout.
func (f *File) Replace(changes []Change) (string, error) {
	var candidates [][]splice // of each change, the better first
	most := 0
	for _, c := range changes {
		ways := f.splices(c)
		if len(ways) == 0 {
			return "", ErrLayout
		}
		candidates = append(candidates, ways)
		most = max(most, len(ways))
	}
	for i := range most {
		var splices []splice
		for _, ways := range candidates {
			splices = append(splices, ways[min(i, len(ways)-1)])
		}
		if text, ok := apply(f.source, splices); ok && f.differsOnlyAt(changes, text) {
			return text, nil
		}
	}
	if len(changes) == 0 {
		return f.source, nil
	}
	return "", ErrLayout
}

// A splice is a new text for a part of the source.
type splice struct {
	extent
	text string
}

func apply(source string, splices []splice) (string, bool) {
	slices.SortFunc(splices, func(a, b splice) int { return cmp.Compare(a.start, b.start) })
	var b strings.Builder
	at := 0
	for _, s := range splices {
		if s.start < at {
			return "", false
		}
		b.WriteString(source[at:s.start] + s.text)
		at = s.end
	}
	b.WriteString(source[at:])
	return b.String(), true
}

// splices gives the ways to write a change that may be right.
func (f *File) splices(c Change) []splice {
	place := c.Place.node
	if _, ok := c.Place.Text(); !ok {
		return nil
	}
	first := place.GetToken()
	within, known := f.extents[first]
	if block, ok := place.(*ast.LiteralNode); ok {
		first = block.Start
		var header extent
		header, known = f.extents[first]
		within, ok = f.extents[block.Value.GetToken()]
		known = known && ok
		within.start = header.start
	}
	if !known {
		return nil
	}
	within = extent{f.lines.original(within.start), f.lines.original(within.end)}
	old := f.source[within.start:within.end]
	lineEnd := "\n"
	if strings.Contains(f.source, "\r\n") {
		lineEnd = "\r\n"
	}
	write := func(text string) splice { return splice{within, strings.ReplaceAll(text, "\n", lineEnd)} }
	if c.Plain {
		quote := ""
		if first.Type == token.DoubleQuoteType || first.Type == token.SingleQuoteType {
			quote = old[:1]
		}
		return []splice{write(quote + c.Text + quote)}
	}
	var all []splice
	if block := strings.SplitAfterN(old, "\n", 2); first.Type == token.LiteralType && len(block) == 2 {
		indent := block[1][:len(block[1])-len(strings.TrimLeft(block[1], " "))]
		header := "|"
		if !strings.HasSuffix(c.Text, "\n") {
			header = "|-"
		}
		body := ""
		for line := range strings.Lines(c.Text) {
			body += indent + line
		}
		all = append(all, write(header+"\n"+strings.TrimSuffix(body, "\n")))
	}
	quoted, _ := json.Marshal(c.Text) // JSON's strings are YAML's in double quotes, but for DEL
	return append(all, write(strings.ReplaceAll(string(quoted), "\x7f", `\u007f`)))
}

// differsOnlyAt reports whether a text holds the same documents, comments too,
// with other strings in the places of the changes.
func (f *File) differsOnlyAt(changes []Change, text string) bool {
	wanted := make(map[ast.Node]string, len(changes))
	for _, c := range changes {
		wanted[c.Place.node] = c.Text
	}
	other, err := Parse(text)
	return err == nil && slices.Equal(f.comments, other.comments) &&
		slices.EqualFunc(f.documents, other.documents, func(a, b ast.Node) bool { return same(a, b, wanted) })
}

func same(a, b ast.Node, wanted map[ast.Node]string) bool {
	if a == nil || b == nil {
		return a == b
	}
	if want, ok := wanted[a]; ok {
		got, ok := Node{node: bare(b)}.Text()
		return ok && got == want
	}
	if a.Type() != b.Type() {
		return false
	}
	within, others := content(a), content(b)
	if (len(within) == 0 || a.Type() == ast.TagType) && a.GetToken().Value != b.GetToken().Value {
		return false
	}
	if len(within) == 0 {
		was, _ := Node{node: a}.Text()
		got, _ := Node{node: bare(b)}.Text()
		if was != got {
			return false
		}
	}
	return slices.EqualFunc(within, others, func(a, b ast.Node) bool { return same(a, b, wanted) })
}

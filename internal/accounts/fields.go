package accounts

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dockercfg/jet/internal/spelling"
	"github.com/dockercfg/jet/internal/yamledit"
)

// A parser collects what is wrong, so that everything is reported at once.
type parser struct {
	errs Errors
}

// maxErrors is how many are reported.
const maxErrors = 20

func (p *parser) fail(line int, format string, args ...any) {
	p.errs = append(p.errs, &Error{Line: line, Problem: fmt.Sprintf(format, args...)})
}

// err gives what is wrong, nil for nothing.
func (p *parser) err() error {
	slices.SortStableFunc(p.errs, func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
	switch {
	case len(p.errs) == 0:
		return nil
	case len(p.errs) > maxErrors:
		p.errs = append(p.errs[:maxErrors:maxErrors], &Error{Problem: fmt.Sprintf("there are %d more errors", len(p.errs)-maxErrors)})
	}
	return p.errs
}

// fields are the names and values of a mapping.
type fields struct {
	*parser
	line   int
	what   string // the mapping is, for people
	values map[string]field
}

type field struct {
	line  int // of the name
	value yamledit.Node
}

// fields reads a mapping, with those that are merged into it. Names that are not
// known are errors, which quote them only if they are near to one that is: they may
// be a secret in the wrong place.
func (p *parser) fields(n yamledit.Node, line int, what string, known []string) fields {
	n = resolved(n)
	f := fields{p, line, what, make(map[string]field)}
	pairs := n.Pairs()
	if pairs == nil {
		p.fail(line, "%s has to be names with their values, one a line", what)
		return f
	}
	own := make(map[string]bool)
	add := func(pair yamledit.Pair, merged bool) {
		_, twice := f.values[pair.Name]
		switch {
		case pair.Merge && merged:
			p.fail(pair.Line, "what is merged here merges something itself, which is not read")
		case !slices.Contains(known, pair.Name):
			// What is misspelt counts, so that nothing is said to be missing.
			near := p.unknown(pair, what, known)
			if _, there := f.values[near]; near != "" && !there {
				f.values[near] = field{pair.Line, resolved(pair.Value)}
			}
		case own[pair.Name] && !merged:
			p.fail(pair.Line, "%s has %s twice", what, pair.Name)
		case !merged || !twice: // of merged mappings the first counts
			f.values[pair.Name] = field{pair.Line, resolved(pair.Value)}
			own[pair.Name] = own[pair.Name] || !merged
		}
	}
	for _, pair := range pairs {
		if !pair.Merge {
			add(pair, false)
		}
	}
	for _, pair := range pairs {
		if !pair.Merge {
			continue
		}
		merged := []yamledit.Node{pair.Value}
		if list := resolved(pair.Value).Elements(); list != nil {
			merged = list
		}
		for _, mapping := range merged {
			within := resolved(mapping).Pairs()
			if within == nil {
				p.fail(pair.Line, "what is merged has to be names with their values")
			}
			for _, inner := range within {
				add(inner, true)
			}
		}
	}
	return f
}

// unknown reports a name that is not known, and gives the one that was meant.
func (p *parser) unknown(pair yamledit.Pair, what string, known []string) (near string) {
	if near = nearest(pair.Name, known); near != "" {
		p.fail(pair.Line, "%s has no %q; did you mean %s?", what, pair.Name, near)
	} else {
		p.fail(pair.Line, "%s has no field of the name that stands here; it has %s", what, list(known))
	}
	return near
}

// nearest also takes what is spelled in another style: password-file, ca_cert.
func nearest(name string, known []string) string {
	if name == "" {
		return ""
	}
	plain := func(s string) string { return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(s)) }
	for _, k := range known {
		if plain(k) == plain(name) {
			return k
		}
	}
	return spelling.Nearest(name, known)
}

func list(names []string) string { return strings.Join(names, ", ") }

// resolved gives what an alias stands for.
func resolved(n yamledit.Node) yamledit.Node {
	if target, ok := n.Target(); ok {
		return target
	}
	return n
}

// beginning gives the line of an item of a list: that of its first name.
func beginning(n yamledit.Node) int {
	line := n.Line()
	for _, pair := range n.Pairs() {
		line = min(line, pair.Line)
	}
	return line
}

// has reports whether a name is there.
func (f fields) has(name string) bool {
	_, ok := f.values[name]
	return ok
}

// lineOf gives the line of a name, that of the whole if it is not there.
func (f fields) lineOf(name string) int {
	if v, ok := f.values[name]; ok {
		return v.line
	}
	return f.line
}

// given are those of some names that are there.
func (f fields) given(names ...string) (given []string) {
	for _, name := range names {
		if f.has(name) {
			given = append(given, name)
		}
	}
	return given
}

// text gives a string that is not empty, "" if the name is not there.
func (f fields) text(name string) string {
	v, ok := f.values[name]
	if !ok {
		return ""
	}
	text, ok := v.value.Text()
	switch {
	case isNull(v.value), ok && text == "":
		f.fail(v.line, "%s has no value", name)
	case !ok:
		f.fail(v.line, "%s has to be a text; what YAML takes for something else stands in quotes", name)
	case strings.ContainsRune(text, 0):
		f.fail(v.line, "%s holds a NUL character", name)
	default:
		return text
	}
	return ""
}

// word is text for what may also be a number, or true or false.
func (f fields) word(name string) string {
	if v, ok := f.values[name]; ok {
		if text, ok := v.word(); ok {
			return text
		}
	}
	return f.text(name)
}

func (v field) word() (string, bool) {
	source := v.value.Source()
	if _, ok := v.value.Text(); ok || v.value.Pairs() != nil || v.value.Elements() != nil {
		return "", false
	}
	if source == "true" || source == "false" || isDigits(source) {
		return source, true
	}
	return "", false
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func isNull(n yamledit.Node) bool {
	if _, ok := n.Text(); ok {
		return false
	}
	source := n.Source()
	return source == "" || source == "~" || strings.EqualFold(source, "null")
}

// truth gives true or false, false if the name is not there.
func (f fields) truth(name string) bool {
	v, ok := f.values[name]
	if !ok {
		return false
	}
	_, text := v.value.Text()
	switch source := v.value.Source(); {
	case !text && source == "true":
		return true
	case text || source != "false":
		f.fail(v.line, "%s has to be true or false", name)
	}
	return false
}

// duration gives a time such as 30s, 0 if the name is not there.
func (f fields) duration(name string) time.Duration {
	text := f.text(name)
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		f.fail(f.lineOf(name), "%s has to be a time with its unit, such as 30s, 15m or 6h", name)
	case d <= 0:
		f.fail(f.lineOf(name), "%s has to be longer than nothing", name)
	default:
		return d
	}
	return 0
}

// texts gives a list of strings that is not empty, nil if the name is not there.
// Each is there once and passes check, which says what is wrong with it.
func (f fields) texts(name string, check func(string) string) (texts []string) {
	v, ok := f.values[name]
	if !ok {
		return nil
	}
	elements := v.value.Elements()
	if len(elements) == 0 {
		f.fail(v.line, "%s has to be a list, such as [a, b], of at least one", name)
	}
	seen := make(map[string]bool)
	for _, element := range elements {
		element = resolved(element)
		line := max(element.Line(), v.line)
		text, ok := element.Text()
		switch {
		case !ok || text == "":
			f.fail(line, "%s has to be a list of texts; what YAML takes for something else stands in quotes", name)
		case seen[text]:
			f.fail(line, "%s names the same twice", name)
		default:
			seen[text] = true
			if problem := check(text); problem != "" {
				f.fail(line, "%s: %s", name, problem)
				continue
			}
			texts = append(texts, text)
		}
	}
	return texts
}

// Package merge brings two changes of one plaintext together: by the names of
// variables and registries where there are such, else line by line.
//
// Nothing is merged that two people could mean differently: a value that both
// changed is a conflict, even if the changes do not touch in the text.
package merge

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/dockercfg/jet/internal/content"
	"github.com/dockercfg/jet/internal/linediff"
)

// Result is a merged text. It prints without the text.
type Result struct {
	// Ours is the merged text with our side where there is a conflict, Theirs that
	// with their side, and Before that with what both sides come from. They are the
	// same if there is no conflict.
	Ours, Theirs, Before []byte
	// Conflicts say what both sides changed, and not alike, a few words each:
	// names, or numbers of lines in Ours, and no values.
	Conflicts []string
}

// Format shows the conflicts under every verb.
func (r Result) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "[%d conflicts]", len(r.Conflicts)) }

// whole is what is in conflict if nothing smaller can be told.
const whole = "the whole file"

// Texts merges what was done to base in ours and in theirs; name is that of the
// file, as content.Parse has it. Without a common ancestor base is empty.
//
// In an env file and a dockercfg each variable and each registry is merged by
// itself, and what else there is in ours keeps its bytes: order, comments and
// layout. Other texts are merged by lines, and if the result would not be what
// both sides are (JSON, say), or a value in it not that of one side, all of it is
// in conflict.
func Texts(base, ours, theirs []byte, name string) Result {
	switch {
	case bytes.Equal(ours, theirs), bytes.Equal(base, theirs):
		return Result{Ours: ours, Theirs: ours, Before: ours}
	case bytes.Equal(base, ours):
		return Result{Ours: theirs, Theirs: theirs, Before: theirs}
	}
	p := new(pair)
	for i, text := range [][]byte{base, ours, theirs} {
		p.texts[i] = text
		p.contents[i] = content.Parse(text, name)
		p.values[i] = valuesOf(p.contents[i])
	}
	we, they := p.contents[1], p.contents[2]
	if p.contents[0].Kind != we.Kind || p.contents[0].Problem != nil {
		p.values[0] = nil // then nothing is known to be unchanged
	}
	p.kind = content.Text
	if we.Kind == they.Kind && we.Problem == nil && they.Problem == nil {
		p.kind = we.Kind
	}
	p.decide()
	var result Result
	merged := false
	switch {
	case we.Kind == content.Binary || they.Kind == content.Binary:
		return Result{ours, theirs, base, []string{whole}}
	case p.kind == content.EnvFile && p.allPlain():
		result, merged = p.variables()
	case p.kind == content.Dockercfg:
		if result, merged = p.lines(); !merged || result.Conflicts != nil {
			result, merged = p.registries()
		}
	}
	if !merged {
		result, merged = p.lines()
	}
	if !merged {
		conflicts := p.conflicts
		if conflicts == nil {
			conflicts = []string{whole}
		}
		return Result{ours, theirs, base, conflicts}
	}
	return result
}

// values are the values of a text by name.
type values map[string]string

func valuesOf(c *content.Content) values {
	all := make(values)
	for _, item := range c.Items {
		// The fields of a credential belong together.
		value := item.Value.Reveal()
		all[item.ID.Reveal()] += fmt.Sprintf("%s %d %s", item.Field, len(value), value)
	}
	return all
}

// A pair is two changes of a text: of base, the first of each array.
type pair struct {
	kind     content.Kind // of both sides; Text if they differ
	texts    [3][]byte
	contents [3]*content.Content
	values   [3]values

	take      map[string]side // what counts, by name
	conflicts []string        // names, as they can be shown
}

// A side is where a value is from.
type side int

const (
	ours side = iota
	theirs
	before // where both come from
	either // a conflict
)

// of gives where the versions of a side are in the arrays of a pair.
func (s side) of() int { return [...]int{ours: 1, theirs: 2, before: 0}[s] }

// decide compares the values.
func (p *pair) decide() {
	p.take = make(map[string]side)
	shown := make(map[string]string)
	var ids []string // in order
	for _, c := range []*content.Content{p.contents[1], p.contents[2], p.contents[0]} {
		for _, item := range c.Items {
			id := item.ID.Reveal()
			if _, known := shown[id]; known {
				continue
			}
			ids = append(ids, id)
			if shown[id] = item.Name; item.Name == "" {
				shown[id] = "a name that is not shown"
			}
		}
	}
	for _, id := range ids {
		was, had := p.values[0][id]
		our, weHave := p.values[1][id]
		their, theyHave := p.values[2][id]
		switch {
		case our == their && weHave == theyHave, was == their && had == theyHave:
			p.take[id] = ours
		case was == our && had == weHave:
			p.take[id] = theirs
		default:
			p.take[id] = either
			p.conflicts = append(p.conflicts, shown[id])
		}
	}
}

// from says which side counts for a name when the favoured one does in conflicts.
func (p *pair) from(id string, favoured side) side {
	if s := p.take[id]; s != either {
		return s
	}
	return favoured
}

// merged reports whether a text holds what both sides together want.
func (p *pair) merged(text []byte, favoured side) bool {
	c := content.ParseAs(p.kind, text)
	if c.Kind != p.kind || c.Problem != nil {
		return false
	}
	want := make(values)
	for id := range p.take {
		if value, ok := p.values[p.from(id, favoured).of()][id]; ok {
			want[id] = value
		}
	}
	return maps.Equal(valuesOf(c), want)
}

// all makes the result of a way to merge, done once for each side in conflicts.
// Merged is false if that way leads nowhere.
func (p *pair) all(way func(favoured side) ([]byte, bool)) (result Result, merged bool) {
	result.Conflicts = p.conflicts
	for favoured, text := range []*[]byte{&result.Ours, &result.Theirs, &result.Before} {
		if *text, merged = way(side(favoured)); !merged {
			return result, false
		}
	}
	return result, true
}

// lines merges by lines. Merged is false if the result would not be what it should.
func (p *pair) lines() (result Result, merged bool) {
	var texts [3][]string
	for i, text := range p.texts {
		texts[i] = strings.SplitAfter(string(text), "\n")
	}
	var our, their, was strings.Builder
	line := 1
	for _, chunk := range linediff.Merge(texts[0], texts[1], texts[2]) {
		text := chunk.Ours.Of(texts[1])
		if chunk.Kind == linediff.Theirs {
			text = chunk.Theirs.Of(texts[2])
		}
		other, older := text, text
		if chunk.Kind == linediff.Conflict {
			other, older = chunk.Theirs.Of(texts[2]), chunk.Base.Of(texts[0])
			result.Conflicts = append(result.Conflicts, lineNumbers(line, len(text)))
		}
		write(&our, text)
		write(&their, other)
		write(&was, older)
		line += len(text)
	}
	result.Ours, result.Theirs, result.Before = []byte(our.String()), []byte(their.String()), []byte(was.String())
	if p.kind == content.Text {
		return result, true
	}
	if p.conflicts != nil {
		result.Conflicts = p.conflicts
		return result, p.merged(result.Ours, ours) && p.merged(result.Theirs, theirs)
	}
	if result.Conflicts != nil {
		return result, true
	}
	return result, p.merged(result.Ours, ours)
}

func write(to io.StringWriter, lines []string) {
	for _, line := range lines {
		to.WriteString(line)
	}
}

// lineNumbers says which lines are in conflict.
func lineNumbers(first, count int) string {
	switch count {
	case 0:
		return fmt.Sprintf("before line %d", first)
	case 1:
		return fmt.Sprintf("line %d", first)
	}
	return fmt.Sprintf("lines %d to %d", first, first+count-1)
}

// The marks of a conflict, as git has them.
const (
	beginMark  = "<<<<<<< "
	middleMark = "======="
	endMark    = ">>>>>>> "
)

// Marked gives the merged text with both sides of each conflict between marks, to
// be settled by a person.
func (r Result) Marked() []byte {
	a, b := strings.SplitAfter(string(r.Ours), "\n"), strings.SplitAfter(string(r.Theirs), "\n")
	var text strings.Builder
	put := func(lines []string) {
		write(&text, lines)
		if s := text.String(); s != "" && s[len(s)-1] != '\n' {
			text.WriteByte('\n')
		}
	}
	fromA, fromB := 0, 0
	for _, run := range append(linediff.Match(a, b), linediff.Run{A: len(a), B: len(b)}) {
		if fromA < run.A || fromB < run.B {
			put([]string{beginMark + "ours\n"})
			put(a[fromA:run.A])
			put([]string{middleMark + "\n"})
			put(b[fromB:run.B])
			put([]string{endMark + "theirs\n"})
		}
		write(&text, a[run.A:run.A+run.N])
		fromA, fromB = run.A+run.N, run.B+run.N
	}
	return []byte(text.String())
}

// HasMarks reports whether a text still has marks of Marked.
func (r Result) HasMarks(text []byte) bool {
	marks := []string{beginMark + "ours", middleMark, endMark + "theirs"}
	return slices.ContainsFunc(marks, func(mark string) bool {
		return hasLine(text, mark) && !hasLine(r.Ours, mark) && !hasLine(r.Theirs, mark)
	})
}

func hasLine(text []byte, line string) bool {
	for l := range bytes.Lines(text) {
		if string(bytes.TrimRight(l, "\r\n")) == line {
			return true
		}
	}
	return false
}

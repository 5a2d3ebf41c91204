package merge

import (
	"bytes"
	"slices"
	"strings"

	"github.com/dockercfg/jet/internal/content"
	"github.com/dockercfg/jet/internal/envfile"
	"github.com/dockercfg/jet/internal/linediff"
)

const byteOrderMark = "\ufeff"

// A variableLine is a line of an env file.
type variableLine struct {
	text     string // without its end
	variable string // that it sets, "" for none
	ending   string // "\r" or ""
}

func (l variableLine) isBlank() bool { return strings.TrimSpace(l.text) == "" }

// variableFile is an env file taken apart.
type variableFile struct {
	mark  string // the byte order mark, if there is one
	lines []variableLine
	ended bool // the last line has a line end
}

// allPlain reports whether the env files are in Docker's syntax, with a line for
// each variable, and no line in doubt.
func (p *pair) allPlain() bool {
	for i, c := range p.contents {
		if i == 0 && p.values[0] == nil {
			continue
		}
		if c.Syntax != envfile.Docker || slices.ContainsFunc(c.Items, func(item content.Item) bool { return item.Name == "" }) {
			return false
		}
	}
	return true
}

func parseVariables(text []byte) variableFile {
	var f variableFile
	parsed, err := envfile.Parse(text, envfile.Docker)
	if err != nil {
		return f // it is the base, and something else
	}
	rest, marked := strings.CutPrefix(string(text), byteOrderMark)
	if marked {
		f.mark = byteOrderMark
	}
	for line := range strings.Lines(rest) {
		var l variableLine
		if l.text, f.ended = strings.CutSuffix(line, "\n"); strings.HasSuffix(l.text, "\r") {
			l.text, l.ending = l.text[:len(l.text)-1], "\r"
		}
		f.lines = append(f.lines, l)
	}
	for _, v := range parsed.Variables {
		f.lines[v.Line-1].variable = v.Name
	}
	return f
}

// variables merges env files: by lines, and by names where that leaves conflicts.
// If the result is not what is wanted, as when lines changed places, all of it is
// merged by names.
func (p *pair) variables() (Result, bool) {
	var files [3]variableFile
	var lines [3][]string
	for i, text := range p.texts {
		files[i] = parseVariables(text)
		for _, l := range files[i].lines {
			lines[i] = append(lines[i], l.text)
		}
	}
	chunks := linediff.Merge(lines[0], lines[1], lines[2])
	everything := []linediff.Chunk{{
		Kind:   linediff.Conflict,
		Base:   linediff.Range{End: len(lines[0])},
		Ours:   linediff.Range{End: len(lines[1])},
		Theirs: linediff.Range{End: len(lines[2])},
	}}
	return p.all(func(favoured side) (text []byte, merged bool) {
		for _, way := range [][]linediff.Chunk{chunks, everything} {
			if text = p.assemble(files, way, favoured); p.merged(text, favoured) {
				return text, true
			}
		}
		return nil, false
	})
}

// assemble makes the merged text of chunks, in the style of our file.
func (p *pair) assemble(files [3]variableFile, chunks []linediff.Chunk, favoured side) []byte {
	was, we, they := files[0], files[1], files[2]
	var lines []variableLine
	for _, c := range chunks {
		our, their := we.lines[c.Ours.Start:c.Ours.End], they.lines[c.Theirs.Start:c.Theirs.End]
		switch c.Kind {
		case linediff.Theirs:
			lines = append(lines, we.adopt(their)...)
		case linediff.Conflict:
			lines = append(lines, p.weave(we.adopt(was.lines[c.Base.Start:c.Base.End]), our, we.adopt(their), favoured)...)
		default:
			lines = append(lines, our...)
		}
	}
	ended := we.ended
	if we.ended == was.ended && len(was.lines) > 0 {
		ended = they.ended
	}
	var text bytes.Buffer
	text.WriteString(we.mark)
	for i, l := range lines {
		text.WriteString(l.text)
		if text.WriteString(l.ending); i+1 < len(lines) || ended {
			text.WriteByte('\n')
		}
	}
	return text.Bytes()
}

// adopt gives lines of another file the line ends of this one.
func (f variableFile) adopt(lines []variableLine) []variableLine {
	if len(f.lines) == 0 {
		return lines
	}
	adopted := slices.Clone(lines)
	for i := range adopted {
		adopted[i].ending = f.lines[0].ending
	}
	return adopted
}

// weave merges pieces by names. Our lines keep their order; each new line of
// theirs comes after the one that it follows there, and after what we added in
// that place.
func (p *pair) weave(was, we, they []variableLine, favoured side) []variableLine {
	lines := [...][]variableLine{before: was, ours: we, theirs: they}
	index := [...]map[string]int{before: indexOf(was), ours: indexOf(we), theirs: indexOf(they)}
	in := func(s side, l variableLine) bool { _, ok := index[s][l.key()]; return ok }
	var kept []variableLine
	place := make(map[string]int) // after a line, by its key
	for i, l := range we {
		if from := p.from(l.variable, favoured); l.variable == "" {
			if !l.isBlank() && in(before, l) && !in(theirs, l) {
				continue // they removed it
			}
		} else if !in(from, l) {
			continue
		} else if i == index[ours][l.key()] {
			l = lines[from][index[from][l.key()]]
		}
		kept = append(kept, l)
		place[l.key()] = len(kept)
	}
	added := make(map[int][]variableLine) // by the place before which they come
	at := 0
	for i, l := range they {
		if l.isBlank() {
			continue
		}
		if after, ok := place[l.key()]; ok {
			at = after
			continue
		}
		if from := p.from(l.variable, favoured); l.variable == "" {
			if in(before, l) {
				continue // we removed it
			}
		} else if from == ours || !in(from, l) || i != index[theirs][l.key()] {
			continue
		} else {
			l = lines[from][index[from][l.key()]]
		}
		for at < len(kept) && added[at] == nil && !in(before, kept[at]) && !in(theirs, kept[at]) && !kept[at].isBlank() {
			at++
		}
		if i > 0 && they[i-1].isBlank() && at+len(added[at]) > 0 {
			added[at] = append(added[at], they[i-1])
		}
		added[at] = append(added[at], l)
	}
	var woven []variableLine
	for i := 0; i <= len(kept); i++ {
		woven = append(woven, added[i]...)
		if i < len(kept) {
			woven = append(woven, kept[i])
		}
	}
	return woven
}

// key is what a line is compared by: the name that it sets, or its text.
func (l variableLine) key() string {
	if l.variable != "" {
		return l.variable
	}
	return "\n" + l.text // which no name holds
}

// indexOf gives the last line of each key.
func indexOf(lines []variableLine) map[string]int {
	index := make(map[string]int, len(lines))
	for i, l := range lines {
		index[l.key()] = i
	}
	return index
}

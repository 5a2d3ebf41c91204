package yamledit

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/token"
)

// lineEnds say where a source differs from the text that the library sees, which
// has no byte order mark and LF alone at the ends of lines: the library counts
// some lines that end in CRLF twice.
type lineEnds struct {
	mark    int   // the length of the byte order mark
	removed []int // the places of LF in the text that have CR in front in the source, ascending
}

func simplify(source string) (text string, ends lineEnds) {
	rest := strings.TrimPrefix(source, byteOrderMark)
	ends.mark = len(source) - len(rest)
	var b strings.Builder
	for {
		before, after, found := strings.Cut(rest, "\r\n")
		b.WriteString(before)
		if !found {
			return b.String(), ends
		}
		ends.removed = append(ends.removed, b.Len())
		b.WriteByte('\n')
		rest = after
	}
}

// original gives the place in the source of a place in the text.
func (e lineEnds) original(at int) int {
	before, _ := slices.BinarySearch(e.removed, at)
	return e.mark + at + before
}

// An extent is where something stands in a text.
type extent struct{ start, end int }

// locate finds the tokens in the text that they come from. The library's own
// positions are wrong in some layouts; the text that it keeps for a token is right
// but for white space, and for escapes in quotes. It gives nil if the two do not
// fit together.
func locate(text string, tokens token.Tokens) map[*token.Token]extent {
	extents := make(map[*token.Token]extent, len(tokens))
	at := 0
	for _, t := range tokens {
		origin := strings.Trim(t.Origin, whiteSpace)
		if origin == "" {
			continue
		}
		at += len(text[at:]) - len(strings.TrimLeft(text[at:], whiteSpace))
		length := -1
		switch t.Type {
		case token.DoubleQuoteType:
			length = quoted(text[at:], '"', '\\')
		case token.SingleQuoteType:
			length = quoted(text[at:], '\'', '\'')
		default:
			length = matching(text[at:], origin)
		}
		if length < 0 {
			return nil
		}
		extents[t] = extent{at, at + length}
		at += length
	}
	return extents
}

const whiteSpace = " \t\n"

// quoted gives the length of the string in quotes with which text begins, -1 for
// none. The escape takes its meaning from what follows it; two single quotes are
// an escape and a quote.
func quoted(text string, quote, escape byte) int {
	if text == "" || text[0] != quote {
		return -1
	}
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == escape && (escape != quote || i+1 < len(text) && text[i+1] == quote):
			i++
		case text[i] == quote:
			return i + 1
		}
	}
	return -1
}

// matching gives the length of the beginning of text that is origin but for white
// space, -1 for none.
func matching(text, origin string) int {
	at := 0
	for i := range len(origin) {
		if strings.IndexByte(whiteSpace, origin[i]) >= 0 {
			continue
		}
		for at < len(text) && strings.IndexByte(whiteSpace, text[at]) >= 0 {
			at++
		}
		if at == len(text) || text[at] != origin[i] {
			return -1
		}
		at++
	}
	return at
}

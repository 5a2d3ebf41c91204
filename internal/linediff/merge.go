package linediff

import "slices"

// A Range is lines of a text, from Start up to before End.
type Range struct{ Start, End int }

// Of gives the lines.
func (r Range) Of(lines []string) []string { return lines[r.Start:r.End] }

// Kind says who changed a chunk.
type Kind int

const (
	Stable   Kind = iota // nobody
	Ours                 // ours alone
	Theirs               // theirs alone
	Both                 // both, and alike
	Conflict             // both, and not alike
)

// A Chunk is what stands in one place of three texts.
type Chunk struct {
	Kind               Kind
	Base, Ours, Theirs Range
}

// Merge cuts three texts into chunks, which cover each of them, as diff3 does
// (Khanna, Kunal, Pierce: A Formal Investigation of Diff3, 2007): one is stable if
// all three have it in common, and what is between two stable ones belongs together.
func Merge(base, ours, theirs []string) []Chunk {
	inOurs, inTheirs := places(base, ours), places(base, theirs)
	var chunks []Chunk
	var at Chunk // what was covered, in End of each range
	cover := func(o, a, b int) {
		c := Chunk{Base: Range{at.Base.End, o}, Ours: Range{at.Ours.End, a}, Theirs: Range{at.Theirs.End, b}}
		at = c
		was, our, their := c.Base.Of(base), c.Ours.Of(ours), c.Theirs.Of(theirs)
		switch weChanged, theyChanged := !slices.Equal(was, our), !slices.Equal(was, their); {
		case weChanged && theyChanged && slices.Equal(our, their):
			c.Kind = Both
		case weChanged && theyChanged:
			c.Kind = Conflict
		case weChanged:
			c.Kind = Ours
		case theyChanged:
			c.Kind = Theirs
		}
		if len(was)+len(our)+len(their) > 0 {
			chunks = append(chunks, c)
		}
	}
	for o := 0; o < len(base); {
		if inOurs[o] < 0 || inTheirs[o] < 0 {
			o++
			continue
		}
		cover(o, inOurs[o], inTheirs[o])
		end := o + 1
		for end < len(base) && inOurs[end] == inOurs[o]+end-o && inTheirs[end] == inTheirs[o]+end-o {
			end++
		}
		cover(end, inOurs[o]+end-o, inTheirs[o]+end-o)
		o = end
	}
	cover(len(base), len(ours), len(theirs))
	return chunks
}

// places gives for each line of a its place in b, -1 for those that are not in
// common.
func places(a, b []string) []int {
	in := make([]int, len(a))
	for i := range in {
		in[i] = -1
	}
	for _, run := range Match(a, b) {
		for i := range run.N {
			in[run.A+i] = run.B + i
		}
	}
	return in
}

// Package linediff compares texts line by line, two or three at a time. It knows
// lines as strings only; whoever wants two to count as equal makes them equal.
package linediff

import (
	"slices"
	"sort"
)

// A Run is a sequence of lines that two texts have in common.
type Run struct {
	A, B int // where it begins in each
	N    int // lines
}

// Match gives runs of lines that a and b have in common and in the same order. It
// finds the longest such sequence in texts of moderate size; elsewhere it holds to
// lines that both have once (patience diff) and may find less.
func Match(a, b []string) []Run {
	m := matcher{numbers: make(map[string]int, len(a))}
	m.match(m.intern(a), m.intern(b), 0, 0, maxDepth)
	return m.runs
}

// maxTable bounds the table of the exact search, in cells, and maxDepth how often
// a piece is cut at lines that stand once in it.
const (
	maxTable = 1 << 20
	maxDepth = 64
)

type matcher struct {
	numbers map[string]int // of each line, from 0
	runs    []Run
}

func (m *matcher) intern(lines []string) []int {
	numbers := make([]int, len(lines))
	for i, line := range lines {
		number, known := m.numbers[line]
		if !known {
			number = len(m.numbers)
			m.numbers[line] = number
		}
		numbers[i] = number
	}
	return numbers
}

// add notes a run; runs come in order.
func (m *matcher) add(a, b, n int) {
	if n == 0 {
		return
	}
	if last := len(m.runs) - 1; last >= 0 && m.runs[last].A+m.runs[last].N == a && m.runs[last].B+m.runs[last].N == b {
		m.runs[last].N += n
		return
	}
	m.runs = append(m.runs, Run{a, b, n})
}

// match finds the runs of two pieces, which begin at atA and atB of the texts and
// may be cut so many times.
func (m *matcher) match(a, b []int, atA, atB, depth int) {
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	m.add(atA, atB, start)
	a, b, atA, atB = a[start:], b[start:], atA+start, atB+start
	end := 0
	for end < len(a) && end < len(b) && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	defer m.add(atA+len(a)-end, atB+len(b)-end, end)
	a, b = a[:len(a)-end], b[:len(b)-end]
	switch {
	case len(a) == 0 || len(b) == 0:
	case len(a) <= maxTable/len(b):
		m.exact(a, b, atA, atB)
	case depth > 0:
		fromA, fromB := 0, 0
		for _, anchor := range anchors(a, b) {
			m.match(a[fromA:anchor.A], b[fromB:anchor.B], atA+fromA, atB+fromB, depth-1)
			m.add(atA+anchor.A, atB+anchor.B, 1)
			fromA, fromB = anchor.A+1, anchor.B+1
		}
		if fromA > 0 { // else there is nothing to hold to
			m.match(a[fromA:], b[fromB:], atA+fromA, atB+fromB, depth-1)
		}
	}
}

// exact finds a longest common subsequence.
func (m *matcher) exact(a, b []int, atA, atB int) {
	width := len(b) + 1
	longest := make([]int32, (len(a)+1)*width) // of a[i:] and b[j:], at i*width+j
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				longest[i*width+j] = longest[(i+1)*width+j+1] + 1
			} else {
				longest[i*width+j] = max(longest[(i+1)*width+j], longest[i*width+j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			m.add(atA+i, atB+j, 1)
			i++
			j++
		case longest[(i+1)*width+j] >= longest[i*width+j+1]:
			i++
		default:
			j++
		}
	}
}

// anchors gives the longest sequence, in both orders, of lines that stand once in
// a and once in b.
func anchors(a, b []int) []Run {
	type place struct{ inA, inB, at int }
	places := make(map[int]*place, len(a))
	for i, number := range a {
		p := places[number]
		if p == nil {
			p = new(place)
			places[number] = p
		}
		p.inA++
		p.at = i
	}
	for _, number := range b {
		if p := places[number]; p != nil {
			p.inB++
		}
	}
	// The longest increasing sequence of the places in a, in the order of b. Piles
	// hold, for each length, the sequence of that length that ends earliest.
	var unique []Run
	var piles, before []int // indices of unique
	for j, number := range b {
		p := places[number]
		if p == nil || p.inA != 1 || p.inB != 1 {
			continue
		}
		pile := sort.Search(len(piles), func(k int) bool { return unique[piles[k]].A > p.at })
		unique = append(unique, Run{p.at, j, 1})
		previous := -1
		if pile > 0 {
			previous = piles[pile-1]
		}
		before = append(before, previous)
		if pile == len(piles) {
			piles = append(piles, 0)
		}
		piles[pile] = len(unique) - 1
	}
	if piles == nil {
		return nil
	}
	var sequence []Run
	for i := piles[len(piles)-1]; i >= 0; i = before[i] {
		sequence = append(sequence, unique[i])
	}
	slices.Reverse(sequence)
	return sequence
}

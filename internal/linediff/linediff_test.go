package linediff_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dockercfg/jet/internal/linediff"
)

// common gives the number of lines in the runs, after checking that they are
// in order and in common.
func common(t *testing.T, a, b []string, runs []linediff.Run) (n int) {
	t.Helper()
	endA, endB := 0, 0
	for _, r := range runs {
		if r.A < endA || r.B < endB || r.N < 1 {
			t.Fatalf("%v of %v is out of order", r, runs)
		}
		endA, endB = r.A+r.N, r.B+r.N
		if !slices.Equal(a[r.A:endA], b[r.B:endB]) {
			t.Fatalf("%v is not in common", r)
		}
		n += r.N
	}
	return n
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 0}, {"a", "a", 1}, {"abc", "abc", 3}, {"abcabba", "cbabac", 4}, {"xaxbxc", "abc", 3}, {"abc", "cba", 1}, {"aaa", "aa", 2},
	} {
		a, b := strings.Split(c.a, ""), strings.Split(c.b, "")
		if got := common(t, a, b, linediff.Match(a, b)); got != c.want {
			t.Errorf("%q and %q have %d lines in common, want %d", c.a, c.b, got, c.want)
		}
	}
}

// TestLarge has texts that are too large for the exact search.
func TestLarge(t *testing.T) {
	var a, b []string
	for i := range 20000 {
		a = append(a, fmt.Sprint("line ", i), "")
		if i%100 != 0 {
			b = append(b, fmt.Sprint("line ", i), "")
		}
	}
	if got, want := common(t, a, b, linediff.Match(a, b)), len(b); got != want {
		t.Errorf("%d lines in common, want %d", got, want)
	}
	// Nothing to hold to.
	for i := range b {
		a[i], b[i] = fmt.Sprint(i%7), fmt.Sprint(i%5)
	}
	common(t, a, b, linediff.Match(a[:len(b)], b))
}

func TestMerge(t *testing.T) {
	for _, c := range []struct{ base, ours, theirs, want string }{
		{"", "", "", ""},
		{"abc", "abc", "abc", "=abc"},
		{"abc", "axc", "abc", "=a <x =c"},
		{"abc", "abc", "axc", "=a >x =c"},
		{"abc", "axc", "axc", "=a +x =c"},
		{"abc", "axc", "ayc", "=a !x|y =c"},
		{"abc", "ac", "ayc", "=a !|y =c"},
		{"abcde", "xbcde", "abcdy", "<x =bcd >y"},
		{"ab", "xb", "ay", "!xb|ay"},
		{"", "x", "y", "!x|y"},
		{"a", "ax", "ay", "=a !x|y"},
	} {
		base, ours, theirs := strings.Split(c.base, ""), strings.Split(c.ours, ""), strings.Split(c.theirs, "")
		var got []string
		for _, chunk := range linediff.Merge(base, ours, theirs) {
			text := strings.Join(chunk.Ours.Of(ours), "")
			if chunk.Kind == linediff.Theirs {
				text = strings.Join(chunk.Theirs.Of(theirs), "")
			} else if chunk.Kind == linediff.Conflict {
				text += "|" + strings.Join(chunk.Theirs.Of(theirs), "")
			}
			got = append(got, "=<>+!"[chunk.Kind:chunk.Kind+1]+text)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q, %q, %q: got %q, want %q", c.base, c.ours, c.theirs, got, c.want)
		}
	}
}

func FuzzMerge(f *testing.F) {
	f.Add("abc", "axc", "abd")
	f.Add("aaab", "aab", "baa")
	f.Fuzz(func(t *testing.T, o, a, b string) {
		base, ours, theirs := strings.Split(o, ""), strings.Split(a, ""), strings.Split(b, "")
		common(t, base, ours, linediff.Match(base, ours))
		var at linediff.Chunk
		for _, c := range linediff.Merge(base, ours, theirs) {
			if c.Base.Start != at.Base.End || c.Ours.Start != at.Ours.End || c.Theirs.Start != at.Theirs.End {
				t.Fatalf("%v follows %v", c, at)
			}
			at = c
		}
		if at.Base.End != len(base) || at.Ours.End != len(ours) || at.Theirs.End != len(theirs) {
			t.Errorf("the chunks end at %v", at)
		}
	})
}

// TestExact compares with all subsequences of small texts.
func TestExact(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		a, b := word(random), word(random)
		if got, want := common(t, a, b, linediff.Match(a, b)), longest(a, b); got != want {
			t.Fatalf("%q and %q: %d in common, want %d", a, b, got, want)
		}
	}
}

func word(random *rand.Rand) []string {
	w := make([]string, random.IntN(8))
	for i := range w {
		w[i] = string(rune('a' + random.IntN(3)))
	}
	return w
}

func longest(a, b []string) int {
	switch {
	case len(a) == 0 || len(b) == 0:
		return 0
	case a[0] == b[0]:
		return 1 + longest(a[1:], b[1:])
	}
	return max(longest(a[1:], b), longest(a, b[1:]))
}

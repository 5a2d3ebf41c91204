// Package spelling finds the word that was probably meant by one that is not known.
package spelling

import "strings"

// maxEdits is how far apart a mistyped word and what was meant may be.
const maxEdits = 2

// Nearest gives the word of known that was probably meant, or "".
func Nearest(word string, known []string) string {
	best, least := "", maxEdits+1
	for _, k := range known {
		// Half a word away from everything is near to nothing.
		if d := Distance(word, k); d < least && d < len(strings.Trim(k, "-"))/2 {
			best, least = k, d
		}
	}
	return best
}

// Distance counts the bytes to insert, delete or replace to turn a into b.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			edits := diagonal
			if a[i] != b[j] {
				edits = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], edits
		}
	}
	return row[len(b)]
}

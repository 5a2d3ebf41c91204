// Package shellword writes words as one types them in a shell, for commands that
// people are told to type.
package shellword

import (
	"strings"
	"unicode"
)

// Untypeable stands for a word that nobody can type.
const Untypeable = "FILE"

// Quote writes a file name as one word that no program takes for an option, in
// single quotes if it needs them; Untypeable for one that does not print.
func Quote(name string) string {
	plain := name != ""
	for i, r := range name {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("_./,:@%+=", r):
		case r == '-' && i > 0:
		case !unicode.IsPrint(r), r == unicode.ReplacementChar:
			return Untypeable
		default:
			plain = false
		}
	}
	if plain {
		return name
	}
	if strings.HasPrefix(name, "-") {
		name = "./" + name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

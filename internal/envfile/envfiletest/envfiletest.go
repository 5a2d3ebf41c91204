// Package envfiletest generates env files for tests, with what they mean.
package envfiletest

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// A File is an env file in Docker's syntax, and what it means by construction: no
// parser has a part in that.
type File struct {
	Text   []byte
	Values map[string]string // by name
}

// pieces are what values are made of. What Docker's syntax has no place for is left
// out: line feeds and NUL; and, in names, blanks, "=" and a "#" in front.
func pieces() []string {
	return []string{
		"a", "Z", "0", " ", "\t", "=", "#", "$", "$HOME", "${X}", "$(id)", "`id`", `"`, "'", `\`, `\n`, `\"`, "%", "&", "|", ";", "!",
		"*", "?", "~", "{", "}", "[", "]", "<", ">", "(", ")", ",", "é", "密码", "😀", "\u00a0", "\ufeff", "\x01", "\x1b[31m", "\x7f", "\r",
		`{"type": "x"}`, "-----BEGIN KEY-----", "export ", "A=b", "correct horse battery staple",
	}
}

func namePieces() []string {
	return []string{"A", "b", "_", "9", "-", ".", "/", ":", "@", "PASSWORD", "key", "ü", "密", "(", "$", `"`, "'", "\\", "export", "#"}
}

// Value gives a value of at most that many pieces.
func Value(r *rand.Rand, most int) string { return pick(r, pieces(), most) }

func pick(r *rand.Rand, from []string, most int) string {
	var b strings.Builder
	for range r.IntN(most + 1) {
		b.WriteString(from[r.IntN(len(from))])
	}
	return b.String()
}

// Generate makes a file of at most 12 lines whose names begin with prefix, which is
// not empty. A bare NAME means what is in inherited, and nothing if it is not there.
func Generate(r *rand.Rand, prefix string, inherited map[string]string) File {
	f := File{Values: make(map[string]string)}
	var b bytes.Buffer
	if r.IntN(8) == 0 {
		b.WriteString("\ufeff")
	}
	ending := []string{"\n", "\n", "\r\n"}[r.IntN(3)]
	var names []string
	for lines := r.IntN(12); lines >= 0; lines-- {
		if lines == 0 && r.IntN(3) == 0 {
			break
		}
		b.WriteString([]string{"", "", "", " ", "\t", "\u00a0 "}[r.IntN(6)])
		name := prefix + pick(r, namePieces(), 4)
		switch {
		case r.IntN(4) == 0 && names != nil:
			name = names[r.IntN(len(names))]
		case r.IntN(6) == 0 && len(inherited) > 0:
			name = slices.Sorted(maps.Keys(inherited))[r.IntN(len(inherited))]
		}
		switch kind := r.IntN(10); {
		case kind == 0:
			b.WriteString("# " + strings.TrimRight(Value(r, 5), "\r"))
		case kind == 1: // an empty line
		case kind == 2:
			b.WriteString(name)
			if value, ok := inherited[name]; ok {
				f.Values[name] = value
			}
			names = append(names, name)
		default:
			value := Value(r, 8)
			if ending == "\n" || lines == 0 {
				value = strings.TrimRight(value, "\r") // or it would be a part of the line end
			}
			b.WriteString(name + "=" + value)
			f.Values[name] = value
			names = append(names, name)
		}
		if lines > 0 || r.IntN(2) == 0 {
			b.WriteString(ending)
		}
	}
	f.Text = b.Bytes()
	return f
}

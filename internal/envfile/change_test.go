package envfile_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/dockercfg/jet/internal/envfile"
)

func TestSet(t *testing.T) {
	for _, c := range []struct {
		label, text, name, value, want string
		syntax                         envfile.Syntax
	}{
		{label: "added to nothing", name: "A", value: "b", want: "A=b\n"},
		{label: "added", text: "A=1\n# c\n\n", name: "B", value: "2", want: "A=1\n# c\n\nB=2\n"},
		{label: "added, no line end", text: "A=1", name: "B", value: "2", want: "A=1\nB=2\n"},
		{label: "added, CRLF", text: "A=1\r\n# c\r\n", name: "B", value: "2", want: "A=1\r\n# c\r\nB=2\r\n"},
		{label: "added, CRLF, no line end", text: "# c\r\nA=1", name: "B", value: "2", want: "# c\r\nA=1\r\nB=2\r\n"},
		{label: "added to a byte-order mark", text: "\ufeff", name: "A", value: "b", want: "\ufeffA=b\n"},
		{label: "changed", text: "# A=0\nA=1\nAA=2\n", name: "A", value: "b", want: "# A=0\nA=b\nAA=2\n"},
		{label: "changed, CRLF and blanks", text: "\ufeff \tA=1 \r\nB=2", name: "A", value: " b ", want: "\ufeff \tA= b \r\nB=2"},
		{label: "changed, no line end", text: "B=2\nA=1", name: "A", value: "", want: "B=2\nA="},
		{label: "the last of several", text: "A=1\nB=2\nA=3\nB=4\n", name: "A", value: "5", want: "A=1\nB=2\nA=5\nB=4\n"},
		{label: "the same value", text: "A=0\r\nA=1 \n\n", name: "A", value: "1 ", want: "A=0\r\nA=1 \n\n"},
		{label: "a bare name", text: "B=1\nA\r\nC=2\n", name: "A", value: "x", want: "B=1\nA=x\r\nC=2\n"},
		{label: "a bare name that wins", text: "A=x\nA\n", name: "A", value: "x", want: "A=x\nA=x\n"},
		{label: "nothing means anything", text: "A=1\n", name: "A", value: `"$B" 'c' #d \n =`, want: "A=\"$B\" 'c' #d \\n =\n"},
		{label: "odd name", text: "http://x=1\n", name: "http://x", value: "2", want: "http://x=2\n"},
		{label: "carriage return within", text: "", name: "A", value: "a\rb", want: "A=a\rb\n"},

		{label: "added to nothing", name: "A", value: "b", want: "A=b\n", syntax: envfile.Dotenv},
		{label: "quoted", name: "A", value: "b c", want: "A='b c'\n", syntax: envfile.Dotenv},
		{label: "empty", name: "A", value: "", text: "B=1", want: "B=1\nA=''\n", syntax: envfile.Dotenv},
		{label: "no expansion", name: "A", value: "$B ${C}", want: "A='$B ${C}'\n", syntax: envfile.Dotenv},
		{label: "no expansion in double quotes", name: "A", value: "it's $B", want: `A="it's \$B"` + "\n", syntax: envfile.Dotenv},
		{label: "several lines", name: "A", value: "-----BEGIN-----\nx\n", want: "A='-----BEGIN-----\nx\n'\n", syntax: envfile.Dotenv},
		{label: "several lines and a quote", name: "A", value: "it's\nx", want: `A="it's\nx"` + "\n", syntax: envfile.Dotenv},
		{label: "backslash at the end", name: "A", value: `b\`, want: "", syntax: envfile.Dotenv},
		{label: "a quote at the end, of one that referred to others", text: "A=$", name: "A", value: "b\n'\"", want: "", syntax: envfile.Dotenv},
		{label: "comment stays", text: "# c\nexport A = b  # why\nB=1\n", name: "A", value: "x y", want: "# c\nexport A = 'x y'  # why\nB=1\n", syntax: envfile.Dotenv},
		{label: "comment after nothing", text: "A='' # why\n", name: "A", value: "1", want: "A=1 # why\n", syntax: envfile.Dotenv},
		{label: "quotes go", text: "A=\"b\nc\" # why\nB=1\n", name: "A", value: "1", want: "A=1 # why\nB=1\n", syntax: envfile.Dotenv},
		{label: "the last of several", text: "A=1\nA='2'\nB=3\n", name: "A", value: "4", want: "A=1\nA=4\nB=3\n", syntax: envfile.Dotenv},
		{label: "another that refers to it", text: "A=1\nB=$A/x\nC=${A}\n", name: "A", value: "2", want: "A=2\nB=$A/x\nC=${A}\n", syntax: envfile.Dotenv},
		{label: "the same value, as it is written", text: "A=\"b\"\n", name: "A", value: "b", want: "A=\"b\"\n", syntax: envfile.Dotenv},
		{label: "colon", text: "A: b\n", name: "A", value: "c", want: "A: c\n", syntax: envfile.Dotenv},
		{label: "two on a line", text: "A=\"b\" C='d'\n", name: "A", value: "1 2", want: "A='1 2' C='d'\n", syntax: envfile.Dotenv},
		{label: "empty unquoted", text: "A=\nB=1\n", name: "A", value: "1", want: "A=1\nB=1\n", syntax: envfile.Dotenv},
		{label: "CRLF", text: "\ufeffA=1\r\nB=2\r\n", name: "A", value: "3", want: "\ufeffA=3\r\nB=2\r\n", syntax: envfile.Dotenv},
	} {
		t.Run(c.syntax.String()+"/"+c.label, func(t *testing.T) {
			got, err := envfile.Set([]byte(c.text), c.syntax, c.name, c.value)
			if c.want == "" {
				if _, ok := errors.AsType[*envfile.ValueError](err); !ok {
					t.Errorf("got %q, %v, want a *ValueError", got, err)
				}
				return
			}
			if err != nil || string(got) != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestUnset(t *testing.T) {
	for _, c := range []struct {
		label, text, name, want string
		found                   bool
		syntax                  envfile.Syntax
	}{
		{label: "not there", text: "# A=1\nAA=1\n", name: "A", want: "# A=1\nAA=1\n"},
		{label: "all lines of it", text: "# c\r\nA=1\r\nB=2\n\tA\nA=3", name: "A", want: "# c\r\nB=2\n", found: true},
		{label: "the only one", text: "A=1", name: "A", want: "", found: true},
		{label: "byte-order mark", text: "\ufeffA=1\nB=2\n", name: "A", want: "\ufeffB=2\n", found: true},
		{label: "comments stay", text: "# about A\nA=1\n\n# about B\nB=2\n", name: "A", want: "# about A\n\n# about B\nB=2\n", found: true},

		{label: "not there", text: "# A=1\n", name: "A", want: "# A=1\n", syntax: envfile.Dotenv},
		{label: "its lines and its comment", text: "# c\nexport A=\"1\n2\" # d\nB=2\n", name: "A", want: "# c\nB=2\n", found: true, syntax: envfile.Dotenv},
		{label: "all of it", text: "A=1\n B=2\n  A='3'\nC=4", name: "A", want: " B=2\nC=4", found: true, syntax: envfile.Dotenv},
		{label: "the first on a line", text: "A=\"b\" C='d'\nE=f\n", name: "A", want: " C='d'\nE=f\n", found: true, syntax: envfile.Dotenv},
		{label: "the last on a line", text: "A=\"b\" C='d'\nE=f\n", name: "C", want: "A=\"b\"\nE=f\n", found: true, syntax: envfile.Dotenv},
		{label: "after a comment", text: "# c\n# d\nA=1\n", name: "A", want: "# c\n# d\n", found: true, syntax: envfile.Dotenv},
		{label: "others that refer to it", text: "A=1\nB=$A\n", name: "A", want: "B=$A\n", found: true, syntax: envfile.Dotenv},
		{label: "byte-order mark", text: "\ufeffA=1\nB=2\n", name: "A", want: "\ufeffB=2\n", found: true, syntax: envfile.Dotenv},
	} {
		t.Run(c.syntax.String()+"/"+c.label, func(t *testing.T) {
			got, found, err := envfile.Unset([]byte(c.text), c.syntax, c.name)
			if err != nil || found != c.found || string(got) != c.want {
				t.Errorf("got %q, %v, %v, want %q, %v", got, found, err, c.want, c.found)
			}
		})
	}
}

// TestSetRefuses: what cannot be written is an error that quotes nothing.
func TestSetRefuses(t *testing.T) {
	for _, c := range []struct {
		label, text, name, value, want string
		syntax                         envfile.Syntax
	}{
		{label: "two lines", name: "A", value: secret + "\n2", want: "more than one line"},
		{label: "NUL", name: "A", value: secret + "\x00", want: "NUL"},
		{label: "not UTF-8", name: "A", value: secret + "\xff", want: "UTF-8"},
		{label: "carriage return at the end", name: "A", value: secret + "\r", want: "carriage return"},
		{label: "too long", name: "A", value: secret + strings.Repeat("x", 1<<20), want: "cannot be written"},
		{label: "empty name", value: secret, want: "is empty"},
		{label: "value in the name", name: "A=" + secret, want: "equals sign"},
		{label: "comment", name: "#" + secret, want: "begins with #"},
		{label: "blank", name: "A " + secret, want: "no place"},
		{label: "line feed", name: "A\n" + secret, want: "no place"},
		{label: "broken file", text: "A b=" + secret, name: "A", want: "line 1"},
		{label: "NUL", name: "A", value: secret + "\x00", want: "NUL", syntax: envfile.Dotenv},
		{label: "both quotes, one at the end", name: "A", value: `'` + secret + `"`, want: "cannot be written", syntax: envfile.Dotenv},
		{label: "dash in the name", name: "A-" + secret, value: "x", want: "no place", syntax: envfile.Dotenv},
		{label: "broken file", text: "A='" + secret, name: "A", want: "line 1", syntax: envfile.Dotenv},
	} {
		t.Run(c.syntax.String()+"/"+c.label, func(t *testing.T) {
			_, err := envfile.Set([]byte(c.text), c.syntax, c.name, c.value)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if _, _, err := envfile.Unset([]byte(c.text), c.syntax, c.name); c.value == "" && err == nil {
				t.Error("Unset: no error")
			}
		})
	}
}

// FuzzSet: the file then says what is wanted, and all other lines are as they were.
func FuzzSet(f *testing.F) {
	for _, c := range dockerFiles {
		f.Add([]byte(c.text), "A", "x y", false)
		f.Add([]byte(c.text), "B", "it's \"$A\" \\", true)
	}
	for _, text := range []string{"A=\"b\nc\" # d\nB=$A\n", "export A = b # c # d\n", "A= # b\n", "A=\"b\" C='d'\n", "A:\n", "\ufeff# c\r\nA\r\n"} {
		f.Add([]byte(text), "A", "b\n'\"", true)
		f.Add([]byte(text), "C", "", true)
	}
	f.Fuzz(func(t *testing.T, data []byte, name, value string, dotenv bool) {
		syntax := envfile.Docker
		if dotenv {
			syntax = envfile.Dotenv
		}
		if len(data) > 4<<10 || len(value) > 4<<10 {
			return
		}
		before, err := envfile.Parse(data, syntax)
		if err != nil {
			return
		}
		changed, err := envfile.Set(data, syntax, name, value)
		if err != nil {
			return
		}
		after, err := envfile.Parse(changed, syntax)
		if got, ok := after.Lookup(name); err != nil || got != value || !ok {
			t.Fatalf("%q: %q = %q gives %q: %q, %v, %v", data, name, value, changed, got, ok, err)
		}
		for _, v := range after.Variables {
			want, ok := before.Lookup(v.Name)
			if now, _ := after.Lookup(v.Name); v.Name != name && v.Set && (now != want || !ok) && !bytes.Contains(data, []byte("$")) {
				t.Fatalf("%q: %q = %q gives %q, with another %q", data, name, value, changed, v.Name)
			}
		}
		if again, err := envfile.Set(changed, syntax, name, value); err != nil || !bytes.Equal(again, changed) {
			t.Fatalf("%q: again gives %q, %v", changed, again, err)
		}
		// What is common in front and behind is all but one piece.
		front := 0
		for front < min(len(data), len(changed)) && data[front] == changed[front] {
			front++
		}
		behind := 0
		for behind < min(len(data), len(changed))-front && data[len(data)-1-behind] == changed[len(changed)-1-behind] {
			behind++
		}
		if gone := data[front : len(data)-behind]; syntax == envfile.Docker && bytes.ContainsAny(gone, "\n") {
			t.Fatalf("%q: %q = %q gives %q, and takes away %q", data, name, value, changed, gone)
		}
		removed, found, err := envfile.Unset(changed, syntax, name)
		if err != nil {
			if _, ok := errors.AsType[*envfile.ValueError](err); !ok || syntax == envfile.Docker && !bytes.Contains(data, []byte("\ufeff")) {
				t.Fatalf("%q without %q: %v", changed, name, err)
			}
			return
		}
		left, err := envfile.Parse(removed, syntax)
		if _, ok := left.Lookup(name); err != nil || ok || !found {
			t.Fatalf("%q without %q is %q: %v, %v", changed, name, removed, found, err)
		}
	})
}

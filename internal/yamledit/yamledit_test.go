package yamledit_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/dockercfg/jet/internal/yamledit"
)

const (
	first   = "8PHy8/T19vf4+fr7/P3+/9ZPjsZmxN+eCSy0GgF/"
	last    = "JinBSRykkgxS0cxnFDhrd4RFSsM5OkW2V9iIOp/rlIvmGw=="
	old     = first + last
	changed = "AAEC+/8="
)

// layouts are texts in which all strings under "secret" are to be replaced. They
// have @ for the string as it is written; "" means that it is written the same
// way afterwards.
var layouts = []struct{ name, text, before, after string }{
	{"plain", "app:\n  secret: @\n  x: y\n", old, changed},
	{"plain, at the end", "app:\n  secret: @", old, changed},
	{"plain, comment", "# a\napp: # b\n  # c\n  secret: @   # d\n  x: y # e\n# f", old, changed},
	{"plain, on the next line", "app:\n  secret:\n    @\n  x: y\n", old, changed},
	{"plain, folded", "app:\n  secret: @\n  x: y\n", first + "\n    " + last, changed},
	{"plain, folded, on the next line", "app:\n  secret:\n      @\n\n\n  x: y\n", first + "\n      " + last, changed},
	{"double quotes", "app:\n  secret: \"@\"\n  x: y\n", old, changed},
	{"double quotes, escapes", "app:\n  secret: \"@\"\n  x: y\n", strings.ReplaceAll(old, "/", `\/`), changed},
	{"double quotes, more escapes", "app:\n  secret: \"@\"\n  x: y\n", strings.ReplaceAll(strings.ReplaceAll(old, "+", `\u002b`), "T", `\x54`), changed},
	{"double quotes, folded", "app:\n  secret: \"@\"\n  x: y\n", first + "\n    " + last, changed},
	{"double quotes, folded by an escape", "app:\n  secret: \"@\"\n  x: y\n", first + "\\\n    " + last, changed},
	{"single quotes", "app:\n  secret: '@'   # it's\n  x: 'it''s'\n", old, changed},
	{"literal block", "app:\n  secret: @\n  x: y\n", "|\n    " + first + "\n    " + last, changed},
	{"literal block, stripped, with blank lines", "app:\n  secret: @\n\n  # c\n  x: y\n", "|-\n    " + old, changed},
	{"folded block", "app:\n  secret: @\n  x: y\n", ">\n    " + first + "\n    " + last, changed},
	{"block with an indentation", "app:\n  secret: @\n  x: y\n", ">2-\n    " + first + "\n    " + last, changed},
	{"list", "app:\n  secret:\n  - @\n  - \"@\" # c\n  - '@'\n  x: y\n", old, changed},
	{"list, indented, comment between", "app:\n  secret:\n    # a\n    - @\n    # b\n    -   @\n", old, changed},
	{"mapping", "app:\n  secret:\n    A: @\n    \"B\":   '@'\n  x: y\n", old, changed},
	{"flow", "{app: {secret: [@, '@', \"@\"], x: y}, z: {secret: {A: @}}}\n", old, changed},
	{"JSON", "{\n  \"app\": {\n    \"secret\": [\"@\", \"@\"],\n    \"x\": [1, true, null, -0.5e3]\n  }\n}\n", old, changed},
	{"JSON with tabs", "{\n\t\"app\": {\n\t\t\"secret\": \"@\",\n\t\t\"x\": [1, true, null]\n\t}\n}\n", old, changed},
	{"anchor", "app:\n  secret: &a @\nb:\n  secret: *a\n", old, changed},
	{"anchor elsewhere", "x-all: &all\n  - @\napp:\n  secret: *all\n", old, changed},
	{"merge", "base: &base\n  secret: @\napp:\n  <<: *base\n  x: y\n", old, changed},
	{"tag", "app:\n  secret: !!str @\n  x: y\n", old, changed},
	{"anchor and tag", "app:\n  secret: &a !!str \"@\"\n  x: *a\n", old, changed},
	{"twice", "app:\n  secret: @\n  secret: @\n", old, changed},
	{"several documents", "---\na:\n  secret: @\n---\n---\n# c\nb: {secret: '@'}\n...\n---\nc: d\n", old, changed},
	{"byte order mark", "\ufeff# c\napp:\n  secret: @\n", old, changed},
	{"wide characters", "密码🔑: {k: \"🔑\", secret: @} # 密码\nä: {secret: '@'}\n", old, changed},
	{"trailing blanks", "app:  \n  secret:  @  \n   \n  x: y\t\n", old, changed},
	{"the same text elsewhere", "# @\napp:\n  x: 'y'\n  secret: @\n", old, changed},
}

// secrets gives what stands under "secret".
func secrets(f *yamledit.File) (changes []yamledit.Change) {
	var strings, search func(yamledit.Node)
	strings = func(n yamledit.Node) {
		if target, ok := n.Target(); ok {
			strings(target)
			return
		}
		if _, ok := n.Text(); ok {
			for _, c := range changes {
				if c.Place == n {
					return
				}
			}
			changes = append(changes, yamledit.Change{Place: n, Text: changed, Plain: true})
		}
		for _, e := range n.Elements() {
			strings(e)
		}
		for _, p := range n.Pairs() {
			strings(p.Value)
		}
	}
	search = func(n yamledit.Node) {
		for _, e := range n.Elements() {
			search(e)
		}
		for _, p := range n.Pairs() {
			if p.Name == "secret" {
				strings(p.Value)
			} else {
				search(p.Value)
			}
		}
	}
	for _, d := range f.Documents() {
		search(d)
	}
	return changes
}

func TestReplace(t *testing.T) {
	for _, c := range layouts {
		comment, body, _ := strings.Cut(c.text, "\napp:") // "@" in the comment stays
		if c.name != "the same text elsewhere" {
			comment, body = "", c.text
		} else {
			comment, body = strings.ReplaceAll(comment, "@", old), "\napp:"+body
		}
		for name, end := range map[string]string{"LF": "\n", "CRLF": "\r\n"} {
			text := strings.ReplaceAll(comment+strings.ReplaceAll(body, "@", c.before), "\n", end)
			want := strings.ReplaceAll(comment+strings.ReplaceAll(body, "@", c.after), "\n", end)
			f, err := yamledit.Parse(text)
			if err != nil {
				t.Errorf("%s, %s: %v", c.name, name, err)
				continue
			}
			changes := secrets(f)
			if len(changes) != strings.Count(body, "@") {
				t.Errorf("%s, %s: %d strings found", c.name, name, len(changes))
			}
			for _, change := range changes {
				if got, _ := change.Place.Text(); strings.NewReplacer(" ", "", "\n", "").Replace(got) != old {
					t.Errorf("%s, %s: the string is %q", c.name, name, got)
				}
			}
			if got, err := f.Replace(changes); err != nil || got != want {
				t.Errorf("%s, %s: %v\n%q, want\n%q", c.name, name, err, got, want)
			}
			if got, err := f.Replace(nil); err != nil || got != text {
				t.Errorf("%s, %s: without a change: %v\n%q", c.name, name, err, got)
			}
		}
	}
	if len(layouts) < 30 {
		t.Errorf("%d layouts, want at least 30", len(layouts))
	}
}

// TestReplaceText: what needs quotes gets them, and a block stays one.
func TestReplaceText(t *testing.T) {
	for before, want := range map[string]string{
		"secret: x\n":                       "secret: \"a: \\\"b\\\"\\n# c\"\n",
		"secret: |\n  x\n# end\n":           "secret: |-\n  a: \"b\"\n  # c\n# end\n",
		"secret: |\r\n    x\r\n    y\r\n":   "secret: |-\r\n    a: \"b\"\r\n    # c\r\n",
		"{\"secret\": \"x\", \"y\": \"z\"}": "{\"secret\": \"a: \\\"b\\\"\\n# c\", \"y\": \"z\"}",
	} {
		f, err := yamledit.Parse(before)
		if err != nil {
			t.Fatal(err)
		}
		changes := secrets(f)
		changes[0].Text, changes[0].Plain = "a: \"b\"\n# c", false
		if got, err := f.Replace(changes); err != nil || got != want {
			t.Errorf("%q: %v\n%q, want\n%q", before, err, got, want)
		}
	}
}

func TestReplaceRefuses(t *testing.T) {
	f, err := yamledit.Parse("a: 1\nb: [x]\nc: \"\"\n")
	if err != nil {
		t.Fatal(err)
	}
	document := f.Documents()[0]
	number, _ := document.Field("a")
	list, _ := document.Field("b")
	x := list.Elements()[0]
	for name, changes := range map[string][]yamledit.Change{
		"a number":     {{Place: number, Text: changed, Plain: true}},
		"a list":       {{Place: list, Text: changed, Plain: true}},
		"nothing":      {{Text: changed, Plain: true}},
		"not plain":    {{Place: x, Text: "a]", Plain: true}},
		"two, in one":  {{Place: x, Text: "a", Plain: true}, {Place: x, Text: "b", Plain: true}},
		"not a string": {{Place: x, Text: "1", Plain: true}},
	} {
		if got, err := f.Replace(changes); !errors.Is(err, yamledit.ErrLayout) || got != "" {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	if empty, ok := document.Field("c"); !ok {
		t.Error("there is no field c")
	} else if text, ok := empty.Text(); !ok || text != "" {
		t.Errorf("c is %q, %v", text, ok)
	}
	if _, ok := document.Field("d"); ok {
		t.Error("there is a field d")
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		text, problem string
		line          int
	}{
		"open bracket":      {"a:\n  b: [canary\n", yamledit.Invalid, 0},
		"tab":               {"a:\n\tcanary: 1\n", yamledit.Invalid, 2},
		"control character": {"a: b\nc: \x01canary\n", yamledit.Invalid, 2},
		"not UTF-8":         {"a: b\r\nc: \xffcanary\r\n", yamledit.Invalid, 2},
		"unknown alias":     {"a: *canary\n", yamledit.Invalid, 1},
		"directive":         {"%YAML 1.1\n---\na: canary\n", yamledit.Invalid, 1},
		"many parts":        {strings.Repeat("- canary\n", 200000), yamledit.TooLarge, 0},
		"many names":        {strings.Repeat("canary:\n", 11000), yamledit.TooLarge, 10001},
		"deep":              {"a:\n" + strings.Repeat("[", 200), yamledit.TooDeep, 2},
	} {
		f, err := yamledit.Parse(c.text)
		invalid, ok := errors.AsType[*yamledit.Error](err)
		if f != nil || !ok || invalid.Problem != c.problem || c.line != 0 && invalid.Line != c.line || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := (&yamledit.Error{Line: 3, Problem: "x"}).Error(); err != "line 3: x" {
		t.Errorf("got %q", err)
	}
}

// FuzzReplace changes each string of a text. Another library must see the same
// document but for that string.
func FuzzReplace(f *testing.F) {
	for _, c := range layouts {
		f.Add(strings.ReplaceAll(c.text, "@", c.before))
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := yamledit.Parse(text)
		if err != nil {
			if _, ok := errors.AsType[*yamledit.Error](err); !ok {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		before, oracle := read(text)
		var places []yamledit.Node
		var texts []string
		var collect func(yamledit.Node)
		collect = func(n yamledit.Node) {
			if text, ok := n.Text(); ok {
				places, texts = append(places, n), append(texts, text)
			}
			for _, e := range n.Elements() {
				collect(e)
			}
			for _, p := range n.Pairs() {
				collect(p.Value)
			}
		}
		for _, d := range file.Documents() {
			collect(d)
		}
		for _, place := range places[:min(len(places), 10)] {
			got, err := file.Replace([]yamledit.Change{{Place: place, Text: changed, Plain: true}})
			if err != nil {
				continue
			}
			if _, err := yamledit.Parse(got); err != nil {
				t.Fatalf("%q became %q: %v", text, got, err)
			}
			if oracle != nil || !slices.Equal(texts, stringsOf(before)) {
				continue // the two do not read the text alike
			}
			after, err := read(got)
			if err != nil {
				t.Fatalf("%q became %q: %v", text, got, err)
			}
			was, _ := place.Text()
			if n := differences(before, after, was); n > 1 {
				t.Fatalf("%q became %q, with %d differences", text, got, n)
			}
		}
	})
}

// read gives the documents of a text, as another library sees them.
func read(text string) (documents []*yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	for decoder := yaml.NewDecoder(strings.NewReader(text)); ; {
		var n yaml.Node
		if err := decoder.Decode(&n); err != nil {
			if err.Error() == "EOF" {
				return documents, nil
			}
			return nil, err
		}
		documents = append(documents, &n)
	}
}

// stringsOf gives the strings that are values.
func stringsOf(nodes []*yaml.Node) (all []string) {
	for _, n := range nodes {
		switch {
		case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str":
			all = append(all, n.Value)
		case n.Kind == yaml.MappingNode:
			for pair := range slices.Chunk(n.Content, 2) {
				all = append(all, stringsOf(pair[1:])...)
			}
		default:
			all = append(all, stringsOf(n.Content)...)
		}
	}
	return all
}

// differences counts the values that differ, many if they do not differ as they should.
func differences(a, b []*yaml.Node, was string) (n int) {
	const many = 100
	if len(a) != len(b) {
		return many
	}
	for i := range a {
		switch {
		case a[i].Kind != b[i].Kind, a[i].Anchor != b[i].Anchor, a[i].Kind == yaml.AliasNode && a[i].Value != b[i].Value:
			return many
		case a[i].Kind == yaml.ScalarNode && a[i].Value != b[i].Value:
			if a[i].Value != was || b[i].Value != changed {
				return many
			}
			n++
		}
		n += differences(a[i].Content, b[i].Content, was)
	}
	return n
}

package envfile_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/docker/cli/pkg/kvfile"
	"github.com/dockercfg/jet/internal/envfile"
	"github.com/joho/godotenv"
)

const secret = "hunter2"

// dockerFiles are read by both Docker and us, with the same result.
var dockerFiles = []struct {
	label, text string
	want        []string // NAME=value, as Docker passes them on
}{
	{"empty", "", nil},
	{"one", "A=b\n", []string{"A=b"}},
	{"no final newline", "A=b", []string{"A=b"}},
	{"CRLF", "A=b\r\nC=d\r\n", []string{"A=b", "C=d"}},
	{"carriage return in a value", "A=b\rC=d\n", []string{"A=b\rC=d"}},
	{"two carriage returns", "A=b\r\r\n", []string{"A=b\r"}},
	{"byte-order mark", "\uFEFFA=b\n", []string{"A=b"}},
	{"byte-order mark and comment", "\uFEFF# c\nA=b\n", []string{"A=b"}},
	{"byte-order mark on line 2", "A=b\n\uFEFFC=d\n", []string{"A=b", "\uFEFFC=d"}},
	{"comments and empty lines", "# c\n\n  # d\n \t\nA=b # e\n", []string{"A=b # e"}},
	{"leading blanks", " \t\u00a0\vA= b\n", []string{"A= b"}},
	{"trailing blanks", "A=b \t\n", []string{"A=b \t"}},
	{"empty value", "A=\n", []string{"A="}},
	{"equals signs", "A==b=c==\n", []string{"A==b=c=="}},
	{"quotes", "A=\"b\"\nC='d'\nE=`f`\n", []string{`A="b"`, "C='d'", "E=`f`"}},
	{"no expansion", "A=$B ${C} $(d) `e` $\n", []string{"A=$B ${C} $(d) `e` $"}},
	{"escapes", `A=C:\new\table\` + "\n", []string{`A=C:\new\table\`}},
	{"odd names", "my-key=1\nhttp://x=2\na.b=3\n1=4\n", []string{"my-key=1", "http://x=2", "a.b=3", "1=4"}},
	{"duplicates", "A=1\nB=2\nA=3\n", []string{"A=1", "B=2", "A=3"}},
	{"bare name", "A\nB=2\nA=1\nB\n", []string{"B=2", "A=1"}},
	{"JSON", `A={"type": "service_account", "private_key": "a\nb="}` + "\n", []string{`A={"type": "service_account", "private_key": "a\nb="}`}},
	{"not ASCII", "Ä=密码\n", []string{"Ä=密码"}},
	{"control characters", "A=\x01\x1b\x7f\n", []string{"A=\x01\x1b\x7f"}},
	{"long line", "A=" + strings.Repeat("b", 60<<10) + "\n", []string{"A=" + strings.Repeat("b", 60<<10)}},
}

// assignments gives the variables that are set as NAME=value.
func assignments(f envfile.File) []string {
	var lines []string
	for _, v := range f.Variables {
		if v.Set {
			lines = append(lines, v.Name+"="+v.Value)
		}
	}
	return lines
}

func TestDocker(t *testing.T) {
	for _, c := range dockerFiles {
		t.Run(c.label, func(t *testing.T) {
			oracle, err := kvfile.ParseFromReader(strings.NewReader(c.text), nil)
			if err != nil || !slices.Equal(oracle, c.want) {
				t.Fatalf("docker/cli gives %q, %v, want %q", oracle, err, c.want)
			}
			file, err := envfile.Parse([]byte(c.text), envfile.Docker)
			if err != nil {
				t.Fatal(err)
			}
			if got := assignments(file); !slices.Equal(got, c.want) {
				t.Errorf("got %.200q, want %.200q", got, c.want)
			}
		})
	}
}

func TestDockerLinesAndLookup(t *testing.T) {
	file, err := envfile.Parse([]byte("# c\nA=1\n\nB\nA=2\nA\nC=\n"), envfile.Docker)
	if err != nil {
		t.Fatal(err)
	}
	want := []envfile.Variable{
		{Name: "A", Value: "1", Line: 2, Set: true, Plain: true},
		{Name: "B", Line: 4},
		{Name: "A", Value: "2", Line: 5, Set: true, Plain: true},
		{Name: "A", Line: 6},
		{Name: "C", Line: 7, Set: true, Plain: true},
	}
	if !slices.Equal(file.Variables, want) {
		type plain envfile.Variable // prints
		for _, v := range file.Variables {
			t.Logf("got %+v", plain(v))
		}
		t.Error("other variables than wanted")
	}
	t.Setenv("B", "from outside")
	for _, c := range []struct {
		name, value string
		ok          bool
	}{{"A", "2", true}, {"B", "", false}, {"C", "", true}, {"D", "", false}, {"a", "", false}, {"", "", false}} {
		if value, ok := file.Lookup(c.name); value != c.value || ok != c.ok {
			t.Errorf("%q: got %q, %v, want %q, %v", c.name, value, ok, c.value, c.ok)
		}
	}
}

func TestVariablesDoNotPrint(t *testing.T) {
	file, err := envfile.Parse([]byte("A="+secret+"\n"+secret+"\n"), envfile.Docker)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []any{file, &file, file.Variables, file.Variables[0]} {
		json, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{string(json), fmt.Sprint(value), fmt.Sprintf("%+v %#v %s %q %d", value, value, value, value, value)} {
			if strings.Contains(text, secret) || !strings.Contains(text, "line 1: [redacted]") {
				t.Errorf("%T prints as %s", value, text)
			}
		}
	}
}

func TestLineLimit(t *testing.T) {
	const limit = 1 << 20
	for _, syntax := range []envfile.Syntax{envfile.Docker, envfile.Dotenv} {
		text := "B=1\nA=" + strings.Repeat("b", limit-2)
		file, err := envfile.Parse([]byte(text+"\r\n"), syntax)
		if value, _ := file.Lookup("A"); err != nil || len(value) != limit-2 {
			t.Errorf("%v: a line of 1 MiB: got %d bytes, %v", syntax, len(value), err)
		}
		_, err = envfile.Parse([]byte(text+"b\n"), syntax)
		if parseError, ok := errors.AsType[*envfile.ParseError](err); !ok || parseError.Line != 2 || len(err.Error()) > 200 {
			t.Errorf("%v: a longer line: got %.200v, want a *ParseError on line 2", syntax, err)
		}
	}
}

func TestRefuses(t *testing.T) {
	const hint = "--env-syntax dotenv"
	cases := []struct {
		label, text   string
		syntax        envfile.Syntax
		line          int
		problem, hint string
		dockerReads   bool // a difference we want
	}{
		{label: "no name", text: "A=1\n=" + secret, line: 2, problem: "no variable name"},
		{label: "no name after blanks", text: " =" + secret, line: 1, problem: "no variable name"},
		{label: "blank before =", text: "\n\nPASSWORD =" + secret, line: 3, problem: "between PASSWORD and =", hint: hint},
		{label: "tab before =", text: "PASSWORD\t=" + secret, line: 1, problem: "between PASSWORD and =", hint: hint},
		{label: "blank in name", text: "my " + secret + "=x", line: 1, problem: "name holds a blank"},
		{label: "blanks in name", text: secret + " x =x", line: 1, problem: "name holds a blank"},
		{label: "odd name and blank", text: secret + "! =x", line: 1, problem: "name holds a blank"},
		{label: "export", text: "export PASSWORD=" + secret, line: 1, problem: "export", hint: hint},
		{label: "export and tab", text: "A=1\r\nexport\tPASSWORD=" + secret, line: 2, problem: "export", hint: hint},
		{label: "exported", text: "exported PASSWORD=" + secret, line: 1, problem: "name holds a blank"},
		{label: "YAML", text: "PASSWORD: " + secret, line: 1, problem: "neither"},
		{label: "words", text: "correct horse " + secret, line: 1, problem: "neither"},
		{label: "JSON, second line", text: "A={\n  \"private_key\": \"" + secret + "\",\n}", line: 2, problem: "neither", hint: "JSON document that begins on line 1"},
		{label: "JSON, line with =", text: "A=1\nB={\n  \"a\":1,\n\"k\": \"" + secret + "==\"\n}", line: 4, problem: "blank", hint: "JSON document that begins on line 2"},
		{label: "JSON array in quotes", text: "A='[\n {" + secret + ": 1},\n]'", line: 2, problem: "neither", hint: "JSON document that begins on line 1"},
		{label: "PEM", text: "A=-----BEGIN PRIVATE KEY-----\n" + secret + "\n" + secret + "==\n-----END PRIVATE KEY-----\n", line: 4, problem: "neither", hint: "PEM block that begins on line 1"},
		{label: "PEM in quotes", text: "A=\"-----BEGIN PRIVATE KEY-----\n" + secret + "+/==\n-----END PRIVATE KEY-----\"\n", line: 3, problem: "neither", hint: "PEM block that begins on line 1"},
		{label: "after a whole PEM block", text: "A=-----BEGIN X-----" + `\n` + "-----END X-----\n-----END " + secret, line: 2, problem: "neither"},
		{label: "after whole JSON", text: "A={\"a\": 1}\n" + `"` + secret + `": 2`, line: 2, problem: "neither"},
		{label: "invalid UTF-8", text: "A=1\nB=" + secret + "\xff", line: 2, problem: "UTF-8"},
		{label: "invalid UTF-8 in a comment", text: "# " + secret + "\xff", line: 1, problem: "UTF-8"},
		{label: "UTF-16", text: "\xff\xfeA\x00=\x00", line: 1, problem: "UTF-8", hint: "save the file as UTF-8"},
		{label: "NUL", text: "A=" + secret + "\x00", line: 1, problem: "NUL", dockerReads: true},
		{label: "NUL in name", text: "A\x00=" + secret, line: 1, problem: "NUL", dockerReads: true},
		{label: "NUL in comment", text: "#\x00", line: 1, problem: "NUL", dockerReads: true},

		{label: "bare name", text: "A=1\n" + secret, syntax: envfile.Dotenv, line: 2, problem: "not NAME=value"},
		{label: "bare name before", text: secret + "\nA=1\n", syntax: envfile.Dotenv, line: 1, problem: "not NAME=value"},
		{label: "no name", text: "A=1\n\n=" + secret, syntax: envfile.Dotenv, line: 3, problem: "not NAME=value"},
		{label: "open quote", text: "A=1\nB=\"" + secret + "\nC=1\nD=2\n", syntax: envfile.Dotenv, line: 2, problem: "quote that is not closed"},
		{label: "after a quote over two lines", text: "A=\"1\n2\"\nB-" + secret + "=1\nD=2\n", syntax: envfile.Dotenv, line: 3, problem: "not NAME=value"},
		{label: "quotes in quotes", text: "A={}\nB=\"{\"a\": \"" + secret + "\"}\"\n", syntax: envfile.Dotenv, line: 2, problem: "not NAME=value"},
		{label: "invalid UTF-8", text: "A=1\nB=" + secret + "\xff", syntax: envfile.Dotenv, line: 2, problem: "UTF-8"},
		{label: "NUL", text: "A=1\nB=" + secret + "\x00", syntax: envfile.Dotenv, line: 2, problem: "NUL"},
		{label: "too large to look", text: strings.Repeat("A=1\n", 20000) + secret, syntax: envfile.Dotenv, line: 0, problem: "not NAME=value"},
		{label: "no such syntax", text: "A=" + secret, syntax: 7, line: 0, problem: "Syntax(7)"},
	}
	for _, c := range cases {
		t.Run(c.syntax.String()+"/"+c.label, func(t *testing.T) {
			file, err := envfile.Parse([]byte(c.text), c.syntax)
			parseError, ok := errors.AsType[*envfile.ParseError](err)
			if !ok || file.Variables != nil {
				t.Fatalf("got %v, %v, want a *ParseError", file, err)
			}
			if parseError.Line != c.line || !strings.Contains(parseError.Problem, c.problem) {
				t.Errorf("got line %d, %q, want line %d, %q", parseError.Line, parseError.Problem, c.line, c.problem)
			}
			if !strings.Contains(parseError.Hint, c.hint) {
				t.Errorf("got hint %q, want %q", parseError.Hint, c.hint)
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, *parseError), secret) {
				t.Errorf("the error quotes the file: %+v", *parseError)
			}
			var oracle error
			switch c.syntax {
			case envfile.Docker:
				_, oracle = kvfile.ParseFromReader(strings.NewReader(c.text), nil)
				if (oracle == nil) != c.dockerReads {
					t.Errorf("docker/cli says %v", oracle)
				}
			}
		})
	}
}

func TestNotices(t *testing.T) {
	const kept = "Docker keeps them as part of the value"
	cases := []struct {
		label, text string
		want        []string // "line N: " and words of the text, in order
	}{
		{"nothing to say", "# c\nA=b\nB=c d\nC=\nD=\"\nE='\nF=a\"b\"\nG={\"a\": 1}\nH=[1]\nI=\"a'\n", nil},
		{"double quotes", "A=1\nB=\"" + secret + "\"\n", []string{"line 2: the value of B stands in quotes; " + kept}},
		{"single quotes", "B='" + secret + "'\n", []string{"line 1: the value of B stands in quotes; " + kept}},
		{"empty quotes", "B=''\n", []string{"line 1: the value of B stands in quotes"}},
		{"trailing blank", "B=" + secret + " \n", []string{"line 1: the value of B ends in blanks; " + kept}},
		{"trailing tab, CRLF", "B=" + secret + "\t\r\n", []string{"line 1: the value of B ends in blanks"}},
		{"blanks alone", "B=  \n", []string{"line 1: the value of B ends in blanks"}},
		{"quotes and blank", "B=\"" + secret + "\" \n", []string{"line 1: the value of B ends in blanks", "line 1: the value of B stands in quotes"}},
		{"odd name", secret + "/!=\"x\"\n", []string{"line 1: the value of this variable stands in quotes"}},
		{"duplicate", "A=1\nB=2\nA=" + secret + "\nA=1\n", []string{"line 3: A is set on line 1 too; the last line wins", "line 4: A is set on line 3 too"}},
		{"duplicate, bare", "A=1\nA\n", nil},
		{"JSON without blanks", "A={\n\"k\":\"" + secret + "\",\n\"l\":\"" + secret + "=\"\n}\nB=1\nA=\"x\"\n",
			[]string{"line 2: this looks like the rest of the JSON document that begins on line 1; a value ends with its line", "line 6: A is set on line 1 too", "line 6: the value of A stands in quotes"}},
		{"JSON not closed, nothing follows", "A={" + secret + "\nB=1\n", nil},
		{"password that begins like JSON", "A=[" + secret + "\nB=1\n", nil},
		{"JSON, then something else", "A={\nB\n}\n", nil},
		{"PEM on one line", "A=-----BEGIN X-----" + `\n` + "-----END X-----\nB\n", nil},
		{"PEM without its end", "A=-----BEGIN PRIVATE KEY-----\n" + secret + "\n" + secret + "=\n" + secret + "=\n", []string{"line 2: this looks like the rest of the PEM block that begins on line 1"}},
		{"two documents", "A={\n}\nB=[\n]\n", []string{"line 2: this looks like the rest of the JSON document that begins on line 1", "line 4: this looks like the rest of the JSON document that begins on line 3"}},
	}
	for _, c := range cases {
		t.Run(c.label, func(t *testing.T) {
			file, err := envfile.Parse([]byte(c.text), envfile.Docker)
			if err != nil {
				t.Fatal(err)
			}
			if len(file.Notices) != len(c.want) {
				t.Fatalf("got %v, want %q", file.Notices, c.want)
			}
			for i, notice := range file.Notices {
				if !strings.HasPrefix(notice.String(), c.want[i]) {
					t.Errorf("got %q, want %q", notice, c.want[i])
				}
				if strings.Contains(notice.String(), secret) {
					t.Errorf("%q quotes the file", notice)
				}
			}
		})
	}
}

func TestDotenv(t *testing.T) {
	cases := []struct{ label, text, want string }{
		{"empty", "", ""},
		{"sorted", "B=2\nA=1\n", "A=1 B=2"},
		{"byte-order mark, CRLF, comment", "\uFEFF# c\r\nA=b # c\r\n", "A=b"},
		{"quotes", "A='b c'\nB=\"d\\ne\"\n", "A=b c B=d\ne"},
		{"over two lines", "A=\"b\nc\"\nD=e\n", "A=b\nc D=e"},
		{"export and blanks", "export A = b \n", "A=b"},
		{"colon", "A: b\n", "A=b"},
		{"expansion, closed scope", "A=1\nB=$A-${HOME}-x\n", "A=1 B=1--x"},
		{"last wins", "A=1\nA=2\n", "A=2"},
	}
	for _, c := range cases {
		t.Run(c.label, func(t *testing.T) {
			file, err := envfile.Parse([]byte(c.text), envfile.Dotenv)
			if got := strings.Join(assignments(file), " "); err != nil || got != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
			for _, v := range file.Variables {
				if got, ok := file.Lookup(v.Name); got != v.Value || !ok {
					t.Errorf("%s: got %q, %v", v.Name, got, ok)
				}
			}
		})
	}
}

func TestParseSyntax(t *testing.T) {
	for _, syntax := range []envfile.Syntax{envfile.Docker, envfile.Dotenv} {
		if got, err := envfile.ParseSyntax(syntax.String()); got != syntax || err != nil {
			t.Errorf("%v: got %v, %v", syntax, got, err)
		}
	}
	for _, name := range []string{"", "Docker", "yaml", "dotenv ", "Syntax(7)"} {
		if got, err := envfile.ParseSyntax(name); err == nil || !strings.Contains(err.Error(), "known: docker, dotenv") {
			t.Errorf("%q: got %v, %v, want an error", name, got, err)
		}
	}
}

func addSeeds(f *testing.F) {
	for _, c := range dockerFiles {
		f.Add([]byte(c.text))
	}
	if len(dockerFiles) < 20 {
		f.Fatalf("%d seeds, want at least 20", len(dockerFiles))
	}
	for _, text := range []string{"=", " =", "A", "A b", "export A=b", "A={\n}", "A=\"b\nc\"", "A=-----BEGIN X\nb==\n", "\xff", "\x00", "A=\\", "A=\"\\", "K: v\n'", "A=$", "A=\"\\$\""} {
		f.Add([]byte(text))
	}
}

func FuzzDocker(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 60<<10 || slices.Contains(data, 0) {
			return // the two limits that differ on purpose
		}
		want, oracle := kvfile.ParseFromReader(strings.NewReader(string(data)), nil)
		file, err := envfile.Parse(data, envfile.Docker)
		if (err == nil) != (oracle == nil) {
			t.Fatalf("%q: got %v, docker/cli %v", data, err, oracle)
		}
		if _, ok := errors.AsType[*envfile.ParseError](err); err != nil && !ok {
			t.Fatalf("%q: got %v, want a *ParseError", data, err)
		}
		if got := assignments(file); err == nil && !slices.Equal(got, want) {
			t.Fatalf("%q: got %q, docker/cli %q", data, got, want)
		}
		for _, v := range file.Variables {
			if lines := strings.Split(string(data), "\n"); !strings.Contains(lines[v.Line-1], v.Name) {
				t.Fatalf("%q: %q does not stand on line %d", data, v.Name, v.Line)
			}
		}
	})
}

func FuzzDotenv(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := envfile.Parse(data, envfile.Dotenv)
		if err != nil {
			parseError, ok := errors.AsType[*envfile.ParseError](err)
			if lines := strings.Count(string(data), "\n") + 1; !ok || parseError.Line > lines {
				t.Fatalf("%q: got %v for %d lines", data, err, lines)
			}
			return
		}
		want, oracle := godotenv.Unmarshal(strings.TrimPrefix(string(data), "\uFEFF"))
		got := make(map[string]string)
		for _, v := range file.Variables {
			got[v.Name] = v.Value
		}
		if oracle != nil || !maps.Equal(got, want) {
			t.Fatalf("%q: got %q, godotenv %q, %v", data, got, want, oracle)
		}
	})
}

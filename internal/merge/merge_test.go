package merge_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/content"
	"github.com/dockercfg/jet/internal/merge"
)

func TestVariables(t *testing.T) {
	for _, c := range []struct{ name, base, ours, theirs, want string }{
		{"neighbours", "A=1\nB=2\n", "A=x\nB=2\n", "A=1\nB=y\n", "A=x\nB=y\n"},
		{"both add at the end", "A=1\n", "A=1\nX=1\n", "A=1\nY=1\nZ=1\n", "A=1\nX=1\nY=1\nZ=1\n"},
		{"both add the same", "A=1\n", "A=1\nX=1\n", "A=1\nX=1\nY=2\n", "A=1\nX=1\nY=2\n"},
		{"add in the middle", "A=1\nB=2\nC=3\n", "A=x\nB=2\nC=3\n", "A=1\nN=9\nB=2\nC=3\n", "A=x\nN=9\nB=2\nC=3\n"},
		{"remove beside a change", "A=1\nB=2\nC=3\n", "A=1\nC=3\n", "A=y\nB=2\nC=3\n", "A=y\nC=3\n"},
		{"our comments stay", "# c\nA=1\n", "# ours\nA=1\n", "# c\nA=2\n", "# ours\nA=2\n"},
		{"their comments come along", "A=1\nB=2\n", "A=1\nB=x\n", "# new\nA=1\n# why\nC=3\nB=2\n", "# new\nA=1\n# why\nC=3\nB=x\n"},
		{"their comments beside a change of ours", "A=1\n", "A=x\n", "A=1\n\n# why\nC=3\n", "A=x\n\n# why\nC=3\n"},
		{"they removed a comment", "# c\nA=1\n", "# c\nA=x\n", "A=1\n", "A=x\n"},
		{"they moved a line, and we changed it", "A=1\nB=2\nC=3\n", "A=x\nB=2\nC=3\n", "B=2\nC=3\nA=1\n", "A=x\nB=2\nC=3\n"},
		{"we moved a line, and they changed it", "A=1\nB=2\nC=3\n", "B=2\nC=3\nA=1\n", "A=y\nB=2\nC=3\n", "B=2\nC=3\nA=y\n"},
		{"a variable set twice", "A=1\nA=2\n", "A=1\nA=2\nB=1\n", "A=1\nA=3\n", "A=1\nA=3\nB=1\n"},
		{"we have CRLF", "A=1\nB=2\n", "A=x\r\nB=2\r\n", "A=1\nB=y\nC=3\n", "A=x\r\nB=y\r\nC=3\r\n"},
		{"they have CRLF", "A=1\nB=2\n", "A=x\nB=2\n", "A=1\r\nB=y\r\nC=3\r\n", "A=x\nB=y\nC=3\n"},
		{"no line end at the end", "A=1", "A=1\nB=2", "C=3\nA=1", "C=3\nA=1\nB=2"},
		{"no line end, both add", "A=1", "A=1\nB=2", "A=1\nC=3", "A=1\nB=2\nC=3"},
		{"a byte order mark", "\ufeffA=1\nB=2\n", "\ufeffA=1\nB=x\n", "\ufeffA=y\nB=2\n", "\ufeffA=y\nB=x\n"},
		{"no ancestor", "", "A=1\nB=2\n", "A=1\nC=3\n", "A=1\nB=2\nC=3\n"},
		{"both removed all", "A=1\nB=2\n", "A=1\n", "B=2\n", ""},
		{"names in doubt merge by lines", "A=1\nTOKEN\n\nB=2\n", "A=x\nTOKEN\n\nB=2\n", "A=1\nTOKEN\n\nB=y\n", "A=x\nTOKEN\n\nB=y\n"},
		{"so does dotenv", "export A='1\n2'\n\nB=2\n", "export A='1\n3'\n\nB=2\n", "export A='1\n2'\n\nB=y\n", "export A='1\n3'\n\nB=y\n"},
		{"values that look alike", "A=\nB= \n", "A= \nB= \n", "A=\nB=\n", "A= \nB=\n"},
	} {
		r := merge.Texts([]byte(c.base), []byte(c.ours), []byte(c.theirs), ".env")
		if string(r.Ours) != c.want || string(r.Theirs) != c.want || r.Conflicts != nil {
			t.Errorf("%s: got %q, %q and %q, want %q", c.name, r.Ours, r.Theirs, r.Conflicts, c.want)
		}
	}
}

const config = `{
	"auths": {
		"a.test": {
			"auth": "%s"
		},
		"b.test": {
			"auth": "%s"
		}%s
	}%s
}
`

func auth(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func configOf(a, b, entries, members string) string {
	return fmt.Sprintf(config, auth("u:"+a), auth("u:"+b), entries, members)
}

func TestDockercfg(t *testing.T) {
	entry := func(registry, password string) string {
		return fmt.Sprintf(",\n\t\t%q: {\n\t\t\t\"auth\": %q\n\t\t}", registry, auth("u:"+password))
	}
	const store = ",\n\t\"credsStore\": \"pass\""
	base := configOf("1", "2", "", "")
	for _, c := range []struct{ name, base, ours, theirs, want string }{
		{"neighbours", base, configOf("x", "2", "", ""), configOf("1", "y", "", ""), configOf("x", "y", "", "")},
		{"both add", base, configOf("1", "2", entry("x.test", "1"), ""), configOf("1", "2", entry("y.test", "1"), ""),
			configOf("1", "2", entry("x.test", "1")+entry("y.test", "1"), "")},
		{"something else too", base, configOf("1", "2", entry("x.test", "1"), ""), configOf("1", "y", "", store), configOf("1", "y", entry("x.test", "1"), store)},
		{"something else in both", base, configOf("1", "2", "", store), configOf("1", "y", "", store), configOf("1", "y", "", store)},
		{"in other layouts", base, `{"auths":{"a.test":{"auth":"` + auth("u:x") + `"},"b.test":{"auth":"` + auth("u:2") + `"}}}`, configOf("1", "y", "", ""),
			`{"auths":{"a.test":{"auth":"` + auth("u:x") + `"},"b.test":{"auth":"` + auth("u:y") + `"}}}`},
		{"remove beside a change", base, configOf("x", "2", "", ""), "{\n\t\"auths\": {\n\t\t\"a.test\": {\n\t\t\t\"auth\": \"" + auth("u:1") + "\"\n\t\t}\n\t}\n}\n",
			"{\n\t\"auths\": {\n\t\t\"a.test\": {\n\t\t\t\"auth\": \"" + auth("u:x") + "\"\n\t\t}\n\t}\n}\n"},
	} {
		r := merge.Texts([]byte(c.base), []byte(c.ours), []byte(c.theirs), "dockercfg")
		if string(r.Ours) != c.want || string(r.Theirs) != c.want || r.Conflicts != nil {
			t.Errorf("%s: got %s\n%s and %q, want %s", c.name, r.Ours, r.Theirs, r.Conflicts, c.want)
		}
	}
}

func TestConflicts(t *testing.T) {
	const pem = "-----BEGIN X-----\nAAAA\nBBBB\nCCCC\nDDDD\nEEEE\n-----END X-----\n"
	for _, c := range []struct{ name, file, base, ours, theirs, wantOurs, wantTheirs, conflicts, marked string }{
		{"a value, beside one that merges", ".env", "A=1\nB=2\nC=3\n", "A=x\nB=2\nC=3\nD=4\n", "A=y\nB=2\nC=9\n", "A=x\nB=2\nC=9\nD=4\n", "A=y\nB=2\nC=9\nD=4\n", "A",
			"<<<<<<< ours\nA=x\n=======\nA=y\n>>>>>>> theirs\nB=2\nC=9\nD=4\n"},
		{"removed and changed", ".env", "A=1\nB=2\n", "B=2\n", "A=y\nB=2\n", "B=2\n", "A=y\nB=2\n", "A",
			"<<<<<<< ours\n=======\nA=y\n>>>>>>> theirs\nB=2\n"},
		{"added twice", ".env", "", "A=1", "A=2", "A=1", "A=2", "A", "<<<<<<< ours\nA=1\n=======\nA=2\n>>>>>>> theirs\n"},
		{"moved and changed by both", ".env", "A=1\nB=2\nC=3\n", "B=2\nC=3\nA=x\n", "A=y\nB=2\nC=3\n", "B=2\nC=3\nA=x\n", "B=2\nC=3\nA=y\n", "A", ""},
		{"a registry", "dockercfg", configOf("1", "2", "", ""), configOf("x", "2", "", ""), configOf("y", "9", "", ""), configOf("x", "9", "", ""), configOf("y", "9", "", ""), "a.test", ""},
		{"settings", "dockercfg", `{"auths":{},"credsStore":"a"}`, `{"auths":{},"credsStore":"b"}`, `{"auths":{},"credsStore":"c"}`, `{"auths":{},"credsStore":"b"}`, `{"auths":{},"credsStore":"c"}`, "line 1", ""},
		{"neighbours in doubt", ".env", "A=1\nTOKEN\nB=2\n", "A=x\nTOKEN\nB=2\n", "A=1\nTOKENS\nB=y\n", "", "", "lines 1 to 3", ""},
		{"both ends of a value in dotenv", ".env", "export A='1\n2\n3'\n", "export A='x\n2\n3'\n", "export A='1\n2\ny'\n", "", "", "A", ""},
		{"text", "x", "a b\nc d\n", "a x\nc d\n", "a y\nc d\ne f\n", "a x\nc d\ne f\n", "a y\nc d\ne f\n", "line 1", "<<<<<<< ours\na x\n=======\na y\n>>>>>>> theirs\nc d\ne f\n"},
		{"lines of text", "x", "1 \n2 \n3 \n", "1 \nx \ny \n3 \n", "1 \n3 \n", "1 \nx \ny \n3 \n", "1 \n3 \n", "lines 2 to 3", ""},
		{"binary", "x", "\x00", "\x01", "\x02", "\x01", "\x02", "the whole file", ""},
		{"two places of one value", "x", pem, strings.Replace(pem, "AAAA", "XXXX", 1), strings.Replace(pem, "EEEE", "YYYY", 1), strings.Replace(pem, "AAAA", "XXXX", 1), strings.Replace(pem, "EEEE", "YYYY", 1), "X", ""},
		{"a member added in two places", "x", "{\n\"a\": 1,\n\"b\": 2,\n\"c\": 3\n}", "{\n\"k\": 1,\n\"a\": 1,\n\"b\": 2,\n\"c\": 3\n}", "{\n\"a\": 1,\n\"b\": 2,\n\"k\": 2,\n\"c\": 3\n}", "", "", "k", ""},
		{"another kind", "x", "A=1\n", `{"a": 1}`, "A=2\n", `{"a": 1}`, "A=2\n", "line 1", ""},
	} {
		r := merge.Texts([]byte(c.base), []byte(c.ours), []byte(c.theirs), c.file)
		if c.wantOurs != "" && (string(r.Ours) != c.wantOurs || string(r.Theirs) != c.wantTheirs) || strings.Join(r.Conflicts, ",") != c.conflicts {
			t.Errorf("%s: got %q, %q and %q, want %q, %q and %q", c.name, r.Ours, r.Theirs, r.Conflicts, c.wantOurs, c.wantTheirs, c.conflicts)
		}
		marked := r.Marked()
		if c.marked != "" && string(marked) != c.marked {
			t.Errorf("%s: marked it is %q, want %q", c.name, marked, c.marked)
		}
		if !r.HasMarks(marked) || r.HasMarks(r.Ours) || r.HasMarks(r.Theirs) {
			t.Errorf("%s: the marks are not found, or found where there are none", c.name)
		}
		// As a common ancestor of both sides the text with what was there before makes
		// the same conflicts, and no others.
		if again := merge.Texts(r.Before, r.Ours, r.Theirs, c.file); !slices.Equal(again.Conflicts, r.Conflicts) {
			t.Errorf("%s: with %q as ancestor %q is in conflict, want %q", c.name, r.Before, again.Conflicts, r.Conflicts)
		}
		if printed := fmt.Sprintf("%v %+v %#v %s %q", r, r, r, r, r); printed != "["+strings.Join(slices.Repeat([]string{"1 conflicts"}, 5), "] [")+"]" {
			t.Errorf("%s: it prints %s", c.name, printed)
		}
	}
}

// versions are those of a text in which we and they changed different names.
type versions struct {
	file               string
	base, ours, theirs []byte
	want               map[string]string
	moved              bool // lines changed places
}

// passwords gives what a text holds.
func passwords(text []byte, file string) map[string]string {
	all := make(map[string]string)
	for _, item := range content.Parse(text, file).Items {
		if item.Field == "" || item.Field == "password" {
			all[item.ID.Reveal()] = item.Value.Reveal()
		}
	}
	return all
}

func value(r *rand.Rand) string { return fmt.Sprintf("%d =# %d", r.IntN(100), r.IntN(100)) }

// randomVariables makes an env file and changes of two people to it: they change,
// remove, add, comment and move lines.
func randomVariables(r *rand.Rand) versions {
	v := versions{file: "app.env", want: make(map[string]string)}
	var base []string
	for i := range r.IntN(20) {
		base = append(base, []string{"", "# about", fmt.Sprint("# ", i)}[r.IntN(3)][:], fmt.Sprintf("V%d=%s", i, value(r)))
	}
	edit := func(person string, mine func(name string) bool) []byte {
		var lines []string
		for _, line := range base {
			name, was, sets := strings.Cut(line, "=")
			if sets && mine(name) {
				v.want[name] = was
				switch r.IntN(4) {
				case 0:
					delete(v.want, name)
					continue
				case 1:
					v.want[name] = value(r)
					line = name + "=" + v.want[name]
				case 2:
					lines = append(lines, "# "+person)
				}
			}
			if lines = append(lines, line); r.IntN(8) == 0 {
				added := fmt.Sprintf("%s%d", person, r.IntN(1000))
				if _, again := v.want[added]; !again {
					v.want[added] = value(r)
					lines = append(lines, added+"="+v.want[added])
				}
			}
		}
		if len(lines) > 1 && r.IntN(3) == 0 {
			from, to := r.IntN(len(lines)), r.IntN(len(lines)-1)
			v.moved = true
			line := lines[from]
			lines = slices.Insert(slices.Delete(lines, from, from+1), to, line)
		}
		if lines == nil {
			return nil
		}
		return []byte(strings.Join(lines, "\n") + "\n")
	}
	ourNames := make(map[string]bool)
	isOurs := func(name string) bool {
		if _, known := ourNames[name]; !known {
			ourNames[name] = r.IntN(2) == 0
		}
		return ourNames[name]
	}
	if base != nil {
		v.base = []byte(strings.Join(base, "\n") + "\n")
	}
	v.ours = edit("ours", isOurs)
	v.theirs = edit("theirs", func(name string) bool { return !isOurs(name) })
	return v
}

// randomDockercfg does the same with registries.
func randomDockercfg(t *testing.T, r *rand.Rand) versions {
	v := versions{file: "dockercfg", want: make(map[string]string)}
	base := new(dockercfg.File)
	encode := func(f *dockercfg.File) []byte {
		text, err := f.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	set := func(f *dockercfg.File, registry, password string) {
		if err := f.Set(dockercfg.Entry{Registry: registry, Username: "ci", Password: dockercfg.NewSecret(password)}); err != nil {
			t.Fatal(err)
		}
	}
	registries := r.IntN(10)
	for i := range registries {
		set(base, fmt.Sprintf("r%d.test", i), "base")
	}
	v.base = encode(base)
	edit := func(person string, mine func(i int) bool) []byte {
		f, err := dockercfg.Parse(v.base)
		if err != nil {
			t.Fatal(err)
		}
		for i := range registries {
			registry := fmt.Sprintf("r%d.test", i)
			if mine(i) {
				switch v.want[registry] = "base"; r.IntN(3) {
				case 0:
					f.Remove(registry)
					delete(v.want, registry)
				case 1:
					v.want[registry] = value(r)
					set(f, registry, v.want[registry])
				}
			}
			if r.IntN(4) == 0 {
				registry := fmt.Sprintf("%s%d.test", person, i)
				v.want[registry] = value(r)
				set(f, registry, v.want[registry])
			}
		}
		return encode(f)
	}
	ours := r.Uint32()
	v.ours = edit("ours", func(i int) bool { return ours>>i&1 == 0 })
	v.theirs = edit("theirs", func(i int) bool { return ours>>i&1 == 1 })
	return v
}

// TestProperties merges random changes that do not contradict each other.
func TestProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	cases := 4000
	if testing.Short() {
		cases = 400
	}
	for i := range cases {
		v := randomVariables(r)
		if i%4 == 0 {
			v = randomDockercfg(t, r)
		}
		check := func(what string, base, ours, theirs []byte, want map[string]string) []byte {
			t.Helper()
			got := merge.Texts(base, ours, theirs, v.file)
			if got.Conflicts != nil || string(got.Ours) != string(got.Theirs) || !maps.Equal(passwords(got.Ours, v.file), want) {
				t.Fatalf("%s, case %d: of\n%s\nand\n%s\nand\n%s\ncame\n%s\nwith conflicts %q, want %q", what, i, base, ours, theirs, got.Ours, got.Conflicts, want)
			}
			return got.Ours
		}
		merged := check("merged", v.base, v.ours, v.theirs, v.want)
		check("the other way round", v.base, v.theirs, v.ours, v.want)
		for _, again := range [][]byte{v.ours, v.theirs} {
			if twice := check("merged again", v.base, merged, again, v.want); !v.moved && string(twice) != string(merged) {
				t.Fatalf("merged again, case %d:\n%s\nand\n%s\nmakes\n%s", i, merged, again, twice)
			}
		}
		for _, same := range []struct{ base, ours, theirs, want []byte }{
			{v.base, v.base, v.theirs, v.theirs}, {v.base, v.ours, v.base, v.ours}, {v.base, v.ours, v.ours, v.ours},
		} {
			if got := merge.Texts(same.base, same.ours, same.theirs, v.file); string(got.Ours) != string(same.want) || got.Conflicts != nil {
				t.Fatalf("case %d: of %q, %q and %q came %q", i, same.base, same.ours, same.theirs, got.Ours)
			}
		}
	}
}

func FuzzTexts(f *testing.F) {
	for _, name := range []string{".env", "dockercfg", "x"} {
		f.Add([]byte("A=1\n# c\nB=2\n"), []byte("A=1\nB=3"), []byte("A=1\nA=2\r\n"), name)
		f.Add([]byte(`{"auths":{}}`), []byte(configOf("1", "2", "", "")), []byte(`{"auths":{"a.test":{"auth":"YTpi"}}}`), name)
	}
	f.Fuzz(func(t *testing.T, base, ours, theirs []byte, name string) {
		r := merge.Texts(base, ours, theirs, name)
		if r.Conflicts == nil && string(r.Ours) != string(r.Theirs) {
			t.Error("two results and no conflict")
		}
		if r.Conflicts != nil && string(r.Ours) != string(r.Theirs) && !r.HasMarks(r.Marked()) &&
			!r.HasMarks(append(append([]byte("\n"), r.Ours...), r.Theirs...)) && !strings.Contains(string(ours)+string(theirs), "<<<<<<<") {
			t.Error("a conflict without marks")
		}
		// What each side has after a merge without conflicts is what one of them had.
		if r.Conflicts == nil {
			have, our, their := passwords(r.Ours, name), passwords(ours, name), passwords(theirs, name)
			if content.Parse(ours, name).Kind == content.EnvFile && content.Parse(theirs, name).Kind == content.EnvFile {
				for id, value := range have {
					if our[id] != value && their[id] != value {
						t.Errorf("%q has a value of neither side", id)
					}
				}
			}
		}
	})
}

package helperconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/docker/cli/cli/config/configfile"

	"github.com/dockercfg/jet/dockercfg"
)

const program = "/usr/local/bin/docker-credential-jet"

var everything = Request{All: true, Program: program}

func only(registries ...string) Request {
	return Request{Registries: registries, Program: program}
}

func mustInstall(t *testing.T, config, state string, r Request) *Change {
	t.Helper()
	c, err := Install([]byte(config), bytesOrNil(state), r)
	if err != nil {
		t.Fatalf("install in %q: %v", config, err)
	}
	return c
}

func mustUninstall(t *testing.T, config, state []byte, r Request) *Change {
	t.Helper()
	c, err := Uninstall(config, state, r)
	if err != nil {
		t.Fatalf("uninstall from %q: %v", config, err)
	}
	return c
}

func bytesOrNil(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

func TestInstall(t *testing.T) {
	tests := []struct {
		name         string
		request      Request
		config, want string
	}{
		{"empty file", everything, "", "{\n\t\"credsStore\": \"jet\"\n}\n"},
		{"blank file", everything, " \n", "{\n\t\"credsStore\": \"jet\"\n} \n"},
		{"null", everything, "null\n", "{\n\t\"credsStore\": \"jet\"\n}\n"},
		{"mark and null", everything, "\ufeffnull", "\ufeff{\n\t\"credsStore\": \"jet\"\n}\n"},
		{"empty object", everything, "{}", "{\n\t\"credsStore\": \"jet\"\n}"},
		{"one line", everything, `{"auths":{}}`, `{"auths":{},"credsStore":"jet"}`},
		{"one line with blanks", everything, `{ "auths": {} }`, `{ "auths": {}, "credsStore": "jet" }`},
		{"as docker writes it", everything,
			"{\n\t\"auths\": {},\n\t\"detachKeys\": \"ctrl-a\"\n}",
			"{\n\t\"auths\": {},\n\t\"detachKeys\": \"ctrl-a\",\n\t\"credsStore\": \"jet\"\n}"},
		{"windows", everything, "{\r\n  \"auths\" : {}\r\n}\r\n", "{\r\n  \"auths\" : {},\r\n  \"credsStore\" : \"jet\"\r\n}\r\n"},
		{"windows, nothing in it", everything, "{\r\n}\r\n", "{\r\n\t\"credsStore\": \"jet\"\r\n}\r\n"},
		{"empty lines", everything, "{\n\n\n \"a\":1\n}", "{\n\n\n \"a\":1,\n \"credsStore\":\"jet\"\n}"},
		{"replaced where it stands", everything,
			`{"credsStore" : "osxkeychain" , "a":1e0}`, `{"credsStore" : "jet" , "a":1e0}`},
		{"escaped name", everything, `{"creds\u0053tore":"pass"}`, `{"creds\u0053tore":"jet"}`},
		{"name in another case, and twice", everything,
			`{"CREDSSTORE":"a","credsStore":"b"}`, `{"CREDSSTORE":"jet","credsStore":"jet"}`},
		{"null store", everything, `{"credsStore":null}`, `{"credsStore":"jet"}`},
		{"not the one further in", everything,
			`{"plugins":{"credsStore":"x"}}`, `{"plugins":{"credsStore":"x"},"credsStore":"jet"}`},
		{"registry", only("https://GHCR.io/v2/"), "{\n    \"a\": 1\n}",
			"{\n    \"a\": 1,\n    \"credHelpers\": {\n        \"ghcr.io\": \"jet\"\n    }\n}"},
		{"two registries on one line", only("b.test:5000", "a.test"), `{"a":1}`,
			`{"a":1,"credHelpers":{"a.test":"jet","b.test:5000":"jet"}}`},
		{"the same registry twice", only("a.test", "https://a.test"), `{"a":1}`, `{"a":1,"credHelpers":{"a.test":"jet"}}`},
		{"Docker Hub", only("index.docker.io"), `{"a":1}`,
			`{"a":1,"credHelpers":{"docker.io":"jet","https://index.docker.io/v1/":"jet"}}`},
		{"beside other helpers", only("a.test"),
			"{\n\t\"credHelpers\": {\n\t\t\"gcr.io\": \"gcloud\"\n\t}\n}",
			"{\n\t\"credHelpers\": {\n\t\t\"gcr.io\": \"gcloud\",\n\t\t\"a.test\": \"jet\"\n\t}\n}"},
		{"in place of another helper", only("gcr.io"), `{"credHelpers":{"gcr.io":"gcloud","x":"y"}}`, `{"credHelpers":{"gcr.io":"jet","x":"y"}}`},
		{"no helpers yet", only("a.test"), "{\n  \"credHelpers\": {},\n  \"a\": 1\n}",
			"{\n  \"credHelpers\": {\n    \"a.test\": \"jet\"\n  },\n  \"a\": 1\n}"},
		{"null helpers stay null", only("a.test"), `{"credHelpers":null}`, `{"credHelpers":null,"credHelpers":{"a.test":"jet"}}`},
		{"both", Request{All: true, Registries: []string{"a.test"}, Program: program}, "{}",
			"{\n\t\"credsStore\": \"jet\",\n\t\"credHelpers\": {\n\t\t\"a.test\": \"jet\"\n\t}\n}"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := mustInstall(t, test.config, "", test.request)
			if string(c.Config) != test.want {
				t.Errorf("got  %q\nwant %q", c.Config, test.want)
			}
			again := mustInstall(t, string(c.Config), string(c.State), test.request)
			if !bytes.Equal(again.Config, c.Config) || !bytes.Equal(again.State, c.State) || len(again.Members) != 0 {
				t.Errorf("the second time: %q, %v", again.Config, again.Members)
			}
			back := mustUninstall(t, c.Config, c.State, Request{})
			if string(back.Config) != test.config || back.Config == nil || back.State != nil {
				t.Errorf("back: %q %q, want %q", back.Config, back.State, test.config)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	absent := everything
	absent.Program = ""
	tests := []struct {
		name, config string
		request      Request
		is           error // or
		as           any
	}{
		{"nothing wanted", "{}", Request{Program: program}, ErrNothingWanted, nil},
		{"no program", "{}", absent, ErrNotOnPath, nil},
		{"bad registry", "{}", only("*.example.com"), nil, new(*dockercfg.RegistryNameError)},
		{"cut short", `{"auths":{`, everything, nil, new(*SyntaxError)},
		{"text behind", `{} x`, everything, nil, new(*SyntaxError)},
		{"two values", `{}{}`, everything, nil, new(*SyntaxError)},
		{"list", `[]`, everything, nil, new(*SyntaxError)},
		{"string", `"x"`, everything, nil, new(*SyntaxError)},
		{"comment", "{ // x\n}", everything, nil, new(*SyntaxError)},
		{"trailing comma", `{"a":1,}`, everything, nil, new(*SyntaxError)},
		{"UTF-16", "\xff\xfe{\x00}\x00", everything, nil, new(*SyntaxError)},
		{"store is a number", `{"credsStore":1}`, everything, nil, new(*SyntaxError)},
		{"helpers are a list", `{"credHelpers":[]}`, everything, nil, new(*SyntaxError)},
		{"a helper is a list", `{"credHelpers":{"x":[]}}`, everything, nil, new(*SyntaxError)},
		{"credentials inside", `{"auths":{"a.test":{"auth":"dTpw"}}}`, everything, nil, new(*HiddenError)},
		{"a token inside", `{"AUTHS":{"a.test":{"IdentityToken":"t"}}}`, everything, nil, new(*HiddenError)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := Install([]byte(test.config), nil, test.request)
			if c != nil || err == nil || test.is != nil && !errors.Is(err, test.is) || test.as != nil && !errors.As(err, test.as) {
				t.Errorf("got %v, %v", c, err)
			}
		})
	}
}

func TestNotRefused(t *testing.T) {
	forced := Request{All: true, Force: true}
	tests := []struct {
		name, config string
		request      Request
	}{
		{"stubs of a store", `{"auths":{"a.test":{}}}`, everything},
		{"a store hid them before", `{"auths":{"a.test":{"auth":"dTpw"}},"credsStore":"pass"}`, everything},
		{"a helper hid them before", `{"auths":{"a.test":{"auth":"dTpw"}},"credHelpers":{"a.test":"pass"}}`, everything},
		{"one registry", `{"auths":{"a.test":{"auth":"dTpw"}}}`, only("a.test")},
		{"forced", `{"auths":{"a.test":{"auth":"dTpw"}}}`, forced},
		{"forced with no program", `{}`, forced},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { mustInstall(t, test.config, "", test.request) })
	}
}

func TestSyntaxErrorPlace(t *testing.T) {
	const secret = "Canary7Zq"
	_, err := Install([]byte("\ufeff{\r\n  \"auth\": \""+secret+"\",\r\n  "+secret+"}"), nil, everything)
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || syntax.Line != 3 || syntax.Column != 3 || strings.Contains(err.Error(), secret) {
		t.Errorf("got %v", err)
	}
}

func TestDamagedState(t *testing.T) {
	installed := mustInstall(t, `{"credsStore":"pass"}`, "", everything)
	for name, state := range map[string]string{
		"no JSON":             "x",
		"other type":          `{"undo":[]}`,
		"changes outside":     strings.Replace(string(installed.State), `"start": `, `"start": 9`, 1),
		"changes elsewhere":   strings.Replace(string(installed.State), `"text": "`, `"text": "eHh4`, 1),
		"another first state": strings.Replace(string(installed.State), `"original": "`, `"original": "0`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := Uninstall(installed.Config, []byte(state), Request{}); err == nil || !strings.Contains(err.Error(), StateName) {
				t.Errorf("got %v, %v", c, err)
			}
		})
	}
}

// TestChangedSince is about a file that others wrote to after Install.
func TestChangedSince(t *testing.T) {
	tests := []struct {
		name             string
		original         string
		request          Request
		change           func(string) string
		uninstall        Request
		want             string
		stateAfter, gone bool
	}{
		{name: "a login, after which docker wrote all of it",
			original: `{"auths":{},"credsStore":"osxkeychain"}`, request: everything,
			change: func(string) string {
				return "{\n\t\"auths\": {\n\t\t\"x\": {}\n\t},\n\t\"credsStore\": \"jet\"\n}"
			},
			want: "{\n\t\"auths\": {\n\t\t\"x\": {}\n\t},\n\t\"credsStore\": \"osxkeychain\"\n}"},
		{name: "another member",
			original: `{"a":1}`, request: Request{All: true, Registries: []string{"a.test"}, Program: program},
			change: func(s string) string { return strings.Replace(s, `"a":1`, `"a":2, "b" : 3`, 1) },
			want:   `{"a":2, "b" : 3}`},
		{name: "another store, which stays",
			original: `{"credsStore":"pass"}`, request: everything,
			change: func(s string) string { return strings.Replace(s, "jet", "desktop", 1) },
			want:   `{"credsStore":"desktop"}`},
		{name: "a helper that was there before",
			original: `{"credHelpers":{"a.test":"gcloud"}}`, request: only("a.test", "b.test"),
			change: func(s string) string { return s + "\n" },
			want:   `{"credHelpers":{"a.test":"gcloud"}}` + "\n"},
		{name: "no helper before, and no more after",
			original: `{"credHelpers":{}}`, request: only("a.test"),
			change: func(s string) string { return s + "\n" },
			want:   "{\"credHelpers\":{}}\n"},
		{name: "a helper more",
			original: `{}`, request: only("a.test"),
			change: func(s string) string { return strings.Replace(s, `"jet"`, `"jet", "x":"y"`, 1) },
			want:   "{\n\t\"credHelpers\": {\n\t\t\"x\":\"y\"\n\t}\n}"},
		{name: "one of two registries",
			original: `{"a":1}`, request: only("a.test", "b.test"),
			change:    func(s string) string { return s + "\n" },
			uninstall: only("a.test"), stateAfter: true,
			want: `{"a":1,"credHelpers":{"b.test":"jet"}}` + "\n"},
		{name: "one of two registries, unchanged",
			original: `{"a":1}`, request: only("a.test", "b.test"),
			change:    func(s string) string { return s },
			uninstall: only("a.test"), stateAfter: true,
			want: `{"a":1,"credHelpers":{"b.test":"jet"}}`},
		{name: "a registry that is not there",
			original: `{"a":1}`, request: only("a.test"),
			change:    func(s string) string { return s },
			uninstall: only("b.test"), stateAfter: true,
			want: `{"a":1,"credHelpers":{"a.test":"jet"}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := mustInstall(t, test.original, "", test.request)
			back := mustUninstall(t, []byte(test.change(string(c.Config))), c.State, test.uninstall)
			if string(back.Config) != test.want || (back.State != nil) != test.stateAfter {
				t.Errorf("got %q\nwant %q\nstate %s", back.Config, test.want, back.State)
			}
		})
	}
}

// TestSteps installs and uninstalls one registry after the other: the original
// stays known.
func TestSteps(t *testing.T) {
	const original = `{ "credHelpers" : {"b.test": "p\u0061ss"}  }`
	c := mustInstall(t, original, "", only("a.test"))
	c = mustInstall(t, string(c.Config), string(c.State), everything)
	c = mustInstall(t, string(c.Config), string(c.State), only("b.test", "c.test"))
	const want = `{ "credHelpers" : {"b.test": "jet","a.test": "jet","c.test": "jet"}, "credsStore" : "jet"  }`
	if string(c.Config) != want {
		t.Errorf("got  %s\nwant %s", c.Config, want)
	}
	c = mustUninstall(t, c.Config, c.State, only("b.test"))
	if want := []MemberChange{{"b.test", "jet", "pass"}}; !slices.Equal(c.Members, want) {
		t.Errorf("got %v, want %v", c.Members, want)
	}
	c = mustUninstall(t, c.Config, c.State, everything)
	c = mustUninstall(t, c.Config, c.State, Request{})
	if string(c.Config) != original || c.State != nil {
		t.Errorf("got %q, state %s", c.Config, c.State)
	}
}

func TestInstalledByHand(t *testing.T) {
	const byHand = `{"credHelpers":{"a.test":"jet","b.test":"pass"},"credsStore":"jet","x":1}`
	c := mustInstall(t, byHand, "", Request{All: true, Registries: []string{"a.test"}, Program: program})
	if string(c.Config) != byHand || c.State != nil {
		t.Errorf("got %s, %s", c.Config, c.State)
	}
	c = mustUninstall(t, []byte(byHand), nil, Request{})
	if want := `{"credHelpers":{"b.test":"pass"},"x":1}`; string(c.Config) != want {
		t.Errorf("got %s, want %s", c.Config, want)
	}
	// What was there before Install is not ours to take out.
	c = mustInstall(t, byHand, "", only("c.test"))
	if c = mustUninstall(t, c.Config, c.State, Request{}); string(c.Config) != byHand {
		t.Errorf("got %s", c.Config)
	}
}

func TestNewFile(t *testing.T) {
	c, err := Install(nil, nil, everything)
	if err != nil {
		t.Fatal(err)
	}
	if back := mustUninstall(t, c.Config, c.State, Request{}); back.Config != nil || back.State != nil {
		t.Errorf("got %q, %q", back.Config, back.State)
	}
	changed := bytes.Replace(c.Config, []byte("{"), []byte(`{"a":1,`), 1)
	if back := mustUninstall(t, changed, c.State, Request{}); string(back.Config) != "{\"a\":1\n}\n" {
		t.Errorf("got %q", back.Config)
	}
	if back := mustUninstall(t, nil, nil, Request{}); back.Config != nil || back.State != nil {
		t.Errorf("no file: got %q, %q", back.Config, back.State)
	}
}

func TestMembers(t *testing.T) {
	c := mustInstall(t, `{"credsStore":"pass","credHelpers":{"b.test":"x","a.test":"jet"},"auths":{"b.test":{"auth":"Y2FuYXJ5"}}}`, "",
		Request{All: true, Registries: []string{"a.test", "b.test", "c.test"}, Program: program})
	got := fmt.Sprint(c.Members)
	want := `[credsStore: "jet", was "pass" credHelpers "b.test": "jet", was "x" credHelpers "c.test": added, "jet"]`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	back := mustUninstall(t, c.Config, c.State, only("c.test"))
	if got, want := fmt.Sprint(back.Members), `[credHelpers "c.test": removed, was "jet"]`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if strings.Contains(string(c.State), "Y2FuYXJ5") {
		t.Error("a credential got into the state")
	}
}

func TestNotices(t *testing.T) {
	tests := []struct {
		config  string
		request Request
		want    int
	}{
		{"{}", only("a.test"), 1},
		{"{}", everything, 0},
		{`{"auths":{"x":{}}}`, only("a.test"), 0},
		{`{"credsStore":"pass"}`, only("a.test"), 0},
		{`{"auths":{"a.test":{"auth":"dTpw"},"b.test":{"auth":"dTpw"}}}`, only("a.test"), 1},
		{`{"auths":{"a.test":{"auth":"dTpw"},"b.test":{"auth":"dTpw"}}}`, only("c.test"), 0},
		{`{"credsStore":"pass","auths":{"a.test":{"auth":"dTpw"}}}`, only("a.test"), 0},
	}
	for _, test := range tests {
		if c := mustInstall(t, test.config, "", test.request); len(c.Notices) != test.want {
			t.Errorf("%s: got %q, want %d notices", test.config, c.Notices, test.want)
		}
	}
}

func TestPassOn(t *testing.T) {
	tests := []struct {
		name, original string
		request        Request
		registry, want string
	}{
		{"no file", "", everything, "a.test", ""},
		{"the store before", `{"credsStore":"pass"}`, everything, "a.test", "pass"},
		{"the store beside", `{"credsStore":"pass"}`, only("a.test"), "a.test", "pass"},
		{"the helper before", `{"credsStore":"pass","credHelpers":{"a.test":"gcloud"}}`, only("a.test"), "a.test", "gcloud"},
		{"another helper", `{"credsStore":"pass","credHelpers":{"a.test":"gcloud"}}`, everything, "a.test", "gcloud"},
		{"the helper of another", `{"credsStore":"pass","credHelpers":{"a.test":"gcloud"}}`, only("a.test"), "b.test", "pass"},
		{"jet by hand", `{"credsStore":"jet"}`, only("a.test"), "a.test", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := mustInstall(t, test.original, "", test.request)
			got, err := PassOn(c.Config, c.State, test.registry)
			if got != test.want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
	if _, err := PassOn([]byte("{"), nil, "a.test"); err == nil {
		t.Error("broken file: no error")
	}
	if helper, err := PassOn([]byte(`{"credsStore":"jet"}`), []byte(`{"credsStore":{"before":"jet"}}`), "a.test"); helper != "" || err != nil {
		t.Errorf("a state that names ourselves: %q, %v", helper, err)
	}
}

// configs makes config.json files of every shape.
type configs struct{ *rand.Rand }

func (r configs) blanks() string {
	return []string{"", "", " ", "  ", "\n", "\r\n", "\n\t", "\n    ", "\n\n  ", "\t"}[r.IntN(10)]
}

var texts = []string{`""`, `"a"`, `"pass"`, `"jet"`, `"osx\u006beychain"`, `"ü<>&"`, `"\ud83d\ude00"`, "\"\xff\"", `"\\\"},{"`, `"\/"`}

func (r configs) text() string { return texts[r.IntN(len(texts))] }

func (r configs) value(depth int) string {
	switch r.IntN(8 - 2*min(depth, 1)) {
	case 0:
		return []string{"1", "-0", "1.50", "1E+2", "123456789012345678901234567890"}[r.IntN(5)]
	case 1:
		return "null"
	case 2:
		return "true"
	case 3, 4, 5:
		return r.text()
	case 6:
		return "[" + r.blanks() + r.value(depth+1) + r.blanks() + "," + r.value(depth+1) + "]"
	}
	return r.object(r.IntN(4), func() (string, string) { return r.name(), r.value(depth + 1) })
}

func (r configs) name() string {
	return []string{`"credsStore"`, `"CredsStore"`, `"creds\u0053tore"`, `"cred\u017FStore"`, `"credHelpers"`, `"CREDHELPERS"`, `"x"`, `""`, "\"\xfe\"", `"auths"`}[r.IntN(10)]
}

func (r configs) registry() string {
	return []string{`"a.test"`, `"a\u002etest"`, `"A.test"`, `"https://a.test"`, `"b.test:5000"`, `"docker.io"`, `"https://index.docker.io/v1/"`, `"\u0068ttps:\/\/index.docker.io\/v1\/"`}[r.IntN(8)]
}

func (r configs) object(n int, member func() (name, value string)) string {
	out := "{" + r.blanks()
	for i := range n {
		if i > 0 {
			out += "," + r.blanks()
		}
		name, value := member()
		out += name + r.blanks() + ":" + r.blanks() + value + r.blanks()
	}
	return out + "}"
}

func (r configs) config() string {
	mark, end := "", r.blanks()
	if r.IntN(10) == 0 {
		mark = byteOrderMark
	}
	switch r.IntN(20) {
	case 0:
		return mark + end
	case 1:
		return mark + r.blanks() + "null" + end
	}
	return mark + r.blanks() + r.object(r.IntN(6), func() (string, string) {
		switch r.IntN(6) {
		case 0:
			return []string{`"credsStore"`, `"credsSTORE"`, `"creds\u0053tore"`, `"credſStore"`}[r.IntN(4)], []string{r.text(), r.text(), "null"}[r.IntN(3)]
		case 1, 2:
			if r.IntN(6) == 0 {
				return `"credHelpers"`, "null"
			}
			return []string{`"credHelpers"`, `"credhelpers"`, `"cred\u0048elpers"`}[r.IntN(3)],
				r.object(r.IntN(4), func() (string, string) {
					return r.registry(), []string{r.text(), r.text(), r.text(), "null"}[r.IntN(4)]
				})
		case 3:
			return `"auths"`, r.object(r.IntN(3), func() (string, string) { return r.registry(), `{"auth":"dTpw"}` })
		}
		return []string{`"plugins2"`, `"x"`, `"y\u0022"`, "\"\xff\""}[r.IntN(4)], r.value(0)
	}) + end
}

func (r configs) request() Request {
	req := Request{Force: true, All: r.IntN(2) == 0}
	for _, name := range []string{"a.test", "b.test:5000", "docker.io", "new.test"} {
		if r.IntN(3) == 0 {
			req.Registries = append(req.Registries, name)
		}
	}
	if !req.All && req.Registries == nil {
		req.All = true
	}
	return req
}

// load reads a file as Docker does; nil if it cannot.
func load(config []byte) *configfile.ConfigFile {
	c := configfile.New("")
	if c.LoadFromReader(bytes.NewReader(config)) != nil {
		return nil
	}
	return c
}

const generated = 6000

func TestGeneratedConfigs(t *testing.T) {
	r := configs{rand.New(rand.NewPCG(7, 11))}
	installed, compared := 0, 0
	for i := range generated {
		config := []byte(r.config())
		request := r.request()
		c, err := Install(config, nil, request)
		if err != nil {
			t.Fatalf("%d: %q: %v", i, config, err)
		}
		if want, _ := request.wanted(); !want.less(must(parse(c.Config)).ours()).isEmpty() {
			t.Fatalf("%d: %q became %q, which lacks some of %v", i, config, c.Config, want)
		}
		if len(c.Members) > 0 {
			installed++
		}
		if before, after := load(config), load(c.Config); before != nil || after != nil {
			compared++
			if err := sameButOurs(before, after, request); err != nil {
				t.Fatalf("%d: %q became %q: %v", i, config, c.Config, err)
			}
		}
		again, err := Install(c.Config, c.State, request)
		if err != nil || !bytes.Equal(again.Config, c.Config) || !bytes.Equal(again.State, c.State) {
			t.Fatalf("%d: %q: the second time %q, %v", i, c.Config, again.Config, err)
		}
		if len(c.Members) == 0 {
			continue // there by hand, and uninstall takes that out
		}
		further := r.request()
		if again, err = Install(c.Config, c.State, further); err != nil {
			t.Fatalf("%d: %q: %v", i, c.Config, err)
		}
		back, err := Uninstall(again.Config, again.State, Request{})
		if err != nil || !bytes.Equal(back.Config, config) || back.State != nil {
			t.Fatalf("%d: got back %q, %v, want %q", i, back.Config, err, config)
		}

		// And the same of a file that somebody added a blank to.
		changed := append(bytes.Clone(c.Config), ' ')
		back, err = Uninstall(changed, c.State, Request{})
		if err != nil || back.State != nil {
			t.Fatalf("%d: %q: %v", i, changed, err)
		}
		if before, after := load(config), load(back.Config); before != nil {
			if before.CredentialsStore != after.CredentialsStore || !sameHelpers(before.CredentialHelpers, after.CredentialHelpers) {
				t.Fatalf("%d: %q, changed, became %q", i, config, back.Config)
			}
		}
	}
	if installed < generated/2 || compared < generated/2 {
		t.Errorf("%d installed, %d compared with docker/cli: too few to mean something", installed, compared)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func sameHelpers(a, b map[string]string) bool {
	return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b)
}

// sameButOurs reports how after differs from before by more than our members.
func sameButOurs(before, after *configfile.ConfigFile, request Request) error {
	if before == nil || after == nil {
		return fmt.Errorf("docker/cli reads one of them only")
	}
	if request.All {
		before.CredentialsStore = Name
	}
	want, _ := request.wanted()
	for _, registry := range want.registries {
		if before.CredentialHelpers == nil {
			before.CredentialHelpers = map[string]string{}
		}
		before.CredentialHelpers[registry] = Name
	}
	if len(before.CredentialHelpers) == 0 {
		after.CredentialHelpers = before.CredentialHelpers
	}
	if !reflect.DeepEqual(before, after) {
		a, _ := json.Marshal(before)
		b, _ := json.Marshal(after)
		return fmt.Errorf("docker/cli reads %s, want %s", b, a)
	}
	return nil
}

// leastSeeds is how many texts FuzzInstall starts from at least.
const leastSeeds = 200

func FuzzInstall(f *testing.F) {
	r := configs{rand.New(rand.NewPCG(1, 2))}
	seen := map[string]bool{}
	for range 300 {
		if config := r.config(); !seen[config] {
			seen[config] = true
			f.Add([]byte(config))
		}
	}
	if len(seen) < leastSeeds {
		f.Fatalf("%d seeds, want at least %d", len(seen), leastSeeds)
	}
	request := Request{All: true, Registries: []string{"a.test", "docker.io"}, Force: true}
	f.Fuzz(func(t *testing.T, config []byte) {
		c, err := Install(config, nil, request)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("%q: %v", config, err)
			}
			return
		}
		if config == nil {
			config = []byte{}
		}
		if before := load(config); before != nil {
			if err := sameButOurs(before, load(c.Config), request); err != nil {
				t.Fatalf("%q became %q: %v", config, c.Config, err)
			}
		}
		if len(c.Members) == 0 {
			return
		}
		back, err := Uninstall(c.Config, c.State, Request{})
		if err != nil || !bytes.Equal(back.Config, config) {
			t.Fatalf("got back %q, %v, want %q", back.Config, err, config)
		}
	})
}

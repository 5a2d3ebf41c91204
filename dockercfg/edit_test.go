package dockercfg_test

import (
	"slices"
	"testing"

	"github.com/dockercfg/jet/dockercfg"
)

func bob(registry string) dockercfg.Entry {
	return dockercfg.Entry{Registry: registry, Username: "bob", Password: dockercfg.NewSecret("pw")}
}

func set(e dockercfg.Entry) func(*testing.T, *dockercfg.File) {
	return func(t *testing.T, f *dockercfg.File) {
		t.Helper()
		if err := f.Set(e); err != nil {
			t.Fatal(err)
		}
	}
}

func add(e dockercfg.Entry) func(*testing.T, *dockercfg.File) {
	return func(t *testing.T, f *dockercfg.File) {
		t.Helper()
		if err := f.Add(e); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(registry string, want bool) func(*testing.T, *dockercfg.File) {
	return func(t *testing.T, f *dockercfg.File) {
		t.Helper()
		if got := f.Remove(registry); got != want {
			t.Errorf("Remove(%q): got %v, want %v", registry, got, want)
		}
	}
}

// edits are changes to files, byte for byte. Ym9iOnB3 is base64 of bob:pw, eDp5 of x:y.
var edits = []struct {
	label, text string
	change      func(*testing.T, *dockercfg.File)
	want        string
}{
	{
		"tabs, sorted", "{\n\t\"auths\": {\n\t\t\"a.example\": {},\n\t\t\"z.example\": {}\n\t},\n\t\"n\": 1.50\n}",
		set(bob("quay.io")),
		"{\n\t\"auths\": {\n\t\t\"a.example\": {},\n\t\t\"quay.io\": {\n\t\t\t\"auth\": \"Ym9iOnB3\"\n\t\t},\n\t\t\"z.example\": {}\n\t},\n\t\"n\": 1.50\n}",
	},
	{
		"blanks, not sorted", "{\n  \"auths\": {\n    \"z.example\": {},\n    \"s.example\": {}\n  }\n}\n",
		set(bob("quay.io")),
		"{\n  \"auths\": {\n    \"z.example\": {},\n    \"s.example\": {},\n    \"quay.io\": {\n      \"auth\": \"Ym9iOnB3\"\n    }\n  }\n}\n",
	},
	{"compact", `{"auths":{},"x":{ "y" :1 }}`, set(bob("quay.io")), `{"auths":{"quay.io":{"auth":"Ym9iOnB3"}},"x":{ "y" :1 }}`},
	{"one line", `{"auths": {"a.example": {}, "b.example": {}}}`, set(bob("quay.io")), `{"auths": {"a.example": {}, "b.example": {}, "quay.io": {"auth": "Ym9iOnB3"}}}`},
	{"one line, in front", `{ "auths": { "s.example": {}, "t.example": {} } }`, set(bob("quay.io")), `{ "auths": { "quay.io": {"auth": "Ym9iOnB3"}, "s.example": {}, "t.example": {} } }`},
	{"one line, in front of the first", `{"auths": {"s.example": {}, "t.example": {}}}`, set(bob("quay.io")), `{"auths": {"quay.io": {"auth": "Ym9iOnB3"}, "s.example": {}, "t.example": {}}}`},
	{"CRLF", "{\r\n  \"auths\": {}\r\n}\r\n", set(bob("quay.io")), "{\r\n  \"auths\": {\r\n    \"quay.io\": {\r\n      \"auth\": \"Ym9iOnB3\"\r\n    }\r\n  }\r\n}\r\n"},
	{"empty object", `{}`, set(bob("quay.io")), "{\n\t\"auths\": {\n\t\t\"quay.io\": {\n\t\t\t\"auth\": \"Ym9iOnB3\"\n\t\t}\n\t}\n}"},
	{"no auths", "{\n  \"credsStore\": \"desktop\"\n}", set(bob("quay.io")), "{\n  \"auths\": {\n    \"quay.io\": {\n      \"auth\": \"Ym9iOnB3\"\n    }\n  },\n  \"credsStore\": \"desktop\"\n}"},
	{"auths null", `{"auths":null}`, set(bob("quay.io")), `{"auths":{"quay.io":{"auth":"Ym9iOnB3"}}}`},
	{"AUTHS", `{"AUTHS":{"quay.io":{"AUTH":"eDp5"}}}`, set(bob("quay.io")), `{"AUTHS":{"quay.io":{"AUTH":"Ym9iOnB3"}}}`},
	{"stub", `{"auths":{"quay.io":{}},"credsStore":"x"}`, set(bob("quay.io")), `{"auths":{"quay.io":{"auth":"Ym9iOnB3"}},"credsStore":"x"}`},
	{"entry null", `{"auths":{"quay.io":null}}`, set(bob("quay.io")), `{"auths":{"quay.io":{"auth":"Ym9iOnB3"}}}`},
	{"unknown fields", `{"x":"\u0041\/","auths":{"quay.io":{"n":1e400,"email":"a@b.c","auth":"eDp5","o":{}}},"y":-0.0}`, set(bob("quay.io")), `{"x":"\u0041\/","auths":{"quay.io":{"n":1e400,"email":"a@b.c","auth":"Ym9iOnB3","o":{}}},"y":-0.0}`},
	{"user and password fields", `{"auths":{"quay.io":{"username":"x","email":"e","Password":"y"}}}`, set(bob("quay.io")), `{"auths":{"quay.io":{"auth":"Ym9iOnB3","email":"e"}}}`},
	{"tokens go", `{"auths":{"quay.io":{"identitytoken":"t","registrytoken":"r","auth":"eDo="}}}`, set(bob("quay.io")), `{"auths":{"quay.io":{"auth":"Ym9iOnB3"}}}`},
	{"tokens come", `{"auths":{"quay.io":{"auth":"eDp5"}}}`, set(dockercfg.Entry{Registry: "quay.io", Username: "bob", IdentityToken: dockercfg.NewSecret("<t>"), RegistryToken: dockercfg.NewSecret("r"), Email: "e"}), `{"auths":{"quay.io":{"auth":"Ym9iOg==","identitytoken":"<t>","registrytoken":"r","email":"e"}}}`},
	{"auth goes", `{"auths":{"quay.io":{"auth":"eDp5","e":1}}}`, set(dockercfg.Entry{Registry: "quay.io", RegistryToken: dockercfg.NewSecret("t")}), `{"auths":{"quay.io":{"e":1,"registrytoken":"t"}}}`},
	// The user that stands for none: "<token>:".
	{"identity token without a user", `{"auths":{"quay.io":{"auth":"eDp5","e":1}}}`, set(dockercfg.Entry{Registry: "quay.io", IdentityToken: dockercfg.NewSecret("t")}), `{"auths":{"quay.io":{"auth":"PHRva2VuPjo=","e":1,"identitytoken":"t"}}}`},
	{"field twice", `{"auths":{"quay.io":{"auth":"eDp5", "Auth":"eDp5", "auth":"eDp5"}}}`, set(bob("quay.io")), `{"auths":{"quay.io":{"auth":"Ym9iOnB3"}}}`},
	{"same credentials", `{"auths":{"quay.io":{"username":"bob","password":"pw"}}}`, set(bob("https://quay.io")), `{"auths":{"quay.io":{"username":"bob","password":"pw"}}}`},
	{"same credentials, email there", `{"auths":{"quay.io":{"username":"bob","password":"pw","email":"e"}}}`, set(bob("quay.io")), `{"auths":{"quay.io":{"username":"bob","password":"pw","email":"e"}}}`},
	{"another email", `{"auths":{"quay.io":{"auth":"Ym9iOnB3","email":"e"}}}`, set(dockercfg.Entry{Registry: "quay.io", Username: "bob", Password: dockercfg.NewSecret("pw"), Email: "f"}), `{"auths":{"quay.io":{"auth":"Ym9iOnB3","email":"f"}}}`},
	{"email of the second key", `{"auths":{"https://quay.io":{"auth":"eDp5"},"quay.io":{"auth":"eDp5","email":"e"}}}`, set(bob("quay.io")), `{"auths":{"quay.io":{"auth":"Ym9iOnB3","email":"e"}}}`},
	{"same credentials added", `{"auths":{"quay.io":{"auth":"Ym9iOnB3"}}}`, add(bob("https://quay.io")), `{"auths":{"quay.io":{"auth":"Ym9iOnB3"}}}`},
	{"key that Docker finds stays", `{"auths":{"https://quay.io/v2/":{"auth":"eDp5"}}}`, set(bob("quay.io")), `{"auths":{"https://quay.io/v2/":{"auth":"Ym9iOnB3"}}}`},
	{"key that Docker does not find goes", `{"auths":{"docker.io":{"auth":"eDp5"}}}`, set(bob("docker.io")), `{"auths":{"https://index.docker.io/v1/":{"auth":"Ym9iOnB3"}}}`},
	{"key in another case goes", `{"auths":{"Quay.io":{"auth":"eDp5"}}}`, set(bob("quay.io")), `{"auths":{"quay.io":{"auth":"Ym9iOnB3"}}}`},
	{"one of two keys stays", `{"auths":{"https://quay.io":{"auth":"eDp5"},"a.example":{},"quay.io":{"auth":"eDp5"}}}`, set(bob("quay.io")), `{"auths":{"quay.io":{"auth":"Ym9iOnB3"},"a.example":{}}}`},
	{"two keys, other registry", `{"auths":{"https://quay.io":{"auth":"eDp5"},"quay.io":{"auth":"eDp5"}}}`, set(bob("z.example")), `{"auths":{"https://quay.io":{"auth":"eDp5"},"quay.io":{"auth":"eDp5"},"z.example":{"auth":"Ym9iOnB3"}}}`},
	{"two auths", `{"auths":{"quay.io":{"auth":"eDp5"}},"Auths":{"https://quay.io":{"auth":"eDp5"}}}`, set(bob("quay.io")), `{"auths":{"quay.io":{"auth":"Ym9iOnB3"}},"Auths":{}}`},
	{"flat", `{"quay.io":{"auth":"eDp5","email":"e"}}`, set(bob("a.example")), `{"a.example":{"auth":"Ym9iOnB3"},"quay.io":{"auth":"eDp5","email":"e"}}`},
	{"pattern", `{"auths":{}}`, set(bob("*.R.example.com")), `{"auths":{"*.r.example.com":{"auth":"Ym9iOnB3"}}}`},
	{"side entries stay", `{"auths":{"https://index.docker.io/v1/access-token":{"auth":"eDp5"}}}`, set(bob("docker.io")), `{"auths":{"https://index.docker.io/v1/":{"auth":"Ym9iOnB3"},"https://index.docker.io/v1/access-token":{"auth":"eDp5"}}}`},
	{"byte order mark", "\ufeff" + `{"auths":{}}`, set(bob("quay.io")), `{"auths":{"quay.io":{"auth":"Ym9iOnB3"}}}`},

	{"remove first", "{\n\t\"auths\": {\n\t\t\"a.example\": {},\n\t\t\"b.example\": {}\n\t}\n}", remove("a.example", true), "{\n\t\"auths\": {\n\t\t\"b.example\": {}\n\t}\n}"},
	{"remove last", "{\n\t\"auths\": {\n\t\t\"a.example\": {},\n\t\t\"b.example\": {}\n\t}\n}", remove("b.example", true), "{\n\t\"auths\": {\n\t\t\"a.example\": {}\n\t}\n}"},
	{"remove only", "{\n\t\"auths\": {\n\t\t\"a.example\": {}\n\t}\n}", remove("a.example", true), "{\n\t\"auths\": {}\n}"},
	{"remove in one line", `{"auths": {"a.example": {}, "b.example": {}}}`, remove("a.example", true), `{"auths": {"b.example": {}}}`},
	{"remove all spellings", `{"auths":{"docker.io":{},"quay.io":{},"https://index.docker.io/v1/":{}}}`, remove("index.docker.io", true), `{"auths":{"quay.io":{}}}`},
	{"remove none", `{"auths": { } }`, remove("quay.io", false), `{"auths": { } }`},
	{"remove no registry", `{"auths":{"a b":{}}}`, remove("a b", true), `{"auths":{}}`},
	{"remove leaves side entries", `{"auths":{"https://index.docker.io/v1/refresh-token":{}}}`, remove("docker.io", false), `{"auths":{"https://index.docker.io/v1/refresh-token":{}}}`},
	{"remove side entry", `{"auths":{"https://index.docker.io/v1/":{},"https://index.docker.io/v1/refresh-token":{}}}`, remove("https://index.docker.io/v1/refresh-token", true), `{"auths":{"https://index.docker.io/v1/":{}}}`},
	{"remove pattern", `{"auths":{"*.r.example.com":{},"a.r.example.com":{}}}`, remove("*.r.example.com", true), `{"auths":{"a.r.example.com":{}}}`},
	{"remove from flat", `{"quay.io":{"auth":"eDp5"},"a.example":{}}`, remove("quay.io", true), `{"a.example":{}}`},
}

func TestEdit(t *testing.T) {
	if len(edits) < 40 {
		t.Fatalf("%d cases, want at least 40", len(edits))
	}
	for _, c := range edits {
		t.Run(c.label, func(t *testing.T) {
			f := parse(t, c.text)
			c.change(t, f)
			got := encode(t, f)
			if got != c.want {
				t.Fatalf("got\n%s\nwant\n%s", got, c.want)
			}
			if c.label == "remove from flat" {
				return // what is left is no dockercfg by its looks
			}
			if again := parse(t, got); !slices.Equal(briefs(again), briefs(f)) {
				t.Errorf("read again it has %q, want %q", briefs(again), briefs(f))
			}
		})
	}
}

func TestSetRefuses(t *testing.T) {
	const text = `{"auths":{"quay.io":{"auth":"eDp5"}}}`
	secret := dockercfg.NewSecret(canary)
	broken := dockercfg.NewSecret(canary + "\xff")
	for label, e := range map[string]dockercfg.Entry{
		"nothing":                   {Registry: "quay.io"},
		"user alone":                {Registry: "quay.io", Username: "bob"},
		"password alone":            {Registry: "quay.io", Password: secret},
		"password beside a token":   {Registry: "quay.io", Password: secret, IdentityToken: secret},
		"colon beside a token":      {Registry: "quay.io", Username: "a:b", IdentityToken: secret},
		"identity token, not UTF-8": {Registry: "quay.io", IdentityToken: broken},
		"registry token, not UTF-8": {Registry: "quay.io", RegistryToken: broken},
		"email, not UTF-8":          {Registry: "quay.io", IdentityToken: secret, Email: "\xff"},
		"no registry":               {Registry: "a b", IdentityToken: secret},
		"wide pattern":              {Registry: "*.com", IdentityToken: secret},
	} {
		f := parse(t, text)
		for name, err := range map[string]error{"Set": f.Set(e), "Add": f.Add(e)} {
			if err == nil {
				t.Errorf("%s: %s takes it", label, name)
				continue
			}
			hidden(t, label, err.Error())
		}
		if got := encode(t, f); got != text {
			t.Errorf("%s: the file is now %s", label, got)
		}
	}
}

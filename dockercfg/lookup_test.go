package dockercfg_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/dockercfg/jet/dockercfg"
)

// TestLookupAsDocker asks for every spelling in a file with every spelling as
// its key: what Docker finds must be found, and no other entry.
func TestLookupAsDocker(t *testing.T) {
	found := 0
	for _, stored := range spellings {
		if stored.want == "" {
			continue
		}
		text := fmt.Sprintf(`{"auths":{%q:{"auth":%q},"other.example":{"auth":%q}}}`, stored.name, b64("bob:pw"), b64("eve:x"))
		f := parse(t, text)
		config := configfile.New("")
		if err := config.LoadFromReader(strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		for _, asked := range spellings {
			if asked.want == "" {
				continue
			}
			got, ok, err := f.Lookup(asked.name)
			if err != nil || ok != (asked.want == stored.want) || ok && brief(got) != stored.want+" bob:pw" {
				t.Errorf("key %q, asked for %q: got %v, %v, %v", stored.name, asked.name, got, ok, err)
			}
			for _, name := range []string{asked.name, loginLookup(asked.name), asked.want} {
				want, err := config.GetAuthConfig(name)
				if err != nil {
					t.Fatal(err)
				}
				if want.Username == "" {
					continue
				}
				if found++; !ok || want.Username != got.Username {
					t.Errorf("key %q, asked for %q: docker/cli gives %q, we give %v, %v", stored.name, name, want.Username, got, ok)
				}
			}
		}
	}
	if found < 100 {
		t.Errorf("docker/cli found %d, want at least 100: the oracle proves nothing", found)
	}
}

func TestLookup(t *testing.T) {
	text := `{"auths":{`
	keys := []string{
		"docker.io", "quay.io", "reg.example:5000", "*.dkr.ecr.eu-west-1.amazonaws.com", "*.dkr.ecr.*.amazonaws.com",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com", "*-docker.pkg.dev", "https://*.Azure.example.com/v2/", "*.port.example.com:5000",
		"a*.tie.example.com", "*a.tie.example.com", "*.*.deep.example.com", "*.docker.io", "*.b.example.com", "a*.b.example.com",
	}
	for i, key := range keys {
		text += fmt.Sprintf(`%q:{"auth":%q},`, key, b64(fmt.Sprintf("u%d:%d", i, i)))
	}
	text += `"stub.b.example.com":{},"` + hub + `refresh-token":{"auth":"` + b64("oauth:x") + `"}}}`
	f := parse(t, text)
	if got := len(f.Entries()); got != len(keys) {
		t.Fatalf("got %d entries, want %d", got, len(keys))
	}
	for asked, want := range map[string]string{
		"docker.io": hub, "https://index.docker.io/v1/": hub, "registry-1.docker.io": hub,
		hub + "refresh-token": "", hub + "access-token": "",
		"x.docker.io": "*.docker.io", // not Docker Hub
		"quay.io":     "quay.io", "https://quay.io/ns/repo": "quay.io", "x.quay.io": "", "quay.io:443": "",
		"reg.example:5000": "reg.example:5000", "reg.example": "", "reg.example:5001": "",
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com":     "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
		"210987654321.dkr.ecr.eu-west-1.amazonaws.com":     "*.dkr.ecr.eu-west-1.amazonaws.com",
		"210987654321.DKR.ecr.us-east-1.amazonaws.com":     "*.dkr.ecr.*.amazonaws.com",
		"a.b.dkr.ecr.us-east-1.amazonaws.com":              "",
		"dkr.ecr.us-east-1.amazonaws.com":                  "",
		"x.dkr.ecr.us-east-1.amazonaws.com.evil.example":   "",
		"x.dkr.ecr.us-east-1.amazonaws.com:443":            "",
		"x.dkr.ecr.us-east-1.evil.example/x.amazonaws.com": "",
		"europe-west1-docker.pkg.dev":                      "*-docker.pkg.dev",
		"europe-west1-docker.pkg.dev/project/repo":         "*-docker.pkg.dev",
		"docker.pkg.dev":                     "",
		"x.azure.example.com":                "*.azure.example.com",
		"x.port.example.com:5000":            "*.port.example.com:5000",
		"x.port.example.com":                 "",
		"ab.tie.example.com":                 "a*.tie.example.com",
		"ba.tie.example.com":                 "*a.tie.example.com",
		"x.y.deep.example.com":               "*.*.deep.example.com",
		"x.deep.example.com":                 "",
		"stub.b.example.com":                 "*.b.example.com",
		"ax.b.example.com":                   "a*.b.example.com",
		"[2001:db8::1]":                      "",
		"x.dkr.ecr.eu-west-1.amazonaws.com/": "*.dkr.ecr.eu-west-1.amazonaws.com",
	} {
		got, ok, err := f.Lookup(asked)
		if err != nil || ok != (want != "") || got.Registry != want {
			t.Errorf("%q: got %q, %v, %v, want %q", asked, got.Registry, ok, err, want)
		}
	}
	got, ok, err := f.Lookup("aba.tie.example.com")
	ambiguous, isAmbiguous := errors.AsType[*dockercfg.AmbiguousError](err)
	if ok || got != (dockercfg.Entry{}) || !isAmbiguous || !slices.Equal(ambiguous.Patterns, []string{"*a.tie.example.com", "a*.tie.example.com"}) ||
		err.Error() != `dockercfg: the patterns ["*a.tie.example.com" "a*.tie.example.com"] are equally long and all stand for "aba.tie.example.com"` {
		t.Errorf("tie: got %v, %v, %v", got, ok, err)
	}
	for _, asked := range []string{"", "a b", "*.quay.io", "https://bob:" + canary + "@quay.io"} {
		_, ok, err := f.Lookup(asked)
		if _, isName := errors.AsType[*dockercfg.RegistryNameError](err); ok || !isName {
			t.Errorf("%q: got %v, %v", asked, ok, err)
		} else {
			hidden(t, asked, err.Error())
		}
	}
}

func TestParsePattern(t *testing.T) {
	for text, want := range map[string]string{
		"*.r.example.com":             "*.r.example.com",
		"HTTPS://*.R.Example.com/v2/": "*.r.example.com",
		"*.r.example.com:05000":       "*.r.example.com:5000",
		"a*b*c.example.com":           "a*b*c.example.com",
		"**.example.com":              "**.example.com",
		"inde*.docker.io":             "inde*.docker.io",
		"*.example.com/a*b":           "*.example.com",
		"*.x-y_z.example.com":         "*.x-y_z.example.com",
	} {
		got, err := dockercfg.ParsePattern(text)
		if err != nil || got.String() != want {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
		if again, err := dockercfg.ParsePattern(got.String()); err != nil || again != got {
			t.Errorf("%q again: %q, %v", got, again, err)
		}
	}
	for text, problem := range map[string]string{
		"": "empty", "quay.io": "holds no *", "quay.io/*": "holds no *", "a.b.c/*": "holds no *",
		"*": "three parts", "*.com": "three parts", "*:5000": "three parts",
		"*.*.com": "last two", "x.*.com": "last two", "x.y.*": "last two", "x.y*.com": "last two", "x.y.c*m": "last two",
		"10.0.*.1": "last two", "*.0.0.1": "IP addresses", "*.x.y:*": "port", "*.x.y:": "port", "*.x.y:0": "port",
		"[*::1]": "three parts", "[::ffff:*.0.0.1]": "holds no *", "*.x..y": "empty part", "*.example.com?x": "query", "bob:" + canary + "@*.x.y": "user name",
		"*.x.y ": "blank", "[a-z]*.x.y": "IPv6", "a[b]*.x.y": "character", `\*.x.y`: "character", "?*.x.y": "query", "-*.x.y": "hyphen",
		"*ü.x.y": "ASCII", "*.x.y.": "empty part", strings.Repeat("*", 64) + ".x.y": "64 bytes",
	} {
		got, err := dockercfg.ParsePattern(text)
		nameError, ok := errors.AsType[*dockercfg.RegistryNameError](err)
		if !ok || got != (dockercfg.Pattern{}) || !strings.Contains(nameError.Problem, problem) {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, problem)
			continue
		}
		hidden(t, text, err.Error())
	}
	if (dockercfg.Pattern{}).Match("") || (dockercfg.Pattern{}).Match("quay.io") {
		t.Error("the zero Pattern stands for something")
	}
}

func FuzzPattern(f *testing.F) {
	seeds := 0
	for _, pattern := range []string{"*.r.example.com", "a*b.r.example.com:5000", "*-docker.pkg.dev", "*.*.x.y"} {
		for _, name := range []string{"a.r.example.com", "ab.r.example.com:5000", "docker.io", "[::1]", "*.r.example.com"} {
			f.Add(pattern, name)
			seeds++
		}
	}
	if seeds < 20 {
		f.Fatalf("%d seeds, want at least 20", seeds)
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		pattern, err := dockercfg.ParsePattern(text)
		if err != nil {
			return
		}
		key, err := dockercfg.NormalizeRegistry(name)
		if err != nil || !pattern.Match(key) {
			return
		}
		labels := func(s string) []string { return strings.Split(strings.SplitN(s, ":", 2)[0], ".") }
		ours, theirs := labels(pattern.String()), labels(key)
		n := len(ours)
		if len(theirs) != n || !slices.Equal(ours[n-2:], theirs[n-2:]) || key == dockercfg.DockerHub {
			t.Fatalf("%q stands for %q", pattern, key)
		}
	})
}

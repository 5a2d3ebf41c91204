package registry

import (
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
)

func TestParseChallenges(t *testing.T) {
	type params = map[string]string
	for _, c := range []struct {
		headers []string
		want    []challenge
	}{
		{nil, nil},
		{[]string{""}, nil},
		{[]string{"Basic"}, []challenge{{"basic", params{}}}},
		{[]string{`Basic realm="r"`}, []challenge{{"basic", params{"realm": "r"}}}},
		{[]string{`Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:samalba/my-app:pull,push"`},
			[]challenge{{"bearer", params{"realm": "https://auth.docker.io/token", "service": "registry.docker.io", "scope": "repository:samalba/my-app:pull,push"}}}},
		{[]string{`bearer  REALM = "x" , Service=y`}, []challenge{{"bearer", params{"realm": "x", "service": "y"}}}},
		{[]string{`Bearer realm=https://a/b?c=d,service=e`}, []challenge{{"bearer", params{"realm": "https://a/b?c=d", "service": "e"}}}},
		{[]string{`Bearer realm="a\"b\\c"`}, []challenge{{"bearer", params{"realm": `a"b\c`}}}},
		{[]string{`Bearer realm="a`}, []challenge{{"bearer", params{"realm": "a"}}}},
		{[]string{`Bearer realm="a",realm="b"`}, []challenge{{"bearer", params{"realm": "a"}}}},
		// RFC 9110 section 11.6.1 has this one.
		{[]string{`Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\""`},
			[]challenge{{"basic", params{"realm": "simple"}}, {"newauth", params{"realm": "apps", "type": "1", "title": `Login to "apps"`}}}},
		{[]string{"Negotiate", `Basic realm="x"`}, []challenge{{"negotiate", params{}}, {"basic", params{"realm": "x"}}}},
		{[]string{`Negotiate YII=, Basic realm="x"`}, []challenge{{"negotiate", params{}}, {"basic", params{"realm": "x"}}}},
		{[]string{"NTLM,Negotiate, Basic"}, []challenge{{"ntlm", params{}}, {"negotiate", params{}}, {"basic", params{}}}},
		{[]string{`, ,Basic realm="x",,`}, []challenge{{"basic", params{"realm": "x"}}}},
		{[]string{`="x", Basic`}, []challenge{{"x", params{}}, {"basic", params{}}}},
		{[]string{`realm="x"`}, nil},
	} {
		if got := parseChallenges(c.headers); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: got %v, want %v", c.headers, got, c.want)
		}
	}
	if got := parseChallenges([]string{strings.Repeat("Basic, ", 1000)}); len(got) != maxChallenges {
		t.Errorf("%d challenges are kept, want %d", len(got), maxChallenges)
	}
}

func TestNextPage(t *testing.T) {
	page, err := url.Parse("https://r.example/v2/_catalog?n=2")
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{
		"":                                      "",
		`</v2/_catalog?last=b&n=2>; rel="next"`: "https://r.example/v2/_catalog?last=b&n=2",
		`</v2/_catalog?last=b>;rel=next`:        "https://r.example/v2/_catalog?last=b",
		`<?last=b>; rel="prev next"`:            "https://r.example/v2/_catalog?last=b",
		`<https://r.example/v2/_catalog?last=b>; REL="NEXT"`:         "https://r.example/v2/_catalog?last=b",
		`<https://evil.example/v2/_catalog>; rel="next"`:             "https://evil.example/v2/_catalog",
		`</first>; rel="first"; title="a, b", </second>; rel="next"`: "https://r.example/second",
		`</first>; rel="first"`:                                      "",
		`</a>; title="rel=next"`:                                     "",
		`</a>`:                                                       "",
		`</a>; rel`:                                                  "",
		`/a; rel="next"`:                                             "",
		`</a`:                                                        "",
		`<:>; rel="next"`:                                            "",
	} {
		got := ""
		if u := nextPage(page, []string{header}); u != nil {
			got = u.String()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", header, got, want)
		}
	}
}

func TestParseRepository(t *testing.T) {
	const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for text, want := range map[string]string{
		"app": "|app", "team/app:1.2": "|team/app:1.2", "quay.io/team/app": "quay.io|team/app", "QUAY.io/a": "quay.io|a",
		"localhost/a": "localhost|a", "localhost:5000/a/b:c": "localhost:5000|a/b:c", "docker.io/library/alpine": dockercfg.DockerHub + "|library/alpine",
		"app@" + digest: "|app@" + digest, "r.io/app:1@" + digest: "r.io|app@" + digest, "a__b/c-d.e": "|a__b/c-d.e", "team:5/a": "team:5|a",
		"": "!", "Team/app": "!", "a//b": "!", "/a": "!", "a/": "!", "a:": "!", "a:b/c": "!", "a: ": "!", "a@x": "!", "a..b": "!", "-a": "!", "quay.io/": "!",
		"https://quay.io/a": "!", "a:" + strings.Repeat("x", 129): "!", strings.Repeat("a", 256): "!", "a?b": "!", "a b": "!", "../a": "!", "a%2f": "!", "[::1]:5000/a": "[::1]:5000|a",
	} {
		host, r, err := ParseRepository(text)
		got := host + "|" + r.String()
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q (%v)", text, got, want, err)
		}
	}
}

func TestPath(t *testing.T) {
	for _, c := range [][3]string{
		{dockercfg.DockerHub, "alpine", "library/alpine"}, {"docker.io", "team/app", "team/app"}, {"quay.io", "alpine", "alpine"},
	} {
		a := Account{Entry: dockercfg.Entry{Registry: c[0]}}
		if got := a.path(Repository{Name: c[1]}); got != c[2] {
			t.Errorf("%v: got %s", c, got)
		}
	}
	for registry, want := range map[string]string{"docker.io": hubHost, dockercfg.DockerHub: hubHost, "https://Quay.io/v2/": "quay.io", "a.b:5000": "a.b:5000"} {
		if got := (Account{Entry: dockercfg.Entry{Registry: registry}}).host(); got != want {
			t.Errorf("%s: got %s, want %s", registry, got, want)
		}
	}
	if got := (Account{Host: "1.dkr.example.com", Entry: dockercfg.Entry{Registry: "*.dkr.example.com"}}).host(); got != "1.dkr.example.com" {
		t.Errorf("got %s", got)
	}
}

func TestLook(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const key = `{"type": "service_account", "private_key": "x"}`
	for _, c := range []struct{ user, password, want string }{
		{"bob", "hunter2", ""},
		{"bob", "  hunter2", "white-space"},
		{"bob", "hunter2\r\n", "white-space"},
		{"bob", "hunter2\u00a0", "white-space"},
		{"bob", "hunter 2", ""},
		{"bob", "<password>", "placeholder"},
		{"bob", "YOUR_TOKEN", "placeholder"},
		{"bob", "", "no-password"},
		{"", "hunter2", "no-username"},
		{"bob", "a\x00b", "bad-entry"},
		{"_json_key", key, ""},
		{"_json_key", key + "\n", "white-space"},
		{"_json_key", "'" + key + "'", "key-file"},
		{"_json_key", key[:20], "key-file"},
		{"_json_key", "hunter2", "key-file"},
		{"_json_key", `"` + key + `"`, "key-file"},
		{"_json_key_base64", "eyJ0eXBlIjogIngifQ==", ""},
		{"_json_key_base64", key, "key-file"},
		{"_json_key_base64", "aGVsbG8=", "key-file"},
		{"AWS", "eyJwYXlsb2FkIjoieCIsImRhdGFrZXkiOiJ5IiwiZXhwaXJhdGlvbiI6MTc2NzMwMDAwMH0=", "expired"},
		{"AWS", "eyJwYXlsb2FkIjoieCIsImRhdGFrZXkiOiJ5IiwiZXhwaXJhdGlvbiI6Mjc2NzMwMDAwMH0=", ""},
		{"bob", "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3NjczMDAwMDB9.c2ln", "expired"},
		{"bob", "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjI3NjczMDAwMDB9.c2ln", ""},
	} {
		var got []string
		for _, f := range look(dockercfg.Entry{Registry: "r.example", Username: c.user, Password: dockercfg.NewSecret(c.password)}, now) {
			got = append(got, string(f.Name))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s, %q: got %q, want %q", c.user, c.password, got, c.want)
		}
	}
}

// TestGate decides about names by what they stand for.
func TestGate(t *testing.T) {
	for _, c := range []struct {
		registry, realm string // addresses; "" if none is connected to
		want            bool
	}{
		{"93.184.216.34", "151.101.1.1", true},
		{"93.184.216.34", "2606:4700::1", true},
		{"93.184.216.34", "10.1.2.3", false},
		{"93.184.216.34", "fd00::1", false},
		{"93.184.216.34", "127.0.0.1", false},
		{"93.184.216.34", "169.254.169.254", false},
		{"93.184.216.34", "100.100.100.200", false},
		{"93.184.216.34", "0.0.0.0", false},
		{"10.0.0.5", "10.0.0.6", true}, // of a company
		{"10.0.0.5", "192.168.1.1", true},
		{"fd00::5", "fd00::6", true},
		{"10.0.0.5", "127.0.0.1", false},
		{"10.0.0.5", "169.254.169.254", false},
		{"10.0.0.5", "::1", false},
		{"127.0.0.1", "127.0.0.1", false},
		{"127.0.0.1", "10.0.0.6", false},
		{"127.0.0.1", "151.101.1.1", true},
	} {
		g := &gate{registry: "registry.example"}
		g.add("Auth.example")
		at := func(address string) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr(address), 443) }
		if err := g.permit("Registry.example:443", at(c.registry)); err != nil {
			t.Errorf("%s: the registry itself: %v", c.registry, err)
		}
		if err := g.permit("auth.example:443", at(c.realm)); (err == nil) != c.want {
			t.Errorf("registry at %s, realm at %s: got %v", c.registry, c.realm, err)
		}
		if err := g.permit("proxy.example:3128", at("10.9.9.9")); err != nil {
			t.Errorf("a proxy: %v", err)
		}
	}
}

func TestParseRealm(t *testing.T) {
	for _, c := range []struct {
		registry, realm string
		want            bool
	}{
		{"https://registry-1.docker.io", "https://auth.docker.io/token", true},
		{"https://r.example", "https://r.example:8443/token?x=y", true},
		{"https://r.example", "https://R.EXAMPLE/token", true},
		{"https://r.example", "http://r.example/token", false},
		{"http://r.example", "http://auth.example/token", true},
		{"http://r.example", "https://auth.example/token", true},
		{"https://10.0.0.1", "https://10.0.0.1:8443/token", true},
		{"https://10.0.0.1", "https://10.0.0.2/token", false},
		{"https://r.example", "https://192.168.0.1/", false},
		{"https://r.example", "https://[fe80::1]/", false},
		{"https://r.example", "https://[fd00::1]/", false},
		{"https://r.example", "https://[::ffff:10.0.0.1]/", false},
		{"https://r.example", "https://[2606:4700::1]/", true},
		{"https://r.example", "https://8.8.8.8/", true},
		{"https://r.example", "https://2130706433/", false},
		{"https://r.example", "https://0x7f000001/", false},
		{"https://r.example", "https://127.1/", false},
		{"https://r.example", "https://auth.example.0x1/", false},
		{"https://r.example", "https://user:password@auth.example/", false},
		{"https://r.example", "/token", false},
		{"https://r.example", "https:auth.example", false},
		{"https://r.example", "file:///etc/passwd", false},
		{"https://r.example", "https://", false},
		{"https://r.example", "", false},
		{"https://r.example", "https://auth.example\\@evil.example/", false},
		{"http://r.example", "http://127.0.0.¹/", false}, // net/http asks 127.0.0.1
		{"https://r.example", "https://ｌocalhost/", false},
		{"https://r.example", "https://%C2%B927.0.0.1/", false},
		{"https://r.example", "https://xn--bcher-kva.example/", true},
	} {
		registry, err := url.Parse(c.registry)
		if err != nil {
			t.Fatal(err)
		}
		if u, err := parseRealm(registry, c.realm); (err == nil) != c.want || (u != nil) != c.want {
			t.Errorf("%s, %s: got %v, %v", c.registry, c.realm, u, err)
		}
	}
}

func FuzzParseChallenges(f *testing.F) {
	f.Add(`Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:samalba/my-app:pull,push"`)
	f.Add(`Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\""`)
	f.Add(`Negotiate YII==, Basic`)
	f.Add(`a b="\`)
	f.Fuzz(func(t *testing.T, header string) {
		challenges := parseChallenges([]string{header})
		if len(challenges) > maxChallenges {
			t.Errorf("%d challenges", len(challenges))
		}
		size := 0
		for _, c := range challenges {
			if c.scheme == "" || strings.ContainsFunc(c.scheme, func(r rune) bool { return !isTokenCharacter(r) }) {
				t.Errorf("scheme %q", c.scheme)
			}
			for name, value := range c.parameters {
				size += len(name) + len(value)
				if name == "" || name != strings.ToLower(name) {
					t.Errorf("name %q", name)
				}
			}
		}
		if size > len(header) {
			t.Errorf("%d bytes out of %d", size, len(header))
		}
	})
}

func FuzzNextPage(f *testing.F) {
	f.Add(`</v2/_catalog?last=b&n=2>; rel="next"`)
	f.Add(`</first>; rel="first"; title="a, b", </second>; rel="next"`)
	f.Add(`<https://evil.example/>;rel=next`)
	f.Fuzz(func(t *testing.T, header string) {
		page := &url.URL{Scheme: "https", Host: "r.example", Path: "/v2/_catalog"}
		if u := nextPage(page, []string{header}); u != nil {
			if !strings.Contains(header, "<") || !strings.Contains(strings.ToLower(header), "next") {
				t.Errorf("%q leads to %v", header, u)
			}
		}
	})
}

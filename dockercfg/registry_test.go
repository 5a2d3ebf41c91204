package dockercfg_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/docker/cli/cli/config/credentials"
	"github.com/dockercfg/jet/dockercfg"
)

// spellings are names of registries as people write them, with the key that they
// must have and what clients ask for afterwards.
var spellings = []struct {
	name, want string
	lookups    []string // what docker/cli's GetAuthConfig is asked for; nil: what `docker login NAME` asks for
}{
	{"docker.io", dockercfg.DockerHub, nil},
	{"index.docker.io", dockercfg.DockerHub, nil},
	{"https://index.docker.io", dockercfg.DockerHub, nil},
	{"https://index.docker.io/v1", dockercfg.DockerHub, nil},
	{"https://index.docker.io/v1/", dockercfg.DockerHub, nil},
	{"http://index.docker.io/v1/", dockercfg.DockerHub, nil},
	{"https://index.docker.io/v2/", dockercfg.DockerHub, nil},
	{"docker.io/library/alpine", dockercfg.DockerHub, nil},
	{"https://docker.io/", dockercfg.DockerHub, nil},
	{"docker://docker.io/library/alpine", dockercfg.DockerHub, nil},
	// Docker itself finds nothing for these two: a pull asks for docker.io.
	{"HTTPS://Index.Docker.IO/V1/", dockercfg.DockerHub, []string{"docker.io", "index.docker.io", dockercfg.DockerHub}},
	{"registry-1.docker.io", dockercfg.DockerHub, []string{"docker.io", "index.docker.io", dockercfg.DockerHub}},
	{"https://registry-1.docker.io/v2/", dockercfg.DockerHub, []string{"docker.io", "index.docker.io", dockercfg.DockerHub}},

	{"gcr.io", "gcr.io", nil},
	{"https://gcr.io", "gcr.io", nil},
	{"http://gcr.io/", "gcr.io", nil},
	{"gcr.io/", "gcr.io", nil},
	{"gcr.io/proj", "gcr.io", nil},
	{"gcr.io/v1/", "gcr.io", nil},
	{"https://gcr.io/v2/", "gcr.io", nil},
	{"https://gcr.io/v2", "gcr.io", nil},
	{"GCR.io", "gcr.io", []string{"gcr.io"}},
	{"oci+https://quay.io/chart", "quay.io", nil},
	{"quay.io/odd://path", "", nil}, // counted among the invalid below
	{"reg.example:5000", "reg.example:5000", nil},
	{"http://reg.example:5000/v2/", "reg.example:5000", nil},
	{"https://reg.example:443", "reg.example:443", nil},
	{"docker.io:443", "docker.io:443", nil},
	{"reg.example:05000", "reg.example:5000", []string{"reg.example:5000"}},
	{"localhost", "localhost", nil},
	{"localhost:5000", "localhost:5000", nil},
	{"127.0.0.1:5000", "127.0.0.1:5000", nil},
	{"registry", "registry", nil},
	{"my_registry:5000", "my_registry:5000", nil},
	{"xn--bcher-kva.example", "xn--bcher-kva.example", nil},
	{"123456789012.dkr.ecr.eu-west-1.amazonaws.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", nil},
	{"europe-west1-docker.pkg.dev/project/repository", "europe-west1-docker.pkg.dev", nil},
	{"[::1]:5000", "[::1]:5000", nil},
	{"http://[::1]:5000/v2/", "[::1]:5000", nil},
	{"[2001:DB8::A]", "[2001:db8::a]", []string{"[2001:db8::a]"}},
	{"https://[2001:db8::a]/", "[2001:db8::a]", []string{"[2001:db8::a]"}}, // docker login drops the brackets, a pull does not
	// look-alikes of Docker Hub are registries of their own
	{"docker.io.example", "docker.io.example", nil},
	{"evil-docker.io", "evil-docker.io", nil},
	{"xindex.docker.io", "xindex.docker.io", nil},
	{"example.com/docker.io", "example.com", nil},
	{strings.Repeat("a", 63) + ".example", strings.Repeat("a", 63) + ".example", nil},
	{"quay.io/" + strings.Repeat("p", 2000), "quay.io", nil},
}

// loginLookup is the name `docker login name` asks the configuration for
// (docker/cli v29.9.3, cli/command/registry/login.go and cli/command/registry.go).
func loginLookup(name string) string {
	if name == "docker.io" || name == dockercfg.DockerHub {
		return dockercfg.DockerHub
	}
	return credentials.ConvertToHostname(name)
}

func TestNormalizeRegistry(t *testing.T) {
	for _, c := range spellings {
		got, err := dockercfg.NormalizeRegistry(c.name)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q: got %q, %v, want %q", c.name, got, err, c.want)
		}
		if again, err := dockercfg.NormalizeRegistry(got); c.want != "" && (again != got || err != nil) {
			t.Errorf("%q again: got %q, %v", got, again, err)
		}
	}
}

func TestNormalizeRegistryRefuses(t *testing.T) {
	const secret = "hunter2"
	label := strings.Repeat("a", 63)
	cases := []struct{ label, name, problem string }{
		{"empty", "", "is empty"},
		{"scheme alone", "https://", "no host"},
		{"path alone", "/v2/", "no host"},
		{"no scheme", "//quay.io/", "no host"},
		{"port alone", ":5000", "no host"},
		{"odd scheme", "ht tp://quay.io", "blank"},
		{"empty scheme", "://quay.io", "scheme"},
		{"scheme begins with a digit", "1http://quay.io", "scheme"},
		{"two schemes", "https://http://quay.io", "port"},
		{"userinfo", "https://bob:" + secret + "@quay.io/", "user name"},
		{"userinfo, no scheme", "bob:" + secret + "@quay.io", "user name"},
		{"user alone", "bob@quay.io", "user name"},
		{"token as user", "https://" + secret + "@quay.io", "user name"},
		{"userinfo with a slash", "https://bob:" + secret + "/x@quay.io", "port"},
		{"userinfo with a question mark", "https://bob:" + secret + "?x@quay.io", "query"},
		{"userinfo, escaped", "https://bob:" + secret + "%40quay.io", "port"},
		{"userinfo with a blank", "https://bob:" + secret + " x@quay.io", "blank"},
		{"userinfo, not ASCII", "https://bob:" + secret + "é@quay.io", "ASCII"},
		{"query", "https://quay.io/?token=" + secret, "query"},
		{"fragment", "https://quay.io/#" + secret, "fragment"},
		{"blank before", " quay.io", "blank"},
		{"blank after", "quay.io ", "blank"},
		{"blank within", "quay .io", "blank"},
		{"blank in the path", "quay.io/a b", "blank"},
		{"newline", "quay.io\n", "control"},
		{"NUL", "quay.io\x00", "control"},
		{"escape", "quay.io/\x1b[31m", "control"},
		{"DEL", "quay.io\x7f", "control"},
		{"no-break space", "quay.io\u00a0", "blank"},
		{"right-to-left mark", "quay.io/\u202e", "ASCII"},
		{"international", "bücher.example", "ASCII"},
		{"Kelvin sign", "doc\u212aer.io", "ASCII"},
		{"invalid UTF-8", "quay.io\xff", "ASCII"},
		{"empty port", "quay.io:", "port"},
		{"port 0", "quay.io:0", "port"},
		{"port too large", "quay.io:65536", "port"},
		{"port is a word", "quay.io:http", "port"},
		{"port with a sign", "quay.io:+80", "port"},
		{"negative port", "quay.io:-80", "port"},
		{"two ports", "quay.io:80:80", "colon"},
		{"bare IPv6", "::1", "colon"},
		{"bare IPv6 in a URL", "http://2001:db8::1/", "colon"},
		{"IPv6 not closed", "[::1", "bracket"},
		{"IPv6 and text", "[::1]x", "follows"},
		{"IPv6 with an empty port", "[::1]:", "port"},
		{"IPv6 with a zone", "[fe80::1%eth0]", "IPv6"},
		{"IPv4 in brackets", "[127.0.0.1]", "IPv6"},
		{"host in brackets", "[quay.io]", "IPv6"},
		{"empty brackets", "[]", "IPv6"},
		{"dot before", ".quay.io", "empty part"},
		{"dot after", "quay.io.", "empty part"},
		{"Docker Hub with a dot after", "docker.io.", "empty part"},
		{"two dots", "quay..io", "empty part"},
		{"hyphen before", "-quay.io", "hyphen"},
		{"hyphen after", "quay-.io", "hyphen"},
		{"pattern", "*.quay.io", `'*'`},
		{"backslash", `quay.io\v2`, `'\\'`},
		{"password and an exclamation mark", secret + "!", `'!'`},
		{"user and password", "bob:" + secret, "port"},
		{"passphrase", "correct horse " + secret, "blank"},
		{"long token", strings.Repeat(secret, 10), "70 bytes"},
		{"quotes", `"quay.io"`, `'"'`},
		{"escaped", "quay%2eio", `'%'`},
		{"variable", "$REGISTRY", `'$'`},
		{"long label", label + "a.io", "64 bytes"},
		{"long host", strings.Repeat(label+".", 4) + "io", "258 bytes"},
		{"very long", "quay.io/" + strings.Repeat(secret, 1000), "7008 bytes"},
		{"very long host", strings.Repeat("a", 1<<20), "1048576 bytes"},
	}
	for _, c := range cases {
		t.Run(c.label, func(t *testing.T) {
			got, err := dockercfg.NormalizeRegistry(c.name)
			nameError, ok := errors.AsType[*dockercfg.RegistryNameError](err)
			if !ok || got != "" {
				t.Fatalf("got %q, %v, want a *RegistryNameError", got, err)
			}
			if !strings.Contains(nameError.Problem, c.problem) {
				t.Errorf("got problem %q, want one with %q", nameError.Problem, c.problem)
			}
			if strings.Contains(fmt.Sprintf("%v %#v", err, err), secret) {
				t.Errorf("the error quotes the secret: %#v", err)
			}
			if len(err.Error()) > 500 || strings.ContainsAny(err.Error(), "\n\x1b\x00") {
				t.Errorf("the error is too long or not printable: %.600q", err)
			}
		})
	}
}

func FuzzNormalizeRegistry(f *testing.F) {
	seeds := 0
	for _, c := range spellings {
		f.Add(c.name)
		seeds++
	}
	for _, name := range []string{"", "https://bob:hunter2@quay.io", "[::1", "::1", "a:b:c", "quay.io:", "\x00", "ü.example"} {
		f.Add(name)
		seeds++
	}
	if seeds < 50 {
		f.Fatalf("%d seeds, want at least 50", seeds)
	}
	f.Fuzz(func(t *testing.T, name string) {
		key, err := dockercfg.NormalizeRegistry(name)
		if err != nil {
			if _, ok := errors.AsType[*dockercfg.RegistryNameError](err); !ok || key != "" {
				t.Fatalf("%q: got %q, %v, want a *RegistryNameError", name, key, err)
			}
			if len(name) > 20 && strings.Contains(err.Error(), name) {
				t.Fatalf("%q: the error quotes what may be a password: %v", name, err)
			}
			return
		}
		if again, err := dockercfg.NormalizeRegistry(key); again != key || err != nil {
			t.Fatalf("%q gives %q, and that %q, %v", name, key, again, err)
		}
		if upper, err := dockercfg.NormalizeRegistry(strings.ToUpper(name)); upper != key || err != nil {
			t.Fatalf("%q gives %q, in upper case %q, %v", name, key, upper, err)
		}
		dockerFinds(t, dockercfg.Entry{Registry: name, Username: "bob", Password: dockercfg.NewSecret("pw")}, loginLookup(key))
	})
}

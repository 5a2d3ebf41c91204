package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/fakeaws"
	"github.com/dockercfg/jet/internal/fakeregistry"
	"github.com/dockercfg/jet/internal/tokencache"
)

// someone is a source whose token says who it was made for: all values of the
// variables of a backend, the registries and the files behind.
type someone struct {
	backend    generators.Backend
	values     map[string]string
	registries []string
	file       string
}

func (s someone) env(name string) (string, bool) { value, ok := s.values[name]; return value, ok }

func (s someone) token() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%q %q %q", s.backend.Name, s.registries, s.file)
	for _, v := range s.backend.Variables {
		for _, name := range append([]string{v.Name}, v.Aliases...) {
			value, ok := s.values[name]
			fmt.Fprintf(&text, " %s=%q,%v", name, value, ok)
		}
	}
	return text.String()
}

func (s someone) Identity() ([]dockercfg.Secret, bool) {
	return []dockercfg.Secret{dockercfg.NewSecret(s.file)}, true
}

func (s someone) Generate(context.Context) (generators.Result, error) {
	return generators.Result{Entries: []dockercfg.Entry{{
		Registry: "registry.test", Username: "u", Password: dockercfg.NewSecret(s.token()), Expires: time.Now().Add(time.Hour),
	}}}, nil
}

// other gives somebody who differs in little: values that go to and fro between
// variables, and look alike.
func (s someone) other(random *rand.Rand, all []generators.Backend) someone {
	values := make(map[string]string)
	for name, value := range s.values {
		values[name] = value
	}
	s.values = values
	texts := []string{"", "a", "A", "a ", "aa", "a,b", "a\x00b", "0", "true", "\xff", "\ufffd", "eu-west-1", "https://a.test", "https://a.test/"}
	switch random.IntN(8) {
	case 0:
		s.registries = [][]string{nil, {"a.test"}, {"b.test"}, {"a.test", "b.test"}, {"a.test,b.test"}}[random.IntN(5)]
	case 1:
		s.file = texts[random.IntN(len(texts))]
	case 2:
		s.backend = all[random.IntN(len(all))]
	default:
		v := s.backend.Variables[random.IntN(len(s.backend.Variables))]
		names := append([]string{v.Name}, v.Aliases...)
		name := names[random.IntN(len(names))]
		if values[name] = texts[random.IntN(len(texts))]; random.IntN(4) == 0 {
			delete(values, name)
		}
	}
	return s
}

// FuzzIdentities walks from somebody to somebody else, over all backends and their
// variables: nobody is ever given a token of another one's, and whoever is the same is
// given the same.
func FuzzIdentities(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed)
	}
	registry, err := backends(backendConfig{})
	if err != nil {
		f.Fatal(err)
	}
	all := registry.All()
	f.Fuzz(func(t *testing.T, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 0))
		key := crypto.GenerateKey()
		folder := filepath.Join(t.TempDir(), "tokens")
		seen := make(map[string]bool)
		hits := 0
		s := someone{backend: all[seed%uint64(len(all))], values: make(map[string]string)}
		for range 40 {
			cache := &tokencache.Cache{Folder: folder, Key: func(context.Context) (crypto.Key, bool) { return key, true }}
			source := cache.Source(s, tokencache.Request{Backend: s.backend, Env: s.env, Registries: s.registries})
			result, err := source.Generate(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			token := s.token()
			if got := result.Entries[0].Password.Reveal(); got != token {
				t.Fatalf("%s was given the token of %s", token, got)
			}
			_, cached := source.Made()
			if cached != seen[token] {
				t.Errorf("from the cache: %v, want %v: %s", cached, seen[token], token)
			}
			if cached {
				hits++
			}
			seen[token] = true
			if random.IntN(3) > 0 {
				s = s.other(random, all)
			}
		}
		if hits == 0 {
			t.Error("nobody was ever the same")
		}
	})
}

// TestIdentified: the backends whose entries die within hours are those that the cache
// is for. What lasts, and what programs say, is not.
func TestIdentified(t *testing.T) {
	variables := map[string]map[string]string{
		"login":  {"DOCKER_USERNAME": "a", "DOCKER_PASSWORD": "b"},
		"heroku": {"HEROKU_API_KEY": "a"},
		"ecr":    {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "b"},
		"ibm":    {"BLUEMIX_API_KEY": "a", "IBM_AUTH_FORM": "token"},
		"azure":  {"AZURE_REGISTRY": "a", "AZURE_TENANT_ID": "b", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "d"},
	}
	want := map[string]bool{"ecr": true, "ibm": true, "azure": true}
	registry, err := backends(backendConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range variables {
		b, _ := registry.Lookup(name)
		source, err := b.Open(func(name string) (string, bool) { v, ok := values[name]; return v, ok })
		if err != nil {
			t.Fatal(err)
		}
		kept := new(tokencache.Cache).Source(source, tokencache.Request{})
		ok := false
		if kept != nil {
			_, ok = source.(generators.Identified).Identity()
		}
		if ok != want[name] {
			t.Errorf("%s: %v, want %v", name, ok, want[name])
		}
	}
}

// TestVerifyKept: a kept token that the registry refuses is asked for once more, and no
// oftener.
func TestVerifyKept(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "LocalAppData", "AppData", "DOCKER_CONFIG"} {
		t.Setenv(name, home)
	}
	var token, taken atomic.Pointer[string] // that AWS gives, and that the registry takes
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(&fakeregistry.Registry{Users: map[string]string{"AWS": *taken.Load()}, Repositories: map[string][]string{"a": {"1"}}}).ServeHTTP(w, r)
	}))
	defer registry.Close()
	host := registry.Listener.Addr().String()
	fake := &fakeaws.AWS{
		Password: func(string, string) string { return *token.Load() },
		Registry: func(string, string) string { return "https://" + host },
	}
	key := fake.AddUser("aws", "012345678901", "ci", fakeaws.Token)
	cloud := httptest.NewServer(fake)
	defer cloud.Close()
	variables := map[string]string{
		"JET_KEY":    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": key.ID, "AWS_SECRET_ACCESS_KEY": key.Secret,
		"AWS_ENDPOINT_URL": cloud.URL, "AWS_EC2_METADATA_DISABLED": "true",
		"DOCKER_USERNAME": "bob", "DOCKER_PASSWORD": "word", "DOCKER_REGISTRY": "x.test",
	}
	output := filepath.Join(home, "cfg")
	run := func(gives, takes string, words ...string) (said string, code int) {
		t.Helper()
		token.Store(&gives)
		taken.Store(&takes)
		before := len(fake.Calls())
		var stdout, stderr bytes.Buffer
		p := &program{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, lookupEnv: func(name string) (string, bool) {
			value, ok := variables[name]
			return value, ok
		}}
		code = p.run(t.Context(), append([]string{"generate", "dockercfg", output, "--from", "ecr"}, words...))
		return fmt.Sprintf("%d calls\n%s", len(fake.Calls())-before, stderr.String()), code
	}
	wantSecret := func(want string) {
		t.Helper()
		text, err := os.ReadFile(output)
		f, parsed := dockercfg.Parse(text)
		if err != nil || parsed != nil || f.Entries()[0].Password.Reveal() != want {
			t.Errorf("got %q, %v, want the token %q", text, err, want)
		}
	}
	verify := []string{"--verify", "--plain-http", "--registry", host}
	if said, code := run("first", "first", verify...); code != 0 || !strings.HasPrefix(said, "1 calls") {
		t.Fatal(said)
	}
	if said, code := run("second", "first", verify...); code != 0 || !strings.HasPrefix(said, "0 calls") || !strings.Contains(said, "from the cache") || strings.Contains(said, "refuses") {
		t.Fatal(said)
	}
	wantSecret("first")
	said, code := run("second", "second", verify...)
	if code != 0 || !strings.HasPrefix(said, "1 calls") || strings.Count(said, "from the cache") != 1 || !strings.Contains(said, "jet: the registry refuses what was kept: "+host) {
		t.Fatal(said)
	}
	wantSecret("second")
	if said, code := run("third", "second", verify...); code != 0 || !strings.HasPrefix(said, "0 calls") {
		t.Fatal(said)
	}
	wantSecret("second")
	if said, code := run("third", "never", verify...); code != exitFailed || !strings.HasPrefix(said, "1 calls") || strings.Count(said, "jet: error: ") != 1 {
		t.Fatal(said)
	}
	wantSecret("second")
}

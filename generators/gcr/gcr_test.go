package gcr_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/generators/backendtest"
	"github.com/dockercfg/jet/generators/gcr"
	"github.com/dockercfg/jet/internal/fakegoogle"
)

const account = "puller@jet-sample.iam.gserviceaccount.com"

// env is a scope of variables.
type env map[string]string

func (e env) lookup(name string) (string, bool) {
	value, ok := e[name]
	return value, ok
}

// with gives a scope with further variables.
func (e env) with(pairs ...string) env {
	e = maps.Clone(e)
	for i := 0; i < len(pairs); i += 2 {
		e[pairs[i]] = pairs[i+1]
	}
	return e
}

func newServer(t *testing.T) *fakegoogle.Server {
	t.Helper()
	s := fakegoogle.NewServer()
	t.Cleanup(s.Close)
	return s
}

// generate runs the backend in a scope.
func generate(t *testing.T, scope env) (generators.Result, error) {
	t.Helper()
	source, err := gcr.Backend().Open(scope.lookup)
	if err != nil {
		return generators.Result{}, err
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return source.Generate(ctx)
}

// mustGenerate is generate for what has to work; it gives the one credential.
func mustGenerate(t *testing.T, scope env) (dockercfg.Entry, []string) {
	t.Helper()
	result, err := generate(t, scope)
	if err != nil || len(result.Entries) == 0 {
		t.Fatalf("got %d entries, %v%s", len(result.Entries), err, advice(err))
	}
	for _, e := range result.Entries {
		if e.Username != result.Entries[0].Username || e.Password != result.Entries[0].Password || !e.Expires.Equal(result.Entries[0].Expires) {
			t.Errorf("%s has another credential than %s", e.Registry, result.Entries[0].Registry)
		}
	}
	return result.Entries[0], result.Notices
}

// advice gives that of an error.
func advice(err error) string {
	if advised, ok := errors.AsType[*generators.AdvisedError](err); ok {
		return " (" + advised.Advice + ")"
	}
	return ""
}

// registries gives the names of the entries.
func registries(result generators.Result) (names []string) {
	for _, e := range result.Entries {
		names = append(names, e.Registry)
	}
	return names
}

// entries gives an entry for each registry.
func entries(user, password string, registries ...string) (entries []dockercfg.Entry) {
	for _, registry := range registries {
		entries = append(entries, dockercfg.Entry{Registry: registry, Username: user, Password: dockercfg.NewSecret(password)})
	}
	return entries
}

var gcrHosts = []string{"gcr.io", "us.gcr.io", "eu.gcr.io", "asia.gcr.io"}

// original is what codeship/gcr-dockercfg-generator takes.
func original(key *fakegoogle.Key) env {
	return env{
		"GOOGLE_AUTH_JSON":  key.Line(),
		"GOOGLE_AUTH_EMAIL": key.Email,
		"GOOGLE_PROJECT_ID": "jet-sample",
		"GOOGLE_LOCATION":   "europe-west1",
	}
}

func TestContract(t *testing.T) {
	s := newServer(t)
	s.Token = func() string { return "ya29.c.canary-Zq8vXw2L-canary" }
	key := s.NewKey(account)
	hosts := append(slices.Clone(gcrHosts), "europe-west1-docker.pkg.dev")
	missing := [][]string{{"GOOGLE_AUTH_JSON"}}
	backendtest.Run(t, gcr.Backend(), backendtest.Case{
		Env:     original(key),
		Values:  []any{gcr.Config{Key: dockercfg.NewSecret(key.Line())}},
		Missing: missing,
		Want:    entries("oauth2accesstoken", s.Token(), hosts...),
		Expires: true,
	})
	if testing.Short() {
		return // the rest differs in what comes out, which other tests look at
	}
	canonical := canonicalKey(t, key)
	backendtest.Run(t, gcr.Backend(), backendtest.Case{
		Env:     original(key).with("GOOGLE_AUTH_FORM", "json_key"),
		Missing: missing,
		Want:    entries("_json_key", canonical, hosts...),
	})
	asked := gcr.Config{Registries: []string{"https://Europe-west1-docker.pkg.dev/x/y", "quay.io", "gcr.io.evil.example"}}
	backendtest.Run(t, asked.Backend(), backendtest.Case{
		Env:     original(key),
		Missing: missing,
		Want:    entries("oauth2accesstoken", s.Token(), "europe-west1-docker.pkg.dev"),
		Expires: true,
	})
	path := filepath.Join(t.TempDir(), "key.json")
	write(t, path, key.JSON())
	backendtest.Run(t, gcr.Backend(), backendtest.Case{
		Env:     env{"GOOGLE_APPLICATION_CREDENTIALS": path, "GOOGLE_AUTH_EMAIL": account},
		Want:    entries("oauth2accesstoken", s.Token(), gcrHosts...),
		Expires: true,
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestOriginal takes the variables of the original one by one. Of those it calls for
// only the key is needed here.
func TestOriginal(t *testing.T) {
	s := newServer(t)
	key := s.NewKey(account)
	scope := original(key)
	registry, err := generators.NewRegistry(gcr.Backend())
	if err != nil {
		t.Fatal(err)
	}
	for name := range scope {
		if selected := registry.Select(env{name: scope[name]}.lookup); (len(selected) == 1) != (name == "GOOGLE_AUTH_JSON") {
			t.Errorf("%s selects %v", name, selected)
		}
		for how, less := range map[string]env{"empty": scope.with(name, ""), "not set": scope.with()} {
			if how == "not set" {
				delete(less, name)
			}
			result, err := generate(t, less)
			if name == "GOOGLE_AUTH_JSON" {
				missing, ok := errors.AsType[*generators.MissingVariablesError](err)
				if !ok || !slices.Equal(missing.Names, []string{name}) {
					t.Errorf("%s %s: got %v", name, how, err)
				}
				continue
			}
			want := append(slices.Clone(gcrHosts), "europe-west1-docker.pkg.dev")
			if name == "GOOGLE_LOCATION" {
				want = gcrHosts
			}
			if err != nil || !slices.Equal(registries(result), want) || result.Notices != nil {
				t.Errorf("%s %s: got %q, %q, %v", name, how, registries(result), result.Notices, err)
			}
		}
	}
	for _, v := range gcr.Backend().Variables {
		if v.Required || v.Secret != (v.Name == "GOOGLE_AUTH_JSON") {
			t.Errorf("%+v", v)
		}
	}
}

// TestToken looks at what is sent, and how often.
func TestToken(t *testing.T) {
	s := newServer(t)
	key := s.NewKey(account)
	before := time.Now()
	entry, notices := mustGenerate(t, original(key).with("GOOGLE_LOCATION", "us,europe,asia,europe-west1"))
	if notices != nil {
		t.Errorf("got notices %q", notices)
	}
	if entry.Username != "oauth2accesstoken" || s.Principal(entry.Password.Reveal()) != account {
		t.Errorf("got a token for %q", s.Principal(entry.Password.Reveal()))
	}
	if life := entry.Expires.Sub(before); life < 59*time.Minute || life > 61*time.Minute {
		t.Errorf("it lasts for %v", life)
	}
	requests := s.Requests()
	if len(requests) != 1 || requests[0].Path != "/token" || requests[0].Form["grant_type"] != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		t.Errorf("sent %v, want one request for all hosts", requests)
	}
}

func TestForms(t *testing.T) {
	s := newServer(t)
	key := s.NewKey(account)
	canonical := canonicalKey(t, key)
	for form, want := range map[string]dockercfg.Entry{
		"json_key":        {Username: "_json_key", Password: dockercfg.NewSecret(canonical)},
		"json_key_base64": {Username: "_json_key_base64", Password: dockercfg.NewSecret(encode(canonical))},
	} {
		entry, _ := mustGenerate(t, original(key).with("GOOGLE_AUTH_FORM", form))
		entry.Registry = ""
		if entry != want {
			t.Errorf("%s: got another entry, for user %s", form, entry.Username)
		}
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests for what needs none", n)
	}
	if !strings.Contains(gcr.Backend().LongLived, "GOOGLE_AUTH_FORM=json_key") {
		t.Error("LongLived does not name the variable")
	}
}

func TestRegistries(t *testing.T) {
	s := newServer(t)
	key := s.NewKey(account)
	scope := env{"GOOGLE_AUTH_JSON": key.Line(), "GOOGLE_AUTH_FORM": "json_key"}
	for _, c := range []struct {
		locations, own string
		asked          []string
		want           []string
	}{
		{"", "", nil, gcrHosts},
		{" us ,, europe-west1,us", "", nil, append(slices.Clone(gcrHosts), "us-docker.pkg.dev", "europe-west1-docker.pkg.dev")},
		{"northamerica-northeast1 me-central2", "docker.europe-west3.rep.pkg.dev", nil,
			append(slices.Clone(gcrHosts), "northamerica-northeast1-docker.pkg.dev", "me-central2-docker.pkg.dev", "docker.europe-west3.rep.pkg.dev")},
		{"us", "docker.corp.example:5000", []string{"gcr.io"}, []string{"gcr.io"}},
		{"us", "docker.corp.example:5000", []string{"docker.corp.example:5000", "gcr.io"}, []string{"docker.corp.example:5000", "gcr.io"}},
		{"", "", []string{"https://k8s.gcr.io/v2/", "docker.us-east1.rep.pkg.dev", "US-docker.pkg.dev", "us-docker.pkg.dev"},
			[]string{"k8s.gcr.io", "docker.us-east1.rep.pkg.dev", "us-docker.pkg.dev"}},
		{"us", "", []string{"asia-docker.pkg.dev", "gcr.io:443"}, []string{"asia-docker.pkg.dev", "gcr.io:443"}},
		// Others, and those that only look like Google's.
		{"us", "", []string{"quay.io", "docker.io"}, nil},
		{"us", "", []string{
			"gcr.io.evil.example", "us-docker.pkg.dev.evil.example", "evilgcr.io", "xpkg.dev", "pkg.dev", "gcr.io:5000", "gcr.io-evil.example",
			"us-docker-pkg.dev", "gcr.io.", "localhost:5000", "evil.example/gcr.io", "gcr.com", "grc.io",
		}[:8], nil},
	} {
		config := gcr.Config{Registries: c.asked}
		source, err := config.Backend().Open(scope.with("GOOGLE_LOCATION", c.locations, "GOOGLE_REGISTRY", c.own).lookup)
		if err != nil {
			t.Errorf("%q, %q, %q: %v", c.locations, c.own, c.asked, err)
			continue
		}
		result, err := source.Generate(t.Context())
		if err != nil || !slices.Equal(registries(result), c.want) {
			t.Errorf("%q, %q, %q: got %q, %v", c.locations, c.own, c.asked, registries(result), err)
		}
		if told := strings.Join(result.Notices, "\n"); (c.want == nil) != strings.Contains(told, "none of the registries") {
			t.Errorf("%q: got notices %q", c.asked, told)
		}
	}
	if len(s.Requests()) != 0 {
		t.Error("something was asked")
	}
}

// TestLookAlikes asks for registries that only look like Google's, and sends nothing.
func TestLookAlikes(t *testing.T) {
	s := newServer(t)
	scope := original(s.NewKey(account))
	for _, name := range []string{
		"gcr.io.evil.example", "us-docker.pkg.dev.evil.example", "evilgcr.io", "xpkg.dev", "pkg.dev", "gcr.io:5000", "gcr.io-evil.example",
		"us-docker-pkg.dev", "localhost:5000", "evil.example/gcr.io", "https://evil.example/?", "gcr.com", "googleapis.com",
	} {
		source, err := gcr.Config{Registries: []string{name}}.Backend().Open(scope.lookup)
		if err != nil {
			continue // no registry at all
		}
		result, err := source.Generate(t.Context())
		if err != nil || result.Entries != nil || len(result.Notices) != 1 {
			t.Errorf("%s: got %q, %q, %v", name, registries(result), result.Notices, err)
		}
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests for no registry", n)
	}
}

// TestRefused gives variables values that are wrong.
func TestRefused(t *testing.T) {
	s := newServer(t)
	key := s.NewKey(account)
	for _, c := range []struct {
		name, value  string
		want, advice string
	}{
		{"GOOGLE_LOCATION", "europe-west1-b", "GOOGLE_LOCATION, 1 of 1, is a zone: without its last letter", "with commas between them"},
		{"GOOGLE_LOCATION", "us,Europe", "GOOGLE_LOCATION, 2 of 2, is no location", "GOOGLE_REGISTRY"},
		{"GOOGLE_LOCATION", "us-docker.pkg.dev", "is no location", "whole hosts"},
		{"GOOGLE_LOCATION", "us-central", "is no location", ""},
		{"GOOGLE_LOCATION", "us-docker.pkg.dev.evil.example/", "is no location", ""},
		{"GOOGLE_LOCATION", strings.Repeat("x", 41), "is no location", ""},
		{"GOOGLE_LOCATION", "-", "is no location", ""},
		{"GOOGLE_REGISTRY", "gcr.io,https://user:pw@corp.example", "GOOGLE_REGISTRY, 2 of 2: ", ""},
		{"GOOGLE_REGISTRY", "*.corp.example", "GOOGLE_REGISTRY, 1 of 1: ", ""},
		{"GOOGLE_AUTH_FORM", "key", "GOOGLE_AUTH_FORM is none of token, json_key and json_key_base64", ""},
		{"GOOGLE_AUTH_TYPE", "key", "GOOGLE_AUTH_TYPE is none of service_account, authorized_user, external_account", ""},
		{"GOOGLE_AUTH_TYPE", "authorized_user", "GOOGLE_AUTH_JSON is of type service_account, and not authorized_user", "GOOGLE_AUTH_TYPE=service_account"},
		{"GOOGLE_AUTH_SCOPES", "cloud-platform", "GOOGLE_AUTH_SCOPES holds what is no scope", "https://www.googleapis.com/auth/cloud-platform"},
		{"GOOGLE_AUTH_EMAIL", "other@jet-sample.iam.gserviceaccount.com", "the key in GOOGLE_AUTH_JSON is of " + account + ", and not of the account that GOOGLE_AUTH_EMAIL names", "it is not needed"},
		{"GOOGLE_AUTH_EMAIL", `"` + account + `"`, "and not of the account", "GOOGLE_AUTH_EMAIL stands in quotes"},
		{"GOOGLE_IMPERSONATE_SERVICE_ACCOUNT", "pusher", "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT holds what is no email address", "iam.gserviceaccount.com"},
		{"GOOGLE_IMPERSONATE_SERVICE_ACCOUNT", account + ",../x@y", "what is no email address", ""},
		{"GCE_METADATA_HOST", "http://169.254.169.254/", "GCE_METADATA_HOST is neither a host nor host:port", ""},
		{"GCE_METADATA_HOST", "a b", "GCE_METADATA_HOST is neither", ""},
		{"GCE_METADATA_HOST", "evil.example/x?", "GCE_METADATA_HOST is neither", ""},
		{"GOOGLE_CLOUD_UNIVERSE_DOMAIN", "com", "GOOGLE_CLOUD_UNIVERSE_DOMAIN is not a domain", ""},
		{"GOOGLE_CLOUD_UNIVERSE_DOMAIN", "https://x.example", "GOOGLE_CLOUD_UNIVERSE_DOMAIN is not a domain", ""},
	} {
		_, err := generate(t, original(key).with(c.name, c.value))
		if err == nil || !strings.HasPrefix(err.Error(), "gcr: ") || !strings.Contains(err.Error(), c.want) || !strings.Contains(advice(err), c.advice) {
			t.Errorf("%s=%s: got %v%s", c.name, c.value, err, advice(err))
		}
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestNotices(t *testing.T) {
	s := newServer(t)
	key := s.NewKey(account)
	t.Setenv("HOME", t.TempDir()) // which gcloud has left nothing in
	s.Attached = "vm@jet-sample.iam.gserviceaccount.com"
	for _, c := range []struct {
		scope env
		want  []string // parts
	}{
		{original(key), nil},
		{original(key).with("GOOGLE_AUTH_EMAIL", " "+strings.ToUpper(account)), nil},
		{original(key).with("GOOGLE_LOCATION", "eu"), []string{"GOOGLE_LOCATION holds one word that is neither"}},
		{original(key).with("GOOGLE_REGISTRY", "docker.us-east1.rep.pkg.dev"), nil},
		{original(key).with("GOOGLE_REGISTRY", "corp.example"), []string{"GOOGLE_REGISTRY names corp.example, which is no host of Google's"}},
		{env{"GOOGLE_AUTH_JSON": "", "GCE_METADATA_HOST": s.MetadataHost()}, []string{"GOOGLE_AUTH_JSON is set but empty; the credential is that of the metadata server"}},
	} {
		_, notices := mustGenerate(t, c.scope)
		if !slices.EqualFunc(notices, c.want, strings.HasPrefix) {
			t.Errorf("got %q, want %q", notices, c.want)
		}
	}
}

// TestPrints looks for parts of a key in what a Source and its errors show.
func TestPrints(t *testing.T) {
	s := newServer(t)
	key := s.NewKey(account)
	source, err := gcr.New(gcr.Config{Key: dockercfg.NewSecret(key.JSON())})
	if err != nil {
		t.Fatal(err)
	}
	private := key.Fields()["private_key"]
	for _, line := range strings.Split(private, "\n")[1:4] {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			if strings.Contains(fmt.Sprintf(verb, source), line) || strings.Contains(fmt.Sprintf(verb, *source), line) {
				t.Errorf("%s shows the private key", verb)
			}
		}
	}
}

func TestTypedNil(t *testing.T) {
	if source, err := gcr.Backend().Open(env{"GOOGLE_AUTH_JSON": "x"}.lookup); source != nil || err == nil {
		t.Errorf("got %v, %v, want no source and an error", source, err)
	}
}

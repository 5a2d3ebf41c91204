package registry_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/fakeregistry"
	"github.com/dockercfg/jet/internal/registry"
)

const (
	user     = "bob"
	password = "canary-7Yq2mW:x"
	identity = "canary-identity-0kX"
	bearer   = "canary-bearer-Zt4"
)

var users = map[string]string{user: password}

// start serves a handler over plain HTTP and gives its account.
func start(t *testing.T, h http.Handler) registry.Account {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return account(server.Listener.Addr().String())
}

func account(host string) registry.Account {
	return registry.Account{
		Entry:   dockercfg.Entry{Registry: host, Username: user, Password: dockercfg.NewSecret(password)},
		TLS:     registry.TLS{PlainHTTP: true},
		Timeout: 5 * time.Second,
	}
}

func repositories(t *testing.T, texts ...string) (all []registry.Repository) {
	t.Helper()
	for _, text := range texts {
		_, r, err := registry.ParseRepository(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// names gives the names of all findings but that of plain HTTP.
func names(r registry.Report) string {
	var all []string
	for _, f := range r.All() {
		if f.Name != registry.InTheOpen {
			all = append(all, string(f.Name))
		}
	}
	return strings.Join(all, " ")
}

// verify verifies, and checks that no secret comes out.
func verify(t *testing.T, a registry.Account) registry.Report {
	t.Helper()
	r := registry.Verify(t.Context(), a)
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"canary", base64.StdEncoding.EncodeToString([]byte(user + ":" + password))[:12]} {
		if strings.Contains(string(text), secret) {
			t.Errorf("a secret comes out: %s", text)
		}
	}
	return r
}

// TestVerify meets registries as they are when nothing is broken, and people as they
// are.
func TestVerify(t *testing.T) {
	two := map[string][]string{"team/app": {"1", "latest"}, "team/web": {"latest"}}
	for _, c := range []struct {
		label        string
		fake         *fakeregistry.Registry
		change       func(*registry.Account)
		repositories []string
		push         bool
		result       registry.Result
		want         string // names of findings
		catalog      int    // -1 for none
	}{
		{"basic", &fakeregistry.Registry{Users: users, Repositories: two}, nil, nil, false, registry.Works, "", 2},
		{"tokens", &fakeregistry.Registry{Users: users, Tokens: true, Repositories: two}, nil, nil, false, registry.Works, "", 2},
		{"empty", &fakeregistry.Registry{Users: users}, nil, nil, false, registry.Works, "empty", 0},
		{"no catalog", &fakeregistry.Registry{Users: users, NoCatalog: true}, nil, nil, false, registry.Works, "no-catalog", -1},
		{"catalog of others", &fakeregistry.Registry{Users: users, CatalogUsers: []string{"root"}}, nil, nil, false, registry.Works, "catalog-denied", -1},
		{"catalog of others, tokens", &fakeregistry.Registry{Users: users, Tokens: true, CatalogUsers: []string{"root"}}, nil, nil, false, registry.Works, "catalog-denied", -1},
		{"nobody asked", &fakeregistry.Registry{Repositories: two}, nil, nil, false, registry.Works, "unproven", 2},
		{"repositories", &fakeregistry.Registry{Users: users, Repositories: two}, nil, []string{"team/app", "team/web:latest"}, false, registry.Works, "", -1},
		{"repositories, tokens", &fakeregistry.Registry{Users: users, Tokens: true, Repositories: two}, nil, []string{"team/app", "team/web:latest"}, false, registry.Works, "", -1},
		{"no such tag", &fakeregistry.Registry{Users: users, Repositories: two}, nil, []string{"team/app:latets"}, false, registry.Failed, "no-such-tag", -1},
		{"no such repository", &fakeregistry.Registry{Users: users, Tokens: true, Repositories: two}, nil, []string{"team/apps", "team/app"}, false, registry.Failed, "no-such-repository", -1},
		{"no such repository, with a tag", &fakeregistry.Registry{Users: users, Repositories: two}, nil, []string{"team/apps:1"}, false, registry.Failed, "no-such-repository", -1},
		{"no tags", &fakeregistry.Registry{Users: users, Repositories: map[string][]string{"a": {}, "b": nil}}, nil, []string{"a", "b"}, false, registry.Works, "no-tags", -1},
		{"tags in one of two", &fakeregistry.Registry{Users: users, Repositories: map[string][]string{"a": {}, "b": {"1"}}}, nil, []string{"a", "b"}, false, registry.Works, "", -1},
		{"denied", &fakeregistry.Registry{Users: users, Repositories: two, Readers: map[string][]string{"team/app": nil}}, nil, []string{"team/app", "team/web"}, false, registry.Failed, "denied", -1},
		{"denied, tokens", &fakeregistry.Registry{Users: users, Tokens: true, Repositories: two, Readers: map[string][]string{"team/app": nil}}, nil, []string{"team/app", "team/web"}, false, registry.Failed, "denied", -1},
		{"denied, by tag", &fakeregistry.Registry{Users: users, Tokens: true, Repositories: two, Readers: map[string][]string{"team/app": nil}}, nil, []string{"team/app:1"}, false, registry.Failed, "denied", -1},
		{"push", &fakeregistry.Registry{Users: users, Tokens: true, Repositories: two}, nil, []string{"team/app", "team/new:1"}, true, registry.Failed, "no-such-repository", -1},
		{"push to a new one", &fakeregistry.Registry{Users: users, Tokens: true, Repositories: two}, nil, []string{"team/new"}, true, registry.Works, "no-such-repository", -1},
		{"push to a new one, denied", &fakeregistry.Registry{Users: users, Repositories: two, Writers: map[string][]string{"team/new": nil}}, nil, []string{"team/new"}, true, registry.Failed, "no-such-repository push-denied", -1},
		{"push, absolute", &fakeregistry.Registry{Users: users, Repositories: two, Absolute: true}, nil, []string{"team/app:1"}, true, registry.Works, "", -1},
		{"push denied", &fakeregistry.Registry{Users: users, Repositories: two, Writers: map[string][]string{"team/app": nil}}, nil, []string{"team/app"}, true, registry.Failed, "push-denied", -1},
		{"push denied, tokens", &fakeregistry.Registry{Users: users, Tokens: true, Repositories: two, Writers: map[string][]string{"team/app": nil}}, nil, []string{"team/app"}, true, registry.Failed, "push-denied", -1},
		{"read-only", &fakeregistry.Registry{Users: users, Repositories: two, ReadOnly: true}, nil, []string{"team/app"}, true, registry.Failed, "read-only", -1},
		{"an upload that stays", &fakeregistry.Registry{Users: users, Repositories: two, KeepUploads: true}, nil, []string{"team/app"}, true, registry.Works, "upload-left", -1},
		{"tokens of one request", &fakeregistry.Registry{Users: users, Tokens: true, Life: 1, Repositories: many(250)}, nil, nil, false, registry.Works, "", 250},
		{"tokens of one request, 400", &fakeregistry.Registry{Users: users, Tokens: true, Life: 1, Stale: 400, Repositories: many(250)}, nil, nil, false, registry.Works, "", 250},
		{"pages, absolute", &fakeregistry.Registry{Users: users, Absolute: true, Repositories: many(250)}, nil, nil, false, registry.Works, "", 250},

		{"wrong password", &fakeregistry.Registry{Users: users}, with("bob", "wrong-8123"), nil, false, registry.Failed, "wrong-credentials", -1},
		{"wrong password, tokens", &fakeregistry.Registry{Users: users, Tokens: true}, with("bob", "wrong-8123"), nil, false, registry.Failed, "wrong-credentials", -1},
		{"line end", &fakeregistry.Registry{Users: users}, with("bob", password+"\n"), nil, false, registry.Failed, "white-space wrong-credentials", -1},
		{"line end that is right", &fakeregistry.Registry{Users: map[string]string{user: password + "\n"}, NoCatalog: true}, with("bob", password+"\n"), nil, false, registry.Works, "white-space no-catalog", -1},
		{"placeholder", &fakeregistry.Registry{Users: users}, with("bob", "${PASSWORD}"), nil, false, registry.Failed, "placeholder wrong-credentials", -1},
		{"what looks like one", &fakeregistry.Registry{Users: map[string]string{user: "changeme"}}, with("bob", "changeme"), nil, false, registry.Works, "empty", 0},
		{"no password", &fakeregistry.Registry{Users: users}, with("bob", ""), nil, false, registry.Failed, "no-password", -1},
		{"no user", &fakeregistry.Registry{Users: users}, with("", password), nil, false, registry.Failed, "no-username", -1},
		{"quoted key file", &fakeregistry.Registry{Users: users}, with("_json_key", `'{"type": "service_account"}'`), nil, false, registry.Failed, "key-file wrong-credentials", -1},
		{"pattern", &fakeregistry.Registry{Users: users}, func(a *registry.Account) { a.Entry.Registry = "*.dkr.example.com" }, nil, false, registry.Skipped, "pattern", -1},

		{"identity token", &fakeregistry.Registry{Users: users, Tokens: true, IdentityTokens: map[string]string{identity: user}, Repositories: two}, withIdentity(identity), []string{"team/app"}, false, registry.Works, "", -1},
		{"identity token, by GET", &fakeregistry.Registry{Users: users, Tokens: true, NoPost: true, IdentityTokens: map[string]string{identity: user}, Repositories: two}, withIdentity(identity), []string{"team/app"}, false, registry.Works, "", -1},
		{"wrong identity token", &fakeregistry.Registry{Users: users, Tokens: true, IdentityTokens: map[string]string{identity: user}}, withIdentity("canary-other"), nil, false, registry.Failed, "wrong-credentials", -1},
		{"identity token where a password is wanted", &fakeregistry.Registry{Users: users}, withIdentity(identity), nil, false, registry.Failed, "token-not-usable", -1},
		{"identity token beside the password that is wanted", &fakeregistry.Registry{Users: users, NoCatalog: true}, func(a *registry.Account) { a.Entry.IdentityToken = dockercfg.NewSecret(identity) }, nil, false, registry.Works, "no-catalog", -1},
		{"login alone", &fakeregistry.Registry{Users: users, Repositories: two}, func(a *registry.Account) { a.NoCatalog = true }, nil, false, registry.Works, "", -1},
		{"registry token", &fakeregistry.Registry{Tokens: true, RegistryToken: bearer, Repositories: two}, withBearer(bearer), []string{"team/app"}, true, registry.Works, "", -1},
		{"wrong registry token", &fakeregistry.Registry{Tokens: true, RegistryToken: bearer}, withBearer(bearer + "x"), nil, false, registry.Failed, "wrong-credentials", -1},
	} {
		t.Run(c.label, func(t *testing.T) {
			a := start(t, c.fake)
			a.Repositories, a.Push = repositories(t, c.repositories...), c.push
			if c.change != nil {
				c.change(&a)
			}
			r := verify(t, a)
			catalog := -1
			if r.Catalog != nil {
				catalog = r.Catalog.Repositories
			}
			if got := names(r); r.Result != c.result || catalog != c.catalog || got != c.want && !(c.label == "push" && strings.Contains(got, c.want)) {
				t.Errorf("got %s, %q, %d in the catalog; want %s, %q, %d\n%v\n%v", r.Result, got, catalog, c.result, c.want, c.catalog, r.All(), c.fake.Requests())
			}
			if left := c.fake.Uploads(); left != 0 && !c.fake.KeepUploads {
				t.Errorf("%d uploads are left", left)
			}
		})
	}
}

func many(n int) map[string][]string {
	all := make(map[string][]string)
	for i := range n {
		all[fmt.Sprintf("team/app%03d", i)] = []string{"latest"}
	}
	return all
}

func with(user, password string) func(*registry.Account) {
	return func(a *registry.Account) {
		a.Entry.Username, a.Entry.Password = user, dockercfg.NewSecret(password)
	}
}

func withIdentity(token string) func(*registry.Account) {
	return func(a *registry.Account) {
		a.Entry.Username, a.Entry.Password, a.Entry.IdentityToken = dockercfg.IdentityTokenUser, dockercfg.Secret{}, dockercfg.NewSecret(token)
	}
}

func withBearer(token string) func(*registry.Account) {
	return func(a *registry.Account) {
		a.Entry.Username, a.Entry.Password, a.Entry.RegistryToken = "", dockercfg.Secret{}, dockercfg.NewSecret(token)
	}
}

// TestMessages reads what a person reads.
func TestMessages(t *testing.T) {
	fake := &fakeregistry.Registry{Users: users, Repositories: map[string][]string{"team/app": {"1.2", "latest"}}, Readers: map[string][]string{"secret/app": nil}}
	a := start(t, fake)
	host := a.Entry.Registry
	for repository, want := range map[string]string{
		"team/app:latets": "the repository is there, and has no such tag; latest is one",
		"team/app:other":  "the repository is there, and has no such tag",
		"secret/app":      `the credentials are right, and "bob" may not pull from it, or there is no such repository: ` + host + ` answers 403 Forbidden: DENIED: requested access to the resource is denied`,
		"team/none":       "there is no such repository: " + host + " answers 404 Not Found: NAME_UNKNOWN: repository name not known to registry",
	} {
		a.Repositories = repositories(t, repository)
		if got := verify(t, a).Repositories[0].Findings; len(got) != 1 || got[0].Message != want {
			t.Errorf("%s: got %v, want %s", repository, got, want)
		}
	}
	a.Repositories = nil
	a.Entry.Password = dockercfg.NewSecret(password + "\r\n")
	if got, want := verify(t, a).Problems()[0].Message, "the likely cause: the password ends in a line end"; !strings.HasSuffix(got, want) {
		t.Errorf("got %q", got)
	}
}

// TestClock blames the clock for a token that seems expired.
func TestClock(t *testing.T) {
	a := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-10*time.Minute).UTC().Format(http.TimeFormat))
		w.Header().Set("WWW-Authenticate", "Basic")
		w.WriteHeader(http.StatusUnauthorized)
	}))
	r := verify(t, a)
	if names(r) != "wrong-credentials" || !strings.Contains(r.Problems()[0].Message, "this machine's clock is 10m") {
		t.Errorf("got %v", r.All())
	}
}

// TestWrongAddress has a registry that believes that it is reached by https, and
// sends those who push there.
func TestWrongAddress(t *testing.T) {
	fake := &fakeregistry.Registry{Users: users, Repositories: map[string][]string{"a": {"1"}}, Absolute: true}
	a := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fake.ServeHTTP(&elsewhere{w}, r)
	}))
	a.Repositories, a.Push = repositories(t, "a"), true
	if r := verify(t, a); r.Result != registry.Works || names(r) != "wrong-address" || fake.Uploads() != 0 {
		t.Errorf("got %v, %d uploads left", r.All(), fake.Uploads())
	}
}

// elsewhere writes the other scheme into Location.
type elsewhere struct{ http.ResponseWriter }

func (e *elsewhere) WriteHeader(status int) {
	if location := e.Header().Get("Location"); location != "" {
		e.Header().Set("Location", strings.Replace(location, "http:", "https:", 1))
	}
	e.ResponseWriter.WriteHeader(status)
}

// TestLoginOnly is what is asked at least: the same as docker login asks.
func TestLoginOnly(t *testing.T) {
	fake := &fakeregistry.Registry{Users: users, Tokens: true, Repositories: map[string][]string{"a": {"1"}}}
	a := start(t, fake)
	a.Repositories = repositories(t, "a:1")
	if r := verify(t, a); r.Result != registry.Works || r.Scheme != "bearer" || r.Host != a.Entry.Registry {
		t.Errorf("got %+v", r)
	}
	want := []string{
		"GET /v2/", "GET /token?client_id=jet&service=fake Basic", "GET /v2/ Bearer",
		"GET /token?client_id=jet&scope=repository%3Aa%3Apull&service=fake Basic", "HEAD /v2/a/manifests/1 Bearer",
	}
	if got := fake.Requests(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestBroken meets servers that are no registries, or behave as none should.
func TestBroken(t *testing.T) {
	say := func(status int, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], strings.ReplaceAll(headers[i+1], "HOST", r.Host))
			}
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"errors":[{"code":"X","message":%q}]}`, r.Header.Get("Authorization")+" "+password)
		}
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.Errorf("another host is asked: %v", r.URL) }))
	defer other.Close()
	elsewhere := strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	for _, c := range []struct {
		label string
		h     http.HandlerFunc
		want  registry.Name
	}{
		{"web page", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<!DOCTYPE html><title>Hello</title>") }, registry.NotRegistry},
		{"404", http.NotFound, registry.NotRegistry},
		{"204", say(204), registry.NotRegistry},
		{"403 at once", say(403), registry.Forbidden},
		{"401 without a challenge", say(401), registry.UnknownChallenge},
		{"Negotiate", say(401, "WWW-Authenticate", "Negotiate"), registry.UnknownChallenge},
		{"no realm", say(401, "WWW-Authenticate", "Bearer service=x"), registry.RealmRefused},
		{"a realm that is none", say(401, "WWW-Authenticate", `Bearer realm="::"`), registry.RealmRefused},
		{"a realm of another scheme", say(401, "WWW-Authenticate", `Bearer realm="ftp://HOST/"`), registry.RealmRefused},
		{"a realm with a user", say(401, "WWW-Authenticate", `Bearer realm="http://x@HOST/"`), registry.RealmRefused},
		{"a realm on loopback", say(401, "WWW-Authenticate", `Bearer realm="http://127.0.0.2/token"`), registry.RealmRefused},
		{"a realm on the metadata server", say(401, "WWW-Authenticate", `Bearer realm="http://169.254.169.254/latest"`), registry.RealmRefused},
		{"a realm in a private network", say(401, "WWW-Authenticate", `Bearer realm="https://10.0.0.1/token"`), registry.RealmRefused},
		{"a realm in carrier-grade NAT", say(401, "WWW-Authenticate", `Bearer realm="https://100.100.100.200/"`), registry.RealmRefused},
		{"a realm in IPv6", say(401, "WWW-Authenticate", `Bearer realm="https://[::ffff:127.0.0.1]/"`), registry.RealmRefused},
		{"an odd realm", say(401, "WWW-Authenticate", `Bearer realm="http://127.1/token"`), registry.RealmRefused},
		{"another odd realm", say(401, "WWW-Authenticate", `Bearer realm="http://0x7f.0x1/token"`), registry.RealmRefused},
		{"a realm whose name stands for loopback", say(401, "WWW-Authenticate", `Bearer realm="`+elsewhere+`/token"`), registry.RealmRefused},
		{"a realm that redirects", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
				return
			}
			say(401, "WWW-Authenticate", `Bearer realm="http://HOST/token"`)(w, r)
		}, registry.Redirected},
		{"a realm without tokens", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				fmt.Fprintf(w, `{"secret":%q}`, password)
				return
			}
			say(401, "WWW-Authenticate", `Bearer realm="http://HOST/token"`)(w, r)
		}, registry.BadAnswer},
		{"a realm that is a web page", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				fmt.Fprintf(w, "<html>%s", password)
				return
			}
			say(401, "WWW-Authenticate", `Bearer realm="http://HOST/token"`)(w, r)
		}, registry.BadAnswer},
		{"a token that is not taken", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				fmt.Fprint(w, `{"token":"canary-token"}`)
				return
			}
			say(401, "WWW-Authenticate", `Bearer realm="http://HOST/token"`)(w, r)
		}, registry.WrongCredentials},
		{"redirect to another host", say(307, "Location", elsewhere+"/v2/"), registry.Redirected},
		{"redirect to TLS", say(301, "Location", "https://127.0.0.1/v2/"), registry.SpeaksHTTPS},
		{"redirects without end", say(307, "Location", "/v2/"), registry.Redirected},
		{"busy", say(429, "Retry-After", "60"), registry.RateLimited},
		{"not implemented", say(501), registry.ServerError},
		{"echo", say(401, "WWW-Authenticate", "Basic"), registry.WrongCredentials},
		{"an end", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, registry.Unreachable},
	} {
		t.Run(c.label, func(t *testing.T) {
			r := verify(t, start(t, c.h))
			if r.Result != registry.Failed || len(r.Problems()) != 1 || r.Problems()[0].Name != c.want {
				t.Errorf("got %s %v, want %s", r.Result, r.All(), c.want)
			}
		})
	}
}

// TestRedirectedRepository reads tags at another host, without credentials: some
// registries are a front for others.
func TestRedirectedRepository(t *testing.T) {
	back := &fakeregistry.Registry{Repositories: map[string][]string{"pause": {"3.9"}}}
	server := httptest.NewServer(back)
	defer server.Close()
	front := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password == "" {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
		} else if r.URL.Path != "/v2/" {
			http.Redirect(w, r, server.URL+r.URL.Path, http.StatusTemporaryRedirect)
		}
	}))
	front.Repositories = repositories(t, "pause")
	if r := verify(t, front); r.Result != registry.Works || r.Repositories[0].Tags != 1 {
		t.Errorf("got %+v", r)
	}
	if want := []string{"GET /v2/pause/tags/list"}; !slices.Equal(back.Requests(), want) {
		t.Errorf("the other host got %q, want %q", back.Requests(), want)
	}
}

// TestLinkElsewhere has a catalog whose next page is on another host.
func TestLinkElsewhere(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another host is asked") }))
	defer other.Close()
	for _, link := range []string{other.URL + "/v2/_catalog?last=a", "/v2/_catalog?n=100"} {
		requests := 0
		a := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if requests++; r.URL.Path == "/v2/_catalog" {
				w.Header().Set("Link", "<"+link+`>; rel="next"`)
				fmt.Fprint(w, `{"repositories":["a"]}`)
			}
		}))
		if r := verify(t, a); r.Catalog == nil || *r.Catalog != (registry.Catalog{Repositories: 1, More: true}) || requests != 2 {
			t.Errorf("%s: got %+v after %d requests", link, r.Catalog, requests)
		}
	}
}

// TestLongList has more tags and repositories in one answer than are read.
func TestLongList(t *testing.T) {
	long := strings.TrimSuffix(strings.Repeat(`"a-tag-of-some-length",`, 100_000), ",")
	a := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v2/_catalog":
			fmt.Fprintf(w, `{"repositories":[%s]}`, long)
		case "/v2/a/tags/list":
			fmt.Fprintf(w, `{"name":"a","tags":[%s]}`, long)
		}
	}))
	if r := verify(t, a); r.Catalog == nil || !r.Catalog.More || r.Catalog.Repositories < 10_000 {
		t.Errorf("got %+v", r.Catalog)
	}
	a.Repositories = repositories(t, "a")
	if r := verify(t, a); !r.Repositories[0].More || r.Repositories[0].Tags < 10_000 {
		t.Errorf("got %+v", r.Repositories)
	}
}

// A authority is a certificate authority for tests.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Example Corp CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-1000 * time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, key}
	der, err := x509.CreateCertificate(rand.Reader, a.certificate, a.certificate, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// serve serves a handler with a certificate for these names.
func (a authority) serve(t *testing.T, h http.Handler, from, to time.Duration, names ...string) registry.Account {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "registry"}, NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to)}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(h)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	x := account(server.Listener.Addr().String())
	x.TLS = registry.TLS{}
	return x
}

// TestTLS meets every way in which TLS goes wrong, and the switch that helps.
func TestTLS(t *testing.T) {
	ca := newAuthority(t)
	roots, err := registry.Roots(ca.pem())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Roots([]byte("no certificate")); err != registry.ErrNoCertificate {
		t.Errorf("no certificate: got %v", err)
	}
	fake := &fakeregistry.Registry{Users: users, Tokens: true, NoCatalog: true}
	good := ca.serve(t, fake, -time.Hour, time.Hour, "127.0.0.1")
	plain := start(t, fake)
	safe, insecure, open := registry.TLS{Roots: roots}, registry.TLS{InsecureSkipVerify: true}, registry.TLS{PlainHTTP: true}
	for _, c := range []struct {
		label string
		a     registry.Account
		tls   registry.TLS
		want  string
	}{
		{"unknown authority", good, registry.TLS{}, "unknown-authority"},
		{"its authority", good, safe, "no-catalog"},
		{"any certificate", good, insecure, "insecure no-catalog"},
		{"wrong name", ca.serve(t, fake, -time.Hour, time.Hour, "registry.example"), safe, "wrong-host-name"},
		{"wrong name, any certificate", ca.serve(t, fake, -time.Hour, time.Hour, "registry.example"), insecure, "insecure no-catalog"},
		{"no name", ca.serve(t, fake, -time.Hour, time.Hour), safe, "wrong-host-name"},
		{"expired", ca.serve(t, fake, -2*time.Hour, -time.Hour, "127.0.0.1"), safe, "certificate-expired"},
		{"too early", ca.serve(t, fake, time.Hour, 2*time.Hour, "127.0.0.1"), safe, "certificate-early"},
		{"plain HTTP in TLS", plain, registry.TLS{}, "speaks-http"},
		{"TLS in plain HTTP", good, open, "speaks-https"},
	} {
		c.a.TLS = c.tls
		r := verify(t, c.a)
		if got := names(r); got != c.want {
			t.Errorf("%s: got %v, want %s", c.label, r.All(), c.want)
		}
		t.Logf("%s: %v", c.label, r.Findings)
	}
	downgrade := ca.serve(t, &fakeregistry.Registry{Users: users, Tokens: true, Realm: "http://127.0.0.1:1/token"}, -time.Hour, time.Hour, "127.0.0.1")
	downgrade.TLS = safe
	if r := verify(t, downgrade); names(r) != "realm-refused" {
		t.Errorf("a realm in the open: got %v", r.All())
	}
}

// TestHang gives up a registry that says nothing, and tells which.
func TestHang(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, tls := range []registry.TLS{{}, {PlainHTTP: true}} {
		a := account(listener.Addr().String())
		a.TLS, a.Timeout = tls, 100*time.Millisecond
		began := time.Now()
		r := verify(t, a)
		if took := time.Since(began); took > 2*time.Second || names(r) != "timeout" || r.Problems()[0].Message != a.Entry.Registry+" does not answer within 100ms" {
			t.Errorf("%+v: got %v after %v", tls, r.All(), took)
		}
	}
}

// TestUnreachable has nobody listening, and no such host.
func TestUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if r := verify(t, account(listener.Addr().String())); names(r) != "connection-refused" {
		t.Errorf("got %v", r.All())
	}
	if r := verify(t, account("registry.invalid")); names(r) != "no-such-host" {
		t.Errorf("got %v", r.All())
	}
}

// TestCancel ends at once when the caller does.
func TestCancel(t *testing.T) {
	a := start(t, &fakeregistry.Registry{Delay: 4 * time.Second})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if r := registry.Verify(ctx, a); r.Result != registry.Failed || time.Since(began) > 2*time.Second {
		t.Errorf("got %v after %v", r.All(), time.Since(began))
	}
}

// TestSideBySide asks a hundred registries that take their time.
func TestSideBySide(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for slow registries")
	}
	const delay = 100 * time.Millisecond
	for _, n := range []int{1, 100} {
		accounts := make([]registry.Account, n)
		for i := range accounts {
			accounts[i] = start(t, &fakeregistry.Registry{Users: users, Delay: delay})
		}
		began := time.Now()
		reports := registry.VerifyAll(t.Context(), accounts, nil)
		took := time.Since(began)
		for i, r := range reports {
			if r.Result != registry.Works || r.Registry != accounts[i].Entry.Registry {
				t.Errorf("%d: %v", i, r.All())
			}
		}
		t.Logf("%d registries: %v", n, took)
		if took > 20*delay { // three requests one after the other, and a busy machine
			t.Errorf("%d registries took %v", n, took)
		}
	}
}

// BenchmarkVerifyAll measures 1, 10 and 100 registries whose answers take 200 ms.
func BenchmarkVerifyAll(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			accounts := make([]registry.Account, n)
			for i := range accounts {
				server := httptest.NewServer(&fakeregistry.Registry{Users: users, Delay: 200 * time.Millisecond})
				defer server.Close()
				accounts[i] = account(server.Listener.Addr().String())
			}
			for b.Loop() {
				for _, r := range registry.VerifyAll(b.Context(), accounts, nil) {
					if r.Result != registry.Works {
						b.Fatal(r.All())
					}
				}
			}
		})
	}
}

// TestEcho has servers that say the password wherever they can say something, under
// every status.
func TestEcho(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	bodies := []string{
		`{"errors":[{"code":"` + password + `","message":"no"}]}`, `{"errors":[{"code":"X","message":"you said ` + password + `"}]}`,
		`{"error":"` + encoded + `","error_description":"` + encoded + `"}`, `{"details":"` + password + `","message":"x"}`,
		"<html>" + password, password, `{"token":"` + password + `"}`, `{"repositories":["` + password + `"],"tags":["` + password + `"]}`,
	}
	challenges := []string{"", "Basic", "Basic realm=" + password, password + " x", "Bearer realm=\"http://HOST/token\",service=\"" + password + "\"", "Bearer realm=" + password}
	locations := []string{"", "/" + password, "http://HOST/v2/?" + password, password + "://x"}
	verified := 0
	for _, status := range []int{200, 202, 204, 307, 400, 401, 403, 404, 405, 418, 501} {
		for i, body := range bodies {
			challenge, location := challenges[(i+status)%len(challenges)], locations[(i+status/2)%len(locations)]
			a := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if challenge != "" {
					w.Header().Set("WWW-Authenticate", strings.ReplaceAll(challenge, "HOST", r.Host))
				}
				if location != "" {
					w.Header().Set("Location", strings.ReplaceAll(location, "HOST", r.Host))
				}
				w.Header().Set("Link", "<"+password+`>; rel="next"`)
				code := status
				if _, _, ok := r.BasicAuth(); !ok && strings.Contains(challenge, "HOST") {
					code = http.StatusUnauthorized
				}
				w.WriteHeader(code)
				io.WriteString(w, body)
			}))
			for _, repository := range [][]string{nil, {"a", "a:canar"}} {
				a.Repositories, a.Push = repositories(t, repository...), true
				r := registry.Verify(t.Context(), a)
				text, err := json.Marshal(r)
				if err != nil {
					t.Fatal(err)
				}
				verified++
				for _, part := range []string{password[:8], password[8:], encoded[:8], encoded[len(encoded)-8:]} {
					if strings.Contains(strings.ReplaceAll(string(text), "a:canar", ""), part) {
						t.Errorf("%d, %s, %s, %s: %q comes out: %s", status, body, challenge, location, part, text)
					}
				}
			}
		}
	}
	if verified < 150 {
		t.Errorf("%d were verified", verified)
	}
}

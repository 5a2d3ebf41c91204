package azure

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/generators/backendtest"
	"github.com/dockercfg/jet/internal/endpoint"
	"github.com/dockercfg/jet/internal/fakeazure"
	"github.com/dockercfg/jet/internal/fakejwt"
)

const (
	secret    = "canary-Zq8v:Xw2L $HOME"
	directory = "33333333-aaaa-4bbb-8ccc-dddddddddddd"
	app       = "44444444-aaaa-4bbb-8ccc-dddddddddddd"
	host      = "myregistry.azurecr.io"
	issuer    = "https://oidc.cluster.example"
	subject   = "system:serviceaccount:ci:jet"
)

type set map[string]string

func (s set) env() generators.Env {
	return func(name string) (string, bool) {
		value, ok := s[name]
		return value, ok
	}
}

func (s set) with(pairs ...string) set {
	s = maps.Clone(s)
	for i := 0; i < len(pairs); i += 2 {
		s[pairs[i]] = pairs[i+1]
	}
	return s
}

var (
	plain     = set{"AZURE_USERNAME": "myregistry", "AZURE_PASSWORD": secret, "AZURE_REGISTRY": host}
	principal = set{"AZURE_REGISTRY": host, "AZURE_TENANT_ID": directory, "AZURE_CLIENT_ID": app, "AZURE_CLIENT_SECRET": secret}
	machine   = set{"AZURE_REGISTRY": host, "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential"}
)

// world is an Azure with two registries, and other clouds beside it.
type world struct {
	*fakeazure.Cloud
	network    *fakeazure.Network
	registries map[string]*fakeazure.Registry
	folder     string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{folder: t.TempDir()}
	certificate := makeCertificate(t, "app")
	writePEM(t, w.path("app.pem"), certificate.Raw, x509.MarshalPKCS1PrivateKey(fakejwt.Key("app")), "RSA PRIVATE KEY")
	w.Cloud = &fakeazure.Cloud{
		Tenant: directory,
		Apps: map[string]*fakeazure.App{app: {
			Secret: secret, Certificate: certificate,
			Federated: &fakeazure.Federation{Issuer: issuer, Subject: subject, Key: fakejwt.Key("cluster").Public()},
		}},
		Identities: []string{"vm"}, IdentityHeader: secret,
	}
	w.writeToken(t, nil)
	w.registries = make(map[string]*fakeazure.Registry)
	for _, host := range []string{host, "other.azurecr.io", "myregistry.westeurope.geo.azurecr.io", "myregistry.azurecr.cn", "myregistry.azurecr.us", "myregistry.azurecr.de", "evil.example"} {
		w.registries[host] = &fakeazure.Registry{Cloud: w.Cloud, Host: host, Roles: map[string][]string{app: {"pull"}, "vm": {"pull"}}}
	}
	w.network = fakeazure.NewNetwork(t, w.handlers())
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.folder, name) }

// writeToken writes a federated token, as a change has it.
func (w *world) writeToken(t *testing.T, change fakejwt.Claims) {
	t.Helper()
	claims := fakejwt.Claims{"iss": issuer, "sub": subject, "aud": "api://AzureADTokenExchange", "exp": time.Now().Unix() + 600}
	maps.Copy(claims, change)
	write(t, w.path("token"), fakejwt.Sign(fakejwt.Key("cluster"), nil, claims)+"\n")
}

func (w *world) client() endpoint.Options {
	return endpoint.Options{Roots: w.network.Roots(), Dial: w.network.Dial, Wait: time.Millisecond}
}

// generate runs the backend in this world.
func (w *world) generate(t *testing.T, c Config, s set) (generators.Result, error) {
	t.Helper()
	c.client = w.client()
	source, err := c.Backend().Open(s.env())
	if err != nil {
		return generators.Result{}, err
	}
	return source.Generate(t.Context())
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func makeCertificate(t *testing.T, key string) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, fakejwt.Key(key).Public(), fakejwt.Key(key))
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func writePEM(t *testing.T, path string, certificate, key []byte, keyType string) {
	t.Helper()
	text := ""
	if key != nil {
		text = string(pem.EncodeToMemory(&pem.Block{Type: keyType, Bytes: key}))
	}
	if certificate != nil {
		text += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))
	}
	write(t, path, text)
}

// constant always gives out the same tokens, so that they can be compared.
type constant struct{ access, refresh string }

func (c constant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Write([]byte(`{"token_type":"Bearer","access_token":"` + c.access + `","refresh_token":"` + c.refresh + `"}`))
}

func TestContract(t *testing.T) {
	config := Config{Username: "myregistry", Password: dockercfg.NewSecret(secret), ClientSecret: dockercfg.NewSecret(secret), IdentityHeader: dockercfg.NewSecret(secret)}
	entry := func(user, password string) []dockercfg.Entry {
		return []dockercfg.Entry{{Registry: host, Username: user, Password: dockercfg.NewSecret(password)}}
	}
	backendtest.Run(t, Backend(), backendtest.Case{
		Env: plain, Values: []any{config, &config}, Want: entry("myregistry", secret),
		Missing: [][]string{{"AZURE_USERNAME"}, {"AZURE_PASSWORD"}, {"AZURE_USERNAME", "AZURE_PASSWORD"}, {"AZURE_USERNAME", "AZURE_PASSWORD", "AZURE_REGISTRY"}},
	})
	backendtest.Run(t, Backend(), backendtest.Case{
		Env: principal.with("AZURE_AUTH_FORM", "password"), Want: entry(app, secret),
		Missing: [][]string{{"AZURE_CLIENT_ID"}},
	})

	now := time.Now().Unix()
	tokens := constant{"canary-of-entra", fakejwt.Sign(fakejwt.Key("acr"), nil, fakejwt.Claims{"aud": host, "exp": now + 3600})}
	network := fakeazure.NewNetwork(t, map[string]http.Handler{"login.microsoftonline.com": tokens, host: tokens, "169.254.169.254": tokens})
	backend := Config{client: endpoint.Options{Roots: network.Roots(), Dial: network.Dial}}.Backend()
	backendtest.Run(t, backend, backendtest.Case{
		Env: principal, Want: entry(TokenUsername, tokens.refresh), Expires: true,
		Missing: [][]string{
			{"AZURE_TENANT_ID"}, {"AZURE_CLIENT_ID"}, {"AZURE_CLIENT_SECRET"}, {"AZURE_TENANT_ID", "AZURE_CLIENT_ID"},
			{"AZURE_REGISTRY", "AZURE_TENANT_ID", "AZURE_CLIENT_ID"},
		},
	})
	backendtest.Run(t, backend, backendtest.Case{Env: machine, Want: entry(TokenUsername, tokens.refresh), Expires: true})
}

// TestVariables goes through what codeship/azure-dockercfg-generator reads, by its
// documentation and by its script, and what selects the backend.
func TestVariables(t *testing.T) {
	registry, err := generators.NewRegistry(Backend())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range Backend().Variables {
		for _, name := range append([]string{v.Name}, v.Aliases...) {
			selected := registry.Select(set{name: "x"}.env())
			if want := name == "AZURE_REGISTRY" || name == "AZURE_REGISTRY_NAME"; (len(selected) == 1) != want || want && selected[0].Variable != name {
				t.Errorf("%s selects %v", name, selected)
			}
		}
	}
	for _, name := range []string{"AZURE_REGISTRY", "AZURE_REGISTRY_NAME"} {
		s := set{"AZURE_USERNAME": "u", "AZURE_PASSWORD": secret, name: host}
		source, err := Backend().Open(s.env())
		if err != nil {
			t.Fatal(err)
		}
		result, err := source.Generate(t.Context())
		if err != nil || len(result.Entries) != 1 || result.Entries[0].Registry != host {
			t.Errorf("%s: got %v, %v", name, result, err)
		}
	}
}

// TestMissing leaves variables out, and finds each named, at once, with advice that
// fits.
func TestMissing(t *testing.T) {
	for _, c := range []struct {
		set    set
		config Config
		names  string
		advice string
	}{
		{nil, Config{}, "AZURE_USERNAME, AZURE_PASSWORD, AZURE_REGISTRY", "AZURE_TOKEN_CREDENTIALS=ManagedIdentityCredential"},
		{set{"AZURE_REGISTRY": host}, Config{}, "AZURE_USERNAME, AZURE_PASSWORD", "AZURE_TENANT_ID"},
		{set{"AZURE_REGISTRY": host, "AZURE_USERNAME": "", "AZURE_PASSWORD": ""}, Config{}, "AZURE_USERNAME, AZURE_PASSWORD", "AZURE_TENANT_ID"},
		{set{"AZURE_REGISTRY": host, "AZURE_USERNAME": "u"}, Config{}, "AZURE_PASSWORD", ""},
		{set{"AZURE_REGISTRY": host, "AZURE_PASSWORD": secret}, Config{}, "AZURE_USERNAME", ""},
		{set{"AZURE_PASSWORD": secret}, Config{}, "AZURE_USERNAME, AZURE_REGISTRY", ""},
		{set{"AZURE_REGISTRY_NAME": "", "AZURE_USERNAME": "u", "AZURE_PASSWORD": secret}, Config{}, "AZURE_REGISTRY", ""},
		// Half a password is half a password, whatever else there is.
		{principal.with("AZURE_USERNAME", "u"), Config{}, "AZURE_PASSWORD", "leave AZURE_USERNAME and AZURE_PASSWORD away"},
		{machine.with("AZURE_USERNAME", "u"), Config{}, "AZURE_PASSWORD", "leave AZURE_USERNAME and AZURE_PASSWORD away"},
		{set{"AZURE_REGISTRY": host, "AZURE_USERNAME": "u"}, Config{Ambient: true}, "AZURE_PASSWORD", ""},
		{set{"AZURE_REGISTRY": host, "AZURE_CLIENT_ID": app}, Config{}, "AZURE_USERNAME, AZURE_PASSWORD", "AZURE_TENANT_ID"},
		{set{"AZURE_REGISTRY": host, "AZURE_TENANT_ID": directory}, Config{}, "AZURE_CLIENT_ID, AZURE_CLIENT_SECRET", ""},
		{set{"AZURE_REGISTRY": host, "AZURE_TENANT_ID": directory, "AZURE_CLIENT_ID": app}, Config{Ambient: true}, "AZURE_CLIENT_SECRET", ""},
		{set{"AZURE_REGISTRY": host, "AZURE_CLIENT_SECRET": secret}, Config{}, "AZURE_TENANT_ID, AZURE_CLIENT_ID", ""},
		{set{"AZURE_REGISTRY": host, "AZURE_CLIENT_CERTIFICATE_PATH": "x"}, Config{}, "AZURE_TENANT_ID, AZURE_CLIENT_ID", ""},
		{set{"AZURE_REGISTRY": host, "AZURE_FEDERATED_TOKEN_FILE": "x"}, Config{}, "AZURE_TENANT_ID, AZURE_CLIENT_ID", ""},
		{principal.with("AZURE_TOKEN_CREDENTIALS", "WorkloadIdentityCredential"), Config{}, "AZURE_FEDERATED_TOKEN_FILE", ""},
		{set{"AZURE_REGISTRY": host, "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"}, Config{}, "AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET", ""},
		{machine.with("AZURE_REGISTRY", ""), Config{}, "AZURE_REGISTRY", ""},
		{machine.with("IDENTITY_ENDPOINT", "http://127.0.0.1:40342"), Config{}, "IDENTITY_HEADER", "Azure Arc"},
		{set{}, Config{Registries: []string{host}}, "AZURE_USERNAME, AZURE_PASSWORD", "AZURE_TENANT_ID"},
	} {
		source, err := c.config.Backend().Open(c.set.env())
		missing, ok := errors.AsType[*generators.MissingVariablesError](err)
		advised, has := errors.AsType[*generators.AdvisedError](err)
		switch {
		case source != nil || !ok || strings.Join(missing.Names, ", ") != c.names:
			t.Errorf("%v: got %v, %v, want %s", c.set, source, err, c.names)
		case has != (c.advice != "") || has && !strings.Contains(advised.Advice, c.advice):
			t.Errorf("%v: got the advice %v, want %q", c.set, advised, c.advice)
		}
	}
}

// TestPassword writes what is given, and asks nobody.
func TestPassword(t *testing.T) {
	w := newWorld(t)
	now := time.Now().Unix()
	token := fakejwt.Sign(fakejwt.Key("acr"), nil, fakejwt.Claims{"aud": host, "exp": now + 3600})
	for _, c := range []struct {
		set     set
		config  Config
		hosts   string
		user    string
		notices []string
	}{
		{plain, Config{}, host, "myregistry", nil},
		{plain.with("AZURE_REGISTRY", "myregistry"), Config{}, host, "myregistry", nil},
		{plain.with("AZURE_REGISTRY", "https://MyRegistry.azurecr.io/"), Config{}, host, "myregistry", nil},
		{plain.with("AZURE_REGISTRY", "MyRegistry-a1b2"), Config{}, "myregistry-a1b2.azurecr.io", "myregistry", nil},
		{plain.with("AZURE_REGISTRY", "myregistry", "AZURE_AUTHORITY_HOST", "https://login.chinacloudapi.cn/"), Config{}, "myregistry.azurecr.cn", "myregistry", nil},
		{plain.with("AZURE_REGISTRY", "myregistry", "AZURE_AUTHORITY_HOST", "login.microsoftonline.us"), Config{}, "myregistry.azurecr.us", "myregistry", nil},
		{plain.with("AZURE_REGISTRY", "a, other.azurecr.us a.azurecr.io,b"), Config{}, "a.azurecr.io other.azurecr.us b.azurecr.io", "myregistry", nil},
		{plain.with("AZURE_REGISTRY_NAME", "myregistry"), Config{}, host, "myregistry", nil},
		{plain.with("AZURE_REGISTRY", "b,myregistry", "AZURE_REGISTRY_NAME", host+" b.azurecr.io"), Config{}, "b.azurecr.io " + host, "myregistry", nil},
		{plain.with("AZURE_REGISTRY", "registry.corp.example:5000"), Config{}, "registry.corp.example:5000", "myregistry", []string{"registry.corp.example:5000 is in none of the domains"}},
		{plain.with("AZURE_REGISTRY", "x.azurecr.io.evil.example"), Config{}, "x.azurecr.io.evil.example", "myregistry", []string{"x.azurecr.io.evil.example is in none"}},
		{plain.with("AZURE_PASSWORD", secret+" "), Config{}, host, "myregistry", []string{"AZURE_PASSWORD begins or ends with white space"}},
		{principal.with("AZURE_USERNAME", "u", "AZURE_PASSWORD", secret), Config{}, host, "u", nil},
		{machine.with("AZURE_USERNAME", "u", "AZURE_PASSWORD", secret), Config{Ambient: true}, host, "u", []string{"AZURE_TOKEN_CREDENTIALS does not count"}},
		{principal.with("AZURE_AUTH_FORM", "password"), Config{}, host, app, nil},
		{principal.with("AZURE_AUTH_FORM", "password", "AZURE_TENANT_ID", ""), Config{}, host, app, nil},
		{principal.with("AZURE_AUTH_FORM", "password", "AZURE_CLIENT_SECRET", `"`+secret+`"`), Config{}, host, app, []string{"AZURE_CLIENT_SECRET stands in quotes"}},
		{plain.with("AZURE_REGISTRY", "a,b"), Config{Registries: []string{"b.azurecr.io", "quay.io"}}, "b.azurecr.io", "myregistry", nil},
		{plain.with("AZURE_REGISTRY", ""), Config{Registries: []string{"b.azurecr.io", "quay.io"}}, "b.azurecr.io", "myregistry", nil},
		{plain, Config{Registries: []string{"other.azurecr.io"}}, "", "", []string{"none of the registries that are asked for"}},
		{plain.with("AZURE_REGISTRY", ""), Config{Registries: []string{"azurecr.io", "x.azurecr.io.evil.example", "evilazurecr.io", "x.azurecr.io:443"}}, "", "", []string{"none of the registries"}},
	} {
		result, err := w.generate(t, c.config, c.set)
		if err != nil {
			t.Errorf("%v: %v", c.set, err)
			continue
		}
		var hosts []string
		for _, e := range result.Entries {
			hosts = append(hosts, e.Registry)
			want := c.set["AZURE_PASSWORD"]
			if c.user == app {
				want = c.set["AZURE_CLIENT_SECRET"]
			}
			if e.Username != c.user || e.Password.Reveal() != want || !e.Expires.IsZero() {
				t.Errorf("%v: got %v", c.set, e)
			}
		}
		if got := strings.Join(hosts, " "); got != c.hosts {
			t.Errorf("%v: got %q, want %q", c.set, got, c.hosts)
		}
		if !slices.EqualFunc(result.Notices, c.notices, strings.HasPrefix) {
			t.Errorf("%v: got the notices %q, want %q", c.set, result.Notices, c.notices)
		}
	}
	// The password of nobody is a token, and tells when it dies.
	result, err := w.generate(t, Config{}, plain.with("AZURE_USERNAME", TokenUsername, "AZURE_PASSWORD", token))
	if err != nil || result.Entries[0].Expires.Unix() != now+3600 {
		t.Errorf("got %v, %v", result, err)
	}
	if dialed := w.network.Dialed(); dialed != nil {
		t.Errorf("it asked %q", dialed)
	}
}

// TestToken signs in in every way, at every cloud, and has the registry itself decide
// whether what comes out is any good.
func TestToken(t *testing.T) {
	w := newWorld(t)
	federated := set{"AZURE_REGISTRY": host, "AZURE_TENANT_ID": directory, "AZURE_CLIENT_ID": app, "AZURE_FEDERATED_TOKEN_FILE": w.path("token")}
	certificate := set{"AZURE_REGISTRY": host, "AZURE_TENANT_ID": directory, "AZURE_CLIENT_ID": app, "AZURE_CLIENT_CERTIFICATE_PATH": w.path("app.pem")}
	for _, c := range []struct {
		label  string
		set    set
		config Config
		hosts  string
		asked  string // beside the registries
	}{
		{"secret", principal, Config{}, host, "login.microsoftonline.com:443"},
		{"secret, by name", principal.with("AZURE_REGISTRY", "myregistry"), Config{}, host, "login.microsoftonline.com:443"},
		{"the secret goes before the rest", principal.with("AZURE_CLIENT_CERTIFICATE_PATH", "none", "AZURE_FEDERATED_TOKEN_FILE", "none"), Config{Ambient: true}, host, "login.microsoftonline.com:443"},
		{"two registries", principal.with("AZURE_REGISTRY", "myregistry,other"), Config{}, host + " other.azurecr.io", "login.microsoftonline.com:443"},
		{"one of two", principal.with("AZURE_REGISTRY", "myregistry,other"), Config{Registries: []string{"https://other.azurecr.io"}}, "other.azurecr.io", "login.microsoftonline.com:443"},
		{"asked for by name", principal.with("AZURE_REGISTRY", ""), Config{Registries: []string{"other.azurecr.io", "quay.io"}}, "other.azurecr.io", "login.microsoftonline.com:443"},
		{"region of a registry", principal.with("AZURE_REGISTRY", "myregistry.westeurope.geo.azurecr.io"), Config{}, "myregistry.westeurope.geo.azurecr.io", "login.microsoftonline.com:443"},
		{"China", principal.with("AZURE_REGISTRY", "myregistry.azurecr.cn"), Config{}, "myregistry.azurecr.cn", "login.chinacloudapi.cn:443"},
		{"China by its authority", principal.with("AZURE_REGISTRY", "myregistry", "AZURE_AUTHORITY_HOST", "https://login.chinacloudapi.cn"), Config{}, "myregistry.azurecr.cn", "login.chinacloudapi.cn:443"},
		{"US Government", principal.with("AZURE_REGISTRY", "myregistry.azurecr.us", "AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/"), Config{}, "myregistry.azurecr.us", "login.microsoftonline.us:443"},
		{"Germany", principal.with("AZURE_REGISTRY", "myregistry.azurecr.de"), Config{}, "myregistry.azurecr.de", "login.microsoftonline.de:443"},
		{"federated", federated, Config{}, host, "login.microsoftonline.com:443"},
		{"federated, chosen", federated.with("AZURE_CLIENT_SECRET", "wrong", "AZURE_TOKEN_CREDENTIALS", "workloadidentitycredential"), Config{}, host, "login.microsoftonline.com:443"},
		{"federated, in production", federated.with("AZURE_TOKEN_CREDENTIALS", "prod"), Config{Ambient: true}, host, "login.microsoftonline.com:443"},
		{"certificate", certificate, Config{}, host, "login.microsoftonline.com:443"},
		{"certificate, chosen", certificate.with("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential"), Config{}, host, "login.microsoftonline.com:443"},
		{"machine", machine, Config{}, host, "169.254.169.254:80"},
		{"machine, by id", machine.with("AZURE_CLIENT_ID", "vm"), Config{}, host, "169.254.169.254:80"},
		{"machine, ambient", set{"AZURE_REGISTRY": host}, Config{Ambient: true}, host, "169.254.169.254:80"},
		{"machine, in production", set{"AZURE_REGISTRY": host, "AZURE_TOKEN_CREDENTIALS": "prod"}, Config{}, host, "169.254.169.254:80"},
		{"machine, chosen", principal.with("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential", "AZURE_CLIENT_ID", "vm"), Config{}, host, "169.254.169.254:80"},
	} {
		t.Run(c.label, func(t *testing.T) {
			before := len(w.Asked())
			w.network = fakeazure.NewNetwork(t, w.handlers())
			result, err := w.generate(t, c.config, c.set)
			if err != nil {
				t.Fatal(err)
			}
			asked := strings.Fields(c.asked)
			var hosts []string
			for _, e := range result.Entries {
				hosts = append(hosts, e.Registry)
				asked = append(asked, e.Registry+":443")
				if status := w.login(e); status != http.StatusOK {
					t.Errorf("%s answers %d to a login", e.Registry, status)
				}
				if left := time.Until(e.Expires); e.Username != TokenUsername || left < 2*time.Hour || left > 3*time.Hour {
					t.Errorf("got %v", e)
				}
			}
			if got := strings.Join(hosts, " "); got != c.hosts || result.Notices != nil {
				t.Errorf("got %q, %q, want %q", got, result.Notices, c.hosts)
			}
			slices.Sort(asked)
			if got := w.network.Dialed(); !slices.Equal(got, asked) {
				t.Errorf("it asked %q, want %q", got, asked)
			}
			// One token for all registries, and one exchange with each.
			if got := len(w.Asked()) - before - len(hosts); got != 1+len(hosts) {
				t.Errorf("%d requests for %d registries: %q", got, len(hosts), w.Asked()[before:])
			}
		})
	}
	if refused := w.Refused(); refused != nil {
		t.Errorf("refused: %q", refused)
	}
}

// handlers gives the hosts of this world.
func (w *world) handlers() map[string]http.Handler {
	hosts := map[string]http.Handler{
		"login.microsoftonline.com": w.Entra(), "login.chinacloudapi.cn": w.Entra(), "login.microsoftonline.us": w.Entra(), "login.microsoftonline.de": w.Entra(),
		"169.254.169.254": w.Metadata(),
	}
	for host, g := range w.registries {
		hosts[host] = g
	}
	return hosts
}

// login does what docker does with an entry.
func (w *world) login(e dockercfg.Entry) int {
	r, err := http.NewRequest(http.MethodGet, "https://"+e.Registry+"/oauth2/token?service="+e.Registry+"&scope=repository:a/b:pull", nil)
	if err != nil {
		return 0
	}
	r.SetBasicAuth(e.Username, e.Password.Reveal())
	recorder := httptest.NewRecorder()
	w.registries[e.Registry].ServeHTTP(recorder, r)
	return recorder.Code
}

// curveKey is a key that Entra ID does not take.
func curveKey(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

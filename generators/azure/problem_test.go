package azure

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/endpoint"
	"github.com/dockercfg/jet/internal/fakeazure"
	"github.com/dockercfg/jet/internal/fakejwt"
)

// TestOpenRefuses finds what is wrong before anybody is asked: look-alikes of Azure's
// hosts above all, since a token must not go there.
func TestOpenRefuses(t *testing.T) {
	w := newWorld(t)
	const nowhere = "azure: AZURE_REGISTRY: it is in none of the domains of Azure's registries"
	for _, c := range []struct {
		set  set
		want string
	}{
		{principal.with("AZURE_REGISTRY", "x.azurecr.io.evil.example"), nowhere},
		{principal.with("AZURE_REGISTRY", "evilazurecr.io"), nowhere},
		{principal.with("AZURE_REGISTRY", "evil-azurecr.io"), nowhere},
		{principal.with("AZURE_REGISTRY", "azurecr.io"), nowhere},
		{principal.with("AZURE_REGISTRY", "x.azurecr.io:8443"), nowhere},
		{principal.with("AZURE_REGISTRY", "x.azurecr.io:443"), nowhere},
		{principal.with("AZURE_REGISTRY", "x.azurecr.com"), nowhere},
		{principal.with("AZURE_REGISTRY", "https://evil.example/x.azurecr.io"), nowhere},
		{principal.with("AZURE_REGISTRY", "evil.example/.azurecr.io"), nowhere},
		{principal.with("AZURE_REGISTRY", "localhost:5000"), nowhere},
		{principal.with("AZURE_REGISTRY", "127.0.0.1"), nowhere},
		{principal.with("AZURE_REGISTRY", "myregistry,evil.example"), nowhere},
		{machine.with("AZURE_REGISTRY", "x.azurecr.io.evil.example"), nowhere},
		{principal.with("AZURE_REGISTRY", "evil.example", "AZURE_REGISTRY_ENDPOINT", "https://other.example"), nowhere},
		{principal.with("AZURE_REGISTRY", "evil.example", "AZURE_AUTHORITY_HOST", "https://login.private.example"), nowhere},
		{principal.with("AZURE_REGISTRY", "https://x.azurecr.io@evil.example"), "registry name: it holds a user name"},
		{principal.with("AZURE_REGISTRY", "x.azurecr.io#evil.example"), "registry name: it holds a query"},
		{principal.with("AZURE_REGISTRY", "*.azurecr.io"), "registry name"},
		{principal.with("AZURE_REGISTRY", "my_registry"), "letters, digits and hyphens"},
		{principal.with("AZURE_REGISTRY", ", "), "AZURE_REGISTRY: it names no registry"},
		{principal.with("AZURE_REGISTRY", "a.azurecr.io,b.azurecr.cn"), "AZURE_REGISTRY: one identity cannot be known in the clouds of both azurecr.io and azurecr.cn"},
		{principal.with("AZURE_REGISTRY_NAME", "other"), "AZURE_REGISTRY and AZURE_REGISTRY_NAME name different registries"},
		{principal.with("AZURE_REGISTRY_NAME", "u:"+secret+"@x"), "AZURE_REGISTRY_NAME: "},
		{principal.with("AZURE_AUTHORITY_HOST", "https://login.chinacloudapi.cn"), "AZURE_AUTHORITY_HOST: it signs in for registries in azurecr.cn, and those of AZURE_REGISTRY are in azurecr.io"},
		{principal.with("AZURE_AUTHORITY_HOST", "http://login.microsoftonline.com"), "AZURE_AUTHORITY_HOST: it begins with http://"},
		{principal.with("AZURE_AUTHORITY_HOST", "https://u:canary@login.microsoftonline.com"), "AZURE_AUTHORITY_HOST: it holds a user name"},
		{principal.with("AZURE_TENANT_ID", "../common"), "AZURE_TENANT_ID"},
		{principal.with("AZURE_TENANT_ID", ".."), "AZURE_TENANT_ID"},
		{principal.with("AZURE_TENANT_ID", "a/b"), "AZURE_TENANT_ID"},
		{principal.with("AZURE_TENANT_ID", secret), "AZURE_TENANT_ID"},
		{principal.with("AZURE_TOKEN_CREDENTIALS", "AzureCLICredential"), "AZURE_TOKEN_CREDENTIALS: it is none of those"},
		{principal.with("AZURE_AUTH_FORM", "basic"), "AZURE_AUTH_FORM: it is not token or password"},
		{machine.with("AZURE_AUTH_FORM", "password"), "AZURE_AUTH_FORM: there is no password to write"},
		{principal.with("AZURE_REGISTRY_ENDPOINT", "http://registry.private.example"), "AZURE_REGISTRY_ENDPOINT: it begins with http://"},
		{machine.with("IDENTITY_ENDPOINT", "http://identity.example/", "IDENTITY_HEADER", secret), "IDENTITY_ENDPOINT: it begins with http://"},
		{machine.with("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://metadata.example"), "AZURE_POD_IDENTITY_AUTHORITY_HOST: it begins with http://"},
		{principal.with("AZURE_CLIENT_SECRET", "", "AZURE_CLIENT_CERTIFICATE_PATH", "x", "AZURE_CLIENT_CERTIFICATE_PASSWORD", secret), "AZURE_CLIENT_CERTIFICATE_PASSWORD: private keys with a password are not read"},
		{principal.with("AZURE_CLIENT_SECRET", "", "AZURE_CLIENT_CERTIFICATE_PATH", "-----BEGIN PRIVATE KEY-----"+secret), "AZURE_CLIENT_CERTIFICATE_PATH holds the secret itself"},
		{principal.with("AZURE_CLIENT_SECRET", "", "AZURE_FEDERATED_TOKEN_FILE", fakejwt.Sign(fakejwt.Key("cluster"), nil, fakejwt.Claims{"x": secret})), "AZURE_FEDERATED_TOKEN_FILE holds the secret itself"},
		{plain.with("AZURE_USERNAME", "u:"+secret), "the user name holds a colon"},
	} {
		source, err := Config{client: w.client()}.Backend().Open(c.set.env())
		if source != nil || err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "eyJ") {
			t.Errorf("%v: got %v, %v, want %q", c.set, source, err, c.want)
		}
	}
	if dialed := w.network.Dialed(); dialed != nil {
		t.Errorf("it asked %q", dialed)
	}
}

// TestPrivateCloud has a registry and an authority of somebody's own.
func TestPrivateCloud(t *testing.T) {
	w := newWorld(t)
	g := w.registries["evil.example"] // who is not, to those who trust him
	hosts := w.handlers()
	hosts["login.private.example"] = w.Entra()
	w.network = fakeazure.NewNetwork(t, hosts)
	result, err := w.generate(t, Config{}, principal.with("AZURE_REGISTRY", g.Host, "AZURE_REGISTRY_ENDPOINT", "https://"+g.Host+"/", "AZURE_AUTHORITY_HOST", "login.private.example"))
	if err != nil || len(result.Entries) != 1 || w.login(result.Entries[0]) != http.StatusOK {
		t.Errorf("got %v, %v", result, err)
	}
	if got := strings.Join(w.network.Dialed(), " "); got != "evil.example:443 login.private.example:443" {
		t.Errorf("it asked %q", got)
	}
}

// TestAppService asks the identity of a web site, whose header is a secret.
func TestAppService(t *testing.T) {
	w := newWorld(t)
	hosts := w.handlers()
	hosts["127.0.0.1"] = w.AppService()
	w.network = fakeazure.NewNetwork(t, hosts)
	site := machine.with("IDENTITY_ENDPOINT", "http://127.0.0.1/msi/token/", "IDENTITY_HEADER", secret)
	result, err := w.generate(t, Config{}, site)
	if err != nil || w.login(result.Entries[0]) != http.StatusOK || !slices.Contains(w.Asked(), "GET 127.0.0.1/msi/token/") {
		t.Errorf("got %v, %v, %q", result, err, w.Asked())
	}
	_, err = w.generate(t, Config{}, site.with("IDENTITY_HEADER", "wrong"))
	if err == nil || err.Error() != "azure: 127.0.0.1 answers 403 Forbidden" {
		t.Errorf("got %v", err)
	}
}

// TestRefusals has each server refuse, and the message say who, why and what to do.
func TestRefusals(t *testing.T) {
	w := newWorld(t)
	federated := set{"AZURE_REGISTRY": host, "AZURE_TENANT_ID": directory, "AZURE_CLIENT_ID": app, "AZURE_FEDERATED_TOKEN_FILE": w.path("token")}
	certificate := set{"AZURE_REGISTRY": host, "AZURE_TENANT_ID": directory, "AZURE_CLIENT_ID": app, "AZURE_CLIENT_CERTIFICATE_PATH": w.path("other.pem")}
	other := makeCertificate(t, "other")
	writePEM(t, w.path("other.pem"), other.Raw, x509.MarshalPKCS1PrivateKey(fakejwt.Key("other")), "RSA PRIVATE KEY")
	w.Apps["old"] = &fakeazure.App{Secret: secret, SecretExpired: true}
	w.Apps["plain"] = &fakeazure.App{Secret: secret}
	const login = "azure: login.microsoftonline.com answers "
	request := " (request " + fakeazure.CorrelationID + ")"
	now := time.Now().Unix()
	for _, c := range []struct {
		label  string
		set    set
		token  fakejwt.Claims // change of the federated one
		want   string         // the whole error, or its beginning before …
		advice string
	}{
		{"wrong secret", principal.with("AZURE_CLIENT_SECRET", "secret-id"), nil,
			login + "401 Unauthorized: AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '" + app + "'." + request,
			"az ad app credential reset --id " + app},
		{"expired secret", principal.with("AZURE_CLIENT_ID", "old"), nil, login + "401 Unauthorized: AADSTS7000222: The provided client secret keys for app 'old' are expired." + request, "credential reset --id APP"},
		{"no such application", principal.with("AZURE_CLIENT_ID", "x"), nil, login + "400 Bad Request: AADSTS700016: …", "AZURE_CLIENT_ID has to be an application"},
		{"no such directory", principal.with("AZURE_TENANT_ID", "other"), nil, login + "400 Bad Request: AADSTS90002: Tenant 'other' not found…", "AZURE_TENANT_ID has to be a directory"},
		{"no role", principal.with("AZURE_CLIENT_ID", "plain"), nil,
			"azure: " + host + " answers 401 Unauthorized: UNAUTHORIZED: authentication required, visit https://aka.ms/acr/authorization for more information." + request, "AcrPull"},
		{"another subject", federated, fakejwt.Claims{"sub": "system:serviceaccount:ci:other"}, login + "401 Unauthorized: AADSTS700213: …", `subject "system:serviceaccount:ci:other", audience "api://AzureADTokenExchange"`},
		{"another issuer", federated, fakejwt.Claims{"iss": "https://other.example"}, login + "401 Unauthorized: AADSTS700211: …", `issuer "https://other.example"`},
		{"another audience", federated, fakejwt.Claims{"aud": []string{"a", "b"}}, login + "401 Unauthorized: AADSTS700212: …", `audience "a b"`},
		{"old token", federated, fakejwt.Claims{"exp": now - 60}, login + "401 Unauthorized: AADSTS700024: …", "renew it"},
		{"another certificate", certificate, nil, login + "401 Unauthorized: AADSTS700027: …", "az ad app credential list --id " + app + " --cert"},
		{"certificates not allowed", certificate.with("AZURE_CLIENT_ID", "plain"), nil, login + "401 Unauthorized: AADSTS7000214: …", "AZURE_CLIENT_CERTIFICATE_PATH"},
		{"another identity", machine.with("AZURE_CLIENT_ID", "x"), nil, "azure: 169.254.169.254 answers 400 Bad Request: invalid_request: Identity not found", "AZURE_CLIENT_ID"},
		{"no such registry", principal.with("AZURE_REGISTRY", "none"), nil, "azure: there is no host of that name: none.azurecr.io: …", "loginServer"},
	} {
		t.Run(c.label, func(t *testing.T) {
			w.writeToken(t, c.token)
			result, err := w.generate(t, Config{}, c.set)
			advised, ok := errors.AsType[*generators.AdvisedError](err)
			begin, open := strings.CutSuffix(c.want, "…")
			switch {
			case err == nil || !ok || result.Entries != nil:
				t.Errorf("got %v, %v", result, err)
			case open && !strings.HasPrefix(err.Error(), begin) || !open && err.Error() != c.want:
				t.Errorf("got %q, want %q", err, c.want)
			case !strings.Contains(advised.Advice, c.advice):
				t.Errorf("got the advice %q, want %q", advised.Advice, c.advice)
			case strings.Contains(err.Error()+advised.Advice, "canary") || strings.Contains(err.Error(), fakeazure.TraceID) || strings.Contains(err.Error(), "Timestamp"):
				t.Errorf("it shows too much: %v", err)
			}
		})
	}
}

// TestMachineRefuses asks machines that have no identity, or several, and none.
func TestMachineRefuses(t *testing.T) {
	for label, c := range map[string]struct {
		server       http.Handler // nil for a machine without a metadata server
		want, advice string
	}{
		"none":        {(&fakeazure.Cloud{}).Metadata(), "400 Bad Request: invalid_request: Identity not found", "az vm identity assign"},
		"several":     {(&fakeazure.Cloud{Identities: []string{"a", "b"}}).Metadata(), "Multiple user assigned identities exist", "AZURE_CLIENT_ID"},
		"no machine":  {nil, "there is no managed identity here: 169.254.169.254: ", "AZURE_USERNAME and AZURE_PASSWORD"},
		"other cloud": {http.NotFoundHandler(), "there is no managed identity here: 169.254.169.254 answers 404 Not Found", "AZURE_TENANT_ID"},
	} {
		w := newWorld(t)
		hosts := w.handlers()
		hosts["169.254.169.254"] = c.server
		if c.server == nil {
			delete(hosts, "169.254.169.254")
		}
		w.network = fakeazure.NewNetwork(t, hosts)
		_, err := w.generate(t, Config{}, machine)
		advised, ok := errors.AsType[*generators.AdvisedError](err)
		if !ok || !strings.Contains(err.Error(), c.want) || !strings.Contains(advised.Advice, c.advice) {
			t.Errorf("%s: got %v, %v", label, err, advised)
		}
	}
}

// TestMachineElsewhere meets the silence of a network without a metadata server: it
// must not take long to find that out.
func TestMachineElsewhere(t *testing.T) {
	silent := endpoint.Options{Dial: func(_ context.Context, network, _ string) (net.Conn, error) {
		time.Sleep(50 * time.Millisecond)
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.ErrDeadlineExceeded}
	}}
	source, err := Config{client: silent}.Backend().Open(machine.env())
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err = source.Generate(t.Context())
	if took := time.Since(began); err == nil || !strings.Contains(err.Error(), "there is no managed identity here") || took > 5*time.Second {
		t.Errorf("got %v after %v", err, took)
	}
}

// TestFiles reads files of every wrong kind, and sends nothing of them.
func TestFiles(t *testing.T) {
	w := newWorld(t)
	key, certificate := fakejwt.Key("app"), w.Apps[app].Certificate.Raw
	pkcs1 := x509.MarshalPKCS1PrivateKey(key)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pem1 := func(kind string, bytes []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
	}
	both := pem1("CERTIFICATE", certificate)
	if err := os.Mkdir(w.path("folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		label, text  string // of the certificate's file
		want, advice string // "" for a token
	}{
		{"PKCS #8", "Bag Attributes\n  x\n" + pem1("PRIVATE KEY", pkcs8) + both, "", ""},
		{"several certificates", pem1("CERTIFICATE", makeCertificate(t, "other").Raw) + both + pem1("RSA PRIVATE KEY", pkcs1), "", ""},
		{"and a public key", pem1("PUBLIC KEY", []byte("x")) + both + pem1("RSA PRIVATE KEY", pkcs1), "", ""},
		{"no PEM", "0\x82canary", "it is not PEM", "openssl pkcs12"},
		{"empty", "", "it is not PEM", "openssl pkcs12"},
		{"no key", both, "it has no private key", ""},
		{"no certificate", pem1("RSA PRIVATE KEY", pkcs1), "it has no certificate that fits its private key", ""},
		{"another certificate", pem1("CERTIFICATE", makeCertificate(t, "other").Raw) + pem1("RSA PRIVATE KEY", pkcs1), "it has no certificate that fits its private key", ""},
		{"encrypted", pem1("ENCRYPTED PRIVATE KEY", []byte("canary")) + both, "its private key has a password", "openssl pkey"},
		{"encrypted as before", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte("canary")})), "its private key has a password", "openssl pkey"},
		{"two keys", pem1("PRIVATE KEY", pkcs8) + pem1("RSA PRIVATE KEY", pkcs1) + both, "one RSA key is wanted", ""},
		{"a key on a curve", pem1("PRIVATE KEY", curveKey(t)) + both, "one RSA key is wanted", ""},
		{"damaged key", pem1("PRIVATE KEY", []byte("canary")) + both, `its part "PRIVATE KEY" is damaged`, ""},
		{"damaged certificate", pem1("CERTIFICATE", []byte("canary")), `its part "CERTIFICATE" is damaged`, ""},
		{"large", strings.Repeat("x", maxFile+1), "is over 256 KiB long", ""},
	} {
		write(t, w.path("file.pem"), c.text)
		result, err := w.generate(t, Config{}, principal.with("AZURE_CLIENT_SECRET", "", "AZURE_CLIENT_CERTIFICATE_PATH", w.path("file.pem")))
		advised, ok := errors.AsType[*generators.AdvisedError](err)
		switch {
		case c.want == "" && (err != nil || w.login(result.Entries[0]) != http.StatusOK):
			t.Errorf("%s: got %v, %v", c.label, result, err)
		case c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), "azure: AZURE_CLIENT_CERTIFICATE_PATH: ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary")):
			t.Errorf("%s: got %v, want %q", c.label, err, c.want)
		case c.want != "" && (ok != (c.advice != "") || ok && !strings.Contains(advised.Advice, c.advice)):
			t.Errorf("%s: got the advice %v", c.label, advised)
		}
	}
	before := len(w.Asked())
	for label, c := range map[string]struct{ path, text, want string }{
		"no file":       {"none", "", "none"},
		"folder":        {"folder", "", "is no file"},
		"another file":  {"secrets", "root:canary:1", "holds no JSON web token, and is not sent"},
		"empty":         {"secrets", "\n", "holds no JSON web token, and is not sent"},
		"opaque token":  {"secrets", "a.b.c", "holds no JSON web token"},
		"two tokens":    {"secrets", fakejwt.Sign(key, nil, nil) + "\n" + fakejwt.Sign(key, nil, nil), "holds no JSON web token"},
		"without a sig": {"secrets", "e30.e30.", "holds no JSON web token"},
	} {
		if c.text != "" {
			write(t, w.path(c.path), c.text)
		}
		_, err := w.generate(t, Config{}, principal.with("AZURE_CLIENT_SECRET", "", "AZURE_FEDERATED_TOKEN_FILE", w.path(c.path)))
		if err == nil || !strings.HasPrefix(err.Error(), "azure: AZURE_FEDERATED_TOKEN_FILE: ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v, want %q", label, err, c.want)
		}
	}
	if asked := w.Asked()[before:]; len(asked) > 0 {
		t.Errorf("it asked %q", asked)
	}
}

// TestPartial asks two registries, of which one refuses.
func TestPartial(t *testing.T) {
	w := newWorld(t)
	w.registries["other.azurecr.io"].Roles = nil
	result, err := w.generate(t, Config{}, principal.with("AZURE_REGISTRY", "other,myregistry"))
	partial, ok := errors.AsType[*generators.PartialError](err)
	if !ok || len(partial.Errors) != 1 || !strings.Contains(err.Error(), "other.azurecr.io answers 401") || len(result.Entries) != 1 || result.Entries[0].Registry != host {
		t.Errorf("got %v, %v", result, err)
	}
	w.registries[host].Roles = nil
	result, err = w.generate(t, Config{}, principal.with("AZURE_REGISTRY", "other,myregistry"))
	if partial, ok = errors.AsType[*generators.PartialError](err); !ok || len(partial.Errors) != 2 || result.Entries != nil {
		t.Errorf("got %v, %v", result, err)
	}
}

// TestSideBySide has registries that answer late.
func TestSideBySide(t *testing.T) {
	w := newWorld(t)
	hosts := w.handlers()
	var names []string
	for i := range 10 {
		g := &fakeazure.Registry{Cloud: w.Cloud, Host: fmt.Sprintf("registry%d.azurecr.io", i), Roles: map[string][]string{app: {"pull"}}}
		names = append(names, g.Host)
		hosts[g.Host] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(200 * time.Millisecond)
			g.ServeHTTP(w, r)
		})
	}
	w.network = fakeazure.NewNetwork(t, hosts)
	began := time.Now()
	result, err := w.generate(t, Config{}, principal.with("AZURE_REGISTRY", strings.Join(names, ",")))
	if took := time.Since(began); err != nil || len(result.Entries) != 10 || took > 1500*time.Millisecond {
		t.Errorf("got %d entries, %v after %v", len(result.Entries), err, took)
	}
	for i, e := range result.Entries {
		if e.Registry != names[i] {
			t.Errorf("entry %d is for %s", i, e.Registry)
		}
	}
}

// TestEndpoints meets what each of the servers does on a bad day.
func TestEndpoints(t *testing.T) {
	var elsewhere atomic.Int32
	good := fakejwt.Sign(fakejwt.Key("acr"), nil, fakejwt.Claims{"aud": host, "exp": time.Now().Unix() + 3600})
	answer := func(refresh string) string {
		return fmt.Sprintf(`{"token_type":"Bearer","access_token":"t","refresh_token":%q}`, refresh)
	}
	text := func(text string) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, _ *http.Request, _ int) { io.WriteString(w, text) }
	}
	now := time.Now().Unix()
	for _, c := range []struct {
		label  string
		only   string // server, "" for each
		answer func(w http.ResponseWriter, r *http.Request, try int)
		want   string // "" for a token
	}{
		{"slow", "", func(w http.ResponseWriter, _ *http.Request, _ int) {
			time.Sleep(50 * time.Millisecond)
			io.WriteString(w, answer(good))
		}, ""},
		{"500 twice", "", func(w http.ResponseWriter, _ *http.Request, try int) {
			if try < 3 {
				http.Error(w, secret, 500)
				return
			}
			io.WriteString(w, answer(good))
		}, ""},
		{"busy", "", func(w http.ResponseWriter, _ *http.Request, try int) {
			if try == 1 {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(429)
				return
			}
			io.WriteString(w, answer(good))
		}, ""},
		{"being updated", "169.254.169.254", func(w http.ResponseWriter, _ *http.Request, try int) {
			if try < 3 {
				w.WriteHeader([]int{410, 404}[try-1])
				return
			}
			io.WriteString(w, answer(good))
		}, ""},
		{"hangs", "", func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() }, "context deadline exceeded"},
		{"busy for long", "", func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
		}, "answers 429 Too Many Requests and asks to wait 1h0m0s"},
		{"out of order", "", func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(503) }, "answers 503 Service Unavailable"},
		{"web page", "", text("<html>" + secret), "is a web page"},
		{"10 MB", "", func(w http.ResponseWriter, _ *http.Request, _ int) { w.Write(make([]byte, 10<<20)) }, "is over 1024 KiB long"},
		{"damaged JSON", "", text(`{"access_token":"` + secret), "is not JSON"},
		{"nothing", "", text(""), "is empty"},
		{"redirect", "", func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, "https://evil.example/?"+secret, http.StatusTemporaryRedirect)
		}, "answers with a redirect to evil.example"},
		{"no token", "", text(`{"refresh":"` + secret + `"}`), "has no"},
		{"not found", host, func(w http.ResponseWriter, r *http.Request, _ int) { http.NotFound(w, r) }, "answers 404 Not Found"},
		{"firewall", host, func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.WriteHeader(403)
			io.WriteString(w, `{"errors":[{"code":"DENIED","message":"client with IP '203.0.113.7' is not allowed access. Refer https://aka.ms/acr/firewall to grant access."}]}`)
		}, "answers 403 Forbidden: DENIED: client with IP '203.0.113.7' is not allowed access."},
		{"repeats the token", host, func(w http.ResponseWriter, r *http.Request, _ int) {
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"errors":[{"code":"BAD","message":"what is %s"}]}`, r.PostFormValue("access_token"))
		}, "answers 400 Bad Request: BAD"},
		{"repeats the secret", "login.microsoftonline.com", func(w http.ResponseWriter, r *http.Request, _ int) {
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"error":"invalid_client","error_description":"what is %s"}`, r.PostFormValue("client_secret"))
		}, "answers 400 Bad Request: invalid_client"},
		{"odd token", "login.microsoftonline.com", text(`{"access_token":"` + secret + `\n"}`), "with characters that no token has"},
		{"proof of possession", "login.microsoftonline.com", text(`{"access_token":"t","token_type":"pop"}`), "of another type than Bearer"},
		{"expired token", host, text(answer(fakejwt.Sign(fakejwt.Key("acr"), nil, fakejwt.Claims{"aud": host, "exp": now - 1}))), "has a refresh token that has expired already"},
		{"token for another host", host, text(answer(fakejwt.Sign(fakejwt.Key("acr"), nil, fakejwt.Claims{"aud": "other.azurecr.io", "exp": now + 3600}))), "has a refresh token for another registry"},
		{"token without end", host, text(answer(fakejwt.Sign(fakejwt.Key("acr"), nil, fakejwt.Claims{"aud": host}))), "that does not tell when it dies"},
		{"no JWT", host, text(answer("a.b.c")), "that is no JSON web token"},
	} {
		for _, at := range []string{"login.microsoftonline.com", "169.254.169.254", host} {
			if c.only != "" && c.only != at {
				continue
			}
			t.Run(c.label+" at "+at, func(t *testing.T) {
				var tries atomic.Int32
				hosts := map[string]http.Handler{"evil.example": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })}
				for _, name := range []string{"login.microsoftonline.com", "169.254.169.254", host} {
					hosts[name] = constant{secret[:6] + "-token", good}
				}
				hosts[at] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					io.Copy(io.Discard, r.Body)
					c.answer(w, r, int(tries.Add(1)))
				})
				if strings.HasPrefix(c.label, "repeats") { // needs the form
					hosts[at] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.answer(w, r, 1) })
				}
				network := fakeazure.NewNetwork(t, hosts)
				values := principal
				if at == "169.254.169.254" {
					values = machine
				}
				source, err := Config{client: endpoint.Options{Roots: network.Roots(), Dial: network.Dial, Wait: time.Millisecond}}.Backend().Open(values.env())
				if err != nil {
					t.Fatal(err)
				}
				limit := 20 * time.Second
				if c.label == "hangs" {
					limit = 200 * time.Millisecond
				}
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				result, err := source.Generate(ctx)
				switch {
				case c.want == "" && (err != nil || len(result.Entries) != 1 || result.Entries[0].Password.Reveal() != good):
					t.Errorf("got %v, %v", result, err)
				case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || result.Entries != nil):
					t.Errorf("got %v, %v, want %q", result, err, c.want)
				case c.want != "" && c.label != "hangs" && !strings.Contains(err.Error(), at):
					t.Errorf("it does not say who: %v", err)
				case err != nil && strings.Contains(err.Error(), "canary"):
					t.Errorf("it shows a secret: %v", err)
				}
			})
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("the other host was asked %d times", n)
	}
}

// TestDeadline bounds a source whose caller does not.
func TestDeadline(t *testing.T) {
	network := fakeazure.NewNetwork(t, map[string]http.Handler{"login.microsoftonline.com": http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})})
	c, err := ConfigFromEnv(principal.env())
	if err != nil {
		t.Fatal(err)
	}
	c.Deadline, c.client = 50*time.Millisecond, endpoint.Options{Roots: network.Roots(), Dial: network.Dial}
	source, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.Generate(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestClock has a machine whose clock is off sign an assertion.
func TestClock(t *testing.T) {
	s := &Source{method: byCertificate}
	status := &endpoint.StatusError{Host: "h", Code: 401, Header: http.Header{"Date": {time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)}},
		Body: []byte(`{"error":"invalid_client","error_description":"AADSTS700024: Client assertion is not within its valid time range.\r\nTrace ID: x"}`)}
	err := s.explainSignIn(status, "sent")
	if advised, ok := errors.AsType[*generators.AdvisedError](err); !ok || !strings.Contains(advised.Advice, "ahead of that of h") || !strings.HasSuffix(err.Error(), "valid time range.") {
		t.Errorf("got %v", err)
	}
}

func TestGlobalName(t *testing.T) {
	for name, want := range map[string]string{
		"a.azurecr.io": "a.azurecr.io", "a.eastus.geo.azurecr.io": "a.azurecr.io", "a.chinaeast2.geo.azurecr.cn": "a.azurecr.cn",
		"a.eastus.data.azurecr.io": "a.eastus.data.azurecr.io", "geo.azurecr.io": "geo.azurecr.io", "a.b.geo.evil.example": "a.b.geo.evil.example",
	} {
		if got := globalName(name); got != want {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

// FuzzRegistry makes sure that a token goes to Azure's domains alone, whatever the
// variables say.
func FuzzRegistry(f *testing.F) {
	for _, text := range []string{"myregistry", host, "x.azurecr.io.evil.example", "https://a.azurecr.io:443/", "a,b c", "a.azurecr.cn", "[::1]"} {
		f.Add(text, "")
	}
	f.Add("evil.example", "https://evil.example")
	f.Add("a", "login.chinacloudapi.cn")
	f.Fuzz(func(t *testing.T, registry, authority string) {
		source, err := Backend().Open(principal.with("AZURE_REGISTRY", registry, "AZURE_AUTHORITY_HOST", authority).env())
		if err != nil {
			return
		}
		for _, host := range source.(*Source).hosts {
			i := strings.LastIndex(host, ".azurecr.")
			if i < 1 || !slices.Contains([]string{"io", "cn", "us", "de"}, host[i+len(".azurecr."):]) || strings.ContainsAny(host, "/:@?#% ") {
				t.Errorf("a token may go to %q", host)
			}
		}
	})
}

func FuzzClaims(f *testing.F) {
	f.Add(fakejwt.Sign(fakejwt.Key("acr"), nil, fakejwt.Claims{"aud": host, "exp": 1}))
	f.Add("e30.eyJhdWQiOlsiYSIsImIiXX0.AA")
	f.Fuzz(func(t *testing.T, token string) {
		if c, ok := claimsOf(token); ok {
			c.expires()
			describe(token)
		} else if c.Issuer != "" {
			t.Error("claims of what is no token")
		}
	})
}

func FuzzCertificate(f *testing.F) {
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if key, certificate, err := parseCertificate(file); err == nil && (key == nil || certificate == nil) {
			t.Error("neither a key nor an error")
		}
	})
}

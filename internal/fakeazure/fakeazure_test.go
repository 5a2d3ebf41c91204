package fakeazure

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dockercfg/jet/internal/fakejwt"
)

const (
	directory = "33333333-aaaa-4bbb-8ccc-dddddddddddd"
	host      = "myregistry.azurecr.io"
	issuer1   = "https://token.actions.example"
	subject   = "repo:acme/app:ref:refs/heads/main"
)

func newCloud(t *testing.T) *Cloud {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, fakejwt.Key("app").Public(), fakejwt.Key("app"))
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &Cloud{
		Tenant: directory,
		Apps: map[string]*App{
			"app":   {Secret: "right", Certificate: certificate, Federated: &Federation{issuer1, subject, fakejwt.Key("issuer").Public()}},
			"old":   {Secret: "right", SecretExpired: true},
			"empty": {},
		},
		Identities:     []string{"vm"},
		IdentityHeader: "header",
	}
}

// call sends a form (or, without one, a GET) to a handler.
func call(h http.Handler, address string, header http.Header, form url.Values) (int, map[string]any) {
	method := http.MethodPost
	if form == nil {
		method = http.MethodGet
	}
	r := httptest.NewRequest(method, address, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	maps.Copy(r.Header, header)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var answer map[string]any
	json.Unmarshal(w.Body.Bytes(), &answer)
	return w.Code, answer
}

func with(form url.Values, pairs ...string) url.Values {
	form = maps.Clone(form)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			form.Del(pairs[i])
			continue
		}
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

func TestEntra(t *testing.T) {
	c := newCloud(t)
	address := "https://login.example/" + directory + "/oauth2/v2.0/token"
	secret := url.Values{"grant_type": {"client_credentials"}, "client_id": {"app"}, "client_secret": {"right"}, "scope": {Audience + "/.default"}}
	assertion := with(secret, "client_secret", "", "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	now := time.Now().Unix()
	claims := fakejwt.Claims{"iss": issuer1, "sub": subject, "aud": "api://AzureADTokenExchange", "exp": now + 60}
	federated := func(key string, pairs ...any) url.Values {
		changed := maps.Clone(claims)
		for i := 0; i < len(pairs); i += 2 {
			changed[pairs[i].(string)] = pairs[i+1]
		}
		return with(assertion, "client_assertion", fakejwt.Sign(fakejwt.Key(key), nil, changed))
	}
	thumbprint := sha256.Sum256(c.Apps["app"].Certificate.Raw)
	certificate := func(key, thumbprint string, pairs ...any) url.Values {
		claims := fakejwt.Claims{"iss": "app", "sub": "app", "aud": address, "jti": "1", "nbf": now, "exp": now + 60}
		for i := 0; i < len(pairs); i += 2 {
			claims[pairs[i].(string)] = pairs[i+1]
		}
		return with(assertion, "client_assertion", fakejwt.Sign(fakejwt.Key(key), map[string]any{"x5t#S256": thumbprint}, claims))
	}
	right := base64.RawURLEncoding.EncodeToString(thumbprint[:])
	for label, c2 := range map[string]struct {
		form url.Values
		code string // "" for a token
	}{
		"secret":                    {secret, ""},
		"the SDK's scopes":          {with(secret, "scope", Audience+"/.default openid offline_access profile"), ""},
		"federated":                 {federated("issuer"), ""},
		"certificate":               {certificate("app", right), ""},
		"the SDK's thumbprint":      {certificate("app", base64.StdEncoding.EncodeToString(thumbprint[:])), ""},
		"another grant":             {with(secret, "grant_type", "password"), "AADSTS70003"},
		"no app":                    {with(secret, "client_id", "x"), "AADSTS700016"},
		"no scope":                  {with(secret, "scope", ""), "AADSTS1002012"},
		"the resource alone":        {with(secret, "scope", Audience), "AADSTS1002012"},
		"two scopes":                {with(secret, "scope", Audience+"/.default https://management.azure.com/.default"), "AADSTS1002012"},
		"another resource":          {with(secret, "scope", "https://evil.example/.default"), "AADSTS500011"},
		"no secret":                 {with(secret, "client_secret", ""), "AADSTS7000218"},
		"wrong secret":              {with(secret, "client_secret", "right "), "AADSTS7000215"},
		"expired secret":            {with(secret, "client_id", "old"), "AADSTS7000222"},
		"no type of assertion":      {with(federated("issuer"), "client_assertion_type", ""), "AADSTS700021"},
		"no JWT":                    {with(assertion, "client_assertion", "x"), "AADSTS50027"},
		"not federated":             {with(federated("issuer"), "client_id", "old"), "AADSTS70021"},
		"another issuer":            {federated("issuer", "iss", issuer1+".evil.example"), "AADSTS700211"},
		"another subject":           {federated("issuer", "sub", "repo:acme/app:pull_request"), "AADSTS700213"},
		"another audience":          {federated("issuer", "aud", "https://github.com/acme"), "AADSTS700212"},
		"expired":                   {federated("issuer", "exp", now-60), "AADSTS700024"},
		"another key":               {federated("other"), "AADSTS700027"},
		"no certificate":            {with(certificate("app", right), "client_id", "old"), "AADSTS7000214"},
		"another certificate":       {certificate("app", "AAAA"), "AADSTS700027"},
		"another key's signature":   {certificate("other", right), "AADSTS700027"},
		"assertion for another":     {certificate("app", right, "aud", "https://login.evil.example/"), "AADSTS50027"},
		"assertion of another":      {certificate("app", right, "sub", "x"), "AADSTS700021"},
		"assertion that is no more": {certificate("app", right, "exp", now-1), "AADSTS700024"},
		"assertion that is not yet": {certificate("app", right, "nbf", now+900, "exp", now+1000), "AADSTS700024"},
	} {
		before := len(c.Refused())
		status, answer := call(c.Entra(), address, nil, c2.form)
		token, _ := answer["access_token"].(string)
		text, _ := answer["error_description"].(string)
		_, err := fakejwt.Verify(token, c.key().Public())
		switch {
		case c2.code == "" && (status != 200 || err != nil):
			t.Errorf("%s: got %d, %v", label, status, answer)
		case c2.code != "" && (status == 200 || token != "" || !strings.HasPrefix(text, c2.code+": ") || c.Refused()[before] != c2.code):
			t.Errorf("%s: got %d, %v, want %s", label, status, answer, c2.code)
		}
	}
	for label, address := range map[string]string{
		"another tenant": "https://login.example/other/oauth2/v2.0/token", "v1": "https://login.example/" + directory + "/oauth2/token",
		"secret in the address": address + "?client_secret=right",
	} {
		if status, answer := call(c.Entra(), address, nil, secret); status == 200 || answer["access_token"] != nil {
			t.Errorf("%s: got %d, %v", label, status, answer)
		}
	}
	if status, _ := call(c.Entra(), address, nil, nil); status != 404 {
		t.Errorf("GET: got %d", status)
	}
}

func TestIdentity(t *testing.T) {
	c := newCloud(t)
	metadata := http.Header{"Metadata": {"true"}}
	show := http.Header{"X-Identity-Header": {"header"}}
	base := "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=" + Audience
	site := "http://127.0.0.1/msi/token?api-version=2019-08-01&resource=" + Audience
	for label, x := range map[string]struct {
		h       http.Handler
		address string
		header  http.Header
		status  int
	}{
		"machine":             {c.Metadata(), base, metadata, 200},
		"machine, named":      {c.Metadata(), base + "&client_id=vm", metadata, 200},
		"machine, another":    {c.Metadata(), base + "&client_id=x", metadata, 400},
		"no header":           {c.Metadata(), base, nil, 400},
		"forwarded":           {c.Metadata(), base, http.Header{"Metadata": {"true"}, "X-Forwarded-For": {"1.2.3.4"}}, 400},
		"another version":     {c.Metadata(), strings.Replace(base, "2018-02-01", "2017-01-01", 1), metadata, 400},
		"another path":        {c.Metadata(), strings.Replace(base, "/oauth2", "", 1), metadata, 404},
		"no resource":         {c.Metadata(), strings.Replace(base, "resource", "x", 1), metadata, 400},
		"another resource":    {c.Metadata(), strings.Replace(base, Audience, "https://evil.example", 1), metadata, 400},
		"site":                {c.AppService(), site, show, 200},
		"site, no header":     {c.AppService(), site, nil, 403},
		"site, wrong header":  {c.AppService(), site, http.Header{"X-Identity-Header": {"x"}}, 403},
		"site, wrong version": {c.AppService(), strings.Replace(site, "2019-08-01", "2017-09-01", 1), show, 400},
		"no identity":         {(&Cloud{Tenant: directory}).Metadata(), base, metadata, 400},
		"which of two":        {(&Cloud{Tenant: directory, Identities: []string{"a", "b"}}).Metadata(), base, metadata, 400},
	} {
		status, answer := call(x.h, x.address, x.header, nil)
		if token, _ := answer["access_token"].(string); status != x.status || (token != "") != (status == 200) {
			t.Errorf("%s: got %d, %v", label, status, answer)
		}
	}
}

func TestRegistry(t *testing.T) {
	c := newCloud(t)
	g := &Registry{Cloud: c, Host: host, Roles: map[string][]string{"app": {"pull"}}, Passwords: map[string]string{"admin": "pass"}}
	exchange := "https://" + host + "/oauth2/exchange"
	form := url.Values{"grant_type": {"access_token"}, "service": {host}, "access_token": {c.AccessToken("app", Audience, time.Hour)}}
	_, answer := call(g, exchange, nil, form)
	refresh, _ := answer["refresh_token"].(string)
	if _, claims, err := fakejwt.Read(refresh); err != nil || claims.Text("aud") != host || claims.Text("grant_type") != "refresh_token" {
		t.Fatalf("got %v", answer)
	}
	other := &Cloud{Tenant: "other"}
	for label, form := range map[string]url.Values{
		"another grant":    with(form, "grant_type", "refresh_token"),
		"another service":  with(form, "service", "other.azurecr.io"),
		"no token":         with(form, "access_token", ""),
		"damaged token":    with(form, "access_token", form.Get("access_token")+"x"),
		"expired token":    with(form, "access_token", c.AccessToken("app", Audience, -time.Minute)),
		"another audience": with(form, "access_token", c.AccessToken("app", "https://management.azure.com", time.Hour)),
		"another tenant":   with(form, "tenant", "other"),
		"no role":          with(form, "access_token", c.AccessToken("empty", Audience, time.Hour)),
		"another Entra":    with(form, "access_token", other.AccessToken("app", Audience, time.Hour)),
		"a refresh token":  with(form, "access_token", refresh),
	} {
		if status, answer := call(g, exchange, nil, form); status == 200 || answer["refresh_token"] != nil {
			t.Errorf("exchange, %s: got %d, %v", label, status, answer)
		}
	}
	if status, _ := call(g, exchange, nil, nil); status != 404 {
		t.Errorf("exchange by GET: got %d", status)
	}
	if status, _ := call(g, "https://other.azurecr.io/oauth2/exchange", nil, form); status != http.StatusMisdirectedRequest {
		t.Errorf("another host: got %d", status)
	}

	token := "https://" + host + "/oauth2/token"
	scope := "repository:a/b:pull,push"
	basic := func(user, password string) http.Header {
		r := &http.Request{Header: http.Header{}}
		r.SetBasicAuth(user, password)
		return r.Header
	}
	query := token + "?service=" + host + "&scope=" + scope
	post := url.Values{"grant_type": {"refresh_token"}, "service": {host}, "scope": {scope}, "refresh_token": {refresh}}
	for label, x := range map[string]struct {
		address string
		header  http.Header
		form    url.Values
		actions string // "" for a refusal
	}{
		"refresh token":       {token, nil, post, "[pull]"},
		"as a password":       {token, nil, url.Values{"grant_type": {"password"}, "service": {host}, "scope": {scope}, "username": {Nobody}, "password": {refresh}}, "[pull]"},
		"by Basic":            {query, basic(Nobody, refresh), nil, "[pull]"},
		"admin user":          {query, basic("admin", "pass"), nil, "[pull push]"},
		"wrong password":      {query, basic("admin", "x"), nil, ""},
		"no such user":        {query, basic("bob", ""), nil, ""},
		"another user":        {query, basic("bob", refresh), nil, ""},
		"nobody's password":   {query, basic(Nobody, "pass"), nil, ""},
		"a token of Entra":    {query, basic(Nobody, form.Get("access_token")), nil, ""},
		"anonymous":           {query, nil, nil, ""},
		"another service":     {token, nil, with(post, "service", "other"), ""},
		"another grant":       {token, nil, with(post, "grant_type", "x"), ""},
		"of another registry": {token, nil, with(post, "refresh_token", g.RefreshToken("app", "other.azurecr.io")), ""},
		"by another registry": {token, nil, with(post, "refresh_token", (&Registry{Cloud: c, Host: host}).RefreshToken("app", host)), ""},
		"expired": {token, nil, with(post, "refresh_token", func() string {
			g.Life = -time.Minute
			defer func() { g.Life = 0 }()
			return g.RefreshToken("app", host)
		}()), ""},
		"secrets in the address": {token + "?x=" + refresh, nil, post, ""},
	} {
		status, answer := call(g, x.address, x.header, x.form)
		access, _ := answer["access_token"].(string)
		got := ""
		if claims, err := fakejwt.Verify(access, g.Key.Public()); err == nil {
			entry, _ := claims["access"].([]any)[0].(map[string]any)
			got = strings.NewReplacer(`"`, "", ",", " ").Replace(mustJSON(entry["actions"]))
			if entry["name"] != "a/b" || entry["type"] != "repository" {
				t.Errorf("token, %s: got %v", label, claims)
			}
		}
		if got != x.actions || (status == 200) != (got != "") {
			t.Errorf("token, %s: got %d, %v", label, status, answer)
		}
	}

	catalog := "https://" + host + "/acr/v1/_catalog"
	_, answer = call(g, token, nil, with(post, "scope", "registry:catalog:*"))
	for header, want := range map[string]int{"": 401, "Bearer " + answer["access_token"].(string): 200, "Bearer " + refresh: 401} {
		if status, _ := call(g, catalog, http.Header{"Authorization": {header}}, nil); status != want {
			t.Errorf("catalog with %.20q: got %d, want %d", header, status, want)
		}
	}
	if asked := c.Asked(); asked[0] != "POST "+host+"/oauth2/exchange" {
		t.Errorf("it noted %q", asked)
	}
}

func mustJSON(value any) string {
	text, _ := json.Marshal(value)
	return string(text)
}

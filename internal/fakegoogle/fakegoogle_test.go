package fakegoogle

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google/externalaccount"
	"golang.org/x/oauth2/jwt"

	"github.com/dockercfg/jet/internal/fakejwt"
)

const (
	account = "puller@jet-sample.iam.gserviceaccount.com"
	role    = "arn:aws:sts::123456789012:assumed-role/puller/i-0"
)

func newServer(t *testing.T) *Server {
	t.Helper()
	s := NewServer()
	t.Cleanup(s.Close)
	return s
}

// answer is what a server said.
type answer struct {
	status int
	fields map[string]any
	text   string
}

// says reports whether an answer is a refusal in these words, "" for none.
func (a answer) says(t *testing.T, label, want string) {
	t.Helper()
	switch {
	case want == "" && a.status != 200:
		t.Errorf("%s: got %d %s", label, a.status, a.text)
	case want != "" && (a.status == 200 || !strings.Contains(a.text, want)):
		t.Errorf("%s: got %d %s, want %q", label, a.status, a.text, want)
	}
}

func send(t *testing.T, request *http.Request) answer {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: response.StatusCode, text: strings.ReplaceAll(string(text), `\"`, `"`)}
	json.Unmarshal(text, &a.fields)
	return a
}

func post(t *testing.T, address string, form url.Values) answer {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return send(t, request)
}

// TestAssertion changes each part of an assertion that is good.
func TestAssertion(t *testing.T) {
	s := newServer(t)
	key, other := s.NewKey(account), s.NewOtherKey("other@jet-sample.iam.gserviceaccount.com")
	deleted := s.NewOtherKey(account)
	s.Delete(deleted)
	now := time.Now()
	const frame = "Token must be a short-lived token (60 minutes)"
	for _, c := range []struct {
		label, want string
		change      func(h, c map[string]any) (signer *Key)
	}{
		{"good", "", nil},
		{"without a key id", "", func(h, _ map[string]any) *Key { delete(h, "kid"); return nil }},
		{"a clock that is a bit wrong", "", func(_, c map[string]any) *Key { c["iat"] = now.Add(time.Minute).Unix(); return nil }},
		{"key of another account", "Invalid JWT Signature.", func(h, _ map[string]any) *Key { h["kid"] = other.ID; return other }},
		{"id of another key", "Invalid JWT Signature.", func(h, _ map[string]any) *Key { h["kid"] = other.ID; return nil }},
		{"unknown key id", "Invalid JWT Signature.", func(h, _ map[string]any) *Key { h["kid"] = "00"; return nil }},
		{"deleted key", "Invalid JWT Signature.", func(h, _ map[string]any) *Key { h["kid"] = deleted.ID; return deleted }},
		{"signed by another key", "Invalid JWT Signature.", func(_, _ map[string]any) *Key { return other }},
		{"another algorithm", "Invalid JWT Signature.", func(h, _ map[string]any) *Key { h["alg"] = "HS256"; return nil }},
		{"no algorithm", "Invalid JWT Signature.", func(h, _ map[string]any) *Key { h["alg"] = "none"; return nil }},
		{"unknown account", "account not found", func(_, c map[string]any) *Key { c["iss"] = "x@y"; return nil }},
		{"no account", "account not found", func(_, c map[string]any) *Key { delete(c, "iss"); return nil }},
		{"for another server", "Failed audience check", func(_, c map[string]any) *Key { c["aud"] = "https://evil.example/token"; return nil }},
		{"no audience", "Failed audience check", func(_, c map[string]any) *Key { delete(c, "aud"); return nil }},
		{"for another person", "unauthorized_client", func(_, c map[string]any) *Key { c["sub"] = "boss@corp.example"; return nil }},
		{"over an hour", frame, func(_, c map[string]any) *Key {
			c["exp"] = now.Add(time.Hour + 2*time.Second).Unix()
			return nil
		}},
		{"over", frame, func(_, c map[string]any) *Key {
			c["iat"], c["exp"] = now.Add(-time.Hour).Unix(), now.Add(-10*time.Minute).Unix()
			return nil
		}},
		{"from the future", frame, func(_, c map[string]any) *Key {
			c["iat"], c["exp"] = now.Add(10*time.Minute).Unix(), now.Add(20*time.Minute).Unix()
			return nil
		}},
		{"ends before it begins", frame, func(_, c map[string]any) *Key { c["exp"] = now.Add(-time.Minute).Unix(); return nil }},
		{"no times", frame, func(_, c map[string]any) *Key { delete(c, "iat"); delete(c, "exp"); return nil }},
		{"no scope", "invalid_scope", func(_, c map[string]any) *Key { delete(c, "scope"); return nil }},
		{"unknown scope", "invalid_scope", func(_, c map[string]any) *Key {
			c["scope"] = Scope + " https://www.googleapis.com/auth/cloud"
			return nil
		}},
		{"claims of another type", "Bad Request", func(_, c map[string]any) *Key { c["iat"] = "now"; return nil }},
	} {
		h := map[string]any{"kid": key.ID}
		claims := fakejwt.Claims{"iss": account, "scope": Scope, "aud": s.TokenURI(), "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
		signer := key
		if c.change != nil {
			if other := c.change(h, claims); other != nil {
				signer = other
			}
		}
		assertion := fakejwt.Sign(signer.private, h, claims)
		form := url.Values{"grant_type": {grantAssertion}, "assertion": {assertion}}
		a := post(t, s.TokenURI(), form)
		a.says(t, c.label, c.want)
		if c.want == "" {
			if token, _ := a.fields["access_token"].(string); s.Principal(token) != account || a.fields["expires_in"] != 3600.0 {
				t.Errorf("%s: got %v", c.label, a.fields)
			}
		}
	}

	good := fakejwt.Sign(key.private, nil, fakejwt.Claims{"iss": account, "scope": Scope, "aud": s.TokenURI(), "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()})
	parts := strings.Split(good, ".")
	for label, c := range map[string][2]string{
		"two parts":            {parts[0] + "." + parts[1], "Bad Request"},
		"no signature":         {parts[0] + "." + parts[1] + ".", "Invalid JWT Signature."},
		"padded":               {good + "==", "Invalid JWT Signature."},
		"cut":                  {good[:len(good)-2], "Invalid JWT Signature."},
		"again, as after 500":  {good, ""},
		"again, once more":     {good, ""},
		"another grant's text": {"x", "Bad Request"},
	} {
		post(t, s.TokenURI(), url.Values{"grant_type": {grantAssertion}, "assertion": {c[0]}}).says(t, label, c[1])
	}
	post(t, s.TokenURI(), url.Values{"grant_type": {"password"}, "assertion": {good}}).says(t, "another grant", "unsupported_grant_type")
	post(t, s.TokenURI(), url.Values{"assertion": {good}}).says(t, "no grant", "unsupported_grant_type")
	s.DeleteAccount(account)
	post(t, s.TokenURI(), url.Values{"grant_type": {grantAssertion}, "assertion": {good}}).says(t, "deleted account", "account not found")
}

// TestAlgorithms has other signatures by the right key.
func TestAlgorithms(t *testing.T) {
	key := fakejwt.Key("google")
	signed := strings.Join(strings.Split(fakejwt.Sign(key, map[string]any{"alg": "PS256"}, fakejwt.Claims{"iss": "x"}), ".")[:2], ".")
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], nil)
	if err != nil {
		t.Fatal(err)
	}
	token := signed + "." + base64.RawURLEncoding.EncodeToString(signature)
	if _, _, err := fakejwt.VerifySignature(token, &key.PublicKey); err != nil || isSigned(token, &key.PublicKey) {
		t.Errorf("PS256: %v", err)
	}
}

func TestRefresh(t *testing.T) {
	s := newServer(t)
	user, other := s.NewUser("dev@corp.example"), s.NewUser("other@corp.example")
	form := func(id, secret, token string) url.Values {
		return url.Values{"grant_type": {grantRefresh}, "client_id": {id}, "client_secret": {secret}, "refresh_token": {token}}
	}
	a := post(t, s.TokenURI(), form(user.ClientID, user.ClientSecret, user.RefreshToken))
	a.says(t, "good", "")
	if token, _ := a.fields["access_token"].(string); s.Principal(token) != user.Email {
		t.Errorf("got %v", a.fields)
	}
	post(t, s.TokenURI(), form(other.ClientID, user.ClientSecret, user.RefreshToken)).says(t, "another client", "invalid_client")
	post(t, s.TokenURI(), form(user.ClientID, other.ClientSecret, user.RefreshToken)).says(t, "another secret", "invalid_client")
	post(t, s.TokenURI(), form(user.ClientID, user.ClientSecret, other.RefreshToken)).says(t, "another's token", "invalid_client")
	post(t, s.TokenURI(), form(user.ClientID, user.ClientSecret, "x")).says(t, "unknown token", "expired or revoked")
	post(t, s.TokenURI(), form("", "", user.RefreshToken)).says(t, "no client", "invalid_request")
	s.Revoke(user)
	post(t, s.TokenURI(), form(user.ClientID, user.ClientSecret, user.RefreshToken)).says(t, "revoked", "expired or revoked")
}

func TestExchange(t *testing.T) {
	s := newServer(t)
	audience, other := s.NewProvider("ci"), s.NewProvider("other")
	issuer := s.NewIssuer("https://ci.example")
	good := issuer.Token("job-1", audience, time.Minute)
	forged := fakejwt.Sign(fakejwt.Key("google"), nil, fakejwt.Claims{"iss": issuer.Name, "sub": "job-1", "aud": audience, "exp": time.Now().Add(time.Hour).Unix()})
	for _, c := range []struct{ label, field, value, want string }{
		{"good", "", "", ""},
		{"audience with https", "subject_token", issuer.Token("job-1", "https:"+audience, time.Minute), ""},
		{"an ID token", "subject_token_type", TypeID, ""},
		{"another grant", "grant_type", grantAssertion, "unsupported_grant_type"},
		{"a refresh token wanted", "requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token", "requested_token_type"},
		{"SAML", "subject_token_type", "urn:ietf:params:oauth:token-type:saml2", "subject_token_type"},
		{"unknown pool", "audience", "//iam.googleapis.com/x", "invalid_target"},
		{"no pool", "audience", "x", "full resource name"},
		{"another pool", "audience", other, "does not match the expected audience"},
		{"no scope", "scope", "", "invalid_scope"},
		{"for another", "subject_token", issuer.Token("job-1", other, time.Minute), "does not match the expected audience"},
		{"too old", "subject_token", issuer.Token("job-1", audience, -time.Second), "is stale to sign-in"},
		{"nobody's", "subject_token", issuer.Token("", audience, time.Minute), "subject is missing"},
		{"unknown issuer", "subject_token", fakejwt.Sign(issuer.private, nil, fakejwt.Claims{"iss": "https://evil.example", "aud": audience}), "does not match the expected ones"},
		{"forged", "subject_token", forged, "Invalid signature"},
		{"not signed", "subject_token", fakejwt.Sign(issuer.private, map[string]any{"alg": "none"}, fakejwt.Claims{"iss": issuer.Name, "aud": audience}), "Invalid signature"},
		{"no token", "subject_token", "x", "Unable to parse"},
	} {
		form := url.Values{"grant_type": {grantExchange}, "audience": {audience}, "scope": {Scope}, "requested_token_type": {typeAccess},
			"subject_token_type": {TypeJWT}, "subject_token": {good}}
		if c.field != "" {
			form.Set(c.field, c.value)
		}
		a := post(t, s.STSURI(), form)
		a.says(t, c.label, c.want)
		if token, _ := a.fields["access_token"].(string); c.want == "" && s.Principal(token) != "principal:job-1" {
			t.Errorf("%s: got %v", c.label, a.fields)
		}
	}
}

func TestImpersonation(t *testing.T) {
	s := newServer(t)
	s.Allow("a@x", "b@x")
	s.Allow("b@x", "c@x")
	s.mutex.Lock()
	bearer, _ := s.issue("a@x")
	s.mutex.Unlock()
	const scope = `"scope":["` + Scope + `"]`
	for _, c := range []struct{ label, target, bearer, body, want string }{
		{"good", "b@x", bearer, `{` + scope + `,"lifetime":"600s"}`, ""},
		{"usual lifetime", "b@x", bearer, `{` + scope + `}`, ""},
		{"by a delegate", "c@x", bearer, `{` + scope + `,"delegates":["projects/-/serviceAccounts/b@x"]}`, ""},
		{"without the delegate", "c@x", bearer, `{` + scope + `}`, "iam.serviceAccounts.getAccessToken"},
		{"a delegate by its name", "c@x", bearer, `{` + scope + `,"delegates":["b@x"]}`, "Invalid delegate"},
		{"unknown account", "d@x", bearer, `{` + scope + `}`, "PERMISSION_DENIED"},
		{"no bearer", "b@x", "", `{` + scope + `}`, "UNAUTHENTICATED"},
		{"another bearer", "b@x", "x", `{` + scope + `}`, "UNAUTHENTICATED"},
		{"over an hour", "b@x", bearer, `{` + scope + `,"lifetime":"3601s"}`, "lifetime cannot exceed"},
		{"lifetime without a unit", "b@x", bearer, `{` + scope + `,"lifetime":"3600"}`, "Invalid value at 'lifetime'"},
		{"no lifetime at all", "b@x", bearer, `{` + scope + `,"lifetime":"0s"}`, "Invalid value at 'lifetime'"},
		{"no scope", "b@x", bearer, `{}`, "INVALID_ARGUMENT"},
		{"no JSON", "b@x", bearer, `x`, "Invalid JSON"},
	} {
		request, _ := http.NewRequest(http.MethodPost, s.ImpersonationURI(c.target), strings.NewReader(c.body))
		request.Header.Set("Authorization", "Bearer "+c.bearer)
		a := send(t, request)
		a.says(t, c.label, c.want)
		if token, _ := a.fields["accessToken"].(string); c.want == "" && s.Principal(token) != c.target {
			t.Errorf("%s: got %v", c.label, a.fields)
		}
	}
	later := time.Now().Add(2 * time.Hour)
	s.Now = func() time.Time { return later }
	if s.Principal(bearer) != "" {
		t.Error("a token outlives its life")
	}
}

func TestMetadata(t *testing.T) {
	s := newServer(t)
	s.Attached = account
	get := func(path string, header ...string) answer {
		request, _ := http.NewRequest(http.MethodGet, s.URL+path, nil)
		for i := 0; i < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		return send(t, request)
	}
	const path = "/computeMetadata/v1/instance/service-accounts/default/token"
	a := get(path, "Metadata-Flavor", "Google")
	a.says(t, "good", "")
	if token, _ := a.fields["access_token"].(string); s.Principal(token) != account {
		t.Errorf("got %v", a.fields)
	}
	get(path+"?scopes="+url.QueryEscape(Scope+","+Scope), "Metadata-Flavor", "Google").says(t, "scopes", "")
	get(path+"?scopes=x", "Metadata-Flavor", "Google").says(t, "another scope", "Invalid scopes")
	get(path).says(t, "no header", "Missing Metadata-Flavor")
	get(path, "Metadata-Flavor", "google").says(t, "another header", "Missing Metadata-Flavor")
	get(path, "Metadata-Flavor", "Google", "X-Forwarded-For", "10.0.0.1").says(t, "by a proxy", "Missing Metadata-Flavor")
	get("/computeMetadata/v1/x", "Metadata-Flavor", "Google").says(t, "another path", "not found")
	s.Attached = ""
	get(path, "Metadata-Flavor", "Google").says(t, "no account", "not found")
}

// TestLibrary has golang.org/x/oauth2 ask, by its own ways to keys, files and Amazon's
// metadata server.
func TestLibrary(t *testing.T) {
	s := newServer(t)
	key := s.NewKey(account)
	audience := s.NewProvider("aws")
	s.AWS.AddInstance(role, false)
	user := s.NewUser("dev@corp.example")
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"} {
		t.Setenv(name, "")
	}
	ctx := context.Background()
	amazon, err := externalaccount.NewTokenSource(ctx, externalaccount.Config{
		Audience: audience, SubjectTokenType: TypeAWS, TokenURL: s.STSURI(), Scopes: []string{Scope},
		ServiceAccountImpersonationURL: s.ImpersonationURI(account),
		CredentialSource: &externalaccount.CredentialSource{
			EnvironmentID: "aws1", URL: s.URL + "/latest/meta-data/iam/security-credentials",
			RegionURL: s.URL + "/latest/meta-data/placement/availability-zone", IMDSv2SessionTokenURL: s.URL + "/latest/api/token",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Allow("principal:"+role, account)
	config := oauth2.Config{ClientID: user.ClientID, ClientSecret: user.ClientSecret, Endpoint: oauth2.Endpoint{TokenURL: s.TokenURI()}}
	for want, source := range map[string]oauth2.TokenSource{
		account: (&jwt.Config{Email: account, PrivateKey: []byte(key.Fields()["private_key"]), PrivateKeyID: key.ID,
			Scopes: []string{Scope}, TokenURL: s.TokenURI()}).TokenSource(ctx),
		account + " ": amazon,
		user.Email:    config.TokenSource(ctx, &oauth2.Token{RefreshToken: user.RefreshToken}),
	} {
		token, err := source.Token()
		if err != nil || s.Principal(token.AccessToken) != strings.TrimSpace(want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

// TestCallerIdentity changes each part of a signed request that is good.
func TestCallerIdentity(t *testing.T) {
	s := newServer(t)
	audience := s.NewProvider("aws")
	key := s.AWS.AddSession(role, time.Now().Add(time.Hour))
	supplier := func(id, secret, session, region string) string {
		var subject string
		source, err := externalaccount.NewTokenSource(t.Context(), externalaccount.Config{
			Audience: audience, SubjectTokenType: TypeAWS, TokenURL: s.STSURI(), Scopes: []string{Scope},
			AwsSecurityCredentialsSupplier: &static{externalaccount.AwsSecurityCredentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: session}, region},
		})
		if err != nil {
			t.Fatal(err)
		}
		source.Token()
		requests := s.Requests()
		subject = requests[len(requests)-1].Form["subject_token"]
		return subject
	}
	good := supplier(key.ID, key.Secret, key.SessionToken, "eu-west-1")
	if principal, problem := s.verifyCallerIdentity(good, audience); principal != "principal:"+role {
		t.Fatalf("got %q", problem)
	}
	swap := func(old, new string) string {
		decoded, _ := url.QueryUnescape(good)
		if !strings.Contains(decoded, old) {
			t.Fatalf("there is no %q in %s", old, decoded)
		}
		return url.QueryEscape(strings.Replace(decoded, old, new, 1))
	}
	for label, subject := range map[string]string{
		"another secret":    supplier(key.ID, "x", key.SessionToken, "eu-west-1"),
		"another key":       supplier("ASIAX", key.Secret, key.SessionToken, "eu-west-1"),
		"another session":   supplier(key.ID, key.Secret, "x", "eu-west-1"),
		"another region":    swap("eu-west-1", "eu-west-2"),
		"another audience":  swap(audience, audience+"x"),
		"another call":      swap("GetCallerIdentity", "GetSessionToken"),
		"another host":      swap("sts.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com.evil.example"),
		"another scheme":    swap("https://", "http://"),
		"another signature": swap("Signature=", "Signature=0"),
		"header not signed": swap("SignedHeaders=host;", "SignedHeaders="),
		"no date":           swap("X-Amz-Date", "X-Amz-Then"),
		"nothing":           "x",
	} {
		if principal, problem := s.verifyCallerIdentity(subject, audience); problem == "" {
			t.Errorf("%s: got %s", label, principal)
		}
	}
	s.AWS.Ahead = skew + time.Minute
	if _, problem := s.verifyCallerIdentity(good, audience); problem == "" {
		t.Error("it is accepted for ever")
	}
}

type static struct {
	key    externalaccount.AwsSecurityCredentials
	region string
}

func (s *static) AwsRegion(context.Context, externalaccount.SupplierOptions) (string, error) {
	return s.region, nil
}

func (s *static) AwsSecurityCredentials(context.Context, externalaccount.SupplierOptions) (*externalaccount.AwsSecurityCredentials, error) {
	return &s.key, nil
}

// TestKeyFile compares the file with what Google documents for it.
func TestKeyFile(t *testing.T) {
	s := newServer(t)
	key := s.NewKey(account)
	if text := key.JSON(); !strings.HasPrefix(text, "{\n  \"type\": \"service_account\",\n  \"project_id\": \"jet-sample\",\n  \"private_key_id\": \"") ||
		!strings.Contains(text, `"private_key": "-----BEGIN PRIVATE KEY-----\nMII`) || !strings.HasSuffix(text, "\"universe_domain\": \"googleapis.com\"\n}\n") {
		t.Errorf("got %s", text)
	}
	if strings.Contains(key.Line(), "\n") || !json.Valid([]byte(key.Line())) {
		t.Error("its line is none")
	}
}

package fakeaws

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/dockercfg/jet/internal/fakejwt"
)

const (
	account = "012345678901"
	user    = "arn:aws:iam::012345678901:user/ci"
)

// A message is a request to be signed, and what is done to it after that.
type message struct {
	key             Key
	service, region string
	target          string
	form            url.Values
	body            string
	at              time.Time
	host            string
	after           func(*http.Request)
}

// send signs with AWS's own signer.
func (m message) send(t *testing.T, server string) (int, string) {
	t.Helper()
	if m.form != nil {
		m.form.Set("Version", "2011-06-15")
		m.body = m.form.Encode()
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server+"/", strings.NewReader(m.body))
	if err != nil {
		t.Fatal(err)
	}
	if m.host != "" {
		r.Host = m.host
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", m.target)
	if m.form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		r.Header.Del("X-Amz-Target")
	}
	if m.key.ID != "" {
		hash := sha256.Sum256([]byte(m.body))
		keys := aws.Credentials{AccessKeyID: m.key.ID, SecretAccessKey: m.key.Secret, SessionToken: m.key.SessionToken}
		if m.at.IsZero() {
			m.at = time.Now()
		}
		if err := v4.NewSigner().SignHTTP(t.Context(), keys, r, hex.EncodeToString(hash[:]), m.service, m.region, m.at); err != nil {
			t.Fatal(err)
		}
	}
	if m.after != nil {
		m.after(r)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

const (
	private   = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
	publicOne = "SpencerFrontendService.GetAuthorizationToken"
)

// TestRejects takes a request that is good, and does one thing wrong with it.
func TestRejects(t *testing.T) {
	fake := &AWS{Disabled: []string{"me-south-1"}}
	server := httptest.NewServer(fake)
	defer server.Close()
	good := fake.AddUser("aws", account, "ci", Token, PublicToken, BearerToken, AssumeRole)
	weak := fake.AddUser("aws", account, "weak", PublicToken)
	china := fake.AddUser("aws-cn", account, "ci", Token)
	session := fake.AddSession("arn:aws:sts::012345678901:assumed-role/r/s", time.Now().Add(time.Hour), Token)
	stale := fake.AddSession("arn:aws:sts::012345678901:assumed-role/r/s", time.Now().Add(-time.Second), Token)
	fake.AddRole(Role{Account: account, Name: "r", Actions: []string{Token}, Trusts: []string{user}, ExternalID: "x"})
	role := func(values ...string) url.Values {
		form := url.Values{"Action": {"AssumeRole"}, "RoleArn": {"arn:aws:iam::012345678901:role/r"}, "RoleSessionName": {"session"}, "ExternalId": {"x"}}
		for i := 0; i < len(values); i += 2 {
			form.Set(values[i], values[i+1])
		}
		return form
	}
	base := message{key: good, service: "ecr", region: "eu-west-1", target: private, body: "{}"}
	sts := message{key: good, service: "sts", region: "eu-west-1"}
	change := func(m message, f func(*message)) message {
		f(&m)
		return m
	}
	after := func(m message, f func(*http.Request)) message {
		m.after = f
		return m
	}
	for _, c := range []struct {
		label string
		m     message
		want  string // in the answer; "" for status 200
	}{
		{"good", base, ""},
		{"another secret", change(base, func(m *message) { m.key.Secret += "x" }), "InvalidSignatureException"},
		{"unknown key", change(base, func(m *message) { m.key.ID = "AKIANOBODY" }), "UnrecognizedClientException"},
		{"no signature", change(base, func(m *message) { m.key = Key{} }), "MissingAuthenticationTokenException"},
		{"another body", after(base, func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader("[]")), 2
		}), "InvalidSignatureException"},
		{"another target", after(base, func(r *http.Request) { r.Header.Set("X-Amz-Target", publicOne) }), "InvalidSignatureException"},
		{"another path", after(base, func(r *http.Request) { r.URL.Path = "/x" }), "InvalidSignatureException"},
		{"a query", after(base, func(r *http.Request) { r.URL.RawQuery = "a=b" }), "InvalidSignatureException"},
		{"another host", after(base, func(r *http.Request) { r.Host = "localhost" }), "InvalidSignatureException"},
		{"a header more", after(base, func(r *http.Request) { r.Header.Set("X-Amz-More", "x") }), "must be signed"},
		{"another time", after(base, func(r *http.Request) {
			r.Header.Set("X-Amz-Date", stamp(time.Now().Add(time.Second)))
		}), "InvalidSignatureException"},
		{"another day", after(base, func(r *http.Request) {
			r.Header.Set("X-Amz-Date", stamp(time.Now().Add(48*time.Hour)))
		}), "IncompleteSignatureException"},
		{"too old", change(base, func(m *message) { m.at = time.Now().Add(-6 * time.Minute) }), "Signature expired"},
		{"too new", change(base, func(m *message) { m.at = time.Now().Add(6 * time.Minute) }), "not yet current"},
		{"old but good", change(base, func(m *message) { m.at = time.Now().Add(-4 * time.Minute) }), ""},
		{"another service", change(base, func(m *message) { m.service = "sts" }), "correct service"},
		{"another region than the host's", change(base, func(m *message) { m.host = "api.ecr.us-east-1.amazonaws.com" }), "valid region"},
		{"the host's region", change(base, func(m *message) { m.host = "api.ecr.eu-west-1.amazonaws.com" }), ""},
		{"another service's host", change(base, func(m *message) { m.host = "sts.eu-west-1.amazonaws.com" }), "UnknownOperationException"},
		{"another partition's host", change(base, func(m *message) { m.host, m.region = "api.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1" }), "UnrecognizedClientException"},
		{"another partition's key", change(base, func(m *message) { m.host, m.key = "api.ecr.eu-west-1.amazonaws.com", china }), "UnrecognizedClientException"},
		{"that partition's key", change(base, func(m *message) {
			m.host, m.region, m.key = "api.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", china
		}), ""},
		{"a region not enabled", change(base, func(m *message) { m.region = "me-south-1" }), "OptInRequired"},
		{"not allowed", change(base, func(m *message) { m.key = weak }), "ecr:GetAuthorizationToken on resource"},
		{"a session", change(base, func(m *message) { m.key = session }), ""},
		{"a session without its token", change(base, func(m *message) { m.key = session; m.key.SessionToken = "" }), "UnrecognizedClientException"},
		{"a session with another token", change(base, func(m *message) { m.key = session; m.key.SessionToken = stale.SessionToken }), "UnrecognizedClientException"},
		{"a key with a token", change(base, func(m *message) { m.key.SessionToken = "x" }), "UnrecognizedClientException"},
		{"a session that is over", change(base, func(m *message) { m.key = stale }), "ExpiredTokenException"},
		{"public", change(base, func(m *message) { m.service, m.region, m.target = "ecr-public", "us-east-1", publicOne }), ""},
		{"public elsewhere", change(base, func(m *message) { m.service, m.target = "ecr-public", publicOne }), "UnsupportedCommandException"},
		{"public without the bearer token", change(base, func(m *message) {
			m.service, m.region, m.target, m.key = "ecr-public", "us-east-1", publicOne, weak
		}), "sts:GetServiceBearerToken"},
		{"no JSON", change(base, func(m *message) { m.body = "x" }), "SerializationException"},

		{"who is it", change(sts, func(m *message) { m.form = url.Values{"Action": {"GetCallerIdentity"}} }), ""},
		{"who is it, with another secret", change(sts, func(m *message) {
			m.form = url.Values{"Action": {"GetCallerIdentity"}}
			m.key.Secret = "x"
		}), "SignatureDoesNotMatch"},
		{"a role", change(sts, func(m *message) { m.form = role() }), ""},
		{"a role of nobody", change(sts, func(m *message) { m.form = role("RoleArn", "arn:aws:iam::012345678901:role/x") }), "AccessDenied"},
		{"a role of another partition", change(sts, func(m *message) { m.form = role("RoleArn", "arn:aws-cn:iam::012345678901:role/r") }), "AccessDenied"},
		{"another external id", change(sts, func(m *message) { m.form = role("ExternalId", "y") }), "AccessDenied"},
		{"another caller", change(sts, func(m *message) { m.form, m.key = role(), weak }), "AccessDenied"},
		{"a short name", change(sts, func(m *message) { m.form = role("RoleSessionName", "x") }), "ValidationError"},
		{"a short session", change(sts, func(m *message) { m.form = role("DurationSeconds", "60") }), "ValidationError"},
		{"a form for ECR's key", change(sts, func(m *message) { m.form, m.service = role(), "ecr" }), "correct service"},
	} {
		t.Run(c.label, func(t *testing.T) {
			status, text := c.m.send(t, server.URL)
			if c.want == "" && status != 200 || c.want != "" && (status == 200 || !strings.Contains(text, c.want)) {
				t.Errorf("got %d %s, want %q", status, text, c.want)
			}
		})
	}
}

// TestWebIdentity verifies tokens.
func TestWebIdentity(t *testing.T) {
	fake := &AWS{}
	server := httptest.NewServer(fake)
	defer server.Close()
	key, other := fakejwt.Key("provider"), fakejwt.Key("other")
	fake.AddProvider(Provider{Account: account, Issuer: "https://ci.example", Audience: "sts", Key: &key.PublicKey})
	role := Role{Account: account, Name: "web", Actions: []string{Token}, Issuer: "https://ci.example", Audience: "sts", Subject: "repo:a"}
	fake.AddRole(role)
	now := time.Now().Unix()
	change := func(name string, value any) fakejwt.Claims {
		c := fakejwt.Claims{"iss": "https://ci.example", "aud": "sts", "sub": "repo:a", "iat": now, "exp": now + 600}
		c[name] = value
		return c
	}
	good := change("iat", now)
	for _, c := range []struct {
		label  string
		key    *rsa.PrivateKey
		claims fakejwt.Claims
		edit   func(string) string
		want   string
	}{
		{"good", key, good, nil, ""},
		{"another key", other, good, nil, "InvalidIdentityToken"},
		{"another issuer", key, change("iss", "https://evil.example"), nil, "InvalidIdentityToken"},
		{"another audience", key, change("aud", "x"), nil, "InvalidIdentityToken"},
		{"another subject", key, change("sub", "repo:b"), nil, "AccessDenied"},
		{"expired", key, change("exp", now-1), nil, "ExpiredTokenException"},
		{"it never expires", key, change("exp", nil), nil, "InvalidIdentityToken"},
		{"issued long ago", key, change("iat", now-48*3600), nil, "InvalidIdentityToken"},
		{"issued in the future", key, change("iat", now+3600), nil, "InvalidIdentityToken"},
		{"no algorithm", key, good, func(token string) string {
			_, rest, _ := strings.Cut(token, ".")
			payload, _, _ := strings.Cut(rest, ".")
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + payload + "."
		}, "InvalidIdentityToken"},
		{"no token", key, good, func(string) string { return "x" }, "InvalidIdentityToken"},
	} {
		t.Run(c.label, func(t *testing.T) {
			token := fakejwt.Sign(c.key, nil, c.claims)
			if c.edit != nil {
				token = c.edit(token)
			}
			form := url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "RoleArn": {role.ARN()}, "RoleSessionName": {"session"}, "WebIdentityToken": {token}}
			status, text := message{form: form}.send(t, server.URL)
			if c.want == "" && (status != 200 || !strings.Contains(text, "<SecretAccessKey>")) || c.want != "" && (status == 200 || !strings.Contains(text, c.want)) {
				t.Errorf("got %d %s, want %q", status, text, c.want)
			}
		})
	}
}

// TestLocal asks as a container and an instance do, and otherwise.
func TestLocal(t *testing.T) {
	fake := &AWS{}
	server := httptest.NewServer(fake)
	defer server.Close()
	fake.AddContainer("Bearer canary", "arn:aws:sts::012345678901:assumed-role/task/x")
	fake.AddInstance("arn:aws:sts::012345678901:assumed-role/instance/x", false)
	fake.AddSSO("sso-token", account, "Developer")
	const metadata = "/latest/meta-data/iam/security-credentials/"
	ask := func(method, path string, header ...string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(text)
	}
	_, token := ask("PUT", "/latest/api/token", "X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
	for _, c := range []struct {
		method, path string
		header       []string
		want         int
	}{
		{"GET", ContainerPath, []string{"Authorization", "Bearer canary"}, 200},
		{"GET", ContainerPath, []string{"Authorization", "Bearer other"}, 401},
		{"GET", ContainerPath, nil, 401},
		{"GET", "/latest/api/token", []string{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60"}, 400},
		{"PUT", "/latest/api/token", nil, 400},
		{"GET", metadata, []string{"X-Aws-Ec2-Metadata-Token", token}, 200},
		{"GET", metadata, []string{"X-Aws-Ec2-Metadata-Token", "x"}, 401},
		{"GET", metadata, nil, 401},
		{"GET", metadata + "other", []string{"X-Aws-Ec2-Metadata-Token", token}, 404},
		{"GET", "/federation/credentials?account_id=012345678901&role_name=Developer", []string{"X-Amz-Sso_bearer_token", "sso-token"}, 200},
		{"GET", "/federation/credentials?account_id=012345678901&role_name=Admin", []string{"X-Amz-Sso_bearer_token", "sso-token"}, 401},
		{"GET", "/federation/credentials?account_id=012345678901&role_name=Developer", nil, 401},
	} {
		if got, text := ask(c.method, c.path, c.header...); got != c.want {
			t.Errorf("%s %s %q: got %d %s, want %d", c.method, c.path, c.header, got, text, c.want)
		}
	}
}

// TestHosts knows the names of AWS's servers, and no others.
func TestHosts(t *testing.T) {
	for host, want := range map[string]string{
		"api.ecr.eu-west-1.amazonaws.com":             "ecr eu-west-1",
		"api.ecr-fips.us-gov-west-1.amazonaws.com":    "ecr us-gov-west-1",
		"ecr.eu-west-1.api.aws":                       "ecr eu-west-1",
		"ecr-fips.us-east-1.api.aws:443":              "ecr us-east-1",
		"api.ecr.cn-north-1.amazonaws.com.cn":         "ecr cn-north-1",
		"sts.us-iso-east-1.c2s.ic.gov":                "sts us-iso-east-1",
		"sts.eu-west-1.api.aws":                       "sts eu-west-1",
		"api.ecr-public.us-east-1.amazonaws.com":      "ecr-public us-east-1",
		"api.ecr.cn-north-1.amazonaws.com":            "",
		"api.ecr.eu-west-1.amazonaws.com.evil":        "",
		"127.0.0.1:80":                                "",
		"api.s3.eu-west-1.amazonaws.com":              "",
		"ecr.eu-west-1.amazonaws.com":                 "",
		"api.ecr.us-isof-south-1.csp.hci.ic.gov":      "ecr us-isof-south-1",
		"api.ecr.eusc-de-east-1.amazonaws.eu":         "ecr eusc-de-east-1",
		"ecr.cn-north-1.api.amazonwebservices.com.cn": "ecr cn-north-1",
	} {
		service, region, known := parseHost(host)
		if got := fmt.Sprint(service, " ", region); known != (want != "") || known && got != want {
			t.Errorf("%s: got %s, %v", host, got, known)
		}
	}
}

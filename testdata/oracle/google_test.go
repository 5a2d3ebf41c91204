package oracle

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"github.com/dockercfg/jet/internal/fakegoogle"
)

const puller = "puller@jet-sample.iam.gserviceaccount.com"

func startGoogle(t *testing.T) *fakegoogle.Server {
	t.Helper()
	s := fakegoogle.NewServer()
	t.Cleanup(s.Close)
	return s
}

// googleEnv writes the variables of the original generator, and more, into an env file.
func (p project) googleEnv(t *testing.T, name string, key *fakegoogle.Key, more ...string) string {
	t.Helper()
	lines := append([]string{"GOOGLE_AUTH_JSON=" + key.Line(), "GOOGLE_AUTH_EMAIL=" + key.Email, "GOOGLE_PROJECT_ID=jet-sample", "GOOGLE_LOCATION=europe-west1"}, more...)
	write(t, filepath.Join(p.dir, name), strings.Join(lines, "\n")+"\n")
	return name
}

// TestGoogleAssertion has PyJWT verify what jet signs.
func TestGoogleAssertion(t *testing.T) {
	const python = "/usr/bin/python3" // Debian's, which has its packages
	if out, err := exec.Command(python, "-c", "import jwt, cryptography").CombinedOutput(); err != nil {
		missing(t, "needs %s with the package jwt (Debian: python3-jwt): %v\n%s", python, err, out)
	}
	s := startGoogle(t)
	key := s.NewKey(puller)
	p := newProject(t)
	p.run(t, "generate", "dockercfg", "cfg", "--env-file", p.googleEnv(t, "google.env", key))
	requests := s.Requests()
	if len(requests) != 1 {
		t.Fatalf("%d requests, want one", len(requests))
	}
	script, err := filepath.Abs("verify_assertion.py")
	if err != nil {
		t.Fatal(err)
	}
	assertion := requests[0].Form["assertion"]
	verify := func(assertion, pem string) (string, error) {
		return runWith(t, strings.TrimSpace(pem)+"\n\n"+assertion, t.TempDir(), nil, python, script, s.TokenURI(), puller, key.ID)
	}
	said, err := verify(assertion, key.PublicKey())
	if err != nil || !strings.Contains(said, `"scope": "https://www.googleapis.com/auth/cloud-platform"`) {
		t.Errorf("PyJWT: %v\n%s", err, said)
	}
	if said, err := verify(assertion, s.NewOtherKey("other@x.example").PublicKey()); err == nil || !strings.Contains(said, "InvalidSignatureError") {
		t.Errorf("PyJWT with another key: %v\n%s", err, said)
	}
}

// TestGoogleLibrary has Google's library for Go find and exchange credentials by
// itself, with the stand-in for Google, beside jet with the same files.
func TestGoogleLibrary(t *testing.T) {
	s := startGoogle(t)
	s.Attached = "vm@jet-sample.iam.gserviceaccount.com"
	key := s.NewKey(puller)
	user := s.NewUser("dev@corp.example")
	audience := s.NewProvider("ci")
	issuer := s.NewIssuer("https://ci.example")
	s.Allow(user.Email, puller)
	s.Allow("principal:job-1", puller)
	dir := t.TempDir()
	subject := filepath.Join(dir, "subject")
	write(t, subject, issuer.Token("job-1", audience, time.Hour))
	external := fmt.Sprintf(`{"type":"external_account","audience":%q,"subject_token_type":%q,"token_url":%q,"credential_source":{"file":%q}}`,
		audience, fakegoogle.TypeJWT, s.STSURI(), subject)
	p := newProject(t)
	for _, c := range []struct{ label, document, want string }{
		{"key", key.JSON(), puller},
		{"user", user.JSON(s), user.Email},
		{"external", external, "principal:job-1"},
		{"external as a service account", strings.Replace(external, "{", fmt.Sprintf(`{"service_account_impersonation_url":%q,`, s.ImpersonationURI(puller)), 1), puller},
		{"impersonated", fmt.Sprintf(`{"type":"impersonated_service_account","service_account_impersonation_url":%q,"source_credentials":%s}`, s.ImpersonationURI(puller), user.JSON(s)), puller},
		{"external user", fmt.Sprintf(`{"type":"external_account_authorized_user","client_id":%q,"client_secret":%q,"refresh_token":%q,"token_url":%q}`,
			user.ClientID, user.ClientSecret, user.RefreshToken, s.STSURI()), user.Email},
		{"machine", "", s.Attached},
	} {
		t.Run(c.label, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "credentials.json")
			env := []string{"GCE_METADATA_HOST=" + s.MetadataHost(), "CLOUDSDK_CONFIG=" + dir, "HOME=" + dir}
			if c.document != "" {
				write(t, file, c.document)
				env = append(env, "GOOGLE_APPLICATION_CREDENTIALS="+file)
			}
			for _, pair := range append(env, "NO_GCE_CHECK=true") {
				name, value, _ := strings.Cut(pair, "=")
				t.Setenv(name, value)
			}
			credentials, err := google.FindDefaultCredentials(context.Background(), fakegoogle.Scope)
			var token *oauth2.Token
			if err == nil {
				token, err = credentials.TokenSource.Token()
			}
			if err != nil || s.Principal(token.AccessToken) != c.want {
				t.Errorf("the library: %v", err)
			}
			if said, err := run(t, p.dir, env, p.jet, "generate", "dockercfg", "cfg", "--from", "gcr"); err != nil {
				t.Fatalf("jet: %v\n%s", err, said)
			}
			_, secret := credential(t, filepath.Join(p.dir, "cfg"), "gcr.io")
			if got := s.Principal(secret); got != c.want {
				t.Errorf("jet: got a token of %q, want %q", got, c.want)
			}
		})
	}
}

// credential reads that of a registry in a dockercfg.
func credential(t *testing.T, path, registry string) (user, password string) {
	t.Helper()
	var file struct {
		Auths map[string]struct{ Auth []byte }
	}
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	user, password, found := strings.Cut(string(file.Auths[registry].Auth), ":")
	if !found {
		t.Fatalf("%s has no credential for %s", path, registry)
	}
	return user, password
}

// TestGcloud has Google's own program ask the stand-in, where it is installed. It is
// not to be had from Debian, so that it is not missed elsewhere.
func TestGcloud(t *testing.T) {
	gcloud, err := exec.LookPath("gcloud")
	if err != nil {
		t.Skip("the program gcloud is not there")
	}
	s := startGoogle(t)
	// It names this audience, whatever the key says.
	s.Audiences = []string{"https://oauth2.googleapis.com/token"}
	key, deleted := s.NewKey(puller), s.NewOtherKey("deleted@jet-sample.iam.gserviceaccount.com")
	s.Delete(deleted)
	dir := t.TempDir()
	env := []string{"CLOUDSDK_CONFIG=" + filepath.Join(dir, "gcloud"), "CLOUDSDK_AUTH_TOKEN_HOST=" + s.TokenURI(), "CLOUDSDK_CORE_DISABLE_PROMPTS=1",
		"CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=true", "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=true", "NO_GCE_CHECK=true"}
	activate := func(key *fakegoogle.Key) (string, error) {
		file := filepath.Join(dir, key.ID+".json")
		write(t, file, key.JSON())
		return run(t, dir, env, gcloud, "auth", "activate-service-account", "--key-file", file)
	}
	if said, err := activate(key); err != nil {
		t.Fatalf("gcloud auth activate-service-account: %v\n%s", err, said)
	}
	said := mustRun(t, dir, env, gcloud, "auth", "print-access-token")
	lines := strings.Fields(said)
	if got := s.Principal(lines[len(lines)-1]); got != puller {
		t.Errorf("gcloud auth print-access-token: a token of %q\n%s", got, said)
	}
	if said, err := activate(deleted); err == nil || !strings.Contains(said, "Invalid JWT Signature") {
		t.Errorf("gcloud with a key that was deleted: %v\n%s", err, said)
	}
}

// TestGoogleRegistry goes the whole way: a key, a token from the stand-in for Google,
// an encrypted dockercfg, and real clients at a real registry that wants the token.
func TestGoogleRegistry(t *testing.T) {
	s := startGoogle(t)
	s.Token = func() string { return "ya29.c.b0Aaekm1K" } // bcrypt takes 72 bytes
	registry := startRegistry(t, account{"oauth2accesstoken", s.Token()})
	p := newProject(t)
	good := p.config(t, p.googleEnv(t, "google.env", s.NewKey(puller), "GOOGLE_REGISTRY="+registry))
	s.Token = func() string { return "ya29.c.another" }
	wrong := p.config(t, p.googleEnv(t, "wrong.env", s.NewKey(puller), "GOOGLE_REGISTRY="+registry))
	for _, c := range clients(t) {
		image := fmt.Sprintf("%s/jet-sample/%s:1", registry, c.name)
		if out, err := c.push(t, wrong, image); err == nil || !refused.MatchString(out) {
			t.Errorf("%s pushes with a wrong token: %v\n%s", c.name, err, out)
		}
		if out, err := c.push(t, good, image); err != nil {
			t.Errorf("%s does not push: %v\n%s", c.name, err, out)
			continue
		}
		if out, err := c.pull(t, good, image); err != nil {
			t.Errorf("%s does not pull: %v\n%s", c.name, err, out)
		}
	}
}

// TestGoogleKeyAtRegistry has the key itself for a password, in both forms, at a
// registry behind a server that reads it as Google's does: no htpasswd holds so long
// a one.
func TestGoogleKeyAtRegistry(t *testing.T) {
	s := startGoogle(t)
	key := s.NewKey(puller)
	to, err := url.Parse("http://" + startOpenRegistry(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	var mutex sync.Mutex
	var users []string
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		if user == "_json_key_base64" {
			decoded, err := base64.StdEncoding.DecodeString(password)
			if err != nil {
				http.Error(w, "no base64", http.StatusUnauthorized)
				return
			}
			password = string(decoded)
		}
		var got map[string]string
		if !ok || json.Unmarshal([]byte(password), &got) != nil || got["private_key"] != key.Fields()["private_key"] || got["client_email"] != puller {
			w.Header().Set("WWW-Authenticate", `Basic realm="google"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
			return
		}
		mutex.Lock()
		users = append(users, user)
		mutex.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	registry := strings.Replace(strings.TrimPrefix(front.URL, "http://"), "127.0.0.1", "localhost", 1)
	p := newProject(t)
	all := clients(t)
	for _, form := range []string{"json_key", "json_key_base64"} {
		config := p.config(t, p.googleEnv(t, form+".env", key, "GOOGLE_REGISTRY="+registry, "GOOGLE_AUTH_FORM="+form))
		for _, c := range all {
			image := fmt.Sprintf("%s/jet-sample/%s-%s:1", registry, c.name, form)
			if out, err := c.push(t, config, image); err != nil {
				t.Errorf("%s does not push by %s: %v\n%s", c.name, form, err, out)
				continue
			}
			if out, err := c.pull(t, config, image); err != nil {
				t.Errorf("%s does not pull by %s: %v\n%s", c.name, form, err, out)
			}
		}
	}
	seen := strings.Join(users, " ")
	if !strings.Contains(seen, "_json_key ") || !strings.Contains(seen, "_json_key_base64") {
		t.Errorf("the users were %s", seen)
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests for tokens", n)
	}
}

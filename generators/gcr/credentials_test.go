package gcr_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators/gcr"
	"github.com/dockercfg/jet/internal/fakegoogle"
)

// fields is a document.
type fields map[string]any

func (f fields) text() string {
	text, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// with gives a document with other fields; a nil takes one away.
func (f fields) with(pairs ...any) fields {
	changed := make(fields)
	for name, value := range f {
		changed[name] = value
	}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == nil {
			delete(changed, pairs[i].(string))
		} else {
			changed[pairs[i].(string)] = pairs[i+1]
		}
	}
	return changed
}

// userDocument is what "gcloud auth application-default login" writes, with the
// endpoint of a test.
func userDocument(s *fakegoogle.Server, u fakegoogle.User) (f fields) {
	if err := json.Unmarshal([]byte(u.JSON(s)), &f); err != nil {
		panic(err)
	}
	return f
}

// externalDocument is what "gcloud iam workload-identity-pools create-cred-config" writes.
func externalDocument(s *fakegoogle.Server, audience string, source fields) fields {
	return fields{"type": "external_account", "universe_domain": "googleapis.com", "audience": audience, "token_url": s.STSURI(),
		"subject_token_type": fakegoogle.TypeJWT, "credential_source": source}
}

func amazonSource(s *fakegoogle.Server) fields {
	return fields{
		"environment_id":                 "aws1",
		"url":                            s.URL + "/latest/meta-data/iam/security-credentials",
		"region_url":                     s.URL + "/latest/meta-data/placement/availability-zone",
		"imdsv2_session_token_url":       s.URL + "/latest/api/token",
		"regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
	}
}

// document writes one into a file and gives the scope that names it.
func document(t *testing.T, f fields) env {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials.json")
	write(t, path, f.text())
	return env{"GOOGLE_APPLICATION_CREDENTIALS": path}
}

// TestDocuments uses each type of document, and looks whose the token is.
func TestDocuments(t *testing.T) {
	s := newServer(t)
	key := s.NewKey(account)
	user := s.NewUser("dev@corp.example")
	const target, middle = "target@jet-sample.iam.gserviceaccount.com", "middle@jet-sample.iam.gserviceaccount.com"
	audience := s.NewProvider("ci")
	issuer := s.NewIssuer("https://ci.example")
	const role = "arn:aws:sts::123456789012:assumed-role/puller/i-0"
	s.AWS.AddInstance(role, false)
	subjectFile := filepath.Join(t.TempDir(), "token")
	write(t, subjectFile, issuer.Token("job-1", audience, time.Minute)+"\n")
	jsonFile := filepath.Join(t.TempDir(), "token.json")
	write(t, jsonFile, fields{"value": issuer.Token("job-1", audience, time.Minute)}.text())
	for _, from := range []string{account, user.Email, "principal:job-1", "principal:" + role} {
		s.Allow(from, target)
		s.Allow(from, middle)
	}
	const last = "last@jet-sample.iam.gserviceaccount.com"
	s.Allow(middle, last)
	s.Allow(target, last)
	keyFields := make(fields)
	for name, value := range key.Fields() {
		keyFields[name] = value
	}
	fromFile := externalDocument(s, audience, fields{"file": subjectFile})
	service := fields{"url": s.URL + "/subject?audience=" + strings.ReplaceAll(audience, "/", "%2F"),
		"headers": fields{"Authorization": "bearer job-secret-Xq81"}, "format": fields{"type": "json", "subject_token_field_name": "value"}}
	impersonated := fields{"type": "impersonated_service_account", "source_credentials": userDocument(s, user), "service_account_impersonation_url": s.ImpersonationURI(target)}
	for _, c := range []struct {
		label    string
		document fields
		whose    string
		requests int
	}{
		{"key", keyFields, account, 1},
		{"user", userDocument(s, user), user.Email, 1},
		{"external user", fields{"type": "external_account_authorized_user", "client_id": user.ClientID, "client_secret": user.ClientSecret,
			"refresh_token": user.RefreshToken, "token_url": s.STSURI(), "audience": audience}, user.Email, 1},
		{"external, file", fromFile, "principal:job-1", 1},
		{"external, JSON file", externalDocument(s, audience, fields{"file": jsonFile, "format": fields{"type": "json", "subject_token_field_name": "value"}}), "principal:job-1", 1},
		{"external, service of a CI", externalDocument(s, audience, service), "principal:job-1", 2},
		{"external, machine of Amazon's", externalDocument(s, audience, amazonSource(s)).with("subject_token_type", fakegoogle.TypeAWS), "principal:" + role, 7},
		{"external, as a service account", fromFile.with("service_account_impersonation_url", s.ImpersonationURI(target)), target, 2},
		{"impersonated", impersonated, target, 2},
		{"impersonated, from a key", impersonated.with("source_credentials", keyFields), target, 2},
		{"impersonated, by a delegate", impersonated.with("service_account_impersonation_url", s.ImpersonationURI(last), "delegates", []string{"projects/-/serviceAccounts/" + middle}), last, 2},
		{"impersonated, from an external as a service account", impersonated.with("service_account_impersonation_url", s.ImpersonationURI(last),
			"source_credentials", fromFile.with("service_account_impersonation_url", s.ImpersonationURI(target))), last, 3},
	} {
		t.Run(c.label, func(t *testing.T) {
			before := len(s.Requests())
			entry, notices := mustGenerate(t, document(t, c.document))
			if got := s.Principal(entry.Password.Reveal()); got != c.whose || entry.Username != "oauth2accesstoken" || notices != nil {
				t.Errorf("got a token of %q for %s, notices %q", got, entry.Username, notices)
			}
			if n := len(s.Requests()) - before; n != c.requests {
				t.Errorf("%d requests, want %d", n, c.requests)
			}
			// In a variable it is only taken by its type.
			kind := c.document["type"].(string)
			scope := env{"GOOGLE_AUTH_JSON": c.document.text()}
			_, err := generate(t, scope)
			if wants := kind != "service_account"; (err != nil) != wants || wants && !strings.Contains(err.Error(), "is of type "+kind+", and not service_account") {
				t.Errorf("in a variable: got %v", err)
			}
			entry, _ = mustGenerate(t, scope.with("GOOGLE_AUTH_TYPE", kind))
			if got := s.Principal(entry.Password.Reveal()); got != c.whose {
				t.Errorf("in a variable: got a token of %q", got)
			}
			// It holds no key, unless it is one.
			_, err = generate(t, document(t, c.document).with("GOOGLE_AUTH_FORM", "json_key"))
			if wants := kind != "service_account"; (err != nil) != wants || wants && !strings.Contains(err.Error(), "which holds none") {
				t.Errorf("json_key: got %v", err)
			}
		})
	}
}

// TestImpersonate has the variable, on what can be had.
func TestImpersonate(t *testing.T) {
	s := newServer(t)
	key := s.NewKey(account)
	s.Attached = "vm@jet-sample.iam.gserviceaccount.com"
	const middle, last = "middle@jet-sample.iam.gserviceaccount.com", "last@jet-sample.iam.gserviceaccount.com"
	s.Allow(account, middle)
	s.Allow(s.Attached, middle)
	s.Allow(middle, last)
	t.Setenv("HOME", t.TempDir())
	for label, scope := range map[string]env{
		"key":     {"GOOGLE_AUTH_JSON": key.Line()},
		"machine": {"GCE_METADATA_HOST": s.MetadataHost()},
	} {
		for accounts, want := range map[string]string{middle: middle, middle + ", " + last: last} {
			for _, name := range []string{"GOOGLE_IMPERSONATE_SERVICE_ACCOUNT", "CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT"} {
				backend := gcr.Config{}.WithCredentialsAPI(s.URL).Backend()
				source, err := backend.Open(scope.with(name, accounts, "GOOGLE_AUTH_SCOPES", "https://www.googleapis.com/auth/cloud-platform.read-only").lookup)
				if err != nil {
					t.Fatal(err)
				}
				result, err := source.Generate(t.Context())
				if err != nil || s.Principal(result.Entries[0].Password.Reveal()) != want {
					t.Errorf("%s as %s: got %v%s", label, accounts, err, advice(err))
				}
			}
		}
		_, err := generate(t, scope.with("GOOGLE_IMPERSONATE_SERVICE_ACCOUNT", middle, "GOOGLE_AUTH_FORM", "json_key"))
		if err == nil || !strings.Contains(err.Error(), "there is none of the account") {
			t.Errorf("json_key of another: got %v", err)
		}
	}
}

// TestScopes looks at what a token is asked for, with one hop and without.
func TestScopes(t *testing.T) {
	s := newServer(t)
	key := s.NewKey(account)
	const pull = "https://www.googleapis.com/auth/devstorage.read_only"
	for scopes, want := range map[string]string{"": fakegoogle.Scope, pull: pull, pull + "," + fakegoogle.Scope: pull + " " + fakegoogle.Scope} {
		mustGenerate(t, original(key).with("GOOGLE_AUTH_SCOPES", scopes))
		requests := s.Requests()
		var claims struct{ Scope, Aud, Iss string }
		decodeClaims(t, requests[len(requests)-1].Form["assertion"], &claims)
		if claims.Scope != want || claims.Aud != s.TokenURI() || claims.Iss != account {
			t.Errorf("%q: got %+v", scopes, claims)
		}
	}
}

// TestOrder looks for credentials where Google's libraries do, in their order.
func TestOrder(t *testing.T) {
	s := newServer(t)
	first, second, third := s.NewKey("first@x.example"), s.NewKey("second@x.example"), s.NewKey("third@x.example")
	s.Attached = "fourth@x.example"
	dir := t.TempDir()
	home := filepath.Join(dir, "home")
	named, wellKnown := filepath.Join(dir, "key.json"), filepath.Join(home, ".config", "gcloud", "application_default_credentials.json")
	if runtime.GOOS == "windows" {
		t.Setenv("AppData", home)
		wellKnown = filepath.Join(home, "gcloud", "application_default_credentials.json")
	}
	t.Setenv("HOME", home)
	if err := os.MkdirAll(filepath.Dir(wellKnown), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, named, second.JSON())
	write(t, wellKnown, third.JSON())
	// What is in the process environment is not of the scope.
	t.Setenv("GOOGLE_AUTH_JSON", "x")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(dir, "leak.json"))
	t.Setenv("GCE_METADATA_HOST", "127.0.0.1:1")
	t.Setenv("CLOUDSDK_CONFIG", filepath.Join(dir, "leak"))
	t.Setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "evil.example")
	scope := env{"GOOGLE_AUTH_JSON": first.Line(), "GOOGLE_APPLICATION_CREDENTIALS": named, "GCE_METADATA_HOST": s.MetadataHost()}
	whose := func(scope env) string {
		entry, _ := mustGenerate(t, scope)
		return s.Principal(entry.Password.Reveal())
	}
	if got := whose(scope); got != "first@x.example" {
		t.Errorf("variable: got %s", got)
	}
	if got := whose(scope.with("GOOGLE_AUTH_JSON", "", "GOOGLE_CREDENTIALS", first.Line())); got != "first@x.example" {
		t.Errorf("its other name: got %s", got)
	}
	delete(scope, "GOOGLE_AUTH_JSON")
	if got := whose(scope); got != "second@x.example" {
		t.Errorf("file: got %s", got)
	}
	delete(scope, "GOOGLE_APPLICATION_CREDENTIALS")
	if got := whose(scope); got != "third@x.example" {
		t.Errorf("gcloud's file: got %s", got)
	}
	if got := whose(scope.with("CLOUDSDK_CONFIG", filepath.Join(dir, "none"))); got != "fourth@x.example" {
		t.Errorf("gcloud's file in another folder, so the machine: got %s", got)
	}
	if got := whose(scope.with("CLOUDSDK_CONFIG", filepath.Dir(wellKnown))); got != "third@x.example" {
		t.Errorf("gcloud's file in a folder that is named: got %s", got)
	}

	// What is named and not there is not passed over.
	for name, c := range map[string]struct {
		value, want string
	}{
		"GOOGLE_APPLICATION_CREDENTIALS": {filepath.Join(dir, "none.json"), "GOOGLE_APPLICATION_CREDENTIALS names a file that cannot be read"},
		"GOOGLE_CREDENTIALS":             {filepath.Join(dir, "none.json"), "GOOGLE_AUTH_JSON is neither"},
	} {
		_, err := generate(t, scope.with(name, c.value))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	write(t, wellKnown, "{")
	if _, err := generate(t, scope); err == nil || !strings.Contains(err.Error(), filepath.Join("gcloud", "application_default")) || !strings.Contains(err.Error(), "is not JSON") {
		t.Errorf("a damaged file of gcloud: got %v", err)
	}
	os.Remove(wellKnown)
	if err := os.Mkdir(wellKnown, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := generate(t, scope); err == nil || !strings.Contains(err.Error(), "cannot be read: not a regular file") {
		t.Errorf("a folder for gcloud's file: got %v", err)
	}
}

// TestNobodyAtHome has a container without a home folder.
func TestNobodyAtHome(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Setenv("AppData", "")
	}
	t.Setenv("HOME", "")
	s := newServer(t)
	s.Attached = account
	entry, _ := mustGenerate(t, env{"GCE_METADATA_HOST": s.MetadataHost()})
	if got := s.Principal(entry.Password.Reveal()); got != account {
		t.Errorf("got a token of %q", got)
	}
	_, err := generate(t, env{"GCE_METADATA_HOST": "127.0.0.1:1"})
	if err == nil || !strings.Contains(err.Error(), "there is no home folder, and no metadata server") {
		t.Errorf("got %v", err)
	}
}

// TestNoCredentials has nothing anywhere. It is soon found out.
func TestNoCredentials(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := newServer(t)
	elsewhere := http.Server{Handler: http.NotFoundHandler()}
	defer elsewhere.Close()
	for _, c := range []struct {
		label, host string
		fault       http.HandlerFunc
		want        string
	}{
		{"nothing listens", "127.0.0.1:1", nil, "there are no credentials: GOOGLE_AUTH_JSON is not set, GOOGLE_APPLICATION_CREDENTIALS is not set, there is no "},
		{"another cloud's", "", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, "what answers is no metadata server of Google's"},
		{"another cloud's that agrees to all", "", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"access_token":"x","expires_in":3600}`) }, "what answers is no metadata server of Google's"},
		{"no account", "", nil, "has no service account"},
		{"other scopes", "", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Metadata-Flavor", "Google")
			w.WriteHeader(403)
		}, "refuses it: 403 Forbidden"},
		{"no JSON", "", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Metadata-Flavor", "Google")
			fmt.Fprint(w, "x")
		}, "is not JSON"},
		{"no life", "", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Metadata-Flavor", "Google")
			fmt.Fprint(w, `{"access_token":"x"}`)
		}, "does not tell how long"},
		{"out of order", "", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Metadata-Flavor", "Google")
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(503)
		}, "answers 503 Service Unavailable"},
	} {
		t.Run(c.label, func(t *testing.T) {
			s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
				if c.fault != nil {
					c.fault(w, r)
				}
				return c.fault != nil
			}
			host := c.host
			if host == "" {
				host = s.MetadataHost()
			}
			began := time.Now()
			_, err := generate(t, env{"GCE_METADATA_HOST": host})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v%s", err, advice(err))
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
	_, err := generate(t, env{"GCE_METADATA_HOST": "127.0.0.1:1"})
	if !strings.Contains(advice(err), "gcloud auth application-default login") {
		t.Errorf("the advice is %q", advice(err))
	}
}

// TestAddresses changes where documents send credentials to. Nothing is sent.
func TestAddresses(t *testing.T) {
	s := newServer(t)
	evil := newServer(t)
	key := s.NewKey(account)
	user := s.NewUser("dev@corp.example")
	keyFields := make(fields)
	for name, value := range key.Fields() {
		keyFields[name] = value
	}
	external := externalDocument(s, s.NewProvider("ci"), fields{"file": "/dev/null"})
	amazon := external.with("credential_source", amazonSource(s))
	source := func(changes ...any) fields { return amazon.with("credential_source", amazonSource(s).with(changes...)) }
	refuses := func(label string, f fields, want string) {
		t.Helper()
		_, err := generate(t, document(t, f))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "evil") {
			t.Errorf("%s: got %v", label, err)
		}
	}
	const noServer = "that is of no server of googleapis.com, and gets no credential"
	for _, address := range []string{
		"https://evil.example/token", "https://oauth2.googleapis.com.evil.example/token", "https://evilgoogleapis.com/token",
		"https://oauth2.googleapis.com@evil.example/token", "https://evil.example#.googleapis.com", "https://evil.example/.googleapis.com",
		"http://oauth2.googleapis.com/token", "https://oauth2.googleapis.com:8443/token", "//oauth2.googleapis.com/token", "oauth2.googleapis.com",
		"https://accounts.google.com.evil.example/", "https://google.com/token", "https://127.0.0.1.evil.example/", "https://localhost.evil.example/",
		"http://10.0.0.1/token", "http://[::ffff:10.0.0.1]/token", "https://user:pw@oauth2.googleapis.com/token", "file:///etc/passwd", "https:oauth2.googleapis.com", "https://oauth2.googleapis.com\n.evil.example",
	} {
		refuses("token_uri "+address, keyFields.with("token_uri", address), noServer)
		refuses("user's token_uri "+address, userDocument(s, user).with("token_uri", address), noServer)
		refuses("token_url "+address, external.with("token_url", address), noServer)
		refuses("impersonation of an external "+address, external.with("service_account_impersonation_url", address), noServer)
		refuses("impersonation "+address, fields{"type": "impersonated_service_account", "source_credentials": userDocument(s, user),
			"service_account_impersonation_url": address}, noServer)
		refuses("source of an impersonated "+address, fields{"type": "impersonated_service_account",
			"source_credentials": userDocument(s, user).with("token_uri", address), "service_account_impersonation_url": s.ImpersonationURI(account)}, noServer)
		refuses("external user "+address, fields{"type": "external_account_authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c", "token_url": address}, noServer)
	}
	for _, address := range []string{"http://evil.example/latest", "https://169.254.169.254/latest", "http://169.254.169.254.evil.example/", "http://169.254.169.254@evil.example/", ""} {
		for _, name := range []string{"url", "region_url", "imdsv2_session_token_url"} {
			refuses(name+" "+address, source(name, address), "credential_source."+name)
		}
	}
	refuses("another environment", source("environment_id", "aws2"), "that is not aws1")
	refuses("a program", external.with("credential_source", fields{"executable": fields{"command": "/bin/true"}}), "programs that a document names are not run")
	refuses("a program beside a file", external.with("credential_source", fields{"file": "/x", "executable": fields{"command": "/bin/true"}}), "programs that a document names are not run")
	refuses("a certificate", external.with("credential_source", fields{"certificate": fields{}}), "a certificate")
	refuses("file and url", external.with("credential_source", fields{"file": "/x", "url": "https://x.example"}), "without a file or a url, or with both")
	refuses("nothing", external.with("credential_source", fields{}), "without a file or a url, or with both")
	refuses("a subject token in the clear", external.with("credential_source", fields{"url": "http://ci.example/token"}), "neither https nor on this machine")
	refuses("no audience", external.with("audience", nil), "has no audience")
	refuses("another universe", keyFields.with("universe_domain", "evil.example"), "is of another universe_domain than googleapis.com")
	refuses("impersonated twice", fields{"type": "impersonated_service_account", "service_account_impersonation_url": s.ImpersonationURI(account),
		"source_credentials": fields{"type": "impersonated_service_account"}}, "impersonated themselves")
	refuses("impersonated without a source", fields{"type": "impersonated_service_account", "service_account_impersonation_url": s.ImpersonationURI(account)}, "with source_credentials")
	refuses("user without a token", userDocument(s, user).with("refresh_token", nil), "has no refresh_token")
	refuses("user without a client", userDocument(s, user).with("client_secret", nil), "has no client_id with a client_secret")
	refuses("external user without an endpoint", fields{"type": "external_account_authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"}, "has no token_url")
	program := external.with("credential_source", fields{"executable": fields{"command": "/bin/true"}})
	if _, err := generate(t, env{"GOOGLE_AUTH_JSON": program.text()}); err == nil || !strings.Contains(err.Error(), "is of type external_account, and not service_account") {
		t.Errorf("a program in a variable: got %v", err)
	}
	if n := len(s.Requests()) + len(evil.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}

	// These are Google's. They are not asked, since a key is written.
	for _, address := range []string{"", "https://oauth2.googleapis.com/token", "https://accounts.google.com/o/oauth2/token", "https://www.googleapis.com/oauth2/v4/token",
		"https://oauth2.mtls.googleapis.com:443/token", "https://oauth2-psc.p.googleapis.com/token", "http://127.0.0.1:1/token", "http://[::1]:1/token", "http://localhost:1/"} {
		mustGenerate(t, document(t, keyFields.with("token_uri", address)).with("GOOGLE_AUTH_FORM", "json_key"))
	}
}

// TestUniverse has a cloud that is not Google's public one.
func TestUniverse(t *testing.T) {
	s := newServer(t)
	key := s.NewKey(account)
	keyFields := make(fields)
	for name, value := range key.Fields() {
		keyFields[name] = value
	}
	f := keyFields.with("universe_domain", "apis.cloud.example", "token_uri", "https://oauth2.apis.cloud.example/token")
	scope := document(t, f).with("GOOGLE_AUTH_FORM", "json_key", "GOOGLE_CLOUD_UNIVERSE_DOMAIN", "apis.cloud.example")
	result, err := generate(t, scope)
	if err != nil || result.Entries != nil || !strings.Contains(strings.Join(result.Notices, ""), "GOOGLE_REGISTRY has to name them") {
		t.Errorf("without a registry: got %q, %q, %v", registries(result), result.Notices, err)
	}
	result, err = generate(t, scope.with("GOOGLE_REGISTRY", "docker.registry.cloud.example"))
	if err != nil || !slices.Equal(registries(result), []string{"docker.registry.cloud.example"}) {
		t.Errorf("got %q, %v", registries(result), err)
	}
	for label, f := range map[string]fields{
		"Google's own":          keyFields,
		"Google's own endpoint": f.with("token_uri", "https://oauth2.googleapis.com/token"),
		"Google's accounts":     f.with("token_uri", "https://accounts.google.com/o/oauth2/token"),
	} {
		_, err := generate(t, scope.with("GOOGLE_APPLICATION_CREDENTIALS", document(t, f)["GOOGLE_APPLICATION_CREDENTIALS"]))
		if err == nil || !strings.Contains(err.Error(), "the one that GOOGLE_CLOUD_UNIVERSE_DOMAIN names") {
			t.Errorf("%s: got %v", label, err)
		}
	}
}

// TestSubjects gives external accounts sources that fail. Nothing is exchanged, and
// nothing of the answers shown.
func TestSubjects(t *testing.T) {
	s := newServer(t)
	audience := s.NewProvider("ci")
	s.NewIssuer("https://ci.example")
	dir := t.TempDir()
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "token")
		write(t, path, text)
		return path
	}
	jsonFormat := fields{"type": "json", "subject_token_field_name": "value"}
	ci := s.URL + "/subject?audience=" + audience
	for _, c := range []struct {
		label  string
		source fields
		want   string
	}{
		{"no file", fields{"file": filepath.Join(dir, "none")}, "the file that its credential_source names cannot be read: no such file"},
		{"a folder", fields{"file": dir}, "not a regular file"},
		{"an empty file", fields{"file": file("\n")}, "holds no subject token"},
		{"no JSON", fields{"file": file("hunter2"), "format": jsonFormat}, "is not JSON"},
		{"no field", fields{"file": file(`{"x":"hunter2"}`), "format": jsonFormat}, "holds no subject token"},
		{"field no text", fields{"file": file(`{"value":{"x":"hunter2"}}`), "format": jsonFormat}, "holds no subject token"},
		{"another format", fields{"file": file("hunter2"), "format": fields{"type": "xml"}}, "a format other than text and json"},
		{"refused", fields{"url": ci}, "the subject token: " + s.MetadataHost() + " answers 401 Unauthorized"},
		{"not there", fields{"url": s.URL + "/none"}, "answers 404 Not Found"},
		{"nobody there", fields{"url": "http://127.0.0.1:1/"}, "the subject token: 127.0.0.1:1"},
	} {
		_, err := generate(t, document(t, externalDocument(s, audience, c.source)))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(fmt.Sprintf("%+v %#v", err, err), "hunter2") || strings.Contains(err.Error(), "job-secret") {
			t.Errorf("%s: got %v", c.label, err)
		}
	}
	s.AWS.AddInstance("", false)
	_, err := generate(t, document(t, externalDocument(s, audience, amazonSource(s))))
	if err == nil || !strings.Contains(err.Error(), "the role of this machine, by the metadata server of Amazon: ") || !strings.Contains(err.Error(), "404 Not Found") {
		t.Errorf("a machine without a role: got %v", err)
	}
	for _, r := range s.Requests() {
		if r.Path == "/v1/token" {
			t.Error("something was exchanged")
		}
	}
}

// TestMachineInConfig uses the fields of Config where no variable is set.
func TestMachineInConfig(t *testing.T) {
	s := newServer(t)
	s.Attached = account
	config := gcr.Config{ConfigFolder: t.TempDir(), MetadataHost: s.MetadataHost(), OwnRegistries: []string{"https://corp.example/"}, Locations: []string{"us"}}
	source, err := gcr.New(config)
	if err != nil {
		t.Fatal(err)
	}
	result, err := source.Generate(t.Context())
	if err != nil || !slices.Equal(registries(result), append(slices.Clone(gcrHosts), "us-docker.pkg.dev", "corp.example")) {
		t.Errorf("got %q, %v", registries(result), err)
	}
	opened, err := config.Backend().Open(env{"GOOGLE_LOCATION": "asia"}.lookup)
	if err != nil {
		t.Fatal(err)
	}
	result, err = opened.Generate(t.Context())
	if err != nil || !slices.Contains(registries(result), "asia-docker.pkg.dev") || slices.Contains(registries(result), "us-docker.pkg.dev") {
		t.Errorf("got %q, %v", registries(result), err)
	}
	if _, err := gcr.New(gcr.Config{Registries: []string{"a b"}, Key: dockercfg.NewSecret("x")}); err == nil || !strings.Contains(err.Error(), "registry 1 of 1") {
		t.Errorf("got %v", err)
	}
}

// FuzzDocument opens documents of all types. What is taken sends credentials nowhere
// but to servers that may get them.
func FuzzDocument(f *testing.F) {
	s := fakegoogle.NewServer()
	f.Cleanup(s.Close)
	user := s.NewUser("dev@corp.example")
	f.Add(s.NewKey(account).Line())
	f.Add(user.JSON(s))
	f.Add(externalDocument(s, "//iam.googleapis.com/x", fields{"file": "/dev/null"}).text())
	f.Add(externalDocument(s, "//iam.googleapis.com/x", fields{"url": "https://x.example/", "headers": fields{"a": "b"}}).text())
	f.Add(externalDocument(s, "//iam.googleapis.com/x", amazonSource(s)).text())
	f.Add(`{"type":"impersonated_service_account","service_account_impersonation_url":"https://iamcredentials.googleapis.com/","source_credentials":` + user.JSON(s) + `}`)
	f.Add(`{"type":"external_account_authorized_user","client_id":"a","client_secret":"b","refresh_token":"c","token_url":"https://sts.googleapis.com/v1/token"}`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []string{"service_account", "authorized_user", "external_account", "external_account_authorized_user", "impersonated_service_account"} {
			_, err := gcr.Backend().Open(env{"GOOGLE_AUTH_JSON": "{" + strings.TrimPrefix(text, "{"), "GOOGLE_AUTH_TYPE": kind}.lookup)
			if err != nil {
				if len(text) > 60 && strings.Contains(err.Error(), text[:60]) {
					t.Errorf("the error shows the document: %v", err)
				}
				continue
			}
			var d struct {
				TokenURI         string `json:"token_uri"`
				TokenURL         string `json:"token_url"`
				ImpersonationURL string `json:"service_account_impersonation_url"`
			}
			if json.Unmarshal([]byte(text), &d) != nil {
				continue // it was repaired
			}
			used := map[string][]string{"service_account": {d.TokenURI}, "authorized_user": {d.TokenURI}, "external_account": {d.TokenURL, d.ImpersonationURL},
				"external_account_authorized_user": {d.TokenURL}, "impersonated_service_account": {d.ImpersonationURL}}
			for _, address := range used[kind] {
				u, err := url.Parse(address)
				if address == "" {
					continue
				}
				host := u.Hostname()
				if err != nil || host != "googleapis.com" && !strings.HasSuffix(host, ".googleapis.com") && host != "accounts.google.com" &&
					host != "localhost" && !strings.HasPrefix(host, "127.") && !strings.Contains(host, ":") {
					t.Errorf("%s: it takes %q", kind, address)
				}
			}
		}
	})
}

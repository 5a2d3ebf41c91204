package gcr_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators/gcr"
)

// decodeClaims reads the middle of a token, without verifying it.
func decodeClaims(t *testing.T, token string, into any) {
	t.Helper()
	parts := strings.Split(token, ".")
	claims, err := base64.RawURLEncoding.DecodeString(parts[len(parts)/2])
	if err == nil {
		err = json.Unmarshal(claims, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestRefusals has Google refuse, and looks at what is said and advised.
func TestRefusals(t *testing.T) {
	s := newServer(t)
	key := s.NewKey(account)
	deleted := s.NewOtherKey("old@jet-sample.iam.gserviceaccount.com")
	s.Delete(deleted)
	user := s.NewUser("dev@corp.example")
	s.Revoke(user)
	audience := s.NewProvider("ci")
	issuer := s.NewIssuer("https://ci.example")
	external := func(audience, subject string) env {
		return env{"GOOGLE_AUTH_TYPE": "external_account", "GOOGLE_AUTH_JSON": externalDocument(s, audience, fields{"file": writeTemp(t, subject)}).text()}
	}
	var keyFields = make(fields)
	for name, value := range key.Fields() {
		keyFields[name] = value
	}
	good := issuer.Token("job-1", audience, time.Hour)
	const list = "gcloud iam service-accounts keys list --iam-account="
	for _, c := range []struct {
		label        string
		scope        env
		want, advice string
	}{
		{"deleted key", original(deleted), "the key of old@jet-sample.iam.gserviceaccount.com: " + s.MetadataHost() + " refuses it: invalid_grant: Invalid JWT Signature.",
			"the key " + deleted.ID + " was deleted or replaced"},
		{"keys of two accounts mixed", env{"GOOGLE_AUTH_JSON": keyFields.with("client_email", "old@jet-sample.iam.gserviceaccount.com").text()},
			"Invalid JWT Signature.", list + "old@jet-sample.iam.gserviceaccount.com"},
		{"unknown account", env{"GOOGLE_AUTH_JSON": keyFields.with("client_email", "gone@jet-sample.iam.gserviceaccount.com").text()},
			"invalid_grant: Invalid grant: account not found", "the service account was deleted"},
		{"odd account", env{"GOOGLE_AUTH_JSON": keyFields.with("client_email", "$(reboot)@x", "private_key_id", "hunter2").text()},
			"the credential of GOOGLE_AUTH_JSON: ", "keys list --iam-account=EMAIL"},
		{"scope", original(key).with("GOOGLE_AUTH_SCOPES", "https://www.googleapis.com/auth/cloud"), "invalid_scope: Invalid OAuth scope", "look at GOOGLE_AUTH_SCOPES"},
		{"revoked login", document(t, userDocument(s, user)), "invalid_grant: Token has been expired or revoked.", "gcloud auth application-default login"},
		{"unknown pool", external("//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/x/providers/y", good), "invalid_target: The target service", "workload identity pool"},
		{"old subject", external(audience, issuer.Token("job-1", audience, -time.Hour)), "stale to sign-in", "get a new one right before"},
		{"subject for another", external(audience, issuer.Token("job-1", "https://other.example", time.Hour)), "does not match the expected audience", "--allowed-audiences"},
		{"no subject", external(audience, "hunter2-hunter2-hunter2-hunter2-hunter2"), "Unable to parse the ID Token", "its issuer, signature, audience and age"},
		{"not allowed to impersonate", document(t, fields{"type": "impersonated_service_account", "source_credentials": keyFields,
			"service_account_impersonation_url": s.ImpersonationURI("other@x.example")}),
			"to act as another service account: " + s.MetadataHost() + " refuses it: PERMISSION_DENIED: Permission 'iam.serviceAccounts.getAccessToken' denied", "roles/iam.serviceAccountTokenCreator"},
		{"too long", document(t, externalDocument(s, audience, fields{"file": writeTemp(t, good)}).with(
			"service_account_impersonation_url", s.ImpersonationURI("other@x.example"), "service_account_impersonation", fields{"token_lifetime_seconds": 43200})),
			"INVALID_ARGUMENT: The access token lifetime cannot exceed 3600 seconds.", "allowServiceAccountCredentialLifetimeExtension"},
	} {
		t.Run(c.label, func(t *testing.T) {
			_, err := generate(t, c.scope)
			refused, ok := errors.AsType[*gcr.RefusedError](err)
			if !ok || !strings.Contains(err.Error(), c.want) || !strings.Contains(advice(err), c.advice) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got %v%s", err, advice(err))
			}
			if refused.Host != s.MetadataHost() || refused.Status < 400 {
				t.Errorf("got %+v", refused)
			}
			for _, secret := range []string{"hunter2", "reboot", good[:40], user.RefreshToken, user.ClientSecret} {
				if strings.Contains(err.Error()+advice(err), secret) {
					t.Errorf("it shows %q: %v%s", secret, err, advice(err))
				}
			}
			checkHidden(t, key, fmt.Sprintf("%+v %#v", err, refused))
		})
	}
}

func writeTemp(t *testing.T, text string) string {
	t.Helper()
	path := t.TempDir() + "/token"
	write(t, path, text)
	return path
}

// TestClock has a server whose clock is another one.
func TestClock(t *testing.T) {
	for off, want := range map[time.Duration]string{
		2 * time.Hour:  "(the clock of this machine is 2h0m",
		-2 * time.Hour: "(the clock of this machine is ",
	} {
		s := newServer(t)
		s.Now = func() time.Time { return time.Now().Add(off) }
		_, err := generate(t, original(s.NewKey(account)))
		direction := map[bool]string{true: "behind that of ", false: "ahead of that of "}[off > 0]
		if err == nil || !strings.Contains(err.Error(), "reasonable timeframe") || !strings.Contains(err.Error(), direction+s.MetadataHost()) {
			t.Errorf("%v: got %v, want %q", off, err, want)
		}
		if advice(err) != " (set the clock of this machine)" {
			t.Errorf("the advice is%s", advice(err))
		}
	}
	// The server does not tell its time.
	s := newServer(t)
	s.Fault = func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header()["Date"] = nil
		w.WriteHeader(400)
		io.WriteString(w, `{"error":"invalid_grant","error_description":"Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."}`)
		return true
	}
	_, err := generate(t, original(s.NewKey(account)))
	if !strings.Contains(advice(err), "the clock of this machine is wrong") {
		t.Errorf("got %v%s", err, advice(err))
	}
	// A clock that is good enough is not blamed.
	good := newServer(t)
	key := good.NewKey(account)
	good.Delete(key)
	if _, err := generate(t, original(key)); strings.Contains(err.Error()+advice(err), "clock") {
		t.Errorf("got %v%s", err, advice(err))
	}
}

const canary = "canary-7Yq2mW-canary"

// TestFaults meets what token endpoints do on a bad day, by each way that a request
// goes. The other host gets nothing.
func TestFaults(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(func() { // behind all that run in parallel
		other.Close()
		if n := elsewhere.Load(); n != 0 {
			t.Errorf("the other host was asked %d times", n)
		}
	})
	good := func(w http.ResponseWriter) {
		fmt.Fprintf(w, `{"access_token":"ya29.good","expires_in":3599,"token_type":"Bearer","accessToken":"ya29.good","expireTime":%q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}
	faults := []struct {
		label  string
		answer func(w http.ResponseWriter, r *http.Request, try int)
		want   string // "" for a token
	}{
		{"good", func(w http.ResponseWriter, _ *http.Request, _ int) { good(w) }, ""},
		{"500 twice", func(w http.ResponseWriter, _ *http.Request, try int) {
			if try < 3 {
				http.Error(w, canary, http.StatusInternalServerError)
				return
			}
			good(w)
		}, ""},
		{"busy, with a time", func(w http.ResponseWriter, _ *http.Request, try int) {
			if try == 1 {
				w.Header().Set("Retry-After", "0")
				http.Error(w, canary, http.StatusTooManyRequests)
				return
			}
			good(w)
		}, ""},
		{"slow", func(w http.ResponseWriter, _ *http.Request, _ int) { time.Sleep(100 * time.Millisecond); good(w) }, ""},
		{"busy for longer than there is time", func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Header().Set("Retry-After", "3600")
			http.Error(w, canary, http.StatusTooManyRequests)
		}, "answers 429 Too Many Requests and asks to wait 1h0m0s"},
		{"out of order", func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Header().Set("Retry-After", "0")
			http.Error(w, canary, http.StatusServiceUnavailable)
		}, "answers 503 Service Unavailable"},
		{"hangs", func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() }, context.DeadlineExceeded.Error()},
		{"web page", func(w http.ResponseWriter, _ *http.Request, _ int) { fmt.Fprint(w, "<html>"+canary) }, "is a web page"},
		{"web page with 403", func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.WriteHeader(403)
			fmt.Fprint(w, "<html>"+canary)
		}, "refuses it: 403 Forbidden"},
		{"10 MB", func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Write([]byte(`{"access_token":"` + strings.Repeat("x", 10<<20)))
		}, "is over 1024 KiB long"},
		{"damaged JSON", func(w http.ResponseWriter, _ *http.Request, _ int) { fmt.Fprint(w, `{"access_token":"`+canary) }, "is not JSON"},
		{"a list", func(w http.ResponseWriter, _ *http.Request, _ int) { fmt.Fprint(w, `["`+canary+`"]`) }, "the answer of "},
		{"a number for a token", func(w http.ResponseWriter, _ *http.Request, _ int) {
			fmt.Fprint(w, `{"access_token":1,"expires_in":3599,"accessToken":1}`)
		}, "the answer of "},
		{"empty", func(http.ResponseWriter, *http.Request, int) {}, "is empty"},
		{"no token", func(w http.ResponseWriter, _ *http.Request, _ int) {
			fmt.Fprintf(w, `{"expires_in":3599,"expireTime":%q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		}, " access token"},
		{"no life", func(w http.ResponseWriter, _ *http.Request, _ int) {
			fmt.Fprint(w, `{"access_token":"`+canary+`","accessToken":"`+canary+`"}`)
		}, "the answer of "},
		{"life 0", func(w http.ResponseWriter, _ *http.Request, _ int) {
			fmt.Fprint(w, `{"access_token":"`+canary+`","expires_in":0,"accessToken":"`+canary+`","expireTime":"2020-01-01T00:00:00Z"}`)
		}, "the answer of "},
		{"dead", func(w http.ResponseWriter, _ *http.Request, _ int) {
			fmt.Fprint(w, `{"access_token":"`+canary+`","expires_in":-5,"accessToken":"`+canary+`","expireTime":"2020-01-01T00:00:00Z"}`)
		}, "the answer of "},
		{"a token with a line end", func(w http.ResponseWriter, _ *http.Request, _ int) {
			fmt.Fprintf(w, `{"access_token":"x\ny","expires_in":3599,"accessToken":"x\ny","expireTime":%q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		}, "with characters that none has"},
		{"redirect to another host", func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, other.URL+"/?"+canary, http.StatusTemporaryRedirect)
		}, "answers with a redirect to " + strings.TrimPrefix(other.URL, "http://")},
		{"redirect to the same host", func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, "/x", http.StatusPermanentRedirect)
		}, "is not followed"},
		{"a refusal with a secret", func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"error":"invalid_grant","error_description":"Bad assertion %s.%s\u001b[2J for it"}`, strings.Repeat("eyJhbGciOiJ", 9), strings.Repeat("x_-9", 20))
		}, "invalid_grant: Bad assertion [...].[...] [2J for it"},
		{"closes", func(http.ResponseWriter, *http.Request, int) { panic(http.ErrAbortHandler) }, "EOF"},
	}
	for _, way := range []string{"/token", "/v1/token", "/impersonate"} {
		for _, c := range faults {
			t.Run(strings.TrimPrefix(way, "/")+" "+c.label, func(t *testing.T) {
				t.Parallel()
				s := newServer(t)
				var tries atomic.Int32
				s.Fault = func(w http.ResponseWriter, r *http.Request) bool {
					if way == "/impersonate" == !strings.Contains(r.URL.Path, "serviceAccounts") {
						return false
					}
					io.Copy(io.Discard, r.Body) // else the server does not see the client go
					c.answer(w, r, int(tries.Add(1)))
					return true
				}
				key := s.NewKey(account)
				config := gcr.Config{Key: dockercfg.NewSecret(key.Line())}
				deadline := 5 * time.Second
				switch way {
				case "/v1/token":
					config.KeyType = "external_account"
					config.Key = dockercfg.NewSecret(externalDocument(s, s.NewProvider("ci"), fields{"file": writeTemp(t, canary)}).text())
				case "/impersonate":
					config = config.WithCredentialsAPI(s.URL)
					config.Impersonate = []string{"other@x.example"}
				}
				if c.label == "hangs" {
					deadline = 100 * time.Millisecond
				}
				source, err := gcr.New(config)
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()
				result, err := source.Generate(ctx)
				switch {
				case c.want == "" && (err != nil || result.Entries[0].Password.Reveal() != "ya29.good"):
					t.Errorf("got %v", err)
				case c.want != "" && (err == nil || result.Entries != nil || !strings.Contains(err.Error(), c.want)):
					t.Errorf("got %v, want %q", err, c.want)
				case err != nil && !strings.Contains(err.Error(), s.MetadataHost()):
					t.Errorf("it does not name the server: %v", err)
				case err != nil && strings.Contains(fmt.Sprintf("%+v %#v", err, err)+advice(err), canary):
					t.Errorf("it shows a secret: %v", err)
				}
				if c.label == "hangs" && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want the deadline", err)
				}
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		}
	}
}

// TestCancel ends a call while the server thinks.
func TestCancel(t *testing.T) {
	s := newServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.Fault = func(_ http.ResponseWriter, r *http.Request) bool {
		cancel()
		<-r.Context().Done()
		return true
	}
	source, err := gcr.New(gcr.Config{Key: dockercfg.NewSecret(s.NewKey(account).Line())})
	if err != nil {
		t.Fatal(err)
	}
	result, err := source.Generate(ctx)
	if !errors.Is(err, context.Canceled) || result.Entries != nil {
		t.Errorf("got %d entries, %v", len(result.Entries), err)
	}
}

// TestConcurrent has many callers of one source.
func TestConcurrent(t *testing.T) {
	s := newServer(t)
	source, err := gcr.New(gcr.Config{Key: dockercfg.NewSecret(s.NewKey(account).Line())})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for range 8 {
		go func() {
			_, err := source.Generate(t.Context())
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestHarmless(t *testing.T) {
	for text, want := range map[string]string{
		"Invalid JWT Signature.": "Invalid JWT Signature.",
		"Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).":                                                                            "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).",
		"The audience in ID Token [//iam.googleapis.com/projects/123456789/locations/global/workloadIdentityPools/a-pool-of-30-characters-at-most/providers/p] does not match": "The audience in ID Token [//iam.googleapis.com/projects/123456789/locations/global/workloadIdentityPools/a-pool-of-30-characters-at-most/providers/p] does not match",
		"a service account: a-name-of-30-characters-or-so0@a-project-of-30-characters-or0.iam.gserviceaccount.com":                                                             "a service account: a-name-of-30-characters-or-so0@a-project-of-30-characters-or0.iam.gserviceaccount.com",
		"line\none\ttwo\x1b[31m ends":                             "line one two [31m ends",
		"token ya29.c." + strings.Repeat("aB3_-", 20) + " is bad": "token ya29.c.[...] is bad",
		strings.Repeat("eyJhbGciOiJSUzI1NiI", 2) + "." + strings.Repeat("x", 33) + "." + strings.Repeat("y", 33): "[...].[...].[...]",
		strings.Repeat("word ", 100): strings.Repeat("word ", 60) + "...",
		"":                           "",
	} {
		if got := gcr.Harmless(text); got != want {
			t.Errorf("%q:\ngot  %q\nwant %q", text, got, want)
		}
	}
}

// FuzzHarmless looks for what no text for people should have.
func FuzzHarmless(f *testing.F) {
	f.Add("Invalid JWT Signature.")
	f.Add("\x1b]0;\x07\n" + strings.Repeat("=", 40))
	long := regexp.MustCompile(`[A-Za-z0-9+=_-]{33}`)
	f.Fuzz(func(t *testing.T, text string) {
		got := gcr.Harmless(text)
		if long.MatchString(got) || len(got) > 310 || strings.ContainsFunc(got, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}

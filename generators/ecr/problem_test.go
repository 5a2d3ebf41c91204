package ecr_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/generators/ecr"
	"github.com/dockercfg/jet/internal/fakeaws"
)

// TestRefusals makes AWS refuse for each of the usual reasons.
func TestRefusals(t *testing.T) {
	newFake := func() *fakeaws.AWS {
		return &fakeaws.AWS{Disabled: []string{"me-south-1"}}
	}
	type setting struct {
		fake *fakeaws.AWS
		vars map[string]string
	}
	for _, c := range []struct {
		label  string
		set    func(*setting)
		want   []string // in the error
		advice string   // part of it
	}{
		{"another secret", func(s *setting) { s.vars["AWS_SECRET_ACCESS_KEY"] = "another" },
			[]string{"eu-west-1: AWS refuses the signature: the secret does not fit the access key", "answers InvalidSignatureException, request "},
			"AWS_SECRET_ACCESS_KEY has to be the whole secret of the very key that AWS_ACCESS_KEY_ID names; the clocks agree"},
		{"our clock is behind", func(s *setting) { s.fake.Ahead = 17 * time.Minute },
			[]string{"eu-west-1: this machine's clock is 1", "s behind that of 127.0.0.1", "AWS refuses signatures that are over 5 minutes off", "InvalidSignatureException"}, "timedatectl"},
		{"our clock is ahead, before a role", func(s *setting) {
			s.fake.Ahead = -time.Hour
			s.vars["AWS_STS_ROLE"], s.vars["AWS_STS_ACCOUNT"] = "ci", other
		}, []string{"the role arn:aws:iam::210987654321:role/ci: this machine's clock is 1h0m", "ahead of that of ", "SignatureDoesNotMatch, request "}, "timedatectl"},
		{"unknown key", func(s *setting) { s.vars["AWS_ACCESS_KEY_ID"] = "AKIANOBODY" },
			[]string{"AWS does not know the access key", "UnrecognizedClientException"}, "be one of another partition: those of China, GovCloud and the rest of AWS are apart, and eu-west-1 is in aws"},
		{"unknown key, before a role", func(s *setting) {
			s.vars["AWS_ACCESS_KEY_ID"] = "AKIANOBODY"
			s.vars["AWS_STS_ROLE"], s.vars["AWS_STS_ACCOUNT"] = "ci", other
		}, []string{"AWS does not know the access key", "InvalidClientTokenId"}, "partition"},
		{"another session token", func(s *setting) { s.vars["AWS_SESSION_TOKEN"] = "of-another-key" },
			[]string{"AWS does not know the access key"}, "the session token has to be the one that came with the key"},
		{"a session that is over", func(s *setting) {
			k := s.fake.AddSession(session, time.Now().Add(-time.Minute), all...)
			s.vars["AWS_ACCESS_KEY_ID"], s.vars["AWS_SECRET_ACCESS_KEY"], s.vars["AWS_SESSION_TOKEN"] = k.ID, k.Secret, k.SessionToken
		}, []string{"eu-west-1: the session token has expired", "ExpiredTokenException"}, "get a new AWS_SESSION_TOKEN"},
		{"not allowed", func(s *setting) {
			k := s.fake.AddUser("aws", account, "weak")
			s.vars["AWS_ACCESS_KEY_ID"], s.vars["AWS_SECRET_ACCESS_KEY"] = k.ID, k.Secret
		}, []string{"User: arn:aws:iam::012345678901:user/weak is not authorized to perform: ecr:GetAuthorizationToken on resource: *", "AccessDeniedException"},
			"has to allow ecr:GetAuthorizationToken"},
		{"public is not allowed", func(s *setting) {
			k := s.fake.AddUser("aws", account, "weak", fakeaws.PublicToken)
			s.vars["AWS_ACCESS_KEY_ID"], s.vars["AWS_SECRET_ACCESS_KEY"], s.vars["ECR_PUBLIC"] = k.ID, k.Secret, ""
		}, []string{"ECR Public: AWS does not allow it: ", "sts:GetServiceBearerToken"}, "ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken"},
		{"a role that does not trust", func(s *setting) { s.vars["AWS_STS_ROLE"], s.vars["AWS_STS_ACCOUNT"] = "ci", other },
			[]string{"the role arn:aws:iam::210987654321:role/ci cannot be assumed: User: " + user + " is not authorized to perform: sts:AssumeRole", "AccessDenied, request "},
			"that of the caller sts:AssumeRole on this role, and the role's trust policy the caller, who has to show an external id"},
		{"another external id", func(s *setting) {
			s.fake.AddRole(fakeaws.Role{Account: other, Name: "ci", Trusts: []string{user}, ExternalID: "x"})
			s.vars["AWS_STS_ROLE"], s.vars["AWS_STS_ACCOUNT"], s.vars["AWS_STS_EXTERNAL_ID"] = "ci", other, "y"
		}, []string{"cannot be assumed"}, "with the external id that AWS_STS_EXTERNAL_ID holds"},
		{"a region not enabled", func(s *setting) { s.vars["AWS_REGION"] = "me-south-1" },
			[]string{"the region me-south-1, or the service in it, is not enabled for the account", "OptInRequired"}, "an administrator of the account can enable the region"},
		{"a region not enabled, before a role", func(s *setting) {
			s.vars["AWS_REGION"], s.vars["AWS_STS_ROLE"], s.vars["AWS_STS_ACCOUNT"] = "me-south-1", "ci", other
		}, []string{"me-south-1", "RegionDisabledException"}, "enable the region"},
		{"expired", func(s *setting) { s.fake.Lifetime = -time.Hour }, []string{"eu-west-1: the answer holds a token that expired at 20", "this machine's clock is wrong"}, ""},
	} {
		t.Run(c.label, func(t *testing.T) {
			s := setting{fake: newFake()}
			s.vars = start(t, s.fake)
			c.set(&s)
			result, err := generate(t, ecr.Config{}, s.vars)
			if err == nil || result.Entries != nil || result.Notices != nil {
				t.Fatalf("got %q, %v", registries(result), err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want %q", err, want)
				}
			}
			advised, ok := errors.AsType[*generators.AdvisedError](err)
			if ok != (c.advice != "") || ok && !strings.Contains(advised.Advice, c.advice) {
				t.Errorf("advice %+v, want %q", advised, c.advice)
			}
			if strings.Contains(err.Error(), s.vars["AWS_SECRET_ACCESS_KEY"]) || s.vars["AWS_SESSION_TOKEN"] != "" && strings.Contains(err.Error(), s.vars["AWS_SESSION_TOKEN"]) {
				t.Errorf("it shows a secret: %v", err)
			}
		})
	}
}

const canary = "canary-7Yq2mW"

// plain gives the variables for a server that answers as it likes.
func plain(t *testing.T, handler http.HandlerFunc) map[string]string {
	t.Helper()
	server := httptest.NewServer(unhurried(handler))
	t.Cleanup(server.Close)
	return map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": canary,
		"AWS_SESSION_TOKEN": canary + "-session", "AWS_ENDPOINT_URL": server.URL,
	}
}

// unhurried reads what is sent first: else a server does not see its client go.
func unhurried(handler http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		handler(w, r)
	}
}

// authorization is an answer of ECR.
func authorization(token, expires, registry string) string {
	return fmt.Sprintf(`{"authorizationData":[{"authorizationToken":%q,"expiresAt":%s,"proxyEndpoint":%q}]}`,
		base64.StdEncoding.EncodeToString([]byte(token)), expires, registry)
}

func inAnHour() string { return fmt.Sprintf("%d.25", time.Now().Add(time.Hour).Unix()) }

// TestAnswers meets what servers answer when they should not.
func TestAnswers(t *testing.T) {
	good := "https://" + home
	for _, c := range []struct{ label, answer, want string }{
		{"good", authorization("AWS:a:b:c", inAnHour(), good), ""},
		{"no data", `{}`, "the answer holds no token"},
		{"null", `{"authorizationData":null}`, "the answer holds no token"},
		{"empty", `{"authorizationData":[]}`, "the answer holds no token"},
		{"an object", `{"authorizationData":{}}`, "not of the form"},
		{"no token", `{"authorizationData":[{}]}`, "the answer holds no token"},
		{"two", `{"authorizationData":[{},{}]}`, "holds 2 tokens"},
		{"no colon", authorization(canary, inAnHour(), good), "not base64 of a user name and a password"},
		{"no user", authorization(":"+canary, inAnHour(), good), "not base64 of a user name"},
		{"no password", authorization("AWS:", inAnHour(), good), "not base64 of a user name"},
		{"no base64", `{"authorizationData":[{"authorizationToken":"` + canary + `!","expiresAt":1}]}`, "not base64"},
		{"no expiry", `{"authorizationData":[{"authorizationToken":"QVdTOng=","proxyEndpoint":"` + good + `"}]}`, "does not tell when the token expires"},
		{"expiry is text", authorization("AWS:x", `"soon"`, good), "not of the form"},
		{"expired", authorization("AWS:x", "1420070400.0", good), "expired at 2015-01-01T00:00:00Z"},
		{"no registry", authorization("AWS:x", inAnHour(), ""), "does not name the registry"},
		{"a path", authorization("AWS:x", inAnHour(), good+"/x"), "does not name the registry"},
		{"a user", authorization("AWS:x", inAnHour(), "https://"+canary+"@"+home), "does not name the registry"},
		{"Docker Hub", authorization("AWS:x", inAnHour(), "https://docker.io"), "does not name the registry"},
		{"a look-alike", authorization("AWS:x", inAnHour(), good+".evil.example"), `with a token for "` + home + `.evil.example", which is no registry of AWS and on another host: it is not written`},
		{"a look-alike in front", authorization("AWS:x", inAnHour(), "https://x"+home), "which is no registry of AWS"},
		{"without https", authorization("AWS:x", inAnHour(), "http://"+home), "which is a registry without https"},
		{"another region", authorization("AWS:x", inAnHour(), "https://"+account+".dkr.ecr.us-east-1.amazonaws.com"), "which is a registry in another region"},
		{"another partition", authorization("AWS:x", inAnHour(), "https://"+account+".dkr.ecr.eu-west-1.amazonaws.com.cn"), "which is no registry of AWS"},
		{"the same host", authorization("AWS:x", inAnHour(), "http://127.0.0.1:5000"), ""},
		{"loopback by name", authorization("AWS:x", inAnHour(), "https://localhost:5443"), ""},
		{"HTML", "<html>" + canary, "is a web page"},
		{"no JSON", canary, "is not JSON"},
		{"damaged", `{"authorizationData":"` + canary, "JSON"},
		{"nothing", "", "is empty"},
		{"10 MB", `{"x":"` + strings.Repeat("x", 10<<20), "is over 1024 KiB long"},
	} {
		t.Run(c.label, func(t *testing.T) {
			vars := plain(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, c.answer) })
			result, err := generate(t, ecr.Config{}, vars)
			switch {
			case c.want == "" && (err != nil || len(result.Entries) != 1):
				t.Errorf("got %q, %v", registries(result), err)
			case c.want == "" && c.label == "good":
				e := result.Entries[0]
				if e.Username != "AWS" || e.Password.Reveal() != "a:b:c" || e.Expires.Nanosecond() != 250e6 {
					t.Errorf("got %v with %q", e, e.Password.Reveal())
				}
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary) || result.Entries != nil):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	// ECR Public has an object in place of a list.
	vars := with(plain(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"authorizationData":[]}`) }), "ECR_PUBLIC", "")
	if _, err := generate(t, ecr.Config{}, vars); err == nil || !strings.Contains(err.Error(), "ECR Public: the answer is not of the form") {
		t.Errorf("public: got %v", err)
	}
	// A server of one's own may speak for any registry that is asked for by name.
	vars = plain(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, authorization("AWS:x", inAnHour(), "http://registry.corp.example:4510"))
	})
	_, err := generate(t, ecr.Config{}, vars)
	advised, ok := errors.AsType[*generators.AdvisedError](err)
	if !ok || !strings.Contains(advised.Advice, "--registry registry.corp.example:4510") {
		t.Errorf("a gateway: got %v", err)
	}
	result, err := generate(t, ecr.Config{Registries: []string{"registry.corp.example:4510", "quay.io"}}, vars)
	if err != nil || len(result.Entries) != 1 || result.Entries[0].Registry != "registry.corp.example:4510" {
		t.Errorf("a gateway by name: got %q, %v", registries(result), err)
	}
	if _, err := generate(t, ecr.Config{}, with(vars, "AWS_ECR_REGISTRY_IDS", other, "AWS_ENDPOINT_URL", "-", "AWS_ENDPOINT_URL_ECR", plain(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, authorization("AWS:x", inAnHour(), "http://localhost:5000"))
	})["AWS_ENDPOINT_URL"])); err == nil || !strings.Contains(err.Error(), "AWS_ECR_REGISTRY_IDS is set, and the server that is asked in place of AWS's has the one registry localhost:5000") {
		t.Errorf("ids of a gateway: got %v", err)
	}
}

// TestFaults meets servers that are slow, busy or somewhere else.
func TestFaults(t *testing.T) {
	var elsewhere atomic.Int32
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer stranger.Close()
	good := func(w http.ResponseWriter) { fmt.Fprint(w, authorization("AWS:x", inAnHour(), "https://"+home)) }
	refuse := func(w http.ResponseWriter, status int, code string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"__type":"com.amazonaws#%s","message":"%s"}`, code, canary)
	}
	for _, c := range []struct {
		label  string
		answer func(w http.ResponseWriter, r *http.Request, try int)
		want   string // "" for a token
		tries  int    // 0: any
	}{
		{"slow", func(w http.ResponseWriter, _ *http.Request, _ int) { time.Sleep(100 * time.Millisecond); good(w) }, "", 1},
		{"500 twice", func(w http.ResponseWriter, _ *http.Request, try int) {
			if try < 3 {
				refuse(w, 500, "ServerException")
				return
			}
			good(w)
		}, "", 3},
		{"busy, with a time", func(w http.ResponseWriter, _ *http.Request, try int) {
			if try == 1 {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(429)
				return
			}
			good(w)
		}, "", 2},
		{"busy for longer than there is time", func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
		}, "asks to wait 1h0m0s", 1},
		{"throttled as AWS does it", func(w http.ResponseWriter, _ *http.Request, try int) {
			if try == 1 {
				refuse(w, 400, "ThrottlingException")
				return
			}
			good(w)
		}, "", 2},
		{"throttled for good", func(w http.ResponseWriter, _ *http.Request, _ int) { refuse(w, 400, "ThrottlingException") }, "eu-west-1: AWS is busy, also after 2 tries", 2},
		{"hangs", func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() }, "AWS took over 1s", 0},
		{"redirect", func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, stranger.URL+"/?"+canary, http.StatusTemporaryRedirect)
		}, "answers with a redirect to " + strings.TrimPrefix(stranger.URL, "http://"), 1},
		{"cut off once", func(w http.ResponseWriter, _ *http.Request, try int) {
			if try == 1 {
				panic(http.ErrAbortHandler)
			}
			good(w)
		}, "", 2},
		{"an unknown code", func(w http.ResponseWriter, _ *http.Request, _ int) { refuse(w, 400, "NewException") }, "eu-west-1: it does not say why (", 1},
		{"a code in the header", func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Header().Set("X-Amzn-Errortype", "OptInRequired:http://internal.amazon.com/")
			w.WriteHeader(403)
		}, "is not enabled for the account", 1},
		{"a code that is none", func(w http.ResponseWriter, _ *http.Request, _ int) { refuse(w, 400, canary+" x") }, "answers 400 Bad Request", 1},
		{"a refusal in HTML", func(w http.ResponseWriter, _ *http.Request, _ int) {
			http.Error(w, "<html>"+canary, http.StatusForbidden)
		}, "answers 403 Forbidden", 1},
	} {
		t.Run(c.label, func(t *testing.T) {
			var tries atomic.Int32
			vars := with(plain(t, func(w http.ResponseWriter, r *http.Request) {
				c.answer(w, r, int(tries.Add(1)))
			}), "AWS_MAX_ATTEMPTS", "3")
			if c.label == "throttled for good" {
				vars["AWS_MAX_ATTEMPTS"] = "2"
			}
			config, err := ecr.ConfigFromEnv(env(vars))
			if err != nil {
				t.Fatal(err)
			}
			config.Deadline = time.Second
			began := time.Now()
			source, err := ecr.New(config)
			if err != nil {
				t.Fatal(err)
			}
			result, err := source.Generate(t.Context())
			switch {
			case c.want == "" && (err != nil || len(result.Entries) != 1):
				t.Errorf("got %q, %v", registries(result), err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary) || result.Entries != nil):
				t.Errorf("got %v, want %q", err, c.want)
			}
			if c.tries != 0 && int(tries.Load()) != c.tries {
				t.Errorf("asked %d times, want %d", tries.Load(), c.tries)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("the other host was asked %d times", n)
	}
}

// TestFaultsOfSTS sends the SDK's requests to the same kinds of servers.
func TestFaultsOfSTS(t *testing.T) {
	fake := &fakeaws.AWS{}
	vars := with(start(t, fake), "AWS_STS_ROLE", "ci", "AWS_STS_ACCOUNT", other)
	fake.AddRole(fakeaws.Role{Account: other, Name: "ci", Actions: all, Trusts: []string{user}})
	for _, c := range []struct {
		label  string
		answer func(w http.ResponseWriter, r *http.Request, try int)
		want   string
		tries  int
	}{
		{"500 twice", func(w http.ResponseWriter, r *http.Request, try int) {
			if try < 3 {
				w.WriteHeader(500)
				return
			}
			fake.ServeHTTP(w, r)
		}, "", 3},
		{"throttled", func(w http.ResponseWriter, r *http.Request, try int) {
			if try == 1 {
				w.WriteHeader(400)
				fmt.Fprint(w, `<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>`)
				return
			}
			fake.ServeHTTP(w, r)
		}, "", 2},
		{"out of order", func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(503) }, "answers 503", 3},
		{"redirect", func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, "http://evil.example/", http.StatusTemporaryRedirect)
		}, "answers with a redirect to evil.example", 1},
		{"HTML", func(w http.ResponseWriter, _ *http.Request, _ int) { fmt.Fprint(w, "<html>"+canary+"</html>") }, "is not of the form that was expected", 1},
		{"no XML", func(w http.ResponseWriter, _ *http.Request, _ int) { fmt.Fprint(w, canary) }, "the answer of STS lacks keys", 1},
		{"10 MB", func(w http.ResponseWriter, _ *http.Request, _ int) {
			fmt.Fprint(w, "<a>"+strings.Repeat("x", 10<<20))
		}, "1024 KiB", 1},
		{"hangs", func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() }, "AWS took over 1s", 0},
	} {
		t.Run(c.label, func(t *testing.T) {
			var tries atomic.Int32
			server := httptest.NewServer(unhurried(func(w http.ResponseWriter, r *http.Request) { c.answer(w, r, int(tries.Add(1))) }))
			defer server.Close()
			config, err := ecr.ConfigFromEnv(env(with(vars, "AWS_ENDPOINT_URL_STS", server.URL, "AWS_MAX_ATTEMPTS", "3")))
			if err != nil {
				t.Fatal(err)
			}
			config.Deadline = time.Second
			source, err := ecr.New(config)
			if err != nil {
				t.Fatal(err)
			}
			result, err := source.Generate(t.Context())
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary) || result.Entries != nil) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if c.tries != 0 && int(tries.Load()) != c.tries {
				t.Errorf("asked %d times, want %d", tries.Load(), c.tries)
			}
		})
	}
}

// TestPartial has one region that fails among others.
func TestPartial(t *testing.T) {
	fake := &fakeaws.AWS{Disabled: []string{"me-south-1", "af-south-1"}}
	vars := start(t, fake)
	result, err := generate(t, ecr.Config{}, with(vars, "AWS_REGION", "me-south-1,eu-west-1"))
	partial, ok := errors.AsType[*generators.PartialError](err)
	if !ok || len(partial.Errors) != 1 || !strings.Contains(partial.Errors[0].Error(), "me-south-1") || strings.Join(registries(result), " ") != home {
		t.Errorf("got %q, %v", registries(result), err)
	}
	result, err = generate(t, ecr.Config{}, with(vars, "AWS_REGION", "me-south-1,af-south-1"))
	if partial, ok := errors.AsType[*generators.PartialError](err); !ok || len(partial.Errors) != 2 || result.Entries != nil {
		t.Errorf("got %q, %v", registries(result), err)
	}
	reader := &profiles{keys: map[string]ecr.ProfileKeys{"one": profileKeys(fakeaws.Key{ID: vars["AWS_ACCESS_KEY_ID"], Secret: vars["AWS_SECRET_ACCESS_KEY"]}, "")}, err: errors.New("it names nothing")}
	_, err = generate(t, ecr.Config{Profiles: reader}, with(keyless(vars), "AWS_PROFILE", "one,two"))
	if err == nil || !strings.Contains(err.Error(), `ecr: profile "two": it names nothing`) {
		t.Errorf("got %v", err)
	}
}

// TestSideBySide asks ten regions of a server that takes its time.
func TestSideBySide(t *testing.T) {
	const pause = 100 * time.Millisecond
	fake := &fakeaws.AWS{}
	vars := start(t, fake)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(pause)
		fake.ServeHTTP(w, r)
	}))
	defer server.Close()
	regions := []string{"eu-west-1"}
	for i := range 9 {
		regions = append(regions, fmt.Sprintf("us-east-%d", i+1))
	}
	began := time.Now()
	result, err := generate(t, ecr.Config{}, with(vars, "AWS_ENDPOINT_URL", server.URL, "AWS_REGION", strings.Join(regions, ",")))
	if took := time.Since(began); err != nil || len(result.Entries) != 10 || took > 5*pause {
		t.Errorf("got %d entries in %v, %v", len(result.Entries), took, err)
	}
}

// TestNoSuchHost misspells a region, where the name is asked for.
func TestNoSuchHost(t *testing.T) {
	if os.Getenv("HTTPS_PROXY") != "" || os.Getenv("https_proxy") != "" {
		t.Skip("a proxy asks for the name")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	source, err := ecr.New(ecr.Config{Regions: []string{"eu-wset-1"}, Keys: ecr.Keys{ID: "AKIDEXAMPLE", Secret: dockercfg.NewSecret("canary")}, Endpoints: ecr.Endpoints{ECR: "https://api.ecr.eu-wset-1.invalid"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = source.Generate(ctx)
	advised, ok := errors.AsType[*generators.AdvisedError](err)
	if errors.Is(err, context.DeadlineExceeded) || err != nil && !ok && !strings.Contains(err.Error(), "no such host") {
		t.Skipf("there is no service of names here: %v", err)
	}
	if !ok || !strings.Contains(advised.Advice, `the region "eu-wset-1" may be misspelt`) || !strings.Contains(err.Error(), "api.ecr.eu-wset-1.invalid") {
		t.Errorf("got %v", err)
	}
}

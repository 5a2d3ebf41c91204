package ibm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/generators/backendtest"
	"github.com/dockercfg/jet/internal/endpoint"
	"github.com/dockercfg/jet/internal/fakeibm"
)

const secret = "canary-Zq8vXw2L_api-key"

func env(values map[string]string) generators.Env {
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

// set gives variables with the key.
func set(pairs ...string) map[string]string {
	values := map[string]string{"BLUEMIX_API_KEY": secret}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return values
}

func entries(user string, password string, hosts ...string) (all []dockercfg.Entry) {
	for _, host := range hosts {
		all = append(all, dockercfg.Entry{Registry: host, Username: user, Password: dockercfg.NewSecret(password)})
	}
	return all
}

func TestContract(t *testing.T) {
	config := Config{APIKey: dockercfg.NewSecret(secret)}
	for _, c := range []struct {
		set   map[string]string
		hosts []string
	}{
		{set(), []string{"us.icr.io", "registry.ng.bluemix.net", "icr.io"}},
		{set("IC_REGION", "jp-osa", "IC_VISIBILITY", "private", "IBM_AUTH_FORM", "apikey", "BLUEMIX_API_ENDPOINT", "https://cloud.ibm.com", "IBMCLOUD_IAM_API_ENDPOINT", "iam.test.cloud.ibm.com"), []string{"private.jp2.icr.io", "private.icr.io"}},
	} {
		backendtest.Run(t, Backend(), backendtest.Case{Env: c.set, Values: []any{config, &config}, Want: entries("iamapikey", secret, c.hosts...)})
	}
}

// TestContractToken is the same with tokens, by a server that always gives out the same.
func TestContractToken(t *testing.T) {
	const token = "canary-token-of-iam"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600,"expiration":%d}`, token, time.Now().Unix()+3600)
	}))
	defer server.Close()
	backendtest.Run(t, Backend(), backendtest.Case{
		Env:     set("IBM_AUTH_FORM", "token", "IBMCLOUD_IAM_API_ENDPOINT", server.URL),
		Want:    entries("iambearer", token, "us.icr.io", "registry.ng.bluemix.net", "icr.io"),
		Expires: true,
	})
}

// TestVariables goes through what codeship/ibm-bluemix-dockercfg-generator and IBM's
// own tools read.
func TestVariables(t *testing.T) {
	registry, err := generators.NewRegistry(Backend())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"BLUEMIX_API_KEY", "IC_API_KEY", "IBMCLOUD_API_KEY", "BM_API_KEY"} {
		set := map[string]string{name: secret}
		config, err := ConfigFromEnv(env(set))
		if err != nil || config.APIKey.Reveal() != secret {
			t.Errorf("%s: got %v, %v", name, config, err)
		}
		if selected := len(registry.Select(env(set))) == 1; selected != (name == "BLUEMIX_API_KEY") {
			t.Errorf("%s selects: %v", name, selected)
		}
		set[name] = ""
		_, err = ConfigFromEnv(env(set))
		if _, ok := errors.AsType[*generators.MissingVariablesError](err); !ok || err.Error() != "ibm: these variables are not set: BLUEMIX_API_KEY" {
			t.Errorf("%s empty: got %v", name, err)
		}
	}
	config, err := ConfigFromEnv(env(map[string]string{"BM_API_KEY": "last", "IC_API_KEY": secret}))
	if err != nil || config.APIKey.Reveal() != secret {
		t.Errorf("two keys: got %v, %v", config, err)
	}
}

func TestHosts(t *testing.T) {
	all := "icr.io registry.bluemix.net us.icr.io registry.ng.bluemix.net de.icr.io registry.eu-de.bluemix.net uk.icr.io registry.eu-gb.bluemix.net " +
		"au.icr.io registry.au-syd.bluemix.net jp.icr.io jp2.icr.io ca.icr.io ca2.icr.io br.icr.io es.icr.io in.icr.io in2.icr.io"
	const (
		us = "us.icr.io registry.ng.bluemix.net icr.io"
		de = "de.icr.io registry.eu-de.bluemix.net icr.io"
	)
	for _, c := range []struct {
		set    map[string]string
		hosts  string // "" for an error that names the variable
		notice string
	}{
		{set("BLUEMIX_API_ENDPOINT", ""), us, ""},
		{set("BLUEMIX_API_ENDPOINT", "api.ng.bluemix.net"), us, ""},
		{set("BLUEMIX_API_ENDPOINT", "https://api.ng.bluemix.net/"), us, ""},
		{set("BLUEMIX_API_ENDPOINT", "http://API.NG.bluemix.net"), us, ""},
		{set("BLUEMIX_API_ENDPOINT", "api.eu-de.bluemix.net"), de, ""},
		{set("BLUEMIX_API_ENDPOINT", "https://api.eu-de.cf.cloud.ibm.com"), de, ""},
		{set("BLUEMIX_API_ENDPOINT", "eu-de.containers.cloud.ibm.com:443"), de, ""},
		{set("BLUEMIX_API_ENDPOINT", "api.eu-gb.bluemix.net"), "uk.icr.io registry.eu-gb.bluemix.net icr.io", ""},
		{set("BLUEMIX_API_ENDPOINT", "api.au-syd.bluemix.net"), "au.icr.io registry.au-syd.bluemix.net icr.io", ""},
		{set("BLUEMIX_API_ENDPOINT", "https://cloud.ibm.com"), us, ""},
		{set("BLUEMIX_API_ENDPOINT", "api.us-east.bluemix.net"), us, "there is no registry in us-east"},
		{set("BLUEMIX_API_ENDPOINT", "https://cloud.ibm.com", "IC_REGION", "eu-de"), de, ""},
		{set("IC_REGION", "eu-de"), de, ""},
		{set("IBMCLOUD_REGION", "eu-de"), de, ""},
		{set("BM_REGION", "EU-DE"), de, ""},
		{set("BLUEMIX_REGION", "eu-central"), de, ""},
		{set("BLUEMIX_REGION", "ng"), us, ""},
		{set("IC_REGION", "us-east"), us, "there is no registry in us-east"},
		{set("IC_REGION", "eu-de", "BLUEMIX_API_ENDPOINT", "api.ng.bluemix.net"), de, "IC_REGION goes before BLUEMIX_API_ENDPOINT"},
		{set("IC_REGION", "eu-de", "BLUEMIX_API_ENDPOINT", "api.eu-de.bluemix.net"), de, ""},
		{set("IC_REGION", "all", "BLUEMIX_API_ENDPOINT", "api.eu-de.bluemix.net"), all, ""},
		{set("IC_REGION", "global"), "icr.io registry.bluemix.net", ""},
		{set("IC_REGION", "ca-mon, in-mum"), "ca2.icr.io in2.icr.io icr.io", ""},
		{set("IC_REGION", "jp-tok jp-osa,ca-tor,br-sao,eu-es,in-che"), "jp.icr.io jp2.icr.io ca.icr.io br.icr.io es.icr.io in.icr.io icr.io", ""},
		{set("IC_REGION", "all"), all, ""},
		{set("IC_REGION", "eu-de", "IC_VISIBILITY", "private"), "private.de.icr.io private.icr.io", ""},
		{set("IC_REGION", "eu-de", "IBMCLOUD_VISIBILITY", "public-and-private"), "de.icr.io registry.eu-de.bluemix.net private.de.icr.io icr.io private.icr.io", ""},
		{set("IC_REGION", "eu"), "", "IC_REGION"},
		{set("IC_REGION", secret), "", "IC_REGION"},
		{set("IC_REGION", " , "), "", "IC_REGION"},
		{set("IC_REGION", "us.icr.io.evil.example"), "", "IC_REGION"},
		{set("IC_VISIBILITY", "secret"), "", "IC_VISIBILITY"},
		{set("IBM_AUTH_FORM", "bearer"), "", "IBM_AUTH_FORM"},
		{set("IBMCLOUD_IAM_API_ENDPOINT", "http://iam.cloud.ibm.com"), "", "IBMCLOUD_IAM_API_ENDPOINT"},
		{set("BLUEMIX_API_ENDPOINT", "api.eu-de.bluemix.net.evil.example"), "", "BLUEMIX_API_ENDPOINT"},
		{set("BLUEMIX_API_ENDPOINT", "evilbluemix.net"), "", "BLUEMIX_API_ENDPOINT"},
		{set("BLUEMIX_API_ENDPOINT", "https://ng@evil.example"), "", "BLUEMIX_API_ENDPOINT"},
		{set("BLUEMIX_API_ENDPOINT", "ftp://api.ng.bluemix.net"), "", "BLUEMIX_API_ENDPOINT"},
		{map[string]string{"BLUEMIX_API_KEY": "@" + secret}, "", "BLUEMIX_API_KEY"},
		{map[string]string{"BLUEMIX_API_KEY": " " + secret}, us, "BLUEMIX_API_KEY begins or ends with white space"},
		{map[string]string{"BLUEMIX_API_KEY": `"` + secret + `"`}, us, "BLUEMIX_API_KEY stands in quotes"},
	} {
		source, err := Backend().Open(env(c.set))
		if c.hosts == "" {
			if source != nil || err == nil || !strings.HasPrefix(err.Error(), "ibm: "+c.notice) || strings.Contains(err.Error(), secret) {
				t.Errorf("%v: got %v, %v, want an error about %s", c.set, source, err, c.notice)
			}
			continue
		}
		if err != nil {
			t.Errorf("%v: %v", c.set, err)
			continue
		}
		result, err := source.Generate(t.Context())
		var hosts []string
		for _, e := range result.Entries {
			hosts = append(hosts, e.Registry)
			if e.Username != "iamapikey" || e.Password.Reveal() != c.set["BLUEMIX_API_KEY"] {
				t.Errorf("%v: got %v", c.set, e)
			}
		}
		if got := strings.Join(hosts, " "); got != c.hosts || err != nil {
			t.Errorf("%v: got %q, %v, want %q", c.set, got, err, c.hosts)
		}
		var want []string
		if c.notice != "" {
			want = []string{c.notice}
		}
		if !slices.EqualFunc(result.Notices, want, strings.HasPrefix) {
			t.Errorf("%v: got the notices %q, want %q", c.set, result.Notices, want)
		}
	}
}

// TestRegistries asks for registries by name, whatever the regions.
func TestRegistries(t *testing.T) {
	for want, registries := range map[string][]string{
		"de.icr.io":                           {"https://DE.icr.io/v2/", "de.icr.io"},
		"private.us.icr.io us.icr.io":         {"private.us.icr.io", "quay.io", "us.icr.io"},
		"registry.au-syd.bluemix.net":         {"registry.au-syd.bluemix.net", "docker.io"},
		"":                                    {"us.icr.io.evil.example", "evil-icr.io", "xx.icr.io", "us.icr.io:5000", "private.private.icr.io"},
		"private.icr.io registry.bluemix.net": {"private.icr.io", "registry.bluemix.net"},
	} {
		source, err := New(Config{APIKey: dockercfg.NewSecret(secret), Registries: registries})
		if err != nil {
			t.Errorf("%q: %v", registries, err)
			continue
		}
		result, err := source.Generate(t.Context())
		var hosts []string
		for _, e := range result.Entries {
			hosts = append(hosts, e.Registry)
		}
		if got := strings.Join(hosts, " "); err != nil || got != want || (want == "") != (result.Notices != nil) {
			t.Errorf("%q: got %q, %v, %q", registries, got, err, result.Notices)
		}
	}
	if source, err := New(Config{APIKey: dockercfg.NewSecret(secret), Registries: []string{"u:" + secret + "@us.icr.io"}}); source != nil || err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("got %v, %v", source, err)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, key := range []string{"", secret + "\x00"} {
		source, err := New(Config{APIKey: dockercfg.NewSecret(key)})
		if _, ok := errors.AsType[*dockercfg.EntryError](err); source != nil || !ok || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: got %v, %v", key, source, err)
		}
	}
}

// quick is a client for tests of what goes wrong.
var quick = endpoint.Options{Wait: time.Millisecond}

// tokenSource makes a source of tokens that asks a server.
func tokenSource(t *testing.T, url string, change ...string) generators.Source {
	t.Helper()
	values := set("IBM_AUTH_FORM", "token", "IBMCLOUD_IAM_API_ENDPOINT", url)
	maps.Copy(values, set(change...))
	source, err := Config{client: quick}.Backend().Open(env(values))
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func TestToken(t *testing.T) {
	cloud := &fakeibm.Cloud{Keys: map[string]string{secret: "ServiceId-1"}, Life: 20 * time.Minute}
	server := httptest.NewServer(cloud)
	defer server.Close()
	for _, address := range []string{server.URL, server.URL + "/", server.URL + "/identity/token"} {
		result, err := tokenSource(t, address, "IC_REGION", "eu-es").Generate(t.Context())
		if err != nil || len(result.Entries) != 2 {
			t.Fatalf("%s: got %v, %v", address, result, err)
		}
		for _, e := range result.Entries {
			if got := cloud.Opens(e.Username, e.Password.Reveal()); got != http.StatusOK || e.Username != "iambearer" {
				t.Errorf("the registry answers %d to %v", got, e)
			}
			if left := time.Until(e.Expires); left < 19*time.Minute || left > 20*time.Minute {
				t.Errorf("it dies in %v", left)
			}
		}
	}
	if n := cloud.Issued(); n != 3 || cloud.Refusals() != nil {
		t.Errorf("%d tokens, refusals %q", n, cloud.Refusals())
	}
	// The key itself needs nobody.
	result, err := tokenSource(t, server.URL, "IBM_AUTH_FORM", "apikey").Generate(t.Context())
	if err != nil || cloud.Opens(result.Entries[0].Username, result.Entries[0].Password.Reveal()) != http.StatusOK || cloud.Issued() != 3 {
		t.Errorf("the key: got %v, %v, %d tokens", result, err, cloud.Issued())
	}
}

// TestAddress looks at who is asked, on IBM's own names.
func TestAddress(t *testing.T) {
	for want, change := range map[string][]string{
		"https://iam.cloud.ibm.com/identity/token":                  nil,
		"https://private.iam.cloud.ibm.com/identity/token":          {"IC_VISIBILITY", "private"},
		"https://private.us-south.iam.cloud.ibm.com/identity/token": {"IC_VISIBILITY", "private", "IBMCLOUD_IAM_API_ENDPOINT", "private.us-south.iam.cloud.ibm.com"},
		"https://iam.test.cloud.ibm.com/identity/token":             {"IBMCLOUD_IAM_API_ENDPOINT", "https://iam.test.cloud.ibm.com/identity/token/"},
	} {
		config, err := ConfigFromEnv(env(set(change...)))
		if err != nil {
			t.Fatal(err)
		}
		source, err := New(config)
		if err != nil || source.iam.String() != want {
			t.Errorf("%q: got %v, %v", change, source.iam, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	cloud := &fakeibm.Cloud{Keys: map[string]string{"another": "ServiceId-1"}}
	server := httptest.NewServer(cloud)
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	result, err := tokenSource(t, server.URL).Generate(t.Context())
	advised, ok := errors.AsType[*generators.AdvisedError](err)
	want := "ibm: " + host + " answers 400 Bad Request: BXNIM0415E: Provided API key could not be found. (request " + fakeibm.RequestID + ")"
	if !ok || err.Error() != want || !strings.Contains(advised.Advice, "BLUEMIX_API_KEY") || result.Entries != nil {
		t.Errorf("got %v, want %q", err, want)
	}
	for _, c := range []struct{ body, want, advice string }{
		{`{"errorCode":"BXNIM0106E","errorMessage":"Validation failed"}`, "BXNIM0106E: Validation failed", "IBMCLOUD_IAM_API_ENDPOINT"},
		{`{"errorCode":"BXNIM0999E","errorMessage":"what you sent: ` + secret + `","context":{"requestId":"` + secret + ` x"}}`, "400 Bad Request: BXNIM0999E", ""},
		{`{"errorMessage":"` + secret + `"}`, "answers 400 Bad Request", ""},
		{`<html>` + secret, "answers 400 Bad Request", ""},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, c.body)
		}))
		_, err := tokenSource(t, server.URL).Generate(t.Context())
		server.Close()
		advised, ok := errors.AsType[*generators.AdvisedError](err)
		if err == nil || !strings.HasSuffix(err.Error(), c.want) || strings.Contains(err.Error(), secret) || ok != (c.advice != "") || ok && !strings.Contains(advised.Advice, c.advice) {
			t.Errorf("%s: got %v", c.body, err)
		}
	}
}

// TestEndpoint meets what an endpoint does on a bad day.
func TestEndpoint(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	good := fmt.Sprintf(`{"access_token":"t","expires_in":3600,"expiration":%d}`, time.Now().Unix()+3600)
	for _, c := range []struct {
		label  string
		answer func(w http.ResponseWriter, r *http.Request, try int)
		want   string // "" for a token
	}{
		{"slow", func(w http.ResponseWriter, _ *http.Request, _ int) {
			time.Sleep(50 * time.Millisecond)
			io.WriteString(w, good)
		}, ""},
		{"500 twice", func(w http.ResponseWriter, _ *http.Request, try int) {
			if try < 3 {
				http.Error(w, secret, 500)
				return
			}
			io.WriteString(w, good)
		}, ""},
		{"busy", func(w http.ResponseWriter, _ *http.Request, try int) {
			if try == 1 {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(429)
				return
			}
			io.WriteString(w, good)
		}, ""},
		{"only the time of death", func(w http.ResponseWriter, _ *http.Request, _ int) {
			fmt.Fprintf(w, `{"access_token":"t","expiration":%d}`, time.Now().Unix()+60)
		}, ""},
		{"hangs", func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() }, "context deadline exceeded"},
		{"busy for long", func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
		}, "429 Too Many Requests and asks to wait 1h0m0s"},
		{"web page", func(w http.ResponseWriter, _ *http.Request, _ int) { io.WriteString(w, "<html>"+secret) }, "is a web page"},
		{"10 MB", func(w http.ResponseWriter, _ *http.Request, _ int) { w.Write(make([]byte, 10<<20)) }, "is over 1024 KiB long"},
		{"damaged JSON", func(w http.ResponseWriter, _ *http.Request, _ int) { io.WriteString(w, `{"access_token":"`+secret) }, "is not JSON"},
		{"redirect", func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}, "is not followed"},
		{"no token", func(w http.ResponseWriter, _ *http.Request, _ int) { io.WriteString(w, `{"expires_in":3600}`) }, "has no access token"},
		{"another type", func(w http.ResponseWriter, _ *http.Request, _ int) {
			io.WriteString(w, `{"access_token":"t","token_type":"mac","expires_in":3600}`)
		}, "of another type than Bearer"},
		{"odd token", func(w http.ResponseWriter, _ *http.Request, _ int) {
			io.WriteString(w, `{"access_token":"`+secret+`\n","expires_in":3600}`)
		}, "with characters that no token has"},
		{"expired", func(w http.ResponseWriter, _ *http.Request, _ int) {
			fmt.Fprintf(w, `{"access_token":"t","expires_in":0,"expiration":%d}`, time.Now().Unix()-60)
		}, "has a token that has expired already"},
		{"no time", func(w http.ResponseWriter, _ *http.Request, _ int) { io.WriteString(w, `{"access_token":"t"}`) }, "has expired already"},
	} {
		t.Run(c.label, func(t *testing.T) {
			tries := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.PostFormValue("apikey") != secret {
					t.Error("the key is not in the form")
				}
				tries++
				c.answer(w, r, tries)
			}))
			defer server.Close()
			limit := 20 * time.Second
			if c.label == "hangs" {
				limit = 200 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			result, err := tokenSource(t, server.URL).Generate(ctx)
			switch {
			case c.want == "" && (err != nil || len(result.Entries) != 3 || result.Entries[0].Password.Reveal() != "t"):
				t.Errorf("got %v, %v", result, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || result.Entries != nil):
				t.Errorf("got %v, %v, want %q", result, err, c.want)
			case err != nil && strings.Contains(err.Error(), secret):
				t.Errorf("it shows a secret: %v", err)
			}
		})
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("the other host was asked %d times", n)
	}
}

// TestDeadline bounds a source whose caller does not.
func TestDeadline(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer server.Close()
	source, err := New(Config{APIKey: dockercfg.NewSecret(secret), Form: Token, IAM: server.URL, Deadline: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.Generate(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// TestOffline makes sure that the key itself goes nowhere.
func TestOffline(t *testing.T) {
	dial := func(_ context.Context, _, address string) (net.Conn, error) {
		t.Errorf("it dials %s", address)
		return nil, errors.New("offline")
	}
	source, err := New(Config{APIKey: dockercfg.NewSecret(secret), Regions: []string{AllRegions}, client: endpoint.Options{Dial: dial}})
	if err != nil {
		t.Fatal(err)
	}
	if result, err := source.Generate(t.Context()); err != nil || len(result.Entries) != 18 {
		t.Errorf("got %d entries, %v", len(result.Entries), err)
	}
}

func FuzzRegions(f *testing.F) {
	f.Add("api.ng.bluemix.net", "us-south,all")
	f.Add("https://cloud.ibm.com/", "eu-central")
	f.Fuzz(func(t *testing.T, address, regions string) {
		source, err := Backend().Open(env(map[string]string{"BLUEMIX_API_KEY": secret, "BLUEMIX_API_ENDPOINT": address, "IC_REGION": regions}))
		if err != nil {
			return
		}
		result, err := source.Generate(t.Context())
		if err != nil || len(result.Entries) < 2 {
			t.Fatalf("got %v, %v", result, err)
		}
		for _, e := range result.Entries {
			if !strings.HasSuffix("."+e.Registry, ".icr.io") && !strings.HasSuffix(e.Registry, ".bluemix.net") {
				t.Errorf("an entry for %s", e.Registry)
			}
		}
	})
}

func TestIdentity(t *testing.T) {
	for _, c := range []struct {
		set        map[string]string
		registries []string
		want       bool
	}{
		{set(), nil, false},
		{set("IBM_AUTH_FORM", "token"), nil, true},
		{set("IBM_AUTH_FORM", "token"), []string{"quay.io"}, false},
	} {
		source, err := Config{Registries: c.registries}.Backend().Open(env(c.set))
		if err != nil {
			t.Fatal(err)
		}
		if parts, ok := source.(generators.Identified).Identity(); ok != c.want || parts != nil {
			t.Errorf("%v: told: %v", c, ok)
		}
	}
}

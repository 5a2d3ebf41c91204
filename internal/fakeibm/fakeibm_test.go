package fakeibm

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dockercfg/jet/internal/fakejwt"
)

const key = "canary-7Yq2mW-api-key"

// ask sends the form of a good request, as a change has it.
func ask(t *testing.T, c *Cloud, change func(*http.Request, url.Values)) (int, map[string]any) {
	t.Helper()
	form := url.Values{"grant_type": {"urn:ibm:params:oauth:grant-type:apikey"}, "apikey": {key}, "response_type": {"cloud_iam"}}
	request := httptest.NewRequest(http.MethodPost, "/identity/token", nil)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	change(request, form)
	body := httptest.NewRequest(request.Method, request.URL.String(), strings.NewReader(form.Encode()))
	body.Header = request.Header
	answer := httptest.NewRecorder()
	c.ServeHTTP(answer, body)
	var values map[string]any
	json.Unmarshal(answer.Body.Bytes(), &values)
	return answer.Code, values
}

func TestCloud(t *testing.T) {
	c := &Cloud{Keys: map[string]string{key: "ServiceId-1"}}
	for _, change := range []func(*http.Request, url.Values){
		func(*http.Request, url.Values) {},
		func(_ *http.Request, form url.Values) { form.Del("response_type") },
	} {
		status, answer := ask(t, c, change)
		token, _ := answer["access_token"].(string)
		if status != http.StatusOK || answer["token_type"] != "Bearer" || answer["expires_in"] != 3600.0 || c.Opens("iambearer", token) != http.StatusOK {
			t.Errorf("got %d, %v", status, answer)
		}
		for _, user := range []string{"iamapikey", "iamrefresh", "bob"} {
			if got := c.Opens(user, token); got != http.StatusBadRequest {
				t.Errorf("%s with a token: got %d", user, got)
			}
		}
	}
	for user, want := range map[string]int{"iamapikey": http.StatusOK, "iambearer": http.StatusBadRequest, "bob": http.StatusBadRequest} {
		if got := c.Opens(user, key); got != want {
			t.Errorf("%s with the key: got %d", user, got)
		}
	}
	if got := c.Opens("iamapikey", key+"x"); got != http.StatusUnauthorized {
		t.Errorf("a wrong key: got %d", got)
	}
	other := fakejwt.Sign(fakejwt.Key("other"), nil, fakejwt.Claims{"iam_id": "iam-x", "exp": time.Now().Unix() + 60})
	if got := c.Opens("iambearer", other); got != http.StatusUnauthorized {
		t.Errorf("a token of somebody else: got %d", got)
	}
	if n := c.Issued(); n != 2 {
		t.Errorf("%d tokens", n)
	}
}

func TestCloudRefuses(t *testing.T) {
	for label, c := range map[string]struct {
		status int
		code   string
		change func(*http.Request, url.Values)
	}{
		"another path":       {404, "", func(r *http.Request, _ url.Values) { r.URL.Path = "/oidc/token" }},
		"GET":                {405, "", func(r *http.Request, _ url.Values) { r.Method = http.MethodGet }},
		"key in the query":   {400, "BXNIM0109E", func(r *http.Request, _ url.Values) { r.URL.RawQuery = "apikey=" + key }},
		"JSON":               {415, "", func(r *http.Request, _ url.Values) { r.Header.Set("Content-Type", "application/json") }},
		"no Accept":          {406, "", func(r *http.Request, _ url.Values) { r.Header.Del("Accept") }},
		"another grant type": {400, "BXNIM0108E", func(_ *http.Request, f url.Values) { f.Set("grant_type", "apikey") }},
		"response type uaa":  {400, "BXNIM0106E", func(_ *http.Request, f url.Values) { f.Set("response_type", "cloud_iam,uaa") }},
		"no key":             {400, "BXNIM0109E", func(_ *http.Request, f url.Values) { f.Del("apikey") }},
		"a wrong key":        {400, "BXNIM0415E", func(_ *http.Request, f url.Values) { f.Set("apikey", key+" ") }},
	} {
		cloud := &Cloud{Keys: map[string]string{key: "ServiceId-1"}}
		status, answer := ask(t, cloud, c.change)
		code, _ := answer["errorCode"].(string)
		if status != c.status || code != c.code || cloud.Issued() != 0 {
			t.Errorf("%s: got %d, %v", label, status, answer)
		}
		if refusals := strings.Join(cloud.Refusals(), " "); refusals != c.code {
			t.Errorf("%s: refusals %q", label, refusals)
		}
	}
}

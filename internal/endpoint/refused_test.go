package endpoint

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestRefused(t *testing.T) {
	status := &StatusError{Host: "login.example", Code: 401, Body: []byte(canary)}
	for _, c := range []struct {
		code, description, id string
		want                  string
	}{
		{"AB12", "AB12: the secret is wrong", "1-2", "login.example answers 401 Unauthorized: AB12: the secret is wrong (request 1-2)"},
		{"AB12", "the secret is wrong", "", "login.example answers 401 Unauthorized: AB12: the secret is wrong"},
		{"", "  two\r\nlines ", "", "login.example answers 401 Unauthorized: two"},
		{"", "a \x1b[31m\xffred", "", "login.example answers 401 Unauthorized: a  [31mred"},
		{"A B", "", "x y", "login.example answers 401 Unauthorized"},
		{"A", "", strings.Repeat("1", 65), "login.example answers 401 Unauthorized: A"},
		{"A", "you sent " + canary, "1", "login.example answers 401 Unauthorized: A (request 1)"},
		{"A", "you sent a secret that begins with " + canary[:8], "", "login.example answers 401 Unauthorized: A"},
		{"A", "line\nyou sent " + canary[3:], "", "login.example answers 401 Unauthorized: A"},
		{"A", "it begins with " + canary[:7], "", "login.example answers 401 Unauthorized: A: it begins with canary-"},
		{"key-" + canary, "no", "1", "login.example answers 401 Unauthorized: no (request 1)"},
		{"A", "no", canary, "login.example answers 401 Unauthorized: A: no"},
		{"A", "the other is pin", "", "login.example answers 401 Unauthorized: A"},
		{"", strings.Repeat("ä", 300), "", "login.example answers 401 Unauthorized: " + strings.Repeat("ä", 200) + "…"},
	} {
		if got := Refused(status, c.code, c.description, c.id, canary, "pin", "").Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestClock(t *testing.T) {
	for want, at := range map[string]time.Duration{
		"": time.Minute, "this machine's clock is 1h0m0s behind that of h": time.Hour, "this machine's clock is 10m0s ahead of that of h": -10 * time.Minute,
	} {
		date := time.Now().Add(at + 500*time.Millisecond).UTC().Format(http.TimeFormat)
		got := (&StatusError{Host: "h", Header: http.Header{"Date": {date}}}).Clock()
		if strings.NewReplacer("59m59s", "1h0m0s", "1h0m1s", "1h0m0s", "9m59s", "10m0s", "10m1s", "10m0s").Replace(got) != want {
			t.Errorf("%v: got %q", at, got)
		}
	}
	if got := (&StatusError{}).Clock(); got != "" {
		t.Errorf("without a date: got %q", got)
	}
}

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]string{
		"login.example":                      "https://login.example",
		"login.example:8443/a/":              "https://login.example:8443/a/",
		"https://Login.Example/":             "https://login.example/",
		"http://127.0.0.1:8080/msi/token":    "http://127.0.0.1:8080/msi/token",
		"http://localhost:1":                 "http://localhost:1",
		"http://[::1]:1":                     "http://[::1]:1",
		"http://169.254.169.254":             "http://169.254.169.254",
		"http://[fe80::1]":                   "http://[fe80::1]",
		"http://login.example":               "",
		"http://localhost.evil.example":      "",
		"http://10.0.0.1":                    "",
		"http://127.0.0.1.evil.example":      "",
		"ftp://login.example":                "",
		"":                                   "",
		"://":                                "",
		"https://":                           "",
		"https://:443":                       "",
		"https://u:" + canary + "@a.example": "",
		"https://a.example/?" + canary:       "",
		"https://a.example/#" + canary:       "",
		"https://a.example#":                 "",
		"https://a.example?":                 "",
		"https://a b.example/":               "",
		"https://a%20b.example":              "",
		"https://ä.example":                  "",
		"\n":                                 "",
		canary + "\x00":                      "",
	} {
		u, err := ParseAddress(text)
		switch {
		case want == "" && err == nil:
			t.Errorf("%q: got %v", text, u)
		case want != "" && (err != nil || u.String() != want):
			t.Errorf("%q: got %v, %v", text, u, err)
		case err != nil && strings.Contains(err.Error(), canary):
			t.Errorf("%q is shown: %v", text, err)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, text := range []string{"", "https://a.example/b", "http://127.0.0.1:1", "a.example", "http://[::1%25lo]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseAddress(text)
		if err != nil {
			return
		}
		again, err := ParseAddress(u.String())
		if err != nil || again.String() != u.String() {
			t.Errorf("%q becomes %q, and that %v, %v", text, u, again, err)
		}
		if _, err := http.NewRequest(http.MethodGet, u.String(), nil); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}

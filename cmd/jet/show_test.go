package main

import (
	"encoding/base64"
	"testing"
	"time"
)

func jsonWebToken(header, claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(claims)) + ".c2ln"
}

func TestExpiry(t *testing.T) {
	const header = `{"alg":"RS256"}`
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		token string
		want  time.Time
	}{
		"claim":          {jsonWebToken(header, `{"exp":1795262400}`), at},
		"with fractions": {jsonWebToken(header, `{"exp":1795262400.9}`), at},
		"other claims":   {jsonWebToken(header, `{"sub":"x","exp":1.7952624e9}`), at},
		"padded":         {base64.URLEncoding.EncodeToString([]byte(header)) + "." + base64.URLEncoding.EncodeToString([]byte(`{"exp":1795262400}`)) + ".c2ln", at},

		"no token":          {"hunter2", time.Time{}},
		"empty":             {"", time.Time{}},
		"dots alone":        {"..", time.Time{}},
		"two parts":         {"e30.e30", time.Time{}},
		"five parts":        {jsonWebToken(header, `{"exp":1795262400}`) + ".e30.e30", time.Time{}},
		"no claim":          {jsonWebToken(header, `{}`), time.Time{}},
		"no algorithm":      {jsonWebToken(`{}`, `{"exp":1795262400}`), time.Time{}},
		"claim is text":     {jsonWebToken(header, `{"exp":"1795262400"}`), time.Time{}},
		"claim is zero":     {jsonWebToken(header, `{"exp":0}`), time.Time{}},
		"claim is less":     {jsonWebToken(header, `{"exp":-1}`), time.Time{}},
		"claim is huge":     {jsonWebToken(header, `{"exp":1e300}`), time.Time{}},
		"header is no JSON": {jsonWebToken("x", `{"exp":1795262400}`), time.Time{}},
		"claims no JSON":    {jsonWebToken(header, `x`), time.Time{}},
		"claims an array":   {jsonWebToken(header, `[1795262400]`), time.Time{}},
		"not base64":        {"e30.!.x", time.Time{}},
	} {
		got, ok := expiry(test.token)
		if !got.Equal(test.want) || ok == test.want.IsZero() {
			t.Errorf("%s: got %v, %v, want %v", name, got, ok, test.want)
		}
	}
}

func TestExpires(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	const when = "2026-11-21 12:00 UTC"
	for left, want := range map[time.Duration]string{
		time.Second:           "expires " + when + ", in 1s",
		59 * time.Minute:      "expires " + when + ", in 59m",
		2 * time.Hour:         "expires " + when + ", in 2h",
		47 * time.Hour:        "expires " + when + ", in 47h",
		48 * time.Hour:        "expires " + when + ", in 2d",
		0:                     "expired " + when + ", 0s ago",
		-90 * time.Minute:     "expired " + when + ", 1h ago",
		-400 * 24 * time.Hour: "expired " + when + ", 400d ago",
	} {
		if got := expires(at, at.Add(-left)); got != want {
			t.Errorf("%v: got %q, want %q", left, got, want)
		}
	}
}

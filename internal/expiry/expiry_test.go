package expiry

import (
	"encoding/base64"
	"testing"
	"time"
)

func jsonWebToken(header, claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(claims)) + ".c2ln"
}

func TestOf(t *testing.T) {
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

		"Amazon ECR": {base64.StdEncoding.EncodeToString([]byte(`{"payload":"x","datakey":"y","version":"2","type":"DATA_KEY","expiration":1795262400}`)), at},

		"another object":    {base64.StdEncoding.EncodeToString([]byte(`{"expiration":1795262400}`)), time.Time{}},
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
		got, ok := Of(test.token)
		if !got.Equal(test.want) || ok == test.want.IsZero() {
			t.Errorf("%s: got %v, %v, want %v", name, got, ok, test.want)
		}
	}
}

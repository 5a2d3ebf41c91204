package fakejwt

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"strings"
	"testing"
	"time"
)

func TestVerify(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	good := Claims{"sub": "a", "exp": now + 60, "nbf": now}
	for _, token := range []string{Sign(Key("a"), nil, good), Sign(curve, map[string]any{"kid": "k"}, good)} {
		if claims, err := Verify(token, Key("a").Public(), curve.Public()); err != nil || claims.Text("sub") != "a" || claims.Text("exp") != "" {
			t.Errorf("got %v, %v", claims, err)
		}
		if _, err := Verify(token, Key("b").Public()); err == nil {
			t.Error("another key verifies it")
		}
		if _, err := Verify(token); err == nil {
			t.Error("no key verifies it")
		}
		parts := strings.Split(token, ".")
		for label, bad := range map[string]string{
			"no algorithm":      encode(map[string]any{"alg": "none"}) + "." + parts[1] + ".",
			"another algorithm": encode(map[string]any{"alg": "HS256"}) + "." + parts[1] + "." + parts[2],
			"other claims":      parts[0] + "." + encode(Claims{"sub": "b", "exp": now + 60}) + "." + parts[2],
			"two parts":         parts[0] + "." + parts[1],
			"no base64":         "!." + parts[1] + "." + parts[2],
			"no JSON":           "YQ." + parts[1] + "." + parts[2],
		} {
			if _, err := Verify(bad, Key("a").Public(), curve.Public()); err == nil {
				t.Errorf("%s: it is verified", label)
			}
		}
	}
	for label, claims := range map[string]Claims{
		"expired": {"exp": now - 60}, "without end": {"sub": "a"}, "not yet": {"exp": now + 7200, "nbf": now + 3600},
	} {
		if _, err := Verify(Sign(Key("a"), nil, claims), Key("a").Public()); err == nil {
			t.Errorf("%s: it is verified", label)
		}
	}
}

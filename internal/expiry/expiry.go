// Package expiry reads when a token says itself that it is over.
package expiry

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// Of gives when a secret says that it is over: a JSON Web Token by its claim "exp"
// (RFC 7519 section 4.1.4), a token of Amazon ECR, which is the base64 of an object, by
// "expiration". Nobody has verified it: only the registry could. Ok is whether it says
// anything.
func Of(secret string) (at time.Time, ok bool) {
	seconds := 0.0
	if parts := strings.Split(secret, "."); len(parts) == 3 {
		var header struct{ Alg string }
		var claims struct{ Exp float64 }
		for i, into := range []any{&header, &claims} {
			text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[i], "="))
			if err != nil || json.Unmarshal(text, into) != nil {
				return time.Time{}, false
			}
		}
		if header.Alg != "" {
			seconds = claims.Exp
		}
	} else if text, err := base64.StdEncoding.DecodeString(secret); err == nil {
		var token struct {
			Payload, Datakey string
			Expiration       float64
		}
		if json.Unmarshal(text, &token) == nil && token.Payload != "" && token.Datakey != "" {
			seconds = token.Expiration
		}
	}
	const lastYear = 253402300799 // the end of the year 9999, the last that RFC 3339 can write
	if seconds <= 0 || seconds > lastYear {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0).UTC(), true
}

package azure

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// claims are those of a JSON web token (RFC 7519) that are of use here. They are not
// verified: the servers do that who take the token, and what is read here decides
// about a message or a file that is not written, not about trust.
type claims struct {
	Issuer   string  `json:"iss"`
	Subject  string  `json:"sub"`
	Audience strs    `json:"aud"`
	Expires  float64 `json:"exp"` // seconds since 1970
}

// strs is a text or a list of them.
type strs []string

func (s *strs) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*s = strs{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(s))
}

// claimsOf reads the claims of a token, and whether it looks like one at all.
func claimsOf(token string) (c claims, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || parts[2] == "" {
		return claims{}, false
	}
	var header map[string]any
	for i, into := range []any{&header, &c} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(text, into) != nil {
			return claims{}, false
		}
	}
	_, err := base64.RawURLEncoding.DecodeString(parts[2])
	return c, err == nil
}

// expires is when the token dies; zero if it does not tell.
func (c claims) expires() time.Time {
	if c.Expires <= 0 || c.Expires > 1<<40 {
		return time.Time{}
	}
	return time.Unix(int64(c.Expires), 0)
}

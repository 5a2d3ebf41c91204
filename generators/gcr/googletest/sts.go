package googletest

import (
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

const grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange" // RFC 8693

// Token types of RFC 8693 section 3, and Amazon's.
const (
	typeAccess = "urn:ietf:params:oauth:token-type:access_token"
	TypeJWT    = "urn:ietf:params:oauth:token-type:jwt"
	TypeID     = "urn:ietf:params:oauth:token-type:id_token"
	TypeAWS    = "urn:ietf:params:aws:token-type:aws4_request"
)

// NewProvider makes a provider of a workload identity pool and gives its audience.
func (s *Server) NewProvider(name string) (audience string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	audience = "//iam.googleapis.com/projects/123456789/locations/global/workloadIdentityPools/jet/providers/" + name
	s.pools[audience] = true
	return audience
}

// Issuer is an identity provider that is trusted.
type Issuer struct {
	Name string

	server  *Server
	private *rsa.PrivateKey
}

// NewIssuer makes an identity provider, whose tokens the exchange accepts.
func (s *Server) NewIssuer(name string) *Issuer {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	i := &Issuer{Name: name, server: s, private: privateKeys[1]()}
	s.issuers[name] = i
	return i
}

// Token makes a subject token that lasts for a while from now on.
func (i *Issuer) Token(subject, audience string, life time.Duration) string {
	now := i.server.Now()
	return sign(i.private, header{Algorithm: "RS256", Type: "JWT"}, map[string]any{
		"iss": i.Name, "sub": subject, "aud": audience, "iat": now.Unix(), "exp": now.Add(life).Unix(),
	})
}

// exchange is the Security Token Service.
func (s *Server) exchange(w http.ResponseWriter, r *http.Request) {
	form := r.PostForm
	switch grant := form.Get("grant_type"); {
	case r.Method != http.MethodPost:
		http.NotFound(w, r)
		return
	case grant == grantRefresh: // of an external user, whose client proves itself in the header
		user, ok := s.users[form.Get("refresh_token")]
		id, secret, hasClient := r.BasicAuth()
		switch {
		case !hasClient || !ok || user.ClientID != id || user.ClientSecret != secret:
			refuse(w, "invalid_client", "The OAuth client was not found.")
		default:
			s.grant(w, user.Email, map[string]any{"issued_token_type": typeAccess})
		}
		return
	case grant != grantExchange:
		refuse(w, "unsupported_grant_type", "Invalid value for \"grant_type\".")
		return
	case form.Get("requested_token_type") != typeAccess:
		refuse(w, "invalid_request", "Invalid value for \"requested_token_type\".")
		return
	case !strings.HasPrefix(form.Get("audience"), "//iam.googleapis.com/"):
		refuse(w, "invalid_request", "Invalid value for \"audience\". This value should be the full resource name of the Identity Provider.")
		return
	case !s.pools[form.Get("audience")]:
		refuse(w, "invalid_target", "The target service indicated by the \"audience\" parameters is invalid. This might either be because the pool or provider is disabled or deleted or because it doesn't exist.")
		return
	case !validScopes(strings.Fields(form.Get("scope"))):
		refuse(w, "invalid_scope", "Invalid scope.")
		return
	}
	var principal, problem string
	switch form.Get("subject_token_type") {
	case TypeJWT, TypeID:
		principal, problem = s.verifySubject(form.Get("subject_token"), form.Get("audience"))
	case TypeAWS:
		principal, problem = s.verifyCallerIdentity(form.Get("subject_token"), form.Get("audience"))
	default:
		refuse(w, "invalid_request", "Invalid value for \"subject_token_type\".")
		return
	}
	if problem != "" {
		refuse(w, "invalid_grant", problem)
		return
	}
	s.grant(w, principal, map[string]any{"issued_token_type": typeAccess})
}

// verifySubject checks a token of an identity provider.
func (s *Server) verifySubject(text, audience string) (principal, problem string) {
	jwt, err := parseToken(text)
	var c struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		Issued   int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}
	if err != nil || json.Unmarshal(jwt.claims, &c) != nil {
		return "", "Unable to parse the ID Token."
	}
	issuer := s.issuers[c.Issuer]
	now := s.Now()
	switch {
	case issuer == nil:
		return "", "The issuer in ID Token " + c.Issuer + " does not match the expected ones."
	case jwt.verify(&issuer.private.PublicKey) != nil:
		return "", "Invalid signature for ID Token."
	case c.Audience != audience && c.Audience != "https:"+audience:
		return "", "The audience in ID Token [" + c.Audience + "] does not match the expected audience."
	case time.Unix(c.Expires, 0).Before(now):
		return "", "ID Token issued at " + time.Unix(c.Issued, 0).UTC().Format(time.RFC3339) + " is stale to sign-in."
	case c.Subject == "":
		return "", "The subject is missing."
	}
	return "principal:" + c.Subject, ""
}

// subject gives a subject token, as the service of a CI does to its jobs: to a
// request that carries the job's own bearer token.
func (s *Server) subject(w http.ResponseWriter, r *http.Request) {
	issuer := s.issuers["https://ci.example"]
	if issuer == nil || r.Header.Get("Authorization") != "bearer job-secret-Xq81" {
		http.Error(w, "job-secret-Xq81 is wanted", http.StatusUnauthorized)
		return
	}
	reply(w, http.StatusOK, map[string]any{"count": 1, "value": issuer.Token("job-1", r.URL.Query().Get("audience"), time.Minute)})
}

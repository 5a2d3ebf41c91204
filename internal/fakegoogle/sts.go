package fakegoogle

import (
	"crypto/rsa"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/dockercfg/jet/internal/fakejwt"
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
	i := &Issuer{Name: name, server: s, private: fakejwt.Key("google, an issuer")}
	s.issuers[name] = i
	return i
}

// Token makes a subject token that lasts for a while from now on.
func (i *Issuer) Token(subject, audience string, life time.Duration) string {
	now := i.server.Now()
	return fakejwt.Sign(i.private, nil, fakejwt.Claims{"iss": i.Name, "sub": subject, "aud": audience, "iat": now.Unix(), "exp": now.Add(life).Unix()})
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
func (s *Server) verifySubject(token, audience string) (principal, problem string) {
	_, c, err := fakejwt.Read(token)
	if err != nil {
		return "", "Unable to parse the ID Token."
	}
	issuer := s.issuers[c.Text("iss")]
	issued, _ := c.Time("iat")
	expires, _ := c.Time("exp")
	switch {
	case issuer == nil:
		return "", "The issuer in ID Token " + c.Text("iss") + " does not match the expected ones."
	case !isSigned(token, &issuer.private.PublicKey):
		return "", "Invalid signature for ID Token."
	case c.Text("aud") != audience && c.Text("aud") != "https:"+audience:
		return "", "The audience in ID Token [" + c.Text("aud") + "] does not match the expected audience."
	case expires.Before(s.Now()):
		return "", "ID Token issued at " + issued.UTC().Format(time.RFC3339) + " is stale to sign-in."
	case c.Text("sub") == "":
		return "", "The subject is missing."
	}
	return "principal:" + c.Text("sub"), ""
}

// verifyCallerIdentity sends a subject token that is a signed request to Amazon's
// GetCallerIdentity there, and takes its word
// (cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds).
func (s *Server) verifyCallerIdentity(text, audience string) (principal, problem string) {
	decoded, err := url.QueryUnescape(text)
	var signed struct {
		URL     string `json:"url"`
		Method  string `json:"method"`
		Headers []struct {
			Key   string `json:"key"`
			Value string `json:"value"`
		} `json:"headers"`
	}
	if err != nil || json.Unmarshal([]byte(decoded), &signed) != nil {
		return "", "Unable to parse the AWS token."
	}
	request, err := http.NewRequest(signed.Method, signed.URL, http.NoBody)
	if err != nil {
		return "", "Unable to parse the AWS token."
	}
	for _, h := range signed.Headers {
		request.Header.Add(h.Key, h.Value)
	}
	names := strings.ToLower(request.Header.Get("Authorization"))
	switch {
	case request.URL.Scheme != "https" || !regional.MatchString(request.URL.Host) || request.URL.RawQuery != "Action=GetCallerIdentity&Version=2011-06-15",
		request.Header.Get("Host") != request.URL.Host:
		return "", "The AWS token is not a request for GetCallerIdentity of a region."
	case request.Header.Get("X-Goog-Cloud-Target-Resource") != audience || !strings.Contains(names, "x-goog-cloud-target-resource"):
		return "", "The AWS token is not for this audience."
	}
	answer := httptest.NewRecorder()
	s.AWS.ServeHTTP(answer, request)
	var identity struct {
		ARN string `xml:"GetCallerIdentityResult>Arn"`
	}
	if answer.Code != http.StatusOK || xml.Unmarshal(answer.Body.Bytes(), &identity) != nil || identity.ARN == "" {
		return "", "Received invalid AWS response of type <ErrorResponse>."
	}
	return "principal:" + identity.ARN, ""
}

// regional are the hosts of Amazon's STS that are asked.
var regional = regexp.MustCompile(`^sts\.[a-z]+(-[a-z]+)+-[0-9]\.amazonaws\.com$`)

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

package fakegoogle

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dockercfg/jet/internal/fakejwt"
)

const (
	grantAssertion = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	grantRefresh   = "refresh_token"
)

// Key is a key of a service account, in the form in which Google hands it out.
type Key struct {
	Email string
	ID    string

	private  *rsa.PrivateKey
	tokenURI string
	deleted  bool
}

// NewKey makes a service account with a key.
func (s *Server) NewKey(email string) *Key { return s.newKey(email, fakejwt.Key("google")) }

// NewOtherKey is NewKey with another private key.
func (s *Server) NewOtherKey(email string) *Key {
	return s.newKey(email, fakejwt.Key("google, another"))
}

func (s *Server) newKey(email string, private *rsa.PrivateKey) *Key {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	k := &Key{Email: email, ID: random(20), private: private, tokenURI: s.TokenURI()}
	s.keys[k.ID] = k
	return k
}

// Delete deletes the key of a service account, which stays.
func (s *Server) Delete(k *Key) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	k.deleted = true
}

// DeleteAccount deletes a service account with all its keys.
func (s *Server) DeleteAccount(email string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for id, k := range s.keys {
		if k.Email == email {
			delete(s.keys, id)
		}
	}
}

// Fields gives the key as Google's JSON has it.
func (k *Key) Fields() map[string]string {
	return map[string]string{
		"type":                        "service_account",
		"project_id":                  "jet-sample",
		"private_key_id":              k.ID,
		"private_key":                 encodePrivateKey(k.private),
		"client_email":                k.Email,
		"client_id":                   "100000000000000000001",
		"auth_uri":                    "https://accounts.google.com/o/oauth2/auth",
		"token_uri":                   k.tokenURI,
		"auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
		"client_x509_cert_url":        "https://www.googleapis.com/robot/v1/metadata/x509/" + strings.ReplaceAll(k.Email, "@", "%40"),
		"universe_domain":             "googleapis.com",
	}
}

// JSON gives the key file, laid out and in the order in which Google does it.
func (k *Key) JSON() string {
	fields := k.Fields()
	var b bytes.Buffer
	b.WriteString("{\n")
	for i, name := range []string{"type", "project_id", "private_key_id", "private_key", "client_email", "client_id", "auth_uri", "token_uri",
		"auth_provider_x509_cert_url", "client_x509_cert_url", "universe_domain"} {
		if i > 0 {
			b.WriteString(",\n")
		}
		value, _ := json.Marshal(fields[name])
		b.WriteString("  \"" + name + "\": " + string(value))
	}
	b.WriteString("\n}\n")
	return b.String()
}

// Line gives the key file on one line.
func (k *Key) Line() string {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(k.JSON())); err != nil {
		panic(err)
	}
	return b.String()
}

// PublicKey gives the public half as PEM, for other verifiers.
func (k *Key) PublicKey() string { return encodePublicKey(&k.private.PublicKey) }

// User is what "gcloud auth application-default login" leaves.
type User struct {
	ClientID, ClientSecret, RefreshToken string
	Email                                string
}

// NewUser makes a user who has logged in.
func (s *Server) NewUser(email string) User {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	u := User{ClientID: random(8) + ".apps.googleusercontent.com", ClientSecret: "d-" + random(12), RefreshToken: "1//" + random(24), Email: email}
	s.users[u.RefreshToken] = u
	return u
}

// JSON gives the file that gcloud leaves, with the endpoint of a server.
func (u User) JSON(s *Server) string {
	text, _ := json.MarshalIndent(map[string]string{
		"account": "", "client_id": u.ClientID, "client_secret": u.ClientSecret, "quota_project_id": "jet-sample",
		"refresh_token": u.RefreshToken, "token_uri": s.TokenURI(), "type": "authorized_user", "universe_domain": "googleapis.com",
	}, "", "  ")
	return string(text)
}

// Revoke takes a user's login back.
func (s *Server) Revoke(u User) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.users, u.RefreshToken)
}

// token is the OAuth token endpoint.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		reply(w, http.StatusNotFound, map[string]string{"error": "not_found"})
		return
	}
	switch grant := r.PostForm.Get("grant_type"); grant {
	case grantAssertion:
		s.assertion(w, r.PostForm.Get("assertion"))
	case grantRefresh:
		s.refresh(w, r)
	default:
		refuse(w, "unsupported_grant_type", "Invalid grant_type: "+grant)
	}
}

// skew is how far a clock may be off.
const skew = 5 * time.Minute

func (s *Server) assertion(w http.ResponseWriter, assertion string) {
	header, c, err := fakejwt.Read(assertion)
	issued, hasIssued := c.Time("iat")
	expires, hasExpires := c.Time("exp")
	if err != nil || c["iat"] != nil && !hasIssued || c["exp"] != nil && !hasExpires {
		refuse(w, "invalid_grant", "Bad Request")
		return
	}
	issuer, scope := c.Text("iss"), c.Text("scope")
	var keys []*Key // of the issuer
	for _, k := range s.keys {
		if k.Email == issuer {
			keys = append(keys, k)
		}
	}
	if keys == nil {
		refuse(w, "invalid_grant", "Invalid grant: account not found")
		return
	}
	if !slices.ContainsFunc(keys, func(k *Key) bool {
		return !k.deleted && (header["kid"] == nil || header["kid"] == k.ID) && isSigned(assertion, &k.private.PublicKey)
	}) {
		refuse(w, "invalid_grant", "Invalid JWT Signature.")
		return
	}
	now := s.Now()
	switch {
	case !hasIssued || !hasExpires || expires.Sub(issued) > time.Hour || expires.Before(issued) ||
		issued.After(now.Add(skew)) || expires.Before(now.Add(-skew)):
		refuse(w, "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.")
	case c.Text("aud") != s.TokenURI() && !slices.Contains(s.Audiences, c.Text("aud")):
		refuse(w, "invalid_grant", "Invalid JWT: Failed audience check. The right audience is "+s.TokenURI())
	case c["sub"] != nil && c.Text("sub") != issuer:
		refuse(w, "unauthorized_client", "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.")
	case c["target_audience"] != nil && scope == "":
		// An identity token, which gcloud asks for first.
		reply(w, http.StatusOK, map[string]string{"id_token": fakejwt.Sign(fakejwt.Key("google"), nil, fakejwt.Claims{
			"iss": "https://accounts.google.com", "aud": c["target_audience"], "sub": issuer, "email": issuer,
			"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		})})
	case !validScopes(strings.Fields(scope)):
		refuse(w, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
	default:
		s.grant(w, issuer, nil)
	}
}

// isSigned reports whether a token is signed with RS256, the only algorithm that is
// accepted here, by the owner of a key.
func isSigned(token string, key *rsa.PublicKey) bool {
	header, _, err := fakejwt.VerifySignature(token, key)
	return err == nil && header["alg"] == "RS256"
}

// validScopes knows those that are of use at a registry, and some that gcloud asks for.
func validScopes(scopes []string) bool {
	for _, scope := range scopes {
		switch name, found := strings.CutPrefix(scope, "https://www.googleapis.com/auth/"); {
		case scope == "openid":
		case found && slices.Contains([]string{"cloud-platform", "cloud-platform.read-only", "devstorage.read_only", "devstorage.read_write",
			"devstorage.full_control", "userinfo.email", "appengine.admin", "sqlservice.login", "compute", "accounts.reauth"}, name):
		default:
			return false
		}
	}
	return len(scopes) > 0
}

func (s *Server) refresh(w http.ResponseWriter, r *http.Request) {
	user, ok := s.users[r.PostForm.Get("refresh_token")]
	switch {
	case r.PostForm.Get("client_id") == "" || r.PostForm.Get("client_secret") == "":
		refuse(w, "invalid_request", "Could not determine client ID from request.")
	case !ok:
		refuse(w, "invalid_grant", "Token has been expired or revoked.")
	case user.ClientID != r.PostForm.Get("client_id"):
		refuse(w, "invalid_client", "The OAuth client was not found.")
	case user.ClientSecret != r.PostForm.Get("client_secret"):
		refuse(w, "invalid_client", "The provided client secret is invalid.")
	default:
		s.grant(w, user.Email, map[string]any{"scope": Scope})
	}
}

// encodePrivateKey gives the PEM that Google puts into a key: PKCS #8.
func encodePrivateKey(key *rsa.PrivateKey) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// encodePublicKey gives the PEM of the public half.
func encodePublicKey(key *rsa.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

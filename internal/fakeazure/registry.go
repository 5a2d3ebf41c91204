package fakeazure

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dockercfg/jet/internal/fakejwt"
)

// Registry is a login server of Azure Container Registry: its token service, and what
// stands behind that. It is an http.Handler, safe for concurrent use; its fields do not
// change once it is asked.
type Registry struct {
	Cloud *Cloud
	Host  string // its name, with a port if it has one
	// Roles are what client ids of Entra may do: pull, push.
	Roles map[string][]string
	// Passwords are those of users of its own: the admin user, tokens.
	Passwords map[string]string
	// Life is that of refresh tokens; 0 means 3 hours.
	Life time.Duration
	// Key signs access tokens, and Certificate (DER) is what others know the key by; nil
	// means a key of its own.
	Key         *ecdsa.PrivateKey
	Certificate []byte
	// Next answers below /v2/; nil means an empty registry.
	Next http.Handler

	once   sync.Once
	secret crypto.Signer // of refresh tokens
}

const issuer = "Azure Container Registry"

func (g *Registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.makeKeys()
	if !strings.HasPrefix(r.URL.Path, "/v2/") {
		g.Cloud.note(r)
	}
	switch {
	case r.Host != g.Host:
		g.Cloud.refuse("host")
		w.WriteHeader(http.StatusMisdirectedRequest)
	case r.URL.Path == "/oauth2/exchange":
		g.exchange(w, r)
	case r.URL.Path == "/oauth2/token":
		g.token(w, r)
	case g.Next != nil:
		g.Next.ServeHTTP(w, r)
	default:
		g.empty(w, r)
	}
}

func (g *Registry) makeKeys() {
	g.once.Do(func() {
		g.secret = newKey()
		if g.Key == nil {
			g.Key = newKey()
		}
	})
}

func (g *Registry) fail(w http.ResponseWriter, status int, code, message string) {
	g.Cloud.refuse(code)
	w.Header().Set("X-Ms-Correlation-Request-Id", CorrelationID)
	reply(w, status, map[string]any{"errors": []any{map[string]any{"code": code, "message": message}}})
}

func (g *Registry) unauthorized(w http.ResponseWriter) {
	g.fail(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required, visit https://aka.ms/acr/authorization for more information.")
}

// exchange gives a refresh token for a token of Entra
// (github.com/Azure/acr/blob/main/docs/AAD-OAuth.md).
func (g *Registry) exchange(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodPost: // Azure/acr issue 166
		g.Cloud.refuse("404")
		http.NotFound(w, r)
		return
	case !isForm(r) || r.PostFormValue("grant_type") != "access_token":
		g.fail(w, http.StatusBadRequest, "UNSUPPORTED", "grant_type is not supported")
		return
	case r.PostFormValue("service") != g.Host:
		g.fail(w, http.StatusBadRequest, "NAME_INVALID", "service is not this registry")
		return
	}
	claims, err := fakejwt.Verify(r.PostFormValue("access_token"), g.Cloud.key().Public())
	tenant := r.PostFormValue("tenant")
	if err != nil || claims.Text("aud") != Audience || claims.Text("tid") != g.Cloud.Tenant || tenant != "" && tenant != g.Cloud.Tenant || g.Roles[claims.Text("appid")] == nil {
		g.unauthorized(w)
		return
	}
	reply(w, http.StatusOK, map[string]any{"refresh_token": g.RefreshToken(claims.Text("appid"), g.Host)})
}

// RefreshToken is what the registry gives out to a client, for a registry.
func (g *Registry) RefreshToken(client, host string) string {
	g.makeKeys()
	life := g.Life
	if life == 0 {
		life = 3 * time.Hour
	}
	return g.sign(g.secret, host, life, fakejwt.Claims{"sub": client, "grant_type": "refresh_token", "tenant": g.Cloud.Tenant, "version": "1.0"})
}

func (g *Registry) sign(key crypto.Signer, host string, life time.Duration, claims fakejwt.Claims) string {
	now := time.Now()
	for name, value := range map[string]any{
		"iss": issuer, "aud": host, "jti": rand.Text(),
		"iat": now.Unix(), "nbf": now.Unix() - 1, "exp": now.Add(life).Unix(),
	} {
		claims[name] = value
	}
	var header map[string]any
	if g.Certificate != nil && key == crypto.Signer(g.Key) {
		header = map[string]any{"x5c": []string{base64.StdEncoding.EncodeToString(g.Certificate)}}
	}
	return fakejwt.Sign(key, header, claims)
}

// token gives an access token for a refresh token or a password, in each of the ways
// that clients have: the form of the vendor's page, that of containerd, and Basic.
func (g *Registry) token(w http.ResponseWriter, r *http.Request) {
	service, scopes := r.FormValue("service"), strings.Fields(strings.Join(r.Form["scope"], " "))
	user, password, basic := r.BasicAuth()
	if r.Method == http.MethodPost {
		if !isForm(r) {
			g.fail(w, http.StatusBadRequest, "UNSUPPORTED", "a form is wanted")
			return
		}
		switch r.PostFormValue("grant_type") {
		case "refresh_token":
			user, password = Nobody, r.PostFormValue("refresh_token")
		case "password":
			user, password = r.PostFormValue("username"), r.PostFormValue("password")
		default:
			g.fail(w, http.StatusBadRequest, "UNSUPPORTED", "grant_type is not supported")
			return
		}
	} else if r.Method != http.MethodGet || !basic {
		g.unauthorized(w)
		return
	}
	allowed, ok := g.allowed(user, password)
	if service != g.Host || !ok {
		g.unauthorized(w)
		return
	}
	access := []any{}
	for _, scope := range scopes {
		kind, rest, _ := strings.Cut(scope, ":")
		last := strings.LastIndexByte(rest, ':')
		if last < 0 {
			continue
		}
		actions := []string{}
		for action := range strings.SplitSeq(rest[last+1:], ",") {
			if kind == "registry" && action == "*" || slices.Contains(allowed, action) {
				actions = append(actions, action)
			}
		}
		access = append(access, map[string]any{"type": kind, "name": rest[:last], "actions": actions})
	}
	token := g.sign(g.Key, g.Host, 75*time.Minute, fakejwt.Claims{"sub": user, "grant_type": "access_token", "access": access, "version": "1.0"})
	reply(w, http.StatusOK, map[string]any{"access_token": token})
}

// allowed gives what a user with a password may do.
func (g *Registry) allowed(user, password string) ([]string, bool) {
	if user != Nobody {
		want, ok := g.Passwords[user]
		return []string{"pull", "push"}, ok && password == want
	}
	claims, err := fakejwt.Verify(password, g.secret.Public())
	if err != nil || claims.Text("aud") != g.Host || claims.Text("grant_type") != "refresh_token" {
		return nil, false
	}
	return g.Roles[claims.Text("sub")], true
}

// empty is a registry with nothing in it, which shows what it is to those with a token.
func (g *Registry) empty(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if claims, err := fakejwt.Verify(token, g.Key.Public()); err != nil || claims.Text("aud") != g.Host {
		scope := ""
		if r.URL.Path == "/acr/v1/_catalog" || r.URL.Path == "/v2/_catalog" {
			scope = `,scope="registry:catalog:*"`
		}
		w.Header().Set("Www-Authenticate", `Bearer realm="`+scheme(r)+r.Host+`/oauth2/token",service="`+g.Host+`"`+scope)
		g.unauthorized(w)
		return
	}
	if strings.HasSuffix(r.URL.Path, "/_catalog") {
		reply(w, http.StatusOK, map[string]any{"repositories": []string{}})
		return
	}
	reply(w, http.StatusOK, map[string]any{})
}

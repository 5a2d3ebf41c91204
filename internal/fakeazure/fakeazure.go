// Package fakeazure stands in for Azure in tests: Entra ID, the metadata server of
// virtual machines, the identity endpoint of App Service, and the token service of
// registries. They verify what Azure's verify, each by itself: a registry believes a
// token because Entra signed it, not because jet sent it. It is not part of jet.
//
// testdata/oracle has Azure's own SDK talk to it.
package fakeazure

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/dockercfg/jet/internal/fakejwt"
)

const (
	// Audience is what a token has to be for, that registries take.
	Audience = "https://containerregistry.azure.net"
	// Nobody is the user whose password is a refresh token.
	Nobody = "00000000-0000-0000-0000-000000000000"
	// TraceID and CorrelationID are those of every answer of Entra that refuses.
	TraceID       = "11111111-aaaa-4bbb-8ccc-dddddddddddd"
	CorrelationID = "22222222-aaaa-4bbb-8ccc-dddddddddddd"
)

// Cloud is one Azure, with one directory. It is safe for concurrent use; its fields do
// not change once it is asked.
type Cloud struct {
	Tenant string          // id of the directory
	Apps   map[string]*App // service principals, by client id
	// Identities are the managed identities of the machine: client ids.
	Identities []string
	// IdentityHeader is what App Service wants to see.
	IdentityHeader string

	once    sync.Once
	entra   crypto.Signer
	mutex   sync.Mutex
	refused []string
	asked   []string
}

// App is a service principal. What it has not, it cannot sign in with.
type App struct {
	Secret        string
	SecretExpired bool
	Certificate   *x509.Certificate
	Federated     *Federation
}

// Federation says whose tokens an App may show in place of a secret.
type Federation struct {
	Issuer, Subject string
	Key             crypto.PublicKey // of the issuer
}

// key is Entra's.
func (c *Cloud) key() crypto.Signer {
	c.once.Do(func() { c.entra = fakejwt.Key("entra of " + c.Tenant) })
	return c.entra
}

// AccessToken is what Entra gives out to a client for an audience.
func (c *Cloud) AccessToken(client, audience string, life time.Duration) string {
	now := time.Now()
	return fakejwt.Sign(c.key(), map[string]any{"kid": "entra"}, fakejwt.Claims{
		"aud": audience, "iss": "https://sts.windows.net/" + c.Tenant + "/", "tid": c.Tenant,
		"appid": client, "oid": "object-of-" + client, "idtyp": "app", "ver": "1.0",
		"iat": now.Unix(), "nbf": now.Unix() - 300, "exp": now.Add(life).Unix(),
	})
}

// Refused gives the codes of what was refused, of all servers, in order.
func (c *Cloud) Refused() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return slices.Clone(c.refused)
}

// Asked gives who was asked, in order: "METHOD host/path".
func (c *Cloud) Asked() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return slices.Clone(c.asked)
}

func (c *Cloud) note(r *http.Request) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.asked = append(c.asked, r.Method+" "+r.Host+r.URL.Path)
}

func (c *Cloud) refuse(code string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.refused = append(c.refused, code)
}

func reply(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(value)
}

// isForm reports whether a request has a form in its body, and nothing in its address,
// where logs would keep it, but for the version that Azure's SDK writes there.
func isForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	query := r.URL.Query()
	query.Del("api-version")
	return err == nil && kind == "application/x-www-form-urlencoded" && r.Method == http.MethodPost && len(query) == 0
}

// scheme is how a server was asked.
func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https://"
	}
	return "http://"
}

// newKey makes a key of the curve P-256.
func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

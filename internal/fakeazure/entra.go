package fakeazure

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dockercfg/jet/internal/fakejwt"
)

// Entra signs in: POST /TENANT/oauth2/v2.0/token
// (learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
func (c *Cloud) Entra() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.note(r)
		tenant, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		switch {
		case rest == "v2.0/.well-known/openid-configuration" && r.Method == http.MethodGet: // Azure's SDK looks
			base := scheme(r) + r.Host + "/" + tenant
			reply(w, http.StatusOK, map[string]any{
				"token_endpoint": base + "/oauth2/v2.0/token", "issuer": base + "/v2.0",
				"authorization_endpoint": base + "/oauth2/v2.0/authorize", "jwks_uri": base + "/discovery/v2.0/keys",
			})
		case rest != "oauth2/v2.0/token" || !isForm(r):
			c.refuse("404")
			http.NotFound(w, r)
		default:
			c.signIn(w, r, tenant)
		}
	})
}

func (c *Cloud) signIn(w http.ResponseWriter, r *http.Request, tenant string) {
	fail := func(status int, kind string, code int, text string) {
		c.refuse("AADSTS" + strconv.Itoa(code))
		now := time.Now().UTC().Format("2006-01-02 15:04:05Z")
		w.Header().Set("X-Ms-Request-Id", TraceID)
		reply(w, status, map[string]any{
			"error": kind,
			"error_description": "AADSTS" + strconv.Itoa(code) + ": " + text + " Trace ID: " + TraceID + " Correlation ID: " + CorrelationID +
				" Timestamp: " + now,
			"error_codes": []int{code}, "timestamp": now, "trace_id": TraceID, "correlation_id": CorrelationID,
		})
	}
	client := r.PostFormValue("client_id")
	app := c.Apps[client]
	switch {
	case tenant != c.Tenant:
		fail(400, "invalid_request", 90002, "Tenant '"+tenant+"' not found. Check to make sure you have the correct tenant ID.")
		return
	case r.PostFormValue("grant_type") != "client_credentials":
		fail(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
		return
	case app == nil:
		fail(400, "unauthorized_client", 700016, "Application with identifier '"+client+"' was not found in the directory.")
		return
	}
	var resources []string
	for _, scope := range strings.Fields(r.PostFormValue("scope")) {
		if !slices.Contains([]string{"openid", "offline_access", "profile"}, scope) {
			resources = append(resources, scope)
		}
	}
	if len(resources) != 1 || !strings.HasSuffix(resources[0], "/.default") {
		fail(400, "invalid_scope", 1002012, "The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.")
		return
	}
	resource := strings.TrimSuffix(resources[0], "/.default")
	if resource != Audience && resource != "https://management.azure.com" {
		fail(400, "invalid_resource", 500011, "The resource principal named "+resource+" was not found in the tenant.")
		return
	}
	assertion := r.PostFormValue("client_assertion")
	switch {
	case assertion != "":
		if code, text := c.checkAssertion(r, app, client, assertion); code != 0 {
			fail(401, "invalid_client", code, text)
			return
		}
	case r.PostFormValue("client_secret") == "":
		fail(401, "invalid_client", 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
		return
	case app.Secret == "" || r.PostFormValue("client_secret") != app.Secret:
		fail(401, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '"+client+"'.")
		return
	case app.SecretExpired:
		fail(401, "invalid_client", 7000222, "The provided client secret keys for app '"+client+"' are expired.")
		return
	}
	reply(w, http.StatusOK, map[string]any{
		"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": c.AccessToken(client, resource, time.Hour),
	})
}

// checkAssertion verifies a token that stands for a secret: one of another provider
// (learn.microsoft.com/entra/workload-id/workload-identity-federation), or one that is
// signed with the key of the App's certificate
// (learn.microsoft.com/entra/identity-platform/certificate-credentials).
func (c *Cloud) checkAssertion(r *http.Request, app *App, client, assertion string) (code int, text string) {
	if r.PostFormValue("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		return 700021, "Client assertion application identifier or type doesn't match."
	}
	header, claims, err := fakejwt.Read(assertion)
	if err != nil {
		return 50027, "JWT token is invalid or malformed."
	}
	thumbprint, signed := header["x5t#S256"].(string)
	if !signed {
		f := app.Federated
		switch {
		case f == nil:
			return 70021, "No matching federated identity record found for presented assertion."
		case claims.Text("iss") != f.Issuer:
			return 700211, "No matching federated identity record found for presented assertion issuer '" + claims.Text("iss") + "'."
		case claims.Text("sub") != f.Subject:
			return 700213, "No matching federated identity record found for presented assertion subject '" + claims.Text("sub") + "'."
		case claims.Text("aud") != "api://AzureADTokenExchange":
			return 700212, "No matching federated identity record found for presented assertion audience '" + claims.Text("aud") + "'."
		}
		return checkSignature(assertion, claims, f.Key)
	}
	if app.Certificate == nil {
		return 7000214, "Client is not authorized to use certificates."
	}
	want := sha256.Sum256(app.Certificate.Raw)
	// The vendor's page says base64url; its library writes the other alphabet.
	thumbprint = strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(thumbprint), "=")
	switch {
	case thumbprint != base64.RawURLEncoding.EncodeToString(want[:]):
		return 700027, "The certificate with identifier used to sign the client assertion is not registered on application."
	case claims.Text("aud") != scheme(r)+r.Host+r.URL.Path:
		return 50027, "JWT token is invalid or malformed: its audience is not this server."
	case claims.Text("iss") != client || claims.Text("sub") != client || claims.Text("jti") == "":
		return 700021, "Client assertion application identifier doesn't match 'client_id' parameter."
	}
	return checkSignature(assertion, claims, app.Certificate.PublicKey)
}

func checkSignature(assertion string, claims fakejwt.Claims, key any) (code int, text string) {
	if _, err := fakejwt.Verify(assertion, key); err == nil {
		return 0, ""
	}
	expires, ok := claims.Time("exp")
	if begins, has := claims.Time("nbf"); !ok || time.Now().After(expires) || has && time.Now().Add(5*time.Minute).Before(begins) {
		return 700024, "Client assertion is not within its valid time range."
	}
	return 700027, "Client assertion failed signature validation."
}

package fakeazure

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Metadata is the metadata server of a virtual machine: GET /metadata/identity/oauth2/token
// (learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token).
func (c *Cloud) Metadata() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.note(r)
		switch {
		case r.URL.Path != "/metadata/identity/oauth2/token" || r.Method != http.MethodGet:
			c.refuse("404")
			http.NotFound(w, r)
		case r.Header.Get("Metadata") != "true":
			c.fail(w, "bad_request_102", "Required metadata header not specified")
		case r.Header.Get("X-Forwarded-For") != "":
			c.fail(w, "bad_request_102", "The request was forwarded")
		case r.URL.Query().Get("api-version") != "2018-02-01":
			c.fail(w, "invalid_request", "Required query variable 'api-version' is missing or not supported")
		default:
			c.giveToken(w, r)
		}
	})
}

// AppService is the identity endpoint of App Service, on any path
// (learn.microsoft.com/azure/app-service/overview-managed-identity).
func (c *Cloud) AppService() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.note(r)
		switch {
		case r.Header.Get("X-Identity-Header") != c.IdentityHeader || c.IdentityHeader == "":
			c.refuse("403")
			w.WriteHeader(http.StatusForbidden)
		case r.Method != http.MethodGet || r.URL.Query().Get("api-version") != "2019-08-01":
			c.fail(w, "invalid_request", "The api-version is not supported")
		default:
			c.giveToken(w, r)
		}
	})
}

func (c *Cloud) giveToken(w http.ResponseWriter, r *http.Request) {
	client, resource := r.URL.Query().Get("client_id"), r.URL.Query().Get("resource")
	switch {
	case resource == "":
		c.fail(w, "invalid_request", "Required query variable 'resource' is missing")
		return
	case resource != Audience && resource != "https://management.azure.com":
		c.fail(w, "invalid_resource", "AADSTS500011: The resource principal named "+resource+" was not found in the tenant.")
		return
	case client == "" && len(c.Identities) > 1:
		c.fail(w, "invalid_request", "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request")
		return
	case len(c.Identities) == 0 || client != "" && !slices.Contains(c.Identities, client):
		c.fail(w, "invalid_request", "Identity not found")
		return
	case client == "":
		client = c.Identities[0]
	}
	const life = 24 * time.Hour
	reply(w, http.StatusOK, map[string]any{
		"access_token": c.AccessToken(client, resource, life), "client_id": client, "resource": resource, "token_type": "Bearer",
		"expires_in": strconv.Itoa(int(life.Seconds())), "expires_on": strconv.FormatInt(time.Now().Add(life).Unix(), 10),
	})
}

func (c *Cloud) fail(w http.ResponseWriter, kind, text string) {
	c.refuse(kind)
	reply(w, http.StatusBadRequest, map[string]any{"error": kind, "error_description": text})
}

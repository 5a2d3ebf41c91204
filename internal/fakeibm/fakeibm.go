// Package fakeibm stands in for IBM Cloud in tests: IAM, which gives out tokens for API
// keys, and a registry that takes both. They verify what IBM's servers verify. It is
// not part of jet.
package fakeibm

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/dockercfg/jet/internal/fakejwt"
)

// Cloud is IBM Cloud, with some API keys. It is safe for concurrent use.
type Cloud struct {
	// Keys are the API keys there are, and whose they are.
	Keys map[string]string
	// Life is that of tokens; 0 means an hour.
	Life time.Duration

	mutex    sync.Mutex
	refusals []string
	issued   int
}

// RequestID is that of every answer that refuses.
const RequestID = "cGI3bGc-8b0786d649104dca99ef114c2a834f66"

// Refusals gives the codes of the answers that refused.
func (c *Cloud) Refusals() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return append([]string(nil), c.refusals...)
}

// Issued gives how many tokens were given out.
func (c *Cloud) Issued() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.issued
}

// ServeHTTP is IAM: POST /identity/token
// (cloud.ibm.com/apidocs/iam-identity-token-api#gettoken-apikey).
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.PostFormValue("apikey")
	owner, known := c.Keys[key]
	switch {
	case r.URL.Path != "/identity/token":
		http.NotFound(w, r)
	case r.Method != http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case r.URL.RawQuery != "":
		c.refuse(w, "BXNIM0109E", "Parameters do not belong into the query.") // where logs would keep them
	case r.Header.Get("Content-Type") != "application/x-www-form-urlencoded":
		w.WriteHeader(http.StatusUnsupportedMediaType)
	case r.Header.Get("Accept") != "application/json":
		w.WriteHeader(http.StatusNotAcceptable)
	case r.PostFormValue("grant_type") != "urn:ibm:params:oauth:grant-type:apikey":
		c.refuse(w, "BXNIM0108E", "Property 'grant_type' has an unknown value.")
	case r.PostForm.Has("response_type") && r.PostFormValue("response_type") != "cloud_iam":
		c.refuse(w, "BXNIM0106E", "Validation of property 'response_type' failed. Valid values: 'cloud_iam'")
	case key == "":
		c.refuse(w, "BXNIM0109E", "Property missing or empty: 'apikey'.")
	case !known:
		c.refuse(w, "BXNIM0415E", "Provided API key could not be found.")
	default:
		c.mutex.Lock()
		c.issued++
		c.mutex.Unlock()
		life := c.Life
		if life == 0 {
			life = time.Hour
		}
		expires := time.Now().Add(life).Unix()
		token := fakejwt.Sign(fakejwt.Key("ibm"), map[string]any{"kid": "20261101"}, fakejwt.Claims{
			"iss": "https://iam.cloud.ibm.com/identity", "sub": owner, "iam_id": "iam-" + owner,
			"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "iat": time.Now().Unix(), "exp": expires,
		})
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{
			"access_token": token, "refresh_token": "not_supported", "token_type": "Bearer",
			"expires_in": int64(life.Seconds()), "expiration": expires, "scope": "ibm openid",
		})
	}
}

func (c *Cloud) refuse(w http.ResponseWriter, code, message string) {
	c.mutex.Lock()
	c.refusals = append(c.refusals, code)
	c.mutex.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(map[string]any{
		"errorCode": code, "errorMessage": message,
		"context": map[string]any{"requestId": RequestID, "requestType": "incoming.Identity_Token"},
	})
}

// Opens reports as which status a registry answers to a user and a password
// (cloud.ibm.com/docs/Registry?topic=Registry-registry_access): 200, 400 if the two do
// not fit each other, 401 if the password is wrong.
func (c *Cloud) Opens(user, password string) int {
	_, isKey := c.Keys[password]
	claims, err := fakejwt.Verify(password, fakejwt.Key("ibm").Public())
	isToken := err == nil && claims.Text("iam_id") != ""
	_, _, notJWT := fakejwt.Read(password)
	switch user {
	case "iamapikey":
		if notJWT == nil {
			return http.StatusBadRequest
		}
		if isKey {
			return http.StatusOK
		}
		return http.StatusUnauthorized
	case "iambearer":
		if notJWT != nil {
			return http.StatusBadRequest
		}
		if isToken {
			return http.StatusOK
		}
		return http.StatusUnauthorized
	}
	return http.StatusBadRequest
}

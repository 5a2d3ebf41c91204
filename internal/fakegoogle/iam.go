package fakegoogle

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// generateAccessToken makes tokens of other service accounts.
func (s *Server) generateAccessToken(w http.ResponseWriter, r *http.Request) {
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	principal := s.principal(bearer)
	if !ok || principal == "" {
		refuseCall(w, http.StatusUnauthorized, "UNAUTHENTICATED", "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.")
		return
	}
	target, method, found := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/projects/-/serviceAccounts/"), ":")
	var body struct {
		Delegates []string `json:"delegates"`
		Scope     []string `json:"scope"`
		Lifetime  string   `json:"lifetime"`
	}
	life := s.Life
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		refuseCall(w, http.StatusBadRequest, "INVALID_ARGUMENT", "Invalid JSON payload received.")
		return
	}
	if body.Lifetime != "" {
		seconds, err := strconv.Atoi(strings.TrimSuffix(body.Lifetime, "s"))
		if err != nil || !strings.HasSuffix(body.Lifetime, "s") || seconds <= 0 {
			refuseCall(w, http.StatusBadRequest, "INVALID_ARGUMENT", "Invalid value at 'lifetime'")
			return
		}
		life = time.Duration(seconds) * time.Second
	}
	// Each of the chain must be allowed to become the next.
	chain := []string{principal}
	for _, delegate := range body.Delegates {
		email, ok := strings.CutPrefix(delegate, "projects/-/serviceAccounts/")
		if !ok {
			refuseCall(w, http.StatusBadRequest, "INVALID_ARGUMENT", "Invalid delegate")
			return
		}
		chain = append(chain, email)
	}
	chain = append(chain, target)
	switch {
	case r.Method != http.MethodPost || !found || method != "generateAccessToken":
		refuseCall(w, http.StatusNotFound, "NOT_FOUND", "Method not found.")
	case !validScopes(body.Scope):
		refuseCall(w, http.StatusBadRequest, "INVALID_ARGUMENT", "Request contains an invalid argument.")
	case life > time.Hour:
		refuseCall(w, http.StatusBadRequest, "INVALID_ARGUMENT", "The access token lifetime cannot exceed 3600 seconds.")
	default:
		for i, next := range chain[1:] {
			if !slices.Contains(s.mayActAs[next], chain[i]) {
				refuseCall(w, http.StatusForbidden, "PERMISSION_DENIED", "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).")
				return
			}
		}
		token := s.Token()
		expires := s.Now().Add(life)
		s.issued[token] = &accessToken{target, expires}
		reply(w, http.StatusOK, map[string]string{"accessToken": token, "expireTime": expires.UTC().Format(time.RFC3339)})
	}
}

// metadata is the metadata server of Compute Engine, as far as tokens go.
func (s *Server) metadata(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Metadata-Flavor", "Google")
	w.Header().Set("Server", "Metadata Server for VM")
	switch {
	case r.Header.Get("Metadata-Flavor") != "Google", r.Header.Get("X-Forwarded-For") != "":
		http.Error(w, "Missing Metadata-Flavor:Google header.", http.StatusForbidden)
	case r.Method != http.MethodGet || r.URL.Path != "/computeMetadata/v1/instance/service-accounts/default/token" || s.Attached == "":
		http.Error(w, "The requested URL was not found on this server.", http.StatusNotFound)
	case r.URL.Query().Has("scopes") && !validScopes(strings.Split(r.URL.Query().Get("scopes"), ",")):
		http.Error(w, "Invalid scopes.", http.StatusBadRequest)
	default:
		s.grant(w, s.Attached, nil)
	}
}

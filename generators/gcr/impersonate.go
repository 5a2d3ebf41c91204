package gcr

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/dockercfg/jet/internal/endpoint"
)

// usualLifetime is how long a token of another account lasts, in seconds. More takes
// a policy of the organisation
// (cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken).
const usualLifetime = 3600

// impersonate makes a token of the next account. The library can only for documents.
func (s *Source) impersonate(ctx context.Context, token accessToken, h hop, scopes []string) (accessToken, error) {
	if h.lifetime == 0 {
		h.lifetime = usualLifetime
	}
	body, err := json.Marshal(map[string]any{"delegates": h.delegates, "scope": scopes, "lifetime": fmt.Sprintf("%ds", h.lifetime)})
	if err != nil {
		return accessToken{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.address, bytes.NewReader(body))
	if err != nil {
		return accessToken{}, fmt.Errorf("%s has an address that is none", s.identity.origin)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token.secret.Reveal())
	var answer struct {
		Token   string    `json:"accessToken"`
		Expires time.Time `json:"expireTime"`
	}
	if err := endpoint.Ask(endpoint.NewClient(endpoint.Options{}), request, &answer); err != nil {
		return accessToken{}, s.explainImpersonation(err)
	}
	return checkToken(request.URL.Host, answer.Token, answer.Expires)
}

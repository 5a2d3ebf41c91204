package gcr

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dockercfg/jet/internal/endpoint"
)

// exchange exchanges the subject token of an external account for an access token
// (RFC 8693, cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token). The
// library has a package for it, golang.org/x/oauth2/google/externalaccount. It reads
// variables of the process, runs programs, shows answers in errors, and costs every
// start of jet a tenth of a millisecond.
func (s *Source) exchange(ctx context.Context, d *document, scopes []string) (accessToken, error) {
	subject, err := d.subjectToken(ctx)
	if err != nil {
		return accessToken{}, fmt.Errorf("%s: %w", s.identity.origin, err)
	}
	form := url.Values{
		"grant_type":           {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"requested_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
		"audience":             {d.Audience},
		"scope":                {strings.Join(scopes, " ")},
		"subject_token_type":   {d.SubjectTokenType},
		"subject_token":        {subject},
	}
	if d.WorkforcePoolUserProject != "" && d.ClientID == "" {
		options, err := json.Marshal(map[string]string{"userProject": d.WorkforcePoolUserProject})
		if err != nil {
			return accessToken{}, err
		}
		form.Set("options", string(options))
	}
	address := cmp.Or(d.TokenURL, "https://sts."+s.config.UniverseDomain+"/v1/token")
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return accessToken{}, fmt.Errorf("%s has a token_url that is no address", s.identity.origin)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if d.ClientID != "" {
		request.SetBasicAuth(d.ClientID, d.ClientSecret)
	}
	var answer lifetimeAnswer
	if err := endpoint.Ask(endpoint.NewClient(endpoint.Options{}), request, &answer); err != nil {
		return accessToken{}, s.explain(d, err)
	}
	return checkToken(request.URL.Host, answer.Token, answer.expires())
}

// lifetimeAnswer is that of a server which tells a time to live in seconds.
type lifetimeAnswer struct {
	Token    string `json:"access_token"`
	Lifetime int64  `json:"expires_in"`
}

// expires gives when the token dies, zero if that is not told.
func (a lifetimeAnswer) expires() time.Time {
	if a.Lifetime == 0 {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(a.Lifetime) * time.Second)
}

package azure

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/endpoint"
)

// exchange gets a refresh token of a registry for an access token of Entra ID
// (github.com/Azure/acr/blob/main/docs/AAD-OAuth.md, "Calling POST /oauth2/exchange").
// The tenant can be left out with this grant: it is in the token.
func (s *Source) exchange(ctx context.Context, client *http.Client, host string, access dockercfg.Secret) (dockercfg.Entry, error) {
	address := &url.URL{Scheme: "https", Host: host}
	if s.isOwn(host) {
		address = s.own
	}
	request, err := post(ctx, address.JoinPath("/oauth2/exchange"), url.Values{
		"grant_type":   {"access_token"},
		"service":      {host},
		"access_token": {access.Reveal()},
	})
	if err != nil {
		return dockercfg.Entry{}, err
	}
	var answer struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err := endpoint.Ask(client, request, &answer); err != nil {
		return dockercfg.Entry{}, s.explainExchange(err, host, access)
	}
	token, ok := claimsOf(answer.RefreshToken)
	problem := func(text string) error { return &endpoint.AnswerError{Host: host, Problem: text} }
	switch {
	case answer.RefreshToken == "":
		return dockercfg.Entry{}, problem("has no refresh token")
	case !ok:
		return dockercfg.Entry{}, problem("has a refresh token that is no JSON web token")
	case len(token.Audience) > 0 && !slices.Contains(token.Audience, host) && !slices.Contains(token.Audience, globalName(host)):
		return dockercfg.Entry{}, problem("has a refresh token for another registry")
	case token.expires().IsZero():
		return dockercfg.Entry{}, problem("has a refresh token that does not tell when it dies")
	case !token.expires().After(time.Now()):
		return dockercfg.Entry{}, advise(problem("has a refresh token that has expired already"),
			fmt.Sprintf("the clock of this machine may be wrong: it says %s", time.Now().Format("2006-01-02 15:04 MST")))
	}
	return dockercfg.Entry{
		Registry: host, Username: TokenUsername,
		Password: dockercfg.NewSecret(answer.RefreshToken), Expires: token.expires(),
	}, nil
}

package ibm

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/endpoint"
)

// tokenPath is where IAM gives out tokens.
const tokenPath = "/identity/token"

// token exchanges the API key for an access token
// (cloud.ibm.com/apidocs/iam-identity-token-api#gettoken-apikey).
func (s *Source) token(ctx context.Context) (dockercfg.Secret, time.Time, error) {
	none := dockercfg.Secret{}
	form := url.Values{
		"grant_type":    {"urn:ibm:params:oauth:grant-type:apikey"},
		"apikey":        {s.config.APIKey.Reveal()},
		"response_type": {"cloud_iam"},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.iam.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return none, time.Time{}, errors.New("the address of IAM is none that a request can be sent to")
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	var answer struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in"` // seconds
		Expiration  int64  `json:"expiration"` // seconds since 1970
	}
	if err := endpoint.Ask(endpoint.NewClient(s.config.client), request, &answer); err != nil {
		return none, time.Time{}, s.explain(err)
	}
	problem := func(text string) (dockercfg.Secret, time.Time, error) {
		return none, time.Time{}, &endpoint.AnswerError{Host: s.iam.Host, Problem: text}
	}
	expires := time.Unix(answer.Expiration, 0)
	if answer.ExpiresIn > 0 { // which no clock can be wrong about
		expires = time.Now().Add(time.Duration(min(answer.ExpiresIn, maxLife)) * time.Second)
	}
	switch {
	case answer.AccessToken == "":
		return problem("has no access token")
	case strings.ContainsFunc(answer.AccessToken, func(r rune) bool { return r <= ' ' || r > '~' }):
		return problem("has an access token with characters that no token has")
	case answer.TokenType != "" && !strings.EqualFold(answer.TokenType, "Bearer"):
		return problem("has a token of another type than Bearer")
	case !expires.After(time.Now()):
		return problem("has a token that has expired already")
	}
	return dockercfg.NewSecret(answer.AccessToken), expires, nil
}

// maxLife is how many seconds of life of a token are believed, a year.
const maxLife = 365 * 24 * 60 * 60

// explain says why there is no token.
func (s *Source) explain(err error) error {
	status, ok := errors.AsType[*endpoint.StatusError](err)
	if !ok {
		return err
	}
	var body struct {
		Code    string `json:"errorCode"`
		Message string `json:"errorMessage"`
		Context struct {
			RequestID string `json:"requestId"`
		} `json:"context"`
	}
	if json.Unmarshal(status.Body, &body) != nil || body.Code == "" {
		return err
	}
	refused := endpoint.Refused(status, body.Code, body.Message, body.Context.RequestID, s.config.APIKey.Reveal())
	advice := ""
	switch body.Code {
	case "BXNIM0415E":
		advice = apiKey.Name + ` has to be the whole value of an API key that is neither deleted nor locked, not its id or name ("ibmcloud iam service-api-keys" lists those of a service ID); a new one comes from "ibmcloud iam service-api-key-create"`
	case "BXNIM0106E":
		advice = "the server does not know what IBM Cloud's IAM knows; " + iam.Name + " or a proxy may lead to another one"
	default:
		return refused
	}
	return &generators.AdvisedError{Err: refused, Advice: advice}
}

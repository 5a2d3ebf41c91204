package gcr

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/jwt"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/endpoint"
)

// googleTokenURI is the token endpoint of users, who are all in Google's own universe.
const googleTokenURI = "https://oauth2.googleapis.com/token"

// accessToken is what an exchange ends with.
type accessToken struct {
	secret  dockercfg.Secret
	expires time.Time
}

// A hop is the way from one account to the next.
type hop struct {
	address   string // of generateAccessToken
	delegates []string
	lifetime  int // in seconds, 0 for the usual hour
}

// token makes the token: of the identity itself, or of the account at the end of the
// hops from there.
func (s *Source) token(ctx context.Context) (accessToken, error) {
	if s.identity.kind == "" {
		return s.follow(ctx, s.fromMetadata, nil)
	}
	d, err := decodeDocument(s.identity.document.Reveal())
	if err != nil {
		return accessToken{}, err
	}
	var hops []hop
	if d.Type == typeImpersonated {
		hops = append(hops, hop{d.ImpersonationURL, d.Delegates, d.Impersonation.Lifetime})
		d = d.Source
	}
	if d.Type == typeExternal && d.ImpersonationURL != "" {
		hops = append([]hop{{d.ImpersonationURL, nil, d.Impersonation.Lifetime}}, hops...)
	}
	return s.follow(ctx, func(ctx context.Context, scopes []string) (accessToken, error) {
		return s.fromDocument(ctx, d, scopes)
	}, hops)
}

// follow gets a token and takes the hops, and the one that the Config asks for.
func (s *Source) follow(ctx context.Context, first func(context.Context, []string) (accessToken, error), hops []hop) (accessToken, error) {
	if accounts := s.config.Impersonate; accounts != nil {
		last := len(accounts) - 1
		hops = append(hops, hop{address: s.config.credentialsAPI + "/v1/projects/-/serviceAccounts/" + url.PathEscape(accounts[last]) + ":generateAccessToken"})
		for _, account := range accounts[:last] {
			hops[len(hops)-1].delegates = append(hops[len(hops)-1].delegates, "projects/-/serviceAccounts/"+account)
		}
	}
	// Only what is at the end is narrowed: to make a token takes this scope.
	scopes := func(step int) []string {
		if step == len(hops) {
			return s.config.Scopes
		}
		return []string{DefaultScope}
	}
	token, err := first(ctx, scopes(0))
	for i, h := range hops {
		if err != nil {
			break
		}
		token, err = s.impersonate(ctx, token, h, scopes(i+1))
	}
	return token, err
}

// fromDocument exchanges a document for a token: a subject token, or by
// golang.org/x/oauth2 what it stands for itself.
func (s *Source) fromDocument(ctx context.Context, d *document, scopes []string) (accessToken, error) {
	if d.Type == typeExternal {
		return s.exchange(ctx, d, scopes)
	}
	c := &carrier{ctx: ctx, next: endpoint.NewClient(endpoint.Options{})}
	token, err := d.tokenSource(context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: c}), scopes, s.config.UniverseDomain).Token()
	switch {
	case c.err != nil:
		return accessToken{}, s.explain(d, c.err)
	case err != nil && c.host == "": // nothing was sent
		return accessToken{}, fmt.Errorf("%s: %w", s.identity.origin, err)
	case err != nil:
		return accessToken{}, &endpoint.AnswerError{Host: c.host, Problem: "holds no access token with the time that it lasts"}
	}
	return checkToken(c.host, token.AccessToken, token.Expiry)
}

// checkToken refuses what is no token, or a dead one.
func checkToken(host, token string, expires time.Time) (accessToken, error) {
	problem := ""
	switch {
	case token == "":
		problem = "holds no access token"
	case strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }):
		problem = "holds an access token with characters that none has"
	case expires.IsZero():
		problem = "does not tell how long the access token lasts"
	case !expires.After(time.Now()):
		problem = "holds an access token that is dead already"
	default:
		return accessToken{dockercfg.NewSecret(token), expires}, nil
	}
	return accessToken{}, &endpoint.AnswerError{Host: host, Problem: problem}
}

// tokenSource gives what exchanges the document of a service account or a user for a
// token. It is made of the fields that are known and checked, not of the document,
// since the library's own way from JSON uses all that it finds there.
func (d *document) tokenSource(ctx context.Context, scopes []string, universe string) oauth2.TokenSource {
	if d.Type == typeServiceAccount {
		// The audience of the assertion is the endpoint that gets it, whatever the
		// document says, so that it is of no use elsewhere.
		c := jwt.Config{Email: d.ClientEmail, PrivateKey: []byte(d.PrivateKey), PrivateKeyID: d.PrivateKeyID,
			Scopes: scopes, TokenURL: cmp.Or(d.TokenURI, "https://oauth2."+universe+"/token")}
		return c.TokenSource(ctx)
	}
	c := oauth2.Config{ClientID: d.ClientID, ClientSecret: d.ClientSecret,
		Endpoint: oauth2.Endpoint{TokenURL: cmp.Or(d.TokenURI, googleTokenURI), AuthStyle: oauth2.AuthStyleInParams}}
	if d.Type == typeExternalUser {
		c.Endpoint = oauth2.Endpoint{TokenURL: d.TokenURL, AuthStyle: oauth2.AuthStyleInHeader}
	}
	return c.TokenSource(ctx, &oauth2.Token{RefreshToken: d.RefreshToken})
}

// A carrier carries the requests of the library to token endpoints. They get the
// context of the call, which the library does not give to all of them, and what went
// wrong is kept: the library's errors hold the answer, and not the cause.
type carrier struct {
	ctx  context.Context
	next *http.Client
	host string // of the last request
	err  error  // of the last request
}

// RoundTrip sends a request whose answer is JSON.
func (c *carrier) RoundTrip(request *http.Request) (*http.Response, error) {
	c.host = request.URL.Host
	var answer json.RawMessage
	c.err = endpoint.Ask(c.next, request.WithContext(c.ctx), &answer)
	if c.err != nil {
		return nil, errors.New("no answer of use")
	}
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(bytes.NewReader(answer)),
		Request:    request,
	}, nil
}

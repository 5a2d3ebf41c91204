package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/endpoint"
)

// A session is what is said between an account and its registry, one request after
// the other.
type session struct {
	account Account
	timeout time.Duration
	base    *url.URL // scheme and host
	client  *http.Client
	gate    *gate
	secrets []string // none of which may be shown

	challenge challenge         // the last that was answered; without a scheme while there was none
	tokens    map[string]string // by scope
	proven    bool              // the registry asked for credentials and took ours
}

const (
	maxTries     = 3 // of each request, while the registry is busy
	maxRedirects = 3 // that are followed
	maxReach     = 10 * time.Second
)

func newSession(a Account) *session {
	s := &session{account: a, timeout: a.Timeout, tokens: make(map[string]string)}
	if s.timeout == 0 {
		s.timeout = DefaultTimeout
	}
	s.base = &url.URL{Scheme: "https", Host: a.host()}
	if a.TLS.PlainHTTP {
		s.base.Scheme = "http"
	}
	s.gate = &gate{registry: strings.ToLower(s.base.Hostname())}
	s.client = endpoint.NewClient(endpoint.Options{
		Roots: a.TLS.Roots, InsecureSkipVerify: a.TLS.InsecureSkipVerify,
		Tries: maxTries, Reach: min(maxReach, s.timeout), Permit: s.gate.permit, Redirects: true,
	})
	for _, secret := range secretsOf(a.Entry) {
		s.hide(secret.text)
		s.hide(base64.StdEncoding.EncodeToString([]byte(a.Entry.Username + ":" + secret.text)))
	}
	return s
}

// hide keeps a secret out of all that is shown.
func (s *session) hide(secret string) {
	s.secrets = append(s.secrets, secret, base64.StdEncoding.EncodeToString([]byte(secret)))
	if escaped := url.QueryEscape(secret); escaped != secret {
		s.secrets = append(s.secrets, escaped)
	}
}

// safe gives a text from a server if it is fit to be shown, else another one.
func (s *session) safe(text, other string) string {
	if shown := endpoint.Quote(text, s.secrets...); shown != "" {
		return shown
	}
	return other
}

func (s *session) address(path string) *url.URL {
	return &url.URL{Scheme: s.base.Scheme, Host: s.base.Host, Path: path}
}

// isHome reports whether an address is of the registry itself, where credentials go.
func (s *session) isHome(u *url.URL) bool {
	return u.Scheme == s.base.Scheme && u.User == nil && strings.EqualFold(u.Hostname(), s.base.Hostname()) &&
		portOf(u.Host, u.Scheme) == portOf(s.base.Host, s.base.Scheme)
}

// An answer is what a server said.
type answer struct {
	status int
	header http.Header
	body   []byte
	cut    bool     // body is not all of it
	from   *url.URL // who said it, in the end
	// credentials says whether the request had any, and they were asked for.
	credentials bool
}

// A question is a request to the registry.
type question struct {
	method string
	to     *url.URL
	accept string
	scope  string // what a token for it is good for; "" for no more than an identity
}

// ask sends a request to the registry, with credentials once it asks for them. A
// token that it does not take (any more) is replaced once: it says so by 401, and some
// registries by 400 (spinnaker/clouddriver#2236).
func (s *session) ask(ctx context.Context, q question) (*answer, error) {
	asIs := s.account.Entry.RegistryToken != dockercfg.Secret{}
	if _, have := s.tokens[q.scope]; s.challenge.scheme == "bearer" && !have && !asIs {
		if err := s.getToken(ctx, challenge{parameters: s.challenge.parametersWithoutScope()}, q.scope); err != nil {
			return nil, err
		}
	}
	a, err := s.send(ctx, q, s.authorization(q.scope))
	if err != nil {
		return nil, err
	}
	s.proven = s.proven || a.credentials && a.status/100 == 2
	refused := a.status == http.StatusUnauthorized
	stale := a.status == http.StatusBadRequest && a.credentials && s.challenge.scheme == "bearer"
	elsewhere := !s.isHome(a.from)                                    // it asks after a redirect
	final := a.credentials && (asIs || s.challenge.scheme == "basic") // nothing else could be sent
	if !refused && !stale || elsewhere || final {
		return a, nil
	}
	c := s.challenge
	if asked := parseChallenges(a.header.Values("WWW-Authenticate")); asked != nil || refused {
		if c, err = s.choose(asked); err != nil {
			return nil, err
		}
	}
	s.challenge = c
	if c.scheme == "bearer" && !asIs {
		if err := s.getToken(ctx, c, q.scope); err != nil {
			return nil, err
		}
	}
	if a, err = s.send(ctx, q, s.authorization(q.scope)); err == nil {
		s.proven = s.proven || a.credentials && a.status/100 == 2
	}
	return a, err
}

// authorization is the header of that name, as far as is known by now, else "".
func (s *session) authorization(scope string) string {
	asIs := s.account.Entry.RegistryToken.Reveal()
	switch token, ok := s.tokens[scope]; {
	case asIs != "" && s.challenge.scheme == "bearer":
		return "Bearer " + asIs
	case s.challenge.scheme == "basic":
		return s.basic()
	case ok:
		return "Bearer " + token
	}
	return ""
}

func (s *session) basic() string {
	e := s.account.Entry
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(e.Username+":"+e.Password.Reveal()))
}

// A challengeError says that a registry wants something other than what we have.
type challengeError struct {
	name    Name
	problem string
}

func (e *challengeError) Error() string { return e.problem }

// choose picks the challenge to answer: the first that the credentials are for, as
// clients have it. Basic is for passwords alone.
func (s *session) choose(challenges []challenge) (challenge, error) {
	hasPassword := s.account.Entry.Password != dockercfg.Secret{}
	var schemes []string
	for _, c := range challenges {
		if c.scheme == "bearer" || c.scheme == "basic" && hasPassword {
			return c, nil
		}
		schemes = append(schemes, c.scheme)
	}
	switch {
	case slices.Contains(schemes, "basic"):
		return challenge{}, &challengeError{TokenNotUsable, "it wants a user name and a password (Basic), and a token is of no use for that"}
	case schemes == nil:
		return challenge{}, &challengeError{UnknownChallenge, "it answers 401 Unauthorized and does not say what credentials it wants: the header WWW-Authenticate is missing"}
	}
	return challenge{}, &challengeError{UnknownChallenge, "it wants credentials as " + s.safe(strings.Join(schemes, ", "), "something unknown") + ", where Docker's clients know Basic and Bearer"}
}

// send sends a request to the registry. Redirects of requests that change nothing are
// followed, with credentials only where they lead back to the registry itself.
func (s *session) send(ctx context.Context, q question, authorization string) (*answer, error) {
	to := q.to
	for hops := 0; ; hops++ {
		request, err := http.NewRequestWithContext(ctx, q.method, to.String(), nil)
		if err != nil {
			return nil, err
		}
		home := s.isHome(to)
		if authorization != "" && home {
			request.Header.Set("Authorization", authorization)
		}
		if q.accept != "" {
			request.Header.Set("Accept", q.accept)
		}
		a, err := s.do(request)
		if err != nil {
			return nil, err
		}
		a.credentials = authorization != "" && home
		location := a.header.Get("Location")
		if a.status/100 != 3 || location == "" || q.method != http.MethodGet && q.method != http.MethodHead || hops == maxRedirects {
			return a, nil
		}
		next, err := to.Parse(location)
		if err != nil || next.User != nil || next.Scheme != s.base.Scheme || next.Hostname() == "" || !isASCII(next.Hostname()) {
			return a, nil
		}
		if q.scope == "" && !s.isHome(next) {
			return a, nil // it is the registry as a whole that is elsewhere
		}
		if !strings.EqualFold(next.Hostname(), s.base.Hostname()) {
			s.gate.add(next.Hostname())
		}
		to = next
	}
}

// do sends one request and reads the answer.
func (s *session) do(request *http.Request) (*answer, error) {
	request.Header.Set("User-Agent", "jet")
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	_, long := errors.AsType[*endpoint.AnswerError](err)
	if err != nil && !long {
		return nil, &url.Error{Op: request.Method, URL: request.URL.String(), Err: err}
	}
	return &answer{status: response.StatusCode, header: response.Header, body: body, cut: long, from: request.URL}, nil
}

// A tokenError says that the token server gives no token.
type tokenError struct {
	answer *answer // nil if it is none that can be read
	// problem is what is wrong with an answer that cannot be read.
	problem error
}

func (e *tokenError) Error() string { return "the token server gives no token" }

// getToken gets a token for a scope and keeps it.
func (s *session) getToken(ctx context.Context, c challenge, scope string) error {
	token, err := s.token(ctx, c, scope)
	if err == nil {
		s.tokens[scope] = token
	}
	return err
}

// token gets a token for a scope from the realm of a challenge, which may name the
// scope itself (distribution/distribution, "Token Authentication Specification" and
// "Oauth2 Token Authentication").
func (s *session) token(ctx context.Context, c challenge, scope string) (string, error) {
	realm, err := parseRealm(s.base, c.parameters["realm"])
	if err != nil {
		return "", err
	}
	if !strings.EqualFold(realm.Hostname(), s.base.Hostname()) {
		s.gate.add(realm.Hostname())
	}
	query := url.Values{"client_id": {"jet"}}
	if service := c.parameters["service"]; service != "" {
		query.Set("service", service)
	}
	if asked := c.parameters["scope"]; asked != "" {
		scope = asked
	}
	if scope != "" {
		query.Set("scope", scope)
	}
	e := s.account.Entry
	identity := e.IdentityToken.Reveal()
	var a *answer
	if identity != "" {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {identity}}
		for name, values := range query {
			form[name] = values
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, realm.String(), strings.NewReader(form.Encode()))
		if err != nil {
			return "", err
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if a, err = s.do(request); err != nil {
			return "", err
		}
		// Some servers give tokens by GET alone (containerd and go-containerregistry go on
		// in the same way).
		if a.status != http.StatusNotFound && a.status != http.StatusMethodNotAllowed {
			return s.readToken(a)
		}
	}
	u := *realm
	all := u.Query()
	for name, values := range query {
		all[name] = values
	}
	u.RawQuery = all.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", err
	}
	password := e.Password.Reveal()
	if password == "" {
		password = identity
	}
	request.SetBasicAuth(e.Username, password)
	if a, err = s.do(request); err != nil {
		return "", err
	}
	return s.readToken(a)
}

// readToken finds the token in an answer: under one of two names, or both.
func (s *session) readToken(a *answer) (string, error) {
	if a.status != http.StatusOK {
		return "", &tokenError{answer: a}
	}
	var found struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
	}
	host := a.from.Host
	if a.cut || json.Unmarshal(a.body, &found) != nil {
		return "", &tokenError{problem: endpoint.NotJSON(host, a.body, a.header)}
	}
	token := found.Token
	if token == "" {
		token = found.AccessToken
	}
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", &tokenError{problem: &endpoint.AnswerError{Host: host, Problem: "holds no token"}}
	}
	s.hide(token)
	return token, nil
}

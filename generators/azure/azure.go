package azure

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/endpoint"
)

// TokenUsername is the user whose password is a refresh token of a registry
// (github.com/Azure/acr/blob/main/docs/AAD-OAuth.md, "Authenticating docker with an ACR
// refresh token").
const TokenUsername = "00000000-0000-0000-0000-000000000000"

// DefaultDeadline is how long all servers may take together.
const DefaultDeadline = time.Minute

// A Form is what is written for a service principal.
type Form string

const (
	Token    Form = "token"    // a refresh token of each registry
	Password Form = "password" // its id and its secret, which last
)

// Config is what a Source is made of.
//
// Of the ways to be somebody the first counts of which a field is set: Username and
// Password; ClientSecret; CertificatePath; FederatedTokenFile. The last three are ways
// of the service principal ClientID of Tenant. Credential chooses one that is not
// the first. The machine's managed identity, with ClientID if it has several, is asked
// for if Credential says so or Ambient lets it.
type Config struct {
	// Names are login servers of registries, in any spelling, or names in the domain of
	// the cloud; nil means those of Registries that are Azure's.
	Names []string
	// Registries, in any spelling, are written and no others; nil means all of Names.
	Registries []string

	Username string
	Password dockercfg.Secret // used byte for byte

	Tenant             string // id, or a domain
	ClientID           string
	ClientSecret       dockercfg.Secret
	CertificatePath    string // of a PEM file
	FederatedTokenFile string
	Credential         Credential
	Ambient            bool
	Form               Form // "" means Token

	AuthorityHost    string // address of Entra ID; "" means that of the registries' cloud
	RegistryEndpoint string // address of a registry outside Azure's domains that may get a token

	IdentityEndpoint string // address of the managed identity; "" means that of MetadataHost
	IdentityHeader   dockercfg.Secret
	MetadataHost     string // address; "" means http://169.254.169.254

	Deadline time.Duration // of all of Generate; 0 means DefaultDeadline

	notices []string         // on the variables
	client  endpoint.Options // for tests
}

// Backend describes the backend with the zero Config.
func Backend() generators.Backend { return Config{}.Backend() }

// Backend describes the backend with a Config, of which variables that are set
// replace the fields.
func (c Config) Backend() generators.Backend {
	return generators.Backend{
		Name:      name,
		Summary:   "Azure Container Registry, by a password or an identity of Entra ID",
		Variables: c.variables(),
		LongLived: authForm.Name + "=" + string(Password) + " writes a service principal's id and secret, which last; so does a token of the registry (\"az acr token create\") in " + username.Name + " and " + password.Name + ", and it opens less",
		Open: func(env generators.Env) (generators.Source, error) {
			c, err := c.withEnv(env)
			if err != nil {
				return nil, err
			}
			s, err := New(c)
			if err != nil {
				return nil, err // not s, a nil pointer in an interface
			}
			return s, nil
		},
	}
}

// Source makes the entries of a Config. It is safe for concurrent use.
type Source struct {
	config     Config
	method     method
	hosts      []string // login servers, in normal form, each once
	authority  *url.URL // of Entra ID
	own        *url.URL // of the registry outside Azure's domains, nil for none
	identity   *url.URL // where the managed identity is asked for
	entries    []dockercfg.Entry
	needsToken bool
}

var _ generators.Source = (*Source)(nil)

// New checks a Config. It reads no file and asks nobody. What is missing is told in a
// *generators.MissingVariablesError, by the variables that stand for the fields; other
// errors wrap those of dockercfg, or tell which field has a value that it cannot have.
func New(c Config) (*Source, error) {
	if err := c.checkComplete(); err != nil {
		return nil, err
	}
	if c.Deadline == 0 {
		c.Deadline = DefaultDeadline
	}
	s := &Source{config: c, method: c.method()}
	switch c.Form {
	case "", Token, Password:
	default:
		return nil, wrongValue(authForm, fmt.Errorf("it is not %s or %s", Token, Password))
	}
	if c.RegistryEndpoint != "" {
		var err error
		if s.own, err = endpoint.ParseAddress(c.RegistryEndpoint); err != nil {
			return nil, wrongValue(registryEndpoint, err)
		}
	}
	if err := s.findHosts(); err != nil {
		return nil, err
	}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	return s, nil
}

// prepare makes the entries of a password, or finds out who is to be asked for tokens.
func (s *Source) prepare() error {
	switch {
	case s.method == byPassword:
		return s.setEntries(s.config.Username, s.config.Password)
	case s.config.Form == Password && s.method == bySecret:
		return s.setEntries(s.config.ClientID, s.config.ClientSecret)
	case s.config.Form == Password:
		return wrongValue(authForm, fmt.Errorf("there is no password to write: %s has one", clientSecret.Name))
	}
	s.needsToken = true
	if err := s.checkHosts(); err != nil {
		return err
	}
	if s.method == byIdentity {
		return s.findIdentity()
	}
	return s.findAuthority()
}

// homeDomain is that of registries that are named without one.
func (c Config) homeDomain() string {
	if u, err := endpoint.ParseAddress(c.AuthorityHost); err == nil {
		if home, ok := cloudOfAuthority(u.Hostname()); ok {
			return home.domain
		}
	}
	return clouds()[0].domain
}

// findHosts gathers the registries to write.
func (s *Source) findHosts() error {
	names := s.config.Names
	var only []string
	for i, registry := range s.config.Registries {
		host, err := dockercfg.NormalizeRegistry(registry)
		if err != nil {
			return fmt.Errorf("%s: registry %d of %d: %w", name, i+1, len(s.config.Registries), err)
		}
		only = append(only, host)
		if _, ok := cloudOf(host); len(s.config.Names) == 0 && (ok || s.isOwn(host)) {
			names = append(names, host)
		}
	}
	for _, text := range names {
		host, err := loginServer(text, s.config.homeDomain())
		if err != nil {
			return wrongValue(registry, err)
		}
		if !slices.Contains(s.hosts, host) && (only == nil || slices.Contains(only, host)) {
			s.hosts = append(s.hosts, host)
		}
	}
	return nil
}

// isOwn reports whether a host is the one outside Azure's domains that may get a token.
func (s *Source) isOwn(host string) bool { return s.own != nil && s.own.Host == host }

// checkHosts refuses registries that may not get a token, and those of several clouds.
func (s *Source) checkHosts() error {
	domain := ""
	for _, host := range s.hosts {
		if s.isOwn(host) {
			continue
		}
		c, ok := cloudOf(host)
		switch {
		case !ok:
			return &generators.AdvisedError{
				Err:    wrongValue(registry, fmt.Errorf("it is in none of the domains of Azure's registries (%s), and a token of Entra ID is sent to no other", domains())),
				Advice: "if it is a registry of a private cloud, " + registryEndpoint.Name + "=https://HOST says so",
			}
		case domain != "" && domain != c.domain:
			return wrongValue(registry, fmt.Errorf("one identity cannot be known in the clouds of both %s and %s", domain, c.domain))
		}
		domain = c.domain
	}
	return nil
}

// setEntries makes the entries of a user and a password.
func (s *Source) setEntries(user string, secret dockercfg.Secret) error {
	entry := dockercfg.Entry{Username: user, Password: secret}
	if user == TokenUsername { // as of "az acr login --expose-token"
		if c, ok := claimsOf(secret.Reveal()); ok {
			entry.Expires = c.expires()
		}
	}
	for _, host := range s.hosts {
		entry.Registry = host
		if err := entry.Validate(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s.entries = append(s.entries, entry)
	}
	return nil
}

// Generate gives the entries. Passwords are given as they are; for tokens it signs in
// once and then asks all registries, side by side. If some of several registries fail,
// the error is a *generators.PartialError. What a person can do about an error is in a
// *generators.AdvisedError.
func (s *Source) Generate(ctx context.Context) (generators.Result, error) {
	if err := ctx.Err(); err != nil {
		return generators.Result{}, fmt.Errorf("%s: %w", name, err)
	}
	result := generators.Result{Notices: slices.Clone(s.config.notices)}
	switch {
	case len(s.hosts) == 0:
		result.Notices = append(result.Notices, "none of the registries that are asked for is Azure's, or one that "+registry.Name+" names")
		return result, nil
	case !s.needsToken:
		for _, host := range s.hosts {
			if _, ok := cloudOf(host); !ok && !s.isOwn(host) {
				result.Notices = append(result.Notices, fmt.Sprintf("%s is in none of the domains of Azure's registries (%s); the password is written for it all the same", host, domains()))
			}
		}
		result.Entries = slices.Clone(s.entries)
		return result, nil
	}
	timed, cancel := context.WithTimeoutCause(ctx, s.config.Deadline,
		fmt.Errorf("its servers took over %v: %w", s.config.Deadline, context.DeadlineExceeded))
	defer cancel()
	entries, errs := s.exchangeAll(timed)
	if err := ctx.Err(); err != nil {
		return generators.Result{}, fmt.Errorf("%s: %w", name, context.Cause(ctx))
	}
	switch {
	case errs == nil:
		result.Entries = entries
		return result, nil
	case len(errs) == 1 && len(entries) == 0:
		return generators.Result{}, errs[0]
	case len(entries) == 0:
		return generators.Result{}, &generators.PartialError{Errors: errs}
	}
	result.Entries = entries
	return result, &generators.PartialError{Errors: errs}
}

var _ generators.Identified = (*Source)(nil)

// Identity gives what is in the file of the certificate or of the federated token. It
// is false for the managed identity, which is for a server to say, and for passwords.
func (s *Source) Identity() (parts []dockercfg.Secret, ok bool) {
	if !s.needsToken || len(s.hosts) == 0 {
		return nil, false
	}
	v, path := certificatePath, s.config.CertificatePath
	switch s.method {
	case bySecret:
		return nil, true
	case byFederatedToken:
		v, path = federatedTokenFile, s.config.FederatedTokenFile
	case byCertificate:
	default:
		return nil, false
	}
	data, err := readFile(v, path)
	return []dockercfg.Secret{dockercfg.NewSecret(string(data))}, err == nil
}

// exchangeAll signs in, and gets an entry of each registry, or an error.
func (s *Source) exchangeAll(ctx context.Context) (entries []dockercfg.Entry, errs []error) {
	access, err := s.accessToken(ctx)
	if err != nil {
		return nil, []error{fmt.Errorf("%s: %w", name, err)}
	}
	client := endpoint.NewClient(s.config.client)
	made := make([]dockercfg.Entry, len(s.hosts))
	failed := make([]error, len(s.hosts))
	var all sync.WaitGroup
	for i, host := range s.hosts {
		all.Go(func() { made[i], failed[i] = s.exchange(ctx, client, host, access) })
	}
	all.Wait()
	for i, err := range failed {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		} else {
			entries = append(entries, made[i])
		}
	}
	return entries, errs
}

// accessToken gets one of Entra ID for registries.
func (s *Source) accessToken(ctx context.Context) (dockercfg.Secret, error) {
	if s.method == byIdentity {
		return s.askIdentity(ctx)
	}
	return s.signIn(ctx)
}

// tokenOf checks what Entra ID and the managed identity answer.
func tokenOf(host string, answer tokenAnswer) (dockercfg.Secret, error) {
	problem := ""
	switch {
	case answer.AccessToken == "":
		problem = "has no access token"
	case strings.ContainsFunc(answer.AccessToken, func(r rune) bool { return r <= ' ' || r > '~' }):
		problem = "has an access token with characters that no token has"
	case answer.TokenType != "" && !strings.EqualFold(answer.TokenType, "Bearer"):
		problem = "has a token of another type than Bearer"
	}
	if problem != "" {
		return dockercfg.Secret{}, &endpoint.AnswerError{Host: host, Problem: problem}
	}
	return dockercfg.NewSecret(answer.AccessToken), nil
}

// A tokenAnswer is what Entra ID and the managed identity answer. When the token dies
// does not matter: it is used at once.
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
}

var errRequest = errors.New("the address is none that a request can be sent to")

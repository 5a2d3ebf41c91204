package ecr

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/endpoint"
)

// Generate asks for tokens. If several are asked for and some of them fail, the
// error is a *generators.PartialError; if all fail it is one too, beside no entries.
// What a person can do about an error is in a *generators.AdvisedError.
func (s *Source) Generate(ctx context.Context) (generators.Result, error) {
	if err := ctx.Err(); err != nil {
		return generators.Result{}, fmt.Errorf("%s: %w", name, err)
	}
	if s.targets != nil && len(s.targets) == 0 {
		return generators.Result{Notices: s.notices}, nil
	}
	client, err := s.client()
	if err != nil {
		return generators.Result{}, err
	}
	timed, cancel := context.WithTimeoutCause(ctx, s.config.Deadline,
		fmt.Errorf("AWS took over %v: %w", s.config.Deadline, context.DeadlineExceeded))
	defer cancel()
	r := &run{Source: s, ctx: timed, client: endpoint.NewClient(client), attempts: client.Tries, keys: make(map[string]func() (baseKeys, error))}
	principals := s.principals()
	for _, p := range principals {
		r.keys[p.profile] = sync.OnceValues(func() (baseKeys, error) { return r.base(p.profile) })
	}
	answers := make([][]answer, len(principals))
	var all sync.WaitGroup
	for i, p := range principals {
		all.Go(func() { answers[i] = r.ask(p) })
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		return generators.Result{}, fmt.Errorf("%s: %w", name, context.Cause(ctx))
	}
	return s.collect(slices.Concat(answers...))
}

// client says how to reach the servers.
func (s *Source) client() (endpoint.Options, error) {
	o := endpoint.Options{Tries: s.config.MaxAttempts}
	if o.Tries == 0 {
		o.Tries = 4
	}
	if path := s.config.CABundle; path != "" {
		pem, err := os.ReadFile(path)
		if err != nil {
			return o, fmt.Errorf("%s: %s: %w", name, caBundle.Name, err)
		}
		o.Roots = x509.NewCertPool()
		if !o.Roots.AppendCertsFromPEM(pem) {
			return o, wrongValue(caBundle, "names a file without a certificate in PEM")
		}
	}
	return o, nil
}

// A principal is who signs the requests.
type principal struct {
	profile string // that the keys are of, "" for other keys
	account string // of the role to assume, "" for none
}

func (s *Source) principals() []principal {
	profiles, accounts := []string{""}, []string{""}
	if s.config.Keys.ID == "" && s.config.WebIdentity.TokenFile == "" && s.config.ProfileNames != nil {
		profiles = s.config.ProfileNames
	}
	if s.config.Role.Name != "" {
		accounts = s.config.Role.Accounts
	}
	var all []principal
	for _, profile := range profiles {
		for _, account := range accounts {
			all = append(all, principal{profile, account})
		}
	}
	return all
}

// An answer is what asking for one target has brought.
type answer struct {
	principal principal
	target    target
	token     token
	err       error
}

// ask gets keys, and a token of each target with them.
func (r *run) ask(p principal) []answer {
	credentials, home, err := r.credentials(p)
	if err != nil {
		return []answer{{principal: p, err: p.named(err)}}
	}
	targets := r.targets
	if targets == nil {
		targets = []target{{region: home, fips: r.config.FIPS, dual: r.config.DualStack}}
	}
	answers := make([]answer, len(targets))
	var all sync.WaitGroup
	for i, t := range targets {
		all.Go(func() {
			k, err := r.token(t, credentials)
			answers[i] = answer{p, t, k, p.named(err)}
		})
	}
	all.Wait()
	return answers
}

// named says whose error it is, where several sets of keys are in use.
func (p principal) named(err error) error {
	if _, ok := err.(*generators.MissingVariablesError); ok || err == nil {
		return err // which says whose it is
	}
	if p.profile == "" {
		return fmt.Errorf("%s: %w", name, err)
	}
	return fmt.Errorf("%s: profile %q: %w", name, p.profile, err)
}

// String names the principal for people.
func (p principal) String() string {
	switch {
	case p.profile != "" && p.account != "":
		return fmt.Sprintf("the role in account %s under profile %q", p.account, p.profile)
	case p.profile != "":
		return fmt.Sprintf("profile %q", p.profile)
	case p.account != "":
		return "the role in account " + p.account
	}
	return "the keys"
}

// collect makes entries of the answers.
func (s *Source) collect(answers []answer) (generators.Result, error) {
	result := generators.Result{Notices: slices.Clone(s.notices)}
	var errs []error
	fail := func(err error) { errs = append(errs, err) }
	from := make(map[string]principal) // by registry
	add := func(host string, a answer) {
		if first, twice := from[host]; twice {
			if first != a.principal {
				result.Notices = append(result.Notices, fmt.Sprintf("%s: %s and %s both have a token; the first one's is used", host, first, a.principal))
			}
			return
		}
		from[host] = a.principal
		result.Entries = append(result.Entries, dockercfg.Entry{
			Registry: host, Username: a.token.username, Password: a.token.password, Expires: a.token.expires,
		})
	}
	var good []answer
	for _, a := range answers {
		if a.err == nil {
			a.err = s.checkRegistry(a)
		}
		if a.err != nil {
			fail(a.err)
			continue
		}
		good = append(good, a)
	}
	if s.registries != nil {
		for _, host := range s.registries {
			a, err := s.answerFor(host, good)
			switch {
			case a != nil:
				add(host, *a)
			case err != nil:
				fail(err)
			}
		}
	} else {
		for _, a := range good {
			hosts, err := s.hosts(a)
			if err != nil {
				fail(err)
			}
			for _, host := range hosts {
				add(host, a)
			}
		}
	}
	switch {
	case errs == nil:
		return result, nil
	case len(errs) == 1 && len(result.Entries) == 0:
		return generators.Result{}, errs[0]
	case len(result.Entries) == 0:
		return generators.Result{}, &generators.PartialError{Errors: errs}
	}
	return result, &generators.PartialError{Errors: errs}
}

// checkRegistry refuses a token for a registry other than one of those asked for: one
// of AWS in that region, and of the role's account if there is one. A server that the
// scope names in place of AWS's may speak for registries of its own: on the same
// host, on loopback if it is there itself, and those that are asked for by name.
func (s *Source) checkRegistry(a answer) error {
	t, host := a.target, a.token.registry
	if t.public {
		return nil // it names none
	}
	problem := ""
	switch r, ok := parseRegistry(host); {
	case !ok:
		problem = "no registry of AWS"
	case a.token.insecure:
		problem = "a registry without https"
	case r.region != t.region:
		problem = "a registry in another region"
	case a.principal.account != "" && r.account != a.principal.account:
		problem = "a registry of another account than the role"
	}
	if problem == "" {
		return nil
	}
	own := s.endpointOf(t)
	if own == nil {
		return fmt.Errorf("%s: %s answers with a token for %q, which is %s: it is not written", name, t.host(), host, problem)
	}
	u, err := url.Parse("//" + host)
	if err == nil && (u.Hostname() == own.Hostname() || isLoopback(u.Hostname()) && isLoopback(own.Hostname())) || slices.Contains(s.registries, host) {
		return nil
	}
	return &generators.AdvisedError{
		Err:    fmt.Errorf("%s: %s answers with a token for %q, which is %s and on another host: it is not written", name, own.Host, host, problem),
		Advice: "if that registry belongs to the server, ask for it by name: --registry " + host,
	}
}

// hosts are the registries to write for an answer where none are asked for by name.
func (s *Source) hosts(a answer) ([]string, error) {
	if a.target.public {
		if a.target.dual {
			return []string{publicHost, publicDualHost}, nil
		}
		return []string{publicHost}, nil
	}
	r, ok := parseRegistry(a.token.registry)
	if !ok {
		if s.config.RegistryIDs != nil {
			return nil, fmt.Errorf("%s: %s is set, and the server that is asked in place of AWS's has the one registry %s", name, registryIDs.Name, a.token.registry)
		}
		return []string{a.token.registry}, nil
	}
	accounts := s.config.RegistryIDs
	if accounts == nil {
		accounts = []string{r.account}
	}
	var hosts []string
	for _, account := range accounts {
		r.account = account
		hosts = append(hosts, r.host())
		other := registry{account, r.region, a.target.fips, a.target.dual}
		switch host := other.host(); {
		case host == "":
			return nil, wrongValue(dualStack, "is set, and AWS names no such registries for "+r.region)
		case other != r:
			hosts = append(hosts, host)
		}
	}
	return hosts, nil
}

// answerFor gives the answer whose token opens a registry that is asked for by name:
// that of its own account, else the only one of its region, since one token opens all
// registries of the region that its principal may use (AmazonECR API reference,
// GetAuthorizationToken). It is nil if there is none.
func (s *Source) answerFor(host string, answers []answer) (*answer, error) {
	wanted, ok := parseRegistry(host)
	if !ok && !isPublic(host) {
		for i := range answers {
			if answers[i].token.registry == host {
				return &answers[i], nil
			}
		}
		return nil, nil // somebody else's
	}
	var candidates []*answer
	for i := range answers {
		a := &answers[i]
		if a.target.public != isPublic(host) || !a.target.public && a.target.region != wanted.region {
			continue
		}
		if of, ok := parseRegistry(a.token.registry); a.target.public || ok && of.account == wanted.account {
			return a, nil
		}
		if !slices.ContainsFunc(candidates, func(c *answer) bool { return c.principal == a.principal }) {
			candidates = append(candidates, a)
		}
	}
	switch len(candidates) {
	case 0:
		return nil, nil
	case 1:
		return candidates[0], nil
	}
	var whose []string
	for _, c := range candidates {
		whose = append(whose, c.principal.String())
	}
	return nil, fmt.Errorf("%s: %s is of none of the accounts of %s: name the one to use", name, host, strings.Join(whose, ", "))
}

// A run is one Generate.
type run struct {
	*Source
	ctx      context.Context
	client   *http.Client
	attempts int
	keys     map[string]func() (baseKeys, error) // by profile
}

// endpointOf gives the URL to ask in place of AWS's server, nil for none.
func (s *Source) endpointOf(t target) *url.URL {
	own := s.config.Endpoints.ECR
	if t.public {
		own = s.config.Endpoints.Public
	}
	if own == "" {
		own = s.config.Endpoints.All
	}
	if own == "" {
		return nil
	}
	u, err := url.Parse(own)
	if err != nil {
		return nil // New refuses it
	}
	return u
}

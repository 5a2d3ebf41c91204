package ecr

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
)

// DefaultDeadline is how long all requests may take together. The busiest server is
// asked again several times within it.
const DefaultDeadline = time.Minute

// Config is what a Source is made of. Of the sources of keys the first that is set
// counts: Keys, WebIdentity, ProfileNames; then the default profile, Container and
// Metadata.
type Config struct {
	// Regions are those whose registries are written, all of one partition; nil
	// means the region of the profile.
	Regions []string
	// Public is for the public registry, in place of those of Regions.
	Public bool
	// Registries, in any spelling, are written and no others; nil means those that
	// the keys are of. Their names tell the regions to ask, before Regions does.
	Registries []string
	// RegistryIDs are accounts whose registries are written in place of that of the
	// keys, which has to be allowed to use them; nil means that of the keys.
	RegistryIDs []string

	Keys         Keys
	WebIdentity  WebIdentity
	ProfileNames []string // each is asked for
	Profiles     Profiles // reads profiles; nil means that there are none
	// ProfileVariables are those of AWS's variables that change how profiles are
	// read, by name; nil means none.
	ProfileVariables map[string]dockercfg.Secret
	Container        Container
	Metadata         Metadata

	Role        Role
	SessionName string // for AWS's logs, of roles; "" means aws_docker_creds

	// FIPS and DualStack choose among AWS's servers, and write the registries of
	// that kind beside the usual ones.
	FIPS, DualStack bool
	// Endpoints are asked in place of AWS's servers, unless IgnoreEndpoints is set.
	Endpoints       Endpoints
	IgnoreEndpoints bool
	CABundle        string        // PEM file of the authorities to trust; "" means those of the system
	MaxAttempts     int           // of each request, if the server is busy; 0 means 4
	Deadline        time.Duration // of all of Generate; 0 means DefaultDeadline
}

// Keys are an access key, of an IAM user or temporary.
type Keys struct {
	ID           string
	Secret       dockercfg.Secret
	SessionToken dockercfg.Secret // of a temporary one
}

// WebIdentity is a role to assume with a token of an OpenID Connect provider.
type WebIdentity struct {
	TokenFile string
	RoleARN   string
}

// Container is where Amazon ECS and EKS give keys to a container (AWS SDKs and Tools
// reference guide, "Container credential provider").
type Container struct {
	Path      string // on ECS's own address
	URI       string // if Path is ""
	Token     dockercfg.Secret
	TokenFile string // goes before Token
}

// Metadata is where an instance gets its keys ("IMDS credential provider", ibid.).
type Metadata struct {
	Disabled bool
	Endpoint string // "" means AWS's address
	IPv6     bool   // AWS's address of that kind
	OnlyV2   bool   // never version 1 of the protocol
}

// Role is a role to assume with the keys, in the partition of the region.
type Role struct {
	Name       string // without an ARN's beginning; "" means none
	Accounts   []string
	ExternalID string // that the trust policy asks for; "" means none
}

// Endpoints are URLs. The one of a service goes before All.
type Endpoints struct {
	All, ECR, Public, STS string
}

// Profiles gives the keys of profiles, which may be anything that AWS's configuration
// allows: single sign-on, programs, chains of roles. It must be safe for concurrent use.
type Profiles interface {
	// Keys gives those of a profile, "" for the default one. Of variables see
	// Config.ProfileVariables; AWS_REGION is among them if the region is known.
	// Where a default profile does not exist, or says nothing about keys, the
	// error is ErrNoKeys, and the region beside it counts.
	Keys(ctx context.Context, profile string, variables map[string]dockercfg.Secret) (ProfileKeys, error)
}

// ErrNoKeys says that the default profile has no keys of its own.
var ErrNoKeys = errors.New("the default profile has no keys")

// ProfileKeys is what a profile gives.
type ProfileKeys struct {
	Keys
	Region string // of the profile; "" if it names none
}

// Source asks AWS for tokens. It is safe for concurrent use.
type Source struct {
	config     Config
	registries []string // normal form, each once
	targets    []target // nil: the region is the profile's
	notices    []string
}

var _ generators.Source = (*Source)(nil)

// New checks a Config; it neither reads files nor uses the network. Errors name the
// variable that the value comes from, as a rule.
func New(c Config) (*Source, error) {
	s := &Source{config: c}
	if c.SessionName == "" {
		s.config.SessionName = sessionName.Default
	}
	if c.Deadline == 0 {
		s.config.Deadline = DefaultDeadline
	}
	if c.IgnoreEndpoints {
		s.config.Endpoints = Endpoints{}
	}
	for _, check := range []func() error{s.checkKeys, s.checkRole, s.checkEndpoints, s.chooseTargets} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	s.notice()
	return s, nil
}

// wrongValue says what is wrong with the value of a variable, which it does not
// quote: people mix up variables, and then a secret stands there.
func wrongValue(v generators.Variable, problem string) error {
	return fmt.Errorf("%s: %s %s", name, v.Name, problem)
}

func (s *Source) checkKeys() error {
	k := s.config.Keys
	switch set, token := k.ID != "", k.SessionToken != (dockercfg.Secret{}); {
	case set != (k.Secret != dockercfg.Secret{}), token && !set:
		return fmt.Errorf("%s: an access key has an id and a secret, and one of them is missing", name)
	}
	for _, v := range []struct {
		generators.Variable
		value string
	}{{keyID, k.ID}, {secretKey, k.Secret.Reveal()}, {sessionToken, k.SessionToken.Reveal()}} {
		switch {
		case strings.ContainsAny(v.value, `"'`):
			return &generators.AdvisedError{
				Err:    wrongValue(v.Variable, "holds a quotation mark, which no key of AWS does"),
				Advice: "env files of Docker have values without quotes: NAME=value",
			}
		case strings.ContainsFunc(v.value, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
			return wrongValue(v.Variable, "holds a blank or another character that no key of AWS has")
		}
	}
	return nil
}

func (s *Source) checkRole() error {
	r := s.config.Role
	if r.Name == "" && (r.Accounts != nil || r.ExternalID != "") || r.Name != "" && len(r.Accounts) == 0 {
		return fmt.Errorf("%s: %s and %s need each other", name, role.Name, roleAccount.Name)
	}
	// IAM and AWS STS quotas: 64 characters of a name, 512 of its path.
	switch {
	case strings.HasPrefix(r.Name, "arn:"):
		return wrongValue(role, "holds an ARN, and the name of a role is wanted: what follows \":role/\"")
	case len(r.Name) > 576 || strings.ContainsFunc(r.Name, func(c rune) bool { return !isNameRune(c) && c != '/' }):
		return wrongValue(role, "is not the name of a role")
	}
	if n := s.config.SessionName; len(n) < 2 || len(n) > 64 || strings.ContainsFunc(n, func(c rune) bool { return !isNameRune(c) }) {
		return wrongValue(sessionName, "is not 2 to 64 letters, digits or characters of _=,.@-")
	}
	for _, list := range []struct {
		v        generators.Variable
		accounts []string
	}{{roleAccount, r.Accounts}, {registryIDs, s.config.RegistryIDs}} {
		for i, account := range list.accounts {
			switch {
			case isDigits(account) && len(account) < 12:
				return wrongValue(list.v, fmt.Sprintf("holds an account id of %d digits, and they have 12: zeros in front may have been lost", len(account)))
			case !isAccount(account):
				return wrongValue(list.v, "holds what is not an account id of 12 digits")
			case slices.Contains(list.accounts[:i], account):
				return wrongValue(list.v, "names an account twice")
			}
		}
	}
	if w := s.config.WebIdentity; w.TokenFile != "" && !isRoleARN(w.RoleARN) {
		return wrongValue(roleARN, "is not the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME")
	}
	return nil
}

// isNameRune reports what names of roles and sessions hold (AWS STS API reference,
// AssumeRole).
func isNameRune(r rune) bool {
	return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_+=,.@-", r))
}

func isRoleARN(arn string) bool {
	parts := strings.SplitN(arn, ":", 6)
	return len(parts) == 6 && parts[0] == "arn" && strings.HasPrefix(parts[1], "aws") && parts[2] == "iam" && parts[3] == "" &&
		isAccount(parts[4]) && strings.HasPrefix(parts[5], "role/") &&
		!strings.ContainsFunc(arn, func(c rune) bool { return !isNameRune(c) && c != '/' && c != ':' })
}

func (s *Source) checkEndpoints() error {
	for _, e := range []struct {
		v   generators.Variable
		url string
	}{
		{endpointURL, s.config.Endpoints.All}, {ecrURL, s.config.Endpoints.ECR}, {publicURL, s.config.Endpoints.Public},
		{stsURL, s.config.Endpoints.STS}, {metadataEndpoint, s.config.Metadata.Endpoint},
	} {
		if e.url == "" {
			continue
		}
		u, err := url.Parse(e.url)
		switch {
		case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
			return wrongValue(e.v, "is not a URL of the form https://HOST")
		case u.User != nil:
			return wrongValue(e.v, "holds a user name or a password, which do not belong there")
		case u.RawQuery != "" || u.Fragment != "":
			return wrongValue(e.v, "holds a query or a fragment")
		case u.Scheme == "http" && e.v.Name != metadataEndpoint.Name && !isLoopback(u.Hostname()):
			s.notices = append(s.notices, e.v.Name+" is not https: whoever is on the way can read the token that comes back")
		}
	}
	switch path, uri := s.config.Container.Path, s.config.Container.URI; {
	case path != "" && (path[0] != '/' || strings.ContainsAny(path, "?#")):
		return wrongValue(containerPath, "is not a path that begins with a slash")
	case path == "" && uri != "":
		return checkContainerURI(uri)
	}
	return nil
}

// namesRegion reports whether Registries name a region to ask.
func (c Config) namesRegion() bool {
	for _, registry := range c.Registries {
		key, err := dockercfg.NormalizeRegistry(registry)
		if _, ok := parseRegistry(key); ok || err == nil && isPublic(key) {
			return true
		}
	}
	return false
}

func isPublic(host string) bool { return host == publicHost || host == publicDualHost }

// chooseTargets decides whom to ask: the regions of the registries that are wanted,
// else those that are configured.
func (s *Source) chooseTargets() error {
	c := s.config
	var named []target // by registries
	others := false    // there are registries that are not AWS's
	for i, registry := range c.Registries {
		key, err := dockercfg.NormalizeRegistry(registry)
		if err != nil {
			return fmt.Errorf("%s: registry %d of %d: %w", name, i+1, len(c.Registries), err)
		}
		if slices.Contains(s.registries, key) {
			continue
		}
		s.registries = append(s.registries, key)
		if r, ok := parseRegistry(key); ok {
			named = append(named, target{region: r.region, fips: r.fips || c.FIPS, dual: r.dual || c.DualStack})
		} else if isPublic(key) {
			named = append(named, target{public: true, region: publicRegion, dual: key == publicDualHost || c.DualStack})
		} else {
			others = true
		}
	}
	var configured []target
	for _, r := range c.Regions {
		if !isRegion(r) {
			return &generators.AdvisedError{
				Err:    wrongValue(region, "holds what is not the name of a region"),
				Advice: "regions have names such as eu-west-1; several stand with commas between them",
			}
		}
		configured = append(configured, target{region: r, fips: c.FIPS, dual: c.DualStack})
	}
	if c.Public {
		configured = []target{{public: true, region: publicRegion, dual: c.DualStack}}
	}
	// Which registries a server in place of AWS's has is not known before it is asked.
	own := c.Endpoints.All != "" || c.Endpoints.ECR != "" || c.Endpoints.Public != ""
	targets := named
	if c.Registries == nil || others && own {
		targets = append(targets, configured...)
	}
	for _, t := range targets {
		if !slices.Contains(s.targets, t) {
			s.targets = append(s.targets, t)
		}
	}
	if c.Registries != nil && s.targets == nil {
		s.targets = []target{}
	}
	home := partitionOf(s.homeRegion("")).name
	for _, t := range s.targets {
		switch {
		case t.public && c.FIPS:
			return wrongValue(fips, "is set, and ECR Public has no such servers")
		case partitionOf(t.region).name != home:
			return fmt.Errorf("%s: %s is in the partition %s of AWS, and %s in %s: they have no keys in common",
				name, t, partitionOf(t.region).name, s.homeRegion(""), home)
		case t.dual && !t.public && partitionOf(t.region).dualHost == "":
			return wrongValue(dualStack, "is set, and AWS names no such registries for "+t.region)
		}
	}
	return nil
}

// homeRegion is where STS is asked: the first region that is configured, that of the
// profile, or that of what is asked for.
func (s *Source) homeRegion(ofProfile string) string {
	switch {
	case len(s.config.Regions) > 0:
		return s.config.Regions[0]
	case ofProfile != "":
		return ofProfile
	case len(s.targets) > 0:
		return s.targets[0].region
	}
	return ""
}

// notice tells what is set and makes no difference.
func (s *Source) notice() {
	c := s.config
	if c.Keys.ID != "" && c.ProfileNames != nil {
		s.notices = append(s.notices, profile.Name+" is not used, since "+keyID.Name+" is set")
	}
	if c.Keys.ID != "" && c.WebIdentity.RoleARN != "" {
		s.notices = append(s.notices, roleARN.Name+" is not used, since "+keyID.Name+" is set; "+role.Name+" and "+roleAccount.Name+" name a role to assume with keys")
	}
	if c.Keys.ID == "" && c.WebIdentity.TokenFile != "" && c.ProfileNames != nil {
		s.notices = append(s.notices, profile.Name+" is not used, since "+tokenFile.Name+" is set")
	}
	if s.targets != nil && len(s.targets) == 0 {
		s.notices = append(s.notices, "none of the registries asked for is one of AWS; nothing was asked")
	}
	if c.RegistryIDs != nil && s.registries != nil {
		s.notices = append(s.notices, registryIDs.Name+" makes no difference where the registries are named")
	}
}

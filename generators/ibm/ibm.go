package ibm

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/endpoint"
)

const name = "ibm"

// The first two variables are those of codeship/ibm-bluemix-dockercfg-generator. The
// others are those of IBM's Terraform provider and command line, but for
// IBM_AUTH_FORM, which is ours.
var (
	apiKey = generators.Variable{
		Name:     "BLUEMIX_API_KEY",
		Aliases:  []string{"IC_API_KEY", "IBMCLOUD_API_KEY", "BM_API_KEY"},
		Summary:  "API key of a service ID or of a user",
		Required: true,
		Secret:   true,
		Selects:  true,
	}
	apiEndpoint = generators.Variable{
		Name:    "BLUEMIX_API_ENDPOINT",
		Summary: "address of the API, of which only the region counts",
		Default: "api.ng.bluemix.net",
	}
	regionList = generators.Variable{
		Name:    "IC_REGION",
		Aliases: []string{"IBMCLOUD_REGION", "BM_REGION", "BLUEMIX_REGION"},
		Summary: "regions whose registries are written, with commas between them, or all",
	}
	visibility = generators.Variable{
		Name:    "IC_VISIBILITY",
		Aliases: []string{"IBMCLOUD_VISIBILITY"},
		Summary: "public, private (private.us.icr.io and the like) or public-and-private",
		Default: string(Public),
	}
	authForm = generators.Variable{
		Name:    "IBM_AUTH_FORM",
		Summary: "apikey: the key itself, or token: an access token, which dies within the hour",
		Default: string(APIKey),
	}
	iam = generators.Variable{
		Name:    "IBMCLOUD_IAM_API_ENDPOINT",
		Summary: "address of IAM, where a token comes from, if not https://iam.cloud.ibm.com",
	}
)

func variables() []generators.Variable {
	return []generators.Variable{apiKey, apiEndpoint, regionList, visibility, authForm, iam}
}

// A Visibility is a choice among the names that a registry has.
type Visibility string

// The visibilities, as IBM's Terraform provider has them. The private names are those
// within IBM Cloud's own network.
const (
	Public           Visibility = "public"
	Private          Visibility = "private"
	PublicAndPrivate Visibility = "public-and-private"
)

// A Form is what is written as the password.
type Form string

const (
	APIKey Form = "apikey" // the key itself, which lasts until it is revoked
	Token  Form = "token"  // an access token of IAM
)

// DefaultDeadline is how long IAM may take.
const DefaultDeadline = time.Minute

// Config is what a Source is made of.
type Config struct {
	APIKey dockercfg.Secret // used byte for byte
	// Regions are those whose registries are written, by name, or AllRegions; nil
	// means us-south. The global one, icr.io, is always among them.
	Regions []string
	// Registries, in any spelling, are written and no others, whatever the regions;
	// those that are not IBM Cloud's are passed over. nil means those of Regions.
	Registries []string
	Visibility Visibility    // "" means Public
	Form       Form          // "" means APIKey
	IAM        string        // address; "" means that of IBM Cloud
	Deadline   time.Duration // of all of Generate; 0 means DefaultDeadline

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
		Summary:   "IBM Cloud Container Registry, by an API key",
		Variables: variables(),
		LongLived: "the API key itself lasts until it is revoked: leave " + authForm.Name + " out, or set it to " + string(APIKey),
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

// ConfigFromEnv reads the variables. The error is a *generators.MissingVariablesError,
// or tells which variable has a value that it cannot have.
func ConfigFromEnv(env generators.Env) (Config, error) { return Config{}.withEnv(env) }

func (c Config) withEnv(env generators.Env) (Config, error) {
	if err := generators.CheckVariables(name, variables(), env); err != nil {
		return Config{}, err
	}
	key := env.Value(apiKey)
	if strings.HasPrefix(key, "@") {
		return Config{}, fmt.Errorf("%s: %s names a file, as the ibmcloud command takes it; the key itself is wanted", name, apiKey.Name)
	}
	c.APIKey = dockercfg.NewSecret(key)
	c.Visibility, c.Form, c.IAM = Visibility(env.Value(visibility)), Form(env.Value(authForm)), env.Value(iam)
	if notice := generators.OddValue(apiKey.Name, key); notice != "" {
		c.notices = append(c.notices, notice)
	}
	return c, c.setRegions(env)
}

// setRegions reads the two variables that may tell regions. The address comes second:
// it is about an API that is gone.
func (c *Config) setRegions(env generators.Env) error {
	fromEndpoint, err := regionOfEndpoint(env.Value(apiEndpoint))
	if err != nil {
		return wrongValue(apiEndpoint, err)
	}
	switch {
	case env.IsSet(regionList):
		c.Regions = splitList(env.Value(regionList))
		if len(c.Regions) == 0 {
			return wrongValue(regionList, errors.New("it names no region"))
		}
		if env.IsSet(apiEndpoint) && fromEndpoint != "" && !slices.Contains(c.Regions, AllRegions) && !slices.Contains(c.Regions, fromEndpoint) {
			c.notices = append(c.notices, regionList.Name+" goes before "+apiEndpoint.Name+", which is for another region")
		}
	case fromEndpoint != "":
		c.Regions = []string{fromEndpoint}
	}
	if slices.Contains(c.Regions, noRegistry) {
		c.notices = append(c.notices, "there is no registry in "+noRegistry+"; the entries are for those of "+defaultRegion)
	}
	return nil
}

// splitList reads a list with commas or white space between its items.
func splitList(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
}

// wrongValue says what is wrong with the value of a variable. It does not quote it:
// people mix up variables.
func wrongValue(v generators.Variable, err error) error {
	return fmt.Errorf("%s: %s: %w", name, v.Name, err)
}

// Source gives the entries of a Config. It is safe for concurrent use.
type Source struct {
	config Config
	hosts  []string
	iam    *url.URL
}

var _ generators.Source = (*Source)(nil)

// New checks a Config. Its errors wrap those of dockercfg.Entry.Validate, or say which
// field has a value that it cannot have.
func New(c Config) (*Source, error) {
	entry := dockercfg.Entry{Registry: regions[0].host, Username: "iamapikey", Password: c.APIKey}
	if err := entry.Validate(); err != nil {
		return nil, fmt.Errorf("%s: the API key: %w", name, err)
	}
	if c.Deadline == 0 {
		c.Deadline = DefaultDeadline
	}
	if c.Regions == nil {
		c.Regions = []string{defaultRegion}
	}
	for _, r := range c.Regions {
		if _, ok := regionOf(r); !ok && r != AllRegions {
			return nil, wrongValue(regionList, fmt.Errorf("it is none of the regions with a registry (%s)", regionNames()))
		}
	}
	switch c.Visibility {
	case "":
		c.Visibility = Public
	case Public, Private, PublicAndPrivate:
	default:
		return nil, wrongValue(visibility, fmt.Errorf("it is not %s, %s or %s", Public, Private, PublicAndPrivate))
	}
	switch c.Form {
	case "":
		c.Form = APIKey
	case APIKey, Token:
	default:
		return nil, wrongValue(authForm, fmt.Errorf("it is not %s or %s", APIKey, Token))
	}
	s := &Source{config: c, hosts: hosts(c.Regions, c.Visibility)}
	if c.Registries != nil {
		s.hosts = nil
	}
	for i, registry := range c.Registries {
		key, err := dockercfg.NormalizeRegistry(registry)
		if err != nil {
			return nil, fmt.Errorf("%s: registry %d of %d: %w", name, i+1, len(c.Registries), err)
		}
		if isRegistry(key) && !slices.Contains(s.hosts, key) {
			s.hosts = append(s.hosts, key)
		}
	}
	var err error
	if s.iam, err = c.address(); err != nil {
		return nil, wrongValue(iam, err)
	}
	return s, nil
}

// address gives that of IAM's tokens.
func (c Config) address() (*url.URL, error) {
	address := c.IAM
	switch {
	case address != "":
	case c.Visibility == Private:
		address = "https://private.iam.cloud.ibm.com"
	default:
		address = "https://iam.cloud.ibm.com"
	}
	u, err := endpoint.ParseAddress(address)
	if err != nil {
		return nil, err
	}
	u.Path = strings.TrimSuffix(strings.TrimRight(u.Path, "/"), tokenPath) + tokenPath
	return u, nil
}

var _ generators.Identified = (*Source)(nil)

// Identity is told by the variables alone. It is false for the form APIKey, which lasts.
func (s *Source) Identity() (parts []dockercfg.Secret, ok bool) {
	return nil, s.config.Form == Token && len(s.hosts) > 0
}

// Generate gives the entries, all with the same credential. In the form APIKey the
// only error is that of a context that is done; in the form Token it may be any of
// the network, and what a person can do about it is in a *generators.AdvisedError.
func (s *Source) Generate(ctx context.Context) (generators.Result, error) {
	if err := ctx.Err(); err != nil {
		return generators.Result{}, fmt.Errorf("%s: %w", name, err)
	}
	result := generators.Result{Notices: slices.Clone(s.config.notices)}
	if len(s.hosts) == 0 {
		result.Notices = append(result.Notices, "none of the registries that are asked for is IBM Cloud's")
		return result, nil
	}
	entry := dockercfg.Entry{Username: "iamapikey", Password: s.config.APIKey}
	if s.config.Form == Token {
		ctx, cancel := context.WithTimeoutCause(ctx, s.config.Deadline,
			fmt.Errorf("it took over %v: %w", s.config.Deadline, context.DeadlineExceeded))
		defer cancel()
		token, expires, err := s.token(ctx)
		if err != nil {
			return generators.Result{}, fmt.Errorf("%s: %w", name, err)
		}
		entry = dockercfg.Entry{Username: "iambearer", Password: token, Expires: expires}
	}
	for _, host := range s.hosts {
		entry.Registry = host
		result.Entries = append(result.Entries, entry)
	}
	return result, nil
}

package gcr

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
)

const name = "gcr"

// DefaultScope is what a token is good for if nothing else is asked: all that the
// roles of the account allow.
const DefaultScope = "https://www.googleapis.com/auth/cloud-platform"

// The first four variables are those of codeship/gcr-dockercfg-generator.
var (
	authJSON = generators.Variable{
		Name:    "GOOGLE_AUTH_JSON",
		Aliases: []string{"GOOGLE_CREDENTIALS"},
		Summary: "key of a service account, as JSON; without it, what gcloud or the machine has",
		Secret:  true,
		Selects: true,
	}
	authEmail = generators.Variable{
		Name:    "GOOGLE_AUTH_EMAIL",
		Summary: "the account that the key has to be of",
	}
	projectID = generators.Variable{
		Name:    "GOOGLE_PROJECT_ID",
		Summary: "not used: a token is of an account",
	}
	location = generators.Variable{
		Name:    "GOOGLE_LOCATION",
		Summary: "locations of Artifact Registry, such as us,europe-west1",
	}
	ownRegistry = generators.Variable{
		Name:    "GOOGLE_REGISTRY",
		Summary: "further registries that get the credential, with commas",
	}
	authForm = generators.Variable{
		Name:    "GOOGLE_AUTH_FORM",
		Summary: "token, which dies within the hour; json_key or json_key_base64: the key itself",
		Default: string(Token),
	}
	authType = generators.Variable{
		Name:    "GOOGLE_AUTH_TYPE",
		Summary: "what GOOGLE_AUTH_JSON may hold, such as external_account",
		Default: typeServiceAccount,
	}
	authScopes = generators.Variable{
		Name:    "GOOGLE_AUTH_SCOPES",
		Summary: "scopes of the token, with commas",
		Default: DefaultScope,
	}
	impersonate = generators.Variable{
		Name:    "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT",
		Aliases: []string{"CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT"},
		Summary: "service account to act as",
	}
	credentialsFile = generators.Variable{
		Name:    "GOOGLE_APPLICATION_CREDENTIALS",
		Summary: "path of a file with a key or other credentials",
	}
	configFolder = generators.Variable{
		Name:    "CLOUDSDK_CONFIG",
		Summary: "folder of gcloud's configuration",
	}
	metadataHost = generators.Variable{
		Name:    "GCE_METADATA_HOST",
		Summary: "host of the metadata server",
		Default: "169.254.169.254",
	}
	universeDomain = generators.Variable{
		Name:    "GOOGLE_CLOUD_UNIVERSE_DOMAIN",
		Summary: "domain of the servers that get the credential",
		Default: "googleapis.com",
	}
)

func variables() []generators.Variable {
	return []generators.Variable{
		authJSON, authEmail, projectID, location, ownRegistry, authForm, authType, authScopes,
		impersonate, credentialsFile, configFolder, metadataHost, universeDomain,
	}
}

// Backend describes the backend with the zero Config.
func Backend() generators.Backend { return Config{}.Backend() }

// Backend describes the backend with a Config, of which variables that are set
// replace the fields.
func (c Config) Backend() generators.Backend {
	return generators.Backend{
		Name:      name,
		Summary:   "Google's Artifact Registry and gcr.io, by a service account or what gcloud has",
		Variables: variables(),
		LongLived: authForm.Name + "=" + string(JSONKey) + " writes the key of the service account itself, which lasts until it is deleted",
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

// Form is what an entry holds.
type Form string

const (
	// Token is an access token, for the user oauth2accesstoken.
	Token Form = "token"
	// JSONKey is the key of a service account as JSON, for the user _json_key.
	JSONKey Form = "json_key"
	// JSONKeyBase64 is base64 of that, for the user _json_key_base64.
	JSONKeyBase64 Form = "json_key_base64"
)

// The users that go with the forms
// (cloud.google.com/artifact-registry/docs/docker/authentication).
const (
	tokenUser      = "oauth2accesstoken"
	keyUser        = "_json_key"
	keyUserEncoded = "_json_key_base64"
)

// Config is what a Source is made of. The zero Config uses the application default
// credentials for the gcr.io hosts.
type Config struct {
	// Key is a document of credentials: JSON, also damaged, base64 of it, or the path
	// of a file with it. "" means the application default credentials.
	Key dockercfg.Secret
	// KeyType is the type that Key has to be of; "" means service_account. Documents
	// of other types can name servers and files to read from, so that it takes a
	// decision to use one that somebody else has written.
	KeyType string
	// Email is the account that the key has to be of; "" means any.
	Email string

	// Locations are those of Artifact Registry, each for one host below pkg.dev.
	Locations []string
	// OwnRegistries get an entry too, in any spelling, of Google's or not.
	OwnRegistries []string
	// Registries are asked for, in any spelling, and no others; nil means the gcr.io
	// hosts and what Locations and OwnRegistries name. Those that are neither Google's
	// nor among OwnRegistries are passed over.
	Registries []string

	Form   Form     // "" means Token
	Scopes []string // of the token; nil means DefaultScope
	// Impersonate are service accounts, each of which makes a token of the next; the
	// last one's is used.
	Impersonate []string

	// CredentialsFile is the path of a document of any type, "" for none.
	CredentialsFile string
	// ConfigFolder is that of gcloud; "" means the usual one.
	ConfigFolder string
	// MetadataHost is a host or host:port; "" means 169.254.169.254.
	MetadataHost string
	// UniverseDomain is that of the servers which may get a credential: itself and
	// what is below it, by https; and loopback. "" means googleapis.com.
	UniverseDomain string

	keyIsEmpty     bool   // its variable is set, to nothing
	credentialsAPI string // address of the IAM Service Account Credentials API, for tests
}

// ConfigFromEnv reads the variables. The error is a *generators.MissingVariablesError:
// for a key that others describe and that is not there.
func ConfigFromEnv(env generators.Env) (Config, error) { return Config{}.withEnv(env) }

func (c Config) withEnv(env generators.Env) (Config, error) {
	// Who says so much of a key must not get other credentials for want of it.
	if !env.IsSet(authJSON) && (env.IsSet(authType) || env.IsSet(authEmail) && !env.IsSet(credentialsFile)) {
		if err := generators.CheckSet(name, env, authJSON); err != nil {
			return Config{}, err
		}
	}
	text := func(field *string, v generators.Variable) {
		if env.IsSet(v) || *field == "" {
			*field = env.Value(v)
		}
	}
	list := func(field *[]string, v generators.Variable) {
		if env.IsSet(v) {
			*field = splitList(env.Value(v))
		}
	}
	if env.IsSet(authJSON) {
		c.Key = dockercfg.NewSecret(env.Value(authJSON))
	} else if _, ok := env(authJSON.Name); ok {
		c.keyIsEmpty = true
	}
	form := string(c.Form)
	text(&form, authForm)
	c.Form = Form(form)
	text(&c.KeyType, authType)
	text(&c.Email, authEmail)
	text(&c.CredentialsFile, credentialsFile)
	text(&c.ConfigFolder, configFolder)
	text(&c.MetadataHost, metadataHost)
	text(&c.UniverseDomain, universeDomain)
	list(&c.Locations, location)
	list(&c.OwnRegistries, ownRegistry)
	list(&c.Scopes, authScopes)
	list(&c.Impersonate, impersonate)
	return c, nil
}

// Source gives the entries of a Config: one credential for all its registries. It is
// safe for concurrent use.
type Source struct {
	config     Config
	registries []string // in normal form
	identity   identity
	notices    []string
}

var _ generators.Source = (*Source)(nil)

// New checks a Config and reads the files that it names. It asks no server. An error
// that a person can do something about is a *generators.AdvisedError; none shows any
// part of a document.
func New(c Config) (*Source, error) {
	s := &Source{config: c.withDefaults()}
	err := s.config.check()
	if err == nil {
		s.registries, s.notices, err = s.config.registries()
	}
	if err == nil {
		err = s.findIdentity()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

func (c Config) withDefaults() Config {
	for _, f := range []struct {
		field *string
		value string
	}{
		{&c.KeyType, authType.Default},
		{(*string)(&c.Form), authForm.Default},
		{&c.MetadataHost, metadataHost.Default},
		{&c.UniverseDomain, universeDomain.Default},
	} {
		if *f.field == "" {
			*f.field = f.value
		}
	}
	if c.credentialsAPI == "" {
		c.credentialsAPI = "https://iamcredentials." + c.UniverseDomain
	}
	if c.Scopes == nil {
		c.Scopes = []string{DefaultScope}
	}
	return c
}

// check looks at what is neither registry nor document. It quotes nothing: people mix
// up variables.
func (c Config) check() error {
	if !slices.Contains([]Form{Token, JSONKey, JSONKeyBase64}, c.Form) {
		return fmt.Errorf("%s is none of %s, %s and %s", authForm.Name, Token, JSONKey, JSONKeyBase64)
	}
	if !isKnownType(c.KeyType) {
		return fmt.Errorf("%s is none of %s", authType.Name, strings.Join(documentTypes(), ", "))
	}
	if !isHost(c.MetadataHost) {
		return fmt.Errorf("%s is neither a host nor host:port", metadataHost.Name)
	}
	if !isHost(c.UniverseDomain) || !strings.Contains(c.UniverseDomain, ".") || strings.Contains(c.UniverseDomain, ":") {
		return fmt.Errorf("%s is not a domain", universeDomain.Name)
	}
	for _, scope := range c.Scopes {
		if !strings.HasPrefix(scope, "https://") && scope != "openid" && scope != "email" {
			return advise(fmt.Errorf("%s holds what is no scope", authScopes.Name), "scopes are addresses: "+DefaultScope)
		}
	}
	for _, email := range c.Impersonate {
		if plainEmail(email) == "" {
			return advise(fmt.Errorf("%s holds what is no email address", impersonate.Name),
				"a service account has one such as puller@PROJECT.iam.gserviceaccount.com")
		}
	}
	if c.Form != Token && c.Impersonate != nil {
		return fmt.Errorf("%s=%s writes a key, and there is none of the account that %s names", authForm.Name, c.Form, impersonate.Name)
	}
	return nil
}

// Generate gets the credential, with one request for a key and none for its
// long-lived forms, and gives an entry for each registry. The notices say what was
// repaired or looks wrong. The context should have a deadline: a server that asks to
// wait is waited for.
//
// The error is that of the context, or wraps a *RefusedError, or says what went
// wrong on the way; what a person can do is in a *generators.AdvisedError.
func (s *Source) Generate(ctx context.Context) (generators.Result, error) {
	if err := ctx.Err(); err != nil {
		return generators.Result{}, fmt.Errorf("%s: %w", name, err)
	}
	result := generators.Result{Notices: s.notices}
	if s.registries == nil {
		result.Notices = append(slices.Clone(s.notices), s.noRegistries())
		return result, nil
	}
	entry, err := s.entry(ctx)
	if err != nil {
		return generators.Result{}, fmt.Errorf("%s: %w", name, err)
	}
	for _, registry := range s.registries {
		entry.Registry = registry
		if err := entry.Validate(); err != nil {
			return generators.Result{}, fmt.Errorf("%s: %w", name, err)
		}
		result.Entries = append(result.Entries, entry)
	}
	return result, nil
}

// noRegistries says why nothing is done.
func (s *Source) noRegistries() string {
	if s.config.Registries == nil {
		return "no registry is named: outside " + universeDomain.Default + " " + ownRegistry.Name + " has to name them"
	}
	return "none of the registries that were asked for is Google's (gcr.io, *.gcr.io, *.pkg.dev) or named by " + ownRegistry.Name + ", so there is no entry"
}

// entry makes the credential, without a registry.
func (s *Source) entry(ctx context.Context) (dockercfg.Entry, error) {
	switch key := s.identity.document.Reveal(); s.config.Form {
	case JSONKey:
		return dockercfg.Entry{Username: keyUser, Password: dockercfg.NewSecret(key)}, nil
	case JSONKeyBase64:
		return dockercfg.Entry{Username: keyUserEncoded, Password: dockercfg.NewSecret(base64.StdEncoding.EncodeToString([]byte(key)))}, nil
	}
	token, err := s.token(ctx)
	if err != nil {
		return dockercfg.Entry{}, err
	}
	return dockercfg.Entry{Username: tokenUser, Password: token.secret, Expires: token.expires}, nil
}

// advise adds what a person can do to an error.
func advise(err error, advice string) error {
	return &generators.AdvisedError{Err: err, Advice: advice}
}

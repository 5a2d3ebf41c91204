package login

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
)

const name = "login"

// The variables are those of codeship/dockercfg-generator.
var (
	username = generators.Variable{
		Name:     "DOCKER_USERNAME",
		Summary:  "user name at the registry",
		Required: true,
		Selects:  true,
	}
	password = generators.Variable{
		Name:     "DOCKER_PASSWORD",
		Summary:  "password or access token, used as it is",
		Required: true,
		Secret:   true,
		Selects:  true,
	}
	registry = generators.Variable{
		Name:    "DOCKER_REGISTRY",
		Summary: "one registry",
		Default: dockercfg.DockerHub,
	}
)

func variables() []generators.Variable {
	return []generators.Variable{username, password, registry}
}

// Backend describes the backend.
func Backend() generators.Backend {
	return generators.Backend{
		Name:      name,
		Summary:   "a user name and a password, as for docker login",
		Variables: variables(),
		Open: func(env generators.Env) (generators.Source, error) {
			c, err := ConfigFromEnv(env)
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

// Config is what a Source is made of.
type Config struct {
	Registry string // in any spelling; "" means Docker Hub
	Username string
	Password dockercfg.Secret // used byte for byte
	Email    string           // for old files that have it
	// UsernameIs and PasswordIs are what the two are called in notices; "" means by
	// the names of their variables.
	UsernameIs, PasswordIs string
}

// ConfigFromEnv reads DOCKER_USERNAME, DOCKER_PASSWORD and DOCKER_REGISTRY. The
// error is a *generators.MissingVariablesError.
func ConfigFromEnv(env generators.Env) (Config, error) {
	if err := generators.CheckVariables(name, variables(), env); err != nil {
		return Config{}, err
	}
	return Config{
		Registry: env.Value(registry),
		Username: env.Value(username),
		Password: dockercfg.NewSecret(env.Value(password)),
	}, nil
}

// Source gives the one entry of a Config. It is safe for concurrent use.
type Source struct {
	entry                  dockercfg.Entry
	usernameIs, passwordIs string
}

var _ generators.Source = (*Source)(nil)

// New checks a Config. Its errors wrap those of dockercfg.Entry.Validate.
func New(c Config) (*Source, error) {
	if c.Registry == "" {
		c.Registry = dockercfg.DockerHub
	}
	// A host pattern would be a valid entry, and Docker would never look it up.
	if _, err := dockercfg.NormalizeRegistry(c.Registry); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	entry := dockercfg.Entry{Registry: c.Registry, Username: c.Username, Password: c.Password, Email: c.Email}
	if err := entry.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Source{entry, cmp.Or(c.UsernameIs, username.Name), cmp.Or(c.PasswordIs, password.Name)}, nil
}

// Generate gives the entry, and notices about white space and about service
// account keys that are not what the registry expects. It changes nothing. The
// only error is that of a context that is done.
func (s *Source) Generate(ctx context.Context) (generators.Result, error) {
	if err := ctx.Err(); err != nil {
		return generators.Result{}, fmt.Errorf("%s: %w", name, err)
	}
	return generators.Result{
		Entries: []dockercfg.Entry{s.entry},
		Notices: s.notices(),
	}, nil
}

func (s *Source) notices() []string {
	var notices []string
	secret := s.entry.Password.Reveal()
	for _, v := range []struct{ name, value string }{
		{s.usernameIs, s.entry.Username},
		{s.passwordIs, secret},
	} {
		if strings.TrimSpace(v.value) != v.value {
			notices = append(notices, v.name+" begins or ends with white space; it is used as it is")
		}
	}
	// Google's registries take the whole key file as the password of this user
	// (cloud.google.com/artifact-registry/docs/docker/authentication). Some guides
	// put it in quotes, which an env file keeps.
	if s.entry.Username == "_json_key" {
		text := strings.TrimSpace(secret)
		switch {
		case isQuoted(text):
			notices = append(notices, s.passwordIs+" stands in quotes, and the password of user _json_key is JSON without them; it is used as it is")
		case !strings.HasPrefix(text, "{") || !json.Valid([]byte(text)):
			notices = append(notices, s.passwordIs+" is not the JSON of a key file, which user _json_key needs; it is used as it is")
		}
	}
	return notices
}

func isQuoted(text string) bool {
	last := len(text) - 1
	return last > 0 && (text[0] == '"' || text[0] == '\'') && text[last] == text[0]
}

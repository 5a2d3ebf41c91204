package heroku

import (
	"context"
	"fmt"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
)

const name = "heroku"

const (
	// Registry is Heroku's only one.
	Registry = "registry.heroku.com"
	// Username goes with every API key; the registry looks at the key alone.
	Username = "_"
)

// The variable is that of codeship/heroku-dockercfg-generator, and of Heroku's own
// command line.
var apiKey = generators.Variable{
	Name:     "HEROKU_API_KEY",
	Summary:  `API key; "heroku authorizations:create" makes one that lasts`,
	Required: true,
	Secret:   true,
	Selects:  true,
}

func variables() []generators.Variable { return []generators.Variable{apiKey} }

// Backend describes the backend.
func Backend() generators.Backend {
	return generators.Backend{
		Name:      name,
		Summary:   "Heroku's container registry, by an API key",
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
	APIKey dockercfg.Secret // used byte for byte
}

// ConfigFromEnv reads HEROKU_API_KEY. The error is a *generators.MissingVariablesError.
func ConfigFromEnv(env generators.Env) (Config, error) {
	if err := generators.CheckVariables(name, variables(), env); err != nil {
		return Config{}, err
	}
	return Config{APIKey: dockercfg.NewSecret(env.Value(apiKey))}, nil
}

// Source gives the one entry of a Config. It is safe for concurrent use.
type Source struct {
	entry dockercfg.Entry
}

var _ generators.Source = (*Source)(nil)

// New checks a Config. Its errors wrap those of dockercfg.Entry.Validate.
func New(c Config) (*Source, error) {
	entry := dockercfg.Entry{Registry: Registry, Username: Username, Password: c.APIKey}
	if err := entry.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Source{entry}, nil
}

// Generate gives the entry. The only error is that of a context that is done.
func (s *Source) Generate(ctx context.Context) (generators.Result, error) {
	if err := ctx.Err(); err != nil {
		return generators.Result{}, fmt.Errorf("%s: %w", name, err)
	}
	result := generators.Result{Entries: []dockercfg.Entry{s.entry}}
	if notice := generators.OddValue(apiKey.Name, s.entry.Password.Reveal()); notice != "" {
		result.Notices = append(result.Notices, notice)
	}
	return result, nil
}

package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/credentialstore"
	"github.com/dockercfg/jet/internal/dockerconfig"
)

const name = "store"

// DefaultDeadline is how long all runs of helpers may take together.
const DefaultDeadline = 5 * time.Minute

var folder = generators.Variable{
	Name:    "DOCKER_CONFIG",
	Summary: "folder of Docker's config.json, if not .docker in the home folder",
}

// Backend describes the backend with the zero Config.
func Backend() generators.Backend { return Config{}.Backend() }

// Backend describes the backend with a Config, of which variables that are set
// replace the fields.
func (c Config) Backend() generators.Backend {
	return generators.Backend{
		Name:      name,
		Summary:   "what docker login has put into the keychain or another credential store",
		Variables: []generators.Variable{folder},
		// The keychain may ask its owner, who may be at coffee.
		Interactive: true,
		Open: func(env generators.Env) (generators.Source, error) {
			s, err := New(c.withEnv(env))
			if err != nil {
				return nil, err // not s, a nil pointer in an interface
			}
			return s, nil
		},
	}
}

// Config is what a Source is made of. The zero Config asks for everything that
// the Docker of this user knows.
type Config struct {
	// Folder is that of Docker's config.json; "" means .docker in the home folder.
	Folder string
	// Registries are asked for, in any spelling, and no others; nil means all.
	Registries []string
	// Timeout is the deadline for each run of a helper; 0 means
	// credentialstore.DefaultTimeout, 30 s.
	Timeout time.Duration
	// Deadline is that for all runs together; 0 means DefaultDeadline.
	Deadline time.Duration
	// Stderr gets what helpers print there; nil means that an error shows it if it
	// is plainly a message.
	Stderr io.Writer

	folders []string // of programs, see credentialstore.Options; for tests
}

// ConfigFromEnv reads DOCKER_CONFIG. It needs no variable, so there is no error;
// the result is of the form of other backends.
func ConfigFromEnv(env generators.Env) (Config, error) { return Config{}.withEnv(env), nil }

func (c Config) withEnv(env generators.Env) Config {
	if value := env.Value(folder); value != "" {
		c.Folder = value
	}
	return c
}

// Source asks the stores of a Config. It is safe for concurrent use; but two
// calls at once may show a person two prompts.
type Source struct {
	config     Config
	registries []string // in normal form, each once
}

var _ generators.Source = (*Source)(nil)

// New checks a Config and reads nothing. An error wraps that of
// dockercfg.NormalizeRegistry, or tells that there is no home folder.
func New(c Config) (*Source, error) {
	s := &Source{config: c}
	for i, registry := range c.Registries {
		key, err := dockercfg.NormalizeRegistry(registry)
		if err != nil {
			return nil, fmt.Errorf("%s: registry %d of %d: %w", name, i+1, len(c.Registries), err)
		}
		if !slices.Contains(s.registries, key) {
			s.registries = append(s.registries, key)
		}
	}
	if c.Folder == "" {
		folder, err := dockerconfig.DefaultFolder()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		s.config.Folder = folder
	}
	if c.Deadline == 0 {
		s.config.Deadline = DefaultDeadline
	}
	return s, nil
}

// ErrEmpty says that there are no credentials, in any store or in the file.
var ErrEmpty = errors.New("there are no credentials")

// NotFoundError says that there is no credential for a registry that was asked for.
type NotFoundError struct {
	Registry string // normal form
	Helper   string // that was asked, "" for none
	Path     string // of Docker's configuration, in which there is none either
}

func (e *NotFoundError) Error() string {
	if e.Helper == "" {
		return fmt.Sprintf("%s: there is no credential in %s, which names no helper for it", e.Registry, e.Path)
	}
	return fmt.Sprintf("%s: there is no credential in the store of %q, nor in %s", e.Registry, e.Helper, e.Path)
}

// Generate reads Docker's configuration and asks the helpers, one after the
// other. What a registry fails with does not keep the others from coming out: the
// error is a *generators.PartialError then, and each of its errors wraps one of
// credentialstore (*NotFoundError, *LockedError, *TimeoutError, *FailedError) or
// of this package (*NotFoundError), or that of dockercfg.Entry.Validate.
//
// Any other error comes with no entries: that of the context, that of
// dockerconfig.Load, and ErrEmpty.
func (s *Source) Generate(ctx context.Context) (generators.Result, error) {
	if err := ctx.Err(); err != nil {
		return generators.Result{}, fmt.Errorf("%s: %w", name, err)
	}
	docker, err := dockerconfig.Load(s.config.Folder)
	if err != nil {
		return generators.Result{}, fmt.Errorf("%s: %w", name, err)
	}
	timed, cancel := context.WithTimeoutCause(ctx, s.config.Deadline,
		fmt.Errorf("the helpers took over %v together: %w", s.config.Deadline, context.DeadlineExceeded))
	defer cancel()
	c := newCollection(timed, docker, credentialstore.Options{
		Timeout: s.config.Timeout,
		Stderr:  s.config.Stderr,
		Folders: s.config.folders,
	})
	if s.registries != nil {
		c.some(s.registries)
	} else {
		c.all()
	}
	if err := ctx.Err(); err != nil {
		return generators.Result{}, fmt.Errorf("%s: %w", name, err)
	}
	result, errs := c.result()
	switch {
	case errs != nil:
		return result, &generators.PartialError{Errors: errs}
	case len(result.Entries) == 0 && docker.Store != "":
		return generators.Result{}, fmt.Errorf("%s: %w, neither in the store of %q nor in %s", name, ErrEmpty, docker.Store, docker.Path)
	case len(result.Entries) == 0:
		return generators.Result{}, fmt.Errorf("%s: %w in %s", name, ErrEmpty, docker.Path)
	}
	return result, nil
}

// Configured reports whether the configuration in a folder ("" means .docker in
// the home folder) names a helper that a Source would ask. That of the system,
// which Docker takes if nothing is configured, does not count. A configuration
// that cannot be read names none; Generate tells why.
func Configured(folder string) bool {
	s, err := New(Config{Folder: folder})
	if err != nil {
		return false
	}
	docker, err := dockerconfig.Load(s.config.Folder)
	if err != nil {
		return false
	}
	for _, helper := range docker.Helpers {
		if helper != "" && !isJet(helper) {
			return true
		}
	}
	return docker.Store != "" && !docker.Detected && !isJet(docker.Store)
}

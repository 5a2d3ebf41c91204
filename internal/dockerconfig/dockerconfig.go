// Package dockerconfig reads the configuration of a user's Docker command line:
// which helpers keep credentials, and those that stand in the file itself. It
// runs no helper and changes nothing.
package dockerconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/credentials"

	"github.com/dockercfg/jet/dockercfg"
)

// DefaultFolder is where Docker's configuration lies unless DOCKER_CONFIG names
// another folder: .docker in the home folder of the user.
func DefaultFolder() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("dockerconfig: %w", err)
	}
	return filepath.Join(home, ".docker"), nil
}

// Configuration is what config.json says about credentials.
type Configuration struct {
	Path string // of the file, which need not exist
	// Store is the helper for all registries that Helpers does not name: what
	// credsStore says. "" means that credentials stand in the file.
	Store string
	// Detected is set if the file says nothing at all about credentials. Store is
	// then the one that Docker takes: that of the system, if its program is on
	// PATH.
	Detected bool
	// Helpers are the helpers of single registries (credHelpers), in the spelling
	// of the file. "" means that the registry's credential stands in the file.
	Helpers map[string]string
	// Servers are all keys of "auths", in the spelling of the file, sorted. Docker leaves
	// one without a value behind for each credential that a helper keeps.
	Servers []string
	// Entries are the credentials in the file itself, in normal form. Docker
	// ignores them where a helper is set.
	Entries []dockercfg.Entry
	// Notices say what is odd in the file, a line each, and never hold a secret.
	Notices []string
}

// FormError says that a file is a dockercfg, but not of the form that Docker
// reads: it would go on as if the file were empty.
type FormError struct {
	Path string
	Form dockercfg.Form
}

func (e *FormError) Error() string {
	return fmt.Sprintf("dockerconfig: %s has the form %q, which Docker takes for an empty configuration", e.Path, e.Form)
}

// Load reads the configuration in folder. A file that is missing or empty is an
// empty configuration, as for Docker. The error is a *FormError, wraps a
// *dockercfg.ParseError or one of the file system, or says which field Docker
// cannot read.
func Load(folder string) (*Configuration, error) {
	path := filepath.Join(folder, config.ConfigFileName)
	data, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("dockerconfig: %w", err)
	}
	c := &Configuration{Path: path}
	switch parsed, err := dockercfg.Parse(data); {
	case errors.Is(err, dockercfg.ErrEmpty):
		data = nil
	case err != nil:
		return nil, fmt.Errorf("dockerconfig: %s: %w", path, err)
	case parsed.Form() != dockercfg.Config:
		return nil, &FormError{Path: path, Form: parsed.Form()}
	default:
		c.Entries = parsed.Entries()
		for _, notice := range parsed.Notices() {
			c.Notices = append(c.Notices, path+": "+notice)
		}
	}
	// Of this object only fields are used: its methods mix DOCKER_AUTH_CONFIG in,
	// run helpers without a deadline, and print.
	file, err := config.LoadFromReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\uFEFF"))))
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &mistyped): // whose text may quote a value
		return nil, fmt.Errorf("dockerconfig: %s: %q is not what Docker wants there, a %v", path, mistyped.Field, mistyped.Type)
	case err != nil: // about an entry, after all fields were read
		c.Notices = append(c.Notices, fmt.Sprintf("%s: Docker itself refuses the file: %v", path, err))
	}
	c.Store, c.Helpers = file.CredentialsStore, file.CredentialHelpers
	c.Servers = slices.Sorted(maps.Keys(file.AuthConfigs))
	if !file.ContainsAuth() {
		c.Store = credentials.DetectDefaultStore("")
		c.Detected = c.Store != ""
	}
	return c, nil
}

// read gives a file, nil if there is none.
func read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, dockercfg.MaxBytes+1)) // Parse refuses what is over the limit
}

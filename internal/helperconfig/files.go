package helperconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dockercfg/jet/internal/outfile"
)

// Path gives the config.json of the user: in DOCKER_CONFIG, else in .docker of
// the home folder (docker/cli v29.9.3, cli/config/config.go). It need not exist.
func Path(lookupEnv func(name string) (value string, ok bool)) (string, error) {
	if dir, _ := lookupEnv("DOCKER_CONFIG"); dir != "" {
		return filepath.Join(dir, "config.json"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("helperconfig: DOCKER_CONFIG is not set, and %w", err)
	}
	return filepath.Join(home, ".docker", "config.json"), nil
}

// File is a config.json with its neighbour StateName.
type File struct {
	Path string // of config.json, also a symbolic link to it
}

func (f File) statePath() string { return filepath.Join(filepath.Dir(f.Path), StateName) }

// Install does in the file what the function Install does, or tells what that
// would be. A file that exists keeps its mode; a new one is readable by its owner
// alone, as is its folder.
func (f File) Install(r Request, dryRun bool) (*Change, error) {
	return f.change(r, dryRun, Install)
}

// Uninstall does in the file what the function Uninstall does, or tells what that
// would be.
func (f File) Uninstall(r Request, dryRun bool) (*Change, error) {
	return f.change(r, dryRun, Uninstall)
}

// PassOn is the function PassOn for the file. A file that is not there is empty.
func (f File) PassOn(registry string) (string, error) {
	config, state, err := f.read()
	if err != nil {
		return "", err
	}
	helper, err := PassOn(config, state, registry)
	return helper, f.named(err)
}

func (f File) change(r Request, dryRun bool, work func(config, state []byte, r Request) (*Change, error)) (*Change, error) {
	config, state, err := f.read()
	if err != nil {
		return nil, err
	}
	c, err := work(config, state, r)
	if err != nil {
		return nil, f.named(err)
	}
	if dryRun {
		return c, nil
	}
	// The state is there for as long as our members are: what is left of it after
	// a crash does no harm.
	if c.State != nil {
		if err := f.write(f.statePath(), state, c.State, c); err != nil {
			return nil, err
		}
	}
	if err := f.write(f.Path, config, c.Config, c); err != nil {
		return nil, errors.Join(err, f.write(f.statePath(), c.State, state, c))
	}
	if c.State == nil {
		err = f.write(f.statePath(), state, nil, c)
	}
	return c, err
}

// named puts the path in front of an error about the content.
func (f File) named(err error) error {
	var syntax *SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("%q: %w", f.Path, err)
	}
	return err
}

// read gives both files, nil for one that does not exist.
func (f File) read() (config, state []byte, err error) {
	if config, err = readFile(f.Path); err == nil {
		state, err = readFile(f.statePath())
	}
	return config, state, err
}

func readFile(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && text == nil {
		text = []byte{}
	}
	return text, err
}

// write makes after of a file that was before.
func (f File) write(path string, before, after []byte, c *Change) error {
	switch {
	case bytes.Equal(before, after) && (before == nil) == (after == nil):
		return nil
	case after == nil:
		target, err := filepath.EvalSymlinks(path)
		if err != nil {
			return err
		}
		return os.Remove(target)
	}
	class := outfile.Shared // as far as it was
	if before == nil {
		class = outfile.Private
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
	}
	inPlace, err := outfile.WriteFile(path, after, class)
	if inPlace {
		c.Notices = append(c.Notices, fmt.Sprintf("%q could only be written in place, which is not atomic: a crash while it was written would have damaged it", path))
	}
	return err
}

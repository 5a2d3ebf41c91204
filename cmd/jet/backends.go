package main

import (
	"io"
	"slices"

	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/generators/azure"
	"github.com/dockercfg/jet/generators/ecr"
	"github.com/dockercfg/jet/generators/gcr"
	"github.com/dockercfg/jet/generators/heroku"
	"github.com/dockercfg/jet/generators/ibm"
	"github.com/dockercfg/jet/generators/login"
	"github.com/dockercfg/jet/generators/store"
	"github.com/dockercfg/jet/internal/awsprofile"
)

// A backendConfig is what backends take from the command line.
type backendConfig struct {
	registries []string  // to ask for, in normal form; nil for all
	asked      []string  // backends, by name: these may be whoever the machine is
	stderr     io.Writer // of programs that are run
}

// backends is the one list of what "jet generate dockercfg" can ask.
func backends(c backendConfig) (*generators.Registry, error) {
	return generators.NewRegistry(
		login.Backend(),
		ecr.Config{Registries: c.registries, Profiles: awsprofile.Reader{}}.Backend(),
		gcr.Config{Registries: c.registries}.Backend(),
		ibm.Config{Registries: c.registries}.Backend(),
		azure.Config{Registries: c.registries, Ambient: slices.Contains(c.asked, "azure")}.Backend(),
		heroku.Backend(),
		store.Config{Registries: c.registries, Stderr: c.stderr}.Backend(),
	)
}

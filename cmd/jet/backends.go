package main

import (
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/generators/login"
	"github.com/dockercfg/jet/generators/store"
)

// backends is the one list of what "jet generate dockercfg" can ask. The config is
// for what the store takes from the command line.
func backends(c store.Config) (*generators.Registry, error) {
	return generators.NewRegistry(
		login.Backend(),
		c.Backend(),
	)
}

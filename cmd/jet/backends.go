package main

import (
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/generators/login"
)

// backends is the one list of what "jet generate dockercfg" can ask.
func backends() (*generators.Registry, error) {
	return generators.NewRegistry(
		login.Backend(),
	)
}

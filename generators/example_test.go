package generators_test

import (
	"context"
	"fmt"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
)

// Example is the backend of docs/backends.md: a robot account of quay.io.
func Example() {
	registry, err := generators.NewRegistry(Backend())
	if err != nil {
		fmt.Println(err)
		return
	}
	variables := map[string]string{"QUAY_ROBOT": "acme+ci", "QUAY_TOKEN": "a token"}
	for _, selection := range registry.Select(func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	}) {
		source, err := selection.Backend.Open(func(name string) (string, bool) { return variables[name], true })
		if err != nil {
			fmt.Println(err)
			return
		}
		result, err := source.Generate(context.Background())
		fmt.Println(selection.Variable, len(result.Entries), err)
	}
	_, err = Backend().Open(func(string) (string, bool) { return "", false })
	fmt.Println(err)
	// Output:
	// QUAY_ROBOT 1 <nil>
	// quay: these variables are not set: QUAY_ROBOT, QUAY_TOKEN
}

// begin of the example

var (
	robot = generators.Variable{Name: "QUAY_ROBOT", Summary: "robot account, as namespace+name", Required: true, Selects: true}
	token = generators.Variable{Name: "QUAY_TOKEN", Summary: "its token", Required: true, Secret: true}
)

// Backend describes the backend.
func Backend() generators.Backend {
	b := generators.Backend{
		Name:      "quay",
		Summary:   "a robot account of quay.io",
		Variables: []generators.Variable{robot, token},
	}
	b.Open = func(env generators.Env) (generators.Source, error) {
		if err := generators.CheckVariables(b.Name, b.Variables, env); err != nil {
			return nil, err
		}
		return &Source{env.Value(robot), dockercfg.NewSecret(env.Value(token))}, nil
	}
	return b
}

// Source gives the one entry.
type Source struct {
	robot string
	token dockercfg.Secret // does not print
}

// Generate makes the entry. A backend that asks a server does it here, with the
// client of internal/endpoint, and sets Entry.Expires.
func (s *Source) Generate(ctx context.Context) (generators.Result, error) {
	if err := ctx.Err(); err != nil {
		return generators.Result{}, fmt.Errorf("quay: %w", err)
	}
	entry := dockercfg.Entry{Registry: "quay.io", Username: s.robot, Password: s.token}
	return generators.Result{Entries: []dockercfg.Entry{entry}}, nil
}

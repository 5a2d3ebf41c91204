package login_test

import (
	"context"
	"fmt"

	"github.com/dockercfg/jet/generators/login"
)

func Example() {
	variables := map[string]string{
		"DOCKER_USERNAME": "bob",
		"DOCKER_PASSWORD": "hunter2",
		"DOCKER_REGISTRY": "https://quay.io/v2/",
	}
	source, err := login.Backend().Open(func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := source.Generate(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	entry := result.Entries[0]
	fmt.Println(entry.Registry, entry.Username, entry.Password)
	// Output: https://quay.io/v2/ bob [redacted]
}

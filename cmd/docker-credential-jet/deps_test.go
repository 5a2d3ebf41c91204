package main

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestLinked checks what is linked into the helper. Clients run it up to four
// times a command: what is not there cannot be slow.
func TestLinked(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("needs the go command")
	}
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := strings.Fields(string(out))
	if len(packages) < 50 || !slices.Contains(packages, "github.com/dockercfg/jet/crypto") {
		t.Fatalf("%d packages found, so something is wrong with the search", len(packages))
	}
	for _, path := range packages {
		for _, never := range []string{"net", "net/http", "regexp", "text/template", "testing", "github.com/urfave", "github.com/docker/cli", "github.com/sirupsen", "go.yaml.in", "github.com/goccy", "filippo.io", "golang.org/x/crypto"} {
			if path == never || strings.HasPrefix(path, never+"/") && never != "net" {
				t.Errorf("%s is linked: go list -deps has it, go mod why -m tells more", path)
			}
		}
	}
}

// Package userstore finds which credential store is the user's own: the one that
// jet passes on to, and keeps keys in.
package userstore

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/credentialstore"
	"github.com/dockercfg/jet/internal/helperconfig"
)

// Variable names the store, before Docker's configuration.
const Variable = "JET_CREDENTIAL_STORE"

// Named gives the name of the store for a server, "" if nothing names one, and for
// people where the name is from: JET_CREDENTIAL_STORE, or what config.json says or
// said before "jet helper install".
func Named(lookupEnv func(string) (string, bool), server string) (name, from string, err error) {
	if name, _ := lookupEnv(Variable); name != "" {
		return name, Variable, nil
	}
	path, err := helperconfig.Path(lookupEnv)
	if err != nil {
		return "", "", nil // no home, so no configuration
	}
	registry, _ := dockercfg.NormalizeRegistry(server)
	name, err = helperconfig.File{Path: path}.PassOn(registry)
	if err != nil {
		err = fmt.Errorf("looking for the credential store to pass on to: %w", err)
	}
	return name, fmt.Sprintf("the store of %q", path), err
}

// OfPlatform gives the name of the store that Docker picks by itself, "" for none
// (docker/cli v29.9.3, cli/config/credentials/default_store*.go).
func OfPlatform() string {
	switch runtime.GOOS {
	case "darwin":
		return "osxkeychain"
	case "windows":
		return "wincred"
	case "linux":
		if _, err := exec.LookPath("pass"); err == nil {
			return "pass"
		}
		return "secretservice"
	}
	return ""
}

// IsThisProgram reports whether a store is the program that asks.
func IsThisProgram(store *credentialstore.Store) bool {
	self, err := os.Executable()
	if err != nil {
		return false
	}
	a, errA := os.Stat(self)
	b, errB := os.Stat(store.Path())
	return errA == nil && errB == nil && os.SameFile(a, b)
}

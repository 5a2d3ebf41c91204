// Docker-credential-jet is a credential helper: it hands clients of registries the
// credentials in the encrypted dockercfg of a project. See package credentialhelper.
package main

import (
	"os"

	"github.com/dockercfg/jet/internal/credentialhelper"
)

// version is set by the linker in releases: -X main.version=1.2.3.
var version string

func main() { os.Exit(credentialhelper.Main(version)) }

// Jet-age opens and makes files of age for jet and docker-credential-jet, which run
// it when a project shares its key. See packages sharedkey and agefile.
package main

import (
	"fmt"
	"os"

	"github.com/dockercfg/jet/internal/agefile"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, `jet-age: jet runs this program by itself; "jet key --help" is about shared keys`)
		os.Exit(2)
	}
	if err := agefile.Serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "jet-age: %v\n", err)
		os.Exit(1)
	}
}

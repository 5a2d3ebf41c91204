// Jet-aws-profile reads profiles of AWS's configuration for jet, which runs it when
// one is asked for. See package resolver.
package main

import (
	"context"
	"os"
	"os/signal"

	"github.com/dockercfg/jet/internal/awsprofile/resolver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := resolver.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

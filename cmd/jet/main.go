// Jet keeps registry credentials and files of variables encrypted in git, with a
// project key, and makes Docker credentials of them.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(execute()) }

// execute runs the program on the real system. The first interrupt ends the
// command in good order, a second one kills the process.
func execute() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // not on the way out, where it would only take time
	p := &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, lookupEnv: os.LookupEnv}
	return p.run(ctx, os.Args[1:])
}

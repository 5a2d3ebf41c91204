// Jet keeps registry credentials and files of variables encrypted in git, with a
// project key, and makes Docker credentials of them.
package main

import "os"

func main() { os.Exit(execute()) }

// execute runs the program on the real system.
func execute() int {
	ctx, signals := interruptible()
	p := &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, lookupEnv: os.LookupEnv, signals: signals}
	return p.run(ctx, os.Args[1:])
}

//go:build !windows

package process

import (
	"context"
	"os/exec"
)

// Shell is Command for a command line as one types it, with more arguments behind
// it, which the shell does not look into.
func Shell(ctx context.Context, command string, args ...string) *exec.Cmd {
	if len(args) > 0 {
		// What follows the command line is $0, and then "$@".
		return Command(ctx, "sh", append([]string{"-c", command + ` "$@"`, command}, args...)...)
	}
	return Command(ctx, "sh", "-c", command)
}

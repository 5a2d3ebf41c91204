//go:build !unix

package process

import (
	"context"
	"os/exec"
)

// command runs a program, which alone is killed: what it started is left behind.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, name, args...)
}

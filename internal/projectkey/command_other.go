//go:build !windows

package projectkey

import (
	"context"
	"os/exec"

	"github.com/dockercfg/jet/internal/process"
)

// shell runs command as one types it.
func shell(ctx context.Context, command string) *exec.Cmd {
	return process.Command(ctx, "sh", "-c", command)
}

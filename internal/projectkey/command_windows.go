package projectkey

import (
	"context"
	"os/exec"
	"syscall"

	"github.com/dockercfg/jet/internal/process"
)

// shell runs command through cmd, which does not read its arguments as other
// programs do: with /s it takes off the outer quotes and nothing else.
func shell(ctx context.Context, command string) *exec.Cmd {
	cmd := process.Command(ctx, "cmd")
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: `cmd /d /s /c "` + command + `"`}
	return cmd
}

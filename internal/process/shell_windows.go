package process

import (
	"context"
	"os/exec"
	"syscall"
)

// Shell is Command for a command line as one types it, with more arguments behind
// it, which the shell does not look into.
//
// cmd does not read its arguments as other programs do: with /s it takes off the
// outer quotes and nothing else. It replaces %NAME% in arguments too.
func Shell(ctx context.Context, command string, args ...string) *exec.Cmd {
	for _, arg := range args {
		command += " " + syscall.EscapeArg(arg)
	}
	cmd := Command(ctx, "cmd")
	cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: `cmd /d /s /c "` + command + `"`}
	return cmd
}

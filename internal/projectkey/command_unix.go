//go:build unix

package projectkey

import (
	"context"
	"os"
	"os/exec"
	"syscall"
)

// shell runs command in a process group of its own, which is killed as a whole,
// with all that the command started.
//
// Where there is a terminal it stays in ours: a background group is stopped when
// it asks the terminal for a passphrase. Then only the shell is killed (Ctrl-C
// reaches all of them) and what holds the pipe open is left behind.
func shell(ctx context.Context, command string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	if terminal, err := os.Open("/dev/tty"); err == nil {
		terminal.Close()
		return cmd
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

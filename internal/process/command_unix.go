//go:build unix

package process

import (
	"context"
	"os"
	"os/exec"
	"syscall"
)

// command runs a program in a process group of its own, which is killed as a
// whole, with all that the program started.
//
// Where there is a terminal it stays in ours: a background group is stopped when
// it asks the terminal for a passphrase. Then only the program is killed (Ctrl-C
// reaches all of them) and what holds the pipe open is left behind.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	if terminal, err := os.Open("/dev/tty"); err == nil {
		terminal.Close()
		return cmd
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

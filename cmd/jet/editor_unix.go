//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// endGently has a program asked to end before it is killed, so that it can leave
// the terminal in order. It tells whether what is typed to interrupt programs
// reaches both the program and us: without a terminal it has a process group of
// its own.
func endGently(cmd *exec.Cmd) (shared bool) {
	shared = cmd.SysProcAttr == nil || !cmd.SysProcAttr.Setpgid
	cmd.Cancel = func() error {
		if shared {
			return cmd.Process.Signal(syscall.SIGTERM)
		}
		return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
	}
	return shared
}

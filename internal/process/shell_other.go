//go:build !windows

package process

import (
	"context"
	"os/exec"
	"strings"
)

// Shell is Command for a command line as one types it, with more arguments behind
// it, which the shell does not look into.
func Shell(ctx context.Context, command string, args ...string) *exec.Cmd {
	line := command
	if len(args) > 0 {
		line += ` "$@"`
	}
	if isSimple(command) {
		line = "exec " + line
	}
	// What follows the command line is $0, and then "$@".
	return Command(ctx, "sh", append([]string{"-c", line, command}, args...)...)
}

// isSimple reports whether a command line is one program with arguments, which can
// take the place of the shell: a shell in between may end by a signal that the
// program lives through, and not pass on what we send.
func isSimple(command string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(command), " ")
	if strings.ContainsAny(command, "|&;<>()$`{}!#\n") || strings.ContainsAny(word, `='"\`) {
		return false
	}
	_, err := exec.LookPath(word) // else it is the shell's own, or not there
	return err == nil
}

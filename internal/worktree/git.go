package worktree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/dockercfg/jet/internal/process"
)

// repositoryVariables point git at a repository other than the one around its
// folder; git sets some of them for the hooks it runs.
// Source: git rev-parse --local-env-vars, less those about configuration.
var repositoryVariables = [...]string{
	"GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY",
}

// Git is the git program, to be asked about the repository around dir whatever
// the environment says. It speaks English, and starts no program that the
// repository's configuration names for watching files.
func Git(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := process.Command(ctx, "git", append([]string{"-c", "core.fsmonitor=false"}, args...)...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(cmd.Env, func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(repositoryVariables[:], name)
	})
	cmd.Env = append(cmd.Env, "LC_ALL=C")
	return cmd
}

// GitError makes an error of Output's for a Git command say what git said.
func GitError(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	line, _, _ := bytes.Cut(bytes.TrimSpace(exit.Stderr), []byte("\n"))
	return fmt.Errorf("%w: %q", err, line)
}

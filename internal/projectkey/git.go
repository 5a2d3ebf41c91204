package projectkey

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

// gitTracks reports whether name in dir stands in git's index, be it a file or not.
func gitTracks(ctx context.Context, dir, name string) (bool, error) {
	return gitSays(ctx, dir, "--literal-pathspecs", "ls-files", "--error-unmatch", "--", name)
}

// gitIgnores reports whether git would leave name in dir out. The command refuses
// --literal-pathspecs; "./" takes the meaning from ":", and wildcards have none
// without the index.
func gitIgnores(ctx context.Context, dir, name string) (bool, error) {
	return gitSays(ctx, dir, "check-ignore", "--no-index", "-q", "--", "./"+name)
}

// gitSays asks the git program a question in dir that it answers by its exit
// status: 0 for yes, 1 for no. Everything else, also no git at all, is an error.
func gitSays(ctx context.Context, dir string, args ...string) (bool, error) {
	// Neither question needs a program that the repository's configuration names.
	cmd := process.Command(ctx, "git", append([]string{"-c", "core.fsmonitor=false"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(withoutRepository(cmd.Env), "LC_ALL=C")
	_, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return true, nil
	case !errors.As(err, &exit):
		return false, err
	case exit.ExitCode() == 1:
		return false, nil
	}
	line, _, _ := bytes.Cut(bytes.TrimSpace(exit.Stderr), []byte("\n"))
	return false, fmt.Errorf("%v: %q", err, line)
}

// withoutRepository leaves out the variables that lead git to another repository.
func withoutRepository(environment []string) []string {
	return slices.DeleteFunc(environment, func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(repositoryVariables[:], name)
	})
}

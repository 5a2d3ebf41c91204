package projectkey

import (
	"context"
	"errors"
	"os/exec"

	"github.com/dockercfg/jet/internal/worktree"
)

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
	_, err := worktree.Git(ctx, dir, args...).Output()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return true, nil
	case !errors.As(err, &exit):
		return false, err
	case exit.ExitCode() == 1:
		return false, nil
	}
	return false, worktree.GitError(err)
}

package credentialhelper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/process"
)

const (
	// AccountsVariable names the file of registry accounts.
	AccountsVariable = "JET_REGISTRIES"
	accountsName     = "registries.yaml" // in the user's configuration

	// accountsTimeout is how long jet may take to make a token. It has a time limit of
	// its own, 30 seconds for the servers.
	accountsTimeout = time.Minute
	maxAnswer       = 1 << 20  // bytes of stdout
	maxMessages     = 64 << 10 // bytes of stderr
)

// AccountsFile gives the path of the user's file of registry accounts, "" for none.
//
// The file may name commands to run. So it is never looked for in the project, which
// somebody else may have written: the user names it, or has it in their own
// configuration.
func AccountsFile(lookupEnv func(string) (string, bool)) (string, error) {
	if path, ok := lookupEnv(AccountsVariable); ok {
		switch {
		case path == "":
			return "", nil // no accounts, not even those of the user's configuration
		case !filepath.IsAbs(path):
			return "", fail(AccountsVariable+"=/path/to/"+accountsName+" names it wherever one is",
				"%s: %q is not a full path, and would be another file in every folder; such a file can name commands to run", AccountsVariable, path)
		}
		return path, nil
	}
	folder, err := os.UserConfigDir()
	if err != nil {
		return "", nil
	}
	path := filepath.Join(folder, "jet", accountsName)
	if _, err := os.Lstat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	return "", nil
}

// account asks jet for the credential of a registry account, so that nothing of the
// clouds is in this program. It reports whether there is an account for the server.
func (h *helper) account(server string) (username, secret string, found bool, err error) {
	path, err := AccountsFile(h.program.LookupEnv)
	if err != nil || path == "" {
		return "", "", false, err
	}
	registry, err := dockercfg.NormalizeRegistry(server)
	if err != nil {
		return "", "", false, nil // it names no registry
	}
	if _, again := h.program.LookupEnv(RunningVariable); again {
		return "", "", false, fail("a passwordCommand may not need the password that it is for",
			"the account for %q in %q was to be asked, but it is what runs this program: they would ask each other for ever", registry, path)
	}
	jet, err := findJet()
	if err != nil {
		return "", "", false, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", "", false, fail("unset "+AccountsVariable+", or have it name "+accountsName+" by its full path",
			"%s: there is no file %q, and it is to have the account for %q", AccountsVariable, path, registry)
	}
	answer, err := h.askJet(jet, path, registry)
	switch {
	case err != nil:
		return "", "", false, fmt.Errorf("%q: %w", path, err)
	case answer.Found != nil && !*answer.Found:
		return "", "", false, nil
	}
	// A credential is for the registry that it was asked for, and no other.
	if of, err := dockercfg.NormalizeRegistry(answer.Registry); err != nil || of != registry {
		return "", "", false, fmt.Errorf("%q: jet answers for another registry than %q", path, registry)
	}
	if answer.Secret == "" {
		return "", "", false, fmt.Errorf("%q: jet answers without a secret for %q", path, registry)
	}
	return answer.Username, answer.Secret, true, nil
}

// findJet gives the path of jet: beside this program, else on PATH.
func findJet() (string, error) {
	if own, err := os.Executable(); err == nil {
		folders := []string{filepath.Dir(own)}
		if file, err := filepath.EvalSymlinks(own); err == nil {
			folders = append(folders, filepath.Dir(file))
		}
		for _, folder := range folders {
			if path, err := exec.LookPath(filepath.Join(folder, "jet")); err == nil {
				return path, nil
			}
		}
	}
	path, err := exec.LookPath("jet") // which refuses one in the current folder
	if err != nil {
		return "", fail(AccountsVariable+"= (set to nothing) does without the accounts",
			"there is no jet beside this program or on PATH, which makes the credentials of registry accounts")
	}
	return path, nil
}

// answer is what "jet token HOST --config FILE --json" prints. Found is false if there
// is no account for the host.
type answer struct {
	Registry string `json:"registry"`
	Username string `json:"username"`
	Secret   string `json:"secret"`
	Found    *bool  `json:"found"`
}

// askJet runs jet. What it says on stderr is passed on as far as a person should know
// it: of what it could not do, all; else only warnings.
func (h *helper) askJet(jet, path, registry string) (answer, error) {
	ctx, cancel := context.WithTimeout(h.ctx, accountsTimeout)
	defer cancel()
	stdout := process.Bounded{Limit: maxAnswer, OnFull: cancel}
	stderr := process.Bounded{Limit: maxMessages}
	cmd := process.Command(ctx, jet, "token", registry, "--config", path, "--json")
	// With the project key, which is not hidden from jet; it asks for no passphrase, since
	// clients keep the terminal for themselves.
	cmd.Env = append(os.Environ(), RunningVariable+"=1")
	cmd.Dir = h.program.Dir
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case h.ctx.Err() != nil:
		return answer{}, context.Cause(h.ctx)
	case stdout.Full():
		return answer{}, fmt.Errorf("jet token: its answer is over %d bytes", maxAnswer)
	case ctx.Err() != nil:
		return answer{}, fmt.Errorf("jet token: no answer within %v", accountsTimeout)
	case errors.Is(err, exec.ErrWaitDelay):
		err = nil
	case err != nil && !errors.As(err, &exit):
		return answer{}, fmt.Errorf("jet token: %w", err)
	}
	var a answer
	broken := json.Unmarshal(stdout.Bytes(), &a) != nil
	absent := !broken && a.Found != nil && !*a.Found
	h.passOnMessages(string(stderr.Bytes()), err != nil && !absent)
	switch {
	case absent:
		return a, nil
	case err != nil:
		return answer{}, errors.New("jet token failed, as it says above")
	case broken:
		return answer{}, fail("this program and jet have to be of one release: \""+jet+" version\" and \"docker-credential-jet version\" tell",
			"jet token: its answer is not the JSON that was expected")
	}
	return a, nil
}

// passOnMessages prints lines of jet: all, or the warnings and what belongs to them.
func (h *helper) passOnMessages(text string, all bool) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "::add-mask::") {
			continue // a secret, for the log of GitHub Actions
		}
		text := strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "jet: ")
		if all || strings.HasPrefix(text, "warning: ") {
			h.program.print("", text)
		}
	}
}

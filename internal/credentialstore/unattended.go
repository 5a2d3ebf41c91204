package credentialstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/dockercfg/jet/internal/process"
)

// ErrAttended is what Options.Unattended refuses: a store that is locked, or of which
// it is not known whether it would ask a person.
var ErrAttended = errors.New("it may ask a person to unlock it")

// withoutQuestions prepares a run in which nobody may be asked anything, by the kind of
// store: osxkeychain gives the program that kept something what that kept, and wincred
// gives it to its user, as long as they have logged in; pass can be told to fail where
// gpg would ask; and of the secret service it can be known whether it is unlocked.
func (s *Store) withoutQuestions(ctx context.Context, cmd *exec.Cmd) error {
	switch strings.TrimPrefix(s.name, programPrefix) {
	case "osxkeychain", "wincred":
		return nil
	case "pass":
		// pass(1), PASSWORD_STORE_GPG_OPTS; gpg(1), --pinentry-mode.
		const variable, option = "PASSWORD_STORE_GPG_OPTS=", "--pinentry-mode=error"
		value := option
		for _, entry := range cmd.Env {
			if before, found := strings.CutPrefix(entry, variable); found {
				value = before + " " + option
			}
		}
		cmd.Env = append(cmd.Env, variable+value)
		return nil
	case "secretservice":
		// Secret Service API 0.2, org.freedesktop.Secret.Collection.
		ask := process.Command(ctx, "busctl", "--user", "--auto-start=no", "get-property",
			"org.freedesktop.secrets", "/org/freedesktop/secrets/aliases/default", "org.freedesktop.Secret.Collection", "Locked")
		answer := process.Bounded{Limit: 100}
		ask.Stdout = &answer
		if err := ask.Run(); err == nil && string(bytes.TrimSpace(answer.Bytes())) == "b false" {
			return nil
		}
	}
	return fmt.Errorf("%s: %w", s.name, ErrAttended)
}

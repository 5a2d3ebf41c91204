package credentialstore

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ErrNotFound says that a store has no credential for a server.
var ErrNotFound = errors.New("credentials not found in the store")

// LockedError says that a keychain is locked, or that the session may show no
// prompt to open it (-25308, errSecInteractionNotAllowed in Apple's SecBase.h):
// the normal case over SSH, in tmux, launchd and continuous integration.
type LockedError struct {
	Program string
}

func (e *LockedError) Error() string {
	return e.Program + ": the keychain is locked, or this session may not ask for its password (-25308)"
}

// Unlock gives a command that opens the keychain of a macOS login.
func (*LockedError) Unlock() string {
	return "security -v unlock-keychain ~/Library/Keychains/login.keychain-db"
}

// TimeoutError says that a helper gave no answer in time and was killed.
type TimeoutError struct {
	Program, Action string
	After           time.Duration
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("%s %s: no answer within %v", e.Program, e.Action, e.After)
}

// Timeout makes the error one of time, as those of package net are.
func (*TimeoutError) Timeout() bool { return true }

// FailedError says that a helper failed, or that its answer is of no use. It
// holds nothing of what the helper printed on stdout.
type FailedError struct {
	Program, Action string
	// Problem is what is known of the reason.
	Problem string
	// Message is what the program printed on stderr, if Options.Stderr is nil and
	// it is plainly a message: one short line of words.
	Message string
	err     error // how the program ended
}

func (e *FailedError) Error() string {
	text := fmt.Sprintf("%s %s: %s", e.Program, e.Action, e.Problem)
	if e.Message != "" {
		text += fmt.Sprintf(" (it says %q)", e.Message)
	}
	return text
}

// Is reports whether target is errors.ErrUnsupported and the helper does not know
// the action; many that do not come from Docker know no list.
func (e *FailedError) Is(target error) bool {
	return target == errors.ErrUnsupported && e.Problem == noSuchAction
}

// Unwrap gives how the program ended, an *exec.ExitError mostly, or nil.
func (e *FailedError) Unwrap() error { return e.err }

// answersNotFound are what helpers answer when they have no credential, in lower
// case: the phrase of docker-credential-helpers (v0.9.12, credentials/error.go),
// and those of the macOS function underneath, which helpers have passed on.
var answersNotFound = [...]string{
	"credentials not found in native keychain",
	"specified item could not be found in the keychain",
	"(-25300)",
}

// answersLocked are the number and the texts of errSecInteractionNotAllowed
// (docker-credential-helpers v0.9.12 and v0.6.3, osxkeychain).
var answersLocked = [...]string{
	"-25308",
	"user interaction is not allowed",
	"does not allow user interaction",
	"keychain is locked for the current non-interactive session",
}

const noSuchAction = "it does not know this action"

// answersKnown are other fixed texts of helpers, in lower case, and what they
// mean. The answer itself is not shown.
var answersKnown = [...]struct{ phrase, problem string }{
	{"no credentials server url", "it was given no server"},
	{"no credentials username", "it was given no user name"},
	{"missing server url", "it was given no server"},
	{"unknown action", noSuchAction},
	{"unknown credential action", noSuchAction},
	{"user name or passphrase you entered is not correct", "the keychain refuses this program or the password of the user; Docker's own build of it may be let in"},
	{"pass not initialized", "pass is not set up (pass init)"},
	{"pass store is uninitialized", "pass is not set up (pass init)"},
	{"decryption failed", "gpg could not decrypt: its key is missing, or it could not ask for the passphrase"},
	{"cannot autolaunch d-bus", "there is no D-Bus session, through which secrets are kept"},
	{"dbus-launch", "there is no D-Bus session, through which secrets are kept"},
	{"org.freedesktop.secrets", "no service for secrets runs in this session"},
}

func contains(answer string, phrases []string) bool {
	for _, phrase := range phrases {
		if strings.Contains(answer, phrase) {
			return true
		}
	}
	return false
}

// explain makes an error of a run that failed, from what it printed.
func explain(program, action string, stdout, stderr []byte, err error) error {
	for _, text := range [][]byte{stdout, stderr} {
		answer := strings.ToLower(string(text))
		switch {
		case contains(answer, answersLocked[:]):
			return &LockedError{Program: program}
		case contains(answer, answersNotFound[:]):
			return fmt.Errorf("%s: %w", program, ErrNotFound)
		}
		for _, known := range answersKnown {
			if strings.Contains(answer, known.phrase) {
				return &FailedError{Program: program, Action: action, Problem: known.problem, err: err}
			}
		}
	}
	problem := err.Error() // "exit status 1"
	if len(stdout) > 0 {
		problem += ", with an answer that is not shown, for it may hold a secret"
	} else if len(stderr) == 0 {
		problem += ", without a word"
	}
	return &FailedError{Program: program, Action: action, Problem: problem, Message: message(stderr), err: err}
}

// message gives text if it is plainly one for people: a single line of words, none
// so long that it could be a token.
func message(text []byte) string {
	line := strings.TrimSpace(string(text))
	words := strings.Fields(line)
	if len(line) > 200 || len(words) < 2 || !utf8.ValidString(line) || strings.ContainsAny(line, `{}`) {
		return ""
	}
	for _, word := range words {
		if len(word) > 40 {
			return ""
		}
	}
	for _, r := range line {
		if !unicode.IsPrint(r) {
			return ""
		}
	}
	return line
}

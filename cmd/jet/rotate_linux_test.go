package main

import (
	"strings"
	"testing"
)

// TestRotateProtected: a key with a passphrase gets a new one, under a new passphrase.
func TestRotateProtected(t *testing.T) {
	if testing.Short() {
		t.Skip("each passphrase takes age a second")
	}
	p := newKeyProject(t)
	code, _, stderr := p.typing([]string{passphrase, passphrase}, "key", "protect")
	p.want("protect", code, stderr, exitDone)
	code, _, stderr = p.run("rotate")
	p.want("no terminal", code, stderr, exitFailed, "needs its passphrase, and there is no terminal")
	code, _, stderr = p.typing([]string{passphrase, "one thing", "another"}, "rotate")
	p.want("two passphrases", code, stderr, exitFailed, "nothing was changed: the two are not the same")
	p.holds("codeship.aes.age", "env", "env.encrypted")

	const next = "battery staple"
	code, stdout, stderr := p.typing([]string{passphrase, next, next}, "rotate")
	p.want("rotate", code, stderr, exitDone, "New passphrase for codeship.aes.age (it is not shown): ", `, in "codeship.aes.age"`, `the old key is kept in "codeship.aes.age.old"`)
	if stdout != "env.encrypted: A\n" {
		t.Errorf("got %q", stdout)
	}
	p.holds("codeship.aes.age", "codeship.aes.age.old", "env", "env.encrypted")
	code, _, stderr = p.typing([]string{passphrase}, "decrypt", "env.encrypted", "-")
	p.want("the old passphrase", code, stderr, exitFailed, "the passphrase is not the one it was encrypted with")
	code, stdout, stderr = p.typing([]string{next}, "decrypt", "env.encrypted", "-")
	if p.want("the new passphrase", code, stderr, exitDone); stdout != "A=1\n" {
		t.Errorf("got %q", stdout)
	}
	code, _, stderr = p.typing([]string{passphrase}, "decrypt", "env.encrypted", "-", "--key-path", "codeship.aes.age.old")
	p.want("the old key", code, stderr, exitFailed, "wrong key")
	// Writing goes on without a question: the key is known.
	code, _, stderr = p.typing([]string{next}, "encrypt", "env", "env.encrypted")
	if p.want("encrypt", code, stderr, exitDone); strings.Contains(stderr, "SHA256") {
		t.Errorf("got %q", stderr)
	}
}

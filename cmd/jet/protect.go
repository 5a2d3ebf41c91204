package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/projectkey"
	"github.com/dockercfg/jet/internal/sharedkey"
	"github.com/dockercfg/jet/internal/shellword"
	"github.com/dockercfg/jet/internal/trustedkey"
)

func (p *program) protectCommand() *cli.Command {
	return &cli.Command{
		Name:  "protect",
		Usage: "Put a passphrase on the project key.",
		UsageText: `jet key protect
jet key protect --keep`,
		Description: `Asks for a passphrase twice, writes the key into codeship.aes.age, encrypted with it, and removes codeship.aes when that was read back. From then on the passphrase is asked for each time that the key is needed. Everything depends on it: take one that cannot be guessed, and do not lose it.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "keep", Usage: "do not remove codeship.aes"},
			keyPathFlag(), trustKeyFlag(),
		},
		Action: p.protect,
	}
}

func (p *program) protect(c *cli.Context) error {
	if err := wantPaths(c, 0); err != nil {
		return err
	}
	key, shared, err := p.sharing(c)
	if err != nil {
		return err
	}
	switch {
	case shared.hasPassphrase():
		return fail("%q has a passphrase already", shared.path).
			hint(`"jet key unprotect" takes it off; "jet key protect" then asks for another one`)
	case shared.file != nil:
		return fail("%q is shared with recipients, and age does not mix them with a passphrase", shared.path).
			hint("each of them can have a passphrase on the own key: ssh-keygen -p")
	}
	passphrase, err := p.newPassphrase(c.Context, shared.path)
	if err != nil {
		return err
	}
	file, err := sharedkey.Protect(c.Context, key.Key.Encode(), passphrase)
	if err != nil {
		return adviseKey(err)
	}
	if err := p.writeWhole(c.Context, shared.path, file, outfile.Private); err != nil {
		return err
	}
	p.note("wrote %q, encrypted with the passphrase", shared.path)
	if err := trustedkey.Remember(shared.path, key.Key.Fingerprint()); err != nil {
		p.warn("the fingerprint of the key could not be remembered: %v", err)
	}
	if key.Path == "" || c.Bool("keep") {
		return nil
	}
	if err := readBack(c.Context, shared.path, passphrase, key.Key); err != nil {
		return err
	}
	info, err := os.Lstat(key.Path)
	if err != nil || !info.Mode().IsRegular() || filepath.Dir(key.Path) != filepath.Dir(shared.path) {
		p.warn("%q still holds the key without a passphrase", key.Path) // it is elsewhere, or a link to that
		p.hint("rm -- %s, if nothing else needs it", shellword.Quote(key.Path))
		return nil
	}
	if err := os.Remove(key.Path); err != nil {
		return fail("%q is still there: %w", key.Path, cause(err)).hint("rm " + shellword.Quote(key.Path))
	}
	p.note("removed %q, which held the key without one", key.Path)
	return nil
}

// newPassphrase asks twice.
func (p *program) newPassphrase(ctx context.Context, path string) (string, error) {
	t, done, ok := p.terminal()
	if !ok {
		return "", fail("there is no terminal on which to ask for the new passphrase").
			hint("run it in a terminal; a job needs no passphrase but a key of its own, or JET_KEY")
	}
	defer done()
	first, err := p.prompt(ctx, t, "new passphrase", path)
	if err != nil {
		return "", err
	}
	second, err := p.prompt(ctx, t, "the same again", path)
	if err != nil {
		return "", err
	}
	if subtle.ConstantTimeCompare([]byte(first), []byte(second)) != 1 {
		return "", fail("the two are not the same, and nothing was changed")
	}
	return first, nil
}

// readBack checks that a file opens with the passphrase and holds the key.
func readBack(ctx context.Context, path, passphrase string, want crypto.Key) error {
	lookup := projectkey.Lookup{KeyPath: path, Ask: func(context.Context, sharedkey.Question) (string, error) { return passphrase, nil }}
	found, err := lookup.Find(ctx)
	if err == nil && !found.Key.Equal(want) {
		err = errors.New("it holds another key")
	}
	if err != nil {
		return fmt.Errorf("%q was written and cannot be read back, so the key stays where it is: %w", path, err)
	}
	return nil
}

func (p *program) unprotectCommand() *cli.Command {
	return &cli.Command{
		Name:        "unprotect",
		Usage:       "Take the passphrase off the project key.",
		UsageText:   `jet key unprotect`,
		Description: `Asks for the passphrase, writes the key into codeship.aes, readable by you alone (0600) and ignored by git, and removes codeship.aes.age.`,
		Flags:       []cli.Flag{keyPathFlag(), trustKeyFlag()},
		Action:      p.unprotect,
	}
}

func (p *program) unprotect(c *cli.Context) error {
	if err := wantPaths(c, 0); err != nil {
		return err
	}
	key, shared, err := p.sharing(c)
	if err != nil {
		return err
	}
	if !shared.hasPassphrase() {
		return fail("there is no passphrase to take off: %q is not for one", shared.path).
			hint(`"jet key list" shows where the key comes from`)
	}
	if !key.Shared || key.OpenedBy != "" {
		return fail("the key in use is %s, and not that in %q", key.Origin, shared.path).
			hint("--key-path " + shellword.Quote(shared.path) + " takes that one")
	}
	path := filepath.Join(filepath.Dir(shared.path), projectkey.FileName)
	made, err := projectkey.Put(c.Context, path, key.Key)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fail("%w", err).hint("an existing key is never replaced: move it away first")
	case err != nil:
		return err
	}
	for _, notice := range made.Notices {
		p.warn("%s", notice)
	}
	if made.Ignored != "" {
		p.note("added the key to %q", made.Ignored)
	}
	p.note("wrote %q, the key without a passphrase", path)
	if err := os.Remove(shared.path); err != nil {
		return fail("%q is still there: %w", shared.path, cause(err)).hint("rm " + shellword.Quote(shared.path))
	}
	p.note("removed %q", shared.path)
	return nil
}

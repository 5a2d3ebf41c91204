package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/internal/sharedkey"
	"github.com/dockercfg/jet/internal/trustedkey"
)

func (p *program) unshareCommand() *cli.Command {
	return &cli.Command{
		Name:      "unshare",
		Usage:     "Take colleagues out of codeship.aes.age.",
		ArgsUsage: "RECIPIENT…",
		UsageText: `jet key unshare alice
jet key unshare "$(cat alice.pub)"`,
		Description: `RECIPIENT is a name, a public key or its fingerprint, as "jet key list" shows them. What they have seen they have: the key, the older versions of the file in git, and all that was ever encrypted with the key. Only "jet rotate" shuts them out of what comes next.`,
		Flags:       []cli.Flag{keyPathFlag(), trustKeyFlag()},
		Action:      p.unshare,
	}
}

func (p *program) unshare(c *cli.Context) error {
	if err := wantPaths(c, 1); err != nil {
		return err
	}
	key, shared, err := p.sharing(c)
	if err != nil {
		return err
	}
	switch {
	case shared.hasPassphrase():
		return fail("%q is for a passphrase, and nobody else", shared.path).
			hint(`"jet rotate" makes a new key, for those who should not have it any more`)
	case !shared.listed:
		return fail("nobody is listed: there is no %q", shared.listPath).
			hint(`"jet key share --replace --to FILE…" shares with these alone`)
	}
	if err := adviseList(shared.list.Check(key.Key), shared); err != nil {
		return err
	}
	var gone []sharedkey.Recipient
	var errs failures
	for _, text := range c.Args().Slice() {
		found := shared.list.Find(text)
		if found == nil {
			errs = append(errs, fail("%q is not shared with %s", shared.path, quoteShort(text)).
				hint(`"jet key list" shows with whom it is`))
		}
		gone = append(gone, found...)
	}
	if errs != nil {
		return errs
	}
	shared.list.Remove(gone...)
	if len(shared.list.Recipients) == 0 {
		return fail("nobody would be left in %q", shared.path).
			hint(fmt.Sprintf("\"git rm -- %s %s\" ends the sharing; the key itself stays where you have it", shared.path, shared.listPath))
	}
	if err := p.writeShared(c.Context, shared, key.Key); err != nil {
		return err
	}
	if err := trustedkey.Remember(shared.path, key.Key.Fingerprint()); err != nil {
		p.warn("the fingerprint of the key could not be remembered: %v", err)
	}
	for _, r := range gone {
		p.note("no longer shared with %s", describe(r))
	}
	p.note("wrote %q and %q", shared.path, shared.listPath)
	p.warn("whoever had a share can still have the key, and git has the older file")
	p.hint(`"jet rotate" shuts them out of what is encrypted from then on, and lists the secrets that must be issued anew`)
	p.sayWhatGitDoes(c.Context, shared)
	return nil
}

// quoteShort quotes an argument that may be a long key, and is no secret.
func quoteShort(text string) string {
	text = strings.TrimSpace(text)
	if _, err := sharedkey.ParseRecipient(text); errors.Is(err, sharedkey.ErrPrivateKey) {
		return "a private key"
	}
	if runes := []rune(text); len(runes) > 60 {
		text = string(runes[:60]) + "…"
	}
	return fmt.Sprintf("%q", text)
}

package main

import (
	"cmp"
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/internal/credentialstore"
	"github.com/dockercfg/jet/internal/helperconfig"
	"github.com/dockercfg/jet/internal/knownkeys"
	"github.com/dockercfg/jet/internal/projectkey"
	"github.com/dockercfg/jet/internal/shellword"
	"github.com/dockercfg/jet/internal/storedkey"
	"github.com/dockercfg/jet/internal/userstore"
)

func (p *program) storeKeyCommand() *cli.Command {
	return &cli.Command{
		Name:  "store",
		Usage: "Keep the project key in the system's credential store.",
		UsageText: `jet key store
jet key store --store pass`,
		Description: `The store is that of docker login: the macOS keychain, the Windows credential manager, the secret service or pass. It is asked after all other places, for this work tree on this machine. It gets one half of the key and the configuration of jet the other, since Docker hands all that its store has to the daemon.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "store", Usage: "use docker-credential-`NAME`, and not the store of Docker's configuration or of the system"},
			keyPathFlag(), trustKeyFlag(),
		},
		Action: p.storeKey,
	}
}

func (p *program) storeKey(c *cli.Context) error {
	if err := wantPaths(c, 0); err != nil {
		return err
	}
	key, err := p.findKey(c.Context, c.String("key-path"))
	if err != nil {
		return err
	}
	if _, err := p.writingKey(c.Context, key, "", c.String("trust-key")); err != nil {
		return err
	}
	name, err := p.storeFor(c.String("store"))
	if err != nil {
		return err
	}
	record, folder, err := recordHere()
	if err != nil {
		return err
	}
	record.Remember(folder, key.Key.Fingerprint())
	if err := storedkey.Keep(c.Context, key.Key, record, name, credentialstore.Options{Stderr: p.stderr}); err != nil {
		return adviseStoredKey(err)
	}
	p.note("docker-credential-%s keeps the key %s for %q", name, key.Key.Fingerprint(), record.WorkTree)
	if key.Path != "" && !key.Shared {
		p.hint("rm %s, if you have a copy elsewhere: it comes before the store", shellword.Quote(key.Path))
	}
	return nil
}

// recordHere gives what is remembered of the work tree of the current folder. One
// key is stored for a work tree, so the folder is the top.
func recordHere() (record knownkeys.Record, folder string, err error) {
	tree, _, err := knownkeys.Place("")
	if err != nil {
		return knownkeys.Record{}, "", err
	}
	record, err = knownkeys.Load(tree)
	return record, ".", err
}

// storeFor gives the name of the store to use.
func (p *program) storeFor(asked string) (string, error) {
	if asked != "" {
		if err := credentialstore.CheckName(asked); err != nil {
			return "", misuse("--store: %w", err)
		}
	}
	named, from, err := userstore.Named(p.lookupEnv, "")
	if asked == "" && err != nil {
		return "", err
	}
	name := cmp.Or(asked, named, userstore.OfPlatform())
	switch {
	case name == "":
		return "", fail("there is no credential store").hint(`--store NAME names one, docker-credential-NAME`)
	case name == helperconfig.Name && asked == "":
		return "", fail("%s is %q, this program itself, and no store", from, name).hint(`--store NAME names another one, docker-credential-NAME`)
	case name == helperconfig.Name:
		return "", misuse("--store %s is this program itself, and no store", name)
	}
	return name, nil
}

func (p *program) forgetKeyCommand() *cli.Command {
	return &cli.Command{
		Name:        "forget",
		Usage:       "Take the project key out of the system's credential store.",
		UsageText:   `jet key forget`,
		Description: `Undoes "jet key store" for this work tree. It refuses to remove the only copy of the key that it finds.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "force", Usage: "even if there is no other copy, and even if the store cannot be asked"},
		},
		Action: p.forgetKey,
	}
}

func (p *program) forgetKey(c *cli.Context) error {
	if err := wantPaths(c, 0); err != nil {
		return err
	}
	record, _, err := recordHere()
	if err != nil {
		return err
	}
	if record.Stored == nil {
		p.note("no key is stored for %q", record.WorkTree)
		return nil
	}
	stored, force := *record.Stored, c.Bool("force")
	if !force {
		other, err := p.keyLookup("", "").Find(c.Context)
		var none *projectkey.NotFoundError
		switch {
		case errors.As(err, &none):
			return fail("docker-credential-%s has the only copy of the key that is found", stored.Helper).
				hint(`"jet key share --to FILE" and "jet key protect" make another one; --force removes it all the same`)
		case err != nil:
			return adviseKey(err)
		case other.Key.Fingerprint() != stored.Fingerprint:
			return fail("docker-credential-%s has the key %s, and %s is another one, %s", stored.Helper, stored.Fingerprint, other.Origin, other.Key.Fingerprint()).
				hint("--force removes it all the same")
		}
	}
	if err := storedkey.Forget(c.Context, record, credentialstore.Options{Stderr: p.stderr}); err != nil {
		if !force {
			return adviseStoredKey(err)
		}
		p.warn("%v", err)
		record.Stored = nil
		if err := record.Save(); err != nil {
			return err
		}
	}
	p.note("docker-credential-%s no longer has the key of %q", stored.Helper, record.WorkTree)
	return nil
}

// adviseStoredKey says what to do when the store does not keep a key, or give it back.
func adviseStoredKey(err error) error {
	var locked *credentialstore.LockedError
	var missing *credentialstore.NotFoundError
	switch {
	case errors.Is(err, storedkey.ErrChanged), errors.Is(err, credentialstore.ErrNotFound):
		return fail("%w", err).hint(`"jet key store --key-path FILE" stores it anew, "jet key forget --force" ends that it is looked for there`)
	case errors.As(err, &locked):
		return fail("%w", err).hint(locked.Unlock())
	case errors.As(err, &missing):
		return fail("%w", err).hint("docker-credential-helpers has programs for the stores of all systems; --store NAME names another one, docker-credential-NAME")
	}
	return err
}

package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/credentialhelper"
	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/worktree"
)

func (p *program) tokenCommand() *cli.Command {
	return &cli.Command{
		Name:      "token",
		Usage:     "Print the password or token for a registry, and nothing else.",
		ArgsUsage: "HOST",
		UsageText: `jet token quay.io
jet token quay.io --dockercfg deploy/dockercfg.encrypted
helm registry login quay.io --username ci --password "$(jet token quay.io)"`,
		Description: `For programs that run a command for a password. The file is the one that --dockercfg or JET_DOCKERCFG names, else dockercfg.encrypted in this folder or the nearest one above it, up to the top of the git work tree. Of several secrets the identity token is printed, else the password. A line end follows on a terminal only.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dockercfg", Usage: "look into `FILE`"},
			keyPathFlag(), requireFlag(),
		},
		Action: p.token,
	}
}

func (p *program) token(c *cli.Context) error {
	if err := wantPaths(c, 1); err != nil {
		return err
	}
	host := c.Args().First()
	if _, err := dockercfg.NormalizeRegistry(host); err != nil {
		return misuse("%w", err).hint(registryHint)
	}
	r, err := p.newReader(c)
	if err != nil {
		return err
	}
	name := c.String("dockercfg")
	if name == "" {
		if c.IsSet("dockercfg") {
			return misuse("--dockercfg: the name is empty")
		}
		if name, err = p.findDockercfg(); err != nil {
			return err
		}
	}
	f, err := r.dockercfg(c.Context, name)
	if err != nil {
		return err
	}
	if err := r.refusePlain(f.shown(), f.format); err != nil {
		return err
	}
	entry, found, err := f.Lookup(host)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", f.shown(), err)
	case !found && f.registries() == "":
		return fail("%s has no credential for %s, nor for anything else", f.shown(), host)
	case !found:
		return fail("%s has no credential for %s", f.shown(), host).hint("it has credentials for " + f.registries())
	}
	secret := cmp.Or(entry.IdentityToken.Reveal(), entry.Password.Reveal(), entry.RegistryToken.Reveal())
	p.mask(secret)
	if _, ok := terminalOf(p.stdout); ok {
		secret += "\n"
	}
	_, err = io.WriteString(p.stdout, secret)
	return err
}

const dockercfgVariable = "JET_DOCKERCFG"

// findDockercfg gives the path of the project's file, as docker-credential-jet
// finds it.
func (p *program) findDockercfg() (string, error) {
	if path, ok := p.lookupEnv(dockercfgVariable); ok {
		if path == "" {
			return "", fail("%s is set but empty", dockercfgVariable)
		}
		return path, nil
	}
	path, err := worktree.Nearest(".", credentialhelper.FileName)
	switch {
	case err != nil:
		return "", fmt.Errorf("looking for %s: %w", credentialhelper.FileName, err)
	case path == "":
		return "", fail("there is no %s in this folder, nor in one above it up to the top of the git work tree", credentialhelper.FileName).
			hint(`--dockercfg FILE or ` + dockercfgVariable + ` names one; "jet dockercfg add ` + credentialhelper.FileName + ` REGISTRY --username USER --encrypt" makes it`)
	}
	if same, err := outfile.SameFile(path, credentialhelper.FileName); err == nil && same {
		return credentialhelper.FileName, nil // shorter in messages
	}
	return path, nil
}

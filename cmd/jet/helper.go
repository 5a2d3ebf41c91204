package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/helperconfig"
)

func (p *program) helperCommand() *cli.Command {
	return &cli.Command{
		Name:  "helper",
		Usage: "Have Docker take credentials from the encrypted file of a project.",
		UsageText: `jet helper install --registry quay.io
jet helper uninstall`,
		Description: `It is docker-credential-jet that Docker and its relatives then ask. What the project has no credential for it asks of the store that you had before.`,
		Action:      chooseBelow,
		Subcommands: []*cli.Command{p.installCommand(), p.uninstallCommand()},
	}
}

func helperFlags(registry, all string) []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "registry", Usage: registry},
		&cli.BoolFlag{Name: "all", Usage: all},
		&cli.BoolFlag{Name: "dry-run", Usage: "change nothing, and print what would change"},
	}
}

func (p *program) installCommand() *cli.Command {
	return &cli.Command{
		Name:  "install",
		Usage: "Name docker-credential-jet in Docker's config.json.",
		UsageText: `jet helper install --registry quay.io --registry docker.io
jet helper install --all --dry-run`,
		Description: `Changes config.json in DOCKER_CONFIG, or in .docker of your home folder, and keeps every other byte of it. What stood there before is remembered in jet-helper.json beside it, and is asked for whatever the project does not have.`,
		Flags: append(helperFlags("ask it for the registry `HOST` (credHelpers); may be repeated", "ask it for all registries that no other helper is named for (credsStore)"),
			&cli.BoolFlag{Name: "force", Usage: "install it though it is not on PATH, or though clients would no longer read credentials that config.json itself holds"}),
		Action: func(c *cli.Context) error {
			r, f, err := p.helperRequest(c)
			if err != nil {
				return err
			}
			if len(r.Registries) == 0 && !r.All {
				return misuse("%s needs --registry HOST or --all", c.Command.HelpName).hint(usageOf(c.Command.HelpName, c.Command))
			}
			r.Force = c.Bool("force")
			beside := ""
			if r.Program, beside, err = findHelper(); err != nil {
				return err
			}
			change, err := f.Install(r, c.Bool("dry-run"))
			if err != nil {
				return adviseInstall(err, beside)
			}
			return p.reportChange(c, f, change)
		},
	}
}

func (p *program) uninstallCommand() *cli.Command {
	return &cli.Command{
		Name:  "uninstall",
		Usage: "Take docker-credential-jet out of Docker's config.json.",
		UsageText: `jet helper uninstall
jet helper uninstall --registry quay.io`,
		Description: `Puts back what stood there before. Without flags it undoes all that "jet helper install" did.`,
		Flags:       helperFlags("take it out for the registry `HOST` alone; may be repeated", "take it out as credsStore alone"),
		Action: func(c *cli.Context) error {
			r, f, err := p.helperRequest(c)
			if err != nil {
				return err
			}
			change, err := f.Uninstall(r, c.Bool("dry-run"))
			if err != nil {
				return err
			}
			return p.reportChange(c, f, change)
		},
	}
}

// helperRequest reads the command line of both.
func (p *program) helperRequest(c *cli.Context) (r helperconfig.Request, f helperconfig.File, err error) {
	if err := wantPaths(c, 0); err != nil {
		return r, f, err
	}
	r = helperconfig.Request{Registries: c.StringSlice("registry"), All: c.Bool("all")}
	for _, name := range r.Registries {
		if _, err := dockercfg.NormalizeRegistry(name); err != nil {
			return r, f, misuse("--registry: %w", err).hint(registryHint)
		}
	}
	f.Path, err = helperconfig.Path(p.lookupEnv)
	if err == nil && !c.Bool("dry-run") {
		p.signals.shield()
	}
	return r, f, err
}

// reportChange tells what was changed, or would be: then on stdout, since that is
// what was asked for.
func (p *program) reportChange(c *cli.Context, f helperconfig.File, change *helperconfig.Change) error {
	if len(change.Members) == 0 {
		p.note("%q is as it was", f.Path)
	}
	for _, member := range change.Members {
		if !c.Bool("dry-run") {
			p.note("%q: %v", f.Path, member)
		} else if _, err := fmt.Fprintln(p.stdout, printable(member.String())); err != nil {
			return err
		}
	}
	for _, notice := range change.Notices {
		p.warn("%s", notice)
	}
	return nil
}

// findHelper gives where docker-credential-jet is on PATH, or, if it is not, where
// it lies beside this program.
func findHelper() (path, beside string, err error) {
	if path, err = exec.LookPath(helperconfig.Program); err == nil {
		path, err = filepath.Abs(path)
		return path, "", err
	}
	self, err := os.Executable()
	if err != nil {
		return "", "", nil
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		return "", "", nil
	}
	if beside, err = exec.LookPath(filepath.Join(filepath.Dir(self), helperconfig.Program)); err != nil {
		return "", "", nil
	}
	return "", beside, nil
}

// adviseInstall says what to do about a refusal.
func adviseInstall(err error, beside string) error {
	var hidden *helperconfig.HiddenError
	switch {
	case errors.Is(err, helperconfig.ErrNotOnPath) && beside != "":
		return fail("%w; it lies in %q", err, filepath.Dir(beside)).
			hint(fmt.Sprintf("PATH=%s:$PATH, in the profile of your shell, puts it on PATH", shellWord(filepath.Dir(beside))))
	case errors.Is(err, helperconfig.ErrNotOnPath):
		return fail("%w", err).hint(`"go install github.com/dockercfg/jet/cmd/docker-credential-jet@latest" installs it; --force does without`)
	case errors.As(err, &hidden):
		return fail("%w", err).hint("--registry HOST, in place of --all, leaves them as they are; --force goes on all the same")
	}
	return err
}

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/internal/gitsetup"
	"github.com/dockercfg/jet/internal/outfile"
)

func (p *program) gitCommand() *cli.Command {
	return &cli.Command{
		Name:  "git",
		Usage: "Have git compare and merge encrypted files, and check commits.",
		UsageText: `jet git install
jet git uninstall`,
		Description: `After "jet git install" a plain "git diff" shows which names changed, "git merge" and "git rebase" merge what is in the files, and no commit is made with a key or a readable secret in it. What git runs then are the commands textconv and merge-driver.`,
		Action:      chooseBelow,
		Subcommands: []*cli.Command{
			p.gitInstallCommand(), p.gitUninstallCommand(), p.gitTextconvCommand(), p.gitMergeDriverCommand(),
		},
	}
}

func dryRunFlag() cli.Flag {
	return &cli.BoolFlag{Name: "dry-run", Usage: "change nothing, and print what would change"}
}

func (p *program) gitInstallCommand() *cli.Command {
	return &cli.Command{
		Name:  "install",
		Usage: "Set this repository up: diff, merge and the check of commits.",
		UsageText: `jet git install
jet git install --no-hook`,
		Description: `Names jet in the configuration of this clone (diff.jet, merge.jet), adds a line for *.encrypted to .gitattributes, which you commit, and has the pre-commit hook run "jet check --staged". A hook that is not a shell script, or that another program manages, stays as it is, and you are told what to add. What is there already is left alone, so it may be run again, as after jet was moved.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "no-hook", Usage: "leave the pre-commit hook alone"},
			dryRunFlag(),
		},
		Action: func(c *cli.Context) error {
			if err := wantPaths(c, 0); err != nil {
				return err
			}
			self, err := selfPath()
			if err != nil {
				return err
			}
			change, err := gitsetup.Install(c.Context, gitsetup.Request{Program: self, NoHook: c.Bool("no-hook"), DryRun: c.Bool("dry-run")})
			return p.reportSetup(c, change, err)
		},
	}
}

func (p *program) gitUninstallCommand() *cli.Command {
	return &cli.Command{
		Name:        "uninstall",
		Usage:       "Undo what install did.",
		UsageText:   "jet git uninstall",
		Description: `Takes out of the configuration, of .gitattributes and of the pre-commit hook what "jet git install" put there. A line in .gitattributes that is committed stays.`,
		Flags:       []cli.Flag{dryRunFlag()},
		Action: func(c *cli.Context) error {
			if err := wantPaths(c, 0); err != nil {
				return err
			}
			change, err := gitsetup.Uninstall(c.Context, gitsetup.Request{DryRun: c.Bool("dry-run")})
			return p.reportSetup(c, change, err)
		},
	}
}

// reportSetup tells what was changed, or would be: then on stdout, since that is
// what was asked for.
func (p *program) reportSetup(c *cli.Context, change *gitsetup.Change, err error) error {
	if change != nil {
		for _, done := range change.Done {
			if !c.Bool("dry-run") {
				p.note("%s", done)
			} else if _, err := fmt.Fprintln(p.stdout, printable(done)); err != nil {
				return err
			}
		}
		for _, notice := range change.Notices {
			p.warn("%s", notice)
		}
		if err == nil && len(change.Done) == 0 {
			p.note("nothing to change")
		}
	}
	var taken *gitsetup.TakenError
	switch {
	case errors.As(err, &taken):
		err = fail("%w", err).hint("\"git config --local --unset " + taken.Key + "\" takes it out")
	case errors.Is(err, gitsetup.ErrNoWorkTree):
		err = fail("%w", err).hint(`"git init" makes a repository of this folder`)
	}
	return err
}

// selfPath gives the path of this program as PATH has it, where it has it: links
// there outlive the version that they lead to.
func selfPath() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	if found, err := exec.LookPath("jet"); err == nil {
		if same, err := outfile.SameFile(found, self); err == nil && same {
			return filepath.Abs(found)
		}
	}
	return self, nil
}

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/internal/projectkey"
	"github.com/dockercfg/jet/internal/spelling"
)

func (p *program) generateCommand() *cli.Command {
	return &cli.Command{
		Name:      "generate",
		Usage:     "Make a new project key, or Docker credentials.",
		ArgsUsage: "[key | dockercfg OUTPUT]",
		UsageText: `jet generate
jet generate dockercfg dockercfg --env-file credentials.env`,
		Description: `Alone it is "jet generate key".`,
		Flags:       []cli.Flag{newKeyPathFlag()},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				m := misuse("jet generate makes key or dockercfg, and does not know %q", c.Args().First())
				if near := spelling.Nearest(c.Args().First(), []string{"key", "dockercfg"}); near != "" {
					return m.hint(`did you mean "jet generate ` + near + `"?`)
				}
				return m.hint(`"jet generate key" makes a project key, "jet generate dockercfg OUTPUT" Docker credentials`)
			}
			return p.generateKey(c)
		},
		Subcommands: []*cli.Command{p.generateKeyCommand(), p.generateDockercfgCommand()},
	}
}

func (p *program) generateKeyCommand() *cli.Command {
	return &cli.Command{
		Name:  "key",
		Usage: "Make a new project key.",
		UsageText: `jet generate key
jet generate key --key-path staging.aes`,
		Description: `Writes codeship.aes, readable by you alone (0600) and never over an existing file. Inside a git work tree it is added to .gitignore. Prints the fingerprint of the key on stdout, never the key: two people who hold the same key see the same fingerprint.`,
		Flags:       []cli.Flag{newKeyPathFlag()},
		Action:      p.generateKey,
	}
}

func newKeyPathFlag() cli.Flag {
	return &cli.StringFlag{Name: "key-path", Usage: "write the key to `FILE` (codeship.aes)"}
}

func (p *program) generateKey(c *cli.Context) error {
	if err := wantPaths(c, 0); err != nil {
		return err
	}
	path := c.String("key-path")
	if path == "-" {
		return misuse("a key is never written to stdout").hint(`"jet generate --key-path FILE" writes it to a file`)
	}
	made, err := projectkey.Generate(c.Context, path)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fail("%w", err).hint(`"jet generate --key-path FILE" writes a key elsewhere; an existing file is never replaced`)
	case errors.Is(err, projectkey.ErrTracked):
		return fail("%w", err).hint(`"git rm --cached -- ` + shellWord(cmp.Or(path, projectkey.FileName)) + `" ends that; what git has in its history stays there`)
	case err != nil:
		return adviseOutput(err, path)
	}
	for _, notice := range made.Notices {
		p.warn("%s", notice)
	}
	if made.Ignored != "" {
		p.note("added the key to %q", made.Ignored)
	}
	p.note("wrote a new key to %q: keep a copy in a safe place, and out of git", made.Path)
	_, err = fmt.Fprintln(p.stdout, made.Fingerprint)
	return err
}

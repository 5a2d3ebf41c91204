package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/outfile"
)

func (p *program) encryptCommand() *cli.Command {
	return &cli.Command{
		Name:      "encrypt",
		Usage:     "Encrypt a file with the project key.",
		ArgsUsage: "INPUT OUTPUT",
		UsageText: `jet encrypt credentials.env credentials.env.encrypted
jet encrypt app.env app.env.encrypted --key-path ../codeship.aes
printf %s "$TOKEN" | jet encrypt - token.encrypted`,
		Description: `Any file, byte for byte. "-" is stdin or stdout. The output is replaced if it exists, and appears when it is complete or not at all.`,
		Flags:       []cli.Flag{keyPathFlag(), trustKeyFlag(), formatFlag(), requireFlag()},
		Action:      p.encrypt,
	}
}

func (p *program) encrypt(c *cli.Context) error {
	input, output, err := twoPaths(c)
	if err != nil {
		return err
	}
	chosen, err := p.chooseFormat(c, output)
	if err != nil {
		return err
	}
	src, err := p.openInput(c.Context, input)
	if err != nil {
		return err
	}
	defer src.Close()
	key, err := p.findKey(c.Context, c.String("key-path"))
	if err != nil {
		return err
	}
	if err := guardKey(output, key); err != nil {
		return err
	}
	writing, err := p.writingKey(c.Context, key, output, c.String("trust-key"))
	if err != nil {
		return err
	}
	if same, err := outfile.SameFile(input, key.Path); input != "-" && key.Path != "" && err == nil && same {
		p.warn("%q is the project key itself; encrypted with itself it can be read by nobody who does not have it", input)
	}
	head, err := src.head()
	if err != nil {
		return err
	}
	if found, err := crypto.Detect(head); err == nil && found != crypto.Unsigned {
		p.warn("%s is encrypted already, as %v; the output has to be decrypted twice", display(input, "stdin"), found)
	}
	if err := p.write(c.Context, output, outfile.Shared, func(w io.Writer, _ bool) error {
		return writing.Encrypt(w, src, chosen.format, crypto.WithSpool(spool))
	}); err != nil {
		return err
	}
	p.note("wrote %s as %v%s", display(output, "to stdout"), chosen.format, chosen.why)
	return nil
}

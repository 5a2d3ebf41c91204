package main

import (
	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/encryptedfile"
)

func formatFlag() cli.Flag {
	return &cli.StringFlag{Name: "format", Usage: "write `FORMAT`, jet:v1 or codeship:v2; without it an existing output keeps its own, and a new one is jet:v1"}
}

func requireFlag() cli.Flag {
	return &cli.StringFlag{Name: "require", Usage: "refuse formats weaker than `FORMAT`, jet:v1 or codeship:v2"}
}

// setting gives the value of a flag, else of the variable, and which of the two
// it is from. Empty counts as not given.
func (p *program) setting(c *cli.Context, flag, variable string) (value, from string) {
	if value := c.String(flag); value != "" {
		return value, "--" + flag
	}
	value, _ = p.lookupEnv(variable)
	return value, variable
}

// wantedFormat gives the format that is asked for, 0 for none.
func (p *program) wantedFormat(c *cli.Context) (crypto.Format, error) {
	return p.formatSetting(c, "format", "JET_FORMAT")
}

// requiredFormat gives the weakest format that will do, 0 for any.
func (p *program) requiredFormat(c *cli.Context) (crypto.Format, error) {
	return p.formatSetting(c, "require", "JET_REQUIRE")
}

func (p *program) formatSetting(c *cli.Context, flag, variable string) (crypto.Format, error) {
	value, from := p.setting(c, flag, variable)
	if value == "" {
		return 0, nil
	}
	for _, f := range []crypto.Format{crypto.JetV1, crypto.CodeshipV2} {
		if value == f.String() {
			return f, nil
		}
	}
	f := fail("%s: %q is not jet:v1 or codeship:v2", from, value)
	f.misuse = from != variable
	return 0, f
}

// A choice is the format to write, and why, for people.
type choice struct {
	format crypto.Format
	why    string
}

// chooseFormat gives the format to write output in: the one that is asked for,
// else that of the file that is replaced, so that nobody who reads it is cut off,
// else jet:v1. What has no check becomes codeship:v2, the oldest with one.
func (p *program) chooseFormat(c *cli.Context, output string) (choice, error) {
	required, err := p.requiredFormat(c)
	if err != nil {
		return choice{}, err
	}
	wanted, err := p.wantedFormat(c)
	if err != nil {
		return choice{}, err
	}
	chosen := choice{format: wanted}
	if wanted == 0 {
		if chosen, err = keptFormat(output); err != nil {
			return choice{}, err
		}
	}
	if chosen.format.Strength() < required.Strength() {
		return choice{}, fail("%w: %q would be written as %v%s, and at least %v is required",
			crypto.ErrWeakFormat, output, chosen.format, chosen.why, required).
			hint("--format " + required.String() + " writes a format that is strong enough")
	}
	return chosen, nil
}

// keptFormat gives the format that follows from what output is now.
func keptFormat(output string) (choice, error) {
	if output == "-" {
		return choice{format: crypto.JetV1}, nil
	}
	found, err := encryptedfile.FormatOf(output)
	if err != nil {
		return choice{}, fail("read %q: %w", output, cause(err))
	}
	switch found {
	case crypto.JetV1, crypto.CodeshipV2:
		return choice{found, ", the format it had"}, nil
	case crypto.CloudBeesV1, crypto.Unsigned:
		return choice{crypto.CodeshipV2, ", since it was " + found.String()}, nil
	}
	return choice{format: crypto.JetV1}, nil
}

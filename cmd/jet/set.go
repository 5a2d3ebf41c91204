package main

import (
	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/internal/envfile"
)

func (p *program) setCommand() *cli.Command {
	return &cli.Command{
		Name:      "set",
		Usage:     "Set a variable in an env file.",
		ArgsUsage: "FILE NAME",
		UsageText: `jet set app.env.encrypted DATABASE_PASSWORD
printf %s "$TOKEN" | jet set app.env.encrypted TOKEN
jet set app.env.encrypted TLS_KEY --env-syntax dotenv < tls.key`,
		Description: `Asks for the value on the terminal, without showing it, or reads it from stdin; it is never an argument. One line end after it is taken off, nothing else. The last line of the file that has the variable is changed, since that is the one that counts; without one a line is added at the end. All other bytes stay as they are, and if the variable has this value already, all do. An encrypted file stays encrypted and a plain one plain; a new one is encrypted. In Docker's syntax a value is one line; dotenv writes others in quotes.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "empty", Usage: "set the variable to nothing, without asking"},
			envSyntaxFlag(), keyPathFlag(), trustKeyFlag(), formatFlag(), requireFlag(),
		},
		Action: p.set,
	}
}

func (p *program) set(c *cli.Context) error {
	names, syntax, err := p.variableNames(c, 1)
	if err != nil {
		return err
	}
	if err := wantPaths(c, 2); err != nil {
		return err
	}
	name := names[0]
	return p.changeVariables(c, func(f *textFile) ([]byte, error) {
		before, err := envfile.Parse(f.text, syntax)
		if err != nil {
			return nil, parseFailure(err, f.name, f.format)
		}
		value := ""
		if !c.Bool("empty") {
			if value, err = p.readSecret(c.Context, "value", name, true); err != nil {
				return nil, err
			}
		}
		text, err := envfile.Set(f.text, syntax, name, value)
		if err != nil {
			return nil, changeFailure(err, f)
		}
		if now, ok := before.Lookup(name); ok && now != value {
			p.note("%s: replaced the value of %s", f.shown(), name)
		} else if !ok {
			p.note("%s: added %s", f.shown(), name)
		}
		p.warnVariable(f, text, syntax, name)
		return text, nil
	})
}

// warnVariable tells what is odd about the line that has just been written.
func (p *program) warnVariable(f *textFile, text []byte, syntax envfile.Syntax, name string) {
	after, err := envfile.Parse(text, syntax)
	if err != nil {
		return
	}
	line := 0
	for _, v := range after.Variables {
		if v.Name == name {
			line = v.Line
		}
	}
	for _, notice := range after.Notices {
		if notice.Line == line {
			p.warn("%s: %v", f.shown(), notice)
		}
	}
}

package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/internal/envfile"
)

func (p *program) unsetCommand() *cli.Command {
	return &cli.Command{
		Name:        "unset",
		Usage:       "Take variables out of an env file.",
		ArgsUsage:   "FILE NAME…",
		UsageText:   `jet unset app.env.encrypted OLD_TOKEN OLDER_TOKEN`,
		Description: `Every line that has one of the variables is taken out, and nothing else: comments stay. If the file lacks one of them, nothing is changed.`,
		Flags:       []cli.Flag{envSyntaxFlag(), keyPathFlag(), trustKeyFlag(), formatFlag(), requireFlag()},
		Action:      p.unset,
	}
}

func (p *program) unset(c *cli.Context) error {
	names, syntax, err := p.variableNames(c, 0)
	if err != nil {
		return err
	}
	if err := wantPaths(c, 2); err != nil {
		return err
	}
	return p.changeVariables(c, func(f *textFile) ([]byte, error) {
		before, err := envfile.Parse(f.text, syntax)
		if err != nil {
			return nil, parseFailure(err, f.name, f.format)
		}
		text := f.text
		var removed []string
		var errs failures
		for _, name := range names {
			if slices.Contains(removed, name) {
				continue
			}
			changed, found, err := envfile.Unset(text, syntax, name)
			switch {
			case err != nil:
				errs = append(errs, changeFailure(err, f))
			case !found:
				errs = append(errs, lacksVariable(f.shown(), before, name))
			default:
				text = changed
				removed = append(removed, name)
			}
		}
		if errs != nil {
			return nil, errs
		}
		p.note("%s: took out %s", f.shown(), strings.Join(removed, ", "))
		return text, nil
	})
}

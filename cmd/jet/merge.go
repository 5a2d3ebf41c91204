package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/dockercfg"
)

func (p *program) mergeCommand() *cli.Command {
	return &cli.Command{
		Name:      "merge",
		Usage:     "Put the credentials of other files into a file.",
		ArgsUsage: "FILE FROM…",
		UsageText: `jet dockercfg merge dockercfg.encrypted robot-auth.json
jet dockercfg merge dockercfg.encrypted old.encrypted new.json --replace`,
		Description: `Credentials that differ for one registry are an error, unless --replace is given: then the last ones count. Of the other files only the credentials are taken. "-" as FROM is stdin. A FILE that is not there is made.`,
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "replace", Usage: "let credentials of a later file take the place of earlier ones"},
		}, newFileFlags()...),
		Action: p.merge,
	}
}

func (p *program) merge(c *cli.Context) error {
	if err := wantPaths(c, 2); err != nil {
		return err
	}
	target, from := c.Args().First(), c.Args().Slice()[1:]
	stdin := 0
	for _, name := range from {
		if name == "-" {
			stdin++
			continue
		}
		if err := distinct(name, target); err != nil {
			return err
		}
	}
	if stdin > 1 {
		return misuse("stdin can be read once, and \"-\" is given %d times", stdin)
	}
	return p.changeDockercfg(c, func(f *credentialsFile, r *reader) error {
		origins := make(map[string]string) // by registry
		var errs failures
		for _, name := range from {
			other, err := r.dockercfg(c.Context, name)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			entries := other.Entries()
			if len(entries) == 0 {
				p.warn("%s has no credentials", other.shown())
			}
			for _, entry := range entries {
				if err := p.mergeEntry(f, entry, other, origins, c.Bool("replace")); err != nil {
					errs = append(errs, err)
				}
			}
		}
		if errs != nil {
			return errs
		}
		return nil
	})
}

// mergeEntry puts an entry of another file into f. Origins says which files the
// entries are from that f itself did not have.
func (p *program) mergeEntry(f *credentialsFile, entry dockercfg.Entry, other *credentialsFile, origins map[string]string, replace bool) error {
	had := f.has(entry.Registry)
	err := f.Add(entry)
	var conflict *dockercfg.ConflictError
	if errors.As(err, &conflict) {
		origin, ok := origins[entry.Registry]
		if !ok {
			origin = f.shown()
		}
		if !replace {
			return fail("%s and %s have different credentials for %s", origin, other.shown(), entry.Registry).
				hint("--replace takes those of the later file")
		}
		p.note("%s: the credential of %s takes the place of that of %s", entry.Registry, other.shown(), origin)
		err = f.Set(entry)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", other.shown(), err)
	}
	if !had || conflict != nil {
		origins[entry.Registry] = other.shown()
		p.warnTokens(f, entry)
	}
	return nil
}

package main

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"
)

func (p *program) removeCommand() *cli.Command {
	return &cli.Command{
		Name:        "remove",
		Usage:       "Take the credentials for registries out of a file.",
		ArgsUsage:   "FILE REGISTRY…",
		UsageText:   `jet dockercfg remove dockercfg.encrypted quay.io`,
		Description: `All spellings of a registry count. If the file lacks one of them, nothing is changed.`,
		Flags:       []cli.Flag{keyPathFlag(), trustKeyFlag(), formatFlag(), requireFlag()},
		Action:      p.remove,
	}
}

func (p *program) remove(c *cli.Context) error {
	if err := wantPaths(c, 2); err != nil {
		return err
	}
	return p.changeDockercfg(c, func(f *credentialsFile, _ *reader) error {
		there := f.registries()
		var removed []string
		var errs failures
		for _, name := range c.Args().Slice()[1:] {
			key, err := registryKey(name)
			if err != nil {
				key = name // the file may have keys that name no registry
			}
			switch {
			case slices.Contains(removed, key):
			case f.Remove(name):
				removed = append(removed, key)
			case err != nil:
				errs = append(errs, fmt.Errorf("%s has nothing under an argument that is no registry: %w", f.shown(), err))
			case there == "":
				errs = append(errs, fail("%s has nothing for %s, nor for anything else", f.shown(), key))
			default:
				errs = append(errs, fail("%s has nothing for %s", f.shown(), key).hint("it has credentials for "+there))
			}
		}
		if errs != nil {
			return errs
		}
		p.note("%s: removed %s", f.shown(), firstOf(removed))
		return nil
	})
}

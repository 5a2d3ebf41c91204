package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/internal/envfile"
	"github.com/dockercfg/jet/internal/spelling"
)

func envSyntaxFlag() cli.Flag {
	return &cli.StringFlag{Name: "env-syntax", Usage: "read the file as `SYNTAX`: docker (as docker run --env-file, the default) or dotenv"}
}

// variableNames gives the names among the arguments, and the syntax. No error
// quotes an argument, which may be a value in the wrong place.
func (p *program) variableNames(c *cli.Context, most int) ([]string, envfile.Syntax, error) {
	line := c.Command.HelpName
	var syntax envfile.Syntax
	if name := c.String("env-syntax"); c.IsSet("env-syntax") {
		var err error
		if syntax, err = envfile.ParseSyntax(name); err != nil {
			return nil, 0, misuse("--env-syntax: %q is not docker or dotenv", name)
		}
	}
	names := c.Args().Slice()
	if len(names) > 0 {
		names = names[1:]
	}
	if most > 0 && len(names) > most {
		return nil, 0, misuse("%s takes FILE and NAME, and nothing else", line).
			hint("the value is never an argument, where every user of the machine can see it: it is asked for, or read from stdin")
	}
	for _, name := range names {
		if err := envfile.CheckName(name, syntax); err != nil {
			f := misuse("%s: %w", line, err)
			if strings.Contains(name, "=") {
				f.hint("the value is never an argument, where every user of the machine can see it: it is asked for, or read from stdin")
			}
			return nil, 0, f
		}
	}
	return names, syntax, nil
}

// changeVariables lets change alter the text of the env file that the first argument
// names, and writes it if that altered it.
func (p *program) changeVariables(c *cli.Context, change func(f *textFile) ([]byte, error)) error {
	r, err := p.newReader(c)
	if err != nil {
		return err
	}
	chosen, err := p.chooseFormat(c, c.Args().First())
	if err != nil {
		return err
	}
	f, err := r.openText(c, "env file")
	if err != nil {
		return err
	}
	sealed := &sealing{chosen}
	if f.format == 0 && len(f.raw) > 0 {
		if c.IsSet("format") {
			return fail("--format is the format of an encrypted file, and %s is none", f.shown()).hint("leave --format out")
		}
		if err := r.refusePlain(f.shown(), f.format); err != nil {
			return err
		}
		sealed = nil
	} else if _, err := r.keyFor(c.Context, f.name); err != nil { // before anybody types a value in vain
		return err
	}
	p.warnConflict(c.Context, f)
	text, err := change(f)
	if err != nil {
		return err
	}
	again := f.format != 0 && c.IsSet("format") && chosen.format != f.format
	if string(text) == string(f.text) && f.exists && !again {
		p.note("%s is as it was", f.shown())
		return nil
	}
	if err := r.replaceText(c.Context, f, text, sealed); err != nil {
		return err
	}
	p.note("wrote %s%s", f.shown(), sealed)
	return nil
}

// lacksVariable says that a file sets no such variable, and which it does set.
func lacksVariable(shown string, file envfile.File, name string) error {
	var known []string
	bare := false
	for _, v := range file.Variables {
		bare = bare || v.Name == name
		if v.Plain && v.Set && !slices.Contains(known, v.Name) {
			known = append(known, v.Name)
		}
	}
	if bare {
		return fail("%s has %s as a bare name, without a value: docker run takes it from its own environment", shown, name)
	}
	f := fail("%s does not set %s", shown, printable(name))
	if near := spelling.Nearest(name, known); near != "" {
		return f.hint("did you mean " + near + "?")
	}
	if known != nil {
		f.hint("it sets " + firstOf(known))
	}
	return f
}

// changeFailure says why an env file cannot be changed, and never quotes it.
func changeFailure(err error, f *textFile) error {
	var value *envfile.ValueError
	if !errors.As(err, &value) {
		return parseFailure(err, f.name, f.format)
	}
	failed := fail("%w", renamed{f.shown() + ": " + value.Problem, err})
	if value.Hint != "" {
		failed.hint(value.Hint)
	}
	return failed
}

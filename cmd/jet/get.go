package main

import (
	"encoding/json"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/internal/envfile"
)

func (p *program) getCommand() *cli.Command {
	return &cli.Command{
		Name:      "get",
		Usage:     "Print the value of a variable of an env file, and nothing else.",
		ArgsUsage: "FILE NAME…",
		UsageText: `jet get app.env.encrypted DATABASE_PASSWORD
jet get app.env.encrypted USER PASSWORD --json
jet get app.env.encrypted --json | jq -r 'keys[]'`,
		Description: `Prints the very bytes of the value; a line end follows on a terminal only. Of several lines that have the variable the last counts. --json prints one object with the names and values of several variables, or of all if no NAME is given. "-" is stdin.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print a JSON object of names and values"},
			envSyntaxFlag(), keyPathFlag(), requireFlag(),
		},
		Action: p.get,
	}
}

func (p *program) get(c *cli.Context) error {
	names, syntax, err := p.variableNames(c, 0)
	if err != nil {
		return err
	}
	least := 2
	if c.Bool("json") {
		least = 1
	}
	if err := wantPaths(c, least); err != nil {
		return err
	}
	if len(names) > 1 && !c.Bool("json") {
		return misuse("%s prints one value, and several names are given", c.Command.HelpName).hint("--json prints several values")
	}
	r, err := p.newReader(c)
	if err != nil {
		return err
	}
	name := c.Args().First()
	data, format, err := r.read(c.Context, name, "env file")
	if err != nil {
		return err
	}
	shown := display(name, "stdin")
	if err := r.refusePlain(shown, format); err != nil {
		return err
	}
	file, err := envfile.Parse(data, syntax)
	if err != nil {
		return parseFailure(err, name, format)
	}
	if len(names) == 0 {
		for _, v := range file.Variables {
			if v.Set {
				names = append(names, v.Name)
			}
		}
	}
	values := make(map[string]string)
	var errs failures
	for _, name := range names {
		value, ok := file.Lookup(name)
		if !ok {
			errs = append(errs, lacksVariable(shown, file, name))
		}
		values[name] = value
	}
	if errs != nil {
		return errs
	}
	for _, value := range values {
		p.mask(value)
	}
	if c.Bool("json") {
		encoder := json.NewEncoder(p.stdout)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(values)
	}
	value := values[names[0]]
	if _, ok := terminalOf(p.stdout); ok {
		value += "\n"
	}
	_, err = io.WriteString(p.stdout, value)
	return err
}

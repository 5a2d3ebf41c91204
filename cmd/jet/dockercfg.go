package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/projectkey"
)

func (p *program) dockercfgCommand() *cli.Command {
	return &cli.Command{
		Name:      "dockercfg",
		Usage:     "Make Docker credentials (config.json) of variables.",
		ArgsUsage: "OUTPUT",
		UsageText: `jet generate dockercfg dockercfg --env-file credentials.env
jet generate dockercfg dockercfg.encrypted --env-file credentials.env.encrypted --encrypt
jet generate dockercfg ~/.docker/config.json --env-file hub.env --env-file quay.env
DOCKER_USERNAME=ci DOCKER_PASSWORD=$TOKEN jet generate dockercfg --from login -`,
		Description: `The variables come from the environment, or from each --env-file by itself: those of one file are never mixed with those of another or of the environment. Without --from the variables that are set decide which backends run. An env file may be encrypted; it is decrypted in memory. The output is readable by you alone (0600) unless --encrypt is given. "-" is stdin or stdout.`,
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "from", Usage: "run the backend `NAME`; may be repeated"},
			&cli.StringSliceFlag{Name: "env-file", Usage: "take variables from `FILE` and not from the environment; may be repeated"},
			&cli.StringFlag{Name: "env-syntax", Usage: "read env files as `SYNTAX`: docker (as docker run --env-file, the default) or dotenv"},
			&cli.BoolFlag{Name: "encrypt", Usage: "write the output encrypted with the project key"},
			keyPathFlag(), formatFlag(), requireFlag(),
		},
		Action: p.generateDockercfg,
	}
}

func (p *program) generateDockercfg(c *cli.Context) error {
	if err := wantPaths(c, 1); err != nil {
		return err
	}
	output := c.Args().First()
	registry, err := backends()
	if err != nil {
		return err
	}
	asked, err := askedBackends(registry, c.StringSlice("from"))
	if err != nil {
		return err
	}
	encrypt := c.Bool("encrypt")
	if !encrypt && c.IsSet("format") {
		return misuse("--format is the format of an encrypted output, and there is no --encrypt").
			hint("add --encrypt, or leave --format away")
	}
	reader, err := p.newScopeReader(c, output)
	if err != nil {
		return err
	}
	var chosen choice
	if encrypt {
		chosen, err = p.chooseFormat(c, output)
	} else {
		err = guardEncrypted(output)
	}
	if err != nil {
		return err
	}
	scopes, err := reader.scopes(c.Context)
	if err != nil {
		return err
	}
	runs, err := p.chooseRuns(registry, asked, scopes)
	if err != nil {
		return err
	}
	file, err := p.collect(c.Context, runs)
	if err != nil {
		return err
	}
	data, err := file.Encode()
	if err != nil {
		return err
	}
	if !encrypt {
		if err := guardKey(output, reader.key); err != nil {
			return err
		}
		err = p.write(c.Context, output, outfile.Private, func(w io.Writer, _ bool) error {
			_, err := w.Write(data)
			return err
		})
	} else {
		var key projectkey.Found
		if key, err = reader.findKey(c.Context); err != nil {
			return err
		}
		if err := guardKey(output, key); err != nil {
			return err
		}
		err = p.write(c.Context, output, outfile.Shared, func(w io.Writer, _ bool) error {
			return crypto.Encrypt(w, bytes.NewReader(data), key.Key, chosen.format)
		})
	}
	if err != nil {
		return err
	}
	how := ""
	if encrypt {
		how = fmt.Sprintf(" as %v%s", chosen.format, chosen.why)
	}
	var names []string
	for _, entry := range file.Entries() {
		names = append(names, entry.Registry)
	}
	p.note("wrote %s%s for %s", display(output, "to stdout"), how, strings.Join(names, ", "))
	return nil
}

// guardEncrypted refuses to put readable credentials where an encrypted file
// stands, which somebody is about to commit.
func guardEncrypted(output string) error {
	found, err := formatOfFile(output)
	if err != nil || found == 0 {
		return err
	}
	return fail("%q is an encrypted file, %v, and would be replaced by readable credentials", output, found).
		hint(fmt.Sprintf("\"jet generate dockercfg %s --encrypt\" writes it encrypted", shellWord(output)))
}

// askedBackends gives the backends of these names, each once.
func askedBackends(registry *generators.Registry, names []string) ([]generators.Backend, error) {
	var asked []generators.Backend
	for i, name := range names {
		backend, ok := registry.Lookup(name)
		if !ok {
			var known []string
			for _, b := range registry.All() {
				known = append(known, b.Name)
			}
			return nil, misuse("--from: there is no backend %q (known: %s)", name, strings.Join(known, ", ")).
				hint(`"jet generate dockercfg --help" describes the backends`)
		}
		if !slices.Contains(names[:i], name) {
			asked = append(asked, backend)
		}
	}
	return asked, nil
}

// A run is a backend and the scope it takes its variables from.
type run struct {
	backend generators.Backend
	scope   scope
}

// chooseRuns pairs backends and scopes: those that were asked for with each scope
// that holds a variable of theirs, else those that a variable selects. It says
// what it chose, and why.
func (p *program) chooseRuns(registry *generators.Registry, asked []generators.Backend, scopes []scope) ([]run, error) {
	var runs []run
	var missing failures
	used := make(map[string]bool)
	choose := func(b generators.Backend, s scope, why string) {
		runs = append(runs, run{b, s})
		used[s.name] = true
		p.note("%s: variables from %s, %s", b.Name, s.name, why)
	}
	for _, b := range asked {
		before := len(runs)
		for _, s := range scopes {
			if len(scopes) == 1 || s.holdsAnyOf(b) {
				choose(b, s, "as --from says")
			}
		}
		if len(runs) == before {
			err := generators.CheckVariables(b.Name, b.Variables, func(string) (string, bool) { return "", false })
			missing = append(missing, adviseVariables(fmt.Errorf("in none of the env files: %w", err), scopes[0]))
		}
	}
	if asked == nil {
		for _, s := range scopes {
			for _, selection := range registry.Select(s.env) {
				choose(selection.Backend, s, "since "+selection.Variable+" is set")
			}
		}
	}
	switch {
	case missing != nil:
		return nil, missing
	case runs == nil:
		return nil, nothingSelected(registry, scopes)
	}
	for _, s := range scopes {
		if !used[s.name] {
			p.warn("%s is of no use here: no backend takes variables from it", s.name)
		}
	}
	return runs, nil
}

// nothingSelected says which variables would have selected a backend.
func nothingSelected(registry *generators.Registry, scopes []scope) error {
	var selecting []string
	for _, b := range registry.All() {
		var names []string
		for _, v := range b.Variables {
			if v.Selects {
				names = append(names, v.Name)
			}
		}
		if names != nil {
			selecting = append(selecting, b.Name+" ("+strings.Join(names, ", ")+")")
		}
	}
	var where []string
	for _, s := range scopes {
		where = append(where, s.name)
	}
	return fail("no backend is selected: one of its variables has to be set in %s: %s",
		strings.Join(where, " or "), strings.Join(selecting, "; ")).
		hint(`"jet generate dockercfg OUTPUT --env-file credentials.env" reads them from a file, one NAME=value a line; "jet generate dockercfg --help" lists them all`)
}

// collect runs the backends and merges what they make. All errors are reported,
// so that everything that is missing is named at once.
func (p *program) collect(ctx context.Context, runs []run) (*dockercfg.File, error) {
	var file dockercfg.File
	var errs failures
	origins := make(map[string]scope) // by registry
	for _, r := range runs {
		source, err := r.backend.Open(r.scope.env)
		if err != nil {
			errs = append(errs, adviseVariables(fmt.Errorf("%s: %w", r.scope.name, err), r.scope))
			continue
		}
		result, err := source.Generate(ctx)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.scope.name, err))
			continue
		}
		for _, notice := range result.Notices {
			p.warn("%s: %s: %s", r.scope.name, r.backend.Name, notice)
		}
		for _, entry := range result.Entries {
			err := file.Add(entry)
			var conflict *dockercfg.ConflictError
			if errors.As(err, &conflict) {
				err = fail("%s and %s: %w", origins[conflict.Registry].name, r.scope.name, err).
					hint("leave one of the two away; a dockercfg holds one credential for a registry")
			} else if err != nil {
				err = fmt.Errorf("%s: %s: %w", r.scope.name, r.backend.Name, err)
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
			if key, err := dockercfg.NormalizeRegistry(entry.Registry); err == nil {
				if _, ok := origins[key]; !ok {
					origins[key] = r.scope
				}
			}
		}
	}
	if errs != nil {
		return nil, errs
	}
	return &file, nil
}

// adviseVariables says where missing variables are looked for.
func adviseVariables(err error, s scope) error {
	var missing *generators.MissingVariablesError
	switch {
	case !errors.As(err, &missing):
		return err
	case s.file == "":
		return fail("%w", err).hint(`"jet generate dockercfg OUTPUT --env-file credentials.env" reads variables from a file, one NAME=value a line`)
	}
	return fail("%w", err).hint(`each env file has to hold all variables of a backend, one NAME=value a line; "jet generate dockercfg --help" lists them`)
}

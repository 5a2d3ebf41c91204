package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/generators/store"
	"github.com/dockercfg/jet/internal/credentialstore"
	"github.com/dockercfg/jet/internal/dockerconfig"
	"github.com/dockercfg/jet/internal/helperconfig"
	"github.com/dockercfg/jet/internal/outfile"
)

func (p *program) generateDockercfgCommand() *cli.Command {
	return &cli.Command{
		Name:      "dockercfg",
		Usage:     "Make Docker credentials (config.json) of variables or of a credential store.",
		ArgsUsage: "OUTPUT",
		UsageText: `jet generate dockercfg dockercfg --env-file credentials.env
jet generate dockercfg dockercfg.encrypted --env-file credentials.env.encrypted --encrypt
jet generate dockercfg ~/.docker/config.json --env-file hub.env --env-file quay.env
jet generate dockercfg dockercfg.encrypted --from store --registry quay.io --encrypt
DOCKER_USERNAME=ci DOCKER_PASSWORD=$TOKEN jet generate dockercfg --from login -`,
		Description: `The variables come from the environment, or from each --env-file by itself: those of one file are never mixed with those of another or of the environment. Without --from the variables that are set decide which backends run; if there are none, and no env files, it is the store, on macOS and wherever Docker's configuration names one. An env file may be encrypted; it is decrypted in memory. If some credentials cannot be had, the others are written all the same, and the exit code is 1. The output is readable by you alone (0600) unless --encrypt is given. "-" is stdin or stdout.`,
		Flags: slices.Concat([]cli.Flag{
			&cli.StringSliceFlag{Name: "from", Usage: "run the backend `NAME`; may be repeated"},
			&cli.StringSliceFlag{Name: "registry", Usage: "take the credential for `HOST` alone, and ask a store for no other; may be repeated"},
			&cli.StringSliceFlag{Name: "env-file", Usage: "take variables from `FILE` and not from the environment; may be repeated"},
			&cli.StringFlag{Name: "env-syntax", Usage: "read env files as `SYNTAX`: docker (as docker run --env-file, the default) or dotenv"},
		}, outputFlags(), []cli.Flag{
			&cli.BoolFlag{Name: "encrypt", Usage: "write the output encrypted with the project key"},
			keyPathFlag(), trustKeyFlag(), formatFlag(), requireFlag(),
		}),
		Action: p.generateDockercfg,
	}
}

func (p *program) generateDockercfg(c *cli.Context) error {
	if err := wantPaths(c, 1); err != nil {
		return err
	}
	output := c.Args().First()
	only, err := wantedRegistries(c.StringSlice("registry"))
	if err != nil {
		return err
	}
	registry, err := backends(store.Config{Registries: only, Stderr: p.stderr})
	if err != nil {
		return err
	}
	asked, err := askedBackends(registry, c.StringSlice("from"))
	if err != nil {
		return err
	}
	wanted, err := wantedOutput(c)
	if err != nil {
		return err
	}
	reader, err := p.newScopeReader(c, output)
	if err != nil {
		return err
	}
	sealed, err := p.sealingOfOutput(c, output)
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
	if err := guardStore(output, runs); err != nil {
		return err
	}
	file, lacking, err := p.collect(c.Context, runs, only)
	if err != nil {
		return err
	}
	data, registries, err := p.encode(file, wanted, "")
	if err != nil {
		return err
	}
	if err := reader.writeCredentials(c.Context, output, data, sealed); err != nil {
		return err
	}
	p.note("wrote %s%s for %s", display(output, "to stdout"), sealed, registries)
	if lacking != nil {
		p.warn("what is written lacks what the errors below are about")
		return lacking
	}
	return nil
}

// wantedRegistries gives the registries of --registry in normal form, each once.
func wantedRegistries(names []string) (keys []string, err error) {
	for _, name := range names {
		key, err := dockercfg.NormalizeRegistry(name)
		if err != nil {
			return nil, misuse("--registry: %w", err).hint(registryHint)
		}
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// guardStore refuses to replace the configuration that a store is found by, and
// that is left as it is by no other command either.
func guardStore(output string, runs []run) error {
	for _, r := range runs {
		if r.backend.Name != storeName || output == "-" {
			continue
		}
		path, err := helperconfig.Path(r.scope.env)
		if err != nil {
			continue // then Open fails too, and says why
		}
		if same, err := outfile.SameFile(path, output); err == nil && same {
			return fail("%q is the configuration of Docker, which says where the credentials are, and would be replaced", output).
				hint("name another output")
		}
	}
	return nil
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

// storeName is the backend that is asked where nothing else is selected.
const storeName = "store"

// from is where the variables of a run are from, before a message about it; ""
// if it can do without.
func (r run) from() string {
	if r.scope.file == "" && !needsVariables(r.backend) {
		return ""
	}
	return r.scope.name + ": "
}

// needsVariables reports whether a backend does nothing without variables.
func needsVariables(b generators.Backend) bool {
	return slices.ContainsFunc(b.Variables, func(v generators.Variable) bool { return v.Required })
}

// chooseRuns pairs backends and scopes: those that were asked for with each scope
// that holds a variable of theirs, else those that a variable selects, else the
// store. One that needs no variables takes them from the environment, if no env
// file has any. It says what it chose, and why.
func (p *program) chooseRuns(registry *generators.Registry, asked []generators.Backend, scopes []scope) ([]run, error) {
	var runs []run
	var missing failures
	used := make(map[string]bool)
	choose := func(b generators.Backend, s scope, why string) {
		r := run{b, s}
		runs = append(runs, r)
		used[s.name] = true
		if r.from() == "" {
			p.note("%s: %s", b.Name, why)
		} else {
			p.note("%s: variables from %s, %s", b.Name, s.name, why)
		}
	}
	for _, b := range asked {
		before := len(runs)
		for _, s := range scopes {
			if s.holdsAnyOf(b) || len(scopes) == 1 && needsVariables(b) {
				choose(b, s, "as --from says")
			}
		}
		switch {
		case len(runs) > before:
		case !needsVariables(b):
			choose(b, p.environment(), "as --from says")
		default:
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
	if asked == nil && runs == nil && scopes[0].file == "" {
		for _, name := range emptySelecting(registry, scopes[0]) {
			p.warn("%s is set but empty, and selects no backend", name)
		}
		if why := p.storeByDefault(); why != "" {
			if b, ok := registry.Lookup(storeName); ok {
				choose(b, scopes[0], why)
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
		if !used[s.name] && s.file != "" {
			p.warn("%s is of no use here: no backend takes variables from it", s.name)
		}
	}
	return runs, nil
}

// storeByDefault says why the store is asked where nothing is selected, "" if it
// is not.
func (p *program) storeByDefault() string {
	folder, _ := p.lookupEnv("DOCKER_CONFIG")
	switch {
	case store.Configured(folder):
		return "since no variable selects a backend, and Docker keeps its credentials in a store"
	case runtime.GOOS == "darwin":
		return "since no variable selects a backend"
	}
	return ""
}

// emptySelecting gives the variables that would select a backend if they were
// not empty.
func emptySelecting(registry *generators.Registry, s scope) (names []string) {
	for _, b := range registry.All() {
		for _, v := range b.Variables {
			if value, ok := s.env(v.Name); v.Selects && ok && value == "" {
				names = append(names, v.Name)
			}
		}
	}
	return names
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

// collect runs the backends and merges what they make, of these registries alone
// unless there are none. All errors are reported, so that everything that is
// missing is named at once. What lacks in a file that is good otherwise is not an
// error but apart.
func (p *program) collect(ctx context.Context, runs []run, only []string) (file *dockercfg.File, lacking, err error) {
	file = new(dockercfg.File)
	var errs, absent failures
	origins := make(map[string]string) // by registry
	for _, r := range runs {
		source, err := r.backend.Open(r.scope.env)
		if err != nil {
			errs = append(errs, adviseVariables(fmt.Errorf("%s%w", r.from(), err), r.scope))
			continue
		}
		result, err := source.Generate(ctx)
		var partial *generators.PartialError
		if errors.As(err, &partial) {
			for _, err := range partial.Errors {
				absent = append(absent, adviseStore(fmt.Errorf("%s%w", r.from(), err)))
			}
		} else if err != nil {
			errs = append(errs, adviseStore(fmt.Errorf("%s%w", r.from(), err)))
			continue
		}
		for _, notice := range result.Notices {
			p.warn("%s%s: %s", r.from(), r.backend.Name, notice)
		}
		for _, entry := range result.Entries {
			key, err := registryKey(entry.Registry)
			if err == nil && only != nil && !slices.Contains(only, key) {
				p.note("%s%s: left out %s, which --registry does not name", r.from(), r.backend.Name, key)
				continue
			}
			err = file.Add(entry)
			var conflict *dockercfg.ConflictError
			if errors.As(err, &conflict) {
				err = fail("%s and %s: %w", origins[conflict.Registry], r.origin(), err).
					hint("leave one of the two away; a dockercfg holds one credential for a registry")
			} else if err != nil {
				err = fmt.Errorf("%s%s: %w", r.from(), r.backend.Name, err)
			}
			if err != nil {
				errs = append(errs, err)
			} else if origins[key] == "" {
				origins[key] = r.origin()
			}
		}
	}
	if errs == nil && absent == nil {
		for _, key := range only {
			if origins[key] == "" {
				errs = append(errs, fmt.Errorf("no backend made a credential for %s", key))
			}
		}
	}
	switch {
	case errs != nil, absent != nil && len(file.Entries()) == 0:
		return nil, nil, append(errs, absent...)
	case absent != nil:
		return file, absent, nil
	}
	return file, nil, nil
}

// origin names a run beside another one.
func (r run) origin() string {
	if r.scope.file == "" {
		return "the backend " + r.backend.Name
	}
	return r.scope.name
}

// adviseStore says what to do about an error of a credential store.
func adviseStore(err error) error {
	var locked *credentialstore.LockedError
	var missing *credentialstore.NotFoundError
	var late *credentialstore.TimeoutError
	var form *dockerconfig.FormError
	switch {
	case errors.As(err, &locked):
		return fail("%w", err).hint(locked.Unlock())
	case errors.As(err, &missing):
		return fail("%w", err).hint(`Docker's config.json names it, under credsStore or credHelpers; "jet dockercfg show ~/.docker/config.json" lists for what`)
	case errors.As(err, &late):
		return fail("%w", err).hint("a question for a password may wait behind other windows; --registry HOST asks for less")
	case errors.As(err, &form):
		return fail("%w", err).hint(fmt.Sprintf("\"jet dockercfg convert %s OUTPUT\" makes a config.json of it", shellWord(form.Path)))
	}
	return err
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

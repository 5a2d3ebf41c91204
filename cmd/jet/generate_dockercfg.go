package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	externalgenerator "github.com/dockercfg/jet/generators/program"
	"github.com/dockercfg/jet/generators/store"
	"github.com/dockercfg/jet/internal/helperconfig"
	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/registry"
	"github.com/dockercfg/jet/internal/spelling"
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
jet generate dockercfg ~/.docker/config.json --config registries.yaml --registry production
DOCKER_USERNAME=ci DOCKER_PASSWORD=$TOKEN jet generate dockercfg --from login -`,
		Description: `The variables come from the environment, or from each --env-file by itself: those of one file are never mixed with those of another or of the environment. Without --from the variables that are set decide which backends run; if there are none, and no env files, it is the store, on macOS and wherever Docker's configuration names one. An env file may be encrypted; it is decrypted in memory. Backends run side by side. With --verify the registries are asked whether the credentials work. If one fails nothing is written, unless --keep-going is given; what a store lacks does not keep the rest from being written, and the exit code is 1. A file of registries (--config) says for each registry where its credential comes from; --registry then also takes its names. The output is readable by you alone (0600) unless --encrypt is given. "-" is stdin or stdout.`,
		Flags: slices.Concat([]cli.Flag{
			&cli.StringSliceFlag{Name: "from", Usage: "run the backend `NAME`, built in or a program jet-generator-NAME on PATH; may be repeated"},
			accountsFlag("get the credentials for the registries in `FILE`, such as registries.yaml, each as it says there"),
			&cli.StringSliceFlag{Name: "registry", Usage: "take the credential for `HOST` alone, and ask for no other; may be repeated"},
			&cli.StringSliceFlag{Name: "env-file", Usage: "take variables from `FILE` and not from the environment; may be repeated"},
			&cli.StringFlag{Name: "env-syntax", Usage: "read env files as `SYNTAX`: docker (as docker run --env-file, the default) or dotenv"},
			&cli.BoolFlag{Name: "keep-going", Usage: "write what can be had if a backend fails; the exit code is 1 all the same"},
			&cli.DurationFlag{Name: "timeout", Usage: "give up when all backends together took longer than `TIME`", Value: defaultTimeout},
			&cli.DurationFlag{Name: "min-ttl", Usage: "fail if a credential would expire within `TIME`, such as 2h"},
			noCacheFlag(),
			&cli.BoolFlag{Name: "verify", Usage: "ask the registries whether the credentials work, before they are written"},
		}, tlsFlags(), outputFlags(), []cli.Flag{
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
	limits, err := p.wantedLimits(c)
	if err != nil {
		return err
	}
	if err := needsVerify(c); err != nil {
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
	choose := p.chooseBackends
	if c.IsSet("config") {
		choose = p.chooseAccounts
	}
	choice, err := choose(c, reader, limits)
	if err != nil {
		return err
	}
	sealed, err := p.sealingOfOutput(c, output)
	if err != nil {
		return err
	}
	chosen, err := choice()
	if err != nil {
		return err
	}
	if err := guardStore(output, chosen.runs); err != nil {
		return err
	}
	made, err := p.collect(c.Context, chosen.runs, chosen.only, limits)
	if err != nil {
		return err
	}
	if c.Bool("verify") {
		if err := p.verifyMade(c.Context, made, chosen, limits); err != nil {
			return err
		}
	}
	if sealed != nil {
		p.warnShortLived(made.lives, output)
	}
	data, registries, err := p.encode(made.file, wanted, "")
	if err != nil {
		return err
	}
	if err := reader.writeCredentials(c.Context, output, data, sealed); err != nil {
		return err
	}
	p.note("wrote %s%s for %s", display(output, "to stdout"), sealed, registries)
	p.noteLives(made.lives)
	if made.lacking != nil {
		p.warn("what is written lacks what the errors below are about")
		return made.lacking
	}
	return nil
}

// A selection is what makes credentials, and how to ask the registries about them.
type selection struct {
	runs []run
	only []string // registries, nil for all
	// accounts prepares what --verify asks.
	accounts func(context.Context, []dockercfg.Entry, limits) ([]registry.Account, error)
	advise   adviser
}

// chooseBackends reads which backends the command line asks for. What it gives reads
// their variables and decides which to run.
func (p *program) chooseBackends(c *cli.Context, reader *scopeReader, _ limits) (func() (*selection, error), error) {
	only, err := wantedRegistries(c.StringSlice("registry"))
	if err != nil {
		return nil, err
	}
	tls, err := p.wantedTLS(c)
	if err != nil {
		return nil, err
	}
	known, err := backends(backendConfig{registries: only, asked: c.StringSlice("from"), stderr: p.stderr})
	if err != nil {
		return nil, err
	}
	asked, err := p.askedBackends(c.Context, known, c.StringSlice("from"), only)
	if err != nil {
		return nil, err
	}
	return func() (*selection, error) {
		scopes, err := reader.scopes(c.Context)
		if err != nil {
			return nil, err
		}
		runs, err := p.chooseRuns(known, asked, scopes)
		return &selection{
			runs: runs, only: only,
			accounts: func(_ context.Context, entries []dockercfg.Entry, l limits) (accounts []registry.Account, err error) {
				for _, entry := range entries {
					accounts = append(accounts, registry.Account{Entry: entry, NoCatalog: true, TLS: tls, Timeout: l.timeout})
				}
				return accounts, guardSwitches(tls, accounts, only)
			},
			advise: func(f registry.Finding, r registry.Report) string {
				if f.Name == registry.WrongCredentials {
					return "it was made of " + madeOf(runs)
				}
				return adviseFinding(f, r.Registry, "")
			},
		}, err
	}, nil
}

// chooseAccounts is chooseBackends for a file of registries.
func (p *program) chooseAccounts(c *cli.Context, reader *scopeReader, l limits) (func() (*selection, error), error) {
	name, err := wantedAccounts(c, "from", "env-file")
	if err != nil {
		return nil, err
	}
	if err := distinct(name, c.Args().First()); err != nil {
		return nil, err
	}
	return func() (*selection, error) {
		file, err := reader.accounts(c.Context, name)
		if err != nil {
			return nil, err
		}
		chosen, err := file.chosen(c.StringSlice("registry"))
		if err != nil {
			return nil, err
		}
		runs, err := file.runs(chosen, l)
		return &selection{runs: runs, accounts: file.asked(chosen), advise: file.advise}, err
	}, nil
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

// askedBackends gives the backends of these names, each once: built in, or programs.
func (p *program) askedBackends(ctx context.Context, registry *generators.Registry, names, only []string) ([]generators.Backend, error) {
	var asked []generators.Backend
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		backend, ok := registry.Lookup(name)
		if !ok {
			var err error
			if backend, err = p.programBackend(ctx, registry, "--from", name, only); err != nil {
				return nil, err
			}
		}
		asked = append(asked, backend)
	}
	return asked, nil
}

// describeTimeout is how long a program may take to say what it is.
const describeTimeout = 5 * time.Second

// programBackend gives the backend that is a program on PATH. By is what names it.
func (p *program) programBackend(ctx context.Context, registry *generators.Registry, by, name string, only []string) (generators.Backend, error) {
	var known []string
	for _, b := range registry.All() {
		known = append(known, b.Name)
	}
	hint := `"jet generate dockercfg --help" describes the backends`
	if near := spelling.Nearest(name, known); near != "" {
		hint = "did you mean " + by + " " + near + "? " + hint
	}
	if err := generators.CheckName(name); err != nil {
		return generators.Backend{}, misuse("%s: there is no backend %q (known: %s)", strings.TrimSuffix(by, ":"), name, strings.Join(known, ", ")).hint(hint)
	}
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	b, err := externalgenerator.Describe(ctx, externalgenerator.Config{Name: name, Registries: only, Stderr: p.stderr})
	if errors.Is(err, externalgenerator.ErrNotFound) {
		return b, fail("%s: there is no backend %q (known: %s), and no program %s%s on PATH", strings.TrimSuffix(by, ":"), name, strings.Join(known, ", "), externalgenerator.Prefix, name).hint(hint)
	}
	return b, err
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

// madeOf says what credentials were made of.
func madeOf(runs []run) string {
	var parts []string
	for _, r := range runs {
		part := "what " + r.backend.Name + " has"
		if r.from() != "" {
			part = "the variables of " + r.backend.Name + " in " + r.scope.name
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", or ")
}

// needsVariables reports whether a backend lives by variables: those that it takes
// are from one scope, and not from another if that has none.
func needsVariables(b generators.Backend) bool {
	return slices.ContainsFunc(b.Variables, func(v generators.Variable) bool { return v.Required || v.Selects })
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
			if err == nil {
				err = fmt.Errorf("there is no variable of %s", b.Name)
			}
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

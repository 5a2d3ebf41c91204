package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/internal/registry"
)

func (p *program) verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "Ask registries whether the credentials in a file work.",
		ArgsUsage: "DOCKERCFG",
		UsageText: `jet verify dockercfg.encrypted
jet verify dockercfg.encrypted --registry quay.io --repository quay.io/team/app:1.2
jet verify dockercfg --repository team/app --push
jet verify dockercfg --registry registry.example:5000 --ca-cert ca.pem
jet verify production hub --config registries.yaml`,
		Description: `Asks every registry in the file, side by side, as clients do before they pull, and pulls nothing. With --repository it asks whether the tags can be read, or that tag; without, it reads the list of repositories, if the registry has one. A registry that is empty or has no list is no failure. --push begins an upload to each repository and cancels it: nothing is pushed. The exit code is 1 if something does not work; warnings leave it 0. With --config the credentials are got as a file of registries says, and asked about with its repositories and its switches; the arguments are then names of its registries, none for all. "-" is stdin.`,
		Flags: slices.Concat([]cli.Flag{
			accountsFlag("ask about the registries in `FILE`, such as registries.yaml"),
			&cli.StringSliceFlag{Name: "registry", Usage: "ask `HOST` alone; may be repeated"},
			&cli.StringSliceFlag{Name: "repository", Usage: "ask about `[HOST/]NAME[:TAG]`; may be repeated"},
			&cli.BoolFlag{Name: "push", Usage: "ask whether one may push to the repositories, too"},
		}, tlsFlags(), []cli.Flag{
			&cli.DurationFlag{Name: "timeout", Usage: "give a registry up that took longer than `TIME`", Value: registry.DefaultTimeout},
			&cli.BoolFlag{Name: "json", Usage: "write one JSON object"},
			noCacheFlag(), keyPathFlag(), requireFlag(),
		}),
		Action: func(c *cli.Context) error {
			if c.IsSet("config") {
				return p.verifyAccounts(c)
			}
			return p.verify(c)
		},
	}
}

// tlsFlags say how registries are reached.
func tlsFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "ca-cert", Usage: "trust the certificate authorities in `FILE` (PEM) too"},
		&cli.BoolFlag{Name: "insecure-skip-verify", Usage: "take any certificate for the registry's: whoever is on the way can read the credentials"},
		&cli.BoolFlag{Name: "plain-http", Usage: "speak HTTP and not HTTPS: everybody on the way can read the credentials"},
	}
}

// wantedTLS reads the flags of tlsFlags.
func (p *program) wantedTLS(c *cli.Context) (registry.TLS, error) {
	t := registry.TLS{InsecureSkipVerify: c.Bool("insecure-skip-verify"), PlainHTTP: c.Bool("plain-http")}
	switch name := c.String("ca-cert"); {
	case t.PlainHTTP && (t.InsecureSkipVerify || c.IsSet("ca-cert")):
		return t, misuse("--plain-http has no certificates, and --ca-cert and --insecure-skip-verify are about them").hint("leave one of them out")
	case c.IsSet("ca-cert") && t.InsecureSkipVerify:
		return t, misuse("--ca-cert and --insecure-skip-verify exclude each other").hint("--ca-cert is the safe one")
	case c.IsSet("ca-cert") && (name == "" || name == "-"):
		return t, misuse("--ca-cert wants the name of a file")
	case c.IsSet("ca-cert"):
		pem, err := p.readWhole(c.Context, name, "certificate")
		if err != nil {
			return t, err
		}
		if t.Roots, err = registry.Roots(pem); err != nil {
			return t, fail("%q: %w", name, err).hint(fmt.Sprintf("\"openssl x509 -in %s -inform DER -out ca.pem\" makes PEM of the form DER", shellWord(name)))
		}
	}
	return t, nil
}

// needsVerify refuses the flags of tlsFlags where no registry is asked.
func needsVerify(c *cli.Context) error {
	for _, f := range tlsFlags() {
		if name := f.Names()[0]; c.IsSet(name) && !c.Bool("verify") {
			return misuse("--%s is for asking the registries, and there is no --verify", name)
		}
	}
	return nil
}

// guardSwitches refuses switches that would lay open credentials of registries that
// nobody had in mind.
func guardSwitches(t registry.TLS, accounts []registry.Account, named []string) error {
	if len(accounts) < 2 || !t.PlainHTTP && !t.InsecureSkipVerify || named != nil {
		return nil
	}
	flag := "--plain-http"
	if t.InsecureSkipVerify {
		flag = "--insecure-skip-verify"
	}
	return fail("%s would hold for all %d registries, and each would have its credentials in the open", flag, len(accounts)).
		hint("--registry HOST names the one that it is for")
}

func (p *program) verify(c *cli.Context) error {
	if err := wantPaths(c, 1); err != nil {
		if !c.Args().Present() {
			err = withHint(err, `"jet verify --config registries.yaml" asks about the registries of such a file`)
		}
		return err
	}
	named, err := wantedRegistries(c.StringSlice("registry"))
	if err != nil {
		return err
	}
	wanted, err := wantedRepositories(c.StringSlice("repository"))
	if err != nil {
		return err
	}
	timeout := c.Duration("timeout")
	switch {
	case timeout <= 0:
		return misuse("--timeout: %v is no time to do anything in", timeout)
	case c.Bool("push") && wanted == nil:
		return misuse("--push asks about a repository, and there is no --repository").hint(usageOf(c.Command.HelpName, c.Command))
	}
	tls, err := p.wantedTLS(c)
	if err != nil {
		return err
	}
	r, err := p.newReader(c)
	if err != nil {
		return err
	}
	f, err := r.dockercfg(c.Context, c.Args().First())
	if err != nil {
		return err
	}
	if err := r.refusePlain(f.shown(), f.format); err != nil {
		return err
	}
	accounts, err := accountsOf(f, named, wanted)
	if err != nil {
		return err
	}
	if err := guardSwitches(tls, accounts, named); err != nil {
		return err
	}
	for i := range accounts {
		accounts[i].TLS, accounts[i].Timeout, accounts[i].Push = tls, timeout, c.Bool("push")
	}
	var others []listedStore
	if named == nil {
		if others, err = elsewhere(f.File); err != nil {
			return fmt.Errorf("%s: %w", f.shown(), err)
		}
	}
	reports, err := p.askRegistries(c.Context, accounts)
	if err != nil {
		return err
	}
	file := f.name
	return p.reportVerified(reports, others, c.Bool("json"), func(f registry.Finding, r registry.Report) string {
		return adviseFinding(f, r.Registry, file)
	})
}

// A wantedRepository is one of --repository.
type wantedRepository struct {
	registry   string // in normal form; "" if it is not said
	repository registry.Repository
}

func wantedRepositories(texts []string) (wanted []wantedRepository, err error) {
	for _, text := range texts {
		host, r, err := registry.ParseRepository(text)
		if err != nil {
			return nil, misuse("--repository: %w", err).hint("it is [HOST/]NAME[:TAG], as docker pull takes it: quay.io/team/app:1.2")
		}
		wanted = append(wanted, wantedRepository{host, r})
	}
	return wanted, nil
}

// accountsOf gives an account for each credential of a file, or for these registries
// alone, with the repositories that were asked for.
func accountsOf(f *credentialsFile, named []string, wanted []wantedRepository) ([]registry.Account, error) {
	var accounts []registry.Account
	add := func(name string) error {
		entry, found, err := f.Lookup(name)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", f.shown(), err)
		case !found && f.registries() == "":
			return fail("%s has no credential for %s, nor for anything else", f.shown(), name)
		case !found:
			return fail("%s has no credential for %s", f.shown(), name).hint("it has credentials for " + f.registries())
		}
		accounts = append(accounts, registry.Account{Entry: entry, Host: name})
		return nil
	}
	for _, name := range named {
		if err := add(name); err != nil {
			return nil, err
		}
	}
	if named == nil {
		for _, entry := range f.Entries() {
			accounts = append(accounts, registry.Account{Entry: entry})
		}
		if accounts == nil {
			return nil, fail("%s has no credentials to ask about", f.shown()).
				hint(fmt.Sprintf("\"jet dockercfg show %s\" says what is in it; \"jet generate dockercfg OUTPUT --from store\" takes credentials out of a store", shellWord(f.name)))
		}
	}
	for _, w := range wanted {
		at := -1
		if w.registry != "" {
			at = slices.IndexFunc(accounts, func(a registry.Account) bool { return a.Host == w.registry || a.Entry.Registry == w.registry })
			if at < 0 && named != nil {
				return nil, fail("--repository: %s is at %s, which --registry does not name", w.repository, w.registry)
			} else if at < 0 {
				if err := add(w.registry); err != nil { // a pattern may stand for it
					return nil, err
				}
				at = len(accounts) - 1
			}
		} else if len(accounts) == 1 {
			at = 0
		} else {
			return nil, fail("--repository: %s may be at any of %d registries", w.repository, len(accounts)).
				hint("write HOST/" + w.repository.String() + ", or name the registry with --registry HOST")
		}
		accounts[at].Repositories = append(accounts[at].Repositories, w.repository)
	}
	return accounts, nil
}

// askRegistries asks them side by side, and tells a person who waits.
func (p *program) askRegistries(ctx context.Context, accounts []registry.Account) ([]registry.Report, error) {
	progress := p.newProgress("waiting for")
	defer progress.end()
	for _, a := range accounts {
		progress.begin(a.Registry())
	}
	reports := registry.VerifyAll(ctx, accounts, func(r registry.Report) { progress.done(r.Registry) })
	return reports, ctx.Err()
}

// An adviser says what to do about a finding, "" for what explains itself.
type adviser func(registry.Finding, registry.Report) string

// mostHints is how many hints people get about findings of one name, which mostly
// differ by the registry alone.
const mostHints = 3

// few gives an adviser that says nothing twice, and of one finding no more than mostHints.
func (advise adviser) few() adviser {
	said := make(map[registry.Name][]string)
	return func(f registry.Finding, r registry.Report) string {
		hint := advise(f, r)
		if hint == "" || len(said[f.Name]) == mostHints || slices.Contains(said[f.Name], hint) {
			return ""
		}
		said[f.Name] = append(said[f.Name], hint)
		return hint
	}
}

// reportVerified prints what was found out, and fails if something does not work.
func (p *program) reportVerified(reports []registry.Report, others []listedStore, asJSON bool, advise adviser) error {
	if asJSON {
		if err := p.encodeVerified(reports, advise); err != nil {
			return err
		}
	} else if err := p.printVerified(reports, others); err != nil {
		return err
	}
	var failed []string
	var hints []string
	advise = advise.few()
	for _, r := range reports {
		for _, w := range r.Warnings() {
			p.warn("%s", sentence(r, w))
		}
		if r.Result == registry.Failed {
			failed = append(failed, called(r))
		}
		for _, f := range r.All() {
			hints = append(hints, advise(f, r))
		}
	}
	if failed == nil {
		for _, hint := range slices.Compact(hints) {
			if hint != "" {
				p.hint("%s", hint)
			}
		}
		return nil
	}
	f := fail("the credential for %s does not work", failed[0])
	if len(reports) > 1 {
		f = fail("%d of %d credentials do not work: %s", len(failed), len(reports), firstOf(failed))
	}
	for _, hint := range hints {
		if hint != "" {
			f.hint(hint)
		}
	}
	return f
}

// printVerified writes a table for people.
func (p *program) printVerified(reports []registry.Report, others []listedStore) error {
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	row := func(name, user string, result, detail string) {
		if user == "" {
			user = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", printable(name), printable(user), result, printable(detail))
	}
	fmt.Fprintln(w, "REGISTRY\tUSER\tRESULT\tDETAIL")
	for _, r := range reports {
		name := r.Registry
		if r.Name != "" {
			name = r.Name + " (" + r.Registry + ")"
		}
		row(name, r.Username, shownResult(r.Result), details(r))
		for _, repository := range r.Repositories {
			row("  "+repository.Repository, "", shownResult(repository.Result), repositoryDetails(repository))
		}
	}
	for _, s := range others {
		switch {
		case s.Registry == "":
		case s.Helper == "":
			row(s.Registry, "", shownResult(registry.Skipped), "the file has no credential for it, or half of one")
		default:
			row(s.Registry, "", shownResult(registry.Skipped), fmt.Sprintf("its credential is in the store of docker-credential-%s", s.Helper))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := p.stdout.Write(table.Bytes())
	return err
}

func shownResult(r registry.Result) string {
	if r == registry.Skipped {
		return "not asked"
	}
	return string(r)
}

// details says what came of a registry, but for warnings, which are told beside.
func details(r registry.Report) string {
	var parts []string
	for _, f := range r.Findings {
		if f.Severity != registry.Warning {
			parts = append(parts, f.Message)
		}
	}
	switch c := r.Catalog; {
	case c == nil || c.Repositories == 0:
	case c.More:
		parts = append(parts, fmt.Sprintf("%d repositories or more", c.Repositories))
	case c.Repositories == 1:
		parts = append(parts, "1 repository")
	default:
		parts = append(parts, fmt.Sprintf("%d repositories", c.Repositories))
	}
	if parts == nil && r.Result == registry.Failed {
		parts = append(parts, "the credentials are right, but not for what is below")
	}
	return strings.Join(parts, "; ")
}

func repositoryDetails(r registry.RepositoryReport) string {
	var parts []string
	for _, f := range r.Findings {
		parts = append(parts, f.Message)
	}
	switch {
	case r.Result == registry.Failed, r.Has(registry.NoRepository):
	case r.HasReference:
		parts = append(parts, "it is there")
	case r.More:
		parts = append(parts, count(r.Tags, "tag")+" or more")
	default:
		parts = append(parts, count(r.Tags, "tag"))
	}
	if r.Push != nil && *r.Push {
		parts = append(parts, "one may push")
	}
	return strings.Join(parts, "; ")
}

// encodeVerified writes what was found out for scripts.
func (p *program) encodeVerified(reports []registry.Report, advise adviser) error {
	type finding struct {
		registry.Finding
		Hints []string `json:"hints"`
	}
	type repository struct {
		registry.RepositoryReport
		Findings []finding `json:"findings"`
	}
	type result struct {
		registry.Report
		Repositories []repository `json:"repositories"`
		Findings     []finding    `json:"findings"`
	}
	verified := struct {
		Results []result `json:"results"`
	}{[]result{}}
	for _, r := range reports {
		advised := func(findings []registry.Finding) []finding {
			all := []finding{}
			for _, f := range findings {
				hints := []string{}
				if hint := advise(f, r); hint != "" {
					hints = append(hints, hint)
				}
				all = append(all, finding{f, hints})
			}
			return all
		}
		one := result{Report: r, Repositories: []repository{}, Findings: advised(r.Findings)}
		for _, of := range r.Repositories {
			one.Repositories = append(one.Repositories, repository{of, advised(of.Findings)})
		}
		verified.Results = append(verified.Results, one)
	}
	encoder := json.NewEncoder(p.stdout)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(verified)
}

// sentence is a finding that names its registry.
func sentence(r registry.Report, f registry.Finding) string {
	if r.Host != "" && strings.HasPrefix(f.Message, r.Host+" ") {
		return f.Message
	}
	return called(r) + ": " + f.Message
}

// called is what people call what a report is about.
func called(r registry.Report) string { return cmp.Or(r.Name, r.Registry) }

// adviseAccess is what to do about a repository that cannot be looked into.
const adviseAccess = "is the name of the repository right? Its owner gives access to it; many registries do not tell a stranger whether there is one"

// adviseFinding says what to do about a finding, "" for what explains itself. The file
// is the one that the credential is from, "" for none.
func adviseFinding(f registry.Finding, host, file string) string {
	replace := ""
	if file != "" && file != "-" {
		replace = fmt.Sprintf("\"jet dockercfg add %s %s --username USER\" puts another credential in its place", shellWord(file), shellWord(host))
	}
	switch f.Name {
	case registry.NoRepository:
		if f.Severity == registry.Warning {
			return "is the name of the repository right? The first push makes it"
		}
		return adviseAccess
	case registry.NoHost, registry.Unreachable:
		return "is the name of the registry right? A proxy is named by HTTPS_PROXY"
	case registry.Proxy:
		return "HTTPS_PROXY and HTTP_PROXY name the proxy, NO_PROXY the hosts that are asked without it"
	case registry.Refused:
		return "is the port of the registry right? One without TLS listens on port 80 and wants --plain-http"
	case registry.Timeout:
		return "--timeout 2m waits longer; a proxy (HTTPS_PROXY) or a firewall may keep the server out of reach"
	case registry.UnknownAuthority:
		return "--ca-cert FILE names the certificate of that authority; --insecure-skip-verify takes any, and then whoever is on the way can read the credentials"
	case registry.WrongHostName:
		return "name the registry as its certificate does; --insecure-skip-verify takes any certificate, and then whoever is on the way can read the credentials"
	case registry.CertificateExpired:
		return "its operator has to renew the certificate; --insecure-skip-verify takes any, and then whoever is on the way can read the credentials"
	case registry.CertificateEarly:
		return "set the clock of this machine, if it is wrong; --insecure-skip-verify takes any certificate, and then whoever is on the way can read the credentials"
	case registry.Certificate:
		return "--ca-cert FILE names another authority; --insecure-skip-verify takes any certificate, and then whoever is on the way can read the credentials"
	case registry.SpeaksHTTP:
		return "--plain-http speaks HTTP to it, and then everybody on the way can read the credentials"
	case registry.SpeaksHTTPS:
		return "leave --plain-http out"
	case registry.NotRegistry:
		return "is the name of the registry right? It is often another than that of its web pages, and another port"
	case registry.Redirected:
		return "if that is where the registry is now, its name has to stand in the file"
	case registry.RealmRefused:
		return "its operator has to name a realm over https, at the registry's own host name or at a public one"
	case registry.WrongCredentials, registry.NoUsername, registry.NoPassword, registry.TokenNotUsable, registry.KeyFile, registry.WhiteSpace, registry.BadEntry:
		return replace
	case registry.NoTag, registry.Denied:
		return adviseAccess
	case registry.PushDenied:
		return "its owner gives access for pushing; a token may be for reading alone"
	case registry.RateLimited, registry.ServerError:
		return "the same command may work later"
	case registry.NoCatalog, registry.CatalogDenied:
		return "--repository NAME asks about a repository"
	case registry.Pattern:
		return "--registry HOST names a registry that it stands for"
	case registry.Unproven:
		return "--repository NAME --push asks for something that it may want them for"
	}
	return ""
}

// verifyMade asks the registries about credentials that were made, before they are
// written, in the way that a selection says. With --keep-going those that do not work
// are left out.
func (p *program) verifyMade(ctx context.Context, made *collection, s *selection, l limits) error {
	accounts, err := s.accounts(ctx, made.file.Entries(), l)
	if err != nil {
		return err
	}
	reports, err := p.askRegistries(ctx, accounts)
	if err != nil {
		return err
	}
	if refused := refusedBy(reports); refused != nil && made.renew != nil {
		next, err := made.renew(ctx, refused)
		switch {
		case err != nil:
			return err
		case next != nil:
			p.note("the registry refuses what was kept: %s", firstOf(refused))
			*made = *next
			return p.verifyMade(ctx, made, s, l)
		}
	}
	var errs failures
	worked := 0
	advise := s.advise.few()
	for _, r := range reports {
		for _, w := range r.Warnings() {
			p.warn("%s", sentence(r, w))
		}
		switch r.Result {
		case registry.Works:
			worked++
			p.note("%s: the credential works", r.Registry)
			continue
		case registry.Skipped:
			p.warn("%s: not verified: it is a pattern, and names no registry to ask", r.Registry)
			continue
		}
		for _, problem := range r.Problems() {
			f := fail("%s", sentence(r, problem))
			if hint := advise(problem, r); hint != "" {
				f.hint(hint)
			}
			errs = append(errs, f)
		}
		if l.keepGoing {
			made.drop(r.Registry)
		}
	}
	switch {
	case errs == nil:
		return nil
	case !l.keepGoing || len(made.file.Entries()) == 0:
		if worked > 0 {
			errs[0] = withHint(errs[0], "nothing is written; --keep-going writes those that work")
		}
		return errs
	}
	if made.lacking != nil {
		errs = append(errs, made.lacking)
	}
	made.lacking = errs
	return nil
}

// refusedBy gives the registries that know the credentials not, or no longer.
func refusedBy(reports []registry.Report) (refused []string) {
	for _, r := range reports {
		if r.Result == registry.Failed && slices.ContainsFunc(r.Problems(), func(f registry.Finding) bool {
			return f.Name == registry.WrongCredentials || f.Name == registry.Forbidden || f.Name == registry.Denied
		}) {
			refused = append(refused, r.Registry)
		}
	}
	return refused
}

// drop takes a credential out.
func (c *collection) drop(key string) {
	c.file.Remove(key)
	c.lives = slices.DeleteFunc(c.lives, func(l life) bool { return l.registry == key })
}

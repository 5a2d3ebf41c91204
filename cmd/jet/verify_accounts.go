package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/accounts"
	"github.com/dockercfg/jet/internal/registry"
)

// wantedAccounts gives the file of --config, beside which there are no flags that say
// what stands in it, nor these others.
func wantedAccounts(c *cli.Context, others ...string) (string, error) {
	name := c.String("config")
	if name == "" {
		return "", misuse("--config: the name is empty")
	}
	for _, f := range tlsFlags() {
		others = append(others, f.Names()[0])
	}
	for _, other := range others {
		if c.IsSet(other) {
			return "", misuse("--config and --%s do not go together", other).
				hint("the file says for each registry where its credential comes from and how it is reached")
		}
	}
	return name, nil
}

// verifyAccounts gets the credentials of accounts and asks the registries about them.
func (p *program) verifyAccounts(c *cli.Context) error {
	name, err := wantedAccounts(c)
	if err != nil {
		return err
	}
	wanted, err := wantedRepositories(c.StringSlice("repository"))
	if err != nil {
		return err
	}
	timeout := c.Duration("timeout")
	if timeout <= 0 {
		return misuse("--timeout: %v is no time to do anything in", timeout)
	}
	r, err := p.newReader(c)
	if err != nil {
		return err
	}
	file, err := r.accounts(c.Context, name)
	if err != nil {
		return err
	}
	chosen, err := file.chosen(append(c.Args().Slice(), c.StringSlice("registry")...))
	if err != nil {
		if first := c.Args().First(); first != "" && file.Of(first) == nil && exists(first) {
			return withHint(err, fmt.Sprintf("\"jet verify %s\" asks about a dockercfg; beside --config stand names of its registries", shellWord(first)))
		}
		return err
	}
	if err := file.want(chosen, wanted, c.Bool("push")); err != nil {
		return err
	}
	v := &accountVerifier{program: p, file: file, chosen: chosen, push: c.Bool("push"), limits: limits{timeout: timeout, cache: p.tokenCache(c)}}
	if err := v.open(); err != nil {
		return err
	}
	reports, err := v.verify(c.Context)
	if err != nil {
		return err
	}
	return p.reportVerified(reports, nil, c.Bool("json"), v.advise)
}

// want adds the repositories of a command line to accounts.
func (f *accountsFile) want(chosen []accounts.Account, wanted []wantedRepository, push bool) error {
	for _, w := range wanted {
		var at []int
		for i, a := range chosen {
			if w.registry == a.Address || w.registry == "" && len(chosen) == 1 {
				at = append(at, i)
			}
		}
		switch {
		case at == nil && w.registry != "":
			return fail("--repository: %s is at %s, and none of the registries that are asked is there", w.repository, w.registry)
		case at == nil:
			return fail("--repository: %s may be at any of %d registries", w.repository, len(chosen)).
				hint("write HOST/" + w.repository.String() + ", or name one registry of the file")
		}
		for _, i := range at {
			chosen[i].Repositories = append(chosen[i].Repositories, w.repository)
		}
	}
	for _, a := range chosen {
		if push && a.Repositories == nil {
			return fail("--push asks about a repository, and %s names none", a.Name).
				hint("write repositories: [NAME] below it, or name it with --repository")
		}
	}
	return nil
}

// asked gives what to ask about the credentials of accounts.
func (f *accountsFile) asked(chosen []accounts.Account) func(context.Context, []dockercfg.Entry, limits) ([]registry.Account, error) {
	return func(ctx context.Context, entries []dockercfg.Entry, l limits) ([]registry.Account, error) {
		roots := make(rootsOf)
		var all []registry.Account
		for _, entry := range entries {
			for _, a := range chosen {
				if a.Address != entry.Registry {
					continue
				}
				// Where there are several their credentials are the same.
				asked, err := f.registryAccount(ctx, a, entry, l, roots)
				asked.NoCatalog = true
				if err != nil {
					return nil, err
				}
				all = append(all, asked)
				break
			}
		}
		return all, nil
	}
}

// rootsOf are authorities by the paths of their files.
type rootsOf map[string]*x509.CertPool

// registryAccount says what to ask about the credential of an account, and how.
func (f *accountsFile) registryAccount(ctx context.Context, a accounts.Account, entry dockercfg.Entry, l limits, roots rootsOf) (registry.Account, error) {
	asked := registry.Account{
		Name: a.Name, Entry: entry, Repositories: a.Repositories, Timeout: cmp.Or(a.Timeout, l.timeout),
		TLS: registry.TLS{InsecureSkipVerify: a.InsecureSkipVerify, PlainHTTP: a.PlainHTTP},
	}
	if a.CACert == "" {
		return asked, nil
	}
	path := f.path(a.CACert)
	if roots[path] == nil {
		pem, err := f.reader.program.readWhole(ctx, path, "certificate")
		if err != nil {
			return asked, f.adviseMissing(fmt.Errorf("%s: %w", a.Name, err), "caCert", a)
		}
		if roots[path], err = registry.Roots(pem); err != nil {
			return asked, fail("%s: %q: %w", a.Name, path, err)
		}
	}
	asked.TLS.Roots = roots[path]
	return asked, nil
}

// advise says what to do about a finding in the words of the file.
func (f *accountsFile) advise(finding registry.Finding, r registry.Report) string {
	where := "below " + r.Name + " in " + f.shown()
	switch finding.Name {
	case registry.UnknownAuthority:
		return "caCert: FILE " + where + " names the certificate of that authority; insecureSkipVerify: true takes any, and then whoever is on the way can read the credentials"
	case registry.WrongHostName:
		return "address has to be the name in the certificate; insecureSkipVerify: true " + where + " takes any certificate, and then whoever is on the way can read the credentials"
	case registry.CertificateExpired:
		return "its operator has to renew the certificate; insecureSkipVerify: true " + where + " takes any, and then whoever is on the way can read the credentials"
	case registry.CertificateEarly:
		return "set the clock of this machine, if it is wrong; insecureSkipVerify: true " + where + " takes any certificate"
	case registry.Certificate:
		return "caCert: FILE " + where + " names another authority; insecureSkipVerify: true takes any certificate, and then whoever is on the way can read the credentials"
	case registry.SpeaksHTTP:
		return "plainHTTP: true " + where + " speaks HTTP to it, and then everybody on the way can read the credentials"
	case registry.SpeaksHTTPS:
		return "leave out plainHTTP " + where
	case registry.Refused:
		return "is the port in the address right? One without TLS listens on port 80 and wants plainHTTP: true"
	case registry.Timeout:
		return "timeout: 2m " + where + " waits longer; a proxy (HTTPS_PROXY) or a firewall may keep the server out of reach"
	case registry.NoCatalog, registry.CatalogDenied:
		return "repositories: [NAME] " + where + " has repositories asked about"
	case registry.WrongCredentials:
		return "\"jet token " + r.Name + " --config " + shellWord(f.name) + "\" prints what is sent"
	case registry.WhiteSpace:
		return "one line end at the end of a passwordFile, or of what a passwordCommand prints, is taken off, and nothing else"
	case registry.NoUsername, registry.NoPassword, registry.KeyFile, registry.BadEntry, registry.Redirected, registry.Placeholder:
		return "it is the credential " + where
	}
	return adviseFinding(finding, r.Registry, "")
}

// An accountVerifier verifies accounts side by side.
type accountVerifier struct {
	program *program
	file    *accountsFile
	chosen  []accounts.Account
	push    bool
	limits  limits

	runs     []run
	sources  []generators.Source
	outcomes []outcome
}

func (v *accountVerifier) open() (err error) {
	if v.runs, err = v.file.runs(v.chosen, v.limits); err != nil {
		return err
	}
	v.outcomes = make([]outcome, len(v.runs))
	for _, r := range v.runs {
		source, err := r.backend.Open(nil)
		if err != nil {
			return err
		}
		v.sources = append(v.sources, source)
	}
	return nil
}

// verify gets the credentials and asks about them. Those that were kept and are
// refused are got anew, once.
func (v *accountVerifier) verify(ctx context.Context) ([]registry.Report, error) {
	reports := make([]registry.Report, len(v.chosen))
	if err := v.ask(ctx, v.sources, reports); err != nil {
		return nil, err
	}
	again, kept := make([]generators.Source, len(v.sources)), false
	for i, source := range v.sources {
		if s := source.(*accountSource); refusedBy(reports[i:i+1]) != nil && s.Refuse() {
			again[i], kept = source, true
			v.program.note("%s: the registry refuses what was kept", v.chosen[i].Name)
		}
	}
	if !kept {
		return reports, nil
	}
	return reports, v.ask(ctx, again, reports)
}

// ask writes the reports of those sources that are not nil.
func (v *accountVerifier) ask(ctx context.Context, sources []generators.Source, reports []registry.Report) error {
	longest := time.Duration(0)
	for _, a := range v.chosen {
		longest = max(longest, a.Timeout)
	}
	v.program.generate(ctx, v.runs, sources, v.outcomes, v.limits.timeout+longest)
	if err := ctx.Err(); err != nil {
		return err
	}
	roots := make(rootsOf)
	var asked []registry.Account
	var at []int
	for i, source := range sources {
		if source == nil {
			continue
		}
		a, o := v.chosen[i], v.outcomes[i]
		for _, notice := range o.result.Notices {
			v.program.warn("%s%s: %s", v.runs[i].from(), v.runs[i].backend.Name, notice)
		}
		err := errors.Join(append(o.absent, o.err)...)
		var one registry.Account
		if err == nil {
			one, err = v.file.registryAccount(ctx, a, o.result.Entries[0], v.limits, roots)
			one.Push = v.push
		}
		if err != nil {
			v.outcomes[i].err = err
			problem := strings.TrimPrefix(err.Error(), a.Name+": ")
			reports[i] = registry.Unobtained(registry.Account{Name: a.Name, Entry: dockercfg.Entry{Registry: a.Address, Username: a.Username}}, problem)
			continue
		}
		asked, at = append(asked, one), append(at, i)
	}
	made, err := v.program.askRegistries(ctx, asked)
	for i, report := range made {
		reports[at[i]] = report
	}
	return err
}

// advise adds what is known about a credential that could not be had.
func (v *accountVerifier) advise(f registry.Finding, r registry.Report) string {
	if f.Name != registry.NoCredential {
		return v.file.advise(f, r)
	}
	for i, a := range v.chosen {
		if failed, ok := errors.AsType[*failure](v.outcomes[i].err); ok && a.Name == r.Name && len(failed.hints) > 0 {
			return failed.hints[0]
		}
	}
	return ""
}

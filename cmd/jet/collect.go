package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/credentialstore"
	"github.com/dockercfg/jet/internal/dockerconfig"
	"github.com/dockercfg/jet/internal/tokencache"
)

// defaultTimeout is how long all backends may take together.
const defaultTimeout = 30 * time.Second

// limits are what a person expects of a collection.
type limits struct {
	timeout   time.Duration
	minTTL    time.Duration     // that a credential must still live; 0 for any
	cache     *tokencache.Cache // nil for none
	keepGoing bool              // a backend that fails does not keep the others from being written
}

func (p *program) wantedLimits(c *cli.Context) (limits, error) {
	l := limits{timeout: c.Duration("timeout"), minTTL: c.Duration("min-ttl"), keepGoing: c.Bool("keep-going"), cache: p.tokenCache(c)}
	switch {
	case l.timeout <= 0:
		return l, misuse("--timeout: %v is no time to do anything in", l.timeout)
	case l.minTTL < 0:
		return l, misuse("--min-ttl: %v is in the past", l.minTTL)
	}
	return l, nil
}

// end is when the first of the entries dies.
func (o outcome) end() (at time.Time) {
	for _, e := range o.result.Entries {
		if at.IsZero() || e.Expires.Before(at) {
			at = e.Expires
		}
	}
	return at
}

// keeping gives a source with the cache before it, if it is one for that.
func (l limits) keeping(s generators.Source, r run, registries []string) generators.Source {
	if l.cache == nil {
		return s
	}
	request := tokencache.Request{Backend: r.backend, Env: r.scope.env, Registries: registries, MinTTL: l.minTTL}
	if kept := l.cache.Source(s, request); kept != nil {
		return kept
	}
	return s
}

// A collection is what backends made together.
type collection struct {
	file    *dockercfg.File
	lacking error // what is not in it, though it was asked for; nil for nothing
	lives

	// renew makes those of these registries anew that are from the cache, once; nil if
	// there are none.
	renew func(ctx context.Context, registries []string) (*collection, error)
}

// An outcome is what one run came to.
type outcome struct {
	result generators.Result
	made   time.Time // if it comes from the cache
	cached bool
	absent []error // beside a result that is good otherwise
	err    error
}

// collect runs the backends and merges what they make, of these registries alone
// unless there are none. All errors are reported, so that everything that is
// missing is named at once, before anybody is asked.
func (p *program) collect(ctx context.Context, runs []run, only []string, l limits) (*collection, error) {
	outcomes := make([]outcome, len(runs))
	sources := make([]generators.Source, len(runs))
	var errs failures
	for i, r := range runs {
		var err error
		if sources[i], err = r.backend.Open(r.scope.env); err == nil {
			sources[i] = l.keeping(sources[i], r, only)
		} else {
			outcomes[i].err = adviseVariables(advise(fmt.Errorf("%s%w", r.from(), err)), r.scope)
			errs = append(errs, outcomes[i].err)
		}
	}
	if errs != nil && !(l.keepGoing && len(errs) < len(runs)) {
		return nil, errs
	}
	p.generate(ctx, runs, sources, outcomes, l.timeout)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if l.cache != nil && l.cache.Problem() != "" {
		p.warn("%s", l.cache.Problem())
	}
	made, err := p.combine(runs, outcomes, only, l)
	if err == nil {
		made.renew = func(ctx context.Context, registries []string) (*collection, error) {
			return p.renew(ctx, runs, sources, outcomes, registries, only, l)
		}
	}
	return made, err
}

// renew runs the backends again whose entries for these registries are from the cache,
// and merges what they make with what the others have made. It is nil if there are none.
func (p *program) renew(ctx context.Context, runs []run, sources []generators.Source, outcomes []outcome, registries, only []string, l limits) (*collection, error) {
	again := make([]generators.Source, len(sources))
	none := true
	for i := range outcomes {
		o := &outcomes[i]
		o.result.Notices = nil // which were told
		concerned := o.cached && slices.ContainsFunc(o.result.Entries, func(e dockercfg.Entry) bool {
			key, err := registryKey(e.Registry)
			return err == nil && slices.Contains(registries, key)
		})
		o.cached = false
		if s, ok := sources[i].(interface{ Refuse() bool }); ok && concerned && s.Refuse() {
			again[i], none, *o = sources[i], false, outcome{}
		}
	}
	if none {
		return nil, nil
	}
	p.generate(ctx, runs, again, outcomes, l.timeout)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return p.combine(runs, outcomes, only, l)
}

// generate asks the sources, side by side. The deadline is for all that do not wait
// for a person.
func (p *program) generate(untimed context.Context, runs []run, sources []generators.Source, outcomes []outcome, timeout time.Duration) {
	timed, cancel := context.WithTimeout(untimed, timeout)
	defer cancel()
	progress := p.newProgress("waiting for")
	defer progress.end()
	var all sync.WaitGroup
	for i, source := range sources {
		if source == nil {
			continue
		}
		r, o, ctx := runs[i], &outcomes[i], timed
		if r.backend.Interactive {
			ctx = untimed
		}
		progress.begin(r.origin())
		all.Go(func() {
			defer progress.done(r.origin())
			var err error
			o.result, err = source.Generate(ctx)
			if s, ok := source.(interface{ Made() (time.Time, bool) }); ok {
				o.made, o.cached = s.Made()
			}
			var partial *generators.PartialError
			switch {
			case errors.As(err, &partial):
				for _, err := range partial.Errors {
					o.absent = append(o.absent, advise(fmt.Errorf("%s%w", r.from(), err)))
				}
			case err != nil:
				o.err = advise(fmt.Errorf("%s%w", r.from(), err))
			}
		})
	}
	all.Wait()
}

// combine puts what the runs made into one file, in the order of the runs.
func (p *program) combine(runs []run, outcomes []outcome, only []string, l limits) (*collection, error) {
	c := &collection{file: new(dockercfg.File)}
	var errs, absent failures
	failed, partly := 0, false         // runs that failed, and whether one has made some of its entries
	origins := make(map[string]string) // by registry
	for i, r := range runs {
		o := outcomes[i]
		if o.absent != nil && r.backend.Name != storeName && !l.keepGoing {
			errs = append(errs, o.absent...)
			failed++
			partly = partly || o.result.Entries != nil
			continue
		}
		absent = append(absent, o.absent...)
		if o.err != nil {
			failed++
			if l.keepGoing {
				absent = append(absent, o.err)
			} else {
				errs = append(errs, o.err)
			}
			continue
		}
		for _, notice := range o.result.Notices {
			p.warn("%s%s: %s", r.from(), r.backend.Name, notice)
		}
		if o.cached {
			p.note("%s%s: from the cache, made %s ago, good until %s; --no-cache asks anew", r.from(), r.backend.Name, lifetime(time.Since(o.made)), local(o.end()))
		}
		for _, entry := range o.result.Entries {
			key, err := registryKey(entry.Registry)
			if err == nil && only != nil && !slices.Contains(only, key) {
				p.note("%s%s: left out %s, which --registry does not name", r.from(), r.backend.Name, key)
				continue
			}
			err = c.file.Add(entry)
			var conflict *dockercfg.ConflictError
			if errors.As(err, &conflict) {
				err = fail("%s and %s: %w", origins[conflict.Registry], r.origin(), err).
					hint("leave one of the two out; a dockercfg holds one credential for a registry")
			} else if err != nil {
				err = fmt.Errorf("%s%s: %w", r.from(), r.backend.Name, err)
			}
			if err == nil {
				err = c.lives.add(key, entry.Expires, r.backend, l.minTTL)
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
	case errs != nil, absent != nil && len(c.file.Entries()) == 0:
		if failed > 0 && (failed < len(runs) || partly) && !l.keepGoing {
			errs[0] = withHint(errs[0], "nothing is written; --keep-going writes what the others made")
		}
		return nil, append(errs, absent...)
	case absent != nil:
		c.lacking = absent
	}
	return c, nil
}

// An life is when a credential dies.
type life struct {
	registry string
	at       time.Time
	backend  generators.Backend
}

type lives []life

// add keeps when a credential dies, if it does. It must not be too soon.
func (e *lives) add(registry string, at time.Time, backend generators.Backend, least time.Duration) error {
	if at.IsZero() {
		return nil
	}
	*e = append(*e, life{registry, at, backend})
	left := time.Until(at)
	switch {
	case left <= 0:
		return fail("%s: the credential for %s has expired already, %s", backend.Name, registry, local(at)).
			hint("if that is not so, the clock of this machine is wrong: it says " + local(time.Now()))
	case left < least:
		f := fail("%s: the credential for %s lives for %s, which is less than the %v of --min-ttl", backend.Name, registry, lifetime(left), least)
		if backend.LongLived != "" {
			f.hint(backend.LongLived)
		}
		return f
	}
	return nil
}

// noteLives tells when credentials die, those together that die together.
func (p *program) noteLives(e lives) {
	type moment struct {
		at         time.Time
		registries []string
	}
	var moments []moment
	for _, x := range e {
		at := x.at.Truncate(time.Minute)
		i := slices.IndexFunc(moments, func(m moment) bool { return m.at.Equal(at) })
		if i < 0 {
			i = len(moments)
			moments = append(moments, moment{at: at})
		}
		moments[i].registries = append(moments[i].registries, x.registry)
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return a.at.Compare(b.at) })
	for _, m := range moments {
		p.note("good until %s, for %s: %s", local(m.at), lifetime(time.Until(m.at)), firstOf(m.registries))
	}
}

// warnShortLived tells somebody who is about to commit credentials that they will
// be dead when they are needed.
func (p *program) warnShortLived(e lives, output string) {
	var told []string
	for _, x := range e {
		if slices.Contains(told, x.backend.Name) {
			continue
		}
		told = append(told, x.backend.Name)
		p.warn("the credentials of %s die in %s, and %s with them: an encrypted file is of use where it outlives that",
			x.backend.Name, lifetime(time.Until(x.at)), display(output, "what is on stdout"))
		p.hint("%s", cmp.Or(x.backend.LongLived, `run "jet generate dockercfg" where the credentials are used, from encrypted variables`))
	}
}

// local is a time as people here write it, to the minute.
func local(at time.Time) string { return at.Local().Format("2006-01-02 15:04 MST") }

// lifetime is a duration for people: hours and minutes.
func lifetime(d time.Duration) string {
	d = d.Round(time.Minute)
	switch hours, minutes := int(d/time.Hour), int(d%time.Hour/time.Minute); {
	case hours == 0:
		return fmt.Sprintf("%d min", minutes)
	case minutes == 0:
		return fmt.Sprintf("%d h", hours)
	default:
		return fmt.Sprintf("%d h %d min", hours, minutes)
	}
}

// origin names a run beside another one.
func (r run) origin() string {
	if r.scope.file == "" {
		return "the backend " + r.backend.Name
	}
	return r.scope.name
}

// advise says what to do about an error of a backend.
func advise(err error) error {
	var advised *generators.AdvisedError
	var locked *credentialstore.LockedError
	var missing *credentialstore.NotFoundError
	var late *credentialstore.TimeoutError
	var form *dockerconfig.FormError
	var already *failure
	switch {
	case errors.As(err, &already) && already.hints != nil:
	case errors.As(err, &advised):
		return fail("%w", err).hint(advised.Advice)
	case errors.As(err, &locked):
		return fail("%w", err).hint(locked.Unlock())
	case errors.As(err, &missing):
		return fail("%w", err).hint(`Docker's config.json names it, under credsStore or credHelpers; "jet dockercfg show ~/.docker/config.json" lists for what`)
	case errors.As(err, &late):
		return fail("%w", err).hint("a question for a password may wait behind other windows; --registry HOST asks for less")
	case errors.As(err, &form):
		return fail("%w", err).hint(fmt.Sprintf("\"jet dockercfg convert %s OUTPUT\" makes a config.json of it", shellWord(form.Path)))
	case errors.Is(err, context.DeadlineExceeded):
		return fail("%w", err).hint("--timeout 2m waits longer; a proxy (HTTPS_PROXY) or a firewall may keep the server out of reach")
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
		return withHint(err, `"jet generate dockercfg OUTPUT --env-file credentials.env" reads variables from a file, one NAME=value a line`)
	}
	return withHint(err, `each env file has to hold all variables of a backend, one NAME=value a line; "jet generate dockercfg --help" lists them`)
}

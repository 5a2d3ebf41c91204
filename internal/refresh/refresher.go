package refresh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
)

// Options change a Refresher. The zero Options are the usual ones.
type Options struct {
	// Log gets a line for each event, without secrets; nil means none.
	Log *slog.Logger
	// Parallel is how many tries and writes begin side by side; 0 means 16. One that
	// takes longer than a moment does not count any more.
	Parallel int
	// Now is the clock on the wall; nil means time.Now.
	Now func() time.Time
	// Random gives the chances that keep many jobs apart, from 0 up to 1; nil means
	// rand.Float64. It must be safe for concurrent use.
	Random func() float64
	// Rest is called after work, when there is none for a while, once a minute at
	// most; nil for nothing. It is for giving memory back.
	Rest func()
}

const (
	// tick is how often the clock on the wall is looked at: a timer does not count
	// the time for which the machine sleeps.
	tick = 10 * time.Second
	// setBack is how far a clock has to be set back to make all that is known about
	// expiry doubtful: many servers tell how long a token lives, not until when.
	setBack = time.Minute
	// maxTold is how many notices of an account are remembered, so that each is told
	// once.
	maxTold = 20
	// restTime is how long there has to be nothing to do, and restPause the shortest
	// time between two rests.
	restTime, restPause = 5 * time.Second, time.Minute
	// lookEvery is how often outputs are looked at, whether they are still there.
	lookEvery = 10 * time.Second
	// moment is how long a try or a write counts as one that is at work. After that
	// it waits for somebody, and costs no more than its memory.
	moment = 2 * time.Second
	// lastWrites is how long writes may go on after the end.
	lastWrites = 5 * time.Second
	// writeTimeout is how long one write may take.
	writeTimeout = 30 * time.Second
)

// Refresher keeps the credentials of a plan alive. Its methods are safe for
// concurrent use; Run and Once are called once, after the first Apply.
type Refresher struct {
	log      *slog.Logger
	now      func() time.Time
	random   func() float64
	rest     func()
	wake     chan struct{} // the loop has to look again
	tasks    sync.WaitGroup
	parallel int

	mutex    sync.Mutex
	begun    time.Time
	queue    queue
	free     int  // places for tasks
	worked   bool // since the last rest
	serial   int  // of the last credential that came
	interval time.Duration
	accounts []*account
	outputs  []*output
	ready    bool      // all outputs of a plan were written once
	healthy  bool      // as was logged last
	looked   time.Time // when health was looked at last
	config   configState

	// The contexts of tries and of writes, which end later; set by Run and Once.
	asking, writing context.Context
}

// An account is one of the plan's and what is known about it.
type account struct {
	task
	Account
	outputs []*output
	added   time.Time
	stop    context.CancelFunc // ends the try that is running
	gone    bool               // it is in the plan no more

	entries []dockercfg.Entry
	serial  int       // of the entries; 0 for none
	came    time.Time // when they did
	expires time.Time // the first of them; zero for never

	attempts, failures int
	failed             int       // tries in a row
	failing            time.Time // since when; zero for not
	err                error     // of the last try
	told               []string  // notices
	telling            telling
}

// An output is one of the plan's and what is known about it.
type output struct {
	task
	Output
	accounts []*account
	added    time.Time
	version  int      // another one after each change of the plan
	holds    []hold   // of each account, what was written last
	complete bool     // all accounts were written once
	names    []string // that it may have entries for

	writes, failures int
	failed           int       // in a row
	failing          time.Time // since when; zero for not
	stale            time.Time // since when it lacks something that is at hand; zero for not
	err              error     // of the last write
	telling          telling
}

// A hold is what an output has of an account.
type hold struct {
	serial        int // 0 for nothing that this process has written
	came, expires time.Time
}

// New makes a Refresher without a plan.
func New(o Options) *Refresher {
	r := &Refresher{
		log: o.Log, now: o.Now, random: o.Random, rest: o.Rest, parallel: cmp.Or(o.Parallel, 16),
		wake: make(chan struct{}, 1), healthy: true,
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.now == nil {
		r.now = time.Now
	}
	if r.random == nil {
		r.random = rand.Float64
	}
	r.free = r.parallel
	r.begun = r.wall()
	return r
}

// wall is the time by the clock on the wall alone.
func (r *Refresher) wall() time.Time { return r.now().Round(0) }

// Apply makes a plan the one that is followed. What is the same in the plan before
// goes on undisturbed. An error is about the plan alone, and the plan before stands.
func (r *Refresher) Apply(p Plan) error {
	if err := p.check(); err != nil {
		return err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	now := r.wall()
	another := r.interval != p.Interval
	r.interval = p.Interval
	accounts := r.applyAccounts(&p, now)
	r.applyOutputs(&p, accounts, now)
	for _, a := range r.accounts {
		switch {
		case a.outputs == nil:
			r.log.Warn("no output is made of this registry, so nobody asks for it", "account", a.Name, "registry", a.Registry)
			r.queue.drop(&a.task)
		case a.running:
		case a.index < 0: // it is new, or nobody asked for it
			r.queue.set(&a.task, now)
		case another && a.failed == 0 && a.serial != 0:
			r.queue.set(&a.task, a.came.Add(untilRefresh(a.life(), r.interval, r.random())))
		}
	}
	r.poke()
	return nil
}

// applyAccounts keeps the accounts that stay as they were, and replaces the others.
func (r *Refresher) applyAccounts(p *Plan, now time.Time) map[string]*account {
	before := make(map[string]*account, len(r.accounts))
	for _, a := range r.accounts {
		before[a.Name] = a
	}
	r.accounts = make([]*account, 0, len(p.Accounts))
	after := make(map[string]*account, len(p.Accounts))
	for _, wanted := range p.Accounts {
		a := before[wanted.Name]
		if a != nil && a.Version == wanted.Version && a.Registry == wanted.Registry {
			delete(before, wanted.Name)
			a.Account, a.outputs = wanted, nil
		} else {
			old := a
			a = &account{Account: wanted, added: now, task: task{index: -1}}
			a.begin = func() { r.ask(a) }
			if old != nil && old.Registry == a.Registry {
				// The old credential is good until there is a new one.
				a.entries, a.serial, a.came, a.expires = old.entries, old.serial, old.came, old.expires
				a.attempts, a.failures = old.attempts, old.failures
			}
		}
		r.accounts = append(r.accounts, a)
		after[a.Name] = a
	}
	for _, a := range before {
		a.gone = true
		r.queue.drop(&a.task)
		if a.stop != nil {
			a.stop()
		}
	}
	return after
}

// applyOutputs keeps the outputs of the same names, and has those written that are
// new or changed.
func (r *Refresher) applyOutputs(p *Plan, accounts map[string]*account, now time.Time) {
	before := make(map[string]*output, len(r.outputs))
	for _, o := range r.outputs {
		before[o.Name] = o
	}
	r.outputs = make([]*output, 0, len(p.Outputs))
	for _, wanted := range p.Outputs {
		o := before[wanted.Name]
		delete(before, wanted.Name)
		isNew := o == nil
		if isNew {
			o = &output{added: now, task: task{index: -1}}
			o.begin = func() { r.write(o) }
		}
		held := make(map[string]hold, len(o.accounts))
		for i, a := range o.accounts {
			held[a.Name+" "+a.Registry] = o.holds[i]
		}
		changed := isNew || o.Version != wanted.Version || !slices.Equal(o.Accounts, wanted.Accounts)
		if changed {
			o.version++
			o.Output = wanted
			o.failed, o.failing, o.telling = 0, time.Time{}, telling{}
		}
		o.accounts = make([]*account, len(o.Accounts))
		o.holds = make([]hold, len(o.Accounts))
		some := false
		for i, name := range o.Accounts {
			a := accounts[name]
			a.outputs = append(a.outputs, o)
			o.accounts[i] = a
			o.holds[i] = held[a.Name+" "+a.Registry]
			some = some || a.serial != 0
		}
		r.outputs = append(r.outputs, o)
		if changed && some {
			o.stale = now
			r.queue.set(&o.task, now)
		}
	}
	for _, o := range before {
		o.version++
		r.queue.drop(&o.task)
	}
}

// poke makes the loop look again.
func (r *Refresher) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run follows the plan until the context is done. Tries end then; writes that have
// begun go on for a few seconds.
func (r *Refresher) Run(ctx context.Context) {
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	r.mutex.Lock()
	r.asking, r.writing = ctx, writing
	r.mutex.Unlock()
	go r.look(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	start, last := time.Now(), r.wall()
	elapsed, rested := time.Duration(0), -restPause
	for ctx.Err() == nil {
		now, since := r.wall(), time.Since(start)
		jump := now.Sub(last) - (since - elapsed)
		last, elapsed = now, since
		wait, tired := r.beginDue(now, jump)
		if tired && wait > restTime && since-rested >= restPause {
			rested = since
			r.mutex.Lock()
			r.worked = false
			r.mutex.Unlock()
			r.rest()
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-timer.C:
		}
	}
	ended := make(chan struct{})
	go func() {
		r.tasks.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(lastWrites):
		r.log.Warn("a write does not end, and is left alone")
	}
}

// look has outputs written again that are gone: a folder may be emptied, or another disk
// be mounted over it. It has a goroutine of its own, since a disk may give no answer.
func (r *Refresher) look(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		r.mutex.Lock()
		outputs := r.outputs
		r.mutex.Unlock()
		for _, o := range outputs {
			r.lookAt(o)
		}
	}
}

func (r *Refresher) lookAt(o *output) {
	r.mutex.Lock()
	looker, ok := o.Target.(Looker)
	version, writes := o.version, o.writes
	held := slices.ContainsFunc(o.holds, func(h hold) bool { return h.serial != 0 })
	r.mutex.Unlock()
	if !ok || !held || !looker.Lost() {
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if o.version != version || o.writes != writes || o.running || !slices.Contains(r.outputs, o) {
		return
	}
	r.log.Warn("what was written is gone, and is written again", "output", o.Name)
	now := r.wall()
	clear(o.holds)
	if o.stale.IsZero() {
		o.stale = now
	}
	r.queue.set(&o.task, now)
	r.poke()
}

// beginDue begins what is due and says for how long there is nothing more to do, and
// whether there was since the last rest. Jump is how far the clock was set, forward
// or back.
func (r *Refresher) beginDue(now time.Time, jump time.Duration) (wait time.Duration, tired bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if jump < -setBack {
		r.log.Warn("the clock was set back: all registries are asked again", "by", (-jump).Round(time.Second).String())
		for _, a := range r.accounts {
			if a.outputs != nil && !a.running {
				r.queue.set(&a.task, now)
			}
		}
		for _, o := range r.outputs {
			if o.index >= 0 {
				r.queue.set(&o.task, now)
			}
		}
	}
	r.logHealth(now)
	for r.free > 0 {
		t, wait, ok := r.queue.next(now)
		if t != nil {
			r.start(t)
			continue
		}
		if !ok {
			wait = tick
		}
		return min(wait, tick), r.worked && r.rest != nil && r.free == r.parallel
	}
	return tick, false // or until a place is free
}

// start runs a task on one of the places, which is free again when it ended or after
// a moment.
func (r *Refresher) start(t *task) {
	t.running = true
	r.worked = true
	r.free--
	var once sync.Once
	leave := func() {
		once.Do(func() {
			r.mutex.Lock()
			r.free++
			r.mutex.Unlock()
			r.poke()
		})
	}
	late := time.AfterFunc(moment, leave)
	r.tasks.Go(func() {
		t.begin()
		late.Stop()
		leave()
	})
}

// life is how long the credential at hand lives in all, counted from when it came;
// 0 means for ever.
func (a *account) life() time.Duration {
	if a.expires.IsZero() {
		return 0
	}
	return a.expires.Sub(a.came)
}

// left is how long something still lives; 0 for what is dead or has no end.
func left(expires, now time.Time) time.Duration {
	if expires.IsZero() {
		return 0
	}
	return max(0, expires.Sub(now))
}

// ask tries once to get the credential of an account.
func (r *Refresher) ask(a *account) {
	r.mutex.Lock()
	if a.gone {
		r.mutex.Unlock()
		return
	}
	limit := patience(a.Timeout, left(a.expires, r.wall()))
	ctx, cancel := context.WithTimeoutCause(r.asking, limit, fmt.Errorf("no answer within %v: %w", limit.Round(time.Second), context.DeadlineExceeded))
	defer cancel()
	a.stop = cancel
	source := a.Source
	r.mutex.Unlock()
	result, err := source.Generate(ctx)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	a.running, a.stop = false, nil
	if a.gone || a.outputs == nil || err != nil && r.asking.Err() != nil {
		return
	}
	a.attempts++
	now := r.wall()
	for _, notice := range result.Notices {
		if !slices.Contains(a.told, notice) {
			if len(a.told) == maxTold {
				a.told = nil
			}
			a.told = append(a.told, notice)
			r.log.Warn(notice, "account", a.Name, "registry", a.Registry)
		}
	}
	before := a.serial
	entries, err := judge(result, err, now)
	if len(entries) > 0 {
		r.accept(a, entries, now)
	}
	if a.err = err; err != nil {
		r.failed(a, now)
		return
	}
	next := now.Add(untilRefresh(left(a.expires, now), r.interval, r.random()))
	what := []any{"account", a.Name, "registry", a.Registry, "next", stamp(next)}
	if !a.expires.IsZero() {
		what = append(what, "expires", stamp(a.expires))
	}
	if a.failed > 0 {
		what = append(what, "failures_before", a.failed)
	}
	if a.serial != before || a.failed > 0 {
		r.log.Info("refreshed", what...)
	} else {
		r.log.Debug("looked at again", what...)
	}
	a.failed, a.failing, a.telling = 0, time.Time{}, telling{}
	r.queue.set(&a.task, next)
}

// judge gives what is good of an answer, and what is wrong with it.
func judge(result generators.Result, err error, now time.Time) ([]dockercfg.Entry, error) {
	partial, isPartial := errors.AsType[*generators.PartialError](err)
	switch {
	case err != nil && !isPartial:
		return nil, err
	case len(result.Entries) == 0 && isPartial:
		return nil, partial
	case len(result.Entries) == 0:
		return nil, errors.New("there is no credential in the answer")
	}
	for _, e := range result.Entries {
		if err := e.Validate(); err != nil {
			return nil, err
		}
		if !e.Expires.IsZero() && !e.Expires.After(now) {
			return nil, fmt.Errorf("the credential that came expired at %s; if that is not in the past, the clock of this machine is wrong", stamp(e.Expires))
		}
	}
	return result.Entries, err
}

// accept keeps entries, and those of before for other registries, if a part is all
// that came.
func (r *Refresher) accept(a *account, entries []dockercfg.Entry, now time.Time) {
	for _, old := range a.entries {
		same := func(e dockercfg.Entry) bool { return e.Registry == old.Registry }
		if len(entries) < len(a.entries) && !slices.ContainsFunc(entries, same) && (old.Expires.IsZero() || old.Expires.After(now)) {
			entries = append(slices.Clip(entries), old)
		}
	}
	if !slices.Equal(entries, a.entries) || a.serial == 0 {
		r.serial++
		a.serial = r.serial
	}
	a.entries, a.came, a.expires = entries, now, time.Time{}
	for _, e := range entries {
		if !e.Expires.IsZero() && (a.expires.IsZero() || e.Expires.Before(a.expires)) {
			a.expires = e.Expires.Round(0)
		}
	}
	for _, o := range a.outputs {
		if o.stale.IsZero() && o.lacks(a) {
			o.stale = now
		}
		// One that fails is tried when its pause is over, whatever comes.
		if o.index < 0 && !o.running {
			r.queue.set(&o.task, now.Add(o.gather()))
		}
	}
}

// failed plans the next try after one that failed.
func (r *Refresher) failed(a *account, now time.Time) {
	a.failures++
	a.failed++
	if a.failing.IsZero() {
		a.failing = now
	}
	last := lastPause
	if r.interval > 0 {
		last = min(last, max(r.interval, firstPause))
	}
	if life := a.life(); life > 0 { // what lives for minutes is not to be dead for minutes more
		last = min(last, max(life/8, firstPause))
	}
	next := now.Add(pauseAfter(a.failed, firstPause, last, left(a.expires, now), r.random()))
	what := []any{"account", a.Name, "registry", a.Registry, "error", a.err.Error(), "failures", a.failed, "next", stamp(next)}
	what = append(what, adviceOf(a.err)...)
	if !a.expires.IsZero() {
		what = append(what, "expires", stamp(a.expires))
	}
	r.log.Log(context.Background(), a.telling.level(slog.LevelWarn, a.failed, a.err), "cannot refresh", what...)
	r.queue.set(&a.task, next)
}

// A telling is what was told of failures in a row. Not every one is: what is away for
// a week, with thousands of others, must not fill a disk with lines.
type telling struct {
	last  string // error
	lines int
}

// level gives that of the line about a failure: the first, the second, the fourth
// and so on are told, and those with another error than the one before, up to
// maxTold in all. The others are for debugging.
func (t *telling) level(level slog.Level, failed int, err error) slog.Level {
	text := err.Error()
	if failed&(failed-1) != 0 && (text == t.last || t.lines >= maxTold) {
		return slog.LevelDebug
	}
	t.last = text
	t.lines++
	return level
}

// adviceOf gives what an error has to say on what to do, for the log.
func adviceOf(err error) []any {
	var advised *generators.AdvisedError
	var several interface{ Advice() []string }
	switch {
	case errors.As(err, &advised):
		return []any{"advice", advised.Advice}
	case errors.As(err, &several) && len(several.Advice()) > 0:
		return []any{"advice", strings.Join(several.Advice(), "; ")}
	}
	return nil
}

// gather is how long an output of several accounts waits for more of them, so that
// a file of thousands is not written thousands of times in a row.
func (o *output) gather() time.Duration {
	if len(o.accounts) < 2 {
		return 0
	}
	return min(time.Second, time.Duration(len(o.accounts))*time.Millisecond)
}

// lacks reports whether an output has not the credential of an account that is at hand.
func (o *output) lacks(a *account) bool {
	for i, other := range o.accounts {
		if other == a && o.holds[i].serial != a.serial {
			return true
		}
	}
	return false
}

// content is what an output is to hold now, and what it then has of each account.
func (o *output) content() (c Content, holds []hold) {
	holds = make([]hold, len(o.accounts))
	wanted := make([]string, 0, len(o.accounts))
	for i, a := range o.accounts {
		wanted = append(wanted, a.Registry)
		if a.serial == 0 {
			c.Missing = append(c.Missing, a.Registry)
			continue
		}
		holds[i] = hold{a.serial, a.came, a.expires}
		for _, e := range a.entries {
			c.Entries = append(c.Entries, e)
			wanted = append(wanted, e.Registry)
		}
	}
	slices.Sort(wanted)
	for _, name := range o.names {
		if _, found := slices.BinarySearch(wanted, name); !found {
			c.Gone = append(c.Gone, name)
		}
	}
	o.names = slices.Compact(wanted)
	return c, holds
}

// write writes an output.
func (r *Refresher) write(o *output) {
	r.mutex.Lock()
	version, target := o.version, o.Target
	names := o.names
	c, holds := o.content()
	if len(c.Entries) == 0 {
		o.running = false
		r.mutex.Unlock()
		return
	}
	ctx, cancel := context.WithTimeout(r.writing, patience(writeTimeout, o.left(r.wall())))
	defer cancel()
	r.mutex.Unlock()
	changed, err := target.Write(ctx, c)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	now := r.wall()
	o.running = false
	if err != nil {
		o.names = mergeNames(names, o.names)
	}
	if o.version != version { // the plan was changed meanwhile
		if slices.Contains(r.outputs, o) {
			r.queue.set(&o.task, now)
		}
		return
	}
	if o.err = err; err != nil {
		r.writeFailed(o, now)
		return
	}
	o.writes++
	what := []any{"output", o.Name}
	if o.failed > 0 {
		what = append(what, "failures_before", o.failed)
	}
	if len(c.Missing) > 0 {
		what = append(what, "missing", len(c.Missing))
	}
	if changed {
		r.log.Info("written", what...)
	} else {
		r.log.Debug("as it was", what...)
	}
	o.failed, o.failing, o.stale, o.telling = 0, time.Time{}, time.Time{}, telling{}
	copy(o.holds, holds)
	for i, a := range o.accounts {
		if o.holds[i].serial != a.serial {
			o.stale = now
			r.queue.set(&o.task, now.Add(o.gather()))
			break
		}
	}
	if len(c.Missing) == 0 && !o.complete {
		o.complete = true
		r.checkReady(now)
	}
}

// left is how long the first credential to die in an output still lives; 0 if there
// is none.
func (o *output) left(now time.Time) (least time.Duration) {
	for _, h := range o.holds {
		if l := left(h.expires, now); l > 0 && (least == 0 || l < least) {
			least = l
		}
	}
	return least
}

// mergeNames joins two sorted lists.
func mergeNames(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// checkReady notes when all outputs are complete for the first time.
func (r *Refresher) checkReady(now time.Time) {
	if r.ready || slices.ContainsFunc(r.outputs, func(o *output) bool { return !o.complete }) {
		return
	}
	r.ready = true
	r.log.Info("all outputs are written", "outputs", len(r.outputs), "registries", len(r.accounts), "after", now.Sub(r.begun).Round(time.Millisecond).String())
}

// writeFailed plans the next try to write.
func (r *Refresher) writeFailed(o *output, now time.Time) {
	o.failures++
	o.failed++
	if o.failing.IsZero() {
		o.failing = now
	}
	next := now.Add(pauseAfter(o.failed, firstWritePause, lastWritePause, o.left(now), r.random()))
	what := []any{"output", o.Name, "error", o.err.Error(), "failures", o.failed, "next", stamp(next)}
	r.log.Log(context.Background(), o.telling.level(slog.LevelError, o.failed, o.err), "cannot write", append(what, adviceOf(o.err)...)...)
	r.queue.set(&o.task, next)
}

// Once asks for every account once, and writes every output that something came for.
// The errors name what they are about.
func (r *Refresher) Once(ctx context.Context) []error {
	r.mutex.Lock()
	r.asking, r.writing = ctx, ctx
	accounts, outputs := r.accounts, r.outputs
	r.mutex.Unlock()
	places := make(chan struct{}, r.parallel)
	var all sync.WaitGroup
	each := func(do func()) {
		places <- struct{}{}
		all.Go(func() {
			do()
			<-places
		})
	}
	for _, a := range accounts {
		if a.outputs != nil {
			each(func() { r.ask(a) })
		}
	}
	all.Wait()
	if ctx.Err() != nil {
		return []error{context.Cause(ctx)}
	}
	for _, o := range outputs {
		if slices.ContainsFunc(o.accounts, func(a *account) bool { return a.serial != 0 }) {
			each(func() { r.write(o) })
		}
	}
	all.Wait()
	var errs []error
	for _, a := range accounts {
		if a.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", a.Name, a.err))
		}
	}
	for _, o := range outputs {
		if o.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", o.Name, o.err))
		}
	}
	return errs
}

// stamp is a time as logs have it.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

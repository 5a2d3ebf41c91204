package refresh

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
)

// A span is a time from one moment up to another, counted from the beginning.
type span struct{ from, to time.Duration }

func within(spans []span, at time.Duration) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return at >= s.from && at < s.to })
}

// end is when the span ends that holds a moment.
func end(spans []span, at time.Duration) time.Duration {
	for _, s := range spans {
		if at >= s.from && at < s.to {
			return s.to
		}
	}
	return at
}

// A cloud gives out tokens for one registry, on good days.
type cloud struct {
	registry string
	begun    time.Time
	life     time.Duration // of tokens; 0 for passwords without an end
	refuses  []span        // answers with an error
	hangs    []span        // does not answer
	oldKey   func() bool   // the caller has a key that is good no more; nil for never
	password func(n int) string

	mutex    sync.Mutex
	requests int
	failing  bool // refuses whatever the time is
}

func (c *cloud) fail(yes bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.failing = yes
}

var errRefused = errors.New("the server answers 503")

// Generate takes a fifth of a second, as a server does.
func (c *cloud) Generate(ctx context.Context) (generators.Result, error) {
	c.mutex.Lock()
	c.requests++
	n, failing := c.requests, c.failing
	c.mutex.Unlock()
	wait := func(d time.Duration) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
			return nil
		}
	}
	at := time.Since(c.begun)
	if within(c.hangs, at) {
		if err := wait(end(c.hangs, at) - at); err != nil {
			return generators.Result{}, err
		}
		return generators.Result{}, errors.New("the connection was reset")
	}
	if err := wait(200 * time.Millisecond); err != nil {
		return generators.Result{}, err
	}
	if failing || within(c.refuses, at) || c.oldKey != nil && c.oldKey() {
		return generators.Result{}, errRefused
	}
	password := fmt.Sprintf("token %d of %s", n, c.registry)
	if c.password != nil {
		password = c.password(n)
	}
	e := dockercfg.Entry{Registry: c.registry, Username: "AWS", Password: dockercfg.NewSecret(password)}
	if c.life > 0 {
		e.Expires = time.Now().Add(c.life)
	}
	return generators.Result{Entries: []dockercfg.Entry{e}}, nil
}

// asked is how often it was asked so far.
func (c *cloud) asked() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.requests
}

// A disk holds one file, in memory.
type disk struct {
	begun time.Time
	full  []span // no byte can be written
	fixed []span // it is read-only
	hangs []span // a write does not return before the context is done

	mutex   sync.Mutex
	content Content
	history []state
	writes  int
}

// held is what it holds now.
func (d *disk) held() Content {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.content
}

// count is how often it was written.
func (d *disk) count() int {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.writes
}

// A state is what the file held from a moment on.
type state struct {
	at      time.Time
	empty   bool
	expires time.Time // of the first entry to die; zero for never
}

// Write implements Target: atomically.
func (d *disk) Write(ctx context.Context, c Content) (bool, error) {
	at := time.Since(d.begun)
	switch {
	case within(d.full, at):
		return false, syscall.ENOSPC
	case within(d.fixed, at):
		return false, syscall.EROFS
	case within(d.hangs, at):
		<-ctx.Done()
		return false, ctx.Err()
	}
	changed := !slices.Equal(c.Entries, d.held().Entries)
	d.put(c)
	return changed, nil
}

func (d *disk) put(c Content) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	s := state{at: time.Now()}
	for _, e := range c.Entries {
		if !e.Expires.IsZero() && (s.expires.IsZero() || e.Expires.Before(s.expires)) {
			s.expires = e.Expires
		}
	}
	d.content = c
	d.history = append(d.history, s)
	d.writes++
}

// overwrite writes in place, as programs do that open a file for writing: on a full
// disk what was there is gone too.
func (d *disk) overwrite(c Content) error {
	at := time.Since(d.begun)
	switch {
	case within(d.fixed, at):
		return syscall.EROFS
	case within(d.full, at):
		d.history = append(d.history, state{at: time.Now(), empty: true})
		return syscall.ENOSPC
	}
	d.put(c)
	return nil
}

// dead is for how long the file held no living token, from its first one on.
func (d *disk) dead() (total time.Duration) {
	for i, s := range d.history {
		until := time.Now()
		if i+1 < len(d.history) {
			until = d.history[i+1].at
		}
		from := s.at
		if !s.empty {
			from = s.expires
		}
		if (s.empty || !s.expires.IsZero()) && until.After(from) {
			total += until.Sub(from)
		}
	}
	return total
}

// account makes one that asks the cloud.
func (c *cloud) account(name string) Account {
	return Account{Name: name, Registry: c.registry, Version: "1", Source: c}
}

// single makes a plan of one account for each cloud, with an output each.
func single(interval time.Duration, clouds []*cloud, disks []*disk) Plan {
	p := Plan{Interval: interval}
	for i, c := range clouds {
		name := fmt.Sprintf("a%d", i)
		p.Accounts = append(p.Accounts, c.account(name))
		p.Outputs = append(p.Outputs, Output{Name: "/passwords/" + name, Version: "1", Accounts: []string{name}, Target: disks[i]})
	}
	return p
}

// run runs a Refresher until the function returns.
func run(t *testing.T, r *Refresher, p Plan, during func()) {
	t.Helper()
	if err := r.Apply(p); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var ended sync.WaitGroup
	ended.Go(func() { r.Run(ctx) })
	during()
	cancel()
	ended.Wait()
}

// sleep lets time go by, and all that is due be done.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

package refresh

import (
	"bytes"
	"context"
	"time"
)

// Config is where plans come from.
type Config struct {
	// Read gives what is in the configuration now. It is called every few seconds.
	Read func() ([]byte, error)
	// Plan makes a plan of what was read. It is called where that has changed.
	Plan func(ctx context.Context, data []byte) (Plan, error)
}

const (
	// pollEvery is how often the configuration is read. Kubernetes changes the files
	// of a ConfigMap by way of links, of which no system tells reliably.
	pollEvery = 5 * time.Second
	// planAgain is how often a configuration that does not do is tried again: what
	// it names may come to exist.
	planAgain = time.Minute
)

// configState is what is known about the configuration.
type configState struct {
	reloads, failures int
	broken            time.Time // since when it does not do; zero if it does
	err               string    // of it
	last              time.Time // when a plan was made last
}

// Follow reads the configuration again and again, and applies it when it changed, until
// the context is done. Where somebody asks, it is applied in any case, and what fails
// is tried again at once. One that does not do changes
// nothing: the plan before stands. Data is what was read before.
func (r *Refresher) Follow(ctx context.Context, c Config, data []byte, asked <-chan struct{}) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	r.mutex.Lock()
	r.config.last = r.wall()
	r.mutex.Unlock()
	tried := time.Now() // to make a plan
	for {
		forced := false
		select {
		case <-ctx.Done():
			return
		case <-asked:
			forced = true
		case <-ticker.C:
		}
		read, err := c.Read()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r.configFailed(err)
			data = nil // whatever comes next is new
			continue
		}
		if bytes.Equal(read, data) && !forced && (!r.configBroken() || time.Since(tried) < planAgain) {
			continue
		}
		data, tried = read, time.Now()
		plan, err := c.Plan(ctx, data)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = r.Apply(plan)
		}
		if err != nil {
			r.configFailed(err)
			continue
		}
		r.configApplied()
		if forced {
			r.Retry()
		}
	}
}

// Retry has all that fails tried again now, and not when its pause is over.
func (r *Refresher) Retry() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	now := r.wall()
	for _, a := range r.accounts {
		if a.failed > 0 && a.index >= 0 {
			r.queue.set(&a.task, now)
		}
	}
	for _, o := range r.outputs {
		if o.failed > 0 && o.index >= 0 {
			r.queue.set(&o.task, now)
		}
	}
	r.poke()
}

func (r *Refresher) configBroken() bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return !r.config.broken.IsZero()
}

// configFailed notes that the configuration does not do, and tells it once.
func (r *Refresher) configFailed(err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if !r.config.broken.IsZero() && r.config.err == err.Error() {
		return
	}
	if r.config.broken.IsZero() {
		r.config.broken = r.wall()
	}
	r.config.failures++
	r.config.err = err.Error()
	r.log.Error("the configuration cannot be used; the one before stands", "error", r.config.err)
}

func (r *Refresher) configApplied() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.config.reloads++
	r.config.last, r.config.broken, r.config.err = r.wall(), time.Time{}, ""
	r.log.Info("the configuration was read again", "registries", len(r.accounts), "outputs", len(r.outputs))
}

package refresh

import "time"

const (
	// grace is how long a credential may be missing at the beginning, and an output
	// lack what is at hand, before that is called unhealthy.
	grace = 2 * time.Minute
	// dying is the last part of a life, in which a credential ought to have been
	// replaced long ago: a tenth.
	dying = 10
)

// What can be wrong with a credential in an output.
const (
	expired      = "expired"
	expiresSoon  = "expires soon"
	neverHad     = "never had"
	neverWritten = "not written"
)

// A Problem is what is wrong with the credential of a registry in an output.
type Problem struct {
	Account  string    `json:"account"`
	Registry string    `json:"registry"`
	Output   string    `json:"output"`
	Problem  string    `json:"problem"`
	Since    time.Time `json:"since"`
}

// Health gives what is wrong now: what the outputs hold is dead or about to die, was
// never had, or cannot be written. Nothing is wrong while a try fails, as long as
// what was written is alive.
func (r *Refresher) Health() []Problem {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.problems(r.wall())
}

func (r *Refresher) problems(now time.Time) (problems []Problem) {
	for _, o := range r.outputs {
		for i, a := range o.accounts {
			if what, since := o.problem(o.holds[i], a, now); what != "" {
				problems = append(problems, Problem{a.Name, a.Registry, o.Name, what, since.UTC().Truncate(time.Second)})
			}
		}
	}
	return problems
}

// problem says what is wrong with what an output holds of an account, and since when.
func (o *output) problem(h hold, a *account, now time.Time) (what string, since time.Time) {
	mortal := h.serial != 0 && !h.expires.IsZero()
	soon := h.expires.Add(-h.expires.Sub(h.came) / dying)
	switch {
	case mortal && !now.Before(h.expires):
		return expired, h.expires
	case mortal && !now.Before(soon):
		return expiresSoon, soon
	case a.serial == 0 && now.Sub(a.added) > grace:
		return neverHad, a.added
	case h.serial != a.serial && !o.stale.IsZero() && now.Sub(o.stale) > grace && !mortal:
		return neverWritten, o.stale
	}
	return "", time.Time{}
}

// Ready reports whether all outputs of a plan were written once, whole.
func (r *Refresher) Ready() bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.ready
}

// logHealth tells when health has changed, to the tick.
func (r *Refresher) logHealth(now time.Time) {
	if since := now.Sub(r.looked); since >= 0 && since < tick {
		return
	}
	r.looked = now
	problems := r.problems(now)
	switch healthy := problems == nil; {
	case healthy && !r.healthy:
		r.log.Info("healthy again")
	case !healthy && r.healthy:
		p := problems[0]
		r.log.Error("unhealthy", "problem", p.Problem, "account", p.Account, "registry", p.Registry, "output", p.Output, "since", stamp(p.Since), "more", len(problems)-1)
	}
	r.healthy = problems == nil
}

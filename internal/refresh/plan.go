package refresh

import (
	"context"
	"fmt"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
)

// A Plan is what a Refresher has to do.
type Plan struct {
	// Interval is after how long a credential is asked for again at the latest. 0
	// means at half of its life, and DefaultInterval for one that has no end.
	Interval time.Duration
	Accounts []Account
	Outputs  []Output
}

// DefaultInterval is after how long credentials without an end, such as passwords
// in files, are looked at again.
const DefaultInterval = 15 * time.Minute

// DefaultTimeout is how long one try may take.
const DefaultTimeout = 30 * time.Second

// An Account is whom to ask for the credential of a registry.
type Account struct {
	Name     string // unique in the plan
	Registry string // in normal form; for people
	// Version is another one if anything in the account's configuration changed,
	// secrets too. Of two plans the same account with the same Version is not asked
	// again because of the second.
	Version string
	Source  generators.Source
	Timeout time.Duration // of one try; 0 means DefaultTimeout
}

// An Output is where credentials go.
type Output struct {
	Name     string   // unique in the plan; for people
	Version  string   // as that of an account
	Accounts []string // names; at least one
	Target   Target
}

// A Target writes credentials. It is used by one goroutine at a time.
type Target interface {
	// Write brings the target up to the content and says whether it had to change
	// anything. On an error the target is as it was. It returns soon after the
	// context is done.
	Write(ctx context.Context, c Content) (changed bool, err error)
}

// A Looker is a Target that others can take away what was written.
type Looker interface {
	// Lost reports whether what was written last is gone. What somebody else has
	// written in its place is not: it may be alive, as that of a second process with
	// the same plan. It may be called while Write runs, and may then be wrong.
	Lost() bool
}

// Content is what a target is to hold.
type Content struct {
	Entries []dockercfg.Entry // in the order of the output's accounts
	// Missing are registries, in normal form, that the target is for and that there
	// is no credential for yet. What the target has for them should stay: it may
	// be alive, from before this process began.
	Missing []string
	// Gone are registries that were written before, and that the target is not for
	// any more.
	Gone []string
}

// check refuses a plan that cannot be followed.
func (p *Plan) check() error {
	registries := make(map[string]string, len(p.Accounts)) // by account
	for _, a := range p.Accounts {
		switch _, twice := registries[a.Name]; {
		case a.Name == "":
			return fmt.Errorf("refresh: an account has no name")
		case twice:
			return fmt.Errorf("refresh: there are two accounts %q", a.Name)
		case a.Source == nil:
			return fmt.Errorf("refresh: account %q has no source", a.Name)
		}
		registries[a.Name] = a.Registry
	}
	names := make(map[string]bool, len(p.Outputs))
	for _, o := range p.Outputs {
		switch {
		case o.Name == "":
			return fmt.Errorf("refresh: an output has no name")
		case names[o.Name]:
			return fmt.Errorf("refresh: there are two outputs %q", o.Name)
		case len(o.Accounts) == 0:
			return fmt.Errorf("refresh: output %q has no registries", o.Name)
		case o.Target == nil:
			return fmt.Errorf("refresh: output %q has no target", o.Name)
		}
		names[o.Name] = true
		seen := make(map[string]string, len(o.Accounts)) // accounts by registry
		for _, name := range o.Accounts {
			registry, known := registries[name]
			other := seen[registry]
			switch {
			case !known:
				return fmt.Errorf("refresh: output %q: there is no account %q", o.Name, name)
			case other == name:
				return fmt.Errorf("refresh: output %q names account %q twice", o.Name, name)
			case other != "":
				return fmt.Errorf("refresh: output %q: the accounts %q and %q are both for %s, and a dockercfg holds one credential for a registry", o.Name, other, name, registry)
			}
			seen[registry] = name
		}
	}
	return nil
}

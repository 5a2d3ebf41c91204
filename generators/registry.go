package generators

import (
	"fmt"
	"slices"
	"strings"
)

// Registry is the set of backends of a program. It does not change and is safe
// for concurrent use.
type Registry struct {
	backends []Backend
}

// NewRegistry checks backends and makes a registry of them. It refuses names
// that CheckName refuses, names given twice, a backend that cannot be opened, and
// variables without a name or described twice in one backend.
func NewRegistry(backends ...Backend) (*Registry, error) {
	names := make(map[string]bool)
	for _, b := range backends {
		if err := CheckName(b.Name); err != nil {
			return nil, err
		}
		if names[b.Name] {
			return nil, fmt.Errorf("generators: there are two backends named %q", b.Name)
		}
		names[b.Name] = true
		if b.Open == nil {
			return nil, fmt.Errorf("generators: backend %q has no Open", b.Name)
		}
		variables := make(map[string]bool)
		for _, v := range b.Variables {
			if v.Presence && v.Aliases != nil {
				return nil, fmt.Errorf("generators: backend %q: the presence of %s counts, and it has aliases", b.Name, v.Name)
			}
			for _, name := range append([]string{v.Name}, v.Aliases...) {
				if name == "" || strings.ContainsAny(name, "= \t\r\n\x00") {
					return nil, fmt.Errorf("generators: backend %q has a variable named %q", b.Name, name)
				}
				if variables[name] {
					return nil, fmt.Errorf("generators: backend %q describes %s twice", b.Name, name)
				}
				variables[name] = true
			}
		}
	}
	return &Registry{slices.Clone(backends)}, nil
}

// All gives the backends in the order in which NewRegistry got them.
func (r *Registry) All() []Backend { return slices.Clone(r.backends) }

// Lookup gives the backend of a name and whether there is one.
func (r *Registry) Lookup(name string) (Backend, bool) {
	for _, b := range r.backends {
		if b.Name == name {
			return b, true
		}
	}
	return Backend{}, false
}

// Selection is a backend and the variable that selected it.
type Selection struct {
	Backend  Backend
	Variable string
}

// Select gives the backends that env calls for: those with a variable that
// Selects and is set under its first name, or AnyName, not to the empty text unless
// its Presence counts; the first such variable is named. Whether their other
// variables are there is for Open to say.
func (r *Registry) Select(env Env) []Selection {
	var selections []Selection
	for _, b := range r.backends {
		for _, v := range b.Variables {
			if !v.AnyName {
				v.Aliases = nil
			}
			if v.Selects && env.IsSet(v) {
				name := v.Name
				if !v.Presence {
					name = env.nameOf(v)
				}
				selections = append(selections, Selection{Backend: b, Variable: name})
				break
			}
		}
	}
	return selections
}

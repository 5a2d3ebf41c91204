package program

import (
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
)

// protocolVersion is the one version there is. A program that finds another one in
// a request should fail.
const protocolVersion = 1

// A description is what a program prints for "describe". Members that are not
// known are passed over.
type description struct {
	Version   int        `json:"version"`
	Summary   string     `json:"summary"`
	LongLived string     `json:"longLived"`
	Variables []variable `json:"variables"`
}

type variable struct {
	Name     string   `json:"name"`
	Aliases  []string `json:"aliases"`
	Summary  string   `json:"summary"`
	Required bool     `json:"required"`
	Secret   bool     `json:"secret"`
	Default  string   `json:"default"`
}

// A request is what a program reads for "generate".
type request struct {
	Version   int               `json:"version"`
	Variables map[string]string `json:"variables"` // described, and set or with a default
	Options   options           `json:"options"`
}

type options struct {
	Registries []string `json:"registries"` // asked for, in normal form; empty for all
}

// A response is what a program prints for "generate".
type response struct {
	Entries []entry  `json:"entries"`
	Notices []string `json:"notices"`
}

type entry struct {
	Registry      string    `json:"registry"`
	Username      string    `json:"username"`
	Password      string    `json:"password"`
	IdentityToken string    `json:"identityToken"`
	RegistryToken string    `json:"registryToken"`
	Expires       time.Time `json:"expires"` // RFC 3339
}

func (e entry) entry() dockercfg.Entry {
	return dockercfg.Entry{
		Registry: e.Registry, Username: e.Username, Expires: e.Expires,
		Password: dockercfg.NewSecret(e.Password), IdentityToken: dockercfg.NewSecret(e.IdentityToken),
		RegistryToken: dockercfg.NewSecret(e.RegistryToken),
	}
}

func (d description) variables() []generators.Variable {
	var all []generators.Variable
	for _, v := range d.Variables {
		all = append(all, generators.Variable{
			Name: v.Name, Aliases: v.Aliases, Summary: v.Summary,
			Required: v.Required, Secret: v.Secret, Default: v.Default,
		})
	}
	return all
}

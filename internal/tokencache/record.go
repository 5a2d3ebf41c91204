package tokencache

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
)

// formatVersion is that of a record. It also goes up when a backend makes other entries
// of the same variables.
const formatVersion = 1

// A record is what a file holds, as JSON inside of the encryption.
type record struct {
	Version int       `json:"version"`
	Name    string    `json:"name"` // of the file
	Made    time.Time `json:"made"`
	Entries []kept    `json:"entries"`
	Notices []string  `json:"notices,omitempty"`
}

// kept is a dockercfg.Entry. What may be any bytes is base64 in JSON.
type kept struct {
	Registry      string    `json:"registry"`
	Username      []byte    `json:"username,omitempty"`
	Password      []byte    `json:"password,omitempty"`
	IdentityToken string    `json:"identityToken,omitempty"`
	RegistryToken string    `json:"registryToken,omitempty"`
	Email         string    `json:"email,omitempty"`
	Expires       time.Time `json:"expires"`
}

func newRecord(name string, made time.Time, result generators.Result) *record {
	r := &record{Version: formatVersion, Name: name, Made: made.Round(0), Notices: result.Notices}
	for _, e := range result.Entries {
		r.Entries = append(r.Entries, kept{
			Registry: e.Registry, Username: []byte(e.Username), Email: e.Email, Expires: e.Expires,
			Password: []byte(e.Password.Reveal()), IdentityToken: e.IdentityToken.Reveal(), RegistryToken: e.RegistryToken.Reveal(),
		})
	}
	return r
}

func (r *record) encode() ([]byte, error) { return json.Marshal(r) }

// parseRecord reads the record of a file of that name. Its errors quote nothing of it.
func parseRecord(text []byte, name string) (*record, error) {
	r := new(record)
	switch err := json.Unmarshal(text, r); {
	case err != nil:
		return nil, errors.New("it is not JSON")
	case r.Version != formatVersion:
		return nil, errors.New("it is of another version of jet")
	case r.Name != name:
		return nil, errors.New("it is another file's")
	case len(r.Entries) == 0:
		return nil, errors.New("it has no entries")
	}
	for i, e := range r.result().Entries {
		if err := e.Validate(); err != nil {
			return nil, fmt.Errorf("entry %d cannot be used", i+1)
		}
		if e.Expires.IsZero() {
			return nil, errors.New("an entry does not tell when it expires")
		}
	}
	return r, nil
}

func (r *record) result() generators.Result {
	result := generators.Result{Notices: r.Notices}
	for _, e := range r.Entries {
		result.Entries = append(result.Entries, dockercfg.Entry{
			Registry: e.Registry, Username: string(e.Username), Email: e.Email, Expires: e.Expires,
			Password: dockercfg.NewSecret(string(e.Password)), IdentityToken: dockercfg.NewSecret(e.IdentityToken),
			RegistryToken: dockercfg.NewSecret(e.RegistryToken),
		})
	}
	return result
}

// good reports whether all entries have over half of their lives left, and not less
// than the time that somebody wants. By a clock that was set back nothing is good.
func (r *record) good(now time.Time, least time.Duration) bool {
	age := now.Sub(r.Made)
	if age < 0 || age >= maxAge {
		return false
	}
	for _, e := range r.Entries {
		life, left := e.Expires.Sub(r.Made), e.Expires.Sub(now)
		if life <= 0 || left <= life/2 || left < least {
			return false
		}
	}
	return true
}

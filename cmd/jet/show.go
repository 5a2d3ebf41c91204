package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/expiry"
)

func (p *program) showCommand() *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "List the credentials in a file, without the secrets.",
		ArgsUsage: "FILE",
		UsageText: `jet dockercfg show dockercfg.encrypted
jet dockercfg show ~/.docker/config.json --json`,
		Description: `Tells registries, users, what kind of secret there is, when it expires if it says so itself, and what is kept elsewhere: in a credential store. "-" is stdin.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "write one JSON object"},
			keyPathFlag(), requireFlag(),
		},
		Action: p.show,
	}
}

// A listing is what is shown of a file. It holds no secrets.
type listing struct {
	Form        string             `json:"form"`
	Encryption  string             `json:"encryption,omitempty"` // the format, "" for none
	Credentials []listedCredential `json:"credentials"`
	Elsewhere   []listedStore      `json:"elsewhere"`
}

type listedCredential struct {
	Registry string         `json:"registry"`
	Username string         `json:"username,omitempty"`
	Secrets  []listedSecret `json:"secrets"`
}

type listedSecret struct {
	Kind    string     `json:"kind"`
	Expires *time.Time `json:"expires,omitempty"`
}

// A listedStore is where a credential is that the file itself does not hold.
type listedStore struct {
	Registry string `json:"registry,omitempty"` // "" for all others
	Helper   string `json:"helper,omitempty"`   // docker-credential-HELPER; "" for an entry that is empty
	Member   string `json:"member"`             // that says so
}

func (p *program) show(c *cli.Context) error {
	if err := wantPaths(c, 1); err != nil {
		return err
	}
	r, err := p.newReader(c)
	if err != nil {
		return err
	}
	f, err := r.dockercfg(c.Context, c.Args().First())
	if err != nil {
		return err
	}
	l := listing{Form: f.Form().String(), Credentials: []listedCredential{}}
	if f.format != 0 {
		l.Encryption = f.format.String()
	}
	for _, entry := range f.Entries() {
		l.Credentials = append(l.Credentials, listedCredential{entry.Registry, entry.Username, listSecrets(entry)})
	}
	if l.Elsewhere, err = elsewhere(f.File); err != nil {
		return fmt.Errorf("%s: %w", f.shown(), err)
	}
	if c.Bool("json") {
		encoder := json.NewEncoder(p.stdout)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(l)
	}
	how := ", not encrypted"
	if f.format != 0 {
		how = fmt.Sprintf(", encrypted as %v", f.format)
	}
	p.note("%s has the form %s%s", f.shown(), l.Form, how)
	return p.printListing(l, time.Now())
}

func listSecrets(entry dockercfg.Entry) (secrets []listedSecret) {
	passwordKind := "password"
	if entry.Username == keyFileUser || entry.Username == keyFileUser+"_base64" {
		passwordKind = "key file"
	}
	for _, s := range []struct {
		kind   string
		secret dockercfg.Secret
	}{{passwordKind, entry.Password}, {"identity token", entry.IdentityToken}, {"registry token", entry.RegistryToken}} {
		if s.secret == (dockercfg.Secret{}) {
			continue
		}
		listed := listedSecret{Kind: s.kind}
		if expires, ok := expiry.Of(s.secret.Reveal()); ok {
			listed.Expires = &expires
		}
		secrets = append(secrets, listed)
	}
	return secrets
}

// elsewhere tells what the file says about credentials that it does not hold.
func elsewhere(f *dockercfg.File) ([]listedStore, error) {
	form := dockercfg.Config
	if f.Form() == dockercfg.Legacy {
		form = dockercfg.Legacy
	}
	text, err := f.EncodeAs(dockercfg.Output{Form: form})
	if err != nil {
		return nil, err
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	var config struct {
		Auths       map[string]json.RawMessage
		CredsStore  string
		CredHelpers map[string]string
	}
	if form == dockercfg.Legacy {
		err = json.Unmarshal(text, &config.Auths)
	} else {
		err = json.Unmarshal(text, &config)
	}
	if err != nil {
		// What it says may quote a value.
		return nil, fail("credsStore is not a string, or credHelpers not an object of strings")
	}
	held := make(map[string]bool) // here, or listed
	for _, entry := range f.Entries() {
		held[entry.Registry] = true
	}
	stores := []listedStore{}
	for _, key := range slices.Sorted(maps.Keys(config.CredHelpers)) {
		// A key that names no registry is not shown: there may be a password in it.
		if registry, err := dockercfg.NormalizeRegistry(key); err == nil && config.CredHelpers[key] != "" {
			stores = append(stores, listedStore{registry, config.CredHelpers[key], "credHelpers"})
			held[registry] = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(config.Auths)) {
		registry, err := dockercfg.NormalizeRegistry(key)
		// What a login in the browser leaves beside the credential of Docker Hub is none.
		if err != nil || held[registry] || strings.HasSuffix(key, "-token") && registry == dockercfg.DockerHub {
			continue
		}
		held[registry] = true
		if config.CredsStore != "" {
			stores = append(stores, listedStore{registry, config.CredsStore, "credsStore"})
		} else {
			stores = append(stores, listedStore{Registry: registry, Member: "auths"})
		}
	}
	if config.CredsStore != "" {
		stores = append(stores, listedStore{Helper: config.CredsStore, Member: "credsStore"})
	}
	return stores, nil
}

// printListing writes a table for people.
func (p *program) printListing(l listing, now time.Time) error {
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "REGISTRY\tUSER\tCREDENTIAL")
	for _, credential := range l.Credentials {
		var secrets []string
		for _, s := range credential.Secrets {
			text := s.Kind + " ********"
			if s.Expires != nil {
				text += ", " + expires(*s.Expires, now)
			}
			secrets = append(secrets, text)
		}
		user := credential.Username
		if user == "" {
			user = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", credential.Registry, printable(user), strings.Join(secrets, "; "))
	}
	for _, store := range l.Elsewhere {
		registry, where := store.Registry, fmt.Sprintf("in the store of docker-credential-%s (%s)", printable(store.Helper), store.Member)
		if registry == "" {
			registry = "(all others)"
		}
		if store.Helper == "" {
			where = "none: an empty entry, as a login leaves it beside a credential store"
		}
		fmt.Fprintf(w, "%s\t-\t%s\n", registry, where)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(l.Credentials)+len(l.Elsewhere) == 0 {
		p.note("there are no credentials in it")
		return nil
	}
	_, err := p.stdout.Write(table.Bytes())
	return err
}

// expires says when something ends, and how far that is from now.
func expires(at, now time.Time) string {
	when := at.Format("2006-01-02 15:04 MST")
	left := at.Sub(now)
	if left <= 0 {
		return fmt.Sprintf("expired %s, %s ago", when, span(-left))
	}
	return fmt.Sprintf("expires %s, in %s", when, span(left))
}

// span writes a duration with its largest unit.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

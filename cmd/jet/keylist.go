package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/internal/knownkeys"
	"github.com/dockercfg/jet/internal/projectkey"
	"github.com/dockercfg/jet/internal/sharedkey"
)

func (p *program) keyListCommand() *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "Show which key is in use, where it comes from, and who shares it.",
		UsageText: `jet key list
jet key list --json`,
		Description: `Shows the fingerprint of the key, never the key. It fails if there is no key, and shows all the same who shares it.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "write one JSON object"},
			keyPathFlag(),
		},
		Action: p.keyList,
	}
}

// A keyListing is what is told of the key. It does not hold it.
type keyListing struct {
	Fingerprint    string            `json:"fingerprint,omitempty"`
	Origin         string            `json:"origin,omitempty"`          // a variable or a path
	OpenedBy       string            `json:"opened_by,omitempty"`       // of a shared file: the private key; "passphrase"
	FromRepository bool              `json:"from_repository,omitempty"` // it needs to be known before it encrypts
	Remembered     []string          `json:"remembered,omitempty"`      // fingerprints, for the folder of the key
	Known          bool              `json:"known,omitempty"`           // the key is one of them
	SharedFile     string            `json:"shared_file,omitempty"`
	Passphrase     bool              `json:"passphrase,omitempty"` // the shared file is for a passphrase
	Recipients     []listedRecipient `json:"recipients,omitempty"`
	ListAltered    bool              `json:"list_altered,omitempty"` // the list of them is not as jet wrote it with this key
}

type listedRecipient struct {
	Name        string `json:"name,omitempty"`
	Kind        string `json:"kind"`
	Fingerprint string `json:"fingerprint"`
	Key         string `json:"key"`
}

func (p *program) keyList(c *cli.Context) error {
	if err := wantPaths(c, 0); err != nil {
		return err
	}
	key, missing := p.findKey(c.Context, c.String("key-path"))
	if err := c.Context.Err(); err != nil {
		return err
	}
	var l keyListing
	if missing == nil {
		l.Fingerprint, l.Origin = key.Key.Fingerprint(), key.Origin
		if l.OpenedBy = key.OpenedBy; key.Shared && l.OpenedBy == "" {
			l.OpenedBy = "passphrase"
		}
		var err error
		if l.FromRepository, err = key.FromRepository(c.Context); err != nil {
			return err
		}
		if err := l.remembered(key); err != nil {
			return err
		}
	}
	shared, err := loadShared(key)
	if err != nil {
		return errors.Join(missing, err)
	}
	if shared.file != nil {
		l.SharedFile, l.Passphrase = shared.path, shared.hasPassphrase()
	}
	for _, r := range shared.list.Recipients {
		l.Recipients = append(l.Recipients, listedRecipient{r.Name, r.Kind, r.Fingerprint(), r.Key})
	}
	l.ListAltered = missing == nil && shared.listed && errors.Is(shared.list.Check(key.Key), sharedkey.ErrAltered)
	if c.Bool("json") {
		encoder := json.NewEncoder(p.stdout)
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(l)
	} else {
		err = p.printKeyListing(l, shared)
	}
	if l.ListAltered {
		p.warn("%q: %v", shared.listPath, sharedkey.ErrAltered)
	}
	if err == nil {
		err = missing
	}
	return err
}

// remembered fills in what the user's configuration remembers for the key.
func (l *keyListing) remembered(key projectkey.Found) error {
	dir := ""
	if key.Path != "" {
		dir = filepath.Dir(key.Path)
	}
	tree, folder, err := knownkeys.Place(dir)
	if err != nil {
		return err
	}
	record, err := knownkeys.Load(tree)
	if err != nil {
		return err
	}
	l.Remembered = record.Fingerprints(folder)
	l.Known = record.Knows(folder, l.Fingerprint)
	return nil
}

func (p *program) printKeyListing(l keyListing, shared *sharedFile) error {
	w := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
	row := func(name, value string) { fmt.Fprintf(w, "%s\t%s\n", name, printable(value)) }
	if l.Fingerprint != "" {
		row("fingerprint", l.Fingerprint)
		from := l.Origin
		switch {
		case l.OpenedBy == "passphrase":
			from += ", opened with a passphrase"
		case l.OpenedBy != "":
			from += ", opened with " + l.OpenedBy
		}
		row("from", from)
		switch {
		case l.Known:
			row("remembered", "yes")
		case l.Remembered != nil:
			row("remembered", "no, but "+strings.Join(l.Remembered, " and "))
		case l.FromRepository:
			row("remembered", "no, so that it has to open what is there before it encrypts")
		}
	}
	switch {
	case l.Passphrase:
		row("protected", l.SharedFile+", with a passphrase")
	case l.SharedFile != "" && !shared.listed:
		row("shared", l.SharedFile+", with whom is not known: there is no "+shared.listPath)
	case l.Recipients != nil:
		row("shared", shared.path)
		for _, r := range l.Recipients {
			fmt.Fprintf(w, "  %s\t%s\t%s\n", printable(r.Name), r.Kind, r.Fingerprint)
		}
	}
	return w.Flush()
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/content"
	"github.com/dockercfg/jet/internal/linediff"
)

func (p *program) diffCommand() *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "Tell which names two files, or two versions of one, do not have alike.",
		ArgsUsage: "FILE [FILE]",
		UsageText: `jet diff app.env.encrypted
jet diff app.env.encrypted --cached
jet diff app.env.encrypted --rev v1.2 --show-values
jet diff staging.env.encrypted production.env.encrypted`,
		Description: `Two files are compared with each other, encrypted or not; "-" is stdin. One file is compared with what it is in git: in the last commit, or in the one that --rev names. Variables, registries, members of JSON and the like are compared by name; of other texts the lines are counted. Values are not shown without --show-values. It exits with 0 if what is in both is the same, with 1 if not.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "rev", Usage: "compare with the `COMMIT`, a branch or tag, in place of HEAD"},
			&cli.BoolFlag{Name: "cached", Usage: "take what is staged in place of the file itself"},
			&cli.BoolFlag{Name: "show-values", Usage: "show what the values were and are"},
			&cli.BoolFlag{Name: "json", Usage: "write one JSON object"},
			keyPathFlag(), requireFlag(),
		},
		Action: p.diff,
	}
}

// A snapshot is one of two texts that are compared.
type snapshot struct {
	name    string // for people
	path    string // of its file
	absent  bool   // there is no such file in that place
	raw     []byte // as it is kept
	format  crypto.Format
	former  bool   // it is encrypted with the key from before the last rotation
	text    []byte // decrypted
	content *content.Content
}

func (p *program) diff(c *cli.Context) error {
	r, err := p.newReader(c)
	if err != nil {
		return err
	}
	r.past = true
	old, new, err := p.snapshots(c)
	if err != nil {
		return err
	}
	d := &difference{Old: described{File: old.name, Absent: old.absent}, New: described{File: new.name, Absent: new.absent}, Changes: []listedChange{}}
	// What is the same to the byte needs no key.
	if d.Equal = old.absent == new.absent && bytes.Equal(old.raw, new.raw); !d.Equal {
		for _, v := range []*snapshot{old, new} {
			if err := r.open(c.Context, v); err != nil {
				return err
			}
		}
		d.compare(old, new, c.Bool("show-values"))
	}
	if c.Bool("json") {
		encoder := json.NewEncoder(p.stdout)
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(d)
	} else {
		err = p.printDifference(d, c.Bool("show-values"))
	}
	if err == nil && !d.Equal {
		err = &ending{code: exitFailed}
	}
	return err
}

// snapshots gives the two texts that a command line is about, as they are kept.
func (p *program) snapshots(c *cli.Context) (old, new *snapshot, err error) {
	if err := wantPaths(c, 1); c.NArg() != 2 && err != nil {
		return nil, nil, err
	}
	first, second := c.Args().Get(0), c.Args().Get(1)
	if c.NArg() == 2 {
		switch {
		case c.IsSet("rev") || c.Bool("cached"):
			return nil, nil, misuse("--rev and --cached are for one file, and there are two").hint(usageOf(c.Command.HelpName, c.Command))
		case first == "" || second == "":
			return nil, nil, misuse("%s: FILE is empty", c.Command.HelpName).hint(usageOf(c.Command.HelpName, c.Command))
		case first == "-" && second == "-":
			return nil, nil, misuse("stdin can be read once, and \"-\" is given twice")
		}
		if old, err = p.fileSnapshot(c.Context, first); err == nil {
			new, err = p.fileSnapshot(c.Context, second)
		}
		return old, new, err
	}
	if first == "-" {
		return nil, nil, misuse("stdin is in no commit to be compared with").hint(usageOf(c.Command.HelpName, c.Command))
	}
	repository := blobs{first}
	if old, err = repository.committed(c.Context, c.String("rev")); err != nil {
		return nil, nil, err
	}
	if c.Bool("cached") {
		new, err = repository.staged(c.Context)
	} else {
		new, err = p.fileSnapshot(c.Context, first)
		if errors.Is(err, fs.ErrNotExist) && !old.absent {
			new, err = &snapshot{name: first, path: first, absent: true}, nil
		}
	}
	if err == nil && old.absent && new.absent {
		err = fail("%q is neither in %s nor staged", first, repository.revision(c.String("rev")))
	}
	return old, new, err
}

// fileSnapshot reads a file, "-" for stdin.
func (p *program) fileSnapshot(ctx context.Context, name string) (*snapshot, error) {
	raw, err := p.readWhole(ctx, name, "file that can be compared")
	return &snapshot{name: name, path: name, raw: raw}, err
}

// open decrypts a snapshot, if it is encrypted, and looks into it.
func (r *reader) open(ctx context.Context, v *snapshot) (err error) {
	v.text, v.format, err = r.openData(ctx, v.path, v.raw)
	switch {
	case err == nil:
		v.former = r.former
		v.content = content.Parse(v.text, v.path)
	case v.name != v.path:
		err = fmt.Errorf("%s: %w", v.name, err)
	}
	return err
}

// A difference is what is told of two snapshots.
type difference struct {
	Equal        bool           `json:"equal"` // what is in them, however it is encrypted
	Old          described      `json:"old"`
	New          described      `json:"new"`
	Changes      []listedChange `json:"changes"`
	LinesAdded   int            `json:"lines_added,omitempty"` // of texts that have no names in them
	LinesRemoved int            `json:"lines_removed,omitempty"`

	lines []string // with values, for people
}

type described struct {
	File       string `json:"file"`
	Absent     bool   `json:"absent,omitempty"`
	Encryption string `json:"encryption,omitempty"` // the format, "" for none
	Kind       string `json:"kind,omitempty"`
}

type listedChange struct {
	Change string  `json:"change"` // added, removed, changed
	Name   string  `json:"name"`
	Hidden bool    `json:"hidden,omitempty"` // the name is not shown, since it may be a piece of a secret
	Field  string  `json:"field,omitempty"`
	Old    *string `json:"old,omitempty"` // with values only
	New    *string `json:"new,omitempty"`
}

func (d *difference) compare(old, new *snapshot, values bool) {
	for _, side := range []struct {
		*snapshot
		*described
	}{{old, &d.Old}, {new, &d.New}} {
		if side.format != 0 {
			side.Encryption = side.format.String()
		}
		if !side.absent {
			side.Kind = side.content.Kind.String()
		}
	}
	d.Equal = old.absent == new.absent && bytes.Equal(old.text, new.text)
	for _, change := range content.Compare(old.content, new.content) {
		listed := listedChange{Change: change.Kind.String(), Name: change.Item.Name, Hidden: change.Item.Name == "", Field: change.Item.Field}
		if values {
			was, is := change.Old.Reveal(), change.New.Reveal()
			if change.Kind != content.Added {
				listed.Old = &was
			}
			if change.Kind != content.Removed {
				listed.New = &is
			}
			listed.Name, listed.Hidden = change.Item.ID.Reveal(), false
		}
		d.Changes = append(d.Changes, listed)
	}
	if len(old.content.Items)+len(new.content.Items) == 0 && old.content.Kind != content.Binary && new.content.Kind != content.Binary {
		d.compareLines(strings.SplitAfter(string(old.text), "\n"), strings.SplitAfter(string(new.text), "\n"))
	}
}

func (d *difference) compareLines(a, b []string) {
	a, b = withoutEmptyEnd(a), withoutEmptyEnd(b)
	fromA, fromB := 0, 0
	for _, run := range append(linediff.Match(a, b), linediff.Run{A: len(a), B: len(b)}) {
		for _, line := range a[fromA:run.A] {
			d.LinesRemoved++
			d.lines = append(d.lines, "-"+strings.TrimSuffix(line, "\n"))
		}
		for _, line := range b[fromB:run.B] {
			d.LinesAdded++
			d.lines = append(d.lines, "+"+strings.TrimSuffix(line, "\n"))
		}
		fromA, fromB = run.A+run.N, run.B+run.N
	}
}

// withoutEmptyEnd leaves out what follows the last line end, if that is nothing.
func withoutEmptyEnd(lines []string) []string {
	if last := len(lines) - 1; lines[last] == "" {
		return lines[:last]
	}
	return lines
}

// printDifference tells people about it.
func (p *program) printDifference(d *difference, values bool) error {
	var b strings.Builder
	for _, c := range d.Changes {
		item := content.Item{Name: c.Name, Field: c.Field}
		fmt.Fprintf(&b, "%-7s  %s", c.Change, printable(item.String()))
		if c.Old != nil {
			b.WriteString("  " + strconv.Quote(*c.Old))
		}
		if c.Old != nil && c.New != nil {
			b.WriteString(" -> ")
		} else if c.New != nil {
			b.WriteString("  ")
		}
		if c.New != nil {
			b.WriteString(strconv.Quote(*c.New))
		}
		b.WriteByte('\n')
	}
	if values {
		for _, line := range d.lines {
			b.WriteString(printable(line) + "\n")
		}
	} else if d.lines != nil {
		fmt.Fprintf(&b, "%d lines removed, %d lines added\n", d.LinesRemoved, d.LinesAdded)
	}
	switch old, new := d.Old, d.New; {
	case d.Equal && old.Encryption != new.Encryption:
		p.note("what is in them is the same; %s, and %s", old.encryption(), new.encryption())
	case d.Equal:
	case old.Absent:
		p.note("%s does not exist", display(old.File, "stdin"))
	case new.Absent:
		p.note("%s does not exist any more", display(new.File, "stdin"))
	case old.Kind != new.Kind:
		p.note("%s (%s) and %s (%s) are of different kinds", display(old.File, "stdin"), old.Kind, display(new.File, "stdin"), new.Kind)
	case b.Len() == 0 && old.Kind == content.Binary.String():
		p.note("binary data, and not the same")
	case b.Len() == 0:
		p.note("names and values are the same; comments, order or layout are not")
	}
	_, err := io.WriteString(p.stdout, b.String())
	return err
}

func (d described) encryption() string {
	if d.Encryption == "" {
		return display(d.File, "stdin") + " is not encrypted"
	}
	return display(d.File, "stdin") + " is encrypted as " + d.Encryption
}

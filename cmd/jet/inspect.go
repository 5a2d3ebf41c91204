package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/content"
	"github.com/dockercfg/jet/internal/encryptedfile"
	"github.com/dockercfg/jet/internal/projectkey"
)

func (p *program) inspectCommand() *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "Tell what encrypted files are, without what is in them.",
		ArgsUsage: "FILE…",
		UsageText: `jet inspect app.env.encrypted
jet inspect *.encrypted --no-key
jet inspect app.env.encrypted --json`,
		Description: `Tells the format, the size of the file and of what is in it, and what its check finds: accidents alone, or tampering too. With the key it also tells whether the file opens, what is in it, and the names there, but no values. "-" is stdin. It fails if a file is not encrypted or does not open.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "write one JSON array, an object for each file"},
			&cli.BoolFlag{Name: "no-key", Usage: "do not look for the key"},
			keyPathFlag(), requireFlag(),
		},
		Action: p.inspect,
	}
}

// An inspection is what is told of a file. It holds no values.
type inspection struct {
	File           string   `json:"file"`
	Encryption     string   `json:"encryption,omitempty"` // the format, "" for none
	Bytes          int64    `json:"bytes"`
	PlaintextBytes *int64   `json:"plaintext_bytes,omitempty"`
	Detects        []string `json:"detects"`            // accidents, tampering
	Oddities       []string `json:"oddities,omitempty"` // which do no harm
	Verified       *bool    `json:"verified"`           // null: it was not tried, or there is nothing to try
	Problem        string   `json:"problem,omitempty"`  // why the file is not encrypted or does not open
	Kind           string   `json:"kind,omitempty"`     // of the plaintext
	Misfit         string   `json:"misfit,omitempty"`   // why the plaintext is none of that kind, after all
	Names          []string `json:"names,omitempty"`
	HiddenNames    int      `json:"hidden_names,omitempty"` // which may be pieces of secrets

	unread bool // the file itself could not be read
}

// An inspector looks at one file after the other.
type inspector struct {
	*reader
	noKey bool // there is none, or it is not wanted
}

func (p *program) inspect(c *cli.Context) error {
	if err := wantPaths(c, 1); err != nil {
		return err
	}
	if c.Bool("no-key") && c.IsSet("key-path") {
		return misuse("--no-key and --key-path exclude each other")
	}
	r, err := p.newReader(c)
	if err != nil {
		return err
	}
	i := &inspector{reader: r, noKey: c.Bool("no-key")}
	all := []*inspection{}
	var errs failures
	for _, name := range c.Args().Slice() {
		one := &inspection{File: name, Detects: []string{}}
		if err := i.file(c.Context, one); err != nil {
			one.Problem = err.Error()
			errs = append(errs, err)
		}
		if err := c.Context.Err(); err != nil {
			return err
		}
		all = append(all, one)
	}
	if c.Bool("json") {
		encoder := json.NewEncoder(p.stdout)
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(all)
	} else {
		err = p.printInspections(all)
	}
	if err == nil && errs != nil {
		err = errs
	}
	return err
}

// file looks at a file. Beside an error it fills in what is known.
func (i *inspector) file(ctx context.Context, one *inspection) error {
	one.unread = true
	in, err := i.program.openInput(ctx, one.File)
	if err != nil {
		return err
	}
	defer in.Close()
	src, err := seekable(in)
	if err != nil {
		return err
	}
	if one.Bytes, err = src.Seek(0, io.SeekEnd); err != nil {
		return err
	}
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return err
	}
	shape, err := crypto.Inspect(src)
	one.unread = false
	one.describe(shape)
	if errors.Is(err, crypto.ErrNotEncrypted) {
		if err := i.plain(src, one); err != nil {
			return err
		}
	}
	if err != nil {
		return diagnose(err, one.File, projectkey.Found{})
	}
	one.PlaintextBytes = &shape.Size
	return i.encrypted(ctx, src, shape, one)
}

// seekable gives the input itself, or, of a stream, what comes from it.
func seekable(in *input) (io.ReadSeeker, error) {
	if in.start == nil {
		return in, nil
	}
	data, err := io.ReadAll(io.LimitReader(in, maxWhole+1))
	if err == nil && len(data) > maxWhole {
		err = fail("%s: it is over %d MiB long, and can only be inspected as a file", in.name, maxWhole>>20)
	}
	return bytes.NewReader(data), err
}

// describe fills in what the file itself tells.
func (one *inspection) describe(shape crypto.Shape) {
	if shape.Format == 0 {
		return
	}
	one.Encryption = shape.Format.String()
	for strength, detects := range []string{"accidents", "tampering"} {
		if shape.Format.Strength() > strength {
			one.Detects = append(one.Detects, detects)
		}
	}
	if shape.ByteOrderMark {
		one.Oddities = append(one.Oddities, "a byte-order mark in front")
	}
	if shape.CarriageReturns {
		one.Oddities = append(one.Oddities, "CRLF line ends")
	}
}

// plain looks into a file that is not encrypted.
func (i *inspector) plain(src io.ReadSeeker, one *inspection) error {
	if _, err := src.Seek(0, io.SeekStart); err != nil || one.Bytes > maxWhole {
		return err
	}
	data, err := io.ReadAll(src)
	if err == nil {
		one.look(data)
	}
	return err
}

// encrypted decrypts a file, if there is a key, and looks into it.
func (i *inspector) encrypted(ctx context.Context, src io.ReadSeeker, shape crypto.Shape, one *inspection) error {
	if shape.Format.Strength() < i.required.Strength() {
		return diagnose(fmt.Errorf("%w: it is %v, and at least %v is required", crypto.ErrWeakFormat, shape.Format, i.required),
			one.File, projectkey.Found{})
	}
	key, err := i.keyIfAny(ctx)
	if err != nil || i.noKey {
		return err
	}
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return err
	}
	head := make([]byte, encryptedfile.HeadBytes)
	n, err := io.ReadFull(src, head)
	if err != nil && err != io.ErrUnexpectedEOF {
		return err
	}
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return err
	}
	// Nobody sees what is written before all of it is checked.
	var plain bytes.Buffer
	var dst io.Writer = &plain
	if shape.Size > maxWhole {
		dst = io.Discard
	}
	_, err = crypto.Decrypt(dst, src, key.For(head[:n]), crypto.WithHiddenOutput())
	verified := err == nil
	if shape.Format.Strength() > 0 {
		one.Verified = &verified
	}
	if err != nil {
		return diagnose(err, one.File, key)
	}
	i.program.warnUnchecked(shape.Format, one.File)
	if shape.Size <= maxWhole {
		one.look(plain.Bytes())
	}
	return nil
}

// keyIfAny looks the key up, and no more if that fails. That there is none is said
// once, and no error.
func (i *inspector) keyIfAny(ctx context.Context) (projectkey.Found, error) {
	if i.noKey {
		return projectkey.Found{}, nil
	}
	key, err := i.findKey(ctx)
	i.noKey = err != nil
	var missing *projectkey.NotFoundError
	if errors.As(err, &missing) {
		i.program.note("%v; nothing was verified", missing)
		err = nil
	}
	return key, err
}

// look fills in what the plaintext is, and the names in it.
func (one *inspection) look(data []byte) {
	c := content.Parse(data, one.File)
	one.Kind = c.Kind.String()
	one.Names, one.HiddenNames = c.Names()
	if c.Problem != nil {
		one.Misfit = c.Problem.Error()
	}
}

// shownNames is how many names of a file are shown beside other files.
const shownNames = 4

// printInspections writes a table for people.
func (p *program) printInspections(all []*inspection) error {
	var table bytes.Buffer
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FILE\tFORMAT\tBYTES\tPLAINTEXT\tDETECTS\tVERIFIED\tHOLDS")
	for _, one := range all {
		if one.unread {
			continue
		}
		format, size, detects, verified := one.Encryption, "-", "nothing", "-"
		if format == "" {
			format, detects = "not encrypted", "-"
		}
		if one.PlaintextBytes != nil {
			size = fmt.Sprint(*one.PlaintextBytes)
		}
		if len(one.Detects) > 0 {
			detects = strings.Join(one.Detects, ", ")
		}
		if one.Verified != nil {
			verified = map[bool]string{true: "yes", false: "no"}[*one.Verified]
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\n", printable(one.File), format, one.Bytes, size, detects, verified, one.holds(len(all) == 1))
		for _, oddity := range one.Oddities {
			p.note("%s has %s; jet reads it all the same", display(one.File, "stdin"), oddity)
		}
		if one.Misfit != "" {
			p.warn("%s: it should be a %s, and is none: %s", display(one.File, "stdin"), one.Kind, one.Misfit)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := p.stdout.Write(table.Bytes())
	return err
}

// holds says what the plaintext is.
func (one *inspection) holds(inFull bool) string {
	names := one.Names
	if !inFull && len(names) > shownNames+1 {
		names = append(names[:shownNames:shownNames], fmt.Sprintf("%d more", len(names)-shownNames))
	}
	if one.HiddenNames > 0 {
		names = append(names, fmt.Sprintf("%d that may be pieces of a secret", one.HiddenNames))
	}
	text := one.Kind
	switch {
	case text == "":
		return "-"
	case one.Misfit != "":
		return "no valid " + text
	case len(names) > 0:
		text += ": " + strings.Join(names, ", ")
	}
	return printable(text)
}

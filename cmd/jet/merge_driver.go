package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/merge"
	"github.com/dockercfg/jet/internal/outfile"
)

func (p *program) gitMergeDriverCommand() *cli.Command {
	return &cli.Command{
		Name:        "merge-driver",
		Usage:       "Merge three versions of an encrypted file, for git merge.",
		ArgsUsage:   "BASE OURS THEIRS PATH",
		UsageText:   `git config merge.jet.driver "jet git merge-driver %O %A %B %P --marker-size %L"`,
		Description: `Merges what is in the files, variables and registries by name and other text by lines, and writes the result to OURS, encrypted in the stronger of the two formats. If both sides changed the same thing OURS stays as it is, and it fails: then git holds PATH for a conflict, and "jet merge PATH" settles it.`,
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "marker-size", Value: usualMarkerSize, Usage: "the `NUMBER` that git gives as %L; it is larger where git makes one common ancestor of two, in which what is in conflict stays as it was before"},
			keyPathFlag(), trustKeyFlag(), formatFlag(), requireFlag(),
		},
		Action: p.mergeDriver,
	}
}

func (p *program) mergeDriver(c *cli.Context) error {
	if err := wantPaths(c, 4); err != nil {
		return err
	}
	path := c.Args().Get(3)
	m, err := p.newMerging(c, path)
	if err != nil {
		return err
	}
	for i, side := range []*snapshot{&m.base, &m.ours, &m.theirs} {
		read, err := p.fileSnapshot(c.Context, c.Args().Get(i))
		if err != nil {
			return err
		}
		*side = *read
		side.path, side.absent = path, i == 0 && len(read.raw) == 0
	}
	if err := m.merge(c.Context); err != nil {
		return m.advise(err)
	}
	text := m.result.Ours
	switch {
	case m.result.Conflicts == nil:
	case c.Int("marker-size") > usualMarkerSize:
		text = m.result.Before // so that it is a conflict of the sides too, unless they agree
	default:
		return m.advise(fail("%q: both sides changed %s", path, strings.Join(m.result.Conflicts, ", ")))
	}
	_, err = m.write(c.Context, c.Args().Get(1), text)
	return err
}

// usualMarkerSize is how long git makes conflict markers, unless it merges two
// common ancestors into one (criss-cross merges), which nobody asked for.
// Source: git's ll-merge.h, DEFAULT_CONFLICT_MARKER_SIZE, and merge-ort.c.
const usualMarkerSize = 7

// A merging is the merge of two versions of an encrypted file.
type merging struct {
	*reader
	path               string
	wanted             crypto.Format // that is asked for, 0 for none
	base, ours, theirs snapshot
	result             merge.Result
}

// newMerging prepares the merge of the file of that path, with the key that is
// looked for beside it.
func (p *program) newMerging(c *cli.Context, path string) (*merging, error) {
	r, err := p.newReader(c)
	if err != nil {
		return nil, err
	}
	r.past = true
	if dir := filepath.Dir(path); exists(dir) {
		r.dir = dir
	}
	wanted, err := p.wantedFormat(c)
	return &merging{reader: r, path: path, wanted: wanted}, err
}

// merge decrypts the versions and merges them.
func (m *merging) merge(ctx context.Context) error {
	for _, side := range []struct {
		of string
		*snapshot
	}{{"the common ancestor", &m.base}, {"ours", &m.ours}, {"theirs", &m.theirs}} {
		side.name = side.of
		if err := m.open(ctx, side.snapshot); err != nil {
			return err
		}
		if side.format == 0 && !side.absent {
			return fail("%s: %q is not encrypted there", side.of, m.path)
		}
	}
	m.result = merge.Texts(m.base.text, m.ours.text, m.theirs.text, m.path)
	return nil
}

// advise says what can be done about a file that was not merged.
func (m *merging) advise(err error) error {
	typed := shellWord(m.path)
	return fail("%w", err).
		hint(fmt.Sprintf("\"jet merge %s\" opens both sides in your editor; until then the file is ours", typed)).
		hint(fmt.Sprintf("\"git checkout --theirs -- %s\" takes theirs, all of it", typed))
}

// format gives the format of a result that is encrypted anew: the stronger one, so
// that no side is weakened, and one with a check.
func (m *merging) format() crypto.Format {
	if m.wanted != 0 {
		return m.wanted
	}
	return max(m.ours.format, m.theirs.format, crypto.CodeshipV2)
}

// write writes the merged text to output. Where it is what one side has already,
// in the right format, it keeps the bytes of that side: ours first.
func (m *merging) write(ctx context.Context, output string, text []byte) (crypto.Format, error) {
	right := m.wanted
	if right == 0 {
		right = max(m.ours.format, m.theirs.format)
	}
	for _, side := range []*snapshot{&m.ours, &m.theirs} {
		if bytes.Equal(side.text, text) && side.format == right && !side.former {
			return right, m.put(ctx, output, side.raw)
		}
	}
	key, err := m.findKey(ctx)
	if err != nil {
		return 0, err
	}
	writing, err := m.program.writingKey(ctx, key, m.path, m.trust)
	if err != nil {
		return 0, err
	}
	var sealed bytes.Buffer
	chosen := m.format()
	if err := writing.Encrypt(&sealed, bytes.NewReader(text), chosen); err != nil {
		return 0, err
	}
	return chosen, m.put(ctx, output, sealed.Bytes())
}

// put replaces a file, unless that is what it holds.
func (m *merging) put(ctx context.Context, output string, data []byte) error {
	if is, err := m.program.fileSnapshot(ctx, output); err == nil && bytes.Equal(is.raw, data) {
		return nil
	}
	return m.program.write(ctx, output, outfile.Shared, func(w io.Writer, _ bool) error {
		_, err := w.Write(data)
		return err
	})
}

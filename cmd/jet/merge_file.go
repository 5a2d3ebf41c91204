package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/internal/content"
	"github.com/dockercfg/jet/internal/encryptedfile"
)

func (p *program) mergeFileCommand() *cli.Command {
	return &cli.Command{
		Name:      "merge",
		Usage:     "Settle a conflict of git's in an encrypted file.",
		ArgsUsage: "FILE",
		UsageText: `jet merge app.env.encrypted
jet merge app.env.encrypted --theirs`,
		Description: `Merges both sides as "jet git merge-driver" does. What both changed stands between marks in your editor, in a private folder as with "jet edit"; while marks are left the file is not written. In a rebase ours is the branch that you rebase onto. "git add FILE" then tells git that the conflict is settled.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "ours", Usage: "take our side of what both changed, without an editor"},
			&cli.BoolFlag{Name: "theirs", Usage: "take their side of what both changed, without an editor"},
			keyPathFlag(), trustKeyFlag(), formatFlag(), requireFlag(),
		},
		Action: p.mergeFile,
	}
}

func (p *program) mergeFile(c *cli.Context) error {
	if err := wantPaths(c, 1); err != nil {
		return err
	}
	path := c.Args().First()
	if path == "-" {
		return misuse("%s settles a conflict in a file, and stdin is none", c.Command.HelpName).hint(usageOf(c.Command.HelpName, c.Command))
	}
	if c.Bool("ours") && c.Bool("theirs") {
		return misuse("--ours and --theirs exclude each other")
	}
	m, err := p.newMerging(c, path)
	if err != nil {
		return err
	}
	if err := m.fromIndex(c.Context); err != nil {
		return err
	}
	if err := m.open(c.Context, &m.base); err != nil {
		p.warn("%v; it is merged without what both sides come from", err)
		m.base = snapshot{path: path, absent: true}
	}
	if err := m.merge(c.Context); err != nil {
		return err
	}
	if err := m.guardWork(c.Context); err != nil {
		return err
	}
	text := m.result.Ours
	switch {
	case len(m.result.Conflicts) == 0, c.Bool("ours"):
	case c.Bool("theirs"):
		text = m.result.Theirs
	default:
		return m.settle(c.Context)
	}
	return m.finish(c.Context, text)
}

// fromIndex reads the versions that git keeps of a file in conflict.
func (m *merging) fromIndex(ctx context.Context) error {
	repository := blobs{m.path}
	stages, err := repository.stages(ctx)
	if err != nil {
		return err
	}
	typed := shellWord(m.path)
	switch {
	case stages[2] == "" && stages[3] == "":
		return fail("%q is not in conflict", m.path).hint(`"git status" lists what is`)
	case stages[2] == "":
		return fail("%q is not there on our side, and changed on theirs", m.path).
			hint(fmt.Sprintf("\"git rm %s\" leaves it out, \"git checkout --theirs -- %s && git add %s\" takes theirs", typed, typed, typed))
	case stages[3] == "":
		return fail("%q is not there on their side, and changed on ours", m.path).
			hint(fmt.Sprintf("\"git rm %s\" leaves it out, \"git add %s\" keeps ours", typed, typed))
	}
	for stage, side := range map[int]*snapshot{1: &m.base, 2: &m.ours, 3: &m.theirs} {
		*side = snapshot{path: m.path, absent: stages[stage] == ""}
		if side.absent {
			continue
		}
		if side.raw, err = repository.blob(ctx, stages[stage]); err != nil {
			return err
		}
	}
	return nil
}

// guardWork keeps what somebody has put into the file since the conflict arose.
// What git put there is one side, or both with marks of its own.
func (m *merging) guardWork(ctx context.Context) error {
	now, err := os.ReadFile(m.path)
	if err != nil || bytes.Equal(now, m.ours.raw) || bytes.Equal(now, m.theirs.raw) || bytes.Contains(now, []byte("<<<<<<< ")) {
		return nil // what cannot be read, writing it says
	}
	format, err := encryptedfile.Detect(now)
	if err != nil || format == 0 {
		return nil
	}
	text, _, err := m.openData(ctx, m.path, now)
	if err != nil || bytes.Equal(text, m.ours.text) || bytes.Equal(text, m.theirs.text) {
		return nil
	}
	typed := shellWord(m.path)
	return fail("%q holds neither our side nor theirs: it was changed since the conflict arose", m.path).
		hint(fmt.Sprintf("\"git add %s\" takes it as it is, \"git checkout --ours -- %s\" begins anew", typed, typed))
}

// settle has a person settle the conflicts in an editor.
func (m *merging) settle(ctx context.Context) error {
	p := m.program
	was := content.Parse(m.ours.text, m.path)
	if was.Kind == content.Binary {
		return fail("%q is binary, and both sides changed it", m.path).
			hint("--ours or --theirs takes one of them")
	}
	key, err := m.findKey(ctx)
	if err != nil {
		return err
	}
	writing, err := p.writingKey(ctx, key, m.path, m.trust)
	if err != nil {
		return err
	}
	p.note("both sides changed %s", strings.Join(m.result.Conflicts, ", "))
	session, err := p.beginEditing(editedName(m.path, was.Kind, m.ours.text), m.result.Marked(), func(text []byte) error {
		if m.result.HasMarks(text) {
			return fail("there are marks of conflicts left").
				hint("leave what is right of the lines between <<<<<<< ours and >>>>>>> theirs, and remove these marks")
		}
		return textProblem(was, m.path, text)
	})
	if err != nil {
		return err
	}
	session.strict = true
	defer session.end()
	text, err := session.run(ctx)
	if err == nil {
		err = m.finish(ctx, text)
	}
	if err == nil {
		return nil
	}
	p.note("%q is as it was, and in conflict", m.path)
	if text == nil || m.result.HasMarks(text) {
		return err
	}
	if problem := p.keepWork(&textFile{name: m.path}, text, m.format(), writing); problem != nil {
		session.keep = true
		p.warn("what you edited can be kept nowhere but in %q, readable, and the next jet that makes a private folder removes it: %v", session.path, problem)
	}
	return err
}

// finish writes the settled file and says what is left to do.
func (m *merging) finish(ctx context.Context, text []byte) error {
	format, err := m.write(ctx, m.path, text)
	if err != nil {
		return err
	}
	m.program.note("merged %q, encrypted as %v", m.path, format)
	m.program.hint("\"git add %s\" tells git that the conflict is settled", shellWord(m.path))
	return nil
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/content"
	"github.com/dockercfg/jet/internal/envfile"
)

func (p *program) editCommand() *cli.Command {
	return &cli.Command{
		Name:      "edit",
		Usage:     "Edit an encrypted file in your editor.",
		ArgsUsage: "FILE",
		UsageText: `jet edit app.env.encrypted
EDITOR="code --wait" jet edit dockercfg.encrypted`,
		Description: `The text is put into a private folder, in memory where the system has one (Linux), and opened with VISUAL, else EDITOR, else vi (notepad on Windows); vim, Neovim, Emacs and nano are kept from writing copies of it elsewhere. The file is written if the text was changed, and keeps its very bytes if it was not. A file that is not there is made. If an env file or a dockercfg can no longer be read after that, you are asked what to do. If the editor fails, nothing is changed. If the file cannot be written, what you edited is kept in another place, encrypted with the same key.`,
		Flags:       []cli.Flag{keyPathFlag(), trustKeyFlag(), formatFlag(), requireFlag()},
		Action:      p.edit,
	}
}

func (p *program) edit(c *cli.Context) error {
	if err := wantPaths(c, 1); err != nil {
		return err
	}
	r, err := p.newReader(c)
	if err != nil {
		return err
	}
	chosen, err := p.chooseFormat(c, c.Args().First())
	if err != nil {
		return err
	}
	f, err := r.openText(c, "text for an editor")
	if err != nil {
		return err
	}
	if err := checkEditable(f); err != nil {
		return err
	}
	key, err := r.keyFor(c.Context, f.name)
	if err != nil {
		return err
	}

	p.warnConflict(c.Context, f)
	was := content.Parse(f.text, f.name)
	session, err := p.beginEditing(editedName(f.name, was.Kind, f.text), f.text, func(text []byte) error {
		return textProblem(was, f.name, text)
	})
	if err != nil {
		return err
	}
	defer session.end()
	text, err := session.run(c.Context)
	if err == nil {
		text = p.mindLineEnd(f.text, text)
		again := f.format != 0 && c.IsSet("format") && chosen.format != f.format
		if bytes.Equal(text, f.text) && !again {
			p.note("%s", untouched(f))
			return nil
		}
		err = r.replaceText(c.Context, f, text, &sealing{chosen})
	}
	switch {
	case err == nil:
		p.note("wrote %s as %v%s", f.shown(), chosen.format, chosen.why)
		return nil
	case text == nil || bytes.Equal(text, f.text):
		p.note("%s", untouched(f))
		return err
	}
	if problem := p.keepWork(f, text, chosen.format, key); problem != nil {
		session.keep = true
		p.warn("what you edited can be kept nowhere but in %q, readable, and the next jet that makes a private folder removes it: %v", session.path, problem)
	}
	return err
}

// untouched says that nothing was written.
func untouched(f *textFile) string {
	if !f.exists {
		return f.shown() + " is not made"
	}
	return f.shown() + " is as it was"
}

// checkEditable refuses files whose plaintext has no place in an editor.
func checkEditable(f *textFile) error {
	switch {
	case f.format == 0 && len(f.raw) > 0:
		return fail("%s is not encrypted", f.shown()).
			hint(fmt.Sprintf("\"jet encrypt %s %s\" encrypts it; any editor can edit it as it is", shellWord(f.name), shellWord(f.name+".encrypted")))
	case f.format == crypto.Unsigned && !utf8.Valid(f.text):
		return fail("%s: what comes out is no text, so the key may be the wrong one: the unsigned format cannot tell", f.shown()).
			hint(fmt.Sprintf("\"jet decrypt %s OUTPUT --key-path FILE\" tries another key", shellWord(f.name)))
	}
	return nil
}

// mindLineEnd undoes what editors do to a text without a line end at its end, such
// as a token, if they did nothing else.
func (p *program) mindLineEnd(before, after []byte) []byte {
	if len(before) == 0 || bytes.HasSuffix(before, []byte("\n")) || !bytes.HasSuffix(after, []byte("\n")) {
		return after
	}
	if bytes.Equal(bytes.TrimSuffix(after, []byte("\n")), before) {
		p.note("the line end that the editor added is left out")
		return before
	}
	p.warn("the text ended without a line end and has one now, as editors add it")
	return after
}

// textProblem says why a text is no longer what it was, or what the name of its
// file says; nil if it is, or if nothing is known about it.
func textProblem(was *content.Content, name string, text []byte) error {
	if was.Kind == content.Text || was.Kind == content.Binary {
		return nil
	}
	problem := content.ParseAs(was.Kind, text).Problem
	if was.Kind == content.EnvFile && was.Problem == nil {
		_, problem = envfile.Parse(text, was.Syntax)
	}
	if problem == nil {
		return nil
	}
	const phrase = "Failed to parse "
	shown := fmt.Sprintf("%v %s as it was edited", was.Kind, display(name, "stdin"))
	var variables *envfile.ParseError
	if !errors.As(problem, &variables) {
		said := strings.TrimPrefix(problem.Error(), phrase+was.Kind.String()+": ")
		return fail("%w", renamed{phrase + shown + ": " + said, problem})
	}
	said := variables.Problem
	if variables.Line > 0 {
		said = fmt.Sprintf("line %d: %s", variables.Line, said)
	}
	f := fail("%w", renamed{phrase + shown + ": " + said, problem})
	if variables.Hint != "" {
		f.hint(variables.Hint)
	}
	return f
}

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/projectkey"
)

func (p *program) decryptCommand() *cli.Command {
	return &cli.Command{
		Name:      "decrypt",
		Usage:     "Decrypt a file with the project key.",
		ArgsUsage: "INPUT OUTPUT",
		UsageText: `jet decrypt credentials.env.encrypted credentials.env
jet decrypt dockercfg.encrypted ~/.docker/config.json
jet decrypt app.env.encrypted - | grep -c =`,
		Description: `Reads every format, also those of Codeship's jet. "-" is stdin or stdout. The output is replaced if it exists, is readable by you alone (0600), and appears when all of it was checked or not at all.`,
		Flags:       []cli.Flag{keyPathFlag(), requireFlag()},
		Action:      p.decrypt,
	}
}

func (p *program) decrypt(c *cli.Context) error {
	input, output, err := twoPaths(c)
	if err != nil {
		return err
	}
	required, err := p.requiredFormat(c)
	if err != nil {
		return err
	}
	src, err := p.openInput(c.Context, input)
	if err != nil {
		return err
	}
	defer src.Close()
	key, err := p.findKey(c.Context, c.String("key-path"))
	if err != nil {
		return err
	}
	if err := guardKey(output, key); err != nil {
		return err
	}
	opening, err := src.keyOf(key)
	if err != nil {
		return err
	}
	var format crypto.Format
	if err := p.write(c.Context, output, outfile.Private, func(w io.Writer, hidden bool) (err error) {
		options := []crypto.Option{crypto.WithSpool(spool), crypto.WithRequire(required)}
		if hidden {
			options = append(options, crypto.WithHiddenOutput())
		}
		format, err = crypto.Decrypt(w, src, opening, options...)
		return diagnose(err, input, key)
	}); err != nil {
		return err
	}
	p.warnUnchecked(format, input)
	return nil
}

// warnUnchecked says that nobody knows whether the plaintext is right.
func (p *program) warnUnchecked(format crypto.Format, name string) {
	if format == crypto.Unsigned {
		p.warn("%s is in the unsigned format: a wrong key gives garbage, not an error", display(name, "stdin"))
		p.hint(`"jet encrypt" on the decrypted file writes a format that is checked`)
	}
}

// diagnose says what an error of crypto.Decrypt means for the file of that name:
// the phrase that people search for, the file, what was found, and what to do.
func diagnose(err error, name string, key projectkey.Found) error {
	if err == nil {
		return nil
	}
	file, typed := display(name, "stdin"), shellWord(name)
	hint := ""
	var lost *crypto.HeaderLostError
	switch {
	case errors.Is(err, crypto.ErrWrongKey):
		hint = fmt.Sprintf("the key is %s, %s; \"jet decrypt %s OUTPUT --key-path FILE\" tries another one",
			key.Origin, key.Key.Fingerprint(), typed)
	case errors.Is(err, crypto.ErrDamaged) && name == "-":
		hint = `"jet decrypt FILE OUTPUT" reads the file itself, if it was damaged on its way`
	case errors.Is(err, crypto.ErrDamaged):
		hint = fmt.Sprintf("\"git log --oneline -- %s\" lists its versions, \"git restore --source=COMMIT -- %s\" brings one back", typed, typed)
	case errors.Is(err, crypto.ErrNotEncrypted) && name == "-":
		hint = `"jet encrypt FILE OUTPUT" encrypts a file`
	case errors.Is(err, crypto.ErrNotEncrypted):
		hint = fmt.Sprintf("\"jet encrypt %s %s\" encrypts it", typed, shellWord(name+".encrypted"))
	case errors.Is(err, crypto.ErrUnknownFormat):
		hint = `"jet version" tells which version this is; a newer one may know the format`
	case errors.As(err, &lost):
		hint = fmt.Sprintf("\"(echo %v; cat %s) | jet decrypt - OUTPUT\" reads it", lost.Format, typed)
	case errors.Is(err, crypto.ErrVariant):
		hint = `if the key is right: "jet generate --key-path sample.aes" makes a throw-away key; a file that the other tool encrypts with it, sent together with it to https://github.com/dockercfg/jet/issues, shows what is different`
	case errors.Is(err, crypto.ErrWeakFormat):
		hint = fmt.Sprintf("\"jet decrypt %s OUTPUT\" without --require and JET_REQUIRE reads it; \"jet encrypt\" with --format writes a stronger format", typed)
	case errors.Is(err, crypto.ErrInputChanged):
		hint = "run the same command again when nothing writes to the file any more"
	default:
		return err // of the system, and it names the file
	}
	if text, found := strings.CutPrefix(err.Error(), crypto.ErrChecksum.Error()+": "); found {
		err = renamed{fmt.Sprintf("%v: %s: %s", crypto.ErrChecksum, file, text), err}
	} else {
		err = fmt.Errorf("%s: %w", file, err)
	}
	return fail("%w", err).hint(hint)
}

// renamed is an error under another text.
type renamed struct {
	text string
	err  error
}

func (r renamed) Error() string { return r.text }
func (r renamed) Unwrap() error { return r.err }

// twoPaths gives the input and the output of a command that has both.
func twoPaths(c *cli.Context) (input, output string, err error) {
	if err := wantPaths(c, 2); err != nil {
		return "", "", err
	}
	input, output = c.Args().Get(0), c.Args().Get(1)
	return input, output, distinct(input, output)
}

// wantPaths checks the number of paths, and that none is empty. There may be more
// than want if the name of the last ends in "…".
func wantPaths(c *cli.Context, want int) error {
	line := c.Command.HelpName
	paths := c.Args().Slice()
	names := strings.Fields(c.Command.ArgsUsage)
	more := strings.HasSuffix(c.Command.ArgsUsage, "…")
	var m *failure
	switch {
	case len(paths) > want && want == 0 && !more:
		m = misuse("%s takes no arguments, and got %q", line, paths[0])
	case len(paths) > want && !more:
		m = misuse("%s takes %s, and %q is one argument too many", line, c.Command.ArgsUsage, paths[want])
	case len(paths) == 0 && want > 0:
		m = misuse("%s needs %s, and nothing was given", line, c.Command.ArgsUsage)
	case len(paths) < want:
		m = misuse("%s needs %s, and %s is missing", line, c.Command.ArgsUsage, strings.Join(names[len(paths):], " and "))
	default:
		for i, path := range paths {
			if path == "" {
				m = misuse("%s: %s is empty", line, names[min(i, len(names)-1)])
			}
		}
	}
	if m == nil {
		return nil
	}
	return m.hint(usageOf(line, c.Command))
}

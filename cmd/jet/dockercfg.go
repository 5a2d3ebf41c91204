package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/dockercfg/kubernetes"
	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/spelling"
)

func (p *program) dockercfgCommand() *cli.Command {
	return &cli.Command{
		Name:  "dockercfg",
		Usage: "Look at and change a file of Docker credentials.",
		UsageText: `jet dockercfg show dockercfg.encrypted
jet dockercfg add dockercfg.encrypted quay.io --username ci`,
		Description: `The file may be a config.json, an old flat .dockercfg, an auth.json of Podman or a Kubernetes Secret, encrypted or not. It stays what it is, and keeps what does not concern jet. What would not change it does not write it.`,
		Action:      chooseBelow,
		Subcommands: []*cli.Command{
			p.showCommand(), p.mergeCommand(), p.addCommand(), p.removeCommand(), p.convertCommand(),
		},
	}
}

// chooseBelow is the action of a command that has others below it and does
// nothing by itself.
func chooseBelow(c *cli.Context) error {
	line := c.Command.HelpName
	var known []string
	for _, sub := range c.Command.Subcommands {
		known = append(known, sub.Name)
	}
	if !c.Args().Present() {
		return misuse("%s needs a command: %s", line, strings.Join(known, ", ")).
			hint(`"` + line + ` --help" says what they do`)
	}
	m := misuse("%s has no command %q", line, c.Args().First())
	if near := spelling.Nearest(c.Args().First(), known); near != "" {
		return m.hint(`did you mean "` + line + ` ` + near + `"?`)
	}
	return m.hint(`"` + line + ` --help" lists its commands`)
}

// A credentialsFile is a dockercfg as it is on disk.
type credentialsFile struct {
	*dockercfg.File
	name   string        // as the command line has it
	format crypto.Format // that it is encrypted in, 0 for none
	text   []byte        // decrypted; nil if there is no such file yet
}

func (f *credentialsFile) shown() string { return display(f.name, "stdin") }

// registries gives the registries that the file has credentials for.
func (f *credentialsFile) registries() string {
	var names []string
	for _, entry := range f.Entries() {
		names = append(names, entry.Registry)
	}
	return firstOf(names)
}

// has reports whether the file has a credential under this key, in normal form.
func (f *credentialsFile) has(key string) bool {
	for _, entry := range f.Entries() {
		if entry.Registry == key {
			return true
		}
	}
	return false
}

// warnTokens tells of identity tokens in a form whose readers ignore them.
func (p *program) warnTokens(f *credentialsFile, entry dockercfg.Entry) {
	if entry.IdentityToken == (dockercfg.Secret{}) && entry.RegistryToken == (dockercfg.Secret{}) {
		return
	}
	if form := f.Form(); form != dockercfg.Config {
		p.warn("%s: the credential for %s is a token, which readers of the form %v ignore", f.shown(), entry.Registry, form)
	}
}

// dockercfg reads a file of credentials.
func (r *reader) dockercfg(ctx context.Context, name string) (*credentialsFile, error) {
	text, format, err := r.read(ctx, name, "dockercfg")
	if err != nil {
		return nil, err
	}
	file, err := kubernetes.Parse(text)
	if err != nil {
		return nil, dockercfgFailure(err, name, format)
	}
	f := &credentialsFile{File: file, name: name, format: format, text: text}
	for _, notice := range file.Notices() {
		r.program.warn("%s: %s", f.shown(), notice)
	}
	return f, nil
}

// dockercfgFailure names the file in an error of Parse. The format is what it was
// encrypted in, 0 for nothing.
func dockercfgFailure(err error, name string, format crypto.Format) error {
	const phrase = "Failed to parse dockercfg: " // as people search for it
	shown := display(name, "stdin")
	if format != 0 {
		shown += ", decrypted"
	}
	text, found := strings.CutPrefix(err.Error(), phrase)
	if !found {
		return fmt.Errorf("%s: %w", shown, err)
	}
	f := fail("%w", renamed{phrase + shown + ": " + text, err})
	switch {
	case format == crypto.Unsigned:
		f.hint(fmt.Sprintf("the key may be the wrong one: \"jet decrypt %s -\" shows whether what comes out is readable", shellWord(name)))
	case format != 0:
		f.hint(fmt.Sprintf("\"jet decrypt %s -\" shows what is in it", shellWord(name)))
	case errors.Is(err, dockercfg.ErrEncrypted):
		f.hint("it is not in a format of jet: decrypt it with the program that encrypted it")
	}
	return f
}

// newFileFlags are those of commands that make the file if there is none.
func newFileFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "encrypt", Usage: "write the file encrypted with the project key, if it is new"},
		keyPathFlag(), trustKeyFlag(), formatFlag(), requireFlag(),
	}
}

// changeDockercfg lets change alter the file that the first argument names, and
// writes it if that altered it. A command with the flag --encrypt makes a file
// where there is none.
func (p *program) changeDockercfg(c *cli.Context, change func(*credentialsFile, *reader) error) error {
	name := c.Args().First()
	if name == "-" {
		return misuse("%s changes a file, and stdin is none", c.Command.HelpName).hint(usageOf(c.Command.HelpName, c.Command))
	}
	r, err := p.newReader(c)
	if err != nil {
		return err
	}
	f, err := r.dockercfgOrNew(c, name)
	if err != nil {
		return err
	}
	sealed, err := p.sealing(c, f)
	if err != nil {
		return err
	}
	if err := change(f, r); err != nil {
		return err
	}
	text, err := f.Encode()
	if err != nil {
		return fmt.Errorf("%s: %w", f.shown(), err)
	}
	again := f.format != 0 && c.IsSet("format") && sealed.format != f.format
	if f.text != nil && bytes.Equal(text, f.text) && !again {
		p.note("%s is as it was", f.shown())
		return nil
	}
	if err := r.writeCredentials(c.Context, name, text, sealed); err != nil {
		return err
	}
	p.note("wrote %s%s", f.shown(), sealed)
	return nil
}

// dockercfgOrNew reads a file of credentials, or begins one.
func (r *reader) dockercfgOrNew(c *cli.Context, name string) (*credentialsFile, error) {
	creates := findFlag(c.Command.Flags, "encrypt") != nil
	f, err := r.dockercfg(c.Context, name)
	switch {
	case err == nil || !creates:
		return f, err
	case errors.Is(err, fs.ErrNotExist) && !exists(name):
		return &credentialsFile{File: new(dockercfg.File), name: name}, nil
	case errors.Is(err, dockercfg.ErrEmpty):
		// As "touch" makes them. An empty Kubernetes Secret is no such file.
		if text, format, err := r.read(c.Context, name, "dockercfg"); err == nil && len(bytes.TrimSpace(text)) == 0 {
			return &credentialsFile{File: new(dockercfg.File), name: name, format: format, text: text}, nil
		}
	}
	return nil, err
}

// A sealing is how credentials are written: nil for readable.
type sealing struct{ choice }

// String is for people, after the name of the file.
func (s *sealing) String() string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf(" as %v%s", s.format, s.why)
}

// sealing says how to write a file that is changed: encrypted if it is, or if it
// is new and that is asked for.
func (p *program) sealing(c *cli.Context, f *credentialsFile) (*sealing, error) {
	asked, isNew := c.Bool("encrypt"), f.text == nil
	switch {
	case isNew && asked, f.format != 0:
		chosen, err := p.chooseFormat(c, f.name)
		return &sealing{chosen}, err
	case !isNew && asked:
		return nil, fail("%s is there already and not encrypted; --encrypt is for a new file", f.shown()).
			hint(fmt.Sprintf("\"jet encrypt %s %s\" encrypts it", shellWord(f.name), shellWord(f.name+".encrypted")))
	case c.IsSet("format"):
		return nil, fail("--format is the format of an encrypted file, and %s is none", f.shown()).
			hint("leave --format out")
	case isNew && strings.HasSuffix(f.name, ".encrypted"):
		return nil, fail("%s would be a new file with readable credentials, under the name of an encrypted one", f.shown()).
			hint("add --encrypt")
	}
	return nil, nil
}

// writeCredentials writes a file that holds credentials.
func (r *reader) writeCredentials(ctx context.Context, output string, text []byte, s *sealing) error {
	p := r.program
	if s == nil {
		if err := guardKey(output, r.key); err != nil {
			return err
		}
		if output == "-" {
			p.maskCredentials(text)
		}
		return p.write(ctx, output, outfile.Private, func(w io.Writer, _ bool) error {
			_, err := w.Write(text)
			return err
		})
	}
	key, err := r.findKey(ctx)
	if err != nil {
		return err
	}
	if err := guardKey(output, key); err != nil {
		return err
	}
	writing, err := p.writingKey(ctx, key, output, r.trust)
	if err != nil {
		return err
	}
	return p.write(ctx, output, outfile.Shared, func(w io.Writer, _ bool) error {
		return writing.Encrypt(w, bytes.NewReader(text), s.format)
	})
}

// registryKey gives the key of a registry, or of a host pattern, in a file.
func registryKey(name string) (string, error) {
	key, err := dockercfg.NormalizeRegistry(name)
	if err != nil && strings.Contains(name, "*") {
		pattern, err := dockercfg.ParsePattern(name)
		return pattern.String(), err
	}
	return key, err
}

const registryHint = "a registry is a host, with its port if it has one, such as quay.io; docker.io is Docker Hub"

// wantRegistry is registryKey for an argument.
func wantRegistry(name string) (string, error) {
	key, err := registryKey(name)
	if err != nil {
		err = misuse("%w", err).hint(registryHint)
	}
	return key, err
}

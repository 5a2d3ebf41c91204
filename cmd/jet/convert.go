package main

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/encryptedfile"
	"github.com/dockercfg/jet/internal/projectkey"
)

func (p *program) convertCommand() *cli.Command {
	return &cli.Command{
		Name:      "convert",
		Usage:     "Write the credentials of a file in another form.",
		ArgsUsage: "INPUT OUTPUT",
		UsageText: `jet dockercfg convert .dockercfg dockercfg.encrypted --encrypt
jet dockercfg convert dockercfg.encrypted - --output-format kubernetes-secret --name regcred | kubectl apply -f -
jet dockercfg convert dockercfg.encrypted hub.env --output-format env`,
		Description: `Reads every form. Both may be the same file. The output is readable by you alone (0600) unless --encrypt is given. "-" is stdin or stdout.`,
		Flags: append(outputFlags(),
			&cli.BoolFlag{Name: "encrypt", Usage: "write the output encrypted with the project key"},
			keyPathFlag(), trustKeyFlag(), formatFlag(), requireFlag()),
		Action: p.convert,
	}
}

func (p *program) convert(c *cli.Context) error {
	if err := wantPaths(c, 2); err != nil {
		return err
	}
	input, output := c.Args().Get(0), c.Args().Get(1)
	wanted, err := wantedOutput(c)
	if err != nil {
		return err
	}
	r, err := p.newReader(c)
	if err != nil {
		return err
	}
	sealed, err := p.sealingOfOutput(c, output)
	if err != nil {
		return err
	}
	f, err := r.dockercfg(c.Context, input)
	if err != nil {
		return err
	}
	text, registries, err := p.encode(f.File, wanted, f.shown()+": ")
	if err != nil {
		return err
	}
	if r.holds(c, output, text, sealed) {
		p.note("%s is as it was", display(output, ""))
		return nil
	}
	if err := r.writeCredentials(c.Context, output, text, sealed); err != nil {
		return err
	}
	p.note("wrote %s%s, in the form %v, for %s", display(output, "to stdout"), sealed, wanted.Form, registries)
	return nil
}

// holds reports whether a file has this text already, encrypted as it is to be.
func (r *reader) holds(c *cli.Context, name string, text []byte, s *sealing) bool {
	format, err := encryptedfile.FormatOf(name)
	if err != nil || name == "-" || !exists(name) || s == nil && format != 0 || s != nil && format != s.format {
		return false
	}
	have, _, err := r.read(c.Context, name, "dockercfg")
	return err == nil && bytes.Equal(have, text)
}

// sealingOfOutput says how an output is written: encrypted if that is asked for.
func (p *program) sealingOfOutput(c *cli.Context, output string) (*sealing, error) {
	if c.Bool("encrypt") {
		chosen, err := p.chooseFormat(c, output)
		return &sealing{chosen}, err
	}
	if c.IsSet("format") {
		return nil, misuse("--format is the format of an encrypted output, and there is no --encrypt").
			hint("add --encrypt, or leave --format out")
	}
	return nil, guardEncrypted(c, output)
}

// guardEncrypted refuses to put readable credentials where an encrypted file
// stands, which somebody is about to commit.
func guardEncrypted(c *cli.Context, output string) error {
	if output == "-" {
		return nil
	}
	found, err := encryptedfile.FormatOf(output)
	if err != nil || found == 0 || filepath.Base(output) == projectkey.FileName { // guardKey has a word for that
		return err
	}
	words := []string{c.Command.HelpName}
	for _, path := range c.Args().Slice() {
		words = append(words, shellWord(path))
	}
	return fail("%q is an encrypted file, %v, and would be replaced by readable credentials", output, found).
		hint(fmt.Sprintf("\"%s --encrypt\" writes it encrypted", strings.Join(words, " ")))
}

// outputFlags are about the form of an output.
func outputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "output-format", Usage: "write `FORM`: dockercfg (config.json, the default), legacy (the flat .dockercfg), kubernetes-secret, or env (DOCKER_AUTH_CONFIG=…)"},
		&cli.StringFlag{Name: "name", Usage: "call the Kubernetes Secret `NAME`"},
		&cli.StringFlag{Name: "namespace", Usage: "put the Kubernetes Secret into `NAMESPACE`"},
		&cli.StringSliceFlag{Name: "label", Usage: "give the Kubernetes Secret the label `KEY=VALUE`; may be repeated"},
		&cli.BoolFlag{Name: "partial", Usage: "leave out tokens that the form has no place for, which are an error otherwise"},
	}
}

// wantedOutput reads the flags of outputFlags.
func wantedOutput(c *cli.Context) (dockercfg.Output, error) {
	o := dockercfg.Output{Name: c.String("name"), Namespace: c.String("namespace"), Partial: c.Bool("partial")}
	if name := c.String("output-format"); c.IsSet("output-format") {
		var err error
		if o.Form, err = dockercfg.ParseForm(name); err != nil {
			return o, misuse("--output-format: %q is not dockercfg, legacy, kubernetes-secret or env", name)
		}
	}
	for _, label := range c.StringSlice("label") {
		key, value, found := strings.Cut(label, "=")
		if _, twice := o.Labels[key]; twice || !found {
			return o, misuse("--label: %q is not KEY=VALUE, or its key is given twice", label)
		}
		if o.Labels == nil {
			o.Labels = make(map[string]string)
		}
		o.Labels[key] = value
	}
	for _, flag := range []string{"name", "namespace", "label"} {
		if c.IsSet(flag) && o.Form != dockercfg.KubernetesSecret {
			return o, misuse("--%s is for a Kubernetes Secret", flag).hint("add --output-format kubernetes-secret, or leave it out")
		}
	}
	return o, nil
}

// encode gives a file in the form that is wanted, and the registries in it. What
// is before stands before messages.
func (p *program) encode(file *dockercfg.File, o dockercfg.Output, before string) (text []byte, registries string, err error) {
	text, err = file.EncodeAs(o)
	var unsupported *dockercfg.UnsupportedError
	var bad *dockercfg.OutputError
	switch {
	case errors.As(err, &unsupported):
		return nil, "", fail("%s%w", before, err).hint("--partial leaves them out")
	case errors.As(err, &bad) && bad.Field == "Name" && o.Name == "":
		return nil, "", misuse("a Kubernetes Secret needs a name").hint("--name regcred, say")
	case errors.As(err, &bad) && bad.Field != "":
		return nil, "", misuse("--%s: %s", map[string]string{"Name": "name", "Namespace": "namespace", "Labels": "label"}[bad.Field], bad.Problem)
	case err != nil:
		return nil, "", fmt.Errorf("%s%w", before, err)
	}
	var names []string
	for _, entry := range file.Entries() {
		token := entry.IdentityToken != (dockercfg.Secret{}) || entry.RegistryToken != (dockercfg.Secret{})
		switch {
		case !token || !o.Partial || o.Form == dockercfg.Config || o.Form == file.Form():
			names = append(names, entry.Registry)
		case entry.Password == (dockercfg.Secret{}):
			p.warn("%s%s is left out: the form %v has no place for its token", before, entry.Registry, o.Form)
		default:
			names = append(names, entry.Registry)
			p.warn("%sthe token for %s is left out: the form %v has no place for it", before, entry.Registry, o.Form)
		}
	}
	return text, firstOf(names), nil
}

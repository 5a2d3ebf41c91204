package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/content"
	"github.com/dockercfg/jet/internal/encryptedfile"
	"github.com/dockercfg/jet/internal/projectkey"
)

func (p *program) gitTextconvCommand() *cli.Command {
	return &cli.Command{
		Name:        "textconv",
		Usage:       "Write what is in a file with all values masked, for git diff.",
		ArgsUsage:   "FILE",
		UsageText:   `git config diff.jet.textconv "jet git textconv"`,
		Description: `Each value becomes a short digest under the project key: equal ones are equal values of one name, and whoever does not have the key learns no more from them. Without the key, or for a file that does not open, it writes what the file is; it does not fail, since git would fail with it.`,
		Flags:       []cli.Flag{keyPathFlag()},
		Action:      p.textconv,
	}
}

func (p *program) textconv(c *cli.Context) error {
	if err := wantPaths(c, 1); err != nil {
		return err
	}
	name := c.Args().First()
	in, err := p.openInput(c.Context, name)
	if err != nil {
		return err
	}
	defer in.Close()
	digest := sha256.New()
	data, err := io.ReadAll(io.LimitReader(io.TeeReader(in, digest), maxWhole+1))
	if err != nil {
		return err
	}
	rest, err := io.Copy(digest, in)
	if err != nil {
		return err
	}
	text, problem := p.masked(c.Context, name, c.String("key-path"), data)
	if problem != "" {
		text = fmt.Appendf(nil, "# %s, %d bytes, SHA-256 %x…: %s\n", encryptionOf(data), int64(len(data))+rest, digest.Sum(nil)[:6], printable(problem))
	}
	_, err = p.stdout.Write(text)
	return err
}

// encryptionOf says how data are encrypted, by their beginning.
func encryptionOf(data []byte) string {
	format, err := encryptedfile.Detect(data)
	switch {
	case err != nil:
		return "encrypted in a format that is not known"
	case format == 0:
		return "not encrypted"
	}
	return fmt.Sprintf("encrypted as %v", format)
}

// masked gives what is in a file with all values masked, or says why it cannot.
// The same data gives the same text under every name that git may give it.
func (p *program) masked(ctx context.Context, name, keyPath string, data []byte) (text []byte, problem string) {
	if len(data) > maxWhole {
		return nil, "too large to look into"
	}
	// What is not in order is said here, not once more for each version.
	quiet := &program{stdin: p.stdin, stdout: p.stdout, stderr: io.Discard, lookupEnv: p.lookupEnv, signals: p.signals}
	r := &reader{program: quiet, past: true}
	var err error
	r.key, err = projectkey.Lookup{KeyPath: keyPath, LookupEnv: p.lookupEnv, Stderr: p.stderr}.Find(ctx)
	var missing *projectkey.NotFoundError
	switch {
	case errors.As(err, &missing):
		return nil, "there is no project key to look into it"
	case err != nil:
		return nil, err.Error()
	}
	r.haveKey = true
	masker, err := content.NewMasker(r.key.Key)
	if err != nil {
		return nil, err.Error()
	}
	plain, _, err := r.openData(ctx, name, data)
	if err != nil {
		return nil, plainCause(err).Error()
	}
	c := content.Parse(plain, name)
	return fmt.Appendf(nil, "# %s, %v\n%s", encryptionOf(data), c.Kind, masker.Lines(c, plain)), ""
}

// plainCause is what is wrong with a file, without the name that git gave it.
func plainCause(err error) error {
	for _, known := range [...]error{crypto.ErrWrongKey, crypto.ErrDamaged, crypto.ErrUnknownFormat, crypto.ErrHeaderLost, crypto.ErrVariant} {
		if errors.Is(err, known) {
			return known
		}
	}
	return err
}

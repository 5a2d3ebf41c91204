package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/internal/projectkey"
	"github.com/dockercfg/jet/internal/sharedkey"
	"github.com/dockercfg/jet/internal/shellword"
	"github.com/dockercfg/jet/internal/trustedkey"
	"github.com/dockercfg/jet/internal/worktree"
)

func (p *program) shareCommand() *cli.Command {
	return &cli.Command{
		Name:  "share",
		Usage: "Encrypt the project key for colleagues, into codeship.aes.age.",
		UsageText: `jet key share --to alice.pub --to ~/.ssh/id_ed25519.pub
jet key share --to age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p --name bob
curl -fsS https://github.com/alice.keys | jet key share --to - --name alice`,
		Description: `RECIPIENT is a public key: of an SSH key (ssh-ed25519 or ssh-rsa) or of age (age1…); or a file with such keys, one a line, as .pub, authorized_keys and age's recipients files have them; or - for stdin. Those who had a share before keep it. Writes codeship.aes.age, and codeship.aes.recipients that lists for whom it is: both are to be committed. Whoever has a share can read all that is encrypted with the key.`,
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "to", Usage: "share with `RECIPIENT`; may be repeated"},
			&cli.StringFlag{Name: "name", Usage: "call the recipients of this command `NAME`; without it a key is called as its comment says"},
			&cli.BoolFlag{Name: "replace", Usage: "share with these recipients alone, whoever was listed before"},
			keyPathFlag(), trustKeyFlag(),
		},
		Action: p.share,
	}
}

func (p *program) share(c *cli.Context) error {
	if err := wantPaths(c, 0); err != nil {
		return err
	}
	recipients, err := p.wantedRecipients(c)
	if err != nil {
		return err
	}
	key, shared, err := p.sharing(c)
	if err != nil {
		return err
	}
	replace := c.Bool("replace")
	switch {
	case shared.hasPassphrase():
		return fail("%q has a passphrase, and age does not mix that with recipients", shared.path).
			hint(`"jet key unprotect" takes the passphrase off; then share`)
	case replace:
		shared.list = sharedkey.List{}
	case shared.file != nil && !shared.listed:
		return fail("%q does not say for whom it is, and there is no %q that does", shared.path, shared.listPath).
			hint("name everybody: --replace --to FILE --to FILE…")
	case shared.listed:
		if err := adviseList(shared.list.Check(key.Key), shared); err != nil {
			return err
		}
	}
	before := len(shared.list.Recipients)
	added := shared.list.Add(recipients...)
	if shared.list.Mixed() {
		return fail("post-quantum keys of age do not go together with others: the file would be as weak as the weakest").
			hint("--replace shares with the keys of one kind alone")
	}
	if err := p.writeShared(c.Context, shared, key.Key); err != nil {
		return err
	}
	if err := trustedkey.Remember(shared.path, key.Key.Fingerprint()); err != nil {
		p.warn("the fingerprint of the key could not be remembered: %v", err)
	}
	for _, r := range added {
		p.note("shared with %s", describe(r))
	}
	if before > 0 && added == nil {
		p.note("everybody had a share already; %q is new all the same", shared.path)
	}
	p.note("wrote %q and %q", shared.path, shared.listPath)
	p.sayWhatGitDoes(c.Context, shared)
	return nil
}

// sharing finds the key, which must be known as that of the project, and the files
// for it.
func (p *program) sharing(c *cli.Context) (projectkey.Found, *sharedFile, error) {
	key, err := p.findKey(c.Context, c.String("key-path"))
	if err != nil {
		return key, nil, err
	}
	// A key that somebody else put there must not become that of everybody.
	if _, err := p.writingKey(c.Context, key, "", c.String("trust-key")); err != nil {
		return key, nil, err
	}
	shared, err := loadShared(key)
	return key, shared, err
}

// adviseList says what to do about a list that is not as it was written.
func adviseList(err error, s *sharedFile) error {
	if !errors.Is(err, sharedkey.ErrAltered) {
		return err
	}
	return fail("%q: %w", s.listPath, err).
		hint(`"jet key list" shows who is in it, "git log -p -- ` + shellword.Quote(s.listPath) + `" who changed it`).
		hint(`if all of them are right: "jet key share --replace --to ` + shellword.Quote(s.listPath) + `"`)
}

// sayWhatGitDoes tells what is left to do for the files to reach the others.
func (p *program) sayWhatGitDoes(ctx context.Context, s *sharedFile) {
	paths := []string{s.path, s.listPath}
	for _, path := range paths {
		if ignored, err := worktree.Ignores(ctx, path); err == nil && ignored {
			p.warn("git ignores %q, so nobody else gets it", path)
			p.hint("git add -f -- %s", shellword.Quote(path))
			return
		}
	}
	if _, top, err := worktree.Top(""); err == nil && top != "" {
		p.hint("git add -- %s %s", shellword.Quote(paths[0]), shellword.Quote(paths[1]))
	}
}

// describe names a recipient for people.
func describe(r sharedkey.Recipient) string {
	if r.Name == "" {
		return r.Kind + " " + r.Fingerprint()
	}
	return fmt.Sprintf("%s (%s %s)", r.Name, r.Kind, r.Fingerprint())
}

// wantedRecipients reads what the flags --to name.
func (p *program) wantedRecipients(c *cli.Context) ([]sharedkey.Recipient, error) {
	texts := c.StringSlice("to")
	if len(texts) == 0 {
		return nil, misuse("%s needs --to RECIPIENT", c.Command.HelpName).hint(usageOf(c.Command.HelpName, c.Command))
	}
	name := sharedkey.CleanName(c.String("name"))
	if c.IsSet("name") && name == "" {
		return nil, misuse("--name: the name is empty")
	}
	var all []sharedkey.Recipient
	for i, text := range texts {
		if text == "" {
			return nil, misuse("--to: the recipient is empty")
		}
		if text == "-" && contains(texts[:i], "-") {
			return nil, misuse("stdin can be read once, and \"--to -\" is given twice")
		}
		found, err := p.recipients(c.Context, text)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	if name != "" {
		for i := range all {
			all[i].Name = name
		}
	}
	return all, nil
}

func contains(words []string, word string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}

// maxRecipients bounds a file of public keys, in bytes.
const maxRecipients = 1 << 20

// recipients reads a public key, or a file of them.
func (p *program) recipients(ctx context.Context, text string) ([]sharedkey.Recipient, error) {
	one, err := sharedkey.ParseRecipient(text)
	if err == nil {
		return []sharedkey.Recipient{one}, nil
	}
	if errors.Is(err, sharedkey.ErrPrivateKey) {
		return nil, misuse("--to: %w", err).hint(`the public key of an age key is what "age-keygen -y FILE" prints`)
	}
	if text != "-" && (errors.Is(err, sharedkey.ErrUnsupportedKey) || strings.HasPrefix(text, "age1") || strings.HasPrefix(text, "ssh-")) && !exists(text) {
		return nil, adviseRecipient(misuse("--to: %w", err), err)
	}
	in, openErr := p.openInput(ctx, text)
	if openErr != nil {
		if text != "-" && !exists(text) {
			return nil, fail("--to: %q is no public key, and no file", text).
				hint(`a public key is age1…, ssh-ed25519 … or ssh-rsa …; "curl -fsS https://github.com/USER.keys | jet key share --to - --name USER" takes those of a user of GitHub`)
		}
		return nil, openErr
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, maxRecipients+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxRecipients:
		return nil, fail("%s: it is over %d MiB long, which no file of public keys is", in.name, maxRecipients>>20)
	}
	found, unsupported, err := sharedkey.ParseRecipients(data)
	if err != nil {
		f := fail("%s: %w", in.name, err)
		if errors.Is(err, sharedkey.ErrPrivateKey) && text != "-" && exists(text+".pub") {
			return nil, f.hint("--to " + shellword.Quote(text+".pub"))
		}
		return nil, adviseRecipient(f, err)
	}
	if unsupported > 0 {
		p.warn("%s: left out %d keys of kinds that age cannot encrypt to", in.name, unsupported)
	}
	return found, nil
}

func adviseRecipient(f *failure, err error) error {
	switch {
	case errors.Is(err, sharedkey.ErrUnsupportedKey):
		return f.hint(`age knows ssh-ed25519 and ssh-rsa: "ssh-keygen -t ed25519" makes such a key, "age-keygen" one of age`)
	case errors.Is(err, sharedkey.ErrPrivateKey):
		return f.hint(`"ssh-keygen -y -f FILE" prints the public key of an SSH key, "age-keygen -y FILE" that of an age key`)
	}
	return f
}

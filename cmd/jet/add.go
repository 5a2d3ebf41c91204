package main

import (
	"encoding/json"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/dockercfg"
)

func (p *program) addCommand() *cli.Command {
	return &cli.Command{
		Name:      "add",
		Usage:     "Put the credential for a registry into a file.",
		ArgsUsage: "FILE REGISTRY",
		UsageText: `jet dockercfg add dockercfg.encrypted quay.io --username ci
jet dockercfg add dockercfg.encrypted docker.io --username ci --encrypt
printf %s "$TOKEN" | jet dockercfg add dockercfg ghcr.io --username ci --password-stdin`,
		Description: `Asks for the password on the terminal, without showing it, or reads it from stdin; it is never an argument. One line end after it is taken off, nothing else. The credential takes the place of one that the file has for the registry. A file that is not there is made. REGISTRY may hold * for parts of a host (*.dkr.ecr.eu-west-1.amazonaws.com), for docker-credential-jet and Kubernetes; Docker itself knows no patterns.`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "username", Aliases: []string{"u"}, Usage: "log in as `USER`"},
			&cli.BoolFlag{Name: "password-stdin", Usage: "read the password from stdin"},
			&cli.BoolFlag{Name: "identity-token-stdin", Usage: "read an identity token from stdin, instead of a password"},
		}, newFileFlags()...),
		Action: p.add,
	}
}

func (p *program) add(c *cli.Context) error {
	if err := wantPaths(c, 2); err != nil {
		return err
	}
	key, err := wantRegistry(c.Args().Get(1))
	if err != nil {
		return err
	}
	entry := dockercfg.Entry{Registry: key, Username: c.String("username")}
	token := c.Bool("identity-token-stdin")
	switch {
	case token && c.Bool("password-stdin"):
		return misuse("--password-stdin and --identity-token-stdin both want stdin").hint("leave one of the two out")
	case entry.Username == "" && !token:
		return misuse("%s needs --username USER", c.Command.HelpName).hint(usageOf(c.Command.HelpName, c.Command))
	case strings.Contains(entry.Username, ":"):
		// Not quoted: somebody may have written the password behind it.
		return misuse("--username holds a colon, which ends a user name in the file").hint("the password is asked for, or read with --password-stdin")
	}
	return p.changeDockercfg(c, func(f *credentialsFile, _ *reader) error {
		kind := "password"
		if token {
			kind = "identity token"
		}
		who := entry.Registry
		if entry.Username != "" {
			who = entry.Username + " at " + who
		}
		secret, err := p.readSecret(c.Context, kind, who, token || c.Bool("password-stdin"))
		if err != nil {
			return err
		}
		p.warnSecret(kind, entry.Username, secret)
		if token {
			entry.IdentityToken = dockercfg.NewSecret(secret)
		} else {
			entry.Password = dockercfg.NewSecret(secret)
		}
		before := f.has(key)
		text, err := f.Encode()
		if err != nil {
			return err
		}
		if err := f.Set(entry); err != nil {
			return err
		}
		p.warnTokens(f, entry)
		switch after, err := f.Encode(); {
		case err != nil:
			return err
		case before && string(after) == string(text):
			p.note("%s has this credential for %s already", f.shown(), key)
		case before:
			p.note("%s: replaced the credential for %s", f.shown(), key)
		}
		return nil
	})
}

// warnSecret tells what is probably wrong with a secret, which is used as it is.
func (p *program) warnSecret(kind, user, secret string) {
	if strings.TrimSpace(secret) != secret {
		p.warn("the %s begins or ends with white space; it is used as it is", kind)
	}
	if user == keyFileUser && !json.Valid([]byte(secret)) || user == keyFileUser && !strings.HasPrefix(strings.TrimSpace(secret), "{") {
		p.warn("the %s is not the JSON of a key file, which user %s needs; it is used as it is", kind, user)
	}
}

// keyFileUser is the user whose password is the key file of a Google service
// account (cloud.google.com/artifact-registry/docs/docker/authentication); with
// "_base64" behind it that file in base64.
const keyFileUser = "_json_key"

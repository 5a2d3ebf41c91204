package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/accounts"
	"github.com/dockercfg/jet/internal/credentialhelper"
	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/worktree"
)

func (p *program) tokenCommand() *cli.Command {
	return &cli.Command{
		Name:      "token",
		Usage:     "Print the password or token for a registry, and nothing else.",
		ArgsUsage: "HOST",
		UsageText: `jet token quay.io
jet token quay.io --dockercfg deploy/dockercfg.encrypted
jet token production --config registries.yaml
jet token quay.io | helm registry login quay.io --username ci --password-stdin`,
		Description: `For programs that run a command for a password. The credential stands in the file that --dockercfg or JET_DOCKERCFG names, else in dockercfg.encrypted in this folder or the nearest one above it, up to the top of the git work tree. With --config it is made new, as a file of registries says, for the registry of that name or host, or for the default one if there is no argument; so is what the project's file does not have, if JET_REGISTRIES names such a file with its full path, or jet/registries.yaml lies in your own configuration. Of several secrets the identity token is printed, else the password. A line end follows on a terminal only.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dockercfg", Usage: "look into `FILE`"},
			accountsFlag("get the credential as `FILE`, such as registries.yaml, says"),
			&cli.BoolFlag{Name: "json", Usage: "print registry, username, secret and, if it is known, when it expires"},
			noCacheFlag(), keyPathFlag(), requireFlag(),
		},
		Action: p.token,
	}
}

func (p *program) token(c *cli.Context) error {
	for _, flag := range [...]string{"dockercfg", "config"} {
		if c.IsSet(flag) && c.String(flag) == "" {
			return misuse("--%s: the name is empty", flag)
		}
	}
	if c.IsSet("dockercfg") && c.IsSet("config") {
		return misuse("--dockercfg and --config do not go together").hint("--dockercfg is for credentials as they stand in a file, --config for those that are made new")
	}
	r, err := p.newReader(c)
	if err != nil {
		return err
	}
	entry, err := p.findToken(c, r)
	if err != nil {
		return err
	}
	return p.printToken(c, entry)
}

// findToken takes the credential from the place that the command line names, else
// from where docker-credential-jet would: the project's file, then the user's
// accounts.
func (p *program) findToken(c *cli.Context, r *reader) (dockercfg.Entry, error) {
	switch {
	case c.IsSet("config"):
		return p.makeToken(c, r, c.String("config"))
	case c.IsSet("dockercfg"):
		if err := wantHost(c); err != nil {
			return dockercfg.Entry{}, err
		}
		return p.storedToken(c, r, c.String("dockercfg"))
	}
	accounts, err := credentialhelper.AccountsFile(p.lookupEnv)
	if err != nil {
		return dockercfg.Entry{}, withHint(err, credentialhelper.AccountsVariable+"=/path/to/registries.yaml names it wherever one is")
	}
	if accounts != "" && !c.Args().Present() {
		return p.makeToken(c, r, accounts)
	}
	if err := wantHost(c); err != nil {
		return dockercfg.Entry{}, err
	}
	stored, err := p.findDockercfg()
	if err == nil {
		var entry dockercfg.Entry
		if entry, err = p.storedToken(c, r, stored); err == nil {
			return entry, nil
		}
	}
	if accounts != "" && errors.Is(err, errNoCredential) {
		return p.makeToken(c, r, accounts)
	}
	return dockercfg.Entry{}, err
}

// wantHost checks that there is one argument, which names a registry.
func wantHost(c *cli.Context) error {
	if err := wantPaths(c, 1); err != nil {
		return err
	}
	if _, err := dockercfg.NormalizeRegistry(c.Args().First()); err != nil {
		return misuse("%w", err).hint(registryHint)
	}
	return nil
}

// errNoCredential says that the project has no credential for a registry.
var errNoCredential = errors.New("there is no credential for it in the project")

// makeToken gets the credential for an account of a file of registries.
func (p *program) makeToken(c *cli.Context, r *reader, name string) (dockercfg.Entry, error) {
	if c.Args().Len() > 1 {
		return dockercfg.Entry{}, wantPaths(c, 1)
	}
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) && !c.IsSet("config") {
		return dockercfg.Entry{}, fail("%s: there is no file %q", credentialhelper.AccountsVariable, name).
			hint("unset " + credentialhelper.AccountsVariable + ", or have it name registries.yaml by its full path")
	}
	file, err := r.accounts(c.Context, name)
	if err != nil {
		return dockercfg.Entry{}, err
	}
	host := c.Args().First()
	if c.Bool("json") && host != "" && file.Of(host) == nil {
		fmt.Fprintln(p.stdout, `{"found":false}`) // for programs, which then ask elsewhere
	}
	account, err := file.one(host)
	if err != nil {
		return dockercfg.Entry{}, err
	}
	l := limits{timeout: defaultTimeout + account.Timeout, cache: p.tokenCache(c)}
	runs, err := file.runs([]accounts.Account{account}, l)
	if err != nil {
		return dockercfg.Entry{}, err
	}
	made, err := p.collect(c.Context, runs, nil, l)
	if err != nil {
		return dockercfg.Entry{}, err
	}
	entry := made.file.Entries()[0] // there is one for an account
	if len(made.lives) > 0 {
		entry.Expires = made.lives[0].at
	}
	return entry, nil
}

// storedToken takes the credential from a file.
func (p *program) storedToken(c *cli.Context, r *reader, name string) (entry dockercfg.Entry, err error) {
	host := c.Args().First()
	f, err := r.dockercfg(c.Context, name)
	if err != nil {
		return entry, err
	}
	if err := r.refusePlain(f.shown(), f.format); err != nil {
		return entry, err
	}
	entry, found, err := f.Lookup(host)
	switch {
	case err != nil:
		return entry, fmt.Errorf("%s: %w", f.shown(), err)
	case !found && f.registries() == "":
		return entry, absent(fail("%s has no credential for %s, nor for anything else", f.shown(), host))
	case !found:
		return entry, absent(fail("%s has no credential for %s", f.shown(), host).hint("it has credentials for " + f.registries()))
	}
	return entry, nil
}

// absent marks a failure as errNoCredential, which it does not print.
func absent(f *failure) *failure {
	f.err = renamed{f.err.Error(), errNoCredential}
	return f
}

// printToken writes the secret of a credential, or with --json all of it.
func (p *program) printToken(c *cli.Context, entry dockercfg.Entry) error {
	secret := cmp.Or(entry.IdentityToken.Reveal(), entry.Password.Reveal(), entry.RegistryToken.Reveal())
	p.mask(secret)
	if c.Bool("json") {
		answer := struct {
			Registry string     `json:"registry"`
			Username string     `json:"username"`
			Secret   string     `json:"secret"`
			Expires  *time.Time `json:"expires,omitempty"`
		}{Registry: entry.Registry, Username: entry.Username, Secret: secret}
		if entry.IdentityToken != (dockercfg.Secret{}) {
			answer.Username = dockercfg.IdentityTokenUser
		}
		if !entry.Expires.IsZero() {
			expires := entry.Expires.UTC().Truncate(time.Second)
			answer.Expires = &expires
		}
		return json.NewEncoder(p.stdout).Encode(answer)
	}
	if _, ok := terminalOf(p.stdout); ok {
		secret += "\n"
	}
	_, err := io.WriteString(p.stdout, secret)
	return err
}

const dockercfgVariable = "JET_DOCKERCFG"

// findDockercfg gives the path of the project's file, as docker-credential-jet
// finds it.
func (p *program) findDockercfg() (string, error) {
	if path, ok := p.lookupEnv(dockercfgVariable); ok {
		if path == "" {
			return "", fail("%s is set but empty", dockercfgVariable)
		}
		return path, nil
	}
	path, err := worktree.Nearest(".", credentialhelper.FileName)
	switch {
	case err != nil:
		return "", fmt.Errorf("looking for %s: %w", credentialhelper.FileName, err)
	case path == "":
		return "", absent(fail("there is no %s in this folder, nor in one above it up to the top of the git work tree", credentialhelper.FileName).
			hint(`--dockercfg FILE or ` + dockercfgVariable + ` names one; "jet dockercfg add ` + credentialhelper.FileName + ` REGISTRY --username USER --encrypt" makes it`))
	}
	if same, err := outfile.SameFile(path, credentialhelper.FileName); err == nil && same {
		return credentialhelper.FileName, nil // shorter in messages
	}
	return path, nil
}

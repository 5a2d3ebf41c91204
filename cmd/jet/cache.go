package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/credentialstore"
	"github.com/dockercfg/jet/internal/helperconfig"
	"github.com/dockercfg/jet/internal/knownkeys"
	"github.com/dockercfg/jet/internal/storedkey"
	"github.com/dockercfg/jet/internal/tokencache"
	"github.com/dockercfg/jet/internal/userstore"
)

// noCacheVariable turns the cache off if it is set to anything but nothing.
const noCacheVariable = "JET_NO_CACHE"

func noCacheFlag() cli.Flag {
	return &cli.BoolFlag{Name: "no-cache", Usage: "ask for new tokens, and keep none for the next time"}
}

func (p *program) cacheCommand() *cli.Command {
	return &cli.Command{
		Name:  "cache",
		Usage: "See and empty the folder in which tokens are kept.",
		UsageText: `jet cache show
jet cache clear`,
		Description: `Tokens that live for hours are kept, encrypted, and used again for half of their lives by the same identity. --no-cache or ` + noCacheVariable + `=1 does without.`,
		Action:      chooseBelow,
		Subcommands: []*cli.Command{
			{
				Name:  "show",
				Usage: "Print the path of the folder.",
				UsageText: `jet cache show
jet cache show --json`,
				Description: `How many tokens are in it goes to stderr.`,
				Flags:       []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "write one JSON object, with the folder and how many tokens are in it"}},
				Action: func(c *cli.Context) error {
					folder, err := cacheFolder(c)
					if err != nil {
						return err
					}
					tokens, err := tokencache.Count(folder)
					if err != nil {
						return err
					}
					if c.Bool("json") {
						return json.NewEncoder(p.stdout).Encode(struct {
							Folder string `json:"folder"`
							Tokens int    `json:"tokens"`
						}{folder, tokens})
					}
					p.note("%s kept", count(tokens, "token"))
					_, err = fmt.Fprintln(p.stdout, folder)
					return err
				},
			},
			{
				Name:        "clear",
				Usage:       "Remove all tokens that are kept, and the key that the system's store has for them.",
				UsageText:   `jet cache clear`,
				Description: `Tokens that others already have live on. The next token that is kept has another key, if that is not the project's.`,
				Action: func(c *cli.Context) error {
					folder, err := cacheFolder(c)
					if err != nil {
						return err
					}
					tokens, err := tokencache.Clear(folder)
					if err != nil {
						return err
					}
					p.note("removed %s", count(tokens, "token"))
					record, err := knownkeys.Load(cacheKeyName)
					if err != nil || record.Stored == nil {
						return err
					}
					helper := record.Stored.Helper
					if err := storedkey.Forget(c.Context, record, credentialstore.Options{Stderr: p.stderr}); err != nil {
						// What the store has is worth nothing without the half that goes now.
						p.warn("docker-credential-%s keeps its half of the key of the cache: %v", helper, err)
						record.Stored = nil
						return record.Save()
					}
					p.note("docker-credential-%s no longer has the key of the cache", helper)
					return nil
				},
			},
		},
	}
}

func cacheFolder(c *cli.Context) (string, error) {
	if err := wantPaths(c, 0); err != nil {
		return "", err
	}
	return tokencache.Folder()
}

// tokenCache gives the cache for a command line, nil for none. It looks nothing up.
func (p *program) tokenCache(c *cli.Context) *tokencache.Cache {
	if off, _ := p.lookupEnv(noCacheVariable); off != "" || c.Bool("no-cache") {
		return nil
	}
	folder, err := tokencache.Folder()
	if err != nil {
		return nil
	}
	keyPath := c.String("key-path")
	return &tokencache.Cache{
		Folder: folder,
		Key:    func(ctx context.Context) (crypto.Key, bool) { return p.cacheKey(ctx, keyPath) },
	}
}

// cacheKey gives the key of the cache: that of the project, if this command has it
// already or it is at hand, and nobody can have put it into the repository; else one
// that is kept for this alone.
func (p *program) cacheKey(ctx context.Context, keyPath string) (crypto.Key, bool) {
	p.keysMutex.Lock()
	found, ok := p.keys[[2]string{"", keyPath}]
	p.keysMutex.Unlock()
	if !ok {
		lookup := p.keyLookup("", keyPath)
		lookup.AtHand = true
		var err error
		found, err = lookup.Find(ctx)
		ok = err == nil
	}
	if ok {
		if foreign, err := found.FromRepository(ctx); err == nil && !foreign {
			return found.Key, true
		}
	}
	return p.ownCacheKey(ctx)
}

const (
	// cacheKeyName stands in the place of a work tree where the key that is kept for
	// the cache is remembered.
	cacheKeyName = "the cache of tokens"
	// cacheKeyTime is how long the store may take.
	cacheKeyTime = 3 * time.Second
)

// ownCacheKey gives the key that the system's store keeps for the cache, and makes it
// if there is none. Nobody is asked to unlock anything for it.
func (p *program) ownCacheKey(ctx context.Context) (crypto.Key, bool) {
	options := credentialstore.Options{Timeout: cacheKeyTime, Unattended: true}
	get := func() (record knownkeys.Record, key crypto.Key, ok bool) {
		record, err := knownkeys.Load(cacheKeyName)
		if err != nil {
			return record, key, false
		}
		text, err := storedkey.Get(ctx, record, options)
		if err == nil {
			key, err = crypto.ParseKey(text)
		}
		return record, key, err == nil
	}
	record, key, ok := get()
	if ok {
		return key, true
	}
	name, _, err := userstore.Named(p.lookupEnv, "")
	if err != nil || name == helperconfig.Name {
		return key, false
	}
	if name == "" {
		name = userstore.OfPlatform()
	}
	if name == "" {
		return key, false
	}
	key = crypto.GenerateKey()
	if err := storedkey.Keep(ctx, key, record, name, options); err != nil {
		return key, false
	}
	// Who made one at the same time may have been later.
	_, key, ok = get()
	return key, ok
}

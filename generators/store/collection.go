package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/credentialstore"
	"github.com/dockercfg/jet/internal/dockerconfig"
)

// collection is one gathering of credentials. Registries are in normal form.
type collection struct {
	ctx     context.Context
	docker  *dockerconfig.Configuration
	options credentialstore.Options

	store   string                     // the helper for all registries but those of helpers; "" for none
	helpers map[string]string          // by registry; "" means the file
	inFile  map[string]dockercfg.Entry // by registry
	spelt   map[string][]string        // registries in the spellings of the file

	found   map[string]*credentialstore.Store // by helper
	missing map[string]*missing               // by helper

	entries map[string]dockercfg.Entry
	notices []string
	errs    []error
}

// missing is a helper without a program, and what it was wanted for.
type missing struct {
	err        error
	registries []string
}

func newCollection(ctx context.Context, docker *dockerconfig.Configuration, o credentialstore.Options) *collection {
	c := &collection{
		ctx: ctx, docker: docker, options: o,
		store:   docker.Store,
		helpers: make(map[string]string),
		inFile:  make(map[string]dockercfg.Entry),
		spelt:   make(map[string][]string),
		found:   make(map[string]*credentialstore.Store),
		missing: make(map[string]*missing),
		notices: slices.Clone(docker.Notices),
		entries: make(map[string]dockercfg.Entry),
	}
	jet := isJet(c.store)
	if jet {
		c.store = ""
	}
	for _, server := range slices.Sorted(maps.Keys(docker.Helpers)) {
		helper := docker.Helpers[server]
		registry, ok := c.normalize(server, "credHelpers")
		switch have, twice := c.helpers[registry]; {
		case !ok:
		case isJet(helper):
			jet = true // so the registry is the store's: jet stands before it
		case !twice || have == helper:
			c.helpers[registry] = helper
			c.spelt[registry] = append(c.spelt[registry], server)
		default:
			kept := have
			if server == registry { // the key that Docker looks up
				kept, c.helpers[registry] = helper, helper
			}
			c.notice("%s: credHelpers names it twice, with different helpers; %q is asked", registry, kept)
		}
	}
	if jet {
		c.notice(`the helper "jet" is not asked: it answers from what jet itself has written`)
	}
	for _, server := range docker.Servers {
		// What names no registry, or several, is in the notices of the file.
		if registry, err := dockercfg.NormalizeRegistry(server); err == nil && !isLoginItem(server) {
			c.spelt[registry] = append(c.spelt[registry], server)
		}
	}
	for _, entry := range docker.Entries {
		c.inFile[entry.Registry] = entry
	}
	return c
}

// isJet reports whether a helper is our own.
func isJet(helper string) bool {
	return strings.EqualFold(strings.TrimSuffix(strings.ToLower(helper), ".exe"), "jet")
}

// normalize gives the registry of a server's name. One that names none is noticed.
func (c *collection) normalize(server, where string) (registry string, ok bool) {
	registry, err := dockercfg.NormalizeRegistry(server)
	if err == nil {
		return registry, true
	}
	shown := fmt.Sprintf("%q", server)
	if strings.Contains(server, "@") || len(server) > 200 { // there may be a password before it
		shown = "one name"
	}
	var problem *dockercfg.RegistryNameError
	if errors.As(err, &problem) {
		shown += " (" + problem.Problem + ")"
	}
	c.notice("%s: %s names no registry and is left out", where, shown)
	return "", false
}

// isLoginItem tells the two items that a web login to Docker Hub keeps beside the
// credential; they are of use to nobody but Docker itself (docker/cli v29.9.3,
// internal/oauth/manager/manager.go).
func isLoginItem(server string) bool {
	server = strings.TrimRight(server, "/")
	if !strings.HasSuffix(server, "/access-token") && !strings.HasSuffix(server, "/refresh-token") {
		return false
	}
	registry, err := dockercfg.NormalizeRegistry(server)
	return err == nil && registry == dockercfg.DockerHub
}

// helperOf gives the helper that Docker would ask for a registry, "" for none.
func (c *collection) helperOf(registry string) string {
	if helper, ok := c.helpers[registry]; ok {
		return helper
	}
	return c.store
}

// some gathers the credentials of these registries, without a listing.
func (c *collection) some(registries []string) {
	for _, registry := range registries {
		helper := c.helperOf(registry)
		answer := absent
		if helper != "" {
			answer, _ = c.ask(helper, registry, c.spellings(registry))
		}
		c.addFromFile(registry)
		if _, ok := c.entries[registry]; !ok && answer == absent {
			c.fail(&NotFoundError{Registry: registry, Helper: helper, Path: c.docker.Path})
		}
	}
}

// all gathers what the store lists, what the helpers of single registries have,
// and what stands in the file.
func (c *collection) all() {
	if c.store != "" {
		c.list()
	}
	for _, registry := range slices.Sorted(maps.Keys(c.helpers)) {
		if helper := c.helpers[registry]; helper != "" {
			c.askKnown(helper, registry)
		}
	}
	for _, registry := range slices.Sorted(maps.Keys(c.inFile)) {
		c.addFromFile(registry)
	}
}

// addFromFile adds the credential that stands in the file itself, unless a helper
// gave one.
func (c *collection) addFromFile(registry string) {
	entry, ok := c.inFile[registry]
	if _, have := c.entries[registry]; !ok || have {
		return
	}
	if helper := c.helperOf(registry); helper != "" {
		c.notice("%s: the credential in %s is used; Docker itself ignores it, and asks %q", registry, c.docker.Path, helper)
	}
	c.add(entry)
}

// askKnown asks for a registry that the configuration names. Nothing is wrong if
// there is no credential: Docker goes on without.
func (c *collection) askKnown(helper, registry string) {
	answer, _ := c.ask(helper, registry, c.spellings(registry))
	if _, ok := c.inFile[registry]; !ok && answer == absent {
		c.notice("%s: the store of %q has no credential", registry, helper)
	}
}

// list gathers what the store for all registries lists.
func (c *collection) list() {
	if listsBadly(c.store) {
		c.askNamed()
		return
	}
	program := c.program(c.store, "")
	if program == nil {
		return
	}
	users, err := program.List(c.ctx)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		c.askNamed()
		return
	case err != nil:
		c.fail(err)
		return
	}
	servers := make(map[string][]string) // by registry
	for _, server := range slices.Sorted(maps.Keys(users)) {
		if isLoginItem(server) {
			continue
		}
		registry, ok := c.normalize(server, fmt.Sprintf("the store of %q", c.store))
		if _, others := c.helpers[registry]; ok && !others {
			servers[registry] = append(servers[registry], server)
		}
	}
	for _, registry := range slices.Sorted(maps.Keys(servers)) {
		spellings := servers[registry]
		slices.SortStableFunc(spellings, func(a, b string) int { return rank(a, registry) - rank(b, registry) })
		switch answer, server := c.ask(c.store, registry, spellings); answer {
		case absent:
			c.fail(fmt.Errorf("%s: the store of %q lists it: %w", registry, c.store, credentialstore.ErrNotFound))
		case found:
			c.compare(program, registry, server, spellings, users)
		}
	}
}

// listsBadly names helpers whose list is not what they have, or fails: they make
// tokens for registries that they are asked for.
func listsBadly(helper string) bool {
	switch strings.ToLower(helper) {
	case "ecr-login", "gcr", "gcloud", "acr-env", "acr-linux":
		return true
	}
	return false
}

// askNamed asks a store that does not list for the registries that stand in the
// file: a login leaves them there.
func (c *collection) askNamed() {
	asked := 0
	for _, registry := range slices.Sorted(maps.Keys(c.spelt)) {
		if _, others := c.helpers[registry]; !others {
			c.askKnown(c.store, registry)
			asked++
		}
	}
	c.notice("the helper %q does not list what it has; it was asked for the registries that %s names, %d of them", c.store, c.docker.Path, asked)
}

// rank orders the spellings of a registry; the least is preferred.
func rank(server, registry string) int {
	switch {
	case server == dockercfg.DockerHub:
		return 0
	case strings.TrimSuffix(server, "/") == "https://"+registry:
		return 1
	case server == registry:
		return 2
	case strings.HasPrefix(server, "https://"):
		return 3
	case strings.HasPrefix(server, "http://"):
		return 5
	}
	return 4
}

// spellings are the names under which a store may hold a registry: those in the
// file, the one that Docker asks for, and with schemes, since some stores keep
// or demand one.
func (c *collection) spellings(registry string) []string {
	names := []string{registry, "https://" + registry, "http://" + registry}
	if registry == dockercfg.DockerHub {
		names = []string{registry, "https://index.docker.io", "index.docker.io", "docker.io"}
	}
	var spellings []string
	for _, name := range slices.Concat(c.spelt[registry], names) {
		if !slices.Contains(spellings, name) {
			spellings = append(spellings, name)
		}
	}
	return spellings
}

// answer is how asking for a registry ended.
type answer int

const (
	absent answer = iota // the helper has no credential
	found                // it was added
	failed               // the error was kept
)

// ask asks a helper for a registry in these spellings, up to the first that is
// there, which is the server it gives.
func (c *collection) ask(helper, registry string, servers []string) (a answer, server string) {
	program := c.program(helper, registry)
	if program == nil {
		return failed, ""
	}
	for _, server := range servers {
		user, secret, err := program.Get(c.ctx, server)
		switch {
		case errors.Is(err, credentialstore.ErrNotFound):
			continue
		case err != nil:
			c.fail(fmt.Errorf("%s: %w", registry, err))
			return failed, ""
		}
		if !c.add(entryOf(registry, user, secret)) {
			return failed, ""
		}
		return found, server
	}
	return absent, ""
}

func entryOf(registry, user string, secret dockercfg.Secret) dockercfg.Entry {
	if user == dockercfg.IdentityTokenUser {
		return dockercfg.Entry{Registry: registry, IdentityToken: secret}
	}
	return dockercfg.Entry{Registry: registry, Username: user, Password: secret}
}

// compare looks at the other spellings under which a store holds a registry, once
// that of server was added. It asks only where the users do not tell.
func (c *collection) compare(program *credentialstore.Store, registry, server string, servers []string, users map[string]string) {
	added := c.entries[registry]
	for _, other := range servers[slices.Index(servers, server)+1:] {
		if users[other] == users[server] {
			user, secret, err := program.Get(c.ctx, other)
			if err != nil || entryOf(registry, user, secret) == added {
				continue
			}
		}
		c.notice("%s: the store of %q holds different credentials under %q and %q; the first is used", registry, c.store, server, other)
	}
}

// program finds the program of a helper, for a registry or ("") for a listing. If
// there is none that is kept as an error, and the result is nil.
func (c *collection) program(helper, registry string) *credentialstore.Store {
	if program := c.found[helper]; program != nil {
		return program
	}
	if c.missing[helper] == nil {
		program, err := credentialstore.Find(helper, c.options)
		if err == nil {
			c.found[helper] = program
			return program
		}
		c.missing[helper] = &missing{err: err}
	}
	if registry != "" {
		c.missing[helper].registries = append(c.missing[helper].registries, registry)
	}
	return nil
}

func (c *collection) add(entry dockercfg.Entry) bool {
	if err := entry.Validate(); err != nil {
		c.fail(err)
		return false
	}
	if entry.IdentityToken != (dockercfg.Secret{}) {
		c.notice("%s: the credential is an identity token, which Docker and its relatives use; Kubernetes and Codeship cannot", entry.Registry)
	}
	c.entries[entry.Registry] = entry
	return true
}

func (c *collection) notice(format string, args ...any) {
	c.notices = append(c.notices, fmt.Sprintf(format, args...))
}

func (c *collection) fail(err error) {
	c.errs = append(c.errs, fmt.Errorf("%s: %w", name, err))
}

// result gives what was gathered, in the order of registries, and the errors.
func (c *collection) result() (generators.Result, []error) {
	for _, helper := range slices.Sorted(maps.Keys(c.missing)) {
		m := c.missing[helper]
		if m.registries == nil {
			c.fail(m.err)
		} else {
			c.fail(fmt.Errorf("%s: %w", strings.Join(m.registries, ", "), m.err))
		}
	}
	var result generators.Result
	for _, registry := range slices.Sorted(maps.Keys(c.entries)) {
		result.Entries = append(result.Entries, c.entries[registry])
	}
	result.Notices = c.notices
	return result, c.errs
}

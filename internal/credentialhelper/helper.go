package credentialhelper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/docker/docker-credential-helpers/credentials"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/credentialstore"
	"github.com/dockercfg/jet/internal/helperconfig"
	"github.com/dockercfg/jet/internal/userstore"
)

// storeTimeout is how long one run of the user's store may take. It may ask a
// person for a passphrase.
const storeTimeout = 2 * time.Minute

// RunningVariable is set for what this program runs: the store that it passes on to,
// and jet. Finding it says that the way led back here.
const RunningVariable = "JET_CREDENTIAL_HELPER_RUNNING"

// helper does one action. It is a credentials.Helper, an interface without
// contexts, so it holds that of its only call.
type helper struct {
	ctx     context.Context
	program *Program
	asked   bool // a method was called
	guessed bool // the store is that of the platform, which nobody named
}

var _ credentials.Helper = (*helper)(nil)

// Get gives the credential for server.
func (h *helper) Get(server string) (username, secret string, err error) {
	h.asked = true
	file, path, err := h.load()
	if err != nil {
		return "", "", err
	}
	entry, found, err := lookup(file, server, path)
	if err != nil {
		return "", "", err
	}
	if found {
		return credential(entry, path)
	}
	username, secret, found, err = h.account(server)
	if found || err != nil {
		return username, secret, err
	}
	store, err := h.store(server)
	if err != nil {
		return "", "", err
	}
	if store == nil {
		return "", "", credentials.NewErrCredentialsNotFound()
	}
	name, password, err := store.Get(h.ctx, server)
	switch {
	case errors.Is(err, credentialstore.ErrNotFound):
		return "", "", credentials.NewErrCredentialsNotFound()
	case h.isNone(err):
		h.program.warn(fmt.Errorf("%w; nothing is asked of it", err))
		return "", "", credentials.NewErrCredentialsNotFound()
	}
	return name, password.Reveal(), stored(err)
}

// lookup finds the entry for what a client calls a server: a host, a URL, or the
// name of a repository. What names no registry is not in a file, nor is anything
// if file is nil.
func lookup(file *dockercfg.File, server, path string) (dockercfg.Entry, bool, error) {
	if file == nil {
		return dockercfg.Entry{}, false, nil
	}
	entry, found, err := file.Lookup(server)
	var name *dockercfg.RegistryNameError
	switch {
	case errors.As(err, &name):
		return dockercfg.Entry{}, false, nil
	case err != nil:
		err = fmt.Errorf("%q: %w", path, err)
	}
	return entry, found, err
}

// credential gives an entry as the protocol has it: an identity token comes
// first, as in docker/cli.
func credential(entry dockercfg.Entry, path string) (username, secret string, err error) {
	switch {
	case entry.IdentityToken != (dockercfg.Secret{}):
		return dockercfg.IdentityTokenUser, entry.IdentityToken.Reveal(), nil
	case entry.Password == (dockercfg.Secret{}):
		return "", "", fail(`"jet decrypt" writes a config.json, from which clients read it`,
			"%q has a registry token for %q, which a credential helper cannot hand out", path, entry.Registry)
	}
	return entry.Username, entry.Password.Reveal(), nil
}

// List gives the user names of the registries of the file, and of the others that
// the store has.
func (h *helper) List() (map[string]string, error) {
	h.asked = true
	users := make(map[string]string)
	file, path, err := h.load()
	if err != nil {
		return nil, err
	}
	if file != nil {
		for _, entry := range file.Entries() {
			// Clients ask for each of what is listed, and some give up at the first failure.
			if strings.Contains(entry.Registry, "*") {
				continue
			}
			if username, _, err := credential(entry, path); err == nil {
				users[entry.Registry] = username
			}
		}
	}
	store, err := h.store("")
	var others map[string]string
	if err == nil && store != nil {
		others, err = store.List(h.ctx)
	}
	if err != nil && !errors.Is(err, errors.ErrUnsupported) { // many stores know no list
		if len(users) == 0 && !h.isNone(err) {
			return nil, stored(err)
		}
		h.program.warn(fmt.Errorf("what the store has is not listed: %w", stored(err)))
	}
	for server, username := range others {
		// The secret of either would be that of the file.
		if entry, found, err := lookup(file, server, path); found && err == nil {
			if _, listed := users[entry.Registry]; listed {
				continue
			}
			if username, _, err = credential(entry, path); err != nil {
				continue
			}
		}
		users[server] = username
	}
	return users, nil
}

// Add passes a credential on to the user's store.
func (h *helper) Add(c *credentials.Credentials) error {
	h.asked = true
	store, err := h.store(c.ServerURL)
	if err != nil {
		return err
	}
	if store == nil {
		return fail(storeHint+`; "jet dockercfg add" puts it into the encrypted file of the project`,
			"the credential for %q was not kept: there is no credential store to pass it on to", c.ServerURL)
	}
	if err := store.Store(h.ctx, c.ServerURL, c.Username, dockercfg.NewSecret(c.Secret)); err != nil {
		return stored(err)
	}
	// It is kept. A file that cannot be read is for get to report.
	if file, path, err := h.load(); err == nil {
		if _, found, _ := lookup(file, c.ServerURL, path); found {
			h.program.warn(fail(`"jet dockercfg add" changes what is in the file`,
				"the credential for %q is in the store now, but clients are given the one in %q", c.ServerURL, path))
		}
	}
	return nil
}

const storeHint = userstore.Variable + "=NAME names one, docker-credential-NAME"

// Delete passes the removal of a credential on to the user's store.
func (h *helper) Delete(server string) error {
	h.asked = true
	store, err := h.store(server)
	if err != nil {
		return err
	}
	if store == nil {
		h.program.warn(fail(storeHint, "nothing to erase for %q: there is no credential store to pass that on to", server))
		return nil
	}
	if err := store.Erase(h.ctx, server); err != nil && !errors.Is(err, credentialstore.ErrNotFound) {
		return stored(err)
	}
	return nil
}

// stored adds what a person can do about a failure of the store.
func stored(err error) error {
	var locked *credentialstore.LockedError
	var missing *credentialstore.NotFoundError
	switch {
	case errors.As(err, &locked):
		return fail(locked.Unlock(), "%w", err)
	case errors.As(err, &missing):
		return fail(storeHint, "%w", err)
	}
	return err
}

// isNone reports whether err says that a store that nobody named does not work
// here: pass without a key, say, or secretservice without a session. It then
// counts as none; a keychain that is locked does not.
func (h *helper) isNone(err error) bool {
	var broken *credentialstore.FailedError
	return h.guessed && errors.As(err, &broken)
}

// store finds the store to pass on to for a server, nil if there is none.
func (h *helper) store(server string) (*credentialstore.Store, error) {
	name, from, err := userstore.Named(h.program.LookupEnv, server)
	if err != nil {
		return nil, err
	}
	options := credentialstore.Options{Timeout: storeTimeout, Stderr: h.program.Stderr}
	h.guessed = name == ""
	if h.guessed {
		if name = userstore.OfPlatform(); name == "" {
			return nil, nil
		}
		from = "the store of this platform"
		options.Folders = []string{} // Docker looks on PATH alone
	}
	if name == helperconfig.Name {
		return nil, fail(storeHint, "%s is %q, this program itself, and nothing to pass on to", from, name)
	}
	store, err := credentialstore.Find(name, options)
	var missing *credentialstore.NotFoundError
	if h.guessed && errors.As(err, &missing) {
		return nil, nil
	}
	if err != nil {
		return nil, stored(fmt.Errorf("%s: %w", from, err))
	}
	if userstore.IsThisProgram(store) {
		return nil, fail(storeHint, "%s is %q, this program itself under another name, and nothing to pass on to", from, store.Path())
	}
	if _, again := h.program.LookupEnv(RunningVariable); again {
		return nil, fail(storeHint, "%s, docker-credential-%s, was to be asked, but it is what runs this program: they would ask each other for ever", from, name)
	}
	os.Setenv(RunningVariable, "1") // the store is run with the environment of this process
	return store, nil
}

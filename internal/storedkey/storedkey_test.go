package storedkey_test

import (
	"encoding/base64"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/credentialstore"
	"github.com/dockercfg/jet/internal/credentialstore/standin"
	"github.com/dockercfg/jet/internal/knownkeys"
	"github.com/dockercfg/jet/internal/storedkey"
)

func TestMain(m *testing.M) {
	standin.Main()
	os.Exit(m.Run())
}

// install puts a store on PATH and gives the user a configuration of jet.
func install(t *testing.T, s standin.Store) standin.Helper {
	t.Helper()
	h := standin.Install(t, "", "test", s)
	t.Setenv("PATH", h.Folder)
	for _, name := range []string{"XDG_CONFIG_HOME", "HOME", "AppData"} {
		t.Setenv(name, t.TempDir())
	}
	return h
}

func load(t *testing.T) knownkeys.Record {
	t.Helper()
	r, err := knownkeys.Load("/work tree")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestKeepGetForget(t *testing.T) {
	h := install(t, standin.Store{Items: map[string]standin.Item{"quay.io": {Username: "u", Secret: "s"}}})
	if _, err := storedkey.Get(t.Context(), load(t), credentialstore.Options{}); !errors.Is(err, credentialstore.ErrNotFound) {
		t.Errorf("nothing is stored: got %v", err)
	}
	key := crypto.GenerateKey()
	for range 2 { // the second time replaces the first
		if err := storedkey.Keep(t.Context(), key, load(t), "test", credentialstore.Options{}); err != nil {
			t.Fatal(err)
		}
		text, err := storedkey.Get(t.Context(), load(t), credentialstore.Options{})
		if err != nil || string(text) != string(key.Encode()) {
			t.Fatalf("got %q, %v", text, err)
		}
	}
	r := load(t)
	if r.Stored.Fingerprint != key.Fingerprint() || r.Stored.Helper != "test" {
		t.Errorf("got %+v", r.Stored)
	}
	// Neither half says anything of the key, and no two are the same.
	items := h.Items(t)
	server := credentialstore.ProjectKeyPrefix + r.ID()
	there, err := base64.StdEncoding.DecodeString(items[server].Secret)
	if err != nil || len(items) != 2 || len(there) != len(key.Encode()) {
		t.Fatalf("the store has %v (%v)", items, err)
	}
	here, err := base64.StdEncoding.DecodeString(r.Stored.Half)
	if err != nil || strings.Contains(string(key.Encode()), string(here[:4])) || strings.Contains(string(key.Encode()), string(there[:4])) {
		t.Errorf("a half holds a piece of the key (%v)", err)
	}
	// It is no credential: nothing that asks for all of them gets it.
	store, err := credentialstore.Find("test", credentialstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if users, err := store.List(t.Context()); err != nil || len(users) != 1 || users["quay.io"] != "u" {
		t.Errorf("listed %v, %v", users, err)
	}
	// Another work tree has none.
	other, err := knownkeys.Load("/elsewhere")
	if err != nil || other.Stored != nil {
		t.Errorf("another work tree: got %+v, %v", other.Stored, err)
	}

	if err := storedkey.Forget(t.Context(), load(t), credentialstore.Options{}); err != nil {
		t.Fatal(err)
	}
	if items := h.Items(t); len(items) != 1 || load(t).Stored != nil {
		t.Errorf("left %v and %v", items, load(t).Stored)
	}
	if err := storedkey.Forget(t.Context(), load(t), credentialstore.Options{}); err != nil {
		t.Errorf("again: %v", err)
	}
}

func TestChanged(t *testing.T) {
	h := install(t, standin.Store{})
	key := crypto.GenerateKey()
	if err := storedkey.Keep(t.Context(), key, load(t), "test", credentialstore.Options{}); err != nil {
		t.Fatal(err)
	}
	good := load(t)
	for name, half := range map[string]string{
		"another":    base64.StdEncoding.EncodeToString(make([]byte, 45)),
		"shorter":    good.Stored.Half[:40],
		"not base64": "?",
		"none":       "",
	} {
		r := good
		r.Stored = &knownkeys.Stored{Helper: "test", Fingerprint: good.Stored.Fingerprint, Half: half}
		if _, err := storedkey.Get(t.Context(), r, credentialstore.Options{}); !errors.Is(err, storedkey.ErrChanged) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	r := good
	r.Stored = &knownkeys.Stored{Helper: "test", Fingerprint: crypto.GenerateKey().Fingerprint(), Half: good.Stored.Half}
	if _, err := storedkey.Get(t.Context(), r, credentialstore.Options{}); !errors.Is(err, storedkey.ErrChanged) {
		t.Errorf("another fingerprint: got %v", err)
	}
	r.Stored = &knownkeys.Stored{Helper: "gone", Fingerprint: good.Stored.Fingerprint, Half: good.Stored.Half}
	var missing *credentialstore.NotFoundError
	if _, err := storedkey.Get(t.Context(), r, credentialstore.Options{}); !errors.As(err, &missing) {
		t.Errorf("no program: got %v", err)
	}
	// What the store lost is forgotten without an error.
	for server := range h.Items(t) {
		store, err := credentialstore.Find("test", credentialstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Erase(t.Context(), server); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := storedkey.Get(t.Context(), good, credentialstore.Options{}); !errors.Is(err, credentialstore.ErrNotFound) {
		t.Errorf("lost: got %v", err)
	}
	if err := storedkey.Forget(t.Context(), good, credentialstore.Options{}); err != nil || load(t).Stored != nil {
		t.Errorf("lost: got %v, left %v", err, load(t).Stored)
	}
}

// TestStoreFails: a key that is not kept is not remembered as one that is.
func TestStoreFails(t *testing.T) {
	for name, replies := range map[string]map[string]standin.Reply{
		"locked":             {"store": {Stdout: standin.Locked, Exit: 1}},
		"fails":              {"store": {Stderr: "no", Exit: 1}},
		"takes and loses it": {"get": {Stdout: standin.NotFound, Exit: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			install(t, standin.Store{Replies: replies})
			err := storedkey.Keep(t.Context(), crypto.GenerateKey(), load(t), "test", credentialstore.Options{})
			if err == nil || load(t).Stored != nil {
				t.Errorf("got %v, remembered %v", err, load(t).Stored)
			}
			var locked *credentialstore.LockedError
			if name == "locked" && !errors.As(err, &locked) {
				t.Errorf("got %v", err)
			}
		})
	}
}

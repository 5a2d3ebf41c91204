package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/generators/backendtest"
	"github.com/dockercfg/jet/internal/credentialstore"
	"github.com/dockercfg/jet/internal/credentialstore/standin"
	"github.com/dockercfg/jet/internal/dockerconfig"
)

const canary = "canary-Zq8vXw2L"

func TestMain(m *testing.M) {
	standin.Main()
	os.Exit(m.Run())
}

type (
	items   map[string]standin.Item
	replies map[string]standin.Reply
)

// auth is the value of a field "auth". Each user has a secret of his own.
func auth(user string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + canary + user))
}

func item(user string) standin.Item { return standin.Item{Username: user, Secret: canary + user} }

// place is a computer with a Docker configuration and helpers.
type place struct {
	folder  string
	helpers map[string]standin.Helper
}

// newPlace makes one, with the helpers on PATH and nothing else there.
func newPlace(t *testing.T, config string, stores map[string]standin.Store) place {
	t.Helper()
	p := place{folder: t.TempDir(), helpers: make(map[string]standin.Helper)}
	if err := os.WriteFile(filepath.Join(p.folder, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	programs := t.TempDir()
	t.Setenv("PATH", programs)
	for name, s := range stores {
		p.helpers[name] = standin.Install(t, programs, name, s)
	}
	return p
}

// config is that of the place, kept away from the folders of the system.
func (p place) config() Config {
	return Config{Folder: p.folder, Timeout: 10 * time.Second, folders: []string{}}
}

// asked is what all helpers were asked, each line with the helper's name if there are several.
func (p place) asked(t *testing.T) []string {
	t.Helper()
	var all []string
	for name, helper := range p.helpers {
		for _, line := range helper.Asked(t) {
			if len(p.helpers) > 1 {
				line = name + ": " + line
			}
			all = append(all, line)
		}
	}
	if len(p.helpers) > 1 {
		slices.Sort(all)
	}
	return all
}

// describe gives entries as "registry user", and checks their secrets.
func describe(t *testing.T, entries []dockercfg.Entry) []string {
	t.Helper()
	var all []string
	for _, e := range entries {
		text, secret, want := e.Registry+" "+e.Username, e.Password, canary+e.Username
		if e.IdentityToken != (dockercfg.Secret{}) {
			text, secret, want = e.Registry+" token", e.IdentityToken, canary+dockercfg.IdentityTokenUser
		}
		if secret.Reveal() != want {
			t.Errorf("%s: the secret is another one", e.Registry)
		}
		all = append(all, text)
	}
	return all
}

// errorsOf gives the errors of a PartialError, or the one that it is.
func errorsOf(err error) []error {
	if partial, ok := errors.AsType[*generators.PartialError](err); ok {
		return partial.Errors
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

func hides(t *testing.T, value any) {
	t.Helper()
	for _, format := range []string{"%v", "%+v", "%#v"} {
		if text := fmt.Sprintf(format, value); strings.Contains(text, canary) {
			t.Errorf("%T shows a secret: %s", value, text)
		}
	}
	if err, ok := value.(error); ok {
		for _, e := range errorsOf(err) {
			for ; e != nil; e = errors.Unwrap(e) {
				if strings.Contains(fmt.Sprintf("%v %#v", e, e), canary) {
					t.Errorf("%T shows a secret: %v", e, e)
				}
			}
		}
	}
}

const hub = dockercfg.DockerHub

func TestGenerate(t *testing.T) {
	const keychain = `{"credsStore": "osxkeychain"}`
	one := func(s standin.Store) map[string]standin.Store { return map[string]standin.Store{"osxkeychain": s} }
	for _, c := range []struct {
		label      string
		config     string
		stores     map[string]standin.Store
		registries []string
		timeout    time.Duration
		want       []string // entries, see describe
		asked      []string
		errs       []string // parts of the errors, one each
		notices    []string // parts of the notices, one each
	}{
		// All.
		{
			label: "all of a store", config: keychain,
			stores: one(standin.Store{Items: items{hub: item("bob"), "https://quay.io": item("eve"), "reg.example:5000": item("ann")}}),
			want:   []string{hub + " bob", "quay.io eve", "reg.example:5000 ann"},
			asked:  []string{"list", "get " + hub, "get https://quay.io", "get reg.example:5000"},
		},
		{
			label: "login items of Docker Hub", config: keychain,
			stores: one(standin.Store{Items: items{
				hub: item("bob"), hub + "access-token": item("bob1"), hub + "refresh-token": item("bob2"),
				"http://index.docker.io/v1/access-token/": item("bob3"), "docker.io/refresh-token": item("bob4"),
			}}),
			want:  []string{hub + " bob"},
			asked: []string{"list", "get " + hub},
		},
		{
			label: "another registry's path is no login item", config: keychain,
			stores: one(standin.Store{Items: items{"https://quay.io/access-token": item("bob")}}),
			want:   []string{"quay.io bob"},
			asked:  []string{"list", "get https://quay.io/access-token"},
		},
		{
			label: "http and https, same", config: keychain,
			stores: one(standin.Store{Items: items{"http://quay.io": item("bob"), "https://quay.io": item("bob")}}),
			want:   []string{"quay.io bob"},
			asked:  []string{"list", "get https://quay.io", "get http://quay.io"},
		},
		{
			label: "http and https, other users", config: keychain,
			stores:  one(standin.Store{Items: items{"http://quay.io": item("eve"), "https://quay.io": item("bob")}}),
			want:    []string{"quay.io bob"},
			asked:   []string{"list", "get https://quay.io"},
			notices: []string{`quay.io: the store of "osxkeychain" holds different credentials under "https://quay.io" and "http://quay.io"; the first is used`},
		},
		{
			label: "http and https, other secrets", config: keychain,
			stores:  one(standin.Store{Items: items{"http://quay.io": {Username: "bob", Secret: canary}, "https://quay.io": item("bob")}}),
			want:    []string{"quay.io bob"},
			asked:   []string{"list", "get https://quay.io", "get http://quay.io"},
			notices: []string{"different credentials"},
		},
		{
			label: "https is listed and not there", config: keychain,
			stores: one(standin.Store{
				Items:   items{"http://quay.io": item("bob"), "https://quay.io": item("bob")},
				Replies: replies{"get https://quay.io": {Stdout: standin.NotFound, Exit: 1}},
			}),
			want:  []string{"quay.io bob"},
			asked: []string{"list", "get https://quay.io", "get http://quay.io"},
		},
		{
			label: "only http", config: keychain,
			stores: one(standin.Store{Items: items{"http://reg.example:5000": item("bob")}}),
			want:   []string{"reg.example:5000 bob"},
			asked:  []string{"list", "get http://reg.example:5000"},
		},
		{
			label: "order of spellings", config: keychain,
			stores: one(standin.Store{Items: items{
				"http://a.example": item("bob"), "a.example": item("bob"), "https://a.example/v2/": item("bob"), "https://a.example/": item("bob"),
				"index.docker.io": item("eve"), "https://index.docker.io": item("eve"), hub: item("eve"),
			}}),
			want: []string{"a.example bob", hub + " eve"},
			asked: []string{"list", "get https://a.example/", "get a.example", "get https://a.example/v2/", "get http://a.example",
				"get " + hub, "get https://index.docker.io", "get index.docker.io"},
		},
		{
			label: "token", config: keychain,
			stores:  one(standin.Store{Items: items{"https://reg.example": item(dockercfg.IdentityTokenUser)}}),
			want:    []string{"reg.example token"},
			asked:   []string{"list", "get https://reg.example"},
			notices: []string{"reg.example: the credential is an identity token, which Docker and its relatives use; Kubernetes and Codeship cannot"},
		},
		{
			label: "names of no registry", config: keychain,
			stores: one(standin.Store{Items: items{
				"https://quay.io": item("bob"), "git:https://github.com": item("x"), "https://bob:" + canary + "@quay.io": item("y"), "": item("z"),
			}}),
			want:    []string{"quay.io bob"},
			asked:   []string{"list", "get https://quay.io"},
			notices: []string{`the store of "osxkeychain": "" (it is empty)`, `"git:https://github.com"`, `one name (it holds a user name or a password`},
		},
		{
			label: "one of three is locked", config: keychain,
			stores: one(standin.Store{
				Items:   items{"https://a.example": item("a"), "https://b.example": item("b"), "https://c.example": item("c")},
				Replies: replies{"get https://b.example": {Stdout: standin.Locked, Exit: 1}},
			}),
			want:  []string{"a.example a", "c.example c"},
			asked: []string{"list", "get https://a.example", "get https://b.example", "get https://c.example"},
			errs:  []string{"store: b.example: docker-credential-osxkeychain: the keychain is locked"},
		},
		{
			label: "one of three hangs", config: keychain, timeout: 3 * time.Second, // the others have to be in time on a busy machine
			stores: one(standin.Store{
				Items:   items{"https://a.example": item("a"), "https://b.example": item("b"), "https://c.example": item("c")},
				Replies: replies{"get https://a.example": {Hang: true}},
			}),
			want:  []string{"b.example b", "c.example c"},
			asked: []string{"list", "get https://a.example", "get https://b.example", "get https://c.example"},
			errs:  []string{"store: a.example: docker-credential-osxkeychain get: no answer within 3s"},
		},
		{
			label: "all ways to fail", config: keychain,
			stores: one(standin.Store{
				Items: items{"a.example": item("a"), "b.example": item("b"), "c.example": item("c"), "d.example": item("d"), "e.example": item("e"), "f.example": item("f:")},
				Replies: replies{
					"get a.example": {Stdout: canary},
					"get b.example": {Flood: 10 << 20},
					"get c.example": {Exit: 1},
					"get d.example": {Stdout: standin.NotFound, Exit: 1},
				},
			}),
			want:  []string{"e.example e"},
			asked: []string{"list", "get a.example", "get b.example", "get c.example", "get d.example", "get e.example", "get f.example"},
			errs: []string{
				"store: a.example: docker-credential-osxkeychain get: its answer is not valid JSON",
				"store: b.example: docker-credential-osxkeychain get: its answer is over 1048576 bytes",
				"store: c.example: docker-credential-osxkeychain get: exit status 1, without a word",
				`store: d.example: the store of "osxkeychain" lists it: credentials not found`,
				`store: dockercfg: entry "f.example": the user name holds a colon`,
			},
		},
		{
			label: "list fails", config: `{"credsStore": "osxkeychain", "auths": {"quay.io": {"auth": "` + auth("bob") + `"}, "gcr.io": {}}}`,
			stores:  one(standin.Store{Items: items{"https://gcr.io": item("eve")}, Replies: replies{"list": {Stdout: standin.Locked, Exit: 1}}}),
			want:    []string{"quay.io bob"},
			asked:   []string{"list"},
			errs:    []string{"store: docker-credential-osxkeychain: the keychain is locked"},
			notices: []string{"quay.io: the credential in "},
		},
		{
			label: "list is not known", config: `{"credsStore": "osxkeychain", "auths": {"https://quay.io": {}, "gcr.io": {}, "` + hub + `access-token": {}}}`,
			stores: one(standin.Store{
				Items:   items{"https://quay.io": item("bob")},
				Replies: replies{"list": {Stdout: "unknown action: list", Exit: 1}},
			}),
			want:    []string{"quay.io bob"},
			asked:   []string{"list", "get gcr.io", "get https://gcr.io", "get http://gcr.io", "get https://quay.io"},
			notices: []string{`gcr.io: the store of "osxkeychain" has no credential`, "does not list what it has; it was asked for the registries that"},
		},
		{
			label: "a helper that lists badly", config: `{"credsStore": "ecr-login", "auths": {"123456789012.dkr.ecr.eu-west-1.amazonaws.com": {}}}`,
			stores:  map[string]standin.Store{"ecr-login": {Items: items{"123456789012.dkr.ecr.eu-west-1.amazonaws.com": item("AWS"), "public.ecr.aws": item("x")}}},
			want:    []string{"123456789012.dkr.ecr.eu-west-1.amazonaws.com AWS"},
			asked:   []string{"get 123456789012.dkr.ecr.eu-west-1.amazonaws.com"},
			notices: []string{"does not list"},
		},
		{
			label:  "a helper that lists badly, and another one",
			config: `{"credsStore": "gcloud", "credHelpers": {"quay.io": "pass"}, "auths": {"quay.io": {}, "gcr.io": {}}}`,
			stores: map[string]standin.Store{
				"gcloud": {Items: items{"gcr.io": item("bob"), "quay.io": item("no")}},
				"pass":   {Items: items{"quay.io": item("eve")}},
			},
			want:    []string{"gcr.io bob", "quay.io eve"},
			asked:   []string{"gcloud: get gcr.io", "pass: get quay.io"},
			notices: []string{`the helper "gcloud" does not list what it has; it was asked for the registries that`},
		},
		{
			label: "what is odd in the file", config: `{"auths": {"quay.io": {"auth": "` + strings.TrimRight(auth("eve"), "=") + `"}}}`,
			want:    []string{"quay.io eve"},
			notices: []string{`config.json: line 1, column 12: entry "quay.io": "auth" is base64 without padding`, "config.json: Docker itself refuses the file: "},
		},
		{
			label: "list is empty", config: `{"credsStore": "osxkeychain", "auths": {"quay.io": {}}}`,
			stores: one(standin.Store{Replies: replies{"list": {Stdout: standin.NotFound, Exit: 1}}}),
			asked:  []string{"list"},
			errs:   []string{`store: there are no credentials, neither in the store of "osxkeychain" nor in `},
		},
		{
			label: "no helper", config: `{"auths": {"quay.io": {"auth": "` + auth("bob") + `"}, "gcr.io": {}}}`,
			stores: one(standin.Store{Items: items{"https://gcr.io": item("x")}}),
			want:   []string{"quay.io bob"},
		},
		{
			label: "the store goes before the file", config: `{"credsStore": "osxkeychain", "auths": {"quay.io": {"auth": "` + auth("no") + `"}}}`,
			stores: one(standin.Store{Items: items{"https://quay.io": item("bob")}}),
			want:   []string{"quay.io bob"},
			asked:  []string{"list", "get https://quay.io"},
		},
		{label: "nothing", config: `{"auths": {"gcr.io": {}}}`, errs: []string{"store: there are no credentials in "}},
		{
			label: "no program", config: `{"credsStore": "desktop", "auths": {"quay.io": {"auth": "` + auth("bob") + `"}}}`,
			want:    []string{"quay.io bob"},
			errs:    []string{"store: credentialstore: docker-credential-desktop is not on PATH"},
			notices: []string{`Docker itself ignores it, and asks "desktop"`},
		},
		{label: "name of a helper", config: `{"credsStore": "../bin/sh"}`, errs: []string{`the helper name "../bin/sh" holds a separator`}},

		// The helpers of single registries.
		{
			label: "helpers before the store", config: `{"credsStore": "osxkeychain", "credHelpers": {"gcr.io": "gcloud", "quay.io": "pass"}}`,
			stores: map[string]standin.Store{
				"osxkeychain": {Items: items{"https://gcr.io": item("no"), "https://quay.io": item("no"), "https://a.example": item("bob")}},
				"gcloud":      {Items: items{"gcr.io": item("eve")}},
				"pass":        {Items: items{"https://quay.io": item("ann"), "other.example": item("no")}},
			},
			want:  []string{"a.example bob", "gcr.io eve", "quay.io ann"},
			asked: []string{"gcloud: get gcr.io", "osxkeychain: get https://a.example", "osxkeychain: list", "pass: get https://quay.io", "pass: get quay.io"},
		},
		{
			label: "helper without a credential", config: `{"credHelpers": {"gcr.io": "gcloud", "quay.io": "gcloud"}, "auths": {"quay.io": {"auth": "` + auth("bob") + `"}}}`,
			stores: map[string]standin.Store{"gcloud": {}},
			want:   []string{"quay.io bob"},
			asked: []string{"get gcr.io", "get https://gcr.io", "get http://gcr.io",
				"get quay.io", "get https://quay.io", "get http://quay.io"},
			notices: []string{`gcr.io: the store of "gcloud" has no credential`, "quay.io: the credential in "},
		},
		{
			label: "helper fails", config: `{"credHelpers": {"gcr.io": "gcloud", "quay.io": "pass"}}`,
			stores: map[string]standin.Store{"gcloud": {Replies: replies{"get": {Stderr: "not logged in", Exit: 1}}}, "pass": {Items: items{"quay.io": item("bob")}}},
			want:   []string{"quay.io bob"},
			asked:  []string{"gcloud: get gcr.io", "pass: get quay.io"},
			errs:   []string{`store: gcr.io: docker-credential-gcloud get: exit status 1 (it says "not logged in")`},
		},
		{
			label: "no program for two registries", config: `{"credHelpers": {"gcr.io": "gcloud", "eu.gcr.io": "gcloud", "quay.io": "pass"}}`,
			stores: map[string]standin.Store{"pass": {Items: items{"quay.io": item("bob")}}},
			want:   []string{"quay.io bob"},
			asked:  []string{"get quay.io"},
			errs:   []string{"store: eu.gcr.io, gcr.io: credentialstore: docker-credential-gcloud is not on PATH"},
		},
		{
			label: "empty helper means the file", config: `{"credsStore": "osxkeychain", "credHelpers": {"quay.io": ""}, "auths": {"quay.io": {"auth": "` + auth("bob") + `"}}}`,
			stores: one(standin.Store{Items: items{"https://quay.io": item("no")}}),
			want:   []string{"quay.io bob"},
			asked:  []string{"list"},
		},
		{
			label: "helper twice", config: `{"credHelpers": {"https://quay.io": "gcloud", "quay.io": "pass", "docker.io": "pass", "index.docker.io": "pass"}}`,
			stores:  map[string]standin.Store{"pass": {Items: items{"quay.io": item("bob"), "index.docker.io": item("eve")}}, "gcloud": {}},
			want:    []string{hub + " eve", "quay.io bob"},
			asked:   []string{"pass: get docker.io", "pass: get index.docker.io", "pass: get https://quay.io", "pass: get quay.io"},
			notices: []string{`quay.io: credHelpers names it twice, with different helpers; "pass" is asked`},
		},
		{
			label: "helper for no registry", config: `{"credHelpers": {"a b": "pass", "quay.io": "pass"}}`,
			stores:  map[string]standin.Store{"pass": {Items: items{"quay.io": item("bob")}}},
			want:    []string{"quay.io bob"},
			asked:   []string{"get quay.io"},
			notices: []string{`credHelpers: "a b" (it holds a blank) names no registry`},
		},
		{
			label: "jet is not asked", config: `{"credsStore": "jet", "credHelpers": {"gcr.io": "pass"}}`,
			stores:  map[string]standin.Store{"jet": {Items: items{"https://quay.io": item("no")}}, "pass": {Items: items{"gcr.io": item("bob")}}},
			want:    []string{"gcr.io bob"},
			asked:   []string{"pass: get gcr.io"},
			notices: []string{`the helper "jet" is not asked`},
		},
		{
			label: "the store behind jet", config: `{"credsStore": "osxkeychain", "credHelpers": {"quay.io": "jet", "gcr.io": "JET"}}`,
			stores:  map[string]standin.Store{"jet": {}, "osxkeychain": {Items: items{"https://quay.io": item("bob")}}},
			want:    []string{"quay.io bob"},
			asked:   []string{"osxkeychain: get https://quay.io", "osxkeychain: list"},
			notices: []string{`the helper "jet" is not asked`},
		},

		// Some.
		{
			label: "one of many", config: keychain, registries: []string{"https://quay.io/v2/"},
			stores: one(standin.Store{Items: items{hub: item("bob"), "quay.io": item("eve"), "https://quay.io": item("no")}}),
			want:   []string{"quay.io eve"},
			asked:  []string{"get quay.io"},
		},
		{
			label: "with scheme", config: keychain, registries: []string{"quay.io", "QUAY.IO", "reg.example:5000"},
			stores: one(standin.Store{Items: items{"https://quay.io": item("eve"), "http://reg.example:5000": item("bob")}}),
			want:   []string{"quay.io eve", "reg.example:5000 bob"},
			asked:  []string{"get quay.io", "get https://quay.io", "get reg.example:5000", "get https://reg.example:5000", "get http://reg.example:5000"},
		},
		{
			label: "Docker Hub", config: keychain, registries: []string{"docker.io"},
			stores: one(standin.Store{Items: items{hub: item("bob"), hub + "access-token": item("no")}}),
			want:   []string{hub + " bob"},
			asked:  []string{"get " + hub},
		},
		{
			label: "Docker Hub, other spellings", config: keychain, registries: []string{"registry-1.docker.io"},
			stores: one(standin.Store{Items: items{"docker.io": item("bob")}}),
			want:   []string{hub + " bob"},
			asked:  []string{"get " + hub, "get https://index.docker.io", "get index.docker.io", "get docker.io"},
		},
		{
			label: "spelling of the file", config: `{"credsStore": "osxkeychain", "auths": {"https://quay.io/v1/": {}, "gcr.io": {}}}`, registries: []string{"quay.io"},
			stores: one(standin.Store{Items: items{"https://quay.io/v1/": item("bob")}}),
			want:   []string{"quay.io bob"},
			asked:  []string{"get https://quay.io/v1/"},
		},
		{
			label: "absent", config: `{"credsStore": "osxkeychain", "auths": {"gcr.io": {"auth": "` + auth("bob") + `"}, "a.example": {"auth": "` + auth("no") + `"}}}`,
			registries: []string{"quay.io", "gcr.io"},
			stores:     one(standin.Store{}),
			want:       []string{"gcr.io bob"},
			asked:      []string{"get quay.io", "get https://quay.io", "get http://quay.io", "get gcr.io", "get https://gcr.io", "get http://gcr.io"},
			errs:       []string{`store: quay.io: there is no credential in the store of "osxkeychain", nor in `},
			notices:    []string{"gcr.io: the credential in "},
		},
		{
			label: "absent, and empty answers", config: keychain, registries: []string{"quay.io"},
			stores: one(standin.Store{Replies: replies{"get": {Stdout: `{"ServerURL":"x","Username":"","Secret":""}`}}}),
			asked:  []string{"get quay.io", "get https://quay.io", "get http://quay.io"},
			errs:   []string{"store: quay.io: there is no credential"},
		},
		{label: "absent, no helper", config: `{}`, registries: []string{"quay.io"}, errs: []string{"store: quay.io: there is no credential in "}},
		{
			label: "locked ends the spellings", config: keychain, registries: []string{"quay.io", "gcr.io"},
			stores: one(standin.Store{Items: items{"gcr.io": item("bob")}, Replies: replies{"get quay.io": {Stdout: standin.Locked, Exit: 1}}}),
			want:   []string{"gcr.io bob"},
			asked:  []string{"get quay.io", "get gcr.io"},
			errs:   []string{"store: quay.io: docker-credential-osxkeychain: the keychain is locked"},
		},
		{
			label: "no program, some", config: `{"credsStore": "desktop"}`, registries: []string{"quay.io", "gcr.io"},
			errs: []string{"store: quay.io, gcr.io: credentialstore: docker-credential-desktop is not on PATH"},
		},
		{
			label: "some by helpers", config: `{"credsStore": "osxkeychain", "credHelpers": {"gcr.io": "gcloud", "quay.io": "pass"}}`, registries: []string{"gcr.io"},
			stores: map[string]standin.Store{"osxkeychain": {Items: items{"gcr.io": item("no")}}, "gcloud": {Items: items{"gcr.io": item("bob")}}, "pass": {}},
			want:   []string{"gcr.io bob"},
			asked:  []string{"gcloud: get gcr.io"},
		},
		{
			label: "token, some", config: keychain, registries: []string{"quay.io"},
			stores:  one(standin.Store{Items: items{"quay.io": item(dockercfg.IdentityTokenUser)}}),
			want:    []string{"quay.io token"},
			asked:   []string{"get quay.io"},
			notices: []string{"identity token"},
		},
	} {
		t.Run(c.label, func(t *testing.T) {
			p := newPlace(t, c.config, c.stores)
			config := p.config()
			config.Registries = c.registries
			if c.timeout != 0 {
				config.Timeout = c.timeout
			}
			source, err := New(config)
			if err != nil {
				t.Fatal(err)
			}
			result, err := source.Generate(t.Context())
			if got := describe(t, result.Entries); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if got := p.asked(t); !slices.Equal(got, sortedIfMany(c.asked, len(p.helpers))) {
				t.Errorf("asked %q, want %q", got, c.asked)
			}
			if got := errorsOf(err); !slices.EqualFunc(got, c.errs, func(e error, part string) bool { return strings.Contains(e.Error(), part) }) {
				t.Errorf("got errors %v, want %q", got, c.errs)
			}
			if !slices.EqualFunc(result.Notices, c.notices, strings.Contains) {
				t.Errorf("got notices %q, want %q", result.Notices, c.notices)
			}
			hides(t, err)
			hides(t, result)
			hides(t, source)
		})
	}
}

func sortedIfMany(lines []string, helpers int) []string {
	if helpers > 1 {
		lines = slices.Sorted(slices.Values(lines))
	}
	return lines
}

func TestContract(t *testing.T) {
	p := newPlace(t, `{"credsStore": "osxkeychain"}`, map[string]standin.Store{
		"osxkeychain": {Items: items{"https://quay.io": item("bob"), "https://reg.example": item(dockercfg.IdentityTokenUser)}},
	})
	config := p.config()
	config.Folder = "" // DOCKER_CONFIG says it
	backendtest.Run(t, config.Backend(), backendtest.Case{
		Env:    map[string]string{"DOCKER_CONFIG": p.folder},
		Values: []any{config, &config},
		Want: []dockercfg.Entry{
			{Registry: "quay.io", Username: "bob", Password: dockercfg.NewSecret(canary + "bob")},
			{Registry: "reg.example", IdentityToken: dockercfg.NewSecret(canary + dockercfg.IdentityTokenUser)},
		},
	})
}

func TestConfigFromEnv(t *testing.T) {
	env := func(value string) generators.Env {
		return func(name string) (string, bool) { return value, name == "DOCKER_CONFIG" }
	}
	t.Setenv("DOCKER_CONFIG", t.TempDir()) // of the process, not of the scope
	for _, folder := range []string{"", "/a/b", " "} {
		if c, err := ConfigFromEnv(env(folder)); c.Folder != folder || err != nil {
			t.Errorf("%q: got %+v, %v", folder, c, err)
		}
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	s, err := New(Config{})
	if err != nil || s.config.Folder != filepath.Join(home, ".docker") {
		t.Errorf("got %+v, %v", s, err)
	}
	if c := (Config{Folder: "given"}).withEnv(env("")); c.Folder != "given" {
		t.Errorf("got %+v", c)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, registry := range []string{"", "a b", "https://bob:" + canary + "@quay.io", "quay.io,gcr.io", "*.quay.io"} {
		source, err := New(Config{Registries: []string{"quay.io", registry}})
		if _, ok := errors.AsType[*dockercfg.RegistryNameError](err); !ok || source != nil || !strings.Contains(err.Error(), "registry 2 of 2") {
			t.Errorf("%q: got %v, %v", registry, source, err)
		}
		hides(t, err)
	}
}

func TestTypedNil(t *testing.T) {
	backend := Config{Registries: []string{""}}.Backend()
	if source, err := backend.Open(func(string) (string, bool) { return "", false }); source != nil || err == nil {
		t.Errorf("got %v, %v, want no source and an error", source, err)
	}
}

func TestErrorTypes(t *testing.T) {
	p := newPlace(t, `{"credsStore": "osxkeychain", "credHelpers": {"none.example": "absent"}}`, map[string]standin.Store{
		"osxkeychain": {Replies: replies{
			"get a.example": {Stdout: standin.Locked, Exit: 1},
			"get b.example": {Hang: true},
			"get c.example": {Exit: 1},
		}},
	})
	config := p.config()
	config.Registries = []string{"a.example", "b.example", "c.example", "d.example", "none.example"}
	config.Timeout = time.Second
	source, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	result, err := source.Generate(t.Context())
	if result.Entries != nil || len(errorsOf(err)) != 5 {
		t.Fatalf("got %v, %v", result, err)
	}
	_, locked := errors.AsType[*credentialstore.LockedError](err)
	_, timeout := errors.AsType[*credentialstore.TimeoutError](err)
	_, failed := errors.AsType[*credentialstore.FailedError](err)
	_, noProgram := errors.AsType[*credentialstore.NotFoundError](err)
	absent, noCredential := errors.AsType[*NotFoundError](err)
	if !locked || !timeout || !failed || !noProgram || !noCredential || absent.Registry != "d.example" || absent.Helper != "osxkeychain" {
		t.Errorf("got %v", err)
	}
}

// TestConfiguration has what stops everything: a file that Docker does not read.
func TestConfiguration(t *testing.T) {
	isForm := func(err error) bool { _, ok := errors.AsType[*dockerconfig.FormError](err); return ok }
	isParse := func(err error) bool { _, ok := errors.AsType[*dockercfg.ParseError](err); return ok }
	isEmpty := func(err error) bool { return errors.Is(err, ErrEmpty) }
	for _, c := range []struct {
		label, config string
		is            func(error) bool
	}{
		{"flat", `{"quay.io": {"auth": "` + auth("bob") + `"}}`, isForm},
		{"malformed", `{"credsStore": "osxkeychain", "x": ` + canary, isParse},
		{"empty", "", isEmpty},
		{"no auths", "{}", isEmpty},
	} {
		t.Run(c.label, func(t *testing.T) {
			p := newPlace(t, c.config, nil)
			source, err := New(p.config())
			if err != nil {
				t.Fatal(err)
			}
			t.Setenv("DOCKER_AUTH_CONFIG", `{"auths":{"leak.example":{"auth":"`+auth("leak")+`"}}}`)
			result, err := source.Generate(t.Context())
			if !c.is(err) || result.Entries != nil {
				t.Errorf("got %v, %v", result, err)
			}
			hides(t, err)
		})
	}
}

// TestSystemStore has a configuration without a word about credentials, for which
// Docker takes the store of the system.
func TestSystemStore(t *testing.T) {
	for _, name := range []string{"osxkeychain", "secretservice"} {
		p := newPlace(t, `{}`, map[string]standin.Store{name: {Items: items{"https://quay.io": item("bob")}}})
		docker, err := dockerconfig.Load(p.folder)
		if err != nil {
			t.Fatal(err)
		}
		if docker.Store != name {
			continue // of another system
		}
		if !docker.Detected || Configured(p.folder) {
			t.Errorf("got %+v", docker)
		}
		source, err := New(p.config())
		if err != nil {
			t.Fatal(err)
		}
		result, err := source.Generate(t.Context())
		if got := describe(t, result.Entries); err != nil || !slices.Equal(got, []string{"quay.io bob"}) {
			t.Errorf("got %q, %v", got, err)
		}
		return
	}
	t.Error("no store of the system was found")
}

func TestRelativePath(t *testing.T) {
	p := newPlace(t, `{"credsStore": "osxkeychain"}`, map[string]standin.Store{"osxkeychain": {Items: items{"https://quay.io": item("bob")}}})
	t.Chdir(p.helpers["osxkeychain"].Folder)
	t.Setenv("PATH", ".")
	source, err := New(p.config())
	if err != nil {
		t.Fatal(err)
	}
	_, err = source.Generate(t.Context())
	if missing, ok := errors.AsType[*credentialstore.NotFoundError](err); !ok || !slices.Equal(missing.Refused, []string{"."}) {
		t.Errorf("got %v", err)
	}
	if asked := p.asked(t); asked != nil {
		t.Errorf("asked %q", asked)
	}
}

// TestCancel interrupts a helper that hangs.
func TestCancel(t *testing.T) {
	for _, question := range []string{"list", "get"} {
		p := newPlace(t, `{"credsStore": "osxkeychain"}`, map[string]standin.Store{"osxkeychain": {
			Items:   items{"https://a.example": item("a"), "https://b.example": item("b")},
			Replies: replies{question: {Hang: true}},
		}})
		source, err := New(p.config())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(200*time.Millisecond, cancel)
		start := time.Now()
		result, err := source.Generate(ctx)
		if _, partial := errors.AsType[*generators.PartialError](err); !errors.Is(err, context.Canceled) || partial || result.Entries != nil || result.Notices != nil {
			t.Errorf("%s: got %v, %v", question, result, err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("%s: took %v", question, took)
		}
	}
}

// TestDeadline has a helper of which each run is in time, and all are not.
func TestDeadline(t *testing.T) {
	p := newPlace(t, `{"credsStore": "osxkeychain"}`, map[string]standin.Store{"osxkeychain": {
		Items:   items{"https://a.example": item("a"), "https://b.example": item("b"), "https://c.example": item("c")},
		Replies: replies{"get https://b.example": {Hang: true}},
	}})
	config := p.config()
	config.Deadline = 5 * time.Second
	source, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	result, err := source.Generate(t.Context())
	if got := describe(t, result.Entries); !slices.Equal(got, []string{"a.example a"}) {
		t.Errorf("got %q", got)
	}
	errs := errorsOf(err)
	if len(errs) != 2 {
		t.Fatalf("got %v", err)
	}
	for i, want := range []string{"store: b.example: ", "store: c.example: "} {
		if text := errs[i].Error(); !strings.HasPrefix(text, want) || !strings.Contains(text, "over 5s together") || !errors.Is(errs[i], context.DeadlineExceeded) {
			t.Errorf("got %v", errs[i])
		}
	}
	if asked := p.asked(t); !slices.Equal(asked, []string{"list", "get https://a.example", "get https://b.example"}) {
		t.Errorf("asked %q", asked)
	}
}

func TestStderr(t *testing.T) {
	p := newPlace(t, `{"credsStore": "osxkeychain"}`, map[string]standin.Store{"osxkeychain": {
		Replies: replies{"list": {Stderr: "please touch the key\n", Stdout: `{"quay.io":"bob"}`}, "get": {Stdout: `{"Username":"bob","Secret":"` + canary + `bob"}`}},
	}})
	var stderr bytes.Buffer
	config := p.config()
	config.Stderr = &stderr
	source, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	result, err := source.Generate(t.Context())
	if got := describe(t, result.Entries); err != nil || !slices.Equal(got, []string{"quay.io bob"}) || stderr.String() != "please touch the key\n" {
		t.Errorf("got %q, %v, %q", got, err, &stderr)
	}
}

func TestConfigured(t *testing.T) {
	for config, want := range map[string]bool{
		``:                            false,
		`{}`:                          false,
		`{"auths": {"quay.io": {}}}`:  false,
		`{"credsStore": "desktop"}`:   true,
		`{"credsStore": "jet"}`:       false,
		`{"credsStore": "JET.exe"}`:   false,
		`{"credsStore": "jets"}`:      true,
		`{"credHelpers": {"a": "b"}}`: true,
		`{"credHelpers": {"a": ""}, "auths": {"quay.io": {}}}`: false,
		`{"credHelpers": {"a": "jet"}}`:                        false,
		`{"credHelpers": {"a": "jet"}, "credsStore": "pass"}`:  true,
		`{"credsStore": "desktop"`:                             false,
	} {
		if got := Configured(newPlace(t, config, nil).folder); got != want {
			t.Errorf("%s: got %v", config, got)
		}
	}
	if Configured(filepath.Join(t.TempDir(), "absent")) {
		t.Error("an absent folder is configured")
	}
}

// TestResultInFile puts what comes out into a file, as all callers do.
func TestResultInFile(t *testing.T) {
	p := newPlace(t, `{"credsStore": "osxkeychain"}`, map[string]standin.Store{"osxkeychain": {
		Items: items{hub: item("bob"), "https://reg.example": item(dockercfg.IdentityTokenUser)},
	}})
	source, err := New(p.config())
	if err != nil {
		t.Fatal(err)
	}
	result, err := source.Generate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	file, err := dockercfg.New(result.Entries...)
	if err != nil {
		t.Fatal(err)
	}
	data, err := file.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Auths map[string]map[string]string }
	if err := json.Unmarshal(data, &got); err != nil || len(got.Auths) != 2 || got.Auths[hub]["auth"] != auth("bob") || got.Auths["reg.example"]["identitytoken"] != canary+dockercfg.IdentityTokenUser {
		t.Errorf("got %s, %v", data, err)
	}
}

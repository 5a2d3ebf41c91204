package oracle

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dockercfg/jet/internal/fakeaws"
)

// TestCacheKey keeps the key of the cache in real stores, which are then locked: nobody
// is asked to unlock one for the sake of a cache.
func TestCacheKey(t *testing.T) {
	for _, test := range []struct {
		name  string
		start func(t *testing.T) keychain
		lock  func(t *testing.T, k keychain) (asked func() bool)
	}{
		{"pass of Debian", func(t *testing.T) keychain { return startPass(t, "") }, lockPass},
		{"pass of today", func(t *testing.T) keychain { return startPass(t, newestPass(t)) }, lockPass},
		{"secretservice", startSecretService, lockSecretService},
	} {
		t.Run(test.name, func(t *testing.T) {
			chain := test.start(t)
			fake := new(fakeaws.AWS)
			key := fake.AddUser("aws", awsAccount, "ci", fakeaws.Token)
			server := httptest.NewServer(fake)
			defer server.Close()
			dir := t.TempDir()
			env := append(awsVariables(server.URL, key), chain.env...)
			env = append(env, "DOCKER_CONFIG="+dir, "JET_CREDENTIAL_STORE="+chain.name(), "JET_NO_CACHE=")
			generate := func() (cached bool) {
				t.Helper()
				out := mustRun(t, dir, env, jet(t), "generate", "dockercfg", "cfg")
				if strings.Contains(out, "warning") || strings.Contains(out, "hint") {
					t.Errorf("jet says\n%s", out)
				}
				return strings.Contains(out, "from the cache")
			}
			if first, second := generate(), generate(); first || !second {
				t.Error("the token is not kept")
			}
			asked := test.lock(t, chain)
			if first, second := generate(), generate(); first || second {
				t.Error("a token was taken from the cache though the store is locked")
			}
			if asked() {
				t.Error("somebody was asked to unlock the store")
			}
			if n := len(fake.Calls()); n != 3 {
				t.Errorf("AWS was asked %d times, want 3", n)
			}
		})
	}
}

// lockPass gives the store a key with a passphrase, which nobody has typed yet, and a
// program to type it in that notes that it was run.
func lockPass(t *testing.T, k keychain) (asked func() bool) {
	dir := t.TempDir()
	home := ""
	for _, entry := range k.env {
		if value, found := strings.CutPrefix(entry, "GNUPGHOME="); found {
			home = value
		}
	}
	note := filepath.Join(dir, "asked")
	pinentry := filepath.Join(dir, "pinentry")
	write(t, pinentry, "#!/bin/sh\ntouch "+note+"\nexit 1\n")
	if err := os.Chmod(pinentry, 0o755); err != nil {
		t.Fatal(err)
	}
	const user = "locked@example.test"
	mustRun(t, dir, k.env, find(t, "gpg", "gnupg"), "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "words", "--quick-gen-key", user, "default", "default", "never")
	mustRun(t, dir, k.env, find(t, "pass", "pass"), "init", user) // for both keys, and it is encrypted anew
	write(t, filepath.Join(home, "gpg-agent.conf"), "pinentry-program "+pinentry+"\n")
	mustRun(t, dir, k.env, find(t, "gpgconf", "gnupg"), "--kill", "all")
	// That it is locked is what a run without jet shows.
	listed := k.list(t)
	for registry := range listed {
		if _, err := runWith(t, registry, dir, k.env, k.helper, "get"); err == nil {
			t.Fatal("the store is not locked")
		}
	}
	if _, err := os.Stat(note); len(listed) == 0 || err != nil {
		t.Fatalf("the store asks nobody: %v, %v", listed, err)
	}
	if err := os.Remove(note); err != nil {
		t.Fatal(err)
	}
	return func() bool { _, err := os.Stat(note); return err == nil }
}

// lockSecretService locks the keyring. Without a session nobody can be asked, so that
// it is locked still says that nobody was.
func lockSecretService(t *testing.T, k keychain) (asked func() bool) {
	busctl := find(t, "busctl", "systemd")
	const service, root = "org.freedesktop.secrets", "/org/freedesktop/secrets"
	locked := func() string {
		return mustRun(t, t.TempDir(), k.env, busctl, "--user", "get-property", service, root+"/aliases/default", "org.freedesktop.Secret.Collection", "Locked")
	}
	mustRun(t, t.TempDir(), k.env, busctl, "--user", "call", service, root, "org.freedesktop.Secret.Service", "Lock", "ao", "1", root+"/aliases/default")
	if strings.TrimSpace(locked()) != "b true" {
		t.Fatal("the keyring is not locked")
	}
	return func() bool { return strings.TrimSpace(locked()) != "b true" }
}

// TestHelperTokens has real clients ask docker-credential-jet for a registry that no
// file has a credential for: the token is made by jet, and by all of them once.
func TestHelperTokens(t *testing.T) {
	password := "a token of ECR"
	registry := startRegistry(t, account{"AWS", password})
	fake := &fakeaws.AWS{
		Registry: func(string, string) string { return "http://" + registry },
		Password: func(string, string) string { return password },
	}
	url, key := startAWS(t, fake)
	p := newProject(t)
	write(t, filepath.Join(p.dir, "ecr.env"), strings.Join(awsVariables(url, key), "\n")+"\n")
	image := fill(t, registry, "ecr/hello", filepath.Join(p.config(t, "ecr.env"), "config.json"))
	if err := os.Remove(filepath.Join(p.dir, "dockercfg.encrypted")); err != nil {
		t.Fatal(err)
	}
	accounts := filepath.Join(t.TempDir(), "registries.yaml")
	write(t, accounts, "registries:\n  - {name: production, address: '"+registry+"', backend: ecr, envFile: "+filepath.Join(p.dir, "ecr.env")+"}\n")
	d := newDesk(t, p, keychain{helper: filepath.Join(t.TempDir(), "docker-credential-none")}, startEngine(t), startPodman(t), "{}")
	d.env = append(d.env, "JET_NO_CACHE=")
	for i, entry := range d.env {
		if path, found := strings.CutPrefix(entry, "PATH="); found {
			d.env[i] = "PATH=" + filepath.Dir(jet(t)) + string(os.PathListSeparator) + path
		}
	}
	d.install(t, "--registry", registry)
	all := accesses(t)
	for _, a := range all {
		if out, err := d.read(t, a, registry, image); err == nil {
			t.Errorf("%s reads %s without a credential:\n%s", a.name, image, out)
		}
	}
	before := len(fake.Calls())
	for _, a := range all {
		if out, err := d.read(t, a, registry, image, "JET_REGISTRIES="+accounts); err != nil {
			t.Errorf("%s does not read %s: %v\n%s", a.name, image, err, out)
		}
	}
	if n := len(fake.Calls()) - before; n != 1 {
		t.Errorf("AWS was asked %d times for %d clients", n, len(all))
	}
}

package oracle

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// keychain is a real credential store, empty and apart from that of the user.
type keychain struct {
	helper string   // its docker-credential-* program
	env    []string // under which the helper finds it
}

// startPass makes a store for pass, with a key without a passphrase, for a
// docker-credential-pass: Debian's for "".
func startPass(t *testing.T, helper string) keychain {
	t.Helper()
	if helper == "" {
		helper = find(t, "docker-credential-pass", "golang-docker-credential-helpers")
	}
	pass, gpg, gpgconf := find(t, "pass", "pass"), find(t, "gpg", "gnupg"), find(t, "gpgconf", "gnupg")
	// Not t.TempDir: the agent listens in the folder, and the names of sockets are short.
	dir, err := os.MkdirTemp("", "jet-pass-")
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(dir, "gpg")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	env := []string{
		"HOME=" + dir, "GNUPGHOME=" + home, "PASSWORD_STORE_DIR=" + filepath.Join(dir, "store"),
		"PATH=" + filepath.Dir(helper) + string(os.PathListSeparator) + os.Getenv("PATH"),
	}
	t.Cleanup(func() {
		mustRun(t, dir, env, gpgconf, "--kill", "all")
		// The agent removes its sockets while it ends.
		for deadline := time.Now().Add(10 * time.Second); os.RemoveAll(dir) != nil && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
	})
	const user = "jet@example.test"
	mustRun(t, dir, env, gpg, "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", user, "default", "default", "never")
	mustRun(t, dir, env, pass, "init", user)
	return keychain{helper, env}
}

// newestPass gives the path of docker-credential-pass, in the version of go.mod.
func newestPass(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "docker-credential-pass")
	if err := os.Symlink(build(t, ".", "github.com/docker/docker-credential-helpers/pass/cmd"), path); err != nil {
		t.Fatal(err)
	}
	return path
}

// startSecretService runs GNOME's keyring on a message bus of its own.
func startSecretService(t *testing.T) keychain {
	t.Helper()
	helper := find(t, "docker-credential-secretservice", "golang-docker-credential-helpers")
	bus := find(t, "dbus-daemon", "dbus")
	keyring := find(t, "gnome-keyring-daemon", "gnome-keyring")
	dir, err := os.MkdirTemp("", "jet-bus-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "bus")
	// A bus that starts nothing by itself, so that there is nothing else to end.
	config := filepath.Join(dir, "bus.conf")
	write(t, config, `<busconfig>
  <type>session</type>
  <listen>unix:path=`+socket+`</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
  </policy>
</busconfig>
`)
	env := []string{
		"HOME=" + dir, "XDG_RUNTIME_DIR=" + dir, "XDG_DATA_HOME=" + filepath.Join(dir, "data"),
		"XDG_CONFIG_HOME=" + filepath.Join(dir, "config"), "XDG_CACHE_HOME=" + filepath.Join(dir, "cache"),
		"DBUS_SESSION_BUS_ADDRESS=unix:path=" + socket,
	}
	cmd := exec.Command(bus, "--nofork", "--nopidfile", "--config-file", config)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	startServer(t, t.TempDir(), cmd)
	waitFor(t, "dbus-daemon", func() bool {
		_, err := os.Stat(socket)
		return err == nil
	})
	cmd = exec.Command(keyring, "--foreground", "--unlock", "--components=secrets")
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	cmd.Stdin = strings.NewReader("password of the keyring")
	startServer(t, t.TempDir(), cmd)
	waitFor(t, "gnome-keyring-daemon", func() bool {
		_, err := run(t, dir, env, helper, "list")
		return err == nil
	})
	return keychain{helper, env}
}

// name is what config.json calls the store.
func (k keychain) name() string {
	return strings.TrimPrefix(filepath.Base(k.helper), "docker-credential-")
}

// list gives the registries in the store and their users.
func (k keychain) list(t *testing.T) map[string]string {
	t.Helper()
	cmd := exec.Command(k.helper, "list")
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, k.env...)
	out, err := cmd.Output()
	users := make(map[string]string)
	if err != nil || json.Unmarshal(out, &users) != nil {
		t.Fatalf("%s list: %v", k.helper, err)
	}
	return users
}

// login logs in with the real docker CLI and without an engine.
func login(t *testing.T, env []string, config, registry string, a account) (string, error) {
	t.Helper()
	env = slices.Concat(env, []string{"DOCKER_CONFIG=" + config, "DOCKER_HOST=unix:///nonexistent"})
	return runWith(t, a.password, config, env, find(t, "docker", "docker.io"), "login", "--username", a.user, "--password-stdin", registry)
}

// TestRealStores fills real stores with the real docker CLI, and takes out what
// crane, skopeo and docker then log in with.
func TestRealStores(t *testing.T) {
	basic, token := account{"basic", `"two' words: $HOME`}, account{"token", "an other\\ p%ssword"}
	basicRegistry, tokenRegistry := startRegistry(t, basic), startTokenRegistry(t, token)
	all := clients(t)
	for _, test := range []struct {
		name  string
		start func(t *testing.T) keychain
	}{
		{"pass of Debian", func(t *testing.T) keychain { return startPass(t, "") }},
		{"pass of today", func(t *testing.T) keychain { return startPass(t, newestPass(t)) }},
		{"secretservice", startSecretService},
	} {
		t.Run(test.name, func(t *testing.T) {
			chain := test.start(t)
			config := t.TempDir()
			write(t, filepath.Join(config, "config.json"), `{"credsStore":"`+chain.name()+`"}`)
			for registry, a := range map[string]account{basicRegistry: basic, tokenRegistry: token} {
				if out, err := login(t, chain.env, config, registry, a); err != nil {
					t.Fatalf("docker login: %v\n%s", err, out)
				}
			}
			stored := chain.list(t)
			if len(stored) != 2 || stored[basicRegistry] != basic.user || stored[tokenRegistry] != "<token>" {
				t.Fatalf("the store has %v, want a password and an identity token", stored)
			}

			p := newProject(t)
			env := slices.Concat(chain.env, []string{"DOCKER_CONFIG=" + config})
			out := mustRun(t, p.dir, env, p.jet, "generate", "dockercfg", "--from", "store", "--encrypt", "dockercfg.encrypted")
			for _, secret := range []string{basic.password, token.password} {
				if strings.Contains(out, secret) {
					t.Errorf("jet printed a password: %q", out)
				}
			}
			generated := t.TempDir()
			p.run(t, "decrypt", "dockercfg.encrypted", filepath.Join(generated, "config.json"))
			checkGenerated(t, filepath.Join(generated, "config.json"), basicRegistry, tokenRegistry)

			anonymous := t.TempDir()
			write(t, filepath.Join(anonymous, "config.json"), `{"auths":{"x.test":{}}}`)
			for _, image := range []string{basicRegistry + "/basic/", tokenRegistry + "/token/"} {
				for _, c := range all {
					image := image + c.name + ":1"
					if out, err := c.push(t, generated, image); err != nil {
						t.Errorf("%s does not push %s: %v\n%s", c.name, image, err, out)
						continue
					}
					if out, err := c.pull(t, anonymous, image); err == nil || !refused.MatchString(out) {
						t.Errorf("%s pulls %s without credentials: %v\n%s", c.name, image, err, out)
					}
					if out, err := c.pull(t, generated, image); err != nil {
						t.Errorf("%s does not pull %s: %v\n%s", c.name, image, err, out)
					}
				}
			}

			// One registry alone, and one that the store does not have.
			one := filepath.Join(t.TempDir(), "one")
			mustRun(t, p.dir, env, p.jet, "generate", "dockercfg", "--from", "store", "--registry", tokenRegistry, one)
			checkGenerated(t, one, "", tokenRegistry)
			if out, err := run(t, p.dir, env, p.jet, "generate", "dockercfg", "--from", "store", "--registry", "absent.test", "-"); err == nil || !strings.Contains(out, "absent.test") {
				t.Errorf("a registry that is not in the store: %v\n%s", err, out)
			}
		})
	}
}

// checkGenerated checks that a config.json has a password for one registry and an
// identity token for the other, and no more.
func checkGenerated(t *testing.T, path, basic, token string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Auths map[string]struct{ Auth, IdentityToken string }
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	delete(file.Auths, "x.test") // which stands there lest docker picks a store by itself
	want := 1
	if basic != "" {
		want++
		if entry := file.Auths[basic]; entry.Auth == "" || entry.IdentityToken != "" {
			t.Errorf("%s has no password", basic)
		}
	}
	if file.Auths[token].IdentityToken == "" {
		t.Errorf("%s has no identity token", token)
	}
	if len(file.Auths) != want {
		t.Errorf("%d entries, want %d", len(file.Auths), want)
	}
}

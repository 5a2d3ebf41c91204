package oracle

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// desk is where docker-credential-jet is used: a project, a store of the user to
// pass on to, and an engine.
type desk struct {
	project
	config string // folder of config.json
	chain  keychain
	env    []string
	podman string // folder of its storage
}

// newDesk makes one with these lines in config.json.
func newDesk(t *testing.T, p project, chain keychain, engine, podman, config string) desk {
	t.Helper()
	d := desk{project: p, config: t.TempDir(), chain: chain, podman: podman}
	write(t, filepath.Join(d.config, "config.json"), config)
	d.env = slices.Concat(chain.env, []string{
		"DOCKER_CONFIG=" + d.config, "DOCKER_HOST=" + engine, "DOCKER_BUILDKIT=0",
		"REGISTRY_AUTH_FILE=" + filepath.Join(d.config, "config.json"),
		"PATH=" + strings.Join([]string{filepath.Dir(helper(t)), filepath.Dir(chain.helper), os.Getenv("PATH")}, string(os.PathListSeparator)),
		"XDG_RUNTIME_DIR=" + podman, "CONTAINERS_CONF=" + filepath.Join(podman, "containers.conf"),
		"CONTAINERS_STORAGE_CONF=" + filepath.Join(podman, "storage.conf"),
	})
	return d
}

// startPodman makes a storage for podman, without which it would use the system's.
func startPodman(t *testing.T) (folder string) {
	t.Helper()
	find(t, "podman", "podman")
	find(t, "runc", "runc")
	dir, err := os.MkdirTemp("", "jet-podman-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unmountBelow(t, dir)
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	write(t, filepath.Join(dir, "storage.conf"), `[storage]
driver = "vfs"
graphroot = "`+filepath.Join(dir, "data")+`"
runroot = "`+filepath.Join(dir, "run")+`"
`)
	write(t, filepath.Join(dir, "containers.conf"), `[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
tmp_dir = "`+filepath.Join(dir, "tmp")+`"
`)
	return dir
}

// install runs "jet helper install".
func (d desk) install(t *testing.T, args ...string) {
	t.Helper()
	mustRun(t, d.dir, d.env, d.jet, append([]string{"helper", "install"}, args...)...)
}

// access is a way to read an image with a client that asks the helper.
type access struct {
	name        string
	storeIsRead bool // it reads credsStore, and not only credHelpers
	failsClosed bool // it asks before a registry wants it to, and then does not go on without an answer
	showsWhy    bool // it shows what the helper writes to stderr
	args        func(registry, image string) []string
}

func accesses(t *testing.T) []access {
	t.Helper()
	docker, crane := find(t, "docker", "docker.io"), crane(t)
	skopeo, podman := find(t, "skopeo", "skopeo"), find(t, "podman", "podman")
	regctl := build(t, ".", "github.com/regclient/regclient/cmd/regctl")
	oras := build(t, ".", "./oras")
	return []access{
		{"docker pull", true, false, true, func(_, image string) []string { return []string{docker, "pull", image} }},
		{"docker build", true, false, true, func(_, image string) []string {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "Dockerfile"), "FROM "+image+"\nCOPY Dockerfile /\n")
			return []string{docker, "build", "--pull", "--no-cache", dir}
		}},
		{"crane", true, true, false, func(_, image string) []string { return []string{crane, "manifest", image} }},
		{"regctl", true, false, false, func(registry, image string) []string {
			return []string{regctl, "--host", "reg=" + registry + ",tls=disabled", "manifest", "get", image}
		}},
		{"oras-go", true, false, false, func(_, image string) []string { return []string{oras, image} }},
		{"skopeo", false, true, false, func(_, image string) []string {
			return []string{skopeo, "inspect", "--tls-verify=false", "docker://" + image}
		}},
		{"podman", false, true, false, func(_, image string) []string {
			return []string{podman, "pull", "--quiet", "--tls-verify=false", image}
		}},
	}
}

func (d desk) read(t *testing.T, a access, registry, image string, env ...string) (string, error) {
	t.Helper()
	args := a.args(registry, image)
	return run(t, d.dir, slices.Concat(d.env, env), args[0], args[1:]...)
}

// fill puts an image into a registry, with the credentials of a config.json, and
// gives its name.
func fill(t *testing.T, registry, repository, config string) string {
	t.Helper()
	archive := filepath.Join(t.TempDir(), "image.tar")
	writeImage(t, archive)
	image := registry + "/" + repository + ":1"
	mustRun(t, t.TempDir(), nil, find(t, "skopeo", "skopeo"), "--insecure-policy", "copy", "--dest-tls-verify=false",
		"--dest-authfile", config, "docker-archive:"+archive, "docker://"+image)
	return image
}

// TestHelper has real clients ask docker-credential-jet, and the real docker CLI and
// podman log in and out through it at a registry that the project does not have.
func TestHelper(t *testing.T) {
	basic, token, other := account{"basic", `a "b" $c`}, account{"token", "d:e f"}, account{"other", "not in the project"}
	basicRegistry, tokenRegistry, otherRegistry := startRegistry(t, basic), startTokenRegistry(t, token), startRegistry(t, other)
	all := accesses(t)
	p := newProject(t)
	plain := filepath.Join(p.config(t, p.env(t, "basic.env", basicRegistry, basic), p.env(t, "token.env", tokenRegistry, token)), "config.json")
	images := map[string]string{
		basicRegistry: fill(t, basicRegistry, "basic/hello", plain),
		tokenRegistry: fill(t, tokenRegistry, "token/hello", plain),
	}
	elsewhere := newProject(t)
	otherConfig := filepath.Join(elsewhere.config(t, elsewhere.env(t, "other.env", otherRegistry, other)), "config.json")
	otherImage := fill(t, otherRegistry, "other/hello", otherConfig)
	engine, podman := startEngine(t), startPodman(t)
	chain := startPass(t, "")

	for _, mode := range []struct {
		name  string
		store bool
		args  []string
	}{
		{"credsStore", true, []string{"--all"}},
		{"credHelpers", false, []string{"--registry", basicRegistry, "--registry", tokenRegistry, "--registry", otherRegistry}},
	} {
		t.Run(mode.name, func(t *testing.T) {
			before := "{\n  \"credsStore\": \"pass\" }"
			d := newDesk(t, p, chain, engine, podman, before)
			for registry, image := range images {
				for _, a := range all {
					if out, err := d.read(t, a, registry, image); err == nil {
						t.Errorf("%s reads %s before the helper is installed:\n%s", a.name, image, out)
					}
				}
			}
			d.install(t, mode.args...)
			for registry, image := range images {
				for _, a := range all {
					if mode.store && !a.storeIsRead {
						continue
					}
					if out, err := d.read(t, a, registry, image); err != nil {
						t.Errorf("%s does not read %s: %v\n%s", a.name, image, err, out)
					}
				}
			}

			docker, podman := find(t, "docker", "docker.io"), find(t, "podman", "podman")
			logins := map[string]struct{ in, out []string }{
				"docker": {
					[]string{docker, "login", "--username", other.user, "--password-stdin", otherRegistry},
					[]string{docker, "logout", otherRegistry},
				},
			}
			if !mode.store {
				// In a copy: podman saves no member that it does not know, such as credsStore.
				auth := filepath.Join(t.TempDir(), "auth.json")
				data, err := os.ReadFile(filepath.Join(d.config, "config.json"))
				if err != nil {
					t.Fatal(err)
				}
				write(t, auth, string(data))
				logins["podman"] = struct{ in, out []string }{
					[]string{podman, "login", "--authfile", auth, "--tls-verify=false", "--username", other.user, "--password-stdin", otherRegistry},
					[]string{podman, "logout", "--authfile", auth, otherRegistry},
				}
			}
			pull := all[0]
			for _, name := range slices.Sorted(maps.Keys(logins)) {
				l := logins[name]
				if out, err := d.read(t, pull, otherRegistry, otherImage); err == nil || !refused.MatchString(out) {
					t.Errorf("docker pull before %s login: %v\n%s", name, err, out)
				}
				if out, err := runWith(t, "wrong", d.dir, d.env, l.in[0], l.in[1:]...); err == nil || !refused.MatchString(out) {
					t.Errorf("%s login with a wrong password: %v\n%s", name, err, out)
				}
				if out, err := runWith(t, other.password, d.dir, d.env, l.in[0], l.in[1:]...); err != nil {
					t.Errorf("%s login: %v\n%s", name, err, out)
				}
				if users := chain.list(t); len(users) != 1 || users[otherRegistry] != other.user {
					t.Errorf("after %s login the store has %v", name, users)
				}
				if out, err := d.read(t, pull, otherRegistry, otherImage); err != nil {
					t.Errorf("docker pull after %s login: %v\n%s", name, err, out)
				}
				if out, err := run(t, d.dir, d.env, l.out[0], l.out[1:]...); err != nil {
					t.Errorf("%s logout: %v\n%s", name, err, out)
				}
				if users := chain.list(t); len(users) != 0 {
					t.Errorf("after %s logout the store has %v", name, users)
				}
			}
			// The project's own credentials are not those of the user to throw away.
			mustRun(t, d.dir, d.env, docker, "logout", basicRegistry)
			if out, err := d.read(t, pull, basicRegistry, images[basicRegistry]); err != nil {
				t.Errorf("docker pull after docker logout from a registry of the project: %v\n%s", err, out)
			}

			mustRun(t, d.dir, d.env, d.jet, "helper", "uninstall")
			data, err := os.ReadFile(filepath.Join(d.config, "config.json"))
			var file struct {
				CredsStore  string
				CredHelpers map[string]string
			}
			if err != nil || json.Unmarshal(data, &file) != nil || file.CredsStore != "pass" || len(file.CredHelpers) != 0 {
				t.Errorf("config.json after uninstall: %v\n%s", err, data)
			}
		})
	}
}

// TestHelperIdentityToken has real clients ask for an identity token, which the real
// docker CLI left in its config.json.
func TestHelperIdentityToken(t *testing.T) {
	token := account{"token", "exchanged for a token"}
	registry := startTokenRegistry(t, token)
	all := accesses(t)
	user := t.TempDir()
	config := filepath.Join(user, "config.json")
	write(t, config, `{"auths":{"x.test":{}}}`)
	if out, err := login(t, nil, user, registry, token); err != nil {
		t.Fatalf("docker login: %v\n%s", err, out)
	}
	checkGenerated(t, config, "", registry)
	image := fill(t, registry, "token/hello", config)
	p := newProject(t)
	p.run(t, "encrypt", config, "dockercfg.encrypted")
	d := newDesk(t, p, startPass(t, ""), startEngine(t), startPodman(t), `{"auths":{"x.test":{}}}`)
	d.install(t, "--registry", registry)
	for _, a := range all {
		if out, err := d.read(t, a, registry, image); err != nil {
			t.Errorf("%s does not read %s: %v\n%s", a.name, image, err, out)
		}
	}
}

// TestHelperFailsClosed gives the helper a wrong key, at a registry that would let
// anybody in. That the helper has no answer must not look like a registry that it
// has no credentials for: clients would go on without, and get another image than was
// meant, or a limit on pulls.
func TestHelperFailsClosed(t *testing.T) {
	open := startOpenRegistry(t)
	all := accesses(t)
	p := newProject(t)
	const password = "a-password-7Zq"
	p.config(t, p.env(t, "open.env", open, account{"someone", password}))
	empty := filepath.Join(t.TempDir(), "config.json")
	write(t, empty, `{"auths":{"x.test":{}}}`)
	image := fill(t, open, "open/hello", empty)
	engine, podman := startEngine(t), startPodman(t)
	d := newDesk(t, p, startPass(t, ""), engine, podman, `{"auths":{"x.test":{}}}`)
	d.install(t, "--registry", open)
	wrongKey := "JET_KEY_PATH=" + filepath.Join(newProject(t).dir, "codeship.aes")
	const reason = "wrong key"

	out, err := runWith(t, open, d.dir, append(d.env, wrongKey), helper(t), "get")
	if err == nil || !strings.Contains(out, reason) || strings.Contains(out, "credentials not found") || strings.Contains(out, password) {
		t.Errorf("the helper says with a wrong key: %v\n%s", err, out)
	}
	for _, a := range all {
		if out, err := d.read(t, a, open, image); err != nil || strings.Contains(out, reason) {
			t.Errorf("%s does not read %s: %v\n%s", a.name, image, err, out)
		}
		out, err := d.read(t, a, open, image, wrongKey)
		if a.failsClosed && err == nil {
			t.Errorf("%s goes on without credentials:\n%s", a.name, out)
		}
		if a.showsWhy && !strings.Contains(out, reason) {
			t.Errorf("%s does not show why:\n%s", a.name, out)
		}
		if strings.Contains(out, password) {
			t.Errorf("%s prints the password", a.name)
		}
	}
}

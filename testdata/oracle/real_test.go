package oracle

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// project is a folder with a key, and what a user does in it.
type project struct {
	jet, dir string
}

func newProject(t *testing.T) project {
	t.Helper()
	p := project{jet: jet(t), dir: t.TempDir()}
	p.run(t, "generate")
	return p
}

func (p project) run(t *testing.T, args ...string) string {
	t.Helper()
	return mustRun(t, p.dir, nil, p.jet, args...)
}

// env writes the credentials as a user of Docker would, and gives the file's name.
func (p project) env(t *testing.T, name, registry string, a account) string {
	t.Helper()
	write(t, filepath.Join(p.dir, name), fmt.Sprintf("# credentials of %s\nDOCKER_USERNAME=%s\nDOCKER_PASSWORD=%s\nDOCKER_REGISTRY=%s\n",
		registry, a.user, a.password, registry))
	return name
}

// config goes the whole way: env files to an encrypted dockercfg, and that to a
// config.json, in whose folder it leaves the caller.
func (p project) config(t *testing.T, envFiles ...string) (folder string) {
	t.Helper()
	args := []string{"generate", "dockercfg", "--encrypt"}
	for _, file := range envFiles {
		args = append(args, "--env-file", file)
	}
	p.run(t, append(args, "dockercfg.encrypted")...)
	encrypted, err := os.ReadFile(filepath.Join(p.dir, "dockercfg.encrypted"))
	if err != nil || !bytes.HasPrefix(encrypted, []byte("jet:v1\n")) {
		t.Fatalf("dockercfg.encrypted is not in the format jet:v1: %v", err)
	}
	folder = t.TempDir()
	config := filepath.Join(folder, "config.json")
	p.run(t, "decrypt", "dockercfg.encrypted", config)
	if info, err := os.Stat(config); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("config.json: mode %v, %v", info.Mode(), err)
	}
	return folder
}

// client is a program that pushes an image to a repository and pulls it again.
// Both give what it wrote, and its error.
type client struct {
	name string
	push func(t *testing.T, config, image string) (string, error)
	pull func(t *testing.T, config, image string) (string, error)
}

func clients(t *testing.T) []client {
	t.Helper()
	dir := t.TempDir()
	layer := filepath.Join(dir, "layer.tar")
	writeLayer(t, layer)

	crane := crane(t)
	craneRun := func(t *testing.T, config string, args ...string) (string, error) {
		return run(t, dir, []string{"DOCKER_CONFIG=" + config}, crane, args...)
	}
	all := []client{{
		name: "crane",
		push: func(t *testing.T, config, image string) (string, error) {
			return craneRun(t, config, "append", "--oci-empty-base", "-f", layer, "-t", image)
		},
		pull: func(t *testing.T, config, image string) (string, error) {
			return craneRun(t, config, "pull", image, filepath.Join(t.TempDir(), "image.tar"))
		},
	}}

	skopeo := find(t, "skopeo", "skopeo")
	skopeoCopy := func(t *testing.T, config, from, to string) (string, error) {
		return run(t, dir, nil, skopeo, "--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false",
			"--authfile", filepath.Join(config, "config.json"), from, to)
	}
	image := filepath.Join(dir, "image.tar")
	writeImage(t, image)
	all = append(all, client{
		name: "skopeo",
		push: func(t *testing.T, config, name string) (string, error) {
			return skopeoCopy(t, config, "docker-archive:"+image, "docker://"+name)
		},
		pull: func(t *testing.T, config, name string) (string, error) {
			return skopeoCopy(t, config, "docker://"+name, "dir:"+t.TempDir())
		},
	})

	docker := find(t, "docker", "docker.io")
	host := startEngine(t)
	dockerRun := func(t *testing.T, config string, args ...string) (string, error) {
		return run(t, dir, []string{"DOCKER_HOST=" + host, "DOCKER_CONFIG=" + config, "DOCKER_BUILDKIT=0"}, docker, args...)
	}
	context := filepath.Join(dir, "context")
	if err := os.Mkdir(context, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(context, "Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n")
	return append(all, client{
		name: "docker",
		push: func(t *testing.T, config, image string) (string, error) {
			if out, err := dockerRun(t, config, "build", "-t", image, context); err != nil {
				t.Fatalf("docker build: %v\n%s", err, out)
			}
			return dockerRun(t, config, "push", image)
		},
		pull: func(t *testing.T, config, image string) (string, error) {
			// What is there already would not be asked for.
			dockerRun(t, config, "image", "rm", image)
			return dockerRun(t, config, "pull", image)
		},
	})
}

// refused is what each client says about credentials that are wrong.
var refused = regexp.MustCompile(`(?i)unauthorized|authentication required|invalid username/password|no basic auth credentials`)

// TestRealUse is the main job on real parts: credentials go in, an encrypted file
// stands in the project, and real clients use a real registry with what comes out.
func TestRealUse(t *testing.T) {
	registry := startRegistry(t, accounts...)
	all := clients(t)
	for i, a := range accounts {
		t.Run(a.user, func(t *testing.T) {
			p := newProject(t)
			good := p.config(t, p.env(t, "credentials.env", registry, a))
			wrong := p.config(t, p.env(t, "wrong.env", registry, account{a.user, a.password + "x"}))
			for _, c := range all {
				image := fmt.Sprintf("%s/user%d/%s:1", registry, i, c.name)
				if out, err := c.push(t, wrong, image); err == nil || !refused.MatchString(out) {
					t.Errorf("%s pushes with a wrong password: %v\n%s", c.name, err, out)
				}
				if out, err := c.push(t, good, image); err != nil {
					t.Errorf("%s does not push: %v\n%s", c.name, err, out)
					continue
				}
				if out, err := c.pull(t, wrong, image); err == nil || !refused.MatchString(out) {
					t.Errorf("%s pulls with a wrong password: %v\n%s", c.name, err, out)
				}
				if out, err := c.pull(t, good, image); err != nil {
					t.Errorf("%s does not pull: %v\n%s", c.name, err, out)
				}
			}
		})
	}
}

// TestTwoRegistries writes one file for two registries from two env files, of
// which one is encrypted.
func TestTwoRegistries(t *testing.T) {
	one, two := account{"one", "first # password"}, account{"two", "second $password"}
	first, second := startRegistry(t, one), startRegistry(t, two)
	crane := crane(t)
	p := newProject(t)
	p.run(t, "encrypt", p.env(t, "second.env", second, two), "second.env.encrypted")
	config := p.config(t, p.env(t, "first.env", first, one), "second.env.encrypted")
	for _, registry := range []string{first, second} {
		out := mustRun(t, p.dir, []string{"DOCKER_CONFIG=" + config}, crane, "catalog", registry)
		if strings.TrimSpace(out) != "" {
			t.Errorf("crane catalog: %q, want nothing", out)
		}
	}
}

// writeLayer writes a layer with one file.
func writeLayer(t *testing.T, path string) {
	t.Helper()
	writeTar(t, path, map[string]string{"hello": "hello\n"})
}

// writeImage writes an image as "docker save" does, of that layer.
func writeImage(t *testing.T, path string) {
	t.Helper()
	layer := filepath.Join(t.TempDir(), "layer.tar")
	writeLayer(t, layer)
	data, err := os.ReadFile(layer)
	if err != nil {
		t.Fatal(err)
	}
	writeTar(t, path, map[string]string{
		"layer.tar":     string(data),
		"config.json":   fmt.Sprintf(`{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%x"]}}`, sha256.Sum256(data)),
		"manifest.json": `[{"Config":"config.json","RepoTags":["jet/hello:1"],"Layers":["layer.tar"]}]`,
	})
}

func writeTar(t *testing.T, path string, files map[string]string) {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path, archive.String())
}

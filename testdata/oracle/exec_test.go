package oracle

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExec has real clients push and pull with the credentials of an encrypted
// file, as a CI step with encrypted_dockercfg_path did. Their user's own
// configuration, with a context that leads to the engine, is used for all else.
func TestExec(t *testing.T) {
	a := account{"ci", `p "w:$1 #`}
	registry := startRegistry(t, a)
	docker, skopeo, crane := find(t, "docker", "docker.io"), find(t, "skopeo", "skopeo"), crane(t)
	host := startEngine(t)

	p := newProject(t)
	wrong := account{a.user, "wrong"}
	p.run(t, "generate", "dockercfg", "--encrypt", "--env-file", p.env(t, "good.env", registry, a), "dockercfg.encrypted")
	p.run(t, "generate", "dockercfg", "--encrypt", "--env-file", p.env(t, "wrong.env", registry, wrong), "wrong.encrypted")

	own := t.TempDir()
	env := []string{"DOCKER_CONFIG=" + own, "DOCKER_BUILDKIT=0", "XDG_RUNTIME_DIR=" + memory(t)}
	mustRun(t, p.dir, env, docker, "context", "create", "engine", "--docker", "host="+host)
	mustRun(t, p.dir, env, docker, "context", "use", "engine")
	before, err := os.ReadFile(filepath.Join(own, "config.json"))
	if err != nil {
		t.Fatal(err)
	}

	layer, archive := filepath.Join(p.dir, "layer.tar"), filepath.Join(p.dir, "image.tar")
	writeLayer(t, layer)
	writeImage(t, archive)
	mustRun(t, p.dir, env, docker, "load", "-i", archive)
	image := registry + "/team/"
	mustRun(t, p.dir, env, docker, "tag", "jet/hello:1", image+"docker:1")

	for _, words := range [][]string{
		{docker, "push", image + "docker:1"},
		{docker, "pull", image + "docker:1"},
		{crane, "append", "--oci-empty-base", "-f", layer, "-t", image + "crane:1"},
		{skopeo, "--insecure-policy", "copy", "--dest-tls-verify=false", "docker-archive:" + archive, "docker://" + image + "skopeo:1"},
		{skopeo, "inspect", "--tls-verify=false", "docker://" + image + "skopeo:1"},
	} {
		name := filepath.Base(words[0]) + " " + strings.Trim(words[1], "-")
		if out, err := run(t, p.dir, env, words[0], words[1:]...); err == nil || !refused.MatchString(out) {
			t.Errorf("%s without credentials: %v\n%s", name, err, out)
		}
		if out, err := run(t, p.dir, env, p.jet, append([]string{"exec", "--dockercfg", "wrong.encrypted", "--"}, words...)...); err == nil || !refused.MatchString(out) {
			t.Errorf("%s with wrong credentials: %v\n%s", name, err, out)
		}
		if out, err := run(t, p.dir, env, p.jet, append([]string{"exec", "--dockercfg", "dockercfg.encrypted", "--"}, words...)...); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if out := mustRun(t, p.dir, env, p.jet, "exec", "--dockercfg", "dockercfg.encrypted", "--", crane, "catalog", registry); out != "team/crane\nteam/docker\nteam/skopeo\n" {
		t.Errorf("the registry holds %q", out)
	}

	// A login within the command is gone with it, and nothing of ours is left.
	login := fmt.Sprintf("printf %%s '%s' | docker login --username ci --password-stdin %s", a.password, registry)
	if out, err := run(t, p.dir, env, p.jet, "exec", "--dockercfg", "wrong.encrypted", "--", "sh", "-c", login+" && docker pull "+image+"docker:1"); err != nil {
		t.Errorf("login and pull: %v\n%s", err, out)
	}
	if after, err := os.ReadFile(filepath.Join(own, "config.json")); err != nil || string(after) != string(before) {
		t.Errorf("the user's own config.json was changed: %s, %v", after, err)
	}
	checkEmpty(t, strings.TrimPrefix(env[2], "XDG_RUNTIME_DIR="))
}

// memory gives a new folder in memory.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "jet-test-")
	if err != nil {
		t.Skipf("needs a folder in memory: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// checkEmpty checks that nothing is left in a folder.
func checkEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left in %s: %v, %v", dir, left, err)
	}
}

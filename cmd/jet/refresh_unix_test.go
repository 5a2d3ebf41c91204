//go:build unix

package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dockercfg/jet/internal/fakeaws"
)

// A stream collects what a process writes, while it does.
type stream struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (s *stream) Write(p []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.Write(p)
}

func (s *stream) String() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.String()
}

// A refreshing process is a "jet refresh".
type refreshing struct {
	*exec.Cmd
	t              *testing.T
	stdout, stderr stream
	address        string
}

// refreshIn starts one in a folder, with these variables and nothing else.
func refreshIn(t *testing.T, dir string, env []string, words ...string) *refreshing {
	t.Helper()
	r := &refreshing{t: t, Cmd: exec.Command("jet", append([]string{"refresh", "--listen", "127.0.0.1:0"}, words...)...)}
	r.Dir, r.Env, r.Stdout, r.Stderr = dir, append(env, "PATH="+os.Getenv("PATH"), "HOME="+dir), &r.stdout, &r.stderr
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.ProcessState == nil {
			r.Process.Kill()
			r.Wait()
		}
		if t.Failed() {
			t.Logf("the log of %v:\n%s", words, &r.stderr)
		}
	})
	eventually(t, "it listens", func() bool {
		for _, e := range r.events("listening") {
			r.address, _ = e["address"].(string)
		}
		return r.address != ""
	})
	return r
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for begun := time.Now(); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("it never happens that %s", what)
		}
	}
}

// events gives those with a message.
func (r *refreshing) events(message string) (events []map[string]any) {
	for line := range strings.Lines(r.stderr.String()) {
		var event map[string]any
		if json.Unmarshal([]byte(line), &event) == nil && event["msg"] == message {
			events = append(events, event)
		}
	}
	return events
}

// get asks over HTTP.
func (r *refreshing) get(path string) (status int, body string) {
	r.t.Helper()
	answer, err := http.Get("http://" + r.address + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		r.t.Error(err)
	}
	return answer.StatusCode, string(data)
}

// end stops it by a signal, and checks that it ends well and quickly.
func (r *refreshing) end(s syscall.Signal) {
	r.t.Helper()
	begun := time.Now()
	r.Process.Signal(s)
	if err := r.Wait(); err != nil || time.Since(begun) > 3*time.Second {
		r.t.Errorf("after %v: %v, %v", s, err, time.Since(begun))
	}
	if out := r.stdout.String(); out != "" {
		r.t.Errorf("it wrote to stdout: %q", out)
	}
	for line := range strings.Lines(r.stderr.String()) {
		if !json.Valid([]byte(line)) {
			r.t.Errorf("not JSON: %s", line)
		}
	}
}

// shortTokens is AWS whose tokens live for seconds, and another one each time.
func shortTokens(t *testing.T, life time.Duration) (fake *fakeaws.AWS, env []string) {
	var n atomic.Int32
	fake = &fakeaws.AWS{Lifetime: life, Password: func(account, region string) string {
		return fmt.Sprintf("canary-%d of %s in %s", n.Add(1), account, region)
	}}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	key := fake.AddUser("aws", "012345678901", "ci", fakeaws.Token)
	return fake, []string{
		"AWS_ACCESS_KEY_ID=" + key.ID, "AWS_SECRET_ACCESS_KEY=" + key.Secret, "AWS_ENDPOINT_URL=" + server.URL, "AWS_EC2_METADATA_DISABLED=true",
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRefresh runs with a config.yaml of ecr-token-refresh, and tokens that live for
// four seconds: whoever reads the file never finds one that is dead.
func TestRefresh(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fake, env := shortTokens(t, 4*time.Second)
	put(t, filepath.Join(dir, "config.yaml"), `interval: 30m
registries:
  - registryId: "012345678901"
    region: "eu-west-1"
    passwordFile: "`+dir+`/ecr.pass"
`)
	put(t, filepath.Join(dir, ".ecr.pass.jet-ABCDEFGHIJKLMNOPQRSTUVWXYZ"), "left by one that was killed")
	r := refreshIn(t, dir, env, "--config", "config.yaml")
	var first string
	eventually(t, "it is ready", func() bool {
		status, _ := r.get("/ready")
		data, _ := os.ReadFile(filepath.Join(dir, "ecr.pass"))
		first = string(data)
		return status == http.StatusOK
	})
	if !strings.HasPrefix(first, "canary-1 of 012345678901 in eu-west-1") {
		t.Errorf("the file holds %q", first)
	}
	if info, err := os.Stat(filepath.Join(dir, "ecr.pass")); err != nil || info.Mode() != 0o644 {
		t.Errorf("got mode %v, %v", info.Mode(), err)
	}
	old := first
	for begun := time.Now(); time.Since(begun) < 5*time.Second; time.Sleep(10 * time.Millisecond) {
		data, err := os.ReadFile(filepath.Join(dir, "ecr.pass"))
		info, err2 := os.Stat(filepath.Join(dir, "ecr.pass"))
		if err != nil || err2 != nil || len(data) != len(first) {
			t.Fatalf("read %q, %v, %v", data, err, err2)
		}
		if time.Since(info.ModTime()) > 4*time.Second {
			t.Fatal("the token is dead")
		}
		old = string(data)
	}
	if old == first {
		t.Error("the token was never replaced")
	}
	if status, body := r.get("/health"); status != http.StatusOK || body != `{"status":"healthy"}` {
		t.Errorf("health: got %d, %s", status, body)
	}
	status, metrics := r.get("/metrics")
	for _, wanted := range []string{
		`jet_refresh_failures_total{account="012345678901-eu-west-1",registry="012345678901.dkr.ecr.eu-west-1.amazonaws.com"} 0`,
		"jet_refresh_healthy 1", "jet_refresh_ready 1",
	} {
		if status != http.StatusOK || !strings.Contains(metrics, wanted+"\n") {
			t.Errorf("metrics lack %s:\n%s", wanted, metrics)
		}
	}
	if n := len(r.events("refreshed")); n < 3 || n != len(fake.Calls()) {
		t.Errorf("%d refreshes are told, and %d were", n, len(fake.Calls()))
	}
	if !strings.Contains(r.stderr.String(), "mode:") {
		t.Error("nothing says that the file is for everybody")
	}
	r.end(syscall.SIGTERM)
	for _, secret := range []string{"canary", strings.TrimPrefix(env[1], "AWS_SECRET_ACCESS_KEY=")} {
		if strings.Contains(r.stderr.String()+metrics, secret) {
			t.Error("a secret is told")
		}
	}
	if names, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(names) != 0 {
		t.Errorf("left %v, %v", names, err)
	}
}

// TestRefreshReplicas has two that write the same files: no reader ever finds half of
// one, nor a token that is dead, also while one of them is stopped.
func TestRefreshReplicas(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, env := shortTokens(t, 3*time.Second)
	put(t, filepath.Join(dir, "registries.yaml"), `registries:
  - {name: one, address: 012345678901.dkr.ecr.eu-west-1.amazonaws.com, backend: ecr}
outputs:
  - {passwordFile: ecr.pass, registry: one}
  - {dockercfg: config.json}
`)
	a, b := refreshIn(t, dir, env, "--config", "registries.yaml"), refreshIn(t, dir, env, "--config", "registries.yaml")
	eventually(t, "both are ready", func() bool {
		first, _ := a.get("/ready")
		second, _ := b.get("/ready")
		return first == http.StatusOK && second == http.StatusOK
	})
	writers := make(map[string]bool)
	for begun := time.Now(); time.Since(begun) < 4*time.Second; time.Sleep(5 * time.Millisecond) {
		password, err := os.ReadFile(filepath.Join(dir, "ecr.pass"))
		config, err2 := os.ReadFile(filepath.Join(dir, "config.json"))
		info, err3 := os.Stat(filepath.Join(dir, "ecr.pass"))
		if err != nil || err2 != nil || err3 != nil || !bytes.HasSuffix(password, []byte("eu-west-1")) || !json.Valid(config) {
			t.Fatalf("read %q, %q, %v, %v, %v", password, config, err, err2, err3)
		}
		if time.Since(info.ModTime()) > 3*time.Second {
			t.Fatal("the token is dead")
		}
		writers[string(password)] = true
		if a.ProcessState == nil && time.Since(begun) > 2*time.Second {
			a.end(syscall.SIGTERM)
		}
	}
	if len(writers) < 4 {
		t.Errorf("there were %d tokens", len(writers))
	}
	b.end(syscall.SIGTERM)
}

// TestRefreshReload changes the configuration as Kubernetes changes a ConfigMap: by a
// link that leads elsewhere.
func TestRefreshReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fake, env := shortTokens(t, 12*time.Hour)
	const head = `registries:
  - {name: one, address: 012345678901.dkr.ecr.eu-west-1.amazonaws.com, backend: ecr}
  - {name: two, address: 012345678901.dkr.ecr.eu-west-2.amazonaws.com, backend: ecr}
outputs:
  - {passwordFile: ../one.pass, registry: one, mode: "0640"}
`
	version := 0
	set := func(text string) {
		t.Helper()
		version++
		folder := filepath.Join(dir, "volume", fmt.Sprintf("..%d", version))
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(folder, "registries.yaml"), text)
		next := filepath.Join(dir, "volume", "..next")
		if err := os.Symlink(filepath.Base(folder), next); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, filepath.Join(dir, "volume", "..data")); err != nil {
			t.Fatal(err)
		}
	}
	set(head)
	if err := os.Symlink("..data/registries.yaml", filepath.Join(dir, "volume", "registries.yaml")); err != nil {
		t.Fatal(err)
	}
	r := refreshIn(t, dir, env, "--config", "volume/registries.yaml")
	usable := func() bool {
		_, metrics := r.get("/metrics")
		return strings.Contains(metrics, "jet_refresh_config_usable 1\n")
	}
	eventually(t, "the first is written", func() bool { return exists(filepath.Join(dir, "one.pass")) })
	if info, err := os.Stat(filepath.Join(dir, "one.pass")); err != nil || info.Mode() != 0o640 {
		t.Errorf("got mode %v, %v", info.Mode(), err)
	}

	set(head + "  - {dockercfg: ../config.json}\n")
	eventually(t, "the second is written", func() bool {
		data, _ := os.ReadFile(filepath.Join(dir, "config.json"))
		return bytes.Contains(data, []byte("eu-west-1")) && bytes.Contains(data, []byte("eu-west-2"))
	})
	if n := len(fake.Calls()); n != 2 {
		t.Errorf("two registries were asked %d times", n)
	}

	set("registries: [}\n")
	r.Process.Signal(syscall.SIGHUP)
	eventually(t, "a broken configuration is seen", func() bool { return !usable() })
	status, body := r.get("/health")
	if status != http.StatusOK || !strings.Contains(body, `"configuration":"cannot be used since`) {
		t.Errorf("health: got %d, %s", status, body)
	}
	set(head)
	r.Process.Signal(syscall.SIGHUP)
	eventually(t, "it is usable again", usable)
	if events := r.events("the configuration cannot be used; the one before stands"); len(events) != 1 {
		t.Errorf("told %d times", len(events))
	}
	r.end(syscall.SIGINT)
}

// TestRefreshUnwell has AWS that refuses, and a folder that is not there.
func TestRefreshUnwell(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fake, env := shortTokens(t, 12*time.Hour)
	fake.Disabled = []string{"eu-west-3"}
	put(t, filepath.Join(dir, "registries.yaml"), `registries:
  - {name: one, address: 012345678901.dkr.ecr.eu-west-1.amazonaws.com, backend: ecr}
  - {name: other, address: 012345678901.dkr.ecr.eu-west-3.amazonaws.com, backend: ecr}
  - {name: plain, address: quay.io, username: ci, passwordFile: quay.password}
outputs:
  - {passwordFile: later/one.pass, registry: one}
  - {dockercfg: config.json, registries: [one, other, plain]}
`)
	put(t, filepath.Join(dir, "quay.password"), "s3cret\n")
	put(t, filepath.Join(dir, "config.json"), `{"auths": {"012345678901.dkr.ecr.eu-west-3.amazonaws.com": {"auth": "QVdTOm9sZA=="}}}`)
	r := refreshIn(t, dir, env, "--config", "registries.yaml")
	eventually(t, "the others are written", func() bool {
		data, _ := os.ReadFile(filepath.Join(dir, "config.json"))
		return bytes.Contains(data, []byte("quay.io")) && bytes.Contains(data, []byte("eu-west-1")) && bytes.Contains(data, []byte("QVdTOm9sZA=="))
	})
	eventually(t, "both failures are told", func() bool {
		return len(r.events("cannot refresh")) > 0 && len(r.events("cannot write")) > 0
	})
	if status, _ := r.get("/ready"); status != http.StatusServiceUnavailable {
		t.Errorf("ready: got %d", status)
	}
	if err := os.Mkdir(filepath.Join(dir, "later"), 0o700); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the credential at hand is written", func() bool { return exists(filepath.Join(dir, "later", "one.pass")) })
	r.end(syscall.SIGTERM)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// TestRefreshLog has a log that nobody takes off, and then nobody who could: tokens
// stay alive all the same.
func TestRefreshLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const life = 4 * time.Second
	_, env := shortTokens(t, life)
	put(t, filepath.Join(dir, "registries.yaml"), `registries:
  - {name: one, address: 012345678901.dkr.ecr.eu-west-1.amazonaws.com, backend: ecr}
outputs:
  - {passwordFile: one.pass, registry: one}
`)
	reader, log, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for err = log.SetWriteDeadline(time.Now().Add(time.Second)); err == nil; _, err = log.Write(make([]byte, 4096)) {
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	r := &refreshing{t: t, Cmd: exec.Command("jet", "refresh", "--config", "registries.yaml", "--listen", listener.Addr().String()), address: listener.Addr().String()}
	r.Dir, r.Env, r.Stderr = dir, append(env, "PATH="+os.Getenv("PATH"), "HOME="+dir), log
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	log.Close()
	defer r.Process.Kill()
	path := filepath.Join(dir, "one.pass")
	alive := func() {
		t.Helper()
		for range 30 {
			info, err := os.Stat(path)
			if err != nil || time.Since(info.ModTime()) > life {
				t.Fatalf("the token is dead: %v", err)
			}
			if status, body := r.get("/health"); status != http.StatusOK {
				t.Fatalf("health: got %d, %s", status, body)
			}
			time.Sleep(life / 20)
		}
	}
	eventually(t, "the file is written", func() bool { return exists(path) })
	alive()
	reader.Close()
	alive()
	r.end(syscall.SIGTERM)
}

// TestRefreshGone has two processes that add their registries to one file, which is
// taken away with its folder: both entries come back, and nobody is asked anew.
func TestRefreshGone(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("files are looked at every 10 seconds")
	}
	dir := t.TempDir()
	fake, env := shortTokens(t, 12*time.Hour)
	folder := filepath.Join(dir, "folder")
	regions := []string{"eu-west-1", "eu-west-2"}
	both := func() bool {
		data, err := os.ReadFile(filepath.Join(folder, "config.json"))
		return err == nil && bytes.Contains(data, []byte(regions[0])) && bytes.Contains(data, []byte(regions[1]))
	}
	again := func() {
		t.Helper()
		os.RemoveAll(folder) // one may write in between
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	again()
	var all []*refreshing
	for _, region := range regions {
		put(t, filepath.Join(dir, region+".yaml"), "registries: [{name: one, address: 012345678901.dkr.ecr."+region+".amazonaws.com, backend: ecr}]\noutputs: [{dockercfg: folder/config.json}]\n")
		all = append(all, refreshIn(t, dir, env, "--config", region+".yaml"))
	}
	for _, what := range []string{"both are there", "both are there again"} {
		// If they meet, it takes a look or two.
		for begun := time.Now(); !both(); time.Sleep(20 * time.Millisecond) {
			if time.Since(begun) > 45*time.Second {
				t.Fatalf("it never happens that %s", what)
			}
		}
		if what == "both are there" {
			again()
		}
	}
	if n := len(fake.Calls()); n != 2 {
		t.Errorf("two registries were asked %d times", n)
	}
	for _, r := range all {
		r.end(syscall.SIGTERM)
	}
}

// TestRefreshAddress takes one that somebody else has.
func TestRefreshAddress(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "registries.yaml"), "registries: [{name: a, address: quay.io, username: ci, passwordFile: p}]\noutputs: [{dockercfg: config.json}]\n")
	put(t, filepath.Join(dir, "p"), "s3cret")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cmd := exec.Command("jet", "refresh", "--config", "registries.yaml", "--listen", taken.Addr().String())
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "jet: error: --listen "+taken.Addr().String()+": ") || !strings.Contains(string(out), "in use") {
		t.Errorf("got %v, %s", err, out)
	}
	if exists(filepath.Join(dir, "config.json")) {
		t.Error("it began all the same")
	}
}

package oracle

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// account is a user of a registry.
type account struct{ user, password string }

// accounts have passwords that env files, shells, URLs and JSON are known to damage.
var accounts = []account{
	{"plain", "hunter2"},
	{"spaces", "  two spaces in front, one behind "},
	{"quotes", `"double" 'single' ` + "`back`"},
	{"dollar", `$HOME ${HOME} $$ %s %20 \n \\`},
	{"hash", "#no comment # here"},
	{"colon", "a:b::c="},
	{"dash", "--password -p *"},
	{"markup", `<&>{"auth":"x"}`},
	{"names with spaces", "Zoë Ω 漢字 🔑"},
}

// startRegistry runs Debian's docker-registry with these accounts on a free port of
// loopback, and gives its name.
func startRegistry(t *testing.T, accounts ...account) string {
	t.Helper()
	program := find(t, "docker-registry", "docker-registry")
	dir := t.TempDir()
	var passwords strings.Builder
	for _, a := range accounts {
		hash, err := bcrypt.GenerateFromPassword([]byte(a.password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&passwords, "%s:%s\n", a.user, hash)
	}
	write(t, filepath.Join(dir, "htpasswd"), passwords.String())
	port := freePort(t)
	config := filepath.Join(dir, "config.yml")
	write(t, config, fmt.Sprintf(`version: 0.1
log: {accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %[1]s/data}}
http: {addr: "127.0.0.1:%[2]d", secret: none}
auth: {htpasswd: {realm: jet, path: %[1]s/htpasswd}}
`, dir, port))
	startServer(t, dir, exec.Command(program, "serve", config))
	name := fmt.Sprintf("localhost:%d", port)
	waitFor(t, "docker-registry", func() bool {
		answer, err := http.Get("http://" + name + "/v2/")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusUnauthorized
	})
	return name
}

// startServer starts a server whose output is shown if the test fails, and ends it
// with the test.
func startServer(t *testing.T, dir string, cmd *exec.Cmd) {
	t.Helper()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
		log.Close()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("%s said:\n%s", filepath.Base(cmd.Path), text[max(0, len(text)-4000):])
		}
	})
}

// waitFor waits until a server answers.
func waitFor(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ready(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer", what)
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

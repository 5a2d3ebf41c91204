package oracle

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
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
	dir := t.TempDir()
	return startDistribution(t, dir, fmt.Sprintf("auth: {htpasswd: {realm: jet, path: %s}}\n", htpasswd(t, dir, accounts)))
}

// startOpenRegistry runs one that asks nobody for a password.
func startOpenRegistry(t *testing.T) string {
	t.Helper()
	return startDistribution(t, t.TempDir(), "")
}

// startTokenRegistry runs one that wants tokens, and the server that gives them to
// these accounts: access tokens for the repositories below the user's name, and
// refresh tokens, which Docker calls identity tokens.
func startTokenRegistry(t *testing.T, accounts ...account) string {
	t.Helper()
	program := build(t, ".", "github.com/docker/distribution/contrib/token-server")
	dir := t.TempDir()
	passwords := htpasswd(t, dir, accounts)
	key, certificate := filepath.Join(dir, "token.key"), filepath.Join(dir, "token.crt")
	writeSigner(t, key, certificate)
	// Clients send a refresh token to no other host than the registry's: the names
	// must be the same, and only the ports may differ.
	address := fmt.Sprintf("localhost:%d", freePort(t))
	startServer(t, t.TempDir(), exec.Command(program, "-addr", address, "-issuer", "jet-tokens", "-realm", "jet",
		"-key", key, "-passwd", passwords))
	waitForStatus(t, "token-server", "http://"+address+"/token/?service=jet", http.StatusUnauthorized)
	return startDistribution(t, dir, fmt.Sprintf("auth: {token: {realm: %q, service: jet, issuer: jet-tokens, rootcertbundle: %s}}\n",
		"http://"+address+"/token/", certificate))
}

// startDistribution runs docker-registry with auth, the last lines of its
// configuration, and gives its name.
func startDistribution(t *testing.T, dir, auth string) string {
	t.Helper()
	program := find(t, "docker-registry", "docker-registry")
	port := freePort(t)
	config := filepath.Join(dir, "config.yml")
	write(t, config, fmt.Sprintf(`version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %s/data}}
http: {addr: "127.0.0.1:%d", secret: none}
`, dir, port)+auth)
	startServer(t, dir, exec.Command(program, "serve", config))
	name := fmt.Sprintf("localhost:%d", port)
	status := http.StatusUnauthorized
	if auth == "" {
		status = http.StatusOK
	}
	waitForStatus(t, "docker-registry", "http://"+name+"/v2/", status)
	return name
}

// htpasswd writes a password file and gives its path.
func htpasswd(t *testing.T, dir string, accounts []account) string {
	t.Helper()
	var passwords strings.Builder
	for _, a := range accounts {
		hash, err := bcrypt.GenerateFromPassword([]byte(a.password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&passwords, "%s:%s\n", a.user, hash)
	}
	path := filepath.Join(dir, "htpasswd")
	write(t, path, passwords.String())
	return path
}

// writeSigner writes a key for tokens and the certificate that registries trust.
func writeSigner(t *testing.T, keyPath, certificatePath string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "jet tokens"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, keyPath, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})))
	write(t, certificatePath, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})))
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

// waitForStatus waits until a server answers with this status.
func waitForStatus(t *testing.T, what, url string, status int) {
	t.Helper()
	waitFor(t, what, func() bool {
		answer, err := http.Get(url)
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == status
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

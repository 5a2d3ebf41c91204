package oracle

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// bob is the user of all registries here. Token servers give him the repositories
// below his name.
var bob = account{"bob", "canary-7Yq2mW:x"}

// certificates are from a private authority, for a name and a time.
type certificates struct {
	dir         string // with ca.crt
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	serial      int64
}

func newCertificates(t *testing.T) *certificates {
	t.Helper()
	c := &certificates{dir: t.TempDir(), key: newKey(t), serial: 1}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Example Corp CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:  x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-1000 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	c.certificate = template
	der := c.sign(t, template, c.key)
	var err error
	if c.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	write(t, c.path(), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return c
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (c *certificates) path() string { return filepath.Join(c.dir, "ca.crt") }

func (c *certificates) sign(t *testing.T, template *x509.Certificate, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, c.certificate, key.Public(), c.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// settings writes a certificate and gives the lines of docker-registry's configuration
// that use it.
func (c *certificates) settings(t *testing.T, dir, name string, from, to time.Duration) string {
	t.Helper()
	key := newKey(t)
	c.serial++
	der := c.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(c.serial), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotBefore:   time.Now().Add(from), NotAfter: time.Now().Add(to),
	}, key)
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := filepath.Join(dir, "server.crt")
	write(t, certificate, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, filepath.Join(dir, "server.key"), string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})))
	return fmt.Sprintf("tls: {certificate: %s, key: %s}", certificate, filepath.Join(dir, "server.key"))
}

// startTLSRegistry runs docker-registry with TLS and auth, the last lines of its
// configuration, and gives its name.
func startTLSRegistry(t *testing.T, dir, settings, auth string) string {
	t.Helper()
	program := find(t, "docker-registry", "docker-registry")
	port := freePort(t)
	config := filepath.Join(dir, "config.yml")
	write(t, config, fmt.Sprintf(`version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %s/data}}
http: {addr: "127.0.0.1:%d", secret: none, %s}
`, dir, port, settings)+auth)
	startServer(t, dir, exec.Command(program, "serve", config))
	name := fmt.Sprintf("localhost:%d", port)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	waitFor(t, "docker-registry", func() bool {
		answer, err := client.Get("https://" + name + "/v2/")
		if err == nil {
			answer.Body.Close()
		}
		return err == nil && answer.StatusCode == http.StatusUnauthorized
	})
	return name
}

// dockercfg writes a config.json for a registry and gives its folder.
func dockercfgFor(t *testing.T, registry string, a account) string {
	t.Helper()
	dir := t.TempDir()
	auth := base64.StdEncoding.EncodeToString([]byte(a.user + ":" + a.password))
	write(t, filepath.Join(dir, "config.json"), fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, registry, auth))
	return dir
}

// pushImage pushes a small image to a repository.
func pushImage(t *testing.T, registry, repository string, a account) {
	t.Helper()
	dir := t.TempDir()
	layer := filepath.Join(dir, "layer.tar")
	writeLayer(t, layer)
	mustRun(t, dir, []string{"DOCKER_CONFIG=" + dockercfgFor(t, registry, a)}, crane(t), "append", "--oci-empty-base", "-f", layer, "-t", registry+"/"+repository+":1.2")
}

// status is the exit status of a program, -1 if it had to be killed after a while.
func status(t *testing.T, wait string, env []string, program string, args ...string) (int, string) {
	t.Helper()
	out, err := run(t, t.TempDir(), env, "timeout", append([]string{wait, program}, args...)...)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, out
	case errors.As(err, &exit) && exit.ExitCode() == 124:
		return -1, out
	case errors.As(err, &exit):
		return exit.ExitCode(), out
	}
	t.Errorf("%s: %v\n%s", program, err, out)
	return 0, out
}

// A verifyCase is a situation that a person meets, and what jet says about it. The same
// is asked of skopeo and crane: the tags of a repository.
type verifyCase struct {
	label      string
	host       string
	account    account
	repository string // "" for none
	flags      []string
	cert       string // folder with the authority, for all three
	wait       string // for the other two, as timeout has it
	jet        int
	name       string // of the finding; "" for none
	hint       string // part of what jet advises
	leaks      func() bool
}

// TestVerify meets every failure with real registries, and compares with what skopeo and
// crane make of it. The table is that of docs/verify.md.
func TestVerify(t *testing.T) {
	skopeo, crane, jet := find(t, "skopeo", "skopeo"), crane(t), jet(t)
	ca := newCertificates(t)
	authOf := func(dir string) string {
		return fmt.Sprintf("auth: {htpasswd: {realm: jet, path: %s}}\n", htpasswd(t, dir, []account{bob}))
	}
	tlsRegistry := func(name string, from, to time.Duration) string {
		dir := t.TempDir()
		return startTLSRegistry(t, dir, ca.settings(t, dir, name, from, to), authOf(dir))
	}

	basic := startRegistry(t, bob)
	pushImage(t, basic, "team/app", bob)
	empty := startRegistry(t, bob)
	tokens := startTokenRegistry(t, bob, account{"alice", "canary-alice"})
	pushImage(t, tokens, "alice/app", account{"alice", "canary-alice"})
	pushImage(t, tokens, "bob/app", bob)
	good := tlsRegistry("localhost", -time.Hour, time.Hour)
	otherName := tlsRegistry("registry.example", -time.Hour, time.Hour)
	expired := tlsRegistry("localhost", -48*time.Hour, -24*time.Hour)

	// A server that notes whether it was given the password.
	spy := func(address string) (string, func() bool) {
		var mutex sync.Mutex
		got := false
		listener, err := net.Listen("tcp", address)
		if err != nil {
			missing(t, "%s cannot be listened on: %v", address, err)
		}
		server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mutex.Lock()
			defer mutex.Unlock()
			_, password, _ := r.BasicAuth()
			got = got || password == bob.password
			w.WriteHeader(http.StatusUnauthorized)
		})}}
		server.Start()
		t.Cleanup(server.Close)
		return listener.Addr().String(), func() bool {
			mutex.Lock()
			defer mutex.Unlock()
			defer func() { got = false }()
			return got
		}
	}
	tokenAuth := func(dir, realm string) string {
		key, certificate := filepath.Join(dir, "token.key"), filepath.Join(dir, "token.crt")
		writeSigner(t, key, certificate)
		return fmt.Sprintf("auth: {token: {realm: %q, service: jet, issuer: jet-tokens, rootcertbundle: %s}}\n", realm, certificate)
	}
	strange, strangeLeaks := spy("127.0.0.2:0")
	dir := t.TempDir()
	strangeRealm := startDistribution(t, dir, tokenAuth(dir, "http://"+strange+"/token"))
	open, openLeaks := spy("127.0.0.1:0")
	_, openPort, _ := net.SplitHostPort(open)
	dir = t.TempDir()
	openRealm := startTLSRegistry(t, dir, ca.settings(t, dir, "localhost", -time.Hour, time.Hour), tokenAuth(dir, "http://localhost:"+openPort+"/token"))

	serve := func(h http.HandlerFunc) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
		return "localhost:" + port
	}
	page := serve(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!DOCTYPE html><title>Welcome</title>")
	})
	elsewhere := serve(http.NotFound)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_, silentPort, _ := net.SplitHostPort(silent.Addr().String())

	plain := []string{"--plain-http"}
	caCert := []string{"--ca-cert", ca.path()}
	cases := []verifyCase{
		{label: "everything is right", host: basic, account: bob, repository: "team/app", flags: plain},
		{label: "the same, with tokens", host: tokens, account: bob, repository: "bob/app", flags: plain},
		{label: "the same, with TLS of a private authority", host: good, account: bob, flags: caCert, cert: ca.dir, name: "empty"},
		{label: "wrong password", host: basic, account: account{"bob", "canary-other"}, repository: "team/app", flags: plain, jet: 1, name: "wrong-credentials", hint: "jet dockercfg add"},
		{label: "wrong password, with tokens", host: tokens, account: account{"bob", "canary-other"}, repository: "bob/app", flags: plain, jet: 1, name: "wrong-credentials", hint: "jet dockercfg add"},
		{label: "a line end after the password", host: basic, account: account{"bob", bob.password + "\n"}, repository: "team/app", flags: plain, jet: 1, name: "wrong-credentials", hint: "jet dockercfg add"},
		{label: "right password, no access to the repository", host: tokens, account: bob, repository: "alice/app", flags: plain, jet: 1, name: "denied", hint: "is the name of the repository right"},
		{label: "no such repository", host: basic, account: bob, repository: "team/none", flags: plain, jet: 1, name: "no-such-repository", hint: "is the name of the repository right"},
		{label: "an empty registry", host: empty, account: bob, flags: plain, name: "empty"},
		{label: "another host, which is no registry", host: elsewhere, account: bob, repository: "team/app", flags: plain, jet: 1, name: "not-a-registry", hint: "is the name of the registry right"},
		{label: "a web page", host: page, account: bob, repository: "team/app", flags: plain, jet: 1, name: "not-a-registry", hint: "is the name of the registry right"},
		{label: "no such host", host: "registry.invalid", account: bob, repository: "team/app", jet: 1, name: "no-such-host", hint: "is the name of the registry right"},
		{label: "nobody listens", host: fmt.Sprintf("localhost:%d", freePort(t)), account: bob, repository: "team/app", flags: plain, jet: 1, name: "connection-refused", hint: "is the port of the registry right"},
		{label: "no answer", host: "localhost:" + silentPort, account: bob, repository: "team/app", flags: []string{"--timeout", "500ms"}, wait: "2", jet: 1, name: "timeout", hint: "--timeout 2m"},
		{label: "plain HTTP, spoken to in TLS", host: basic, account: bob, repository: "team/app", jet: 1, name: "speaks-http", hint: "--plain-http"},
		{label: "TLS, spoken to in plain HTTP", host: good, account: bob, repository: "team/app", flags: plain, jet: 1, name: "speaks-https", hint: "leave --plain-http out"},
		{label: "unknown authority", host: good, account: bob, repository: "team/app", jet: 1, name: "unknown-authority", hint: "--ca-cert FILE"},
		{label: "certificate for another name", host: otherName, account: bob, repository: "team/app", flags: caCert, cert: ca.dir, jet: 1, name: "wrong-host-name", hint: "--insecure-skip-verify"},
		{label: "certificate expired", host: expired, account: bob, repository: "team/app", flags: caCert, cert: ca.dir, jet: 1, name: "certificate-expired", hint: "renew the certificate"},
		{label: "certificate expired, and that is known", host: expired, account: bob, flags: []string{"--insecure-skip-verify"}, name: "insecure"},
		{label: "realm on another, private host", host: strangeRealm, account: bob, repository: "team/app", flags: plain, jet: 1, name: "realm-refused", hint: "its operator has to name a realm", leaks: strangeLeaks},
		{label: "realm of plain HTTP for a registry of TLS", host: openRealm, account: bob, repository: "team/app", flags: caCert, cert: ca.dir, jet: 1, name: "realm-refused", hint: "its operator has to name a realm", leaks: openLeaks},
	}
	rows := make([]string, len(cases))
	var all sync.WaitGroup
	places := make(chan struct{}, 4)
	for i, c := range cases {
		config := dockercfgFor(t, c.host, c.account)
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			rows[i] = c.row(t, jet, skopeo, crane, config)
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	compareTable(t, filepath.Join("..", "..", "docs", "verify.md"), "| situation |", rows)
}

// row runs the three programs and gives a line of the table.
func (c verifyCase) row(t *testing.T, jet, skopeo, crane, config string) string {
	file := filepath.Join(config, "config.json")
	args := append([]string{"verify", file, "--json"}, c.flags...)
	if c.repository != "" {
		args = append(args, "--repository", c.repository)
	}
	leaked := func(shown string) string {
		if c.leaks != nil && c.leaks() {
			return shown + ", and has sent the password there"
		}
		return shown
	}
	wait := c.wait
	if wait == "" {
		wait = "20"
	}
	code, out := status(t, "20", nil, jet, args...)
	said := c.check(t, code, out)
	jetShown := leaked(fmt.Sprint(code))
	shown := func(code int) string {
		if code < 0 {
			return "none after " + wait + " s"
		}
		return fmt.Sprint(code)
	}
	repository := c.repository
	env := []string{"DOCKER_CONFIG=" + config}
	verify := "--tls-verify=true"
	if slices.Contains(c.flags, "--plain-http") || slices.Contains(c.flags, "--insecure-skip-verify") {
		verify = "--tls-verify=false"
	}
	skopeoArgs := []string{"list-tags", "--authfile", file, verify, "docker://" + c.host + "/" + repository}
	craneArgs := []string{"ls", c.host + "/" + repository}
	if repository == "" {
		skopeoArgs = []string{"login", "--authfile", filepath.Join(t.TempDir(), "auth.json"), verify, "-u", c.account.user, "-p", c.account.password, c.host}
		craneArgs = []string{"catalog", c.host}
	}
	if c.cert != "" {
		env = append(env, "SSL_CERT_FILE="+filepath.Join(c.cert, "ca.crt"))
		skopeoArgs = append(skopeoArgs, "--cert-dir", c.cert)
	}
	if slices.Contains(c.flags, "--insecure-skip-verify") {
		craneArgs = append(craneArgs, "--insecure")
	}
	code, out = status(t, wait, env, skopeo, skopeoArgs...)
	skopeoShown := leaked(shown(code))
	t.Logf("%s: skopeo %d: %s", c.label, code, out)
	code, out = status(t, wait, env, crane, craneArgs...)
	craneShown := leaked(shown(code))
	t.Logf("%s: crane %d: %s", c.label, code, out)
	return fmt.Sprintf("| %s | %s | %s | %s | %s |", c.label, jetShown, said, skopeoShown, craneShown)
}

// check compares what jet says with what it should, and gives the name of the finding.
func (c verifyCase) check(t *testing.T, code int, out string) string {
	var answer struct {
		Results []struct {
			Result       string
			Findings     []verifyFinding
			Repositories []struct{ Findings []verifyFinding }
		}
	}
	text, _, _ := strings.Cut(out, "\njet: ")
	text, _, _ = strings.Cut(text, "jet: ") // stderr comes after stdout, or before it
	if at := strings.Index(out, `{"results"`); at >= 0 {
		text = out[at:]
	}
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&answer); err != nil || len(answer.Results) != 1 {
		t.Errorf("%s: %v\n%s", c.label, err, out)
		return ""
	}
	findings := answer.Results[0].Findings
	for _, r := range answer.Results[0].Repositories {
		findings = append(findings, r.Findings...)
	}
	found := c.name == ""
	for _, f := range findings {
		if f.Name != c.name {
			continue
		}
		found = true
		if advice := strings.Join(f.Hints, " "); !strings.Contains(advice, c.hint) {
			t.Errorf("%s: the advice is %q, want %q in it", c.label, advice, c.hint)
		}
	}
	if code != c.jet || !found || strings.Contains(out, "canary") {
		t.Errorf("%s: jet exits %d, want %d and %q:\n%s", c.label, code, c.jet, c.name, out)
	}
	if c.name == "" {
		return "—"
	}
	return "`" + c.name + "`"
}

type verifyFinding struct {
	Name, Severity, Message string
	Hints                   []string
}

// compareTable compares the rows of a table in a document, which begins with a line that
// begins with head. JET_UPDATE=1 writes them there.
func compareTable(t *testing.T, path, head string, rows []string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(data), "\n")
	begin := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, head) })
	if begin < 0 {
		t.Fatalf("%s has no table that begins with %q", path, head)
	}
	begin += 2
	end := begin
	for end < len(lines) && strings.HasPrefix(lines[end], "|") {
		end++
	}
	if slices.Equal(lines[begin:end], rows) {
		return
	}
	if os.Getenv("JET_UPDATE") == "1" {
		write(t, path, strings.Join(slices.Replace(lines, begin, end, rows...), "\n"))
		os.Chmod(path, 0o644)
		return
	}
	t.Errorf("%s has another table; JET_UPDATE=1 writes this one:\n%s", path, strings.Join(rows, "\n"))
}

// TestVerifyPages reads a catalog of 250 repositories in pages of 100, and every tag of
// them is there for who asks.
func TestVerifyPages(t *testing.T) {
	jet := jet(t)
	dir := t.TempDir()
	registry := startDistribution(t, dir, fmt.Sprintf("auth: {htpasswd: {realm: jet, path: %s}}\n", htpasswd(t, dir, []account{bob})))
	pushImage(t, registry, "team/app000", bob)
	// What a push leaves on the disk, under 249 other names.
	repositories := filepath.Join(dir, "data", "docker", "registry", "v2", "repositories", "team")
	for i := 1; i < 250; i++ {
		if err := os.CopyFS(filepath.Join(repositories, fmt.Sprintf("app%03d", i)), os.DirFS(filepath.Join(repositories, "app000"))); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dockercfgFor(t, registry, bob), "config.json")
	out := mustRun(t, dir, nil, jet, "verify", file, "--plain-http")
	if !strings.Contains(out, "works   250 repositories\n") {
		t.Errorf("got\n%s", out)
	}
	out = mustRun(t, dir, nil, jet, "verify", file, "--plain-http", "--repository", "team/app249:1.2", "--repository", "team/app100")
	if !strings.Contains(out, "it is there") || !strings.Contains(out, "1 tag\n") {
		t.Errorf("got\n%s", out)
	}
}

// TestVerifyPush asks real registries whether one may push, and finds them as they were.
func TestVerifyPush(t *testing.T) {
	jet, crane := jet(t), crane(t)
	for _, c := range []struct {
		label    string
		start    func(*testing.T, ...account) string
		may, not string
	}{
		{"passwords", startRegistry, "bob/new", ""},
		{"tokens", startTokenRegistry, "bob/new", "alice/app"},
	} {
		t.Run(c.label, func(t *testing.T) {
			registry := c.start(t, bob)
			pushImage(t, registry, "bob/app", bob)
			config := dockercfgFor(t, registry, bob)
			verify := func(repository string) (int, string) {
				return status(t, "20", nil, jet, "verify", filepath.Join(config, "config.json"), "--plain-http", "--push", "--repository", repository)
			}
			if code, out := verify("bob/app:1.2"); code != 0 || !strings.Contains(out, "one may push") {
				t.Errorf("exit %d\n%s", code, out)
			}
			// There is no such repository, and the first push makes it.
			if code, out := verify(c.may); code != 0 || !strings.Contains(out, "one may push") || !strings.Contains(out, "there is no repository "+c.may+" yet") {
				t.Errorf("exit %d\n%s", code, out)
			}
			if c.not != "" {
				if code, out := verify(c.not); code != 1 || strings.Contains(out, "one may push") || !strings.Contains(out, "may not p") {
					t.Errorf("exit %d\n%s", code, out)
				}
			}
			out := mustRun(t, t.TempDir(), []string{"DOCKER_CONFIG=" + config}, crane, "catalog", registry)
			if strings.TrimSpace(out) != "bob/app" {
				t.Errorf("the catalog is %q after nothing was pushed", out)
			}
		})
	}
}

// TestVerifyIdentityToken verifies with a refresh token of a real token server.
func TestVerifyIdentityToken(t *testing.T) {
	jet := jet(t)
	registry := startTokenRegistry(t, bob)
	pushImage(t, registry, "bob/app", bob)
	realm := realmOf(t, registry)
	request, err := http.NewRequest(http.MethodGet, realm+"?service=jet&offline_token=true&client_id=test", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(bob.user, bob.password)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var token struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&token); err != nil || token.RefreshToken == "" {
		t.Fatalf("no refresh token: %v", err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "config.json")
	for text, want := range map[string]int{token.RefreshToken: 0, token.RefreshToken + "x": 1} {
		auth := base64.StdEncoding.EncodeToString([]byte("<token>:"))
		write(t, file, fmt.Sprintf(`{"auths":{%q:{"auth":%q,"identitytoken":%q}}}`, registry, auth, text))
		code, out := status(t, "20", nil, jet, "verify", file, "--plain-http", "--repository", "bob/app:1.2")
		if code != want || strings.Contains(out, token.RefreshToken) {
			t.Errorf("exit %d, want %d\n%s", code, want, out)
		}
	}
}

// realmOf gives the realm that a registry names.
func realmOf(t *testing.T, registry string) string {
	t.Helper()
	answer, err := http.Get("http://" + registry + "/v2/")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	_, after, _ := strings.Cut(answer.Header.Get("WWW-Authenticate"), `realm="`)
	realm, _, _ := strings.Cut(after, `"`)
	return realm
}

// TestGenerateVerify makes credentials and has them proven before they are written.
func TestGenerateVerify(t *testing.T) {
	jet := jet(t)
	dir := t.TempDir()
	ca := newCertificates(t)
	registry := startTLSRegistry(t, dir, ca.settings(t, dir, "localhost", -time.Hour, time.Hour), fmt.Sprintf("auth: {htpasswd: {realm: jet, path: %s}}\n", htpasswd(t, dir, []account{bob})))
	p := project{jet: jet, dir: t.TempDir()}
	good := p.env(t, "good.env", registry, bob)
	wrong := p.env(t, "wrong.env", registry, account{"bob", "canary-other"})
	if out, err := run(t, p.dir, nil, jet, "generate", "dockercfg", "out", "--env-file", wrong, "--verify", "--ca-cert", ca.path()); err == nil || !strings.Contains(out, "is wrong, or no longer valid") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "out")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something is written: %v", err)
	}
	out := p.run(t, "generate", "dockercfg", "out", "--env-file", good, "--verify", "--ca-cert", ca.path())
	if !strings.Contains(out, "the credential works") || bytes.Contains([]byte(out), []byte(bob.password)) {
		t.Errorf("got\n%s", out)
	}
}

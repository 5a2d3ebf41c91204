package oracle

import (
	"archive/tar"
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
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dockercfg/jet/internal/fakeaws"
)

// Limits of an image in bytes: of its files, and as a registry keeps it.
const (
	maxUnpacked = 16_000_000
	maxPacked   = 7_000_000
)

// A generator is an image and the variables that its original's README has.
type generator struct {
	image     string
	variables []string
}

// generators gives what each image is run with. Servers that a backend asks are fakes
// on loopback.
func generators(t *testing.T) []generator {
	t.Helper()
	google := startGoogle(t)
	google.Token = func() string { return "ya29.c.b0Aaekm1K-every-time-the-same" } // two runs are compared
	aws := &fakeaws.AWS{}
	endpoint := httptest.NewServer(aws)
	t.Cleanup(endpoint.Close)
	actions := []string{fakeaws.Token, fakeaws.PublicToken, fakeaws.BearerToken}
	const account, other = "012345678901", "210987654321"
	user := aws.AddUser("aws", account, "ci", append(actions, fakeaws.AssumeRole)...)
	aws.AddRole(fakeaws.Role{Account: other, Name: "push", Actions: actions, Trusts: []string{"arn:aws:iam::" + account + ":user/ci"}})
	amazon := func(more ...string) generator {
		return generator{"aws-ecr-dockercfg-generator", append([]string{
			"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=" + user.ID, "AWS_SECRET_ACCESS_KEY=" + user.Secret, "AWS_ENDPOINT_URL=" + endpoint.URL,
		}, more...)}
	}
	return []generator{
		amazon(), amazon("AWS_STS_ROLE=push", "AWS_STS_ACCOUNT="+other), amazon("ECR_PUBLIC="),
		{"dockercfg-generator", []string{"DOCKER_USERNAME=bob", `DOCKER_PASSWORD=hunter2 $HOME "quoted" #x`, "DOCKER_REGISTRY=https://quay.io/"}},
		{"dockercfg-generator", []string{"DOCKER_USERNAME=bob", "DOCKER_PASSWORD=hunter2"}},
		{"gcr-dockercfg-generator", []string{"GOOGLE_AUTH_JSON=" + google.NewKey(puller).Line(), "GOOGLE_AUTH_EMAIL=" + puller, "GOOGLE_PROJECT_ID=jet-sample", "GOOGLE_LOCATION=europe-west1"}},
		{"heroku-dockercfg-generator", []string{"HEROKU_API_KEY=01234567-89ab-cdef-0123-456789abcdef"}},
		{"ibm-bluemix-dockercfg-generator", []string{"BLUEMIX_API_KEY=an-api-key_of-IBM", "BLUEMIX_API_ENDPOINT=https://api.eu-de.bluemix.net"}},
		{"azure-dockercfg-generator", []string{"AZURE_USERNAME=codeship", "AZURE_PASSWORD=pa=ss+wo/rd", "AZURE_REGISTRY=codeship.azurecr.io"}},
		{"azure-dockercfg-generator", []string{"AZURE_USERNAME=codeship", "AZURE_PASSWORD=pa=ss+wo/rd", "AZURE_REGISTRY_NAME=codeship.azurecr.io"}},
	}
}

// TestImages builds the images in both ways and runs each as its original's README
// says, by a real engine: as root and as another user, with a folder and with a
// single file. What it writes is compared with what "docker login" writes.
func TestImages(t *testing.T) {
	registries := startEveryRegistry(t)
	host := startEngine(t, registries.environment()...)
	docker := find(t, "docker", "docker.io")
	dir := t.TempDir()
	engine := []string{"DOCKER_HOST=" + host, "DOCKER_BUILDKIT=0"}
	root := filepath.Join("..", "..")
	const version = "v0.0.0-test"
	build := exec.Command(find(t, "make", "make"), "images", "images-engine", "VERSION="+version, "ARCHITECTURE=amd64")
	build.Dir, build.Env = root, append(os.Environ(), engine...)
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("make images: %v\n%s", err, said)
	}
	out := filepath.Join(root, "dist", "images")

	for _, name := range imageNames(t, root) {
		tag := "ghcr.io/dockercfg/" + name + ":" + version
		byEngine := describeImage(t, dir, engine, docker, tag)
		mustRun(t, dir, engine, docker, "image", "rm", "--force", tag)
		for _, architecture := range []string{"arm64", "amd64"} {
			archive := filepath.Join(out, name+"-"+architecture+".tar")
			archive, err := filepath.Abs(archive)
			if err != nil {
				t.Fatal(err)
			}
			mustRun(t, dir, engine, docker, "load", "--input", archive)
			got := describeImage(t, dir, engine, docker, tag)
			if got.Architecture != architecture {
				t.Errorf("%s: architecture %q, want %q", archive, got.Architecture, architecture)
			}
			if architecture == "amd64" && !reflect.DeepEqual(got, byEngine) {
				t.Errorf("%s: without an engine it is\n%+v\nand with one\n%+v", name, got, byEngine)
			}
		}
		checkSizes(t, out, name)
	}
	t.Run("jet", func(t *testing.T) { checkSidecar(t, dir, engine, docker, "ghcr.io/dockercfg/jet:"+version) })
	for i, g := range generators(t) {
		t.Run(fmt.Sprintf("%d %s", i, g.image), func(t *testing.T) {
			tag := "ghcr.io/dockercfg/" + g.image + ":" + version
			credentials := filepath.Join(dir, fmt.Sprintf("credentials%d.env", i))
			write(t, credentials, strings.Join(g.variables, "\n")+"\n")
			command := func(user, mount string) (string, error) {
				args := []string{"run", "--rm", "--network", "host", "--env-file=" + credentials, "-v", mount}
				if user != "" {
					args = append(args, "--user", user)
				}
				return run(t, dir, engine, docker, append(args, tag, "/opt/data/dockercfg")...)
			}
			var written []byte
			for _, user := range []string{"", "1234:1234"} {
				data := openFolder(t, 1234)
				path := filepath.Join(data, "dockercfg")
				said, err := command(user, data+":/opt/data/")
				if err != nil {
					t.Fatalf("user %q, a folder: %v\n%s", user, err, said)
				}
				checkOwner(t, path, 1234)
				text := read(t, path)
				if entries, err := os.ReadDir(data); err != nil || len(entries) != 1 {
					t.Errorf("user %q, a folder: it left %v, %v", user, entries, err)
				}
				if written == nil {
					written = text
				}

				// The engine mounts the file itself: no other can take its place.
				single := filepath.Join(openFolder(t, 1234), "dockercfg")
				write(t, single, "old")
				if err := os.Chown(single, 1234, 1234); err != nil {
					t.Fatal(err)
				}
				said, err = command(user, single+":/opt/data/dockercfg")
				if err != nil || !strings.Contains(said, "only be written in place") {
					t.Fatalf("user %q, a single file: %v\n%s", user, err, said)
				}
				checkOwner(t, single, 1234)
				read(t, single)
			}
			compareWithLogin(t, dir, engine, docker, registries, written)

			// The original stops without its variables, and leaves nothing.
			write(t, credentials, "")
			data := openFolder(t, 1234)
			said, err := command("", data+":/opt/data/")
			left, _ := os.ReadDir(data)
			if err == nil || len(left) > 0 || !strings.Contains(said, "jet: error: ") {
				t.Errorf("without variables: %v, %v\n%s", err, left, said)
			}
		})
	}
}

// checkSidecar runs the image of jet itself as docs/kubernetes has it: as nobody in
// particular, with a root file system that cannot be written and no capabilities.
func checkSidecar(t *testing.T, dir string, engine []string, docker, tag string) {
	t.Helper()
	const user = 65532
	config, credentials := openFolder(t, 0), openFolder(t, user)
	path := filepath.Join(config, "registries.yaml")
	write(t, path, "registries: [{name: a, address: quay.io, username: bob, password: hunter2}]\noutputs: [{passwordFile: /credentials/a, registry: a}, {dockercfg: /credentials/config.json}]\n")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	mustRun(t, dir, engine, docker, "run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
		"-v", config+":/etc/jet:ro", "-v", credentials+":/credentials", tag, "refresh", "--config", "/etc/jet/registries.yaml", "--once")
	checkOwner(t, filepath.Join(credentials, "a"), user)
	checkOwner(t, filepath.Join(credentials, "config.json"), user)
	if text, err := os.ReadFile(filepath.Join(credentials, "a")); err != nil || string(text) != "hunter2" {
		t.Errorf("it wrote another password, %v", err)
	}
	if entries, err := os.ReadDir(credentials); err != nil || len(entries) != 2 {
		t.Errorf("it left %v, %v", entries, err)
	}
}

// openFolder makes a folder of another user's, which that user can reach.
func openFolder(t *testing.T, owner int) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "jet-images-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chown(dir, owner, owner)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func checkOwner(t *testing.T, path string, owner uint32) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if stat := info.Sys().(*syscall.Stat_t); stat.Uid != owner || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: owner %d, mode %o, want %d and 600", path, stat.Uid, info.Mode().Perm(), owner)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(text) {
		t.Fatalf("%s is no JSON", path)
	}
	return text
}

func imageNames(t *testing.T, root string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "images", "*", "Containerfile"))
	if err != nil || len(files) != 7 {
		t.Fatalf("%d Containerfiles, want 7 (%v)", len(files), err)
	}
	for _, file := range files {
		names = append(names, filepath.Base(filepath.Dir(file)))
	}
	return names
}

// An image as an engine knows it, without what differs with time.
type image struct {
	Architecture, Os string
	Config           struct {
		User, WorkingDir      string
		Env, Entrypoint, Cmd  []string
		Labels                map[string]string
		Volumes, ExposedPorts map[string]any
		StopSignal            string
	}
	Files map[string]string // path: mode, owner, size and kind
}

func describeImage(t *testing.T, dir string, env []string, docker, tag string) image {
	t.Helper()
	var images []image
	if err := json.Unmarshal([]byte(mustRun(t, dir, env, docker, "image", "inspect", tag)), &images); err != nil || len(images) != 1 {
		t.Fatalf("docker inspect %s: %d images, %v", tag, len(images), err)
	}
	i := images[0]
	i.Files = make(map[string]string)
	archive := filepath.Join(t.TempDir(), "image.tar")
	mustRun(t, dir, env, docker, "save", "--output", archive, tag)
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for r := tar.NewReader(f); ; {
		header, err := r.Next()
		if err == io.EOF {
			return i
		} else if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(header.Name, "/layer.tar") || strings.HasPrefix(header.Name, "blobs/") && header.Size > 4096 {
			maps.Copy(i.Files, listArchive(t, r))
		}
	}
}

func listArchive(t *testing.T, archive io.Reader) map[string]string {
	t.Helper()
	files := make(map[string]string)
	for r := tar.NewReader(archive); ; {
		header, err := r.Next()
		if err == io.EOF {
			return files
		} else if err != nil {
			t.Fatal(err)
		}
		files[strings.Trim(header.Name, "/")] = fmt.Sprintf("%c %o %d:%d %d", header.Typeflag, header.Mode&0o7777, header.Uid, header.Gid, header.Size)
	}
}

func checkSizes(t *testing.T, out, name string) {
	t.Helper()
	var manifest struct {
		Layers []struct{ Size int64 }
	}
	blobs, err := filepath.Glob(filepath.Join(out, name, "blobs", "sha256", "*"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, blob := range blobs {
		text, err := os.ReadFile(blob)
		if err != nil || len(text) > 4096 || json.Unmarshal(text, &manifest) != nil || manifest.Layers == nil {
			continue
		}
		found++
		var packed int64
		for _, layer := range manifest.Layers {
			packed += layer.Size
		}
		if packed > maxPacked {
			t.Errorf("%s: %d bytes compressed, at most %d are allowed", name, packed, maxPacked)
		}
		manifest.Layers = nil
	}
	if found != 2 {
		t.Errorf("%s: %d manifests, want 2", name, found)
	}
	for _, architecture := range []string{"amd64", "arm64"} {
		var unpacked int64
		for _, file := range []string{"linux-" + architecture + "/jet", "ca-certificates.crt"} {
			info, err := os.Stat(filepath.Join(out, "context", file))
			if err != nil {
				t.Fatal(err)
			}
			unpacked += info.Size()
		}
		if unpacked > maxUnpacked {
			t.Errorf("%s, %s: %d bytes unpacked, at most %d are allowed", name, architecture, unpacked, maxUnpacked)
		}
	}
}

// compareWithLogin has docker log in with each credential and compares, field by
// field, what it writes.
func compareWithLogin(t *testing.T, dir string, engine []string, docker string, registries *everyRegistry, dockercfg []byte) {
	t.Helper()
	type file struct {
		Auths map[string]map[string]any `json:"auths"`
	}
	var got file
	if err := json.Unmarshal(dockercfg, &got); err != nil || len(got.Auths) == 0 {
		t.Fatalf("it wrote %s (%v)", dockercfg, err)
	}
	config := t.TempDir()
	// A configuration that is not empty keeps docker from choosing a store.
	write(t, filepath.Join(config, "config.json"), `{"auths": {"none.test": {}}}`)
	for _, registry := range slices.Sorted(maps.Keys(got.Auths)) {
		auth, _ := got.Auths[registry]["auth"].(string)
		text, err := base64.StdEncoding.DecodeString(auth)
		user, password, _ := strings.Cut(string(text), ":")
		if err != nil || user == "" || password == "" {
			t.Fatalf("%s: its auth is no credential: %v", registry, err)
		}
		registries.allow(user, password)
		var words []string
		if registry != "https://index.docker.io/v1/" {
			words = append(words, registry)
		}
		env := slices.Concat(engine, registries.environment(), []string{"DOCKER_CONFIG=" + config})
		if said, err := runWith(t, password, dir, env, docker, append([]string{"login", "--username", user, "--password-stdin"}, words...)...); err != nil {
			t.Fatalf("docker login %s: %v\n%s", registry, err, said)
		}
	}
	var want file
	if err := json.Unmarshal(read(t, filepath.Join(config, "config.json")), &want); err != nil {
		t.Fatal(err)
	}
	delete(want.Auths, "none.test")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("it wrote other fields than docker login does: %v, and docker %v", slices.Sorted(maps.Keys(got.Auths)), slices.Sorted(maps.Keys(want.Auths)))
	}
}

// everyRegistry answers, through a proxy, for every registry there is: whoever
// logs in with a credential that is allowed is let in.
type everyRegistry struct {
	proxy       string
	certificate string // file of the authority

	mutex   sync.Mutex
	allowed map[string]bool
}

func (e *everyRegistry) environment() []string {
	return []string{"HTTPS_PROXY=" + e.proxy, "https_proxy=" + e.proxy, "SSL_CERT_FILE=" + e.certificate, "SSL_CERT_DIR=/nonexistent", "NO_PROXY=", "no_proxy="}
}

func (e *everyRegistry) allow(user, password string) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.allowed[user+":"+password] = true
}

func (e *everyRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	user, password, _ := r.BasicAuth()
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if !e.allowed[user+":"+password] {
		w.Header().Set("WWW-Authenticate", `Basic realm="every"`)
		w.WriteHeader(http.StatusUnauthorized)
	}
}

func startEveryRegistry(t *testing.T) *everyRegistry {
	t.Helper()
	e := &everyRegistry{allowed: make(map[string]bool), certificate: filepath.Join(t.TempDir(), "ca.crt")}
	authority, sign := newAuthority(t)
	write(t, e.certificate, string(authority))
	hosts := newListener()
	server := &http.Server{Handler: e, TLSConfig: &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		return sign(hello.ServerName)
	}}}
	go server.ServeTLS(hosts, "", "")
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		hosts.connections <- conn
	}))
	e.proxy = proxy.URL
	t.Cleanup(func() {
		server.Close()
		proxy.Close()
	})
	return e
}

// A listener gives out connections that somebody else accepted.
type listener struct {
	connections chan net.Conn
	closed      chan struct{}
	once        sync.Once
}

func newListener() *listener {
	return &listener{connections: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.connections:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// newAuthority makes a certificate authority, and a function that signs for hosts.
func newAuthority(t *testing.T) (certificate []byte, sign func(host string) (*tls.Certificate, error)) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "jet test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), func(host string) (*tls.Certificate, error) {
		der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{host},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}, authority, key.Public(), key)
		return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
	}
}

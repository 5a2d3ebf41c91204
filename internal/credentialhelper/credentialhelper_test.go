package credentialhelper_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker-credential-helpers/client"
	"github.com/docker/docker-credential-helpers/credentials"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/credentialhelper"
	"github.com/dockercfg/jet/internal/credentialstore/standin"
	"github.com/dockercfg/jet/internal/helperconfig"
)

const (
	notFound = "credentials not found in native keychain\n"
	failed   = "docker-credential-jet: failed, and stderr has the reason\n"

	canary      = "Canary7Zq"
	storeCanary = "Canary8Wp"
)

const fileName = credentialhelper.FileName

// binary is the helper, built once; "" where there is no go command.
var binary string

func TestMain(m *testing.M) {
	standin.Main()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "jet-helper-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if compiler, err := exec.LookPath("go"); err == nil {
		binary = filepath.Join(dir, "docker-credential-jet")
		if runtime.GOOS == "windows" {
			binary += ".exe"
		}
		build := exec.Command(compiler, "build", "-ldflags=-X main.version=1.2.3", "-o", binary, "github.com/dockercfg/jet/cmd/docker-credential-jet")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
	}
	return m.Run()
}

// A project is a git work tree with an encrypted dockercfg, and a user who works
// in it.
type project struct {
	t    *testing.T
	top  string
	dir  string   // where the helper is run
	env  []string // of the helper
	path []string // folders of PATH
	key  crypto.Key
}

const plain = `{"auths":{
	"https://index.docker.io/v1/": {"auth":"aHVidXNlcjpDYW5hcnk3WnEtaHVi"},
	"registry.test:5000": {"auth":"Ym9iOkNhbmFyeTdacS1ib2I="},
	"azure.test": {"auth":"MDAwMDo=","identitytoken":"Canary7Zq-identity"},
	"bearer.test": {"registrytoken":"Canary7Zq-bearer"},
	"*.ecr.aws.test": {"auth":"QVdTOkNhbmFyeTdacS1lY3I="},
	"a*.tie.test.org": {"auth":"YTpDYW5hcnk3WnEtdGll"},
	"*a.tie.test.org": {"auth":"YjpDYW5hcnk3WnEtdGll"},
	"stub.test": {}
}}`

func newProject(t *testing.T) *project {
	t.Helper()
	if binary == "" {
		t.Skip("needs the go command, to build the helper")
	}
	home := t.TempDir()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &project{t: t, top: top, dir: top, key: crypto.GenerateKey()}
	p.env = []string{"HOME=" + home, "USERPROFILE=" + home, "DOCKER_CONFIG=" + home}
	if root, ok := os.LookupEnv("SystemRoot"); ok {
		p.env = append(p.env, "SystemRoot="+root)
	}
	p.path = []string{t.TempDir()}
	if err := os.MkdirAll(filepath.Join(top, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.put("codeship.aes", string(p.key.Encode()))
	p.put(fileName, p.encrypt(plain, crypto.JetV1))
	return p
}

func (p *project) put(name, content string) string {
	p.t.Helper()
	path := filepath.Join(p.top, name)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600))
	if err != nil {
		p.t.Fatal(err)
	}
	return path
}

func (p *project) remove(name string) {
	p.t.Helper()
	if err := os.Remove(filepath.Join(p.top, name)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *project) encrypt(text string, format crypto.Format) string {
	p.t.Helper()
	var out bytes.Buffer
	if err := crypto.Encrypt(&out, strings.NewReader(text), p.key, format); err != nil {
		p.t.Fatal(err)
	}
	return out.String()
}

// config writes the user's config.json.
func (p *project) config(text string) {
	p.t.Helper()
	dir := strings.TrimPrefix(p.env[0], "HOME=")
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// install makes the config.json that "jet helper install" would.
func (p *project) install(text string, r helperconfig.Request) {
	p.t.Helper()
	p.config(text)
	f := helperconfig.File{Path: filepath.Join(strings.TrimPrefix(p.env[0], "HOME="), "config.json")}
	r.Force = true
	if _, err := f.Install(r, false); err != nil {
		p.t.Fatal(err)
	}
}

// storeOf puts a store on PATH.
func (p *project) storeOf(name string, s standin.Store) standin.Helper {
	p.t.Helper()
	h := standin.Install(p.t, "", name, s)
	p.path = append(p.path, h.Folder)
	return h
}

func (p *project) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Dir = p.dir
	cmd.Env = append(slices.Clone(p.env), "PATH="+strings.Join(p.path, string(filepath.ListSeparator)))
	return cmd
}

// ask runs the helper and gives what it says. Nothing but the answer to a get may
// hold a secret.
func (p *project) ask(stdin string, args ...string) (stdout, stderr string, code int) {
	p.t.Helper()
	cmd := p.command(args...)
	var out, problems bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &problems
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	stdout, stderr, code = out.String(), problems.String(), cmd.ProcessState.ExitCode()
	checked := stderr
	if code != 0 || args[0] != "get" {
		checked += stdout
	}
	for _, secret := range []string{canary, storeCanary, string(bytes.TrimSpace(p.key.Encode()))} {
		if strings.Contains(checked, secret) {
			p.t.Errorf("%q: a secret in stdout %q or stderr %q", args, stdout, stderr)
		}
	}
	return stdout, stderr, code
}

// wantCredential checks the answer to a get.
func (p *project) wantCredential(server, username, secret string) {
	p.t.Helper()
	stdout, stderr, code := p.ask(server, "get")
	want := credentials.Credentials{ServerURL: strings.TrimSpace(server), Username: username, Secret: secret}
	var got credentials.Credentials
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || got != want || code != 0 || stderr != "" {
		p.t.Errorf("get %q: got %q, exit code %d, want user %q, stderr %q", server, stdout, code, username, stderr)
	}
}

// wantFailure checks an answer that is not one, and that stderr says all of words.
func (p *project) wantFailure(stdin, action, stdout string, words ...string) {
	p.t.Helper()
	got, stderr, code := p.ask(stdin, action)
	if got != stdout || code != 1 {
		p.t.Errorf("%s %q: got %q, exit code %d, want %q", action, stdin, got, code, stdout)
	}
	for _, word := range words {
		if !strings.Contains(stderr, word) {
			p.t.Errorf("%s %q: stderr %q does not say %q", action, stdin, stderr, word)
		}
	}
	if len(words) == 0 && stderr != "" {
		p.t.Errorf("%s %q: stderr %q", action, stdin, stderr)
	}
}

// TestGet asks in the ways of real clients.
func TestGet(t *testing.T) {
	p := newProject(t)
	for server, want := range map[string][2]string{
		"registry.test:5000":                 {"bob", canary + "-bob"},
		"registry.test:5000\n":               {"bob", canary + "-bob"},
		"registry.test:5000\r\n":             {"bob", canary + "-bob"},
		"https://registry.test:5000":         {"bob", canary + "-bob"},
		"http://registry.test:5000":          {"bob", canary + "-bob"},
		"https://registry.test:5000/v2/":     {"bob", canary + "-bob"},
		"registry.test:5000/team/app":        {"bob", canary + "-bob"}, // crane
		"Registry.Test:5000":                 {"bob", canary + "-bob"},
		"https://index.docker.io/v1/":        {"hubuser", canary + "-hub"},
		"index.docker.io":                    {"hubuser", canary + "-hub"},
		"docker.io":                          {"hubuser", canary + "-hub"}, // skopeo, podman
		"registry-1.docker.io":               {"hubuser", canary + "-hub"},
		"index.docker.io/library/alpine":     {"hubuser", canary + "-hub"},
		"azure.test":                         {"<token>", canary + "-identity"},
		"eu.ecr.aws.test":                    {"AWS", canary + "-ecr"},
		"https://us.ecr.aws.test/some/image": {"AWS", canary + "-ecr"},
	} {
		p.wantCredential(server, want[0], want[1])
	}
}

// TestProgram runs the helper in this process. It also makes the test binary
// depend on all of the package: of what other tests build, go test sees nothing,
// and would take their results from its cache.
func TestProgram(t *testing.T) {
	p := newProject(t)
	p.remove("codeship.aes")
	env := map[string]string{"JET_KEY": string(p.key.Encode()), "JET_REQUIRE": "jet:v1"}
	var stdout, stderr bytes.Buffer
	program := &credentialhelper.Program{
		Stdin: strings.NewReader("registry.test:5000"), Stdout: &stdout, Stderr: &stderr, Dir: p.dir,
		LookupEnv: func(name string) (string, bool) { value, ok := env[name]; return value, ok },
	}
	if code := program.Run(t.Context(), []string{"get"}); code != 0 || !strings.Contains(stdout.String(), canary+"-bob") || stderr.Len() > 0 {
		t.Errorf("got %q, %q, %d", stdout.String(), stderr.String(), code)
	}
}

func TestNotFound(t *testing.T) {
	p := newProject(t)
	for _, server := range []string{
		"registry.test", "registry.test:5001", "evilregistry.test:5000", "registry.test:5000.evil.test",
		"ecr.aws.test", "a.b.ecr.aws.test", "eu.ecr.aws.test:443", "eu.ecr.aws.test.evil.test", "*.ecr.aws.test",
		"stub.test", "[::1]:5000", "not a registry", "https://bob@registry.test:5000",
		"https://index.docker.io/v1/access-token", "https://index.docker.io/v1/refresh-token",
	} {
		p.wantFailure(server, "get", notFound)
	}
	p.wantFailure("", "get", "no credentials server URL\n")
	p.wantFailure(" \n", "get", "no credentials server URL\n")
	p.wantFailure("", "erase", "no credentials server URL\n")
	p.wantFailure(`{}`, "store", "no credentials server URL\n")
	p.wantFailure(`{"ServerURL":"x"}`, "store", "no credentials username\n")
	p.wantFailure(`{"ServerURL":"x","Secret":5`+canary+`}`, "store", failed, "no credential in JSON")
	p.wantFailure(strings.Repeat("x", 2<<20), "get", failed, "1048576 bytes")
	p.remove("dockercfg.encrypted")
	p.wantFailure("registry.test:5000", "get", notFound)
}

// TestWhere is about the folder that the file is in.
func TestWhere(t *testing.T) {
	p := newProject(t)
	within := filepath.Join(p.top, "a", "b")
	if err := os.MkdirAll(filepath.Join(within, "c"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.dir = within
	p.wantCredential("registry.test:5000", "bob", canary+"-bob")

	nearer := strings.ReplaceAll(plain, "Ym9iOkNhbmFyeTdacS1ib2I=", "dXNlcjpDYW5hcnk3WnEtbmVhcg==")
	p.put("a/dockercfg.encrypted", p.encrypt(nearer, crypto.CodeshipV2))
	p.wantCredential("registry.test:5000", "user", canary+"-near")

	// What is in no work tree is looked for in the current folder alone.
	p.remove(".git")
	p.env = append(p.env, "JET_KEY_PATH="+filepath.Join(p.top, "codeship.aes"))
	p.wantFailure("registry.test:5000", "get", notFound)
	p.dir = filepath.Join(p.top, "a")
	p.wantCredential("registry.test:5000", "user", canary+"-near")

	p.env = append(p.env, "JET_DOCKERCFG=../dockercfg.encrypted")
	p.wantCredential("registry.test:5000", "bob", canary+"-bob")

	// Above the work tree nothing counts.
	p = newProject(t)
	if err := os.MkdirAll(filepath.Join(p.top, "module", ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	p.dir = filepath.Join(p.top, "module")
	p.wantFailure("registry.test:5000", "get", notFound)
}

// TestFailures: none may look like credentials that are not there, which clients
// take for leave to go on without.
func TestFailures(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(p *project)
		words []string
	}{
		{"no key", func(p *project) { p.remove("codeship.aes") }, []string{"error: No AES key provided", "hint: "}},
		{"wrong key", func(p *project) { p.put("codeship.aes", string(crypto.GenerateKey().Encode())) }, []string{"wrong key", "codeship.aes", "hint: "}},
		{"wrong key, checksum", func(p *project) {
			p.put("dockercfg.encrypted", p.encrypt(plain, crypto.CodeshipV2))
			p.put("codeship.aes", string(crypto.GenerateKey().Encode()))
		}, []string{"error: checksum for decrypted data is invalid, corrupt AES key or data: ", "dockercfg.encrypted"}},
		{"wrong key, no check", func(p *project) {
			p.put("dockercfg.encrypted", p.encrypt(plain, crypto.Unsigned))
			p.put("codeship.aes", string(crypto.GenerateKey().Encode()))
		}, []string{"error: Failed to parse dockercfg:", "the key may be the wrong one"}},
		{"broken key", func(p *project) { p.put("codeship.aes", "x") }, []string{"codeship.aes"}},
		{"empty variable of the key", func(p *project) { p.env = append(p.env, "JET_KEY=") }, []string{"JET_KEY"}},
		{"cut short", func(p *project) {
			text := p.encrypt(plain, crypto.JetV1)
			p.put("dockercfg.encrypted", text[:len(text)-30])
		}, []string{"damaged", "git log"}},
		{"empty file", func(p *project) { p.put("dockercfg.encrypted", "") }, []string{"not an encrypted file"}},
		{"plain file", func(p *project) { p.put("dockercfg.encrypted", plain) }, []string{"not an encrypted file", "jet encrypt"}},
		{"a folder", func(p *project) { p.remove("dockercfg.encrypted"); p.put("dockercfg.encrypted/x", "") }, []string{"it is not a file"}},
		{"a link that leads nowhere", func(p *project) {
			p.remove("dockercfg.encrypted")
			if err := os.Symlink("nowhere", filepath.Join(p.top, "dockercfg.encrypted")); err != nil {
				p.t.Skip("needs symbolic links: ", err)
			}
		}, []string{"dockercfg.encrypted", "no such file"}},
		{"no JSON", func(p *project) {
			p.put("dockercfg.encrypted", p.encrypt(`{"auths":{"registry.test:5000":{"auth":"`+canary, crypto.JetV1))
		}, []string{"error: Failed to parse dockercfg: ", "dockercfg.encrypted"}},
		{"too weak", func(p *project) {
			p.put("dockercfg.encrypted", p.encrypt(plain, crypto.CodeshipV2))
			p.env = append(p.env, "JET_REQUIRE=jet:v1")
		}, []string{"too weak", "JET_REQUIRE"}},
		{"unknown requirement", func(p *project) { p.env = append(p.env, "JET_REQUIRE=aes") }, []string{"JET_REQUIRE", `"aes"`}},
		{"no such file is named", func(p *project) { p.env = append(p.env, "JET_DOCKERCFG=nowhere") }, []string{"JET_DOCKERCFG", "nowhere"}},
		{"an empty name", func(p *project) { p.env = append(p.env, "JET_DOCKERCFG=") }, []string{"JET_DOCKERCFG", "empty"}},
		{"a plain file, and a requirement", func(p *project) {
			p.put("plain.json", plain)
			p.env = append(p.env, "JET_DOCKERCFG=plain.json", "JET_REQUIRE=codeship:v2")
		}, []string{"not encrypted", "JET_REQUIRE", "codeship:v2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newProject(t)
			asked := p.storeOf("test", standin.Store{Items: map[string]standin.Item{"registry.test:5000": {Username: "x", Secret: "y"}}})
			p.env = append(p.env, "JET_CREDENTIAL_STORE=test")
			test.spoil(p)
			for _, server := range []string{"registry.test:5000", "elsewhere.test"} {
				p.wantFailure(server, "get", failed, test.words...)
			}
			p.wantFailure("", "list", failed, test.words...)
			if lines := asked.Asked(t); lines != nil {
				t.Errorf("the store was asked %q", lines)
			}
		})
	}

	p := newProject(t)
	p.wantFailure("bearer.test", "get", failed, "registry token", "bearer.test")
	p.wantFailure("aa.tie.test.org", "get", failed, "equally long")
	p.config(`{"credsStore":`)
	p.wantFailure("elsewhere.test", "get", failed, "config.json", "not valid JSON")
	p.wantCredential("registry.test:5000", "bob", canary+"-bob") // which nobody else is asked for
}

func TestPlainFile(t *testing.T) {
	p := newProject(t)
	p.remove("codeship.aes")
	p.put("plain.json", "\ufeff\n"+plain)
	p.env = append(p.env, "JET_DOCKERCFG=plain.json")
	stdout, stderr, code := p.ask("registry.test:5000", "get")
	if !strings.Contains(stdout, canary+"-bob") || code != 0 || !strings.HasPrefix(stderr, "jet: warning: JET_DOCKERCFG: ") {
		t.Errorf("got %q, %q, %d", stdout, stderr, code)
	}
}

func TestWarnings(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs modes")
	}
	p := newProject(t)
	p.put("dockercfg.encrypted", p.encrypt(plain, crypto.Unsigned))
	if err := os.Chmod(filepath.Join(p.top, "codeship.aes"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := p.ask("registry.test:5000", "get")
	if code != 0 || !strings.Contains(stderr, "chmod 600") || !strings.Contains(stderr, "unsigned") {
		t.Errorf("got %q, %d", stderr, code)
	}
}

func (p *project) wantList(want map[string]string) {
	p.t.Helper()
	for _, stdin := range []string{"", "unused", "\xff\n{"} {
		stdout, stderr, code := p.ask(stdin, "list")
		var got map[string]string
		if err := json.Unmarshal([]byte(stdout), &got); err != nil || !maps.Equal(got, want) || code != 0 || stderr != "" {
			p.t.Errorf("list: got %q, %q, %d, want %v", stdout, stderr, code, want)
		}
	}
}

var listed = map[string]string{
	dockercfg.DockerHub: "hubuser", "registry.test:5000": "bob", "azure.test": "<token>",
}

func with(more ...string) map[string]string {
	all := maps.Clone(listed)
	for i := 0; i < len(more); i += 2 {
		all[more[i]] = more[i+1]
	}
	return all
}

func TestList(t *testing.T) {
	p := newProject(t)
	p.wantList(listed)
	p.storeOf("test", standin.Store{Items: map[string]standin.Item{
		"https://registry.test:5000":              {Username: "other", Secret: storeCanary},
		"http://x.test":                           {Username: "u", Secret: storeCanary},
		"https://x.test":                          {Username: "<token>", Secret: storeCanary},
		"eu.ecr.aws.test":                         {Username: "other", Secret: storeCanary},
		"bearer.test":                             {Username: "other", Secret: storeCanary},
		"dockercfg.DockerHub is next":             {Username: "odd", Secret: storeCanary},
		"https://index.docker.io/v1/access-token": {Username: "oauth", Secret: storeCanary},
	}})
	p.env = append(p.env, "JET_CREDENTIAL_STORE=test")
	p.wantList(with("http://x.test", "u", "https://x.test", "<token>", "eu.ecr.aws.test", "AWS",
		"dockercfg.DockerHub is next", "odd", "https://index.docker.io/v1/access-token", "oauth"))
}

func TestListOfBrokenStore(t *testing.T) {
	tests := []struct {
		name, word string
		reply      standin.Reply
	}{
		{"locked", "security -v unlock-keychain", standin.Reply{Stdout: standin.Locked, Exit: 1}},
		{"failing", "exit status 7", standin.Reply{Stdout: storeCanary, Exit: 7}},
		{"without list", "", standin.Reply{Stdout: "unknown action: list", Exit: 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newProject(t)
			p.storeOf("test", standin.Store{Replies: map[string]standin.Reply{"list": test.reply}})
			p.env = append(p.env, "JET_CREDENTIAL_STORE=test")
			stdout, stderr, code := p.ask("", "list")
			var got map[string]string
			if err := json.Unmarshal([]byte(stdout), &got); err != nil || !maps.Equal(got, listed) || code != 0 ||
				!strings.Contains(stderr, test.word) || (test.word == "") != (stderr == "") {
				t.Errorf("got %q, %q, %d", stdout, stderr, code)
			}
			p.remove("dockercfg.encrypted")
			if test.word != "" {
				p.wantFailure("", "list", failed, test.word)
			} else if stdout, _, code := p.ask("", "list"); stdout != "{}\n" || code != 0 {
				t.Errorf("nothing anywhere: got %q, %d", stdout, code)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	p := newProject(t)
	const usage = "Usage: docker-credential-jet <store|get|erase|list|version>\n"
	const version = "docker-credential-jet (github.com/dockercfg/jet) 1.2.3\n"
	tests := []struct {
		args []string
		want string
		code int
	}{
		{[]string{"version"}, version, 0},
		{[]string{"--version"}, version, 0},
		{[]string{"-v"}, version, 0},
		{[]string{"--help"}, usage, 0},
		{[]string{"-h"}, usage, 0},
		{[]string{"get", "x"}, usage, 1},
		{[]string{"help"}, "docker-credential-jet: unknown action: help\n", 1},
		{[]string{""}, "docker-credential-jet: unknown action: \n", 1},
	}
	for _, test := range tests {
		stdout, stderr, code := p.ask("registry.test:5000", test.args...)
		if stdout != test.want || code != test.code || stderr != "" {
			t.Errorf("%q: got %q, %q, %d", test.args, stdout, stderr, code)
		}
	}
	cmd := p.command()
	if out, err := cmd.Output(); string(out) != usage || err == nil {
		t.Errorf("no argument: got %q, %v", out, err)
	}
}

// TestPassOn follows what goes to the store of the user.
func TestPassOn(t *testing.T) {
	p := newProject(t)
	store := p.storeOf("test", standin.Store{})
	p.env = append(p.env, "JET_CREDENTIAL_STORE=test", "JET_KEY="+string(bytes.TrimSpace(p.key.Encode())))

	// docker login, pull, logout
	login := `{"ServerURL":"new.test","Username":"u","Secret":"` + storeCanary + ` <&>"}` + "\n"
	if stdout, stderr, code := p.ask(login, "store"); stdout != "" || stderr != "" || code != 0 {
		t.Errorf("store: got %q, %q, %d", stdout, stderr, code)
	}
	p.wantCredential("new.test", "u", storeCanary+" <&>")
	p.wantFailure("new.test/team/app", "get", notFound)
	for _, server := range []string{"new.test", "new.test", "http://new.test", "https://new.test"} {
		if stdout, stderr, code := p.ask(server, "erase"); stdout != "" || stderr != "" || code != 0 {
			t.Errorf("erase: got %q, %q, %d", stdout, stderr, code)
		}
	}
	if items := store.Items(t); len(items) != 0 {
		t.Errorf("left: %v", items)
	}
	p.wantFailure("new.test", "get", notFound)

	// The file wins, and a login says so.
	login = `{"ServerURL":"registry.test:5000","Username":"u","Secret":"` + storeCanary + `"}`
	if stdout, stderr, code := p.ask(login, "store"); stdout != "" || !strings.Contains(stderr, "warning: ") || code != 0 {
		t.Errorf("store: got %q, %q, %d", stdout, stderr, code)
	}
	p.wantCredential("registry.test:5000", "bob", canary+"-bob")

	got := store.Asked(t)
	want := []string{
		"store new.test", "get new.test", "get new.test/team/app",
		"erase new.test", "erase new.test", "erase http://new.test", "erase https://new.test",
		"get new.test", "store registry.test:5000",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the store was asked\n%q, want\n%q", got, want)
	}
}

func TestFailingStore(t *testing.T) {
	p := newProject(t)
	p.storeOf("test", standin.Store{Replies: map[string]standin.Reply{
		"get locked.test":   {Stdout: standin.Locked, Exit: 1},
		"get failing.test":  {Stdout: storeCanary, Stderr: "words of the store\n", Exit: 2},
		"get odd.test":      {Stdout: storeCanary},
		"get garbage.test":  {Stdout: `{"Username":"` + storeCanary + `"`},
		"get old-pass.test": {Stdout: `{"ServerURL":"old-pass.test","Username":"","Secret":""}`},
		"store":             {Stdout: storeCanary, Exit: 1},
		"erase":             {Stdout: "pass not initialized", Exit: 1},
	}})
	p.env = append(p.env, "JET_CREDENTIAL_STORE=test")
	p.wantFailure("locked.test", "get", failed, "locked", "hint: security -v unlock-keychain")
	p.wantFailure("failing.test", "get", failed, "words of the store", "exit status 2")
	p.wantFailure("odd.test", "get", failed, "not valid JSON")
	p.wantFailure("garbage.test", "get", failed, "not valid JSON")
	p.wantFailure("old-pass.test", "get", notFound)
	p.wantFailure(`{"ServerURL":"a","Username":"b","Secret":"`+storeCanary+`"}`, "store", failed, "exit status 1")
	p.wantFailure("a", "erase", failed, "pass is not set up")
}

// TestGuessedStore: a store that nobody named must not cut its user off from
// public images where it does not work.
func TestGuessedStore(t *testing.T) {
	platform := platformStore(t)
	p := newProject(t)
	p.storeOf(platform, standin.Store{Replies: map[string]standin.Reply{
		"get locked.test": {Stdout: standin.Locked, Exit: 1},
		"get":             {Stdout: "Cannot autolaunch D-Bus without X11 $DISPLAY", Exit: 1},
		"list":            {Stdout: "Cannot autolaunch D-Bus without X11 $DISPLAY", Exit: 1},
	}})
	p.wantFailure("x.test", "get", notFound, "warning: ", "D-Bus")
	p.wantFailure("locked.test", "get", failed, "locked")
	p.remove(fileName)
	if stdout, stderr, code := p.ask("", "list"); stdout != "{}\n" || code != 0 || !strings.Contains(stderr, "D-Bus") {
		t.Errorf("list: got %q, %q, %d", stdout, stderr, code)
	}
	p.env = append(p.env, "JET_CREDENTIAL_STORE="+platform)
	p.wantFailure("x.test", "get", failed, "D-Bus")
	p.wantFailure("", "list", failed, "D-Bus")
}

// platformStore gives the store that Docker picks on this platform.
func platformStore(t *testing.T) string {
	name := map[string]string{"darwin": "osxkeychain", "linux": "secretservice", "windows": "wincred"}[runtime.GOOS]
	if name == "" {
		t.Skip("Docker picks no store on this platform")
	}
	return name
}

func TestNoStore(t *testing.T) {
	p := newProject(t)
	p.wantFailure(`{"ServerURL":"new.test","Username":"u","Secret":"`+storeCanary+`"}`, "store", failed,
		"no credential store", "new.test", "JET_CREDENTIAL_STORE", "jet dockercfg add")
	stdout, stderr, code := p.ask("new.test", "erase")
	if stdout != "" || code != 0 || !strings.Contains(stderr, "no credential store") {
		t.Errorf("erase: got %q, %q, %d", stdout, stderr, code)
	}
}

// TestWhichStore is about how the store is chosen.
func TestWhichStore(t *testing.T) {
	platform := platformStore(t)
	everything := helperconfig.Request{All: true}
	one := helperconfig.Request{Registries: []string{"one.test"}}
	tests := []struct {
		name     string
		setUp    func(p *project)
		registry string
		want     string
	}{
		{"the platform's", func(p *project) {}, "x.test", platform},
		{"the variable", func(p *project) {
			p.env = append(p.env, "JET_CREDENTIAL_STORE=variable")
			p.config(`{"credsStore":"before"}`)
		}, "x.test", "variable"},
		{"an empty variable", func(p *project) { p.env = append(p.env, "JET_CREDENTIAL_STORE=") }, "x.test", platform},
		{"the one before", func(p *project) { p.install(`{"credsStore":"before"}`, everything) }, "x.test", "before"},
		{"none before", func(p *project) { p.install(`{}`, everything) }, "x.test", platform},
		{"the one beside", func(p *project) { p.install(`{"credsStore":"before"}`, one) }, "one.test", "before"},
		{"the helper before", func(p *project) {
			p.install(`{"credsStore":"before","credHelpers":{"one.test":"variable"}}`, one)
		}, "one.test", "variable"},
		{"the helper before, in another spelling", func(p *project) {
			p.install(`{"credsStore":"before","credHelpers":{"one.test":"variable"}}`, one)
		}, "https://one.test/team/app", "variable"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newProject(t)
			for _, name := range []string{"variable", "before", platform} {
				p.storeOf(name, standin.Store{Items: map[string]standin.Item{test.registry: {Username: name, Secret: "s"}}})
			}
			test.setUp(p)
			p.wantCredential(test.registry, test.want, "s")
		})
	}
	t.Run("pass", func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Skip("Docker looks for pass on Linux alone")
		}
		p := newProject(t)
		for _, name := range []string{"pass", "secretservice"} {
			p.storeOf(name, standin.Store{Items: map[string]standin.Item{"x.test": {Username: name, Secret: "s"}}})
		}
		p.wantCredential("x.test", "secretservice", "s")
		if err := os.WriteFile(filepath.Join(p.path[0], "pass"), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		p.wantCredential("x.test", "pass", "s")
	})
	t.Run("not on PATH", func(t *testing.T) {
		p := newProject(t)
		folder := filepath.Join(strings.TrimPrefix(p.env[0], "HOME="), ".docker", "bin")
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		// The platform's is not taken from there, since Docker would not find it; a
		// real one on PATH has nothing either. One that is named is.
		for _, name := range []string{platform, "jet-test-beside"} {
			standin.Install(t, folder, name, standin.Store{Items: map[string]standin.Item{"x.test": {Username: name, Secret: "s"}}})
		}
		p.wantFailure("x.test", "get", notFound)
		p.config(`{"credsStore":"jet-test-beside"}`)
		p.wantCredential("x.test", "jet-test-beside", "s")
	})
	t.Run("absent", func(t *testing.T) {
		p := newProject(t)
		p.config(`{"credsStore":"jet-test-absent"}`)
		p.wantFailure("x.test", "get", failed, "docker-credential-jet-test-absent", "config.json", "JET_CREDENTIAL_STORE")
	})
}

// TestLoops: nothing is passed on to the helper itself.
func TestLoops(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs symbolic links and scripts")
	}
	copyOf := func(t *testing.T, path string) {
		data, err := os.ReadFile(binary)
		if err == nil {
			err = os.WriteFile(path, data, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		make func(t *testing.T, path string) error
		word string
	}{
		{"link", func(_ *testing.T, path string) error { return os.Symlink(binary, path) }, "under another name"},
		{"link to a link", func(_ *testing.T, path string) error {
			return errors.Join(os.Symlink(binary, path+"-2"), os.Symlink(path+"-2", path))
		}, "under another name"},
		{"hard link", func(t *testing.T, path string) error {
			if err := os.Link(binary, path); err != nil {
				t.Skip("needs hard links: ", err)
			}
			return nil
		}, "under another name"},
		{"copy", func(t *testing.T, path string) error { copyOf(t, path); return nil }, "under another name"},
		{"script", func(_ *testing.T, path string) error {
			return os.WriteFile(path, []byte("#!/bin/sh\nexec '"+binary+"' \"$@\"\n"), fs.FileMode(0o755))
		}, "for ever"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newProject(t)
			if err := test.make(t, filepath.Join(p.path[0], "docker-credential-test")); err != nil {
				t.Fatal(err)
			}
			p.env = append(p.env, "JET_CREDENTIAL_STORE=test")
			p.wantFailure("x.test", "get", failed, test.word)
			p.wantFailure("x.test", "erase", failed, test.word)
			p.wantFailure(`{"ServerURL":"x.test","Username":"u","Secret":"`+storeCanary+`"}`, "store", failed, test.word)
			p.wantCredential("registry.test:5000", "bob", canary+"-bob")
		})
	}
	p := newProject(t)
	p.env = append(p.env, "JET_CREDENTIAL_STORE=jet")
	p.wantFailure("x.test", "get", failed, "this program itself")
}

// TestClient lets the package that clients use judge the answers.
func TestClient(t *testing.T) {
	p := newProject(t)
	p.storeOf("test", standin.Store{})
	p.env = append(p.env, "JET_CREDENTIAL_STORE=test")
	program := func(args ...string) client.Program { return &clientProgram{p.command(args...)} }

	got, err := client.Get(program, "azure.test")
	if err != nil || *got != (credentials.Credentials{ServerURL: "azure.test", Username: "<token>", Secret: canary + "-identity"}) {
		t.Errorf("get: %v", err)
	}
	if _, err := client.Get(program, "nowhere.test"); !credentials.IsErrCredentialsNotFound(err) {
		t.Errorf("get of what is absent: %v", err)
	}
	if _, err := client.Get(program, ""); err == nil || credentials.IsErrCredentialsNotFound(err) {
		t.Errorf("get of nothing: %v", err)
	}
	if users, err := client.List(program); err != nil || !maps.Equal(users, listed) {
		t.Errorf("list: %v, %v", users, err)
	}
	want := credentials.Credentials{ServerURL: "https://x.test", Username: "u", Secret: storeCanary}
	if err := client.Store(program, &want); err != nil {
		t.Errorf("store: %v", err)
	}
	if got, err := client.Get(program, want.ServerURL); err != nil || *got != want {
		t.Errorf("get: %v", err)
	}
	for range 2 {
		if err := client.Erase(program, want.ServerURL); err != nil {
			t.Errorf("erase: %v", err)
		}
	}
	p.put("codeship.aes", string(crypto.GenerateKey().Encode()))
	for _, server := range []string{"azure.test", "nowhere.test"} {
		if _, err := client.Get(program, server); err == nil || credentials.IsErrCredentialsNotFound(err) {
			t.Errorf("get with a wrong key: %v", err)
		}
	}
}

// clientProgram is a run of the helper, as the client package wants it.
type clientProgram struct{ *exec.Cmd }

func (p *clientProgram) Input(in io.Reader) { p.Stdin = in }

// TestClosedOutput: an answer that nobody got is no success.
func TestClosedOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("needs /dev/full: ", err)
	}
	defer full.Close()
	p := newProject(t)
	cmd := p.command("get")
	cmd.Stdin, cmd.Stdout = strings.NewReader("registry.test:5000"), full
	if err := cmd.Run(); err == nil {
		t.Error("no error")
	}
}

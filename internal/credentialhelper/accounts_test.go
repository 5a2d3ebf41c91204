package credentialhelper_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/dockercfg/jet/internal/credentialstore/standin"
)

// jet puts a program of that name on PATH: a shell script, which notes how it was run.
func (p *project) jet(script string) (noted func() string) {
	p.t.Helper()
	if runtime.GOOS == "windows" {
		p.t.Skip("needs scripts")
	}
	shell, err := os.ReadFile("/bin/sh")
	if err != nil || len(shell) == 0 {
		p.t.Skip("needs /bin/sh")
	}
	notes := filepath.Join(p.t.TempDir(), "notes")
	text := "#!/bin/sh\necho \"$*\" >>'" + notes + "'\n" + script
	if err := os.WriteFile(filepath.Join(p.path[0], "jet"), []byte(text), 0o755); err != nil {
		p.t.Fatal(err)
	}
	p.env = append(p.env, "XDG_CONFIG_HOME="+filepath.Join(p.top, "config"))
	return func() string {
		text, err := os.ReadFile(notes)
		if err != nil {
			return ""
		}
		os.Remove(notes)
		return string(text)
	}
}

const answering = `echo 'jet: "r.yaml": ecr: from the cache, made 5 min ago; --no-cache asks anew' >&2
echo '{"registry":"new.test:5000","username":"AWS","secret":"` + canary + `-new","expires":"2026-11-24T12:00:00Z"}'
`

// TestAccount: what the file does not have is asked of jet, in the file that the user
// names, before the store.
func TestAccount(t *testing.T) {
	p := newProject(t)
	noted := p.jet(answering)
	file := p.put("accounts.yaml", "registries: []")
	asked := p.storeOf("test", standin.Store{Items: map[string]standin.Item{"new.test:5000": {Username: "x", Secret: storeCanary}}})
	p.env = append(p.env, "JET_CREDENTIAL_STORE=test", "JET_REGISTRIES="+file)
	for _, server := range []string{"new.test:5000", "https://new.test:5000/v2/", "New.Test:5000/team/app"} {
		p.wantCredential(server, "AWS", canary+"-new")
		if got, want := noted(), "token new.test:5000 --config "+file+" --json\n"; got != want {
			t.Errorf("jet was run with %q, want %q", got, want)
		}
	}
	p.wantCredential("registry.test:5000", "bob", canary+"-bob")
	if got := noted(); got != "" {
		t.Errorf("jet was run for what the file has: %q", got)
	}
	if lines := asked.Asked(t); lines != nil {
		t.Errorf("the store was asked %q", lines)
	}
	p.remove(fileName) // a project without one
	p.wantCredential("new.test:5000", "AWS", canary+"-new")
	p.wantFailure("not a name", "get", notFound)
}

// TestAccountTrust: what lies in the project is never taken for the user's own.
func TestAccountTrust(t *testing.T) {
	p := newProject(t)
	noted := p.jet(answering)
	p.put("registries.yaml", "registries: []")
	p.wantFailure("new.test:5000", "get", notFound)
	for _, name := range []string{"registries.yaml", "./registries.yaml", "../x/registries.yaml"} {
		p.env = append(p.env, "JET_REGISTRIES="+name)
		p.wantFailure("new.test:5000", "get", failed, "JET_REGISTRIES", "not a full path", "hint: ")
	}
	if got := noted(); got != "" {
		t.Errorf("jet was run: %q", got)
	}
	p.env = append(p.env[:len(p.env)-3], "HOME="+p.top) // where macOS has the configuration
	folder := "config"
	if runtime.GOOS == "darwin" {
		folder = filepath.Join("Library", "Application Support")
	}
	file := p.put(filepath.Join(folder, "jet", "registries.yaml"), "registries: []")
	p.wantCredential("new.test:5000", "AWS", canary+"-new")
	if got := noted(); !strings.Contains(got, " --config "+file+" ") {
		t.Errorf("jet was run with %q", got)
	}
	p.env = append(p.env, "JET_REGISTRIES=") // off
	p.wantFailure("new.test:5000", "get", notFound)
}

// TestAccountFails: only what has no account goes on to the store; no failure is taken
// for that, and jet's reason is shown.
func TestAccountFails(t *testing.T) {
	for _, test := range []struct {
		name, script string
		words        []string // nil: it is not found
		without      string   // in stderr
	}{
		{"none", `echo 'jet: error: no account' >&2; echo '{"registry":"new.test:5000","found":false}'; exit 1`, nil, "no account"},
		{"none, and a warning", `echo 'jet: warning: mind' >&2; echo '{"found":false}'`, nil, ""},
		{"failing", `echo 'jet: error: AWS is busy' >&2; echo 'jet: hint: wait' >&2; exit 1`, []string{"jet: error: AWS is busy", "jet: hint: wait", "jet token failed"}, ""},
		{"failing, after a mask", `echo '::add-mask::` + canary + `' >&2; echo 'jet: error: no' >&2; exit 1`, []string{"jet: error: no"}, ""},
		{"another registry", `echo '{"registry":"new.test","username":"u","secret":"` + canary + `"}'`, []string{"another registry"}, ""},
		{"no registry", `echo '{"username":"u","secret":"` + canary + `"}'`, []string{"another registry"}, ""},
		{"no secret", `echo '{"registry":"new.test:5000","username":"u"}'`, []string{"without a secret"}, ""},
		{"no JSON", `echo '` + canary + `'`, []string{"not the JSON", "hint: "}, ""},
		{"half an answer", `echo '{"registry":"new.test:5000","username":"u","secret":"` + canary + `"}'; exit 1`, []string{"jet token failed"}, ""},
		{"much", `yes`, []string{"over 1048576 bytes"}, ""},
		{"a loop", `exec docker-credential-jet get <<E
new.test:5000
E`, []string{"ask each other for ever"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newProject(t)
			p.jet(test.script + "\n")
			if err := os.Symlink(binary, filepath.Join(p.path[0], "docker-credential-jet")); err != nil {
				t.Fatal(err)
			}
			p.path = append(p.path, "/bin", "/usr/bin")
			p.env = append(p.env, "JET_REGISTRIES="+p.put("r.yaml", "registries: []"))
			if test.words != nil {
				p.wantFailure("new.test:5000", "get", failed, test.words...)
				return
			}
			stdout, stderr, code := p.ask("new.test:5000", "get")
			if stdout != notFound || code != 1 || test.without != "" && strings.Contains(stderr, test.without) {
				t.Errorf("got %q, %q, %d", stdout, stderr, code)
			}
			if strings.Contains(test.script, "warning") != strings.Contains(stderr, "warning: mind") {
				t.Errorf("stderr is %q", stderr)
			}
		})
	}
	p := newProject(t)
	p.env = append(p.env, "JET_REGISTRIES=/none.yaml")
	p.wantFailure("new.test:5000", "get", failed, "there is no jet beside this program or on PATH", "hint: ")
	p.jet("exit 1\n")
	p.wantFailure("new.test:5000", "get", failed, `JET_REGISTRIES: there is no file "/none.yaml"`, "hint: unset JET_REGISTRIES")
}

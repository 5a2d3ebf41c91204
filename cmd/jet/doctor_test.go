package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/doctor"
	"github.com/dockercfg/jet/internal/knownkeys"
)

// leastPatients is how many broken projects there are at least.
const leastPatients = 60

// TestDoctor examines the projects of testdata/doctor: each of the broken ones has
// exactly the findings that it says, and the healthy ones none.
//
// A project is a git work tree with a key, a .gitignore and an encrypted file, all
// right by themselves, to which the files of the archive are added. Lines above
// them say what else is done, in this order:
//
//	want NAME…               the findings
//	bare, no-git             there is none of that; no repository
//	encrypt FROM TO          encrypts a file, and takes the other away
//	encrypt-as FORMAT FROM TO, encrypt-other FROM TO (with another key)
//	write, append FILE TEXT; remove, cut FILE; mode MODE FILE; later DURATION FILE
//	value-other FILE         a value of another key for the word VALUE in it
//	git ARGS…; commit        what git tracks, from then on; else all is committed
//	share NAME; remember FINGERPRINT; break-memory
//	env NAME=VALUE
func TestDoctor(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil || runtime.GOOS == "windows" {
		t.Skip("needs git, and modes of files")
	}
	paths, err := filepath.Glob(filepath.Join("..", "..", "testdata", "doctor", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	broken, healthy := 0, 0
	seen := make(map[string]bool)
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		if isHealthy := strings.HasPrefix(name, "healthy"); isHealthy {
			healthy++
		} else {
			broken++
		}
		t.Run(name, func(t *testing.T) {
			p := newPatient(t, archive)
			for _, f := range p.examine() {
				seen[f.Name] = true
			}
		})
	}
	if broken < leastPatients || healthy < 4 {
		t.Errorf("%d broken and %d healthy projects, want %d and 4 at least", broken, healthy, leastPatients)
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "doctor.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range seen {
		if !bytes.Contains(text, []byte("`"+name+"`")) {
			t.Errorf("docs/doctor.md does not describe %s", name)
		}
	}
	t.Logf("%d broken projects, %d kinds of findings", broken, len(seen))
}

type patient struct {
	t         *testing.T
	home, dir string
	env       map[string]string
	want      []string
	git       bool
	committed bool
	key       crypto.Key
}

func newPatient(t *testing.T, archive *txtar.Archive) *patient {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &patient{t: t, home: filepath.Join(root, "home"), dir: filepath.Join(root, "project"), git: true, env: make(map[string]string)}
	p.key, err = crypto.ParseKey([]byte("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="))
	if err != nil {
		t.Fatal(err)
	}
	p.env["PATH"] = filepath.Join(root, "bin") + string(os.PathListSeparator) + filepath.Join(root, "bin2") + string(os.PathListSeparator) + os.Getenv("PATH")
	for name, value := range map[string]string{
		"HOME": p.home, "XDG_CONFIG_HOME": filepath.Join(p.home, ".config"), "SSH_AUTH_SOCK": "", "PATH": p.env["PATH"],
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CEILING_DIRECTORIES": root,
	} {
		t.Setenv(name, value)
	}
	p.write("home/.docker/config.json", `{"auths": {"quay.io": {}}}`)
	if err := os.Mkdir(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	directives := strings.Split(strings.TrimSpace(string(archive.Comment)), "\n")
	if !slices.Contains(directives, "bare") {
		p.write("codeship.aes", string(p.key.Encode()))
		p.write(".gitignore", "codeship.aes\n")
		p.write("app.env", "A=1\n")
		p.encrypt(p.key, crypto.JetV1, "app.env", "app.env.encrypted")
	}
	for _, file := range archive.Files {
		p.write(file.Name, string(file.Data))
	}
	p.git = !slices.Contains(directives, "no-git")
	t.Chdir(p.dir)
	if p.git {
		p.runGit("init", "-q", "-b", "main")
	}
	for _, directive := range directives {
		p.follow(strings.Fields(directive), directive)
	}
	if p.git && !p.committed {
		p.commit()
	}
	return p
}

// at gives the place of a file: in the project, or of the user or the system.
func (p *patient) at(name string) string {
	top, _, _ := strings.Cut(name, "/")
	if top == "home" || top == "bin" || top == "bin2" {
		return filepath.Join(filepath.Dir(p.dir), filepath.FromSlash(name))
	}
	return filepath.Join(p.dir, filepath.FromSlash(name))
}

func (p *patient) write(name, text string) {
	p.t.Helper()
	path := p.at(name)
	mode := os.FileMode(0o600)
	if strings.HasPrefix(text, "#!") {
		mode = 0o755
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), mode)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *patient) read(name string) string {
	p.t.Helper()
	text, err := os.ReadFile(p.at(name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

func (p *patient) encrypt(key crypto.Key, format crypto.Format, from, to string) {
	p.t.Helper()
	var out bytes.Buffer
	if err := crypto.Encrypt(&out, strings.NewReader(p.read(from)), key, format); err != nil {
		p.t.Fatal(err)
	}
	p.write(to, out.String())
	os.Remove(p.at(from))
}

func (p *patient) runGit(args ...string) {
	p.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
	cmd.Dir = p.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("git %q: %v\n%s", args, err, out)
	}
}

// commit commits what is there, but for what a person would see at once.
func (p *patient) commit() {
	p.runGit("add", "-u")
	for _, name := range []string{".gitignore", "*.encrypted", "codeship.aes.age", "codeship.aes.recipients"} {
		exec.Command("git", "add", "--", name).Run() // an error is for one that is not there, or ignored
	}
	p.runGit("commit", "-q", "--allow-empty", "-m", "x")
	p.committed = true
}

func (p *patient) follow(words []string, line string) {
	p.t.Helper()
	rest := func(n int) string { return strings.SplitN(line, " ", n+1)[n] }
	switch words[0] {
	case "want":
		p.want = words[1:]
	case "bare", "no-git":
	case "encrypt":
		p.encrypt(p.key, crypto.JetV1, words[1], words[2])
	case "encrypt-as":
		format, err := crypto.ParseFormat(words[1])
		if err != nil {
			p.t.Fatal(err)
		}
		p.encrypt(p.key, format, words[2], words[3])
	case "encrypt-other":
		p.encrypt(crypto.GenerateKey(), crypto.JetV1, words[1], words[2])
	case "value-other":
		var out bytes.Buffer
		if err := crypto.Encrypt(&out, strings.NewReader("A=a value of the environment"), crypto.GenerateKey(), crypto.Unsigned); err != nil {
			p.t.Fatal(err)
		}
		p.write(words[1], strings.Replace(p.read(words[1]), "VALUE", out.String(), 1))
	case "write":
		p.write(words[1], rest(2)+"\n")
	case "append":
		p.write(words[1], p.read(words[1])+rest(2)+"\n")
	case "remove":
		if err := os.Remove(p.at(words[1])); err != nil {
			p.t.Fatal(err)
		}
	case "cut":
		text := p.read(words[1])
		p.write(words[1], text[:len(text)-12])
	case "mode":
		mode, err := strconv.ParseUint(words[1], 8, 9)
		if err != nil {
			p.t.Fatal(err)
		}
		if err := os.Chmod(p.at(words[2]), os.FileMode(mode)); err != nil {
			p.t.Fatal(err)
		}
	case "later":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			p.t.Fatal(err)
		}
		if err := os.Chtimes(p.at(words[2]), time.Now().Add(d), time.Now().Add(d)); err != nil {
			p.t.Fatal(err)
		}
	case "git":
		p.runGit(words[1:]...)
	case "commit":
		p.commit()
	case "share":
		public := filepath.Join(identitiesDir, words[1]+".pub")
		if words[1] == "alice" {
			public = readIdentityPublic(p.t)
		}
		if code, _, stderr := p.run("key", "share", "--to", public); code != exitDone {
			p.t.Fatal(stderr)
		}
		p.commit()
	case "remember":
		record, err := knownkeys.Load(p.dir)
		if err != nil {
			p.t.Fatal(err)
		}
		record.Remember(".", words[1])
		if err := record.Save(); err != nil {
			p.t.Fatal(err)
		}
	case "break-memory":
		records, err := filepath.Glob(filepath.Join(p.home, ".config", "jet", "work-trees", "*"))
		if err != nil || len(records) != 1 {
			p.t.Fatalf("records %q, %v", records, err)
		}
		if err := os.WriteFile(records[0], []byte("{"), 0o600); err != nil {
			p.t.Fatal(err)
		}
	case "env":
		name, value, _ := strings.Cut(rest(1), "=")
		value = strings.NewReplacer("$IDENTITIES", identitiesDir, "$HOME", p.home, "$KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").Replace(value)
		p.env[name] = value
	default:
		p.t.Fatalf("%q is no directive", words[0])
	}
}

// run runs jet with the variables of the patient.
func (p *patient) run(words ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	q := &program{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, lookupEnv: func(name string) (string, bool) {
		value, ok := p.env[name]
		return value, ok
	}}
	code = q.run(p.t.Context(), words)
	return code, out.String(), errs.String()
}

// examine checks the findings.
func (p *patient) examine() []doctor.Finding {
	p.t.Helper()
	before := p.snapshot()
	code, stdout, stderr := p.run("doctor", "--json")
	var result doctor.Examination
	if err := json.Unmarshal([]byte(stdout), &result); err != nil {
		p.t.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	var got []string
	problems := 0
	for _, f := range result.Findings {
		got = append(got, f.Name)
		if f.Severity == doctor.Problem {
			problems++
		}
		if f.Message == "" || len(f.Hints) == 0 || !strings.ContainsAny(strings.Join(f.Hints, ""), " -") {
			p.t.Errorf("%s has no message or nothing to type: %+v", f.Name, f)
		}
		for _, secret := range []string{"x9Zk2mPq", "Y2k6cGFzcw", "pass\"", "9f8a7b6c", "service_account", "AAECAw"} {
			if strings.Contains(stdout+stderr, secret) {
				p.t.Errorf("it shows the secret %q: %s%s", secret, stdout, stderr)
			}
		}
	}
	want := slices.Sorted(slices.Values(p.want))
	if got := slices.Sorted(slices.Values(got)); !slices.Equal(got, want) {
		p.t.Errorf("got %q, want %q: %s", got, want, stdout)
	}
	wantCode := exitDone
	if problems > 0 {
		wantCode = exitFailed
	}
	if code != wantCode {
		p.t.Errorf("exit code %d with %d problems: %s", code, problems, stderr)
	}
	// For people it says the same.
	if len(p.want) > 1 || problems == 0 {
		code, text, _ := p.run("doctor")
		for _, f := range result.Findings {
			if !strings.Contains(text, string(f.Severity)+" "+f.Name+": ") || code != wantCode {
				p.t.Errorf("exit code %d, %q does not say %s", code, text, f.Name)
			}
		}
	}
	if after := p.snapshot(); after != before {
		p.t.Errorf("something has changed: %s, was %s", after, before)
	}
	return result.Findings
}

// snapshot tells what the files are, with the times of all but git's own.
func (p *patient) snapshot() string {
	p.t.Helper()
	var b strings.Builder
	for _, root := range []string{p.dir, p.home} {
		if err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
			if err != nil {
				return err
			}
			if info.Mode().IsRegular() {
				b.WriteString(path + " " + info.Mode().String() + " " + info.ModTime().String() + "\n")
			}
			return nil
		}); err != nil {
			p.t.Fatal(err)
		}
	}
	return b.String()
}

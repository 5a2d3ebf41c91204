package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dockercfg/jet/internal/sharedkey"
)

// passphrase is that of testdata/identities/carol.
const passphrase = "correct horse"

// A keyProject is a folder with a key and a file that is encrypted with it, and a
// home for the person who works there.
type keyProject struct {
	t         *testing.T
	dir, home string
}

func newKeyProject(t *testing.T) keyProject {
	t.Helper()
	p := keyProject{t, t.TempDir(), t.TempDir()}
	for name, value := range map[string]string{"HOME": p.home, "XDG_CONFIG_HOME": filepath.Join(p.home, "config"), "SSH_AUTH_SOCK": ""} {
		t.Setenv(name, value)
	}
	t.Chdir(p.dir)
	p.put("codeship.aes", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
	p.put("env", "A=1\n")
	if code, _, stderr := p.run("encrypt", "env", "env.encrypted"); code != exitDone {
		t.Fatal(stderr)
	}
	return p
}

func (p keyProject) put(path, text string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// take puts a file of testdata/identities into ~/.ssh.
func (p keyProject) take(name, as string) {
	p.t.Helper()
	p.put(filepath.Join(p.home, ".ssh", as), readIdentity(p.t, name))
}

// run runs jet where there is no terminal.
func (p keyProject) run(words ...string) (code int, stdout, stderr string) {
	var out, errors bytes.Buffer
	q := &program{stdin: strings.NewReader(""), stdout: &out, stderr: &errors, lookupEnv: func(string) (string, bool) { return "", false }}
	code = q.run(p.t.Context(), words)
	return code, out.String(), errors.String()
}

// typing runs jet on a terminal, where a person answers each question in turn.
func (p keyProject) typing(answers []string, words ...string) (code int, stdout, stderr string) {
	p.t.Helper()
	person, terminal := openTerminal(p.t)
	var out bytes.Buffer
	var errors sharedBuffer
	ended := onTerminal(p.t.Context(), terminal, &out, &errors, words...)
	for i, answer := range answers {
		errors.waitForQuestion(p.t, terminal, i+1)
		if _, err := person.WriteString(answer + "\n"); err != nil {
			p.t.Fatal(err)
		}
	}
	code = wait(p.t, ended)
	for _, answer := range answers {
		if len(answer) > 4 && strings.Contains(out.String()+errors.String(), answer) {
			p.t.Errorf("it shows the passphrase: %q", errors.String())
		}
	}
	return code, out.String(), errors.String()
}

// A sharedBuffer is written to and looked at by two at once.
type sharedBuffer struct {
	mutex sync.Mutex
	bytes.Buffer
}

func (b *sharedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.Buffer.Write(p)
}

func (b *sharedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.Buffer.String()
}

// waitForQuestion waits until so many questions were asked, and the last of them
// waits for its answer.
func (b *sharedBuffer) waitForQuestion(t *testing.T, terminal *os.File, number int) {
	t.Helper()
	for deadline := time.Now().Add(patience); strings.Count(b.String(), "(it is not shown): ") < number || echoes(t, terminal); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("nobody asks question %d: %q", number, b.String())
		}
	}
}

func (p keyProject) want(what string, code int, stderr string, wantCode int, parts ...string) {
	p.t.Helper()
	if code != wantCode {
		p.t.Errorf("%s: exit code %d, want %d: %s", what, code, wantCode, stderr)
	}
	for _, part := range parts {
		if !strings.Contains(stderr, part) {
			p.t.Errorf("%s: %q does not say %q", what, stderr, part)
		}
	}
}

// holds checks which files are there.
func (p keyProject) holds(names ...string) {
	p.t.Helper()
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		p.t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		p.t.Errorf("there are %q, want %q", got, names)
	}
}

func TestProtect(t *testing.T) {
	if testing.Short() {
		t.Skip("each passphrase takes age a second")
	}
	p := newKeyProject(t)
	code, _, stderr := p.run("key", "protect")
	p.want("no terminal", code, stderr, exitFailed, "there is no terminal on which to ask for the new passphrase", "hint: run it in a terminal")
	code, _, stderr = p.typing([]string{"one thing", "another"}, "key", "protect")
	p.want("two passphrases", code, stderr, exitFailed, "the two are not the same, and nothing was changed")
	code, _, stderr = p.typing([]string{""}, "key", "protect")
	p.want("none", code, stderr, exitFailed, "no new passphrase was typed")
	p.holds("codeship.aes", "env", "env.encrypted")

	code, _, stderr = p.typing([]string{passphrase, passphrase}, "key", "protect")
	p.want("protect", code, stderr, exitDone, `New passphrase for codeship.aes.age (it is not shown): `, `wrote "codeship.aes.age"`, `removed "codeship.aes"`)
	p.holds("codeship.aes.age", "env", "env.encrypted")
	code, _, stderr = p.run("key", "protect")
	p.want("again", code, stderr, exitFailed, "needs its passphrase")

	// It is asked for once, and the key is known, as it was protected here.
	code, stdout, stderr := p.typing([]string{passphrase}, "decrypt", "env.encrypted", "-")
	p.want("decrypt", code, stderr, exitDone, "Passphrase for codeship.aes.age (it is not shown): ")
	if stdout != "A=1\n" {
		t.Errorf("got %q", stdout)
	}
	code, _, stderr = p.typing([]string{passphrase}, "encrypt", "env", "env.encrypted")
	p.want("encrypt", code, stderr, exitDone)
	code, stdout, stderr = p.typing([]string{passphrase}, "key", "list")
	p.want("list", code, stderr, exitDone)
	for _, part := range []string{"codeship.aes.age, opened with a passphrase", "remembered   yes", "protected    codeship.aes.age, with a passphrase"} {
		if !strings.Contains(stdout, part) {
			t.Errorf("%q does not say %q", stdout, part)
		}
	}
	code, _, stderr = p.typing([]string{"wrong one"}, "decrypt", "env.encrypted", "-")
	p.want("wrong", code, stderr, exitFailed, `key "codeship.aes.age": the passphrase is not the one it was encrypted with`, "hint: run the same command again")
	code, _, stderr = p.run("decrypt", "env.encrypted", "-")
	p.want("no terminal", code, stderr, exitFailed, `key "codeship.aes.age": "codeship.aes.age" needs its passphrase, and there is no terminal`, "hint: run it in a terminal")
	code, _, stderr = p.typing([]string{passphrase}, "key", "share", "--to", filepath.Join(identitiesDir, "bob.pub"))
	p.want("share", code, stderr, exitFailed, "has a passphrase, and age does not mix that with recipients", "jet key unprotect")
	code, _, stderr = p.typing([]string{passphrase}, "key", "unshare", "bob")
	p.want("unshare", code, stderr, exitFailed, "is for a passphrase, and nobody else")

	code, _, stderr = p.typing([]string{passphrase}, "key", "unprotect")
	p.want("unprotect", code, stderr, exitDone, `wrote "codeship.aes", the key without a passphrase`, `removed "codeship.aes.age"`)
	p.holds("codeship.aes", "env", "env.encrypted")
	if info, err := os.Stat("codeship.aes"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("codeship.aes has mode %v (%v)", info.Mode(), err)
	}
	code, _, stderr = p.run("key", "unprotect")
	p.want("unprotect again", code, stderr, exitFailed, "there is no passphrase to take off")
	code, stdout, stderr = p.run("decrypt", "env.encrypted", "-")
	if p.want("at the end", code, stderr, exitDone); stdout != "A=1\n" {
		t.Errorf("got %q", stdout)
	}

	// A shared key takes no passphrase.
	p.run("key", "share", "--to", filepath.Join(identitiesDir, "bob.pub"))
	code, _, stderr = p.run("key", "protect")
	p.want("protect a shared one", code, stderr, exitFailed, "is shared with recipients, and age does not mix them with a passphrase", "ssh-keygen -p")
}

func TestPassphraseGivenUp(t *testing.T) {
	p := newKeyProject(t)
	person, terminal := openTerminal(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var stdout bytes.Buffer
	var stderr sharedBuffer
	ended := onTerminal(ctx, terminal, &stdout, &stderr, "key", "protect")
	stderr.waitForQuestion(t, terminal, 1)
	person.WriteString(passphrase + "\n")
	stderr.waitForQuestion(t, terminal, 2)
	interrupt()
	if code := wait(t, ended); code != exitFailed || !strings.HasSuffix(stderr.String(), "jet: error: interrupted\n") || !echoes(t, terminal) {
		t.Errorf("exit code %d, echo %v: %q", code, echoes(t, terminal), stderr.String())
	}
	p.holds("codeship.aes", "env", "env.encrypted")
	person.WriteString("\n") // ends the read that is still waiting

	// While jet-age waits for the answer.
	p.put("codeship.aes.age", readIdentity(t, "codeship.aes.age"))
	os.Remove("codeship.aes")
	p.take("carol", "id_ed25519")
	person, terminal = openTerminal(t)
	ctx, interrupt = context.WithCancel(t.Context())
	defer interrupt()
	ended = onTerminal(ctx, terminal, &stdout, &stderr, "decrypt", "env.encrypted", "-")
	stderr.waitForQuestion(t, terminal, 3)
	interrupt()
	if code := wait(t, ended); code != exitFailed || !strings.HasSuffix(stderr.String(), "jet: error: interrupted\n") || !echoes(t, terminal) {
		t.Errorf("exit code %d, echo %v: %q", code, echoes(t, terminal), stderr.String())
	}
	person.WriteString("\n")
}

// TestPassphraseOfSSHKey: the key of a person that has one.
func TestPassphraseOfSSHKey(t *testing.T) {
	p := newKeyProject(t)
	os.Remove("codeship.aes")
	p.put("codeship.aes.age", readIdentity(t, "codeship.aes.age"))
	p.take("carol", "id_ed25519")
	code, stdout, stderr := p.typing([]string{passphrase}, "decrypt", "env.encrypted", "-")
	p.want("decrypt", code, stderr, exitDone, "Passphrase for "+filepath.Join(p.home, ".ssh", "id_ed25519")+" (it is not shown): ")
	if stdout != "A=1\n" {
		t.Errorf("got %q", stdout)
	}
	code, _, stderr = p.typing([]string{"wrong one"}, "decrypt", "env.encrypted", "-")
	p.want("wrong", code, stderr, exitFailed, `wrong passphrase for "`+filepath.Join(p.home, ".ssh", "id_ed25519"))
	code, _, stderr = p.typing([]string{""}, "decrypt", "env.encrypted", "-")
	p.want("none", code, stderr, exitFailed, "no passphrase was typed")

	// One who has a key without a passphrase too is not asked.
	p.put(filepath.Join(p.home, "config", "age", "keys.txt"), readIdentity(t, "alice.age"))
	code, stdout, stderr = p.run("decrypt", "env.encrypted", "-")
	if p.want("with another key", code, stderr, exitDone); stdout != "A=1\n" {
		t.Errorf("got %q", stdout)
	}
	// A stranger's key with a passphrase is not asked for either.
	os.RemoveAll(filepath.Join(p.home, "config"))
	p.take("mallory", "id_ed25519")
	code, _, stderr = p.run("decrypt", "env.encrypted", "-")
	p.want("a stranger", code, stderr, exitFailed, "for none of your keys")
}

// TestRealTerminal runs the program itself, with stdin, stderr or neither on the
// terminal, as people use it.
func TestRealTerminal(t *testing.T) {
	p := newKeyProject(t)
	os.Remove("codeship.aes")
	p.put("codeship.aes.age", readIdentity(t, "codeship.aes.age"))
	p.take("carol", "id_ed25519")
	for name, command := range map[string]string{
		"stdin and stderr": `jet decrypt env.encrypted out`,
		"a pipe":           `cat env.encrypted | jet decrypt - out`,
		"stderr elsewhere": `jet decrypt env.encrypted out 2>errors`,
		"neither":          `cat env.encrypted | jet decrypt - out 2>errors >nothing`,
		"typed input":      `jet encrypt - x.encrypted && jet decrypt x.encrypted out`,
	} {
		for _, settings := range [][]string{nil, {"NO_COLOR=1"}, {"TERM=dumb"}, {"TERM="}} {
			if settings != nil && name != "stdin and stderr" {
				continue
			}
			t.Run(name+strings.Join(settings, " "), func(t *testing.T) {
				os.Remove("out")
				environment := append([]string{
					"HOME=" + p.home, "XDG_CONFIG_HOME=" + filepath.Join(p.home, "config"), keepTerminal + "=1",
				}, settings...)
				s := sit(t, p.dir, environment, "sh", "-c", command)
				s.expect("Passphrase for " + filepath.Join(p.home, ".ssh", "id_ed25519") + " (it is not shown): ")
				s.typed(passphrase + "\n")
				if name == "typed input" {
					s.expect("\n")
					s.typed("A=1\n\x04")
					s.expect("Passphrase for ")
					s.typed(passphrase + "\n")
				}
				if got := s.status(); got != 0 {
					t.Fatalf("exit status %d: %q", got, s.screen())
				}
				if text, err := os.ReadFile("out"); err != nil || string(text) != "A=1\n" {
					t.Errorf("got %q, %v", text, err)
				}
				if shown := s.screen(); strings.ContainsAny(shown, "\x1b\x07") || strings.Contains(shown, passphrase) {
					t.Errorf("the terminal shows %q", shown)
				}
			})
		}
	}
	t.Run("no terminal", func(t *testing.T) {
		cmd := exec.Command("jet", "decrypt", "env.encrypted", "out")
		cmd.Env = append(quietEnvironment(t), "HOME="+p.home)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "there is no terminal on which to ask for it") {
			t.Errorf("got %v: %s", err, out)
		}
	})
}

// TestPassphraseIsNotInterpreted: what is typed goes to jet-age as it is.
func TestPassphraseIsNotInterpreted(t *testing.T) {
	if testing.Short() {
		t.Skip("each passphrase takes age a second")
	}
	typed := ` "quotes" \ and {"Question":{}}, слово ` + strings.Repeat("x", 200)
	file, err := sharedkey.Protect(t.Context(), []byte("x"), typed)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := sharedkey.Open(t.Context(), file, sharedkey.Identities{}, func(context.Context, sharedkey.Question) (string, error) { return typed, nil })
	if err != nil || string(opened.Plaintext) != "x" {
		t.Errorf("got %q, %v", opened.Plaintext, err)
	}
}

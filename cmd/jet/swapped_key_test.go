package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/projectkey"
)

// A victim works in a repository that somebody else can write to as well.
type victim struct {
	t     *testing.T
	dir   string
	stdin string
}

// attackerKey is the key that the attacker wants secrets to be encrypted with.
const attackerKey = "//////////////////////////////////////////8=\n"

// The victim knows the key of the project, having shared it.
func newVictim(t *testing.T) victim {
	t.Helper()
	for _, program := range []string{"git", "sh"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s", program)
		}
	}
	v := victim{t: t, dir: filepath.Join(t.TempDir(), "project")}
	for name, value := range map[string]string{
		"HOME": t.TempDir(), "XDG_CONFIG_HOME": t.TempDir(), "AppData": t.TempDir(), "SSH_AUTH_SOCK": "",
		"JET_IDENTITY_PATH": filepath.Join(identitiesDir, "alice.age"),
		"DOCKER_USERNAME":   "ci", "DOCKER_PASSWORD": "canary",
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1",
	} {
		t.Setenv(name, value)
	}
	if err := os.Mkdir(v.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(v.dir)
	v.git("init", "-q", "-b", "main")
	v.put(".gitignore", "codeship.aes\n*.plain\n")
	v.put("codeship.aes", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
	v.put("env.plain", "A=canary\n")
	v.put("cfg.plain", `{"auths": {"quay.io": {"auth": "Y2k6Y2FuYXJ5"}, "ghcr.io": {"auth": "Y2k6Y2FuYXJ5"}}}`)
	v.must("encrypt", "env.plain", "app.env.encrypted")
	v.must("encrypt", "cfg.plain", "dockercfg.encrypted")
	v.must("key", "share", "--to", readIdentityPublic(t), "--to", filepath.Join(identitiesDir, "bob.pub"))
	v.git("add", ".")
	v.git("commit", "-q", "-m", "start")
	return v
}

// readIdentityPublic gives the public key of alice, which age-keygen put beside the
// private one.
func readIdentityPublic(t *testing.T) string {
	t.Helper()
	_, rest, found := strings.Cut(readIdentity(t, "alice.age"), "# public key: ")
	public, _, _ := strings.Cut(rest, "\n")
	if !found {
		t.Fatal("alice.age does not say which its public key is")
	}
	return public
}

func (v victim) git(args ...string) string {
	v.t.Helper()
	out, err := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...).CombinedOutput()
	if err != nil {
		v.t.Fatalf("git %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (v victim) put(path, text string) {
	v.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		v.t.Fatal(err)
	}
}

func (v victim) run(words ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	p := &program{stdin: strings.NewReader(v.stdin), stdout: &out, stderr: &errs, lookupEnv: os.LookupEnv}
	code = p.run(v.t.Context(), words)
	return code, out.String(), errs.String()
}

func (v victim) must(words ...string) {
	v.t.Helper()
	if code, _, stderr := v.run(words...); code != exitDone {
		v.t.Fatalf("jet %q: %s", words, stderr)
	}
}

// snapshot gives the content of all files but those of git itself.
func (v victim) snapshot() map[string]string {
	v.t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if entry != nil && entry.Name() == ".git" {
				return fs.SkipDir
			}
			return err
		}
		text, err := os.ReadFile(path)
		files[path] = string(text)
		return err
	})
	if err != nil {
		v.t.Fatal(err)
	}
	return files
}

// attack replaces all that is in the repository as somebody can who can write to
// it, has no key, and knows the public keys of all: they stand there.
func (v victim) attack(swap func(attacker crypto.Key)) {
	v.t.Helper()
	attacker, err := crypto.ParseKey([]byte(attackerKey))
	if err != nil {
		v.t.Fatal(err)
	}
	os.Remove("codeship.aes")
	for path, text := range map[string]string{
		"app.env.encrypted": "A=1\n", "dockercfg.encrypted": `{"auths": {"quay.io": {"auth": "Y2k6eA=="}}}`,
		"1.env.encrypted": "A=1\n", "2.env.encrypted": "A=1\nB=2\n", "3.env.encrypted": "C=3\nA=1\n",
	} {
		var out bytes.Buffer
		if err := crypto.Encrypt(&out, strings.NewReader(text), attacker, crypto.JetV1); err != nil {
			v.t.Fatal(err)
		}
		v.put(path, out.String())
	}
	swap(attacker)
	v.git("add", "-A", "-f", "codeship*", "*.encrypted")
	v.git("commit", "-q", "-m", "tidy up")
	// A conflict, for the command that settles one.
	index := exec.Command("git", "update-index", "--index-info")
	var lines strings.Builder
	for stage := 1; stage <= 3; stage++ {
		blob := v.git("hash-object", "-w", fmt.Sprintf("%d.env.encrypted", stage))
		fmt.Fprintf(&lines, "100644 %s %d\tconflict.env.encrypted\n", blob, stage)
	}
	index.Stdin = strings.NewReader(lines.String())
	if out, err := index.CombinedOutput(); err != nil {
		v.t.Fatalf("%v\n%s", err, out)
	}
}

// writingCommands are those with --trust-key, and how one types them.
var writingCommands = map[string][][]string{
	"encrypt":            {{"env.plain", "app.env.encrypted"}, {"env.plain", "new.encrypted"}, {"env.plain", "-"}, {"-", "new.encrypted"}},
	"edit":               {{"app.env.encrypted"}, {"new.env.encrypted"}},
	"set":                {{"app.env.encrypted", "A"}, {"new.env.encrypted", "A"}},
	"unset":              {{"app.env.encrypted", "A"}},
	"generate dockercfg": {{"dockercfg.encrypted", "--encrypt"}, {"new.encrypted", "--encrypt"}, {"-", "--encrypt"}},
	"dockercfg add":      {{"dockercfg.encrypted", "new.test", "-u", "ci", "--password-stdin"}, {"new.encrypted", "new.test", "-u", "ci", "--password-stdin", "--encrypt"}},
	"dockercfg merge":    {{"dockercfg.encrypted", "cfg.plain", "--replace"}, {"new.encrypted", "cfg.plain", "--encrypt"}},
	"dockercfg remove":   {{"dockercfg.encrypted", "quay.io"}},
	"dockercfg convert":  {{"cfg.plain", "new.encrypted", "--encrypt"}, {"cfg.plain", "dockercfg.encrypted", "--encrypt"}},
	"merge":              {{"conflict.env.encrypted", "--ours"}},
	"git merge-driver":   {{"1.env.encrypted", "2.env.encrypted", "3.env.encrypted", "app.env.encrypted"}},
	"key share":          {{"--to", "PUBLIC"}, {"--to", "PUBLIC", "--replace"}},
	"key unshare":        {{"alice"}},
	"key protect":        {{}},
	"key unprotect":      {{}},
	"key store":          {{"--store", "none"}},
	"rotate":             {{}, {"--format", "jet:v1"}},
}

// TestSwappedKey plays the attacker whom package trustedkey is about: the victim
// types every command that writes, and nothing is written.
func TestSwappedKey(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	var listed []string
	var look func(prefix string, commands []*cli.Command)
	look = func(prefix string, commands []*cli.Command) {
		for _, c := range commands {
			if findFlag(c.Flags, "trust-key") != nil {
				listed = append(listed, prefix+c.Name)
			}
			look(prefix+c.Name+" ", c.Subcommands)
		}
	}
	look("", new(program).app().Commands)
	for _, name := range listed {
		if writingCommands[name] == nil {
			t.Errorf("jet %s writes what is encrypted, and is not tried here", name)
		}
	}
	for name, swap := range map[string]func(v victim, attacker crypto.Key){
		"codeship.aes.age for everybody who had a share": func(v victim, attacker crypto.Key) {
			before, err := os.ReadFile("codeship.aes.recipients")
			if err != nil {
				v.t.Fatal(err)
			}
			shared, err := loadShared(projectkey.Found{})
			if err != nil {
				v.t.Fatal(err)
			}
			p := &program{stdout: new(bytes.Buffer), stderr: new(bytes.Buffer), lookupEnv: os.LookupEnv}
			if err := p.writeShared(v.t.Context(), shared, attacker); err != nil {
				v.t.Fatal(err)
			}
			if after, _ := os.ReadFile("codeship.aes.recipients"); bytes.Equal(after, before) {
				v.t.Error("the attacker changed nothing")
			}
		},
		"codeship.aes, which git ignored": func(v victim, attacker crypto.Key) {
			v.put("codeship.aes", string(attacker.Encode()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVictim(t)
			v.attack(func(attacker crypto.Key) { swap(v, attacker) })
			// The swap works: what is there opens with the key that is there.
			if code, stdout, stderr := v.run("decrypt", "app.env.encrypted", "-"); code != exitDone || stdout != "A=1\n" {
				t.Fatalf("exit code %d: %q, %s", code, stdout, stderr)
			}
			t.Setenv("VISUAL", "sh -c 'echo A=canary >>\"$1\"' -")
			v.stdin = "canary"
			before := v.snapshot()
			for _, command := range slices.Sorted(maps.Keys(writingCommands)) {
				for _, args := range writingCommands[command] {
					words := append(strings.Fields(command), args...)
					for i := range words {
						if words[i] == "PUBLIC" {
							words[i] = filepath.Join(identitiesDir, "bob.pub")
						}
					}
					code, stdout, stderr := v.run(words...)
					switch {
					case code != exitFailed:
						t.Errorf("jet %q: exit code %d: %s", words, code, stderr)
					case !strings.Contains(stderr, "comes with the repository and is not known here"):
						t.Errorf("jet %q fails for another reason: %s", words, stderr)
					case !strings.Contains(stderr, "SHA256:8mGMpUKiq4NaWwc0rTPLcTnkjDaj6B67JfBrBHPjywI") || !strings.Contains(stderr, "SHA256:4jgmdajQjHpTXpAu7FeQZNHSNPt4rhNQ8zvCpCVpMKQ"):
						t.Errorf("jet %q does not name both fingerprints: %s", words, stderr)
					}
					if strings.Contains(stdout, "jet:v1") || strings.Contains(stdout+stderr, "canary") {
						t.Errorf("jet %q: it shows %q and %q", words, stdout, stderr)
					}
					if after := v.snapshot(); !maps.Equal(after, before) {
						t.Errorf("jet %q: something was written", words)
						before = after
					}
				}
			}
		})
	}
}

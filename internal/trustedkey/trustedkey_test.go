package trustedkey_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/knownkeys"
	"github.com/dockercfg/jet/internal/projectkey"
	"github.com/dockercfg/jet/internal/trustedkey"
)

// A project is a git work tree and a configuration of its own.
type project struct {
	t    *testing.T
	dir  string
	real crypto.Key
}

func newProject(t *testing.T) project {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git")
	}
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AppData", t.TempDir())
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	p := project{t, dir, crypto.GenerateKey()}
	p.git("init", "-q")
	return p
}

func (p project) git(args ...string) {
	p.t.Helper()
	if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
		p.t.Fatalf("git %q: %v\n%s", args, err, out)
	}
}

func (p project) put(path string, data []byte) {
	p.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o600)); err != nil {
		p.t.Fatal(err)
	}
}

// track puts a file under git's eyes.
func (p project) track(path string, data []byte) {
	p.t.Helper()
	p.put(path, data)
	p.git("add", "-f", path)
}

func (p project) encrypted(path string, key crypto.Key, format crypto.Format) {
	p.t.Helper()
	var out bytes.Buffer
	if err := crypto.Encrypt(&out, strings.NewReader("A=1\n"), key, format); err != nil {
		p.t.Fatal(err)
	}
	p.put(path, out.Bytes())
}

func (p project) request(keyPath, output string) trustedkey.Request {
	p.t.Helper()
	found, err := projectkey.Lookup{KeyPath: keyPath}.Find(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return trustedkey.Request{Found: found, Output: output}
}

// accepts encrypts something, and checks that the key opens it.
func (p project) accepts(r trustedkey.Request) {
	p.t.Helper()
	key, notices, err := r.Accept(p.t.Context())
	if err != nil || notices != nil {
		p.t.Fatalf("got %v, notices %q", err, notices)
	}
	var out bytes.Buffer
	if err := key.Encrypt(&out, strings.NewReader("x"), crypto.JetV1); err != nil {
		p.t.Fatal(err)
	}
	if _, err := crypto.Decrypt(new(bytes.Buffer), &out, r.Found.Key); err != nil {
		p.t.Fatal(err)
	}
}

// refuses checks the refusal and that what comes with it encrypts nothing.
func (p project) refuses(r trustedkey.Request) *trustedkey.UntrustedError {
	p.t.Helper()
	key, _, err := r.Accept(p.t.Context())
	var untrusted *trustedkey.UntrustedError
	if !errors.As(err, &untrusted) {
		p.t.Fatalf("got %v, want an UntrustedError", err)
	}
	var out bytes.Buffer
	if err := key.Encrypt(&out, strings.NewReader("x"), crypto.JetV1); err == nil || out.Len() > 0 {
		p.t.Error("the key that comes with the refusal encrypts")
	}
	if !strings.Contains(untrusted.Error(), r.Found.Key.Fingerprint()) {
		p.t.Errorf("%q does not name the fingerprint", untrusted)
	}
	for _, fingerprint := range untrusted.Remembered {
		if !strings.Contains(untrusted.Error(), fingerprint) {
			p.t.Errorf("%q does not name %s", untrusted, fingerprint)
		}
	}
	return untrusted
}

func TestKeyOfTheUser(t *testing.T) {
	p := newProject(t)
	p.put("codeship.aes", p.real.Encode())
	p.put("other/key", p.real.Encode())
	p.encrypted("foreign.encrypted", crypto.GenerateKey(), crypto.JetV1)
	p.accepts(p.request("", "out"))
	p.accepts(p.request("other/key", ""))
	t.Setenv("JET_KEY", string(p.real.Encode()))
	p.accepts(p.request("", "foreign.encrypted"))
	if dir, err := os.UserConfigDir(); err != nil || exists(filepath.Join(dir, "jet")) {
		t.Errorf("something is remembered, though the key needs no trust (%v)", err)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestTrackedKey(t *testing.T) {
	for name, test := range map[string]struct {
		files  func(p project)
		output string
		accept bool
		closed string // what the refusal names
	}{
		"nothing shows anything": {func(project) {}, "out", false, ""},
		"no output":              {func(project) {}, "-", false, ""},
		"the output opens":       {func(p project) { p.encrypted("out", p.real, crypto.JetV1) }, "out", true, ""},
		"codeship:v2":            {func(p project) { p.encrypted("out", p.real, crypto.CodeshipV2) }, "out", true, ""},
		"another opens":          {func(p project) { p.encrypted("sub/x", p.real, crypto.JetV1) }, "out", true, ""},
		"unsigned shows nothing": {func(p project) { p.encrypted("out", p.real, crypto.Unsigned) }, "out", false, ""},
		"the output does not open": {func(p project) {
			p.encrypted("out", crypto.GenerateKey(), crypto.CodeshipV2)
			p.encrypted("x", p.real, crypto.JetV1)
		}, "out", false, "out"},
		"one opens and one does not": {func(p project) {
			p.encrypted("out", p.real, crypto.JetV1)
			p.encrypted("x", crypto.GenerateKey(), crypto.JetV1)
		}, "out", false, "x"},
		"a damaged one is another matter": {func(p project) {
			p.encrypted("out", p.real, crypto.JetV1)
			p.put("x", []byte("jet:v1\nAAAA\n"))
			p.put("y", []byte("codeship:v2\n????"))
		}, "out", true, ""},
		"a folder with a key of its own": {func(p project) {
			p.encrypted("out", p.real, crypto.JetV1)
			p.encrypted("sub/deep/x", crypto.GenerateKey(), crypto.JetV1)
			p.put("sub/codeship.aes", crypto.GenerateKey().Encode())
			p.encrypted("age/x", crypto.GenerateKey(), crypto.JetV1)
			p.track("age/codeship.aes.age", nil)
		}, "out", true, ""},
		"what git ignores": {func(p project) {
			p.put(".gitignore", []byte("x\n"))
			p.encrypted("x", p.real, crypto.JetV1)
		}, "out", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t)
			p.track("codeship.aes", p.real.Encode())
			test.files(p)
			r := p.request("", test.output)
			if !test.accept {
				if got := p.refuses(r); got.Closed != test.closed || got.Remembered != nil {
					t.Errorf("closed %q, want %q; remembered %q", got.Closed, test.closed, got.Remembered)
				}
				if record, err := knownkeys.Load(p.dir); err != nil || record.Keys != nil {
					t.Errorf("remembered after a refusal: %v, %v", record, err)
				}
				return
			}
			p.accepts(r)
			// From now on this key is known, and no file can make another one so.
			record, err := knownkeys.Load(p.dir)
			if err != nil || !record.Knows(".", p.real.Fingerprint()) {
				t.Errorf("not remembered: %v, %v", record, err)
			}
			p.encrypted("later", crypto.GenerateKey(), crypto.JetV1)
			p.accepts(r)
		})
	}
}

// TestSwapped: the attacker replaces all that is in the repository.
func TestSwapped(t *testing.T) {
	p := newProject(t)
	attacker := crypto.GenerateKey()
	swap := func() {
		p.track("codeship.aes", attacker.Encode())
		p.encrypted("app.env.encrypted", attacker, crypto.JetV1)
	}
	swap()
	if err := trustedkey.Remember("codeship.aes", p.real.Fingerprint()); err != nil {
		t.Fatal(err)
	}
	if got := p.refuses(p.request("", "app.env.encrypted")); len(got.Remembered) != 1 || got.Remembered[0] != p.real.Fingerprint() {
		t.Errorf("remembered %q, want the real one", got.Remembered)
	}

	// A key in the folder where the victim works shadows the one above.
	p.git("rm", "-q", "-f", "--cached", "codeship.aes")
	p.put("codeship.aes", p.real.Encode())
	p.track("sub/codeship.aes", attacker.Encode())
	p.encrypted("sub/x.encrypted", attacker, crypto.JetV1)
	t.Chdir("sub")
	if got := p.refuses(p.request("", "x.encrypted")); len(got.Remembered) != 1 || got.Remembered[0] != p.real.Fingerprint() {
		t.Errorf("remembered %q, want the real one", got.Remembered)
	}
	t.Chdir("..")

	// So does a link to it: the link is the user's own, its end is not.
	os.Remove("codeship.aes")
	if err := os.Symlink(filepath.Join("sub", "codeship.aes"), "codeship.aes"); err != nil {
		t.Skip(err)
	}
	p.refuses(p.request("", "out"))
	// And one that is tracked itself, to a place outside.
	away := filepath.Join(t.TempDir(), "key")
	p.put(away, attacker.Encode())
	os.Remove("codeship.aes")
	if err := os.Symlink(away, "codeship.aes"); err != nil {
		t.Fatal(err)
	}
	p.git("add", "-f", "codeship.aes")
	p.refuses(p.request("", "out"))
	p.refuses(p.request("codeship.aes", "out"))

	// What the user says counts, and replaces what was remembered: the old key
	// may be known to somebody who left.
	r := p.request("", "out")
	r.Trust = p.real.Fingerprint()
	var mismatch *trustedkey.MismatchError
	if _, _, err := r.Accept(t.Context()); !errors.As(err, &mismatch) ||
		!strings.Contains(err.Error(), r.Trust) || !strings.Contains(err.Error(), attacker.Fingerprint()) {
		t.Errorf("another fingerprint: got %v", err)
	}
	r.Trust = attacker.Fingerprint()
	p.accepts(r)
	r.Trust = ""
	p.accepts(r)
	os.Remove("codeship.aes")
	p.track("codeship.aes", p.real.Encode())
	p.refuses(p.request("", "out"))
}

func TestTrustOfAKeyWithoutFile(t *testing.T) {
	p := newProject(t)
	t.Setenv("JET_KEY", string(p.real.Encode()))
	r := p.request("", "out")
	r.Trust = p.real.Fingerprint()
	p.accepts(r)
	if record, err := knownkeys.Load(p.dir); err != nil || record.Keys["."] != p.real.Fingerprint() {
		t.Errorf("remembered %v, %v", record, err)
	}
	r.Trust = crypto.GenerateKey().Fingerprint()
	if _, _, err := r.Accept(t.Context()); err == nil {
		t.Error("another fingerprint: no error")
	}
}

// TestConfiguration: one that cannot be read stops what would need it, one that
// cannot be written does not.
func TestConfiguration(t *testing.T) {
	p := newProject(t)
	p.track("codeship.aes", p.real.Encode())
	p.encrypted("out", p.real, crypto.JetV1)
	dir, err := os.UserConfigDir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "jet")); err != nil {
		t.Skip(err)
	}
	r := p.request("", "out")
	if _, notices, err := r.Accept(t.Context()); err != nil || len(notices) != 1 {
		t.Errorf("got %v, notices %q", err, notices)
	}
	os.Remove(filepath.Join(dir, "jet"))
	p.accepts(r)
	records, _ := filepath.Glob(filepath.Join(dir, "jet", "work-trees", "*.json"))
	if len(records) != 1 {
		t.Fatalf("records %q", records)
	}
	if info, err := os.Stat(records[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	for _, text := range []string{"", "{", `{"workTree": "/elsewhere", "keys": {}}`, `[]`} {
		p.put(records[0], []byte(text))
		if _, _, err := r.Accept(t.Context()); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

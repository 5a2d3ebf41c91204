package sharedkey_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/sharedkey"
	"github.com/dockercfg/jet/internal/sharedkey/sharedkeytest"
)

func TestMain(m *testing.M) { os.Exit(sharedkeytest.Main(m)) }

// A person has a private key in a file, and gives the public one away.
type person struct {
	path   string // of the private key
	public string
	raw    any // of an SSH key
}

const passphrase = "correct horse"

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// rsaKey is made once: that takes time.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// newPerson makes a key of a kind; with "locked" in it, one that has a passphrase.
func newPerson(t *testing.T, path, kind string) person {
	t.Helper()
	p := person{path: path}
	if strings.HasPrefix(kind, "age") {
		var text string
		if kind == "age post-quantum" {
			id := must[*age.HybridIdentity](t)(age.GenerateHybridIdentity())
			text, p.public = id.String(), id.Recipient().String()
		} else {
			id := must[*age.X25519Identity](t)(age.GenerateX25519Identity())
			text, p.public = id.String(), id.Recipient().String()
		}
		text = "# created: today\n# public key: " + p.public + "\n" + text + "\n"
		if kind == "age locked" {
			text = protectWith(t, text, passphrase, 10)
		}
		put(t, path, text)
		return p
	}
	switch strings.TrimSuffix(kind, " locked") {
	case "ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		p.raw = key
	case "rsa":
		p.raw = rsaKey()
	case "ecdsa":
		p.raw = must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	default:
		t.Fatal(kind)
	}
	var block *pem.Block
	var err error
	if strings.HasSuffix(kind, " locked") {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(p.raw, "me@host", []byte(passphrase))
	} else {
		block, err = ssh.MarshalPrivateKey(p.raw, "me@host")
	}
	if err != nil {
		t.Fatal(err)
	}
	put(t, path, string(pem.EncodeToMemory(block)))
	signer := must[ssh.Signer](t)(ssh.NewSignerFromKey(p.raw))
	p.public = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	put(t, path+".pub", p.public+" me@host\n")
	return p
}

// protectWith encrypts with a passphrase, and with as much work as is said.
func protectWith(t *testing.T, text, passphrase string, work int) string {
	t.Helper()
	recipient := must[*age.ScryptRecipient](t)(age.NewScryptRecipient(passphrase))
	recipient.SetWorkFactor(work)
	return encryptTo(t, text, recipient)
}

func encryptTo(t *testing.T, text string, recipients ...age.Recipient) string {
	t.Helper()
	var b bytes.Buffer
	armored := armor.NewWriter(&b)
	w := must[io.WriteCloser](t)(age.Encrypt(armored, recipients...))
	_, err := io.WriteString(w, text)
	if err := errors.Join(err, w.Close(), armored.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// home makes a new home, where nothing is.
func home(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"HOME", "USERPROFILE"} {
		t.Setenv(name, dir)
	}
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	t.Setenv("AppData", filepath.Join(dir, "config"))
	t.Setenv("SSH_AUTH_SOCK", "")
	return dir
}

func environment(entries ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, entry := range entries {
			if value, is := strings.CutPrefix(entry, name+"="); is {
				return value, true
			}
		}
		return "", false
	}
}

// asked notes what passphrases are asked for, and types one.
type asked struct {
	typed string
	err   error
	paths []string
}

func (a *asked) ask(_ context.Context, q sharedkey.Question) (string, error) {
	a.paths = append(a.paths, q.Path)
	return a.typed, a.err
}

func recipients(t *testing.T, people ...person) (all []sharedkey.Recipient) {
	t.Helper()
	for _, p := range people {
		all = append(all, must[sharedkey.Recipient](t)(sharedkey.ParseRecipient(p.public)))
	}
	return all
}

// wantCode checks that an error is of that code, and that the text has these parts.
func wantCode(t *testing.T, err error, code sharedkey.Code, parts ...string) {
	t.Helper()
	var is *sharedkey.Error
	if !errors.As(err, &is) || is.Code != code {
		t.Fatalf("got %v, want the code %q", err, code)
	}
	for _, part := range parts {
		if !strings.Contains(is.Text, part) {
			t.Errorf("%q does not say %q", is.Text, part)
		}
	}
	for _, secret := range []string{"AGE-SECRET", passphrase, "PRIVATE KEY"} {
		if strings.Contains(is.Text, secret) {
			t.Errorf("%q holds a secret", is.Text)
		}
	}
}

func text(t *testing.T) []byte { return crypto.GenerateKey().Encode() }

// TestShare seals for each kind of key, for one person and many, and opens it with
// what each of them has.
func TestShare(t *testing.T) {
	for _, kind := range []string{"age", "age post-quantum", "age locked", "ed25519", "ed25519 locked", "rsa", "rsa locked"} {
		t.Run(kind, func(t *testing.T) {
			if testing.Short() && kind == "rsa locked" {
				t.Skip("each passphrase takes its time; that of ed25519 is tried")
			}
			dir := home(t)
			me := newPerson(t, filepath.Join(dir, "key"), kind)
			others := []person{newPerson(t, filepath.Join(dir, "a"), "age"), newPerson(t, filepath.Join(dir, "b"), "ed25519")}
			if kind == "age post-quantum" {
				others = []person{newPerson(t, filepath.Join(dir, "a"), kind)}
			}
			for _, people := range [][]person{{me}, append(others, me)} {
				key := text(t)
				file := must[[]byte](t)(sharedkey.Seal(t.Context(), key, recipients(t, people...)))
				if !bytes.HasPrefix(file, []byte("-----BEGIN AGE ENCRYPTED FILE-----\n")) || bytes.Contains(file, key[:10]) {
					t.Fatalf("got %q", file)
				}
				ids := must[sharedkey.Identities](t)(sharedkey.LookUpIdentities(environment(sharedkey.IdentityPathVariable + "=" + me.path)))
				a := asked{typed: passphrase}
				opened := must[sharedkey.Opened](t)(sharedkey.Open(t.Context(), file, ids, a.ask))
				if !bytes.Equal(opened.Plaintext, key) || opened.By != me.path {
					t.Errorf("got %q, by %q", opened.Plaintext, opened.By)
				}
				if locked := strings.HasSuffix(kind, "locked"); locked != (len(a.paths) == 1) || locked && a.paths[0] != me.path {
					t.Errorf("asked for %q", a.paths)
				}
				if !strings.HasSuffix(kind, "locked") {
					continue
				}
				a.typed = "wrong"
				_, err := sharedkey.Open(t.Context(), file, ids, a.ask)
				wantCode(t, err, sharedkey.CodePassphrase, `wrong passphrase for "`+me.path+`"`)
				_, err = sharedkey.Open(t.Context(), file, ids, nil)
				wantCode(t, err, sharedkey.CodeNobody, me.path)
				a.err = errors.New("the person went home")
				if _, err = sharedkey.Open(t.Context(), file, ids, a.ask); !errors.Is(err, a.err) {
					t.Errorf("got %v", err)
				}
			}
		})
	}
}

// TestUsualPlaces: where keys are found by themselves, and in which order they are tried.
func TestUsualPlaces(t *testing.T) {
	for _, test := range []struct {
		path, kind string
		asks       bool
	}{
		{"config/age/keys.txt", "age", false},
		{"config/sops/age/keys.txt", "age", false},
		{".config/age/keys.txt", "age", false},
		{".ssh/id_ed25519", "ed25519", false},
		{".ssh/id_rsa", "rsa", false},
		{".ssh/id_ed25519", "ed25519 locked", true},
		{".ssh/of my own", "ed25519", false}, // known by its .pub
		{".ssh/of my own", "rsa locked", true},
	} {
		t.Run(test.path+", "+test.kind, func(t *testing.T) {
			if testing.Short() && test.asks {
				t.Skip("each passphrase takes its time")
			}
			dir := home(t)
			// What else is there does not stand in the way, nor asks for anything.
			if test.path != ".ssh/id_ed25519" {
				newPerson(t, filepath.Join(dir, ".ssh", "id_ed25519"), "ed25519 locked")
			}
			newPerson(t, filepath.Join(dir, ".ssh", "id_ecdsa"), "ecdsa")
			put(t, filepath.Join(dir, ".ssh", "broken.pub"), "no key")
			if test.path != "config/age/keys.txt" {
				put(t, filepath.Join(dir, "config", "age", "keys.txt"), "# none\nAGE-PLUGIN-YUBIKEY-1QQPQ\n")
			}
			me := newPerson(t, filepath.Join(dir, filepath.FromSlash(test.path)), test.kind)
			key := text(t)
			file := must[[]byte](t)(sharedkey.Seal(t.Context(), key, recipients(t, me)))
			a := asked{typed: passphrase}
			ids := must[sharedkey.Identities](t)(sharedkey.LookUpIdentities(environment()))
			opened := must[sharedkey.Opened](t)(sharedkey.Open(t.Context(), file, ids, a.ask))
			if !bytes.Equal(opened.Plaintext, key) || opened.By != me.path || (len(a.paths) == 1) != test.asks {
				t.Errorf("got %q, by %q, asked for %q", opened.Plaintext, opened.By, a.paths)
			}
		})
	}
}

// TestIdentityVariable: the text of a key, for jobs that have no files.
func TestIdentityVariable(t *testing.T) {
	dir := home(t)
	for _, kind := range []string{"age", "ed25519", "rsa", "ed25519 locked"} {
		me := newPerson(t, filepath.Join(dir, "key"), kind)
		private := string(must[[]byte](t)(os.ReadFile(me.path)))
		key := text(t)
		file := must[[]byte](t)(sharedkey.Seal(t.Context(), key, recipients(t, me)))
		for _, private := range []string{private, strings.TrimSpace(private), "\n" + strings.ReplaceAll(private, "\n", "\r\n")} {
			ids := must[sharedkey.Identities](t)(sharedkey.LookUpIdentities(environment(sharedkey.IdentityVariable+"="+private, sharedkey.IdentityPathVariable+"=/none")))
			a := asked{typed: passphrase}
			opened, err := sharedkey.Open(t.Context(), file, ids, a.ask)
			if err != nil || !bytes.Equal(opened.Plaintext, key) || opened.By != sharedkey.IdentityVariable {
				t.Errorf("%s: got %q, by %q, %v", kind, opened.Plaintext, opened.By, err)
			}
		}
	}
	for _, entry := range []string{sharedkey.IdentityVariable + "=", sharedkey.IdentityPathVariable + "=", sharedkey.IdentityPathVariable + "=:"} {
		if _, err := sharedkey.LookUpIdentities(environment(entry)); err == nil {
			t.Errorf("%s: no error", entry)
		}
	}
}

func TestStrangers(t *testing.T) {
	dir := home(t)
	owner := newPerson(t, filepath.Join(dir, "owner"), "age")
	sshOwner := newPerson(t, filepath.Join(dir, "ssh-owner"), "ed25519")
	file := must[[]byte](t)(sharedkey.Seal(t.Context(), text(t), recipients(t, owner, sshOwner)))
	open := func(ids sharedkey.Identities) error {
		t.Helper()
		a := asked{typed: passphrase}
		_, err := sharedkey.Open(t.Context(), file, ids, a.ask)
		if len(a.paths) > 0 {
			t.Errorf("asked a stranger for the passphrase of %q", a.paths)
		}
		return err
	}
	usual := must[sharedkey.Identities](t)(sharedkey.LookUpIdentities(environment()))

	wantCode(t, open(usual), sharedkey.CodeNoIdentity, "1 X25519, 1 ssh-ed25519", filepath.Join(dir, ".ssh", "id_rsa"), filepath.Join("age", "keys.txt"))

	newPerson(t, filepath.Join(dir, ".ssh", "id_ed25519"), "ed25519 locked")
	newPerson(t, filepath.Join(dir, ".ssh", "id_rsa"), "ecdsa") // under a wrong name
	newPerson(t, filepath.Join(dir, "config", "age", "keys.txt"), "age")
	wantCode(t, open(usual), sharedkey.CodeStranger, "for none of your keys", `id_ed25519" (ssh-ed25519 with a passphrase)`,
		`keys.txt" (an age key)`, `id_rsa" (a key of the kind ecdsa-sha2-nistp256, which age cannot use)`)

	// A file that was named is looked at closely.
	for name, test := range map[string]struct{ text, want string }{
		"missing":    {"", "no such file"},
		"empty":      {" ", "it is empty"},
		"public":     {sshOwner.public, "public key"},
		"age public": {owner.public, "public key"},
		"text":       {"hello AGE-SECRET-KEY-1", "line 1: it is no key of age"},
		"pem":        {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no private key of OpenSSH"},
		"plugin":     {"AGE-PLUGIN-YUBIKEY-1QQPQ\n", "plugins alone"},
		"damaged":    {"AGE-SECRET-KEY-1QQQQ\n", "line 1: it is no key of age"},
	} {
		path := filepath.Join(dir, "named", name)
		if test.text != "" {
			put(t, path, test.text)
		}
		ids := must[sharedkey.Identities](t)(sharedkey.LookUpIdentities(environment(sharedkey.IdentityPathVariable + "=" + path)))
		wantCode(t, open(ids), sharedkey.CodeIdentity, test.want, path)
	}
	ids := must[sharedkey.Identities](t)(sharedkey.LookUpIdentities(environment(sharedkey.IdentityVariable + "=nonsense " + passphrase)))
	wantCode(t, open(ids), sharedkey.CodeIdentity, sharedkey.IdentityVariable)
}

// TestWithoutPrivateKey: the public key of a recipient is at hand, and what age
// would need is not.
func TestWithoutPrivateKey(t *testing.T) {
	dir := home(t)
	me := newPerson(t, filepath.Join(dir, ".ssh", "work"), "ed25519")
	file := must[[]byte](t)(sharedkey.Seal(t.Context(), text(t), recipients(t, me)))
	ids := must[sharedkey.Identities](t)(sharedkey.LookUpIdentities(environment()))
	os.Remove(me.path)
	_, err := sharedkey.Open(t.Context(), file, ids, nil)
	wantCode(t, err, sharedkey.CodeAgent, "work.pub", "is not there")
	os.Remove(me.path + ".pub")

	// A real agent, with the key in it and another one.
	short, err := os.MkdirTemp("", "jet-") // the names of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	socket := filepath.Join(short, "agent")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { listener.Close() })
	held := agent.NewKeyring()
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { agent.ServeAgent(held, connection); connection.Close() }()
		}
	}()
	t.Setenv("SSH_AUTH_SOCK", socket)
	_, err = sharedkey.Open(t.Context(), file, ids, nil)
	wantCode(t, err, sharedkey.CodeNoIdentity)
	for _, raw := range []any{rsaKey(), me.raw} {
		if err := held.Add(agent.AddedKey{PrivateKey: raw, Comment: "me@agent"}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = sharedkey.Open(t.Context(), file, ids, nil)
	wantCode(t, err, sharedkey.CodeAgent, `"me@agent"`, "SSH agent", "SHA256:")
}

func TestPassphrase(t *testing.T) {
	home(t)
	key := text(t)
	file := []byte(protectWith(t, string(key), passphrase, 10)) // age's own work takes a second each time
	if !testing.Short() {
		file = must[[]byte](t)(sharedkey.Protect(t.Context(), key, passphrase))
	}
	a := asked{typed: passphrase}
	opened, err := sharedkey.Open(t.Context(), file, sharedkey.Identities{}, a.ask)
	if err != nil || !bytes.Equal(opened.Plaintext, key) || opened.By != "" || len(a.paths) != 1 || a.paths[0] != "" {
		t.Errorf("got %q, %v, asked for %q", opened.Plaintext, err, a.paths)
	}
	if info := string(file[:80]); !strings.HasPrefix(info, "-----BEGIN AGE ENCRYPTED FILE-----\n") {
		t.Errorf("got %q", info)
	}
	file = []byte(protectWith(t, string(key), passphrase, 10))
	a.typed = "wrong"
	_, err = sharedkey.Open(t.Context(), file, sharedkey.Identities{}, a.ask)
	wantCode(t, err, sharedkey.CodePassphrase)
	_, err = sharedkey.Open(t.Context(), file, sharedkey.Identities{}, nil)
	wantCode(t, err, sharedkey.CodeNobody, "no terminal")
	if _, err := sharedkey.Protect(t.Context(), key, ""); err == nil {
		t.Error("an empty passphrase: no error")
	}
	// A file that asks for a minute's work and 16 GiB is refused.
	raw := must[[]byte](t)(io.ReadAll(armor.NewReader(strings.NewReader(protectWith(t, string(key), passphrase, 1)))))
	raw = bytes.Replace(raw, []byte(" 1\n"), []byte(" 24\n"), 1)
	a.typed = passphrase
	_, err = sharedkey.Open(t.Context(), raw, sharedkey.Identities{}, a.ask)
	wantCode(t, err, sharedkey.CodeFile, "work factor")
}

func TestDamagedFiles(t *testing.T) {
	dir := home(t)
	me := newPerson(t, filepath.Join(dir, "key"), "age")
	ids := must[sharedkey.Identities](t)(sharedkey.LookUpIdentities(environment(sharedkey.IdentityPathVariable + "=" + me.path)))
	good := must[[]byte](t)(sharedkey.Seal(t.Context(), text(t), recipients(t, me)))
	raw := must[[]byte](t)(io.ReadAll(armor.NewReader(bytes.NewReader(good))))
	if _, err := sharedkey.Open(t.Context(), raw, ids, nil); err != nil {
		t.Errorf("without armor: %v", err)
	}
	if _, err := sharedkey.Open(t.Context(), []byte("\n\r\n"+strings.ReplaceAll(string(good), "\n", "\r\n")+"\n"), ids, nil); err != nil {
		t.Errorf("after an editor: %v", err)
	}
	flipped := bytes.Clone(raw)
	flipped[len(flipped)-1] ^= 1
	stanza := bytes.Replace(raw, []byte("-> X25519 "), []byte("-> X25519 A"), 1)
	x := must[*age.X25519Recipient](t)(age.ParseX25519Recipient(me.public))
	for name, file := range map[string][]byte{
		"cut short":      good[:len(good)/2],
		"flipped":        flipped,
		"changed header": stanza,
		"no end":         raw[:len(raw)-1],
		"nothing":        nil,
		"conflict":       append([]byte("<<<<<<< HEAD\n"), good...),
		"version 9":      bytes.Replace(raw, []byte("org/v1"), []byte("org/v9"), 1),
		"no key in it":   []byte(encryptTo(t, strings.Repeat("x", 10_000), x)),
	} {
		_, err := sharedkey.Open(t.Context(), file, ids, nil)
		var is *sharedkey.Error
		if !errors.As(err, &is) || is.Code != sharedkey.CodeFile {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestSealErrors(t *testing.T) {
	dir := home(t)
	classic, quantum := newPerson(t, filepath.Join(dir, "a"), "age"), newPerson(t, filepath.Join(dir, "b"), "age post-quantum")
	_, err := sharedkey.Seal(t.Context(), text(t), recipients(t, classic, quantum))
	wantCode(t, err, sharedkey.CodeRecipient, "post-quantum")
	broken := recipients(t, classic)
	last := "q"
	if strings.HasSuffix(broken[0].Key, last) {
		last = "p"
	}
	broken[0].Key = broken[0].Key[:len(broken[0].Key)-1] + last // of the checksum
	_, err = sharedkey.Seal(t.Context(), text(t), broken)
	wantCode(t, err, sharedkey.CodeRecipient, "age1")
	_, err = sharedkey.Seal(t.Context(), text(t), nil)
	wantCode(t, err, sharedkey.CodeRecipient)
}

// TestProgram: jet-age is missing, fails, says nonsense, or hangs.
func TestProgram(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	open := func(ctx context.Context) error {
		_, err := sharedkey.Open(ctx, []byte("age-encryption.org/v1\n"), sharedkey.Identities{}, nil)
		return err
	}
	var missing *sharedkey.MissingError
	if err := open(t.Context()); !errors.As(err, &missing) || !strings.Contains(err.Error(), "jet-age") {
		t.Errorf("missing: got %v", err)
	}
	path := filepath.Join(dir, sharedkey.Program)
	for script, want := range map[string]string{
		"exit 3":                    "jet-age gave no answer: exit status 3",
		"echo nonsense":             "jet-age gave no answer",
		"echo '{\"Question\": {}}'": "needs its passphrase",
		"echo '{\"Error\":{\"Code\":\"file\",\"Text\":\"x\"}}'; exit 1": "x",
	} {
		put(t, path, "#!/bin/sh\n"+script+"\n")
		os.Chmod(path, 0o700)
		if err := open(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", script, err, want)
		}
	}
	put(t, path, "#!/bin/sh\nexec sleep 20\n")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := open(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

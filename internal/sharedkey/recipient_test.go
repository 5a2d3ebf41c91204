package sharedkey_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/sharedkey"
)

// Public keys that other programs made: age-keygen 1.1.1, ssh-keygen of OpenSSH
// 9.2, and what that shows as the fingerprint (ssh-keygen -l).
const (
	x25519Key          = "age1kdtyss2r835820cl7kq7hsl59gqy952nsg4hf8scyzxta34gfudqcasqdu"
	ed25519Key         = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILnqPlyLvicBV2dhqJvUdKjDi+ZFcCHxbfhNbgl0eerl"
	ed25519Fingerprint = "SHA256:q1+lplq9QVcfK/hGmA8dtj1W+A2SAgGgI6dyxDdjJyU"
	ecdsaKey           = "ecdsa-sha2-nistp256 AAAA"
)

func TestParseRecipient(t *testing.T) {
	for line, want := range map[string]sharedkey.Recipient{
		x25519Key:                            {Key: x25519Key, Kind: "age"},
		"  " + x25519Key + "\r\n":            {Key: x25519Key, Kind: "age"},
		ed25519Key:                           {Key: ed25519Key, Kind: "ssh-ed25519"},
		ed25519Key + " alice@host of work\n": {Key: ed25519Key, Kind: "ssh-ed25519", Name: "alice@host of work"},
		strings.ReplaceAll(ed25519Key, " ", "\t  ") + "\tal\x1bice":  {Key: ed25519Key, Kind: "ssh-ed25519", Name: "al ice"},
		`command="echo \"ssh-rsa\" x",no-pty ` + ed25519Key + " bob": {Key: ed25519Key, Kind: "ssh-ed25519", Name: "bob"},
		ed25519Key + " seal: seal:x":                                 {Key: ed25519Key, Kind: "ssh-ed25519", Name: "x"},
	} {
		got, err := sharedkey.ParseRecipient(line)
		if err != nil || got != want {
			t.Errorf("%q: got %+v, %v, want %+v", line, got, err, want)
		}
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(&short.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	const body = "AAAAC3NzaC1lZDI1NTE5AAAAILnqPlyLvicBV2dhqJvUdKjDi+ZFcCHxbfhNbgl0eerl"
	for line, want := range map[string]error{
		"": nil, "alice": nil, "ssh-ed25519": nil, "github:alice": nil,
		"AGE-SECRET-KEY-1QQQ":                   sharedkey.ErrPrivateKey,
		"AGE-SECRET-KEY-PQ-1QQQ":                sharedkey.ErrPrivateKey,
		"AGE-PLUGIN-YUBIKEY-1QQ":                sharedkey.ErrPrivateKey,
		"-----BEGIN OPENSSH PRIVATE KEY-----":   sharedkey.ErrPrivateKey,
		x25519Key[:61]:                          nil,
		x25519Key + "q":                         nil,
		strings.ToUpper(x25519Key):              nil,
		x25519Key[:60] + "b" + x25519Key[61:]:   nil,
		"age1yubikey1" + x25519Key[5:]:          sharedkey.ErrUnsupportedKey,
		ecdsaKey:                                sharedkey.ErrUnsupportedKey,
		"sk-ssh-ed25519@openssh.com " + body:    sharedkey.ErrUnsupportedKey,
		"ssh-ed25519-cert-v01@openssh.com AAAA": sharedkey.ErrUnsupportedKey,
		"ssh-dss AAAA":                          sharedkey.ErrUnsupportedKey,
		strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))): sharedkey.ErrUnsupportedKey,
		"ssh-rsa " + body:                            nil,
		"ssh-ed25519 " + body[:64]:                   nil,
		"ssh-ed25519 ????":                           nil,
		"ssh-ed25519 " + strings.Repeat("A", 10_000): nil,
		"ssh-ed25519 " + base64.StdEncoding.EncodeToString([]byte("\xff\xff\xff\xffssh-ed25519")): nil,
	} {
		got, err := sharedkey.ParseRecipient(line)
		if err == nil || want != nil && !errors.Is(err, want) || want == nil && (errors.Is(err, sharedkey.ErrPrivateKey) || errors.Is(err, sharedkey.ErrUnsupportedKey)) {
			t.Errorf("%q: got %+v, %v, want %v", line, got, err, want)
		}
	}
}

func TestFingerprint(t *testing.T) {
	dir := home(t)
	if r, err := sharedkey.ParseRecipient(ed25519Key); err != nil || r.Fingerprint() != ed25519Fingerprint {
		t.Errorf("got %s, %v", r.Fingerprint(), err)
	}
	for kind, want := range map[string]func(person) string{
		"ed25519": func(p person) string {
			s, _ := ssh.NewSignerFromKey(p.raw)
			return ssh.FingerprintSHA256(s.PublicKey())
		},
		"rsa": func(p person) string {
			s, _ := ssh.NewSignerFromKey(p.raw)
			return ssh.FingerprintSHA256(s.PublicKey())
		},
		"age":              func(p person) string { return p.public },
		"age post-quantum": func(p person) string { return p.public[:40] + "…" + p.public[len(p.public)-8:] },
	} {
		p := newPerson(t, filepath.Join(dir, kind), kind)
		if got := recipients(t, p)[0].Fingerprint(); got != want(p) {
			t.Errorf("%s: got %s, want %s", kind, got, want(p))
		}
	}
}

func TestParseRecipients(t *testing.T) {
	alice := sharedkey.Recipient{Name: "alice", Key: ed25519Key, Kind: "ssh-ed25519"}
	bob := sharedkey.Recipient{Name: "bob", Key: x25519Key, Kind: "age"}
	nobody := sharedkey.Recipient{Key: x25519Key, Kind: "age"}
	for text, want := range map[string][]sharedkey.Recipient{
		ed25519Key + " alice":                                            {alice},
		"\ufeff# alice\r\n" + ed25519Key + " me@host\r\n":                {alice},
		"# all of us\n\n# alice\n" + ed25519Key + "\n#bob\n" + x25519Key: {alice, bob},
		"# all of us\n\n" + x25519Key + "\n":                             {nobody},
		ecdsaKey + "\n" + x25519Key + "\n":                               {nobody},
	} {
		got, unsupported, err := sharedkey.ParseRecipients([]byte(text))
		if err != nil || !slices.Equal(got, want) || unsupported != strings.Count(text, "ecdsa") {
			t.Errorf("%q: got %+v, %d, %v", text, got, unsupported, err)
		}
	}
	for text, line := range map[string]int{
		"":                                0,
		"# nobody\n":                      0,
		"\xff\xfe":                        0,
		x25519Key + "\n\nhello":           3,
		ecdsaKey + "\n":                   1,
		x25519Key + "\nAGE-SECRET-KEY-1Q": 2,
		"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA": 1,
	} {
		_, _, err := sharedkey.ParseRecipients([]byte(text))
		var syntax *sharedkey.SyntaxError
		if err == nil || errors.As(err, &syntax) != (line > 0) || line > 0 && syntax.Line != line {
			t.Errorf("%q: got %v, want one about line %d", text, err, line)
		}
	}
}

func TestList(t *testing.T) {
	key := crypto.GenerateKey()
	alice := sharedkey.Recipient{Name: "alice", Key: ed25519Key, Kind: "ssh-ed25519"}
	var l sharedkey.List
	if added := l.Add(alice, sharedkey.Recipient{Key: x25519Key, Kind: "age"}); len(added) != 2 {
		t.Errorf("added %v", added)
	}
	text, err := l.Encode(key)
	if err != nil {
		t.Fatal(err)
	}
	again, err := sharedkey.ParseList(text)
	if err != nil || again.Check(key) != nil || !slices.Equal(again.Recipients, l.Recipients) {
		t.Fatalf("got %+v, %v, %v", again, err, again.Check(key))
	}
	// Another line end, which git may make, is no alteration. These are.
	for name, test := range map[string]struct {
		change func(string) string
		ok     bool
	}{
		"CRLF":        {func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }, true},
		"a comment":   {func(s string) string { return "# hello\n\n" + s }, true},
		"another":     {func(s string) string { return s + "\nage1" + x25519Key[4:61] + "7\n" }, false},
		"one less":    {func(s string) string { return strings.Replace(s, x25519Key, "", 1) }, false},
		"order":       {func(s string) string { return x25519Key + "\n" + strings.Replace(s, x25519Key, "", 1) }, false},
		"a new name":  {func(s string) string { return strings.Replace(s, "# alice", "# bob", 1) }, false},
		"no seal":     {func(s string) string { return s[:strings.Index(s, "# seal:")] }, false},
		"wrong seal":  {func(s string) string { return strings.Replace(s, "# seal: ", "# seal: A", 1) }, false},
		"second seal": {func(s string) string { return s + "# seal: AAAA\n" }, false},
	} {
		changed := test.change(string(text))
		l, err := sharedkey.ParseList([]byte(changed))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if err := l.Check(key); (err == nil) != test.ok || err != nil && !errors.Is(err, sharedkey.ErrAltered) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := again.Check(crypto.GenerateKey()); !errors.Is(err, sharedkey.ErrAltered) {
		t.Errorf("another key: got %v", err)
	}
	if err := again.Check(crypto.Key{}); err == nil || errors.Is(err, sharedkey.ErrAltered) {
		t.Errorf("no key: got %v", err)
	}

	// Found by name, key with or without comment, and fingerprint.
	for _, text := range []string{"alice", ed25519Key, ed25519Key + " other comment", alice.Fingerprint()} {
		if found := l.Find(text); len(found) != 1 || found[0] != alice {
			t.Errorf("%s: got %v", text, found)
		}
	}
	for _, text := range []string{"", "bob", "Alice", x25519Key[:20]} {
		if found := l.Find(text); found != nil {
			t.Errorf("%q: got %v", text, found)
		}
	}
	if added := l.Add(sharedkey.Recipient{Name: "the same", Key: ed25519Key, Kind: "ssh-ed25519"}); added != nil || l.Recipients[0].Name != "the same" {
		t.Errorf("added %v, now %v", added, l)
	}
	l.Remove(alice)
	if len(l.Recipients) != 1 || l.Recipients[0].Kind != "age" {
		t.Errorf("left %v", l.Recipients)
	}
	if _, err := sharedkey.ParseList([]byte(ecdsaKey + "\n" + x25519Key)); !errors.Is(err, sharedkey.ErrUnsupportedKey) {
		t.Errorf("unsupported: got %v", err)
	}
}

// FuzzParseRecipients: what is read is written and read again as the same; and
// what jet takes for an SSH key, age does too.
func FuzzParseRecipients(f *testing.F) {
	for _, seed := range []string{
		"", x25519Key, ed25519Key + " alice", "# alice\n" + ed25519Key, ecdsaKey + "\n" + x25519Key,
		`from="a b" ` + ed25519Key, "# seal: AAAA\n" + x25519Key, "# seal: seal: x\n" + x25519Key, "\ufeff#\n\n#  # x\r\n" + x25519Key,
		"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ==", "age1pq1qqq", "AGE-SECRET-KEY-1",
	} {
		f.Add([]byte(seed))
	}
	key := crypto.GenerateKey()
	f.Fuzz(func(t *testing.T, text []byte) {
		found, _, err := sharedkey.ParseRecipients(text)
		if err != nil {
			return
		}
		var l sharedkey.List
		l.Add(found...)
		encoded, err := l.Encode(key)
		if err != nil {
			t.Fatal(err)
		}
		again, err := sharedkey.ParseList(encoded)
		if err != nil || again.Check(key) != nil || !slices.Equal(again.Recipients, l.Recipients) {
			t.Fatalf("%q: got %+v, %v, want %+v", encoded, again.Recipients, err, l.Recipients)
		}
		twice, err := again.Encode(key)
		if err != nil || !bytes.Equal(twice, encoded) {
			t.Fatalf("%q and %q", encoded, twice)
		}
		for _, r := range found {
			if strings.HasPrefix(r.Kind, "ssh-") {
				if _, err := agessh.ParseRecipient(r.Key); err != nil && !strings.Contains(err.Error(), "invalid Ed25519 public key") && !strings.Contains(err.Error(), "ssh: ") {
					t.Errorf("age does not take %q: %v", r.Key, err)
				}
			}
		}
	})
}

package agefile

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"golang.org/x/crypto/ssh"

	"github.com/dockercfg/jet/internal/sharedkey"
)

// maxIdentity bounds a file of identities, in bytes.
const maxIdentity = 1 << 20

// A key is a private key of the user.
type key struct {
	path     string // or JET_IDENTITY
	what     string // for people
	identity age.Identity
	asks     int // 0: nothing; 1: a passphrase, if it is for this key; 2: a passphrase, to know that
}

// keys are those that there are, and what there is besides.
type keys struct {
	usable   []key
	unusable []string // for people
	lookedAt []string // where there was nothing
	missing  []string // public keys of recipients whose private key is not there, for people
}

// load reads the identities. Those that ask for a passphrase come last.
func (s *server) load(from sharedkey.Identities, stanzas []*age.Stanza) (keys, error) {
	var k keys
	if from.Text != "" {
		found, err := s.parse(sharedkey.IdentityVariable, []byte(from.Text))
		if err != nil {
			return keys{}, badIdentity(sharedkey.IdentityVariable, err)
		}
		k.usable = append(k.usable, found)
	}
	for _, path := range from.Paths {
		found, err := s.read(path)
		switch {
		case err == nil:
			k.usable = append(k.usable, found)
		case from.Named:
			return keys{}, badIdentity(fmt.Sprintf("%q", path), err)
		case errors.Is(err, fs.ErrNotExist):
			k.lookedAt = append(k.lookedAt, fmt.Sprintf("%q", path))
		default:
			k.unusable = append(k.unusable, fmt.Sprintf("%q (%v)", path, err))
		}
	}
	if from.SSHDir != "" && from.Text == "" && !from.Named {
		s.loadOthers(&k, from.SSHDir, stanzas)
	}
	slices.SortStableFunc(k.usable, func(a, b key) int { return a.asks - b.asks })
	return k, nil
}

func badIdentity(name string, err error) error {
	return &sharedkey.Error{Code: sharedkey.CodeIdentity, Path: name, Text: fmt.Sprintf("the identity %s: %v", name, err)}
}

// read reads a file of identities.
func (s *server) read(path string) (key, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a file")
	}
	var file *os.File
	if err == nil {
		file, err = os.Open(path)
	}
	if err != nil {
		return key{}, cause(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxIdentity))
	if err != nil {
		return key{}, cause(err)
	}
	return s.parse(path, text)
}

// cause takes off the path that an error of the system names once more.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// parse reads private keys. Errors never quote them.
func (s *server) parse(path string, text []byte) (key, error) {
	trimmed := bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	switch {
	case len(trimmed) == 0:
		return key{}, errors.New("it is empty")
	case bytes.HasPrefix(trimmed, []byte(armor.Header)), bytes.HasPrefix(trimmed, []byte("age-encryption.org/")):
		return key{path, "age keys with a passphrase", &encryptedKeys{server: s, path: path, file: text}, 2}, nil
	case bytes.HasPrefix(trimmed, []byte("-----BEGIN ")):
		return s.parseSSH(path, append(trimmed, '\n'))
	}
	identities, plugins, err := parseAge(trimmed)
	switch {
	case err != nil:
		return key{}, err
	case len(identities) == 0:
		return key{}, fmt.Errorf("it has %d keys of plugins alone, which jet does not run", plugins)
	case len(identities) == 1:
		return key{path, "an age key", identities[0], 0}, nil
	}
	return key{path, fmt.Sprintf("%d age keys", len(identities)), several(identities), 0}, nil
}

// parseAge reads what age-keygen writes, and leaves out keys of plugins.
func parseAge(text []byte) (identities []age.Identity, plugins int, err error) {
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
			continue
		case strings.HasPrefix(line, "AGE-PLUGIN-"):
			plugins++
			continue
		case strings.HasPrefix(line, "age1") || strings.HasPrefix(line, "ssh-"):
			return nil, 0, fmt.Errorf("line %d: it is a public key", number)
		}
		found, err := age.ParseIdentities(strings.NewReader(line))
		if err != nil {
			return nil, 0, fmt.Errorf("line %d: it is no key of age", number)
		}
		identities = append(identities, found...)
	}
	if identities == nil && plugins == 0 {
		return nil, 0, errors.New("there is no key in it")
	}
	return identities, plugins, nil
}

// several are identities of one file.
type several []age.Identity

func (ids several) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	for _, id := range ids {
		fileKey, err := id.Unwrap(stanzas)
		if !errors.Is(err, age.ErrIncorrectIdentity) {
			return fileKey, err
		}
	}
	return nil, age.ErrIncorrectIdentity
}

// encryptedKeys is a file of age keys that is itself a file of age with a
// passphrase, as "age -p" makes it of what age-keygen writes.
type encryptedKeys struct {
	server *server
	path   string
	file   []byte
}

func (e *encryptedKeys) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	passphrase, err := e.server.ask(e.path)
	if err != nil {
		return nil, err
	}
	identity, err := scryptIdentity(passphrase)
	if err != nil {
		return nil, badIdentity(fmt.Sprintf("%q", e.path), err)
	}
	r, err := age.Decrypt(dearmored(e.file), identity)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		return nil, wrongPassphrase(e.path, fmt.Sprintf("wrong passphrase for %q", e.path))
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(r, maxIdentity))
	}
	if err != nil {
		return nil, badIdentity(fmt.Sprintf("%q", e.path), errors.New("it is damaged, or for recipients and not for a passphrase"))
	}
	identities, _, err := parseAge(text)
	if err != nil {
		return nil, badIdentity(fmt.Sprintf("%q", e.path), err)
	}
	return several(identities).Unwrap(stanzas)
}

// parseSSH reads a private key of OpenSSH, with or without a passphrase.
func (s *server) parseSSH(path string, pem []byte) (key, error) {
	raw, err := ssh.ParseRawPrivateKey(pem)
	if err == nil {
		identity, what, err := sshIdentity(raw)
		return key{path, what, identity, 0}, err
	}
	var locked *ssh.PassphraseMissingError
	if !errors.As(err, &locked) {
		return key{}, errors.New("it is no private key of OpenSSH, or damaged")
	}
	public := locked.PublicKey
	if public == nil { // an old PEM file does not say what it is
		if public, err = readPublic(path + ".pub"); err != nil {
			return key{}, fmt.Errorf("it has a passphrase and does not say which key it is, and %q: %w", path+".pub", cause(err))
		}
	}
	if public.Type() != ssh.KeyAlgoED25519 && public.Type() != ssh.KeyAlgoRSA {
		return key{}, unsupported(public.Type())
	}
	return key{path, public.Type() + " with a passphrase", &lockedSSH{s, path, pem, public}, 1}, nil
}

func unsupported(kind string) error {
	return fmt.Errorf("a key of the kind %s, which age cannot use", kind)
}

// sshIdentity makes an identity of what x/crypto/ssh reads from a file.
func sshIdentity(raw any) (identity age.Identity, what string, err error) {
	switch k := raw.(type) {
	case *ed25519.PrivateKey:
		identity, err = agessh.NewEd25519Identity(*k)
		return identity, ssh.KeyAlgoED25519, err
	case ed25519.PrivateKey:
		identity, err = agessh.NewEd25519Identity(k)
		return identity, ssh.KeyAlgoED25519, err
	case *rsa.PrivateKey:
		identity, err = agessh.NewRSAIdentity(k)
		return identity, ssh.KeyAlgoRSA, err
	}
	signer, err := ssh.NewSignerFromKey(raw)
	if err != nil {
		return nil, "", err
	}
	return nil, "", unsupported(signer.PublicKey().Type())
}

// readPublic reads a .pub file.
func readPublic(path string) (ssh.PublicKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil, errors.New("it is no public key")
	}
	return public, nil
}

// lockedSSH is an SSH key with a passphrase, which is asked for if the file is for
// that key.
type lockedSSH struct {
	server *server
	path   string
	pem    []byte
	public ssh.PublicKey
}

func (l *lockedSSH) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if !isFor(stanzas, l.public) {
		return nil, age.ErrIncorrectIdentity
	}
	passphrase, err := l.server.ask(l.path)
	if err != nil {
		return nil, err
	}
	raw, err := ssh.ParseRawPrivateKeyWithPassphrase(l.pem, []byte(passphrase))
	if errors.Is(err, x509.IncorrectPasswordError) {
		return nil, wrongPassphrase(l.path, fmt.Sprintf("wrong passphrase for %q", l.path))
	}
	if err != nil {
		return nil, badIdentity(fmt.Sprintf("%q", l.path), errors.New("it is damaged"))
	}
	identity, _, err := sshIdentity(raw)
	if err != nil {
		return nil, badIdentity(fmt.Sprintf("%q", l.path), err)
	}
	return identity.Unwrap(stanzas)
}

// isFor reports whether a file is for an SSH key, as far as its header says: it
// holds 32 bits of a digest (age-encryption.org/v1, agessh).
func isFor(stanzas []*age.Stanza, public ssh.PublicKey) bool {
	sum := sha256.Sum256(public.Marshal())
	tag := base64.RawStdEncoding.EncodeToString(sum[:4])
	return slices.ContainsFunc(stanzas, func(s *age.Stanza) bool {
		return s.Type == public.Type() && len(s.Args) > 0 && s.Args[0] == tag
	})
}

// loadOthers adds keys in the user's folder that are called other than OpenSSH
// does by itself, if the file is for one of them.
func (s *server) loadOthers(k *keys, folder string, stanzas []*age.Stanza) {
	paths, err := filepath.Glob(filepath.Join(escapeGlob(folder), "*.pub"))
	if err != nil {
		return
	}
	for _, path := range paths {
		public, err := readPublic(path)
		if err != nil || !isFor(stanzas, public) {
			continue
		}
		private := strings.TrimSuffix(path, ".pub")
		if slices.ContainsFunc(k.usable, func(have key) bool { return have.path == private }) {
			continue
		}
		switch found, err := s.read(private); {
		case err == nil:
			k.usable = append(k.usable, found)
		case errors.Is(err, fs.ErrNotExist):
			k.missing = append(k.missing, fmt.Sprintf("%q, whose private key %q is not there", path, private))
		default:
			k.missing = append(k.missing, fmt.Sprintf("%q, whose private key cannot be used (%v)", path, err))
		}
	}
	if held := agentKey(stanzas); held != "" {
		k.missing = append(k.missing, held)
	}
}

// escapeGlob takes the meaning from the characters of filepath.Match.
func escapeGlob(path string) string {
	if os.PathSeparator == '\\' {
		return path // there is no way to escape on Windows
	}
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(path)
}

// stranger says that no key is one of the recipients.
func (k keys) stranger(stanzas []*age.Stanza) error {
	if k.missing != nil {
		return &sharedkey.Error{Code: sharedkey.CodeAgent, Text: "it is for a key of yours that age cannot use: " + strings.Join(k.missing, "; ")}
	}
	var tried []string
	for _, key := range k.usable {
		name := key.path
		if name != sharedkey.IdentityVariable {
			name = fmt.Sprintf("%q", name)
		}
		tried = append(tried, fmt.Sprintf("%s (%s)", name, key.what))
	}
	tried = append(tried, k.unusable...)
	if tried == nil {
		return &sharedkey.Error{Code: sharedkey.CodeNoIdentity, Text: fmt.Sprintf(
			"it is for %s, and there is no private key to open it with: looked for %s", kinds(stanzas), strings.Join(k.lookedAt, ", "))}
	}
	return &sharedkey.Error{Code: sharedkey.CodeStranger, Text: fmt.Sprintf(
		"it is for %s, and for none of your keys: tried %s", kinds(stanzas), strings.Join(tried, ", "))}
}

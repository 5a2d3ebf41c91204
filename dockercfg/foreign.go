package dockercfg

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dockercfg/jet/dockercfg/internal/secret"
)

const byteOrderMark = "\ufeff"

// foreignTexts lists what people take for a dockercfg, by how it begins.
var foreignTexts = [...]struct {
	begins, name string
	encrypted    bool
}{
	{"age-encryption.org/", "a file of age", true},
	{"-----BEGIN AGE ENCRYPTED FILE-----", "a file of age", true},
	{"-----BEGIN PGP MESSAGE-----", "a file of GnuPG", true},
	{"-----BEGIN ", "a PEM file: a key or a certificate", false},
	{"$ANSIBLE_VAULT;", "a file of ansible-vault", true},
	{"\x00GITCRYPT\x00", "a file of git-crypt", true},
	{"Salted__", "a file of openssl enc", true},
	{"U2FsdGVkX1", "a file of openssl enc", true},
	{"version https://git-lfs.github.com/", "a Git LFS pointer", false},
	{"<<<<<<< ", "a file with merge conflicts", false},
	{"<", "a web page or XML", false},
	{"\xff\xfe", "UTF-16 text, as a redirection in PowerShell writes it; UTF-8 is wanted", false},
	{"\xfe\xff", "UTF-16 text; UTF-8 is wanted", false},
}

// recognizeText says what a text that is no JSON object is, "" if that is not known.
func recognizeText(text string) (name string, err error) {
	text = strings.TrimLeft(text, " \t\r\n")
	line, _, _ := strings.Cut(text, "\n")
	line = strings.TrimRight(line, "\r")
	if isHeader(line) {
		return "an encrypted file; decrypt it first", ErrEncrypted
	}
	for _, f := range foreignTexts {
		if strings.HasPrefix(text, f.begins) {
			if f.encrypted {
				return "an encrypted file, " + f.name, ErrEncrypted
			}
			return f.name, nil
		}
	}
	switch {
	case isVariables(text):
		return "an env file, NAME=value in each line", nil
	case isBase64(line):
		if decoded, _ := base64.RawStdEncoding.DecodeString(line[:4]); strings.HasPrefix(string(decoded), "{") {
			return "base64 of JSON; decode it first", nil
		}
		return "base64: an encrypted file, perhaps; decrypt it first", ErrEncrypted
	case secret.IsYAML(text):
		return "YAML; JSON is wanted", nil
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }):
		return "binary data, as decryption with a wrong key gives", nil
	}
	return "", nil
}

// isHeader reports whether a line is a header of jet or Codeship: codeship:v2.
func isHeader(line string) bool {
	name, version, found := strings.Cut(line, ":v")
	return found && len(line) <= 32 && name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") == "" &&
		version != "" && strings.Trim(version, "0123456789") == ""
}

// isVariables reports whether the first line that is no comment sets a variable.
func isVariables(text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, _, found := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		return found && name != "" && (name[0] < '0' || name[0] > '9') &&
			strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789_") == "" &&
			!(isBase64(line) && strings.HasSuffix(line, "=") && len(line)%4 == 0)
	}
	return false
}

func isBase64(line string) bool {
	return len(line) >= 16 && strings.Trim(strings.TrimRight(line, "="),
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") == ""
}

// recognizeObject says what a JSON object that is no dockercfg is, "" if that is not known.
func recognizeObject(root *container) string {
	has := func(keys ...string) bool {
		for _, key := range keys {
			if root.get(key) == (value{}) {
				return false
			}
		}
		return true
	}
	kind, _ := root.get("type").str()
	switch {
	case has("rktKind"):
		return "a credential of rkt (rktKind); download the one for Docker instead"
	case kind == "service_account" || has("private_key", "client_email"):
		return "a key of a Google service account; it is the password of the user _json_key"
	case has("ServerURL", "Secret"):
		return "the answer of a credential helper"
	case has("authorizationData"):
		return "an answer of Amazon ECR"
	}
	return ""
}

// isConfig reports whether one of the fields is one that Docker has in
// config.json (docker/cli v29.9.3, cli/config/configfile/file.go, and those of
// older releases), or the object is empty.
func isConfig(root *container) bool {
	for _, m := range root.members {
		switch strings.ToLower(m.key) {
		case "httpheaders", "psformat", "imagesformat", "networksformat", "pluginsformat", "volumesformat",
			"statsformat", "detachkeys", "credsstore", "credhelpers", "serviceinspectformat", "servicesformat",
			"tasksformat", "secretformat", "configformat", "nodesformat", "prunefilters", "proxies", "currentcontext",
			"clipluginsextradirs", "plugins", "aliases", "features", "experimental", "stackorchestrator", "kubernetes":
			return true
		}
	}
	return len(root.members) == 0 || root.find("auths") >= 0
}

// isLegacy reports whether a value of the object has fields of a credential.
func isLegacy(root *container) bool {
	for _, m := range root.members {
		entry := m.value.object()
		if entry == nil {
			continue
		}
		for _, field := range [...]string{"auth", "password", "identitytoken", "registrytoken"} {
			if _, ok := entry.get(field).str(); ok {
				return true
			}
		}
	}
	return false
}

// jsonNode is a JSON value as package secret looks at it.
type jsonNode struct{ *value }

func (n jsonNode) Field(name string) (secret.Node, bool) {
	if object := n.object(); object != nil {
		for i := len(object.members) - 1; i >= 0; i-- {
			if object.members[i].key == name {
				return jsonNode{&object.members[i].value}, true
			}
		}
	}
	return nil, false
}

func (n jsonNode) Elements() []secret.Node {
	if n.inner == nil || n.inner.open != '[' {
		return nil
	}
	nodes := make([]secret.Node, len(n.inner.members))
	for i := range n.inner.members {
		nodes[i] = jsonNode{&n.inner.members[i].value}
	}
	return nodes
}

func (n jsonNode) Text() (string, bool) { return n.str() }

// jsonEnvelope is a Kubernetes object in JSON.
type jsonEnvelope struct {
	before, after string
	root          *value
	found         secret.Found
}

func (e jsonEnvelope) Content() (text string, legacy bool) { return e.found.Text, e.found.Legacy }

func (e jsonEnvelope) Replace(text []byte) ([]byte, error) {
	*e.found.Value.(jsonNode).value = value{text: quote(e.found.Seal(text))}
	return append(e.root.append([]byte(e.before)), e.after...), nil
}

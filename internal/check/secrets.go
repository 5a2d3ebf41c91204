package check

import (
	"bytes"
	"slices"
	"strings"

	"github.com/dockercfg/jet/internal/placeholder"
)

// An assignment is a line of an env file in any of its dialects.
type assignment struct {
	line        int // from 1
	name, value string
}

// assignments reads the lines NAME=value of a text, as well as they can be read
// without knowing the dialect: "export" in front, blanks around "=", quotes and
// comments behind are no part of them. It also counts the lines that are something
// else, comments and empty ones aside.
func assignments(text []byte) (all []assignment, others int) {
	number := 0
	for raw := range bytes.Lines(bytes.TrimPrefix(text, []byte("\ufeff"))) {
		number++
		line := strings.TrimSpace(string(raw))
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, found := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		if rest, exported := strings.CutPrefix(name, "export "); exported {
			name = strings.TrimSpace(rest)
		}
		if !found || !isVariableName(name) {
			others++
			continue
		}
		all = append(all, assignment{number, name, unquote(strings.TrimSpace(value))})
	}
	return all, others
}

func isVariableName(name string) bool {
	for i, r := range name {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', r == '_':
		case i > 0 && ('0' <= r && r <= '9' || r == '-' || r == '.'):
		default:
			return false
		}
	}
	return name != "" && len(name) <= 100
}

// unquote takes off the quotes, or the comment behind a value without any.
func unquote(value string) string {
	if value != "" && (value[0] == '"' || value[0] == '\'') {
		if end := strings.LastIndexByte(value, value[0]); end > 0 {
			return value[1:end]
		}
		return value[1:] // it goes on in the next line
	}
	if at := strings.Index(value, " #"); at >= 0 {
		value = strings.TrimSpace(value[:at])
	}
	return value
}

// An exposed variable is one whose value is taken for a secret.
type exposed struct {
	line int
	name string
}

// exposedVariables gives the variables of an env file whose values are taken for
// secrets. In a template they have to look like nothing else.
func exposedVariables(text []byte, template bool) []exposed {
	all, others := assignments(text)
	if len(all) < others {
		return nil // it is something else
	}
	var found []exposed
	for _, a := range all {
		if isSecret(a.name, a.value, template) && !isLogin(all, a.value) {
			found = append(found, exposed{a.line, a.name})
		}
	}
	return found
}

// isLogin reports whether a value is also that of a user or a database: those who
// set a password to that do it in a place where it protects nothing.
func isLogin(all []assignment, value string) bool {
	return slices.ContainsFunc(all, func(a assignment) bool {
		if a.value != value {
			return false
		}
		words := placeholder.Words(a.name)
		last := words[len(words)-1]
		return last == "user" || last == "username" || last == "db" || last == "database" || last == "name"
	})
}

// isSecret decides whether the value of a variable is taken for a secret: it has
// the form of a known kind of token; or the name says so, and the value is neither
// a placeholder nor a default that everybody knows; or the name says that it may
// be one, and the value looks random. In a template nobody chooses a password, so
// there it has to look random too.
func isSecret(name, value string, template bool) bool {
	if password, host, ok := passwordInURL(value); ok {
		return !placeholder.Is("", password) && (isRandom(password) || !template && !isLocal(host))
	}
	if placeholder.Is(name, value) || isPublic(name) {
		return false
	}
	if isToken(value) {
		return true
	}
	switch says := nameSays(name); {
	case says == nothing, isOrdinary(value):
		return false
	case says == maybeSecret, template:
		return isRandom(value)
	case says == token:
		// What makes tokens makes them long, or with digits.
		return len(value) >= 8 || strings.ContainsAny(value, "0123456789")
	}
	return true
}

// What the name of a variable says about its value.
type hint int

const (
	nothing     hint = iota
	maybeSecret      // a key, a salt: often a secret, often not
	token            // a secret that a program made
	password         // a secret that a person may have chosen
)

// nameSays judges a name by the last of its words that speaks of secrets, unless
// what follows says that it is about the secret only: TOKEN_URL, PASSWORD_FILE.
func nameSays(name string) hint {
	words := placeholder.Words(name)
	says := nothing
	for i, word := range words {
		switch {
		case hasAnySuffix(word, "password", "passwd", "passphrase", "passcode", "secret"), word == "pwd", word == "pass", word == "pw", word == "psw":
			says = password
		case hasAnySuffix(word, "token", "apikey", "accesskey", "secretkey", "privatekey"), word == "credential", word == "credentials", word == "creds", word == "pat":
			says = token
		case (word == "key" || word == "keys") && i > 0 && slices.Contains(keysThatAreSecret[:], words[i-1]):
			says = token
		case word == "base" && says == password, isNumber(word):
			// SECRET_KEY_BASE, PASSWORD_2
		case slices.Contains(aboutSecrets[:], word):
			says = nothing
		case hasAnySuffix(word, "key"), slices.Contains(perhapsSecret[:], word):
			says = max(says, maybeSecret)
		}
	}
	return says
}

// keysThatAreSecret come before "key".
var keysThatAreSecret = [...]string{"api", "access", "private", "secret", "signing", "encryption", "master", "account", "storage", "auth", "admin", "deploy", "ssh"}

// perhapsSecret are names of what often is a secret.
var perhapsSecret = [...]string{"auth", "authorization", "salt", "dsn", "jwt", "bearer", "session", "cookie", "cert", "signature", "hash", "license", "licence", "seed", "pin", "webhook"}

// aboutSecrets follow the name of a secret in names of what is none.
var aboutSecrets = [...]string{
	"url", "uri", "endpoint", "host", "hostname", "port", "server", "service", "address", "domain", "region", "provider", "backend",
	"file", "filename", "path", "dir", "folder", "location", "source", "store", "manager", "bucket", "project", "namespace", "cluster",
	"name", "id", "ids", "arn", "ref", "alias", "label", "title", "user", "username", "email", "issuer", "audience", "scope", "scopes",
	"ttl", "expiry", "expires", "expiration", "expire", "expiresin", "lifetime", "age", "timeout", "interval", "duration", "days", "hours", "minutes", "seconds", "ms",
	"length", "len", "min", "max", "size", "limit", "count", "cost", "rounds", "iterations", "attempts", "retries", "bits", "bytes",
	"enabled", "enable", "disabled", "disable", "required", "optional", "rotation", "reset", "policy", "type", "kind", "mode", "method", "strategy", "version",
	"header", "prefix", "suffix", "field", "column", "param", "parameter", "format", "encoding", "algorithm", "alg", "algo", "pattern", "regex", "validator",
	"command", "cmd", "helper", "program", "hint", "placeholder", "public", "tokens", "passwords", "secrets",
}

// isPublic reports whether a name says that the value is for everybody's eyes:
// what ends up in a web page, or the public half of something.
func isPublic(name string) bool {
	for _, prefix := range [...]string{"VITE_", "REACT_APP_", "GATSBY_", "VUE_APP_", "STORYBOOK_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return slices.ContainsFunc(placeholder.Words(name), func(word string) bool {
		return word == "public" || word == "publishable" || word == "anon" || word == "site" || word == "pubkey"
	})
}

// isOrdinary reports whether a value is one of the things that stand behind a name
// that speaks of secrets and are none: a small number, a duration, a path, an
// address.
func isOrdinary(value string) bool {
	digits := strings.TrimLeft(value, "0123456789.")
	switch {
	case len(digits) < len(value) && len(digits) <= 2 && len(value) <= 6 && strings.Trim(digits, "smhdwkMGiBb%") == "":
		return true // 12, 3600, 30m, 100%
	case strings.HasPrefix(value, "/"): // base64 may begin like that
		return !isRandom(value)
	case strings.HasPrefix(value, "./"), strings.HasPrefix(value, "../"), strings.HasPrefix(value, "~/"), strings.HasPrefix(value, `C:\`):
		return true
	case strings.Contains(value, "://"):
		return true // a password in it was looked for
	}
	for _, extension := range [...]string{".pem", ".key", ".crt", ".json", ".txt", ".aes", ".pub", ".p12", ".jks", ".yml", ".yaml", ".env", ".local", ".com", ".io"} {
		if strings.HasSuffix(value, extension) {
			return true
		}
	}
	return false
}

// isToken reports whether a value has the form of a kind of secret that says so itself.
func isToken(value string) bool {
	// Sources: what the issuers say about how their tokens begin (GitHub, GitLab, npm,
	// Docker, Slack, Stripe, SendGrid, Google, DigitalOcean, Shopify, PyPI, Hugging Face,
	// OpenAI, Anthropic, Atlassian, age), and the least length of what follows.
	for _, form := range [...]struct {
		prefix string
		least  int
	}{
		{"ghp_", 30}, {"gho_", 30}, {"ghu_", 30}, {"ghs_", 30}, {"ghr_", 30}, {"github_pat_", 22},
		{"glpat-", 20}, {"glrt-", 20}, {"gldt-", 20}, {"glptt-", 20}, {"npm_", 30}, {"dckr_pat_", 20}, {"dckr_oat_", 20},
		{"xoxb-", 20}, {"xoxp-", 20}, {"xoxa-", 20}, {"xoxr-", 20}, {"xoxs-", 20}, {"xapp-", 20},
		{"sk_live_", 16}, {"rk_live_", 16}, {"whsec_", 20}, {"SG.", 40}, {"AIza", 35}, {"ya29.", 20},
		{"dop_v1_", 40}, {"shpat_", 30}, {"pypi-AgEI", 20}, {"hf_", 30}, {"sk-ant-", 20}, {"sk-proj-", 20}, {"ATATT", 40},
		{"AGE-SECRET-KEY-1", 50},
	} {
		if rest, ok := strings.CutPrefix(value, form.prefix); ok && len(rest) >= form.least && !strings.ContainsAny(rest, " \t") {
			return true
		}
	}
	switch {
	case strings.Contains(value, "-----BEGIN ") && strings.Contains(value, "PRIVATE KEY-----"):
		return true
	case strings.HasPrefix(value, "{") && (strings.Contains(value, `"private_key"`) || strings.Contains(value, `\"private_key\"`)):
		return true // of a Google service account
	case strings.HasPrefix(value, "https://hooks.slack.com/services/T"):
		return true
	case strings.HasPrefix(value, "eyJ") && strings.Count(value, ".") == 2 && len(value) > 60 && !strings.ContainsAny(value, " /"):
		return true // a JSON Web Token
	}
	// Connection strings: …;Password=…;… and …;AccountKey=…
	for field := range strings.SplitSeq(value, ";") {
		name, inner, found := strings.Cut(strings.TrimSpace(field), "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "password", "pwd", "accountkey", "sharedaccesskey":
			if found && strings.Contains(value, ";") && !placeholder.Is(name, inner) {
				return true
			}
		}
	}
	return false
}

// passwordInURL gives the password in an address such as scheme://user:password@host/path.
func passwordInURL(value string) (password, host string, ok bool) {
	scheme, rest, found := strings.Cut(value, "://")
	if !found || !isVariableName(strings.ReplaceAll(scheme, "+", "")) {
		return "", "", false
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 && strings.Contains(rest[:end], "@") {
		rest = rest[:end]
	}
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return "", "", false
	}
	user, password, found := strings.Cut(rest[:at], ":")
	if !found || password == "" || password == user {
		return "", "", false
	}
	return password, rest[at+1:], true
}

// isLocal reports whether a host, perhaps with a port, is the machine itself.
func isLocal(host string) bool {
	name, _, _ := strings.Cut(host, ":")
	return name == "localhost" || strings.HasPrefix(name, "127.") || name == "0.0.0.0" || name == "host.docker.internal" || strings.HasPrefix(host, "[::1]")
}

// randomLeast is the length from which on a part of a value can look random.
const randomLeast = 12

// isRandom reports whether a value looks like the output of a random number
// generator: some part of it, between the signs that separate words, is long and
// changes between small letters, capitals and digits as no word does; or it is a UUID.
func isRandom(value string) bool {
	if isUUID(value) {
		return true
	}
	for part := range strings.FieldsFuncSeq(value, func(r rune) bool { return strings.ContainsRune("-_./:,;@ \t", r) }) {
		if len(part) < randomLeast {
			continue
		}
		changes, digits := 0, 0
		for i := range len(part) {
			if class(part[i]) == 'd' {
				digits++
			}
			if i > 0 && class(part[i]) != class(part[i-1]) {
				changes++
			}
		}
		if digits > 0 && changes*4 >= len(part) || changes*9 >= len(part)*4 {
			return true
		}
	}
	return false
}

func class(b byte) byte {
	switch {
	case 'a' <= b && b <= 'z':
		return 'l'
	case 'A' <= b && b <= 'Z':
		return 'u'
	case '0' <= b && b <= '9':
		return 'd'
	}
	return 'o'
}

// isUUID reports whether a value has the form of a UUID (RFC 9562), in which some
// services hand out keys.
func isUUID(value string) bool {
	if len(value) != 36 {
		return false
	}
	for i := range len(value) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (value[i] == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", rune(value[i])) {
			return false
		}
	}
	return true
}

func hasAnySuffix(word string, suffixes ...string) bool {
	return slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(word, s) })
}

func isNumber(word string) bool { return word != "" && strings.Trim(word, "0123456789") == "" }

package registry

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/expiry"
	"github.com/dockercfg/jet/internal/placeholder"
)

// Look gives what can be said about a credential without asking anybody. Only a
// problem means that it cannot work.
func Look(e dockercfg.Entry) []Finding { return look(e, time.Now()) }

func look(e dockercfg.Entry, now time.Time) (found []Finding) {
	add := func(s Severity, name Name, format string, args ...any) {
		found = append(found, Finding{name, s, fmt.Sprintf(format, args...)})
	}
	password := e.Password.Reveal()
	token := e.IdentityToken != dockercfg.Secret{} || e.RegistryToken != dockercfg.Secret{}
	switch err := e.Validate(); {
	case token, e.Username != "" && password != "" && err == nil:
	case e.Username == "" && password != "":
		add(Problem, NoUsername, "there is a password and no user name")
	case password == "":
		add(Problem, NoPassword, "there is a user name and no password")
	default:
		add(Problem, BadEntry, "%s", strings.TrimPrefix(err.Error(), "dockercfg: "))
	}
	for _, s := range secretsOf(e) {
		if ends := whiteSpace(s.text); ends != "" {
			add(Warning, WhiteSpace, "the %s %s", s.kind, ends)
		}
		if placeholder.Is("", s.text) {
			add(Warning, Placeholder, "the %s looks like a placeholder that was never filled in", s.kind)
		}
		if over, ok := expiry.Of(s.text); ok && over.Before(now) {
			add(Warning, Expired, "the %s says itself that it expired on %s", s.kind, over.Local().Format("2006-01-02 15:04 MST"))
		}
	}
	if problem := keyFile(e.Username, password); problem != "" {
		add(Warning, KeyFile, "%s", problem)
	}
	return found
}

// A secretOf is one of the secrets of an entry.
type secretOf struct{ kind, text string }

// secretsOf gives the secrets that an entry has.
func secretsOf(e dockercfg.Entry) (secrets []secretOf) {
	for _, s := range [...]secretOf{
		{"password", e.Password.Reveal()}, {"identity token", e.IdentityToken.Reveal()}, {"registry token", e.RegistryToken.Reveal()},
	} {
		if s.text != "" {
			secrets = append(secrets, s)
		}
	}
	return secrets
}

// whiteSpace says what stands at the ends of a secret that a person does not see.
func whiteSpace(text string) string {
	var ends []string
	for _, end := range [...]struct {
		verb, cut string
	}{
		{"begins with", text[:len(text)-len(strings.TrimLeftFunc(text, unicode.IsSpace))]},
		{"ends in", text[len(strings.TrimRightFunc(text, unicode.IsSpace)):]},
	} {
		switch {
		case end.cut == "":
		case strings.ContainsAny(end.cut, "\r\n"):
			ends = append(ends, end.verb+" a line end")
		default:
			ends = append(ends, end.verb+" white space")
		}
	}
	return strings.Join(ends, " and ")
}

// The users whose password is the key file of a Google service account
// (docs.cloud.google.com/artifact-registry/docs/docker/authentication).
const (
	keyFileUser       = "_json_key"
	keyFileUserBase64 = "_json_key_base64"
)

// keyFile says what is wrong with a password that is a key file, "" if nothing is or
// it is none.
func keyFile(user, password string) string {
	what := "the password of _json_key is the key file"
	switch user {
	case keyFileUser:
	case keyFileUserBase64:
		what = "the password of _json_key_base64 is the key file in base64"
		decoded, err := base64.StdEncoding.DecodeString(password)
		if err != nil {
			return what + ", and this is no base64"
		}
		password = string(decoded)
	default:
		return ""
	}
	text := strings.TrimSpace(password)
	unquoted := strings.Trim(text, `"'`)
	switch {
	case strings.HasPrefix(text, "{") && json.Valid([]byte(text)):
		return ""
	case unquoted != text && strings.HasPrefix(unquoted, "{"):
		return what + ", and here it stands in quotes, which belong to a shell and not into the password"
	case strings.HasPrefix(text, "{"):
		return what + ", and this is JSON that is cut short or broken, perhaps by line ends that were added or lost"
	}
	return what + " as it is, a JSON object, and this is none"
}

package dockercfg

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Entry is the credential for one registry: a user name with a password, or an
// identity token, or a registry token, or several of these.
type Entry struct {
	// Registry names the registry, in any spelling that NormalizeRegistry
	// accepts, or several by a Pattern. Entries that come out of a File have
	// the normal form.
	Registry string
	// Username holds no colon. It is empty only beside a token.
	Username string
	// Password is a password or a token that is used like one, byte for byte.
	Password Secret
	// IdentityToken is an OAuth2 refresh token, which clients exchange for
	// access tokens. Docker, crane and skopeo prefer it to the password;
	// Kubernetes ignores it.
	IdentityToken Secret
	// RegistryToken is a bearer token that clients send to the registry as it is.
	RegistryToken Secret
	// Email is kept for old files that have it. No current client reads it.
	Email string
	// Expires is when the registry stops accepting the credential; zero if that
	// is not known or never. It is for people: the file has no place for it.
	Expires time.Time
}

// IdentityTokenUser is the user name that stands for none beside an identity
// token, in credential helpers and in the file (docker/cli v29.9.3,
// cli/config/credentials/native_store.go, tokenUsername).
const IdentityTokenUser = "<token>"

// EntryError says why an entry cannot be written. It quotes neither user name
// nor password: a common mistake is to give both as the user name.
type EntryError struct {
	Registry string // normal form
	Problem  string
}

func (e *EntryError) Error() string {
	return fmt.Sprintf("dockercfg: entry %q: %s", e.Registry, e.Problem)
}

// Validate reports whether the entry can be written and read back unchanged.
// The error is a *RegistryNameError or a *EntryError.
func (e Entry) Validate() error {
	_, err := e.normalize()
	return err
}

// normalize gives a valid entry with the normal form of its registry.
func (e Entry) normalize() (Entry, error) {
	key, err := normalizeKey(e.Registry)
	if err != nil {
		return Entry{}, err
	}
	e.Registry = key
	if problem := e.problem(); problem != "" {
		return Entry{}, &EntryError{Registry: key, Problem: problem}
	}
	return e, nil
}

// problem says what is wrong with the credential itself.
//
// The file holds base64 of user:password. Docker cuts that at the first colon,
// refuses an empty user and trims NULs (docker/cli v29.9.3,
// cli/config/configfile/file.go, decodeAuth).
func (e Entry) problem() string {
	password := e.Password.Reveal()
	token := e.IdentityToken != (Secret{}) || e.RegistryToken != (Secret{})
	switch {
	case e.Username == "" && (password != "" || !token):
		return "the user name is empty"
	case strings.Contains(e.Username, ":"):
		return "the user name holds a colon, which ends a user name in the file"
	case strings.Contains(e.Username, "\x00"):
		return "the user name holds a NUL byte"
	case password == "" && !token:
		return "the password is empty"
	case strings.Contains(password, "\x00"):
		return "the password holds a NUL byte, which Docker drops"
	case !utf8.ValidString(e.IdentityToken.Reveal()):
		return "the identity token is not UTF-8, which JSON cannot hold"
	case !utf8.ValidString(e.RegistryToken.Reveal()):
		return "the registry token is not UTF-8, which JSON cannot hold"
	case !utf8.ValidString(e.Email):
		return "the email address is not UTF-8, which JSON cannot hold"
	}
	return ""
}

// sameCredentials compares what a client would present.
func (e Entry) sameCredentials(other Entry) bool {
	return e.Username == other.Username && e.Password == other.Password &&
		e.IdentityToken == other.IdentityToken && e.RegistryToken == other.RegistryToken
}

// auth gives the value of the field of that name, "" if there is nothing to hold.
func (e Entry) auth() string {
	user := e.Username
	if user == "" && e.IdentityToken != (Secret{}) {
		// skopeo passes over an identity token without "auth" beside it, and Docker
		// refuses an "auth" without a user.
		user = IdentityTokenUser
	}
	if user == "" {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + e.Password.Reveal()))
}

// decodeAuth reads the field "auth". Docker refuses base64 without padding
// (then padded is false); the kubelet and others write and read it.
func decodeAuth(auth string) (user, password string, padded bool, problem string) {
	encoding := base64.StdEncoding // skips line ends
	padded = (len(auth)-strings.Count(auth, "\r")-strings.Count(auth, "\n"))%4 == 0
	if !padded {
		encoding = base64.RawStdEncoding
	}
	decoded, err := encoding.DecodeString(auth)
	if err != nil {
		if _, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(auth, "=")); err != nil {
			return "", "", false, `"auth" is not base64`
		}
		return "", "", false, `"auth" is base64 in the alphabet for URLs; the standard one, with + and /, is wanted`
	}
	user, password, found := strings.Cut(string(decoded), ":")
	switch {
	case !found:
		return "", "", false, `"auth" holds no colon after base64`
	case user == "":
		return "", "", false, `"auth" holds an empty user name`
	}
	return user, strings.TrimRight(password, "\x00"), padded, ""
}

package dockercfg

import (
	"fmt"
	"strings"
	"time"
)

// Entry is the credential for one registry.
type Entry struct {
	// Registry names the registry, in any spelling that NormalizeRegistry
	// accepts. Entries that come out of a File have the normal form.
	Registry string
	// Username is never empty and holds no colon.
	Username string
	// Password is a password or a token that is used like one, byte for byte.
	Password Secret
	// Expires is when the registry stops accepting the password; zero if that
	// is not known or never. It is for people: the file has no place for it.
	Expires time.Time
}

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
//
// The file holds base64 of user:password. Docker cuts that at the first colon,
// refuses an empty user and trims NULs (docker/cli v29.9.3,
// cli/config/configfile/file.go, decodeAuth).
func (e Entry) normalize() (Entry, error) {
	key, err := NormalizeRegistry(e.Registry)
	if err != nil {
		return Entry{}, err
	}
	e.Registry = key
	password := e.Password.Reveal()
	var problem string
	switch {
	case e.Username == "":
		problem = "the user name is empty"
	case strings.Contains(e.Username, ":"):
		problem = "the user name holds a colon, which ends a user name in the file"
	case strings.Contains(e.Username, "\x00"):
		problem = "the user name holds a NUL byte"
	case password == "":
		problem = "the password is empty"
	case strings.Contains(password, "\x00"):
		problem = "the password holds a NUL byte, which Docker drops"
	default:
		return e, nil
	}
	return Entry{}, &EntryError{Registry: key, Problem: problem}
}

package gcr

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
)

// An identity is what tokens are made of.
type identity struct {
	origin   string           // for people: what named it
	document dockercfg.Secret // on one line; empty for the metadata server
	kind     string           // its type, "" for the metadata server
	email    string           // of a service account, if it may be shown; else ""
	keyID    string           // of its key, the same
	absent   []string         // what was looked for in vain before the metadata server
}

var _ generators.Identified = (*Source)(nil)

// Identity gives the document that tokens are made of, and what is in the file that
// an external account names. It is false where a server says who this machine is, and
// for the long-lived forms.
func (s *Source) Identity() (parts []dockercfg.Secret, ok bool) {
	if s.config.Form != Token || s.registries == nil || s.identity.kind == "" {
		return nil, false
	}
	parts = []dockercfg.Secret{s.identity.document}
	d, err := decodeDocument(s.identity.document.Reveal())
	for ; err == nil && d != nil; d = d.Source {
		if d.Type != typeExternal {
			continue
		}
		source := d.CredentialSource
		if source.EnvironmentID != "" || source.File == "" {
			return nil, false
		}
		text, err := readDocument(source.File)
		if err != nil {
			return nil, false
		}
		parts = append(parts, dockercfg.NewSecret(text))
	}
	return parts, err == nil
}

// findIdentity looks where Google's libraries look, in the same order
// (cloud.google.com/docs/authentication/application-default-credentials), but for the
// variables, which are those of the Config.
func (s *Source) findIdentity() error {
	switch c := s.config; {
	case c.Key != dockercfg.Secret{}:
		return s.useVariable()
	case c.CredentialsFile != "":
		text, err := readDocument(c.CredentialsFile)
		if err != nil {
			return fmt.Errorf("%s names a file that cannot be read: %w", credentialsFile.Name, err)
		}
		if err := s.useDocument("the file of "+credentialsFile.Name, text); err != nil {
			return err
		}
	default:
		path, shown := c.wellKnownFile()
		text, err := readDocument(path)
		switch {
		case err == nil:
			if err := s.useDocument(shown, text); err != nil {
				return err
			}
		case path == "" || errors.Is(err, fs.ErrNotExist):
			s.identity = identity{origin: "the metadata server", absent: []string{
				authJSON.Name + " is not set", credentialsFile.Name + " is not set", "there is no " + shown,
			}}
		default:
			return fmt.Errorf("%s cannot be read: %w", shown, err)
		}
	}
	if s.config.keyIsEmpty {
		s.notices = append(s.notices, authJSON.Name+" is set but empty; the credential is that of "+s.identity.origin)
	}
	return s.checkIdentity()
}

// useVariable takes the document that the variable holds, or the file that it names.
func (s *Source) useVariable() error {
	r, err := repair(s.config.Key.Reveal(), readDocument)
	if err != nil {
		return adviseDamage(fmt.Errorf("%s %w", authJSON.Name, err))
	}
	for _, told := range r.told {
		s.notices = append(s.notices, authJSON.Name+" "+told)
	}
	if err := s.use(authJSON.Name, r.text(), s.config.KeyType); err != nil {
		return err
	}
	return s.checkIdentity()
}

// useDocument takes what a file holds.
func (s *Source) useDocument(origin, text string) error {
	r, err := repair(text, func(string) (string, error) { return "", errors.New("a path in a file is not followed") })
	if err != nil {
		return fmt.Errorf("%s %w", origin, err)
	}
	for _, told := range r.told {
		s.notices = append(s.notices, origin+" "+told)
	}
	return s.use(origin, r.text(), "")
}

// use takes a document, checked, of a type; "" stands for any.
func (s *Source) use(origin, text, kind string) error {
	d, err := decodeDocument(text)
	if err == nil && kind != "" && kind != d.Type && isKnownType(d.Type) {
		err = advise(fmt.Errorf("is of type %s, and not %s", d.Type, kind),
			fmt.Sprintf("%s=%s takes it all the same; such a document can name servers and files to read from, so be sure who wrote it", authType.Name, d.Type))
	}
	if err == nil {
		err = d.check(s.config.UniverseDomain)
	}
	if err != nil {
		return fmt.Errorf("%s %w", origin, err)
	}
	s.identity = identity{origin: origin, document: dockercfg.NewSecret(text), kind: d.Type}
	if d.Type == typeServiceAccount {
		s.identity.email = plainEmail(d.ClientEmail)
		s.identity.keyID = plainKeyID(d.PrivateKeyID)
		if s.config.Email != "" && !strings.EqualFold(strings.TrimSpace(s.config.Email), d.ClientEmail) {
			return s.otherAccount()
		}
	}
	return nil
}

// otherAccount says that the key is of another account than it should be. The
// original refuses that too: one of the two is not what its owner thinks.
func (s *Source) otherAccount() error {
	of := "another account"
	if s.identity.email != "" {
		of = s.identity.email
	}
	err := fmt.Errorf("the key in %s is of %s, and not of the account that %s names", s.identity.origin, of, authEmail.Name)
	if _, quoted := unquote(strings.TrimSpace(s.config.Email)); quoted {
		return advise(err, authEmail.Name+" stands in quotes, which an env file keeps: take them off")
	}
	return advise(err, "correct the one that is wrong, or leave "+authEmail.Name+" out: it is not needed")
}

// checkIdentity looks at what was asked for that this identity has not.
func (s *Source) checkIdentity() error {
	if s.config.Form != Token && s.identity.kind != typeServiceAccount {
		return advise(fmt.Errorf("%s=%s writes the key of a service account, and the credential is that of %s, which holds none", authForm.Name, s.config.Form, s.identity.origin),
			"put a key into "+authJSON.Name+", or take a token")
	}
	if s.config.Email != "" && s.identity.kind != typeServiceAccount {
		s.notices = append(s.notices, authEmail.Name+" is not looked at: the credential is that of "+s.identity.origin+", which names no account")
	}
	return nil
}

// wellKnownFile gives the path at which gcloud leaves the credentials of a person, ""
// where nobody is at home, as in many containers; and what it is for people. What a
// variable holds is not shown.
func (c Config) wellKnownFile() (path, shown string) {
	const file = "application_default_credentials.json"
	if c.ConfigFolder != "" {
		return filepath.Join(c.ConfigFolder, file), file + " in the folder of " + configFolder.Name
	}
	folder, err := os.UserHomeDir()
	folder = filepath.Join(folder, ".config")
	if runtime.GOOS == "windows" {
		folder, err = os.UserConfigDir()
	}
	if err != nil {
		return "", "home folder"
	}
	path = filepath.Join(folder, "gcloud", file)
	return path, path
}

// readDocument reads a file. Its errors do not name it: what was given as its path
// may be a secret.
func readDocument(path string) (string, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return "", errors.New("not a regular file")
	}
	if err == nil && info.Size() > maxDocument {
		return "", fmt.Errorf("over %d KiB long", maxDocument>>10)
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathError.Err
	}
	return string(data), err
}

// adviseDamage says how a document gets into a variable in one piece.
func adviseDamage(err error) error {
	return advise(err, "put the key file into it on one line and without quotes: jq -c . key.json, or base64 of the file; "+
		"if it is damaged for good, make a new key: gcloud iam service-accounts keys create key.json --iam-account=EMAIL")
}

// plainKeyID gives the id of a key if it looks like one, so that it may be shown;
// else "".
func plainKeyID(id string) string {
	if len(id) > 64 || strings.Trim(id, "0123456789abcdef") != "" {
		return ""
	}
	return id
}

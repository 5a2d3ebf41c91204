package ecr

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
)

var _ generators.Identified = (*Source)(nil)

// Identity gives what is in the file of the web identity token, or in those of the
// profiles. It is false where a container's endpoint, the metadata of the instance or
// a program decides whose the keys are.
func (s *Source) Identity() (parts []dockercfg.Secret, ok bool) {
	c := s.config
	switch {
	case s.targets != nil && len(s.targets) == 0:
		return nil, false // nothing is asked
	case c.Keys.ID != "":
		return nil, true
	case c.WebIdentity.TokenFile != "":
		return addFile(nil, c.WebIdentity.TokenFile)
	case c.Profiles == nil:
		return nil, false
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, false
	}
	folder := filepath.Join(home, ".aws")
	settings := make(profileSettings)
	for _, f := range []struct {
		v    generators.Variable
		name string
	}{{configFile, "config"}, {credentialsFile, "credentials"}} {
		path := c.ProfileVariables[f.v.Name].Reveal()
		if path == "" {
			path = filepath.Join(folder, f.name)
		}
		if parts, ok = addFile(parts, path); !ok {
			return nil, false
		}
		settings.read(parts[len(parts)-1].Reveal())
	}
	names := c.ProfileNames
	if names == nil {
		names = []string{defaultProfile}
	}
	signIn := false // somebody signs in, and the files do not tell who
	for _, name := range names {
		keys := settings.origin(name)
		if keys == elsewhere {
			return nil, false
		}
		signIn = signIn || keys == signedIn
	}
	if signIn {
		for _, cache := range []string{"sso", "login"} {
			if parts, ok = addFolder(parts, filepath.Join(folder, cache, "cache")); !ok {
				return nil, false
			}
		}
	}
	return parts, true
}

// Bounds of what is read to tell an identity.
const (
	maxIdentityFile  = 1 << 20 // bytes
	maxIdentityFiles = 100     // in a folder
)

// addFile adds what is in a file, which may be absent.
func addFile(parts []dockercfg.Secret, path string) ([]dockercfg.Secret, bool) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return append(parts, dockercfg.Secret{}), true
	}
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxIdentityFile {
		return nil, false
	}
	text, err := os.ReadFile(path)
	return append(parts, dockercfg.NewSecret(string(text))), err == nil
}

// addFolder adds the names of the files in a folder and what is in them.
func addFolder(parts []dockercfg.Secret, path string) ([]dockercfg.Secret, bool) {
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) || len(entries) > maxIdentityFiles {
		return nil, false
	}
	ok := true
	for _, entry := range entries {
		if ok && entry.Type().IsRegular() {
			parts, ok = addFile(append(parts, dockercfg.NewSecret(entry.Name())), filepath.Join(path, entry.Name()))
		}
	}
	return parts, ok
}

const defaultProfile = "default"

// profileSettings are the settings of profiles by name, those of both files together
// ("Configuration and credential file settings", AWS SDKs and Tools reference guide).
// They are read for one question alone; what they mean is for the SDK to say.
type profileSettings map[string]map[string]string

func (p profileSettings) read(text string) {
	var section map[string]string
	for line := range bytes.Lines([]byte(text)) {
		inner := bytes.IndexAny(line, " \t") == 0 // of a setting with several, or a careless one
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' || text[0] == ';' {
			continue
		}
		if text[0] == '[' {
			name, _, _ := strings.Cut(text[1:], "]")
			name = strings.TrimSpace(name)
			if rest, found := strings.CutPrefix(name, "profile"); found && strings.TrimLeft(rest, " \t") != rest {
				name = strings.Trim(rest, " \t\"'")
			}
			if section = p[name]; section == nil {
				section = make(map[string]string)
				p[name] = section
			}
			continue
		}
		name, value, found := strings.Cut(text, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if !found || section == nil || inner && !leadsElsewhere(name) {
			continue
		}
		for _, comment := range []string{" #", "\t#", " ;", "\t;"} {
			value, _, _ = strings.Cut(value, comment)
		}
		if value = strings.TrimSpace(value); value != "" {
			section[name] = value
		}
	}
}

// leadsElsewhere reports whether a setting lets a program, a server or a further file
// decide whose the keys are.
func leadsElsewhere(setting string) bool {
	return slices.Contains([]string{"credential_process", "credential_source", "web_identity_token_file"}, setting)
}

// keysOrigin is what decides whose the keys of a profile are.
type keysOrigin int

const (
	elsewhere keysOrigin = iota // not known, or not told by files
	inFiles
	signedIn // whoever has signed in, of which AWS's tools keep the tokens in files
)

// maxChain is how many profiles a chain of roles has at most.
const maxChain = 10

// origin tells it for a profile, by the chain of those that it takes its keys from.
func (p profileSettings) origin(name string) keysOrigin {
	found := inFiles
	for range maxChain {
		s := p[name]
		for setting := range s {
			if leadsElsewhere(setting) {
				return elsewhere
			}
		}
		signs := s["sso_session"] != "" || s["sso_start_url"] != "" || s["login_session"] != ""
		if signs {
			found = signedIn
		}
		next, hasNext := s["source_profile"]
		switch {
		case s["role_arn"] != "" && hasNext && next != name:
			name = next
			continue
		case signs, s["aws_access_key_id"] != "" && s["aws_secret_access_key"] != "":
			return found
		}
		return elsewhere
	}
	return elsewhere
}

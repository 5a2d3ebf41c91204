package sharedkey

import (
	"errors"
	"os"
	"path/filepath"
)

// Variables of the environment that name identities.
const (
	IdentityVariable     = "JET_IDENTITY"      // the text of age or SSH private keys
	IdentityPathVariable = "JET_IDENTITY_PATH" // their files, separated as in PATH
)

// Identities are the private keys of the user, with which shared keys are opened.
type Identities struct {
	Text   string   // of JET_IDENTITY; "" if it is not set
	Paths  []string // of files
	Named  bool     // the user named the files, so that one that is of no use is an error
	SSHDir string   // the folder of the user's SSH keys; "" for none
}

// LookUpIdentities gives the identities of the user: those of JET_IDENTITY, else
// those of JET_IDENTITY_PATH, else the files where age, sops and OpenSSH keep
// theirs, whether they are there or not.
func LookUpIdentities(lookupEnv func(string) (string, bool)) (Identities, error) {
	var found Identities
	home, homeErr := os.UserHomeDir()
	if homeErr == nil {
		found.SSHDir = filepath.Join(home, ".ssh")
	}
	if text, ok := lookupEnv(IdentityVariable); ok {
		if text == "" {
			return Identities{}, errors.New(IdentityVariable + " is set but empty")
		}
		found.Text = text
		return found, nil
	}
	if list, ok := lookupEnv(IdentityPathVariable); ok {
		for _, path := range filepath.SplitList(list) {
			if path != "" {
				found.Paths = append(found.Paths, path)
			}
		}
		if found.Paths == nil {
			return Identities{}, errors.New(IdentityPathVariable + " is set but empty")
		}
		found.Named = true
		return found, nil
	}
	var folders []string // of configuration: the system's, and the one that people on macOS use as well
	if config, err := os.UserConfigDir(); err == nil {
		folders = append(folders, config)
	}
	if dotConfig := filepath.Join(home, ".config"); homeErr == nil && (len(folders) == 0 || folders[0] != dotConfig) {
		folders = append(folders, dotConfig)
	}
	for _, folder := range folders {
		found.Paths = append(found.Paths, filepath.Join(folder, "age", "keys.txt"), filepath.Join(folder, "sops", "age", "keys.txt"))
	}
	if homeErr == nil {
		// As OpenSSH names them, of the kinds that age knows.
		found.Paths = append(found.Paths, filepath.Join(found.SSHDir, "id_ed25519"), filepath.Join(found.SSHDir, "id_rsa"))
	}
	return found, nil
}

package dockerconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/cli/cli/config"
)

// FileName is the name of the file in the folder of Docker's configuration.
const FileName = config.ConfigFileName

// credentialMembers are those of config.json that say where credentials are.
// encoding/json, and so Docker, does not tell capital letters from small ones.
var credentialMembers = [...]string{"auths", "credsStore", "credHelpers"}

// WithCredentials gives the config.json other, and what the config.json users says
// beside it, but nothing of its credentials. Users may be nil. The error quotes
// nothing.
func WithCredentials(users, other []byte) ([]byte, error) {
	var base, over map[string]json.RawMessage
	if users = bytes.TrimSpace(bytes.TrimPrefix(users, []byte("\uFEFF"))); len(users) == 0 {
		return other, nil
	}
	for _, file := range []struct {
		text    []byte
		members *map[string]json.RawMessage
	}{{users, &base}, {other, &over}} {
		if err := json.Unmarshal(bytes.TrimPrefix(file.text, []byte("\uFEFF")), file.members); err != nil {
			return nil, errors.New("it is no JSON object") // the cause may quote a value
		}
	}
	added := false
	for name, value := range base {
		if !isCredential(name) && !has(over, name) {
			over[name] = value
			added = true
		}
	}
	if !added {
		return other, nil
	}
	var merged bytes.Buffer
	encoder := json.NewEncoder(&merged)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(over)
	return merged.Bytes(), err
}

func isCredential(name string) bool {
	for _, member := range credentialMembers {
		if strings.EqualFold(name, member) {
			return true
		}
	}
	return false
}

func has(members map[string]json.RawMessage, name string) bool {
	for member := range members {
		if strings.EqualFold(member, name) {
			return true
		}
	}
	return false
}

// LinkOthers makes symbolic links in the folder to for everything in the folder
// from, which need not exist, but for config.json.
func LinkOthers(from, to string) error {
	from, err := filepath.Abs(from)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if strings.EqualFold(entry.Name(), FileName) {
			continue
		}
		if err := os.Symlink(filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("dockerconfig: %w", err)
		}
	}
	return nil
}

package helperconfig

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// state is what is in StateName: what Install replaced.
type state struct {
	About string `json:"about"`
	// What our members replaced; absent if we did not put ours in.
	CredsStore  *replaced           `json:"credsStore,omitempty"`
	CredHelpers map[string]replaced `json:"credHelpers,omitempty"`
	// There was no credHelpers at all.
	NewCredHelpers bool `json:"newCredHelpers,omitempty"`
	// There was no config.json at all.
	NewFile bool `json:"newFile,omitempty"`
	// How to get the file back as it was; absent once others had changed it.
	Undo *undo `json:"undo,omitempty"`
}

// replaced is the helper in whose place ours was put, nil for none.
type replaced struct {
	Before *string `json:"before"`
}

func (r replaced) helper() string {
	if r.Before == nil {
		return ""
	}
	return *r.Before
}

// undo leads from one content of config.json, known by its checksum, to another.
type undo struct {
	Installed string   `json:"installed"`
	Original  string   `json:"original"`
	Changes   []change `json:"changes"`
}

const about = `written by "jet helper install" for docker-credential-jet; "jet helper uninstall" removes it`

// parseState reads the content of StateName, nil for no such file.
func parseState(text []byte) (state, error) {
	var s state
	if text == nil {
		return s, nil
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return state{}, fmt.Errorf("%s: it is not as jet wrote it", StateName)
	}
	return s, nil
}

// encode gives the content of StateName, nil if there is nothing to remember.
func (s state) encode() ([]byte, error) {
	if s.isEmpty() {
		return nil, nil
	}
	s.About = about
	text, err := json.MarshalIndent(s, "", "\t")
	return append(text, '\n'), err
}

func (s state) isEmpty() bool { return s.CredsStore == nil && len(s.CredHelpers) == 0 }

// original gives the file that Install found, nil for none, if config is still
// what Install made of it.
func (s state) original(config []byte) (original []byte, exact bool, err error) {
	if s.Undo == nil || checksum(config) != s.Undo.Installed {
		return nil, false, nil
	}
	original, _, err = replace(config, s.Undo.Changes)
	if err == nil && checksum(original) != s.Undo.Original {
		err = errors.New("it does not lead back to what was there")
	}
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", StateName, err)
	}
	if s.NewFile {
		return nil, true, nil
	}
	if original == nil {
		original = []byte{} // an empty file, not none
	}
	return original, true, nil
}

// all gives everything that the state knows of.
func (s state) all() wanted {
	return wanted{store: s.CredsStore != nil, registries: slices.Sorted(maps.Keys(s.CredHelpers))}
}

func checksum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

package dockercfg

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// File is the content of a config.json: one entry a registry. The zero File is
// empty and ready for use. It is not safe for concurrent use.
type File struct {
	entries map[string]fileEntry // by normal form of the registry
}

// fileEntry is an entry in normal form and the spelling its registry came in.
type fileEntry struct {
	Entry
	spelling string
}

// ConflictError says that one registry was given different credentials.
type ConflictError struct {
	Registry      string // normal form
	First, Second string // as spelt in the two entries
}

func (e *ConflictError) Error() string {
	if e.First == e.Second {
		return fmt.Sprintf("dockercfg: %q is given twice with different credentials", e.First)
	}
	return fmt.Sprintf("dockercfg: %q and %q name the same registry with different credentials", e.First, e.Second)
}

// New makes a file of entries; its errors are those of Add.
func New(entries ...Entry) (*File, error) {
	f := &File{}
	for _, e := range entries {
		if err := f.Add(e); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Add puts an entry into the file. An entry for a registry that the file has
// already, with the same user name and password, is merged into the one there,
// and the earlier of two times of expiry stays.
//
// The error is a *RegistryNameError, a *EntryError or, if the file has other
// credentials for the registry, a *ConflictError. The file is then as it was.
func (f *File) Add(e Entry) error {
	added, err := e.normalize()
	if err != nil {
		return err
	}
	key := added.Registry
	if have, ok := f.entries[key]; ok {
		if have.Username != added.Username || have.Password != added.Password {
			return &ConflictError{Registry: key, First: have.spelling, Second: e.Registry}
		}
		if have.Expires.IsZero() || !added.Expires.IsZero() && added.Expires.Before(have.Expires) {
			have.Expires = added.Expires
		}
		f.entries[key] = have
		return nil
	}
	if f.entries == nil {
		f.entries = make(map[string]fileEntry)
	}
	f.entries[key] = fileEntry{Entry: added, spelling: e.Registry}
	return nil
}

// Entries gives the entries in the order of their registries, each in normal form.
func (f *File) Entries() []Entry {
	entries := make([]Entry, 0, len(f.entries))
	for _, key := range slices.Sorted(maps.Keys(f.entries)) {
		entries = append(entries, f.entries[key].Entry)
	}
	return entries
}

// Encode gives the file as config.json, as Docker itself writes it: indented
// with tabs, keys sorted, each credential as "auth" alone. It ends in a newline.
// The result holds the secrets.
func (f *File) Encode() ([]byte, error) {
	auths := make(map[string]map[string]any, len(f.entries))
	for key, e := range f.entries {
		auth := base64.StdEncoding.EncodeToString([]byte(e.Username + ":" + e.Password.Reveal()))
		auths[key] = map[string]any{"auth": auth}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out) // sorts the keys of maps
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "\t")
	if err := encoder.Encode(map[string]any{"auths": auths}); err != nil {
		return nil, fmt.Errorf("dockercfg: encode: %w", err)
	}
	return out.Bytes(), nil
}

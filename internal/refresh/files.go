package refresh

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/outfile"
)

// A File is an output that is a file.
type File struct {
	Path string
	// Attributes are its mode and its owner.
	outfile.Attributes
	// Log gets a line if the file cannot be written as files should be.
	Log *slog.Logger

	written bool // by this process
	warned  bool
	seen    atomic.Pointer[seen]
}

// seen is a file as it was when it was looked at last, and held what it should.
type seen struct {
	fs.FileInfo
	entries []dockercfg.Entry
}

// look remembers the file as it is now, with what was written into it.
func (f *File) look(entries []dockercfg.Entry) {
	info, err := os.Stat(f.Path)
	if err != nil {
		info = nil
	}
	f.seen.Store(&seen{info, entries})
}

// lost reports whether the file is gone or, if it was changed since it was seen, does
// not hold everything.
func (f *File) lost(holds func(data []byte, entries []dockercfg.Entry) bool) bool {
	before := f.seen.Load()
	if before == nil {
		return false // nothing was written yet
	}
	now, err := os.Stat(f.Path)
	switch {
	case err == nil && before.FileInfo != nil && os.SameFile(before, now) && before.Size() == now.Size() && before.ModTime().Equal(now.ModTime()):
		return false
	case errors.Is(err, fs.ErrNotExist):
		return true
	case err != nil:
		return false // the next write tells
	}
	data, found, err := f.read()
	if err != nil || found && holds(data, before.entries) {
		f.seen.CompareAndSwap(before, &seen{now, before.entries})
		return false
	}
	return true
}

// maxFile bounds what is read of a file that is there already, in bytes.
const maxFile = 64 << 20

// read gives what the file holds; found is false if there is none.
func (f *File) read() (data []byte, found bool, err error) {
	file, err := outfile.Open(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	}
	defer file.Close()
	data, err = io.ReadAll(io.LimitReader(file, maxFile+1))
	if len(data) > maxFile {
		return nil, false, fmt.Errorf("it is over %d MiB long", maxFile>>20)
	}
	return data, err == nil, err
}

// write puts data into the file. What the file holds already is left alone, but for
// the first time: mode and owner may be others.
func (f *File) write(data, old []byte, found bool) (changed bool, err error) {
	if f.written && found && bytes.Equal(data, old) {
		return false, nil
	}
	inPlace, err := outfile.WriteFileWith(f.Path, data, f.Attributes)
	if err != nil {
		return false, err
	}
	if inPlace && !f.warned && f.Log != nil {
		f.Log.Warn("the file can only be written in place, so that a program may read half of it: mount its folder in place of the file", "output", f.Path)
	}
	f.written, f.warned = true, f.warned || inPlace
	return !found || !bytes.Equal(data, old), nil
}

// A PasswordFile is a file that holds the secret of one registry and nothing else,
// not even a line end.
type PasswordFile struct{ File }

// Write implements Target. Of several secrets the identity token is written, else
// the password, as by jet token.
func (f *PasswordFile) Write(_ context.Context, c Content) (changed bool, err error) {
	secrets := make(map[string]bool)
	for _, e := range c.Entries {
		secrets[cmp.Or(e.IdentityToken.Reveal(), e.Password.Reveal(), e.RegistryToken.Reveal())] = true
	}
	if len(secrets) != 1 {
		return false, fmt.Errorf("write %q: a password file holds one secret, and there are %d", f.Path, len(secrets))
	}
	old, found, err := f.read()
	if err != nil {
		found = false // it is replaced
	}
	for secret := range secrets {
		changed, err = f.write([]byte(secret), old, found)
	}
	if err == nil {
		f.look(nil)
	}
	return changed, err
}

// Lost implements Looker.
func (f *PasswordFile) Lost() bool {
	return f.lost(func(data []byte, _ []dockercfg.Entry) bool { return len(data) > 0 })
}

// A DockercfgFile is a file of credentials for Docker. Only what the output is for
// is changed in it: entries of others, and all that Docker keeps there, stay.
type DockercfgFile struct {
	File
	told bool // what hiding says
}

// hiding gives the setting of a config.json because of which Docker does not read one
// of these credentials in it, "" for none (docker/cli v29.9.3, cli/config/configfile/file.go,
// GetCredentialsStore).
func hiding(text []byte, entries []dockercfg.Entry) string {
	var config struct {
		CredsStore  string            `json:"credsStore"`
		CredHelpers map[string]string `json:"credHelpers"`
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return ""
	}
	if config.CredsStore != "" {
		return "credsStore"
	}
	for host := range config.CredHelpers {
		key, err := dockercfg.NormalizeRegistry(host)
		if err == nil && slices.ContainsFunc(entries, func(e dockercfg.Entry) bool { return e.Registry == key }) {
			return "credHelpers"
		}
	}
	return ""
}

// Write implements Target.
func (f *DockercfgFile) Write(_ context.Context, c Content) (changed bool, err error) {
	old, found, err := f.read()
	if err != nil {
		return false, fmt.Errorf("read %q: %w", f.Path, cause(err))
	}
	file := new(dockercfg.File)
	if len(bytes.TrimSpace(old)) > 0 {
		if file, err = dockercfg.Parse(old); err != nil {
			return false, fmt.Errorf("%q is there already and is no dockercfg, so it is left alone: %w", f.Path, err)
		}
	}
	if f.Log != nil && !f.told {
		f.told = true
		if setting := hiding(old, c.Entries); setting != "" {
			f.Log.Warn("Docker takes credentials from the store that "+setting+" names in this file, and does not read those that are written into it: name another file, for DOCKER_CONFIG, or take the setting out", "output", f.Path)
		}
	}
	for _, registry := range c.Gone {
		file.Remove(registry)
	}
	for _, e := range c.Entries {
		if err := file.Set(e); err != nil {
			return false, err
		}
	}
	data, err := file.Encode()
	if err != nil {
		return false, fmt.Errorf("%q: %w", f.Path, err)
	}
	if changed, err = f.write(data, old, found); err == nil {
		f.look(c.Entries)
	}
	return changed, err
}

// Lost implements Looker. It takes one registry that has no entry any more: of two
// processes that add theirs in the same moment, one may have lost them.
func (f *DockercfgFile) Lost() bool {
	return f.lost(func(data []byte, entries []dockercfg.Entry) bool {
		file, err := dockercfg.Parse(data)
		if err != nil {
			return len(bytes.TrimSpace(data)) > 0 // it is left alone
		}
		there := make(map[string]bool)
		for _, e := range file.Entries() {
			there[e.Registry] = true
		}
		return !slices.ContainsFunc(entries, func(e dockercfg.Entry) bool { return !there[e.Registry] })
	})
}

// cause takes off what the os package says about names.
func cause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

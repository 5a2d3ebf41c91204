package tokencache

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/trustedkey"
)

// An entry is a place in the cache.
type entry struct {
	cache *Cache
	keys  keys
	name  string
}

func (e entry) path(end string) string { return filepath.Join(e.cache.Folder, e.name+end) }

// read gives what is kept, nil for nothing. What is no file of ours, or damaged, is
// nothing too, and somebody is told.
func (e entry) read() *record {
	text, err := readFile(e.path(fileEnd))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var kept *record
	if err == nil {
		kept, err = e.open(text)
	}
	if err != nil {
		e.cache.complain("a kept token is passed over: %v", fmt.Errorf("%q: %w", e.path(fileEnd), err))
		return nil
	}
	return kept
}

func (e entry) open(text []byte) (*record, error) {
	var plain bytes.Buffer
	if _, err := crypto.Decrypt(&plain, bytes.NewReader(text), e.keys.files, crypto.WithRequire(crypto.JetV1), crypto.WithHiddenOutput()); err != nil {
		return nil, err
	}
	return parseRecord(plain.Bytes(), e.name)
}

// write keeps a result.
func (e entry) write(result generators.Result) error {
	plain, err := newRecord(e.name, e.cache.time(), result).encode()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := trustedkey.Named(e.keys.files).Encrypt(&text, bytes.NewReader(plain), crypto.JetV1); err != nil {
		return err
	}
	if text.Len() > maxFile {
		return nil // as nobody would read it
	}
	path := e.path(fileEnd)
	// A link would be followed.
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	_, err = outfile.WriteFile(path, text.Bytes(), outfile.Private)
	return err
}

// readFile reads a file of the folder.
func readFile(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a file")
	case info.Size() > maxFile:
		return nil, fmt.Errorf("it is over %d KiB long", maxFile>>10)
	}
	return os.ReadFile(path)
}

package outfile

import (
	"fmt"
	"os"
)

// Spool is a private scratch file: read, write, seek; Close gives it up.
type Spool struct {
	*os.File
	name string // to be removed by Close, "" for nothing
}

// OpenSpool makes a scratch file in the system's folder for temporary files. It
// has no name where the system allows that (Linux), loses it at once on other
// Unix systems, and keeps it until Close on Windows. Not for plaintext.
func OpenSpool() (*Spool, error) {
	dir := os.TempDir()
	if f, err := openUnnamed(dir, 0o600, os.O_EXCL); err == nil { // O_EXCL: can never be given a name
		return &Spool{File: f}, nil
	}
	f, err := os.CreateTemp(dir, "jet-")
	if err != nil {
		return nil, fmt.Errorf("scratch file in %q: %w", dir, cause(err))
	}
	s := &Spool{File: f, name: f.Name()}
	if os.Remove(s.name) == nil {
		s.name = ""
	}
	return s, nil
}

// Close gives the file and its content up.
func (s *Spool) Close() error {
	err := s.File.Close()
	if s.name != "" {
		if removed := os.Remove(s.name); err == nil {
			err = removed
		}
		s.name = ""
	}
	return err
}

package credentialstore

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// programPrefix is what the names of all helpers begin with
// (docker-credential-helpers v0.9.12, README.md).
const programPrefix = "docker-credential-"

// DefaultTimeout is how long one run of a helper may take. It leaves a person
// the time to answer the prompt of a keychain.
const DefaultTimeout = 30 * time.Second

// Options change how a helper is found and run. The zero Options are ready for use.
type Options struct {
	// Timeout is the deadline of each run; 0 means DefaultTimeout.
	Timeout time.Duration
	// Stderr gets what the helper prints there, as it comes. If it is nil, that
	// is kept back, and shown in an error if it is plainly a message.
	Stderr io.Writer
	// Folders are looked through, in this order, for a program that is not on
	// PATH; nil means those where Docker Desktop, Homebrew, Rancher Desktop and
	// OrbStack put theirs.
	Folders []string
	// Unattended is for what a person did not ask for: the store may not ask them for
	// anything. Where that is not known of a store, the error is ErrAttended.
	Unattended bool
}

// Store is a credential store behind a helper. It is safe for concurrent use; but
// two runs at once may show a person two prompts.
type Store struct {
	name    string // of the program, without folder
	path    string // absolute
	timeout time.Duration
	stderr  io.Writer

	unattended bool
}

// Path gives the path of the program.
func (s *Store) Path() string { return s.path }

// NotFoundError says that there is no program for a helper.
type NotFoundError struct {
	Program string   // "docker-credential-NAME"
	Folders []string // those that were looked through after PATH
	// Refused are relative entries of PATH that hold the program. Like os/exec,
	// this package does not run it from there: it would be another one in every
	// folder.
	Refused []string
}

func (e *NotFoundError) Error() string {
	text := fmt.Sprintf("credentialstore: %s is not on PATH", e.Program)
	if len(e.Folders) > 0 {
		text += " and not in " + strings.Join(e.Folders, ", ")
	}
	for _, entry := range e.Refused {
		text += fmt.Sprintf("; PATH has it in %q, a relative folder, from where it is not run", entry)
	}
	if strings.HasPrefix(e.Program, programPrefix+programPrefix) {
		text += fmt.Sprintf("; the name of a helper is what follows %q", programPrefix)
	}
	return text
}

// CheckName refuses what cannot be the NAME of a docker-credential-NAME: names
// that are empty or hold a separator of paths or a control character.
func CheckName(helper string) error {
	switch {
	case helper == "":
		return errors.New("credentialstore: the name of a helper is empty")
	case strings.ContainsAny(helper, `/\:`):
		return fmt.Errorf("credentialstore: the helper name %q holds a separator of paths", helper)
	case strings.ContainsFunc(helper, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return fmt.Errorf("credentialstore: the helper name %q holds a control character", helper)
	}
	return nil
}

// Find looks for docker-credential-HELPER on PATH, then in Options.Folders. It
// runs nothing. If there is no such program the error is a *NotFoundError; a name
// that CheckName refuses is an error of its own.
func Find(helper string, o Options) (*Store, error) {
	if err := CheckName(helper); err != nil {
		return nil, err
	}
	s := &Store{name: programPrefix + helper, timeout: o.Timeout, stderr: o.Stderr, unattended: o.Unattended}
	if s.timeout == 0 {
		s.timeout = DefaultTimeout
	}
	folders := o.Folders
	if folders == nil {
		folders = usualFolders()
	}
	missing := &NotFoundError{Program: s.name}
	// exec.LookPath over the whole of PATH would end at a relative entry, even if
	// the program stands in an absolute one after it.
	for _, entry := range filepath.SplitList(os.Getenv("PATH")) {
		path, err := exec.LookPath(withSeparator(entry) + s.name)
		switch {
		case err != nil:
		case filepath.IsAbs(path):
			s.path = path
			return s, nil
		default:
			missing.Refused = append(missing.Refused, entry)
		}
	}
	for _, folder := range folders {
		if path, err := exec.LookPath(withSeparator(folder) + s.name); err == nil && filepath.IsAbs(path) {
			s.path = path
			return s, nil
		}
		missing.Folders = append(missing.Folders, folder)
	}
	return nil, missing
}

// withSeparator makes a folder the beginning of a path. What it gives holds a
// separator, so that exec.LookPath looks nowhere else.
func withSeparator(folder string) string {
	if folder == "" {
		folder = "." // as PATH has it on Unix
	}
	if os.IsPathSeparator(folder[len(folder)-1]) {
		return folder
	}
	return folder + string(filepath.Separator)
}

// usualFolders are where programs lie that a terminal finds and a program started
// from the desktop, over SSH or by cron does not.
func usualFolders() []string {
	home, err := os.UserHomeDir()
	inHome := func(parts ...string) []string {
		if err != nil {
			return nil
		}
		return []string{filepath.Join(append([]string{home}, parts...)...)}
	}
	switch runtime.GOOS {
	case "windows":
		if programs := os.Getenv("ProgramFiles"); filepath.IsAbs(programs) {
			return slices.Concat([]string{filepath.Join(programs, "Docker", "Docker", "resources", "bin")}, inHome(".rd", "bin"))
		}
		return inHome(".rd", "bin")
	case "darwin":
		return slices.Concat(
			[]string{"/Applications/Docker.app/Contents/Resources/bin"}, inHome(".docker", "bin"),
			[]string{"/opt/homebrew/bin", "/usr/local/bin"},
			inHome(".rd", "bin"), inHome(".orbstack", "bin"),
		)
	}
	return slices.Concat([]string{"/usr/local/bin", "/usr/bin"}, inHome(".docker", "bin"), inHome(".rd", "bin"))
}

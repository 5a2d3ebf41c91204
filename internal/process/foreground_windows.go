package process

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
)

// CanReplace reports whether Replace works on this system.
const CanReplace = false

// Replace always fails: a process cannot become another program here.
func Replace(string, []string, []string) error { return errors.ErrUnsupported }

// LookPath finds a program in the folders of a PATH, with the endings of PATHEXT.
// The error is fs.ErrNotExist. A program in the current folder counts only if its
// name says so.
func LookPath(name, path string) (string, error) {
	before := os.Getenv("PATH")
	os.Setenv("PATH", path)
	defer os.Setenv("PATH", before)
	found, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) {
		err = fs.ErrNotExist
	}
	return found, err
}

// Foreground runs a program in the place of this process, which stays behind until
// it ends.
type Foreground struct {
	signals chan os.Signal
}

// NewForeground leaves Ctrl-C to the program, which has it from the console.
func NewForeground() *Foreground {
	f := &Foreground{signals: make(chan os.Signal, 1)}
	signal.Notify(f.signals, os.Interrupt)
	return f
}

// Run runs the program to its end and gives its exit status. It has our standard
// streams. The error is of the system: the program did not start.
func (f *Foreground) Run(path string, args, environment []string) (status int, err error) {
	program, err := os.StartProcess(path, args, &os.ProcAttr{Env: environment, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		var wrapped *fs.PathError
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return 0, err
	}
	state, err := program.Wait()
	if err != nil {
		return 0, err
	}
	return state.ExitCode(), nil
}

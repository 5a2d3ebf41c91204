//go:build unix

package process

import (
	"errors"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Replace makes this process another program, which keeps the process ID, the
// terminal and all signals. The environment is the program's whole one. It
// returns only if that fails, with a system error.
func Replace(path string, args, environment []string) error {
	return syscall.Exec(path, args, environment)
}

// CanReplace reports whether Replace works on this system.
const CanReplace = true

// LookPath finds a program as execvp(3) does, in the folders of a PATH. A name
// with a slash is its own path. The error is fs.ErrNotExist, or fs.ErrPermission
// if only files that cannot be run have the name.
func LookPath(name, path string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil // running it says what is wrong
	}
	found := fs.ErrNotExist
	if name == "" {
		return "", found
	}
	for _, dir := range filepath.SplitList(path) {
		if dir == "" {
			dir = "."
		}
		candidate := dir + "/" + name
		if info, err := os.Stat(candidate); err != nil || info.IsDir() {
			continue
		}
		if unix.Access(candidate, unix.X_OK) == nil {
			return candidate, nil
		}
		found = fs.ErrPermission
	}
	return "", found
}

// Foreground runs a program in the place of this process, which stays behind only
// to tidy up after it: in the same process group, so that the terminal treats both
// alike.
type Foreground struct {
	signals chan os.Signal
}

// passedOn are the signals that a program expects from others. Those that were
// ignored from the start (nohup) stay ignored, by both.
var passedOn = [...]os.Signal{
	syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTSTP, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2,
}

// NewForeground catches signals from here on; those that come before Run are for
// the program too.
func NewForeground() *Foreground {
	f := &Foreground{signals: make(chan os.Signal, 64)}
	for _, s := range passedOn {
		if !signal.Ignored(s) {
			signal.Notify(f.signals, s)
		}
	}
	return f
}

// Run runs the program to its end and gives its exit status as shells have it: 128
// and the number of the signal that ended it. It has our standard streams, and
// every other file that it would have without us. The error is of the system: the
// program did not start.
//
// What is sent to us is passed on, but for what the keyboard sends (Ctrl-C, Ctrl-\,
// Ctrl-Z): that reaches the whole group. Which of the two it was the system does
// not tell, so SIGINT, SIGQUIT and SIGTSTP count as typed while we are in the
// foreground of a terminal. When the program stops, we stop, so that the shell
// takes the terminal back; when we continue, it continues. On Linux it is killed
// if we are.
func (f *Foreground) Run(path string, args, environment []string) (status int, err error) {
	// The end of this thread is what Linux takes for our end.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	program, err := os.StartProcess(path, args, &os.ProcAttr{
		Env:   environment,
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   dyingWithUs(),
	})
	if err != nil {
		var wrapped *fs.PathError
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return 0, err
	}
	defer program.Release()
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	ended := make(chan syscall.WaitStatus, 1)
	go func() { ended <- wait(program, continued) }()
	for {
		select {
		case s := <-f.signals:
			if !typed(s) {
				program.Signal(s)
			}
		case status := <-ended:
			if status.Signaled() {
				return 128 + int(status.Signal()), nil
			}
			return status.ExitStatus(), nil
		}
	}
}

// wait waits for the end of the program, and stops with it until then.
func wait(program *os.Process, continued <-chan os.Signal) syscall.WaitStatus {
	for {
		status, changed := statusOf(program, syscall.WUNTRACED)
		for changed && status.Stopped() {
			status, changed = stop(program, status.StopSignal(), continued)
		}
		if changed && !status.Continued() {
			return status
		}
	}
}

// statusOf gives the next change of a program's state, if there is one.
func statusOf(program *os.Process, options int) (status syscall.WaitStatus, changed bool) {
	for {
		pid, err := syscall.Wait4(program.Pid, &status, options, nil)
		switch err {
		case syscall.EINTR:
		case nil:
			return status, pid == program.Pid
		default: // somebody else took the status, which cannot be
			return syscall.WaitStatus(0xff << 8), true
		}
	}
}

// stopPoll is how often a stopped program is looked at while we go on, which is
// rare: mostly we are stopped ourselves.
const stopPoll = 50 * time.Millisecond

// stop stops us as the program was stopped, so that the shell sees it. It returns
// when we or the program continue, with what became of the program meanwhile.
func stop(program *os.Process, s syscall.Signal, continued <-chan os.Signal) (status syscall.WaitStatus, changed bool) {
	const now = syscall.WNOHANG | syscall.WUNTRACED | syscall.WCONTINUED
	// Where all were stopped and continued at once, it may be running again.
	if status, changed := statusOf(program, now); changed {
		return status, true
	}
	select {
	case <-continued: // of earlier
	default:
	}
	if s == syscall.SIGTSTP { // the runtime of Go (1.26) does not let go of it
		s = syscall.SIGSTOP
	}
	syscall.Kill(os.Getpid(), s)
	for {
		select {
		case <-continued:
			if status, changed := statusOf(program, now); changed {
				return status, true // the shell continued both
			}
			program.Signal(syscall.SIGCONT)
			return 0, false
		case <-time.After(stopPoll):
		}
		if status, changed := statusOf(program, now); changed {
			return status, true
		}
	}
}

// typed reports whether a signal most likely came from the keyboard of our
// terminal, which sends it to the program too.
func typed(s os.Signal) bool {
	if s != syscall.SIGINT && s != syscall.SIGQUIT && s != syscall.SIGTSTP {
		return false
	}
	terminal, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer terminal.Close()
	group, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err == nil && group == syscall.Getpgrp()
}

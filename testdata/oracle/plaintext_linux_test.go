package oracle

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A disk is a small disk that holds all that jet and its user have, but for what
// is in memory. Its raw bytes are searched: they have what was removed too.
type disk struct {
	t     *testing.T
	image string // "" where nothing can be mounted: then the files are searched
	dir   string
}

func newDisk(t *testing.T) *disk {
	t.Helper()
	d := &disk{t: t, dir: filepath.Join(t.TempDir(), "disk")}
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		t.Log("without root nothing can be mounted: the files are searched, and not the disk below them")
		return d
	}
	mkfs := find(t, "mkfs.ext4", "e2fsprogs")
	image := d.dir + ".image"
	write(t, image, "")
	if err := os.Truncate(image, 24<<20); err != nil {
		t.Fatal(err)
	}
	mustRun(t, filepath.Dir(image), nil, mkfs, "-q", "-F", image)
	d.image = image
	if out, err := d.mount(); err != nil {
		t.Logf("nothing can be mounted, so the files are searched, and not the disk below them: %v: %s", err, out)
		d.image = ""
	}
	t.Cleanup(func() {
		if d.image != "" {
			run(t, "/", nil, "umount", d.dir)
		}
	})
	return d
}

func (d *disk) mount() (string, error) {
	return run(d.t, "/", nil, "mount", "-o", "loop", d.image, d.dir)
}

// holds reports which of the texts stand anywhere on the disk.
func (d *disk) holds(texts ...string) (found []string) {
	d.t.Helper()
	var data []byte
	if d.image == "" {
		err := filepath.WalkDir(d.dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			data = append(append(data, content...), path...)
			return err
		})
		if err != nil {
			d.t.Fatal(err)
		}
	} else {
		waitFor(d.t, "umount", func() bool {
			out, err := run(d.t, "/", nil, "umount", d.dir)
			if err != nil && !strings.Contains(out, "busy") {
				d.t.Fatalf("umount: %v: %s", err, out)
			}
			return err == nil
		})
		var err error
		if data, err = os.ReadFile(d.image); err != nil {
			d.t.Fatal(err)
		}
		if out, err := d.mount(); err != nil {
			d.t.Fatalf("mount: %v: %s", err, out)
		}
	}
	for _, text := range texts {
		if bytes.Contains(data, []byte(text)) {
			found = append(found, text)
		}
	}
	return found
}

// A seat is a person at a terminal on which jet runs.
type seat struct {
	t      *testing.T
	cmd    *exec.Cmd
	person *os.File
	ended  chan error
	mutex  sync.Mutex
	shown  []byte
}

func sit(t *testing.T, dir string, env []string, program string, args ...string) *seat {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("needs pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { person.Close() })
	fd := int(person.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err := errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0),
		unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})); err != nil {
		t.Skipf("needs pseudo-terminals: %v", err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("needs pseudo-terminals: %v", err)
	}
	defer terminal.Close()
	s := &seat{t: t, person: person, ended: make(chan error, 1), cmd: exec.Command(program, args...)}
	s.cmd.Dir, s.cmd.Env = dir, env
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = terminal, terminal, terminal
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) })
	go func() { s.ended <- s.cmd.Wait() }()
	go func() {
		buffer := make([]byte, 4096)
		for {
			n, err := person.Read(buffer)
			s.mutex.Lock()
			s.shown = append(s.shown, buffer[:n]...)
			s.mutex.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s
}

func (s *seat) screen() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return string(s.shown)
}

// expect waits until the terminal has shown a text.
func (s *seat) expect(text string) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(s.screen(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("the terminal does not show %q, but %q", text, s.screen())
		}
	}
}

func (s *seat) types(text string) {
	s.t.Helper()
	if _, err := s.person.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// end waits for the end of jet.
func (s *seat) end() error {
	s.t.Helper()
	select {
	case err := <-s.ended:
		return err
	case <-time.After(patience):
		s.t.Fatalf("jet does not end; the terminal shows %q", s.screen())
		return nil
	}
}

// What is planted, and must be found nowhere on the disk.
const (
	plantedFile  = "canary-in-the-file-4711"
	plantedTyped = "canary-that-was-typed-0815"
)

// The configuration of somebody whose editors keep copies of everything. That of
// nano is the one that Debian has for all.
const (
	vimrc = `set nocompatible backup writebackup swapfile updatecount=1
set backupdir=$HOME/copies directory=$HOME/copies
if has('persistent_undo') | set undofile undodir=$HOME/copies | endif
if has('viminfo') | set viminfo='100,<1000,s1000,h | endif
`
	emacsrc = `(setq make-backup-files t backup-by-copying t backup-directory-alist '(("." . "~/copies"))
 auto-save-default t auto-save-interval 20 auto-save-file-name-transforms '((".*" "~/copies/" t)) inhibit-startup-screen t)
`
	nanorc = "set historylog\n"
)

// A writer is an editor and what a person types in it: a line is added, the text
// goes through a filter, is looked for and copied, and is saved.
type writer struct {
	program, pkg string
	command      string // of the editor, if it is not the program alone
	keys         []string
}

var writers = []writer{
	{program: "vim", pkg: "vim", keys: viKeys},
	{program: "vim.tiny", pkg: "vim-tiny", keys: viKeys},
	{program: "nvim", pkg: "neovim", keys: viKeys},
	{program: "nano", pkg: "nano", keys: []string{"B=" + plantedTyped + "\n", "\x17" + plantedTyped + "\r", "\x0f", "\r", "\x18"}},
	{program: "emacs", pkg: "emacs-nox", command: "emacs -nw", keys: []string{"B=" + plantedTyped + "\n", "\x1bxdo-auto-save\r", "\x18\x13", "\x18\x03"}},
}

var viKeys = []string{"OB=" + plantedTyped + "\x1b", "yyp", ":%!sort\r", "/" + plantedTyped + "\r", ":wq\r"}

// TestPlaintextOfEditors has real editors, whose configuration is the worst for
// secrets, edit an encrypted file.
func TestPlaintextOfEditors(t *testing.T) {
	d := newDisk(t)
	p, env := d.project(t)
	for _, w := range writers {
		t.Run(w.program, func(t *testing.T) {
			w.find(t)
			w.edit(t, p, append(env, "EDITOR="+w.line()))
			if got := p.plain(t, env); !strings.Contains(got, plantedTyped) || !strings.Contains(got, plantedFile) {
				t.Errorf("what was saved is %q", got)
			}
			if found := d.holds(plantedFile, plantedTyped); found != nil {
				t.Errorf("on the disk is %q", found)
			}
		})
	}
	// The proof that there was something to prevent, and that the search finds it:
	// jet does not see through env, and so leaves the editor as it is.
	for _, w := range writers {
		t.Run("control "+w.program, func(t *testing.T) {
			w.find(t)
			d := newDisk(t)
			p, env := d.project(t)
			w.edit(t, p, append(env, "EDITOR=env "+w.line()))
			if found := d.holds(plantedFile, plantedTyped); found == nil && w.program != "vim.tiny" { // it cannot do much
				t.Error("nothing is found on the disk, though the editor's own configuration wants copies")
			}
		})
	}
}

// project makes a project on the disk, and the environment of its user.
func (d *disk) project(t *testing.T) (p project, env []string) {
	t.Helper()
	p = project{jet: jet(t), dir: filepath.Join(d.dir, "project")}
	home := filepath.Join(d.dir, "home")
	for _, dir := range []string{p.dir, home, filepath.Join(home, "copies"), filepath.Join(home, ".config", "nvim"), filepath.Join(d.dir, "tmp")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range map[string]string{".vimrc": vimrc, ".config/nvim/init.vim": vimrc, ".emacs": emacsrc, ".nanorc": nanorc} {
		write(t, filepath.Join(home, path), text)
	}
	p.run(t, "generate")
	seal := func(name, text string) {
		if out, err := runWith(t, text, p.dir, nil, p.jet, "encrypt", "-", name); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	seal("app.env.encrypted", "A="+plantedFile+"\n")
	seal("dockercfg.encrypted", fmt.Sprintf(`{"auths": {"quay.io": {"auth": %q}}}`, base64.StdEncoding.EncodeToString([]byte("ci:"+plantedFile))))
	return p, []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + filepath.Join(d.dir, "tmp"), "XDG_RUNTIME_DIR=" + memory(t),
		"TERM=xterm", "LC_ALL=C.UTF-8", "VISUAL=",
		"XDG_DATA_HOME=" + home, // nano takes root's home folder from elsewhere
	}
}

// plain gives the text of the project's env file, which goes to no disk.
func (p project) plain(t *testing.T, env []string) string {
	t.Helper()
	return mustRun(t, p.dir, env, p.jet, "decrypt", "app.env.encrypted", "-")
}

// find skips a test for want of the editor. The two that are on most systems are
// parts of CI.
func (w writer) find(t *testing.T) {
	t.Helper()
	if w.program == "vim" || w.program == "nano" {
		find(t, w.program, w.pkg)
	} else if _, err := exec.LookPath(w.program); err != nil {
		t.Skipf("the editor %s is not there (Debian: %s)", w.program, w.pkg)
	}
}

// line is the command line of the editor.
func (w writer) line() string {
	if w.command != "" {
		return w.command
	}
	return w.program
}

func (w writer) edit(t *testing.T, p project, env []string) {
	t.Helper()
	s := sit(t, p.dir, env, p.jet, "edit", "app.env.encrypted")
	s.expect(plantedFile)
	for _, keys := range w.keys {
		time.Sleep(200 * time.Millisecond) // editors drop what is typed while they are busy
		s.types(keys)
	}
	if err := s.end(); err != nil {
		t.Fatalf("%v; the terminal shows %q", err, s.screen())
	}
}

// TestPlaintextAfterSignals ends edit and exec in every way while the plaintext is
// in use. In memory it is at worst until the next run, which says so.
func TestPlaintextAfterSignals(t *testing.T) {
	d := newDisk(t)
	p, env := d.project(t)
	write(t, filepath.Join(p.dir, "editor"), "#!/bin/sh\necho 'B=canary-that-was'-typed-0815 >> \"$1\"\necho working\nread end\n")
	if err := os.Chmod(filepath.Join(p.dir, "editor"), 0o700); err != nil {
		t.Fatal(err)
	}
	env = append(env, "EDITOR=./editor")
	private := strings.TrimPrefix(env[3], "XDG_RUNTIME_DIR=")
	encoded := base64.StdEncoding.EncodeToString([]byte("ci:" + plantedFile))
	commands := map[string][]string{
		"edit": {"edit", "app.env.encrypted"},
		"exec": {"exec", "--env-file", "app.env.encrypted", "--dockercfg", "dockercfg.encrypted", "--",
			"sh", "-c", `grep -q auths "$DOCKER_CONFIG/config.json" && test -n "$A" && echo working && read end`},
		"exec, replaced": {"exec", "--env-file", "app.env.encrypted", "--", "sh", "-c", `test -n "$A" && echo working && read end`},
	}
	for name, words := range commands {
		for _, signal := range []syscall.Signal{0, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGKILL} {
			t.Run(fmt.Sprintf("%s/%v", name, signal), func(t *testing.T) {
				s := sit(t, p.dir, env, p.jet, words...)
				s.expect("working")
				if signal == 0 || signal == syscall.SIGINT || signal == syscall.SIGQUIT {
					s.types(map[syscall.Signal]string{0: "\n", syscall.SIGINT: "\x03", syscall.SIGQUIT: "\x1c"}[signal])
				} else {
					s.cmd.Process.Signal(signal)
				}
				s.end()
				left, err := os.ReadDir(private)
				if err != nil {
					t.Fatal(err)
				}
				syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) // the editor of a jet that was killed
				if signal != syscall.SIGKILL && len(left) > 0 || len(left) > 1 {
					t.Errorf("left in memory: %v", left)
				}
				if len(left) == 1 {
					out := mustRun(t, p.dir, append(env, "EDITOR=true"), p.jet, "edit", "app.env.encrypted")
					if want := fmt.Sprintf("removed %q, which a killed run had left behind", filepath.Join(private, left[0].Name())); !strings.Contains(out, want) {
						t.Errorf("the next run says %q, want %q", out, want)
					}
				}
				checkEmpty(t, private)
				if found := d.holds(plantedFile, plantedTyped, encoded); found != nil {
					t.Errorf("on the disk is %q", found)
				}
			})
		}
	}
	// The search finds what was there for a moment.
	path := filepath.Join(d.dir, "moment")
	write(t, path, plantedFile)
	if d.image != "" {
		d.holds("") // to the disk
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if found := d.holds(plantedFile); found == nil {
		t.Error("the search does not find a text that was on the disk")
	}
}

// TestEditCannotWrite: when a disk is full, or can no longer be written, the work
// is kept in memory, encrypted, and what is printed brings it back.
func TestEditCannotWrite(t *testing.T) {
	for name, test := range map[string]struct {
		cause, says, undo string
	}{
		"full":      {`cat /dev/zero > fill 2>/dev/null`, "no space left on device", `rm fill`},
		"read-only": {`mount -o remount,ro "$DISK"`, "read-only file system", `mount -o remount,rw "$DISK"`},
	} {
		t.Run(name, func(t *testing.T) {
			d := &disk{t: t, dir: t.TempDir()}
			if out, err := run(t, "/", nil, "mount", "-t", "tmpfs", "-o", "size=256k", "none", d.dir); err != nil {
				t.Skipf("nothing can be mounted: %v: %s", err, out)
			}
			t.Cleanup(func() { run(t, "/", nil, "umount", d.dir) })
			p, env := d.project(t)
			env = append(env, "DISK="+d.dir)
			write(t, filepath.Join(p.dir, "editor"), "#!/bin/sh\necho B="+plantedTyped+" >> \"$1\"\n"+test.cause+"\nexit 0\n")
			if err := os.Chmod(filepath.Join(p.dir, "editor"), 0o700); err != nil {
				t.Fatal(err)
			}
			before, err := os.ReadFile(filepath.Join(p.dir, "app.env.encrypted"))
			if err != nil {
				t.Fatal(err)
			}
			out, err := run(t, p.dir, append(env, "EDITOR=./editor"), p.jet, "edit", "app.env.encrypted")
			if err == nil || !strings.Contains(out, test.says) {
				t.Fatalf("%v: %s", err, out)
			}
			if after, err := os.ReadFile(filepath.Join(p.dir, "app.env.encrypted")); err != nil || !bytes.Equal(after, before) {
				t.Errorf("the file was changed (%v)", err)
			}
			_, command, _ := strings.Cut(out, `; "cp `)
			command, _, ok := strings.Cut(command, `" puts it in place`)
			if !ok {
				t.Fatalf("there is no command that brings it back: %s", out)
			}
			mustRun(t, p.dir, env, "sh", "-c", test.undo+"; cp "+command)
			if got := p.plain(t, env); got != "A="+plantedFile+"\nB="+plantedTyped+"\n" {
				t.Errorf("brought back is %q", got)
			}
		})
	}
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
	"unicode"

	"golang.org/x/term"

	"github.com/dockercfg/jet/internal/content"
	"github.com/dockercfg/jet/internal/privatedir"
	"github.com/dockercfg/jet/internal/process"
)

// editorGrace is how long an editor may take to end after we were told to end.
const editorGrace = 2 * time.Second

// quickEditor is less time than a person needs to change anything in an editor.
const quickEditor = 2 * time.Second

// An editing puts plaintext into a person's editor: in a private folder, which is
// gone when the editing ends.
type editing struct {
	program *program
	dir     *privatedir.Dir
	path    string                  // of the text in dir
	check   func(text []byte) error // says what is wrong with the text; nil for nothing
	strict  bool                    // a text with a problem cannot be saved
	keep    bool                    // the folder stays, since it holds what could be kept nowhere else
}

// beginEditing puts text where an editor can open it, under a name by which the
// editor knows what it is. The caller ends the editing.
func (p *program) beginEditing(name string, text []byte, check func(text []byte) error) (*editing, error) {
	dir, err := p.privateDir()
	if err != nil {
		return nil, err
	}
	path, err := dir.WriteFile(name, text)
	if err != nil {
		return nil, errors.Join(err, dir.Remove())
	}
	return &editing{program: p, dir: dir, path: path, check: check}, nil
}

// end removes the private folder.
func (e *editing) end() {
	if e.keep {
		return
	}
	if err := e.dir.Remove(); err != nil {
		e.program.warn("plaintext is left behind: %v", err)
	}
}

var errDiscarded = errors.New("what was edited is discarded")

// run opens the editor until the text passes the check, or the person says what
// is to be done with it. An error with a text means that the text is somebody's
// work and was not asked to be thrown away.
func (e *editing) run(ctx context.Context) ([]byte, error) {
	for {
		text, err := e.open(ctx)
		if err != nil {
			return text, err
		}
		problem := e.check(text)
		if problem == nil {
			return text, nil
		}
		if _, ok := terminalOf(e.program.stdin); !ok {
			return text, problem
		}
		e.program.explain(problem)
		switch answer, err := e.ask(ctx); {
		case err == io.EOF:
			return text, problem
		case err != nil:
			return text, err
		case answer == 's':
			return text, nil
		case answer == 'd':
			return nil, errDiscarded
		}
	}
}

// explain prints an error that is not the end.
func (p *program) explain(err error) {
	p.print("error: ", err.Error())
	var f *failure
	if errors.As(err, &f) {
		for _, hint := range f.hints {
			p.print("hint: ", hint)
		}
	}
}

// ask asks what to do about a text with a problem: 'e' to edit it again, 's' to
// save it as it is, 'd' to discard it.
func (e *editing) ask(ctx context.Context) (byte, error) {
	question := "Edit again (e), save as it is (s), or discard what was edited (d)? "
	if e.strict {
		question = "Edit again (e), or discard what was edited (d)? "
	}
	for {
		fmt.Fprint(e.program.stderr, question)
		line, err := e.program.readAnswer(ctx)
		if err != nil {
			fmt.Fprintln(e.program.stderr)
			return 0, err
		}
		switch answer := strings.ToLower(strings.TrimSpace(line)); answer {
		case "s", "save":
			if e.strict {
				continue
			}
			return 's', nil
		case "e", "edit", "d", "discard":
			return answer[0], nil
		}
	}
}

// readAnswer reads a line from the terminal and nothing behind it: that is for the
// editor.
func (p *program) readAnswer(ctx context.Context) (string, error) {
	type answer struct {
		line []byte
		err  error
	}
	typed := make(chan answer, 1)
	go func() {
		var line []byte
		for one := make([]byte, 1); ; {
			n, err := p.stdin.Read(one)
			if n > 0 && one[0] == '\n' {
				err = nil
			}
			if n > 0 && one[0] != '\n' && len(line) < 100 {
				line = append(line, one[0])
			}
			if err != nil || n > 0 && one[0] == '\n' {
				typed <- answer{line, err}
				return
			}
		}
	}()
	select {
	case a := <-typed:
		return string(a.line), a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// open runs the editor once and gives the text after that.
func (e *editing) open(ctx context.Context) ([]byte, error) {
	editor, err := e.program.editor()
	if err != nil {
		return nil, err
	}
	before, err := os.ReadFile(e.path)
	if err != nil {
		return nil, err
	}
	name := programOf(editor)
	args, variables := editorSettings(name, e.dir.Path())
	cmd := process.Shell(ctx, editor, append(args, e.path)...)
	cmd.Env = append(cmd.Env, variables...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = e.program.stdin, e.program.stdout, e.program.stderr
	cmd.WaitDelay = editorGrace
	shared := endGently(cmd)

	began := time.Now()
	e.program.signals.lend(shared)
	err = e.program.onTerminal(cmd)
	e.program.signals.lend(false)
	took := time.Since(began)

	text, readErr := os.ReadFile(e.path)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return text, ctx.Err()
	case errors.Is(readErr, fs.ErrNotExist):
		return nil, fail("the editor (%s) has removed the file", editor)
	case readErr != nil:
		return nil, readErr
	case errors.As(err, &exit) && !exit.Exited():
		return text, fail("the editor (%s) was killed: %v", editor, err) // whatever the person wanted
	case err != nil:
		return nil, fail("the editor (%s) failed: %v", editor, err).
			hint("VISUAL or EDITOR names another one")
	case bytes.Equal(text, before) && took < quickEditor && variables == nil && name != "vi":
		e.program.hint("an editor that opens a window and returns at once has to be told to wait: \"code --wait\", \"gvim -f\"")
	}
	return text, nil
}

// onTerminal runs a program that may change the terminal. One that was killed did
// not change it back.
func (p *program) onTerminal(cmd *exec.Cmd) error {
	terminal, ok := terminalOf(p.stdin)
	var before *term.State
	if ok {
		before, _ = term.GetState(terminal)
	}
	err := cmd.Run()
	if err != nil && before != nil {
		term.Restore(terminal, before)
	}
	return err
}

// editor gives the command line of the person's editor: VISUAL, else EDITOR, else
// what every system has. Where the terminal cannot move its cursor an editor for
// whole screens is the last choice.
func (p *program) editor() (string, error) {
	visual, _ := p.lookupEnv("VISUAL")
	editor, _ := p.lookupEnv("EDITOR")
	terminal, _ := p.lookupEnv("TERM")
	dumb := terminal == "dumb"
	if strings.TrimSpace(visual) == "" || dumb && strings.TrimSpace(editor) != "" {
		visual = editor
	}
	switch {
	case strings.TrimSpace(visual) != "":
		return visual, nil
	case runtime.GOOS == "windows":
		return "notepad", nil
	case dumb:
		return "", fail("neither VISUAL nor EDITOR is set, and vi cannot work on this terminal (TERM=dumb)").
			hint("EDITOR=ed jet edit FILE")
	}
	return "vi", nil
}

// editorSettings gives the arguments and variables that keep an editor from
// writing copies of the text elsewhere, whatever its configuration says, and that
// leave everything else of the configuration as it is. An editor that is not known
// by the name of its program gets none.
func editorSettings(name, dir string) (args, variables []string) {
	switch {
	case strings.HasPrefix(name, "vim"), strings.HasPrefix(name, "nvim"), name == "gvim", name == "mvim", name == "view":
		// -n: no swap file. -i NONE: no file of registers and marks, which hold what
		// was deleted or copied. Options of Vim 9.1 and Neovim 0.10.
		args = []string{"-n", "-i", "NONE", "-c", "silent! set nobackup nowritebackup | silent! set noundofile | silent! set nofixendofline"}
	case strings.HasPrefix(name, "emacs") && name != "emacsclient":
		args = []string{"--eval", "(setq make-backup-files nil auto-save-default nil auto-save-list-file-prefix nil create-lockfiles nil mode-require-final-newline nil require-final-newline nil)"}
	case name == "nano", name == "rnano", name == "pico":
		variables = []string{"XDG_DATA_HOME=" + dir} // where it keeps what was searched for
	default:
		return nil, nil // a window may live on without us, and its temporary folder must too
	}
	// What filters get, as from ":%!sort".
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		variables = append(variables, name+"="+dir)
	}
	return args, variables
}

// programOf gives the name of the program that a command line runs, without folder
// and ".exe". It is that of the program behind a link: vi is often vim.
func programOf(command string) string {
	command = strings.TrimSpace(command)
	word, _, _ := strings.Cut(command, " ")
	if quote := command[:1]; quote == `"` || quote == "'" {
		word, _, _ = strings.Cut(command[1:], quote)
	}
	if strings.Contains(command, " -- ") || strings.HasSuffix(command, " --") {
		return "" // what we add would be names of files
	}
	name := strings.TrimSuffix(strings.ToLower(filepath.Base(word)), ".exe")
	if name != "vi" {
		return name
	}
	if path, err := exec.LookPath(word); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			name = filepath.Base(path)
		}
	}
	return name
}

// editedName gives the name under which a file of plaintext is edited: without
// ".encrypted", and with an ending that editors know.
func editedName(path string, kind content.Kind, text []byte) string {
	name := filepath.Base(path)
	if at := len(name) - len(".encrypted"); at > 0 && strings.EqualFold(name[at:], ".encrypted") {
		name = name[:at]
	}
	name = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) || strings.ContainsRune(`/\:*?"<>|%`, r) {
			return '_'
		}
		return r
	}, name)
	if len(name) > 100 {
		name = strings.ToValidUTF8(name[len(name)-100:], "")
	}
	ending := ""
	switch kind {
	case content.EnvFile:
		ending = ".env"
	case content.Dockercfg, content.JSON, content.GoogleKey:
		ending = ".json"
		if start := bytes.TrimLeft(bytes.TrimPrefix(text, []byte("\ufeff")), " \t\r\n"); len(start) > 0 && start[0] != '{' {
			ending = ".yaml" // of a Kubernetes Secret
		}
	}
	switch known := strings.ToLower(filepath.Ext(name)); {
	case known == ending, known == ".yaml", known == ".yml", known == ".json":
	case strings.Trim(name, ".") == "":
		name = "text" + ending
	default:
		name += ending
	}
	return name
}

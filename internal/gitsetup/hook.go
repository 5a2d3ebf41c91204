package gitsetup

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/dockercfg/jet/internal/outfile"
	"github.com/dockercfg/jet/internal/shellword"
)

// The lines around what Install puts into a hook.
const (
	hookBegin = `# >>> jet >>> "jet git install" wrote this, "jet git uninstall" removes it`
	hookEnd   = "# <<< jet <<<"
)

// hookCheck is what a hook has to run.
const hookCheck = " check --staged"

const shebang = "#!/bin/sh\n"

// block is what is put into a hook. Where jet is gone it lets commits pass: a hook
// is a convenience, and whoever wants to can leave it out.
func block(program string) string {
	return hookBegin + "\n" +
		"if command -v " + program + " >/dev/null 2>&1; then\n" +
		"\t" + program + hookCheck + " || exit 1\n" +
		"else\n" +
		"\techo 'jet is not there, so that this commit is not checked for readable secrets' >&2\n" +
		"fi\n" +
		hookEnd + "\n"
}

// cutBlock takes the block out of a hook. One that somebody has cut in half stays.
func cutBlock(text []byte) (rest []byte, found bool) {
	lines := strings.SplitAfter(string(text), "\n")
	from := slices.IndexFunc(lines, func(line string) bool { return strings.TrimSuffix(line, "\n") == hookBegin })
	if from < 0 {
		return text, false
	}
	length := slices.IndexFunc(lines[from:], func(line string) bool { return strings.TrimSuffix(line, "\n") == hookEnd })
	if length < 0 {
		return text, false
	}
	before, last := strings.Join(lines[:from], ""), lines[from+length]
	if !strings.HasSuffix(last, "\n") {
		before = strings.TrimSuffix(before, "\n") // which addBlock put there
	}
	return []byte(before + strings.Join(lines[from+length+1:], "")), true
}

// addBlock puts the block right after the first line: what comes later in a hook
// may never be reached.
func addBlock(text []byte, block string) []byte {
	first, rest, found := strings.Cut(string(text), "\n")
	if !found {
		return []byte(first + "\n" + strings.TrimSuffix(block, "\n"))
	}
	return []byte(first + "\n" + block + rest)
}

// hookPath gives the path of the pre-commit hook, and whether it is that of this
// repository alone.
func (r *repository) hookPath() (path string, own bool, err error) {
	out, err := r.git("rev-parse", "--git-path", "hooks/pre-commit")
	if err != nil {
		return "", false, err
	}
	if path = filepath.FromSlash(string(out)); !filepath.IsAbs(path) {
		path = filepath.Join(r.top, path)
	}
	folder, err := r.git("config", "--get", "core.hooksPath")
	if err != nil || len(folder) == 0 {
		return path, true, nil
	}
	local, err := r.config("core.hooksPath")
	return path, local == string(folder), err
}

// managers are programs that write hooks themselves, by what their hooks hold or
// the folders they stand in, and are named after.
var managers = [...]string{"husky", "lefthook", "pre-commit.com", "overcommit", "simple-git-hooks", "captainhook", "grumphp"}

// unfit says why a hook is not to be changed, "" if it may be. Within is its path
// in the work tree, "" if it is elsewhere.
func unfit(path, within string, text []byte) string {
	for _, name := range managers {
		if bytes.Contains(bytes.ToLower(text), []byte(name)) || strings.Contains(strings.ToLower(within), name) {
			return "is managed by " + strings.TrimSuffix(name, ".com")
		}
	}
	info, err := os.Lstat(path)
	switch first, _, _ := bytes.Cut(text, []byte("\n")); {
	case errors.Is(err, fs.ErrNotExist):
		return ""
	case err == nil && info.Mode()&fs.ModeSymlink != 0:
		return "is a symbolic link"
	case err == nil && info.Mode()&0o111 == 0 && runtime.GOOS != "windows":
		return "is not executable, so that git does not run it"
	case !isShell(string(first)), bytes.Contains(text, []byte("\r\n")):
		return "is no shell script"
	}
	return ""
}

// isShell reports whether the first line of a script names a shell.
func isShell(first string) bool {
	words := strings.Fields(strings.TrimPrefix(first, "#!"))
	if !strings.HasPrefix(first, "#!") || len(words) == 0 {
		return false
	}
	program := words[0]
	if strings.HasSuffix(program, "/env") && len(words) > 1 {
		program = words[1]
	}
	return slices.Contains([]string{"sh", "bash", "dash", "ksh", "zsh", "ash"}, program[strings.LastIndex(program, "/")+1:])
}

func (r *repository) installHook() error {
	path, own, err := r.hookPath()
	if err != nil {
		return err
	}
	text, state, err := readAll(path)
	if err != nil {
		return err
	}
	program, within := shellword.Quote(filepath.ToSlash(r.Program)), ""
	if relative, err := filepath.Rel(r.top, path); err == nil && filepath.IsLocal(relative) && !strings.HasPrefix(relative, ".git"+string(filepath.Separator)) {
		program, within = "jet", relative // it is for colleagues too, whose jet is elsewhere
	}
	want := block(program)
	rest, had := cutBlock(text)
	reason := unfit(path, within, rest)
	switch {
	case had && bytes.Contains(text, []byte(strings.TrimSuffix(want, "\n"))):
		return nil
	case !own:
		reason = "is that of other repositories too (core.hooksPath)"
	case bytes.Contains(rest, []byte("jet"+hookCheck)):
		return nil // somebody has put it there
	}
	if reason != "" {
		r.change.notice("the pre-commit hook %q %s: have it run \"jet%s\", and fail if that does", path, reason, hookCheck)
		return nil
	}
	if r.DryRun {
		r.change.done("added \"jet%s\" to the pre-commit hook %q", hookCheck, path)
		return nil
	}
	if state == made {
		rest = []byte(shebang)
	}
	if !had {
		if err := r.setConfig(hookState, state); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	if _, err := outfile.WriteFile(path, addBlock(rest, want), outfile.Shared); err != nil {
		return err
	}
	if state == made {
		if err := os.Chmod(path, 0o755); err != nil {
			return err
		}
	}
	r.change.done("added \"jet%s\" to the pre-commit hook %q", hookCheck, path)
	return nil
}

func (r *repository) uninstallHook() error {
	path, _, err := r.hookPath()
	if err != nil {
		return err
	}
	state, err := r.config(hookState)
	if err != nil {
		return err
	}
	text, _, err := readAll(path)
	if err != nil {
		return err
	}
	rest, found := cutBlock(text)
	if !found {
		return r.unsetConfig(hookState)
	}
	if state == made && string(rest) == shebang {
		rest = nil
	}
	if !r.DryRun {
		if err := r.rewrite(path, rest, state); err != nil {
			return err
		}
	}
	r.change.done("removed \"jet%s\" from the pre-commit hook %q", hookCheck, path)
	return r.unsetConfig(hookState)
}

package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/check"
	"github.com/dockercfg/jet/internal/content"
	"github.com/dockercfg/jet/internal/encryptedfile"
	"github.com/dockercfg/jet/internal/shellword"
	"github.com/dockercfg/jet/internal/worktree"
)

// lookAtGit looks at what git leaves out, and takes stock of the files.
func (e *examiner) lookAtGit() error {
	if e.inGit {
		e.looked = append(e.looked, "git")
	}
	listing, err := worktree.List(e.ctx, e.top)
	if err != nil && e.ctx.Err() == nil {
		if _, missing := exec.LookPath("git"); missing != nil {
			e.add(Note, "git-missing", "", 0, "git is not installed, so what it has cannot be told", "apt-get install git, or https://git-scm.com/downloads")
		} else {
			e.add(Problem, "git-fails", "", 0, err.Error(), "git status")
		}
		e.inGit = false // for all that follows
		listing, err = worktree.ListAll(e.ctx, e.top, nil)
	}
	if err != nil {
		return err
	}
	e.files = listing.Files
	if !e.inGit {
		return nil
	}
	e.lookAtDriver()
	out, err := worktree.Git(e.ctx, e.top, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--",
		"*.encrypted", "codeship.aes.age", "codeship.aes.recipients").Output()
	if err != nil {
		return nil // it was asked before, and answered
	}
	for name := range strings.SplitSeq(string(out), "\x00") {
		if name != "" && !strings.HasSuffix(name, "/") {
			e.add(Problem, "ignored-by-git", name, 0, "git ignores it, so nobody else ever gets it",
				"git add -f -- "+shellword.Quote(e.typed(name)), fmt.Sprintf("\"git check-ignore -v %s\" shows which line does that", shellword.Quote(e.typed(name))))
		}
	}
	return nil
}

// lookAtDriver: .gitattributes, which everybody gets, names a merge driver that is
// set up in each clone by itself.
func (e *examiner) lookAtDriver() {
	out, err := worktree.Git(e.ctx, e.top, "check-attr", "-z", "merge", "--", "any.encrypted").Output()
	if err != nil || !strings.Contains(string(out), "\x00jet\x00") {
		return
	}
	out, _ = worktree.Git(e.ctx, e.top, "config", "merge.jet.driver").Output() // an error is for none
	program, _, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	program = strings.Trim(program, `'"`)
	if program == "" {
		e.add(Note, "git-not-set-up", ".gitattributes", 0, "it says that jet compares and merges encrypted files, and this clone is not set up for that", "jet git install")
	} else if _, err := exec.LookPath(program); err != nil {
		e.add(Problem, "git-driver-missing", "", 0, fmt.Sprintf("git is to merge encrypted files with %q, and there is no such program", program), "jet git install")
	}
}

// maxContent bounds a file whose content is looked at, in bytes.
const maxContent = 4 << 20

// lookAtFiles judges the files as "jet check" does, and looks into them.
func (e *examiner) lookAtFiles() error {
	e.looked = append(e.looked, "encrypted files")
	wrong, err := e.runCheck()
	if err != nil {
		return err
	}
	byFormat := make(map[crypto.Format]int)
	for _, file := range e.files {
		if !file.Info.Mode().IsRegular() {
			continue
		}
		path := filepath.Join(e.top, file.Path)
		found, err := encryptedfile.LookAt(path)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) && encryptedfile.Named(path) {
				e.add(Problem, "unreadable", path, 0, fmt.Sprintf("it cannot be read: %v", cause(err)), "ls -l "+shellword.Quote(e.typed(path)))
			}
			continue
		}
		if found.Format == 0 || found.Doubtful {
			continue
		}
		byFormat[found.Format]++
		if found.Format.Strength() < e.Require.Strength() {
			e.add(Problem, "format-refused", path, 0, fmt.Sprintf("it is %v, and JET_REQUIRE asks for %v at least, so it is not read", found.Format, e.Require),
				fmt.Sprintf("\"JET_REQUIRE= jet decrypt %s - | jet encrypt - %s --format %v\" writes it anew", shellword.Quote(e.typed(path)), shellword.Quote(e.typed(path)), e.Require))
		}
		if e.haveKey && file.Info.Size() <= maxContent && !slices.Contains(wrong, filepath.ToSlash(file.Path)) {
			e.lookInto(path)
		}
	}
	total := 0
	for _, n := range byFormat {
		total += n
	}
	if n := byFormat[crypto.CodeshipV2] + byFormat[crypto.CloudBeesV1]; n > 0 && e.Require == 0 {
		e.add(Note, "checksum-format", "", 0, count(n, "file")+" in the format codeship:v2 or cloudbees:v1, in which tampering is not noticed",
			`"jet encrypt" with --format jet:v1 on the decrypted file writes a format in which it is; old copies of Codeship's jet do not read that`)
	}
	switch {
	case total > 0 && e.noKey != nil:
		e.add(Problem, "key-missing", "", 0, fmt.Sprintf("%s, and there is no key: %v", count(total, "encrypted file"), e.noKey),
			`somebody of the team has it: "jet key share --to FILE" gives you a share, with your .pub file`, "--key-path FILE names it elsewhere")
	case total == 0 && e.haveKey && e.key.Path != "" && len(e.found) == 0:
		e.add(Note, "nothing-encrypted", "", 0, "there is a key, and no encrypted file", `"jet encrypt app.env app.env.encrypted" makes one`)
	}
	return e.lookAtPlainEnvFiles()
}

// runCheck lets package check judge the project, and gives the files that it found
// something wrong with.
func (e *examiner) runCheck() (wrong []string, err error) {
	options := check.Options{Dir: e.top, History: e.inGit, Key: func(context.Context) (crypto.Key, error) {
		if e.haveKey {
			return e.key.Key, nil
		}
		return crypto.Key{}, check.ErrNoKey
	}}
	report, err := check.Run(e.ctx, options)
	var allow *check.AllowError
	switch {
	case e.ctx.Err() != nil:
		return nil, e.ctx.Err()
	case errors.As(err, &allow):
		e.add(Problem, "jetcheck-broken", check.AllowFile, allow.Line, allow.Problem, "a line is RULE PATH-PATTERN -- reason; \"jet check\" says the same")
		return nil, nil
	case err != nil:
		e.add(Problem, "check-fails", "", 0, err.Error(), "jet check")
		return nil, nil
	}
	for _, f := range report.Findings {
		severity := Problem
		if f.Severity == check.Warning {
			severity = Note
		}
		e.add(severity, f.Rule, f.Path, f.Line, f.Message, f.Hints...)
		wrong = append(wrong, f.Path)
	}
	return wrong, nil
}

// lookInto looks at what is in an encrypted file.
func (e *examiner) lookInto(path string) {
	file, err := os.Open(path)
	if err != nil {
		return
	}
	defer file.Close()
	var plain strings.Builder
	if _, err := crypto.Decrypt(&plain, file, e.key.Key, crypto.WithHiddenOutput()); err != nil {
		return // package check has said so
	}
	e.lookAtText(path, []byte(plain.String()))
}

// lookAtText looks at a plaintext whose file, encrypted or not, is at path.
func (e *examiner) lookAtText(path string, text []byte) {
	switch c := content.Parse(text, path); c.Kind {
	case content.EnvFile:
		e.lookAtVariables(path, text)
	case content.Dockercfg:
		e.lookAtRegistries(path, text)
	}
}

// lookAtPlainEnvFiles looks at env files of the folder that are not encrypted, and
// mostly ignored by git.
func (e *examiner) lookAtPlainEnvFiles() error {
	entries, err := os.ReadDir(e.dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxContent || !isEnvFileName(name) {
			continue
		}
		if text, err := os.ReadFile(filepath.Join(e.dir, name)); err == nil {
			e.lookAtVariables(filepath.Join(e.dir, name), text)
		}
	}
	return nil
}

// isEnvFileName reports whether a plain file is called as env files are.
func isEnvFileName(name string) bool {
	return name == ".env" || strings.HasSuffix(name, ".env") || strings.HasPrefix(name, ".env.") && !encryptedfile.Mentioned(name)
}

func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

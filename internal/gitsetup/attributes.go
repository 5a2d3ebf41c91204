package gitsetup

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dockercfg/jet/internal/outfile"
)

// attributesLine says which files are encrypted.
const attributesLine = "*.encrypted diff=jet merge=jet"

// What the configuration remembers of a file: that Install made it, or added to it.
const (
	attributesState = "jet.attributes"
	hookState       = "jet.hook"
	made            = "made"
	added           = "added"
)

func (r *repository) attributesPath() string { return filepath.Join(r.top, ".gitattributes") }

// attributesCount reports whether git knows encrypted files as such, from
// whatever file.
func (r *repository) attributesCount() (bool, error) {
	out, err := r.git("check-attr", "-z", "diff", "merge", "--", "any.encrypted")
	return bytes.Count(out, []byte("\x00jet\x00")) == 2, err
}

func (r *repository) installAttributes() error {
	done, err := r.attributesCount()
	if err != nil || done {
		return err
	}
	text, state, err := readAll(r.attributesPath())
	if err != nil {
		return err
	}
	if r.DryRun {
		r.change.done("added %q to .gitattributes", attributesLine)
		return nil
	}
	// First the memory: what is left of it after a crash does no harm.
	if err := r.setConfig(attributesState, state); err != nil {
		return err
	}
	if _, err := outfile.WriteFile(r.attributesPath(), addLine(text, attributesLine), outfile.Shared); err != nil {
		return err
	}
	r.change.done("added %q to .gitattributes", attributesLine)
	if done, err = r.attributesCount(); err == nil && !done {
		r.change.notice("another file of attributes says something else of *.encrypted; \"git check-attr -a x.encrypted\" shows what counts")
	}
	return err
}

func (r *repository) uninstallAttributes() error {
	state, err := r.config(attributesState)
	if err != nil || state == "" {
		return err
	}
	if committed, _ := r.git("show", "HEAD:./.gitattributes"); hasLine(committed, attributesLine) {
		r.change.notice("the line %q in .gitattributes stays, since it is committed; it does nothing where jet is not set up", attributesLine)
		return r.unsetConfig(attributesState)
	}
	text, _, err := readAll(r.attributesPath())
	if err != nil {
		return err
	}
	if rest, found := removeLine(text, attributesLine); found {
		if !r.DryRun {
			if err := r.rewrite(r.attributesPath(), rest, state); err != nil {
				return err
			}
		}
		r.change.done("removed %q from .gitattributes", attributesLine)
	}
	return r.unsetConfig(attributesState)
}

// rewrite writes what is left of a file, or removes one that Install made and that
// holds nothing else.
func (r *repository) rewrite(path string, rest []byte, state string) error {
	if state == made && len(rest) == 0 {
		return os.Remove(path)
	}
	_, err := outfile.WriteFile(path, rest, outfile.Shared)
	return err
}

// readAll reads a file that need not exist, and gives what to remember when
// something is added to it.
func readAll(path string) (text []byte, state string, err error) {
	text, err = os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, made, nil
	}
	return text, added, err
}

// addLine adds a line at the end of a text, in the way of its lines: if the last
// one has no end the new one has none either.
func addLine(text []byte, line string) []byte {
	end := "\n"
	if bytes.Contains(text, []byte("\r\n")) {
		end = "\r\n"
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		line = end + line
	} else {
		line += end
	}
	return append(bytes.Clone(text), line...)
}

// removeLine undoes addLine: it removes the last line of this text.
func removeLine(text []byte, line string) (rest []byte, found bool) {
	lines := strings.SplitAfter(string(text), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.TrimRight(lines[i], "\r\n") != line {
			continue
		}
		before := strings.Join(lines[:i], "")
		if !strings.HasSuffix(lines[i], "\n") {
			if before = strings.TrimSuffix(before, "\n"); strings.Contains(before, "\r\n") {
				before = strings.TrimSuffix(before, "\r")
			}
		}
		return []byte(before + strings.Join(lines[i+1:], "")), true
	}
	return text, false
}

func hasLine(text []byte, line string) bool {
	_, found := removeLine(text, line)
	return found
}

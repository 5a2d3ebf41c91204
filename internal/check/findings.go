package check

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/dockercfg/jet/internal/git"
	"github.com/dockercfg/jet/internal/shellword"
)

// Place is where the version stands that a finding is about.
type Place string

const (
	InIndex    Place = "index"     // what the next commit has
	InWorkTree Place = "work tree" // a file as it is now, which git tracks or would add
	InHistory  Place = "history"   // a commit
)

// A Finding is one violation of a rule. It holds no secret and no part of one.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	// Path counts from the top of the project, with slashes, whatever bytes git has.
	Path    string   `json:"path"`
	Line    int      `json:"line,omitempty"` // from 1; 0 if it is about the whole file
	Place   Place    `json:"place"`
	Commit  string   `json:"commit,omitempty"` // the first that has it, InHistory
	Message string   `json:"message"`          // what is wrong, without the path
	Hints   []string `json:"hints,omitempty"`  // each has a command to type in the folder that was asked about
}

// A speaker puts findings into words.
type speaker struct {
	dir, top string // without symbolic links
	git      bool
	staged   bool
	tracked  map[string]bool
}

// typed gives a path as one types it in the folder that was asked about.
func (s *speaker) typed(path string) string {
	full := filepath.Join(s.top, filepath.FromSlash(path))
	if relative, err := filepath.Rel(s.dir, full); err == nil {
		full = relative
	}
	return shellword.Quote(full)
}

func (s *speaker) finding(v *version, rule, message string, hints ...string) Finding {
	r, _ := RuleNamed(rule)
	return Finding{Rule: rule, Severity: r.Severity, Path: v.path, Place: v.place, Message: message, Hints: hints}
}

func (s *speaker) one(v *version, rule, message string, hints ...string) []Finding {
	return []Finding{s.finding(v, rule, message, hints...)}
}

// andIs says what makes a readable secret a problem: how near git is to having it.
func (s *speaker) andIs(v *version) string {
	switch {
	case !s.git:
		return ""
	case v.place == InIndex && s.staged:
		return ", and the next commit would have it"
	case v.place == InIndex:
		return ", and is in git"
	case s.tracked[v.path]:
		return ", and git tracks it"
	}
	return ", and git does not ignore it"
}

// takeOut tells how to keep a file out of git.
func (s *speaker) takeOut(v *version) []string {
	if !s.git {
		return nil
	}
	var hints []string
	if v.place == InIndex || s.tracked[v.path] {
		hints = append(hints, fmt.Sprintf(`"git rm --cached -- %s" takes it out of git and leaves the file`, s.typed(v.path)))
	}
	// In a pattern these mean something, and so does a blank at the end.
	if shellword.Quote(v.path) != shellword.Untypeable && !strings.ContainsAny(v.path, `\*?[`) && !strings.HasSuffix(v.path, " ") {
		hints = append(hints, fmt.Sprintf(`"echo %s >>%s" keeps it from being added`, shellword.Quote("/"+v.path), s.typed(".gitignore")))
	}
	return hints
}

const rotate = `"jet rotate --new-key-path new.aes" puts another key in its place: whoever has the repository has this one`

func (s *speaker) keyFile(v *version, whose string) Finding {
	return s.finding(v, KeyInGit, "it is "+whose+s.andIs(v), s.takeOut(v)...)
}

func (s *speaker) keyInside(v *version, line int) Finding {
	hints := []string{`"jet decrypt --help" lists the other ways to give jet the key: JET_KEY from the secrets of a CI service, say`}
	if s.tracked[v.path] {
		hints = append(hints, rotate)
	}
	f := s.finding(v, KeyInGit, "the project key stands in it"+s.andIs(v), hints...)
	f.Line = line
	return f
}

func (s *speaker) keyInCommit(in git.Introduction, what string) Finding {
	f := s.finding(&version{path: in.Path, place: InHistory}, KeyInGit,
		fmt.Sprintf("commit %.12s of %s has %s", in.Commit, in.Time.Format(time.DateOnly), what), rotate,
		fmt.Sprintf(`"git log --all -- %s" tells in which commits it changed; they stay where they were copied to`, s.typed(in.Path)))
	f.Commit = in.Commit
	return f
}

func (s *speaker) twin(v *version, line int) Finding {
	f := s.finding(v, PlaintextTwin, fmt.Sprintf("it is the plain text of %q by its name%s", v.twin.of, s.andIs(v)), s.takeOut(v)...)
	f.Line = line
	return f
}

func (s *speaker) plain(v *version, what string, line int) Finding {
	hints := []string{fmt.Sprintf(`"jet encrypt %s %s" makes a file that can be in git instead`, s.typed(v.path), s.typed(v.path+encryptedSuffix))}
	f := s.finding(v, PlainSecrets, fmt.Sprintf("it holds %s in plain text%s", what, s.andIs(v)), append(hints, s.takeOut(v)...)...)
	f.Line = line
	return f
}

// versions tells where a good version of a file may be.
func (s *speaker) versions(v *version) []string {
	name := s.typed(v.path)
	if !s.git {
		return nil
	}
	return []string{fmt.Sprintf(`"git log --oneline -- %s" lists its versions, "git restore --source=COMMIT -- %s" brings one back`, name, name)}
}

// merge tells how to get out of a conflict, and out of one that is committed.
func (s *speaker) merge(v *version) []string {
	return append([]string{fmt.Sprintf(`"jet merge %s" settles it while git is merging`, s.typed(v.path))}, s.versions(v)...)
}

// encrypt tells how to encrypt a file that has the name of an encrypted one already.
func (s *speaker) encrypt(v *version) string {
	name := s.typed(v.path)
	hint := fmt.Sprintf(`"jet encrypt - %s <%s" encrypts it`, name, name)
	if s.staged {
		hint += fmt.Sprintf(`, "git add -- %s" stages that`, name)
	}
	return hint
}

func (s *speaker) reencrypt(v *version) string {
	name, plain := s.typed(v.path), s.typed(v.path+".plain")
	return fmt.Sprintf(`"jet decrypt %s %s && jet encrypt %s %s --format jet:v1 && rm %s" writes it in a format that is checked`, name, plain, plain, name, plain)
}

func (s *speaker) tryKey(v *version) string {
	return fmt.Sprintf(`"jet decrypt %s - --key-path FILE" tries another key`, s.typed(v.path))
}

func (s *speaker) show(v *version) string {
	return fmt.Sprintf(`"jet decrypt %s -" shows what is in it`, s.typed(v.path))
}

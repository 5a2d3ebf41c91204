// Package corpus is a collection of small repositories, each labelled with what a
// guard has to find in it: testdata/check. It is for tests, and for the comparison
// with other guards.
//
// A case is a file in txtar format. Its comment is a line "# " and what happened, a
// line "guilty" or "innocent", and then:
//
//	check ARGUMENTS     of jet check; without that line it is --staged
//	key none            the guard has no key; without that line it has the project's
//	git ARGUMENTS       a command that runs last but for work/
//	finding RULE PATH   what is to be found, and nothing else
//	finding RULE PATH @ PLACE   where: index, work tree, history
//
// Its files are laid under these names, in this order: commit/PATH (commit2/, …) is
// in the first commit (the second, …), index/PATH is staged, loose/PATH is not, and
// after the git commands work/PATH is only in the work tree.
// A name with a backslash is as in Go. "{}" in a content is taken out, so that no
// scanner takes it for a real token, "{key}" is the project key. A first line with
// "!" says what the content is:
//
//	!key, !other-key      the project key, another one
//	!removed              there is no such file any more
//	!link                 a symbolic link; the rest is where it leads
//	!empty, !bare         nothing; the rest without the last line end
//	!base64, !noise       the rest in base64; 600 bytes that look random
//	!FORMAT               the rest, encrypted; with the other key after "!FORMAT other-key",
//	                      without its last 20 bytes after "!FORMAT cut"
package corpus

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/check"
	"github.com/dockercfg/jet/internal/worktree"
)

// The keys of all cases.
const (
	Key      = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	OtherKey = "K+DYs6r5bEVuB3J/3mpQ2f0cgROmTs4+xcsPrDBZhnY="
)

// A Finding is what a guard has to find.
type Finding struct{ Rule, Path, Place string }

// A Case is one repository.
type Case struct {
	Name     string // of its file
	What     string // what happened, for people
	Guilty   bool
	Check    []string // the arguments of jet check
	NoKey    bool
	Findings []Finding

	git   [][]string
	files []file
}

type file struct {
	stage string // commit, commit2, …, index, loose or work
	path  string
	data  []byte
	kind  string // "" or removed or link
}

// Load reads all cases of a folder.
func Load(dir string) ([]Case, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil {
		return nil, err
	}
	var cases []Case
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			return nil, err
		}
		c, err := parse(archive)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		c.Name = strings.TrimSuffix(filepath.Base(name), ".txtar")
		cases = append(cases, c)
	}
	return cases, nil
}

func parse(archive *txtar.Archive) (Case, error) {
	c := Case{Check: []string{"--staged"}}
	label := ""
	for line := range strings.Lines(string(archive.Comment)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "#":
			c.What = strings.TrimSpace(c.What + " " + rest)
		case "":
		case "guilty", "innocent":
			label = word
		case "check":
			c.Check = strings.Fields(rest)
		case "key":
			c.NoKey = rest == "none"
		case "git":
			c.git = append(c.git, strings.Fields(rest))
		case "finding":
			rest, place, _ := strings.Cut(rest, " @ ")
			rule, path, _ := strings.Cut(rest, " ")
			path, err := unquote(path)
			if err != nil {
				return c, err
			}
			c.Findings = append(c.Findings, Finding{rule, path, place})
		default:
			return c, fmt.Errorf("%q is not understood", line)
		}
	}
	if c.Guilty = label == "guilty"; label == "" || c.What == "" || c.Guilty != (c.Findings != nil) {
		return c, errors.New("the label, or what happened, or the findings are missing, or they are at odds")
	}
	for _, f := range archive.Files {
		stage, path, _ := strings.Cut(f.Name, "/")
		path, err := unquote(path)
		if err != nil || path == "" || !isStage(stage) {
			return c, fmt.Errorf("there is no place %q (%v)", f.Name, err)
		}
		made := file{stage: stage, path: path}
		if made.data, made.kind, err = made.content(f.Data); err != nil {
			return c, fmt.Errorf("%s: %w", f.Name, err)
		}
		c.files = append(c.files, made)
	}
	return c, nil
}

func isStage(name string) bool {
	return isCommit(name) || name == "index" || name == "loose" || name == "work"
}

func isCommit(stage string) bool { return strings.HasPrefix(stage, "commit") }

func unquote(name string) (string, error) {
	if !strings.Contains(name, `\`) {
		return name, nil
	}
	return strconv.Unquote(`"` + name + `"`)
}

// content makes what a file holds.
func (f file) content(data []byte) (made []byte, kind string, err error) {
	data = bytes.ReplaceAll(data, []byte("{}"), nil)
	data = bytes.ReplaceAll(data, []byte("{key}"), []byte(Key))
	if !bytes.HasPrefix(data, []byte("!")) {
		return data, "", nil
	}
	line, rest, _ := bytes.Cut(data[1:], []byte("\n"))
	word, option, _ := strings.Cut(string(line), " ")
	switch word {
	case "key":
		return []byte(Key + "\n"), "", nil
	case "other-key":
		return []byte(OtherKey + "\n"), "", nil
	case "removed":
		return nil, word, nil
	case "link":
		return bytes.TrimSpace(rest), word, nil
	case "empty":
		return nil, "", nil
	case "bare":
		return bytes.TrimSuffix(rest, []byte("\n")), "", nil
	case "base64":
		return []byte(base64.StdEncoding.EncodeToString(rest) + "\n"), "", nil
	case "noise":
		noise := make([]byte, 600)
		rand.NewChaCha8([32]byte{1}).Read(noise)
		return noise, "", nil
	}
	format, err := crypto.ParseFormat(word)
	if err != nil {
		return nil, "", err
	}
	text := Key
	if option == "other-key" {
		text = OtherKey
	}
	key, err := crypto.ParseKey([]byte(text))
	if err != nil {
		return nil, "", err
	}
	var b bytes.Buffer
	err = crypto.Encrypt(&b, bytes.NewReader(rest), key, format)
	made = b.Bytes()
	if option == "cut" {
		made = made[:len(made)-20]
	}
	return made, "", err
}

// Options are what the case asks of a check of the repository in dir.
func (c Case) Options(dir string) check.Options {
	o := check.Options{Dir: dir, Staged: slices.Contains(c.Check, "--staged"), History: slices.Contains(c.Check, "--history")}
	if !c.NoKey {
		o.Key = ProjectKey
	}
	return o
}

// ProjectKey gives the project key of all cases.
func ProjectKey(context.Context) (crypto.Key, error) { return crypto.ParseKey([]byte(Key)) }

// Paths gives the paths of all files of the case.
func (c Case) Paths() []string {
	var paths []string
	for _, f := range c.files {
		paths = append(paths, f.path)
	}
	return paths
}

// Contents calls visit with the content of each file of the case.
func (c Case) Contents(visit func(path string, data []byte)) {
	for _, f := range c.files {
		visit(f.path, f.data)
	}
}

// Build makes the repository in a folder that is empty.
func (c Case) Build(dir string) error {
	if err := git(dir, "init", "-q", "-b", "main"); err != nil {
		return err
	}
	var stages []string
	for _, f := range c.files {
		if isCommit(f.stage) && !slices.Contains(stages, f.stage) {
			stages = append(stages, f.stage)
		}
	}
	slices.Sort(stages)
	for _, stage := range stages {
		if err := c.put(dir, stage); err != nil {
			return err
		}
		if err := git(dir, "commit", "-q", "-m", stage); err != nil {
			return err
		}
	}
	if err := errors.Join(c.put(dir, "index"), c.put(dir, "loose")); err != nil {
		return err
	}
	for _, args := range c.git {
		if err := git(dir, args...); err != nil {
			return err
		}
	}
	return c.put(dir, "work")
}

// put lays the files of one stage, and stages those of a commit or the index.
func (c Case) put(dir, stage string) error {
	add := []string{"--literal-pathspecs", "add", "-f", "-A", "--"}
	none := len(add)
	for _, f := range c.files {
		if f.stage != stage {
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(f.path))
		err := os.RemoveAll(path)
		switch f.kind {
		case "removed":
		case "link":
			err = errors.Join(err, os.Symlink(string(f.data), path))
		default:
			err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, f.data, 0o644))
		}
		if err != nil {
			return err
		}
		add = append(add, f.path)
	}
	if len(add) == none || !isCommit(stage) && stage != "index" {
		return nil
	}
	return git(dir, add...)
}

// git runs git as nobody in particular.
func git(dir string, args ...string) error {
	cmd := worktree.Git(context.Background(), dir, append([]string{
		"-c", "user.name=nobody", "-c", "user.email=nobody@example.com", "-c", "commit.gpgSign=false", "-c", "core.autocrlf=false",
	}, args...)...)
	cmd.Env = append(cmd.Env, "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %q: %w: %s", args, err, out)
	}
	return nil
}

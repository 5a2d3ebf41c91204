package rotate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/projectkey"
	"github.com/dockercfg/jet/internal/rotate/journal"
	"github.com/dockercfg/jet/internal/services"
)

// TestMain keeps what is remembered of keys out of the user's configuration.
func TestMain(m *testing.M) {
	home, err := os.MkdirTemp("", "jet-test-")
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "AppData"} {
		os.Setenv(name, home)
	}
	code := m.Run()
	os.RemoveAll(home)
	os.Exit(code)
}

// project is a folder with encrypted files.
type project struct {
	t        *testing.T
	dir      string
	old, new crypto.Key
	plain    map[string]string // of each encrypted file, and of the values of services files
}

// newProject makes a project with files of all kinds, in a git work tree or not.
func newProject(t *testing.T, git bool) *project {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &project{t: t, dir: filepath.Join(dir, "project"), old: crypto.GenerateKey(), new: crypto.GenerateKey(), plain: make(map[string]string)}
	if err := os.Mkdir(p.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if git {
		if out, err := exec.Command("git", "init", "-q", p.dir).CombinedOutput(); err != nil {
			t.Skipf("needs git: %v\n%s", err, out)
		}
	} else {
		t.Setenv("GIT_CEILING_DIRECTORIES", dir)
	}
	p.put("codeship.aes", string(p.old.Encode()))
	p.put("new.aes", string(p.new.Encode()))
	os.Chmod(filepath.Join(p.dir, "codeship.aes"), 0o600)
	p.encrypt("a.env.encrypted", "A=1\nB=2\n", crypto.JetV1)
	p.encrypt("sub/b", "C=3\n", crypto.CodeshipV2)
	p.encrypt("sub/c.encrypted", "D=4 and what no wrong key makes of it\n", crypto.Unsigned)
	p.encrypt("sub/empty.encrypted", "", crypto.Unsigned)
	p.encrypt("sub/deep/e.encrypted", "", crypto.JetV1)
	value := p.sealed(p.old, "E=5\nF=6 and so on and on", crypto.Unsigned)
	p.put("codeship-services.yml", "# c\r\napp:\r\n  encrypted_environment: ["+value+"]\r\n")
	p.plain["codeship-services.yml"] = "E=5\nF=6 and so on and on"
	p.put("plain", "A=1\n")
	return p
}

func (p *project) put(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.dir, filepath.FromSlash(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		p.t.Fatal(err)
	}
}

// encrypt writes a file with the old key.
func (p *project) encrypt(name, plain string, format crypto.Format) {
	p.t.Helper()
	p.put(name, p.sealed(p.old, plain, format))
	p.plain[name] = plain
}

func (p *project) sealed(key crypto.Key, plain string, format crypto.Format) string {
	p.t.Helper()
	var b strings.Builder
	if err := crypto.Encrypt(&b, strings.NewReader(plain), key, format); err != nil {
		p.t.Fatal(err)
	}
	return b.String()
}

func (p *project) request() Request {
	return Request{
		Root: p.dir,
		Old:  Key{Key: p.old, Path: filepath.Join(p.dir, "codeship.aes")},
		New:  Key{Key: p.new, Path: filepath.Join(p.dir, "new.aes")},
	}
}

func (p *project) plan(r Request) *Plan {
	p.t.Helper()
	plan, err := NewPlan(p.t.Context(), r)
	if err != nil {
		p.t.Fatal(err)
	}
	return plan
}

func (p *project) session() *Session {
	p.t.Helper()
	place, err := journal.PlaceOf(p.dir, filepath.Join(p.dir, "codeship.aes"))
	if err != nil {
		p.t.Fatal(err)
	}
	s, err := Begin(p.t.Context(), place)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { s.Close() })
	return s
}

// snapshot gives the content of all files but those of git, and of .gitignore.
func (p *project) snapshot() map[string]string {
	p.t.Helper()
	files := make(map[string]string)
	if err := filepath.WalkDir(p.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch name := strings.TrimPrefix(path, p.dir+string(filepath.Separator)); {
		case name == ".git":
			return fs.SkipDir
		case entry.Type().IsRegular() && name != ".gitignore":
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			files[filepath.ToSlash(name)] = string(data)
		}
		return nil
	}); err != nil {
		p.t.Fatal(err)
	}
	return files
}

// opens checks that every file opens to what it was with one of the keys.
func (p *project) opens(when string, keys ...crypto.Key) {
	p.t.Helper()
	for name, plain := range p.plain {
		data, err := os.ReadFile(filepath.Join(p.dir, filepath.FromSlash(name)))
		if err != nil {
			p.t.Errorf("%s: %v", when, err)
			continue
		}
		text := string(data)
		if strings.HasSuffix(name, ".yml") {
			f, err := services.Parse(data)
			if err != nil || len(f.Values) != 1 {
				p.t.Errorf("%s: %s: %v\n%s", when, name, err, data)
				continue
			}
			text = f.Values[0].Text
		}
		opened := slices.ContainsFunc(keys, func(key crypto.Key) bool {
			var got bytes.Buffer
			_, err := crypto.Decrypt(&got, strings.NewReader(text), key)
			return err == nil && got.String() == plain
		})
		if !opened {
			p.t.Errorf("%s: %s does not open", when, name)
		}
	}
}

// rotated checks that all is as it should be at the end.
func (p *project) rotated(when string) {
	p.t.Helper()
	p.opens(when, p.new)
	want := slices.Sorted(maps.Keys(p.plain))
	want = append(want, "codeship.aes", "codeship.aes.old", "plain")
	slices.Sort(want)
	files := p.snapshot()
	got := slices.Sorted(maps.Keys(files))
	if got = slices.DeleteFunc(got, func(name string) bool { return name == "codeship.aes.rotation" }); !slices.Equal(got, want) {
		p.t.Errorf("%s: files are %q, want %q", when, got, want)
	}
	if files["codeship.aes"] != string(p.new.Encode()) || files["codeship.aes.old"] != string(p.old.Encode()) {
		p.t.Errorf("%s: the keys are not in their places", when)
	}
	for _, name := range []string{"codeship.aes", "codeship.aes.old"} {
		if info, err := os.Stat(filepath.Join(p.dir, name)); err != nil || info.Mode().Perm() != 0o600 && filepath.Separator == '/' {
			p.t.Errorf("%s: %s: %v, %v", when, name, info.Mode(), err)
		}
	}
	if s := p.session(); s.Journal != nil {
		p.t.Errorf("%s: there is still a journal", when)
	} else {
		s.Close()
	}
}

func paths(files []*File) (all []string) {
	for _, f := range files {
		all = append(all, filepath.ToSlash(f.Path))
	}
	return all
}

func TestRun(t *testing.T) {
	for name, git := range map[string]bool{"git": true, "no git": false} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t, git)
			plan := p.plan(p.request())
			if got, want := paths(plan.Files), slices.Sorted(maps.Keys(p.plain)); !slices.Equal(got, want) {
				t.Errorf("planned are %q, want %q", got, want)
			}
			before := p.snapshot()
			s := p.session()
			result, err := s.Run(t.Context(), plan)
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
			if want := (Moved{Old: filepath.Join(p.dir, "codeship.aes.old"), New: filepath.Join(p.dir, "codeship.aes")}); result.Keys != want {
				t.Errorf("got %+v, want %+v", result.Keys, want)
			}
			p.rotated("after Run")
			for path, text := range p.snapshot() {
				if path != "plain" && text == before[path] {
					t.Errorf("%s is as it was", path)
				}
			}
			for _, f := range plan.Files {
				if f.Path == "a.env.encrypted" && (f.Kind.String() != "env file" || !slices.Equal(f.Names, []string{"A", "B"}) || f.From != crypto.JetV1 || f.To != crypto.JetV1) {
					t.Errorf("got %+v", f)
				}
			}
		})
	}
}

// TestPlanSorts: what opens with which key, and what is something else.
func TestPlanSorts(t *testing.T) {
	p := newProject(t, false)
	p.put("done.encrypted", p.sealed(p.new, "A=1", crypto.CodeshipV2))
	p.put("done2.encrypted", p.sealed(p.new, "NAME=some value", crypto.Unsigned))
	p.put("text", p.sealed(p.old, "NAME=a text of twelve bytes", crypto.Unsigned))
	p.put("short", p.sealed(p.old, "A=1", crypto.Unsigned))
	p.put("digest", "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33\n")
	p.put("referred/x", p.sealed(p.old, "B=2345", crypto.Unsigned))
	p.put("docker-compose.yml", "services:\n  app:\n    encrypted_env_file: ./referred/x\n")
	p.put("workflow.yml", "jobs:\n  x:\n    encrypted_environment: ${{ y }}\n")
	p.put("templates/broken.yaml", "{{ if }}\nencrypted_args: x\n")
	other := crypto.GenerateKey()
	p.put("sub2/codeship.aes", string(other.Encode()))
	p.put("sub2/deep/other.encrypted", p.sealed(other, "A=1", crypto.JetV1))
	p.put("sub2/mine.encrypted", p.sealed(p.old, "A=1", crypto.JetV1))
	p.put("out/x.encrypted", p.sealed(p.old, "A=1", crypto.JetV1))
	p.put(".a.jet-rotate-"+strings.Repeat("A", 26), "rest")
	r := p.request()
	r.Exclude = []string{"out", "templates"}
	plan := p.plan(r)
	want := append(slices.Sorted(maps.Keys(p.plain)), "text", "referred/x", "sub2/mine.encrypted")
	slices.Sort(want)
	for name, c := range map[string]struct{ got, want []string }{
		"files":     {paths(plan.Files), want},
		"done":      {plan.Done, []string{"done.encrypted", "done2.encrypted"}},
		"foreign":   {plan.Foreign, []string{filepath.Join("sub2", "deep", "other.encrypted")}},
		"doubtful":  {plan.Doubtful, []string{"digest", "short"}},
		"leftovers": {plan.Leftovers, []string{".a.jet-rotate-" + strings.Repeat("A", 26)}},
		"remaining": {[]string{fmt.Sprint(plan.Remaining)}, []string{fmt.Sprint([]Left{{filepath.Join("out", "x.encrypted"), Excluded}})}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: got %q, want %q", name, c.got, c.want)
		}
	}

	// Now all that stops it.
	r.Exclude = append(r.Exclude, "stranger.encrypted", "cut.encrypted", "empty2.encrypted", "conflict.encrypted", "new.encrypted", "lost")
	p.put("stranger.encrypted", p.sealed(other, "A=1", crypto.CodeshipV2))
	p.put("cut.encrypted", p.sealed(p.old, "A=1", crypto.JetV1)[:100])
	p.put("empty2.encrypted", "")
	p.put("conflict.encrypted", "<<<<<<< ours\n")
	p.put("new.encrypted", "jet:v9\nAAAA\n")
	_, lost, _ := strings.Cut(p.sealed(p.old, "A=1234567890", crypto.CodeshipV2), "\n")
	p.put("lost", lost)
	p.plan(r)
	r.Exclude = nil
	_, err := NewPlan(t.Context(), r)
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got %v", err)
	}
	wanted := map[string]error{
		"stranger.encrypted": crypto.ErrWrongKey, "cut.encrypted": crypto.ErrDamaged, "empty2.encrypted": crypto.ErrNotEncrypted,
		"conflict.encrypted": crypto.ErrNotEncrypted, "new.encrypted": crypto.ErrUnknownFormat, "lost": crypto.ErrHeaderLost,
		filepath.Join("templates", "broken.yaml"): nil,
	}
	for _, problem := range problems {
		if want, ok := wanted[problem.Path]; !ok || want != nil && !errors.Is(problem, want) || !strings.Contains(problem.Error(), filepath.Base(problem.Path)) {
			t.Errorf("got %v, want %v", problem, want)
		}
		delete(wanted, problem.Path)
	}
	if len(wanted) > 0 {
		t.Errorf("nothing stops it for %v", wanted)
	}
}

// TestPlanAmbiguous: where there are files of both keys, a short text without a
// check may be of either.
func TestPlanAmbiguous(t *testing.T) {
	p := newProject(t, false)
	short := ""
	for short == "" { // until it is text with both keys
		text := p.sealed(p.old, "A", crypto.Unsigned)
		if _, err := crypto.Probe([]byte(text), p.new); err == nil {
			short = text
		}
	}
	p.put("short.encrypted", short)
	p.put("services.yml", "app: {encrypted_args: "+short+"}\n")
	plan := p.plan(p.request()) // there is nothing of the new key
	if got := paths(plan.Files); !slices.Contains(got, "short.encrypted") || !slices.Contains(got, "services.yml") {
		t.Errorf("planned are %q", got)
	}
	p.put("done.encrypted", p.sealed(p.new, "A=1", crypto.JetV1))
	_, err := NewPlan(t.Context(), p.request())
	var problems Problems
	if !errors.As(err, &problems) || len(problems) < 2 {
		t.Fatalf("got %v", err)
	}
	for _, problem := range problems {
		if !errors.Is(problem, ErrAmbiguous) {
			t.Errorf("got %v", problem)
		}
	}
	r := p.request()
	for _, problem := range problems {
		r.Unsigned = append(r.Unsigned, problem.Path)
	}
	p.plan(r)
}

// TestNothingChanged: whatever goes wrong before the first file is replaced, all is
// as it was.
func TestNothingChanged(t *testing.T) {
	for name, c := range map[string]struct {
		before func(p *project, plan *Plan) // between the plan and the run
		want   error
	}{
		"a file changed": {func(p *project, plan *Plan) {
			p.encrypt("sub/b", "C=other\n", crypto.CodeshipV2)
		}, ErrChanged},
		"a file became shorter": {func(p *project, plan *Plan) {
			p.put("sub/b", "codeship:v2\nAAAA")
			delete(p.plain, "sub/b")
		}, ErrChanged},
		"a services file changed": {func(p *project, plan *Plan) {
			p.put("codeship-services.yml", "app: {}\n")
			delete(p.plain, "codeship-services.yml")
		}, ErrChanged},
		"a file is gone": {func(p *project, plan *Plan) {
			os.Remove(filepath.Join(p.dir, "sub", "b"))
			delete(p.plain, "sub/b")
		}, fs.ErrNotExist},
		"a folder is in the way": {func(p *project, plan *Plan) {
			p.put("codeship.aes.new", "x") // where the new key would stand beside the old one
			plan.New.Path = filepath.Join(p.dir, "sub", "new.aes")
			if err := os.Rename(filepath.Join(p.dir, "new.aes"), plan.New.Path); err != nil {
				p.t.Fatal(err)
			}
		}, fs.ErrExist},
		"the new key is not the one that it was checked with": {func(p *project, plan *Plan) {
			plan.New.Key = crypto.GenerateKey()
			plan.Files[0].proof[0] ^= 1
		}, ErrReadBack},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t, true)
			plan := p.plan(p.request())
			c.before(p, plan)
			before := p.snapshot()
			s := p.session()
			_, err := s.Run(t.Context(), plan)
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if after := p.snapshot(); !maps.Equal(after, before) {
				t.Errorf("files are %q, want %q", slices.Sorted(maps.Keys(after)), slices.Sorted(maps.Keys(before)))
			}
			p.opens("afterwards", p.old)
			s.Close()
			if again := p.session(); again.Journal != nil {
				t.Error("there is a journal")
			}
		})
	}
	t.Run("interrupted", func(t *testing.T) {
		p := newProject(t, true)
		before := p.snapshot()
		for _, count := range []int{0, 1, 3, 10, 30, 60, 100} { // of the reads after which it ends
			plan := p.plan(p.request())
			ctx := &endingContext{Context: t.Context()}
			ctx.after.Store(int64(count))
			s := p.session()
			_, err := s.Run(ctx, plan)
			s.Close()
			if err == nil {
				t.Logf("after %d it was done", count)
				p.rotated("in spite of the end of its context")
				return
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("after %d: got %v", count, err)
			}
			if after := p.snapshot(); !maps.Equal(after, before) {
				t.Errorf("after %d: files are %q", count, slices.Sorted(maps.Keys(after)))
			}
		}
	})
}

// endingContext ends when it was asked about so many times, by several at once.
type endingContext struct {
	context.Context
	after atomic.Int64
}

func (c *endingContext) Err() error {
	if c.after.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// TestCrash ends a rotation after each of its steps, as if its process was killed,
// and resumes it.
func TestCrash(t *testing.T) {
	type state struct {
		name string
		do   func(p *project, s *Session, plan *Plan) error // up to where it ends
	}
	states := []state{
		{"the journal alone", func(p *project, s *Session, plan *Plan) error {
			s.Journal = s.begin(plan)
			return errors.Join(s.prepareKeys(p.t.Context(), plan), s.Journal.Save())
		}},
		{"keys", func(p *project, s *Session, plan *Plan) error {
			s.Journal = s.begin(plan)
			return errors.Join(s.prepareKeys(p.t.Context(), plan), s.Journal.Save(), s.writeKeys(plan))
		}},
		{"some new files", func(p *project, s *Session, plan *Plan) error {
			s.Journal = s.begin(plan)
			err := errors.Join(s.prepareKeys(p.t.Context(), plan))
			for _, f := range plan.Files {
				s.Journal.Files = append(s.Journal.Files, journal.File{Path: filepath.ToSlash(f.Path)})
			}
			err = errors.Join(err, s.Journal.Save(), s.writeKeys(plan))
			for _, f := range plan.Files[:2] {
				_, staged := plan.stage(p.t.Context(), f, s.Journal.ID)
				err = errors.Join(err, staged)
			}
			os.Truncate(stagedPath(plan.full(plan.Files[1].Path), s.Journal.ID), 10)
			return err
		}},
	}
	for count := range 7 {
		states = append(states, state{fmt.Sprintf("%d files replaced", count), func(p *project, s *Session, plan *Plan) error {
			s.Journal = s.begin(plan)
			err := s.prepare(p.t.Context(), plan)
			for i, f := range plan.Files[:count] {
				_, swapped := s.swap(p.t.Context(), plan, f, s.Journal.Files[i])
				err = errors.Join(err, swapped)
			}
			return err
		}})
	}
	last := states[len(states)-1].do
	states = append(states,
		state{"a new file lost", func(p *project, s *Session, plan *Plan) error {
			s.Journal = s.begin(plan)
			err := s.prepare(p.t.Context(), plan)
			return errors.Join(err, os.Remove(stagedPath(plan.full(plan.Files[2].Path), s.Journal.ID)))
		}},
		state{"a new file damaged", func(p *project, s *Session, plan *Plan) error {
			s.Journal = s.begin(plan)
			err := s.prepare(p.t.Context(), plan)
			return errors.Join(err, os.Truncate(stagedPath(plan.full(plan.Files[3].Path), s.Journal.ID), 5))
		}},
		state{"an old file changed", func(p *project, s *Session, plan *Plan) error {
			s.Journal = s.begin(plan)
			err := s.prepare(p.t.Context(), plan)
			p.encrypt("sub/b", "C=changed\n", crypto.JetV1)
			return err
		}},
		state{"a file came with the old key", func(p *project, s *Session, plan *Plan) error {
			s.Journal = s.begin(plan)
			err := s.prepare(p.t.Context(), plan)
			p.encrypt("late.encrypted", "late", crypto.CodeshipV2)
			return err
		}},
		state{"keys moved", func(p *project, s *Session, plan *Plan) error {
			err := last(p, s, plan)
			_, _, moved := s.moveKeys(plan)
			return errors.Join(err, moved)
		}},
		state{"the new key in place, and still in its own", func(p *project, s *Session, plan *Plan) error {
			err := last(p, s, plan)
			text, read := os.ReadFile(plan.New.Path)
			_, _, moved := s.moveKeys(plan)
			return errors.Join(err, read, moved, os.WriteFile(plan.New.Path, text, 0o600))
		}},
	)
	for _, generated := range []bool{false, true} {
		for _, state := range states {
			t.Run(fmt.Sprintf("%s, generated %v", state.name, generated), func(t *testing.T) {
				p := newProject(t, true)
				r := p.request()
				if generated {
					os.Remove(r.New.Path)
					r.New.Path, r.New.Generated = filepath.Join(p.dir, "codeship.aes.new"), true
				}
				plan := p.plan(r)
				s := p.session()
				if err := state.do(p, s, plan); err != nil {
					t.Fatal(err)
				}
				s.Close()
				p.opens("after the crash", p.old, p.new)

				// Elsewhere meanwhile.
				moved := p.dir + "-moved"
				if err := os.Rename(p.dir, moved); err != nil {
					t.Fatal(err)
				}
				p.dir = moved

				s = p.session()
				if s.Journal == nil {
					t.Fatal("there is no journal")
				}
				old, new, err := s.Keys(t.Context(), p.old)
				if err != nil {
					t.Fatal(err)
				}
				if !new.Equal(p.new) {
					if state.name != "the journal alone" || !generated {
						t.Fatal("the new key is another one")
					}
					p.new = new.Key
				}
				result, result2, err := s.Resume(t.Context(), old, new, nil, 0)
				if err != nil {
					t.Fatal(err)
				}
				s.Close()
				if len(result.Files) != len(p.plain) || result2.Keys.New != filepath.Join(p.dir, "codeship.aes") {
					t.Errorf("got %d files, and %+v", len(result.Files), result2.Keys)
				}
				for _, f := range result.Files {
					if f.Path == "a.env.encrypted" && !slices.Equal(f.Names, []string{"A", "B"}) {
						t.Errorf("the names of %s are %q", f.Path, f.Names)
					}
				}
				p.rotated("resumed")
			})
		}
	}
}

// TestAbort takes back what can be taken back.
func TestAbort(t *testing.T) {
	p := newProject(t, true)
	before := p.snapshot()
	r := p.request()
	r.New.Path, r.New.Generated = filepath.Join(p.dir, "codeship.aes.new"), true
	plan := p.plan(r)
	s := p.session()
	s.Journal = s.begin(plan)
	if err := s.prepare(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	if err := s.Abort(); err == nil {
		t.Error("it was taken back when all was ready")
	}
	s.Journal.Phase = journal.Preparing
	if err := s.Abort(); err != nil {
		t.Fatal(err)
	}
	if after := p.snapshot(); !maps.Equal(after, before) {
		t.Errorf("files are %q", slices.Sorted(maps.Keys(after)))
	}
}

// TestShared: the files in which the key is shared take part.
func TestShared(t *testing.T) {
	for _, found := range []bool{false, true} { // in the shared file
		for _, crash := range []int{-1, 0, 6, 7, 8} {
			t.Run(fmt.Sprintf("found there %v, crash after %d", found, crash), func(t *testing.T) {
				p := newProject(t, true)
				p.put("codeship.aes.age", "age with "+p.old.Fingerprint())
				p.put("codeship.aes.recipients", "list with "+p.old.Fingerprint())
				r := p.request()
				shared := &Shared{
					Path: filepath.Join(p.dir, "codeship.aes.age"), ListPath: filepath.Join(p.dir, "codeship.aes.recipients"),
					Seal: func(_ context.Context, key crypto.Key) ([]byte, []byte, error) {
						return []byte("age with " + key.Fingerprint()), []byte("list with " + key.Fingerprint()), nil
					},
				}
				r.Shared = shared
				if found {
					r.Old.Path, r.Old.Shared = shared.Path, true
					os.Remove(filepath.Join(p.dir, "codeship.aes"))
				}
				plan := p.plan(r)
				s := p.session()
				if crash < 0 {
					if _, err := s.Run(t.Context(), plan); err != nil {
						t.Fatal(err)
					}
				} else {
					s.Journal = s.begin(plan)
					if err := s.prepare(t.Context(), plan); err != nil {
						t.Fatal(err)
					}
					for i, f := range plan.all()[:crash] {
						if _, err := s.swap(t.Context(), plan, f, s.Journal.Files[i]); err != nil {
							t.Fatal(err)
						}
					}
					s.Close()
					s = p.session()
					old, new, err := s.Keys(t.Context(), p.old, p.new)
					if err != nil {
						t.Fatal(err)
					}
					if _, _, err := s.Resume(t.Context(), old, new, shared, 0); err != nil {
						t.Fatal(err)
					}
				}
				s.Close()
				p.opens("afterwards", p.new)
				files := p.snapshot()
				for path, want := range map[string]string{"codeship.aes.age": "age with " + p.new.Fingerprint(), "codeship.aes.recipients": "list with " + p.new.Fingerprint()} {
					if files[path] != want {
						t.Errorf("%s: got %q, want %q", path, files[path], want)
					}
				}
				if found {
					if files["codeship.aes.age.old"] != "age with "+p.old.Fingerprint() || files["codeship.aes"] != "" || files["new.aes"] != "" {
						t.Errorf("files are %q", slices.Sorted(maps.Keys(files)))
					}
				} else if files["codeship.aes"] != string(p.new.Encode()) {
					t.Error("the new key is not in its place")
				}
			})
		}
	}
	// If it cannot be encrypted for them, nothing is changed.
	p := newProject(t, true)
	p.put("codeship.aes.age", "age")
	before := p.snapshot()
	r := p.request()
	failing := errors.New("failing")
	r.Shared = &Shared{Path: filepath.Join(p.dir, "codeship.aes.age"), Seal: func(context.Context, crypto.Key) ([]byte, []byte, error) { return nil, nil, failing }}
	if _, err := p.session().Run(t.Context(), p.plan(r)); !errors.Is(err, failing) {
		t.Errorf("got %v", err)
	}
	if after := p.snapshot(); !maps.Equal(after, before) {
		t.Errorf("files are %q", slices.Sorted(maps.Keys(after)))
	}
}

// TestPart: with files left that need the old key, both keys stay.
func TestPart(t *testing.T) {
	p := newProject(t, true)
	r := p.request()
	r.Paths = []string{"sub"}
	plan := p.plan(r)
	if len(plan.Remaining) != 2 || plan.Remaining[0].Reason != NotNamed {
		t.Errorf("got %v", plan.Remaining)
	}
	result, err := p.session().Run(t.Context(), plan)
	if err != nil || !result.Keys.Stay {
		t.Fatalf("got %+v, %v", result, err)
	}
	p.opens("afterwards", p.old, p.new)
	for _, path := range []string{"codeship.aes", "new.aes"} {
		if found, err := (projectkey.Lookup{}).ReadFile(t.Context(), filepath.Join(p.dir, path)); err != nil || !found.Key.Equal(map[string]crypto.Key{"codeship.aes": p.old, "new.aes": p.new}[path]) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestLock: there is one rotation at a time.
func TestLock(t *testing.T) {
	p := newProject(t, true)
	s := p.session()
	if _, err := Begin(t.Context(), s.place); !errors.Is(err, ErrRunning) {
		t.Errorf("got %v", err)
	}
	s.Close()
	p.session().Close()
}

// TestLargeFile passes more through than is kept in memory at once.
func TestLargeFile(t *testing.T) {
	p := newProject(t, false)
	plain := strings.Repeat("0123456789abcdef", 10<<20/16)
	for _, format := range []crypto.Format{crypto.JetV1, crypto.CodeshipV2, crypto.Unsigned} {
		p.encrypt(fmt.Sprintf("large%d.encrypted", format), plain, format)
	}
	s := p.session()
	if _, err := s.Run(t.Context(), p.plan(p.request())); err != nil {
		t.Fatal(err)
	}
	s.Close()
	p.rotated("large files")
}

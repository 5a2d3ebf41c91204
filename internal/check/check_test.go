package check_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/check"
	"github.com/dockercfg/jet/internal/check/corpus"
	"github.com/dockercfg/jet/internal/worktree"
)

var corpusDir = filepath.Join("..", "..", "testdata", "check")

// TestCorpus judges every repository of the corpus: exactly what its label says is
// found, and nothing that is reported gives a value away.
func TestCorpus(t *testing.T) {
	needsGit(t)
	cases, err := corpus.Load(corpusDir)
	if err != nil {
		t.Fatal(err)
	}
	guilty := 0
	for _, c := range cases {
		if c.Guilty {
			guilty++
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS != "linux" && slices.ContainsFunc(c.Paths(), func(path string) bool { return strings.Contains(path, "\n") || !utf8.ValidString(path) }) {
				t.Skip("the file system does not have such names")
			}
			dir := t.TempDir()
			if err := c.Build(dir); err != nil {
				t.Fatal(err)
			}
			report := run(t, c.Options(dir))
			var want []string
			for _, f := range c.Findings {
				want = append(want, fmt.Sprintf("%s %q", f.Rule, f.Path))
			}
			same(t, report, want...)
			for _, f := range report.Findings {
				if place := placeOf(c, f); place != "" && place != string(f.Place) {
					t.Errorf("%s %q is found in the %s, want %s", f.Rule, f.Path, f.Place, place)
				}
			}
			givesNothingAway(t, c, report)
		})
	}
	if len(cases) < 120 || guilty < 60 || len(cases)-guilty < 50 {
		t.Errorf("%d cases, %d of them guilty: some are missing", len(cases), guilty)
	}
}

func run(t *testing.T, o check.Options) *check.Report {
	t.Helper()
	report, err := check.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// same compares what was found, "RULE PATH" each, the path quoted.
func same(t *testing.T, r *check.Report, want ...string) {
	t.Helper()
	var got []string
	for _, f := range r.Findings {
		got = append(got, fmt.Sprintf("%s %q", f.Rule, f.Path))
		rule, known := check.RuleNamed(f.Rule)
		if !known || f.Severity != rule.Severity || f.Message == "" || f.Place == "" || (f.Commit != "") != (f.Place == check.InHistory) {
			t.Errorf("a finding is not complete: %+v", f)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// placeOf gives where the label says that a finding is, "" if it does not.
func placeOf(c corpus.Case, got check.Finding) string {
	for _, f := range c.Findings {
		if f.Rule == got.Rule && f.Path == got.Path {
			return f.Place
		}
	}
	return ""
}

// givesNothingAway looks for the values of a case in all that is reported of it.
func givesNothingAway(t *testing.T, c corpus.Case, r *check.Report) {
	t.Helper()
	var reported bytes.Buffer
	if err := errors.Join(json.NewEncoder(&reported).Encode(r), r.WriteSARIF(&reported, "test")); err != nil {
		t.Fatal(err)
	}
	secrets := []string{corpus.Key[:20], corpus.OtherKey[:20]}
	c.Contents(func(_ string, data []byte) {
		for line := range strings.Lines(string(data)) {
			if _, value, found := strings.Cut(line, "="); found && len(strings.TrimSpace(value)) >= 6 {
				secrets = append(secrets, strings.Trim(value, " \"'\r\n"))
			}
		}
	})
	for _, secret := range secrets {
		if strings.Contains(reported.String(), secret) && !strings.Contains(strings.Join(c.Paths(), "\n"), secret) {
			t.Errorf("the report holds %q", secret)
		}
	}
}

// needsGit skips without git.
func needsGit(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git")
	}
}

// project makes a folder with files: names and contents.
func project(t testing.TB, files ...string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(files); i += 2 {
		put(t, dir, files[i], files[i+1])
	}
	return dir
}

func put(t testing.TB, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// repository is a project in git, with all of it staged.
func repository(t testing.TB, files ...string) string {
	t.Helper()
	needsGit(t)
	dir := project(t, files...)
	git(t, dir, "init", "-q", "-b", "main")
	git(t, dir, "add", "-A", "-f")
	return dir
}

func git(t testing.TB, dir string, args ...string) {
	t.Helper()
	cmd := worktree.Git(t.Context(), dir, append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
	cmd.Env = append(cmd.Env, "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
}

// encrypted gives a text encrypted with the project key.
func encrypted(t testing.TB, text string, format crypto.Format) string {
	t.Helper()
	key, err := corpus.ProjectKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := crypto.Encrypt(&b, strings.NewReader(text), key, format); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const secretEnv = "DB_PASSWORD=kettle-9-corner\n"

// TestWithoutGit: where git has no say, the files are judged as they are, but for
// keys that lie where they should.
func TestWithoutGit(t *testing.T) {
	t.Setenv("GIT_CEILING_DIRECTORIES", os.TempDir())
	dir := project(t, "codeship.aes", corpus.Key+"\n", "sub/.env", secretEnv, "a.encrypted", "plain", ".gitignore", "*")
	for _, path := range []string{os.Getenv("PATH"), ""} {
		t.Setenv("PATH", path)
		report := run(t, check.Options{Dir: dir, Key: corpus.ProjectKey})
		same(t, report, `plain-secrets "sub/.env"`, `not-encrypted "a.encrypted"`)
		if report.Git || report.Files != 4 || report.Top != dir || len(report.Skipped) != 1 || report.Skipped[0].Rule != check.KeyInGit {
			t.Errorf("got %+v", report)
		}
		for _, o := range []check.Options{{Dir: dir, Staged: true}, {Dir: dir, History: true}} {
			if _, err := check.Run(t.Context(), o); !errors.Is(err, check.ErrNoRepository) {
				t.Errorf("%+v: got %v", o, err)
			}
		}
	}
	// In a work tree, but without the program.
	put(t, dir, ".git/HEAD", "ref: refs/heads/main\n")
	report := run(t, check.Options{Dir: dir, Key: corpus.ProjectKey})
	same(t, report, `plain-secrets "sub/.env"`, `not-encrypted "a.encrypted"`)
	if len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "git is not installed") {
		t.Errorf("got the notes %q", report.Notes)
	}
}

// TestPaths: all of the project is judged from any of its folders, or what is named.
func TestPaths(t *testing.T) {
	dir := repository(t, "a/.env", secretEnv, "a/b/.env", secretEnv, "ab/.env", secretEnv, "c/app.env", "x", "c/app.env.encrypted", encrypted(t, "x", crypto.JetV1))
	all := []string{`plain-secrets "a/.env"`, `plain-secrets "a/b/.env"`, `plain-secrets "ab/.env"`, `plaintext-twin "c/app.env"`}
	for _, staged := range []bool{false, true} {
		for _, c := range []struct {
			from  string
			paths []string
			want  []string
		}{
			{"", nil, all},
			{"a/b", nil, all},
			{"", []string{"."}, all},
			{"a", []string{"."}, all[:2]},
			{"", []string{"a"}, all[:2]},
			{"", []string{"a/"}, all[:2]},
			{"a", []string{"../ab", "b/.env"}, all[1:3]},
			{"", []string{filepath.Join(dir, "ab")}, all[2:3]},
			{"c", []string{"app.env"}, all[3:]},
			{"c", []string{"app.env.encrypted"}, nil},
		} {
			report := run(t, check.Options{Dir: filepath.Join(dir, c.from), Paths: c.paths, Staged: staged, Key: corpus.ProjectKey})
			same(t, report, c.want...)
		}
	}
	report := run(t, check.Options{Dir: filepath.Join(dir, "a", "b"), Paths: []string{"../.env"}})
	if typed := report.Typed(report.Findings[0].Path); typed != filepath.Join("..", ".env") {
		t.Errorf("typed in the folder it is %q", typed)
	}
	if hint := strings.Join(report.Findings[0].Hints, "\n"); !strings.Contains(hint, `git rm --cached -- `) || !strings.Contains(hint, "echo /a/.env") {
		t.Errorf("got the hints %q", hint)
	}
	if _, err := check.Run(t.Context(), check.Options{Dir: dir, Paths: []string{"a/none"}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a path that is not there: %v", err)
	}
	if _, err := check.Run(t.Context(), check.Options{Dir: dir, Paths: []string{".."}}); err == nil || !strings.Contains(err.Error(), "not in the project") {
		t.Errorf("a path outside: %v", err)
	}
	if _, err := check.Run(t.Context(), check.Options{Dir: filepath.Join(dir, "none")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	// What is deleted on disk is still in the index.
	if err := os.Remove(filepath.Join(dir, "a", ".env")); err != nil {
		t.Fatal(err)
	}
	same(t, run(t, check.Options{Dir: dir, Paths: []string{"a/.env"}}), all[0])
}

// TestKeyWhenItMatters: a hook does not ask for the key (which may mean a person)
// unless it changes the answer.
func TestKeyWhenItMatters(t *testing.T) {
	key := encrypted(t, "x", crypto.JetV1)
	for _, c := range []struct {
		what  string
		asked bool
		files []string
	}{
		{"nothing of the kind", false, []string{"main.go", "package main\n", ".env", "PORT=3000\n", "go.sum", "a h1:" + corpus.Key + "\n"}},
		{"an encrypted file", true, []string{"a.encrypted", key}},
		{"something like a key", true, []string{"notes", "key: " + corpus.OtherKey + "\n"}},
		{"a file named as a key", true, []string{"a.aes", corpus.OtherKey}},
	} {
		var asked atomic.Int32
		o := check.Options{Dir: repository(t, c.files...), Staged: true, Key: func(context.Context) (crypto.Key, error) {
			asked.Add(1)
			return crypto.Key{}, check.ErrNoKey
		}}
		report := run(t, o)
		if (asked.Load() == 1) != c.asked || asked.Load() > 1 || (len(report.Skipped) > 0) != c.asked {
			t.Errorf("%s: asked %d times, skipped %v", c.what, asked.Load(), report.Skipped)
		}
		o.Staged = false
		run(t, o)
	}
	broken := errors.New("the store is locked")
	_, err := check.Run(t.Context(), check.Options{Dir: repository(t, "a.encrypted", key), Staged: true, Key: func(context.Context) (crypto.Key, error) {
		return crypto.Key{}, broken
	}})
	if !errors.Is(err, broken) {
		t.Errorf("a key that cannot be had: %v", err)
	}
}

// TestFilters: what counts is what git has. A filter decrypts on the way to the work
// tree, and what git is told not to look at says nothing about the index.
func TestFilters(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs tr")
	}
	dir := repository(t)
	for _, way := range []string{"clean", "smudge"} {
		git(t, dir, "config", "filter.turn."+way, "tr 'A-Za-z0-9=' 'N-ZA-Mn-za-m5-90-4:'")
	}
	put(t, dir, ".gitattributes", "turned.env filter=turn\n")
	put(t, dir, "turned.env", secretEnv)
	put(t, dir, "assumed.env", "DB_PASSWORD=\n")
	put(t, dir, "skipped.env", secretEnv)
	put(t, dir, "skipped-too.env", secretEnv)
	git(t, dir, "add", "-A")
	git(t, dir, "update-index", "--assume-unchanged", "assumed.env")
	git(t, dir, "update-index", "--skip-worktree", "skipped.env", "skipped-too.env")
	put(t, dir, "assumed.env", secretEnv)
	if err := os.Remove(filepath.Join(dir, "skipped.env")); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "skipped-too.env", "DB_PASSWORD=\n")
	same(t, run(t, check.Options{Dir: dir}), `plain-secrets "skipped.env"`, `plain-secrets "skipped-too.env"`)
}

// TestLinks: a link is no file of its own, and nothing behind one is in git.
func TestLinks(t *testing.T) {
	dir := repository(t, "README", "x")
	outside := project(t, "app.env", secretEnv, "folder/.env", secretEnv)
	for name, to := range map[string]string{".env": "app.env", "folder": "folder", "a.encrypted": "app.env"} {
		if err := os.Symlink(filepath.Join(outside, to), filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
	}
	same(t, run(t, check.Options{Dir: dir}))
	git(t, dir, "add", "-A")
	same(t, run(t, check.Options{Dir: dir}))
	same(t, run(t, check.Options{Dir: dir, Staged: true}))
	// A link that became a file.
	if err := os.Remove(filepath.Join(dir, ".env")); err != nil {
		t.Fatal(err)
	}
	put(t, dir, ".env", secretEnv)
	same(t, run(t, check.Options{Dir: dir}), `plain-secrets ".env"`)
	same(t, run(t, check.Options{Dir: dir, Staged: true}))
}

// TestConflict: the file in the work tree, with the marks of a conflict, is judged
// until it is resolved.
func TestConflict(t *testing.T) {
	dir := repository(t, "app.env.encrypted", encrypted(t, "A=1", crypto.JetV1))
	git(t, dir, "commit", "-q", "-m", "start")
	git(t, dir, "checkout", "-q", "-b", "other")
	put(t, dir, "app.env.encrypted", encrypted(t, "A=2", crypto.JetV1))
	git(t, dir, "commit", "-q", "-a", "-m", "other")
	git(t, dir, "checkout", "-q", "main")
	put(t, dir, "app.env.encrypted", encrypted(t, "A=3", crypto.JetV1))
	git(t, dir, "commit", "-q", "-a", "-m", "ours")
	merge := worktree.Git(t.Context(), dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "merge", "other")
	if out, err := merge.CombinedOutput(); err == nil {
		t.Fatalf("no conflict: %s", out)
	}
	report := run(t, check.Options{Dir: dir, Key: corpus.ProjectKey})
	same(t, report, `not-encrypted "app.env.encrypted"`)
	if !strings.Contains(report.Findings[0].Message, "conflict") {
		t.Errorf("got %q", report.Findings[0].Message)
	}
	same(t, run(t, check.Options{Dir: dir, Key: corpus.ProjectKey, Staged: true}))
}

// TestLargeFiles: of a large encrypted file all is decrypted, whatever its size.
func TestLargeFiles(t *testing.T) {
	large := strings.Repeat("0123456789 bcde\n", 400_000) // 6.4 MB
	sealed := encrypted(t, large, crypto.JetV1)
	v2 := encrypted(t, large, crypto.CodeshipV2)
	dir := repository(t, "good.encrypted", sealed, "good-v2.encrypted", v2, "plain.encrypted", large,
		"bad.encrypted", sealed[:len(sealed)-100]+strings.Repeat("A", 97)+sealed[len(sealed)-3:],
		"bad-v2.encrypted", v2[:len(v2)-8]+"AAAA"+v2[len(v2)-4:], "large.env", large+secretEnv)
	want := []string{`damaged "bad.encrypted"`, `damaged "bad-v2.encrypted"`, `not-encrypted "plain.encrypted"`}
	same(t, run(t, check.Options{Dir: dir, Key: corpus.ProjectKey}), want...)
	same(t, run(t, check.Options{Dir: dir, Key: corpus.ProjectKey, Staged: true}), want...)
}

// TestAllowances: what is allowed is listed with its reason, and faults are errors.
func TestAllowances(t *testing.T) {
	dir := repository(t, ".env", secretEnv, "a/.env", secretEnv, check.AllowFile, "plain-secrets a/* -- a sample\n")
	report := run(t, check.Options{Dir: dir})
	same(t, report, `plain-secrets ".env"`)
	if len(report.Allowed) != 1 || report.Allowed[0].Path != "a/.env" || report.Allowed[0].Allowance.Reason != "a sample" || report.Allowed[0].Allowance.Line != 1 {
		t.Errorf("allowed: %+v", report.Allowed)
	}
	put(t, dir, check.AllowFile, "plain-secrets .env\n")
	var fault *check.AllowError
	if _, err := check.Run(t.Context(), check.Options{Dir: dir}); !errors.As(err, &fault) || fault.Line != 1 {
		t.Errorf("a line without a reason: %v", err)
	}
	// The index has the good one.
	same(t, run(t, check.Options{Dir: dir, Staged: true}), `plain-secrets ".env"`)
	if err := errors.Join(os.Remove(filepath.Join(dir, check.AllowFile)), os.Mkdir(filepath.Join(dir, check.AllowFile), 0o755)); err != nil {
		t.Fatal(err)
	}
	if _, err := check.Run(t.Context(), check.Options{Dir: dir}); !errors.As(err, &fault) {
		t.Errorf("a folder: %v", err)
	}
}

// TestStale: a line that allows nothing is found, but only by a check that would have
// found what it allows.
func TestStale(t *testing.T) {
	dir := repository(t, "README", "x", "a.encrypted", encrypted(t, "x", crypto.JetV1), check.AllowFile,
		"plain-secrets .env -- gone\nkey-in-git old.aes -- rotated\nwrong-key a.encrypted -- of another team\n")
	git(t, dir, "commit", "-q", "-m", "start")
	lines := func(o check.Options) (lines []int) {
		t.Helper()
		o.Dir = dir
		for _, f := range run(t, o).Findings {
			if f.Rule != check.StaleAllowance || f.Path != check.AllowFile {
				t.Errorf("got %+v", f)
			}
			lines = append(lines, f.Line)
		}
		return lines
	}
	for _, c := range []struct {
		o    check.Options
		want []int
	}{
		{check.Options{}, []int{1}},
		{check.Options{Key: corpus.ProjectKey}, []int{1, 3}},
		{check.Options{Key: corpus.ProjectKey, History: true}, []int{1, 2, 3}},
		{check.Options{Key: corpus.ProjectKey, Staged: true}, nil},
		{check.Options{Key: corpus.ProjectKey, Paths: []string{"README"}}, nil},
	} {
		if got := lines(c.o); !slices.Equal(got, c.want) {
			t.Errorf("%+v: got lines %v, want %v", c.o, got, c.want)
		}
	}
}

// TestWhatCannotBeJudged is an error, or a note, and never silence.
func TestWhatCannotBeJudged(t *testing.T) {
	dir := repository(t, "a/.env", "PORT=3000\n")
	if os.Geteuid() != 0 && runtime.GOOS != "windows" {
		if err := os.Chmod(filepath.Join(dir, "a", ".env"), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := check.Run(t.Context(), check.Options{Dir: dir}); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("a file that cannot be read: %v", err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, o := range []check.Options{{}, {Staged: true}, {History: true}} {
		o.Dir = dir
		if _, err := check.Run(ended, o); !errors.Is(err, context.Canceled) {
			t.Errorf("%+v: after the context: %v", o, err)
		}
	}
	put(t, dir, ".git/config", "[core\n")
	for _, o := range []check.Options{{}, {Staged: true}} {
		o.Dir = dir
		if _, err := check.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "bad config") {
			t.Errorf("%+v: a broken repository: %v", o, err)
		}
	}
}

// TestShallow: what a shallow clone does not have is said.
func TestShallow(t *testing.T) {
	source := repository(t, "codeship.aes", corpus.Key)
	git(t, source, "commit", "-q", "-m", "start")
	git(t, source, "rm", "-q", "codeship.aes")
	put(t, source, "README", "x")
	git(t, source, "add", "-A")
	git(t, source, "commit", "-q", "-m", "next")
	dir := filepath.Join(t.TempDir(), "clone")
	git(t, source, "clone", "-q", "--depth=1", "file://"+filepath.ToSlash(source), dir)
	report := run(t, check.Options{Dir: dir, History: true})
	same(t, report)
	if len(report.Notes) != 1 || !strings.Contains(report.Notes[0], "shallow") || report.Commits != 1 {
		t.Errorf("got %+v", report)
	}
	same(t, run(t, check.Options{Dir: source, History: true}), `key-in-git "codeship.aes"`)
}

// TestNestedRepositories: other repositories are checked where they are.
func TestNestedRepositories(t *testing.T) {
	dir := repository(t, "README", "x")
	inner := filepath.Join(dir, "inner")
	put(t, dir, "inner/.env", secretEnv)
	git(t, inner, "init", "-q")
	same(t, run(t, check.Options{Dir: dir}))
	same(t, run(t, check.Options{Dir: inner}), `plain-secrets ".env"`)
}

package main_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/content"
)

// A gitRepository is set up with jet.
type gitRepository struct {
	*testing.T
	dir string
	env []string
	jet string // the program
	key crypto.Key
}

func newGitRepository(t *testing.T) *gitRepository {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git")
	}
	p := buildProgram(t)
	key := crypto.GenerateKey()
	r := &gitRepository{T: t, dir: t.TempDir(), jet: p.path, key: key}
	r.env = append(p.command().Env,
		"PATH="+os.Getenv("PATH"), "JET_KEY="+strings.TrimSpace(string(key.Encode())), "GIT_CONFIG_NOSYSTEM=1", "GIT_EDITOR=true",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@test", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@test")
	r.run("git", "init", "-q", "-b", "main")
	r.run("jet", "git", "install", "--no-hook")
	return r
}

func (r *gitRepository) try(program string, args ...string) (string, error) {
	r.Helper()
	if program == "jet" {
		program = r.jet
	}
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = r.dir, r.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (r *gitRepository) run(program string, args ...string) string {
	r.Helper()
	out, err := r.try(program, args...)
	if err != nil {
		r.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}

// put encrypts a text into a file.
func (r *gitRepository) put(name string, text []byte, format crypto.Format) {
	r.Helper()
	var sealed bytes.Buffer
	if err := crypto.Encrypt(&sealed, bytes.NewReader(text), r.key, format); err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, name), sealed.Bytes(), 0o666); err != nil {
		r.Fatal(err)
	}
}

// open decrypts data, which must hold no marks of git's.
func (r *gitRepository) open(what string, data []byte) ([]byte, crypto.Format) {
	r.Helper()
	if bytes.Contains(data, []byte("<<<<")) {
		r.Fatalf("%s has marks of a conflict", what)
	}
	var text bytes.Buffer
	format, err := crypto.Decrypt(&text, bytes.NewReader(data), r.key)
	if err != nil {
		r.Fatalf("%s: %v", what, err)
	}
	return text.Bytes(), format
}

func (r *gitRepository) read(name string) ([]byte, crypto.Format) {
	r.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		r.Fatal(err)
	}
	return r.open(name, data)
}

// An encrypted file that people edit, and how.
type editedFile struct {
	name   string
	format crypto.Format
	start  string
	edit   func(t *testing.T, text []byte, name, value string) []byte // value "" removes
}

// editVariable changes a line of an env file, or puts one into a random place.
func editVariable(random *rand.Rand) func(*testing.T, []byte, string, string) []byte {
	return func(_ *testing.T, text []byte, name, value string) []byte {
		lines := strings.SplitAfter(string(text), "\n")
		lines = lines[:len(lines)-1]
		at := -1
		for i, line := range lines {
			if strings.HasPrefix(line, name+"=") {
				at = i
			}
		}
		switch line := name + "=" + value + "\n"; {
		case at < 0 && value == "":
		case at < 0:
			at = random.IntN(len(lines) + 1)
			lines = append(lines[:at:at], append([]string{line}, lines[at:]...)...)
		case value == "":
			lines = append(lines[:at:at], lines[at+1:]...)
		default:
			lines[at] = line
		}
		return []byte(strings.Join(lines, ""))
	}
}

func editRegistry(t *testing.T, text []byte, name, value string) []byte {
	file, err := dockercfg.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	registry := strings.ToLower(name) + ".test"
	if value == "" {
		file.Remove(registry)
	} else if err := file.Set(dockercfg.Entry{Registry: registry, Username: "ci", Password: dockercfg.NewSecret(value)}); err != nil {
		t.Fatal(err)
	}
	if text, err = file.Encode(); err != nil {
		t.Fatal(err)
	}
	return text
}

// values gives what a text holds by name.
func values(text []byte, file string) map[string]string {
	all := make(map[string]string)
	for _, item := range content.Parse(text, file).Items {
		all[item.String()] = item.Value.Reveal()
	}
	return all
}

// edits is how many each side makes.
func edits() int {
	if testing.Short() {
		return 10
	}
	return 50
}

// TestGitMerges makes 100 random edits on two branches that do not contradict each
// other, a commit each. A merge and a rebase must go through by themselves, to the
// same values. Then both branches change the same names, and both sides are there.
func TestGitMerges(t *testing.T) {
	r := newGitRepository(t)
	random := rand.New(rand.NewPCG(1, 2))
	variables := editVariable(random)
	const start = "# settings\nV0=0\nV1=1\nV2=2\nV3=3\n\n# more\nV4=4\nV5=5\nV6=6\nV7=7\n"
	files := []editedFile{
		{"app.env.encrypted", crypto.JetV1, start, variables},
		{"old.env.encrypted", crypto.CodeshipV2, start, variables},
		{"dockercfg.encrypted", crypto.JetV1, "{\n\t\"auths\": {}\n}\n", editRegistry},
		{"old.dockercfg.encrypted", crypto.CodeshipV2, "{}\n", editRegistry},
	}
	for _, f := range files {
		r.put(f.name, []byte(f.start), f.format)
	}
	r.run("git", "add", ".")
	r.run("git", "commit", "-qm", "start")

	want := make(map[string]map[string]string) // by file: what all edits lead to
	whole := make(map[string][]byte)
	for _, f := range files {
		whole[f.name] = []byte(f.start)
	}
	for side, branch := range []string{"ours", "theirs"} {
		r.run("git", "checkout", "-q", "-b", branch, "main")
		for i := range edits() {
			f := files[random.IntN(len(files))]
			name := fmt.Sprintf("V%d", 2*random.IntN(4)+side) // each side has its own
			if random.IntN(2) == 0 {
				name = fmt.Sprintf("%s%d", strings.ToUpper(branch), random.IntN(20))
			}
			value := fmt.Sprintf("%s %d", branch, i)
			if random.IntN(4) == 0 {
				value = ""
			}
			text, _ := r.read(f.name)
			r.put(f.name, f.edit(t, text, name, value), f.format)
			whole[f.name] = f.edit(t, whole[f.name], name, value)
			r.run("git", "commit", "-q", "--allow-empty", "-am", fmt.Sprint(branch, i))
		}
	}
	for _, f := range files {
		want[f.name] = values(whole[f.name], f.name)
	}
	check := func(what string) {
		t.Helper()
		for _, f := range files {
			text, format := r.read(f.name)
			if got := values(text, f.name); !maps.Equal(got, want[f.name]) || format != f.format {
				t.Errorf("%s: %s holds %q in %v, want %q in %v", what, f.name, got, format, want[f.name], f.format)
			}
		}
		if status := r.run("git", "status", "--porcelain"); status != "" {
			t.Errorf("%s: git status says %q", what, status)
		}
	}
	r.run("git", "checkout", "-q", "-b", "merged", "ours")
	out := r.run("git", "merge", "-q", "-m", "merge", "theirs")
	check("merged")
	r.run("git", "checkout", "-q", "-b", "rebased", "theirs")
	out += r.run("git", "rebase", "-q", "ours")
	check("rebased")
	for _, secret := range []string{"ours ", "theirs "} {
		if strings.Contains(out, secret) {
			t.Errorf("git prints %q", out)
		}
	}

	// Conflicts: each file changes on both sides, in a name of both and in one of each.
	for _, branch := range []string{"left", "right"} {
		r.run("git", "checkout", "-q", "-b", branch, "rebased")
		for _, f := range files {
			text, _ := r.read(f.name)
			r.put(f.name, f.edit(t, f.edit(t, text, "BOTH", branch), strings.ToUpper(branch), branch), f.format)
		}
		r.run("git", "commit", "-qam", branch)
	}
	for _, command := range [][]string{{"merge", "left"}, {"rebase", "left"}, {"cherry-pick", "left"}} {
		out, err := r.try("git", command...)
		if err == nil {
			t.Fatalf("git %s: no conflict", command[0])
		}
		left, right := ":3:", ":2:"
		if command[0] == "rebase" {
			left, right = right, left
		}
		for _, f := range files {
			text, _ := r.read(f.name)
			ours, _ := r.open(f.name, []byte(r.run("git", "cat-file", "blob", ":2:"+f.name)))
			if !bytes.Equal(text, ours) {
				t.Errorf("git %s: %s is not ours", command[0], f.name)
			}
			for stage, branch := range map[string]string{left: "left", right: "right"} {
				side, _ := r.open(f.name, []byte(r.run("git", "cat-file", "blob", stage+f.name)))
				if !strings.Contains(fmt.Sprint(values(side, f.name)), branch) {
					t.Errorf("git %s: %s of %s is not there", command[0], f.name, branch)
				}
			}
			if !strings.Contains(strings.ToLower(out), fmt.Sprintf("%q: both sides changed both", f.name)) {
				t.Errorf("git %s says nothing of %s: %s", command[0], f.name, out)
			}
			r.run("jet", "merge", f.name, "--theirs")
			r.run("git", "add", f.name)
			merged, _ := r.read(f.name)
			got, theirs := values(merged, f.name), values([]byte(r.run("jet", "decrypt", f.name, "-")), f.name)
			if !maps.Equal(got, theirs) || !strings.Contains(fmt.Sprint(got), "left") || !strings.Contains(fmt.Sprint(got), "right") {
				t.Errorf("git %s: after jet merge %s holds %q", command[0], f.name, got)
			}
		}
		r.run("git", command[0], "--abort")
	}
}

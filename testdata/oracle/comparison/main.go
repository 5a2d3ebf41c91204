// Comparison measures what jet, sops and dotenvx make of the same env files: whether
// the bytes of a file come back from encryption, and which values a command gets. It
// prints the tables of docs/comparison.md.
//
//	go install github.com/getsops/sops/v3/cmd/sops@v3.13.3
//	npm install @dotenvx/dotenvx@2.38.2
//	go run ./comparison -jet ../../bin/jet -sops sops -dotenvx node_modules/.bin/dotenvx
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/dockercfg/jet/internal/envfile/envfiletest"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "comparison:", err)
		os.Exit(1)
	}
}

func run() error {
	jet := flag.String("jet", "jet", "the `program` jet")
	sops := flag.String("sops", "sops", "the `program` sops")
	dotenvx := flag.String("dotenvx", "dotenvx", "the `program` dotenvx")
	files := flag.Int("files", 20, "how many files of each kind")
	seed := flag.Uint64("seed", 1, "of the generator")
	flag.Parse()

	dir, err := os.MkdirTemp("", "jet-comparison-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var tools []tool
	for _, t := range []struct {
		program string
		open    func(program, dir string) (tool, error)
	}{{*jet, newJet}, {*sops, newSops}, {*sops, newSopsBinary}, {*dotenvx, newDotenvx}} {
		path, err := exec.LookPath(t.program)
		if err == nil {
			path, err = filepath.Abs(path)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "left out: %v\n", err) // then the tables say nothing about it
			continue
		}
		home, err := os.MkdirTemp(dir, "home-")
		if err != nil {
			return err
		}
		tool, err := t.open(path, home)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		tools = append(tools, tool)
	}
	for _, group := range groups {
		fmt.Printf("\n%s\n\n| |", group.title)
		for _, t := range tools {
			fmt.Printf(" %s: bytes | %s: values |", t.name(), t.name())
		}
		fmt.Print("\n|---|" + strings.Repeat("---|---|", len(tools)) + "\n")
		for _, kind := range group.kinds {
			fmt.Printf("| %s |", kind.name)
			for _, t := range tools {
				// The same files for each.
				r := rand.New(rand.NewPCG(*seed, uint64(len(kind.name))))
				var bytes, values score
				for range *files {
					f := kind.make(r)
					b, v := t.measure(f, group.dotenv)
					bytes.count(b)
					values.count(v)
				}
				fmt.Printf(" %v | %v |", bytes, values)
			}
			fmt.Println()
		}
	}
	return nil
}

// An outcome is what became of a file.
type outcome int

const (
	same outcome = iota
	changed
	refused // an error, and nothing was lost
	untried // the tool has no way to do it
)

// A score counts outcomes.
type score [4]int

func (s *score) count(o outcome) { s[o]++ }

func (s score) String() string {
	if s[untried] > 0 {
		return "–"
	}
	total := s[same] + s[changed] + s[refused]
	text := fmt.Sprintf("%d/%d", s[same], total)
	if s[refused] > 0 {
		text += fmt.Sprintf(" (%d refused)", s[refused])
	}
	return text
}

// A tool encrypts an env file, gives it back, and runs a command with it.
type tool interface {
	name() string
	measure(f envfiletest.File, dotenv bool) (bytes, values outcome)
}

// program runs a program in a folder of its own.
type program struct {
	path, dir string
	env       []string
}

func (p program) run(args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Dir = p.dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir}, p.env...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err) // the tool itself is broken
	}
	return out, err
}

func (p program) write(name string, data []byte) error {
	return os.WriteFile(filepath.Join(p.dir, name), data, 0o600)
}

// compareBytes judges what came back.
func compareBytes(got []byte, err error, want []byte) outcome {
	switch {
	case err != nil:
		return refused
	case bytes.Equal(got, want):
		return same
	}
	return changed
}

// compareValues judges the environment of a command, its entries ended by NUL.
func compareValues(got []byte, err error, want map[string]string) outcome {
	if err != nil {
		return refused
	}
	values := make(map[string]string)
	for entry := range strings.SplitSeq(string(got), "\x00") {
		name, value, _ := strings.Cut(entry, "=")
		values[name] = value
	}
	for name, value := range want {
		if has, ok := values[name]; !ok || has != value {
			return changed
		}
	}
	return same
}

// showEnvironment shows its own environment. No shell is in between where that can
// be had: dash drops names that it could not use itself.
func showEnvironment() []string { return []string{"cat", "/proc/self/environ"} }

type jet struct{ program }

func newJet(path, dir string) (tool, error) {
	j := jet{program{path, dir, nil}}
	_, err := j.run("generate")
	return j, err
}

func (jet) name() string { return "jet" }

func (j jet) measure(f envfiletest.File, dotenv bool) (bytes, values outcome) {
	if err := j.write("app.env", f.Text); err != nil {
		return refused, refused
	}
	if _, err := j.run("encrypt", "app.env", "app.env.encrypted"); err != nil {
		return refused, refused
	}
	out, err := j.run("decrypt", "app.env.encrypted", "-")
	bytes = compareBytes(out, err, f.Text)
	words := []string{"exec", "--env-file", "app.env.encrypted"}
	if dotenv {
		words = append(words, "--env-syntax", "dotenv")
	}
	out, err = j.run(append(append(words, "--"), showEnvironment()...)...)
	return bytes, compareValues(out, err, f.Values)
}

// sops keeps env files in its store "dotenv", by which exec-env knows them.
type sops struct {
	program
	recipient string
	binary    bool // the file is bytes to it, and not variables
}

func newSops(path, dir string) (tool, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	s := sops{program{path, dir, []string{"SOPS_AGE_KEY=" + identity.String(), "SOPS_DISABLE_VERSION_CHECK=1"}}, identity.Recipient().String(), false}
	_, err = s.run("--version")
	return s, err
}

func newSopsBinary(path, dir string) (tool, error) {
	t, err := newSops(path, dir)
	if s, ok := t.(sops); ok {
		s.binary = true
		return s, err
	}
	return nil, err
}

func (s sops) name() string {
	if s.binary {
		return "sops, binary"
	}
	return "sops"
}

func (s sops) measure(f envfiletest.File, _ bool) (bytes, values outcome) {
	if err := s.write("app.env", f.Text); err != nil {
		return refused, refused
	}
	kind := []string{"--input-type", "dotenv", "--output-type", "dotenv"}
	if s.binary {
		kind = []string{"--input-type", "binary", "--output-type", "binary"}
	}
	sealed, err := s.run(append([]string{"encrypt", "--age", s.recipient}, append(kind, "app.env")...)...)
	switch {
	case err != nil && s.binary:
		return refused, untried
	case err != nil:
		return refused, refused
	}
	if err := s.write("sealed.env", sealed); err != nil {
		return refused, refused
	}
	out, err := s.run(append([]string{"decrypt"}, append(kind, "sealed.env")...)...)
	bytes = compareBytes(out, err, f.Text)
	if s.binary {
		return bytes, untried
	}
	out, err = s.run("exec-env", "sealed.env", strings.Join(showEnvironment(), " ")) // always through sh
	return bytes, compareValues(out, err, f.Values)
}

// dotenvx encrypts the values where they stand, and puts a comment in front, which
// is not held against it here.
type dotenvx struct{ program }

func newDotenvx(path, dir string) (tool, error) {
	d := dotenvx{program{path, dir, nil}}
	_, err := d.run("--version")
	return d, err
}

func (dotenvx) name() string { return "dotenvx" }

func (d dotenvx) measure(f envfiletest.File, _ bool) (bytes, values outcome) {
	os.Remove(filepath.Join(d.dir, ".env.keys"))
	if err := d.write(".env", f.Text); err != nil {
		return refused, refused
	}
	if _, err := d.run("encrypt", "-f", ".env"); err != nil {
		return refused, refused
	}
	out, err := d.run(append([]string{"run", "--quiet", "-f", ".env", "--"}, showEnvironment()...)...)
	values = compareValues(out, err, f.Values)
	if _, err := d.run("decrypt", "-f", ".env"); err != nil {
		return refused, values
	}
	out, err = os.ReadFile(filepath.Join(d.dir, ".env"))
	return compareBytes(withoutHeader(out), err, withoutHeader(f.Text)), values
}

// withoutHeader takes off what dotenvx puts in front: a comment, its public key, an
// empty line and the name of the file. A byte-order mark may be anywhere.
func withoutHeader(text []byte) []byte {
	if at := bytes.Index(text, []byte("DOTENV_PUBLIC_KEY")); at >= 0 {
		if end := bytes.Index(text[at:], []byte("# .env")); end >= 0 {
			text = text[at+end+len("# .env"):]
			text = bytes.TrimPrefix(bytes.TrimPrefix(text, []byte("\r")), []byte("\n"))
		}
	}
	return text
}

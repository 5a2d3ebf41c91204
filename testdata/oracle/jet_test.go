package oracle

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every command of a test. None needs a tenth of it.
const patience = 2 * time.Minute

// run runs a program in dir, with env added to a small environment, and gives
// what it wrote to stdout and stderr together.
func run(t *testing.T, dir string, env []string, program string, args ...string) (string, error) {
	t.Helper()
	return runWith(t, "", dir, env, program, args...)
}

// runWith is run with a text on stdin.
func runWith(t *testing.T, stdin, dir string, env []string, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	// Each run asks the other side anew; a test of the cache sets the variable to nothing.
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + os.TempDir(), "JET_NO_CACHE=1"}, env...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// mustRun is run for what must work.
func mustRun(t *testing.T, dir string, env []string, program string, args ...string) string {
	t.Helper()
	out, err := run(t, dir, env, program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
	return out
}

// find gives the path of an installed program.
func find(t *testing.T, program, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		missing(t, "the program %s is not there (Debian: %s)", program, debianPackage)
	}
	return path
}

var built struct {
	sync.Mutex
	dir   string
	paths map[string]string
}

// build gives the path of a program built from a Go package, once for all tests.
func build(t *testing.T, dir, pkg string) string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	if path, ok := built.paths[pkg]; ok {
		return path
	}
	path := filepath.Join(built.dir, filepath.Base(pkg))
	cmd := exec.Command("go", "build", "-tags", "urfave_cli_no_docs,nethttpomithttp2", "-o", path, pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		if bytes.Contains(out, []byte("dial tcp")) || bytes.Contains(out, []byte("no such host")) {
			missing(t, "%s cannot be downloaded: %s", pkg, out)
		}
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	built.paths[pkg] = path
	return path
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "jet-oracle-")
	if err != nil {
		panic(err)
	}
	built.dir, built.paths = dir, make(map[string]string)
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// jet gives the path of jet, built from the checkout.
func jet(t *testing.T) string { return build(t, filepath.Join("..", ".."), "./cmd/jet") }

// helper gives the path of docker-credential-jet, built from the checkout.
func helper(t *testing.T) string {
	return build(t, filepath.Join("..", ".."), "./cmd/docker-credential-jet")
}

// crane gives the path of crane, in the version of go.mod.
func crane(t *testing.T) string {
	return build(t, ".", "github.com/google/go-containerregistry/cmd/crane")
}

package privatedir_test

import (
	"bufio"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dockercfg/jet/internal/privatedir"
)

// TestMain plays the program that is killed: it makes a folder with a file in it,
// says where, and waits.
func TestMain(m *testing.M) {
	if os.Getenv("PRIVATEDIR_TEST_HOLDS") == "" {
		os.Exit(m.Run())
	}
	privatedir.ForgetMemory()
	dir, err := privatedir.Create()
	if err == nil {
		_, err = dir.WriteFile("secret", []byte("canary"))
	}
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString(dir.Path() + "\n")
	os.Stdin.Read(make([]byte, 1))
	runtime.KeepAlive(dir)
}

// holder starts that program and gives the folder it made.
func holder(t *testing.T) (kill func(), path string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PRIVATEDIR_TEST_HOLDS=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
		stdin.Close()
	})
	t.Cleanup(kill)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || !strings.Contains(line, "jet-private-") {
		t.Fatalf("the other program says %q, %v", line, err)
	}
	return kill, strings.TrimSpace(line)
}

// inTemporary has folders made in a new temporary folder, which it gives. What is
// in memory on this system stays out of it.
func inTemporary(t *testing.T) string {
	t.Helper()
	place, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	privatedir.WithoutMemory(t)
	t.Setenv("TMPDIR", place)
	t.Setenv("TEMP", place)
	t.Setenv("TMP", place)
	return place
}

func TestCreate(t *testing.T) {
	place := inTemporary(t)
	dir, err := privatedir.Create()
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Dir(dir.Path()) != place {
		t.Errorf("made in %q, want %q", filepath.Dir(dir.Path()), place)
	}
	path, err := dir.WriteFile("app.env", []byte("A=canary\n"))
	if err != nil || path != filepath.Join(dir.Path(), "app.env") {
		t.Fatalf("got %q, %v", path, err)
	}
	for path, want := range map[string]fs.FileMode{dir.Path(): fs.ModeDir | 0o700, path: 0o600} {
		if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode() != want {
			t.Errorf("%s has mode %v, want %v (%v)", path, info.Mode(), want, err)
		}
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "A=canary\n" {
		t.Errorf("the file holds %q, %v", data, err)
	}
	for _, name := range []string{"app.env", "", ".", "..", "../x", "a/b"} {
		if _, err := dir.WriteFile(name, nil); err == nil {
			t.Errorf("%q: no error", name)
		}
	}
	other, err := privatedir.Create()
	if err != nil {
		t.Fatal(err)
	}
	if other.Path() == dir.Path() {
		t.Error("two folders have one name")
	}
	for _, d := range []*privatedir.Dir{dir, other, dir} {
		if err := d.Remove(); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(place); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestRemoveLeftovers(t *testing.T) {
	place := inTemporary(t)
	kill, killed := holder(t)
	_, live := holder(t)
	mine, err := privatedir.Create()
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Remove()
	if removed, err := privatedir.RemoveLeftovers(); err != nil || removed != nil {
		t.Fatalf("with all in use: removed %q, %v", removed, err)
	}

	kill()
	deep := filepath.Join(killed, "a", "b")
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Dir(outside), filepath.Join(deep, "link")); err != nil && runtime.GOOS != "windows" {
		t.Fatal(err)
	}
	removed, err := privatedir.RemoveLeftovers()
	if err != nil || !slices.Equal(removed, []string{killed}) {
		t.Errorf("removed %q, %v, want %q", removed, err, killed)
	}
	for path, want := range map[string]bool{killed: false, live: true, mine.Path(): true, outside: true} {
		if _, err := os.Lstat(path); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", path, err == nil, want)
		}
	}
	if removed, err := privatedir.RemoveLeftovers(); err != nil || removed != nil {
		t.Errorf("again: removed %q, %v", removed, err)
	}
	if entries, err := os.ReadDir(place); err != nil || len(entries) != 2 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// TestConcurrent: a folder that is being made is no leftover, whoever looks for
// some at that moment.
func TestConcurrent(t *testing.T) {
	place := inTemporary(t)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 200 {
				dir, err := privatedir.Create()
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := dir.WriteFile("a", []byte("b")); err != nil {
					t.Error(err)
				}
				if err := dir.Remove(); err != nil {
					t.Error(err)
				}
			}
		})
		wait.Go(func() {
			for range 200 {
				if _, err := privatedir.RemoveLeftovers(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	if left, err := os.ReadDir(place); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

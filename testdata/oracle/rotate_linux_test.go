package oracle

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPlaintextOfRotate ends rotations in every way and at any moment. The
// plaintext is nowhere on the disk, not even where something was removed.
func TestPlaintextOfRotate(t *testing.T) {
	d := newDisk(t)
	p, env := d.project(t)
	git := find(t, "git", "git")
	mustRun(t, p.dir, env, git, "init", "-q")
	canary := strings.Repeat(plantedFile+"\n", 1000)
	seal := func(name, text string, args ...string) {
		t.Helper()
		if out, err := runWith(t, text, p.dir, env, p.jet, append([]string{"encrypt", "-", name}, args...)...); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for i := range 12 {
		seal(fmt.Sprintf("%d.env.encrypted", i), canary, "--format", []string{"jet:v1", "codeship:v2"}[i%2])
	}
	seal("large.encrypted", strings.Repeat(canary, 4500<<10/len(canary)), "--format", "codeship:v2") // which is spooled
	began := time.Now()
	mustRun(t, p.dir, env, p.jet, "rotate")
	longest := time.Since(began)
	if found := d.holds(plantedFile); found != nil {
		t.Fatalf("on the disk is %q", found)
	}
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			for range 6 {
				cmd := exec.Command(p.jet, "rotate")
				cmd.Dir, cmd.Env = p.dir, env
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(rand.N(longest))
				cmd.Process.Signal(signal)
				cmd.Wait()
				if found := d.holds(plantedFile); found != nil {
					t.Fatalf("on the disk is %q", found)
				}
			}
			if _, err := os.Stat(filepath.Join(p.dir, ".git", "jet-rotation.json")); err == nil {
				mustRun(t, p.dir, env, p.jet, "rotate", "--resume")
			}
			if got := p.plain(t, env); got != "A="+plantedFile+"\n" {
				t.Errorf("the file opens to %q", got)
			}
			if found := d.holds(plantedFile); found != nil {
				t.Errorf("on the disk is %q", found)
			}
		})
	}
}

// TestRotateCannotWrite: a disk without room, a folder without the right to write
// or on a disk that can only be read: nothing is changed, and it is said.
func TestRotateCannotWrite(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	d := &disk{t: t, dir: t.TempDir()}
	if out, err := run(t, "/", nil, "mount", "-t", "tmpfs", "-o", "size=1m", "none", d.dir); err != nil {
		t.Skipf("nothing can be mounted: %v: %s", err, out)
	}
	t.Cleanup(func() { run(t, "/", nil, "umount", d.dir) })
	p, env := d.project(t)
	mustRun(t, p.dir, env, find(t, "git", "git"), "init", "-q")
	for i := range 20 {
		if out, err := runWith(t, strings.Repeat(plantedFile, 500), p.dir, env, p.jet, "encrypt", "-", fmt.Sprintf("%d.encrypted", i)); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	write(t, filepath.Join(p.dir, ".gitignore"), "codeship.aes*\n") // which is not to be changed
	state := func() string {
		return mustRun(t, p.dir, env, "sh", "-c", "find . -type f ! -path './.git/*' ! -name fill -exec sha256sum {} + | sort; ls -A .git")
	}
	before := state()
	check := func(name, says string, words ...string) {
		t.Helper()
		out, err := run(t, p.dir, env, words[0], words[1:]...)
		if err == nil || !strings.Contains(out, "jet: error: nothing was changed: ") || !strings.Contains(out, says) {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		if after := state(); after != before {
			t.Errorf("%s: from\n%s\nto\n%s", name, before, after)
		}
	}

	run(t, p.dir, nil, "sh", "-c", "cat /dev/zero > fill 2>/dev/null")
	check("no room at all", "no space left on device", p.jet, "rotate")
	run(t, p.dir, nil, "truncate", "-s", "-100000", "fill") // enough for some of them
	check("no room for all", "no space left on device", p.jet, "rotate")
	if err := os.Remove(filepath.Join(p.dir, "fill")); err != nil {
		t.Fatal(err)
	}

	// Somebody else's folder.
	closed := filepath.Join(p.dir, "closed")
	mustRun(t, p.dir, env, "sh", "-c", "mkdir closed; mv 19.encrypted closed; chmod 755 closed; chmod 700 .; chown -R 65534:65534 . ../home ../tmp; chown root closed; chmod 755 "+d.dir+" "+filepath.Dir(d.dir))
	before = state()
	nobody := func(words ...string) []string {
		return append([]string{find(t, "setpriv", "util-linux"), "--reuid", "65534", "--regid", "65534", "--clear-groups"}, words...)
	}
	check("no right to a folder", `"closed/19.encrypted": its new version cannot be written beside it: permission denied`, nobody(p.jet, "rotate")...)
	mustRun(t, p.dir, env, "sh", "-c", "chmod 600 closed/19.encrypted; chown root closed/19.encrypted")
	out, err := run(t, p.dir, env, nobody(p.jet, "rotate")[0], nobody(p.jet, "rotate")[1:]...)
	if err == nil || !strings.Contains(out, `jet: error: "closed/19.encrypted": permission denied`) || state() != before {
		t.Errorf("no right to read a file: %v: %s", err, out)
	}

	// A part of it on a disk that can only be read.
	mustRun(t, p.dir, env, "sh", "-c", "chown -R 65534:65534 closed && mount --bind closed closed && mount -o remount,ro,bind closed")
	defer run(t, p.dir, nil, "umount", closed)
	check("a disk that can only be read", "read-only file system", nobody(p.jet, "rotate")...)
	run(t, p.dir, nil, "umount", closed)

	if out, err := run(t, p.dir, env, nobody(p.jet, "rotate")[0], nobody(p.jet, "rotate")[1:]...); err != nil {
		t.Errorf("in the end: %v: %s", err, out)
	}
}

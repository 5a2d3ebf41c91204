//go:build unix

package outfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

const nobody = 65534

// TestWithoutRightToFolder runs as a user who may write files and not the folder.
func TestWithoutRightToFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		if err := inPlaceAsUser(inPlaceFolder(t, os.Getuid())); err != nil {
			t.Error(err)
		}
		return
	}
	dir := inPlaceFolder(t, nobody)
	cmd := child("in place", dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	binary, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path = filepath.Join(filepath.Dir(dir), "binary") // the folder of the test binary may be closed
	if err := os.WriteFile(cmd.Path, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	if output, err := cmd.Output(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}

func inPlaceFolder(t *testing.T, uid int) string {
	base, err := os.MkdirTemp("", "outfile-")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(base, "closed")
	t.Cleanup(func() {
		os.Chmod(dir, 0o700)
		os.RemoveAll(base)
	})
	os.Chmod(base, 0o755)
	os.Mkdir(dir, 0o755)
	for name, mode := range map[string]fs.FileMode{"private": 0o644, "shared": 0o644, "large": 0o644, "read-only": 0o444} {
		path := filepath.Join(dir, name)
		put(t, path, "old content", mode)
		if os.Geteuid() == 0 {
			os.Chown(path, uid, uid)
		}
	}
	put(t, filepath.Join(dir, "foreign"), "old content", 0o666)
	os.Chmod(dir, 0o555)
	return dir
}

func inPlaceAsUser(dir string) error {
	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	content := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		check(err == nil, "%v", err)
		return string(data)
	}
	for name, class := range map[string]Class{"private": Private, "shared": Shared, "foreign": Private} {
		f, err := Create(filepath.Join(dir, name), class)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		check(f.Hidden(), "%s: in memory and not hidden", name)
		fmt.Fprint(f, "new")
		check(content(name) == "old content", "%s: touched before Commit", name)
		err = f.Commit()
		check(err == nil && f.InPlace(), "%s: in place %v, error %v", name, f.InPlace(), err)
		check(content(name) == "new", "%s: holds %q", name, content(name))
		info, _ := os.Stat(filepath.Join(dir, name))
		want := map[string]fs.FileMode{"private": 0o600, "shared": 0o644}[name]
		check(want == 0 || info.Mode() == want, "%s: mode %v, want %v", name, info.Mode(), want)
	}

	// Who asks for a mode gets it, or no file that more can read.
	path := filepath.Join(dir, "foreign")
	if info, err := os.Stat(path); err == nil && ofOthers(info) {
		for mode, want := range map[fs.FileMode]string{0o640: "new", 0o644: "for all"} {
			_, err := WriteFileWith(path, []byte("for all"), Attributes{Mode: mode, UID: -1, GID: -1})
			check((err == nil) == (want != "new"), "foreign, mode %04o: got %v", mode, err)
			check(content("foreign") == want, "foreign, mode %04o: holds %q", mode, content("foreign"))
			os.WriteFile(path, []byte("new"), 0)
		}
	}

	f, err := Create(filepath.Join(dir, "large"), Private)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, inPlaceLimit))
	check(err == nil, "large: %v", err)
	_, err = f.Write([]byte{0})
	check(errors.Is(err, errTooLarge), "large: got %v, want errTooLarge", err)
	check(errors.Is(f.Commit(), errTooLarge), "large: committed")
	check(content("large") == "old content", "large: touched")

	for _, name := range []string{"read-only", "missing"} {
		_, err := Create(filepath.Join(dir, name), Private)
		check(errors.Is(err, fs.ErrPermission), "%s: got %v, want ErrPermission", name, err)
	}
	return errors.Join(problems...)
}

func TestOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("giving files away needs root")
	}
	tests := []struct {
		name      string
		container bool
		sticky    bool
		class     Class
		old       int // owner, -1 for no file
		want      int
	}{
		{"new file", false, false, Private, -1, 0},
		{"replaced", false, false, Private, 4000, 4000},
		{"replaced ciphertext", false, false, Shared, 4000, 4000},
		{"planted in a sticky folder", false, true, Private, 4000, 0},
		{"ciphertext in a sticky folder", false, true, Shared, 4000, 4000},
		{"container, new file", true, false, Private, -1, 3000},
		{"container, new ciphertext", true, false, Shared, -1, 3000},
		{"container, replaced", true, false, Private, 0, 3000},
	}
	ways(t, func(t *testing.T) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				base := t.TempDir()
				dir := filepath.Join(base, "volume")
				os.Mkdir(dir, 0o755)
				os.Chown(dir, 3000, 3000)
				if test.sticky {
					os.Chmod(dir, 0o777|fs.ModeSticky)
				}
				path := filepath.Join(dir, "out")
				if test.old >= 0 {
					put(t, path, "old", 0o644)
					os.Chown(path, test.old, test.old)
				}
				if test.container {
					mark := filepath.Join(base, "mark")
					put(t, mark, "", 0o600)
					containerMarks = []string{"/nothing", mark}
					defer func() { containerMarks = nil }()
				}
				if _, err := WriteFile(path, []byte("new"), test.class); err != nil {
					t.Fatal(err)
				}
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				stat := info.Sys().(*syscall.Stat_t)
				if int(stat.Uid) != test.want || int(stat.Gid) != test.want {
					t.Errorf("owner %d:%d, want %d", stat.Uid, stat.Gid, test.want)
				}
				if test.class == Private {
					wantMode(t, path, 0o600)
				}
			})
		}
	})
}

// TestChosenOwner gives files to others, on request.
func TestChosenOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("giving files away needs root")
	}
	ways(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "out")
		for _, want := range [][2]int{{4000, 5000}, {4000, -1}, {-1, 5000}} {
			if _, err := WriteFileWith(path, []byte("new"), Attributes{0o640, want[0], want[1]}); err != nil {
				t.Fatal(err)
			}
			wantMode(t, path, 0o640)
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			stat := info.Sys().(*syscall.Stat_t)
			if uid, gid := int(stat.Uid), int(stat.Gid); want[0] != -1 && uid != want[0] || want[1] != -1 && gid != want[1] {
				t.Errorf("got %d:%d, want %v", uid, gid, want)
			}
		}
	})
}

// killContent is what the n-th write puts into a file: recognisable when whole.
func killContent(n int) []byte {
	letter := byte('a' + n%26)
	return bytes.Repeat([]byte{letter}, 1+int(letter)*97*(1+n%26))
}

func overwriteForEver(args []string) error {
	testWays[args[1]]()
	for n := 0; ; n++ {
		if _, err := WriteFile(args[0], killContent(n), Private); err != nil {
			return err
		}
		if n == 0 {
			fmt.Println("ready")
		}
	}
}

// TestKill kills a process at random moments while it overwrites a file with
// plaintext over and over.
func TestKill(t *testing.T) {
	kills := 201
	if testing.Short() {
		kills = 20
	}
	whole := map[string]bool{}
	for n := range 26 {
		whole[string(killContent(n))] = true
	}
	kills /= len(testWays)
	for way := range testWays {
		t.Run(way, func(t *testing.T) {
			leftovers, closed := 0, 0
			for i := range kills {
				dir := t.TempDir()
				path := filepath.Join(dir, "out")
				if i%2 == 0 {
					put(t, path, string(killContent(7)), 0o644)
				}
				cmd := child("overwrite for ever", path, way)
				stdout, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				if i%4 < 3 { // else also while it starts
					stdout.Read(make([]byte, 1))
				}
				time.Sleep(time.Duration(rand.IntN(20_000)) * time.Microsecond)
				cmd.Process.Kill()
				cmd.Wait()

				for _, name := range list(t, dir) {
					info, err := os.Lstat(filepath.Join(dir, name))
					if err != nil {
						t.Fatal(err)
					}
					if name != "out" {
						leftovers++
						if info.Mode() != 0 {
							t.Errorf("left beside the target: %q, mode %v", name, info.Mode())
						}
						continue
					}
					if info.Mode() == 0 { // between rename and chmod
						closed++
						os.Chmod(path, 0o600)
					}
					if data, err := os.ReadFile(path); err != nil || !whole[string(data)] {
						t.Errorf("target of %d bytes is neither old nor new: %v", len(data), err)
					}
				}
				os.RemoveAll(dir)
			}
			t.Logf("%d kills: %d files left beside the target, %d targets still closed", kills, leftovers, closed)
		})
	}
}

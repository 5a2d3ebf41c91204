package outfile

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestPin: root writes into folders of others, who lead it nowhere by links.
func TestPin(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, who alone can be led to files of others")
	}
	const stranger = 12345
	for _, c := range []struct {
		label string
		path  string            // below the folder of the stranger
		links map[string]string // names there, and where they lead, from the folder above
		ours  bool              // the links are root's
		want  string            // where the file is then, "" if it is refused
	}{
		{"none", "pw", nil, false, "theirs/pw"},
		{"to a file", "pw", map[string]string{"pw": "root/secret"}, false, ""},
		{"to nothing", "pw", map[string]string{"pw": "root/new"}, false, ""},
		{"a folder", "dir/secret", map[string]string{"dir": "root"}, false, ""},
		{"a folder, by way of ..", "dir/../secret", map[string]string{"dir": "root/sub"}, false, ""},
		{"of root's, to a file", "pw", map[string]string{"pw": "root/secret"}, true, "root/secret"},
		{"of root's, to nothing", "pw", map[string]string{"pw": "root/new"}, true, "root/new"},
		{"of root's, a folder", "dir/secret", map[string]string{"dir": "root"}, true, "root/secret"},
		{"of root's, by way of ..", "dir/../secret", map[string]string{"dir": "root/sub"}, true, "root/secret"},
		{"of root's, two", "a/secret", map[string]string{"a": "theirs/b/", "b": "root"}, true, "root/secret"},
		{"of root's, to itself", "pw", map[string]string{"pw": "theirs/pw"}, true, ""},
	} {
		for _, relative := range []bool{false, true} {
			top := t.TempDir()
			in := func(names ...string) string { return filepath.Join(append([]string{top}, names...)...) }
			for _, dir := range []string{in("theirs"), in("root"), in("root", "sub")} {
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(os.WriteFile(in("root", "secret"), []byte("of root"), 0o600), os.Chown(in("theirs"), stranger, stranger)); err != nil {
				t.Fatal(err)
			}
			for name, to := range c.links {
				if relative {
					to = "../" + to
				} else {
					to = top + "/" + to
				}
				err := os.Symlink(to, in("theirs", name))
				if !c.ours {
					err = errors.Join(err, os.Lchown(in("theirs", name), stranger, stranger))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			path := top + "/theirs/" + c.path
			if relative {
				t.Chdir(top)
				path = "theirs/" + c.path
			}
			file, openErr := Open(path)
			if openErr == nil {
				file.Close()
			}
			_, err := WriteFileWith(path, []byte("new"), Attributes{Mode: 0o600, UID: stranger, GID: -1})
			if c.want == "" {
				secret, _ := os.ReadFile(in("root", "secret"))
				info, _ := os.Stat(in("root", "secret"))
				left, _ := os.ReadDir(in("root"))
				if err == nil || openErr == nil || errors.Is(openErr, fs.ErrNotExist) || string(secret) != "of root" || len(left) != 2 || info.Sys().(*syscall.Stat_t).Uid != 0 {
					t.Errorf("%s: got %v, and to read %v; the file of root holds %q", c.label, err, openErr, secret)
				}
				continue
			}
			if text, problem := os.ReadFile(in(c.want)); err != nil || problem != nil || string(text) != "new" {
				t.Errorf("%s: got %v; the file holds %q, %v", c.label, err, text, problem)
			}
			if openErr != nil && !errors.Is(openErr, fs.ErrNotExist) {
				t.Errorf("%s: to read it: got %v", c.label, openErr)
			}
		}
	}
}

// TestPinWithoutProc: where an open folder has no path, links are looked at as well.
func TestPinWithoutProc(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	defer func(old string) { descriptors = old }(descriptors)
	descriptors = filepath.Join(t.TempDir(), "none")
	path := filepath.Join(t.TempDir(), "pw")
	for range 2 {
		if _, err := WriteFileWith(path, []byte("new"), Attributes{Mode: 0o600, UID: -1, GID: -1}); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := errors.Join(os.Symlink(path, link), os.Lchown(link, 12345, 12345)); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteFileWith(link, nil, Attributes{Mode: 0o600, UID: -1, GID: -1}); err == nil || !strings.Contains(err.Error(), "belongs to another user (12345)") {
		t.Errorf("got %v", err)
	}
}

// TestNoFile: nobody waits for who may read a pipe, or write to it.
func TestNoFile(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, "/dev/null", "/dev/stdout"} {
		if _, err := WriteFileWith(path, []byte("secret"), Attributes{Mode: 0o600, UID: -1, GID: -1}); !errors.Is(err, errNoFile) {
			t.Errorf("%s: got %v", path, err)
		}
		if _, err := Open(path); !errors.Is(err, errNoFile) {
			t.Errorf("%s: to read it: got %v", path, err)
		}
	}
	if _, err := Open(filepath.Dir(pipe)); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("a folder: got %v", err)
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if text, err := io.ReadAll(file); err != nil || !bytes.Equal(text, []byte("text")) {
		t.Errorf("got %q, %v", text, err)
	}
}

package projectkey

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dockercfg/jet/crypto"
)

// canary is planted wherever a key or a command could leak from.
const canary = "Canary7Zq"

func put(t *testing.T, path string, content []byte, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, pair := range pairs {
			if n, value, _ := strings.Cut(pair, "="); n == name {
				return value, true
			}
		}
		return "", false
	}
}

func same(a, b crypto.Key) bool { return a.Fingerprint() == b.Fingerprint() }

func needUnix(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs modes, links or sh")
	}
}

func TestOrder(t *testing.T) {
	needUnix(t)
	dir := t.TempDir()
	t.Chdir(dir)
	keys := map[string]crypto.Key{}
	for _, name := range []string{"option", "variable", "command", "named", FileName} {
		keys[name] = crypto.GenerateKey()
		put(t, name, keys[name].Encode(), 0o600)
	}
	all := []string{"JET_KEY=" + string(keys["variable"].Encode()), "JET_KEY_COMMAND=cat command", "JET_KEY_PATH=named"}
	tests := []struct {
		keyPath            string
		env                []string
		key, origin, where string
	}{
		{"option", all, "option", "option", "option"},
		{"", all, "variable", "JET_KEY", ""},
		{"", all[1:], "command", "JET_KEY_COMMAND", ""},
		{"", all[2:], "named", "named", "named"},
		{"", nil, FileName, FileName, FileName},
	}
	for _, test := range tests {
		t.Run(test.key, func(t *testing.T) {
			found, err := Lookup{KeyPath: test.keyPath, LookupEnv: environment(test.env...)}.Find(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !same(found.Key, keys[test.key]) || found.Origin != test.origin || found.Path != test.where || len(found.Warnings) != 0 {
				t.Errorf("got %+v", found)
			}
		})
	}
}

// What is set and broken is an error, though a good key comes next.
func TestBrokenSources(t *testing.T) {
	needUnix(t)
	dir := t.TempDir()
	t.Chdir(dir)
	good := string(crypto.GenerateKey().Encode())
	put(t, FileName, []byte(good), 0o600)
	os.Mkdir("folder", 0o700)
	os.Symlink("nowhere", "dangling")
	files := map[string]string{
		"empty":      "",
		"newline":    "\n",
		"short":      good[:40] + "\n",
		"long":       good[:43] + good,
		"huge":       strings.Repeat(good[:44], 100_000),
		"not base64": canary + "!" + strings.Repeat("$", 34),
		"two lines":  canary + "\n" + good,
		"encrypted":  "codeship:v2\n" + good,
		"cloudbees":  "cloudbees:v1\n" + good,
		"sealed":     "\ufeffjet:v1\n" + good,
		"identity":   "AGE-SECRET-KEY-1" + canary,
		"pem":        "-----BEGIN OPENSSH PRIVATE KEY-----\n" + canary,
	}
	for name, content := range files {
		put(t, name, []byte(content), 0o600)
	}
	type test struct {
		keyPath, env, text string
		want               error
	}
	tests := []test{
		{"", "JET_KEY=", "JET_KEY: an incorrect or incomplete AES key: it is empty", crypto.ErrKey},
		{"", "JET_KEY=" + canary, "JET_KEY: an incorrect", crypto.ErrKey},
		{"", "JET_KEY=" + files["sealed"], "JET_KEY: an incorrect or incomplete AES key: it is an encrypted file, not a key", crypto.ErrKey},
		{"", "JET_KEY=age-encryption.org/v1\n" + canary, "JET_KEY: an incorrect or incomplete AES key: it is an age file, not a key", crypto.ErrKey},
		{"", "JET_KEY_COMMAND=echo -----BEGIN AGE ENCRYPTED FILE-----", "JET_KEY_COMMAND: an incorrect or incomplete AES key: it is an age file, not a key", crypto.ErrKey},
		{"", "JET_KEY_COMMAND=", "JET_KEY_COMMAND: it is set but empty", nil},
		{"", "JET_KEY_COMMAND= ", "JET_KEY_COMMAND: it is set but empty", nil},
		{"", "JET_KEY_COMMAND=: " + canary, "JET_KEY_COMMAND: an incorrect or incomplete AES key: it is empty", crypto.ErrKey},
		{"", "JET_KEY_COMMAND=echo " + canary, "JET_KEY_COMMAND: an incorrect", crypto.ErrKey},
		{"", "JET_KEY_COMMAND=echo " + canary + "; exit 3", "JET_KEY_COMMAND: exit status 3", nil},
		{"", "JET_KEY_COMMAND=kill -9 $$ # " + canary, "JET_KEY_COMMAND: signal: killed", nil},
		{"", "JET_KEY_COMMAND=no-such-program-" + canary, "JET_KEY_COMMAND: exit status 127", nil},
		{"", "JET_KEY_COMMAND=yes " + canary, "JET_KEY_COMMAND: its output is over 8192 bytes", nil},
		{"", "JET_KEY_PATH=", "JET_KEY_PATH: it is set but empty", nil},
		{"", "JET_KEY_PATH=missing", `No AES key provided: JET_KEY_PATH: key "missing" does not exist`, fs.ErrNotExist},
		{"", "JET_KEY_PATH=short", `JET_KEY_PATH: key "short": an incorrect`, crypto.ErrKey},
		{"missing", "", `No AES key provided: key "missing" does not exist`, fs.ErrNotExist},
		{"missing/key", "", `No AES key provided: key "missing/key" does not exist`, fs.ErrNotExist},
		{"dangling", "", `No AES key provided: key "dangling" is a symbolic link that leads nowhere`, fs.ErrNotExist},
		{"folder", "", `key "folder": is a directory`, syscall.EISDIR},
		{"short/key", "", `key "short/key": not a directory`, syscall.ENOTDIR},
		{"/dev/null", "", `key "/dev/null": an incorrect or incomplete AES key: it is empty`, crypto.ErrKey},
		{"/dev/zero", "", `key "/dev/zero": an incorrect or incomplete AES key: it is over 4096`, crypto.ErrKey},
	}
	for name := range files {
		tests = append(tests, test{name, "", fmt.Sprintf("key %q: an incorrect or incomplete AES key: it ", name), crypto.ErrKey})
	}
	for name, what := range map[string]string{"encrypted": "an encrypted file", "identity": "an age identity", "pem": "a PEM file"} {
		tests = append(tests, test{name, "", fmt.Sprintf("key %q: an incorrect or incomplete AES key: it is %s, not a key", name, what), crypto.ErrKey})
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s %.40s", test.keyPath, test.env), func(t *testing.T) {
			var stderr bytes.Buffer
			found, err := Lookup{KeyPath: test.keyPath, LookupEnv: environment(test.env), Stderr: &stderr}.Find(t.Context())
			if err == nil {
				t.Fatalf("got the key of %s", found.Origin)
			}
			if test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got %v, want it to wrap %v", err, test.want)
			}
			if !strings.HasPrefix(err.Error(), test.text) {
				t.Errorf("got %q, want %q", err, test.text)
			}
			for _, secret := range []string{canary, good[:10], good[10:20]} {
				if strings.Contains(fmt.Sprintf("%+v %#v", err, err), secret) {
					t.Errorf("%+v holds a secret", err)
				}
			}
		})
	}
}

func TestBrokenKeyInFolder(t *testing.T) {
	needUnix(t)
	top := t.TempDir()
	sub := filepath.Join(top, "sub")
	os.MkdirAll(filepath.Join(top, ".git"), 0o755)
	put(t, filepath.Join(top, FileName), crypto.GenerateKey().Encode(), 0o600)
	os.Mkdir(sub, 0o755)
	t.Chdir(sub)

	os.Symlink("nowhere", FileName)
	if _, err := (Lookup{LookupEnv: environment()}).Find(t.Context()); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "leads nowhere") {
		t.Errorf("dangling link: got %v", err)
	}
	os.Remove(FileName)
	put(t, FileName, nil, 0o600)
	if _, err := (Lookup{LookupEnv: environment()}).Find(t.Context()); !errors.Is(err, crypto.ErrKey) {
		t.Errorf("empty: got %v", err)
	}
}

func TestUnreadable(t *testing.T) {
	needUnix(t)
	path := filepath.Join(t.TempDir(), "key")
	put(t, path, crypto.GenerateKey().Encode(), 0)
	if f, err := os.Open(path); err == nil {
		f.Close()
		t.Skip("root reads everything")
	}
	if _, err := (Lookup{KeyPath: path}).Find(t.Context()); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v, want ErrPermission", err)
	}
}

func TestSearch(t *testing.T) {
	needUnix(t)
	tests := []struct {
		name, git, key, dir string // git: where .git stands; a leading "file:" makes it a file
		link                string // a link to dir, from where to look
		want                string // "" for not found
	}{
		{"here", "top/.git", "top/" + FileName, "top", "", FileName},
		{"parent", "top/.git", "top/" + FileName, "top/a", "", "top/" + FileName},
		{"far up", "top/.git", "top/" + FileName, "top/a/b/c", "", "top/" + FileName},
		{"half way", "top/.git", "top/a/" + FileName, "top/a/b/c", "", "top/a/" + FileName},
		{"worktree", "file:top/.git", "top/" + FileName, "top/a", "", "top/" + FileName},
		{"above the top", "top/.git", FileName, "top/a", "", ""},
		{"above a submodule", "file:top/a/.git", "top/" + FileName, "top/a/b", "", ""},
		{"no work tree", "", "top/" + FileName, "top/a", "", ""},
		{"no work tree, here", "", "top/" + FileName, "top", "", FileName},
		{"inside .git", "top/.git", "top/" + FileName, "top/.git/hooks", "", ""},
		{"through a link", "top/.git", "top/" + FileName, "top/a", "elsewhere/link", "top/" + FileName},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(base, test.dir)
			if git, isFile := strings.CutPrefix(test.git, "file:"); isFile {
				put(t, filepath.Join(base, git), []byte("gitdir: elsewhere\n"), 0o644)
			} else if git != "" {
				os.MkdirAll(filepath.Join(base, git), 0o755)
			}
			os.MkdirAll(dir, 0o755)
			key := crypto.GenerateKey()
			put(t, filepath.Join(base, test.key), key.Encode(), 0o600)
			if test.link != "" {
				link := filepath.Join(base, test.link)
				os.MkdirAll(filepath.Dir(link), 0o755)
				os.Symlink(dir, link)
				dir = link
			}
			want := test.want
			if want != FileName && want != "" {
				want = filepath.Join(base, want)
			}
			t.Chdir(dir)
			found, err := Lookup{LookupEnv: environment()}.Find(t.Context())
			if want == "" {
				var none *NotFoundError
				if !errors.As(err, &none) {
					t.Fatalf("got %v and %v, want NotFoundError", found.Origin, err)
				}
				if !strings.HasPrefix(err.Error(), "No AES key provided: codeship.aes does not exist") {
					t.Errorf("got %q", err)
				}
				for _, place := range []string{"--key-path", "JET_KEY", "JET_KEY_COMMAND", "JET_KEY_PATH", `"codeship.aes"`} {
					if !strings.Contains(err.Error(), place) {
						t.Errorf("%q does not name %s", err, place)
					}
				}
				if test.name == "above the top" && !strings.Contains(err.Error(), filepath.Join(base, "top", FileName)) {
					t.Errorf("%q does not name the top", err)
				}
				return
			}
			if err != nil || !same(found.Key, key) || found.Path != want || found.Origin != want {
				t.Errorf("got %+v, %v, want %s", found, err, want)
			}
			// Asked about a folder that is not the current one.
			t.Chdir(base)
			if found, err := (Lookup{LookupEnv: environment(), Dir: dir}).Find(t.Context()); err != nil || !same(found.Key, key) {
				t.Errorf("with Dir: got %+v, %v", found, err)
			}
		})
	}
}

func TestWorldReadable(t *testing.T) {
	needUnix(t)
	t.Chdir(t.TempDir())
	key := crypto.GenerateKey()
	tests := []struct {
		name string
		mode fs.FileMode
		want string
	}{
		{"key", 0o644, `the key "key" can be read by everybody on this machine: chmod 600 key`},
		{"key", 0o604, `the key "key" can be read by everybody on this machine: chmod 600 key`},
		{"it's $HOME", 0o444, `the key "it's $HOME" can be read by everybody on this machine: chmod 600 'it'\''s $HOME'`},
		{"-R", 0o644, `the key "-R" can be read by everybody on this machine: chmod 600 './-R'`},
		{"key", 0o600, ""},
		{"key", 0o640, ""},
		{"key", 0o400, ""},
	}
	for _, test := range tests {
		put(t, test.name, key.Encode(), test.mode)
		found, err := Lookup{KeyPath: test.name}.Find(t.Context())
		if got := strings.Join(found.Warnings, "|"); err != nil || got != test.want {
			t.Errorf("%s %o: got %q, %v, want %q", test.name, test.mode, got, err, test.want)
		}
		os.Remove(test.name)
	}
}

func TestCommand(t *testing.T) {
	needUnix(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	key := crypto.GenerateKey()
	text := strings.TrimSpace(string(key.Encode()))
	t.Setenv("KEY_OF_TEST", text)
	t.Setenv("JET_KEY", canary)
	tests := map[string]string{
		"plain":                   `echo $KEY_OF_TEST`,
		"trimmed":                 `printf ' \n\t%s\r\n\n' $KEY_OF_TEST`,
		"folder":                  `test "$(pwd -P)" = '` + dir + `' && echo $KEY_OF_TEST`,
		"no input":                `cat; echo $KEY_OF_TEST`,
		"without our own":         `test -z "$JET_KEY$JET_KEY_COMMAND" && echo $KEY_OF_TEST`,
		"pipe":                    `echo $KEY_OF_TEST | cat`,
		"daemon holds the output": `sleep 60 & echo $KEY_OF_TEST`,
	}
	for name, command := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("JET_KEY_COMMAND", command)
			start := time.Now()
			found, err := Lookup{LookupEnv: environment("JET_KEY_COMMAND=" + command), Dir: dir}.Find(t.Context())
			if err != nil || !same(found.Key, key) || found.Origin != "JET_KEY_COMMAND" || found.Path != "" {
				t.Errorf("got %+v, %v", found, err)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
	t.Run("stderr", func(t *testing.T) {
		var stderr bytes.Buffer
		_, err := Lookup{LookupEnv: environment("JET_KEY_COMMAND=echo locked >&2; false"), Stderr: &stderr}.Find(t.Context())
		if err == nil || err.Error() != "JET_KEY_COMMAND: exit status 1" || stderr.String() != "locked\n" {
			t.Errorf("got %v, %q", err, stderr.String())
		}
	})
}

func TestCommandTakesTooLong(t *testing.T) {
	needUnix(t)
	commandTimeout = 200 * time.Millisecond
	defer func() { commandTimeout = 30 * time.Second }()
	marker := filepath.Join(t.TempDir(), "survived")
	// The grandchild holds the pipe, and would leave the marker if it lived on.
	command := "JET_KEY_COMMAND=(sleep 1; touch " + marker + ") & sleep 60"
	start := time.Now()
	_, err := Lookup{LookupEnv: environment(command)}.Find(t.Context())
	if !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "JET_KEY_COMMAND: no answer within 200ms") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 900*time.Millisecond {
		t.Errorf("took %v", took)
	}
	if terminal, err := os.Open("/dev/tty"); err == nil {
		terminal.Close()
		t.Skip("with a terminal the grandchild is left alone")
	}
	time.Sleep(1200 * time.Millisecond)
	if _, err := os.Stat(marker); err == nil {
		t.Error("the grandchild lives on")
	}
}

func TestInterrupted(t *testing.T) {
	needUnix(t)
	pipe := filepath.Join(t.TempDir(), "pipe")
	makePipe(t, pipe)
	for name, lookup := range map[string]Lookup{
		"command": {LookupEnv: environment("JET_KEY_COMMAND=sleep 60")},
		"pipe":    {KeyPath: pipe}, // nobody will write to it
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		start := time.Now()
		_, err := lookup.Find(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
			t.Errorf("%s: got %v after %v", name, err, time.Since(start))
		}
	}
}

func TestPipe(t *testing.T) {
	needUnix(t)
	pipe := filepath.Join(t.TempDir(), "pipe")
	makePipe(t, pipe)
	os.Chmod(pipe, 0o644)
	key := crypto.GenerateKey()
	go os.WriteFile(pipe, key.Encode(), 0)
	found, err := Lookup{KeyPath: pipe}.Find(t.Context())
	if err != nil || !same(found.Key, key) || len(found.Warnings) != 0 {
		t.Errorf("got %+v, %v", found, err)
	}
}

package credentialstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/credentialstore"
	"github.com/dockercfg/jet/internal/credentialstore/standin"
)

const canary = "canary-Zq8vXw2L"

func TestMain(m *testing.M) {
	standin.Main()
	os.Exit(m.Run())
}

// nowhere keeps Find away from the folders of the system.
var nowhere = []string{}

// install makes a stand-in and finds it on PATH.
func install(t *testing.T, s standin.Store, o credentialstore.Options) (*credentialstore.Store, standin.Helper) {
	t.Helper()
	helper := standin.Install(t, "", "osxkeychain", s)
	t.Setenv("PATH", helper.Folder)
	o.Folders = nowhere
	store, err := credentialstore.Find("osxkeychain", o)
	if err != nil {
		t.Fatal(err)
	}
	return store, helper
}

func TestFind(t *testing.T) {
	on := standin.Install(t, "", "osxkeychain", standin.Store{}).Folder
	beside := standin.Install(t, "", "desktop", standin.Store{}).Folder
	empty := t.TempDir()
	if err := os.WriteFile(filepath.Join(empty, "docker-credential-plain"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(on)
	list := func(folders ...string) string { return strings.Join(folders, string(filepath.ListSeparator)) }
	for _, c := range []struct {
		label, helper, path string
		folders             []string
		want                string   // folder
		refused             []string // in a *NotFoundError
	}{
		{label: "on PATH", helper: "osxkeychain", path: list(empty, on), want: on},
		{label: "PATH goes first", helper: "osxkeychain", path: on, folders: []string{beside, empty}, want: on},
		{label: "in a folder", helper: "desktop", path: list(empty, on), folders: []string{empty, beside}, want: beside},
		{label: "PATH is empty", helper: "desktop", folders: []string{beside}, want: beside},
		{label: "relative, then absolute", helper: "osxkeychain", path: list(".", on), want: on},
		{label: "relative, then in a folder", helper: "osxkeychain", path: ".", folders: []string{on}, want: on},
		{label: "relative", helper: "osxkeychain", path: list(".", empty), folders: []string{beside}, refused: []string{"."}},
		{label: "empty entry", helper: "osxkeychain", path: list(empty, "", empty), refused: []string{""}},
		{label: "relative folder", helper: "osxkeychain", path: empty, folders: []string{"."}},
		{label: "absent", helper: "pass", path: list(on, beside), folders: []string{empty}},
		{label: "not a program", helper: "plain", path: empty, folders: []string{empty}},
		{label: "another name", helper: "osxkeychai", path: on},
	} {
		t.Run(c.label, func(t *testing.T) {
			t.Setenv("PATH", c.path)
			if c.folders == nil {
				c.folders = nowhere
			}
			store, err := credentialstore.Find(c.helper, credentialstore.Options{Folders: c.folders})
			if c.want != "" {
				if err != nil || store.Path() != filepath.Join(c.want, "docker-credential-"+c.helper) {
					t.Errorf("got %v, %v", store, err)
				}
				return
			}
			missing, ok := errors.AsType[*credentialstore.NotFoundError](err)
			if !ok || store != nil {
				t.Fatalf("got %v, %v", store, err)
			}
			if missing.Program != "docker-credential-"+c.helper || !slices.Equal(missing.Folders, c.folders) && len(c.folders) > 0 || !slices.Equal(missing.Refused, c.refused) {
				t.Errorf("got %+v", missing)
			}
			for _, tried := range append([]string{missing.Program, "PATH"}, c.folders...) {
				if !strings.Contains(err.Error(), tried) {
					t.Errorf("%q does not name %s", err, tried)
				}
			}
			if c.refused != nil && !strings.Contains(err.Error(), fmt.Sprintf("PATH has it in %q, a relative folder", c.refused[0])) {
				t.Errorf("%q does not name the relative entry", err)
			}
		})
	}
}

// TestUsualFolders finds what lies in the home folder, and names all places.
func TestUsualFolders(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("PATH", "")
	folder := filepath.Join(home, ".rd", "bin")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	const name = "jet-test-of-folders"
	_, err := credentialstore.Find(name, credentialstore.Options{})
	if missing, ok := errors.AsType[*credentialstore.NotFoundError](err); !ok || !slices.Contains(missing.Folders, folder) || !slices.Contains(missing.Folders, "/usr/local/bin") {
		t.Errorf("got %v", err)
	}
	standin.Install(t, folder, name, standin.Store{})
	if store, err := credentialstore.Find(name, credentialstore.Options{}); err != nil || filepath.Dir(store.Path()) != folder {
		t.Errorf("got %v, %v", store, err)
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"pass", "ecr-login", "acr_env", "secretservice", "a.b", "Desktop", "x y"} {
		if err := credentialstore.CheckName(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", "/", "a/b", "../a", "/bin/sh", `a\b`, "c:a", "a\x00", "a\nb", "\x7f"} {
		store, err := credentialstore.Find(name, credentialstore.Options{Folders: nowhere})
		if _, missing := errors.AsType[*credentialstore.NotFoundError](err); store != nil || err == nil || missing {
			t.Errorf("%q: got %v, %v", name, store, err)
		}
	}
	_, err := credentialstore.Find("docker-credential-pass", credentialstore.Options{Folders: nowhere})
	if err == nil || !strings.Contains(err.Error(), "the name of a helper is what follows") {
		t.Errorf("got %v", err)
	}
}

// failure is what an error of a run is, for tables.
type failure int

const (
	none failure = iota
	notFound
	locked
	timeout
	failed
)

func kind(err error) failure {
	_, isLocked := errors.AsType[*credentialstore.LockedError](err)
	_, isTimeout := errors.AsType[*credentialstore.TimeoutError](err)
	_, isFailed := errors.AsType[*credentialstore.FailedError](err)
	switch {
	case err == nil:
		return none
	case errors.Is(err, credentialstore.ErrNotFound):
		return notFound
	case isLocked:
		return locked
	case isTimeout:
		return timeout
	case isFailed:
		return failed
	}
	return -1
}

func TestGet(t *testing.T) {
	const server = "https://quay.io"
	exits := func(stdout string) standin.Reply { return standin.Reply{Stdout: stdout, Exit: 1} }
	prints := func(stdout string) standin.Reply { return standin.Reply{Stdout: stdout} }
	for _, c := range []struct {
		label string
		reply standin.Reply
		want  failure
		text  string // in the error
		user  string
	}{
		{label: "found", reply: prints(`{"ServerURL":"x","Username":"bob","Secret":"` + canary + `"}`), user: "bob"},
		{label: "found, without server and line end", reply: prints(`{"Username":"bob","Secret":"` + canary + `"}` + "\n\n"), user: "bob"},
		{label: "token", reply: prints(`{"Username":"<token>","Secret":"` + canary + `"}`), user: "<token>"},
		{label: "escaped token", reply: prints(`{"Username":"\u003ctoken\u003e","Secret":"` + canary + `"}`), user: "<token>"},
		{label: "stderr beside an answer", reply: standin.Reply{Stderr: "a warning", Stdout: `{"Username":"bob","Secret":"` + canary + `"}`}, user: "bob"},

		{label: "not found", reply: exits(standin.NotFound), want: notFound},
		{label: "not found with blanks", reply: exits(" \n" + standin.NotFound + "\r\n"), want: notFound},
		{label: "not found, capitals", reply: exits("Credentials not found in native keychain."), want: notFound},
		{label: "not found on stderr", reply: standin.Reply{Stderr: standin.NotFound, Exit: 1}, want: notFound},
		{label: "not found of macOS", reply: exits("The specified item could not be found in the keychain."), want: notFound},
		{label: "not found by number", reply: exits("Das Objekt fehlt. (-25300)"), want: notFound},
		{label: "not found with exit status 0", reply: prints(standin.NotFound + "\n"), want: notFound},
		{label: "empty answer of pass 0.6.4", reply: prints(`{"ServerURL":"nosuch","Username":"","Secret":""}`), want: notFound},
		{label: "null", reply: prints(`null`), want: notFound},
		{label: "{}", reply: prints(`{}`), want: notFound},

		{label: "locked", reply: exits(standin.Locked), want: locked},
		{label: "locked, older", reply: exits("User interaction is not allowed."), want: locked},
		{label: "locked by number", reply: standin.Reply{Stdout: "Keine Interaktion (-25308)", Exit: 22}, want: locked},
		{label: "locked on stderr", reply: standin.Reply{Stderr: "error -25308", Exit: 1}, want: locked},

		{label: "hang", reply: standin.Reply{Hang: true}, want: timeout, text: "no answer within 200ms"},
		{label: "hang after an answer", reply: standin.Reply{Stdout: `{"Username":"bob","Secret":"` + canary + `"}`, Hang: true}, want: timeout},

		{label: "exit without text", reply: standin.Reply{Exit: 3}, want: failed, text: "exit status 3, without a word"},
		{label: "unknown text", reply: exits("no such thing as " + canary), want: failed, text: "exit status 1, with an answer that is not shown"},
		{label: "secret and exit status", reply: exits(`{"Username":"bob","Secret":"` + canary + `"}`), want: failed, text: "not shown"},
		{label: "nothing, exit status 0", reply: standin.Reply{}, want: failed, text: "it gave no answer"},
		{label: "text, exit status 0", reply: prints(canary), want: failed, text: "not valid JSON"},
		{label: "cut short", reply: prints(`{"Username":"bob","Secret":"` + canary), want: failed, text: "not valid JSON"},
		{label: "array", reply: prints(`["` + canary + `"]`), want: failed, text: "JSON of another kind"},
		{label: "number as secret", reply: prints(`{"Username":"bob","Secret":8888888}`), want: failed, text: "JSON of another kind"},
		{label: "no secret", reply: prints(`{"Username":"bob"}`), want: failed, text: "no secret"},
		{label: "no user", reply: prints(`{"Secret":"` + canary + `"}`), want: failed, text: "no user name"},
		{label: "HTML", reply: prints("<html>" + canary), want: failed, text: "not valid JSON"},
		{label: "not UTF-8", reply: standin.Reply{Bytes: []byte(`{"Username":"bob","Secret":"` + canary + "\xff" + `"}`)}, want: failed, text: "not UTF-8"},
		{label: "over the limit", reply: standin.Reply{Flood: 10 << 20}, want: failed, text: "over 1048576 bytes"},
		{label: "over the limit, then hangs", reply: standin.Reply{Flood: 10 << 20, Hang: true}, want: failed, text: "over 1048576 bytes"},
		{label: "over the limit, and fails", reply: standin.Reply{Flood: 10 << 20, Exit: 1}, want: failed, text: "over 1048576 bytes"},
		{label: "known text", reply: exits("pass not initialized: exit status 1: " + canary), want: failed, text: "pass is not set up"},
		{label: "passphrase", reply: exits("The user name or passphrase you entered is not correct."), want: failed, text: "the keychain refuses"},

		{label: "message on stderr", reply: standin.Reply{Stderr: "cannot reach the agent\n", Exit: 1}, want: failed, text: `exit status 1 (it says "cannot reach the agent")`},
		{label: "secret on stderr", reply: standin.Reply{Stderr: canary + "\n", Exit: 1}, want: failed},
		{label: "JSON on stderr", reply: standin.Reply{Stderr: `{"Username": "bob", "Secret": "` + canary + `"}`, Exit: 1}, want: failed},
		{label: "two lines on stderr", reply: standin.Reply{Stderr: "debug:\n" + canary + "\n", Exit: 1}, want: failed},
		{label: "token on stderr", reply: standin.Reply{Stderr: "got " + strings.Repeat(canary, 4), Exit: 1}, want: failed},
		{label: "much on stderr", reply: standin.Reply{Stderr: strings.Repeat(canary+" ", 1000), Exit: 1}, want: failed},
		{label: "long line on stderr", reply: standin.Reply{Stderr: strings.Repeat("a word and ", 20) + canary, Exit: 1}, want: failed},
		{label: "escapes on stderr", reply: standin.Reply{Stderr: "a \x1b[31m" + canary, Exit: 1}, want: failed},
	} {
		t.Run(c.label, func(t *testing.T) {
			limit := 10 * time.Second
			if c.want == timeout {
				limit = 200 * time.Millisecond
			}
			store, helper := install(t, standin.Store{Replies: map[string]standin.Reply{"get": c.reply}}, credentialstore.Options{Timeout: limit})
			start := time.Now()
			user, secret, err := store.Get(t.Context(), server)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			if kind(err) != c.want || c.text != "" && !strings.Contains(fmt.Sprint(err), c.text) {
				t.Errorf("got %v, want %v with %q", err, c.want, c.text)
			}
			if err == nil && (user != c.user || secret.Reveal() != canary) || err != nil && (user != "" || secret != dockercfg.Secret{}) {
				t.Errorf("got %q, %q", user, secret.Reveal())
			}
			hides(t, err)
			if asked := helper.Asked(t); !slices.Equal(asked, []string{"get " + server}) {
				t.Errorf("asked %q", asked)
			}
		})
	}
}

// hides looks for the canary in an error and all that it wraps.
func hides(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
			if strings.Contains(text, canary) || strings.Contains(text, "8888888") {
				t.Errorf("the error shows the secret: %s", text)
			}
		}
	}
}

func TestLockedHint(t *testing.T) {
	store, _ := install(t, standin.Store{Replies: map[string]standin.Reply{"get": {Stdout: standin.Locked, Exit: 1}}}, credentialstore.Options{})
	_, _, err := store.Get(t.Context(), "quay.io")
	if e, ok := errors.AsType[*credentialstore.LockedError](err); !ok || !strings.HasPrefix(e.Unlock(), "security -v unlock-keychain ") || !strings.Contains(err.Error(), "-25308") {
		t.Errorf("got %v", err)
	}
}

func TestList(t *testing.T) {
	items := map[string]standin.Item{"https://a.example": {Username: "bob", Secret: canary}, "http://a.example": {Username: "<token>", Secret: canary}}
	for _, c := range []struct {
		label string
		store standin.Store
		users map[string]string
		want  failure
	}{
		{label: "items", store: standin.Store{Items: items}, users: map[string]string{"https://a.example": "bob", "http://a.example": "<token>"}},
		{label: "none", store: standin.Store{}},
		{label: "null", store: standin.Store{Replies: map[string]standin.Reply{"list": {Stdout: "null"}}}},
		{label: "not found", store: standin.Store{Replies: map[string]standin.Reply{"list": {Stdout: standin.NotFound, Exit: 1}}}},
		{label: "not found of macOS", store: standin.Store{Replies: map[string]standin.Reply{"list": {Stdout: "The specified item could not be found in the keychain. (-25300)\n", Exit: 1}}}},
		{label: "locked", store: standin.Store{Replies: map[string]standin.Reply{"list": {Stdout: standin.Locked, Exit: 1}}}, want: locked},
		{label: "garbage", store: standin.Store{Replies: map[string]standin.Reply{"list": {Stdout: canary}}}, want: failed},
		{label: "array", store: standin.Store{Replies: map[string]standin.Reply{"list": {Stdout: `["` + canary + `"]`}}}, want: failed},
		{label: "nothing", store: standin.Store{Replies: map[string]standin.Reply{"list": {}}}, want: failed},
		{label: "unknown action", store: standin.Store{Replies: map[string]standin.Reply{"list": {Stdout: "docker-credential-x: unknown action: list\n", Exit: 1}}}, want: failed},
	} {
		t.Run(c.label, func(t *testing.T) {
			store, helper := install(t, c.store, credentialstore.Options{})
			users, err := store.List(t.Context())
			if !maps.Equal(users, c.users) || kind(err) != c.want {
				t.Errorf("got %v, %v", users, err)
			}
			if errors.Is(err, errors.ErrUnsupported) != (c.label == "unknown action") {
				t.Errorf("got %v", err)
			}
			hides(t, err)
			if asked := helper.Asked(t); !slices.Equal(asked, []string{"list"}) {
				t.Errorf("asked %q", asked)
			}
		})
	}
}

func TestStoreAndErase(t *testing.T) {
	store, helper := install(t, standin.Store{}, credentialstore.Options{})
	const server, password = "quay.io", canary + ` <>&"\` + "\n\u2028ä"
	if err := store.Store(t.Context(), server, "bob", dockercfg.NewSecret(password)); err != nil {
		t.Fatal(err)
	}
	if got := helper.Items(t); !maps.Equal(got, map[string]standin.Item{server: {Username: "bob", Secret: password}}) {
		t.Errorf("got %v", got)
	}
	if user, secret, err := store.Get(t.Context(), server); err != nil || user != "bob" || secret.Reveal() != password {
		t.Errorf("got %q, %q, %v", user, secret.Reveal(), err)
	}
	if err := store.Erase(t.Context(), server); err != nil {
		t.Fatal(err)
	}
	if err := store.Erase(t.Context(), server); kind(err) != notFound {
		t.Errorf("got %v", err)
	}
	want := []string{"store " + server, "get " + server, "erase " + server, "erase " + server}
	if got := helper.Asked(t); !slices.Equal(got, want) {
		t.Errorf("asked %q", got)
	}

	store, _ = install(t, standin.Store{Replies: map[string]standin.Reply{"store": {Stdout: "cannot keep " + canary, Stderr: "cannot keep it, " + canary, Exit: 1}}}, credentialstore.Options{Stderr: &bytes.Buffer{}})
	err := store.Store(t.Context(), server, "bob", dockercfg.NewSecret(canary))
	if kind(err) != failed {
		t.Errorf("got %v", err)
	}
	hides(t, err)
}

func TestStderrIsPassedOn(t *testing.T) {
	var stderr bytes.Buffer
	store, _ := install(t, standin.Store{Replies: map[string]standin.Reply{"get": {Stderr: "cannot reach the agent\n", Exit: 1}}}, credentialstore.Options{Stderr: &stderr})
	_, _, err := store.Get(t.Context(), "quay.io")
	if stderr.String() != "cannot reach the agent\n" || kind(err) != failed || strings.Contains(err.Error(), "agent") {
		t.Errorf("got %q, %v", &stderr, err)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("JET_KEY", canary)
	t.Setenv("JET_KEY_COMMAND", "echo "+canary)
	store, helper := install(t, standin.Store{}, credentialstore.Options{})
	if _, err := store.List(t.Context()); err != nil {
		t.Error(err)
	}
	if asked := helper.Asked(t); !slices.Equal(asked, []string{"list"}) {
		t.Errorf("got %q", asked)
	}
}

// TestPathOfHelper runs a script that needs a program beside it.
func TestPathOfHelper(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{
		"docker-credential-script": "#!/bin/sh\nexec beside\n",
		"beside":                   "#!/bin/sh\necho '{\"Username\":\"bob\",\"Secret\":\"x\"}'\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	store, err := credentialstore.Find("script", credentialstore.Options{Folders: []string{folder}})
	if err != nil {
		t.Skip("runs no scripts:", err)
	}
	if user, _, err := store.Get(t.Context(), "quay.io"); user != "bob" || err != nil {
		t.Errorf("got %q, %v", user, err)
	}
}

func TestCancel(t *testing.T) {
	store, _ := install(t, standin.Store{Replies: map[string]standin.Reply{"get": {Hang: true}, "list": {Hang: true}}}, credentialstore.Options{})
	for label, run := range map[string]func(context.Context) error{
		"get":  func(ctx context.Context) error { _, _, err := store.Get(ctx, "quay.io"); return err },
		"list": func(ctx context.Context) error { _, err := store.List(ctx); return err },
	} {
		reason := errors.New("a reason")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(100*time.Millisecond, func() { cancel(reason) })
		start := time.Now()
		if err := run(ctx); !errors.Is(err, reason) || time.Since(start) > 3*time.Second {
			t.Errorf("%s: got %v after %v", label, err, time.Since(start))
		}
		done, cancel := context.WithCancelCause(t.Context())
		cancel(nil)
		if err := run(done); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", label, err)
		}
	}
}

// TestChild hangs in a child that holds stdout, with and without the helper.
func TestChild(t *testing.T) {
	answer := `{"Username":"bob","Secret":"` + canary + `"}`
	for _, c := range []struct {
		label string
		reply standin.Reply
		want  failure
		dies  bool
	}{
		{"helper hangs too", standin.Reply{Stdout: answer, Hang: true}, timeout, true},
		{"helper answers", standin.Reply{Stdout: answer}, none, false}, // as gpg leaves its agent behind
		{"helper fails", standin.Reply{Exit: 1}, failed, false},
	} {
		t.Run(c.label, func(t *testing.T) {
			pidFile := filepath.Join(t.TempDir(), "pid")
			c.reply.Child = pidFile
			store, _ := install(t, standin.Store{Replies: map[string]standin.Reply{"get": c.reply}}, credentialstore.Options{Timeout: 2 * time.Second})
			start := time.Now()
			_, _, err := store.Get(t.Context(), "quay.io")
			if kind(err) != c.want || time.Since(start) > 10*time.Second {
				t.Errorf("got %v after %v", err, time.Since(start))
			}
			text, err := os.ReadFile(pidFile)
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(string(text))
			if err != nil {
				t.Fatal(err)
			}
			child, err := os.FindProcess(pid)
			if err != nil {
				t.Fatal(err)
			}
			defer child.Kill()
			if terminal, err := os.Open("/dev/tty"); err == nil {
				terminal.Close()
				return // the helper stays in our group then
			}
			if c.dies && !gone(child) {
				t.Error("the child lives on")
			}
		})
	}
}

// gone waits for the end of a process that is not our child.
func gone(p *os.Process) bool {
	for range 100 {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid))
		if err == nil && strings.Contains(string(state), ") Z ") || p.Signal(syscall.Signal(0)) != nil {
			return true
		}
		time.Sleep(20 * time.Millisecond)
	}
	return false
}

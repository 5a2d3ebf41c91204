// Package standin plays docker-credential-NAME in tests: a store in a file, which
// logs what it is asked and can be told to fail in many ways.
//
// The program is the test binary itself, under another name:
//
//	func TestMain(m *testing.M) {
//		standin.Main()
//		os.Exit(m.Run())
//	}
package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const prefix = "docker-credential-"

// Store is what a stand-in holds and how it answers.
type Store struct {
	Items map[string]Item // by server, in exactly this spelling
	// Replies are given instead of what Items call for, by action and server
	// ("get https://quay.io") or by action alone ("get", "list").
	Replies map[string]Reply
}

// Item is one credential.
type Item struct{ Username, Secret string }

// Reply is a way to answer. What it says is done in the order of its fields.
type Reply struct {
	Stderr, Stdout string
	Bytes          []byte // for stdout, where they are not UTF-8
	Flood          int    // writes so many more bytes to stdout
	Child          string // starts a child that sleeps and holds stdout, and writes its process id to this file
	Hang           bool   // sleeps for ever
	Exit           int
}

// The phrases of docker-credential-helpers and of macOS.
const (
	NotFound = "credentials not found in native keychain"
	Locked   = `keychain cannot be accessed because the current session does not allow user interaction. The keychain may be locked; unlock it by running "security -v unlock-keychain ~/Library/Keychains/login.keychain-db" and try again`
)

// Helper is an installed stand-in.
type Helper struct {
	Folder string // that of the program
	name   string
}

// Install puts docker-credential-NAME, with what it answers, into a folder ("" means
// a new one), where a test or PATH can find it. It skips the test on Windows.
func Install(t testing.TB, folder, name string, s Store) Helper {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs symbolic links, which Windows does not give to everybody")
	}
	if folder == "" {
		folder = t.TempDir()
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(folder, prefix+name)); err != nil {
		t.Fatal(err)
	}
	h := Helper{Folder: folder, name: name}
	if err := write(filepath.Join(folder, prefix+name), s); err != nil {
		t.Fatal(err)
	}
	return h
}

// Asked gives what the stand-in was asked since it was installed, in order: an
// action and its server a line. A variable that it should not see is in there too.
func (h Helper) Asked(t testing.TB) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(h.Folder, prefix+h.name+".log"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

// Items gives what the stand-in holds now.
func (h Helper) Items(t testing.TB) map[string]Item {
	t.Helper()
	s, err := read(filepath.Join(h.Folder, prefix+h.name))
	if err != nil {
		t.Fatal(err)
	}
	return s.Items
}

func read(program string) (s Store, err error) {
	data, err := os.ReadFile(program + ".json")
	if err != nil {
		return Store{}, err
	}
	return s, json.Unmarshal(data, &s)
}

func write(program string, s Store) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(program+".json", data, 0o600)
}

// Main is the stand-in, if the test binary runs under the name of one; it does not
// return then.
func Main() {
	if !strings.HasPrefix(filepath.Base(os.Args[0]), prefix) {
		return
	}
	exit, err := play(os.Args[0], os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "stand-in:", err)
		exit = 99
	}
	os.Exit(exit)
}

func play(program string, args []string) (exit int, err error) {
	if len(args) == 1 && args[0] == "sleep" { // the child
		time.Sleep(time.Hour)
	}
	if len(args) != 1 {
		return 0, fmt.Errorf("%d arguments, want 1", len(args))
	}
	store, err := read(program)
	if err != nil {
		return 0, err
	}
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 0, err
	}
	action, question := args[0], args[0]
	var given struct{ ServerURL, Username, Secret string }
	switch action {
	case "get", "erase":
		given.ServerURL = strings.TrimSpace(string(input))
		question += " " + given.ServerURL
	case "store":
		if err := json.Unmarshal(input, &given); err != nil {
			return 0, err
		}
		question += " " + given.ServerURL
	}
	if err := note(program, question); err != nil {
		return 0, err
	}
	for _, variable := range []string{"JET_KEY", "JET_KEY_COMMAND"} {
		if _, ok := os.LookupEnv(variable); ok {
			if err := note(program, "sees "+variable); err != nil {
				return 0, err
			}
		}
	}
	for _, key := range []string{question, action} {
		if reply, ok := store.Replies[key]; ok {
			return reply.give(program)
		}
	}
	item, have := store.Items[given.ServerURL]
	switch action {
	case "list":
		users := make(map[string]string)
		for server, item := range store.Items {
			users[server] = item.Username
		}
		return 0, json.NewEncoder(os.Stdout).Encode(users)
	case "get", "erase":
		if !have {
			fmt.Println(NotFound)
			return 1, nil
		}
		if action == "get" {
			given.Username, given.Secret = item.Username, item.Secret
			return 0, json.NewEncoder(os.Stdout).Encode(given)
		}
		delete(store.Items, given.ServerURL)
		return 0, write(program, store)
	case "store":
		if store.Items == nil {
			store.Items = make(map[string]Item)
		}
		store.Items[given.ServerURL] = Item{given.Username, given.Secret}
		return 0, write(program, store)
	}
	fmt.Printf("stand-in: unknown action: %s\n", action)
	return 1, nil
}

func note(program, line string) error {
	log, err := os.OpenFile(program+".log", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	_, err = fmt.Fprintln(log, line)
	return err
}

func (r Reply) give(program string) (exit int, err error) {
	fmt.Fprint(os.Stderr, r.Stderr)
	fmt.Print(r.Stdout, string(r.Bytes))
	if r.Flood > 0 {
		if _, err := io.CopyN(os.Stdout, zeros{}, int64(r.Flood)); err != nil {
			return 0, err
		}
	}
	if r.Child != "" {
		child := exec.Command(program, "sleep")
		child.Stdout = os.Stdout
		if err := child.Start(); err != nil {
			return 0, err
		}
		if err := os.WriteFile(r.Child, []byte(fmt.Sprint(child.Process.Pid)), 0o600); err != nil {
			return 0, err
		}
	}
	if r.Hang {
		time.Sleep(time.Hour)
	}
	return r.Exit, nil
}

// zeros is a reader without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

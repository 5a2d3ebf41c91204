package projectkey

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/sharedkey"
	"github.com/dockercfg/jet/internal/sharedkey/sharedkeytest"
)

func TestMain(m *testing.M) { os.Exit(sharedkeytest.Main(m)) }

// share writes a file of age for one new person, and gives what JET_IDENTITY is
// for that person.
func share(t *testing.T, path string, plaintext []byte) (variable string) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	recipient, err := sharedkey.ParseRecipient(id.Recipient().String())
	if err != nil {
		t.Fatal(err)
	}
	file, err := sharedkey.Seal(t.Context(), plaintext, []sharedkey.Recipient{recipient})
	if err != nil {
		t.Fatal(err)
	}
	put(t, path, file, 0o644)
	return sharedkey.IdentityVariable + "=" + id.String()
}

func TestSharedKey(t *testing.T) {
	needUnix(t)
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	sub := filepath.Join(top, "sub")
	os.MkdirAll(filepath.Join(top, ".git"), 0o755)
	os.Mkdir(sub, 0o755)
	t.Chdir(sub)
	above, shared, plain := crypto.GenerateKey(), crypto.GenerateKey(), crypto.GenerateKey()
	check := func(what string, want crypto.Key, path string, isShared bool, env ...string) {
		t.Helper()
		found, err := Lookup{LookupEnv: environment(env...)}.Find(t.Context())
		if err != nil || !same(found.Key, want) || found.Path != path || found.Shared != isShared || (found.OpenedBy != "") != isShared || len(found.Warnings) > 0 {
			t.Errorf("%s: got %+v, %v", what, found, err)
		}
		if foreign, err := found.FromRepository(t.Context()); foreign != isShared || err != nil {
			t.Errorf("%s: from the repository: %v, %v", what, foreign, err)
		}
	}
	put(t, filepath.Join(top, FileName), above.Encode(), 0o600)
	check("the folder above", above, filepath.Join(top, FileName), false)
	me := share(t, SharedFileName, shared.Encode())
	check("a shared one is nearer", shared, SharedFileName, true, me)
	check("named", shared, SharedFileName, true, me, "JET_KEY_PATH="+SharedFileName)
	put(t, FileName, plain.Encode(), 0o600)
	check("a plain one comes first in its folder", plain, FileName, false)
	os.Remove(FileName)

	// One that is set and does not open is an error, though there is a key above.
	_, err = Lookup{LookupEnv: environment(share(t, filepath.Join(top, "other"), nil))}.Find(t.Context())
	var is *sharedkey.Error
	if !errors.As(err, &is) || is.Code != sharedkey.CodeStranger || !strings.HasPrefix(err.Error(), `key "codeship.aes.age": it is for 1 X25519`) {
		t.Errorf("a stranger: got %v", err)
	}
	put(t, SharedFileName, []byte("no key"), 0o644)
	if _, err := (Lookup{LookupEnv: environment()}).Find(t.Context()); !errors.Is(err, crypto.ErrKey) {
		t.Errorf("no file of age: got %v", err)
	}
	me = share(t, SharedFileName, []byte("hello\n"))
	if _, err := (Lookup{LookupEnv: environment(me)}).Find(t.Context()); !errors.Is(err, crypto.ErrKey) || !strings.Contains(err.Error(), "it opens, and holds no key") {
		t.Errorf("no key in it: got %v", err)
	}
	if _, err := (Lookup{LookupEnv: environment(sharedkey.IdentityVariable + "=")}).Find(t.Context()); err == nil || !strings.Contains(err.Error(), "JET_IDENTITY is set but empty") {
		t.Errorf("empty variable: got %v", err)
	}

	// A file of one's own elsewhere comes with no repository; one under this name
	// outside of a work tree may: it may be an archive of one.
	away := filepath.Join(t.TempDir(), "own.age")
	me = share(t, away, plain.Encode())
	found, err := Lookup{LookupEnv: environment(me), KeyPath: away}.Find(t.Context())
	if err != nil || !same(found.Key, plain) {
		t.Fatal(err)
	}
	if foreign, err := found.FromRepository(t.Context()); foreign || err != nil {
		t.Errorf("elsewhere: from the repository: %v, %v", foreign, err)
	}
	archive := filepath.Join(filepath.Dir(away), SharedFileName)
	os.Rename(away, archive)
	found.Path = archive
	if foreign, err := found.FromRepository(t.Context()); !foreign || err != nil {
		t.Errorf("an archive: from the repository: %v, %v", foreign, err)
	}
}

func TestPassphraseOfSharedKey(t *testing.T) {
	if testing.Short() {
		t.Skip("each passphrase takes age a second")
	}
	needUnix(t)
	t.Chdir(t.TempDir())
	key := crypto.GenerateKey()
	file, err := sharedkey.Protect(t.Context(), key.Encode(), canary)
	if err != nil {
		t.Fatal(err)
	}
	put(t, SharedFileName, file, 0o644)
	var asked []string
	lookup := Lookup{LookupEnv: environment(), Ask: func(_ context.Context, q sharedkey.Question) (string, error) {
		asked = append(asked, q.Path)
		return canary, nil
	}}
	found, err := lookup.Find(t.Context())
	if err != nil || !same(found.Key, key) || !found.Shared || found.OpenedBy != "" || len(asked) != 1 || asked[0] != SharedFileName {
		t.Errorf("got %+v, %v, asked for %q", found, err, asked)
	}
	lookup.Ask = nil
	var is *sharedkey.Error
	if _, err := lookup.Find(t.Context()); !errors.As(err, &is) || is.Code != sharedkey.CodeNobody {
		t.Errorf("nobody to ask: got %v", err)
	}
}

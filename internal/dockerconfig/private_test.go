package dockerconfig_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dockercfg/jet/internal/dockerconfig"
)

func TestWithCredentials(t *testing.T) {
	const other = `{ "auths": {"a.test": {"auth": "eDp5"}} }`
	for _, test := range []struct{ label, users, other, want string }{
		{"none", "", other, other},
		{"blank", " \n", other, other},
		{"nothing to add", `{"auths": {"b.test": {}}, "credsStore": "s", "credHelpers": {"c.test": "h"}}`, other, other},
		{"other spellings", `{"AUTHS": {"b.test": {}}, "credsstore": "s", "CREDHELPERS": {}}`, other, other},
		{"context", "\ufeff" + `{"auths": {"b.test": {}}, "currentContext": "c"}`, other, `{"auths":{"a.test":{"auth":"eDp5"}},"currentContext":"c"}`},
		{"said by both", `{"currentContext": "c", "x": 1}`, `{"CurrentContext": "d"}`, `{"CurrentContext":"d","x":1}`},
		{"helpers of the other", `{"credHelpers": {"b.test": "h"}, "x": [1.50]}`, `{"credHelpers": {"a.test": "g"}}`, `{"credHelpers":{"a.test":"g"},"x":[1.50]}`},
		{"byte order mark", `{"x": "<é>"}`, "\ufeff" + `{}`, `{"x":"<é>"}`},
	} {
		got, err := dockerconfig.WithCredentials([]byte(test.users), []byte(test.other))
		if err != nil || strings.TrimSuffix(string(got), "\n") != test.want {
			t.Errorf("%s: got %s, %v, want %s", test.label, got, err, test.want)
		}
	}
	for _, users := range []string{"{", "[]", "canary", `{"a": canary}`, `{} {}`} {
		if got, err := dockerconfig.WithCredentials([]byte(users), []byte(other)); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %s, %v, want an error that quotes nothing", users, got, err)
		}
	}
}

func TestLinkOthers(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	for _, name := range []string{"config.json", "contexts/meta", "plugin"} {
		path := filepath.Join(from, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("plugin", filepath.Join(from, "link")); err != nil {
		t.Skipf("needs symbolic links: %v", err)
	}
	t.Chdir(filepath.Dir(from))
	if err := dockerconfig.LinkOthers(filepath.Base(from), to); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"contexts/meta": "contexts/meta", "plugin": "plugin", "link": "plugin"} {
		if data, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(data) != want {
			t.Errorf("%s: got %q, %v", name, data, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(to, "config.json")); err == nil {
		t.Error("config.json is linked too")
	}
	if err := dockerconfig.LinkOthers(filepath.Join(from, "missing"), to); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
	if err := dockerconfig.LinkOthers(filepath.Join(from, "plugin"), to); err == nil {
		t.Error("a file: no error")
	}
}

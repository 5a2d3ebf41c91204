package dockerconfig_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/dockerconfig"
)

const canary = "canary-Zq8vXw2L"

func auth(user string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + canary))
}

func folder(t *testing.T, content string) string {
	t.Helper()
	t.Setenv("PATH", t.TempDir()) // the system's own store is not looked for
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLoad(t *testing.T) {
	for _, c := range []struct {
		label, content string
		store          string
		helpers        map[string]string
		servers        []string
		entries        []string // registries
		notices        int
	}{
		{label: "empty"},
		{label: "blanks", content: " \n"},
		{label: "null", content: "null"},
		{label: "object", content: "{}"},
		{label: "other settings", content: `{"currentContext": "default"}`},
		{label: "store", content: `{"credsStore": "osxkeychain"}`, store: "osxkeychain"},
		{label: "byte order mark", content: "\uFEFF" + `{"credsStore": "osxkeychain"}`, store: "osxkeychain"},
		{label: "any case", content: `{"CREDSSTORE": "osxkeychain"}`, store: "osxkeychain"},
		{label: "helpers", content: `{"credHelpers": {"gcr.io": "gcloud", "quay.io": ""}}`, helpers: map[string]string{"gcr.io": "gcloud", "quay.io": ""}},
		{label: "stubs", content: `{"auths": {"quay.io": {}, "https://index.docker.io/v1/": {}}, "credsStore": "desktop"}`,
			store: "desktop", servers: []string{"https://index.docker.io/v1/", "quay.io"}},
		{label: "entries", content: `{"auths": {"https://quay.io": {"auth": "` + auth("bob") + `"}, "gcr.io": {"identitytoken": "` + canary + `"}}}`,
			servers: []string{"gcr.io", "https://quay.io"}, entries: []string{"gcr.io", "quay.io"}},
		{label: "base64 without padding", content: `{"credsStore": "desktop", "auths": {"quay.io": {"auth": "` + strings.TrimRight(auth("bob"), "=") + `"}}}`,
			store: "desktop", servers: []string{"quay.io"}, entries: []string{"quay.io"}, notices: 2},
		{label: "login items", content: `{"auths": {
			"https://index.docker.io/v1/": {"auth": "` + auth("bob") + `"},
			"https://index.docker.io/v1/access-token": {"auth": "` + auth("bob1") + `"}, "https://index.docker.io/v1/refresh-token": {"auth": "` + auth("bob2") + `"}}}`,
			servers: []string{"https://index.docker.io/v1/", "https://index.docker.io/v1/access-token", "https://index.docker.io/v1/refresh-token"},
			entries: []string{dockercfg.DockerHub}},
	} {
		t.Run(c.label, func(t *testing.T) {
			// None of these may come in from the side.
			t.Setenv("DOCKER_AUTH_CONFIG", `{"auths":{"leak.example":{"auth":"`+auth("leak")+`"}}}`)
			t.Setenv("DOCKER_CONFIG", t.TempDir())
			dir := folder(t, c.content)
			got, err := dockerconfig.Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			var entries []string
			for _, e := range got.Entries {
				entries = append(entries, e.Registry)
				if e.Password.Reveal() != canary && e.IdentityToken.Reveal() != canary {
					t.Errorf("%s has another secret", e.Registry)
				}
			}
			if got.Path != filepath.Join(dir, "config.json") || got.Store != c.store || !maps.Equal(got.Helpers, c.helpers) ||
				!slices.Equal(got.Servers, c.servers) || !slices.Equal(entries, c.entries) || len(got.Notices) != c.notices {
				t.Errorf("got %+v", got)
			}
			if strings.Contains(fmt.Sprintf("%+v %#v", got, got), canary) {
				t.Error("the configuration shows the secret")
			}
			if after, err := os.ReadFile(got.Path); err != nil || string(after) != c.content {
				t.Errorf("the file changed: %v", err)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	entry := `{"auth": "` + auth("bob") + `"}`
	isParse := func(err error) bool { _, ok := errors.AsType[*dockercfg.ParseError](err); return ok }
	isForm := func(form dockercfg.Form) func(error) bool {
		return func(err error) bool {
			e, ok := errors.AsType[*dockerconfig.FormError](err)
			return ok && e.Form == form
		}
	}
	says := func(text string) func(error) bool {
		return func(err error) bool { return err != nil && strings.Contains(err.Error(), text) }
	}
	for _, c := range []struct {
		label, content string
		is             func(error) bool
	}{
		{"cut short", `{"auths": {"quay.io": ` + entry, isParse},
		{"text after it", `{"auths": {"quay.io": ` + entry + `}} ` + canary, isParse},
		{"no JSON", canary, isParse},
		{"array", `["` + canary + `"]`, isParse},
		{"auth without colon", `{"auths": {"quay.io": {"auth": "` + base64.StdEncoding.EncodeToString([]byte(canary)) + `"}}}`, isParse},
		{"conflict", `{"auths": {"quay.io": ` + entry + `, "https://quay.io": {"auth": "` + auth("eve") + `"}}}`, isParse},
		{"flat", `{"quay.io": ` + entry + `}`, isForm(dockercfg.Legacy)},
		{"Secret", `{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "type": "kubernetes.io/dockercfg", "data": {".dockercfg": "` +
			base64.StdEncoding.EncodeToString([]byte(`{"quay.io": `+entry+`}`)) + `"}}`, isForm(dockercfg.KubernetesSecret)},
		{"helpers of another type", `{"credHelpers": "` + canary + `"}`, says("credHelpers")},
		{"a number for text", `{"credsStore": "x", "HttpHeaders": {"X-Token": 12345678}}`, says("HttpHeaders")},
	} {
		t.Run(c.label, func(t *testing.T) {
			dir := folder(t, c.content)
			got, err := dockerconfig.Load(dir)
			if got != nil || !c.is(err) || !strings.Contains(err.Error(), dir) {
				t.Errorf("got %v, %v", got, err)
			}
			for ; err != nil; err = errors.Unwrap(err) {
				if text := fmt.Sprintf("%v %+v", err, err); strings.Contains(text, canary) || strings.Contains(text, "12345678") {
					t.Errorf("the error shows a secret: %s", text)
				}
			}
		})
	}
}

func TestFileSystem(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "absent")} {
		if got, err := dockerconfig.Load(dir); err != nil || got.Store != "" || got.Entries != nil || got.Path != filepath.Join(dir, "config.json") {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "config.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got, err := dockerconfig.Load(dir); got != nil || err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := dockerconfig.Load(filepath.Join(dir, "a\x00b")); got != nil || err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := dockerconfig.Load(folder(t, `{"currentContext":"`+strings.Repeat("x", dockercfg.MaxBytes)+`"}`)); got != nil || err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestDefaultFolder(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	t.Setenv("DOCKER_CONFIG", t.TempDir()) // for callers to read
	if got, err := dockerconfig.DefaultFolder(); got != filepath.Join(home, ".docker") || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

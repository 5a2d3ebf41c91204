package login_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/generators/backendtest"
	"github.com/dockercfg/jet/generators/login"
)

const secret = "canary-Zq8v:Xw2L $HOME 'x"

func env(pairs ...string) generators.Env {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestContract(t *testing.T) {
	config := login.Config{Registry: "quay.io", Username: "bob", Password: dockercfg.NewSecret(secret)}
	for registry, key := range map[string]string{"": dockercfg.DockerHub, "https://Quay.io/v2/": "quay.io", "reg.example:5000": "reg.example:5000"} {
		backendtest.Run(t, login.Backend(), backendtest.Case{
			Env:    map[string]string{"DOCKER_USERNAME": "bob", "DOCKER_PASSWORD": secret, "DOCKER_REGISTRY": registry},
			Values: []any{config, &config},
			Want:   []dockercfg.Entry{{Registry: key, Username: "bob", Password: dockercfg.NewSecret(secret)}},
		})
	}
}

func TestVariables(t *testing.T) {
	registry, err := generators.NewRegistry(login.Backend())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range login.Backend().Variables {
		password, credential := v.Name == "DOCKER_PASSWORD", v.Name != "DOCKER_REGISTRY"
		if v.Secret != password || v.Required != credential || v.Selects != credential {
			t.Errorf("%+v", v)
		}
		if selected := registry.Select(env(v.Name, "x")); (len(selected) == 1) != credential {
			t.Errorf("%s selects %v", v.Name, selected)
		}
		if selected := registry.Select(env(v.Name, "")); selected != nil {
			t.Errorf("empty %s selects %v", v.Name, selected)
		}
	}
	if n := len(login.Backend().Variables); n != 3 {
		t.Errorf("%d variables, want 3", n)
	}
}

func TestPasswordIsVerbatim(t *testing.T) {
	for _, password := range []string{
		"a b", " a", "a ", "\ta\n", `"a"`, "'a'", "$HOME $(id) `id`", "#a", "a#b", ":", "a:b", "*", "-n", "--", `\`, "ä🔑", "<>&", "\xff", " ",
		strings.Repeat("long ", 2000),
	} {
		source, err := login.Backend().Open(env("DOCKER_USERNAME", "bob", "DOCKER_PASSWORD", password))
		if err != nil {
			t.Errorf("%.20q: %v", password, err)
			continue
		}
		result, err := source.Generate(t.Context())
		if err != nil || len(result.Entries) != 1 || result.Entries[0].Password.Reveal() != password {
			t.Errorf("%.20q: got %d entries, %v", password, len(result.Entries), err)
		}
	}
}

func TestConfigFromEnv(t *testing.T) {
	got, err := login.ConfigFromEnv(env("DOCKER_USERNAME", " bob", "DOCKER_PASSWORD", secret, "DOCKER_REGISTRY", "Quay.io"))
	want := login.Config{Registry: "Quay.io", Username: " bob", Password: dockercfg.NewSecret(secret)}
	if got != want || err != nil {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, c := range []struct {
		pairs []string
		text  string
	}{
		{nil, "login: these variables are not set: DOCKER_USERNAME, DOCKER_PASSWORD"},
		{[]string{"DOCKER_REGISTRY", "quay.io"}, "login: these variables are not set: DOCKER_USERNAME, DOCKER_PASSWORD"},
		{[]string{"DOCKER_USERNAME", "", "DOCKER_PASSWORD", ""}, "login: these variables are not set: DOCKER_USERNAME, DOCKER_PASSWORD"},
		{[]string{"DOCKER_USERNAME", "bob", "DOCKER_PASSWORD", ""}, "login: these variables are not set: DOCKER_PASSWORD"},
		{[]string{"docker_username", "bob", "DOCKER_PASSWORD", secret}, "login: these variables are not set: DOCKER_USERNAME"},
	} {
		got, err := login.ConfigFromEnv(env(c.pairs...))
		if _, ok := errors.AsType[*generators.MissingVariablesError](err); !ok || err.Error() != c.text || got != (login.Config{}) {
			t.Errorf("%q: got %v, %v, want %q", c.pairs, got, err, c.text)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	password := dockercfg.NewSecret(secret)
	for _, c := range []struct {
		label    string
		config   login.Config
		registry bool // a *RegistryNameError, else a *EntryError
	}{
		{"no user", login.Config{Password: password}, false},
		{"no password", login.Config{Username: "bob"}, false},
		{"colon in the user name", login.Config{Username: "bob:" + secret, Password: password}, false},
		{"NUL in the password", login.Config{Username: "bob", Password: dockercfg.NewSecret(secret + "\x00")}, false},
		{"password in the registry", login.Config{Registry: "https://bob:" + secret + "@quay.io", Username: "bob", Password: password}, true},
		{"two registries", login.Config{Registry: "quay.io,gcr.io", Username: "bob", Password: password}, true},
		{"host pattern", login.Config{Registry: "*.quay.example.com", Username: "bob", Password: password}, true},
		{"two registries and a blank", login.Config{Registry: "quay.io gcr.io", Username: "bob", Password: password}, true},
	} {
		t.Run(c.label, func(t *testing.T) {
			source, err := login.New(c.config)
			_, registry := errors.AsType[*dockercfg.RegistryNameError](err)
			_, entry := errors.AsType[*dockercfg.EntryError](err)
			if source != nil || registry != c.registry || entry == c.registry {
				t.Errorf("got %v, %v", source, err)
			}
			if strings.Contains(fmt.Sprintf("%v %#v", err, err), secret) {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

func TestNotices(t *testing.T) {
	const (
		blank  = "DOCKER_PASSWORD begins or ends with white space"
		quoted = "DOCKER_PASSWORD stands in quotes"
		noJSON = "DOCKER_PASSWORD is not the JSON of a key file"
		key    = `{"type": "service_account", "private_key": "canary"}`
	)
	for _, c := range []struct {
		user, password string
		want           []string
	}{
		{"bob", "canary", nil},
		{"bob", "can ary", nil},
		{"bob", `"canary"`, nil},
		{"bob", key, nil},
		{"bob", " canary", []string{blank}},
		{"bob", "canary\n", []string{blank}},
		{"bob", "canary\u00a0", []string{blank}},
		{"bob ", "canary ", []string{"DOCKER_USERNAME begins or ends with white space", blank}},
		{"_json_key", key, nil},
		{"_json_key", key + "\n", []string{blank}},
		{"_json_key", "'" + key + "'", []string{quoted}},
		{"_json_key", `"` + key + `"`, []string{quoted}},
		{"_json_key", ` "` + key + `"`, []string{blank, quoted}},
		{"_json_key", `"canary"`, []string{quoted}},
		{"_json_key", `"`, []string{noJSON}},
		{"_json_key", "canary", []string{noJSON}},
		{"_json_key", "{canary}", []string{noJSON}},
		{"_json_key", "[1]", []string{noJSON}},
		{"_json_key", "1", []string{noJSON}},
		{"_json_key", key[:len(key)-1], []string{noJSON}},
		{"_json_key", key + key, []string{noJSON}},
		{"_json_key_base64", "canary", nil},
	} {
		source, err := login.New(login.Config{Username: c.user, Password: dockercfg.NewSecret(c.password)})
		if err != nil {
			t.Fatal(err)
		}
		result, err := source.Generate(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if e := result.Entries[0]; e.Username != c.user || e.Password.Reveal() != c.password {
			t.Errorf("%q, %q were changed", c.user, c.password)
		}
		if !slices.EqualFunc(result.Notices, c.want, strings.HasPrefix) {
			t.Errorf("%q, %q: got %q, want %q", c.user, c.password, result.Notices, c.want)
		}
		for _, notice := range result.Notices {
			if strings.Contains(notice, "canary") || !strings.HasSuffix(notice, "it is used as it is") {
				t.Errorf("notice %q", notice)
			}
		}
	}
}

func TestTypedNil(t *testing.T) {
	if source, err := login.Backend().Open(env("DOCKER_USERNAME", "a:b", "DOCKER_PASSWORD", "c")); source != nil || err == nil {
		t.Errorf("got %v, %v, want no source and an error", source, err)
	}
}

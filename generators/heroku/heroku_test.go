package heroku_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/generators/backendtest"
	"github.com/dockercfg/jet/generators/heroku"
)

const secret = "HRKU-canary-6f1b"

func env(values map[string]string) generators.Env {
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

func TestContract(t *testing.T) {
	config := heroku.Config{APIKey: dockercfg.NewSecret(secret)}
	backendtest.Run(t, heroku.Backend(), backendtest.Case{
		Env:    map[string]string{"HEROKU_API_KEY": secret},
		Values: []any{config, &config},
		Want:   []dockercfg.Entry{{Registry: "registry.heroku.com", Username: "_", Password: dockercfg.NewSecret(secret)}},
	})
}

// TestVariables goes through what codeship/heroku-dockercfg-generator reads.
func TestVariables(t *testing.T) {
	registry, err := generators.NewRegistry(heroku.Backend())
	if err != nil {
		t.Fatal(err)
	}
	if selected := registry.Select(env(map[string]string{"HEROKU_API_KEY": secret})); len(selected) != 1 {
		t.Errorf("HEROKU_API_KEY selects %v", selected)
	}
	for _, set := range []map[string]string{nil, {"HEROKU_API_KEY": ""}, {"heroku_api_key": secret}} {
		_, err := heroku.ConfigFromEnv(env(set))
		if _, ok := errors.AsType[*generators.MissingVariablesError](err); !ok || err.Error() != "heroku: these variables are not set: HEROKU_API_KEY" {
			t.Errorf("%v: got %v", set, err)
		}
	}
}

func TestKeyIsVerbatim(t *testing.T) {
	for key, notice := range map[string]string{
		"a:b $c": "", "\xff": "", " a": "white space", "a\n": "white space", `"a"`: "quotes", "'a'": "quotes", `"`: "", `'a"`: "",
	} {
		source, err := heroku.New(heroku.Config{APIKey: dockercfg.NewSecret(key)})
		if err != nil {
			t.Errorf("%q: %v", key, err)
			continue
		}
		result, err := source.Generate(t.Context())
		if err != nil || len(result.Entries) != 1 || result.Entries[0].Password.Reveal() != key {
			t.Errorf("%q: got %v, %v", key, result, err)
		}
		var want []string
		if notice != "" {
			want = []string{notice}
		}
		if !slices.EqualFunc(result.Notices, want, strings.Contains) {
			t.Errorf("%q: got the notices %q, want %q", key, result.Notices, want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, key := range []string{"", secret + "\x00"} {
		source, err := heroku.New(heroku.Config{APIKey: dockercfg.NewSecret(key)})
		if _, ok := errors.AsType[*dockercfg.EntryError](err); source != nil || !ok || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: got %v, %v", key, source, err)
		}
	}
}

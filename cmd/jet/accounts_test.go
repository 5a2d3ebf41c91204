package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
)

// testAccounts reads a file of accounts in a folder with an env file, in a process with
// these variables.
func testAccounts(t *testing.T, text string, environment map[string]string) *accountsFile {
	t.Helper()
	name := filepath.Join(t.TempDir(), "registries.yaml")
	for path, text := range map[string]string{
		name: text,
		filepath.Join(filepath.Dir(name), "keys.env"): "AWS_ACCESS_KEY_ID=file\nAWS_SECRET_ACCESS_KEY=file\nAWS_REGION=eu-file-1\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := &program{stderr: io.Discard, lookupEnv: func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	}}
	f, err := (&reader{program: p}).accounts(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestAccountScope: what an account sets hides all names of the same, a profile the
// keys of the environment, and an env file the environment.
func TestAccountScope(t *testing.T) {
	f := testAccounts(t, `registries:
  - {name: bare, address: a.test, backend: ecr}
  - {name: alias, address: a.test, backend: ecr, variables: {AWS_DEFAULT_REGION: eu-own-1}}
  - {name: profile, address: a.test, backend: ecr, profile: acme}
  - {name: file, address: a.test, backend: ecr, envFile: keys.env, region: eu-own-1}
  - {name: both, address: a.test, backend: ecr, envFile: keys.env, profile: acme}
  - {name: role, address: 123456789012.dkr.ecr.eu-west-1.amazonaws.com, backend: ecr, profile: acme, role: pull}
  - {name: login, address: a.test, backend: login, variables: {DOCKER_USERNAME: own}}
`, map[string]string{
		"AWS_REGION": "eu-env-1", "AWS_ACCESS_KEY_ID": "env", "AWS_SECRET_KEY": "env", "AWS_SESSION_TOKEN": "env",
		"AWS_WEB_IDENTITY_TOKEN_FILE": "env", "AWS_ROLE_ARN": "env", "AWS_PROFILE": "env", "DOCKER_REGISTRY": "env", "DOCKER_PASSWORD": "env",
		"AWS_STS_EXTERNAL_ID": "env",
	})
	known, err := backends(backendConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"bare":    "AWS_REGION=eu-env-1 AWS_ACCESS_KEY_ID=env AWS_SECRET_KEY=env AWS_SESSION_TOKEN=env AWS_STS_EXTERNAL_ID=env AWS_PROFILE=env AWS_WEB_IDENTITY_TOKEN_FILE=env AWS_ROLE_ARN=env",
		"alias":   "AWS_DEFAULT_REGION=eu-own-1 AWS_ACCESS_KEY_ID=env AWS_SECRET_KEY=env AWS_SESSION_TOKEN=env AWS_STS_EXTERNAL_ID=env AWS_PROFILE=env AWS_WEB_IDENTITY_TOKEN_FILE=env AWS_ROLE_ARN=env",
		"profile": "AWS_REGION=eu-env-1 AWS_STS_EXTERNAL_ID=env AWS_PROFILE=acme",
		"role":    "AWS_REGION=eu-env-1 AWS_STS_ROLE=pull AWS_STS_ACCOUNT=123456789012 AWS_PROFILE=acme",
		"file":    "AWS_REGION=eu-own-1 AWS_ACCESS_KEY_ID=file AWS_SECRET_ACCESS_KEY=file",
		"both":    "beside it",
		"login":   "DOCKER_USERNAME=own DOCKER_PASSWORD=env DOCKER_REGISTRY=a.test",
	} {
		s := &accountSource{file: f, account: f.Of(name)[0]}
		b, _ := known.Lookup(s.account.Backend)
		env, _, err := s.scope(t.Context(), b)
		if err != nil {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		var got []string
		for _, v := range b.Variables {
			for _, name := range append([]string{v.Name}, v.Aliases...) {
				if value, ok := env(name); ok {
					got = append(got, name+"="+value)
				}
			}
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%s:\n%s, want\n%s", name, got, want)
		}
	}
}

// TestSettingsAreVariables: each setting of an account stands for variables that its
// backend describes.
func TestSettingsAreVariables(t *testing.T) {
	f := testAccounts(t, `registries:
  - {name: a, address: a.test, backend: ecr, region: eu-west-1, profile: p, role: "arn:aws:iam::123456789012:role/r", externalId: e}
  - {name: b, address: gcr.io, backend: gcr, location: eu, serviceAccount: s}
  - {name: c, address: c.azurecr.io, backend: azure, tenant: t, clientId: c}
  - {name: d, address: icr.io, backend: ibm, region: eu-de}
`, nil)
	known, err := backends(backendConfig{})
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, a := range f.Accounts {
		b, _ := known.Lookup(a.Backend)
		for name := range a.Variables {
			count++
			if !slices.ContainsFunc(b.Variables, func(v generators.Variable) bool { return v.Name == name }) {
				t.Errorf("%s has no variable %s", a.Backend, name)
			}
		}
	}
	if count != 10 {
		t.Errorf("%d variables, want 10", count)
	}
}

// TestAccountsFollowTheKey: who runs for months sees a new key, and what is encrypted
// with it, and asks for the key no more often than it must.
func TestAccountsFollowTheKey(t *testing.T) {
	t.Chdir(t.TempDir())
	lookups := 0
	key := crypto.GenerateKey()
	seal := func(text string) {
		if err := os.WriteFile("password.encrypted", sealed(t, []byte(text), key, crypto.JetV1), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	seal("first\n")
	if err := os.WriteFile("registries.yaml", []byte("registries:\n  - {name: a, address: a.test, username: u, passwordFile: password.encrypted}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	current := string(key.Encode())
	p := &program{stderr: io.Discard, lookupEnv: func(name string) (string, bool) {
		if name != "JET_KEY" {
			return "", false
		}
		lookups++
		return current, true
	}}
	f, err := (&reader{program: p}).accounts(t.Context(), "registries.yaml")
	if err != nil {
		t.Fatal(err)
	}
	source := f.source(f.Accounts[0])
	get := func(want string) {
		t.Helper()
		result, err := source.Generate(t.Context())
		if want == "" {
			if !errors.Is(err, crypto.ErrWrongKey) {
				t.Errorf("got %v, want ErrWrongKey", err)
			}
			return
		}
		if err != nil || result.Entries[0].Password.Reveal() != want {
			t.Errorf("want %s: %v", want, err)
		}
	}
	get("first")
	get("first")
	if lookups != 1 {
		t.Errorf("the key was looked up %d times, want once", lookups)
	}
	key = crypto.GenerateKey()
	seal("second")
	get("") // the file is of the new key, and the process still has the old one
	if lookups != 2 {
		t.Errorf("the key was looked up %d times, want twice", lookups)
	}
	current = string(key.Encode())
	get("")
	f.forgot = time.Time{} // a while later
	get("second")
	if lookups != 3 {
		t.Errorf("the key was looked up %d times, want three times", lookups)
	}
}

// TestAccountsSideBySide asks many accounts at once, with encrypted files, commands
// and one key; the race detector looks on.
func TestAccountsSideBySide(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs sh")
	}
	t.Chdir(t.TempDir())
	key := crypto.GenerateKey()
	env := sealed(t, []byte("DOCKER_USERNAME=u\nDOCKER_PASSWORD=p\n"), key, crypto.JetV1)
	text := "registries:\n"
	const count = 90
	for i := range count {
		origin := []string{"backend: login, envFile: env.encrypted", "username: u, passwordCommand: echo p", "username: u, passwordFile: plain"}[i%3]
		text += fmt.Sprintf("  - {name: a%d, address: a%d.test, %s}\n", i, i, origin)
	}
	for name, data := range map[string][]byte{"env.encrypted": env, "plain": []byte("p\r\n"), "registries.yaml": []byte(text)} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stderr, err := os.Create("stderr") // as in life a file, which many may write at once
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	var stdout bytes.Buffer
	p := &program{stdin: strings.NewReader(""), stdout: &stdout, stderr: stderr, lookupEnv: func(name string) (string, bool) {
		if name != "JET_KEY" {
			return "", false
		}
		return string(key.Encode()), true
	}}
	if code := p.run(t.Context(), []string{"generate", "dockercfg", "-", "--config", "registries.yaml"}); code != 0 {
		told, _ := os.ReadFile("stderr")
		t.Fatalf("exit code %d: %s", code, told)
	}
	file, err := dockercfg.Parse(stdout.Bytes())
	if err != nil || len(file.Entries()) != count {
		t.Fatalf("%v, %s", err, stdout.String())
	}
	for _, entry := range file.Entries() {
		if entry.Username != "u" || entry.Password.Reveal() != "p" {
			t.Errorf("%s has another credential", entry.Registry)
		}
	}
}

// sealed encrypts a text.
func sealed(t *testing.T, text []byte, key crypto.Key, format crypto.Format) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := crypto.Encrypt(&out, bytes.NewReader(text), key, format); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

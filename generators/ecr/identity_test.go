package ecr

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dockercfg/jet/dockercfg"
)

// noProfiles is there, and never asked.
type noProfiles struct{}

func (noProfiles) Keys(context.Context, string, map[string]dockercfg.Secret) (ProfileKeys, error) {
	panic("telling an identity asks nobody")
}

// identity opens the backend and gives what tells the identity, joined.
func identity(t *testing.T, registries []string, variables map[string]string) (string, bool) {
	t.Helper()
	s, err := Config{Profiles: noProfiles{}, Registries: registries}.Backend().Open(func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	parts, ok := s.(*Source).Identity()
	var all strings.Builder
	for _, part := range parts {
		all.WriteString(part.Reveal() + "\x00")
	}
	return all.String(), ok
}

const staticKeys = "aws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret\n"

// TestProfileIdentity: which profiles tell whose their keys are.
func TestProfileIdentity(t *testing.T) {
	for _, test := range []struct {
		name, profile, config, credentials string
		ok, signIn                         bool
	}{
		{name: "keys", profile: "a", credentials: "[a]\n" + staticKeys, ok: true},
		{name: "keys in config", profile: "a", config: "[profile a]\nregion=eu-west-1\n" + staticKeys, ok: true},
		{name: "the default profile", credentials: "[default]\n" + staticKeys, ok: true},
		{name: "the default profile, by its long name", config: "[profile default]\n" + staticKeys, ok: true},
		{name: "blanks and quotes", profile: "a b", config: "[profile \"a b\"]  # what\n" + staticKeys, ok: true},
		{name: "of others alone", profile: "a", credentials: "[b]\n" + staticKeys},
		{name: "half a key", profile: "a", credentials: "[a]\naws_access_key_id = x\naws_secret_access_key = \n"},
		{name: "in a comment", profile: "a", credentials: "[a]\n#aws_access_key_id = x\n;aws_secret_access_key = y\n"},
		{name: "none", profile: "a"},
		{name: "a default with a region alone", config: "[default]\nregion = eu-west-1\n"},
		{name: "a role", profile: "r", config: "[profile r]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = a # base\n", credentials: "[a]\n" + staticKeys, ok: true},
		{name: "a role of its own keys", profile: "r", config: "[profile r]\nrole_arn = x\nsource_profile = r\n" + staticKeys, ok: true},
		{name: "a role of a role", profile: "r", config: "[profile r]\nrole_arn=x\nsource_profile=s\n[profile s]\nrole_arn=y\nsource_profile=a\n[profile a]\n" + staticKeys, ok: true},
		{name: "a role without a source", profile: "r", config: "[profile r]\nrole_arn=x\n"},
		{name: "a role of nobody", profile: "r", config: "[profile r]\nrole_arn=x\nsource_profile=s\n"},
		{name: "a circle", profile: "r", config: "[profile r]\nrole_arn=x\nsource_profile=s\n[profile s]\nrole_arn=x\nsource_profile=r\n"},
		{name: "a role of the machine", profile: "r", config: "[profile r]\nrole_arn=x\ncredential_source = Ec2InstanceMetadata\n"},
		{name: "a program", profile: "p", config: "[profile p]\ncredential_process = /bin/keys\n"},
		{name: "a program beside keys", profile: "p", config: "[profile p]\ncredential_process = /bin/keys\n", credentials: "[p]\n" + staticKeys},
		{name: "a program, carelessly written", profile: "p", config: "[profile p]\n" + staticKeys + "\tCredential_Process=/bin/keys\n"},
		{name: "a program behind a role", profile: "r", config: "[profile r]\nrole_arn=x\nsource_profile=p\n[profile p]\ncredential_process=/bin/keys\n"},
		{name: "a program of another profile", profile: "a", config: "[profile p]\ncredential_process=/bin/keys\n", credentials: "[a]\n" + staticKeys, ok: true},
		{name: "a web identity", profile: "w", config: "[profile w]\nrole_arn=x\nweb_identity_token_file=/token\n"},
		{name: "single sign-on", profile: "s", config: "[profile s]\nsso_session = corp\nsso_account_id = 1\n[sso-session corp]\nsso_region = eu-west-1\n", ok: true, signIn: true},
		{name: "single sign-on, the old way", profile: "s", config: "[profile s]\nsso_start_url = https://x.test\n", ok: true, signIn: true},
		{name: "a sign-in", profile: "s", config: "[profile s]\nlogin_session = arn:x\n", ok: true, signIn: true},
		{name: "a role of single sign-on", profile: "r", config: "[profile r]\nrole_arn=x\nsource_profile=s\n[profile s]\nsso_session = corp\n", ok: true, signIn: true},
		{name: "several, one of a program", profile: "a,p", config: "[profile p]\ncredential_process=/bin/keys\n", credentials: "[a]\n" + staticKeys},
	} {
		t.Run(test.name, func(t *testing.T) {
			home := t.TempDir()
			t.Setenv("HOME", home)
			t.Setenv("USERPROFILE", home)
			put := func(content string, path ...string) {
				t.Helper()
				file := filepath.Join(append([]string{home, ".aws"}, path...)...)
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			put(test.config, "config")
			put(test.credentials, "credentials")
			put("bearer of anna", "sso", "cache", "x.json")
			put("bearer of anna", "login", "cache", "x.json")
			variables := map[string]string{"AWS_REGION": "eu-west-1"}
			if test.profile != "" {
				variables["AWS_PROFILE"] = test.profile
			}
			first, ok := identity(t, nil, variables)
			if ok != test.ok {
				t.Fatalf("told: %v, want %v", ok, test.ok)
			}
			if !ok {
				return
			}
			if again, _ := identity(t, nil, variables); again != first {
				t.Error("it is another one the next time")
			}
			if strings.Contains(first, "anna") != test.signIn {
				t.Errorf("it looks at who has signed in: %v, want %v", !test.signIn, test.signIn)
			}
			for _, file := range []string{"sso", "login"} {
				put("bearer of otto", file, "cache", "x.json")
				other, _ := identity(t, nil, variables)
				if test.signIn && other == first {
					t.Errorf("somebody else has signed in (%s), and it is the same", file)
				}
				put("bearer of anna", file, "cache", "x.json")
			}
			put(test.config+"# more\n", "config")
			if other, _ := identity(t, nil, variables); other == first {
				t.Error("the configuration changed, and it is the same")
			}
			put(test.config, "config")
			put(test.credentials+"\n[more]\n", "credentials")
			if other, _ := identity(t, nil, variables); other == first {
				t.Error("the keys changed, and it is the same")
			}
			// The files that variables name in their place.
			more := maps.Clone(variables)
			more["AWS_CONFIG_FILE"] = filepath.Join(home, "absent")
			more["AWS_SHARED_CREDENTIALS_FILE"] = filepath.Join(home, "absent")
			if _, ok := identity(t, nil, more); ok {
				t.Error("the files are not those that the variables name")
			}
		})
	}
}

func TestIdentity(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("jwt-1"), 0o600); err != nil {
		t.Fatal(err)
	}
	with := func(pairs ...string) map[string]string {
		v := map[string]string{"AWS_REGION": "eu-west-1"}
		for pair := range slices.Chunk(pairs, 2) {
			v[pair[0]] = pair[1]
		}
		return v
	}
	for _, test := range []struct {
		name       string
		variables  map[string]string
		registries []string
		want       string
		ok         bool
	}{
		{"keys", with("AWS_ACCESS_KEY_ID", "a", "AWS_SECRET_ACCESS_KEY", "b"), nil, "", true},
		{"a web identity", with("AWS_ROLE_ARN", "arn:aws:iam::012345678901:role/x", "AWS_WEB_IDENTITY_TOKEN_FILE", token), nil, "jwt-1\x00", true},
		{"keys before a web identity", with("AWS_ACCESS_KEY_ID", "a", "AWS_SECRET_ACCESS_KEY", "b", "AWS_WEB_IDENTITY_TOKEN_FILE", token, "AWS_ROLE_ARN", "arn:aws:iam::012345678901:role/x"), nil, "", true},
		{"a container", with("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/x"), nil, "", false},
		{"the machine", with(), nil, "", false},
		{"a registry of nobody", with("AWS_ACCESS_KEY_ID", "a", "AWS_SECRET_ACCESS_KEY", "b"), []string{"quay.io"}, "", false},
	} {
		if got, ok := identity(t, test.registries, test.variables); got != test.want || ok != test.ok {
			t.Errorf("%s: got %q, %v", test.name, got, ok)
		}
	}
	if err := os.Truncate(token, maxIdentityFile+1); err != nil {
		t.Fatal(err)
	}
	if _, ok := identity(t, nil, with("AWS_ROLE_ARN", "arn:aws:iam::012345678901:role/x", "AWS_WEB_IDENTITY_TOKEN_FILE", token)); ok {
		t.Error("a huge file tells an identity")
	}
}

package check

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// pieces hides the form of a known token from scanners of this repository.
func pieces(parts ...string) string { return strings.Join(parts, "") }

func TestIsSecret(t *testing.T) {
	for _, c := range []struct {
		name, value      string
		secret, template bool // in an env file, and in an example of one
	}{
		// A name that speaks of a password.
		{"PASSWORD", "hunter2", true, false},
		{"DB_PASSWORD", "s3cr3t", true, false},
		{"dbPassword", "Tr0ub4dor&3", true, false},
		{"DOCKER_PASSWORD", "correct horse battery staple", true, false},
		{"POSTGRES_PASSWORD_2", "82736451", true, false},
		{"MYSQL_PWD", "kettle", true, false},
		{"SMTP_PASS", "kettle-9", true, false},
		{"CLIENT_SECRET", "kettle", true, false},
		{"SECRET_KEY_BASE", "a3f81c0d2b7e49d6a1c8e5f2b9d07346", true, true},
		{"GPG_PASSPHRASE", "a long sentence", true, false},
		// A token, which no person invents.
		{"API_TOKEN", "9f86d081884c7d659a2feaa0c55ad015", true, true},
		{"API_KEY", "kettle-9", true, false},
		{"GITHUB_PAT", "kettle99", true, false},
		{"TOKEN", "user", false, false},
		{"CORS_CREDENTIALS", "include", false, false},
		{"AWS_SECRET_ACCESS_KEY", pieces("9Jk2", "pQx7vLm3NzT8rWy5bHc1dFg6sAe4uYi0oP"), true, true},
		{"HEROKU_API_KEY", "3f2b8c1e-94d7-4a06-b5e1-7c9d20f8a36b", true, true},
		// Keys and salts, if they look random.
		{"STRIPE_KEY", "b3f19c27d84e06a5", true, true},
		{"APP_KEY", pieces("base64:", "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="), true, true},
		{"CACHE_KEY", "shop:products:v2", false, false},
		{"SORT_KEY", "created-at", false, false},
		{"AUTH", "basic", false, false},
		{"SENTRY_DSN", "https://9f86d081884c7d65@sentry.example.com/1", false, false},
		// Whatever the name.
		{"X", pieces("gh", "p_16C7e42F292c6912E7710c838347Ae178B4a"), true, true},
		{"X", pieces("gl", "pat-Zx81_kQpW3vT9sLm2RbN"), true, true},
		{"X", pieces("xo", "xb-1234567890-abcdefGHIJKL"), true, true},
		{"X", pieces("AGE-SECRET", "-KEY-1QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQQPZRY9X8GF2TVDW0S3JN54"), true, true},
		{"X", pieces("-----BEGIN ", "PRIVATE KEY-----"), true, true},
		{"X", pieces(`{"type": "service_account", "private_`, `key": "a"}`), true, true},
		{"X", pieces("https://hooks.slack.com", "/services/T0/B0/abc"), true, true},
		{"X", pieces("ey", "JhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSIsImV4cCI6MX0.c2lnbmF0dXJlLW9mLXRoaXMtdG9rZW4"), true, true},
		{"X", "Server=db;User ID=shop;Password=Gr33n-Kettle", true, true},
		{"X", "Server=db;User ID=shop;Password=changeme", false, false},
		{"X", "9f86d081884c7d659a2feaa0c55ad015", false, false},
		// A password in an address.
		{"URL", "postgres://shop:Tr0ub4dor@db.example.com/shop", true, false},
		{"URL", "https://ci:b3f19c27d84e06a5cc1f@git.example.com/shop.git", true, true},
		{"URL", "postgres://shop:Tr0ub4dor@localhost:5432/shop", false, false},
		{"URL", "postgres://shop:b3f19c27d84e06a5cc1f@127.0.0.1/shop", true, true},
		{"URL", "amqp://guest:guest@rabbit/", false, false},
		{"URL", "postgres://user:pass@postgres:5432/shop", false, false},
		{"URL", "postgres://shop:${PASSWORD}@db/shop", false, false},
		{"URL", "https://example.com/a?b=c:d@e", false, false},
		{"URL", "redis://redis:6379", false, false},
		// Placeholders.
		{"PASSWORD", "", false, false},
		{"PASSWORD", "***", false, false},
		{"PASSWORD", "changeme", false, false},
		{"PASSWORD", "!ChangeMe!", false, false},
		{"PASSWORD", "<password>", false, false},
		{"PASSWORD", "[your password]", false, false},
		{"PASSWORD", "${DB_PASSWORD}", false, false},
		{"PASSWORD", "$DB_PASSWORD", false, false},
		{"PASSWORD", "$(cat /run/secrets/db)", false, false},
		{"PASSWORD", "{{ db_password }}", false, false},
		{"PASSWORD", "%DB_PASSWORD%", false, false},
		{"PASSWORD", "__DB_PASSWORD__", false, false},
		{"PASSWORD", "your-password-here", false, false},
		{"PASSWORD", "this_password_is_insecure_and_should_be_updated", false, false},
		{"PASSWORD", "fake_mail_password", false, false},
		{"PASSWORD", "not-a-real-secret", false, false},
		{"PASSWORD", "secret-goes-here", false, false},
		{"PASSWORD", "rootsecretpassword", false, false},
		{"PASSWORD", "12345678", false, false},
		{"PASSWORD", "aaaaaaaa", false, false},
		{"PASSWORD", "null", false, false},
		{"POSTGRES_PASSWORD", "postgres", false, false},
		{"SHOP_PASSWORD", "shop", false, false},
		{"SECRET_KEY", "0123456789abcdef0123456789abcdef", false, false},
		{"SECRET_KEY", "generate_a_new_key", false, false},
		{"API_KEY", "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", false, false},
		{"API_KEY", "00000000-0000-0000-0000-000000000000", false, false},
		{"STRIPE_KEY", pieces("sk_", "live_xxxxxxxxxxxxxxxxxxxxxxxx"), false, false},
		{"AWS_SECRET_ACCESS_KEY", pieces("wJalrXUtnFEMI/K7MDENG/", "bPxRfiCYEXAMPLEKEY"), false, false},
		{"DB_PASSWORD", "encrypted:BDqDBibm4wsYqMpCjTQ6BsDHmMadg9K3dAt+Z9HPMfLEIRVz50hmLXPX", false, false},
		{"DB_PASSWORD", "ENC[AES256_GCM,data:8Qm6Pg==]", false, false},
		{"DB_PASSWORD", "op://team/shop/password", false, false},
		{"JWT_SECRET", "arn:aws:secretsmanager:eu-west-1:1:secret:x-b3f19c27d84e06a5", false, false},
		// About a secret, and none.
		{"TOKEN_URL", "https://auth.example.com/token", false, false},
		{"PASSWORD_FILE", "/run/secrets/db", false, false},
		{"SSL_KEY", "./certs/b3f19c27d84e06a5.pem", false, false},
		{"SECRET_NAME", "shop-b3f19c27d84e06a5", false, false},
		{"PASSWORD_MIN_LENGTH", "12", false, false},
		{"TOKEN_TTL", "3600", false, false},
		{"MAX_TOKENS", "4096", false, false},
		{"AWS_ACCESS_KEY_ID", "AK1AQ3EGRX5L7T2WMNPB", false, false},
		{"KEYBOARD", "b3f19c27d84e06a5", false, false},
		{"NEXT_PUBLIC_API_KEY", pieces("AI", "zaSyD4iE2xVSpkLLOXoyqT-RuPwURN3ddScAI"), false, false},
		{"VITE_TOKEN", "b3f19c27d84e06a5", false, false},
		{"STRIPE_PUBLISHABLE_KEY", "pk_live_4eC39HqLyjWDarjtT1zdp7dc", false, false},
		{"SSH_PUBLIC_KEY", "AAAAC3NzaC1lZDI1NTE5AAAAIBv8", false, false},
		{"PROJECT_ID", "3f2b8c1e-94d7-4a06-b5e1-7c9d20f8a36b", false, false},
		{"COMMIT", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", false, false},
		{"PORT", "3000", false, false},
	} {
		if got := isSecret(c.name, c.value, false); got != c.secret {
			t.Errorf("%s=%s: a secret: %v, want %v", c.name, c.value, got, c.secret)
		}
		if got := isSecret(c.name, c.value, true); got != c.template {
			t.Errorf("%s=%s in an example: a secret: %v, want %v", c.name, c.value, got, c.template)
		}
	}
}

func TestExposedVariables(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"PASSWORD=hunter2\n", "1 PASSWORD"},
		{"# PASSWORD=hunter2\n\nPORT=1\nexport  PASSWORD = \"hunter2\"\r\n", "4 PASSWORD"},
		{"\ufeffPASSWORD='hunter2' # mine\n", "1 PASSWORD"},
		{"PASSWORD=\"changeme\" # hunter2\n", ""},
		{"PASSWORD=changeme # hunter2\n", ""},
		{"PASSWORD=\"hunter2\nand more\"\n", "1 PASSWORD"},
		{"PASSWORD=hunter2\nnot a variable\nor another\n", ""},
		{"not a variable\nPASSWORD=hunter2\n", "2 PASSWORD"},
		{"USER=shop\nPASSWORD=shop\n", ""},
		{"DB_NAME=shop-1\nDB_PASSWORD=shop-1\n", ""},
		{"=\n==\n=a\nA=\n", ""},
		{"", ""},
		{"PASSWORD", ""},
		{"A_TOKEN=hunter22\nB_TOKEN=hunter22\n", "1 A_TOKEN,2 B_TOKEN"},
	} {
		var got []string
		for _, e := range exposedVariables([]byte(c.text), false) {
			got = append(got, fmt.Sprintf("%d %s", e.line, e.name))
		}
		if strings.Join(got, ",") != c.want {
			t.Errorf("%q: got %v, want %s", c.text, got, c.want)
		}
	}
}

func TestKeysIn(t *testing.T) {
	const key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	for text, want := range map[string][]int{
		key:                              {1},
		"a\nJET_KEY=" + key + "\n":       {2},
		`{"key":"` + key + `"}`:          {1},
		key + "\n" + key:                 {1, 2},
		"x" + key:                        nil,
		key + "=":                        nil,
		key + "A":                        nil,
		key[1:]:                          nil,
		"h1:" + key + "\nsha256-" + key:  nil,
		"=====" + key[:40]:               nil,
		strings.Repeat("=", 100):         nil,
		key[:42] + "9=":                  nil, // bits that no key has set
		strings.Repeat("A", 1000) + key:  nil,
		"-" + key + "-" + key + "-" + "": {1, 1},
	} {
		var got []int
		for _, l := range keysIn([]byte(text)) {
			got = append(got, l.line)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got lines %v, want %v", text, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"codeship.aes": "key", "a/STAGING.AES": "key", "codeship.aes.old": "key", "codeship.aes~": "key", "codeship.aes-2": "key", "a.aes256": "", "aes": "", "b.aesx": "",
		".env": "env", "a/app.env": "env", ".env.local": "env", "env": "env", "prod-env": "env", ".envrc": "env", "environment": "env", "aws.env.encrypted": "env", "secrets": "env", "credentials.txt": "env", "env.sh": "env", "env_production": "env", "prod-env.txt": "env", ".env-staging": "env", "env~": "env",
		"env.go": "", "environment.ts": "", "environment.yml": "", "vite-env.d.ts": "", "envelope": "", "myenv": "", "env.md": "", "secrets.yaml": "", "env.json": "", "plain-env.txtar": "", "my-env-tool.rc": "",
		"dockercfg": "dockercfg", ".dockercfg": "dockercfg", "a/dockercfg.encrypted": "dockercfg", "dockerconfig.json": "dockercfg", ".dockerconfigjson": "dockercfg", "dockercfg.go": "", "config.json": "", "dockercfg-notes.md": "",
	} {
		got := ""
		switch {
		case isKeyName(name):
			got = "key"
		case isDockercfgName(name):
			got = "dockercfg"
		case isEnvName(name):
			got = "env"
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]bool{
		".env.example": true, "env.sample": true, "app.env.template": true, ".env.dist": true, "example.env": true, "dockercfg.example": true,
		".env": false, ".env.test": false, "exampleenv": false,
	} {
		if isTemplate(name) != want {
			t.Errorf("%s: a template: %v, want %v", name, !want, want)
		}
	}
}

func TestIsNoise(t *testing.T) {
	text := []byte(strings.Repeat("the quick brown fox \xe9 ", 40))
	if isNoise(text) {
		t.Error("Latin-1 text is taken for ciphertext")
	}
	noise := make([]byte, 4000)
	state := uint32(1)
	for i := range noise {
		state ^= state << 13
		state ^= state >> 17
		state ^= state << 5
		noise[i] = byte(state >> 8)
	}
	if !isNoise(noise) || !isNoise(noise[:64]) {
		t.Error("random bytes are not taken for ciphertext")
	}
	if isNoise(append([]byte("PK\x03\x04"), noise...)) {
		t.Error("an archive is taken for ciphertext")
	}
}

// FuzzPlain judges any text under any name: it ends, and what it says of an env file
// is the name of a variable of it.
func FuzzPlain(f *testing.F) {
	f.Add("PASSWORD=hunter2\nexport A = \"b\n", ".env")
	f.Add(`{"auths": {"quay.io": {"auth": "Y2k6aHVudGVyMg=="}}}`, "dockercfg")
	f.Add("apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\n", "a.yaml")
	f.Add("a://b:c@d", "x.env.example")
	f.Fuzz(func(t *testing.T, text, name string) {
		what, _ := secretsIn(&version{path: name}, []byte(text))
		for _, e := range exposedVariables([]byte(text), isTemplate(name)) {
			if !isVariableName(e.name) || e.line < 1 || e.line > strings.Count(text, "\n")+1 {
				t.Errorf("line %d: %q", e.line, e.name)
			}
		}
		_ = what
		twinsOf(name)
		keysIn([]byte(text))
		inBase64([]byte(text))
		isNoise([]byte(text))
		hasConflict([]byte(text))
	})
}

package dockercfg_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/dockercfg/jet/dockercfg"
)

// dockerReads loads an encoded file as Docker does. The standard library alone
// checks that nothing but the file's one JSON value is there: Docker would not.
func dockerReads(t *testing.T, file *dockercfg.File) *configfile.ConfigFile {
	t.Helper()
	text, err := file.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(text) || !bytes.HasSuffix(text, []byte("}\n")) {
		t.Fatalf("not one JSON value and a newline: %q", text)
	}
	config := configfile.New("")
	if err := config.LoadFromReader(bytes.NewReader(text)); err != nil {
		t.Fatalf("docker/cli: %v", err)
	}
	return config
}

// dockerFinds encodes an entry and fails unless Docker gives exactly its user
// name and password for each name it is asked for.
func dockerFinds(t *testing.T, entry dockercfg.Entry, lookups ...string) {
	t.Helper()
	file, err := dockercfg.New(entry)
	if err != nil {
		t.Fatal(err)
	}
	config := dockerReads(t, file)
	if len(lookups) == 0 {
		t.Fatal("no look-ups")
	}
	for _, name := range lookups {
		got, err := config.GetAuthConfig(name)
		if err != nil {
			t.Fatalf("docker/cli: %v", err)
		}
		if got.Username != entry.Username || got.Password != entry.Password.Reveal() {
			t.Errorf("%q, asked for as %q: docker/cli gives %.80q %.80q, want %.80q %.80q",
				entry.Registry, name, got.Username, got.Password, entry.Username, entry.Password.Reveal())
		}
	}
}

var passwords = []string{
	"hunter2", "with blanks within", " blank before", "blank after ", "\ttabs\t", `"double quotes"`, "'single quotes'", "`backticks`",
	"$HOME ${HOME} $(id) $$", "#hash # hash", ":", "a:b:c:", "*", "? [a-z] !", "-n", "--password", "pässwörd 密码 🔑",
	"<>&", "<script>&amp;</script>", `\n \\ \u003c`, "back\\slash", "line\nbreak\r\n", "\x01\x7f", "\xff\xfe not UTF-8",
	"\u2028\u2029", "=", "====", "%41%00", strings.Repeat("10 KB long ", 1024), `{"type": "service_account"}`,
}

func TestDockerFindsWhatIsEncoded(t *testing.T) {
	for _, password := range passwords {
		for _, spelling := range spellings {
			if spelling.want == "" {
				continue
			}
			lookups := append([]string{loginLookup(spelling.want)}, spelling.lookups...)
			if spelling.lookups == nil {
				lookups = append(lookups, loginLookup(spelling.name))
			}
			dockerFinds(t, dockercfg.Entry{Registry: spelling.name, Username: "bob", Password: dockercfg.NewSecret(password)}, lookups...)
		}
	}
	for _, user := range []string{"bob", "namespace+robot", "_json_key", "00000000-0000-0000-0000-000000000000", "bob@example.com", " b ", "$x", "ü", "AWS"} {
		dockerFinds(t, dockercfg.Entry{Registry: "quay.io", Username: user, Password: dockercfg.NewSecret("pw")}, "quay.io")
	}
}

func TestAddRefuses(t *testing.T) {
	const password = "hunter2"
	valid := dockercfg.Entry{Registry: "https://Quay.io/v2/", Username: "bob", Password: dockercfg.NewSecret(password)}
	if err := valid.Validate(); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		label, problem string
		change         func(*dockercfg.Entry)
	}{
		{"empty user", "user name is empty", func(e *dockercfg.Entry) { e.Username = "" }},
		{"colon in user", "colon", func(e *dockercfg.Entry) { e.Username = "bob:" + password }},
		{"colon before user", "colon", func(e *dockercfg.Entry) { e.Username = ":" }},
		{"NUL in user", "user name holds a NUL", func(e *dockercfg.Entry) { e.Username = "bob\x00" }},
		{"empty password", "password is empty", func(e *dockercfg.Entry) { e.Password = dockercfg.Secret{} }},
		{"NUL before password", "password holds a NUL", func(e *dockercfg.Entry) { e.Password = dockercfg.NewSecret("\x00" + password) }},
		{"NUL in password", "password holds a NUL", func(e *dockercfg.Entry) { e.Password = dockercfg.NewSecret(password + "\x00" + password) }},
		{"NUL after password", "password holds a NUL", func(e *dockercfg.Entry) { e.Password = dockercfg.NewSecret(password + "\x00") }},
	}
	for _, c := range cases {
		t.Run(c.label, func(t *testing.T) {
			entry := valid
			c.change(&entry)
			var file dockercfg.File
			for _, err := range []error{entry.Validate(), file.Add(entry)} {
				entryError, ok := errors.AsType[*dockercfg.EntryError](err)
				if !ok {
					t.Fatalf("got %v, want a *EntryError", err)
				}
				if entryError.Registry != "quay.io" || !strings.Contains(entryError.Problem, c.problem) {
					t.Errorf("got %v, want quay.io and %q", err, c.problem)
				}
				if strings.Contains(err.Error(), password) {
					t.Errorf("the error quotes the password: %v", err)
				}
			}
			if n := len(file.Entries()); n != 0 {
				t.Errorf("the file has %d entries after an error", n)
			}
		})
	}
	_, err := dockercfg.New(dockercfg.Entry{Registry: "a b", Username: "bob", Password: dockercfg.NewSecret(password)})
	if _, ok := errors.AsType[*dockercfg.RegistryNameError](err); !ok {
		t.Errorf("got %v, want a *RegistryNameError", err)
	}
}

func TestAddSameRegistry(t *testing.T) {
	one, two := dockercfg.NewSecret("one"), dockercfg.NewSecret("two")
	soon := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	late := soon.Add(time.Hour)
	cases := []struct {
		label         string
		first, second dockercfg.Entry
		conflict      string // what the error must hold; "": merged
		expires       time.Time
	}{
		{label: "equal", first: dockercfg.Entry{Registry: "r.example", Username: "u", Password: one}, second: dockercfg.Entry{Registry: "r.example", Username: "u", Password: one}},
		{label: "equal, other spelling", first: dockercfg.Entry{Registry: "docker.io", Username: "u", Password: one}, second: dockercfg.Entry{Registry: "https://index.docker.io/v1/", Username: "u", Password: one}},
		{label: "earlier expiry wins", first: dockercfg.Entry{Registry: "r.example", Username: "u", Password: one, Expires: late}, second: dockercfg.Entry{Registry: "R.example", Username: "u", Password: one, Expires: soon}, expires: soon},
		{label: "earlier expiry stays", first: dockercfg.Entry{Registry: "r.example", Username: "u", Password: one, Expires: soon}, second: dockercfg.Entry{Registry: "R.example", Username: "u", Password: one, Expires: late}, expires: soon},
		{label: "known expiry wins", first: dockercfg.Entry{Registry: "r.example", Username: "u", Password: one}, second: dockercfg.Entry{Registry: "R.example", Username: "u", Password: one, Expires: late}, expires: late},
		{label: "known expiry stays", first: dockercfg.Entry{Registry: "r.example", Username: "u", Password: one, Expires: late}, second: dockercfg.Entry{Registry: "R.example", Username: "u", Password: one}, expires: late},
		{
			label: "other password", first: dockercfg.Entry{Registry: "https://r.example/", Username: "u", Password: one}, second: dockercfg.Entry{Registry: "r.example", Username: "u", Password: two},
			conflict: `"https://r.example/" and "r.example" name the same registry with different credentials`,
		},
		{
			label: "other user", first: dockercfg.Entry{Registry: "docker.io", Username: "u", Password: one}, second: dockercfg.Entry{Registry: "registry-1.docker.io", Username: "v", Password: one},
			conflict: `"docker.io" and "registry-1.docker.io" name the same registry with different credentials`,
		},
		{
			label: "same spelling", first: dockercfg.Entry{Registry: "r.example", Username: "u", Password: one}, second: dockercfg.Entry{Registry: "r.example", Username: "u", Password: two},
			conflict: `"r.example" is given twice with different credentials`,
		},
	}
	for _, c := range cases {
		t.Run(c.label, func(t *testing.T) {
			var file dockercfg.File
			if err := file.Add(c.first); err != nil {
				t.Fatal(err)
			}
			err := file.Add(c.second)
			conflict, isConflict := errors.AsType[*dockercfg.ConflictError](err)
			if c.conflict == "" && err != nil || c.conflict != "" && !isConflict {
				t.Fatalf("got %v, want conflict %q", err, c.conflict)
			}
			if isConflict && (!strings.Contains(err.Error(), c.conflict) || conflict.First != c.first.Registry || conflict.Second != c.second.Registry) {
				t.Errorf("got %v, want %q", err, c.conflict)
			}
			entries := file.Entries()
			if len(entries) != 1 {
				t.Fatalf("got %d entries, want 1", len(entries))
			}
			key, _ := dockercfg.NormalizeRegistry(c.first.Registry)
			want := dockercfg.Entry{Registry: key, Username: c.first.Username, Password: c.first.Password, Expires: c.expires}
			if entries[0] != want {
				t.Errorf("got %v, want %v", entries[0], want)
			}
		})
	}
}

func TestEncode(t *testing.T) {
	file, err := dockercfg.New(
		dockercfg.Entry{Registry: "https://r.example:5000/v2/", Username: "b", Password: dockercfg.NewSecret("<&>")},
		dockercfg.Entry{Registry: "docker.io", Username: "bob", Password: dockercfg.NewSecret("hunter2")},
		dockercfg.Entry{Registry: "a.example", Username: "a", Password: dockercfg.NewSecret("b:c"), Expires: time.Now()},
	)
	if err != nil {
		t.Fatal(err)
	}
	// The base64 was made with: printf %s 'bob:hunter2' | base64
	const want = `{
	"auths": {
		"a.example": {
			"auth": "YTpiOmM="
		},
		"https://index.docker.io/v1/": {
			"auth": "Ym9iOmh1bnRlcjI="
		},
		"r.example:5000": {
			"auth": "Yjo8Jj4="
		}
	}
}
`
	for range 5 { // the order of maps differs from run to run
		got, err := file.Encode()
		if err != nil || string(got) != want {
			t.Fatalf("got %s, %v, want %s", got, err, want)
		}
	}
	var docker bytes.Buffer
	config := dockerReads(t, file)
	if err := config.SaveToWriter(&docker); err != nil {
		t.Fatal(err)
	}
	if docker.String()+"\n" != want {
		t.Errorf("docker/cli writes\n%s\nwe write\n%s", docker.String(), want)
	}
	var empty dockercfg.File
	if got, err := empty.Encode(); err != nil || string(got) != "{\n\t\"auths\": {}\n}\n" {
		t.Errorf("empty file: got %q, %v", got, err)
	}
}

func FuzzEncode(f *testing.F) {
	for _, password := range passwords {
		f.Add("quay.io", "bob", password)
	}
	if len(passwords) < 25 {
		f.Fatalf("%d seeds, want at least 25", len(passwords))
	}
	f.Add("docker.io", "", "")
	f.Add("docker.io", "a:b", "\x00")
	f.Add("*.quay.example.com", "bob", "pattern")
	f.Fuzz(func(t *testing.T, registry, user, password string) {
		entry := dockercfg.Entry{Registry: registry, Username: user, Password: dockercfg.NewSecret(password)}
		if entry.Validate() != nil {
			return
		}
		key, err := dockercfg.NormalizeRegistry(registry)
		if err != nil {
			if _, noPattern := dockercfg.ParsePattern(registry); noPattern != nil {
				t.Fatal(err)
			}
			return // Docker knows no patterns
		}
		dockerFinds(t, entry, key)
	})
}

package services_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/internal/services"
	"github.com/dockercfg/jet/internal/yamledit"
)

// encrypt gives an inline value.
func encrypt(t testing.TB, key crypto.Key, plain string, format crypto.Format) string {
	t.Helper()
	var b strings.Builder
	if err := crypto.Encrypt(&b, strings.NewReader(plain), key, format); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const codeship = `# the services
app:
  build:
    image: example/app
    dockerfile: Dockerfile
    args:
      VERSION: "1"   # plain
      MODE: test
    encrypted_args: @1
    encrypted_args_file: args.encrypted
  environment:
    - A=1
  env_file: [a.env, "b.env"]
  encrypted_env_file: app.env.encrypted # one
  encrypted_environment:
    - @2
    - "@3"
  add_docker: true
deploy:
  image: example/deploy
  encrypted_env_file:
    - deploy.env.encrypted
    - more.env.encrypted
  dockercfg_service: login
  encrypted_environment:
    TOKEN: @4
login:
  image: example/login
  encrypted_dockercfg_path: dockercfg.encrypted
`

func TestParse(t *testing.T) {
	key := crypto.GenerateKey()
	var values []string
	replacer := []string{}
	for i, plain := range []string{"ARG=1", "B=2", "C=3\nD=4", "x"} {
		values = append(values, encrypt(t, key, plain, crypto.Unsigned))
		replacer = append(replacer, fmt.Sprint("@", i+1), values[i])
	}
	text := strings.NewReplacer(replacer...).Replace(codeship)
	indented := "version: '3'\nservices:\n  " + strings.TrimSuffix(strings.ReplaceAll(text, "\n", "\n  "), "  ") + "volumes:\n  app:\n    driver: local\nnetworks: {login: {image: x}}\n"
	for name, c := range map[string]struct {
		text string
		skip int // lines in front
	}{"codeship": {text, 0}, "compose": {indented, 2}, "CRLF": {strings.ReplaceAll(text, "\n", "\r\n"), 0}} {
		f, err := services.Parse([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := []services.Service{
			{"app", 2 + c.skip, "example/app", []string{"VERSION", "MODE"}},
			{"deploy", 19 + c.skip, "example/deploy", nil},
			{"login", 27 + c.skip, "example/login", nil},
		}; !reflect.DeepEqual(f.Services, want) {
			t.Errorf("%s: services\n%+v, want\n%+v", name, f.Services, want)
		}
		if want := []services.Reference{
			{"app", "encrypted_args_file", "args.encrypted", 10 + c.skip},
			{"app", "env_file", "a.env", 13 + c.skip},
			{"app", "env_file", "b.env", 13 + c.skip},
			{"app", "encrypted_env_file", "app.env.encrypted", 14 + c.skip},
			{"deploy", "encrypted_env_file", "deploy.env.encrypted", 22 + c.skip},
			{"deploy", "encrypted_env_file", "more.env.encrypted", 23 + c.skip},
			{"deploy", "dockercfg_service", "login", 24 + c.skip},
			{"login", "encrypted_dockercfg_path", "dockercfg.encrypted", 29 + c.skip},
		}; !reflect.DeepEqual(f.References, want) {
			t.Errorf("%s: references\n%+v, want\n%+v", name, f.References, want)
		}
		var got []string
		for _, v := range f.Values {
			if v.Format != crypto.Unsigned {
				t.Errorf("%s: line %d: format %v", name, v.Line, v.Format)
			}
			got = append(got, fmt.Sprint(v.Service, v.Key, v.Line-c.skip, v.Text))
		}
		if want := []string{
			"appencrypted_args9" + values[0], "appencrypted_environment16" + values[1],
			"appencrypted_environment17" + values[2], "deployencrypted_environment26" + values[3],
		}; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: values\n%q, want\n%q", name, got, want)
		}

		// Only the values change, and only those that are given.
		changed, err := f.Replace([]string{"AAAA", "BBBB", "", "DD=="})
		want := strings.NewReplacer(values[0], "AAAA", values[1], "BBBB", values[3], "DD==").Replace(c.text)
		if err != nil || string(changed) != want {
			t.Errorf("%s: %v\n%s", name, err, changed)
		}
	}
}

// TestLayouts: a value is found however it is written.
func TestLayouts(t *testing.T) {
	key := crypto.GenerateKey()
	unsigned := encrypt(t, key, strings.Repeat("A=12345\n", 20), crypto.Unsigned)
	v2 := encrypt(t, key, "A=1", crypto.CodeshipV2)
	v1 := encrypt(t, key, strings.Repeat("A=12345\n", 20), crypto.JetV1)
	wrap := func(s, indent string) string { return s[:60] + "\n" + indent + s[60:] }
	for name, c := range map[string]struct {
		text   string
		format crypto.Format
		count  int
	}{
		"text":                {"a: {encrypted_environment: " + unsigned + "}", crypto.Unsigned, 1},
		"folded":              {"a:\n  encrypted_args:\n    " + wrap(unsigned, "    "), crypto.Unsigned, 1},
		"block":               {"a:\n  encrypted_args: |\n    " + wrap(unsigned, "    "), crypto.Unsigned, 1},
		"JSON":                {`{"a": {"encrypted_environment": ["` + strings.ReplaceAll(unsigned, "/", `\/`) + `"]}}`, crypto.Unsigned, 1},
		"alias":               {"x: &x [" + unsigned + "]\na: {encrypted_environment: *x}\nb: {encrypted_environment: *x}", crypto.Unsigned, 1},
		"merged":              {"a: &x\n  encrypted_args: " + unsigned + "\nb:\n  <<: *x\n", crypto.Unsigned, 1},
		"list of aliases":     {"a:\n  encrypted_args: &x " + unsigned + "\nb:\n  encrypted_args: [*x, *x]\n", crypto.Unsigned, 1},
		"an alias to itself":  {"a:\n  encrypted_args: &x [" + unsigned + ", *x]\n", crypto.Unsigned, 1},
		"deep":                {"a: [{b: {c: [{encrypted_environment: {d: " + unsigned + "}}]}}]", crypto.Unsigned, 1},
		"a header, folded":    {"a:\n  encrypted_environment:\n    - " + strings.Replace(v2, "\n", "\n      ", 1), crypto.CodeshipV2, 1},
		"a header in a block": {"a:\n  encrypted_environment: |\n    " + strings.ReplaceAll(v1, "\n", "\n    "), crypto.JetV1, 1},
		"a header, quoted":    {"a: {encrypted_environment: \"" + strings.Replace(v2, "\n", `\n`, 1) + "\"}", crypto.CodeshipV2, 1},
		"not encrypted":       {"a: {encrypted_environment: ['${{ steps.x }}', 'A=1', '<value>', AAAA, 'jet:v1 AAAA', 'jet:v1']}", 0, 6},
		"of a newer version":  {"a: {encrypted_environment: 'jet:v9 " + unsigned + "'}", 0, 1},
		"nothing":             {"a: {encrypted_environment: , encrypted_args: ''}\nb: {encrypted_args: [], encrypted_environment: {}, other: " + unsigned + "}", 0, 0},
		"no text":             {"a: {encrypted_environment: [1, true, null, 0.5]}", 0, 0},
		"a list":              {"- encrypted_args: " + unsigned, crypto.Unsigned, 1},
	} {
		f, err := services.Parse([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(f.Values) != c.count {
			t.Errorf("%s: %d values, want %d", name, len(f.Values), c.count)
			continue
		}
		fresh := encrypt(t, key, "B=2", crypto.Unsigned)
		if c.format.Strength() > 0 {
			fresh = encrypt(t, key, "B=2", c.format)
		}
		for i, v := range f.Values {
			if v.Format != c.format {
				t.Errorf("%s: format %v, want %v", name, v.Format, c.format)
			}
			if v.Format == 0 {
				continue
			}
			if _, err := crypto.Decrypt(io.Discard, strings.NewReader(v.Text), key); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			texts := make([]string, len(f.Values))
			texts[i] = fresh
			changed, err := f.Replace(texts)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			again, err := services.Parse(changed)
			if err != nil || len(again.Values) != c.count {
				t.Errorf("%s: %v\n%s", name, err, changed)
				continue
			}
			var plain bytes.Buffer
			if _, err := crypto.Decrypt(&plain, strings.NewReader(again.Values[i].Text), key); err != nil || plain.String() != "B=2" {
				t.Errorf("%s: replaced, it opens to %q, %v", name, plain.String(), err)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	_, err := services.Parse([]byte("a:\n  encrypted_args: [canary\n"))
	if _, ok := errors.AsType[*yamledit.Error](err); !ok || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
	if _, err := services.Parse(bytes.Repeat([]byte("#"), services.MaxBytes+1)); err == nil {
		t.Error("a file that is too long is read")
	}
}

func TestMentions(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       bool
	}{
		{"codeship-services.yml", "a:\n  encrypted_args: x\n", true},
		{"dir/any.YAML", "encrypted_environment", true},
		{"any.json", `{"encrypted_environment": 1}`, true},
		{"any.txt", "encrypted_environment", false},
		{"any.yml", "encrypted_env_file: x\n", true},
		{"any.yml", "encrypt_ed: x\n", false},
		{"any.yml", "", false},
		{"any.yml", strings.Repeat("#", 32<<10-5) + "encrypted_args", true},
		{"any.yml", strings.Repeat("#", 64<<10-15) + "encrypted_environment", true},
		{"any.yml", strings.Repeat("#", 200<<10) + "encrypted", false},
		{"any.yml", strings.Repeat("#", 200<<10) + "encrypted_environment" + strings.Repeat("#", 200<<10), true},
	} {
		got, err := services.Mentions(c.name, iotest.HalfReader(strings.NewReader(c.text)))
		if got != c.want || err != nil {
			t.Errorf("%s, %d bytes: got %v, %v, want %v", c.name, len(c.text), got, err, c.want)
		}
	}
	failing := errors.New("failing")
	if _, err := services.Mentions("a.yml", iotest.ErrReader(failing)); !errors.Is(err, failing) {
		t.Errorf("got %v, want %v", err, failing)
	}
}

func TestMayHoldValues(t *testing.T) {
	for text, want := range map[string]bool{
		"a: {encrypted_args: [": true, "encrypted_environment": true, "encrypted_env_file: x": false, "": false,
	} {
		if got := services.MayHoldValues([]byte(text)); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestIsNamed(t *testing.T) {
	for name, want := range map[string]bool{
		"codeship-services.yml": true, "a/codeship-services.json": true, "Docker-Compose.yaml": true, "docker-compose.prod.yml": true, "compose.yml": true,
		"codeship-steps.yml": false, "services.yml": false, "docker-compose.txt": false, "compose": false,
	} {
		if got := services.IsNamed(name); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	key := crypto.GenerateKey()
	value := encrypt(f, key, "A=1", crypto.Unsigned)
	for _, text := range []string{codeship, "services:\n  a: {encrypted_args: @1}\n", "- encrypted_environment: [@1, '@1']\n", "a: &a {encrypted_environment: {b: @1}}\nc: *a\n", "a: {<<: *b, build: {args: [C=1]}}"} {
		f.Add([]byte(strings.NewReplacer("@1", value, "@2", value, "@3", value, "@4", value).Replace(text)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := services.Parse(data)
		if err != nil {
			if _, ok := errors.AsType[*yamledit.Error](err); !ok {
				t.Fatalf("%q: %v", data, err)
			}
			return
		}
		// Every value can be encrypted anew, to be found again in its place.
		texts := make([]string, len(file.Values))
		for i, v := range file.Values {
			if v.Format == 0 {
				continue
			}
			if found, err := crypto.Detect([]byte(v.Text)); found != v.Format {
				t.Fatalf("%q: line %d: crypto sees %v, %v, want %v", data, v.Line, found, err, v.Format)
			}
			texts[i] = value
		}
		changed, err := file.Replace(texts)
		if errors.Is(err, yamledit.ErrLayout) {
			return
		}
		again, err := services.Parse(changed)
		if err != nil || len(again.Values) != len(file.Values) || !reflect.DeepEqual(again.References, file.References) && !bytes.Contains(data, []byte("\n")) {
			t.Fatalf("%q became %q: %v", data, changed, err)
		}
		for i, v := range again.Values {
			if texts[i] != "" && v.Text != value || texts[i] == "" && v.Text != file.Values[i].Text {
				t.Fatalf("%q became %q", data, changed)
			}
		}
	})
}

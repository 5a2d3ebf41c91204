package dockercfg_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"
	"github.com/dockercfg/jet/dockercfg"
)

func b64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func parse(t *testing.T, text string) *dockercfg.File {
	t.Helper()
	f, err := dockercfg.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return f
}

func encode(t *testing.T, f *dockercfg.File) string {
	t.Helper()
	text, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// brief gives an entry as one text that can be compared and read.
func brief(e dockercfg.Entry) string {
	text := fmt.Sprintf("%s %s:%s", e.Registry, e.Username, e.Password.Reveal())
	for _, more := range []struct{ name, text string }{{"identity", e.IdentityToken.Reveal()}, {"registry", e.RegistryToken.Reveal()}, {"email", e.Email}} {
		if more.text != "" {
			text += " " + more.name + "=" + more.text
		}
	}
	return text
}

func briefs(f *dockercfg.File) []string {
	all := []string{}
	for _, e := range f.Entries() {
		all = append(all, brief(e))
	}
	return all
}

// dockerLoads gives what Docker reads, as brief has it. No entry: it finds nothing there.
func dockerLoads(text string) ([]string, error) {
	config := configfile.New("")
	if err := config.LoadFromReader(strings.NewReader(text)); err != nil {
		return nil, err
	}
	all := []string{}
	for key, c := range config.AuthConfigs {
		if c != (types.AuthConfig{ServerAddress: key}) {
			all = append(all, brief(dockercfg.Entry{
				Registry: key, Username: c.Username, Password: dockercfg.NewSecret(c.Password),
				IdentityToken: dockercfg.NewSecret(c.IdentityToken), RegistryToken: dockercfg.NewSecret(c.RegistryToken),
			}))
		}
	}
	slices.Sort(all)
	return all, nil
}

// agreement is how Docker's reading of a text relates to ours.
type agreement int

const (
	agrees  agreement = iota // it finds the same entries
	nothing                  // it finds none and says nothing
	refuses                  // it refuses the file
	differs                  // it finds others, given with the case
)

const hub = dockercfg.DockerHub

// readable are texts with the entries that they hold. The first are the table
// of what docker/cli does.
var readable = []struct {
	label, text string
	want        []string
	docker      agreement
	dockerFinds []string
	notice      string
}{
	{label: "flat", text: `{"quay.io":{"auth":"` + b64("bob:pw") + `","email":"a@b.c"}}`, want: []string{"quay.io bob:pw email=a@b.c"}, docker: nothing},
	{label: "byte order mark", text: "\ufeff" + `{"auths":{"quay.io":{"auth":"` + b64("bob:pw") + `"}}}`, want: []string{"quay.io bob:pw"}, docker: refuses},
	{label: "no padding", text: `{"auths":{"quay.io":{"auth":"` + strings.TrimRight(b64("bob:pw1"), "=") + `"}}}`, want: []string{"quay.io bob:pw1"}, docker: refuses, notice: `line 1, column 11: entry "quay.io": "auth" is base64 without padding`},
	{label: "line ends in base64", text: `{"auths":{"quay.io":{"auth":"Ym9i\nOn\r\nB3\n"}}}`, want: []string{"quay.io bob:pw"}},
	{label: "auth wins", text: `{"auths":{"quay.io":{"username":"u","password":"p","auth":"` + b64("bob:pw") + `"}}}`, want: []string{"quay.io bob:pw"}},
	{label: "NULs at the end", text: `{"auths":{"quay.io":{"auth":"` + b64("bob:pw\x00\x00") + `"}}}`, want: []string{"quay.io bob:pw"}},
	{label: "other case", text: `{"AUTHS":{"quay.io":{"Auth":"` + b64("bob:pw") + `","IdentityToken":"t"}}}`, want: []string{"quay.io bob:pw identity=t"}},
	{label: "other case, long s and Kelvin sign", text: `{"auth\u017f":{"quay.io":{"identityto\u212aen":"t"}}}`, want: []string{"quay.io : identity=t"}},
	{label: "identity token without password", text: `{"auths":{"quay.io":{"auth":"` + b64("bob:") + `","identitytoken":"t"}}}`, want: []string{"quay.io bob: identity=t"}},
	{label: "identity token alone", text: `{"auths":{"quay.io":{"identitytoken":"t"}}}`, want: []string{"quay.io : identity=t"}},
	{label: "registry token", text: `{"auths":{"quay.io":{"registrytoken":"t"}}}`, want: []string{"quay.io : registry=t"}},
	{label: "escaped", text: `{"auths":{"quay.io":{"identitytoken":"\u003c\u003e\u0026\/\ud83d\ude00"}}}`, want: []string{"quay.io : identity=<>&/😀"}},
	{label: "unknown fields", text: `{"x":[1,{"y":null}],"auths":{"quay.io":{"auth":"` + b64("bob:pw") + `","z":1e400,"email":5}}}`, want: []string{"quay.io bob:pw"}},

	{label: "empty object", text: `{}`, want: []string{}},
	{label: "no auths", text: `{"credsStore":"desktop"}`, want: []string{}},
	{label: "auths null", text: `{"auths":null}`, want: []string{}},
	{label: "entry null", text: `{"auths":{"quay.io":null}}`, want: []string{}},
	{label: "stub", text: `{"auths":{"quay.io":{}},"credsStore":"desktop"}`, want: []string{}},
	{label: "fields null", text: `{"auths":{"quay.io":{"auth":null,"username":"bob","password":"pw"}}}`, want: []string{"quay.io bob:pw"}},
	{label: "fields empty", text: `{"auths":{"quay.io":{"auth":"","username":"","password":"","identitytoken":""}}}`, want: []string{}},
	{label: "colons in the password", text: `{"auths":{"quay.io":{"auth":"` + b64("bob:a:b:") + `"}}}`, want: []string{"quay.io bob:a:b:"}},
	{label: "user and password", text: `{"auths":{"quay.io":{"username":"bob","password":"pw"}}}`, want: []string{"quay.io bob:pw"}},
	{label: "user alone", text: `{"auths":{"quay.io":{"auth":"` + b64("bob:") + `"}}}`, want: []string{}, docker: differs, dockerFinds: []string{"quay.io bob:"}, notice: "user name, but no password"},
	{label: "password alone", text: `{"auths":{"quay.io":{"password":"pw"}}}`, want: []string{}, docker: differs, dockerFinds: []string{"quay.io :pw"}, notice: "password, but no user name"},
	{label: "Quay robot", text: "{\n  \"auths\": {\n    \"quay.io\": {\n      \"auth\": \"" + b64("ns+robot:TOKEN") + "\",\n      \"email\": \"\"\n    }\n  }\n}", want: []string{"quay.io ns+robot:TOKEN"}},
	{label: "Podman", text: "{\n\t\"auths\": {\n\t\t\"localhost:5000\": {\n\t\t\t\"auth\": \"" + b64("u:p") + "\"\n\t\t}\n\t},\n\t\"credHelpers\": {\"x.example\": \"y\"}\n}", want: []string{"localhost:5000 u:p"}},
	{label: "Docker Hub by another name", text: `{"auths":{"docker.io":{"auth":"` + b64("bob:pw") + `"}}}`, want: []string{hub + " bob:pw"}, docker: differs, dockerFinds: []string{"docker.io bob:pw"}},
	{label: "same twice", text: `{"auths":{"https://quay.io/v2/":{"auth":"` + b64("bob:pw") + `"},"quay.io":{"username":"bob","password":"pw","email":"e"}}}`, want: []string{"quay.io bob:pw email=e"}, docker: differs, dockerFinds: []string{"https://quay.io/v2/ bob:pw", "quay.io bob:pw"}},
	{label: "same key twice", text: `{"auths":{"quay.io":{"auth":"` + b64("bob:pw") + `"},"quay.io":{"auth":"` + b64("bob:pw") + `"}}}`, want: []string{"quay.io bob:pw"}},
	{label: "field twice: last wins", text: `{"auths":{"quay.io":{"auth":"` + b64("x:y") + `","auth":"` + b64("bob:pw") + `"}}}`, want: []string{"quay.io bob:pw"}},
	{label: "field twice in other case: last wins", text: `{"auths":{"quay.io":{"AUTH":"` + b64("x:y") + `","Auth":"` + b64("bob:pw") + `"}}}`, want: []string{"quay.io bob:pw"}},
	{label: "field twice: exact spelling wins", text: `{"auths":{"quay.io":{"auth":"` + b64("bob:pw") + `","Auth":"` + b64("x:y") + `"}}}`, want: []string{"quay.io bob:pw"}, docker: differs, dockerFinds: []string{"quay.io x:y"}},
	{label: "auths twice: both", text: `{"auths":{"a.example":{"auth":"` + b64("a:a") + `"}},"Auths":{"b.example":{"auth":"` + b64("b:b") + `"}}}`, want: []string{"a.example a:a", "b.example b:b"}},
	{label: "tokens of a login in the browser", text: `{"auths":{"` + hub + `":{"auth":"` + b64("bob:pw") + `"},"` + hub + `access-token":{"auth":"` + b64("bob:at") + `"},"` + hub + `refresh-token":{"auth":"` + b64("bob:rt") + `"}}}`,
		want: []string{hub + " bob:pw"}, docker: differs, dockerFinds: []string{hub + " bob:pw", hub + "access-token bob:at", hub + "refresh-token bob:rt"}},
	{label: "key that names no registry", text: `{"auths":{"not a registry":{"auth":"` + b64("bob:pw") + `"}}}`, want: []string{}, docker: differs, dockerFinds: []string{"not a registry bob:pw"}, notice: "line 1, column 11: an entry: its key names no registry"},
	{label: "star in a path", text: `{"auths":{"https://quay.io/*":{"auth":"` + b64("bob:pw") + `"}}}`, want: []string{"quay.io bob:pw"}, docker: differs, dockerFinds: []string{"https://quay.io/* bob:pw"}},
	{label: "pattern", text: `{"auths":{"*.r.example.com":{"auth":"` + b64("bob:pw") + `"}}}`, want: []string{"*.r.example.com bob:pw"}},
	{label: "flat, other case", text: `{"quay.io":{"AUTH":"` + b64("bob:pw") + `"}}`, want: []string{"quay.io bob:pw"}, docker: nothing},
	{label: "flat, with a stub", text: `{"a.example":{},"quay.io":{"identitytoken":"t"}}`, want: []string{"quay.io : identity=t"}, docker: nothing},
	{label: "nested 100 deep", text: `{"auths":{},"x":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`, want: []string{}},
}

func TestParse(t *testing.T) {
	if len(readable) < 35 {
		t.Fatalf("%d cases, want at least 35", len(readable))
	}
	for _, c := range readable {
		t.Run(c.label, func(t *testing.T) {
			f := parse(t, c.text)
			if got := briefs(f); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if got := encode(t, f); got != c.text {
				t.Errorf("unchanged, it is written as %q, want %q", got, c.text)
			}
			notices := strings.Join(f.Notices(), "\n")
			if !strings.Contains(notices, c.notice) || (notices == "") != (c.notice == "") {
				t.Errorf("got notices %q, want %q", notices, c.notice)
			}
			docker, err := dockerLoads(c.text)
			want := c.dockerFinds
			if c.docker == agrees {
				for _, e := range f.Entries() {
					e.Email = ""
					want = append(want, brief(e))
				}
			}
			if (err != nil) != (c.docker == refuses) || !slices.Equal(docker, want) {
				t.Errorf("docker/cli gives %q, %v, want %q", docker, err, want)
			}
		})
	}
}

// unreadable are texts that are no dockercfg, each holding the canary or garbage
// that no error may quote, and what the error must say.
var unreadable = []struct {
	label, text string
	want        string // of the error
	docker      agreement
	err         error
}{
	{"empty", "", "Failed to parse dockercfg: it is empty", nothing, dockercfg.ErrEmpty},
	{"blanks", " \r\n\t", "it is empty", nothing, dockercfg.ErrEmpty},
	{"byte order mark alone", "\ufeff", "it is empty", refuses, dockercfg.ErrEmpty},
	{"null", "null", "it is empty: null", nothing, dockercfg.ErrEmpty},
	{"text after the value", `{"auths":{}} ` + canary, "Failed to parse dockercfg: line 1, column 14: invalid character after top-level value", nothing, nil},
	{"two values", "{\"auths\":{}}\n{}", "line 2, column 1: invalid character after top-level value", nothing, nil},
	{"auth without colon", `{"auths":{"Quay.io":{"auth":"` + b64(canary) + `"}}}`, `Failed to parse dockercfg: line 1, column 11: entry "quay.io": "auth" holds no colon after base64`, refuses, nil},
	{"auth with an empty user", `{"auths":{"quay.io":{"auth":"` + b64(":"+canary) + `"}}}`, `entry "quay.io": "auth" holds an empty user name`, refuses, nil},
	{"auth for URLs", `{"auths":{"quay.io":{"auth":"` + base64.URLEncoding.EncodeToString([]byte("bob:\xff\xfe"+canary)) + `"}}}`, `entry "quay.io": "auth" is base64 in the alphabet for URLs`, refuses, nil},
	{"auth is no base64", `{"auths":{"quay.io":{"auth":"` + canary + `!"}}}`, `entry "quay.io": "auth" is not base64`, refuses, nil},
	{"auth with a blank", `{"auths":{"quay.io":{"auth":"Ym9i OnB3"}}}`, `"auth" is not base64`, refuses, nil},
	{"auth is a number", `{"auths":{"quay.io":{"auth":5}}}`, `entry "quay.io": "auth" is not a string`, refuses, nil},
	{"password is an object", `{"auths":{"quay.io":{"username":"u","password":{"` + canary + `":1}}}}`, `"password" is not a string`, refuses, nil},
	{"NUL before the password", `{"auths":{"quay.io":{"auth":"` + b64("bob:\x00"+canary) + `"}}}`, `entry "quay.io": the password holds a NUL byte`, agrees, nil},
	{"colon in the user", `{"auths":{"quay.io":{"username":"bob:` + canary + `","password":"p"}}}`, `entry "quay.io": the user name holds a colon`, agrees, nil},
	{"second entry", "{\n\t\"auths\": {\n\t\t\"a.example\": {},\n\t\t\"b.example\": {\"auth\": \"" + canary + "=\"}\n\t}\n}", `line 4, column 3: entry "b.example"`, refuses, nil},
	{"entry is a string", `{"auths":{"quay.io":"` + canary + `"}}`, `entry "quay.io": it is not an object`, refuses, nil},
	{"bad entry under a key with a password", `{"auths":{"https://bob:` + canary + `@quay.io":{"auth":"x"}}}`, `Failed to parse dockercfg: line 1, column 11: "auth" is not base64`, refuses, nil},
	{"auths is an array", `{"auths":["` + canary + `"]}`, `line 1, column 2: "auths" is not an object`, refuses, nil},
	{"conflict", `{"auths":{"docker.io":{"auth":"` + b64("bob:"+canary) + `"},"https://index.docker.io/v1/":{"auth":"` + b64("bob:pw") + `"}}}`, `"docker.io" and "https://index.docker.io/v1/" name the same registry with different credentials`, agrees, nil},
	{"conflict of one key", `{"auths":{"quay.io":{"auth":"` + b64("bob:"+canary) + `"},"quay.io":{"auth":"` + b64("bob:pw") + `"}}}`, `"quay.io" is given twice with different credentials`, agrees, nil},
	{"conflict of tokens", `{"auths":{"quay.io":{"identitytoken":"` + canary + `"},"https://quay.io":{"identitytoken":"x"}}}`, "different credentials", agrees, nil},
	{"conflict of two auths", `{"auths":{"quay.io":{"identitytoken":"` + canary + `"}},"AUTHS":{"quay.io":{"identitytoken":"x"}}}`, "different credentials", agrees, nil},

	{"cut within an object", `{"auths":{"quay.io":{"auth":"` + b64(canary) + `"`, "the text ends too early", refuses, nil},
	{"cut within a string", `{"auths":{"` + canary, "the text ends too early", refuses, nil},
	{"cut within an escape", `{"auths":{"\u00`, "the text ends too early", refuses, nil},
	{"no comma", "{\n  \"auths\": {}\n  \"" + canary + "\": 1\n}", "line 3, column 3: a comma or a closing bracket", refuses, nil},
	{"comma at the end", `{"auths":{},}`, "line 1, column 13: a name in double quotes", refuses, nil},
	{"single quotes", `{'` + canary + `':{}}`, "line 1, column 2: a name in double quotes", refuses, nil},
	{"no colon", `{"auths" {}}`, "a colon should follow", refuses, nil},
	{"comment", "{\n// " + canary + "\n\"auths\":{}}", "line 2, column 1: a name in double quotes", refuses, nil},
	{"value is a word", `{"auths":` + canary + `}`, "line 1, column 10: a JSON value should begin here", refuses, nil},
	{"columns are characters", `{"äöü😀":` + canary + `}`, "line 1, column 9: a JSON value", refuses, nil},
	{"line end in a string", "{\"auths\n\":{}}", "line 1, column 8: a control character", refuses, nil},
	{"unknown escape", `{"\x` + canary + `":1}`, "a backslash", refuses, nil},
	{"bad \\u", `{"\u12G4":1}`, "four hexadecimal digits", refuses, nil},
	{"leading zero", `{"x":01}`, "a comma or a closing bracket", refuses, nil},
	{"bare minus", `{"x":-}`, "a digit", refuses, nil},
	{"bare point", `{"x":1.}`, "decimal point", refuses, nil},
	{"bare exponent", `{"x":1e+}`, "exponent", refuses, nil},
	{"wrong closing bracket", `{"x":[1}}`, "closing bracket", refuses, nil},
	{"nested too deep", `{"auths":{},"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, "nested too deep", agrees, nil},
	{"nested far too deep", strings.Repeat("[", 1<<20), "nested too deep", refuses, nil},
	{"too long", `{"auths":{}}` + strings.Repeat(" ", dockercfg.MaxBytes), "at most 4194304 are allowed", nothing, nil},

	{"array", `["` + canary + `"]`, "it is a JSON array", refuses, nil},
	{"string", `"` + canary + `"`, "it is a JSON string", refuses, nil},
	{"number", "12345", "it is a JSON value; an object is wanted", refuses, nil},
	{"rkt", `{"rktKind":"dockerAuth","rktVersion":"v1","registries":["quay.io"],"credentials":{"user":"bob","password":"` + canary + `"}}`, "credential of rkt", nothing, nil},
	{"service account", `{"type":"service_account","private_key":"` + canary + `"}`, "key of a Google service account", nothing, nil},
	{"answer of a helper", `{"ServerURL":"quay.io","Username":"bob","Secret":"` + canary + `"}`, "credential helper", nothing, nil},
	{"answer of ECR", `{"authorizationData":[{"authorizationToken":"` + canary + `"}]}`, "Amazon ECR", nothing, nil},
	{"another object", `{"name":"` + canary + `","version":"1"}`, "none of its fields belongs into a dockercfg", nothing, nil},
	{"Deployment", `{"apiVersion":"apps/v1","kind":"Deployment","x":"` + canary + `"}`, "another kind than Secret", nothing, nil},
	{"Opaque Secret", `{"apiVersion":"v1","kind":"Secret","type":"Opaque","data":{".dockerconfigjson":"` + b64(canary) + `"}}`, "a Kubernetes Secret of another type", nothing, nil},
	{"Secret without type", `{"apiVersion":"v1","kind":"Secret","data":{".dockerconfigjson":"` + b64(canary) + `"}}`, "a Kubernetes Secret of another type", nothing, nil},
	{"Secret without the key", `{"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/dockercfg","data":{".dockerconfigjson":"` + b64(canary) + `"}}`, `no ".dockercfg"`, nothing, nil},
	{"Secret with text under data", `{"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"{\"` + canary + `"}}`, "under stringData", nothing, nil},
	{"Secret with a number", `{"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":5}}`, "not a string", nothing, nil},
	{"Secret with bad JSON", `{"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"` + b64("{\n"+canary) + `"}}`, "Failed to parse dockercfg: in the Kubernetes Secret: line 2, column 1:", nothing, nil},
	{"empty Secret", `{"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":""}}`, "in the Kubernetes Secret: it is empty", nothing, dockercfg.ErrEmpty},
	{"two Secrets", `{"apiVersion":"v1","kind":"List","items":[` + jsonSecret + "," + jsonSecret + `]}`, "2 Kubernetes Secrets", nothing, nil},
	{"empty List", `{"apiVersion":"v1","kind":"List","items":[]}`, "List without a Secret", nothing, nil},
	{"YAML", "apiVersion: v1\nkind: Secret\nx: " + canary, "YAML; JSON is wanted", refuses, nil},
	{"HTML", "<!DOCTYPE html><p>" + canary, "web page", refuses, nil},
	{"env file", "# comment\nDOCKER_PASSWORD=" + canary, "env file", refuses, nil},
	{"env file for shells", "export A=" + canary, "env file", refuses, nil},
	{"codeship:v2", "codeship:v2\n" + b64(canary), "an encrypted file", refuses, dockercfg.ErrEncrypted},
	{"jet:v1", "jet:v1\r\n" + b64(canary), "an encrypted file", refuses, dockercfg.ErrEncrypted},
	{"cloudbees:v1", "\ufeffcloudbees:v1\n" + b64(canary), "an encrypted file", refuses, dockercfg.ErrEncrypted},
	{"unsigned", b64(canary + canary), "encrypted file, perhaps", refuses, dockercfg.ErrEncrypted},
	{"base64 of a dockercfg", b64(`{"auths":{"` + canary + `":{}}}`), "base64 of JSON", refuses, nil},
	{"age", "age-encryption.org/v1\n-> X25519 " + canary, "a file of age", refuses, dockercfg.ErrEncrypted},
	{"armoured age", "-----BEGIN AGE ENCRYPTED FILE-----\n" + canary, "a file of age", refuses, dockercfg.ErrEncrypted},
	{"GnuPG", "-----BEGIN PGP MESSAGE-----\n" + canary, "a file of GnuPG", refuses, dockercfg.ErrEncrypted},
	{"ansible-vault", "$ANSIBLE_VAULT;1.1;AES256\n" + canary, "ansible-vault", refuses, dockercfg.ErrEncrypted},
	{"openssl", "Salted__" + canary, "openssl", refuses, dockercfg.ErrEncrypted},
	{"PEM", "-----BEGIN PRIVATE KEY-----\n" + canary, "a PEM file", refuses, nil},
	{"UTF-16", "\xff\xfe{\x00}\x00", "UTF-16", refuses, nil},
	{"merge conflict", "<<<<<<< HEAD\n{", "merge conflicts", refuses, nil},
	{"wrong key", "\x9f\x01" + canary + "\x00", "binary data, as decryption with a wrong key gives", refuses, nil},
	{"wrong key, digit first", "7_" + canary + "\xff", "Failed to parse dockercfg: line 1, column 2: invalid character after top-level value: it looks like binary data", differs, nil},
	{"prose in lines", "not\ta\r\ndockercfg\n", "line 1, column 1: a JSON value should begin here", refuses, nil},
	{"prose", canary + " is not a dockercfg", "line 1, column 1: a JSON value should begin here", refuses, nil},
}

var jsonSecret = `{"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"` + b64(`{"auths":{"quay.io":{"auth":"`+b64("bob:pw")+`"}}}`) + `"}}`

func TestParseRefuses(t *testing.T) {
	if len(unreadable) < 75 {
		t.Fatalf("%d cases, want at least 75", len(unreadable))
	}
	for _, c := range unreadable {
		t.Run(c.label, func(t *testing.T) {
			f, err := dockercfg.Parse([]byte(c.text))
			parseError, ok := errors.AsType[*dockercfg.ParseError](err)
			if !ok || f != nil {
				t.Fatalf("got %v, %v, want a *ParseError", f, err)
			}
			text := err.Error()
			if !strings.HasPrefix(text, "Failed to parse dockercfg: ") || !strings.Contains(text, c.want) {
				t.Errorf("got %q, want %q", text, c.want)
			}
			if c.err != nil && !errors.Is(err, c.err) || c.err == nil && (errors.Is(err, dockercfg.ErrEmpty) || errors.Is(err, dockercfg.ErrEncrypted)) {
				t.Errorf("got an error that wraps %v, want %v", parseError.Err, c.err)
			}
			if strings.Contains(c.want, "credentials") {
				if conflict, ok := errors.AsType[*dockercfg.ConflictError](err); !ok || conflict.Registry == "" {
					t.Errorf("got %v, want a *ConflictError", err)
				}
			}
			hidden(t, "the error", text)
			hidden(t, "its fields", fmt.Sprintf("%+v %#v", *parseError, *parseError))
			if strings.ContainsAny(text, "\n\x00") || len(text) > 300 {
				t.Errorf("the error is not one short line: %q", text)
			}
			docker, err := dockerLoads(c.text)
			switch {
			case (err != nil) != (c.docker == refuses || c.docker == differs):
				t.Errorf("docker/cli gives %q, %v", docker, err)
			case c.docker == nothing && len(docker) != 0:
				t.Errorf("docker/cli finds %q, want nothing", docker)
			}
		})
	}
}

// TestParseSecretJSON reads Kubernetes Secrets and changes one.
func TestParseSecretJSON(t *testing.T) {
	inner := "{\n  \"auths\": {\n    \"quay.io\": {\"auth\": \"" + b64("bob:pw") + "\"}\n  },\n  \"x\": 1\n}"
	flat := `{"quay.io":{"auth":"` + b64("bob:pw") + `"}}`
	stringData, _ := json.Marshal(inner)
	wrapped := b64(inner)[:20] + `\n` + b64(inner)[20:]
	secret := func(kind, data string) string {
		return "{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"Secret\",\n  \"metadata\": {\"name\": \"x\", \"n\": 1.50},\n  \"type\": \"kubernetes.io/" + kind + "\",\n  " + data + "\n}\n"
	}
	cases := []struct {
		label, text string
		notice      bool
	}{
		{"data", secret("dockerconfigjson", `"data": {"other": "eA==", ".dockerconfigjson": "`+b64(inner)+`"}`), false},
		{"data in lines", secret("dockerconfigjson", `"data": {".dockerconfigjson": "`+wrapped+`"}`), false},
		{"stringData", secret("dockerconfigjson", `"stringData": {".dockerconfigjson": `+string(stringData)+`}`), false},
		{"stringData over data", secret("dockerconfigjson", `"data": {".dockerconfigjson": "`+b64(canary)+`"}, "stringData": {".dockerconfigjson": `+string(stringData)+`}`), false},
		{"dockercfg", secret("dockercfg", `"data": {".dockercfg": "`+b64(flat)+`"}`), false},
		{"config in dockercfg", secret("dockercfg", `"data": {".dockercfg": "`+b64(inner)+`"}`), true},
		{"flat in dockerconfigjson", secret("dockerconfigjson", `"data": {".dockerconfigjson": "`+b64(flat)+`"}`), true},
		{"List", `{"kind":"List","apiVersion":"v1","items":[{"kind":"ConfigMap","apiVersion":"v1"},` + secret("dockerconfigjson", `"data": {".dockerconfigjson": "`+b64(inner)+`"}`) + `]}`, false},
		{"byte order mark", "\ufeff" + secret("dockerconfigjson", `"data": {".dockerconfigjson": "`+b64(inner)+`"}`), false},
	}
	for _, c := range cases {
		t.Run(c.label, func(t *testing.T) {
			f := parse(t, c.text)
			if got := briefs(f); f.Form() != dockercfg.KubernetesSecret || !slices.Equal(got, []string{"quay.io bob:pw"}) {
				t.Fatalf("got %v, %q", f.Form(), got)
			}
			if (f.Notices() != nil) != c.notice {
				t.Errorf("got notices %q", f.Notices())
			}
			if got := encode(t, f); got != c.text {
				t.Errorf("unchanged, it is written as %s", got)
			}
			if err := f.Set(dockercfg.Entry{Registry: "quay.io", Username: "eve", Password: dockercfg.NewSecret("new")}); err != nil {
				t.Fatal(err)
			}
			changed := encode(t, f)
			again := parse(t, changed)
			if got := briefs(again); !slices.Equal(got, []string{"quay.io eve:new"}) || again.Form() != dockercfg.KubernetesSecret {
				t.Errorf("changed: got %q", got)
			}
			if changed != encode(t, f) {
				t.Error("written twice it differs")
			}
			// All but the one value is as it was.
			cut := func(text string) []string {
				text = strings.TrimPrefix(text, "\ufeff")
				i := strings.LastIndex(text, `".docker`)
				before, rest := text[:i], text[i:]
				_, after, _ := strings.Cut(rest, "}\n}")
				return []string{before, after}
			}
			if !slices.Equal(cut(changed), cut(c.text)) {
				t.Errorf("changed:\n%s\nfrom:\n%s", changed, c.text)
			}
			if err := f.Set(dockercfg.Entry{Registry: "quay.io", Username: "bob", Password: dockercfg.NewSecret("pw")}); err != nil {
				t.Fatal(err)
			}
			if got := encode(t, f); got != c.text {
				t.Errorf("changed and back:\n%s\nfrom:\n%s", got, c.text)
			}
		})
	}
}

// TestParseLarge reads the worst of texts that are just short enough.
func TestParseLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	fill := func(before, element, after string) string {
		return before + strings.Repeat(element+",", (dockercfg.MaxBytes-len(before)-len(after))/(len(element)+1)-1) + element + after
	}
	for label, text := range map[string]string{
		"keys that name no registry": fill(`{"auths":{`, `"":{}`, `}}`),
		"stubs":                      fill(`{"auths":{`, `"quay.io":{}`, `}}`),
		"one key":                    fill(`{"auths":{`, `"quay.io":{"auth":"Ym9iOnB3"}`, `}}`),
		"many auths":                 fill(`{`, `"auths":{}`, `}`),
		"fields":                     fill(`{"auths":{"quay.io":{`, `"Auth":""`, `}}}`),
		"array":                      fill(`{"auths":{},"x":[`, `0`, `]}`),
	} {
		start := time.Now()
		f := parse(t, text)
		if got := encode(t, f); got != text {
			t.Errorf("%s: it is written differently", label)
		}
		if err := f.Set(bob("set.example")); err != nil {
			t.Error(err)
		}
		if _, found, err := f.Lookup("set.example"); !found || err != nil {
			t.Errorf("%s: %v, %v", label, found, err)
		}
		if n := len(f.Notices()); n > 20 {
			t.Errorf("%s: %d notices", label, n)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: it took %v", label, took)
		}
	}
}

func TestZeroFile(t *testing.T) {
	var f dockercfg.File
	if _, found, err := f.Lookup("quay.io"); found || err != nil {
		t.Error("the zero File finds something")
	}
	if f.Form() != dockercfg.Config || len(f.Entries()) != 0 || f.Notices() != nil || f.Remove("quay.io") {
		t.Error("the zero File is not an empty config.json")
	}
	if _, _, err := f.Lookup("a b"); err == nil {
		t.Error("no error for a name that is none")
	}
}

func FuzzParse(f *testing.F) {
	seeds := 0
	add := func(text string) {
		if len(text) < 1<<16 {
			f.Add([]byte(text))
			seeds++
		}
	}
	for _, c := range readable {
		add(c.text)
	}
	for _, c := range unreadable {
		add(c.text)
	}
	for _, c := range edits {
		add(c.text)
	}
	add(jsonSecret)
	if seeds < 120 {
		f.Fatalf("%d seeds, want at least 120", seeds)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := dockercfg.Parse(data)
		if err != nil {
			if _, ok := errors.AsType[*dockercfg.ParseError](err); !ok || !strings.HasPrefix(err.Error(), "Failed to parse dockercfg: ") {
				t.Fatalf("got %v, want a *ParseError", err)
			}
			return
		}
		text := bytes.TrimPrefix(data, []byte("\ufeff"))
		if !json.Valid(text) {
			t.Fatalf("it takes what is no JSON: %q", data)
		}
		if got := encode(t, file); got != string(data) {
			t.Fatalf("got %q back, want %q", got, data)
		}
		// What Docker finds is found here, where names of fields have one spelling.
		config := configfile.New("")
		plain := !bytes.Contains(text, []byte(`\u`)) && !bytes.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
		for _, name := range []string{`"auths"`, `"auth"`, `"username"`, `"password"`, `"identitytoken"`, `"registrytoken"`} {
			plain = plain && bytes.Count(bytes.ToLower(text), []byte(name)) == bytes.Count(text, []byte(name))
		}
		if file.Form() == dockercfg.Config && plain && config.LoadFromReader(bytes.NewReader(text)) == nil {
			for key := range config.AuthConfigs {
				name, err := dockercfg.NormalizeRegistry(key)
				if err != nil || strings.HasSuffix(key, "-token") {
					continue
				}
				want, _ := config.GetAuthConfig(name)
				if want.Username == "" || want.Password == "" {
					continue
				}
				got, found, err := file.Lookup(name)
				if err != nil || !found || got.Username != want.Username || got.Password.Reveal() != want.Password {
					t.Fatalf("%q: docker/cli gives %q %q, we give %v, %v, %v", name, want.Username, want.Password, got, found, err)
				}
			}
		}
		before := briefs(file)
		canaryEntry := dockercfg.Entry{Registry: "set.example", Username: "bob", Password: dockercfg.NewSecret("pw")}
		if err := file.Set(canaryEntry); err != nil {
			t.Fatal(err)
		}
		again, err := dockercfg.Parse([]byte(encode(t, file)))
		if err != nil {
			t.Fatalf("%q cannot be read after a change: %v", data, err)
		}
		if got, want := briefs(again), briefs(file); !slices.Equal(got, want) {
			t.Fatalf("%q: got %q, want %q", data, got, want)
		}
		if !again.Remove("set.example") {
			t.Fatal("the new entry cannot be removed")
		}
		before = slices.DeleteFunc(before, func(s string) bool { return strings.HasPrefix(s, "set.example ") })
		if got := briefs(again); !slices.Equal(got, before) {
			t.Fatalf("%q: got %q, want %q", data, got, before)
		}
	})
}

// The user name that stands for none is not one, and Docker reads the same token.
func TestIdentityTokenUser(t *testing.T) {
	want := dockercfg.Entry{Registry: "reg.test", IdentityToken: dockercfg.NewSecret("canary")}
	written, err := dockercfg.New(want)
	if err != nil {
		t.Fatal(err)
	}
	data, err := written.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := dockercfg.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if got := read.Entries(); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	docker := configfile.New("")
	if err := docker.LoadFromReader(bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if auth, err := docker.GetAuthConfig("reg.test"); err != nil || auth.IdentityToken != "canary" || auth.Password != "" {
		t.Errorf("docker reads user %q, error %v", auth.Username, err)
	}
}

package content_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/content"
)

const secretYAML = `apiVersion: v1
kind: Secret
metadata:
  name: app
data:
  password: Y2FuYXJ5
stringData:
  user: canary
`

const pullSecret = `apiVersion: v1
kind: Secret
type: kubernetes.io/dockerconfigjson
metadata: {name: pull}
stringData:
  .dockerconfigjson: '{"auths": {"quay.io": {"auth": "Y2k6Y2FuYXJ5"}}}'
`

const pemBlock = "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n"

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, file, text string
		kind             content.Kind
		names            string // separated by commas
		hidden           int
		problem          string
	}{
		{"env file by its content", "x", "# canary\nA_B=canary\nC=1\nA_B=2\n", content.EnvFile, "A_B,C", 0, ""},
		{"env file by its name", "deploy/app.env.encrypted", "dGVzdA==\n", content.EnvFile, "dGVzdA", 0, ""},
		{"env file in dotenv syntax", ".env", "export A='canary'\nB = 2\n", content.EnvFile, "A,B", 0, ""},
		{"empty env file", "app.env", "\n", content.EnvFile, "", 0, ""},
		{"env file of comments", "environment", "# canary\n", content.EnvFile, "", 0, ""},
		{"broken env file", "app.env", "A=1\ncanary canary\n", content.EnvFile, "", 0, "envfile: line 2: neither a comment nor NAME=value"},
		{"env file with a broken value", "app.env", "KEY={\n\"canary\":1,\n}\nKey2=-----BEGIN KEY-----\nY2FuYXJ5\nc3Vy==\n", content.EnvFile, "KEY,Key2", 4, ""},
		{"one bare word", "x", "canary\n", content.Text, "", 0, ""},
		{"a token in base64", "x", "Y2FuYXJ5MTIzNA==\n", content.Text, "", 0, ""},
		{"shell script", "x", "#!/bin/sh\nA=1\n", content.Text, "", 0, ""},
		{"prose", "readme", "canary is\na bird\n", content.Text, "", 0, ""},
		{"empty", "x", "", content.Text, "", 0, ""},
		{"binary", "x", "\x00\xff", content.Binary, "", 0, ""},
		{"control characters", "x", "a\x01", content.Binary, "", 0, ""},
		{"garbage for a dockercfg", "dockercfg.encrypted", "\x00\xffcanary", content.Dockercfg, "", 0, "Failed to parse dockercfg: it looks like binary data, as decryption with a wrong key gives"},
		{"config.json", "x", `{"auths": {"quay.io": {"auth": "Y2k6Y2FuYXJ5"}}}`, content.Dockercfg, "quay.io", 0, ""},
		{"flat dockercfg", "x", `{"quay.io": {"auth": "Y2k6Y2FuYXJ5"}, "b.test": {"auth": "Y2k6Y2FuYXJ5"}}`, content.Dockercfg, "b.test,quay.io", 0, ""},
		{"dockercfg without credentials", "x", `{"credsStore": "pass"}`, content.Dockercfg, "", 0, ""},
		{"broken dockercfg by its content", "x", `{"auths": {"quay.io": {"auth": "canary"`, content.Dockercfg, "", 0, "Failed to parse dockercfg: "},
		{"broken dockercfg by its name", ".dockercfg", `{"quay.io": 1}`, content.Dockercfg, "", 0, "Failed to parse dockercfg: "},
		{"empty dockercfg", "dockercfg", "", content.Dockercfg, "", 0, "Failed to parse dockercfg: it is empty"},
		{"JSON", "x", `{"b": "canary", "a": {"canary": 1}, "b": 2}`, content.JSON, "b,a,b 2", 0, ""},
		{"broken JSON", "x.json", "{\"b\":\n \"canary\", }", content.JSON, "b", 0, "line 2, column "},
		{"broken JSON of no name", "x", `{"b": canary`, content.Text, "", 0, ""},
		{"JSON name that is none", "x", "{\"a\\nb\": 1}", content.JSON, "", 1, ""},
		{"service account", "x", `{"type": "service_account", "private_key": "canary"}`, content.GoogleKey, "type,private_key", 0, ""},
		{"PEM", "x", pemBlock + pemBlock, content.PEM, "CERTIFICATE,CERTIFICATE 2", 0, ""},
		{"half a PEM block", "x", pemBlock[:30], content.Text, "", 0, ""},
		{"Secret in YAML", "x", secretYAML, content.KubernetesSecret, "password,user", 0, ""},
		{"Secrets in YAML", "x", secretYAML + "---\n" + pullSecret, content.KubernetesSecret, "app/password,app/user,pull/.dockerconfigjson", 0, ""},
		{"Secret in JSON", "x", `{"apiVersion": "v1", "kind": "Secret", "data": {"a": "Y2FuYXJ5"}}`, content.KubernetesSecret, "a", 0, ""},
		{"Secret with a dockercfg", "x", pullSecret, content.Dockercfg, "quay.io", 0, ""},
		{"other YAML", "x", "a: canary\n", content.Text, "", 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := content.Parse([]byte(c.text), c.file)
			names, hidden := got.Names()
			if got.Kind != c.kind || strings.Join(names, ",") != c.names || hidden != c.hidden {
				t.Errorf("got %v, %q and %d hidden, want %v, %q and %d", got.Kind, names, hidden, c.kind, c.names, c.hidden)
			}
			switch {
			case (got.Problem == nil) != (c.problem == ""), got.Problem != nil && !strings.HasPrefix(got.Problem.Error(), c.problem):
				t.Errorf("got the problem %v, want %q", got.Problem, c.problem)
			}
			for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
				if printed := fmt.Sprintf(format, got); strings.Contains(printed, "canary") || strings.Contains(printed, "Y2FuYXJ5") {
					t.Errorf("%s prints %s", format, printed)
				}
			}
			if printed, _ := json.Marshal(got); strings.Contains(string(printed), "canary") || strings.Contains(string(printed), "Y2FuYXJ5") {
				t.Errorf("JSON has %s", printed)
			}
		})
	}
}

func TestParseAs(t *testing.T) {
	for kind, text := range map[content.Kind]string{
		content.EnvFile: "{\n", content.Dockercfg: "A=1\n", content.KubernetesSecret: "A=1\n", content.JSON: "A=1\n", content.PEM: "A=1\n",
	} {
		if c := content.ParseAs(kind, []byte(text)); kind != content.EnvFile && c.Problem == nil || c.Kind != kind {
			t.Errorf("%v: got %v and %v", kind, c.Kind, c.Problem)
		}
	}
}

// TestValues looks at what the items hold.
func TestValues(t *testing.T) {
	c := content.Parse([]byte(secretYAML), "")
	for _, item := range c.Items {
		if item.Value.Reveal() != "canary" {
			t.Errorf("%v is %q", item, item.Value.Reveal())
		}
	}
	c = content.Parse([]byte("A=1\nA=2\nB\n"), ".env")
	if len(c.Items) != 2 || c.Items[0].Value.Reveal() != "2" || c.Items[1].ID.Reveal() != "B" || c.Items[1].Name != "" {
		t.Errorf("got %v", c.Items)
	}
	auth := base64.StdEncoding.EncodeToString([]byte("ci:pw"))
	c = content.Parse([]byte(`{"auths":{"quay.io":{"auth":"`+auth+`"}}}`), "")
	if len(c.Items) != 2 || c.Items[0].String() != "quay.io user" || c.Items[1].String() != "quay.io password" || c.Items[1].Value.Reveal() != "pw" {
		t.Errorf("got %v", c.Items)
	}
}

func TestCompare(t *testing.T) {
	old := content.Parse([]byte("A=1\nB=2\nC=3\nD=4\n"), ".env")
	changes := content.Compare(old, content.Parse([]byte("E=5\nC=3\nB=x\nA=1\n"), ".env"))
	var got []string
	for _, c := range changes {
		got = append(got, fmt.Sprintf("%v %v %q %q", c.Kind, c.Item, c.Old.Reveal(), c.New.Reveal()))
	}
	if want := []string{`added E "" "5"`, `changed B "2" "x"`, `removed D "4" ""`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if changes := content.Compare(old, old); changes != nil {
		t.Errorf("a text differs from itself: %v", changes)
	}
}

func TestMasker(t *testing.T) {
	key, err := crypto.ParseKey([]byte("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="))
	if err != nil {
		t.Fatal(err)
	}
	m, err := content.NewMasker(key)
	if err != nil {
		t.Fatal(err)
	}
	other, err := content.NewMasker(crypto.GenerateKey())
	if err != nil {
		t.Fatal(err)
	}
	// What git shows of old commits must not change with the version of jet.
	if got := m.Mask("A", "canary"); got != "b089254300da" {
		t.Errorf("got %s", got)
	}
	seen := make(map[string]string)
	for _, c := range []struct {
		masker      content.Masker
		name, value string
	}{{m, "A", "canary"}, {m, "A", "canary2"}, {m, "B", "canary"}, {m, "Ac", "anary"}, {m, "", "Acanary"}, {other, "A", "canary"}} {
		mask := c.masker.Mask(c.name, c.value)
		if len(mask) != 12 || mask != c.masker.Mask(c.name, c.value) || seen[mask] != "" {
			t.Errorf("%s=%s gives %s, as does %s", c.name, c.value, mask, seen[mask])
		}
		seen[mask] = c.name + "=" + c.value
	}
	if m.Item(content.Item{ID: dockercfg.NewSecret("a"), Field: "user"}) == m.Item(content.Item{ID: dockercfg.NewSecret("a"), Field: "password"}) {
		t.Error("two fields look alike")
	}
	if _, err := content.NewMasker(crypto.Key{}); err == nil {
		t.Error("the zero key masks")
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"A=1\n", secretYAML, pullSecret, pemBlock, `{"a": 1}`, `{"auths": {}}`, "\xff"} {
		f.Add([]byte(text), "x.env")
		f.Add([]byte(text), "x")
	}
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		c := content.Parse(data, name)
		if changes := content.Compare(c, content.Parse(data, name)); changes != nil {
			t.Errorf("a text differs from itself: %v", changes)
		}
		type identity struct {
			id    dockercfg.Secret
			field string
		}
		seen := make(map[identity]bool)
		for _, item := range c.Items {
			if id := (identity{item.ID, item.Field}); seen[id] {
				t.Errorf("%v is there twice", item)
			} else {
				seen[id] = true
			}
		}
	})
}

func TestLines(t *testing.T) {
	key, err := crypto.ParseKey([]byte("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="))
	if err != nil {
		t.Fatal(err)
	}
	m, err := content.NewMasker(key)
	if err != nil {
		t.Fatal(err)
	}
	mask := regexp.MustCompile("masked:[0-9a-f]{12}")
	for _, c := range []struct{ name, file, text, want string }{
		{"env file", ".env", "# canary\n\nA=canary\nB=canary\nA=canary", "# @\n\nA=@\nB=@\nA=@\n"},
		{"names in doubt", ".env", "A=-----BEGIN X-----\nY2FuYXJ5\nZW4=\nCANARY\n", "A=@\n@\n@\n@\n"},
		{"dotenv", ".env", "export B='canary\n'\nA=1\n", "A=@\nB=@\nall of it=@\n"},
		{"broken env file", ".env", "A=1\ncanary canary\n", "@\n@\n"},
		{"text", "x", "canary\n\ncanary canary\n", "@\n\n@\n"},
		{"binary", "x", "\x00canary", "@\n"},
		{"dockercfg", "x", `{"auths": {"quay.io": {"auth": "Y2k6Y2FuYXJ5"}}}`, "quay.io user=@\nquay.io password=@\nall of it=@\n"},
		{"JSON", "x", `{"a": "canary", "\n\u001b": 1}`, "a=@\n(hidden name)=@\nall of it=@\n"},
		{"empty", "x", "", ""},
	} {
		got := string(m.Lines(content.Parse([]byte(c.text), c.file), []byte(c.text)))
		if shape := mask.ReplaceAllString(got, "@"); shape != c.want {
			t.Errorf("%s: got %q, want %q", c.name, shape, c.want)
		}
	}
	// Equal values show, those of one name alone.
	lines := strings.Split(string(m.Lines(content.Parse([]byte("A=1\nB=1\nA=2\nA=1\n"), ".env"), []byte("A=1\nB=1\nA=2\nA=1\n"))), "\n")
	if lines[0] != lines[3] || lines[0] == lines[2] || lines[0][1:] == lines[1][1:] {
		t.Errorf("got %q", lines)
	}
}

package dockercfg_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/dockercfg/kubernetes"
	"go.yaml.in/yaml/v3"
)

const mixed = `{
  "auths": {
    "docker.io": {"auth": "Ym9iOnB3", "email": "e@x", "unknown": 1},
    "stub.example": {},
    "*.r.example.com": {"username": "x", "password": "<&>"}
  },
  "credsStore": "desktop"
}`

func TestEncodeAs(t *testing.T) {
	config := "{\n\t\"auths\": {\n\t\t\"*.r.example.com\": {\n\t\t\t\"auth\": \"eDo8Jj4=\"\n\t\t},\n\t\t\"https://index.docker.io/v1/\": {\n\t\t\t\"auth\": \"Ym9iOnB3\",\n\t\t\t\"email\": \"e@x\"\n\t\t}\n\t}\n}\n"
	legacy := "{\n\t\"*.r.example.com\": {\n\t\t\"auth\": \"eDo8Jj4=\"\n\t},\n\t\"https://index.docker.io/v1/\": {\n\t\t\"auth\": \"Ym9iOnB3\",\n\t\t\"email\": \"e@x\"\n\t}\n}\n"
	env := `DOCKER_AUTH_CONFIG={"auths":{"*.r.example.com":{"auth":"eDo8Jj4="},"https://index.docker.io/v1/":{"auth":"Ym9iOnB3"}}}` + "\n"
	secret := "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"1.5\"\n  namespace: \"null\"\n  labels:\n    \"a.example/B_c\": \"\"\n    \"y\": \"true\"\ntype: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: " + b64(config) + "\n"
	named := dockercfg.Output{Form: dockercfg.KubernetesSecret, Name: "1.5", Namespace: "null", Labels: map[string]string{"y": "true", "a.example/B_c": ""}}
	cases := []struct {
		label, text string
		output      dockercfg.Output
		want        string
	}{
		{"config as itself", mixed, dockercfg.Output{Form: dockercfg.Config}, mixed},
		{"config as legacy", mixed, dockercfg.Output{Form: dockercfg.Legacy}, legacy},
		{"config as env", mixed, dockercfg.Output{Form: dockercfg.Environment}, env},
		{"config as Secret", mixed, named, secret},
		{"legacy as config", legacy, dockercfg.Output{}, config},
		{"legacy as itself", legacy, dockercfg.Output{Form: dockercfg.Legacy}, legacy},
		{"legacy as env", legacy, dockercfg.Output{Form: dockercfg.Environment}, env},
		{"legacy as Secret", legacy, named, secret},
		{"Secret as config", jsonSecret, dockercfg.Output{}, `{"auths":{"quay.io":{"auth":"Ym9iOnB3"}}}`},
		{"Secret as itself", jsonSecret, dockercfg.Output{Form: dockercfg.KubernetesSecret}, jsonSecret},
		{"Secret as env", jsonSecret, dockercfg.Output{Form: dockercfg.Environment}, `DOCKER_AUTH_CONFIG={"auths":{"quay.io":{"auth":"Ym9iOnB3"}}}` + "\n"},
		{"nothing as env", `{}`, dockercfg.Output{Form: dockercfg.Environment}, `DOCKER_AUTH_CONFIG={"auths":{}}` + "\n"},
	}
	for _, c := range cases {
		t.Run(c.label, func(t *testing.T) {
			f := parse(t, c.text)
			before := encode(t, f)
			got, err := f.EncodeAs(c.output)
			if err != nil || string(got) != c.want {
				t.Errorf("got %v\n%s\nwant\n%s", err, got, c.want)
			}
			if after := encode(t, f); after != before {
				t.Errorf("the file itself is now %s", after)
			}
		})
	}
	// A YAML library reads the manifest as it was meant, and so do we.
	var manifest struct {
		APIVersion, Kind, Type string
		Metadata               struct {
			Name, Namespace any
			Labels          map[any]any
		}
		Data map[string]string
	}
	if err := yaml.Unmarshal([]byte(secret), &manifest); err != nil {
		t.Fatal(err)
	}
	if m := manifest.Metadata; m.Name != "1.5" || m.Namespace != "null" || m.Labels["y"] != "true" || m.Labels["a.example/B_c"] != "" || len(m.Labels) != 2 {
		t.Errorf("the YAML library reads %+v", m)
	}
	f, err := kubernetes.Parse([]byte(secret))
	if err != nil || !slices.Equal(briefs(f), []string{"*.r.example.com x:<&>", hub + " bob:pw email=e@x"}) {
		t.Errorf("the manifest reads back as %v, %v", f, err)
	}
}

// TestEnvironmentInDocker gives DOCKER_AUTH_CONFIG to docker/cli.
func TestEnvironmentInDocker(t *testing.T) {
	for _, password := range passwords {
		f, err := dockercfg.New(dockercfg.Entry{Registry: "quay.io", Username: "bob", Password: dockercfg.NewSecret(password), Email: "e"})
		if err != nil {
			t.Fatal(err)
		}
		line, err := f.EncodeAs(dockercfg.Output{Form: dockercfg.Environment})
		if err != nil {
			t.Fatal(err)
		}
		value, ok := strings.CutPrefix(strings.TrimSuffix(string(line), "\n"), dockercfg.EnvironmentVariable+"=")
		if !ok || strings.Contains(value, "\n") {
			t.Fatalf("got %q", line)
		}
		t.Setenv(configfile.DockerEnvConfigKey, value)
		got, err := configfile.New(filepath.Join(t.TempDir(), "config.json")).GetAuthConfig("quay.io")
		if err != nil || got.Username != "bob" || got.Password != password {
			t.Errorf("docker/cli gives %q %.40q, %v, want %.40q", got.Username, got.Password, err, password)
		}
	}
	os.Unsetenv(configfile.DockerEnvConfigKey)
}

func TestEncodeAsUnsupported(t *testing.T) {
	text := `{"auths":{"a.example":{"auth":"Ym9iOnB3"},"i.example":{"auth":"Ym9iOg==","identitytoken":"` + canary + `"},` +
		`"both.example":{"auth":"Ym9iOnB3","identitytoken":"` + canary + `"},"r.example":{"registrytoken":"` + canary + `"}}}`
	f := parse(t, text)
	for _, form := range []dockercfg.Form{dockercfg.Legacy, dockercfg.KubernetesSecret, dockercfg.Environment} {
		output := dockercfg.Output{Form: form, Name: "x"}
		got, err := f.EncodeAs(output)
		unsupported, ok := errors.AsType[*dockercfg.UnsupportedError](err)
		if got != nil || !ok || unsupported.Form != form || !slices.Equal(unsupported.Registries, []string{"both.example", "i.example", "r.example"}) {
			t.Errorf("%v: got %v, %v", form, got, err)
			continue
		}
		hidden(t, "the error", err.Error())
		output.Partial = true
		if got, err = f.EncodeAs(output); err != nil {
			t.Errorf("%v: %v", form, err)
			continue
		}
		if text, ok := strings.CutPrefix(string(got), "DOCKER_AUTH_CONFIG="); ok {
			got = []byte(text)
		}
		part, err := kubernetes.Parse(got)
		if err != nil || !slices.Equal(briefs(part), []string{"a.example bob:pw", "both.example bob:pw"}) {
			t.Errorf("%v: got %v, %v", form, part, err)
		}
	}
	// A flat file has a place of its own for what it holds; config.json for all.
	flat := parse(t, `{"i.example":{"identitytoken":"t","registrytoken":"r"}}`)
	if got, err := flat.EncodeAs(dockercfg.Output{}); err != nil || !slices.Equal(briefs(parse(t, string(got))), []string{"i.example : identity=t registry=r"}) {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestEncodeAsRefuses(t *testing.T) {
	f := parse(t, mixed)
	long := strings.Repeat("a", 64)
	kube := func(name, namespace string, labels ...string) dockercfg.Output {
		o := dockercfg.Output{Form: dockercfg.KubernetesSecret, Name: name, Namespace: namespace, Labels: map[string]string{}}
		for i := 0; i < len(labels); i += 2 {
			o.Labels[labels[i]] = labels[i+1]
		}
		return o
	}
	for i, c := range []struct {
		output dockercfg.Output
		field  string
	}{
		{dockercfg.Output{Form: 4}, "Form"}, {dockercfg.Output{Form: -1}, "Form"},
		{kube("", ""), "Name"}, {kube("A", ""), "Name"}, {kube("a_b", ""), "Name"}, {kube("-a", ""), "Name"}, {kube("a-", ""), "Name"},
		{kube("a..b", ""), "Name"}, {kube(".a", ""), "Name"}, {kube("a.", ""), "Name"}, {kube("a.-b", ""), "Name"}, {kube("a b", ""), "Name"},
		{kube("a\nb: c", ""), "Name"}, {kube(`a"`, ""), "Name"}, {kube("ä", ""), "Name"}, {kube("aäb", ""), "Name"}, {kube(strings.Repeat("a", 254), ""), "Name"},
		{kube("a", "A"), "Namespace"}, {kube("a", "a.b"), "Namespace"}, {kube("a", long), "Namespace"}, {kube("a", "-"), "Namespace"}, {kube("a", "a\n"), "Namespace"},
		{kube("a", "", "", "x"), "Labels"}, {kube("a", "", "a/", "x"), "Labels"}, {kube("a", "", "/a", "x"), "Labels"}, {kube("a", "", "a/b/c", "x"), "Labels"},
		{kube("a", "", "A.b/c", "x"), "Labels"}, {kube("a", "", long, "x"), "Labels"}, {kube("a", "", "-a", "x"), "Labels"}, {kube("a", "", "a", "x y"), "Labels"},
		{kube("a", "", "a", long), "Labels"}, {kube("a", "", "a", "-"), "Labels"}, {kube("a", "", "a", "x\ny"), "Labels"}, {kube("a", "", "a", "ä"), "Labels"},
	} {
		got, err := f.EncodeAs(c.output)
		outputError, ok := errors.AsType[*dockercfg.OutputError](err)
		if got != nil || !ok || outputError.Field != c.field || strings.Contains(err.Error(), "\n") {
			t.Errorf("case %d: got %.80q, %v, want an error about %s", i, got, err, c.field)
		}
	}
	for i, o := range []dockercfg.Output{kube(strings.Repeat("a.", 126)+"a", strings.Repeat("a", 63), "a.b/A-_.b", "A-_.b"), kube("0", "0", "0", "")} {
		if _, err := f.EncodeAs(o); err != nil {
			t.Errorf("valid case %d: %v", i, err)
		}
	}
	var large dockercfg.File
	for i := range 12 {
		e := bob(fmt.Sprintf("r%d.example", i))
		e.Password = dockercfg.NewSecret(strings.Repeat("x", 70<<10))
		if err := large.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := large.EncodeAs(kube("a", "")); err == nil || !strings.Contains(err.Error(), "at most 1048576") {
		t.Errorf("a Secret of more than 1 MiB: %v", err)
	}
}

func TestParseForm(t *testing.T) {
	for _, form := range []dockercfg.Form{dockercfg.Config, dockercfg.Legacy, dockercfg.KubernetesSecret, dockercfg.Environment} {
		if got, err := dockercfg.ParseForm(form.String()); err != nil || got != form {
			t.Errorf("%v: got %v, %v", form, got, err)
		}
	}
	for _, name := range []string{"", "Config", "json", "Form(9)"} {
		if _, err := dockercfg.ParseForm(name); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
	if got := dockercfg.Form(9).String(); got != "Form(9)" {
		t.Errorf("got %q", got)
	}
}

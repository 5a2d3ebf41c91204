package kubernetes_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/dockercfg/kubernetes"
)

const canary = "canary-Zq8vXw2L"

func b64(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

var (
	config  = `{"auths":{"quay.io":{"auth":"` + b64("bob:pw") + `"}}}`
	changed = `{"auths":{"quay.io":{"auth":"` + b64("eve:new") + `"}}}`
	flat    = `{"quay.io":{"auth":"` + b64("bob:pw") + `"}}`
)

// lines are Secrets; @ stands for the dockercfg, as text or in base64.
var manifests = []struct {
	label, text, value, want string // want: what the value becomes; "": the layout may change
}{
	{"plain", "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: @\n", b64(config), b64(changed)},
	{"double quotes", "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: \"@\"  # c\n", b64(config), b64(changed)},
	{"flow", "{apiVersion: v1, kind: Secret}", "", ""}, // counted among the invalid below
	{"data in flow", "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\ndata: {a: eA==, .dockerconfigjson: @, b: eA==}\n", b64(config), b64(changed)},
	{"CRLF", "apiVersion: v1\r\nkind: Secret\r\ntype: kubernetes.io/dockerconfigjson\r\ndata:\r\n  .dockerconfigjson: @\r\n", b64(config), b64(changed)},
	{"byte order mark, comments, odd layout", "\ufeff# a\n---\n\napiVersion:   v1\nkind:    Secret\nmetadata: {name:   x}\n# b\ntype: kubernetes.io/dockerconfigjson\ndata:\n       # c\n       .dockerconfigjson:    @   # d\n...\n", b64(config), b64(changed)},
	{"key in front", "data:\n  .dockerconfigjson: @\nkind: Secret\napiVersion: v1\ntype: kubernetes.io/dockerconfigjson", b64(config), b64(changed)},
	{"literal data", "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: @\n  x: eA==\n", "|\n    " + b64(config)[:20] + "\n    " + b64(config)[20:], b64(changed)},
	{"folded data", "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: @\n", ">-\n    " + b64(config), b64(changed)},
	{"literal stringData", "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: @\n  x: y\n", "|\n    " + config, "|\n    " + changed},
	{"literal stringData, many lines", "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: @\n\n# end\n", "|-\n      " + strings.ReplaceAll(config, ":{", ":\n      \t{"), "|-\n      " + strings.ReplaceAll(changed, ":{", ":\n      \t{")},
	{"stringData in single quotes", "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: @\n", "'" + config + "'", `"` + strings.ReplaceAll(changed, `"`, `\"`) + `"`},
	{"stringData over data", "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: bm90aGluZw==\nstringData:\n  .dockerconfigjson: @\n", "'" + config + "'", `"` + strings.ReplaceAll(changed, `"`, `\"`) + `"`},
	{"dockercfg", "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockercfg\ndata:\n  .dockercfg: @\n", b64(flat), b64(changed[len(`{"auths":`) : len(changed)-1])},
	{"several documents", "kind: ConfigMap\napiVersion: v1\ndata: {x: \"1\"}\n---\n---\napiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: @\n---\nkind: Secret\napiVersion: v1\ntype: Opaque\n", b64(config), b64(changed)},
	{"List", "kind: List\napiVersion: v1\nitems:\n- kind: Secret\n  type: kubernetes.io/dockerconfigjson\n  data: {.dockerconfigjson: @}\n- kind: Pod\n", b64(config), b64(changed)},
	{"anchor", "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: &a @\n  x: *a\n", b64(config), ""},
	{"plain in lines", "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\n# stays\ndata:\n  .dockerconfigjson: @\n", "\n    " + b64(config), "\n    " + b64(changed)},
	{"character before, wide", "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\ndata: {\"密码🔑\": eA==, .dockerconfigjson: @}\n", b64(config), b64(changed)},
}

func TestParse(t *testing.T) {
	if len(manifests) < 18 {
		t.Fatalf("%d cases, want at least 18", len(manifests))
	}
	for _, c := range manifests {
		if c.value == "" {
			continue
		}
		t.Run(c.label, func(t *testing.T) {
			text := strings.Replace(c.text, "@", c.value, 1)
			f, err := kubernetes.Parse([]byte(text))
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			check := func(f *dockercfg.File, user, password string) {
				t.Helper()
				e := f.Entries()
				if f.Form() != dockercfg.KubernetesSecret || len(e) != 1 || e[0].Registry != "quay.io" || e[0].Username != user || e[0].Password.Reveal() != password || f.Notices() != nil {
					t.Fatalf("got %v, %v, %v", f.Form(), e, f.Notices())
				}
			}
			check(f, "bob", "pw")
			if got, err := f.Encode(); err != nil || string(got) != text {
				t.Errorf("unchanged, it is written as %v\n%s", err, got)
			}
			if err := f.Set(dockercfg.Entry{Registry: "quay.io", Username: "eve", Password: dockercfg.NewSecret("new")}); err != nil {
				t.Fatal(err)
			}
			got, err := f.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.Replace(c.text, "@", c.want, 1); c.want != "" && string(got) != want {
				t.Errorf("changed:\n%s\nwant:\n%s", got, want)
			}
			if again, err := f.Encode(); err != nil || string(again) != string(got) {
				t.Errorf("written twice it differs: %v", err)
			}
			again, err := kubernetes.Parse(got)
			if err != nil {
				t.Fatalf("%v\n%s", err, got)
			}
			check(again, "eve", "new")
			if strings.Contains(text, "# stays") && !strings.Contains(string(got), "# stays") {
				t.Errorf("a comment is lost:\n%s", got)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	const head = "apiVersion: v1\nkind: Secret\n"
	one := head + "type: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: " + b64(config) + "\n"
	for label, c := range map[string]struct{ text, want string }{
		"flow document":      {manifests[2].text, "line 1, column 2: a name in double quotes"},
		"two Secrets":        {one + "---\n" + one, "2 Kubernetes Secrets"},
		"two in a List":      {"kind: List\napiVersion: v1\nitems:\n- " + strings.ReplaceAll(one, "\n", "\n  ") + "\n- " + strings.ReplaceAll(one, "\n", "\n  "), "2 Kubernetes Secrets"},
		"Opaque":             {head + "type: Opaque\ndata:\n  .dockerconfigjson: " + b64(canary), "a Kubernetes Secret of another type"},
		"no type":            {head + "data:\n  .dockerconfigjson: " + b64(canary), "a Kubernetes Secret of another type"},
		"wrong key":          {head + "type: kubernetes.io/dockerconfigjson\ndata:\n  .dockercfg: " + b64(canary), `no ".dockerconfigjson"`},
		"no data":            {head + "type: kubernetes.io/dockerconfigjson\n", `no ".dockerconfigjson"`},
		"data is a list":     {head + "type: kubernetes.io/dockerconfigjson\ndata: [" + canary + "]", `no ".dockerconfigjson"`},
		"value is a map":     {head + "type: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: {x: " + canary + "}", "not a string"},
		"value is a number":  {head + "type: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: 1234", "not a string"},
		"value is an alias":  {head + "x: &a " + canary + "\ntype: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: *a", "not a string"},
		"not base64":         {head + "type: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: '" + canary + "'", "under stringData"},
		"bad JSON":           {head + "type: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: '{" + canary + "'", "Failed to parse dockercfg: in the Kubernetes Secret: line 1, column 2:"},
		"bad entry":          {head + "type: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: '{\"auths\":{\"quay.io\":{\"auth\":\"" + b64(canary) + "\"}}}'", `in the Kubernetes Secret: line 1, column 11: entry "quay.io"`},
		"null":               {head + "type: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: 'null'", "in the Kubernetes Secret: it is empty"},
		"encrypted inside":   {head + "type: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: 'jet:v1'", "encrypted"},
		"Deployment":         {"apiVersion: apps/v1\nkind: Deployment\nx: " + canary, "another kind than Secret"},
		"scalar":             {"# x\nkind: a\n---\n" + canary, "another kind than Secret"},
		"empty List":         {"kind: List\napiVersion: v1\nitems: []\n", "List without a Secret"},
		"bad YAML":           {head + "type: [" + canary + "\n", "not valid YAML"},
		"unknown alias":      {head + "x: *" + canary + "\n", "not valid YAML"},
		"tab":                {head + "x:\n\t" + canary + ": 1\n", "Failed to parse dockercfg: line 4: it looks like a Kubernetes object, but is not valid YAML"},
		"control character":  {head + "x: \x01" + canary + "\n", "not valid YAML"},
		"too long":           {head + strings.Repeat("#", dockercfg.MaxBytes), "at most 4194304"},
		"env file":           {"A=" + canary, "env file"},
		"empty":              {"", "it is empty"},
		"after empty ones":   {one + "---\n---\n---\n" + one, "2 Kubernetes Secrets"},
		"directive":          {"%YAML 1.1\n---\n" + one, "line 1: it looks like a Kubernetes object, but is not valid YAML"},
		"too many parts":     {head + strings.Repeat("- "+canary+"\n", 200000), "too many parts"},
		"many documents":     {head + strings.Repeat("---\n", 1<<20-20), "too many parts"},
		"deep list":          {head + "x: " + strings.Repeat("[", 200), "line 3: it is YAML nested too deep"},
		"deep list, closed":  {head + "x: " + strings.Repeat("[", 101) + strings.Repeat("]", 101), "nested too deep"},
		"deep list in lines": {head + "x:\n" + strings.Repeat("- ", 200) + canary, "nested too deep"},
		"deep tags":          {head + "x: " + strings.Repeat("!"+canary+" ", 200), "nested too deep"},
		"not UTF-8":          {head + "x: \xff" + canary, "line 3: it looks like"},
		"text after":         {"{\"auths\":{}}\nkind: " + canary, "invalid character after top-level value"},
	} {
		t.Run(label, func(t *testing.T) {
			f, err := kubernetes.Parse([]byte(c.text))
			if _, ok := errors.AsType[*dockercfg.ParseError](err); !ok || f != nil {
				t.Fatalf("got %v, %v, want a *ParseError", f, err)
			}
			text := err.Error()
			if !strings.HasPrefix(text, "Failed to parse dockercfg: ") || !strings.Contains(text, c.want) {
				t.Errorf("got %q, want %q", text, c.want)
			}
			if strings.Contains(text, canary) || strings.Contains(text, b64(canary)) || strings.Contains(text, "\n") {
				t.Errorf("the error quotes the content: %q", text)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	seeds := 0
	for _, c := range manifests {
		f.Add([]byte(strings.Replace(c.text, "@", c.value, 1)))
		seeds++
	}
	if seeds < 18 {
		f.Fatalf("%d seeds, want at least 18", seeds)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := kubernetes.Parse(data)
		if err != nil {
			if _, ok := errors.AsType[*dockercfg.ParseError](err); !ok {
				t.Fatalf("got %v, want a *ParseError", err)
			}
			return
		}
		if got, err := file.Encode(); err != nil || string(got) != string(data) {
			t.Fatalf("%q: unchanged, it is written as %q, %v", data, got, err)
		}
		if err := file.Set(dockercfg.Entry{Registry: "set.example", Username: "s", Password: dockercfg.NewSecret("et")}); err != nil {
			t.Fatal(err)
		}
		got, err := file.Encode()
		if err != nil {
			return // an honest refusal
		}
		again, err := kubernetes.Parse(got)
		if err != nil {
			t.Fatalf("%q: changed, it is written as %q: %v", data, got, err)
		}
		if e, found, err := again.Lookup("set.example"); err != nil || !found || e.Username != "s" || len(again.Entries()) != len(file.Entries()) {
			t.Fatalf("%q: the change is lost in %q", data, got)
		}
	})
}

func TestData(t *testing.T) {
	for _, c := range []struct {
		name, text, want string
		found            bool
	}{
		{"data and stringData", "apiVersion: v1\nkind: Secret\nmetadata: {name: app}\ndata:\n  a: eA==\n  b: '?'\nstringData: {c: y, d: 1}\n", "app/a=x app/b=? app/c=y app/d=1", true},
		{"several, others between", "kind: Secret\ndata: {a: eA==}\n---\nkind: ConfigMap\ndata: {b: x}\n---\nkind: Secret\n", "/a=x", true},
		{"a list, in JSON", `{"kind": "List", "items": [{"kind": "Secret", "metadata": {"name": "n"}, "stringData": {"a": "x"}}]}`, "n/a=x", true},
		{"data that is none", "kind: Secret\ndata: [a, b]\nstringData: x\n", "", true},
		{"another kind", "kind: ConfigMap\ndata: {b: x}\n", "", false},
		{"no object", "a: b\n", "", false},
		{"JSON that is none", `{"a": 1}`, "", false},
	} {
		data, found, err := kubernetes.Data([]byte(c.text))
		var got []string
		for _, d := range data {
			got = append(got, d.Secret+"/"+d.Key+"="+d.Value.Reveal())
		}
		if err != nil || found != c.found || strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %q, %v and %v, want %q and %v", c.name, got, found, err, c.want, c.found)
		}
	}
	if _, _, err := kubernetes.Data([]byte("kind: Secret\n  a: [\n")); err == nil {
		t.Error("invalid YAML gives no error")
	}
}

package accounts_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/accounts"
	"github.com/dockercfg/jet/internal/accounts/accountstest"
	"github.com/dockercfg/jet/internal/envfile"
	"github.com/dockercfg/jet/internal/registry"
)

func TestParse(t *testing.T) {
	want := &accounts.File{
		Interval: 6 * time.Hour,
		Accounts: []accounts.Account{{
			Name: "production", Address: "123456789012.dkr.ecr.eu-west-1.amazonaws.com", Line: 4,
			Backend: "ecr", EnvFile: "aws.env.encrypted", Variables: map[string]string{
				"AWS_MAX_ATTEMPTS": "3", "AWS_USE_FIPS_ENDPOINT": "false", "AWS_CA_BUNDLE": "aws.pem",
				"AWS_PROFILE": "acme", "AWS_STS_ROLE": "team/pull", "AWS_STS_ACCOUNT": "210987654321",
				"AWS_STS_EXTERNAL_ID": "42", "AWS_REGION": "eu-west-1",
			},
			Repositories: []registry.Repository{{Name: "team/app"}, {Name: "team/web", Reference: "1.2"}}, CACert: "ca.pem", Timeout: 30 * time.Second, Default: true,
		}, {
			Name: "hub", Address: dockercfg.DockerHub, Line: 17, Username: "bob", PasswordFile: "hub.password", Email: "bob@example.com",
		}, {
			Name: "inline", Address: "localhost:5000", Line: 22, Username: "eve", Password: dockercfg.NewSecret("canary"), PlainHTTP: true,
		}, {
			Name: "command", Address: "quay.io", Line: 23, Username: "ci", PasswordCommand: "pass show quay | head -1", InsecureSkipVerify: true,
		}, {
			Name: "made", Address: "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", Line: 28, Backend: "ecr",
			Variables: map[string]string{"AWS_REGION": "cn-north-1", "AWS_STS_ROLE": "pull", "AWS_STS_ACCOUNT": "123456789012"},
		}, {
			Name: "google", Address: "europe-docker.pkg.dev", Line: 33, Backend: "gcr",
			Variables: map[string]string{"GOOGLE_LOCATION": "europe", "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT": "pull@acme.iam.gserviceaccount.com"},
		}, {
			Name: "azure", Address: "acme.azurecr.io", Line: 38, Backend: "azure",
			Variables: map[string]string{"AZURE_TENANT_ID": "acme.example", "AZURE_CLIENT_ID": "6f1b"},
		}, {
			Name: "ibm", Address: "de.icr.io", Line: 43, Backend: "ibm", Variables: map[string]string{"IC_REGION": "eu-de"},
		}, {
			Name: "own", Address: "registry.example", Line: 47, Backend: "vault-lookup", EnvFile: "own.env", EnvSyntax: envfile.Dotenv,
		}},
		Outputs: []accounts.Output{
			{PasswordFile: "/opt/passwords/ecr.pass", Line: 51, Registries: []string{"production"}, Mode: 0o640, Owner: "1000", Group: "spinnaker"},
			{Dockercfg: "config.json", Line: 56, Mode: 0o600},
			{Dockercfg: "hub.json", Line: 57, Registries: []string{"hub"}, Mode: 0o640},
			{KubernetesSecret: "regcred", Line: 60, Registries: []string{"production", "hub"}, Namespaces: []string{"apps", "jobs"}},
			{KubernetesSecret: "regcred", Line: 63, Force: true},
		},
	}
	for name, text := range map[string]string{"LF": accountstest.Full, "CRLF": strings.ReplaceAll(accountstest.Full, "\n", "\r\n"), "mark": "\ufeff" + accountstest.Full} {
		got, err := accounts.Parse([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range want.Accounts {
			if i < len(got.Accounts) && !reflect.DeepEqual(got.Accounts[i], want.Accounts[i]) {
				t.Errorf("%s: account %d is\n%+v, want\n%+v", name, i, got.Accounts[i], want.Accounts[i])
			}
		}
		for i := range want.Outputs {
			if i < len(got.Outputs) && !reflect.DeepEqual(got.Outputs[i], want.Outputs[i]) {
				t.Errorf("%s: output %d is\n%+v, want\n%+v", name, i, got.Outputs[i], want.Outputs[i])
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got\n%+v, want\n%+v", name, got, want)
		}
		if strings.Contains(fmt.Sprintf("%+v %#v", got, got.Accounts), "canary") {
			t.Errorf("%s: the password prints", name)
		}
	}
}

func TestParseSkuid(t *testing.T) {
	f, err := accounts.Parse([]byte(accountstest.Skuid + `  - registryId: 012345678901
    region: eu-west-1
    passwordFile: /opt/passwords/other.pass
    mode: "0600"
  - registryId: "012345678901"
    region: eu-west-1
    passwordFile: /opt/passwords/again.pass
    mode: "0600"
`))
	if err != nil {
		t.Fatal(err)
	}
	want := &accounts.File{
		Interval: 30 * time.Minute, Skuid: true, Notices: f.Notices,
		Accounts: []accounts.Account{{
			Name: "123456789012-us-west-2", Address: "123456789012.dkr.ecr.us-west-2.amazonaws.com", Line: 3,
			Backend: "ecr", Variables: map[string]string{"AWS_REGION": "us-west-2"},
		}, {
			Name: "012345678901-eu-west-1", Address: "012345678901.dkr.ecr.eu-west-1.amazonaws.com", Line: 6,
			Backend: "ecr", Variables: map[string]string{"AWS_REGION": "eu-west-1"},
		}},
		Outputs: []accounts.Output{
			{PasswordFile: "/opt/passwords/my-ecr-registry.pass", Line: 3, Registries: []string{"123456789012-us-west-2"}, Mode: 0o644},
			{PasswordFile: "/opt/passwords/other.pass", Line: 6, Registries: []string{"012345678901-eu-west-1"}, Mode: 0o600},
			{PasswordFile: "/opt/passwords/again.pass", Line: 10, Registries: []string{"012345678901-eu-west-1"}, Mode: 0o600},
		},
	}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("got\n%+v, want\n%+v", f, want)
	}
	if len(f.Notices) != 1 || !strings.Contains(f.Notices[0], `mode: "0600"`) {
		t.Errorf("notices %q", f.Notices)
	}
	if f, err = accounts.Parse([]byte(strings.ReplaceAll(accountstest.Skuid, "    region", "    mode: \"0600\"\n    region"))); err != nil || f.Notices != nil {
		t.Errorf("with modes: %v, %v", f, err)
	}
}

func TestMerge(t *testing.T) {
	f, err := accounts.Parse([]byte(`registries:
  - &first
    name: a
    address: quay.io
    username: &user bob
    passwordFile: f
  - <<: *first
    name: b
    username: *user
  - <<: [*first]
    name: c
    address: ghcr.io
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range f.Accounts {
		got = append(got, a.Name+" "+a.Address+" "+a.Username+" "+a.PasswordFile)
	}
	if want := []string{"a quay.io bob f", "b quay.io bob f", "c ghcr.io bob f"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range accountstest.Bad() {
		f, err := accounts.Parse([]byte(test.Text))
		problems, ok := errors.AsType[accounts.Errors](err)
		if f != nil || !ok || len(problems) == 0 {
			t.Errorf("%s: got %v, %v", test.Name, f, err)
			continue
		}
		if !strings.Contains(problems[0].Error(), test.Want) {
			t.Errorf("%s: got %q, want %q", test.Name, problems[0], test.Want)
		}
		if strings.Contains(strings.ToLower(err.Error()), "canary") {
			t.Errorf("%s: the file is quoted: %v", test.Name, err)
		}
	}
}

// Everything that is wrong is told, up to a bound.
func TestParseTellsAll(t *testing.T) {
	_, err := accounts.Parse([]byte(accountstest.Account("name: A", "adress: x", "username: u", "timeout: 3") + "outputs:\n  - dockercfg: x\n    mode: x\n"))
	problems, _ := errors.AsType[accounts.Errors](err)
	var lines []int
	for _, problem := range problems {
		lines = append(lines, problem.Line)
	}
	slices.Sort(lines)
	if want := []int{2, 3, 4, 5, 8}; !slices.Equal(lines, want) {
		t.Errorf("errors in lines %v, want %v:\n%v", lines, want, err)
	}
	var many strings.Builder
	many.WriteString("registries:\n")
	for range 100 {
		many.WriteString("  - name: A\n")
	}
	_, err = accounts.Parse([]byte(many.String()))
	problems, _ = errors.AsType[accounts.Errors](err)
	if len(problems) != 21 || problems[20].Error() != "there are 280 more errors" {
		t.Errorf("%d errors, the last %v", len(problems), problems[len(problems)-1])
	}
	if _, err := accounts.Parse(make([]byte, accounts.MaxBytes+1)); err == nil || err.Error() != "it is over 4 MiB long" {
		t.Errorf("a large file: %v", err)
	}
}

func TestOf(t *testing.T) {
	f, err := accounts.Parse([]byte(`registries:
  - {name: a, address: quay.io, username: u, password: p}
  - {name: b, address: docker.io, username: u, password: p}
  - {name: c, address: "https://index.docker.io/v1/", username: v, password: p, default: true}
  - {name: d, address: ghcr.io, username: v, password: p}
  - {name: e, address: ghcr.io, username: w, password: p}
`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"a": "a/a", "quay.io": "a/a", "https://QUAY.io/v2/": "a/a", "b": "b/b", "registry-1.docker.io": "bc/c", "ghcr.io": "de/", "e": "e/e", "f": "/", "": "/", "a b": "/",
	} {
		got := ""
		for _, a := range f.Of(name) {
			got += a.Name
		}
		one, ok := f.One(name)
		if got += "/" + one.Name; got != want || ok != (one.Name != "") {
			t.Errorf("%q: got %s, %v, want %s", name, got, ok, want)
		}
	}
	if a, ok := f.Default(); !ok || a.Name != "c" {
		t.Errorf("the default is %q, %v", a.Name, ok)
	}
	f.Accounts = f.Accounts[3:]
	if a, ok := f.Default(); ok {
		t.Errorf("the default of two is %q", a.Name)
	}
	f.Accounts = f.Accounts[1:]
	if a, ok := f.Default(); !ok || a.Name != "e" {
		t.Errorf("the default of one is %q, %v", a.Name, ok)
	}
}

// TestSchemaNames: the JSON schema has the fields that are read, and no others.
func TestSchemaNames(t *testing.T) {
	data, err := os.ReadFile("../../docs/registries.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs map[string]struct {
			Properties map[string]any `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{"registry": accounts.AccountNames(), "output": accounts.OutputNames()} {
		got := slices.Sorted(maps.Keys(schema.Defs[name].Properties))
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the schema has %v, want %v", name, got, want)
		}
	}
}

// TestDocs: the files in docs/registries.md are read.
func TestDocs(t *testing.T) {
	document, err := os.ReadFile("../../docs/registries.md")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, block := range strings.Split(string(document), "```yaml\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		if !strings.HasPrefix(text, "registries:") {
			continue
		}
		count++
		if _, err := accounts.Parse([]byte(text)); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
	if count != 4 {
		t.Errorf("%d files, want 4", count)
	}
}

// many is a file of n accounts with all that they can have, and an output for each.
func many(n int) []byte {
	var b strings.Builder
	b.WriteString("interval: 6h\nregistries:\n")
	for i := range n {
		fmt.Fprintf(&b, `  - name: production-%d
    address: %012d.dkr.ecr.eu-west-1.amazonaws.com
    backend: ecr
    envFile: aws.env.encrypted
    variables: {AWS_MAX_ATTEMPTS: 3, AWS_USE_FIPS_ENDPOINT: false}
    profile: acme
    role: arn:aws:iam::123456789012:role/pull
    externalId: "42"
    region: eu-west-1
    repositories: [team/app, "team/web:1.2"]
    caCert: ca.pem
    insecureSkipVerify: false
    plainHTTP: false
    timeout: 30s
    default: false # not this one
`, i, i)
	}
	b.WriteString("outputs:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - passwordFile: /opt/passwords/%d\n    registry: production-%d\n    mode: \"0640\"\n", i, i)
	}
	return []byte(b.String())
}

// TestMany bounds what 2,000 registries cost, far above what they do: 0.4 s and
// 140 MB on a slow core.
func TestMany(t *testing.T) {
	data := many(2000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	f, err := accounts.Parse(data)
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	if err != nil || len(f.Accounts) != 2000 || len(f.Outputs) != 2000 {
		t.Fatalf("%v", err)
	}
	t.Logf("%d bytes in %v, %d MB allocated", len(data), took, (after.TotalAlloc-before.TotalAlloc)>>20)
	if took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

func BenchmarkParse(b *testing.B) {
	data := many(2000)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := accounts.Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzParse: what is read keeps the rules that others build on; what is not is told
// as Errors.
func FuzzParse(f *testing.F) {
	f.Add([]byte(accountstest.Full))
	f.Add([]byte(accountstest.Skuid))
	for _, test := range accountstest.Bad() {
		f.Add([]byte(test.Text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := accounts.Parse(data)
		if err != nil {
			if problems, ok := errors.AsType[accounts.Errors](err); !ok || len(problems) == 0 || file != nil {
				t.Fatalf("%v beside %v", err, file)
			}
			return
		}
		names := make(map[string]bool)
		defaults := 0
		for _, a := range file.Accounts {
			key, err := dockercfg.NormalizeRegistry(a.Address)
			passwords := 0
			for _, set := range []bool{a.Password != dockercfg.Secret{}, a.PasswordFile != "", a.PasswordCommand != ""} {
				if set {
					passwords++
				}
			}
			switch {
			case err != nil || key != a.Address:
				t.Fatalf("address %q", a.Address)
			case a.Name == "" || names[a.Name]:
				t.Fatalf("name %q", a.Name)
			case (a.Backend == "") == (a.Username == ""), (a.Username == "") != (passwords == 0), passwords > 1:
				t.Fatalf("%+v is of no kind", a)
			case a.Line == 0 || a.Timeout < 0:
				t.Fatalf("%+v", a)
			}
			names[a.Name] = true
			if a.Default {
				defaults++
			}
		}
		for _, o := range file.Outputs {
			for _, name := range o.Registries {
				if !names[name] {
					t.Fatalf("output for %q", name)
				}
			}
			if (o.KubernetesSecret == "") != (o.Mode&0o400 != 0) || o.Mode&^0o775 != 0 {
				t.Fatalf("%+v", o)
			}
		}
		if len(names) == 0 || defaults > 1 || file.Interval < 0 {
			t.Fatalf("%d names, %d defaults", len(names), defaults)
		}
	})
}

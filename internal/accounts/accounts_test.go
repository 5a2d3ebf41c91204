package accounts_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/accounts"
	"github.com/dockercfg/jet/internal/registry"
)

const full = `# all there is
interval: 6h
registries:
  - name: production
    address: HTTPS://123456789012.dkr.ecr.eu-west-1.amazonaws.com/v2/
    backend: ecr
    envFile: aws.env.encrypted
    variables: {AWS_MAX_ATTEMPTS: 3, AWS_USE_FIPS_ENDPOINT: false, AWS_CA_BUNDLE: "aws.pem"}
    profile: acme
    role: arn:aws:iam::210987654321:role/team/pull
    externalId: "42"
    region: eu-west-1
    repositories: [team/app, "team/web:1.2"]
    caCert: ca.pem
    timeout: 30s
    default: true
  - name: hub
    address: docker.io
    username: bob
    passwordFile: hub.password
    email: bob@example.com
  - {name: inline, address: "http://localhost:5000", username: eve, password: "canary", plainHTTP: true}
  - name: command
    address: quay.io
    username: ci
    passwordCommand: pass show quay | head -1
    insecureSkipVerify: true
  - name: made
    backend: ecr
    accountId: 123456789012
    region: cn-north-1
    role: pull
  - name: google
    address: europe-docker.pkg.dev
    backend: gcr
    location: europe
    serviceAccount: pull@acme.iam.gserviceaccount.com
  - name: azure
    address: acme.azurecr.io
    backend: azure
    tenant: acme.example
    clientId: 6f1b
  - name: ibm
    address: de.icr.io
    backend: ibm
    region: eu-de
  - name: own
    address: registry.example
    backend: vault-lookup
outputs:
  - passwordFile: /opt/passwords/ecr.pass
    registry: production
    mode: "0640"
    owner: 1000
    group: spinnaker
  - dockercfg: config.json
  - dockercfg: hub.json
    registries: [hub]
    mode: 0640
  - kubernetesSecret: regcred
    namespaces: [apps, jobs]
    registries: [production, hub]
  - kubernetesSecret: regcred
    force: true
`

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
			Name: "own", Address: "registry.example", Line: 47, Backend: "vault-lookup",
		}},
		Outputs: []accounts.Output{
			{PasswordFile: "/opt/passwords/ecr.pass", Line: 51, Registries: []string{"production"}, Mode: 0o640, Owner: "1000", Group: "spinnaker"},
			{Dockercfg: "config.json", Line: 56, Mode: 0o600},
			{Dockercfg: "hub.json", Line: 57, Registries: []string{"hub"}, Mode: 0o640},
			{KubernetesSecret: "regcred", Line: 60, Registries: []string{"production", "hub"}, Namespaces: []string{"apps", "jobs"}},
			{KubernetesSecret: "regcred", Line: 63, Force: true},
		},
	}
	for name, text := range map[string]string{"LF": full, "CRLF": strings.ReplaceAll(full, "\n", "\r\n"), "mark": "\ufeff" + full} {
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

// The example of skuid/ecr-token-refresh's README, as it is.
const skuid = `interval: 30m
registries:
  - registryId: "123456789012"
    region: "us-west-2"
    passwordFile: "/opt/passwords/my-ecr-registry.pass"
`

func TestParseSkuid(t *testing.T) {
	f, err := accounts.Parse([]byte(skuid + `  - registryId: 012345678901
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
	if f, err = accounts.Parse([]byte(strings.ReplaceAll(skuid, "    region", "    mode: \"0600\"\n    region"))); err != nil || f.Notices != nil {
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

// refusals are files and the first error of each, with its line. What is "canary"
// in them is never quoted.
var refusals = []struct{ name, text, want string }{
	{"nothing", "", "it is empty"},
	{"comment", "# x\n", "it is empty"},
	{"no YAML", "registries:\n  - [canary\n", "not valid YAML"},
	{"text", "canary\n", "line 1: the file has to be names"},
	{"list", "- canary: 1\n", "line 1: the file has to be names"},
	{"two documents", "registries: [canary]\n---\nregistries: [canary]\n", "line 3: a second document"},
	{"no registries", "interval: 1h\n", "registries has to be a list"},
	{"registries misspelt", "registres:\n  - canary\n", `line 1: the file has no "registres"; did you mean registries?`},
	{"empty list", "registries: []\n", "line 1: registries has to be a list"},
	{"list of texts", "registries:\n  - canary\n", "line 2: a registry has to be names"},
	{"unknown name", account("adress: quay.io"), `line 2: a registry has no "adress"; did you mean address?`},
	{"another style", account("password_file: canary"), `line 2: a registry has no "password_file"; did you mean passwordFile?`},
	{"secret as a name", account("canary: x"), "line 2: a registry has no field of the name that stands here; it has name,"},
	{"number as a name", account("1: x"), "line 2: a registry has no field of the name"},
	{"twice", account("name: a", "name: b", "address: quay.io"), "line 3: a registry has name twice"},
	{"interval", "interval: 30\nregistries: []\n", "line 1: interval has to be a text"},
	{"interval without a unit", "interval: \"30\"\nregistries: []\n", "line 1: interval has to be a time with its unit"},
	{"no interval", "interval: 0s\nregistries: []\n", "line 1: interval has to be longer"},
	{"null", account("name:", "address: quay.io"), "line 2: name has no value"},
	{"no name", account("address: quay.io", "username: u", "password: canary"), "line 2: a registry needs a name"},
	{"bad name", account("name: Canary_1", "address: quay.io"), "line 2: name has to be 1 to 63"},
	{"hyphen", account("name: -a", "address: quay.io"), "line 2: name has to be"},
	{"long name", account("name: " + strings.Repeat("a", 64)), "line 2: name has to be"},
	{"number for a name", account("name: 12"), "line 2: name has to be a text"},
	{"name twice", account(good...) + "  - name: a\n    address: ghcr.io\n    username: u\n    password: canary\n", "line 6: the registry of line 2 has this name already"},
	{"no address", account("name: a", "username: u", "password: canary"), "line 2: a registry needs an address"},
	{"address with a password", account("name: a", "address: https://u:canary@quay.io", "username: u", "password: p"), "line 3: address: it holds a user name or a password"},
	{"pattern", account("name: a", `address: "*.canary"`, "username: u", "password: p"), "line 3: address: "},
	{"neither", account("name: a", "address: quay.io"), "line 2: a registry needs a backend, or a username"},
	{"both", account("name: a", "address: quay.io", "backend: login", "password: canary"), "line 5: password does not go with backend"},
	{"no user", account("name: a", "address: quay.io", "password: canary"), "line 4: there is password and no username"},
	{"no password", account("name: a", "address: quay.io", "username: canary"), "line 4: there is a username and no password"},
	{"two passwords", account("name: a", "address: quay.io", "username: u", "password: canary", "passwordCommand: c"), "line 6: there are password and passwordCommand"},
	{"empty password", account("name: a", "address: quay.io", "username: u", `password: ""`), "line 5: password has no value"},
	{"number for a password", account("name: a", "address: quay.io", "username: u", "password: 0123"), "line 5: password has to be a text"},
	{"list for a password", account("name: a", "address: quay.io", "username: u", "password: [canary]"), "line 5: password has to be a text"},
	{"colon", account("name: a", "address: quay.io", "username: canary:1", "password: p"), "line 4: username holds a colon"},
	{"NUL", account("name: a", "address: quay.io", "username: u", `password: "canary\0"`), "line 5: password holds a NUL"},
	{"env file beside a user", account(append(good, "envFile: x")...), "line 6: envFile is for a backend"},
	{"setting beside a user", account(append(good, "region: x")...), "line 6: region is for a backend"},
	{"name of a backend", account("name: a", "address: quay.io", "backend: Canary"), "line 4: backend has to be the name of a backend"},
	{"setting of another backend", account("name: a", "address: gcr.io", "backend: gcr", "profile: canary"), "line 5: the backend gcr has no profile; it has location, serviceAccount"},
	{"setting of a program", account("name: a", "address: x.io", "backend: mine", "role: canary"), "line 5: the backend mine has no role; what it needs goes into variables"},
	{"variables", account("name: a", "address: x.io", "backend: mine", "variables: [canary]"), "line 5: variables has to be names"},
	{"variable's name", account("name: a", "address: x.io", "backend: mine", "variables: {a-canary: x}"), "line 5: what stands here is not the name of a variable"},
	{"variable's value", account("name: a", "address: x.io", "backend: mine", "variables: {X: 1.5}"), "line 5: the variable X has to be a text"},
	{"variable twice", account("name: a", "address: x.io", "backend: mine", "variables: {X: a, X: canary}"), "line 5: the variable X is there twice"},
	{"variable and setting", account("name: a", "address: x.io", "backend: ecr", "variables: {AWS_REGION: canary}", "region: eu-west-1"), "line 6: region is AWS_REGION, which stands among the variables too"},
	{"role", account("name: a", "address: 123456789012.dkr.ecr.eu-west-1.amazonaws.com", "backend: ecr", "role: arn:aws:iam::canary:role/x"), "line 5: role has to be the ARN"},
	{"role elsewhere", account("name: a", "address: localhost:5000", "backend: ecr", "role: canary"), "line 5: role has to be an ARN here"},
	{"external id alone", account("name: a", "address: x.io", "backend: ecr", "externalId: canary"), "line 5: externalId is for a role"},
	{"account alone", account("name: a", "backend: ecr", `accountId: "123456789012"`), "line 4: accountId needs a region"},
	{"short account", account("name: a", "backend: ecr", "accountId: 12345", "region: eu-west-1"), "line 4: an account id has 12 digits"},
	{"bad region", account("name: a", "backend: ecr", "accountId: 123456789012", "region: canary"), "line 4: regions have names"},
	{"other account", account("name: a", "backend: ecr", "accountId: 123456789012", "address: 210987654321.dkr.ecr.eu-west-1.amazonaws.com"), "line 4: the address is that of another account"},
	{"repositories", account(append(good, "repositories: canary")...), "line 6: repositories has to be a list"},
	{"no repositories", account(append(good, "repositories: []")...), "line 6: repositories has to be a list"},
	{"repository", account(append(good, "repositories: [ok, Canary]")...), "line 6: repositories: the name of a repository has no capital"},
	{"repository twice", account(append(good, "repositories: [a, a]")...), "line 6: repositories names the same twice"},
	{"address of a repository", account(append(good, "repositories: [quay.io/ok, ghcr.io/canary]")...), "line 6: repositories: it begins with another address"},
	{"truth", account(append(good, `plainHTTP: "true"`)...), "line 6: plainHTTP has to be true or false"},
	{"yes", account(append(good, "default: yes")...), "line 6: default has to be true or false"},
	{"two switches", account(append(good, "plainHTTP: true", "caCert: canary")...), "line 2: of caCert, insecureSkipVerify and plainHTTP"},
	{"two defaults", account(append(good, "default: true")...) + "  - {name: b, address: x.io, username: u, password: p, default: true}\n", "line 7: the registry of line 2 is the default already"},
	{"nested merge", "registries:\n  - &a\n    <<: {username: u, password: p}\n    name: x\n    address: quay.io\n  - <<: *a\n", "what is merged here merges something itself"},
	{"merged text", account("<<: canary"), "line 2: what is merged has to be names"},
	{"no outputs", account(good...) + "outputs: []\n", "line 6: outputs has to be a list"},
	{"no kind", account(good...) + "outputs:\n  - registry: a\n", "line 7: an output is exactly one of"},
	{"two kinds", account(good...) + "outputs:\n  - passwordFile: x\n    dockercfg: y\n", "line 7: an output is exactly one of"},
	{"no registry", account(good...) + "outputs:\n  - passwordFile: x\n", "line 7: a passwordFile needs a registry"},
	{"unknown registry", account(good...) + "outputs:\n  - passwordFile: x\n    registry: canary\n", "line 8: registry: no registry has this name"},
	{"misspelt registry", account("name: production", "address: quay.io", "username: u", "password: p") + "outputs:\n  - dockercfg: x\n    registries:\n      - prodction\n", "line 9: registries: no registry has this name; did you mean production?"},
	{"registries of a password", account(good...) + "outputs:\n  - passwordFile: x\n    registry: a\n    registries: [a]\n", "line 9: passwordFile has no registries, which is for dockercfg and kubernetesSecret"},
	{"mode of a Secret", account(good...) + "outputs:\n  - kubernetesSecret: x\n    mode: \"0600\"\n", "line 8: kubernetesSecret has no mode"},
	{"mode", account(good...) + "outputs:\n  - dockercfg: x\n    mode: rw\n", "line 8: mode has to be three digits"},
	{"mode for all", account(good...) + "outputs:\n  - dockercfg: x\n    mode: \"0666\"\n", "line 8: mode lets everybody write"},
	{"mode for nobody", account(good...) + "outputs:\n  - dockercfg: x\n    mode: \"0040\"\n", "line 8: mode keeps the file from its owner"},
	{"mode of a program", account(good...) + "outputs:\n  - dockercfg: x\n    mode: \"0700\"\n", "line 8: mode makes the file a program"},
	{"force of a file", account(good...) + "outputs:\n  - dockercfg: x\n    force: true\n", "line 8: dockercfg has no force, which is for kubernetesSecret"},
	{"force that is none", account(good...) + "outputs:\n  - kubernetesSecret: x\n    force: perhaps\n", "line 8: force"},
	{"Secret's name", account(good...) + "outputs:\n  - kubernetesSecret: Canary\n", "line 7: kubernetesSecret has to be a name"},
	{"namespace", account(good...) + "outputs:\n  - kubernetesSecret: x\n    namespaces: [Canary]\n", "line 8: namespaces: a namespace has"},
	{"same file", account(good...) + "outputs:\n  - dockercfg: x\n  - dockercfg: ./x\n", "line 8: the output of line 7 is in the same place"},
	{"same Secret", account(good...) + "outputs:\n  - kubernetesSecret: x\n    namespaces: [a, b]\n  - kubernetesSecret: x\n    namespaces: [b]\n", "line 9: the output of line 7 is in the same place"},
	{"skuid without a file", "registries:\n  - registryId: \"123456789012\"\n    region: us-west-2\n", "line 2: there is no passwordFile"},
	{"skuid's account", "registries:\n  - {registryId: \"canary\", region: us-west-2, passwordFile: x}\n", "line 2: registryId and region: an account id has 12 digits"},
	{"skuid's region", "registries:\n  - {registryId: \"123456789012\", region: canary, passwordFile: x}\n", "line 2: registryId and region: regions have names"},
	{"skuid mixed", "registries:\n  - {registryId: \"123456789012\", region: us-west-2, passwordFile: x}\n  - {name: a}\n", "line 3: a registry with a registryId has no field of the name"},
	{"skuid's files", "registries:\n  - {registryId: \"123456789012\", region: us-west-2, passwordFile: x}\n  - {registryId: \"123456789013\", region: us-west-2, passwordFile: x}\n", "line 3: the password of the registry of line 2 goes to the same file"},
	{"skuid's outputs", "registries:\n  - {registryId: \"123456789012\", region: us-west-2, passwordFile: x}\noutputs: []\n", "line 3: outputs does not go with registryId"},
}

var good = []string{"name: a", "address: quay.io", "username: u", "password: p"}

// account makes a file of one account, which begins in line 2.
func account(fields ...string) string {
	return "registries:\n  - " + strings.Join(fields, "\n    ") + "\n"
}

func TestParseRefuses(t *testing.T) {
	for _, test := range refusals {
		f, err := accounts.Parse([]byte(test.text))
		problems, ok := errors.AsType[accounts.Errors](err)
		if f != nil || !ok || len(problems) == 0 {
			t.Errorf("%s: got %v, %v", test.name, f, err)
			continue
		}
		if !strings.Contains(problems[0].Error(), test.want) {
			t.Errorf("%s: got %q, want %q", test.name, problems[0], test.want)
		}
		if strings.Contains(strings.ToLower(err.Error()), "canary") {
			t.Errorf("%s: the file is quoted: %v", test.name, err)
		}
	}
}

// Everything that is wrong is told, up to a bound.
func TestParseTellsAll(t *testing.T) {
	_, err := accounts.Parse([]byte(account("name: A", "adress: x", "username: u", "timeout: 3") + "outputs:\n  - dockercfg: x\n    mode: x\n"))
	problems, _ := errors.AsType[accounts.Errors](err)
	var lines []int
	for _, problem := range problems {
		lines = append(lines, problem.Line)
	}
	slices.Sort(lines)
	if want := []int{2, 2, 3, 4, 5, 8}; !slices.Equal(lines, want) {
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
	f.Add([]byte(full))
	f.Add([]byte(skuid))
	for _, test := range refusals {
		f.Add([]byte(test.text))
	}
	for _, name := range corpus(f) {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
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

// corpus are whole files, good and bad, which the JSON schema is tried on too.
func corpus(t testing.TB) []string {
	names, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

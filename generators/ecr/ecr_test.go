package ecr_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/generators/backendtest"
	"github.com/dockercfg/jet/generators/ecr"
	"github.com/dockercfg/jet/internal/fakeaws"
	"github.com/dockercfg/jet/internal/fakejwt"
)

const (
	account = "012345678901" // the zero in front is what people lose
	other   = "210987654321"
	user    = "arn:aws:iam::012345678901:user/ci"
	session = "arn:aws:sts::012345678901:assumed-role/r/s"
	home    = account + ".dkr.ecr.eu-west-1.amazonaws.com"
)

var all = []string{fakeaws.Token, fakeaws.PublicToken, fakeaws.BearerToken, fakeaws.AssumeRole}

// start runs a fake, and gives the variables of a user of it.
func start(t *testing.T, fake *fakeaws.AWS) map[string]string {
	t.Helper()
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	key := fake.AddUser("aws", account, "ci", all...)
	return map[string]string{
		"AWS_REGION":                "eu-west-1",
		"AWS_ACCESS_KEY_ID":         key.ID,
		"AWS_SECRET_ACCESS_KEY":     key.Secret,
		"AWS_ENDPOINT_URL":          server.URL,
		"AWS_EC2_METADATA_DISABLED": "true",
	}
}

// with gives a copy with variables changed; "-" takes one away.
func with(vars map[string]string, pairs ...string) map[string]string {
	vars = maps.Clone(vars)
	for i := 0; i < len(pairs); i += 2 {
		if vars[pairs[i]] = pairs[i+1]; pairs[i+1] == "-" {
			delete(vars, pairs[i])
		}
	}
	return vars
}

func env(vars map[string]string) generators.Env {
	return func(name string) (string, bool) {
		value, ok := vars[name]
		return value, ok
	}
}

// keyless takes the keys away.
func keyless(vars map[string]string) map[string]string {
	return with(vars, "AWS_ACCESS_KEY_ID", "-", "AWS_SECRET_ACCESS_KEY", "-")
}

func generate(t *testing.T, c ecr.Config, vars map[string]string) (generators.Result, error) {
	t.Helper()
	source, err := c.Backend().Open(env(vars))
	if err != nil {
		return generators.Result{}, err
	}
	return source.Generate(t.Context())
}

// registries are those of a result.
func registries(r generators.Result) []string {
	var hosts []string
	for _, e := range r.Entries {
		hosts = append(hosts, e.Registry)
	}
	return hosts
}

func entry(registry, password string) dockercfg.Entry {
	return dockercfg.Entry{Registry: registry, Username: "AWS", Password: dockercfg.NewSecret(password)}
}

func TestContract(t *testing.T) {
	fake := &fakeaws.AWS{}
	vars := start(t, fake)
	fake.AddRole(fakeaws.Role{Account: other, Name: "ci/push", Actions: all, Trusts: []string{session}, ExternalID: "an id"})
	temporary := fake.AddSession(session, time.Now().Add(time.Hour), all...)
	private := entry(home, "password of 012345678901 in eu-west-1")
	for label, c := range map[string]backendtest.Case{
		"private": {
			Env:     vars,
			Missing: [][]string{{"AWS_REGION"}, {"AWS_ACCESS_KEY_ID"}, {"AWS_SECRET_ACCESS_KEY"}, {"AWS_REGION", "AWS_SECRET_ACCESS_KEY"}},
			Want:    []dockercfg.Entry{private},
		},
		"public": {
			Env:     with(vars, "ECR_PUBLIC", "", "AWS_REGION", "-"),
			Missing: [][]string{{"AWS_ACCESS_KEY_ID"}, {"AWS_SECRET_ACCESS_KEY"}},
			Want:    []dockercfg.Entry{entry("public.ecr.aws", "password of public in us-east-1")},
		},
		"role, with a temporary key": {
			Env: with(vars, "AWS_ACCESS_KEY_ID", temporary.ID, "AWS_SECRET_ACCESS_KEY", temporary.Secret, "AWS_SESSION_TOKEN", temporary.SessionToken,
				"AWS_STS_ROLE", "ci/push", "AWS_STS_ACCOUNT", other, "AWS_STS_EXTERNAL_ID", "an id"),
			Missing: [][]string{
				{"AWS_STS_ROLE"}, {"AWS_STS_ACCOUNT"}, {"AWS_STS_ROLE", "AWS_STS_ACCOUNT"}, // the external id calls for them
				{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}, // and the session token for these
				{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_STS_ACCOUNT"},
			},
			Want: []dockercfg.Entry{entry(other+".dkr.ecr.eu-west-1.amazonaws.com", "password of 210987654321 in eu-west-1")},
		},
	} {
		t.Run(label, func(t *testing.T) {
			config, err := ecr.ConfigFromEnv(env(c.Env))
			if err != nil {
				t.Fatal(err)
			}
			c.Expires = true
			c.Values = []any{config, &config}
			backendtest.Run(t, ecr.Backend(), c)
		})
	}
}

// original is the table of codeship/aws-ecr-dockercfg-generator.
var original = struct{ must, may []string }{
	must: []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
	may:  []string{"AWS_STS_ROLE", "AWS_STS_ACCOUNT", "ECR_PUBLIC", "AWS_ECR_REGISTRY_IDS"},
}

func TestOriginalVariables(t *testing.T) {
	fake := &fakeaws.AWS{}
	vars := start(t, fake)
	fake.AddRole(fakeaws.Role{Account: other, Name: "ci", Actions: all, Trusts: []string{user}})
	described := ecr.Backend().Variables
	for _, name := range slices.Concat(original.must, original.may) {
		if !slices.ContainsFunc(described, func(v generators.Variable) bool { return v.Name == name }) {
			t.Errorf("%s is not described", name)
		}
	}
	for i := range 1 << len(original.must) {
		scope, missing := maps.Clone(vars), []string(nil)
		for j, name := range original.must {
			if i&(1<<j) == 0 {
				continue
			}
			missing = append(missing, name)
			if (i+j)%2 == 0 {
				scope[name] = ""
			} else {
				delete(scope, name)
			}
		}
		_, err := generate(t, ecr.Config{}, scope)
		found, _ := errors.AsType[*generators.MissingVariablesError](err)
		switch {
		case missing == nil && err != nil:
			t.Errorf("nothing is missing: %v", err)
		case missing != nil && found == nil:
			t.Errorf("%q are missing: got %v", missing, err)
		case missing != nil:
			// Without both keys it is another source of keys that is asked for, and a
			// region before it.
			if slices.Contains(found.Names, "AWS_ACCESS_KEY_ID") != slices.Contains(missing, "AWS_ACCESS_KEY_ID") && !slices.Equal(found.Names, []string{"AWS_REGION"}) {
				t.Errorf("%q are missing: got %q", missing, found.Names)
			}
		}
	}
	for _, c := range []struct {
		vars []string
		want string
	}{
		{nil, home},
		{[]string{"AWS_STS_ROLE", "ci", "AWS_STS_ACCOUNT", other}, other + ".dkr.ecr.eu-west-1.amazonaws.com"},
		{[]string{"AWS_STS_ROLE", "", "AWS_STS_ACCOUNT", ""}, home},
		{[]string{"ECR_PUBLIC", "1"}, "public.ecr.aws"},
		{[]string{"ECR_PUBLIC", ""}, "public.ecr.aws"},
		{[]string{"ECR_PUBLIC", "", "AWS_STS_ROLE", "ci", "AWS_STS_ACCOUNT", other}, "public.ecr.aws"},
		{[]string{"AWS_ECR_REGISTRY_IDS", other + " " + account}, other + ".dkr.ecr.eu-west-1.amazonaws.com " + home},
		{[]string{"AWS_REGION", "-", "AWS_DEFAULT_REGION", "eu-west-1"}, home},
	} {
		result, err := generate(t, ecr.Config{}, with(vars, c.vars...))
		if got := strings.Join(registries(result), " "); got != c.want || err != nil || len(result.Notices) > 0 {
			t.Errorf("%q: got %q, %q, %v", c.vars, got, result.Notices, err)
		}
	}
	names := []string{}
	for _, call := range fake.Calls() {
		if call.Action == "AssumeRole" {
			if !strings.Contains(string(call.Body), "RoleSessionName=aws_docker_creds") {
				t.Errorf("the session has another name than the original's: %s", call.Body)
			}
		}
		if call.Service == "ecr-public" && call.Region != "us-east-1" {
			t.Errorf("ECR Public was asked in %s", call.Region)
		}
		names = append(names, call.Action)
	}
	if slices.Contains(names, "GetCallerIdentity") {
		t.Error("a request more than is needed")
	}
}

func TestSelect(t *testing.T) {
	registry, err := generators.NewRegistry(ecr.Backend())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"AWS_ACCESS_KEY_ID": true, "AWS_STS_ROLE": true, "ECR_PUBLIC": true,
		"AWS_PROFILE": false, "AWS_REGION": false, "AWS_SECRET_ACCESS_KEY": false, "AWS_WEB_IDENTITY_TOKEN_FILE": false, "AWS_ROLE_ARN": false,
	} {
		if got := registry.Select(env(map[string]string{name: "x"})) != nil; got != want {
			t.Errorf("%s selects: %v", name, got)
		}
		if got := registry.Select(env(map[string]string{name: ""})) != nil; got != (name == "ECR_PUBLIC") {
			t.Errorf("empty %s selects: %v", name, got)
		}
	}
}

// TestSeveral asks for regions, accounts and registries by name.
func TestSeveral(t *testing.T) {
	fake := &fakeaws.AWS{}
	vars := start(t, fake)
	for _, id := range []string{account, other} {
		fake.AddRole(fakeaws.Role{Account: id, Name: "ci", Actions: all, Trusts: []string{user}})
	}
	const virginia = account + ".dkr.ecr.us-east-1.amazonaws.com"
	two := []string{"AWS_STS_ROLE", "ci", "AWS_STS_ACCOUNT", account + "," + other}
	for _, c := range []struct {
		label  string
		config ecr.Config
		vars   []string
		want   []string
		calls  int
		notice string
	}{
		{"regions", ecr.Config{}, []string{"AWS_REGION", "eu-west-1, us-east-1"}, []string{home, virginia}, 2, ""},
		{"a region twice", ecr.Config{}, []string{"AWS_REGION", "eu-west-1,eu-west-1"}, []string{home}, 1, ""},
		{"accounts", ecr.Config{}, two, []string{home, other + ".dkr.ecr.eu-west-1.amazonaws.com"}, 4, ""},
		{"accounts and regions", ecr.Config{}, append(two, "AWS_REGION", "eu-west-1,us-east-1"), []string{
			home, virginia, other + ".dkr.ecr.eu-west-1.amazonaws.com", other + ".dkr.ecr.us-east-1.amazonaws.com",
		}, 6, ""},
		{"a registry by name", ecr.Config{Registries: []string{"https://" + virginia + "/"}}, []string{"AWS_REGION", "-"}, []string{virginia}, 1, ""},
		{"another account's", ecr.Config{Registries: []string{other + ".dkr.ecr.us-east-1.amazonaws.com", virginia}}, nil,
			[]string{other + ".dkr.ecr.us-east-1.amazonaws.com", virginia}, 1, ""},
		{"FIPS and dual-stack names", ecr.Config{Registries: []string{account + ".dkr.ecr-fips.us-east-1.amazonaws.com", account + ".dkr-ecr.us-east-1.on.aws"}}, nil,
			[]string{account + ".dkr.ecr-fips.us-east-1.amazonaws.com", account + ".dkr-ecr.us-east-1.on.aws"}, 2, ""},
		{"private and public", ecr.Config{Registries: []string{"public.ecr.aws", virginia}}, nil, []string{"public.ecr.aws", virginia}, 2, ""},
		{"public by its other name", ecr.Config{Registries: []string{"ecr-public.aws.com"}}, nil, []string{"ecr-public.aws.com"}, 1, ""},
		{"of two accounts by name", ecr.Config{Registries: []string{other + ".dkr.ecr.us-east-1.amazonaws.com"}}, two,
			[]string{other + ".dkr.ecr.us-east-1.amazonaws.com"}, 4, ""},
		{"nothing of AWS", ecr.Config{Registries: []string{"quay.io", account + ".dkr.ecr.eu-west-1.amazonaws.com.evil.example"}},
			[]string{"AWS_ENDPOINT_URL", "-"}, nil, 0, "none of the registries asked for is one of AWS"},
		{"with FIPS", ecr.Config{}, []string{"AWS_USE_FIPS_ENDPOINT", "true"}, []string{home, account + ".dkr.ecr-fips.eu-west-1.amazonaws.com"}, 1, ""},
		{"dual-stack", ecr.Config{}, []string{"AWS_USE_DUALSTACK_ENDPOINT", "TRUE"}, []string{home, account + ".dkr-ecr.eu-west-1.on.aws"}, 1, ""},
		{"both", ecr.Config{}, []string{"AWS_USE_FIPS_ENDPOINT", "true", "AWS_USE_DUALSTACK_ENDPOINT", "true"},
			[]string{home, account + ".dkr-ecr-fips.eu-west-1.on.aws"}, 1, ""},
		{"public dual-stack", ecr.Config{}, []string{"AWS_USE_DUALSTACK_ENDPOINT", "true", "ECR_PUBLIC", ""}, []string{"public.ecr.aws", "ecr-public.aws.com"}, 1, ""},
		{"ids in FIPS", ecr.Config{}, []string{"AWS_USE_FIPS_ENDPOINT", "true", "AWS_ECR_REGISTRY_IDS", other},
			[]string{other + ".dkr.ecr.eu-west-1.amazonaws.com", other + ".dkr.ecr-fips.eu-west-1.amazonaws.com"}, 1, ""},
	} {
		t.Run(c.label, func(t *testing.T) {
			before := len(fake.Calls())
			result, err := generate(t, c.config, with(vars, c.vars...))
			if err != nil || !slices.Equal(registries(result), c.want) {
				t.Errorf("got %q, %v, want %q", registries(result), err, c.want)
			}
			if got := len(fake.Calls()) - before; got != c.calls {
				t.Errorf("%d requests, want %d", got, c.calls)
			}
			if got := strings.Join(result.Notices, "\n"); (got == "") != (c.notice == "") || !strings.Contains(got, c.notice) {
				t.Errorf("notices %q", got)
			}
		})
	}
	_, err := generate(t, ecr.Config{Registries: []string{"333333333333.dkr.ecr.us-east-1.amazonaws.com"}}, with(vars, two...))
	if err == nil || !strings.Contains(err.Error(), "is of none of the accounts of the role in account 012345678901, the role in account 210987654321") {
		t.Errorf("a third account: got %v", err)
	}
}

// TestHosts asks under the names that AWS's servers have, through a proxy that leads
// them to the fake.
func TestHosts(t *testing.T) {
	fake := &fakeaws.AWS{}
	network := fakeaws.NewNetwork(t, fake)
	key := fake.AddUser("aws", account, "ci", all...)
	china := fake.AddUser("aws-cn", account, "ci", all...)
	gov := fake.AddUser("aws-us-gov", account, "ci", all...)
	europe := fake.AddUser("aws-eusc", account, "ci", all...)
	for partition, k := range map[string]string{"aws": "", "aws-cn": "", "aws-us-gov": "", "aws-eusc": ""} {
		fake.AddRole(fakeaws.Role{Partition: partition, Account: other, Name: "ci", Actions: all, Trusts: []string{"arn:" + partition + ":iam::012345678901:user/ci" + k}})
	}
	// The proxy of the environment is read once for a process: this test is one.
	if os.Getenv("JET_TEST_PROXY") == "" {
		runAlone(t, "TestHosts", "JET_TEST_PROXY=1", "HTTPS_PROXY="+network.Proxy, "JET_TEST_CA="+network.CAFile,
			"JET_TEST_KEYS="+strings.Join([]string{key.ID, key.Secret, china.ID, china.Secret, gov.ID, gov.Secret, europe.ID, europe.Secret}, " "))
		got := network.Hosts()
		slices.Sort(got)
		want := []string{
			"api.ecr-fips.us-east-1.amazonaws.com", "api.ecr-fips.us-gov-west-1.amazonaws.com", "api.ecr-public.us-east-1.amazonaws.com",
			"api.ecr.cn-north-1.amazonaws.com.cn", "api.ecr.cn-north-1.amazonaws.com.cn", "api.ecr.eu-west-1.amazonaws.com", "api.ecr.eusc-de-east-1.amazonaws.eu",
			"ecr-fips.us-east-1.api.aws", "ecr-public.us-east-1.api.aws", "ecr.cn-north-1.api.amazonwebservices.com.cn", "ecr.eu-west-1.api.aws",
			"sts.cn-north-1.amazonaws.com.cn", "sts.us-gov-west-1.amazonaws.com",
		}
		if !slices.Equal(got, want) {
			t.Errorf("asked\n%q, want\n%q", got, want)
		}
		return
	}
	keys := strings.Fields(os.Getenv("JET_TEST_KEYS"))
	for _, c := range []struct {
		key  int
		vars []string
		want []string
	}{
		{0, []string{"AWS_REGION", "eu-west-1"}, []string{home}},
		{0, []string{"AWS_REGION", "eu-west-1", "AWS_USE_DUALSTACK_ENDPOINT", "true"}, []string{home, account + ".dkr-ecr.eu-west-1.on.aws"}},
		{0, []string{"AWS_REGION", "us-east-1", "AWS_USE_FIPS_ENDPOINT", "true"},
			[]string{account + ".dkr.ecr.us-east-1.amazonaws.com", account + ".dkr.ecr-fips.us-east-1.amazonaws.com"}},
		{0, []string{"AWS_REGION", "us-east-1", "AWS_USE_FIPS_ENDPOINT", "true", "AWS_USE_DUALSTACK_ENDPOINT", "true"},
			[]string{account + ".dkr.ecr.us-east-1.amazonaws.com", account + ".dkr-ecr-fips.us-east-1.on.aws"}},
		{0, []string{"AWS_REGION", "eu-west-1", "ECR_PUBLIC", ""}, []string{"public.ecr.aws"}},
		{0, []string{"ECR_PUBLIC", "", "AWS_USE_DUALSTACK_ENDPOINT", "true"}, []string{"public.ecr.aws", "ecr-public.aws.com"}},
		{2, []string{"AWS_REGION", "cn-north-1"}, []string{account + ".dkr.ecr.cn-north-1.amazonaws.com.cn"}},
		{2, []string{"AWS_REGION", "cn-north-1", "AWS_USE_DUALSTACK_ENDPOINT", "true"},
			[]string{account + ".dkr.ecr.cn-north-1.amazonaws.com.cn", account + ".dkr-ecr.cn-north-1.on.amazonwebservices.com.cn"}},
		{2, []string{"AWS_REGION", "cn-north-1", "AWS_STS_ROLE", "ci", "AWS_STS_ACCOUNT", other}, []string{other + ".dkr.ecr.cn-north-1.amazonaws.com.cn"}},
		{4, []string{"AWS_REGION", "us-gov-west-1", "AWS_STS_ROLE", "ci", "AWS_STS_ACCOUNT", other, "AWS_USE_FIPS_ENDPOINT", "true"},
			[]string{other + ".dkr.ecr.us-gov-west-1.amazonaws.com", other + ".dkr.ecr-fips.us-gov-west-1.amazonaws.com"}},
		{6, []string{"AWS_REGION", "eusc-de-east-1"}, []string{account + ".dkr.ecr.eusc-de-east-1.amazonaws.eu"}},
	} {
		vars := with(map[string]string{
			"AWS_ACCESS_KEY_ID": keys[c.key], "AWS_SECRET_ACCESS_KEY": keys[c.key+1], "AWS_CA_BUNDLE": os.Getenv("JET_TEST_CA"),
		}, c.vars...)
		result, err := generate(t, ecr.Config{}, vars)
		if err != nil || !slices.Equal(registries(result), c.want) {
			t.Errorf("%q: got %q, %v", c.vars, registries(result), err)
		}
	}
}

// profiles is a Profiles.
type profiles struct {
	keys map[string]ecr.ProfileKeys
	err  error

	mutex sync.Mutex
	asked []string
	seen  map[string]dockercfg.Secret
}

func (p *profiles) Keys(_ context.Context, name string, variables map[string]dockercfg.Secret) (ecr.ProfileKeys, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.asked, p.seen = append(p.asked, name), variables
	keys, ok := p.keys[name]
	if name == "" && !ok {
		return ecr.ProfileKeys{Region: keys.Region}, ecr.ErrNoKeys
	}
	return keys, p.err
}

func profileKeys(k fakeaws.Key, region string) ecr.ProfileKeys {
	return ecr.ProfileKeys{Region: region, Keys: ecr.Keys{
		ID: k.ID, Secret: dockercfg.NewSecret(k.Secret), SessionToken: dockercfg.NewSecret(k.SessionToken),
	}}
}

// TestChain looks at where keys come from, and that nothing set by halves is passed over.
func TestChain(t *testing.T) {
	fake := &fakeaws.AWS{}
	vars := start(t, fake)
	bare := keyless(vars)
	server := vars["AWS_ENDPOINT_URL"]
	key := fakejwt.Key("provider")
	fake.AddProvider(fakeaws.Provider{Account: account, Issuer: "https://ci.example", Audience: "sts", Key: &key.PublicKey})
	web := fakeaws.Role{Account: account, Name: "web", Actions: all, Issuer: "https://ci.example", Audience: "sts", Subject: "s"}
	fake.AddRole(web)
	now := time.Now().Unix()
	jwt := fakejwt.Sign(key, nil, fakejwt.Claims{"iss": "https://ci.example", "aud": "sts", "sub": "s", "iat": now, "exp": now + 600})
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	token := write("token", jwt+"\n")
	fake.AddContainer("Bearer canary", "arn:aws:sts::012345678901:assumed-role/task/x")
	fake.AddInstance("arn:aws:sts::012345678901:assumed-role/instance/x", false)
	one, two := fake.AddUser("aws", account, "one", all...), fake.AddUser("aws", other, "two", all...)
	reader := &profiles{keys: map[string]ecr.ProfileKeys{"one": profileKeys(one, "us-east-1"), "two of us": profileKeys(two, "eu-west-1"), "bare": profileKeys(one, "")}}
	byDefault := &profiles{keys: map[string]ecr.ProfileKeys{"": profileKeys(two, "eu-central-1")}}
	const container = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
	for _, c := range []struct {
		label    string
		profiles ecr.Profiles
		vars     map[string]string
		want     string // registries, or in an error
		arn      string // of the last call
		notice   string
	}{
		{"web identity", reader, with(bare, "AWS_WEB_IDENTITY_TOKEN_FILE", token, "AWS_ROLE_ARN", web.ARN()), home, "assumed-role/web/aws_docker_creds", ""},
		{"web identity with a name", nil, with(bare, "AWS_WEB_IDENTITY_TOKEN_FILE", token, "AWS_ROLE_ARN", web.ARN(), "AWS_ROLE_SESSION_NAME", "mine"), home, "assumed-role/web/mine", ""},
		{"web identity before a profile", reader, with(bare, "AWS_WEB_IDENTITY_TOKEN_FILE", token, "AWS_ROLE_ARN", web.ARN(), "AWS_PROFILE", "one"), home, "assumed-role/web", "AWS_PROFILE is not used"},
		{"keys before web identity", reader, with(vars, "AWS_WEB_IDENTITY_TOKEN_FILE", token, "AWS_ROLE_ARN", web.ARN()), home, "user/ci", "AWS_ROLE_ARN is not used"},
		{"no role", nil, with(bare, "AWS_WEB_IDENTITY_TOKEN_FILE", token), "not set: AWS_ROLE_ARN", "", ""},
		{"no token", nil, with(bare, "AWS_ROLE_ARN", web.ARN()), "not set: AWS_WEB_IDENTITY_TOKEN_FILE", "", ""},
		{"no token file", nil, with(bare, "AWS_WEB_IDENTITY_TOKEN_FILE", token+"x", "AWS_ROLE_ARN", web.ARN()), "AWS_WEB_IDENTITY_TOKEN_FILE: open", "", ""},
		{"an empty token file", nil, with(bare, "AWS_WEB_IDENTITY_TOKEN_FILE", write("empty", "\n"), "AWS_ROLE_ARN", web.ARN()), "it is empty", "", ""},
		{"a long token file", nil, with(bare, "AWS_WEB_IDENTITY_TOKEN_FILE", write("long", strings.Repeat("x", 20001)), "AWS_ROLE_ARN", web.ARN()), "20001 bytes long", "", ""},
		{"a token of another", nil, with(bare, "AWS_WEB_IDENTITY_TOKEN_FILE", write("foreign", "a.b.c"), "AWS_ROLE_ARN", web.ARN()), "the token in AWS_WEB_IDENTITY_TOKEN_FILE is not accepted", "", ""},

		{"profile", reader, with(bare, "AWS_PROFILE", "one"), home, "user/one", ""},
		{"profile's region", reader, with(bare, "AWS_PROFILE", "one", "AWS_REGION", "-"), account + ".dkr.ecr.us-east-1.amazonaws.com", "user/one", ""},
		{"profiles", reader, with(bare, "AWS_PROFILE", "one, two of us", "AWS_REGION", "-"),
			account + ".dkr.ecr.us-east-1.amazonaws.com " + other + ".dkr.ecr.eu-west-1.amazonaws.com", "", ""},
		{"profiles of one account", reader, with(bare, "AWS_PROFILE", "one,bare"), home, "user/one",
			`profile "one" and profile "bare" both have a token`},
		{"profile without a region", reader, with(bare, "AWS_PROFILE", "bare", "AWS_REGION", "-"), "not set: AWS_REGION", "", ""},
		{"keys before a profile", reader, with(vars, "AWS_PROFILE", "one"), home, "user/ci", "AWS_PROFILE is not used, since AWS_ACCESS_KEY_ID is set"},
		{"profile of a region without dual-stack", &profiles{keys: map[string]ecr.ProfileKeys{"e": profileKeys(one, "eusc-de-east-1")}},
			with(bare, "AWS_PROFILE", "e", "AWS_REGION", "-", "AWS_USE_DUALSTACK_ENDPOINT", "true"), "AWS names no such registries for eusc-de-east-1", "", ""},
		{"no profiles here", nil, with(bare, "AWS_PROFILE", "one"), "this program reads no profiles", "", ""},
		{"the default profile", byDefault, with(bare, "AWS_REGION", "-"), other + ".dkr.ecr.eu-central-1.amazonaws.com", "user/two", ""},
		{"the default profile before the container", byDefault, with(bare, container, server+fakeaws.ContainerPath), other + ".dkr.ecr.eu-west-1.amazonaws.com", "user/two", ""},

		{"container", reader, with(bare, container, server+fakeaws.ContainerPath, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer canary"), home, "assumed-role/task", ""},
		{"container with a file", nil, with(bare, container, server+fakeaws.ContainerPath, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", write("auth", "Bearer canary\n")), home, "assumed-role/task", ""},
		{"container with another token", nil, with(bare, container, server+fakeaws.ContainerPath, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer canary-2"), "the container's endpoint gives no keys: the answer is AccessDenied", "", ""},
		{"container without its file", nil, with(bare, container, server+fakeaws.ContainerPath, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", dir+"/none"), "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: open", "", ""},
		{"container elsewhere", nil, with(bare, container, "http://10.0.0.1/keys"), "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor", "", ""},
		{"container by a name", nil, with(bare, container, "http://localhost.evil.example/keys"), "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor", "", ""},
		{"container by a path that leads away", nil, with(bare, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@evil.example/"), "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not a path", "", ""},

		{"instance", reader, with(bare, "AWS_EC2_METADATA_DISABLED", "-", "AWS_EC2_METADATA_SERVICE_ENDPOINT", server), home, "assumed-role/instance", ""},
		{"role over an instance", reader, with(bare, "AWS_EC2_METADATA_DISABLED", "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT", server, "AWS_STS_ROLE", "none", "AWS_STS_ACCOUNT", other),
			"the role arn:aws:iam::210987654321:role/none cannot be assumed: User: arn:aws:sts::012345678901:assumed-role/instance/x is not authorized to perform: sts:AssumeRole", "", ""},
		{"nothing", reader, bare, "no credentials of AWS are found: AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE and AWS_PROFILE are not set; there is no default profile with keys; no container's endpoint is set; the instance metadata is not asked, since AWS_EC2_METADATA_DISABLED is true", "", ""},
	} {
		t.Run(c.label, func(t *testing.T) {
			result, err := generate(t, ecr.Config{Profiles: c.profiles}, c.vars)
			got := strings.Join(registries(result), " ")
			if err != nil {
				got = err.Error()
				if !strings.Contains(got, c.want) || strings.Count(got, "ecr: ") != 1 {
					t.Errorf("got %q, want %q", got, c.want)
				}
				for _, secret := range []string{jwt, "canary-2"} {
					if strings.Contains(got, secret) {
						t.Errorf("it shows a secret: %v", err)
					}
				}
				return
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if calls := fake.Calls(); c.arn != "" && !slices.ContainsFunc(calls[len(calls)-2:], func(call fakeaws.Call) bool { return strings.Contains(call.ARN, c.arn) }) {
				t.Errorf("%s asked, want %s", calls[len(calls)-1].ARN, c.arn)
			}
			if notices := strings.Join(result.Notices, "\n"); (notices == "") != (c.notice == "") || !strings.Contains(notices, c.notice) {
				t.Errorf("notices %q, want %q", notices, c.notice)
			}
		})
	}
	if !slices.Contains(reader.asked, "two of us") || reader.seen["AWS_ENDPOINT_URL"].Reveal() != server || reader.seen["AWS_SECRET_ACCESS_KEY"] != (dockercfg.Secret{}) {
		t.Errorf("profiles: asked for %q with %v", reader.asked, slices.Sorted(maps.Keys(reader.seen)))
	}

	fake.AddInstance("arn:aws:sts::012345678901:assumed-role/old/x", true)
	instance := with(bare, "AWS_EC2_METADATA_DISABLED", "-", "AWS_EC2_METADATA_SERVICE_ENDPOINT", server)
	if result, err := generate(t, ecr.Config{}, instance); err != nil || len(result.Entries) != 1 {
		t.Errorf("version 1 of the metadata: %v", err)
	}
	_, err := generate(t, ecr.Config{}, with(instance, "AWS_EC2_METADATA_V1_DISABLED", "true", "AWS_REGION", "-"))
	missing, ok := errors.AsType[*generators.MissingVariablesError](err)
	if !ok || !slices.Equal(missing.Names, []string{"AWS_REGION"}) {
		t.Errorf("version 1 and no region: got %v", err)
	}
	_, err = generate(t, ecr.Config{Profiles: reader}, with(instance, "AWS_EC2_METADATA_V1_DISABLED", "true", "AWS_REGION", "-"))
	missing, ok = errors.AsType[*generators.MissingVariablesError](err)
	if !ok || !slices.Equal(missing.Names, original.must) || !strings.Contains(err.Error(), "the instance metadata: the answer has none") {
		t.Errorf("version 1 refused: got %v", err)
	}
}

// TestEnvironmentStaysOut sets variables of the process, none of which may count.
func TestEnvironmentStaysOut(t *testing.T) {
	fake, wrong := &fakeaws.AWS{}, &fakeaws.AWS{}
	vars := start(t, fake)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("asked by the environment: %s %s", r.Method, r.URL.Path)
		wrong.ServeHTTP(w, r)
	}))
	defer elsewhere.Close()
	for name := range map[string]bool{"AWS_ENDPOINT_URL": true, "AWS_ENDPOINT_URL_STS": true, "AWS_ENDPOINT_URL_ECR": true, "AWS_EC2_METADATA_SERVICE_ENDPOINT": true, "AWS_CONTAINER_CREDENTIALS_FULL_URI": true} {
		t.Setenv(name, elsewhere.URL)
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIAWRONG", "AWS_SECRET_ACCESS_KEY": "wrong", "AWS_SESSION_TOKEN": "wrong", "AWS_REGION": "us-west-2", "AWS_PROFILE": "wrong",
		"AWS_CA_BUNDLE": "/none", "AWS_USE_FIPS_ENDPOINT": "true", "AWS_MAX_ATTEMPTS": "1", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	fake.AddRole(fakeaws.Role{Account: other, Name: "ci", Actions: all, Trusts: []string{user}})
	fake.AddInstance("arn:aws:sts::012345678901:assumed-role/instance/x", false)
	for label, vars := range map[string]map[string]string{
		"keys":     vars,
		"role":     with(vars, "AWS_STS_ROLE", "ci", "AWS_STS_ACCOUNT", other),
		"instance": with(keyless(vars), "AWS_EC2_METADATA_DISABLED", "-", "AWS_EC2_METADATA_SERVICE_ENDPOINT", vars["AWS_ENDPOINT_URL"]),
	} {
		if result, err := generate(t, ecr.Config{}, vars); err != nil || len(result.Entries) != 1 {
			t.Errorf("%s: got %q, %v", label, registries(result), err)
		}
	}
}

// TestWrongValues refuses what cannot be meant, before anything is asked, and quotes
// no value.
func TestWrongValues(t *testing.T) {
	fake := &fakeaws.AWS{}
	vars := start(t, fake)
	for _, c := range []struct{ name, value, want string }{
		{"AWS_REGION", "Ireland", "AWS_REGION holds what is not the name of a region"},
		{"AWS_REGION", "eu-west-1,canary", "AWS_REGION holds what is not the name of a region"},
		{"AWS_REGION", "eu-west-1.evil.example/", "AWS_REGION holds what is not the name of a region"},
		{"AWS_REGION", "eu-west-1,cn-north-1", "cn-north-1 is in the partition aws-cn of AWS, and eu-west-1 in aws"},
		{"AWS_SECRET_ACCESS_KEY", `"canary"`, "AWS_SECRET_ACCESS_KEY holds a quotation mark"},
		{"AWS_SECRET_ACCESS_KEY", "canary ", "AWS_SECRET_ACCESS_KEY holds a blank"},
		{"AWS_ACCESS_KEY_ID", "canary\n", "AWS_ACCESS_KEY_ID holds a blank"},
		{"AWS_SESSION_TOKEN", "canary\x00", "AWS_SESSION_TOKEN holds a blank"},
		{"AWS_STS_ACCOUNT", "12345678901", "account id of 11 digits, and they have 12: zeros"},
		{"AWS_STS_ACCOUNT", "canary", "not an account id"},
		{"AWS_STS_ACCOUNT", account + " " + account, "names an account twice"},
		{"AWS_ECR_REGISTRY_IDS", "x", "AWS_ECR_REGISTRY_IDS holds what is not an account id"},
		{"AWS_STS_ROLE", "arn:aws:iam::012345678901:role/canary", "AWS_STS_ROLE holds an ARN"},
		{"AWS_STS_ROLE", "a canary", "AWS_STS_ROLE is not the name of a role"},
		{"AWS_ROLE_SESSION_NAME", "x", "AWS_ROLE_SESSION_NAME is not"},
		{"AWS_ROLE_SESSION_NAME", "a canary", "AWS_ROLE_SESSION_NAME is not"},
		{"AWS_ENDPOINT_URL", "canary", "AWS_ENDPOINT_URL is not a URL"},
		{"AWS_ENDPOINT_URL_ECR", "https://user:canary@h.example", "AWS_ENDPOINT_URL_ECR holds a user name"},
		{"AWS_ENDPOINT_URL_STS", "https://h.example/?canary", "AWS_ENDPOINT_URL_STS holds a query"},
		{"AWS_ENDPOINT_URL_ECR_PUBLIC", "ftp://h.example", "AWS_ENDPOINT_URL_ECR_PUBLIC is not a URL"},
		{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "canary", "AWS_EC2_METADATA_SERVICE_ENDPOINT is not a URL"},
		{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "canary", "is neither IPv4 nor IPv6"},
		{"AWS_USE_FIPS_ENDPOINT", "canary", "AWS_USE_FIPS_ENDPOINT is neither true nor false"},
		{"AWS_USE_DUALSTACK_ENDPOINT", "yes", "AWS_USE_DUALSTACK_ENDPOINT is neither"},
		{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "1", "is neither true nor false"},
		{"AWS_EC2_METADATA_DISABLED", "1", "is neither true nor false"},
		{"AWS_STS_REGIONAL_ENDPOINTS", "legacy", "AWS_STS_REGIONAL_ENDPOINTS is not regional"},
		{"AWS_RETRY_MODE", "canary", "AWS_RETRY_MODE is none of"},
		{"AWS_MAX_ATTEMPTS", "0", "AWS_MAX_ATTEMPTS is not a number from 1 to 99"},
		{"AWS_MAX_ATTEMPTS", "-1", "AWS_MAX_ATTEMPTS is not a number"},
		{"AWS_MAX_ATTEMPTS", "canary", "AWS_MAX_ATTEMPTS is not a number"},
		{"AWS_CA_BUNDLE", "/none", "ecr: AWS_CA_BUNDLE: open /none"},
	} {
		scope := vars
		if strings.HasPrefix(c.name, "AWS_STS_") {
			scope = with(scope, "AWS_STS_ROLE", "r", "AWS_STS_ACCOUNT", other)
		}
		_, err := generate(t, ecr.Config{}, with(scope, c.name, c.value))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") || strings.Count(err.Error(), "ecr: ") != 1 {
			t.Errorf("%s=%q: got %v, want %q", c.name, c.value, err, c.want)
		}
	}
	for _, c := range []struct {
		config ecr.Config
		vars   []string
		want   string
	}{
		{ecr.Config{}, []string{"ECR_PUBLIC", "", "AWS_USE_FIPS_ENDPOINT", "true"}, "AWS_USE_FIPS_ENDPOINT is set, and ECR Public has no such servers"},
		{ecr.Config{}, []string{"ECR_PUBLIC", "", "AWS_REGION", "cn-north-1"}, "ECR Public is in the partition aws of AWS, and cn-north-1 in aws-cn"},
		{ecr.Config{}, []string{"AWS_REGION", "eusc-de-east-1", "AWS_USE_DUALSTACK_ENDPOINT", "true"}, "AWS names no such registries for eusc-de-east-1"},
		{ecr.Config{Registries: []string{account + ".dkr.ecr.cn-north-1.amazonaws.com.cn", home}}, nil, "partition"},
		{ecr.Config{Registries: []string{"a b"}}, nil, "registry 1 of 1: dockercfg: registry name: it holds a blank"},
	} {
		if _, err := generate(t, c.config, with(vars, c.vars...)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %q", c.vars, err, c.want)
		}
	}
	if n := len(fake.Calls()); n != 0 {
		t.Errorf("%d requests", n)
	}
	// What means the same as if it were not there.
	for name, value := range map[string]string{"AWS_STS_REGIONAL_ENDPOINTS": "regional", "AWS_RETRY_MODE": "adaptive", "AWS_MAX_ATTEMPTS": "5", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "ipv6"} {
		if _, err := generate(t, ecr.Config{}, with(vars, name, value)); err != nil {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
	if result, err := generate(t, ecr.Config{}, with(vars, "AWS_ENDPOINT_URL_STS", "http://sts.example")); err != nil || !slices.Equal(result.Notices, []string{
		"AWS_ENDPOINT_URL_STS is not https: whoever is on the way can read the token that comes back",
	}) {
		t.Errorf("got %q, %v", result.Notices, err)
	}
}

// TestNew is the typed way in.
func TestNew(t *testing.T) {
	fake := &fakeaws.AWS{}
	vars := start(t, fake)
	config := ecr.Config{
		Regions:   []string{"eu-west-1"},
		Keys:      ecr.Keys{ID: vars["AWS_ACCESS_KEY_ID"], Secret: dockercfg.NewSecret(vars["AWS_SECRET_ACCESS_KEY"])},
		Endpoints: ecr.Endpoints{ECR: vars["AWS_ENDPOINT_URL"]},
	}
	source, err := ecr.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if result, err := source.Generate(t.Context()); err != nil || !slices.Equal(registries(result), []string{home}) {
		t.Errorf("got %q, %v", registries(result), err)
	}
	for _, bad := range []ecr.Config{
		{Regions: []string{"eu-west-1"}, Keys: ecr.Keys{ID: "AKIA"}},
		{Regions: []string{"eu-west-1"}, Keys: ecr.Keys{Secret: dockercfg.NewSecret("x")}},
		{Regions: []string{"eu-west-1"}, Role: ecr.Role{Name: "x"}},
		{Regions: []string{"eu-west-1"}, Role: ecr.Role{Accounts: []string{account}}},
		{Regions: []string{"eu-west-1"}, WebIdentity: ecr.WebIdentity{TokenFile: "x", RoleARN: "arn:aws:iam::1:role/x"}},
	} {
		if source, err := ecr.New(bad); source != nil || err == nil {
			t.Errorf("%v: got %v, %v", bad, source, err)
		}
	}
	cut := config
	cut.Deadline = time.Nanosecond
	if source, err = ecr.New(cut); err != nil {
		t.Fatal(err)
	}
	if _, err := source.Generate(t.Context()); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "AWS took over 1ns") {
		t.Errorf("got %v", err)
	}
}

func ExampleConfig() {
	config := ecr.Config{
		Regions: []string{"eu-west-1", "us-east-1"},
		Keys:    ecr.Keys{ID: "AKIAIOSFODNN7EXAMPLE", Secret: dockercfg.NewSecret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")},
		Role:    ecr.Role{Name: "ci", Accounts: []string{"012345678901"}},
	}
	source, err := ecr.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = source // source.Generate asks AWS
	fmt.Println(config.Keys.Secret)
	// Output: [redacted]
}

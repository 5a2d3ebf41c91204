package oracle

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dockercfg/jet/internal/fakeaws"
)

const (
	awsAccount = "012345678901"
	awsOther   = "210987654321"
	awsUser    = "arn:aws:iam::012345678901:user/ci"
)

var awsActions = []string{fakeaws.Token, fakeaws.PublicToken, fakeaws.BearerToken, fakeaws.AssumeRole}

// startAWS runs what stands in for AWS, and gives its URL and the key of a user.
func startAWS(t *testing.T, fake *fakeaws.AWS) (url string, key fakeaws.Key) {
	t.Helper()
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	fake.AddRole(fakeaws.Role{Account: awsOther, Name: "push", Actions: awsActions, Trusts: []string{awsUser}, ExternalID: "an id"})
	return server.URL, fake.AddUser("aws", awsAccount, "ci", awsActions...)
}

// awsVariables are those of a user.
func awsVariables(url string, key fakeaws.Key, more ...string) []string {
	return append([]string{
		"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=" + key.ID, "AWS_SECRET_ACCESS_KEY=" + key.Secret, "AWS_ENDPOINT_URL=" + url, "AWS_EC2_METADATA_DISABLED=true",
	}, more...)
}

// TestECR is the whole way: keys of AWS, a token of an ECR whose registry is a real
// one, an encrypted file, and real clients with what comes out of it.
func TestECR(t *testing.T) {
	password := "token:with/all+that=a " + strings.Repeat("token has ", 100)
	if len(password) > 72 {
		password = password[:72] // bcrypt takes no more
	}
	registry := startRegistry(t, account{"AWS", password})
	fake := &fakeaws.AWS{
		Registry: func(string, string) string { return "http://" + registry },
		Password: func(string, string) string { return password },
	}
	url, key := startAWS(t, fake)
	p := newProject(t)
	write(t, filepath.Join(p.dir, "ecr.env"), strings.Join(awsVariables(url, key), "\n")+"\n")
	config := p.config(t, "ecr.env")
	for _, c := range clients(t) {
		image := registry + "/ecr/" + c.name + ":1"
		if out, err := c.push(t, config, image); err != nil {
			t.Errorf("%s does not push: %v\n%s", c.name, err, out)
			continue
		}
		if out, err := c.pull(t, config, image); err != nil {
			t.Errorf("%s does not pull: %v\n%s", c.name, err, out)
		}
	}
}

// awsCLI gives the AWS CLI: Debian's, if it is there.
func awsCLI(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat("/usr/bin/aws"); err == nil {
		return "/usr/bin/aws"
	}
	return find(t, "aws", "awscli")
}

// TestAWSCLI has the AWS CLI ask what stands in for AWS: the stand-in is right where a
// client of AWS's own is content, and refuses it for the right reasons.
func TestAWSCLI(t *testing.T) {
	cli := awsCLI(t)
	fake := &fakeaws.AWS{}
	url, key := startAWS(t, fake)
	dir := t.TempDir()
	// The CLI is older than AWS_ENDPOINT_URL.
	aws := func(key fakeaws.Key, args ...string) (string, error) {
		region := "eu-west-1"
		if args[0] == "ecr-public" {
			region = "us-east-1"
		}
		env := append(awsVariables(url, key), "AWS_DEFAULT_REGION="+region, "AWS_REGION="+region, "AWS_PAGER=", "AWS_SESSION_TOKEN="+key.SessionToken)
		if key.SessionToken == "" {
			env = env[:len(env)-1]
		}
		return run(t, dir, env, cli, append([]string{"--endpoint-url", url, "--output", "text"}, args...)...)
	}
	role := []string{"sts", "assume-role", "--role-arn", "arn:aws:iam::210987654321:role/push", "--role-session-name", "cli", "--external-id"}
	for _, c := range []struct {
		key  fakeaws.Key
		args []string
		want string // in what it prints
		good bool
	}{
		{key, []string{"sts", "get-caller-identity"}, awsUser, true},
		{key, []string{"ecr", "get-login-password"}, "password of 012345678901 in eu-west-1", true},
		{key, []string{"ecr", "get-authorization-token"}, "012345678901.dkr.ecr.eu-west-1.amazonaws.com", true},
		{key, []string{"ecr-public", "get-login-password"}, "password of public in us-east-1", true},
		{key, append(role, "an id"), "assumed-role/push/cli", true},
		{key, append(role, "another"), "AccessDenied", false},
		{fakeaws.Key{ID: key.ID, Secret: key.Secret + "x"}, []string{"ecr", "get-login-password"}, "InvalidSignatureException", false},
		{fakeaws.Key{ID: key.ID, Secret: key.Secret + "x"}, []string{"sts", "get-caller-identity"}, "SignatureDoesNotMatch", false},
		{fakeaws.Key{ID: "AKIANOBODY", Secret: key.Secret}, []string{"ecr", "get-login-password"}, "UnrecognizedClientException", false},
	} {
		out, err := aws(c.key, c.args...)
		if (err == nil) != c.good || !strings.Contains(out, c.want) {
			t.Errorf("aws %s: %v\n%s", strings.Join(c.args, " "), err, out)
		}
	}
	// What it gets for a session of a role opens as much as what jet makes of it.
	out, err := aws(key, append(append(role, "an id"), "--query", "Credentials.[AccessKeyId,SecretAccessKey,SessionToken]")...)
	session := strings.Fields(out)
	if err != nil || len(session) != 3 {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err = aws(fakeaws.Key{ID: session[0], Secret: session[1], SessionToken: session[2]}, "ecr", "get-login-password")
	if err != nil || strings.TrimSpace(out) != "password of 210987654321 in eu-west-1" {
		t.Errorf("with a session: %v\n%s", err, out)
	}
	shown := mustRun(t, dir, awsVariables(url, key, "AWS_STS_ROLE=push", "AWS_STS_ACCOUNT="+awsOther, "AWS_STS_EXTERNAL_ID=an id", "DOCKER_CONFIG="+dir),
		jet(t), "generate", "dockercfg", "cfg")
	mustRun(t, dir, nil, jet(t), "dockercfg", "show", "cfg")
	secret := mustRun(t, dir, nil, jet(t), "token", awsOther+".dkr.ecr.eu-west-1.amazonaws.com", "--dockercfg", "cfg")
	if strings.TrimSpace(secret) != strings.TrimSpace(out) {
		t.Errorf("jet has another password than aws ecr get-login-password:\n%s\n%s", secret, shown)
	}
}

// resign computes the signatures of requests anew, by the signer of AWS's Python SDK,
// and prints for each whether that is the one it came with.
const resign = `
import datetime, json, re, sys
from unittest import mock
import botocore.auth, botocore.awsrequest, botocore.credentials
for line in sys.stdin:
    call = json.loads(line)
    header = dict(call["Header"])
    given = header.pop("Authorization")
    scope = re.search(r"Credential=([^,]*), *SignedHeaders=([^,]*), *Signature=([0-9a-f]*)", given)
    key, date, region, service, _ = scope.group(1).split("/")
    names = scope.group(2).split(";")
    request = botocore.awsrequest.AWSRequest(method=call["Method"], url="http://" + call["Host"] + call["Path"], data=call["Body"].encode(),
        headers={n: v for n, v in header.items() if n.lower() in names})
    request.headers["Host"] = call["Host"]
    stamp = header["X-Amz-Date"]
    request.context["timestamp"] = stamp
    signer = botocore.auth.SigV4Auth(botocore.credentials.Credentials(key, call["Secret"], header.get("X-Amz-Security-Token")), service, region)
    canonical = signer.canonical_request(request)
    same = canonical.split("\n")[-2] == scope.group(2)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    print("%s %s" % (service, "good" if same and signature == scope.group(3) else "bad"))
`

// TestBotocore has the signatures of jet's requests computed by AWS's Python SDK.
func TestBotocore(t *testing.T) {
	python := pythonWith(t, "botocore", "python3-botocore")
	fake := &fakeaws.AWS{}
	url, key := startAWS(t, fake)
	dir := t.TempDir()
	for _, more := range [][]string{
		nil,
		{"ECR_PUBLIC="},
		{"AWS_STS_ROLE=push", "AWS_STS_ACCOUNT=" + awsOther, "AWS_STS_EXTERNAL_ID=an id"},
	} {
		mustRun(t, dir, awsVariables(url, key, append(more, "DOCKER_CONFIG="+dir)...), jet(t), "generate", "dockercfg", "cfg")
	}
	var input strings.Builder
	add := func(call fakeaws.Call, secret, body string) {
		header := make(map[string]string)
		for name := range call.Header {
			header[name] = call.Header.Get(name)
		}
		header["Content-Length"] = fmt.Sprint(len(body))
		line, err := json.Marshal(map[string]any{"Method": call.Method, "Host": call.Host, "Path": call.Path, "Header": header, "Body": body, "Secret": secret})
		if err != nil {
			t.Fatal(err)
		}
		input.Write(append(line, '\n'))
	}
	calls := fake.Calls()
	for _, call := range calls {
		id, _, _ := strings.Cut(strings.TrimPrefix(call.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential="), "/")
		add(call, fake.Secret(id), string(call.Body))
	}
	add(calls[0], key.Secret+"x", string(calls[0].Body))
	add(calls[0], key.Secret, `{"x":1}`)
	out, err := runWith(t, input.String(), dir, nil, python, "-c", resign)
	if err != nil || out != "ecr good\necr-public good\nsts good\necr good\necr bad\necr bad\n" {
		t.Errorf("%v\n%s", err, out)
	}
}

// pythonWith gives a Python that has a module: Debian's, if it is there.
func pythonWith(t *testing.T, module, debianPackage string) string {
	t.Helper()
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		cmd := exec.Command(python, "-c", "import "+module)
		if cmd.Run() == nil {
			return python
		}
	}
	missing(t, "Python has no module %s (Debian: %s)", module, debianPackage)
	return ""
}

// TestMoto asks moto, where that happens to be: a server that others made to stand in
// for AWS. It checks signatures and policies; its tokens are of 2015.
func TestMoto(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err == nil {
		err = exec.Command(python, "-c", "import moto.server").Run()
	}
	if err != nil {
		t.Skip("moto is not here, and no package has it")
	}
	cli := awsCLI(t)
	dir := t.TempDir()
	address := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	server := exec.Command(python, "-m", "moto.server", "-H", "127.0.0.1", "-p", strings.TrimPrefix(address, "127.0.0.1:"))
	const setUp = 5 // requests, which nobody is asked to sign
	server.Env = append(os.Environ(), fmt.Sprintf("INITIAL_NO_AUTH_ACTION_COUNT=%d", setUp))
	startServer(t, dir, server)
	url := "http://" + address
	waitForStatus(t, "moto", url+"/moto-api/", 200)
	aws := func(args ...string) string {
		out := mustRun(t, dir, awsVariables(url, fakeaws.Key{ID: "AKIASETUP", Secret: "x"}, "AWS_DEFAULT_REGION=eu-west-1", "AWS_PAGER="),
			cli, append([]string{"--endpoint-url", url, "--output", "text"}, args...)...)
		return strings.TrimSpace(out)
	}
	aws("iam", "create-user", "--user-name", "ci")
	key := strings.Fields(aws("iam", "create-access-key", "--user-name", "ci", "--query", "AccessKey.[AccessKeyId,SecretAccessKey]"))
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","sts:AssumeRole"],"Resource":"*"}]}`
	aws("iam", "put-user-policy", "--user-name", "ci", "--policy-name", "p", "--policy-document", policy)
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}`
	aws("iam", "create-role", "--role-name", "push", "--assume-role-policy-document", trust)
	aws("iam", "put-role-policy", "--role-name", "push", "--policy-name", "p", "--policy-document", policy)
	const (
		accepted = "the answer holds a token that expired at 2015-01-01T00:00:00Z"
		refused  = "answers 403 Forbidden" // of the forms that AWS has for the reason it has none
	)
	for _, c := range []struct {
		label, secret string
		more          []string
		want          string
	}{
		{"the user", key[1], nil, accepted},
		{"a role", key[1], []string{"AWS_STS_ROLE=push", "AWS_STS_ACCOUNT=123456789012"}, accepted},
		{"another secret", key[1] + "x", nil, refused},
		{"another secret, before a role", key[1] + "x", []string{"AWS_STS_ROLE=push", "AWS_STS_ACCOUNT=123456789012"}, refused},
	} {
		out, err := run(t, dir, awsVariables(url, fakeaws.Key{ID: key[0], Secret: c.secret}, append(c.more, "DOCKER_CONFIG="+dir)...), jet(t), "generate", "dockercfg", "cfg")
		if err == nil || !strings.Contains(out, c.want) || strings.Contains(out, key[1]) {
			t.Errorf("%s: %v\n%s", c.label, err, out)
		}
	}
}

// TestProfileProgram reads a profile by the program that comes with jet, and where
// that is not there by the AWS CLI.
func TestProfileProgram(t *testing.T) {
	fake := &fakeaws.AWS{}
	url, key := startAWS(t, fake)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "config"), "[profile ci]\nregion=eu-west-1\n[profile push]\nrole_arn=arn:aws:iam::210987654321:role/push\nexternal_id=an id\nsource_profile=ci\nregion=eu-west-1\n")
	write(t, filepath.Join(dir, "credentials"), "[ci]\naws_access_key_id="+key.ID+"\naws_secret_access_key="+key.Secret+"\n")
	env := []string{"AWS_CONFIG_FILE=" + dir + "/config", "AWS_SHARED_CREDENTIALS_FILE=" + dir + "/credentials", "AWS_ENDPOINT_URL=" + url, "DOCKER_CONFIG=" + dir}
	alone := filepath.Join(t.TempDir(), "jet")
	data, err := os.ReadFile(jet(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(alone, data, 0o700); err != nil {
		t.Fatal(err)
	}
	build(t, filepath.Join("..", ".."), "./cmd/jet-aws-profile") // beside jet
	for profile, registry := range map[string]string{"ci": awsAccount, "push": awsOther} {
		out, err := run(t, dir, append(env, "AWS_PROFILE="+profile), jet(t), "generate", "dockercfg", "cfg", "--from", "ecr")
		if err != nil || !strings.Contains(out, registry+".dkr.ecr.eu-west-1.amazonaws.com") {
			t.Errorf("profile %s: %v\n%s", profile, err, out)
		}
	}
	out, err := run(t, dir, append(env, "AWS_PROFILE=ci", "PATH="+dir), alone, "generate", "dockercfg", "cfg", "--from", "ecr")
	if err == nil || !strings.Contains(out, "hint: install jet-aws-profile") {
		t.Errorf("neither program: %v\n%s", err, out)
	}
	cli := awsCLI(t)
	help, _ := run(t, dir, []string{"AWS_PAGER="}, cli, "configure", "export-credentials", "--format=process")
	if strings.Contains(help, "Invalid choice") || strings.Contains(help, "invalid choice") {
		t.Logf("the AWS CLI here is too old for profiles")
		return
	}
	out, err = run(t, dir, append(env, "AWS_PROFILE=ci", "PATH="+filepath.Dir(cli)), alone, "generate", "dockercfg", "cfg", "--from", "ecr")
	if err != nil || !strings.Contains(out, awsAccount+".dkr.ecr.eu-west-1.amazonaws.com") {
		t.Errorf("by the AWS CLI: %v\n%s", err, out)
	}
}

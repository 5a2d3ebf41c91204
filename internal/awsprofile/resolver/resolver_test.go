package resolver

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dockercfg/jet/internal/awsprofile"
	"github.com/dockercfg/jet/internal/fakeaws"
)

const (
	account = "012345678901"
	other   = "210987654321"
)

// TestProfiles reads every kind of profile.
func TestProfiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("profiles run programs in sh")
	}
	fake := &fakeaws.AWS{}
	server := httptest.NewServer(fake)
	defer server.Close()
	key := fake.AddUser("aws", account, "ci", fakeaws.AssumeRole)
	fake.AddRole(fakeaws.Role{Account: other, Name: "one", Actions: []string{fakeaws.AssumeRole}, Trusts: []string{"arn:aws:iam::012345678901:user/ci"}, ExternalID: "x"})
	fake.AddRole(fakeaws.Role{Account: other, Name: "two", Trusts: []string{"arn:aws:sts::210987654321:assumed-role/one/first"}})
	fake.AddSSO("sso-token", account, "Developer")
	fake.AddContainer("Bearer token", "arn:aws:sts::012345678901:assumed-role/task/x")

	home := t.TempDir()
	cache := filepath.Join(home, ".aws", "sso", "cache")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(path, text string) string {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cached := func(name, token string, expires time.Time) {
		sum := sha1.Sum([]byte(name))
		write(filepath.Join(cache, hex.EncodeToString(sum[:])+".json"), fmt.Sprintf(`{"accessToken":%q,"expiresAt":%q}`, token, expires.UTC().Format(time.RFC3339)))
	}
	cached("good", "sso-token", time.Now().Add(time.Hour))
	cached("late", "sso-token", time.Now().Add(-time.Hour))
	cached("foreign", "another", time.Now().Add(time.Hour))
	session := func(name string) string {
		return fmt.Sprintf("[profile %s]\nsso_session = %s\nsso_account_id = %s\nsso_role_name = Developer\nregion = eu-west-3\n[sso-session %s]\nsso_region = eu-west-1\nsso_start_url = https://x.awsapps.com/start\n", name, name, account, name)
	}
	config := write(filepath.Join(home, "config"), `[default]
region = eu-central-1
[profile keys]
region = eu-west-2
[profile program]
credential_process = printf '{"Version":1,"AccessKeyId":"ASIAPROGRAM","SecretAccessKey":"s","SessionToken":"t","Expiration":"2999-01-01T00:00:00Z"}'
[profile broken]
credential_process = false
[profile first]
role_arn = arn:aws:iam::210987654321:role/one
role_session_name = first
external_id = x
source_profile = keys
region = eu-west-1
[profile second]
role_arn = arn:aws:iam::210987654321:role/two
source_profile = first
region = eu-west-1
[profile refused]
role_arn = arn:aws:iam::210987654321:role/none
source_profile = keys
region = eu-west-1
[profile mfa]
role_arn = arn:aws:iam::210987654321:role/one
source_profile = keys
mfa_serial = arn:aws:iam::012345678901:mfa/me
region = eu-west-1
[profile task]
role_arn = arn:aws:iam::210987654321:role/one
credential_source = EcsContainer
region = eu-west-1
[profile empty]
region = eu-west-1
[profile login]
login_session = arn:aws:iam::012345678901:user/ci
region = eu-west-1
`+session("good")+session("late")+session("foreign")+session("none"))
	credentials := write(filepath.Join(home, "credentials"), "[keys]\naws_access_key_id = "+key.ID+"\naws_secret_access_key = "+key.Secret+"\n")
	variables := map[string]string{
		"AWS_CONFIG_FILE": config, "AWS_SHARED_CREDENTIALS_FILE": credentials, "AWS_ENDPOINT_URL": server.URL, "AWS_MAX_ATTEMPTS": "1",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.URL + fakeaws.ContainerPath, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Bearer token",
	}
	t.Setenv("HOME", home)
	// What the process has does not count.
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAWRONG")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	t.Setenv("AWS_REGION", "us-west-2")
	for _, c := range []struct {
		profile, region string // region: in the variables
		id, want        string // prefix of the key's id and the region; or in stderr
		hint            string
	}{
		{"keys", "", key.ID, "eu-west-2", ""},
		{"keys", "us-east-2", key.ID, "us-east-2", ""},
		{"program", "", "ASIAPROGRAM", "", ""},
		{"first", "", "ASIA", "eu-west-1", ""},
		{"second", "", "ASIA", "eu-west-1", ""},
		{"good", "", "ASIA", "eu-west-3", ""},
		{"", "", "", "eu-central-1", ""},
		{"broken", "", "-", "its credential_process gives no keys: ", ""},
		{"refused", "", "-", "AWS answers AccessDenied: User: arn:aws:iam::012345678901:user/ci is not authorized to perform: sts:AssumeRole", ""},
		{"task", "", "-", "AWS answers AccessDenied: User: arn:aws:sts::012345678901:assumed-role/task/x", ""},
		{"mfa", "", "-", "a code of a second factor", "hint: \"aws configure export-credentials --profile mfa"},
		{"late", "", "-", "the session of single sign-on is over, or there was none", "hint: aws sso login --profile late"},
		{"none", "", "-", "the session of single sign-on is over, or there was none", "hint: aws sso login --profile none"},
		{"foreign", "", "-", "AWS answers UnauthorizedException: Session token not found or invalid", "hint: aws sso login --profile foreign"},
		{"login", "", "-", "the sign-in of the profile is over, or there was none", "hint: aws login --profile login"},
		{"empty", "", "-", "says nothing about keys", ""},
		{"nobody", "", "-", "there is no such profile", "hint: \"aws configure list-profiles\""},
	} {
		t.Run(c.profile+c.region, func(t *testing.T) {
			request := awsprofile.Request{Version: 1, Profile: c.profile, Variables: maps.Clone(variables)}
			if c.region != "" {
				request.Variables["AWS_REGION"] = c.region
			}
			input, err := json.Marshal(request)
			if err != nil {
				t.Fatal(err)
			}
			var stdout, stderr bytes.Buffer
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			code := Main(ctx, nil, bytes.NewReader(input), &stdout, &stderr)
			if c.id == "-" {
				if code != 1 || !strings.Contains(stderr.String(), c.want) || !strings.Contains(stderr.String(), c.hint) || stdout.Len() > 0 || strings.Contains(stderr.String(), key.Secret) {
					t.Errorf("got %d, %q, %q", code, stdout.String(), stderr.String())
				}
				return
			}
			var answer awsprofile.Answer
			if err := json.Unmarshal(stdout.Bytes(), &answer); err != nil || code != 0 || stderr.Len() > 0 {
				t.Fatalf("got %d, %q, %v", code, stderr.String(), err)
			}
			if !strings.HasPrefix(answer.AccessKeyID, c.id) || answer.Region != c.want || answer.Version != 1 || (c.id == "") != (answer.SecretAccessKey == "") {
				t.Errorf("got %+v", answer)
			}
			if (answer.Expiration != nil) != (answer.SessionToken != "") {
				t.Errorf("a session that does not tell when it ends: %v", answer.Expiration)
			}
		})
	}
}

func TestMisuse(t *testing.T) {
	for _, c := range []struct {
		args        []string
		input, want string
	}{
		{[]string{"--help"}, "", "takes no arguments"},
		{nil, "canary", "is not JSON"},
		{nil, "", "is not JSON"},
		{nil, `{"Version":2}`, "of one release"},
	} {
		var stdout, stderr bytes.Buffer
		if code := Main(t.Context(), c.args, strings.NewReader(c.input), &stdout, &stderr); code != 2 || !strings.Contains(stderr.String(), c.want) || stdout.Len() > 0 || strings.Contains(stderr.String(), "canary") {
			t.Errorf("%q %q: got %d, %q", c.args, c.input, code, stderr.String())
		}
	}
}

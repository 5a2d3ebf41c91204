package ecr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go/logging"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/endpoint"
)

// baseKeys are keys before a role is assumed with them, and where they are used.
type baseKeys struct {
	aws.Credentials
	home string // region
}

// credentials gives the keys of a principal and its home region.
func (r *run) credentials(p principal) (aws.Credentials, string, error) {
	base, err := r.keys[p.profile]()
	if err != nil {
		return aws.Credentials{}, "", err
	}
	if p.account == "" {
		return base.Credentials, base.home, nil
	}
	keys, err := r.assumeRole(base, p.account)
	return keys, base.home, err
}

// base finds the keys that everything begins with.
func (r *run) base(profile string) (baseKeys, error) {
	c := r.config
	switch {
	case c.Keys.ID != "":
		return r.at("", awsKeys(c.Keys))
	case c.WebIdentity.TokenFile != "":
		home := r.homeRegion("")
		if home == "" {
			return baseKeys{}, missingRegion()
		}
		keys, err := r.webIdentity(home)
		return baseKeys{keys, home}, err
	case profile != "":
		if c.Profiles == nil {
			return baseKeys{}, errors.New("this program reads no profiles")
		}
		keys, err := c.Profiles.Keys(r.ctx, profile, r.profileVariables())
		if err != nil {
			return baseKeys{}, err
		}
		return r.at(keys.Region, awsKeys(keys.Keys))
	}
	return r.ambient()
}

// at gives keys with their home region.
func (s *Source) at(ofProfile string, keys aws.Credentials) (baseKeys, error) {
	home := s.homeRegion(ofProfile)
	if home == "" {
		return baseKeys{}, missingRegion()
	}
	return baseKeys{keys, home}, nil
}

func missingRegion() error {
	return &generators.MissingVariablesError{Backend: name, Names: []string{region.Name}}
}

func awsKeys(k Keys) aws.Credentials {
	return aws.Credentials{AccessKeyID: k.ID, SecretAccessKey: k.Secret.Reveal(), SessionToken: k.SessionToken.Reveal()}
}

func (s *Source) profileVariables() map[string]dockercfg.Secret {
	variables := make(map[string]dockercfg.Secret)
	for name, value := range s.config.ProfileVariables {
		variables[name] = value
	}
	if home := s.homeRegion(""); home != "" {
		variables[region.Name] = dockercfg.NewSecret(home)
	}
	return variables
}

// ambient looks for keys that nothing in the scope names: of the default profile, of
// the container, of the instance.
func (r *run) ambient() (baseKeys, error) {
	tried := []string{keyID.Name + ", " + tokenFile.Name + " and " + profile.Name + " are not set"}
	ofProfile := ""
	if r.config.Profiles != nil {
		keys, err := r.config.Profiles.Keys(r.ctx, "", r.profileVariables())
		switch {
		case err == nil:
			return r.at(keys.Region, awsKeys(keys.Keys))
		case !errors.Is(err, ErrNoKeys):
			return baseKeys{}, fmt.Errorf("the default profile: %w", err)
		}
		ofProfile = keys.Region
		tried = append(tried, "there is no default profile with keys")
	}
	if c := r.config.Container; c.Path != "" || c.URI != "" {
		keys, err := r.fromContainer()
		if err != nil {
			return baseKeys{}, err // it is set, so nothing else is meant
		}
		return r.at(ofProfile, keys)
	}
	tried = append(tried, "no container's endpoint is set")
	if r.config.Metadata.Disabled {
		tried = append(tried, "the instance metadata is not asked, since "+metadataDisabled.Name+" is true")
	} else if keys, err := r.fromInstance(); err == nil {
		return r.at(ofProfile, keys)
	} else if r.ctx.Err() != nil {
		return baseKeys{}, fmt.Errorf("the instance metadata: %w", context.Cause(r.ctx))
	} else {
		tried = append(tried, "the instance metadata: "+r.reason(err).Error())
	}
	missing := &generators.MissingVariablesError{Backend: name, Names: []string{keyID.Name, secretKey.Name}}
	if r.homeRegion(ofProfile) == "" {
		missing.Names = append([]string{region.Name}, missing.Names...)
	}
	return baseKeys{}, &generators.AdvisedError{
		Err:    &noKeysError{missing, tried},
		Advice: "set " + strings.Join(missing.Names, ", ") + " in the environment or an env file, or name a profile by " + profile.Name,
	}
}

// noKeysError says where keys were looked for.
type noKeysError struct {
	missing *generators.MissingVariablesError
	tried   []string
}

func (e *noKeysError) Error() string {
	return "no credentials of AWS are found: " + strings.Join(e.tried, "; ")
}

func (e *noKeysError) Unwrap() error { return e.missing }

// fromContainer asks Amazon ECS or EKS. No proxy has a part in it.
func (r *run) fromContainer() (aws.Credentials, error) {
	c := r.config.Container
	uri := c.URI
	if c.Path != "" {
		uri = ecsAddress + c.Path
	}
	token := c.Token.Reveal()
	if c.TokenFile != "" {
		var err error
		if token, err = readToken(c.TokenFile); err != nil {
			return aws.Credentials{}, fmt.Errorf("%s: %w", containerTokenFile.Name, err)
		}
	}
	provider := endpointcreds.New(uri, func(o *endpointcreds.Options) {
		o.HTTPClient = r.local()
		o.Retryer = aws.NopRetryer{}
		o.AuthorizationToken = token
	})
	keys, err := provider.Retrieve(r.ctx)
	if err == nil {
		err = usable(keys)
	}
	if err != nil {
		return aws.Credentials{}, &generators.AdvisedError{
			Err:    fmt.Errorf("the container's endpoint gives no keys: %w", r.reason(err)),
			Advice: containerPath.Name + " and " + containerURI.Name + " are set by Amazon ECS and EKS: a task needs a task role, a pod an association with a role",
		}
	}
	return keys, nil
}

// fromInstance asks the metadata of an EC2 instance. No proxy has a part in it.
func (r *run) fromInstance() (aws.Credentials, error) {
	c := r.config.Metadata
	o := imds.Options{
		ClientEnableState: imds.ClientEnabled, // else the environment is asked
		Endpoint:          c.Endpoint,
		HTTPClient:        r.local(),
		Retryer:           aws.NopRetryer{},
		Logger:            logging.Nop{},
		EnableFallback:    aws.BoolTernary(!c.OnlyV2),
	}
	if o.Endpoint == "" { // else the environment is asked
		o.Endpoint = "http://169.254.169.254"
		if c.IPv6 {
			o.Endpoint = "http://[fd00:ec2::254]"
		}
	}
	keys, err := ec2rolecreds.New(func(e *ec2rolecreds.Options) { e.Client = imds.New(o) }).Retrieve(r.ctx)
	if err == nil {
		err = usable(keys)
	}
	return keys, err
}

// localReach is how long a server next to this machine may take to be reached; the
// SDK gives it half of that (aws-sdk-go-v2 feature/ec2/imds v1.20.6, api_client.go).
const localReach = 500 * time.Millisecond

// local is a client for servers on this machine or next to it.
func (r *run) local() imds.HTTPClient {
	return endpoint.NewClient(endpoint.Options{Tries: min(3, r.attempts), Reach: localReach, NoProxy: true})
}

// usable checks what an endpoint gave.
func usable(keys aws.Credentials) error {
	if !keys.HasKeys() {
		return errors.New("the answer lacks keys")
	}
	return nil
}

// webIdentity exchanges an OpenID Connect token for keys of a role.
func (r *run) webIdentity(home string) (aws.Credentials, error) {
	jwt, err := readToken(r.config.WebIdentity.TokenFile)
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("%s: %w", tokenFile.Name, err)
	}
	arn := r.config.WebIdentity.RoleARN
	answer, err := r.sts(home, aws.AnonymousCredentials{}).AssumeRoleWithWebIdentity(r.ctx, &sts.AssumeRoleWithWebIdentityInput{
		RoleArn:          &arn,
		RoleSessionName:  &r.config.SessionName,
		WebIdentityToken: &jwt,
	})
	if err != nil {
		return aws.Credentials{}, r.explainRole(err, home, arn, "sts:AssumeRoleWithWebIdentity", jwt)
	}
	return fromSTS(answer.Credentials)
}

// assumeRole assumes Config.Role in an account.
func (r *run) assumeRole(base baseKeys, account string) (aws.Credentials, error) {
	arn := "arn:" + partitionOf(base.home).name + ":iam::" + account + ":role/" + strings.TrimPrefix(r.config.Role.Name, "/")
	input := &sts.AssumeRoleInput{
		RoleArn:         &arn,
		RoleSessionName: &r.config.SessionName,
		DurationSeconds: aws.Int32(900), // the least; the token lives its own 12 hours
	}
	if r.config.Role.ExternalID != "" {
		input.ExternalId = &r.config.Role.ExternalID
	}
	keys := base.Credentials
	answer, err := r.sts(base.home, aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys, nil })).
		AssumeRole(r.ctx, input)
	if err != nil {
		return aws.Credentials{}, r.explainRole(err, base.home, arn, "sts:AssumeRole", keys.SecretAccessKey, keys.SessionToken)
	}
	return fromSTS(answer.Credentials)
}

// sts makes a client of the Security Token Service of a region. Our HTTP client tries
// again what the status tells to; the SDK does for what is busy with status 400.
func (r *run) sts(home string, keys aws.CredentialsProvider) *sts.Client {
	o := sts.Options{
		Region:                     home,
		Credentials:                keys,
		HTTPClient:                 repeatable{r.client},
		Logger:                     logging.Nop{},
		DisableClockSkewCorrection: true, // a wrong clock is to be known, see explain
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = r.attempts
			o.Retryables = []retry.IsErrorRetryable{retry.RetryableErrorCode{Codes: retry.DefaultThrottleErrorCodes}}
		}),
	}
	own := r.config.Endpoints.STS
	if own == "" {
		own = r.config.Endpoints.All
	}
	if own != "" {
		o.BaseEndpoint = &own
	} else {
		if r.config.FIPS {
			o.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateEnabled
		}
		if r.config.DualStack {
			o.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled
		}
	}
	return sts.New(o)
}

// repeatable makes the requests of the SDK such as can be sent again.
type repeatable struct{ client *http.Client }

func (c repeatable) Do(request *http.Request) (*http.Response, error) {
	if request.Body != nil && request.GetBody == nil {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return nil, err
		}
		request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		request.Body, _ = request.GetBody()
	}
	return c.client.Do(request)
}

func fromSTS(c *types.Credentials) (aws.Credentials, error) {
	if c == nil || aws.ToString(c.AccessKeyId) == "" || aws.ToString(c.SecretAccessKey) == "" || aws.ToString(c.SessionToken) == "" {
		return aws.Credentials{}, errors.New("the answer of STS lacks keys")
	}
	return aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}, nil
}

// maxTokenFile is the longest token that STS takes, in bytes (AWS STS API reference,
// AssumeRoleWithWebIdentity).
const maxTokenFile = 20000

// readToken reads a file that holds a token and nothing else.
func readToken(path string) (string, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxTokenFile {
		return "", fmt.Errorf("%s: it is %d bytes long, and a token has at most %d", path, info.Size(), maxTokenFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("%s: it is empty", path)
	}
	return token, nil
}

// Package resolver is the program jet-aws-profile: it reads a profile of AWS's
// configuration with AWS's own SDK, whatever the profile means, and prints its keys.
// What it is asked and what it answers is awsprofile.Request and awsprofile.Answer.
package resolver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"github.com/dockercfg/jet/internal/awsprofile"
	"github.com/dockercfg/jet/internal/endpoint"
)

// maxRequest is the longest request, in bytes.
const maxRequest = 1 << 20

// Main answers one request and gives the exit code: 1 if the profile gives no keys,
// and stderr says why; 2 for another use.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		fmt.Fprintf(stderr, "%s takes no arguments: jet runs it to read profiles of AWS, and asks by JSON on stdin\n", awsprofile.Program)
		return 2
	}
	data, err := io.ReadAll(io.LimitReader(stdin, maxRequest))
	var request awsprofile.Request
	if err == nil {
		err = json.Unmarshal(data, &request)
	}
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "the request is not JSON")
		return 2
	case request.Version != awsprofile.Version:
		fmt.Fprintf(stderr, "the request has version %d, and %d was expected: jet and %s have to be of one release\n", request.Version, awsprofile.Version, awsprofile.Program)
		return 2
	}
	answer, err := resolve(ctx, request)
	if err == nil {
		data, err = json.Marshal(answer)
	}
	if err == nil {
		_, err = stdout.Write(append(data, '\n'))
	}
	if err != nil {
		text, hint := explain(err, request.Profile)
		fmt.Fprintln(stderr, printable(text))
		if hint != "" {
			fmt.Fprintln(stderr, awsprofile.HintPrefix+printable(hint))
		}
		return 1
	}
	return 0
}

var errNoKeys = errors.New("the profile says nothing about keys")

// resolve reads a profile, with the variables of the request and no others.
func resolve(ctx context.Context, request awsprofile.Request) (awsprofile.Answer, error) {
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(strings.ToUpper(name), "AWS_") {
			os.Unsetenv(name)
		}
	}
	for name, value := range request.Variables {
		if err := os.Setenv(name, value); err != nil {
			return awsprofile.Answer{}, err
		}
	}
	// The SDK has read the profile by the time it looks at this one.
	if all := os.Getenv("AWS_ENDPOINT_URL"); all != "" {
		for _, service := range []string{"STS", "SSO", "SSO_OIDC", "SIGNIN"} {
			if name := "AWS_ENDPOINT_URL_" + service; os.Getenv(name) == "" {
				if err := os.Setenv(name, all); err != nil {
					return awsprofile.Answer{}, err
				}
			}
		}
	}
	options := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})}
	if request.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(request.Profile))
	}
	c, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return awsprofile.Answer{}, err
	}
	answer := awsprofile.Answer{Version: awsprofile.Version, Region: c.Region}
	// The SDK goes on to these where the profile itself names no keys, and jet asks
	// them itself.
	if aws.IsCredentialsProvider(c.Credentials, (*ec2rolecreds.Provider)(nil)) || aws.IsCredentialsProvider(c.Credentials, (*endpointcreds.Provider)(nil)) {
		if request.Profile != "" {
			return awsprofile.Answer{}, errNoKeys
		}
		return answer, nil
	}
	keys, err := c.Credentials.Retrieve(ctx)
	if err != nil {
		return awsprofile.Answer{}, err
	}
	answer.AccessKeyID, answer.SecretAccessKey, answer.SessionToken = keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken
	if keys.CanExpire {
		answer.Expiration = &keys.Expires
	}
	return answer, nil
}

// explain says what went wrong, in one line, and what a person can do about it.
func explain(err error, profile string) (text, hint string) {
	flag := ""
	if profile != "" {
		flag = " --profile " + profile
	}
	var absent config.SharedConfigProfileNotExistError
	var mfa config.AssumeRoleTokenProviderNotSetError
	var program *processcreds.ProviderError
	var api smithy.APIError
	var request *url.Error
	switch {
	case errors.As(err, &absent):
		return "there is no such profile in AWS's configuration", "\"aws configure list-profiles\" lists them; AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name the files"
	case errors.As(err, &mfa):
		return "the profile asks for a code of a second factor, which nobody can be asked for here",
			"\"aws configure export-credentials" + flag + " --format env\" asks, and prints variables that work without"
	case isSSO(err):
		return "the session of single sign-on is over, or there was none", "aws sso login" + flag
	case errors.As(err, &program):
		return "its credential_process gives no keys: " + first(program.Err), ""
	case errors.As(err, &api):
		text := "AWS answers " + api.ErrorCode() + ": " + api.ErrorMessage()
		if api.ErrorCode() == "UnauthorizedException" || api.ErrorCode() == "ForbiddenException" {
			return text, "aws sso login" + flag
		}
		return text, ""
	case isLogin(err):
		return "the sign-in of the profile is over, or there was none", "aws login" + flag
	case errors.As(err, &request):
		return first(endpoint.Reason(request)), ""
	}
	return first(err), ""
}

// isSSO reports whether an error is of a token of single sign-on that is not there or
// not good any more, for most of which the SDK has no type (ssocreds, in several files).
func isSSO(err error) bool {
	invalid, ok := errors.AsType[*ssocreds.InvalidTokenError](err)
	return ok && invalid != nil || strings.Contains(err.Error(), "cached SSO token")
}

// isLogin reports whether an error is of a profile with a login_session, for which the
// SDK has no type (aws-sdk-go-v2 credentials v1.20.16, logincreds/provider.go).
func isLogin(err error) bool {
	return strings.Contains(err.Error(), "please reauthenticate") || strings.Contains(err.Error(), " login token: ")
}

// first gives the first line of an error.
func first(err error) string {
	if err == nil {
		return "it does not say why"
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func printable(text string) string {
	const most = 500 // characters
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text))
	return string(runes[:min(len(runes), most)])
}

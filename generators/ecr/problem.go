package ecr

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/endpoint"
)

// ServiceError is an answer with which AWS refuses.
type ServiceError struct {
	Host      string // that answered
	Code      string // of AWS, such as AccessDeniedException
	RequestID string // that AWS's support asks for; "" if the answer has none
	// Problem is what is wrong, for people. Of AWS's message it has the first line
	// at most, without the secrets that were sent.
	Problem string
}

func (e *ServiceError) Error() string {
	text := fmt.Sprintf("%s (%s answers %s", e.Problem, e.Host, e.Code)
	if e.RequestID != "" {
		text += ", request " + e.RequestID
	}
	return text + ")"
}

// refusalOf finds what AWS answered in an error. There is none in one of the network,
// and in an answer that is not AWS's.
func refusalOf(err error, secrets ...string) (*endpoint.RefusedError, bool) {
	status, ok := errors.AsType[*endpoint.StatusError](err)
	code, message := "", ""
	if ok {
		var body struct {
			Type    string `json:"__type"`
			Message string `json:"message"` // or Message: names match in any case
		}
		if json.Unmarshal(status.Body, &body) != nil || body.Type == "" {
			body.Type = status.Header.Get("X-Amzn-Errortype")
		}
		code, _, _ = strings.Cut(body.Type, ":")
		code, message = code[strings.LastIndexByte(code, '#')+1:], body.Message
	} else {
		api, isAPI := errors.AsType[smithy.APIError](err)
		answer, isAnswer := errors.AsType[*smithyhttp.ResponseError](err)
		if !isAPI || !isAnswer {
			return nil, false
		}
		status = statusOf(answer)
		if code, message = api.ErrorCode(), api.ErrorMessage(); code == "UnknownError" {
			code = "" // it has none
		}
	}
	refused := endpoint.Refused(status, code, message, status.Header.Get("X-Amzn-Requestid"), secrets...)
	return refused, refused.Code != ""
}

// statusOf gives the answer that the SDK made an error of.
func statusOf(answer *smithyhttp.ResponseError) *endpoint.StatusError {
	status := &endpoint.StatusError{Host: "the server", Header: http.Header{}}
	if answer.Response != nil {
		status.Code, status.Header = answer.Response.StatusCode, answer.Response.Header
		if answer.Response.Request != nil {
			status.Host = answer.Response.Request.URL.Host
		}
	}
	return status
}

func isThrottled(err error) bool {
	refused, ok := refusalOf(err)
	return ok && isBusy(refused.Code)
}

func isBusy(code string) bool {
	_, busy := retry.DefaultThrottleErrorCodes[code]
	return busy
}

// problem makes an error of a refusal, and advice.
func problem(refused *endpoint.RefusedError, advice, format string, args ...any) error {
	err := &ServiceError{Host: refused.Host, Code: refused.Code, RequestID: refused.RequestID, Problem: fmt.Sprintf(format, args...)}
	if advice == "" {
		return err
	}
	return &generators.AdvisedError{Err: err, Advice: advice}
}

// said is AWS's message.
func said(refused *endpoint.RefusedError) string {
	return cmp.Or(refused.Description, "it does not say why")
}

// explain says why there is no token.
func (r *run) explain(err error, t target, keys aws.Credentials) error {
	refused, ok := refusalOf(err, keys.SecretAccessKey, keys.SessionToken)
	if !ok {
		return r.explainNetwork(err, t.String(), t.region)
	}
	switch refused.Code {
	case "AccessDeniedException", "AccessDenied":
		advice := "the policy of who signs has to allow ecr:GetAuthorizationToken on all resources (\"*\")"
		if t.public {
			advice = "the policy of who signs has to allow ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken on all resources (\"*\")"
		}
		return problem(refused, advice, "%s: AWS does not allow it: %s", t, said(refused))
	case "UnsupportedCommandException":
		return problem(refused, "ECR Public has its tokens in "+publicRegion+" alone; an endpoint of your own has to lead there",
			"%s: this server gives no tokens", t)
	}
	return r.explainKeys(refused, t.String(), t.region, keys.SessionToken != "")
}

// explainKeys says what is wrong with keys, or else what AWS says.
func (r *run) explainKeys(refused *endpoint.RefusedError, what, region string, temporary bool) error {
	where := partitionOf(region).name
	static := r.config.Keys.ID != ""
	switch refused.Code {
	case "UnrecognizedClientException", "InvalidClientTokenId", "InvalidClientTokenIdException":
		advice := "the key may have been deleted, or be one of another partition: those of China, GovCloud and the rest of AWS are apart, and " + region + " is in " + where
		if temporary {
			advice = "the session token has to be the one that came with the key, for the partition " + where + ", and in the newer regions not one of the global server of STS: sts." + region + "." + partitionOf(region).dns + " gives one that is good everywhere"
		}
		return problem(refused, advice, "%s: AWS does not know the access key", what)
	case "InvalidSignatureException", "IncompleteSignature", "IncompleteSignatureException", "SignatureDoesNotMatch", "RequestExpired", "RequestTimeTooSkewed":
		if clock := refused.Status.Clock(); clock != "" {
			return problem(refused, "set the clock, with \"timedatectl set-ntp true\" for one; a virtual machine that slept may have lost the time",
				"%s: %s, and AWS refuses signatures that are over 5 minutes off", what, clock)
		}
		advice := "the clocks agree, so it is the secret that is wrong"
		if static {
			advice = secretKey.Name + " has to be the whole secret of the very key that " + keyID.Name + " names; the clocks agree"
		}
		return problem(refused, advice, "%s: AWS refuses the signature: the secret does not fit the access key", what)
	case "ExpiredTokenException", "ExpiredToken":
		advice := "get new keys from where these came from"
		if static {
			advice = "get a new " + sessionToken.Name + ", with its " + keyID.Name + " and " + secretKey.Name + ", from where these came from"
		}
		return problem(refused, advice, "%s: the session token has expired", what)
	case "OptInRequired", "OptInRequiredException", "RegionDisabledException":
		return problem(refused, "an administrator of the account can enable the region: AWS console, Account, AWS Regions",
			"%s: the region %s, or the service in it, is not enabled for the account", what, region)
	}
	if isBusy(refused.Code) {
		return problem(refused, maxAttempts.Name+" says how often to ask", "%s: AWS is busy, also after %d tries", what, r.attempts)
	}
	return problem(refused, "", "%s: %s", what, said(refused))
}

// explainRole says why a role cannot be assumed.
func (r *run) explainRole(err error, home, arn, action string, secrets ...string) error {
	what := "the role " + arn
	refused, ok := refusalOf(err, secrets...)
	if !ok {
		return r.explainNetwork(r.reason(err), what, home)
	}
	switch refused.Code {
	case "AccessDenied", "AccessDeniedException":
		advice := "two policies have to allow it: that of the caller " + action + " on this role, and the role's trust policy the caller"
		if r.config.Role.ExternalID == "" {
			advice += ", who has to show an external id if that policy asks for one (" + externalID.Name + ")"
		} else {
			advice += " with the external id that " + externalID.Name + " holds"
		}
		if action != "sts:AssumeRole" {
			advice = "the role's trust policy has to allow " + action + " to the issuer, the audience and the subject of the token in " + tokenFile.Name
		}
		return problem(refused, advice, "%s cannot be assumed: %s", what, said(refused))
	case "InvalidIdentityToken", "InvalidIdentityTokenException", "IDPRejectedClaim", "IDPRejectedClaimException", "IDPCommunicationError":
		return problem(refused, "the account needs an identity provider with the token's issuer and audience", "%s: the token in %s is not accepted: %s", what, tokenFile.Name, said(refused))
	case "ExpiredTokenException", "ExpiredToken":
		if action != "sts:AssumeRole" {
			return problem(refused, "who writes the file has to renew it; Kubernetes and CI services do so by themselves", "%s: the token in %s has expired", what, tokenFile.Name)
		}
	}
	return r.explainKeys(refused, what, home, r.config.Keys.SessionToken != dockercfg.Secret{})
}

// explainNetwork says why there is no answer of AWS.
func (r *run) explainNetwork(err error, what, region string) error {
	if r.ctx.Err() != nil {
		return fmt.Errorf("%s: %w", what, context.Cause(r.ctx))
	}
	if unknown, ok := errors.AsType[*net.DNSError](err); ok && unknown.IsNotFound {
		return &generators.AdvisedError{
			Err:    fmt.Errorf("%s: there is no server of that name: %w", what, err),
			Advice: fmt.Sprintf("the region %q may be misspelt (https://docs.aws.amazon.com/general/latest/gr/ecr.html lists them), or this machine has no way to the Internet's names", region),
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}

// reason gives the part of an error of the SDK that is fit to be shown: not what it
// says of an answer it does not understand, which may quote it.
func (r *run) reason(err error) error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	if answer, ok := errors.AsType[*endpoint.AnswerError](err); ok {
		return answer
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		return endpoint.Reason(err)
	}
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		if status := statusOf(answer); status.Code != http.StatusOK {
			return status
		}
		return fmt.Errorf("the answer of %s is not of the form that was expected", statusOf(answer).Host)
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		if refused := endpoint.Refused(&endpoint.StatusError{}, api.ErrorCode(), "", ""); refused.Code != "" {
			return errors.New("the answer is " + refused.Code)
		}
	}
	return errors.New("the answer has none")
}

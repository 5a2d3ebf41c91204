package ecr

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/endpoint"
)

// The one operation that is needed of two services whose clients in the SDK cost
// 0.9 ms of every start, with its empty input (AmazonECR and AmazonECRPublic API
// references, GetAuthorizationToken).
const (
	privateOperation = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
	publicOperation  = "SpencerFrontendService.GetAuthorizationToken"

	emptyInput     = "{}"
	emptyInputHash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" // SHA-256
)

// A token opens the registries of a target.
type token struct {
	username string
	password dockercfg.Secret
	expires  time.Time
	registry string // normal form; "" for ECR Public
	insecure bool   // the registry is not named with https
}

// token asks for a token. A server that is busy is asked again: ECR says so with
// status 400, which the HTTP client does not wait for.
func (r *run) token(t target, keys aws.Credentials) (token, error) {
	wait := 200 * time.Millisecond
	for try := 1; ; try++ {
		answer, err := r.askToken(t, keys)
		if err == nil {
			return readAuthorization(t, answer)
		}
		pause := wait/2 + rand.N(wait/2+1)
		deadline, _ := r.ctx.Deadline()
		if try >= r.attempts || !isThrottled(err) || time.Until(deadline) < pause {
			return token{}, r.explain(err, t, keys)
		}
		wait *= 2
		select {
		case <-r.ctx.Done():
			return token{}, fmt.Errorf("%s: %w", t, context.Cause(r.ctx))
		case <-time.After(pause):
		}
	}
}

// askToken sends one signed request.
func (r *run) askToken(t target, keys aws.Credentials) (json.RawMessage, error) {
	address, operation := "https://"+t.host()+"/", privateOperation
	if own := r.endpointOf(t); own != nil {
		address = strings.TrimSuffix(own.String(), "/") + "/"
	}
	if t.public {
		operation = publicOperation
	}
	request, err := http.NewRequestWithContext(r.ctx, http.MethodPost, address, strings.NewReader(emptyInput))
	if err != nil {
		return nil, errors.New("the server's URL cannot be used")
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", operation)
	if err := v4.NewSigner().SignHTTP(r.ctx, keys, request, emptyInputHash, t.service(), t.region, time.Now()); err != nil {
		return nil, err
	}
	var answer struct {
		AuthorizationData json.RawMessage `json:"authorizationData"`
	}
	err = endpoint.Ask(r.client, request, &answer)
	return answer.AuthorizationData, err
}

// authorization is AuthorizationData of both services.
type authorization struct {
	Token    string      `json:"authorizationToken"`
	Expires  json.Number `json:"expiresAt"` // seconds since 1970, with a fraction
	Endpoint string      `json:"proxyEndpoint"`
}

// readAuthorization reads a list of one, or from ECR Public one without a list. Its
// errors quote nothing of it.
func readAuthorization(t target, data json.RawMessage) (token, error) {
	var list []authorization
	var err error
	if t.public {
		list = make([]authorization, 1)
		err = json.Unmarshal(data, &list[0])
	} else {
		err = json.Unmarshal(data, &list)
	}
	wrong := func(problem string) (token, error) {
		return token{}, fmt.Errorf("%s: the answer %s", t, problem)
	}
	switch {
	case len(data) == 0 || string(bytes.TrimSpace(data)) == "null" || err == nil && len(list) == 0:
		return wrong("holds no token")
	case err != nil:
		return wrong("is not of the form that was expected")
	case len(list) > 1:
		return wrong(fmt.Sprintf("holds %d tokens, and one was asked for", len(list)))
	}
	a := list[0]
	decoded, err := base64.StdEncoding.DecodeString(a.Token)
	user, password, found := strings.Cut(string(decoded), ":")
	if a.Token == "" {
		return wrong("holds no token")
	}
	if err != nil || !found || user == "" || password == "" {
		return wrong("holds a token that is not base64 of a user name and a password")
	}
	seconds, err := a.Expires.Float64()
	if err != nil || seconds <= 0 || seconds > 1<<40 {
		return wrong("does not tell when the token expires")
	}
	whole := int64(seconds)
	k := token{
		// A copy of the name, so that it does not keep the text of the whole token.
		username: strings.Clone(user), password: dockercfg.NewSecret(password),
		expires: time.Unix(whole, int64((seconds-float64(whole))*1e9)),
	}
	if left := time.Until(k.expires); left <= 0 {
		return wrong(fmt.Sprintf("holds a token that expired at %s; if that is in the future, this machine's clock is wrong", k.expires.UTC().Format(time.RFC3339)))
	}
	if t.public {
		return k, nil
	}
	host, secure := strings.CutPrefix(a.Endpoint, "https://")
	k.insecure = !secure
	if !secure {
		host, _ = strings.CutPrefix(a.Endpoint, "http://")
	}
	// Only what names the registry itself can be compared with what was asked for.
	if k.registry, err = dockercfg.NormalizeRegistry(host); err != nil || k.registry != strings.ToLower(strings.TrimSuffix(host, "/")) {
		return wrong("does not name the registry that the token is for")
	}
	return k, nil
}

package gcr

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/dockercfg/jet/internal/endpoint"
)

// signCallerIdentity signs a request to Amazon's GetCallerIdentity with the access key
// of this machine. Google sends it to learn who the machine is
// (cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds). Variables
// with access keys are not used: here they are those of the backend ecr.
func (c credentialSource) signCallerIdentity(ctx context.Context, audience string) (string, error) {
	machine := instance{c, newMetadataClient()}
	key, err := machine.accessKey(ctx)
	if err != nil {
		return "", err
	}
	region, err := machine.region(ctx)
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://sts."+region+".amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15", nil)
	if err != nil {
		return "", machine.failure("region", nil)
	}
	request.Header.Set("X-Goog-Cloud-Target-Resource", audience) // so that it is of use for nothing else
	empty := sha256.Sum256(nil)
	if err := v4.NewSigner().SignHTTP(ctx, key, request, hex.EncodeToString(empty[:]), "sts", region, time.Now()); err != nil {
		return "", fmt.Errorf("the request to Amazon: %w", err)
	}
	type header struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
	headers := []header{{"host", request.URL.Host}}
	for name := range request.Header {
		headers = append(headers, header{strings.ToLower(name), request.Header.Get(name)})
	}
	slices.SortFunc(headers, func(a, b header) int { return strings.Compare(a.Key, b.Key) })
	signed, err := json.Marshal(map[string]any{"url": request.URL.String(), "method": request.Method, "headers": headers})
	if err != nil {
		return "", err
	}
	return url.QueryEscape(string(signed)), nil
}

// instance is a machine of Amazon's, with its metadata server
// (docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html), whose
// addresses the document has.
type instance struct {
	source credentialSource
	client *http.Client
}

// region gives the region of the machine, from its zone.
func (i instance) region(ctx context.Context) (string, error) {
	zone, err := i.ask(ctx, i.source.RegionURL)
	region := strings.TrimRight(zone, "abcdefghijklmnopqrstuvwxyz")
	if err != nil || region == "" || strings.Trim(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return "", i.failure("region", err)
	}
	return region, nil
}

// accessKey gives the access key of the machine's role.
func (i instance) accessKey(ctx context.Context) (key aws.Credentials, err error) {
	role, err := i.ask(ctx, i.source.URL)
	if err != nil || role == "" || strings.ContainsAny(role, "/?#\n") {
		return key, i.failure("role", err)
	}
	text, err := i.ask(ctx, strings.TrimSuffix(i.source.URL, "/")+"/"+role)
	if err != nil {
		return key, i.failure("access key", err)
	}
	var answer struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		Token           string
	}
	if json.Unmarshal([]byte(text), &answer) != nil || answer.AccessKeyID == "" || answer.SecretAccessKey == "" {
		return key, i.failure("access key", nil)
	}
	return aws.Credentials{AccessKeyID: answer.AccessKeyID, SecretAccessKey: answer.SecretAccessKey, SessionToken: answer.Token}, nil
}

// ask asks the metadata server, with a session token of its own, which is there for
// a minute.
func (i instance) ask(ctx context.Context, address string) (string, error) {
	session, err := i.send(ctx, http.MethodPut, i.source.SessionTokenURL, "X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
	if err != nil {
		return "", err
	}
	return i.send(ctx, http.MethodGet, address, "X-Aws-Ec2-Metadata-Token", session)
}

func (i instance) send(ctx context.Context, method, address, header, value string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return "", err
	}
	request.Header.Set(header, value)
	body, _, err := endpoint.Fetch(i.client, request)
	return strings.TrimSpace(string(body)), plain(err)
}

// failure says what could not be had.
func (i instance) failure(what string, err error) error {
	if err == nil {
		err = errors.New("the answer is not of the form that was expected")
	}
	return fmt.Errorf("the %s of this machine, by the metadata server of Amazon: %w", what, err)
}

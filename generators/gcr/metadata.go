package gcr

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dockercfg/jet/internal/endpoint"
)

// reach is how long it may take to reach a metadata server, which stands on the
// machine's own link. Where there is none, packets to its address may get lost.
const reach = time.Second

// newMetadataClient makes a client that tries again soon, since the metadata server of
// a new container may be a moment late, and gives up soon.
func newMetadataClient() *http.Client {
	return endpoint.NewClient(endpoint.Options{Reach: reach, NoProxy: true, Tries: 3, Wait: 100 * time.Millisecond})
}

var errNotGoogle = errors.New("what answers is no metadata server of Google's")

// fromMetadata asks the metadata server for a token of the machine's service account
// (cloud.google.com/compute/docs/access/authenticate-workloads). It is not asked by
// the library, which takes its address from the process environment and first spends
// up to several seconds on finding out whether this is a machine of Google's.
func (s *Source) fromMetadata(ctx context.Context, scopes []string) (accessToken, error) {
	address := url.URL{
		Scheme:   "http",
		Host:     s.config.MetadataHost,
		Path:     "/computeMetadata/v1/instance/service-accounts/default/token",
		RawQuery: url.Values{"scopes": {strings.Join(scopes, ",")}}.Encode(),
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return accessToken{}, errors.New(metadataHost.Name + " is not a host")
	}
	const flavor = "Metadata-Flavor"
	request.Header.Set(flavor, "Google")
	body, header, err := endpoint.Fetch(newMetadataClient(), request)
	if status, ok := errors.AsType[*endpoint.StatusError](err); ok {
		header = status.Header
	}
	if header != nil && header.Get(flavor) != "Google" {
		err = errNotGoogle
	}
	if err != nil {
		return accessToken{}, s.explainMetadata(err)
	}
	var answer lifetimeAnswer
	if err := json.Unmarshal(body, &answer); err != nil {
		return accessToken{}, endpoint.NotJSON(address.Host, body, header)
	}
	return checkToken(address.Host, answer.Token, answer.expires())
}

package azure

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/endpoint"
)

// reach is how long it may take to reach the managed identity, which is on the same
// machine or next to it: elsewhere nobody answers, and nobody should wait for that.
const reach = 2 * time.Second

// findIdentity decides where the managed identity is asked for.
func (s *Source) findIdentity() error {
	v, address := metadataHost, s.config.MetadataHost
	switch {
	case s.config.IdentityEndpoint != "":
		v, address = identityEndpoint, s.config.IdentityEndpoint
	case address == "":
		address = metadataHost.Default
	}
	u, err := endpoint.ParseAddress(address)
	if err != nil {
		return wrongValue(v, err)
	}
	if s.config.IdentityEndpoint == "" {
		u = u.JoinPath("/metadata/identity/oauth2/token")
	}
	s.identity = u
	return nil
}

// askIdentity gets a token for the managed identity, of App Service and its relatives
// (learn.microsoft.com/azure/app-service/overview-managed-identity) or of a virtual
// machine (learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token).
func (s *Source) askIdentity(ctx context.Context) (dockercfg.Secret, error) {
	query := url.Values{"resource": {audience}}
	if s.config.ClientID != "" {
		query.Set("client_id", s.config.ClientID)
	}
	header := http.Header{}
	if s.config.IdentityEndpoint != "" {
		query.Set("api-version", "2019-08-01")
		header.Set("X-IDENTITY-HEADER", s.config.IdentityHeader.Reveal())
	} else {
		query.Set("api-version", "2018-02-01")
		header.Set("Metadata", "true")
	}
	address := *s.identity
	address.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return dockercfg.Secret{}, errRequest
	}
	request.Header = header
	options := s.config.client
	options.NoProxy, options.Reach = true, reach
	options.Retry = []int{http.StatusNotFound, http.StatusGone} // while it is being updated
	var answer tokenAnswer
	if err := endpoint.Ask(endpoint.NewClient(options), request, &answer); err != nil {
		return dockercfg.Secret{}, s.explainIdentity(ctx, err)
	}
	return tokenOf(s.identity.Host, answer)
}

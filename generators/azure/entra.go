package azure

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/internal/endpoint"
)

// audience is what tokens for registries are for, in every cloud (azcontainerregistry
// v0.2.3, cloud_config.go). Registries can be told to refuse those for Azure Resource
// Manager.
const audience = "https://containerregistry.azure.net"

// findAuthority decides where Entra ID signs in.
func (s *Source) findAuthority() error {
	tenantID := s.config.Tenant
	if strings.Trim(tenantID, ".") == "" || strings.ContainsFunc(tenantID, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '-'
	}) {
		return wrongValue(tenant, fmt.Errorf("it is neither the id of a directory nor a domain of one"))
	}
	for _, v := range []struct{ name, value string }{
		{certificatePath.Name, s.config.CertificatePath}, {federatedTokenFile.Name, s.config.FederatedTokenFile},
	} {
		if _, isToken := claimsOf(v.value); isToken || strings.Contains(v.value, "-----BEGIN") {
			return fmt.Errorf("%s: %s holds the secret itself; the name of a file with it is wanted", name, v.name)
		}
	}
	address := s.config.AuthorityHost
	home, known := clouds()[0], false
	for _, host := range s.hosts {
		if c, ok := cloudOf(host); ok {
			home, known = c, true
			break
		}
	}
	if address == "" {
		address = home.authorities[0]
	}
	u, err := endpoint.ParseAddress(address)
	if err != nil {
		return wrongValue(authorityHost, err)
	}
	if other, ok := cloudOfAuthority(u.Hostname()); ok && known && other.domain != home.domain {
		return wrongValue(authorityHost, fmt.Errorf("it signs in for registries in %s, and those of %s are in %s", other.domain, registry.Name, home.domain))
	}
	s.authority = u.JoinPath(tenantID, "oauth2", "v2.0", "token")
	return nil
}

// signIn gets a token of Entra ID for the service principal
// (learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
func (s *Source) signIn(ctx context.Context) (dockercfg.Secret, error) {
	form := url.Values{
		"grant_type": {"client_credentials"},
		"client_id":  {s.config.ClientID},
		"scope":      {audience + "/.default"},
	}
	sent := s.config.ClientSecret.Reveal()
	switch s.method {
	case bySecret:
		form.Set("client_secret", sent)
	default:
		var err error
		if sent, err = s.assertion(); err != nil {
			return dockercfg.Secret{}, err
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", sent)
	}
	request, err := post(ctx, s.authority, form)
	if err != nil {
		return dockercfg.Secret{}, err
	}
	var answer tokenAnswer
	if err := endpoint.Ask(endpoint.NewClient(s.config.client), request, &answer); err != nil {
		return dockercfg.Secret{}, s.explainSignIn(err, sent)
	}
	return tokenOf(s.authority.Host, answer)
}

// post makes a request with a form.
func post(ctx context.Context, address *url.URL, form url.Values) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, errRequest
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	return request, nil
}

// assertion gives what stands for a secret.
func (s *Source) assertion() (string, error) {
	if s.method == byCertificate {
		data, err := readFile(certificatePath, s.config.CertificatePath)
		if err != nil {
			return "", err
		}
		return s.signedAssertion(data)
	}
	data, err := readFile(federatedTokenFile, s.config.FederatedTokenFile)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(data))
	if _, ok := claimsOf(token); !ok { // whatever the file has is not for Entra ID to know
		return "", fmt.Errorf("%s: %q holds no JSON web token, and is not sent", federatedTokenFile.Name, s.config.FederatedTokenFile)
	}
	return token, nil
}

// maxFile is the size of the largest file that is read, in bytes.
const maxFile = 256 << 10

func readFile(v generators.Variable, path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %q is no file", v.Name, path)
	}
	if err == nil && info.Size() > maxFile {
		return nil, fmt.Errorf("%s: %q is over %d KiB long", v.Name, path, maxFile>>10)
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v.Name, err)
	}
	return data, nil
}

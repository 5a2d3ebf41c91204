package azure

import (
	"slices"
	"strings"

	"github.com/dockercfg/jet/generators"
)

// A Credential is a way to be somebody at Entra ID, by the name that AZURE_TOKEN_CREDENTIALS
// has for it in Azure's SDKs (azidentity v1.15.0, default_azure_credential.go).
type Credential string

const (
	// EnvironmentCredential is a service principal with a secret or a certificate.
	EnvironmentCredential Credential = "EnvironmentCredential"
	// WorkloadIdentityCredential is one with a federated token.
	WorkloadIdentityCredential Credential = "WorkloadIdentityCredential"
	// ManagedIdentityCredential is the identity of the machine.
	ManagedIdentityCredential Credential = "ManagedIdentityCredential"
	// Production is the first of these three that is set up.
	Production Credential = "prod"
)

func credentials() []Credential {
	return []Credential{EnvironmentCredential, WorkloadIdentityCredential, ManagedIdentityCredential, Production}
}

func listCredentials() string {
	var all []string
	for _, c := range credentials() {
		all = append(all, string(c))
	}
	return strings.Join(all, ", ")
}

// A method is how credentials come to be.
type method int

const (
	byPassword       method = iota // written as it is
	bySecret                       // of a service principal
	byCertificate                  // of a service principal
	byFederatedToken               // of a service principal
	byIdentity                     // of the machine
)

// method tells which fields count. Passwords go before all that concerns Entra ID.
func (c Config) method() method {
	switch {
	case c.Username != "" || c.Password.Reveal() != "":
		return byPassword
	case c.Credential == ManagedIdentityCredential:
		return byIdentity
	case c.Credential == WorkloadIdentityCredential:
		return byFederatedToken
	case c.ClientSecret.Reveal() != "":
		return bySecret
	case c.CertificatePath != "":
		return byCertificate
	case c.Credential == EnvironmentCredential:
		return bySecret
	case c.FederatedTokenFile != "":
		return byFederatedToken
	case c.Tenant != "":
		return bySecret // which lacks
	case c.Credential == Production || c.Ambient:
		return byIdentity
	}
	return byPassword // of which all lacks
}

// checkComplete returns a *generators.MissingVariablesError that names all that the
// method calls for and that is not there, or nil.
func (c Config) checkComplete() error {
	missing := make(map[string]bool)
	need := func(v generators.Variable, value string) { missing[v.Name] = value == "" }
	if c.Registries == nil {
		need(registry, strings.Join(c.Names, ","))
	}
	advice := ""
	switch c.method() {
	case byPassword:
		need(username, c.Username)
		need(password, c.Password.Reveal())
		switch {
		case missing[username.Name] && missing[password.Name]:
			advice = "for a service principal " + tenant.Name + ", " + clientID.Name + " and " + clientSecret.Name + " will do in place of a password, for the machine's managed identity " + tokenCredentials.Name + "=" + string(ManagedIdentityCredential)
		case c.ClientSecret.Reveal() != "" || c.CertificatePath != "" || c.FederatedTokenFile != "" || c.Credential != "":
			advice = "a password goes before all other credentials: leave " + username.Name + " and " + password.Name + " away to use the others"
		}
	case bySecret:
		if c.Form != Password {
			need(tenant, c.Tenant)
		}
		need(clientID, c.ClientID)
		need(clientSecret, c.ClientSecret.Reveal())
	case byCertificate:
		need(tenant, c.Tenant)
		need(clientID, c.ClientID)
	case byFederatedToken:
		need(tenant, c.Tenant)
		need(clientID, c.ClientID)
		need(federatedTokenFile, c.FederatedTokenFile)
	case byIdentity:
		if c.IdentityEndpoint != "" {
			need(identityHeader, c.IdentityHeader.Reveal())
			advice = "without it, " + identityEndpoint.Name + " is that of Azure Arc, whose identities are not supported; a service principal will do there"
		}
	}
	var names []string
	for _, v := range c.variables() {
		if missing[v.Name] {
			names = append(names, v.Name)
		}
	}
	switch {
	case names == nil:
		return nil
	case advice == "" || slices.Equal(names, []string{registry.Name}):
		return &generators.MissingVariablesError{Backend: name, Names: names}
	}
	return &generators.AdvisedError{Err: &generators.MissingVariablesError{Backend: name, Names: names}, Advice: advice}
}

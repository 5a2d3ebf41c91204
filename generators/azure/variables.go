package azure

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
)

const name = "azure"

// The first three variables are those of codeship/azure-dockercfg-generator, of which
// the documentation named the last AZURE_REGISTRY and the script AZURE_REGISTRY_NAME.
// Those with AZURE_AUTH_FORM and AZURE_REGISTRY_ENDPOINT are ours, the others those of
// Azure's SDKs and of its platforms.
var (
	username = generators.Variable{
		Name:    "AZURE_USERNAME",
		Summary: "admin user or token of the registry, or application id of a service principal",
	}
	password = generators.Variable{
		Name:    "AZURE_PASSWORD",
		Summary: "password that goes with AZURE_USERNAME, used as it is",
		Secret:  true,
	}
	registry = generators.Variable{
		Name:     "AZURE_REGISTRY",
		Aliases:  []string{"AZURE_REGISTRY_NAME"},
		Summary:  "login servers (myregistry.azurecr.io) or names, with commas between them",
		Required: true,
		Selects:  true,
		AnyName:  true,
	}
	tenant = generators.Variable{
		Name:    "AZURE_TENANT_ID",
		Summary: "directory of a service principal",
	}
	clientID = generators.Variable{
		Name:    "AZURE_CLIENT_ID",
		Summary: "application id of a service principal, or client id of a managed identity",
	}
	clientSecret = generators.Variable{
		Name:    "AZURE_CLIENT_SECRET",
		Summary: "secret of a service principal",
		Secret:  true,
	}
	certificatePath = generators.Variable{
		Name:    "AZURE_CLIENT_CERTIFICATE_PATH",
		Summary: "PEM file with the certificate and the private key of a service principal",
	}
	certificatePassword = generators.Variable{
		Name:    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
		Summary: "has to be empty: a private key without a password is wanted",
		Secret:  true,
	}
	federatedTokenFile = generators.Variable{
		Name:    "AZURE_FEDERATED_TOKEN_FILE",
		Summary: "file with a token of another identity provider (workload identity)",
	}
	tokenCredentials = generators.Variable{
		Name:    "AZURE_TOKEN_CREDENTIALS",
		Summary: "who to be: EnvironmentCredential, WorkloadIdentityCredential, ManagedIdentityCredential, or prod for the first that is set up",
	}
	authForm = generators.Variable{
		Name:    "AZURE_AUTH_FORM",
		Summary: "token, which dies within hours, or password: the id and the secret of the service principal themselves",
		Default: string(Token),
	}
	authorityHost = generators.Variable{
		Name:    "AZURE_AUTHORITY_HOST",
		Summary: "where Entra ID signs in, if not at the usual host of the registry's cloud",
	}
	registryEndpoint = generators.Variable{
		Name:    "AZURE_REGISTRY_ENDPOINT",
		Summary: "address of a registry outside Azure's own domains that may get a token (https://registry.private.example)",
	}
	identityEndpoint = generators.Variable{
		Name:    "IDENTITY_ENDPOINT",
		Summary: "address of the managed identity, as App Service and Container Apps set it",
	}
	identityHeader = generators.Variable{
		Name:    "IDENTITY_HEADER",
		Summary: "what has to be shown there",
		Secret:  true,
	}
	metadataHost = generators.Variable{
		Name:    "AZURE_POD_IDENTITY_AUTHORITY_HOST",
		Summary: "address of the metadata server, where virtual machines have their managed identity",
		Default: "http://169.254.169.254",
	}
)

// variables gives those of a Config: one that knows its registries from elsewhere needs
// none by name.
func (c Config) variables() []generators.Variable {
	registry := registry
	registry.Required = c.Registries == nil
	return []generators.Variable{
		username, password, registry,
		tenant, clientID, clientSecret, certificatePath, certificatePassword, federatedTokenFile,
		tokenCredentials, authForm, authorityHost, registryEndpoint,
		identityEndpoint, identityHeader, metadataHost,
	}
}

// ConfigFromEnv reads the variables. The error is a *generators.MissingVariablesError,
// in a *generators.AdvisedError, or tells which variable has a value that it cannot
// have.
func ConfigFromEnv(env generators.Env) (Config, error) { return Config{}.withEnv(env) }

func (c Config) withEnv(env generators.Env) (Config, error) {
	c.Username, c.Password = env.Value(username), dockercfg.NewSecret(env.Value(password))
	c.Tenant, c.ClientID = env.Value(tenant), env.Value(clientID)
	c.ClientSecret = dockercfg.NewSecret(env.Value(clientSecret))
	c.CertificatePath, c.FederatedTokenFile = env.Value(certificatePath), env.Value(federatedTokenFile)
	c.Form, c.AuthorityHost, c.RegistryEndpoint = Form(env.Value(authForm)), env.Value(authorityHost), env.Value(registryEndpoint)
	c.IdentityEndpoint, c.IdentityHeader = env.Value(identityEndpoint), dockercfg.NewSecret(env.Value(identityHeader))
	c.MetadataHost = env.Value(metadataHost)
	if names := env.Value(registry); names != "" {
		if c.Names = splitList(names); len(c.Names) == 0 {
			return Config{}, wrongValue(registry, errors.New("it names no registry"))
		}
	}
	if err := c.checkNames(env); err != nil {
		return Config{}, err
	}
	if value := env.Value(tokenCredentials); value != "" {
		i := slices.IndexFunc(credentials(), func(known Credential) bool { return strings.EqualFold(string(known), value) })
		if i < 0 {
			return Config{}, wrongValue(tokenCredentials, fmt.Errorf("it is none of those that can be had without a person or another program: %s", listCredentials()))
		}
		c.Credential = credentials()[i]
	}
	if env.IsSet(certificatePassword) && c.method() == byCertificate {
		return Config{}, &generators.AdvisedError{
			Err:    wrongValue(certificatePassword, errors.New("private keys with a password are not read")),
			Advice: `"openssl pkcs12 -in FILE -noenc -out FILE.pem" makes a file without one, to be kept as safe as the password`,
		}
	}
	if err := c.checkComplete(); err != nil {
		return Config{}, err
	}
	odd := func(v generators.Variable) {
		if notice := generators.OddValue(v.Name, env.Value(v)); notice != "" {
			c.notices = append(c.notices, notice)
		}
	}
	switch c.method() {
	case byPassword:
		odd(password)
		if env.IsSet(tokenCredentials) {
			c.notices = append(c.notices, tokenCredentials.Name+" does not count, since "+username.Name+" is set")
		}
	case bySecret:
		odd(clientSecret)
	}
	return c, nil
}

// checkNames refuses two variables that name different registries.
func (c Config) checkNames(env generators.Env) error {
	var lists [2][]string
	for i, v := range [2]string{registry.Name, registry.Aliases[0]} {
		value, _ := env(v)
		for _, item := range splitList(value) {
			host, err := loginServer(item, c.homeDomain())
			if err != nil {
				return fmt.Errorf("%s: %s: %w", name, v, err)
			}
			lists[i] = append(lists[i], host)
		}
		slices.Sort(lists[i])
	}
	if lists[0] != nil && lists[1] != nil && !slices.Equal(slices.Compact(lists[0]), slices.Compact(lists[1])) {
		return fmt.Errorf("%s: %s and %s name different registries; one of them is enough", name, registry.Name, registry.Aliases[0])
	}
	return nil
}

// splitList reads a list with commas or white space between its items.
func splitList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
}

// wrongValue says what is wrong with the value of a variable. It does not quote it:
// people mix up variables.
func wrongValue(v generators.Variable, err error) error {
	return fmt.Errorf("%s: %s: %w", name, v.Name, err)
}

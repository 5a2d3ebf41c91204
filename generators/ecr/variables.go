package ecr

import (
	"strings"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
)

const name = "ecr"

// The variables are those of codeship/aws-ecr-dockercfg-generator, today's and those
// it had until 2021, and AWS's own (aws-sdk-go-v2 config v1.33.14, env_config.go).
// AWS_STS_EXTERNAL_ID is new here.
var (
	region = generators.Variable{
		Name:    "AWS_REGION",
		Aliases: []string{"AWS_DEFAULT_REGION"},
		Summary: "region of the registry, or several with commas between them; the public registry needs none",
	}
	keyID = generators.Variable{
		Name:    "AWS_ACCESS_KEY_ID",
		Aliases: []string{"AWS_ACCESS_KEY"},
		Summary: "id of an access key; needs the next",
		Selects: true,
	}
	secretKey = generators.Variable{
		Name:    "AWS_SECRET_ACCESS_KEY",
		Aliases: []string{"AWS_SECRET_KEY"},
		Summary: "the access key itself",
		Secret:  true,
	}
	sessionToken = generators.Variable{
		Name:    "AWS_SESSION_TOKEN",
		Aliases: []string{"AWS_SECURITY_TOKEN"},
		Summary: "session token of a temporary access key",
		Secret:  true,
	}
	role = generators.Variable{
		Name:    "AWS_STS_ROLE",
		Summary: "name of a role to assume first; needs the next",
		Selects: true,
	}
	roleAccount = generators.Variable{
		Name:    "AWS_STS_ACCOUNT",
		Summary: "account of that role and of the registry, or several with commas between them",
	}
	externalID = generators.Variable{
		Name:    "AWS_STS_EXTERNAL_ID",
		Summary: "external id that the role's trust policy asks for",
	}
	sessionName = generators.Variable{
		Name:    "AWS_ROLE_SESSION_NAME",
		Summary: "name of the session under a role, for the logs of AWS",
		Default: "aws_docker_creds",
	}
	public = generators.Variable{
		Name:     "ECR_PUBLIC",
		Summary:  "set to anything, even nothing: public.ecr.aws in place of an account's registry",
		Selects:  true,
		Presence: true,
	}
	registryIDs = generators.Variable{
		Name:    "AWS_ECR_REGISTRY_IDS",
		Summary: "accounts whose registries the keys may use, in place of their own, with blanks between them",
	}
	profile = generators.Variable{
		Name:    "AWS_PROFILE",
		Aliases: []string{"AWS_DEFAULT_PROFILE"},
		Summary: "profile of AWS's configuration, or several with commas between them, if no key is set",
	}
	configFile = generators.Variable{
		Name:    "AWS_CONFIG_FILE",
		Summary: "file of profiles, if not .aws/config in the home folder",
	}
	credentialsFile = generators.Variable{
		Name:    "AWS_SHARED_CREDENTIALS_FILE",
		Summary: "file of the keys of profiles, if not .aws/credentials in the home folder",
	}
	tokenFile = generators.Variable{
		Name:    "AWS_WEB_IDENTITY_TOKEN_FILE",
		Summary: "file with an OpenID Connect token, such as Kubernetes and CI services write; needs the next",
	}
	roleARN = generators.Variable{
		Name:    "AWS_ROLE_ARN",
		Summary: "role that the token of that file may assume",
	}
	containerPath = generators.Variable{
		Name:    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		Summary: "where a container in Amazon ECS gets its keys; AWS sets it",
	}
	containerURI = generators.Variable{
		Name:    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		Summary: "where a container, such as one in Amazon EKS, gets its keys; AWS sets it",
	}
	containerToken = generators.Variable{
		Name:    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
		Summary: "what to show there",
		Secret:  true,
	}
	containerTokenFile = generators.Variable{
		Name:    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
		Summary: "file with what to show there; AWS sets it",
	}
	metadataDisabled = generators.Variable{
		Name:    "AWS_EC2_METADATA_DISABLED",
		Summary: "true: do not ask the instance metadata for keys",
	}
	metadataEndpoint = generators.Variable{
		Name:    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
		Summary: "URL of the instance metadata",
	}
	metadataMode = generators.Variable{
		Name:    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
		Summary: "IPv4 or IPv6: the usual address of the instance metadata",
	}
	metadataV1Disabled = generators.Variable{
		Name:    "AWS_EC2_METADATA_V1_DISABLED",
		Summary: "true: never fall back to version 1 of the instance metadata",
	}
	fips = generators.Variable{
		Name:    "AWS_USE_FIPS_ENDPOINT",
		Summary: "true: ask servers with FIPS 140 cryptography, and write their registries too",
	}
	dualStack = generators.Variable{
		Name:    "AWS_USE_DUALSTACK_ENDPOINT",
		Summary: "true: ask servers that speak IPv6 too, and write their registries too",
	}
	caBundle = generators.Variable{
		Name:    "AWS_CA_BUNDLE",
		Summary: "PEM file of the certificate authorities to trust in place of the system's",
	}
	endpointURL = generators.Variable{
		Name:    "AWS_ENDPOINT_URL",
		Summary: "URL to ask in place of AWS's servers",
	}
	ecrURL = generators.Variable{
		Name:    "AWS_ENDPOINT_URL_ECR",
		Summary: "the same for ECR alone",
	}
	publicURL = generators.Variable{
		Name:    "AWS_ENDPOINT_URL_ECR_PUBLIC",
		Summary: "the same for ECR Public alone",
	}
	stsURL = generators.Variable{
		Name:    "AWS_ENDPOINT_URL_STS",
		Summary: "the same for STS alone, which lets assume roles",
	}
	ssoURL = generators.Variable{
		Name:    "AWS_ENDPOINT_URL_SSO",
		Summary: "the same for the portal of single sign-on, which profiles use",
	}
	oidcURL = generators.Variable{
		Name:    "AWS_ENDPOINT_URL_SSO_OIDC",
		Summary: "the same for the tokens of single sign-on, which profiles use",
	}
	signinURL = generators.Variable{
		Name:    "AWS_ENDPOINT_URL_SIGNIN",
		Summary: "the same for the sign-in that profiles with a login_session use",
	}
	ignoreURLs = generators.Variable{
		Name:    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
		Summary: "true: pass over all of these URLs",
	}
	regionalSTS = generators.Variable{
		Name:    "AWS_STS_REGIONAL_ENDPOINTS",
		Summary: "regional, as it always is here",
	}
	maxAttempts = generators.Variable{
		Name:    "AWS_MAX_ATTEMPTS",
		Summary: "how often to ask a server that is busy",
		Default: "4",
	}
	retryMode = generators.Variable{
		Name:    "AWS_RETRY_MODE",
		Summary: "standard, as it always is here",
	}
)

func variables() []generators.Variable {
	return []generators.Variable{
		region, keyID, secretKey, sessionToken, role, roleAccount, externalID, sessionName, public, registryIDs,
		profile, configFile, credentialsFile, tokenFile, roleARN,
		containerPath, containerURI, containerToken, containerTokenFile,
		metadataDisabled, metadataEndpoint, metadataMode, metadataV1Disabled,
		fips, dualStack, caBundle, endpointURL, ecrURL, publicURL, stsURL, ssoURL, oidcURL, signinURL, ignoreURLs,
		regionalSTS, maxAttempts, retryMode,
	}
}

// Backend describes the backend with the zero Config.
func Backend() generators.Backend { return Config{}.Backend() }

// Backend describes the backend with a Config, of which variables that are set
// replace the fields.
func (c Config) Backend() generators.Backend {
	return generators.Backend{
		Name:      name,
		Summary:   "Amazon ECR, private and public",
		Variables: variables(),
		LongLived: "AWS gives out no token for ECR that lasts longer than 12 hours: run this where the file is used, just before it is, and encrypt the variables in its place",
		Open: func(env generators.Env) (generators.Source, error) {
			with, err := c.withEnv(env)
			if err != nil {
				return nil, err
			}
			s, err := New(with)
			if err != nil {
				return nil, err // not s, a nil pointer in an interface
			}
			return s, nil
		},
	}
}

// ConfigFromEnv reads the variables that Backend describes. The error is a
// *generators.MissingVariablesError, or says which variable holds what cannot be.
func ConfigFromEnv(env generators.Env) (Config, error) { return Config{}.withEnv(env) }

func (c Config) withEnv(env generators.Env) (Config, error) {
	if err := c.checkSet(env); err != nil {
		return Config{}, err
	}
	set := func(field *string, v generators.Variable) {
		if env.IsSet(v) || *field == "" {
			*field = env.Value(v)
		}
	}
	hide := func(field *dockercfg.Secret, v generators.Variable) {
		if env.IsSet(v) {
			*field = dockercfg.NewSecret(env.Value(v))
		}
	}
	list := func(field *[]string, v generators.Variable) {
		if env.IsSet(v) {
			*field = words(env.Value(v))
		}
	}
	list(&c.Regions, region)
	set(&c.Keys.ID, keyID)
	hide(&c.Keys.Secret, secretKey)
	hide(&c.Keys.SessionToken, sessionToken)
	set(&c.Role.Name, role)
	list(&c.Role.Accounts, roleAccount)
	set(&c.Role.ExternalID, externalID)
	set(&c.SessionName, sessionName)
	c.Public = c.Public || env.IsSet(public)
	list(&c.RegistryIDs, registryIDs)
	if env.IsSet(profile) { // names of profiles may hold blanks
		c.ProfileNames = nil
		for name := range strings.SplitSeq(env.Value(profile), ",") {
			if name = strings.TrimSpace(name); name != "" {
				c.ProfileNames = append(c.ProfileNames, name)
			}
		}
	}
	set(&c.WebIdentity.TokenFile, tokenFile)
	set(&c.WebIdentity.RoleARN, roleARN)
	set(&c.Container.Path, containerPath)
	set(&c.Container.URI, containerURI)
	hide(&c.Container.Token, containerToken)
	set(&c.Container.TokenFile, containerTokenFile)
	set(&c.Metadata.Endpoint, metadataEndpoint)
	set(&c.CABundle, caBundle)
	for _, option := range []struct {
		on *bool
		v  generators.Variable
	}{
		{&c.Metadata.Disabled, metadataDisabled}, {&c.Metadata.OnlyV2, metadataV1Disabled},
		{&c.FIPS, fips}, {&c.DualStack, dualStack}, {&c.IgnoreEndpoints, ignoreURLs},
	} {
		if err := setBool(option.on, env, option.v); err != nil {
			return Config{}, err
		}
	}
	set(&c.Endpoints.All, endpointURL)
	set(&c.Endpoints.ECR, ecrURL)
	set(&c.Endpoints.Public, publicURL)
	set(&c.Endpoints.STS, stsURL)
	if err := c.setModes(env); err != nil {
		return Config{}, err
	}
	for _, v := range []generators.Variable{
		configFile, credentialsFile, containerPath, containerURI, containerToken, containerTokenFile,
		metadataDisabled, metadataEndpoint, metadataMode, metadataV1Disabled,
		fips, dualStack, caBundle, endpointURL, stsURL, ssoURL, oidcURL, signinURL, ignoreURLs, maxAttempts,
	} {
		if env.IsSet(v) {
			if c.ProfileVariables == nil {
				c.ProfileVariables = make(map[string]dockercfg.Secret)
			}
			c.ProfileVariables[v.Name] = dockercfg.NewSecret(env.Value(v))
		}
	}
	return c, nil
}

// checkSet names at once what is missing to what is set.
func (c Config) checkSet(env generators.Env) error {
	needed := make(map[string]bool)
	need := func(vs ...generators.Variable) {
		for _, v := range vs {
			needed[v.Name] = true
		}
	}
	keys := env.IsSet(keyID) || env.IsSet(secretKey) || env.IsSet(sessionToken)
	web := env.IsSet(tokenFile) || env.IsSet(roleARN) && !keys
	if keys {
		need(keyID, secretKey)
	} else if web {
		need(tokenFile, roleARN)
	}
	if env.IsSet(role) || env.IsSet(roleAccount) || env.IsSet(externalID) {
		need(role, roleAccount)
	}
	// A profile may have a region, also the default one.
	profiled := !keys && !web && (env.IsSet(profile) || !env.IsSet(containerPath) && !env.IsSet(containerURI) && c.Profiles != nil)
	if !env.IsSet(public) && !c.Public && c.Regions == nil && !c.namesRegion() && !profiled {
		need(region)
	}
	var all []generators.Variable
	for _, v := range variables() {
		if needed[v.Name] {
			all = append(all, v)
		}
	}
	return generators.CheckSet(name, env, all...)
}

// setModes reads the variables that have but one meaning here.
func (c *Config) setModes(env generators.Env) error {
	switch mode := env.Value(metadataMode); {
	case strings.EqualFold(mode, "IPv6"):
		c.Metadata.IPv6 = true
	case mode != "" && !strings.EqualFold(mode, "IPv4"):
		return wrongValue(metadataMode, "is neither IPv4 nor IPv6")
	}
	if mode := env.Value(regionalSTS); mode != "" && !strings.EqualFold(mode, "regional") {
		return wrongValue(regionalSTS, "is not regional: the global server of STS is not asked, since its sessions are of no use in the newer regions")
	}
	switch mode := strings.ToLower(env.Value(retryMode)); mode {
	case "", "standard", "adaptive", "legacy": // which differ by how much they ask, not by what comes out
	default:
		return wrongValue(retryMode, "is none of standard, adaptive, legacy")
	}
	attempts := env.Value(maxAttempts)
	if !isDigits(attempts) || len(attempts) > 2 || strings.Trim(attempts, "0") == "" {
		return wrongValue(maxAttempts, "is not a number from 1 to 99")
	}
	if env.IsSet(maxAttempts) || c.MaxAttempts == 0 {
		c.MaxAttempts = 0
		for _, digit := range attempts {
			c.MaxAttempts = 10*c.MaxAttempts + int(digit-'0')
		}
	}
	return nil
}

func setBool(on *bool, env generators.Env, v generators.Variable) error {
	switch value := env.Value(v); {
	case strings.EqualFold(value, "true"):
		*on = true
	case strings.EqualFold(value, "false"):
		*on = false
	case value != "":
		return wrongValue(v, "is neither true nor false")
	}
	return nil
}

// words splits a list at commas and white space.
func words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(", \t\r\n;", r) })
}

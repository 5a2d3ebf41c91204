// Package accountstest has files of registry accounts, good and bad, for tests of what
// reads them and of the JSON schema.
package accountstest

import (
	"slices"
	"strings"
)

// Full has all that there is.
const Full = `# all there is
interval: 6h
registries:
  - name: production
    address: HTTPS://123456789012.dkr.ecr.eu-west-1.amazonaws.com/v2/
    backend: ecr
    envFile: aws.env.encrypted
    variables: {AWS_MAX_ATTEMPTS: 3, AWS_USE_FIPS_ENDPOINT: false, AWS_CA_BUNDLE: "aws.pem"}
    profile: acme
    role: arn:aws:iam::210987654321:role/team/pull
    externalId: "42"
    region: eu-west-1
    repositories: [team/app, "team/web:1.2"]
    caCert: ca.pem
    timeout: 30s
    default: true
  - name: hub
    address: docker.io
    username: bob
    passwordFile: hub.password
    email: bob@example.com
  - {name: inline, address: "http://localhost:5000", username: eve, password: "canary", plainHTTP: true}
  - name: command
    address: quay.io
    username: ci
    passwordCommand: pass show quay | head -1
    insecureSkipVerify: true
  - name: made
    backend: ecr
    accountId: 123456789012
    region: cn-north-1
    role: pull
  - name: google
    address: europe-docker.pkg.dev
    backend: gcr
    location: europe
    serviceAccount: pull@acme.iam.gserviceaccount.com
  - name: azure
    address: acme.azurecr.io
    backend: azure
    tenant: acme.example
    clientId: 6f1b
  - name: ibm
    address: de.icr.io
    backend: ibm
    region: eu-de
  - {name: own, address: registry.example,
     backend: vault-lookup,
     envFile: own.env, envSyntax: dotenv}
outputs:
  - passwordFile: /opt/passwords/ecr.pass
    registry: production
    mode: "0640"
    owner: 1000
    group: spinnaker
  - dockercfg: config.json
  - dockercfg: hub.json
    registries: [hub]
    mode: 0640
  - kubernetesSecret: regcred
    namespaces: [apps, jobs]
    registries: [production, hub]
  - kubernetesSecret: regcred
    force: true
`

// Skuid is the example of skuid/ecr-token-refresh's README, as it is.
const Skuid = `interval: 30m
registries:
  - registryId: "123456789012"
    region: "us-west-2"
    passwordFile: "/opt/passwords/my-ecr-registry.pass"
`

// A Case is a file that is refused.
type Case struct {
	Name, Text string
	// Want is in the first error, mostly with its line.
	Want string
	// Blind is set for what no JSON schema can tell, since it is about several values
	// at once or about the YAML itself.
	Blind bool
}

// Bad gives files that are refused. What is "canary" in them is never quoted.
func Bad() []Case {
	return []Case{
		{"nothing", "", "it is empty", false},
		{"comment", "# x\n", "it is empty", false},
		{"no YAML", "registries:\n  - [canary\n", "not valid YAML", true},
		{"text", "canary\n", "line 1: the file has to be names", false},
		{"list", "- canary: 1\n", "line 1: the file has to be names", false},
		{"two documents", "registries: [canary]\n---\nregistries: [canary]\n", "line 3: a second document", true},
		{"no registries", "interval: 1h\n", "registries has to be a list", false},
		{"registries misspelt", "registres:\n  - canary\n", `line 1: the file has no "registres"; did you mean registries?`, false},
		{"empty list", "registries: []\n", "line 1: registries has to be a list", false},
		{"list of texts", "registries:\n  - canary\n", "line 2: a registry has to be names", false},
		{"unknown name", Account("adress: quay.io"), `line 2: a registry has no "adress"; did you mean address?`, false},
		{"another style", Account("password_file: canary"), `line 2: a registry has no "password_file"; did you mean passwordFile?`, false},
		{"secret as a name", Account("canary: x"), "line 2: a registry has no field of the name that stands here; it has name,", false},
		{"number as a name", Account("1: x"), "line 2: a registry has no field of the name", false},
		{"twice", Account("name: a", "name: b", "address: quay.io", "username: u", "password: p"), "line 3: a registry has name twice", true},
		{"interval", "interval: 30\nregistries: []\n", "line 1: interval has to be a text", false},
		{"interval without a unit", "interval: \"30\"\nregistries: []\n", "line 1: interval has to be a time with its unit", false},
		{"no interval", "interval: 0s\nregistries: []\n", "line 1: interval has to be longer", false},
		{"null", Account("name:", "address: quay.io"), "line 2: name has no value", false},
		{"no name", Account("address: quay.io", "username: u", "password: canary"), "line 2: a registry needs a name", false},
		{"bad name", Account("name: Canary_1", "address: quay.io"), "line 2: name has to be 1 to 63", false},
		{"hyphen", Account("name: -a", "address: quay.io"), "line 2: name has to be", false},
		{"long name", Account("name: " + strings.Repeat("a", 64)), "line 2: name has to be", false},
		{"number for a name", Account("name: 12"), "line 2: name has to be a text", false},
		{"name twice", Account(good...) + "  - name: a\n    address: ghcr.io\n    username: u\n    password: canary\n", "line 6: the registry of line 2 has this name already", true},
		{"no address", Account("name: a", "username: u", "password: canary"), "line 2: a registry needs an address", false},
		{"address with a password", Account("name: a", "address: https://u:canary@quay.io", "username: u", "password: p"), "line 3: address: it holds a user name or a password", true},
		{"pattern", Account("name: a", `address: "*.canary"`, "username: u", "password: p"), "line 3: address: ", false},
		{"neither", Account("name: a", "address: quay.io"), "line 2: a registry needs a backend, or a username", false},
		{"both", Account("name: a", "address: quay.io", "backend: login", "password: canary"), "line 5: password does not go with backend", false},
		{"no user", Account("name: a", "address: quay.io", "password: canary"), "line 4: there is password and no username", false},
		{"no password", Account("name: a", "address: quay.io", "username: canary"), "line 4: there is a username and no password", false},
		{"two passwords", Account("name: a", "address: quay.io", "username: u", "password: canary", "passwordCommand: c"), "line 6: there are password and passwordCommand", false},
		{"empty password", Account("name: a", "address: quay.io", "username: u", `password: ""`), "line 5: password has no value", false},
		{"number for a password", Account("name: a", "address: quay.io", "username: u", "password: 0123"), "line 5: password has to be a text", false},
		{"list for a password", Account("name: a", "address: quay.io", "username: u", "password: [canary]"), "line 5: password has to be a text", false},
		{"colon", Account("name: a", "address: quay.io", "username: canary:1", "password: p"), "line 4: username holds a colon", false},
		{"NUL", Account("name: a", "address: quay.io", "username: u", `password: "canary\0"`), "line 5: password holds a NUL", false},
		{"env file beside a user", Account(append(slices.Clone(good), "envFile: x")...), "line 6: envFile is for a backend", false},
		{"syntax beside a user", Account(append(slices.Clone(good), "envSyntax: docker")...), "line 6: envSyntax is for a backend", false},
		{"syntax", Account("name: a", "address: x.io", "backend: mine", "envFile: x", "envSyntax: canary"), "line 6: envSyntax has to be docker or dotenv", false},
		{"syntax of nothing", Account("name: a", "address: x.io", "backend: mine", "envSyntax: dotenv"), "line 5: envSyntax is for an envFile", false},
		{"setting beside a user", Account(append(slices.Clone(good), "region: x")...), "line 6: region is for a backend", false},
		{"name of a backend", Account("name: a", "address: quay.io", "backend: Canary"), "line 4: backend has to be the name of a backend", false},
		{"setting of another backend", Account("name: a", "address: gcr.io", "backend: gcr", "profile: canary"), "line 5: the backend gcr has no profile; it has location, serviceAccount", false},
		{"setting of a program", Account("name: a", "address: x.io", "backend: mine", "role: canary"), "line 5: the backend mine has no role; what it needs goes into variables", false},
		{"variables", Account("name: a", "address: x.io", "backend: mine", "variables: [canary]"), "line 5: variables has to be names", false},
		{"variable's name", Account("name: a", "address: x.io", "backend: mine", "variables: {a-canary: x}"), "line 5: what stands here is not the name of a variable", false},
		{"variable's value", Account("name: a", "address: x.io", "backend: mine", "variables: {X: 1.5}"), "line 5: the variable X has to be a text", false},
		{"variable twice", Account("name: a", "address: x.io", "backend: mine", "variables: {X: a, X: canary}"), "line 5: the variable X is there twice", true},
		{"variable and setting", Account("name: a", "address: x.io", "backend: ecr", "variables: {AWS_REGION: canary}", "region: eu-west-1"), "line 6: region is AWS_REGION, which stands among the variables too", true},
		{"role", Account("name: a", "address: 123456789012.dkr.ecr.eu-west-1.amazonaws.com", "backend: ecr", "role: arn:aws:iam::canary:role/x"), "line 5: role has to be the ARN", false},
		{"role elsewhere", Account("name: a", "address: localhost:5000", "backend: ecr", "role: canary"), "line 5: role has to be an ARN here", true},
		{"external id alone", Account("name: a", "address: x.io", "backend: ecr", "externalId: canary"), "line 5: externalId is for a role", true},
		{"account alone", Account("name: a", "backend: ecr", `accountId: "123456789012"`), "line 4: accountId needs a region", false},
		{"short account", Account("name: a", "backend: ecr", "accountId: 12345", "region: eu-west-1"), "line 4: an account id has 12 digits", false},
		{"bad region", Account("name: a", "backend: ecr", "accountId: 123456789012", "region: canary"), "line 4: regions have names", false},
		{"other account", Account("name: a", "backend: ecr", "accountId: 123456789012", "address: 210987654321.dkr.ecr.eu-west-1.amazonaws.com"), "line 4: the address is that of another account", true},
		{"repositories", Account(append(slices.Clone(good), "repositories: canary")...), "line 6: repositories has to be a list", false},
		{"no repositories", Account(append(slices.Clone(good), "repositories: []")...), "line 6: repositories has to be a list", false},
		{"repository", Account(append(slices.Clone(good), "repositories: [ok, Canary]")...), "line 6: repositories: the name of a repository has no capital", false},
		{"repository twice", Account(append(slices.Clone(good), "repositories: [a, a]")...), "line 6: repositories names the same twice", false},
		{"address of a repository", Account(append(slices.Clone(good), "repositories: [quay.io/ok, ghcr.io/canary]")...), "line 6: repositories: it begins with another address", true},
		{"truth", Account(append(slices.Clone(good), `plainHTTP: "true"`)...), "line 6: plainHTTP has to be true or false", false},
		{"yes", Account(append(slices.Clone(good), "default: yes")...), "line 6: default has to be true or false", false},
		{"two switches", Account(append(slices.Clone(good), "plainHTTP: true", "caCert: canary")...), "line 2: of caCert, insecureSkipVerify and plainHTTP", false},
		{"two defaults", Account(append(slices.Clone(good), "default: true")...) + "  - {name: b, address: x.io, username: u, password: p, default: true}\n", "line 7: the registry of line 2 is the default already", false},
		{"nested merge", "registries:\n  - &a\n    <<: {username: u, password: p}\n    name: x\n    address: quay.io\n  - <<: *a\n", "what is merged here merges something itself", true},
		{"merged text", Account("<<: canary"), "line 2: what is merged has to be names", false},
		{"no outputs", Account(good...) + "outputs: []\n", "line 6: outputs has to be a list", false},
		{"no kind", Account(good...) + "outputs:\n  - registry: a\n", "line 7: an output is exactly one of", false},
		{"two kinds", Account(good...) + "outputs:\n  - passwordFile: x\n    dockercfg: y\n", "line 7: an output is exactly one of", false},
		{"no registry", Account(good...) + "outputs:\n  - passwordFile: x\n", "line 7: a passwordFile needs a registry", false},
		{"unknown registry", Account(good...) + "outputs:\n  - passwordFile: x\n    registry: canary\n", "line 8: registry: no registry has this name", true},
		{"misspelt registry", Account("name: production", "address: quay.io", "username: u", "password: p") + "outputs:\n  - dockercfg: x\n    registries:\n      - prodction\n", "line 9: registries: no registry has this name; did you mean production?", true},
		{"registries of a password", Account(good...) + "outputs:\n  - passwordFile: x\n    registry: a\n    registries: [a]\n", "line 9: passwordFile has no registries, which is for dockercfg and kubernetesSecret", false},
		{"mode of a Secret", Account(good...) + "outputs:\n  - kubernetesSecret: x\n    mode: \"0600\"\n", "line 8: kubernetesSecret has no mode", false},
		{"mode", Account(good...) + "outputs:\n  - dockercfg: x\n    mode: rw\n", "line 8: mode has to be three digits", false},
		{"mode for all", Account(good...) + "outputs:\n  - dockercfg: x\n    mode: \"0666\"\n", "line 8: mode lets everybody write", false},
		{"mode for nobody", Account(good...) + "outputs:\n  - dockercfg: x\n    mode: \"0040\"\n", "line 8: mode keeps the file from its owner", false},
		{"mode of a program", Account(good...) + "outputs:\n  - dockercfg: x\n    mode: \"0700\"\n", "line 8: mode makes the file a program", false},
		{"force of a file", Account(good...) + "outputs:\n  - dockercfg: x\n    force: true\n", "line 8: dockercfg has no force, which is for kubernetesSecret", false},
		{"force that is none", Account(good...) + "outputs:\n  - kubernetesSecret: x\n    force: perhaps\n", "line 8: force", false},
		{"Secret's name", Account(good...) + "outputs:\n  - kubernetesSecret: Canary\n", "line 7: kubernetesSecret has to be a name", false},
		{"namespace", Account(good...) + "outputs:\n  - kubernetesSecret: x\n    namespaces: [Canary]\n", "line 8: namespaces: a namespace has", false},
		{"same file", Account(good...) + "outputs:\n  - dockercfg: x\n  - dockercfg: ./x\n", "line 8: the output of line 7 is in the same place", true},
		{"same Secret", Account(good...) + "outputs:\n  - kubernetesSecret: x\n    namespaces: [a, b]\n  - kubernetesSecret: x\n    namespaces: [b]\n", "line 9: the output of line 7 is in the same place", true},
		{"skuid without a file", "registries:\n  - registryId: \"123456789012\"\n    region: us-west-2\n", "line 2: there is no passwordFile", false},
		{"skuid's account", "registries:\n  - {registryId: \"canary\", region: us-west-2, passwordFile: x}\n", "line 2: registryId and region: an account id has 12 digits", false},
		{"skuid's region", "registries:\n  - {registryId: \"123456789012\", region: canary, passwordFile: x}\n", "line 2: registryId and region: regions have names", false},
		{"skuid mixed", "registries:\n  - {registryId: \"123456789012\", region: us-west-2, passwordFile: x}\n  - {name: a}\n", "line 3: a registry with a registryId has no field of the name", false},
		{"skuid's files", "registries:\n  - {registryId: \"123456789012\", region: us-west-2, passwordFile: x}\n  - {registryId: \"123456789013\", region: us-west-2, passwordFile: x}\n", "line 3: the password of the registry of line 2 goes to the same file", true},
		{"skuid's outputs", "registries:\n  - {registryId: \"123456789012\", region: us-west-2, passwordFile: x}\noutputs: []\n", "line 3: outputs does not go with registryId", false},
	}
}

// good are the fields of an account.
var good = []string{"name: a", "address: quay.io", "username: u", "password: p"}

// Account makes a file of one account, which begins in line 2.
func Account(fields ...string) string {
	return "registries:\n  - " + strings.Join(fields, "\n    ") + "\n"
}

package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/endpoint"
)

// A signInError is what Entra ID answers, and the managed identity likewise
// (learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#error-response-1).
type signInError struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	CorrelationID string `json:"correlation_id"`
}

// refusal gives what an answer says why it refuses, nil if it does not say.
func refusal(err error, secrets ...string) (refused *endpoint.RefusedError, kind string) {
	status, ok := errors.AsType[*endpoint.StatusError](err)
	if !ok {
		return nil, ""
	}
	var body signInError
	if json.Unmarshal(status.Body, &body) != nil || body.Error == "" && body.Description == "" {
		return nil, ""
	}
	// The description goes on with ids and a time, on lines of their own or not.
	text, _, _ := strings.Cut(body.Description, "Trace ID:")
	code := body.Error
	if number, _, found := strings.Cut(text, ":"); found && strings.HasPrefix(number, "AADSTS") {
		code = number
	}
	id := body.CorrelationID
	if id == "" {
		id = status.Header.Get("X-Ms-Request-Id")
	}
	return endpoint.Refused(status, code, text, id, secrets...), body.Error
}

// explainSignIn says why Entra ID gives no token, and what can be done. Its numbers are
// not meant to be programmed against (learn.microsoft.com/entra/identity-platform/reference-error-codes):
// they choose an advice here, and no more.
func (s *Source) explainSignIn(err error, sent string) error {
	refused, kind := refusal(err, sent)
	if refused == nil {
		return explainName(err, authorityHost.Name+" may be misspelt")
	}
	clock := refused.Status.Clock()
	advice := ""
	switch refused.Code {
	case "AADSTS7000215":
		advice = clientSecret.Name + ` has to be the value of a secret of this application, not the secret's id; "az ad app credential reset --id ` + s.appID() + ` --append" makes a new one`
	case "AADSTS7000222":
		advice = `"az ad app credential reset --id ` + s.appID() + ` --append" makes a new secret`
	case "AADSTS700016":
		advice = clientID.Name + " has to be an application (client) id, and " + tenant.Name + " the directory it is in"
	case "AADSTS90002", "AADSTS900023", "AADSTS900021":
		advice = tenant.Name + ` has to be a directory of this cloud: "az account show --query tenantId" tells`
	case "AADSTS700211", "AADSTS700212", "AADSTS700213", "AADSTS70021":
		advice = "the application needs a federated credential with exactly what the token has: " + describe(sent)
	case "AADSTS700024":
		advice = "the token in " + federatedTokenFile.Name + " may be an old one: who writes that file has to renew it"
		if s.method == byCertificate {
			advice = "the assertion is good for 10 minutes by this machine's clock"
		}
		if clock != "" {
			advice = clock + `: set it, with "timedatectl set-ntp true" for one`
		}
	case "AADSTS700027", "AADSTS7000214", "AADSTS700023":
		advice = "the certificate in " + certificatePath.Name + ` has to be one of those of the application: "az ad app credential list --id ` + s.appID() + ` --cert" lists them`
	case "AADSTS500011", "AADSTS50001", "AADSTS500014":
		advice = "the directory does not know Azure Container Registry; an administrator can register the provider: az provider register --namespace Microsoft.ContainerRegistry"
	case "AADSTS53003", "AADSTS530035":
		advice = "a policy of conditional access stands against it; its sign-in log names which"
	default:
		switch kind {
		case "invalid_client", "unauthorized_client":
			advice = tenant.Name + ", " + clientID.Name + " and the secret or token have to be of one application"
		}
	}
	if advice == "" {
		return refused
	}
	return advise(refused, advice)
}

// appID is the application for a command to type.
func (s *Source) appID() string {
	if id := s.config.ClientID; len(id) == 36 && !strings.ContainsFunc(id, func(r rune) bool { return r != '-' && !unicode.Is(unicode.ASCII_Hex_Digit, r) }) {
		return id
	}
	return "APP"
}

// describe tells by what a federated token is recognised, none of which is secret.
func describe(token string) string {
	c, _ := claimsOf(token)
	show := func(text string) string {
		if len(text) > 200 {
			text = text[:200] + "…"
		}
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("issuer %s, subject %s, audience %s", show(c.Issuer), show(c.Subject), show(strings.Join(c.Audience, " ")))
}

// explainIdentity says why there is no token of the managed identity.
func (s *Source) explainIdentity(ctx context.Context, err error) error {
	refused, _ := refusal(err, s.config.IdentityHeader.Reveal())
	status, isStatus := errors.AsType[*endpoint.StatusError](err)
	switch {
	case ctx.Err() != nil:
		return err
	case refused != nil && strings.Contains(strings.ToLower(refused.Description), "multiple user assigned"):
		return advise(refused, clientID.Name+" has to say which of the machine's identities it should be: its client id")
	case refused != nil && s.config.ClientID != "":
		return advise(refused, "the machine has to have an identity with the client id in "+clientID.Name+"; without the variable it is the machine's own (az vm identity show, az webapp identity show)")
	case refused != nil:
		return advise(refused, "the machine needs an identity: az vm identity assign, az webapp identity assign; one that was just assigned takes a minute")
	case isStatus && status.Code != http.StatusNotFound:
		return err
	}
	return advise(fmt.Errorf("there is no managed identity here: %w", err),
		"machines of Azure alone have one; elsewhere "+username.Name+" and "+password.Name+", or "+tenant.Name+", "+clientID.Name+" and "+clientSecret.Name+", have to be set")
}

// explainExchange says why a registry gives no refresh token.
func (s *Source) explainExchange(err error, host string, access dockercfg.Secret) error {
	status, ok := errors.AsType[*endpoint.StatusError](err)
	if !ok {
		return explainName(err, `"az acr show --name NAME --query loginServer" tells the full name of a registry, which may have a hash in it; it may also have been deleted`)
	}
	var body struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	json.Unmarshal(status.Body, &body) // else the status tells
	var refused error = err
	text := ""
	if len(body.Errors) > 0 {
		e := body.Errors[0]
		id := status.Header.Get("X-Ms-Correlation-Request-Id")
		described := endpoint.Refused(status, e.Code, e.Message, id, access.Reveal())
		refused, text = described, described.Description
	}
	registryName, _, _ := strings.Cut(host, ".")
	switch {
	case status.Code == http.StatusForbidden || strings.Contains(text, "firewall") || strings.Contains(text, "with IP"):
		return advise(refused, "the registry's firewall has to let this machine's address in: az acr network-rule add --name "+registryName+" --ip-address ADDRESS")
	case status.Code == http.StatusUnauthorized:
		return advise(refused, "the identity needs a role on the registry, AcrPull or AcrPush (Container Registry Repository Reader or Writer where roles are by repository), which takes some minutes to work: az role assignment create --assignee ID --role AcrPull --scope $(az acr show --name "+registryName+" --query id --output tsv); and the registry has to be of the identity's own directory")
	case slices.Contains([]int{http.StatusNotFound, http.StatusMethodNotAllowed}, status.Code):
		return advise(refused, "this server does not exchange tokens: it is no login server of Azure Container Registry, or a proxy stands between")
	}
	return refused
}

// explainName says that a host does not exist, if that is so.
func explainName(err error, advice string) error {
	if unknown, ok := errors.AsType[*net.DNSError](err); ok && unknown.IsNotFound {
		return advise(fmt.Errorf("there is no host of that name: %w", err), advice)
	}
	return err
}

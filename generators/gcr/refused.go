package gcr

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/dockercfg/jet/internal/endpoint"
)

// RefusedError is a server's refusal, in its own words.
type RefusedError struct {
	Host   string
	Status int    // of HTTP
	Reason string // the code, such as invalid_grant or PERMISSION_DENIED; "" for none
	// Description is what the server says of it on one line, without what may be a
	// secret.
	Description string
}

func (e *RefusedError) Error() string {
	text := e.Host + " refuses it"
	switch {
	case e.Reason != "" && e.Description != "":
		return text + ": " + e.Reason + ": " + e.Description
	case e.Reason != "" || e.Description != "":
		return text + ": " + e.Reason + e.Description
	}
	return fmt.Sprintf("%s: %d %s", text, e.Status, http.StatusText(e.Status))
}

// newRefusedError reads what token endpoints (RFC 6749 section 5.2) and Google's APIs
// (google.aip.dev/193) say.
func newRefusedError(status *endpoint.StatusError) *RefusedError {
	e := &RefusedError{Host: status.Host, Status: status.Code}
	var answer struct {
		Error       json.RawMessage `json:"error"`
		Description string          `json:"error_description"`
	}
	if json.Unmarshal(status.Body, &answer) != nil {
		return e
	}
	var call struct {
		Message string `json:"message"`
		Status  string `json:"status"`
	}
	if json.Unmarshal(answer.Error, &e.Reason) == nil {
		e.Description = answer.Description
	} else if json.Unmarshal(answer.Error, &call) == nil {
		e.Reason, e.Description = call.Status, call.Message
	}
	e.Reason, e.Description = harmless(e.Reason), harmless(e.Description)
	return e
}

// longestDescription is in bytes.
const longestDescription = 300

// harmless gives a text of a server for people: without control characters, and
// without runs of characters as tokens and keys have them. Emails, names of projects
// and of workload identity pools are shorter.
func harmless(text string) string {
	text = strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return ' '
		}
		return c
	}, text)
	const longestWord = 32
	var b strings.Builder
	for text != "" {
		n := strings.IndexFunc(text, func(c rune) bool { return !isTokenCharacter(c) })
		if n < 0 {
			n = len(text)
		}
		if n > longestWord {
			b.WriteString("[...]")
		} else {
			b.WriteString(text[:n])
		}
		text = text[n:]
		if text != "" {
			b.WriteByte(text[0])
			text = text[1:]
		}
	}
	text = strings.Join(strings.Fields(b.String()), " ")
	if len(text) > longestDescription {
		text = text[:longestDescription] + "..."
	}
	return text
}

func isTokenCharacter(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("+=_-", c)
}

// refusal turns the status of an answer into what it means; ok is false for errors
// that are none, and for servers that are out of order.
func refusal(err error) (refused *RefusedError, status *endpoint.StatusError, ok bool) {
	status, ok = errors.AsType[*endpoint.StatusError](err)
	if !ok || status.Code/100 != 4 || status.Code == http.StatusTooManyRequests {
		return nil, nil, false
	}
	return newRefusedError(status), status, true
}

// greatestSkew is how far a clock may be off without being the reason for a refusal.
const greatestSkew = 2 * time.Minute

// explain says what an error of a token endpoint means, and what to do.
func (s *Source) explain(d *document, err error) error {
	refused, status, ok := refusal(err)
	if !ok {
		return plain(err)
	}
	err = fmt.Errorf("the credential of %s: %w", s.identity.origin, refused)
	if s.identity.email != "" {
		err = fmt.Errorf("the key of %s: %w", s.identity.email, refused)
	}
	says := func(part string) bool { return strings.Contains(refused.Description, part) }
	// A clock that is wrong makes a new key look old.
	ahead, known := status.Skew()
	if known && ahead.Abs() > greatestSkew && refused.Reason == "invalid_grant" || says("reasonable timeframe") {
		return s.explainClock(err, refused.Host, ahead, known)
	}
	switch {
	case refused.Reason == "invalid_scope":
		return advise(err, "look at "+authScopes.Name+"; without it the scope is "+DefaultScope)
	case d.Type == typeUser || d.Type == typeExternalUser:
		return advise(err, "the login has ended or was taken back: gcloud auth application-default login")
	case d.Type == typeExternal:
		return advise(err, s.adviseExchange(refused))
	case says("account not found"):
		return advise(err, "the service account was deleted, or client_email was changed: "+s.command("list"))
	case refused.Reason == "invalid_grant" && says("Signature"):
		return advise(err, s.adviseKey())
	case says("audience"):
		return advise(err, "the token_uri in the key is not the one that it came with: take the key file as it was downloaded")
	}
	return advise(err, "whether the account and its key are there and not disabled: "+s.command("list"))
}

// explainClock says that a clock is wrong.
func (s *Source) explainClock(err error, host string, ahead time.Duration, known bool) error {
	if !known || ahead.Abs() <= greatestSkew {
		return advise(err, "the clock of this machine is wrong, or was when the credential was made")
	}
	direction := "ahead of"
	if ahead < 0 {
		direction = "behind"
	}
	return advise(fmt.Errorf("%w (the clock of this machine is %v %s that of %s)", err, ahead.Abs(), direction, host), "set the clock of this machine")
}

// adviseKey says what to do about a key that is not the account's.
func (s *Source) adviseKey() string {
	which := "the key"
	if s.identity.keyID != "" {
		which += " " + s.identity.keyID
	}
	return which + " was deleted or replaced, or its parts are from different keys: " + s.command("list") + " shows those that are there, and " + s.command("create key.json") + " makes a new one"
}

// command gives a command of gcloud about the keys of the account.
func (s *Source) command(what string) string {
	email := s.identity.email
	if email == "" {
		email = "EMAIL"
	}
	return "gcloud iam service-accounts keys " + what + " --iam-account=" + email
}

// adviseExchange says what to do about a refusal of the Security Token Service.
func (s *Source) adviseExchange(refused *RefusedError) string {
	switch {
	case refused.Reason == "invalid_target":
		return "look at the audience in the document, and whether the workload identity pool and its provider are there and enabled: gcloud iam workload-identity-pools providers describe"
	case strings.Contains(refused.Description, "stale"):
		return "the subject token is too old: get a new one right before"
	case strings.Contains(refused.Description, "audience"):
		return "the subject token was made for another audience: ask for the one of the document, or allow the other: gcloud iam workload-identity-pools providers update-oidc --allowed-audiences"
	case refused.Reason == "unauthorized_client":
		return "the attribute condition of the provider does not let this subject in: gcloud iam workload-identity-pools providers describe"
	}
	return "the provider of the workload identity pool does not accept the subject token: its issuer, signature, audience and age are checked"
}

// explainImpersonation says what an error of the Credentials API means.
func (s *Source) explainImpersonation(err error) error {
	refused, _, ok := refusal(err)
	if !ok {
		return plain(err)
	}
	err = fmt.Errorf("to act as another service account: %w", refused)
	switch {
	case strings.Contains(refused.Description, "has not been used") || strings.Contains(refused.Description, "is disabled"):
		return advise(err, "gcloud services enable iamcredentials.googleapis.com")
	case refused.Status == http.StatusForbidden || refused.Status == http.StatusNotFound:
		return advise(err, "the account has to be there, and the one before it needs the role roles/iam.serviceAccountTokenCreator on it (for workload identity: roles/iam.workloadIdentityUser): gcloud iam service-accounts get-iam-policy ACCOUNT")
	case strings.Contains(refused.Description, "lifetime"):
		return advise(err, "over an hour takes the policy constraints/iam.allowServiceAccountCredentialLifetimeExtension; else leave token_lifetime_seconds out")
	}
	return advise(err, "look at the names of the accounts and at "+authScopes.Name)
}

// explainMetadata says what an error of the metadata server means: most often that
// there is none, so that there are no credentials at all.
func (s *Source) explainMetadata(err error) error {
	host := s.config.MetadataHost
	if refused, _, ok := refusal(err); ok {
		switch refused.Status {
		case http.StatusNotFound:
			return advise(fmt.Errorf("the metadata server %s has no service account", host), "attach one to the machine, or to the Kubernetes service account (workload identity)")
		case http.StatusBadRequest, http.StatusForbidden:
			return advise(fmt.Errorf("the metadata server %s: %w", host, refused), "the access scopes of the machine have to hold those of "+authScopes.Name+": "+strings.Join(s.config.Scopes, ", "))
		}
		return fmt.Errorf("the metadata server %s: %w", host, refused)
	}
	if status, ok := errors.AsType[*endpoint.StatusError](err); ok {
		return plain(status)
	}
	absent := fmt.Sprintf("and no metadata server of Google's answers at %s: %%w", host)
	return advise(fmt.Errorf("there are no credentials: %s, "+absent, strings.Join(s.identity.absent, ", "), err),
		"put the key of a service account into "+authJSON.Name+", or log in: gcloud auth application-default login")
}

// plain gives an error without the answer that it may hold.
func plain(err error) error {
	if status, ok := errors.AsType[*endpoint.StatusError](err); ok {
		return errors.New(status.Error())
	}
	return err
}

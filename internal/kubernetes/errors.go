package kubernetes

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/dockercfg/jet/internal/endpoint"
)

// Reason says what kind of failure an Error is.
type Reason int

const (
	Unusable     Reason = iota // the configuration, the Secret or the answer is no good
	Unreachable                // the API server does not answer, or not as itself
	Busy                       // it is overloaded or out of order
	Unauthorized               // it does not accept the token
	Forbidden                  // the service account may not do this
	NoNamespace                // the namespace does not exist
	Conflict                   // the content belongs to another field manager
	Immutable                  // the Secret exists, with another type
	Changed                    // somebody else changes it at the same time, again and again
	NoSecret                   // it does not exist, and was not to be created
	Refused                    // any other refusal, such as by an admission policy
)

// Error says why a Secret was not written. It holds no secret, and of what the API
// server says nothing that has a part of one.
type Error struct {
	Secret  string // NAMESPACE/NAME; "" if it is not about one
	Reason  Reason
	Problem string

	hints []string
	err   error
}

func (e *Error) Error() string {
	text := e.Problem
	if e.Secret != "" {
		text = "Secret " + e.Secret + ": " + text
	}
	if e.err != nil {
		text += ": " + e.err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.err }

// Advice says what to do, with a command to type where there is one; often nothing.
func (e *Error) Advice() []string { return e.hints }

// of gives an error about set-up as one about a Secret.
func (e *Error) of(s Secret) *Error {
	e.Secret = s.path()
	return e
}

// unreachable says why there is no answer. What net/http says may quote one that is none.
func unreachable(s Secret, c Config, err error, secrets []string) *Error {
	reason := endpoint.Reason(err)
	if endpoint.Quote(reason.Error(), secrets...) == "" {
		reason = &endpoint.AnswerError{Host: c.Address, Problem: "holds a secret"}
	}
	e := s.problem("the API server cannot be asked", reason)
	e.Reason = Unreachable
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, otherName := errors.AsType[x509.HostnameError](err)
	switch {
	case unknown:
		e.hints = []string{c.CAFile + " has to hold the authority that signed the certificate of the API server"}
	case otherName:
		e.hints = []string{"KUBERNETES_SERVICE_HOST has to be a name or an address that the certificate of the API server is for"}
	}
	return e
}

// status is what the API server says of a failure (apimachinery, meta/v1, Status).
type status struct {
	Message, Reason string
	Details         struct {
		Kind   string
		Causes []cause
	}
}

type cause struct{ Reason, Message, Field string }

// conceal takes out the texts with a part of a secret.
func (s *status) conceal(secrets []string) {
	texts := []*string{&s.Message, &s.Reason}
	for i := range s.Details.Causes {
		texts = append(texts, &s.Details.Causes[i].Message, &s.Details.Causes[i].Field)
	}
	for _, text := range texts {
		if endpoint.Quote(*text, secrets...) == "" {
			*text = ""
		}
	}
}

// refusal says what an answer other than a success means. Secrets are the texts that
// were sent and must not be shown.
func refusal(s Secret, c Config, answer *endpoint.StatusError, secrets []string) *Error {
	var said status
	if json.Unmarshal(answer.Body, &said) != nil {
		said = status{} // by something that stands between, or out of order
	}
	said.conceal(secrets)
	// In the words of the server, as far as they are fit to be shown.
	e := s.problem("", endpoint.Refused(answer, said.Reason, said.Message, answer.Header.Get("Audit-Id"), secrets...))
	e.Reason = Refused
	own := func(reason Reason, problem string, hints ...string) *Error {
		e.Reason, e.Problem, e.hints, e.err = reason, problem, hints, answer
		return e
	}
	namespace := s.Namespace
	switch code := answer.Code; {
	case code == http.StatusUnauthorized:
		problem, hints := tokenProblem(c, answer)
		return own(Unauthorized, problem, hints...)
	case code == http.StatusForbidden:
		verb, user, ok := forbidden(said.Message)
		if !ok {
			e.Reason, e.Problem = Forbidden, "the API server forbids it"
			return e
		}
		problem := fmt.Sprintf("%s may not %s the Secret %s in the namespace %s, or there is no such namespace", user, verb, s.Name, namespace)
		return own(Forbidden, problem, grant(s, user)...)
	case code == http.StatusNotFound && said.Details.Kind == "namespaces":
		return own(NoNamespace, "there is no namespace "+namespace, "kubectl create namespace "+namespace)
	case code == http.StatusNotFound && said.Details.Kind == "secrets":
		return own(NoSecret, "there is no such Secret")
	case code == http.StatusNotFound:
		e.Problem = "this is no API server, or one without Secrets"
		return e
	case code == http.StatusConflict:
		managers, fields := conflicts(said.Details.Causes)
		if managers == "" {
			e.Reason, e.Problem = Changed, "others change it all the time"
			return e
		}
		return own(Conflict, fmt.Sprintf("another field manager owns %s: %s", fields, managers),
			"have only one of them write this Secret; or let jet take it over, with force: true in its output",
			fmt.Sprintf("who owns what: kubectl --namespace %s get secret %s --output yaml --show-managed-fields", namespace, s.Name))
	case code == http.StatusUnprocessableEntity && hasField(said.Details.Causes, "type"):
		return own(Immutable, "it exists with another type, and the type of a Secret cannot be changed",
			fmt.Sprintf("give the output another name; or, if nobody needs what it holds: kubectl --namespace %s delete secret %s", namespace, s.Name))
	case code == http.StatusUnsupportedMediaType || code == http.StatusNotAcceptable:
		return own(Refused, "the API server does not know server-side apply, which Kubernetes has from 1.16 on, and by default from 1.18")
	case code == http.StatusTooManyRequests || code >= 500:
		e.Reason, e.Problem = Busy, "the API server is busy or out of order"
		return e
	}
	e.Problem = "the API server refuses it"
	return e
}

// tokenProblem says why a token is not accepted. Whether it is signed by the cluster
// only that knows; when it ends stands in it (RFC 7519 section 4.1.4).
func tokenProblem(c Config, answer *endpoint.StatusError) (problem string, hints []string) {
	problem = "the API server does not accept the token of " + c.TokenFile
	token, failed := readFile(c.TokenFile)
	if failed != nil {
		return problem, nil
	}
	parts := strings.Split(token, ".")
	var claims struct {
		Expires float64 `json:"exp"`
	}
	if len(parts) != 3 {
		return problem + ", which is no token of a service account", nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return problem + ", which is no token of a service account", nil
	}
	if ended := time.Since(time.Unix(int64(claims.Expires), 0)).Round(time.Second); claims.Expires > 0 && ended > 0 {
		problem += fmt.Sprintf(", which ended %v ago", ended)
		if clock := answer.Clock(); clock != "" {
			return problem + "; " + clock, nil
		}
		return problem, []string{"mount the token itself, which the kubelet renews: a copy of it ends, and so does a mount of a single file (subPath)"}
	}
	return problem + ", though it has not ended", []string{"is it a token of this cluster, and do its Pod and service account still exist? kubectl auth whoami --token TOKEN tells"}
}

// forbidden reads what RBAC says: User "USER" cannot VERB resource "secrets" … (apiserver,
// pkg/endpoints/handlers/responsewriters/errors.go). Other refusals, such as for a
// quota or a namespace that is going away, do not say it like this.
func forbidden(message string) (verb, user string, ok bool) {
	_, rest, ok := strings.Cut(message, `User "`)
	if !ok {
		return "", "", false
	}
	user, rest, ok = strings.Cut(rest, `" cannot `)
	verb, _, known := strings.Cut(rest, ` resource "secrets"`)
	if !ok || !known || verb != "create" && verb != "patch" || !isName(user) {
		return "", "", false
	}
	return verb, user, true
}

// grant gives the commands with which somebody with the right to do so grants a user
// what Apply needs, and nothing more.
func grant(s Secret, user string) []string {
	subject := "--user=" + user
	if account, ok := strings.CutPrefix(user, "system:serviceaccount:"); ok {
		subject = "--serviceaccount=" + account
	}
	role := "jet-" + s.Name
	return []string{
		fmt.Sprintf("kubectl --namespace %s create role %s --verb=create,patch --resource=secrets --resource-name=%s", s.Namespace, role, s.Name),
		fmt.Sprintf("kubectl --namespace %s create rolebinding %s --role=%s %s", s.Namespace, role, role, subject),
	}
}

// conflicts gives the field managers that own what was to be written, and the fields:
// causes say conflict with "MANAGER" using VERSION (apimachinery, managedfields,
// internal/conflict.go), sometimes with more in front of using.
func conflicts(causes []cause) (managers, fields string) {
	var who, what []string
	add := func(list []string, text string) []string {
		for _, have := range list {
			if have == text {
				return list
			}
		}
		return append(list, text)
	}
	for _, c := range causes {
		if c.Reason != "FieldManagerConflict" {
			continue
		}
		_, rest, _ := strings.Cut(c.Message, `conflict with "`)
		name, _, ok := strings.Cut(rest, `"`)
		if !ok || !isName(name) {
			name = "one without a name"
		}
		who = add(who, name)
		if isName(c.Field) {
			what = add(what, c.Field)
		}
	}
	if what == nil {
		what = []string{"its content"}
	}
	return strings.Join(who, " and "), strings.Join(what, " and ")
}

func hasField(causes []cause, field string) bool {
	for _, c := range causes {
		if c.Field == field {
			return true
		}
	}
	return false
}

// isName tells names of users, field managers and fields from anything else that a
// server may put in their place.
func isName(text string) bool {
	return text != "" && len(text) <= 200 && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(":.-_/@", r)
	})
}

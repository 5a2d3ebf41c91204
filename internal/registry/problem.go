package registry

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/dockercfg/jet/internal/endpoint"
)

func problem(name Name, format string, args ...any) *Finding {
	return &Finding{name, Problem, fmt.Sprintf(format, args...)}
}

// broken says what an error of a request means.
func (s *session) broken(ctx context.Context, err error) *Finding {
	if e, ok := errors.AsType[*challengeError](err); ok {
		return problem(e.name, "%s", e.problem)
	}
	if e, ok := isRealm(err); ok {
		if e.host == "" {
			return problem(RealmRefused, "%s", e.problem)
		}
		return problem(RealmRefused, "the credentials are not sent to its realm %s: %s", s.safe(e.host, "(which holds a secret)"), e.problem)
	}
	if e, ok := errors.AsType[*tokenError](err); ok && e.problem != nil {
		return problem(BadAnswer, "%s", s.safe(e.problem.Error(), "the token server gives no token"))
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "proxyconnect" { // as net/http has it
		return problem(Proxy, "%s cannot be asked: the proxy that the environment names does not work: %s", s.base.Host, s.safe(e.Err.Error(), "the connection broke"))
	}
	host := s.base.Host
	who := host
	var u *url.Error
	if errors.As(err, &u) {
		if to, parseError := url.Parse(u.URL); parseError == nil && to.Host != s.base.Host {
			host = to.Host
			who = s.safe(host, "another host") + ", where it sends callers for a token,"
		}
	}
	f := s.reach(ctx, err, host)
	f.Message = who + " " + f.Message
	return f
}

// reach says why there is no answer of a host, as what follows its name.
func (s *session) reach(ctx context.Context, err error, host string) *Finding {
	name, _, splitError := net.SplitHostPort(host)
	if splitError != nil {
		name = host
	}
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verification *tls.CertificateVerificationError
	var network net.Error
	var alert tls.AlertError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return problem(NoHost, "has no address: no such host is known")
	case errors.As(err, &dns):
		return problem(NoHost, "has no address now: the name server does not answer as it should")
	case errors.As(err, &unknown):
		return problem(UnknownAuthority, "has a certificate of an authority that is not trusted here%s", s.issuer(unknown.Cert))
	case errors.As(err, &hostname):
		return problem(WrongHostName, "has a certificate that is not for the name %s%s", s.safe(name, "that it is asked by"), s.names(hostname.Certificate))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return expired(invalid.Cert, time.Now())
	case errors.As(err, &invalid):
		return problem(Certificate, "has a certificate that is not valid: %s", s.safe(strings.TrimPrefix(invalid.Error(), "x509: "), "for another reason"))
	case errors.As(err, &verification):
		return problem(Certificate, "has a certificate that is not accepted: %s", s.safe(strings.TrimPrefix(verification.Err.Error(), "x509: "), "for another reason"))
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return problem(SpeaksHTTP, "speaks plain HTTP, and was spoken to in TLS")
	case s.account.TLS.PlainHTTP && strings.Contains(err.Error(), "malformed HTTP"):
		return problem(SpeaksHTTPS, "does not speak plain HTTP, and probably TLS")
	case errors.As(err, &alert), strings.Contains(err.Error(), "tls: "):
		return problem(TLSFailure, "does not agree on TLS: %s", s.safe(tlsReason(err), "no reason is known"))
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		waited := s.timeout
		if ctx.Err() == nil {
			waited = min(maxReach, waited)
		}
		return problem(Timeout, "does not answer within %v", waited)
	case errors.Is(err, syscall.ECONNREFUSED):
		return problem(Refused, "refuses the connection: nothing listens on port %s", portOf(host, s.base.Scheme))
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return problem(Unreachable, "cannot be reached from here: there is no route")
	case errors.Is(err, context.Canceled):
		return problem(Unreachable, "was not asked to the end: interrupted")
	}
	var e *url.Error
	if errors.As(err, &e) {
		err = e.Err
	}
	return problem(Unreachable, "cannot be asked: %s", s.safe(err.Error(), "the connection broke"))
}

// tlsReason is what crypto/tls says, without what net says about addresses.
func tlsReason(err error) string {
	text := err.Error()
	return text[max(0, strings.LastIndex(text, "tls: ")):]
}

func portOf(host, scheme string) string {
	_, port, err := net.SplitHostPort(host)
	switch {
	case err == nil:
		return port
	case scheme == "http":
		return "80"
	}
	return "443"
}

func (s *session) issuer(c *x509.Certificate) string {
	if c == nil || s.safe(c.Issuer.CommonName, "") == "" {
		return ""
	}
	return fmt.Sprintf(" (%q)", s.safe(c.Issuer.CommonName, ""))
}

// names lists what a certificate is for.
func (s *session) names(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	names := c.DNSNames
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return ", nor for any other"
	}
	const most = 4
	text := strings.Join(names[:min(most, len(names))], ", ")
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return " but for " + s.safe(text, "others")
}

func expired(c *x509.Certificate, now time.Time) *Finding {
	const day = "2006-01-02 15:04 MST"
	if c != nil && now.Before(c.NotBefore) {
		return problem(CertificateEarly, "has a certificate that is valid from %s on only; this machine's clock says %s", c.NotBefore.Local().Format(day), now.Local().Format(day))
	}
	when := "in the past"
	if c != nil {
		when = "on " + c.NotAfter.Local().Format(day)
	}
	return problem(CertificateExpired, "has a certificate that expired %s; this machine's clock says %s", when, now.Local().Format(day))
}

// said is what a server says in an answer that is not the one that was hoped for: its
// status, and its reasons if they hold no secret.
func (s *session) said(a *answer) string {
	var body struct {
		Errors []struct {
			Code    string
			Message string
		}
		Error            json.RawMessage
		ErrorDescription string `json:"error_description"`
		Details, Message string
	}
	code, description := "", ""
	if json.Unmarshal(a.body, &body) == nil {
		if len(body.Errors) > 0 {
			code, description = body.Errors[0].Code, body.Errors[0].Message
		}
		var oauth string
		if json.Unmarshal(body.Error, &oauth) == nil && code == "" {
			code = oauth
		}
		description = cmp.Or(description, body.ErrorDescription, body.Details, body.Message)
	}
	status := &endpoint.StatusError{Host: s.safe(a.from.Host, "the server"), Code: a.status, Header: a.header}
	return endpoint.Refused(status, code, description, "", s.secrets...).Error()
}

// code is the first code of the registry in an answer, "" if there is none.
func (a *answer) code() string {
	var body struct {
		Errors []struct{ Code string }
	}
	if json.Unmarshal(a.body, &body) != nil || len(body.Errors) == 0 {
		return ""
	}
	return body.Errors[0].Code
}

// isPage reports whether an answer is a web page.
func (a *answer) isPage() bool {
	return strings.Contains(a.header.Get("Content-Type"), "html") || bytes.HasPrefix(bytes.TrimSpace(a.body), []byte("<"))
}

// isRegistry reports whether an answer that says nothing is wrong is that of a
// registry. Distribution has a header for that; those of others may be empty or JSON.
func (a *answer) isRegistry() bool {
	if strings.HasPrefix(a.header.Get("Docker-Distribution-Api-Version"), "registry/2") {
		return true
	}
	return !a.isPage()
}

// unusual says what the statuses mean that are wrong for every question; nil for
// others.
func (s *session) unusual(a *answer) *Finding {
	switch {
	case a.status/100 == 3:
		return s.redirected(a)
	case a.status == http.StatusTooManyRequests:
		return problem(RateLimited, "it is asked too often: %s", s.said(a))
	case a.status >= http.StatusInternalServerError:
		return problem(ServerError, "the registry is out of order: %s", s.said(a))
	case a.status == http.StatusBadRequest && s.base.Scheme == "http" && bytes.Contains(a.body, []byte("HTTPS")):
		// Words of Go's net/http and of nginx.
		return problem(SpeaksHTTPS, "%s speaks TLS, and was spoken to in plain HTTP", s.base.Host)
	}
	return nil
}

// redirected says where a server sends its callers.
func (s *session) redirected(a *answer) *Finding {
	to, err := a.from.Parse(a.header.Get("Location"))
	switch {
	case err != nil || to.Host == "":
		return problem(BadAnswer, "it redirects to nowhere: %s", s.said(a))
	case to.Hostname() == a.from.Hostname() && to.Scheme == "https" && a.from.Scheme == "http":
		return problem(SpeaksHTTPS, "%s speaks TLS, and sends callers over plain HTTP there", s.base.Host)
	}
	return problem(Redirected, "%s sends callers on to %s, where credentials for this registry do not go", s.base.Host, s.safe(to.Host, "another host"))
}

package endpoint

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// withoutEcho gives another error for one that quotes a server, as net/http does what
// is no answer and RedirectError a host, if the quotation holds a part of what was sent
// to that server. What connections and certificates say is about names, and stays.
func withoutEcho(err error, request *http.Request) error {
	_, connection := errors.AsType[net.Error](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	if err == nil || connection || certificate {
		return err
	}
	text := err.Error()
	redirect, ok := errors.AsType[*RedirectError](err)
	if ok {
		text = redirect.To
	}
	for _, secret := range sent(request) {
		if len(secret) < leastShared || !shares(text, secret) {
			continue
		}
		if ok {
			return &RedirectError{From: redirect.From, To: "another host"}
		}
		return &AnswerError{request.URL.Host, "is none of HTTP"}
	}
	return err
}

// maxSent bounds how much of a form is looked at, in bytes.
const maxSent = 64 << 10

// sent are the texts of a request that may be secrets.
func sent(request *http.Request) (texts []string) {
	for name, values := range request.Header {
		if name == "Authorization" || strings.HasPrefix(name, "X-") {
			texts = append(texts, values...)
		}
	}
	if user, password, ok := request.BasicAuth(); ok {
		texts = append(texts, user, password)
	}
	forms := []url.Values{request.URL.Query()}
	if request.GetBody != nil && strings.Contains(request.Header.Get("Content-Type"), "form-urlencoded") {
		if body, err := request.GetBody(); err == nil {
			text, _ := io.ReadAll(io.LimitReader(body, maxSent))
			body.Close()
			form, _ := url.ParseQuery(string(text))
			forms = append(forms, form)
		}
	}
	for _, form := range forms {
		for _, values := range form {
			texts = append(texts, values...)
		}
	}
	return texts
}

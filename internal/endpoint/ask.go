package endpoint

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// StatusError is an answer other than 200 OK.
type StatusError struct {
	Host string
	Code int // of HTTP
	// Body is the answer, MaxAnswer bytes at most. It may hold secrets (some servers
	// repeat what they were sent) and is not part of Error.
	Body []byte
	// Header is that of the answer, for request ids and codes.
	Header http.Header
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s answers %d %s", e.Host, e.Code, http.StatusText(e.Code))
	if wait, ok := retryAfter(&http.Response{Header: e.Header}); ok {
		text += fmt.Sprintf(" and asks to wait %v", wait.Round(time.Second))
	}
	return text
}

// Skew tells how far this machine's clock is ahead of the server's, by the header
// Date (RFC 9110 section 6.6.1); ok is false if the server does not tell.
func (e *StatusError) Skew() (ahead time.Duration, ok bool) {
	date, err := http.ParseTime(e.Header.Get("Date"))
	if err != nil {
		return 0, false
	}
	return time.Since(date).Round(time.Second), true
}

// Ask sends a request and decodes the JSON of the answer into a value. The errors
// are those of Fetch, and *AnswerError for what is not such JSON.
func Ask(client *http.Client, request *http.Request, into any) error {
	body, header, err := Fetch(client, request)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return NotJSON(request.URL.Host, body, header)
	}
	return nil
}

// Fetch sends a request and gives the answer. The errors are those of the client
// without the address (see Reason), and *StatusError for a status other than 200.
func Fetch(client *http.Client, request *http.Request) (body []byte, header http.Header, err error) {
	answer, err := client.Do(request)
	if err != nil {
		return nil, nil, Reason(err)
	}
	defer answer.Body.Close()
	host := request.URL.Host
	body, err = io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusOK {
		return nil, nil, &StatusError{Host: host, Code: answer.StatusCode, Body: body, Header: answer.Header}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", host, err)
	}
	return body, answer.Header, nil
}

// NotJSON says what an answer is in place of the JSON that was wanted.
func NotJSON(host string, body []byte, header http.Header) *AnswerError {
	problem := "is not JSON"
	text := strings.TrimSpace(string(body))
	switch {
	case text == "":
		problem = "is empty"
	case strings.HasPrefix(text, "<"):
		problem = "is a web page (HTML or XML) and not JSON: a proxy or a sign-in page may stand between"
	case strings.Contains(header.Get("Content-Type"), "json"):
		problem = "is not valid JSON, or not of the form that was expected"
	}
	return &AnswerError{host, problem}
}

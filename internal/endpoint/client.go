package endpoint

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// MaxAnswer is the longest answer that is read, in bytes. Those of token endpoints
// have a few KiB.
const MaxAnswer = 1 << 20

// Options change a Client. The zero Options are the usual ones.
type Options struct {
	// Roots are the certificate authorities to trust, nil for those of the system.
	Roots *x509.CertPool
	// Tries is how often a request is sent at most, if the server is busy or out of
	// order (429, 500, 502, 503, 504) or cannot be reached; 0 means 4.
	Tries int
	// Wait is how long the first pause between two tries is, doubled for each
	// further one, unless the server names another; 0 means 200 ms.
	Wait time.Duration
	// Reach is how long it may take to reach the host before another try; 0 means 10 s.
	Reach time.Duration
	// Retry are further answers after which a request is sent again, as statuses of
	// HTTP: some servers have others for "not yet".
	Retry []int
	// Dial makes connections in place of the usual way; it is for tests that have a
	// vendor's hosts on loopback.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Permit is asked about each connection before it is made: address is the host and
	// port that it is for, the remote what that name stands for. Its error is that of
	// the request. Nil permits all; it is not asked about those of Dial.
	Permit func(address string, remote netip.AddrPort) error
	// InsecureSkipVerify takes a server for what it says it is.
	InsecureSkipVerify bool
	// Redirects gives redirects to the caller as answers, in place of *RedirectError.
	// They are not followed.
	Redirects bool
	// NoProxy keeps requests from the proxy that the environment names. It is for
	// metadata servers, which are another one for each machine: a proxy would ask
	// its own.
	NoProxy bool
}

// NewClient makes a client. Unless told otherwise it goes through the proxy that the
// environment names (http.ProxyFromEnvironment). The deadline is that of the
// request's context.
//
// Errors are those of net/http, among them *RedirectError, and those of the
// answer's body *AnswerError, wrapped in *url.Error.
func NewClient(o Options) *http.Client {
	if o.Tries == 0 {
		o.Tries = 4
	}
	if o.Wait == 0 {
		o.Wait = 200 * time.Millisecond
	}
	if o.Reach == 0 {
		o.Reach = 10 * time.Second
	}
	return &http.Client{
		Transport:     &retrier{next: newTransport(o), tries: o.Tries, wait: o.Wait, also: o.Retry, redirects: o.Redirects},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RedirectError says that a server answered with a redirect, which was not followed.
type RedirectError struct {
	From, To string // hosts
}

func (e *RedirectError) Error() string {
	return fmt.Sprintf("%s answers with a redirect to %s, which a server of credentials has no reason to; it is not followed", e.From, e.To)
}

// refuseRedirect gives the error for an answer that is a redirect, nil for others. It
// is for the transport, since libraries build clients of their own around that.
func refuseRedirect(answer *http.Response, request *http.Request) error {
	location := answer.Header.Get("Location")
	if answer.StatusCode/100 != 3 || location == "" {
		return nil
	}
	to := "an address that is none"
	if u, err := request.URL.Parse(location); err == nil {
		to = u.Host
	}
	return &RedirectError{From: request.URL.Host, To: to}
}

// AnswerError says what is wrong with an answer, without any part of it.
type AnswerError struct {
	Host    string
	Problem string
}

func (e *AnswerError) Error() string { return "the answer of " + e.Host + " " + e.Problem }

// A retrier sends requests again, and bounds the answers.
type retrier struct {
	next  http.RoundTripper
	tries int
	wait  time.Duration
	also  []int

	redirects bool // are answers like others
}

// CloseIdleConnections is for http.Client.CloseIdleConnections.
func (r *retrier) CloseIdleConnections() { closeIdle(r.next) }

func closeIdle(t http.RoundTripper) {
	if c, ok := t.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip sends the request until there is an answer worth returning: one that
// waiting does not change, or the last within the tries and the deadline.
func (r *retrier) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	wait := r.wait
	for try := 1; ; try++ {
		answer, err := r.next.RoundTrip(request)
		if err == nil {
			if err := refuseRedirect(answer, request); err != nil && !r.redirects {
				answer.Body.Close()
				return nil, withoutEcho(err, request)
			}
			answer.Body = &boundedBody{ReadCloser: answer.Body, host: request.URL.Host, left: MaxAnswer}
		}
		if try == r.tries || !r.worthAnotherTry(answer, err) || request.Body != nil && request.GetBody == nil {
			return answer, withoutEcho(err, request)
		}
		// Half of it is chance, so that many jobs that failed together do not come
		// back together.
		pause := wait/2 + rand.N(wait/2+1)
		if asked, ok := retryAfter(answer); ok {
			pause = asked
		}
		wait *= 2
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause {
			return answer, err // which says more than that the time is over
		}
		if err == nil {
			io.Copy(io.Discard, answer.Body) // so that the connection can be used again
			answer.Body.Close()
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pause):
		}
		request = request.Clone(ctx)
		if request.GetBody != nil {
			if request.Body, err = request.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

func (r *retrier) worthAnotherTry(answer *http.Response, err error) bool {
	if err != nil {
		return isConnection(err)
	}
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return slices.Contains(r.also, answer.StatusCode)
}

// retryAfter reads the header of that name (RFC 9110 section 10.2.3).
func retryAfter(answer *http.Response) (time.Duration, bool) {
	if answer == nil {
		return 0, false
	}
	value := answer.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at)), true
	}
	return 0, false
}

// boundedBody ends with an error where the answer is too long.
type boundedBody struct {
	io.ReadCloser
	host string
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		var one [1]byte
		if n, err := b.ReadCloser.Read(one[:]); n == 0 {
			return 0, err
		}
		return 0, &AnswerError{b.host, fmt.Sprintf("is over %d KiB long", MaxAnswer>>10)}
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// Reason takes off what net/http says about method and address, of which the
// latter may hold what should not be shown; it names the host instead.
func Reason(err error) error {
	var e *url.Error
	if !errors.As(err, &e) {
		return err
	}
	if _, ok := errors.AsType[*RedirectError](e.Err); ok {
		return e.Err
	}
	if e.Timeout() && !errors.Is(e.Err, context.DeadlineExceeded) {
		e.Err = fmt.Errorf("%w: %w", context.DeadlineExceeded, e.Err)
	}
	host := "the server"
	if u, parseError := url.Parse(e.URL); parseError == nil && u.Host != "" {
		host = u.Host
	}
	return fmt.Errorf("%s: %w", host, e.Err)
}

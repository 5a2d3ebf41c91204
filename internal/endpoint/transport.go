package endpoint

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// shared are the transports of clients that differ in nothing that a connection
// depends on. In a process that asks for thousands of registries they use each
// other's connections, and those that nobody needs any more come to an end.
var shared struct {
	mutex      sync.Mutex
	transports map[sharing]*quickRoots
}

// sharing is what connections depend on.
type sharing struct {
	reach   time.Duration
	noProxy bool
}

func newTransport(o Options) http.RoundTripper {
	switch {
	case o.Roots != nil, o.InsecureSkipVerify:
		return o.transport(o.Roots)
	case o.Dial != nil, o.Permit != nil:
		return &quickRoots{options: o}
	}
	shared.mutex.Lock()
	defer shared.mutex.Unlock()
	key := sharing{o.Reach, o.NoProxy}
	if shared.transports[key] == nil {
		if shared.transports == nil {
			shared.transports = make(map[sharing]*quickRoots)
		}
		shared.transports[key] = &quickRoots{options: o}
	}
	return shared.transports[key]
}

// The connections that wait for another request. A client that shares them with no
// other is gone after one question as a rule, and its connections soon after.
const (
	idleTime = 5 * time.Second
	maxIdle  = 64 // of all hosts together
)

func (o Options) transport(roots *x509.CertPool) *http.Transport {
	proxy := http.ProxyFromEnvironment
	if o.NoProxy {
		proxy = nil
	}
	dial := o.Dial
	if dial == nil {
		dial = o.dial
	}
	return &http.Transport{
		Proxy:                  proxy,
		DialContext:            dial,
		TLSHandshakeTimeout:    o.Reach,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.InsecureSkipVerify},
		ForceAttemptHTTP2:      false, // one request does not gain from it
		IdleConnTimeout:        idleTime,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle / 4,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // an answer of a few KiB must not become one of a few GiB
	}
}

// dial makes a connection if that is permitted.
func (o Options) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: o.Reach}
	if o.Permit != nil {
		d.Control = func(_, remote string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(remote)
			if err != nil {
				return err
			}
			return o.Permit(address, netip.AddrPortFrom(to.Addr().Unmap().WithZone(""), to.Port()))
		}
	}
	return d.DialContext(ctx, network, address)
}

// quickRoots trusts the certificate authorities of the system, and reads one file
// of them where the standard library reads the same certificates twice, from a file
// and from a folder of links: that takes 9 of the 13 ms that it takes to ask one
// server. A server that is not known by the file is asked again with all that the
// system has.
type quickRoots struct {
	options     Options
	mutex       sync.Mutex
	quick, full *http.Transport // nil until they are needed
}

// sharedPool is quickPool, read once: certificates are most of what a request costs,
// and many clients ask side by side.
var sharedPool = sync.OnceValue(quickPool)

func (q *quickRoots) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme == "http" { // so that no certificate is read for it
		return q.system().RoundTrip(request)
	}
	quick := q.transport(&q.quick, sharedPool)
	answer, err := quick.RoundTrip(request)
	if quick.TLSClientConfig.RootCAs == nil || !isUnknownAuthority(err) || request.Body != nil && request.GetBody == nil {
		return answer, err
	}
	// The handshake failed, so nothing of the request was sent.
	again := request.Clone(request.Context())
	if request.GetBody != nil {
		if again.Body, err = request.GetBody(); err != nil {
			return nil, err
		}
	}
	return q.system().RoundTrip(again)
}

// system is a transport that reads all that the system has, if it comes to that.
func (q *quickRoots) system() *http.Transport {
	return q.transport(&q.full, func() *x509.CertPool { return nil })
}

// transport gives one of the two, which is made when it is needed first.
func (q *quickRoots) transport(which **http.Transport, roots func() *x509.CertPool) *http.Transport {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if *which == nil {
		*which = q.options.transport(roots())
	}
	return *which
}

// CloseIdleConnections is for http.Client.CloseIdleConnections.
func (q *quickRoots) CloseIdleConnections() {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	for _, t := range [...]*http.Transport{q.quick, q.full} {
		if t != nil {
			t.CloseIdleConnections()
		}
	}
}

func isUnknownAuthority(err error) bool {
	_, ok := errors.AsType[x509.UnknownAuthorityError](err)
	return ok
}

// isConnection reports whether an error is about the way to a server, which may be
// better in a moment: not about names, certificates or what was sent.
func isConnection(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

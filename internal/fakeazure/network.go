package fakeazure

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// Network is where hosts have their own names: all of them are on loopback, with
// certificates for their names on port 443 and without on port 80.
type Network struct {
	CA *x509.Certificate // of the authority of the certificates

	hosts         map[string]http.Handler
	secure, plain net.Listener

	mutex  sync.Mutex
	dialed []string
}

// NewNetwork starts one that ends with the test.
func NewNetwork(t testing.TB, hosts map[string]http.Handler) *Network {
	t.Helper()
	key := newKey()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "jet test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	n := &Network{hosts: hosts}
	sign := func(template, parent *x509.Certificate, public any) *x509.Certificate {
		der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
		if err != nil {
			t.Fatal(err)
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return certificate
	}
	n.CA = sign(template, template, key.Public())
	var names []string
	for host := range hosts {
		names = append(names, host)
	}
	leafKey := newKey()
	leaf := sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "jet test hosts"}, DNSNames: names,
		NotBefore: template.NotBefore, NotAfter: template.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, n.CA, leafKey.Public())
	for _, listener := range []*net.Listener{&n.secure, &n.plain} {
		var err error
		if *listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.hosts[r.Host].ServeHTTP(w, r)
	})}
	go server.Serve(tls.NewListener(n.secure, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: leafKey}}}))
	go server.Serve(n.plain)
	t.Cleanup(func() { server.Close() })
	return n
}

// Roots are those to trust here.
func (n *Network) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(n.CA)
	return pool
}

// Dial connects to a host of the network; there are no others.
func (n *Network) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n.mutex.Lock()
	n.dialed = append(n.dialed, address)
	n.mutex.Unlock()
	listener := n.secure
	if port == "80" {
		listener = n.plain
	}
	if n.hosts[host] == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
	}
	return new(net.Dialer).DialContext(ctx, network, listener.Addr().String())
}

// Dialed gives the addresses that were dialed, each once, in order of the alphabet.
func (n *Network) Dialed() []string {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	all := slices.Clone(n.dialed)
	slices.Sort(all)
	return slices.Compact(all)
}

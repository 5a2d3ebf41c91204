package fakeaws

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Network is where AWS's hosts have their own names: a proxy on loopback that leads
// every name to one server with a certificate for it. Programs find it by HTTPS_PROXY.
type Network struct {
	Proxy    string // URL
	CAFile   string // PEM, of the certificates' authority
	CA       *x509.Certificate
	URL      string // of the same server with https, on loopback
	listener net.Listener

	mutex sync.Mutex
	hosts []string
}

// Hosts gives the names that were asked for through the proxy.
func (n *Network) Hosts() []string {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	return append([]string(nil), n.hosts...)
}

// NewNetwork starts one that ends with the test.
func NewNetwork(t testing.TB, handler http.Handler) *Network {
	t.Helper()
	authority, key := newCertificate(t, "jet test authority", nil, nil)
	n := &Network{CA: authority, CAFile: filepath.Join(t.TempDir(), "ca.pem")}
	if err := os.WriteFile(n.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	var mutex sync.Mutex
	certificates := make(map[string]*tls.Certificate)
	config := &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		mutex.Lock()
		defer mutex.Unlock()
		if certificates[hello.ServerName] == nil {
			leaf, leafKey := newCertificate(t, hello.ServerName, authority, key)
			certificates[hello.ServerName] = &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: leafKey}
		}
		return certificates[hello.ServerName], nil
	}}
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	n.listener = listen()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(tls.NewListener(n.listener, config))
	n.URL = "https://" + n.listener.Addr().String()
	proxy := listen()
	n.Proxy = "http://" + proxy.Addr().String()
	go func() {
		for {
			connection, err := proxy.Accept()
			if err != nil {
				return
			}
			go n.tunnel(connection)
		}
	}()
	t.Cleanup(func() {
		proxy.Close()
		server.Close()
	})
	return n
}

// tunnel answers one CONNECT (RFC 9110 section 9.3.6).
func (n *Network) tunnel(client net.Conn) {
	defer client.Close()
	reader := bufio.NewReader(client)
	request, err := http.ReadRequest(reader)
	if err != nil || request.Method != http.MethodConnect {
		io.WriteString(client, "HTTP/1.1 405 Method Not Allowed\r\n\r\n")
		return
	}
	host, _, _ := net.SplitHostPort(request.Host)
	n.mutex.Lock()
	n.hosts = append(n.hosts, host)
	n.mutex.Unlock()
	if _, _, known := parseHost(host); !known {
		io.WriteString(client, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		return
	}
	server, err := net.Dial("tcp", n.listener.Addr().String())
	if err != nil {
		return
	}
	defer server.Close()
	io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		io.Copy(server, reader)
		server.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(client, server)
}

// newCertificate makes one for a name, signed by an authority, or one of an authority.
func newCertificate(t testing.TB, name string, authority *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{name, "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if authority == nil {
		template.IsCA, template.KeyUsage, template.DNSNames, template.IPAddresses = true, x509.KeyUsageCertSign, nil, nil
		template.ExtKeyUsage = nil
		authority, signer = template, key
	} else if name == "" { // a client that asks for an address
		template.DNSNames = []string{"localhost"}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

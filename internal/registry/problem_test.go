package registry

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"strings"
	"testing"

	"github.com/dockercfg/jet/dockercfg"
)

// TestReachShowsNoSecret: who was sent a password may send callers to a host of that
// name, or have a certificate by it.
func TestReachShowsNoSecret(t *testing.T) {
	const canary = "canary-7Yq2mW"
	s := newSession(Account{Entry: dockercfg.Entry{Registry: "r.example", Username: "u", Password: dockercfg.NewSecret(canary)}})
	certificate := &x509.Certificate{DNSNames: []string{canary + ".example"}, Issuer: pkix.Name{CommonName: canary}}
	for _, err := range []error{
		x509.HostnameError{Certificate: certificate, Host: canary + ".example"},
		x509.UnknownAuthorityError{Cert: certificate},
	} {
		if f := s.reach(t.Context(), err, canary+".example"); strings.Contains(f.Message, canary) {
			t.Errorf("%T: got %q", err, f.Message)
		}
	}
}

package registry

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/dockercfg/jet/dockercfg"
)

// TestReachShowsNoSecret: who was sent a password may send callers to a host of that
// name, or have a certificate by it.
func TestReachShowsNoSecret(t *testing.T) {
	const canary = "canary-7Yq2mW"
	inBase64 := base64.StdEncoding.EncodeToString([]byte(canary))
	s := newSession(Account{Entry: dockercfg.Entry{Registry: "r.example", Username: "u", Password: dockercfg.NewSecret(canary)}})
	certificate := &x509.Certificate{DNSNames: []string{canary + ".example"}, Issuer: pkix.Name{CommonName: canary}}
	for _, err := range []error{
		x509.HostnameError{Certificate: certificate, Host: canary + ".example"},
		x509.UnknownAuthorityError{Cert: certificate},
		errors.New("bad Content-Length " + inBase64),
	} {
		if f := s.reach(t.Context(), err, canary+".example"); strings.Contains(f.Message, canary) || strings.Contains(f.Message, inBase64) {
			t.Errorf("%T: got %q", err, f.Message)
		}
	}
}

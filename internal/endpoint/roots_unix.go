//go:build !darwin && !windows

package endpoint

import (
	"crypto/x509"
	"os"
)

// bundles are the files in which distributions keep their certificate authorities
// (crypto/x509 root_linux.go has the same).
var bundles = [...]string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Gentoo, Alpine, and our images
	"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL
	"/etc/ssl/ca-bundle.pem",                            // openSUSE
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS
	"/etc/ssl/cert.pem",                                 // Alpine
}

// quickPool gives the authorities of the first file there is; nil for none, for
// systems that keep them elsewhere, and where the environment names others.
func quickPool() *x509.CertPool {
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if os.Getenv(name) != "" {
			return nil
		}
	}
	for _, path := range bundles {
		pem, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		pool := x509.NewCertPool()
		if pool.AppendCertsFromPEM(pem) {
			return pool
		}
	}
	return nil
}

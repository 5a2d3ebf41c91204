package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// writeRoots writes the certificate authorities of Mozilla's trust store, as the Go
// project keeps them in a module, whose version go.mod pins. An authority that is
// trusted under conditions is left out, since a PEM file cannot state them.
func writeRoots(path string) error {
	text := new(bytes.Buffer)
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		certificate, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			return err
		}
		fmt.Fprintf(text, "# %s\n", certificate.Subject)
		if err := pem.Encode(text, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			return err
		}
	}
	if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Chmod(path, 0o644) // whatever the umask: it goes into images as it is
}

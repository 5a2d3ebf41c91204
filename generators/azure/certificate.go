package azure

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/dockercfg/jet/generators"
)

// assertionLife is how long an assertion is good; the vendor's page advises 5 to 10 minutes.
const assertionLife = 10 * time.Minute

// signedAssertion makes the token with which a service principal shows that it has the
// private key of its certificate
// (learn.microsoft.com/entra/identity-platform/certificate-credentials).
func (s *Source) signedAssertion(file []byte) (string, error) {
	key, certificate, err := parseCertificate(file)
	if err != nil {
		return "", err
	}
	thumbprint := sha256.Sum256(certificate.Raw)
	var id [16]byte
	rand.Read(id[:])
	now := time.Now()
	signed, err := encodeParts(
		map[string]any{"alg": "PS256", "typ": "JWT", "x5t#S256": base64.RawURLEncoding.EncodeToString(thumbprint[:])},
		map[string]any{
			"aud": s.authority.String(), "iss": s.config.ClientID, "sub": s.config.ClientID,
			"jti": fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:]),
			"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(assertionLife).Unix(),
		})
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		return "", wrongFile(errors.New("its private key does not sign"))
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func encodeParts(header, claims map[string]any) (string, error) {
	var parts [2]string
	for i, part := range []map[string]any{header, claims} {
		text, err := json.Marshal(part)
		if err != nil {
			return "", err
		}
		parts[i] = base64.RawURLEncoding.EncodeToString(text)
	}
	return parts[0] + "." + parts[1], nil
}

// parseCertificate reads a PEM file with an RSA key and its certificate, in any order
// and among others. No error holds anything of the file.
func parseCertificate(file []byte) (*rsa.PrivateKey, *x509.Certificate, error) {
	var key *rsa.PrivateKey
	var certificates []*x509.Certificate
	blocks := 0
	for rest := file; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		blocks++
		var parsed any
		var err error
		switch {
		case block.Type == "CERTIFICATE":
			var c *x509.Certificate
			if c, err = x509.ParseCertificate(block.Bytes); err == nil {
				certificates = append(certificates, c)
			}
		case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
			return nil, nil, advise(wrongFile(errors.New("its private key has a password")), `"openssl pkey -in FILE -out FILE.pem" writes the key without one, to be kept as safe as the password`)
		case block.Type == "RSA PRIVATE KEY":
			parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case block.Type == "PRIVATE KEY":
			parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		}
		if err != nil {
			return nil, nil, wrongFile(fmt.Errorf("its part %q is damaged", block.Type))
		}
		if parsed == nil {
			continue
		}
		rsaKey, ok := parsed.(*rsa.PrivateKey)
		if !ok || key != nil {
			return nil, nil, wrongFile(errors.New("one RSA key is wanted, and it has another or several"))
		}
		key = rsaKey
	}
	switch {
	case blocks == 0:
		return nil, nil, advise(wrongFile(errors.New("it is not PEM")), `"openssl pkcs12 -in FILE -noenc -out FILE.pem" makes PEM of a .pfx or .p12 file, to be kept as safe as its password`)
	case key == nil:
		return nil, nil, wrongFile(errors.New("it has no private key"))
	}
	for _, c := range certificates {
		if public, ok := c.PublicKey.(*rsa.PublicKey); ok && public.Equal(key.Public()) {
			return key, c, nil
		}
	}
	return nil, nil, wrongFile(errors.New("it has no certificate that fits its private key"))
}

// wrongFile says what is wrong with the certificate's file.
func wrongFile(err error) error { return fmt.Errorf("%s: %w", certificatePath.Name, err) }

func advise(err error, advice string) error {
	return &generators.AdvisedError{Err: err, Advice: advice}
}

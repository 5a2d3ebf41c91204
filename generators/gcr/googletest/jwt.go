package googletest

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
	"strings"
	"sync"
)

// header is the JOSE header of a token (RFC 7515 section 4.1).
type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid,omitempty"`
	Type      string `json:"typ,omitempty"`
}

// A token is one in the compact form (RFC 7515 section 7.1), taken apart and not
// verified.
type token struct {
	header    header
	claims    []byte
	signed    string
	signature []byte
}

func parseToken(text string) (token, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return token{}, errors.New("it has not three parts")
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return token{}, err
		}
	}
	t := token{claims: decoded[1], signed: parts[0] + "." + parts[1], signature: decoded[2]}
	return t, json.Unmarshal(decoded[0], &t.header)
}

// verify checks the signature, RS256 alone (RFC 7518 section 3.3): what the header
// says of an algorithm does not choose one.
func (t token) verify(key *rsa.PublicKey) error {
	if t.header.Algorithm != "RS256" {
		return errors.New("it is not signed with RS256")
	}
	sum := sha256.Sum256([]byte(t.signed))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], t.signature)
}

// sign makes a token.
func sign(key *rsa.PrivateKey, h header, claims any) string {
	head, _ := json.Marshal(h)
	body, _ := json.Marshal(claims)
	signed := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err) // the key is one of this package
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// privateKeys are made once in a process, since that takes a while; a test needs two.
var privateKeys = [2]func() *rsa.PrivateKey{sync.OnceValue(newPrivateKey), sync.OnceValue(newPrivateKey)}

func newPrivateKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// encodePrivateKey gives the PEM that Google puts into a key: PKCS #8.
func encodePrivateKey(key *rsa.PrivateKey) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// encodePublicKey gives the PEM of the public half.
func encodePublicKey(key *rsa.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

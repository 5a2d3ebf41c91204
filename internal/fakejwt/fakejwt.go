// Package fakejwt makes and verifies JSON web tokens (RFC 7519) for the servers that
// stand in for clouds in tests: what a cloud signs, a test has to sign, and what a
// cloud verifies, a test has to verify. It is not part of jet.
package fakejwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"
)

// Key gives an RSA key that is made once, for each name: that takes a while.
func Key(name string) *rsa.PrivateKey {
	keys.Lock()
	defer keys.Unlock()
	if keys.made == nil {
		keys.made = make(map[string]*rsa.PrivateKey)
	}
	if keys.made[name] == nil {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys.made[name] = key
	}
	return keys.made[name]
}

var keys struct {
	sync.Mutex
	made map[string]*rsa.PrivateKey
}

// Claims are those of a token.
type Claims map[string]any

// Text gives a claim that is a text, "" for any other.
func (c Claims) Text(name string) string {
	text, _ := c[name].(string)
	return text
}

// Time gives a claim that is a time in seconds since 1970.
func (c Claims) Time(name string) (time.Time, bool) {
	seconds, ok := c[name].(float64)
	return time.Unix(int64(seconds), 0), ok
}

// Sign makes a token with RS256, or ES256 for a key of the curve P-256, with further
// fields of its header.
func Sign(key crypto.Signer, header map[string]any, claims Claims) string {
	algorithm := "RS256"
	if _, ok := key.(*ecdsa.PrivateKey); ok {
		algorithm = "ES256"
	}
	all := map[string]any{"alg": algorithm, "typ": "JWT"}
	for name, value := range header {
		all[name] = value
	}
	signed := encode(all) + "." + encode(claims)
	digest := sha256.Sum256([]byte(signed))
	var signature []byte
	var err error
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		r, s, e := ecdsa.Sign(rand.Reader, key, digest[:])
		err = e
		if e == nil { // RFC 7518 section 3.4
			signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
		}
	default:
		signature, err = key.Sign(rand.Reader, digest[:], crypto.SHA256)
	}
	if err != nil {
		panic(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func encode(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// Read gives the header and the claims of a token, not verified.
func Read(token string) (header map[string]any, claims Claims, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, nil, fmt.Errorf("the token has %d parts, not 3", len(parts))
	}
	for i, into := range []any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return nil, nil, errors.New("the token is not base64")
		}
		if err := json.Unmarshal(text, into); err != nil {
			return nil, nil, errors.New("the token is not JSON")
		}
	}
	return header, claims, nil
}

// Verify gives the claims of a token that is signed by one of the keys, by an
// algorithm that fits the key, and in whose time it is now.
func Verify(token string, keys ...crypto.PublicKey) (Claims, error) {
	_, claims, err := VerifySignature(token, keys...)
	if err != nil {
		return nil, err
	}
	expires, ok := claims.Time("exp")
	if begins, has := claims.Time("nbf"); !ok || time.Now().After(expires) || has && time.Now().Add(5*time.Minute).Before(begins) {
		return nil, errors.New("the token is outside its time")
	}
	return claims, nil
}

// VerifySignature is Verify for who looks at the time itself.
func VerifySignature(token string, keys ...crypto.PublicKey) (header map[string]any, claims Claims, err error) {
	header, claims, err = Read(token)
	if err != nil {
		return nil, nil, err
	}
	last := strings.LastIndexByte(token, '.')
	digest := sha256.Sum256([]byte(token[:last]))
	signature, err := base64.RawURLEncoding.DecodeString(token[last+1:])
	if err != nil {
		return nil, nil, errors.New("the signature is not base64")
	}
	good := false
	for _, key := range keys {
		switch key := key.(type) {
		case *rsa.PublicKey:
			good = good || header["alg"] == "RS256" && rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil ||
				header["alg"] == "PS256" && rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, nil) == nil
		case *ecdsa.PublicKey:
			good = good || header["alg"] == "ES256" && len(signature) == 64 &&
				ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
		}
	}
	if !good {
		return nil, nil, errors.New("the signature is by no key that is known")
	}
	return header, claims, nil
}

package tokencache

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
)

// Request says what is wanted of a source.
type Request struct {
	Backend    generators.Backend
	Env        generators.Env // that the source was opened with
	Registries []string       // asked for, in normal form; nil for all
	MinTTL     time.Duration  // that a token must still live
}

// name gives the name of a request's file: an HMAC over all that decides whose the
// token is, and for what, with the length before each part.
func (r Request) name(key dockercfg.Secret, parts []dockercfg.Secret) string {
	h := mac{hmac.New(sha256.New, []byte(key.Reveal()))}
	h.number(formatVersion)
	h.text(r.Backend.Name)
	h.number(len(r.Backend.Variables))
	for _, v := range r.Backend.Variables {
		h.number(1 + len(v.Aliases))
		for _, name := range append([]string{v.Name}, v.Aliases...) {
			value, set := r.Env(name)
			h.text(name)
			if set {
				h.number(1)
			} else {
				h.number(0)
			}
			h.text(value)
		}
	}
	registries := slices.Sorted(slices.Values(r.Registries))
	h.number(len(registries))
	for _, registry := range registries {
		h.text(registry)
	}
	h.number(len(parts))
	for _, part := range parts {
		h.text(part.Reveal())
	}
	return hex.EncodeToString(h.Sum(nil))
}

type mac struct{ hash.Hash }

func (h mac) number(n int) { h.Write(binary.BigEndian.AppendUint64(nil, uint64(n))) }

func (h mac) text(text string) {
	h.number(len(text))
	h.Write([]byte(text))
}

package registry

import (
	"crypto/x509"
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/dockercfg/jet/dockercfg"
)

// DefaultTimeout is how long one registry may take if its account says nothing.
const DefaultTimeout = 30 * time.Second

// An Account is a credential for one registry, how the registry is reached, and what
// is asked about it.
type Account struct {
	// Name is what people call the account; "" for the name of its registry.
	Name string
	// Entry is the credential. Its Registry is the registry to ask, unless that is a
	// pattern.
	Entry dockercfg.Entry
	// Host is the registry to ask where the entry has a pattern; "" for that of the
	// entry. It has the normal form of dockercfg.NormalizeRegistry.
	Host string
	// Repositories to look into. If there are none the catalog is read, unless NoCatalog
	// says that nobody wants to know.
	Repositories []Repository
	NoCatalog    bool
	// Push asks whether an upload to each of the repositories could be begun, and
	// cancels it.
	Push bool
	TLS  TLS
	// Timeout is for everything that is asked about the account; 0 means
	// DefaultTimeout.
	Timeout time.Duration
}

// TLS says how a registry is reached, and the token server that it names. The zero
// TLS is the usual way: https, with a certificate that the system's authorities
// vouch for.
type TLS struct {
	// Roots are the certificate authorities to trust, nil for those of the system:
	// see Roots.
	Roots *x509.CertPool
	// InsecureSkipVerify takes any certificate for that of the registry. Whoever is on
	// the way can then read the credentials.
	InsecureSkipVerify bool
	// PlainHTTP speaks http and not https. Whoever is on the way can then read the
	// credentials. It is never chosen by itself, for no address.
	PlainHTTP bool
}

// ErrNoCertificate is the error of Roots.
var ErrNoCertificate = errors.New("there is no certificate in it, in the form PEM")

// Roots gives the authorities of the system and those of a file in the form PEM. The
// error is ErrNoCertificate.
func Roots(pem []byte) (*x509.CertPool, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // a system without any
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, ErrNoCertificate
	}
	return roots, nil
}

// A Repository is a repository of a registry, and perhaps a tag or a digest in it.
type Repository struct {
	Name      string // without the registry
	Reference string // tag or digest; "" for none
}

// String gives the usual spelling.
func (r Repository) String() string {
	switch {
	case r.Reference == "":
		return r.Name
	case strings.Contains(r.Reference, ":"):
		return r.Name + "@" + r.Reference
	}
	return r.Name + ":" + r.Reference
}

// The grammar of names, tags and digests (OCI distribution specification v1.1, "Pulling
// manifests"; digests as in the image specification).
var grammar = sync.OnceValue(func() (g struct{ name, tag, digest *regexp.Regexp }) {
	g.name = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	g.tag = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	g.digest = regexp.MustCompile(`^[a-z0-9]+([+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]{32,256}$`)
	return g
})

// maxName is how long the name of a repository is at most, in bytes. Clients have
// that limit for registry and name together.
const maxName = 255

// ParseRepository reads [HOST/]NAME[:TAG][@DIGEST], as docker pull takes it: the
// first part is a host if it holds a dot or a colon, or is localhost. The host is in
// normal form, "" if there is none. A digest wins over a tag.
func ParseRepository(text string) (host string, r Repository, err error) {
	r.Name = text
	if first, rest, found := strings.Cut(text, "/"); found && (strings.ContainsAny(first, ".:") || first == "localhost") {
		if host, err = dockercfg.NormalizeRegistry(first); err != nil {
			return "", r, err
		}
		r.Name = rest
	}
	var tag, digest string
	var hasTag, hasDigest bool
	r.Name, digest, hasDigest = strings.Cut(r.Name, "@")
	r.Name, tag, hasTag = strings.Cut(r.Name, ":")
	switch g := grammar(); {
	case r.Name == "":
		err = errors.New("the name of the repository is empty")
	case len(r.Name) > maxName:
		err = errors.New("the name of the repository is over 255 bytes long")
	case r.Name != strings.ToLower(r.Name):
		err = errors.New("the name of a repository has no capital letters")
	case !g.name.MatchString(r.Name):
		err = errors.New("it is not the name of a repository: parts of a-z and 0-9, with . _ and - within, and / between them")
	case hasTag && !g.tag.MatchString(tag):
		err = errors.New("the tag after the colon is none: up to 128 letters, digits, . _ and -")
	case hasDigest && !g.digest.MatchString(digest):
		err = errors.New("what follows @ is not a digest, such as sha256:…")
	}
	if r.Reference = tag; hasDigest {
		r.Reference = digest
	}
	return host, r, err
}

// hubHost is where Docker Hub has its registry: the name that its credentials are
// kept under is another (docker/cli v29.9.3, registry.DefaultV2Registry).
const hubHost = "registry-1.docker.io"

// host gives the host to ask, with its port if it has one.
func (a Account) host() string {
	registry := a.Registry()
	if registry == dockercfg.DockerHub {
		return hubHost
	}
	return registry
}

// Registry is the registry to ask in normal form, or a pattern if none is known.
func (a Account) Registry() string {
	name := a.Host
	if name == "" {
		name = a.Entry.Registry
	}
	if normal, err := dockercfg.NormalizeRegistry(name); err == nil {
		return normal
	}
	return name
}

// path gives the name of a repository as it stands in addresses: those of Docker Hub
// that have one part are in "library".
func (a Account) path(r Repository) string {
	if a.Registry() == dockercfg.DockerHub && !strings.Contains(r.Name, "/") {
		return "library/" + r.Name
	}
	return r.Name
}

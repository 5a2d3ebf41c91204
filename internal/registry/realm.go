package registry

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"unicode"
)

// Where credentials may go beside the registry itself.
//
// A registry names the server that gives tokens, its realm, and clients send it the
// password. So a registry that is not what it seems could have a password sent in the
// open, or have this machine ask servers that only it can reach. Hence:
//
//   - a registry asked over https names a realm of https;
//   - a realm is no address of this machine or of a private network, nor a name that
//     stands for one, unless it has the host name of the registry; a name may stand for
//     a private address if the registry's own does, as within a company;
//   - a realm has a name in ASCII, as DNS has them;
//   - no redirect is followed with credentials.
//
// The first two are those of go-containerregistry v0.22.1 and of oras-go v2.6.4
// (GHSA-xf85-363p-868w), but for the exception at the end of the second. The address
// is checked when the connection is made, so that no name can stand for another one
// by then. Behind a proxy that is the proxy's.

// A realmError says why credentials are not sent to a realm.
type realmError struct {
	host    string // "" if there is none to speak of
	problem string
}

func (e *realmError) Error() string { return e.problem }

// parseRealm gives the address of a realm, if credentials may go there.
func parseRealm(registry *url.URL, realm string) (*url.URL, error) {
	u, err := url.Parse(realm)
	switch {
	case realm == "":
		return nil, &realmError{problem: "it names no realm, where tokens are given out"}
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return nil, &realmError{problem: "the realm that it names is not an address"}
	case u.User != nil:
		return nil, &realmError{u.Host, "the realm that it names holds a user name"}
	case u.Scheme == "http" && registry.Scheme == "https":
		return nil, &realmError{u.Host, "it is asked over https and sends callers to a realm over http, where everybody on the way could read the credentials"}
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, &realmError{u.Host, "the realm that it names is neither https nor http"}
	case !isASCII(u.Hostname()):
		return nil, &realmError{u.Host, "the realm that it names has letters that stand for others, and is not what it seems"}
	case strings.EqualFold(u.Hostname(), registry.Hostname()):
		return u, nil
	}
	address, err := netip.ParseAddr(u.Hostname())
	switch {
	case err == nil && isInternal(address.Unmap().WithZone("")):
		return nil, &realmError{u.Host, "the realm that it names is an address within a machine or a private network, and not the registry's host"}
	case err != nil && endsInNumber(u.Hostname()):
		// Old spellings of addresses, such as 127.1.
		return nil, &realmError{u.Host, "the realm that it names is an odd spelling of an address"}
	}
	return u, nil
}

// isASCII reports whether a host is asked under the name that it is written with: the
// address of another one is looked up under what net/http makes of it, 127.0.0.1 of
// 127.0.0.¹, which a gate would not know again.
func isASCII(host string) bool {
	return !strings.ContainsFunc(host, func(r rune) bool { return r > unicode.MaxASCII })
}

// endsInNumber reports whether the last part of a host is a number: then all of it is
// an address (WHATWG URL standard, "ends-in-a-number checker").
func endsInNumber(host string) bool {
	last := strings.ToLower(host[strings.LastIndexByte(host, '.')+1:])
	return last != "" && strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x")
}

// isInternal reports whether an address is of this machine, its network or a private
// one. That of carrier-grade NAT (RFC 6598) holds metadata servers of clouds.
func isInternal(a netip.Addr) bool {
	return a.IsPrivate() || isMachine(a) || a.Is4() && netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10).Contains(a)
}

// isMachine reports whether an address is this machine, or one that no router leads to.
func isMachine(a netip.Addr) bool {
	return a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified()
}

// A gate decides which addresses may be connected to.
type gate struct {
	registry string // host name
	mutex    sync.Mutex
	others   map[string]bool // host names of the realms and of where redirects lead
	private  bool            // the registry has a private address
}

// add makes the gate look at the addresses of a host. Others are proxies.
func (g *gate) add(host string) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.others == nil {
		g.others = make(map[string]bool)
	}
	g.others[strings.ToLower(host)] = true
}

// permit is endpoint.Options.Permit.
func (g *gate) permit(address string, remote netip.AddrPort) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	host = strings.ToLower(host)
	g.mutex.Lock()
	defer g.mutex.Unlock()
	a := remote.Addr()
	switch {
	case host == g.registry:
		g.private = isInternal(a) && !isMachine(a)
	case !g.others[host], !isInternal(a), g.private && !isMachine(a):
	default:
		return &realmError{host, fmt.Sprintf("its name stands for %v, an address within a machine or a private network, and it has not the registry's host name", a)}
	}
	return nil
}

// isRealm finds a realmError in the error of a request.
func isRealm(err error) (*realmError, bool) { return errors.AsType[*realmError](err) }

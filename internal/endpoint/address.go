package endpoint

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// ParseAddress reads the address of a server that a variable names in place of the
// usual one: a URL without user, query and fragment, or a host alone, which means
// https. The scheme is https; http will do where nothing leaves the machine or its
// host: on loopback and link-local addresses, such as those of metadata servers.
// Errors quote nothing of the text.
func ParseAddress(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("it is not a URL")
	case u.User != nil:
		return nil, errors.New("it holds a user name or a password, which do not belong there")
	case u.Hostname() == "" || strings.ContainsFunc(u.Host, isOdd):
		return nil, errors.New("it names no host")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(text, "#"):
		return nil, errors.New("it holds a query or a fragment")
	case u.Scheme == "http" && !isNear(u.Hostname()):
		return nil, errors.New("it begins with http://, and a credential would go over the network for everybody to read; https:// is wanted")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("it does not begin with https://")
	}
	u.Host = strings.ToLower(u.Host)
	return u, nil
}

// isOdd tells characters that no host holds that a request can be sent to.
func isOdd(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"<>\^{|}%`, r) }

// isNear reports whether a host is this machine, or one that no router leads to.
func isNear(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && (address.IsLoopback() || address.IsLinkLocalUnicast())
}

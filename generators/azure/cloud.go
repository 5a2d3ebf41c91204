package azure

import (
	"errors"
	"slices"
	"strings"

	"github.com/dockercfg/jet/dockercfg"
)

// A cloud is one of Azure's, which know nothing of each other's identities.
type cloud struct {
	domain      string   // of its registries
	authorities []string // hosts that sign in, the usual one first
}

// clouds gives them all, the public one first (azcore v1.24.0, cloud/cloud.go;
// learn.microsoft.com/entra/identity-platform/authentication-national-cloud). That of
// Germany has ended; its names still belong to Microsoft.
func clouds() []cloud {
	return []cloud{
		{"azurecr.io", []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com"}},
		{"azurecr.cn", []string{"login.chinacloudapi.cn", "login.partner.microsoftonline.cn"}},
		{"azurecr.us", []string{"login.microsoftonline.us"}},
		{"azurecr.de", []string{"login.microsoftonline.de"}},
	}
}

// cloudOf gives the cloud of a registry, in normal form. Registries have no port, and
// are below a domain: beside the usual names there are those of regions
// (name.region.geo.azurecr.io).
func cloudOf(host string) (cloud, bool) {
	for _, c := range clouds() {
		if strings.HasSuffix(host, "."+c.domain) {
			return c, true
		}
	}
	return cloud{}, false
}

// cloudOfAuthority gives the cloud whose identities a host signs in.
func cloudOfAuthority(host string) (cloud, bool) {
	for _, c := range clouds() {
		if slices.Contains(c.authorities, host) {
			return c, true
		}
	}
	return cloud{}, false
}

// domains lists the domains, for people.
func domains() string {
	var all []string
	for _, c := range clouds() {
		all = append(all, c.domain)
	}
	return strings.Join(all, ", ")
}

// loginServer gives the host of a registry, in normal form. A name alone is one in the
// domain of a cloud. (Those that were made with a domain name label have a hash in
// their host, so they have to be named in full.)
func loginServer(name, domain string) (string, error) {
	if !strings.ContainsAny(name, ".:/[") {
		if strings.ContainsAny(name, "_*") {
			return "", errors.New("the name of a registry holds letters, digits and hyphens alone")
		}
		name += "." + domain
	}
	return dockercfg.NormalizeRegistry(name)
}

// globalName gives the host by which a registry is known everywhere: that of a region
// has it before the region.
func globalName(host string) string {
	c, ok := cloudOf(host)
	if !ok {
		return host
	}
	rest := strings.TrimSuffix(host, "."+c.domain)
	if labels := strings.Split(rest, "."); len(labels) == 3 && labels[2] == "geo" {
		return labels[0] + "." + c.domain
	}
	return host
}

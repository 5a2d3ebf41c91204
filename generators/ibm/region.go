package ibm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dockercfg/jet/internal/endpoint"
)

// A region is one with a registry of its own (cloud.ibm.com/docs/Registry,
// registry_overview.md and registry_access.md).
type region struct {
	name   string
	former string // by which the registry's command line knew it
	label  string // in the host of the old API, if not the name
	host   string
	old    string // host of before 2019, "" for none
}

var regions = [...]region{
	{name: "global", host: "icr.io", old: "registry.bluemix.net"},
	{name: "us-south", label: "ng", host: "us.icr.io", old: "registry.ng.bluemix.net"},
	{name: "eu-de", former: "eu-central", host: "de.icr.io", old: "registry.eu-de.bluemix.net"},
	{name: "eu-gb", former: "uk-south", host: "uk.icr.io", old: "registry.eu-gb.bluemix.net"},
	{name: "au-syd", former: "ap-south", host: "au.icr.io", old: "registry.au-syd.bluemix.net"},
	{name: "jp-tok", former: "ap-north", host: "jp.icr.io"},
	{name: "jp-osa", host: "jp2.icr.io"},
	{name: "ca-tor", host: "ca.icr.io"},
	{name: "ca-mon", host: "ca2.icr.io"},
	{name: "br-sao", host: "br.icr.io"},
	{name: "eu-es", host: "es.icr.io"},
	{name: "in-che", host: "in.icr.io"},
	{name: "in-mum", host: "in2.icr.io"},
}

const (
	// AllRegions stands for every region in Config.Regions.
	AllRegions = "all"
	// defaultRegion is that of api.ng.bluemix.net, which the original had.
	defaultRegion = "us-south"
	// noRegistry is a region of IBM Cloud whose users have the registry of the default.
	noRegistry = "us-east"
)

func (r region) isCalled(name string) bool {
	return name != "" && (name == r.name || name == r.former || name == r.label)
}

// regionOf gives the region of a name.
func regionOf(name string) (region, bool) {
	if name == noRegistry {
		name = defaultRegion
	}
	i := slices.IndexFunc(regions[:], func(r region) bool { return r.isCalled(name) })
	if i < 0 {
		return region{}, false
	}
	return regions[i], true
}

// regionNames lists the regions, for people.
func regionNames() string {
	var names []string
	for _, r := range regions {
		names = append(names, r.name)
	}
	return strings.Join(append(names, AllRegions), ", ")
}

// regionOfEndpoint gives the region that the address of an API is for: one of
// api.ng.bluemix.net, api.eu-de.cf.cloud.ibm.com, or "" for cloud.ibm.com and others
// that are not for one region. Anything but IBM Cloud's hosts is refused.
func regionOfEndpoint(address string) (string, error) {
	// IBM's own command line takes it with http too; nothing is sent there.
	u, err := endpoint.ParseAddress(strings.Replace(strings.ToLower(strings.TrimSpace(address)), "http://", "https://", 1))
	if err != nil {
		return "", err
	}
	host := "." + u.Hostname()
	if !strings.HasSuffix(host, ".bluemix.net") && !strings.HasSuffix(host, ".cloud.ibm.com") {
		return "", fmt.Errorf("it is no host of IBM Cloud, as api.ng.bluemix.net and cloud.ibm.com are")
	}
	for label := range strings.SplitSeq(u.Hostname(), ".") {
		if label == noRegistry {
			return label, nil
		}
		if r, ok := regionOf(label); ok {
			return r.name, nil
		}
	}
	return "", nil
}

// hosts gives the registries of regions, as a visibility has them, and icr.io beside
// them, where IBM's own images are.
func hosts(names []string, v Visibility) []string {
	var all []string
	add := func(host string, public bool) {
		if public && v == Private || !public && v != Private && v != PublicAndPrivate {
			return
		}
		if host != "" && !slices.Contains(all, host) {
			all = append(all, host)
		}
	}
	for _, r := range regions {
		if slices.ContainsFunc(names, func(name string) bool {
			other, _ := regionOf(name)
			return name == AllRegions || other == r
		}) {
			add(r.host, true)
			add(r.old, true)
			add("private."+r.host, false)
		}
	}
	add(regions[0].host, true)
	add("private."+regions[0].host, false)
	return all
}

// isRegistry reports whether a registry, in normal form, is IBM Cloud's.
func isRegistry(host string) bool {
	return slices.Contains(hosts([]string{AllRegions}, PublicAndPrivate), host)
}

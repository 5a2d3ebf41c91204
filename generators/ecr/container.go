package ecr

import (
	"net/netip"
	"net/url"
	"slices"
)

// ecsAddress is where Amazon ECS gives keys to containers.
const ecsAddress = "http://169.254.170.2"

// checkContainerURI refuses to send the container's token anywhere but to the
// addresses of the SDK: https, loopback, those of ECS and EKS (aws-sdk-go-v2 config
// v1.33.14, resolve_credentials.go). Unlike it this takes no name but localhost for
// one of those: what a name stands for can change after it was looked up.
func checkContainerURI(uri string) error {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil:
		return wrongValue(containerURI, "is not a URL")
	case u.Scheme == "https" || isLoopback(u.Hostname()):
		return nil
	}
	if slices.Contains([]string{"169.254.170.2", "169.254.170.23", "fd00:ec2::23"}, u.Hostname()) {
		return nil
	}
	return wrongValue(containerURI, "is neither https nor on an address of this machine, of ECS or of EKS")
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

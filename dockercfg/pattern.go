package dockercfg

import (
	"fmt"
	"path"
	"strings"
)

// Pattern stands for the registries of several hosts: *.dkr.ecr.eu-west-1.amazonaws.com.
//
// A * matches any characters within one part between dots, none included. The
// last two parts are literal, so that a pattern stays within one domain. Docker
// itself takes a pattern for a plain name; docker-credential-jet and, by rules
// of its own, the kubelet understand it.
type Pattern struct {
	text string
}

// ParsePattern gives the normal form of a pattern: host in lower case and port;
// scheme and path are dropped. Every error is a *RegistryNameError.
func ParsePattern(text string) (Pattern, error) {
	// A digit in place of each * makes a name to which the same rules apply,
	// and none of the names of Docker Hub.
	key, problem := normalizeRegistry(strings.ReplaceAll(text, "*", "0"))
	if problem != "" {
		return Pattern{}, &RegistryNameError{problem}
	}
	rest := text
	if _, after, found := strings.Cut(text, "://"); found {
		rest = after
	}
	authority, _, _ := strings.Cut(strings.ToLower(rest), "/")
	host, _, _ := strings.Cut(authority, ":")
	if !strings.Contains(host, "*") {
		return Pattern{}, &RegistryNameError{"its host holds no *"}
	}
	labels := strings.Split(host, ".")
	switch n := len(labels); {
	case n < 3:
		return Pattern{}, &RegistryNameError{fmt.Sprintf("a pattern needs three parts between dots, it has %d", n)}
	case strings.Contains(labels[n-1]+labels[n-2], "*"):
		return Pattern{}, &RegistryNameError{"a * stands in one of its last two parts, which must be literal"}
	case strings.Trim(labels[n-1], "0123456789") == "":
		return Pattern{}, &RegistryNameError{"a pattern of IP addresses: their last parts say nothing of the owner"}
	}
	_, port, found := strings.Cut(key, ":")
	if found {
		host += ":" + port
	}
	return Pattern{host}, nil
}

func (p Pattern) String() string { return p.text }

// Match reports whether the pattern stands for a registry, given in normal form:
// as many parts, and the same port or none. No pattern stands for Docker Hub,
// whose normal form is an address, nor for an IPv6 address.
func (p Pattern) Match(registry string) bool {
	host, port, _ := strings.Cut(p.text, ":")
	otherHost, otherPort, _ := strings.Cut(registry, ":")
	labels, others := strings.Split(host, "."), strings.Split(otherHost, ".")
	if port != otherPort || len(labels) != len(others) {
		return false
	}
	for i := range labels {
		// Parts hold letters, digits, hyphens, underscores and * alone.
		if ok, err := path.Match(labels[i], others[i]); err != nil || !ok {
			return false
		}
	}
	return p.text != ""
}

// normalizeKey is NormalizeRegistry for keys of a file, which may be patterns. A
// * in a path makes no pattern.
func normalizeKey(key string) (string, error) {
	normal, err := NormalizeRegistry(key)
	if err != nil && strings.Contains(key, "*") {
		p, err := ParsePattern(key)
		return p.text, err
	}
	return normal, err
}

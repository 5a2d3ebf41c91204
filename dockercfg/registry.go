package dockercfg

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// DockerHub is the normal form of Docker Hub's name, the only key under which
// Docker looks up Hub credentials (docker/cli v29.9.3,
// cli/config/configfile/file.go, getAuthConfigKey).
const DockerHub = "https://index.docker.io/v1/"

const (
	maxRegistryName = 2048 // bytes, of a whole name as a person or program gives it
	maxHost         = 253  // bytes, of a host name (RFC 1035 section 2.3.4, without the root's dot)
	maxLabel        = 63   // bytes, of one label of a host name (the same section)
)

// RegistryNameError says why a text names no registry. It quotes nothing of the
// text: people mix up variables, and then a password stands there. A caller that
// knows better can quote the name itself.
type RegistryNameError struct {
	Problem string // what is wrong with it
}

func (e *RegistryNameError) Error() string {
	return "dockercfg: registry name: " + e.Problem
}

// NormalizeRegistry gives the one form in which name is a key of "auths":
// DockerHub for docker.io, index.docker.io and registry-1.docker.io, and else
// the host in lower case with its port, if the name has one. Scheme and path are
// dropped, a default port (":443") is not: Docker compares ports as text. IPv6
// addresses stand in brackets and keep their spelling but for case.
//
// Names are at most 2,048 bytes long, host names at most 253 (RFC 1035). Every
// error is a *RegistryNameError.
func NormalizeRegistry(name string) (string, error) {
	key, problem := normalizeRegistry(name)
	if problem != "" {
		return "", &RegistryNameError{problem}
	}
	return key, nil
}

func normalizeRegistry(name string) (key, problem string) {
	if name == "" {
		return "", "it is empty"
	}
	if len(name) > maxRegistryName {
		return "", fmt.Sprintf("it is %d bytes long, at most %d are allowed", len(name), maxRegistryName)
	}
	for _, r := range name {
		switch {
		case unicode.IsControl(r):
			return "", "it holds a control character"
		case unicode.IsSpace(r):
			return "", "it holds a blank"
		case r > unicode.MaxASCII:
			return "", "it holds a character outside ASCII; write an international name in its xn-- form"
		}
	}
	rest := name
	if scheme, after, found := strings.Cut(name, "://"); found {
		if !isScheme(scheme) {
			return "", "what stands before :// is not a scheme"
		}
		rest = after
	}
	if strings.ContainsAny(rest, "?#") {
		return "", "it holds a query or a fragment"
	}
	authority, _, _ := strings.Cut(rest, "/")
	if strings.Contains(authority, "@") {
		return "", "it holds a user name or a password, which do not belong there"
	}
	host, port, problem := splitPort(strings.ToLower(authority))
	if problem != "" {
		return "", problem
	}
	if port == "" {
		switch host {
		case "docker.io", "index.docker.io", "registry-1.docker.io":
			return DockerHub, ""
		}
		return host, ""
	}
	return host + ":" + port, ""
}

// splitPort cuts a host, checked, from its port, which is "" if there is none.
func splitPort(authority string) (host, port, problem string) {
	hasPort := false
	if strings.HasPrefix(authority, "[") {
		end := strings.IndexByte(authority, ']')
		if end < 0 {
			return "", "", "its IPv6 address has no closing bracket"
		}
		host = authority[:end+1]
		after := authority[end+1:]
		if port, hasPort = strings.CutPrefix(after, ":"); !hasPort && after != "" {
			return "", "", "something other than a port follows its IPv6 address"
		}
		address, err := netip.ParseAddr(host[1:end])
		if err != nil || !address.Is6() || address.Zone() != "" {
			return "", "", "what stands in brackets is not an IPv6 address"
		}
	} else {
		if strings.Count(authority, ":") > 1 {
			return "", "", "it has more than one colon; an IPv6 address must stand in brackets"
		}
		host, port, hasPort = strings.Cut(authority, ":")
		if problem := checkHost(host); problem != "" {
			return "", "", problem
		}
	}
	if !hasPort {
		return host, "", ""
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return "", "", "its port is not a number from 1 to 65535"
	}
	return host, strconv.FormatUint(number, 10), ""
}

// checkHost says what is wrong with a host name in lower case. An underscore is
// let through: container networks have such names.
func checkHost(host string) (problem string) {
	if host == "" {
		return "it names no host"
	}
	if len(host) > maxHost {
		return fmt.Sprintf("its host is %d bytes long, at most %d are allowed", len(host), maxHost)
	}
	for label := range strings.SplitSeq(host, ".") {
		switch {
		case label == "":
			return "its host has an empty part between dots"
		case len(label) > maxLabel:
			return fmt.Sprintf("its host has a part of %d bytes, at most %d are allowed", len(label), maxLabel)
		case label[0] == '-' || label[len(label)-1] == '-':
			return "its host has a part that begins or ends with a hyphen"
		}
		for _, r := range label {
			if !isLetterOrDigit(r) && r != '-' && r != '_' {
				return fmt.Sprintf("its host holds the character %q", r)
			}
		}
	}
	return ""
}

// isScheme follows RFC 3986 section 3.1.
func isScheme(s string) bool {
	for i, r := range strings.ToLower(s) {
		if !isLetterOrDigit(r) && (i == 0 || !strings.ContainsRune("+-.", r)) {
			return false
		}
	}
	return s != "" && (s[0] < '0' || s[0] > '9')
}

func isLetterOrDigit(r rune) bool {
	return 'a' <= r && r <= 'z' || '0' <= r && r <= '9'
}

package ecr

import (
	"fmt"
	"strings"
)

// A partition is a part of AWS with accounts, names and domains of its own
// (aws-sdk-go-v2 v1.48.0, internal/endpoints/awsrulesfn/partitions.json).
type partition struct {
	name     string // in ARNs
	prefix   string // of the names of its regions
	dns      string // of its servers, and of registries
	dualDNS  string // of servers that speak IPv6 too
	dualHost string // of registries that speak IPv6 too; "" where AWS documents none
}

// partitionOf gives the partition of a region. Like the SDK it takes an unknown
// region for one of the main partition: new ones appear there.
func partitionOf(region string) partition {
	for _, p := range [...]partition{
		{"aws-cn", "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn", "on.amazonwebservices.com.cn"},
		{"aws-us-gov", "us-gov-", "amazonaws.com", "api.aws", "on.aws"},
		{"aws-eusc", "eusc-", "amazonaws.eu", "api.amazonwebservices.eu", ""},
		{"aws-iso", "us-iso-", "c2s.ic.gov", "api.aws.ic.gov", ""},
		{"aws-iso-b", "us-isob-", "sc2s.sgov.gov", "api.aws.scloud", ""},
		{"aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", ""},
		{"aws-iso-f", "us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov", ""},
	} {
		if strings.HasPrefix(region, p.prefix) {
			return p
		}
	}
	return partition{"aws", "", "amazonaws.com", "api.aws", "on.aws"}
}

// isRegion reports whether a text has the form of a region's name, such as
// us-gov-west-1. Which regions there are is for AWS to say.
func isRegion(text string) bool {
	words := strings.Split(text, "-")
	last := len(words) - 1
	if last < 2 || len(text) > 32 || !isDigits(words[last]) || len(words[0]) < 2 {
		return false
	}
	for _, word := range words[:last] {
		if word == "" || strings.ContainsFunc(word, func(r rune) bool { return r < 'a' || r > 'z' }) {
			return false
		}
	}
	return true
}

// isAccount reports whether a text has the form of an account's id.
func isAccount(text string) bool { return len(text) == 12 && isDigits(text) }

func isDigits(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}

// A target is what one request is about: the registries of a region, or ECR Public.
type target struct {
	public     bool
	region     string // that signs and answers; publicRegion for public
	fips, dual bool
}

// publicRegion is the only one whose ECR Public gives tokens, wherever one is
// (AmazonECRPublic API reference, GetAuthorizationToken).
const publicRegion = "us-east-1"

// The hosts of ECR Public.
const (
	publicHost     = "public.ecr.aws"
	publicDualHost = "ecr-public.aws.com"
)

// service is the name that signatures hold.
func (t target) service() string {
	if t.public {
		return "ecr-public"
	}
	return "ecr"
}

// host is the server to ask (aws-sdk-go-v2, service/ecr and service/ecrpublic,
// endpoints.go).
func (t target) host() string {
	name, p := t.service(), partitionOf(t.region)
	if t.fips {
		name += "-fips"
	}
	if t.dual {
		return name + "." + t.region + "." + p.dualDNS
	}
	return "api." + name + "." + t.region + "." + p.dns
}

// String names the target for people.
func (t target) String() string {
	if t.public {
		return "ECR Public"
	}
	return t.region
}

// A registry is one of an account, by the parts of its host's name.
type registry struct {
	account    string
	region     string
	fips, dual bool
}

// parseRegistry takes the host of a registry apart (AmazonECR user guide, "Making
// requests to Amazon ECR Registries"; amazon-ecr-credential-helper, api/client.go).
// The whole of it has to fit, so that no name that only looks like one of AWS does.
func parseRegistry(host string) (r registry, ok bool) {
	account, rest, _ := strings.Cut(host, ".")
	if !isAccount(account) {
		return registry{}, false
	}
	r.account = account
	for _, form := range [...]struct {
		label      string
		fips, dual bool
	}{{"dkr.ecr.", false, false}, {"dkr.ecr-fips.", true, false}, {"dkr-ecr.", false, true}, {"dkr-ecr-fips.", true, true}} {
		after, found := strings.CutPrefix(rest, form.label)
		if !found {
			continue
		}
		r.region, _, _ = strings.Cut(after, ".")
		r.fips, r.dual = form.fips, form.dual
		return r, isRegion(r.region) && host == r.host()
	}
	return registry{}, false
}

// host is the inverse of parseRegistry. It is "" for a registry that speaks IPv6 in
// a partition without such.
func (r registry) host() string {
	p := partitionOf(r.region)
	name, suffix := "dkr.ecr", p.dns
	if r.dual {
		if p.dualHost == "" {
			return ""
		}
		name, suffix = "dkr-ecr", p.dualHost
	}
	if r.fips {
		name += "-fips"
	}
	return r.account + "." + name + "." + r.region + "." + suffix
}

// Host gives the name of the registry that an account has in a region. The error
// quotes neither.
func Host(account, region string) (string, error) {
	switch {
	case !isAccount(account):
		return "", fmt.Errorf("%s: an account id has 12 digits", name)
	case !isRegion(region):
		return "", fmt.Errorf("%s: regions have names such as eu-west-1", name)
	}
	return registry{account: account, region: region}.host(), nil
}

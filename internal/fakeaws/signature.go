package fakeaws

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// signed is who signed a request, and for which region.
type signed struct {
	*key
	region string
}

// maxAge is how far a request's time may be from ours.
const maxAge = 5 * time.Minute

// codes are what a service calls a problem with a signature.
type codes struct {
	status                                     int
	missing, incomplete, unknown, wrong, stale string
	expired                                    string
}

var (
	jsonCodes = codes{400, "MissingAuthenticationTokenException", "IncompleteSignatureException", "UnrecognizedClientException",
		"InvalidSignatureException", "InvalidSignatureException", "ExpiredTokenException"}
	queryCodes = codes{403, "MissingAuthenticationToken", "IncompleteSignature", "InvalidClientTokenId",
		"SignatureDoesNotMatch", "SignatureDoesNotMatch", "ExpiredToken"}
)

// verify checks a signature of version 4 (AWS General Reference, "Signature Version 4
// signing process") for a service, and gives whose it is.
func (a *AWS) verify(r *request, service string, c codes) (signed, *problem) {
	fail := func(code, format string, args ...any) (signed, *problem) {
		return signed{}, refuse(c.status, code, format, args...)
	}
	header := r.Header.Get("Authorization")
	fields, found := strings.CutPrefix(header, "AWS4-HMAC-SHA256 ")
	if !found {
		return fail(c.missing, "Missing Authentication Token")
	}
	parts := make(map[string]string)
	for field := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		parts[name] = value
	}
	scope := strings.Split(parts["Credential"], "/")
	if len(scope) != 5 || scope[4] != "aws4_request" || parts["SignedHeaders"] == "" || parts["Signature"] == "" {
		return fail(c.incomplete, "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters")
	}
	id, date, region := scope[0], scope[1], scope[2]
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || at.Format("20060102") != date {
		return fail(c.incomplete, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP")
	}
	names := strings.Split(parts["SignedHeaders"], ";")
	if !slices.IsSorted(names) {
		return fail(c.incomplete, "Signed headers must be sorted")
	}
	for name := range r.Header {
		lower := strings.ToLower(name)
		if (strings.HasPrefix(lower, "x-amz-") || lower == "content-type") && !slices.Contains(names, lower) {
			return fail(c.wrong, "The header %s must be signed", lower)
		}
	}
	if !slices.Contains(names, "host") {
		return fail(c.wrong, "'Host' must be a 'SignedHeader' in the AWS Authorization")
	}
	a.mutex.Lock()
	k := a.keys[id]
	a.mutex.Unlock()
	if k == nil || k.SessionToken != r.Header.Get("X-Amz-Security-Token") {
		return fail(c.unknown, "The security token included in the request is invalid.")
	}
	if hostService, hostRegion, known := parseHost(r.Host); known {
		if partitionOf(hostRegion) != k.partition {
			return fail(c.unknown, "The security token included in the request is invalid.")
		}
		if hostService != service {
			return fail(c.wrong, "Credential should be scoped to correct service: '%s'.", hostService)
		}
		if hostRegion != region {
			return fail(c.wrong, "Credential should be scoped to a valid region.")
		}
	}
	if scope[3] != service {
		return fail(c.wrong, "Credential should be scoped to correct service: '%s'.", service)
	}
	if parts["Signature"] != sign(r, k.Secret, scope[1:], names) {
		return fail(c.wrong, "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.")
	}
	switch age := a.now().Sub(at); {
	case age > maxAge:
		return fail(c.stale, "Signature expired: %s is now earlier than %s (%s - 5 min.)", stamp(at), stamp(a.now().Add(-maxAge)), stamp(a.now()))
	case age < -maxAge:
		return fail(c.stale, "Signature not yet current: %s is still later than %s (%s + 5 min.)", stamp(at), stamp(a.now().Add(maxAge)), stamp(a.now()))
	case !k.expires.IsZero() && a.now().After(k.expires):
		return fail(c.expired, "The security token included in the request is expired")
	case slices.Contains(a.Disabled, region) && service == "sts":
		return fail("RegionDisabledException", "STS is not activated in this region for account:%s.", k.account)
	case slices.Contains(a.Disabled, region):
		return fail("OptInRequired", "The AWS Access Key Id needs a subscription for the service")
	}
	return signed{k, region}, nil
}

func stamp(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// sign computes a signature from the request as it came.
func sign(r *request, secret string, scope, names []string) string {
	var canonical strings.Builder
	line := func(text string) { canonical.WriteString(text + "\n") }
	line(r.Method)
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments { // every service but S3 escapes twice
		segments[i] = escape(segment)
	}
	line(strings.Join(segments, "/"))
	var query []string
	for name, values := range r.URL.Query() {
		for _, value := range values {
			query = append(query, escape(name)+"="+escape(value))
		}
	}
	slices.Sort(query)
	line(strings.Join(query, "&"))
	for _, name := range names {
		values := r.Header.Values(name)
		switch name {
		case "host":
			values = []string{r.Host}
		case "content-length": // which the server takes out of the header
			values = []string{decimal(r.ContentLength)}
		}
		for i, value := range values {
			values[i] = strings.Join(strings.Fields(value), " ")
		}
		line(name + ":" + strings.Join(values, ","))
	}
	line("")
	line(strings.Join(names, ";"))
	payload := sha256.Sum256(r.body)
	canonical.WriteString(hex.EncodeToString(payload[:]))

	hash := sha256.Sum256([]byte(canonical.String()))
	toSign := strings.Join([]string{"AWS4-HMAC-SHA256", r.Header.Get("X-Amz-Date"), strings.Join(scope, "/"), hex.EncodeToString(hash[:])}, "\n")
	code := []byte("AWS4" + secret)
	for _, part := range append(slices.Clone(scope), toSign) {
		mac := hmac.New(sha256.New, code)
		mac.Write([]byte(part))
		code = mac.Sum(nil)
	}
	return hex.EncodeToString(code)
}

func decimal(n int64) string {
	text := ""
	for ; n > 0 || text == ""; n /= 10 {
		text = string(rune('0'+n%10)) + text
	}
	return text
}

// escape is percent-encoding as AWS has it: all but letters, digits and -._~.
func escape(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// dns are the domains of the partitions, usual and dual-stack.
var dns = map[string][2]string{
	"aws":        {"amazonaws.com", "api.aws"},
	"aws-cn":     {"amazonaws.com.cn", "api.amazonwebservices.com.cn"},
	"aws-us-gov": {"amazonaws.com", "api.aws"},
	"aws-eusc":   {"amazonaws.eu", "api.amazonwebservices.eu"},
	"aws-iso":    {"c2s.ic.gov", "api.aws.ic.gov"},
	"aws-iso-b":  {"sc2s.sgov.gov", "api.aws.scloud"},
	"aws-iso-e":  {"cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
	"aws-iso-f":  {"csp.hci.ic.gov", "api.aws.hci.ic.gov"},
}

func partitionOf(region string) string {
	for prefix, partition := range map[string]string{
		"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc", "us-iso-": "aws-iso",
		"us-isob-": "aws-iso-b", "eu-isoe-": "aws-iso-e", "us-isof-": "aws-iso-f",
	} {
		if strings.HasPrefix(region, prefix) {
			return partition
		}
	}
	return "aws"
}

// parseHost tells the service and the region of one of AWS's hosts.
func parseHost(host string) (service, region string, known bool) {
	host, _, _ = strings.Cut(host, ":")
	labels := strings.Split(host, ".")
	dual := 1
	if labels[0] == "api" || strings.HasPrefix(labels[0], "sts") && !strings.Contains(host, "api.") {
		dual = 0
	}
	if labels[0] == "api" {
		labels = labels[1:]
	}
	if len(labels) < 3 {
		return "", "", false
	}
	service = strings.TrimSuffix(labels[0], "-fips")
	region = labels[1]
	if strings.Join(labels[2:], ".") != dns[partitionOf(region)][dual] {
		return "", "", false
	}
	return service, region, service == "ecr" || service == "ecr-public" || service == "sts"
}

// wrongHost refuses what comes under the name of another service's host.
func wrongHost(r *request, service string) *problem {
	if of, _, known := parseHost(r.Host); known && of != service {
		return refuse(http.StatusBadRequest, "UnknownOperationException", "this is %s", of)
	}
	return nil
}

package googletest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// AWSKey is an access key of Amazon's, that of an instance.
type AWSKey struct {
	ID, Secret, Session string
	Region              string
}

// NewAWSKey makes the access key that the metadata server of the instance gives.
func (s *Server) NewAWSKey(region string) AWSKey {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	k := AWSKey{ID: "ASIA" + strings.ToUpper(random(8)), Secret: random(20), Session: random(30), Region: region}
	s.aws[k.ID] = k
	return k
}

// instanceMetadata is Amazon's metadata server, version 2 alone: nothing is given
// without a session token (docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html).
func (s *Server) instanceMetadata(w http.ResponseWriter, r *http.Request) {
	const session = "session-of-the-instance"
	if r.URL.Path == "/latest/api/token" {
		if r.Method != http.MethodPut || r.Header.Get("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") == "" {
			http.Error(w, "", http.StatusBadRequest)
			return
		}
		w.Write([]byte(session))
		return
	}
	if r.Header.Get("X-Aws-Ec2-Metadata-Token") != session || r.Method != http.MethodGet {
		http.Error(w, "", http.StatusUnauthorized)
		return
	}
	for _, k := range s.aws {
		switch r.URL.Path {
		case "/latest/meta-data/placement/availability-zone":
			w.Write([]byte(k.Region + "b"))
		case "/latest/meta-data/iam/security-credentials":
			w.Write([]byte("jet-role"))
		case "/latest/meta-data/iam/security-credentials/jet-role":
			reply(w, http.StatusOK, map[string]string{"Code": "Success", "AccessKeyId": k.ID, "SecretAccessKey": k.Secret, "Token": k.Session})
		default:
			http.NotFound(w, r)
		}
		return
	}
	http.NotFound(w, r)
}

// verifyCallerIdentity checks a subject token that is a signed request to Amazon's
// GetCallerIdentity (cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds),
// as Amazon would (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
func (s *Server) verifyCallerIdentity(text, audience string) (principal, problem string) {
	const wrong = "Received invalid AWS response of type <InvalidSignatureException>."
	decoded, err := url.QueryUnescape(text)
	var signed struct {
		URL     string `json:"url"`
		Method  string `json:"method"`
		Headers []struct {
			Key   string `json:"key"`
			Value string `json:"value"`
		} `json:"headers"`
	}
	if err != nil || json.Unmarshal([]byte(decoded), &signed) != nil {
		return "", "Unable to parse the AWS token."
	}
	header := make(http.Header)
	for _, h := range signed.Headers {
		header.Add(h.Key, h.Value)
	}
	address, err := url.Parse(signed.URL)
	if err != nil || signed.Method != http.MethodPost || address.Scheme != "https" ||
		address.RawQuery != "Action=GetCallerIdentity&Version=2011-06-15" || header.Get("X-Goog-Cloud-Target-Resource") != audience {
		return "", "The AWS token is not a request for GetCallerIdentity to this audience."
	}
	fields := make(map[string]string)
	authorization, ok := strings.CutPrefix(header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	for _, part := range strings.Split(authorization, ", ") {
		name, value, _ := strings.Cut(part, "=")
		fields[name] = value
	}
	scope := strings.Split(fields["Credential"], "/")
	at, err := time.Parse("20060102T150405Z", header.Get("X-Amz-Date"))
	if !ok || len(scope) != 5 || err != nil {
		return "", wrong
	}
	key, known := s.aws[scope[0]]
	names := strings.Split(fields["SignedHeaders"], ";")
	off := s.Now().Sub(at).Abs()
	switch {
	case !known || off > skew || scope[1] != at.Format("20060102") || scope[2] != key.Region || scope[3] != "sts" || scope[4] != "aws4_request",
		address.Host != "sts."+key.Region+".amazonaws.com", header.Get("X-Amz-Security-Token") != key.Session,
		!slices.Contains(names, "host"), !slices.Contains(names, "x-amz-date"), !slices.Contains(names, "x-amz-security-token"),
		!slices.Contains(names, "x-goog-cloud-target-resource"):
		return "", wrong
	}
	header.Set("Host", address.Host)
	path := address.EscapedPath()
	if path == "" {
		path = "/"
	}
	canonical := []string{http.MethodPost, path, address.RawQuery}
	for _, name := range names {
		canonical = append(canonical, name+":"+strings.TrimSpace(header.Get(name)))
	}
	canonical = append(canonical, "", fields["SignedHeaders"], hexSum(""))
	toSign := strings.Join([]string{"AWS4-HMAC-SHA256", header.Get("X-Amz-Date"), strings.Join(scope[1:], "/"), hexSum(strings.Join(canonical, "\n"))}, "\n")
	derived := []byte("AWS4" + key.Secret)
	for _, part := range append(slices.Clone(scope[1:]), toSign) {
		mac := hmac.New(sha256.New, derived)
		mac.Write([]byte(part))
		derived = mac.Sum(nil)
	}
	if !hmac.Equal([]byte(hex.EncodeToString(derived)), []byte(fields["Signature"])) {
		return "", wrong
	}
	return "principal:" + key.ID, ""
}

func hexSum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

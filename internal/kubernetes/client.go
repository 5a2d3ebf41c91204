package kubernetes

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/endpoint"
)

// FieldManager is the name under which the API server keeps what belongs to jet.
const FieldManager = "jet"

const (
	// patience bounds one Apply. The API server answers in milliseconds, and gives up
	// by itself after a minute.
	patience = 30 * time.Second
	// maxTries is how often an Apply is sent at most because somebody else changed the
	// Secret, or the token was replaced, in the same moment.
	maxTries = 3
)

// Secret is an image pull secret, of type kubernetes.io/dockerconfigjson.
type Secret struct {
	Namespace string // "" for that of the Config
	Name      string
	// Entries are what it holds, all of it: what an earlier Apply wrote and this one
	// does not name is gone. The kubelet reads user names and passwords alone, so an
	// entry with an identity or registry token is an error.
	Entries []dockercfg.Entry
	// Force takes the content over if it belongs to another field manager, such as
	// kubectl or Helm.
	Force bool
}

// Client writes Secrets. It may be used from several goroutines.
type Client struct {
	config Config
	dial   endpoint.Options // what is the same for all authorities

	lock        sync.Mutex
	authorities string       // the text of CAFile that client trusts
	client      *http.Client // nil before the first request
}

// New makes a client. Nothing is read or asked before the first Apply, so that one can
// be made before the files are there.
func New(config Config) *Client {
	// A proxy is for what is outside the cluster.
	return &Client{config: config, dial: endpoint.Options{NoProxy: true}}
}

// Apply writes a Secret, within 30 seconds. Several processes may apply the same: the
// last one wins, and each time the Secret is a whole one. The error is an *Error, or
// one of the context.
func (c *Client) Apply(ctx context.Context, s Secret) error {
	if s.Namespace == "" {
		s.Namespace = c.config.Namespace
	}
	manifest, err := s.manifest()
	if err != nil {
		return &Error{Secret: s.path(), Problem: "it cannot be made", err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var failed *Error
	token := ""
	for range maxTries {
		text, err := readFile(c.config.TokenFile)
		if err != nil {
			return err.(*Error).of(s)
		}
		// The kubelet may have replaced the token between reading and sending.
		if failed != nil && failed.Reason == Unauthorized && text == token {
			break
		}
		token = text
		failed, err = c.send(ctx, s, manifest, token)
		if err != nil {
			return err
		}
		if failed == nil || failed.Reason != Unauthorized && failed.Reason != changed {
			break
		}
	}
	if failed == nil {
		return nil
	}
	if failed.Reason == changed {
		failed.Reason = Busy
	}
	return failed
}

// manifest gives the Secret in YAML. What stands in it has been read back.
func (s Secret) manifest() ([]byte, error) {
	if len(s.Entries) == 0 {
		return nil, errors.New("there is no credential to write")
	}
	file, err := dockercfg.New()
	if err != nil {
		return nil, err
	}
	for _, e := range s.Entries {
		if err := file.Add(e); err != nil {
			return nil, err
		}
	}
	return file.EncodeAs(dockercfg.Output{Form: dockercfg.KubernetesSecret, Name: s.Name, Namespace: s.Namespace})
}

func (s Secret) path() string { return s.Namespace + "/" + s.Name }

// send asks once, which the client under it does several times if the server is busy.
func (c *Client) send(ctx context.Context, s Secret, manifest []byte, token string) (refused *Error, err error) {
	client, err := c.trusting()
	if err != nil {
		return err.(*Error).of(s), nil
	}
	query := url.Values{"fieldManager": {FieldManager}}
	if s.Force {
		query.Set("force", "true")
	}
	address := url.URL{
		Scheme: "https", Host: c.config.Address, RawQuery: query.Encode(),
		Path: "/api/v1/namespaces/" + s.Namespace + "/secrets/" + s.Name, // both are DNS names by now
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPatch, address.String(), strings.NewReader(string(manifest)))
	if err != nil {
		return &Error{Secret: s.path(), Problem: "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are no address"}, nil
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/apply-patch+yaml")
	// Without this the answer is the Secret itself.
	request.Header.Set("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
	answer, err := client.Do(request)
	if err != nil {
		return unreachable(ctx, s, c.config, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return unreachable(ctx, s, c.config, err)
	}
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusCreated {
		status := &endpoint.StatusError{Host: c.config.Address, Code: answer.StatusCode, Body: body, Header: answer.Header}
		return refusal(s, c.config, status, append(s.secrets(), token)), nil
	}
	var written struct {
		Kind     string
		Metadata struct{ Name, Namespace string }
	}
	if err := json.Unmarshal(body, &written); err != nil {
		return &Error{Secret: s.path(), Problem: "this is no API server", err: endpoint.NotJSON(c.config.Address, body, answer.Header)}, nil
	}
	if written.Kind == "" || written.Metadata.Name != s.Name || written.Metadata.Namespace != s.Namespace {
		return &Error{Secret: s.path(), Problem: fmt.Sprintf("the answer of %s is not about this Secret, so it may not be there", c.config.Address)}, nil
	}
	return nil, nil
}

// secrets are the texts that no message may hold.
func (s Secret) secrets() (texts []string) {
	for _, e := range s.Entries {
		texts = append(texts, e.Password.Reveal())
	}
	return texts
}

// trusting gives a client that trusts what stands in the file of authorities now: a
// cluster changes them in the life of a pod. The error is an *Error.
func (c *Client) trusting() (*http.Client, error) {
	text, err := readFile(c.config.CAFile)
	if err != nil {
		return nil, err
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.client == nil || c.authorities != text {
		options := c.dial
		options.Roots = x509.NewCertPool()
		if !options.Roots.AppendCertsFromPEM([]byte(text)) {
			return nil, &Error{Problem: "the service account cannot be used: " + c.config.CAFile + " holds no certificate"}
		}
		c.client, c.authorities = endpoint.NewClient(options), text
	}
	return c.client, nil
}

package kubernetes

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
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
	// Entries are what it holds, all of it but for Keep: what an earlier Apply wrote
	// and this one does not name is gone. The kubelet reads user names and passwords alone, so an
	// entry with an identity or registry token is an error.
	Entries []dockercfg.Entry
	// Keep are registries, in normal form, whose entries stay as they are in the
	// Secret that is there, if there is one: for when they cannot be had now.
	Keep []string
	// Force takes the content over if it belongs to another field manager, such as
	// kubectl or Helm.
	Force bool
}

// Client writes Secrets. It may be used from several goroutines.
type Client struct {
	config  Config
	options endpoint.Options

	lock        sync.Mutex
	authorities string            // the text of CAFile that client trusts
	client      *http.Client      // nil before the first request
	versions    map[string]string // of the Secrets that were applied, by path
}

// New makes a client. Nothing is read or asked before the first Apply, so that one can
// be made before the files are there.
func New(config Config) *Client {
	// A proxy is for what is outside the cluster.
	return &Client{config: config, options: endpoint.Options{NoProxy: true}, versions: make(map[string]string)}
}

// Apply writes a Secret, within 30 seconds, and says whether that changed it, as far as
// this client can tell: the first time it takes it for a change. Several processes may
// apply the same: the last one wins, and each time the Secret is a whole one. The error
// is an *Error.
func (c *Client) Apply(ctx context.Context, s Secret) (changed bool, err error) {
	if s.Namespace == "" {
		s.Namespace = c.config.Namespace
	}
	file, manifest, err := s.encode()
	if err != nil { // before anything is sent to an address made of its names
		return false, s.problem("it cannot be made", err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if len(s.Keep) > 0 {
		if failed := c.keep(ctx, s, file); failed != nil {
			return false, failed
		}
		if manifest, err = s.encodeFile(file); err != nil {
			return false, s.problem("it cannot be made", err)
		}
	}
	apply := request{
		query:       url.Values{"fieldManager": {FieldManager}},
		contentType: "application/apply-patch+yaml",
		accept:      "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", // and not the Secret itself
		body:        manifest,
	}
	if s.Force {
		apply.query.Set("force", "true")
	}
	answer, failed := c.patch(ctx, s, apply)
	if failed != nil {
		return false, failed
	}
	var written struct {
		Metadata struct{ Name, Namespace, ResourceVersion string }
	}
	if err := json.Unmarshal(answer, &written); err != nil || written.Metadata.Name != s.Name || written.Metadata.Namespace != s.Namespace {
		return false, s.problem(fmt.Sprintf("the answer of %s is not about it, so it may not be there", c.config.Address), nil)
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	version := written.Metadata.ResourceVersion
	changed = version == "" || c.versions[s.path()] != version
	c.versions[s.path()] = version
	return changed, nil
}

// encode gives what the Secret is to hold, and the Secret in YAML. That has been read
// back, and its names are as Kubernetes has them.
func (s Secret) encode() (file *dockercfg.File, manifest []byte, err error) {
	if len(s.Entries) == 0 {
		return nil, nil, errors.New("there is no credential to write")
	}
	if file, err = dockercfg.New(); err != nil {
		return nil, nil, err
	}
	for _, e := range s.Entries {
		if err := file.Add(e); err != nil {
			return nil, nil, err
		}
	}
	manifest, err = s.encodeFile(file)
	return file, manifest, err
}

func (s Secret) encodeFile(file *dockercfg.File) ([]byte, error) {
	return file.EncodeAs(dockercfg.Output{Form: dockercfg.KubernetesSecret, Name: s.Name, Namespace: s.Namespace})
}

// keep adds to the file what is to be kept of the Secret that is there. Nothing is if
// there is no Secret, or one that cannot be read, which then is not worth keeping.
func (c *Client) keep(ctx context.Context, s Secret, file *dockercfg.File) *Error {
	// A patch that changes nothing is answered with the Secret, so that this needs no
	// right that Apply does not have.
	answer, failed := c.patch(ctx, s, request{contentType: "application/merge-patch+json", accept: "application/json", body: []byte("{}")})
	if failed != nil && failed.Reason == NoSecret {
		return nil
	}
	if failed != nil {
		return failed
	}
	there, err := dockercfg.Parse(answer)
	if err != nil {
		return nil
	}
	for _, e := range there.Entries() {
		if slices.Contains(s.Keep, e.Registry) && e.Password != (dockercfg.Secret{}) {
			e.IdentityToken, e.RegistryToken = dockercfg.Secret{}, dockercfg.Secret{}
			file.Add(e) // unless the file has a newer one for this registry
		}
	}
	return nil
}

func (s Secret) path() string { return s.Namespace + "/" + s.Name }

// problem is an error about the Secret.
func (s Secret) problem(problem string, err error) *Error {
	return &Error{Secret: s.path(), Problem: problem, err: err}
}

// patch sends a request, and again where another try may do better.
func (c *Client) patch(ctx context.Context, s Secret, r request) (answer []byte, failed *Error) {
	for try := 1; ; try++ {
		token, failed := readFile(c.config.TokenFile)
		if failed != nil {
			return nil, failed.of(s)
		}
		answer, failed := c.send(ctx, s, r, token)
		if failed == nil {
			return answer, nil
		}
		again := failed.Reason == Changed
		if failed.Reason == Unauthorized {
			// The kubelet may have replaced the token meanwhile.
			now, problem := readFile(c.config.TokenFile)
			again = problem == nil && now != token
		}
		if !again || try == maxTries {
			return nil, failed
		}
	}
}

// A request is a PATCH of a Secret.
type request struct {
	query               url.Values
	contentType, accept string
	body                []byte
}

// send asks once; the client under it does so several times if the server is busy.
func (c *Client) send(ctx context.Context, s Secret, r request, token string) (body []byte, failed *Error) {
	client, failed := c.trusting()
	if failed != nil {
		return nil, failed.of(s)
	}
	address := url.URL{
		Scheme: "https", Host: c.config.Address, RawQuery: r.query.Encode(),
		Path: "/api/v1/namespaces/" + s.Namespace + "/secrets/" + s.Name,
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPatch, address.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, s.problem("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are no address", nil)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	secrets := append(s.secrets(), token, data(r.body))
	request.Header.Set("Content-Type", r.contentType)
	request.Header.Set("Accept", r.accept)
	answer, err := client.Do(request)
	if err != nil {
		return nil, unreachable(s, c.config, err, secrets)
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return nil, unreachable(s, c.config, err, secrets)
	case answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusCreated:
		status := &endpoint.StatusError{Host: c.config.Address, Code: answer.StatusCode, Body: body, Header: answer.Header}
		return nil, refusal(s, c.config, status, secrets)
	case !json.Valid(body):
		return nil, s.problem("this is no API server", endpoint.NotJSON(c.config.Address, body, answer.Header))
	}
	return body, nil
}

// secrets are the texts that no message may hold, as they stand in the Secret too.
func (s Secret) secrets() (texts []string) {
	for _, e := range s.Entries {
		password := e.Password.Reveal()
		texts = append(texts, password, base64.StdEncoding.EncodeToString([]byte(e.Username+":"+password)))
	}
	return texts
}

// data is what a manifest holds, as it stands there: by far the longest word.
func data(manifest []byte) (longest string) {
	for word := range strings.FieldsSeq(string(manifest)) {
		if len(word) > len(longest) {
			longest = word
		}
	}
	return longest
}

// trusting gives a client that trusts what stands in the file of authorities now: a
// cluster changes them in the life of a pod.
func (c *Client) trusting() (*http.Client, *Error) {
	text, failed := readFile(c.config.CAFile)
	if failed != nil {
		return nil, failed
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.client == nil || c.authorities != text {
		options := c.options
		options.Roots = x509.NewCertPool()
		if !options.Roots.AppendCertsFromPEM([]byte(text)) {
			return nil, &Error{Problem: "the service account cannot be used: " + c.config.CAFile + " holds no certificate"}
		}
		c.client, c.authorities = endpoint.NewClient(options), text
	}
	return c.client, nil
}

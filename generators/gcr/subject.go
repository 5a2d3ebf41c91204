package gcr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/dockercfg/jet/internal/endpoint"
)

// subjectToken gets what an external account is exchanged for, which is new for each
// call: from a file, from a server, or signed on a machine of Amazon's.
func (d *document) subjectToken(ctx context.Context) (string, error) {
	source := d.CredentialSource
	switch {
	case source.EnvironmentID != "":
		return source.signCallerIdentity(ctx, d.Audience)
	case source.File != "":
		const where = "the file that its credential_source names"
		text, err := readDocument(source.File)
		if err != nil {
			return "", fmt.Errorf("%s cannot be read: %w", where, err)
		}
		return source.extract(text, where)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, source.URL, nil)
	if err != nil {
		return "", errors.New("the address of its credential_source is none")
	}
	for name, value := range source.Headers {
		request.Header.Set(name, value)
	}
	client := endpoint.NewClient(endpoint.Options{})
	if isLinkLocal(request.URL.Hostname()) {
		client = newMetadataClient()
	}
	body, _, err := endpoint.Fetch(client, request)
	if err != nil {
		return "", fmt.Errorf("the subject token: %w", plain(err))
	}
	return source.extract(string(body), "the answer of "+request.URL.Host)
}

// extract takes the token out of what a file or a server has.
func (c credentialSource) extract(text, where string) (string, error) {
	text = strings.TrimSpace(text)
	switch c.Format.Type {
	case "", "text":
	case "json":
		var fields map[string]any
		if err := json.Unmarshal([]byte(text), &fields); err != nil {
			return "", fmt.Errorf("%s is not JSON, which its credential_source says it is", where)
		}
		text, _ = fields[c.Format.Field].(string)
	default:
		return "", errors.New("its credential_source has a format other than text and json")
	}
	if text == "" {
		return "", fmt.Errorf("%s holds no subject token", where)
	}
	return text, nil
}

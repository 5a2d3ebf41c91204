package gcr_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/generators/gcr"
)

// TestIdentity: a document tells whose its tokens are, with the file of a subject
// token; a server does not.
func TestIdentity(t *testing.T) {
	s := newServer(t)
	key := s.NewKey(account)
	audience := s.NewProvider("ci")
	subject := filepath.Join(t.TempDir(), "token")
	write(t, subject, "subject-1")
	fromFile := externalDocument(s, audience, fields{"file": subject})
	fromServer := externalDocument(s, audience, fields{"url": s.URL + "/subject"})
	user := userDocument(s, s.NewUser("dev@corp.example"))
	act := fields{"type": "impersonated_service_account", "service_account_impersonation_url": s.ImpersonationURI(account)}
	keyFile := filepath.Join(t.TempDir(), "key.json")
	write(t, keyFile, key.Line())
	nobody := env{"CLOUDSDK_CONFIG": t.TempDir()}
	for _, c := range []struct {
		label      string
		scope      env
		registries []string
		ok         bool
		holds      string
	}{
		{"key", original(key), nil, true, key.Email},
		{"path of a key", env{"GOOGLE_AUTH_JSON": keyFile}, nil, true, key.Email},
		{"user", document(t, user), nil, true, "refresh_token"},
		{"external, file", document(t, fromFile), nil, true, "subject-1"},
		{"external, server", document(t, fromServer), nil, false, ""},
		{"external, machine of Amazon's", document(t, externalDocument(s, audience, amazonSource(s))), nil, false, ""},
		{"external, file that is not there", document(t, externalDocument(s, audience, fields{"file": subject + "-none"})), nil, false, ""},
		{"impersonated", document(t, act.with("source_credentials", user)), nil, true, "refresh_token"},
		{"impersonated, by a file", document(t, act.with("source_credentials", fromFile)), nil, true, "subject-1"},
		{"impersonated, by a server", document(t, act.with("source_credentials", fromServer)), nil, false, ""},
		{"metadata server", nobody, nil, false, ""},
		{"the key itself", original(key).with("GOOGLE_AUTH_FORM", "json_key"), nil, false, ""},
		{"no registry", original(key), []string{"quay.io"}, false, ""},
	} {
		t.Run(c.label, func(t *testing.T) {
			source, err := gcr.Config{Registries: c.registries}.Backend().Open(c.scope.lookup)
			if err != nil {
				t.Fatal(err)
			}
			before := len(s.Requests())
			parts, ok := source.(generators.Identified).Identity()
			var all strings.Builder
			for _, part := range parts {
				all.WriteString(part.Reveal())
			}
			if ok != c.ok || ok && !strings.Contains(all.String(), c.holds) {
				t.Errorf("told: %v, want %v and %q among %d parts", ok, c.ok, c.holds, len(parts))
			}
			if len(s.Requests()) != before {
				t.Error("somebody was asked")
			}
		})
	}
}

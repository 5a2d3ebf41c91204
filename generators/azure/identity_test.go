package azure

import (
	"os"
	"strings"
	"testing"

	"github.com/dockercfg/jet/generators"
)

// TestIdentity: the files of a service principal tell whose its tokens are; the
// managed identity is for a server to say, and passwords last.
func TestIdentity(t *testing.T) {
	w := newWorld(t)
	base := set{"AZURE_REGISTRY": host, "AZURE_TENANT_ID": directory, "AZURE_CLIENT_ID": app}
	token, err := os.ReadFile(w.path("token"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		label  string
		set    set
		config Config
		ok     bool
		holds  string
	}{
		{"secret", principal, Config{}, true, ""},
		{"certificate", base.with("AZURE_CLIENT_CERTIFICATE_PATH", w.path("app.pem")), Config{}, true, "BEGIN CERTIFICATE"},
		{"certificate that is not there", base.with("AZURE_CLIENT_CERTIFICATE_PATH", w.path("none")), Config{}, false, ""},
		{"federated token", base.with("AZURE_FEDERATED_TOKEN_FILE", w.path("token")), Config{}, true, string(token)},
		{"managed identity", machine, Config{}, false, ""},
		{"managed identity, ambient", set{"AZURE_REGISTRY": host}, Config{Ambient: true}, false, ""},
		{"password", plain, Config{}, false, ""},
		{"password of a service principal", principal.with("AZURE_AUTH_FORM", "password"), Config{}, false, ""},
		{"no registry", principal, Config{Registries: []string{"quay.io"}}, false, ""},
	} {
		source, err := c.config.Backend().Open(c.set.env())
		if err != nil {
			t.Fatal(err)
		}
		parts, ok := source.(generators.Identified).Identity()
		all := ""
		for _, part := range parts {
			all += part.Reveal()
		}
		if ok != c.ok || ok && !strings.Contains(all, c.holds) {
			t.Errorf("%s: told: %v, want %v and %q", c.label, ok, c.ok, c.holds)
		}
	}
}

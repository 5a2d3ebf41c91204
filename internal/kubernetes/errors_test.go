package kubernetes

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dockercfg/jet/internal/endpoint"
)

// FuzzRefusal reads what may come in place of an API server's refusal.
func FuzzRefusal(f *testing.F) {
	const account = `User "system:serviceaccount:team:jet" cannot `
	for _, seed := range []struct {
		code int
		body string
	}{
		{403, failure(403, "Forbidden", `secrets "regcred" is forbidden: `+account+`patch resource "secrets" in API group ""`, "secrets")},
		{403, failure(403, "Forbidden", `exceeded quota: `+canary, "secrets")},
		{404, failure(404, "NotFound", `namespaces "team" not found`, "namespaces")},
		{409, failure(409, "Conflict", "", "", `FieldManagerConflict|conflict with "kubectl-create" using v1|.data..dockerconfigjson`)},
		{422, failure(422, "Invalid", "", "Secret", "FieldValueInvalid|field is immutable|type")},
		{500, "<html>" + canary}, {415, ""}, {429, "null"}, {400, `{"details":{"causes":[null]}}`},
	} {
		f.Add(seed.code, []byte(seed.body))
	}
	s := regcred()
	s.Namespace = "team"
	f.Fuzz(func(t *testing.T, code int, body []byte) {
		status := &endpoint.StatusError{Host: "10.96.0.1:443", Code: code, Body: body, Header: http.Header{}}
		err := refusal(s, Config{TokenFile: "/none/token"}, status, s.secrets())
		text := err.Error() + strings.Join(err.Advice(), "")
		if !strings.HasPrefix(text, "Secret team/regcred: ") || err.Problem == "" {
			t.Errorf("got %q", text)
		}
		if strings.Contains(text, canary) || strings.ContainsAny(text, "\n\r\x1b") {
			t.Errorf("it shows a secret, or more than text: %q", text)
		}
	})
}

package kubernetes

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	read "github.com/dockercfg/jet/dockercfg/kubernetes"
)

const canary = "canary-Vt4kQ9mZ"

// apiServer answers as an API server does. Like it, it redacts nothing by itself.
type apiServer struct {
	*httptest.Server
	folder string // of the service account

	lock     sync.Mutex
	requests []*http.Request
	bodies   []string
	answer   func(try int) (code int, body string) // nil for success
}

func startServer(t *testing.T) *apiServer {
	t.Helper()
	s := &apiServer{folder: t.TempDir()}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	s.write(t, "ca.crt", string(authority))
	s.write(t, "token", token(time.Now().Add(time.Hour))+"\n")
	s.write(t, "namespace", "team")
	return s
}

func (s *apiServer) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *apiServer) getenv(name string) string {
	host, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	return map[string]string{"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port, FolderVariable: s.folder}[name]
}

func (s *apiServer) client(t *testing.T) *Client {
	t.Helper()
	config, err := InCluster(s.getenv)
	if err != nil {
		t.Fatal(err)
	}
	c := New(config)
	c.options.Wait = time.Millisecond
	return c
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.lock.Lock()
	defer s.lock.Unlock()
	s.requests, s.bodies = append(s.requests, r), append(s.bodies, string(body))
	code, text := http.StatusOK, partial(r.URL.Path)
	if s.answer != nil {
		code, text = s.answer(len(s.requests))
		text = strings.ReplaceAll(text, "OBJECT", partial(r.URL.Path))
	}
	if code == 0 { // the text is all that is sent
		connection, _, _ := w.(http.Hijacker).Hijack()
		io.WriteString(connection, text)
		connection.Close()
		return
	}
	if code == http.StatusTemporaryRedirect {
		w.Header().Set("Location", "https://elsewhere.test/")
	}
	if code == http.StatusForbidden {
		w.Header().Set("Audit-Id", "6c2525b6-42ce-4cfe-8170-6d4d2d90458c")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	io.WriteString(w, text)
}

// partial is what an API server answers to the Accept of Apply.
func partial(path string) string {
	parts := strings.Split(path, "/") // "", api, v1, namespaces, NAMESPACE, secrets, NAME
	if len(parts) != 7 {
		return "{}"
	}
	return fmt.Sprintf(`{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":%q,"namespace":%q,"resourceVersion":"1"}}`, parts[6], parts[4])
}

// failure is a Status, with causes of REASON|MESSAGE|FIELD.
func failure(code int, reason, message, kind string, causes ...string) string {
	type object = map[string]any
	list := []object{}
	for _, c := range causes {
		parts := strings.Split(c, "|")
		list = append(list, object{"reason": parts[0], "message": parts[1], "field": parts[2]})
	}
	text, _ := json.Marshal(object{
		"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason,
		"details": object{"name": "regcred", "kind": kind, "causes": list}, "code": code,
	})
	return string(text)
}

// token has the form of one of a service account.
func token(ends time.Time) string {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return part(`{"alg":"RS256"}`) + "." + part(fmt.Sprintf(`{"exp":%d,"sub":"system:serviceaccount:team:jet"}`, ends.Unix())) + "." + part(canary)
}

func regcred(more ...dockercfg.Entry) Secret {
	return Secret{Name: "regcred", Entries: append([]dockercfg.Entry{
		{Registry: "registry.test:5000", Username: "AWS", Password: dockercfg.NewSecret(canary), Email: "a@example.test"},
	}, more...)}
}

// TestApply looks at the one request that writes a Secret.
func TestApply(t *testing.T) {
	s := startServer(t)
	c := s.client(t)
	hub := dockercfg.Entry{Registry: "docker.io", Username: "bob", Password: dockercfg.NewSecret("hunter2")}
	if _, err := c.Apply(t.Context(), regcred(hub)); err != nil {
		t.Fatal(err)
	}
	other := regcred(hub)
	other.Namespace, other.Name, other.Force = "jobs", "pull.secret", true
	if _, err := c.Apply(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if len(s.requests) != 2 {
		t.Fatalf("%d requests, want 2", len(s.requests))
	}
	for i, want := range []string{
		"/api/v1/namespaces/team/secrets/regcred?fieldManager=jet",
		"/api/v1/namespaces/jobs/secrets/pull.secret?fieldManager=jet&force=true",
	} {
		r := s.requests[i]
		if r.Method != http.MethodPatch || r.URL.RequestURI() != want {
			t.Errorf("it sent %s %s, want PATCH %s", r.Method, r.URL.RequestURI(), want)
		}
		if got := r.Header.Get("Content-Type"); got != "application/apply-patch+yaml" {
			t.Errorf("Content-Type %q", got)
		}
		if got := r.Header.Get("Accept"); !strings.Contains(got, "as=PartialObjectMetadata") {
			t.Errorf("Accept %q would have the Secret sent back", got)
		}
		text, err := os.ReadFile(filepath.Join(s.folder, "token"))
		if got := r.Header.Get("Authorization"); err != nil || got != "Bearer "+strings.TrimSpace(string(text)) {
			t.Errorf("Authorization is not the token (%v)", err)
		}
		file, err := read.Parse([]byte(s.bodies[i]))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range other.Entries {
			got, found, err := file.Lookup(e.Registry)
			if err != nil || !found || got.Username != e.Username || got.Password != e.Password {
				t.Errorf("%s: got %v, %v, %v", e.Registry, got, found, err)
			}
		}
	}
	if !strings.Contains(s.bodies[0], "\n  name: \"regcred\"\n  namespace: \"team\"\ntype: kubernetes.io/dockerconfigjson\n") {
		t.Errorf("it sent %s", strings.ReplaceAll(s.bodies[0], canary, "…"))
	}

	// The same credentials make the same bytes, in whatever order they come.
	turned := regcred(hub)
	turned.Entries[0], turned.Entries[1] = turned.Entries[1], turned.Entries[0]
	if _, err := c.Apply(t.Context(), turned); err != nil || s.bodies[2] != s.bodies[0] {
		t.Errorf("in another order it sends other bytes, %v", err)
	}
}

// TestChanged has a Secret that changes now and then, or is somebody else's in between.
func TestChanged(t *testing.T) {
	s := startServer(t)
	c := s.client(t)
	version := 0
	s.answer = func(int) (int, string) {
		return 200, fmt.Sprintf(`{"metadata":{"name":"regcred","namespace":"team","resourceVersion":"%d"}}`, version)
	}
	for i, step := range []struct {
		version int
		want    bool
	}{{1, true}, {1, false}, {2, true}, {2, false}} {
		version = step.version
		if changed, err := c.Apply(t.Context(), regcred()); err != nil || changed != step.want {
			t.Errorf("step %d: changed is %v, want %v (%v)", i, changed, step.want, err)
		}
	}
}

// TestKeep has a registry whose credential cannot be had: what the Secret has stays.
func TestKeep(t *testing.T) {
	login := func(registry, password string) dockercfg.Entry {
		return dockercfg.Entry{Registry: registry, Username: "bob", Password: dockercfg.NewSecret(password)}
	}
	secret := func(entries ...dockercfg.Entry) string {
		file, err := dockercfg.New()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if err := file.Add(e); err != nil {
				t.Fatal(err)
			}
		}
		text, err := file.EncodeAs(dockercfg.Output{Form: dockercfg.Config})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`{"kind":"Secret","apiVersion":"v1","metadata":{"name":"regcred","namespace":"team"},"type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":%q}}`,
			base64.StdEncoding.EncodeToString(text))
	}
	for label, c := range map[string]struct {
		code int
		body string
		want string // REGISTRY=PASSWORD of what is written; "" for an error
	}{
		"there":           {200, secret(login("quay.io", "old"), login("gone.test", "old"), login("registry.test:5000", "old")), "quay.io=old registry.test:5000=" + canary},
		"with a token":    {200, secret(dockercfg.Entry{Registry: "quay.io", IdentityToken: dockercfg.NewSecret("t")}), "registry.test:5000=" + canary},
		"without it":      {200, secret(login("gone.test", "old")), "registry.test:5000=" + canary},
		"not there":       {404, failure(404, "NotFound", `secrets "regcred" not found`, "secrets"), "registry.test:5000=" + canary},
		"of another type": {200, `{"kind":"Secret","apiVersion":"v1","metadata":{"name":"regcred"},"type":"Opaque","data":{"a":"eA=="}}`, "registry.test:5000=" + canary},
		"damaged":         {200, `{"kind":"Secret","apiVersion":"v1","type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"eA=="}}`, "registry.test:5000=" + canary},
		"out of order":    {500, failure(500, "InternalError", "", ""), ""},
		"too long":        {200, `{"kind":"` + strings.Repeat("x", 2<<20) + `"}`, ""},
	} {
		s := startServer(t)
		s.answer = func(try int) (int, string) {
			if s.requests[try-1].Header.Get("Content-Type") == "application/merge-patch+json" {
				if s.bodies[try-1] != "{}" || strings.Contains(s.requests[try-1].Header.Get("Accept"), "Partial") {
					t.Errorf("%s: it asked with %q", label, s.bodies[try-1])
				}
				return c.code, c.body
			}
			return 200, "OBJECT"
		}
		wanted := regcred()
		wanted.Keep = []string{"quay.io", "registry.test:5000", "none.test"}
		_, err := s.client(t).Apply(t.Context(), wanted)
		last := s.requests[len(s.requests)-1]
		if c.want == "" {
			if err == nil || last.Header.Get("Content-Type") != "application/merge-patch+json" {
				t.Errorf("%s: it wrote a Secret without knowing what to keep (%v)", label, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", label, err)
			continue
		}
		file, err := read.Parse([]byte(s.bodies[len(s.bodies)-1]))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range file.Entries() {
			got = append(got, e.Registry+"="+e.Password.Reveal())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: it wrote %q, want %q", label, got, c.want)
		}
	}
}

// TestNothingIsSent has Secrets that an API server or the kubelet would not read.
func TestNothingIsSent(t *testing.T) {
	s := startServer(t)
	entry := func(e dockercfg.Entry) []dockercfg.Entry {
		e.Registry = "quay.io"
		return []dockercfg.Entry{e}
	}
	for label, c := range map[string]struct {
		secret Secret
		want   string
	}{
		"no entry":       {Secret{Name: "a"}, "Secret team/a: it cannot be made: there is no credential to write"},
		"identity token": {Secret{Name: "a", Entries: entry(dockercfg.Entry{IdentityToken: dockercfg.NewSecret(canary)})}, `tokens, which these entries have: ["quay.io"]`},
		"registry token": {Secret{Name: "a", Entries: entry(dockercfg.Entry{RegistryToken: dockercfg.NewSecret(canary)})}, "no place for"},
		"no user":        {Secret{Name: "a", Entries: entry(dockercfg.Entry{Password: dockercfg.NewSecret(canary)})}, "the user name is empty"},
		"no name":        {Secret{Entries: regcred().Entries}, "Name: it is empty"},
		"bad name":       {Secret{Name: "../pods/x", Entries: regcred().Entries}, "Name: it"},
		"bad namespace":  {Secret{Name: "a", Namespace: "a.b", Entries: regcred().Entries}, "Namespace: it"},
		"two users": {regcred(dockercfg.Entry{Registry: "https://registry.test:5000/", Username: "bob", Password: dockercfg.NewSecret(canary + "2")}),
			"registry.test:5000"},
		"too long": {Secret{Name: "a", Entries: entry(dockercfg.Entry{Username: "bob", Password: dockercfg.NewSecret(strings.Repeat("x", 1<<20))})}, "a Kubernetes Secret at most 1048576"},
	} {
		_, err := s.client(t).Apply(t.Context(), c.secret)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Reason != Unusable || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: got %v, want %q", label, err, c.want)
		}
	}
	if len(s.requests) != 0 {
		t.Errorf("%d requests were sent", len(s.requests))
	}
}

// TestRefusals has the answers of an API server, as kube-apiserver 1.35 gives them, and
// of others that stand in its place.
func TestRefusals(t *testing.T) {
	const account = `User "system:serviceaccount:team:jet" cannot `
	type try = func(int) (int, string)
	always := func(code int, body string) try { return func(int) (int, string) { return code, body } }
	_, manifest, err := regcred().encode()
	if err != nil {
		t.Fatal(err)
	}
	_, inBase64, _ := strings.Cut(string(manifest), ".dockerconfigjson: ")
	inBase64, _, _ = strings.Cut(inBase64, "\n")
	for label, c := range map[string]struct {
		answer try
		reason Reason
		want   string // in the error
		hint   string // in the advice
		tries  int
	}{
		"may not patch": {
			always(403, failure(403, "Forbidden", `secrets "regcred" is forbidden: `+account+`patch resource "secrets" in API group "" in the namespace "team"`, "secrets")),
			Forbidden, "system:serviceaccount:team:jet may not patch the Secret regcred in the namespace team, or there is no such namespace",
			"kubectl --namespace team create role jet-regcred --verb=create,patch --resource=secrets --resource-name=regcred", 1,
		},
		"may not create": {
			always(403, failure(403, "Forbidden", `secrets "regcred" is forbidden: `+account+`create resource "secrets" in API group "" in the namespace "team": RBAC: role.rbac.authorization.k8s.io "x" not found`, "secrets")),
			Forbidden, "may not create the Secret", "create rolebinding jet-regcred --role=jet-regcred --serviceaccount=team:jet", 1,
		},
		"a user that is none": {
			always(403, failure(403, "Forbidden", `secrets "regcred" is forbidden: User "x; rm -rf" cannot create resource "secrets"`, "secrets")),
			Forbidden, "the API server forbids it", "", 1,
		},
		"quota": {
			always(403, failure(403, "Forbidden", `secrets "regcred" is forbidden: exceeded quota: q, requested: secrets=1, used: secrets=1, limited: secrets=1`, "secrets")),
			Forbidden, "exceeded quota: q, requested: secrets=1, used: secrets=1, limited: secrets=1 (request 6c2525b6-42ce-4cfe-8170-6d4d2d90458c)", "", 1,
		},
		"a policy that repeats what it was sent": {
			always(403, failure(403, "Forbidden", `admission webhook "w" denied the request: do not send `+canary, "secrets")),
			Forbidden, "the API server forbids it: ", "", 1,
		},
		"no namespace": {
			always(404, failure(404, "NotFound", `namespaces "team" not found`, "namespaces")),
			NoNamespace, "there is no namespace team", "kubectl create namespace team", 1,
		},
		"no API server": {always(404, "404 page not found"), Refused, "this is no API server", "", 1},
		"of others": {
			always(409, failure(409, "Conflict", `Apply failed with 1 conflict`, "", `FieldManagerConflict|conflict with "kubectl-create" using v1|.data..dockerconfigjson`)),
			Conflict, "another field manager owns .data..dockerconfigjson: kubectl-create", "force: true", 1,
		},
		"of two others": {
			always(409, failure(409, "Conflict", `Apply failed with 3 conflicts`, "",
				`FieldManagerConflict|conflict with "helm" with subresource "x" using v1 at 2026-11-24T12:00:00Z|.data..dockerconfigjson`,
				`FieldManagerConflict|conflict with "kubectl-create"|.type`, `FieldManagerConflict|conflict with "helm" using v1|.type`)),
			Conflict, "another field manager owns .data..dockerconfigjson and .type: helm and kubectl-create", "--show-managed-fields", 1,
		},
		"of one without a name": {
			always(409, failure(409, "Conflict", "", "", "FieldManagerConflict|<script>|a b")),
			Conflict, "another field manager owns its content: one without a name", "", 1,
		},
		"changed twice in the same moment": {
			func(n int) (int, string) {
				if n < 3 {
					return 409, failure(409, "Conflict", "the object has been modified", "secrets")
				}
				return 200, "OBJECT"
			}, 0, "", "", 3,
		},
		"changed all the time": {
			always(409, failure(409, "Conflict", "the object has been modified; please apply your changes to the latest version and try again", "secrets")),
			Changed, "others change it all the time", "", 3,
		},
		"another type": {
			always(422, failure(422, "Invalid", `Secret "regcred" is invalid: type: Invalid value: "x": field is immutable`, "Secret", `FieldValueInvalid|field is immutable|type`)),
			Immutable, "it exists with another type", "kubectl --namespace team delete secret regcred", 1,
		},
		"invalid": {
			always(422, failure(422, "Invalid", `Secret "regcred" is invalid: data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": invalid character`, "Secret", `FieldValueInvalid|x|data[.dockerconfigjson]`)),
			Refused, "the API server refuses it: ", "", 1,
		},
		"no server-side apply": {always(415, failure(415, "UnsupportedMediaType", "the body of the request was in an unknown format", "")), Refused, "does not know server-side apply", "", 1},
		"busy once": {
			func(n int) (int, string) {
				if n == 1 {
					return 429, failure(429, "TooManyRequests", "too many", "")
				}
				return 201, "OBJECT"
			}, 0, "", "", 2,
		},
		"out of order":            {always(503, "no endpoints available for service "+canary), Busy, "the API server is busy or out of order: 127.0.0.1", "", 4},
		"storage is away":         {always(500, failure(500, "InternalError", "etcdserver: request timed out", "")), Busy, "etcdserver: request timed out", "", 4},
		"a web page":              {always(200, "<html>"+canary), Unusable, "this is no API server: the answer of 127.0.0.1", "", 1},
		"another object":          {always(200, `{"kind":"PartialObjectMetadata","metadata":{"name":"other","namespace":"team"}}`), Unusable, "is not about it", "", 1},
		"another answer":          {always(200, `{}`), Unusable, "is not about it", "", 1},
		"a redirect":              {always(307, ""), Unreachable, "redirect to elsewhere.test", "", 1},
		"an echo of the user":     {always(403, failure(403, "Forbidden", `User "`+canary+`" cannot patch resource "secrets"`, "secrets")), Forbidden, "the API server forbids it", "", 1},
		"an echo of the reason":   {always(403, failure(403, canary, "", "secrets")), Forbidden, "the API server forbids it", "", 1},
		"an echo of the manager":  {always(409, failure(409, "Conflict", "", "secrets", `FieldManagerConflict|conflict with "`+canary+`" using v1|`+canary)), Conflict, "owns its content: one without a name", "", 1},
		"an echo in base64":       {always(422, failure(422, "Invalid", inBase64, "secrets")), Refused, "the API server refuses it: 127.0.0.1", "", 1},
		"an echo of user and all": {always(422, failure(422, "Invalid", base64.StdEncoding.EncodeToString([]byte("AWS:"+canary)), "secrets")), Refused, "the API server refuses it: 127.0.0.1", "", 1},
		"an echo as the protocol": {always(0, "HTTP/"+canary+" 200 OK\r\n\r\n"), Unreachable, "holds a secret", "", 1},
		"an answer of 10 MiB":     {always(200, `{"kind":"`+strings.Repeat("x", 10<<20)), Unreachable, "is over 1024 KiB long", "", 1},
		"a status of 10 MiB":      {always(403, strings.Repeat("x", 10<<20)), Unreachable, "is over 1024 KiB long", "", 1},
		"a status that is none":   {always(400, `{"message": ["`+canary+`"]}`), Refused, "the API server refuses it: 127.0.0.1", "", 1},
	} {
		t.Run(label, func(t *testing.T) {
			s := startServer(t)
			s.answer = c.answer
			_, err := s.client(t).Apply(t.Context(), regcred())
			if len(s.requests) != c.tries {
				t.Errorf("it asked %d times, want %d", len(s.requests), c.tries)
			}
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("got %v, want an *Error", err)
			}
			text, hints := err.Error(), strings.Join(e.Advice(), "\n")
			if e.Reason != c.reason || !strings.HasPrefix(text, "Secret team/regcred: ") || !strings.Contains(text, c.want) || !strings.Contains(hints, c.hint) {
				t.Errorf("got reason %d and %q\n%s\nwant reason %d, %q and %q", e.Reason, text, hints, c.reason, c.want, c.hint)
			}
			if strings.Contains(text+hints, inBase64[:16]) || strings.Contains(text+hints, base64.StdEncoding.EncodeToString([]byte("AWS:"+canary))) {
				t.Errorf("it shows a secret in base64: %q %q", text, hints)
			}
			if strings.Contains(text+hints, canary) || strings.Contains(fmt.Sprintf("%+v", err), canary) {
				t.Errorf("it shows a secret: %q %q", text, hints)
			}
			if strings.Contains(text, "\n") {
				t.Errorf("it is of several lines: %q", text)
			}
		})
	}
}

// TestToken has a token that ends, and one that is replaced in time.
func TestToken(t *testing.T) {
	for label, c := range map[string]struct {
		token, want, hint string
		replaced          string // "" to leave it
		tries             int
	}{
		"ended":               {token(time.Now().Add(-time.Hour)), "which ended 1h0m", "subPath", "", 1},
		"of another cluster":  {token(time.Now().Add(time.Hour)), "though it has not ended", "kubectl auth whoami", "", 1},
		"without an end":      {"a." + base64.RawURLEncoding.EncodeToString([]byte("{}")) + ".c", "though it has not ended", "", "", 1},
		"no token":            {canary, "which is no token of a service account", "", "", 1},
		"no token, in parts":  {"a.b.c", "which is no token of a service account", "", "", 1},
		"replaced meanwhile":  {token(time.Now().Add(-time.Hour)), "", "", "good", 2},
		"replaced by another": {token(time.Now().Add(-time.Hour)), "does not accept the token", "", token(time.Now().Add(-time.Minute)), 2},
	} {
		t.Run(label, func(t *testing.T) {
			s := startServer(t)
			s.write(t, "token", c.token)
			s.answer = func(try int) (int, string) {
				if s.requests[try-1].Header.Get("Authorization") == "Bearer good" {
					return 200, "OBJECT"
				}
				if c.replaced != "" {
					s.write(t, "token", c.replaced)
				}
				return 401, failure(401, "Unauthorized", "Unauthorized", "")
			}
			_, err := s.client(t).Apply(t.Context(), regcred())
			if len(s.requests) != c.tries {
				t.Errorf("it asked %d times, want %d", len(s.requests), c.tries)
			}
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Reason != Unauthorized || !strings.Contains(err.Error(), c.want) || !strings.Contains(strings.Join(e.Advice(), "\n"), c.hint) {
				t.Fatalf("got %v, %q, want %q, %q", err, e, c.want, c.hint)
			}
			if strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), c.token) {
				t.Errorf("it shows the token: %v", err)
			}
		})
	}
}

// TestRotation has what a pod lives to see: another token, and other authorities.
func TestRotation(t *testing.T) {
	s := startServer(t)
	c := s.client(t)
	if _, err := c.Apply(t.Context(), regcred()); err != nil {
		t.Fatal(err)
	}
	s.write(t, "token", "second")
	if _, err := c.Apply(t.Context(), regcred()); err != nil {
		t.Fatal(err)
	}
	if got := s.requests[1].Header.Get("Authorization"); got != "Bearer second" {
		t.Error("it sent the old token")
	}
	authority, err := os.ReadFile(filepath.Join(s.folder, "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	other := newAuthority(t)
	s.write(t, "ca.crt", other)
	_, err = c.Apply(t.Context(), regcred())
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Reason != Unreachable || !strings.Contains(err.Error(), "certificate") || !strings.Contains(strings.Join(e.Advice(), ""), "ca.crt has to hold") {
		t.Errorf("another authority: got %v", err)
	}
	s.write(t, "ca.crt", other+string(authority))
	if _, err := c.Apply(t.Context(), regcred()); err != nil {
		t.Errorf("both authorities: %v", err)
	}
}

// newAuthority makes the certificate of an authority that signed nothing.
func newAuthority(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestSetUp(t *testing.T) {
	for label, c := range map[string]struct {
		remove, empty string
		want, hint    string
	}{
		"no namespace file": {"namespace", "", "namespace", "automountServiceAccountToken: true"},
		"no token":          {"token", "", "Secret team/regcred: the service account cannot be used: open ", FolderVariable},
		"no authorities":    {"ca.crt", "", "ca.crt", "automountServiceAccountToken: true"},
		"empty token":       {"", "token", "token is empty", ""},
		"empty namespace":   {"", "namespace", "namespace is empty", ""},
		"empty authorities": {"", "ca.crt", "ca.crt is empty", ""},
	} {
		s := startServer(t)
		if c.remove != "" {
			os.Remove(filepath.Join(s.folder, c.remove))
		} else {
			s.write(t, c.empty, " \n")
		}
		config, err := InCluster(s.getenv)
		if err == nil {
			_, err = New(config).Apply(t.Context(), regcred())
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Reason != Unusable || !strings.Contains(err.Error(), c.want) || !strings.Contains(strings.Join(e.Advice(), ""), c.hint) {
			t.Errorf("%s: got %v, %v", label, err, ok)
		}
	}
	s := startServer(t)
	_, err := InCluster(func(string) string { return "" })
	e, ok := errors.AsType[*Error](err)
	if !ok || !strings.Contains(err.Error(), "not a pod") || len(e.Advice()) != 2 {
		t.Errorf("outside: got %v", err)
	}
	config, err := InCluster(func(name string) string {
		return map[string]string{"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443", FolderVariable: s.folder}[name]
	})
	if err != nil || config.Address != "[fd00::1]:443" {
		t.Errorf("IPv6: got %q, %v", config.Address, err)
	}
	config.Address = "a b"
	if _, err := New(config).Apply(t.Context(), regcred()); err == nil || !strings.Contains(err.Error(), "are no address") {
		t.Errorf("an address that is none: got %v", err)
	}
	s.write(t, "ca.crt", "-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n")
	if _, err := s.client(t).Apply(t.Context(), regcred()); err == nil || !strings.Contains(err.Error(), "holds no certificate") {
		t.Errorf("a damaged authority: got %v", err)
	}
}

// TestAway asks an API server that is not there, and one that says nothing.
func TestAway(t *testing.T) {
	s := startServer(t)
	c := s.client(t)
	block := make(chan struct{})
	s.answer = func(int) (int, string) { <-block; return 200, "OBJECT" }
	for label, want := range map[string]error{"deadline": context.DeadlineExceeded, "canceled": context.Canceled} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if want == context.Canceled {
			ctx, cancel = context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, cancel)
		}
		_, err := c.Apply(ctx, regcred())
		cancel()
		_, own := errors.AsType[*Error](err)
		if !errors.Is(err, want) || !own {
			t.Errorf("%s: got %v", label, err)
		}
	}
	close(block)
	s.Close()
	_, err := c.Apply(t.Context(), regcred())
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Reason != Unreachable || !strings.Contains(err.Error(), "Secret team/regcred: the API server cannot be asked: 127.0.0.1:") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("closed: got %v", err)
	}
}

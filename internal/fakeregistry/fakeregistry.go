// Package fakeregistry stands in for a container registry and its token server, in
// tests alone: the parts of the OCI distribution specification and of the token
// specification of distribution/distribution that tell whether credentials work.
package fakeregistry

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Registry is an http.Handler. Its fields are set before it is used.
type Registry struct {
	// Users have these passwords. Without users it asks nobody for one.
	Users map[string]string
	// Tokens makes it want tokens, which its path /token gives, and not passwords.
	Tokens bool
	// Realm is where it sends callers for a token; "" for its own /token.
	Realm string
	// IdentityTokens are good for a user each, by POST to /token.
	IdentityTokens map[string]string
	// NoPost makes /token answer POST with 404.
	NoPost bool
	// RegistryToken is a token that is good for everything, as it is.
	RegistryToken string
	// Repositories have these tags.
	Repositories map[string][]string
	// Readers and Writers are who may pull from a repository and push to it; without an
	// entry everybody may.
	Readers, Writers map[string][]string
	// NoCatalog makes it answer 404 for the catalog.
	NoCatalog bool
	// CatalogUsers may read the catalog; everybody if it is nil.
	CatalogUsers []string
	// Absolute makes it write whole addresses into Link and Location.
	Absolute bool
	// ReadOnly makes it take no uploads, and KeepUploads cancel none.
	ReadOnly, KeepUploads bool
	// Life is how many requests a token is good for; 0 for any number. What is over is
	// answered with Stale, or 401 if that is 0.
	Life, Stale int
	// Delay is how long each answer takes.
	Delay time.Duration

	mutex   sync.Mutex
	issued  map[string]*grant
	uploads map[string]string // repository by id
	log     []string
}

// A grant is what a token is good for.
type grant struct {
	user  string
	scope []string // repository:NAME:ACTION, with one action each
	used  int
}

// Requests gives the requests so far: method, path and query, and the scheme of the
// credentials in them.
func (r *Registry) Requests() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return slices.Clone(r.log)
}

// Uploads gives how many uploads have been begun and not cancelled.
func (r *Registry) Uploads() int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return len(r.uploads)
}

func (r *Registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	select {
	case <-time.After(r.Delay):
	case <-q.Context().Done():
		return
	}
	scheme, _, _ := strings.Cut(q.Header.Get("Authorization"), " ")
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.log = append(r.log, strings.TrimSpace(q.Method+" "+q.URL.RequestURI()+" "+scheme))
	if q.URL.Path == "/token" {
		r.token(w, q)
		return
	}
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	path, ok := strings.CutPrefix(q.URL.Path, "/v2/")
	name, action := "", "pull"
	switch {
	case !ok:
		http.NotFound(w, q)
	case path == "":
		if r.authorized(w, q, "") {
			fmt.Fprint(w, "{}")
		}
	case path == "_catalog":
		if r.authorized(w, q, "registry:catalog:*") {
			r.catalog(w, q)
		}
	case strings.HasSuffix(path, "/tags/list"):
		name = strings.TrimSuffix(path, "/tags/list")
		if r.authorized(w, q, "repository:"+name+":"+action) {
			r.tags(w, name)
		}
	case strings.Contains(path, "/manifests/"):
		name, tag, _ := strings.Cut(path, "/manifests/")
		if r.authorized(w, q, "repository:"+name+":"+action) && !slices.Contains(r.Repositories[name], tag) {
			refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
		}
	case strings.Contains(path, "/blobs/uploads/"):
		name, id, _ := strings.Cut(path, "/blobs/uploads/")
		if r.authorized(w, q, "repository:"+name+":push") {
			r.upload(w, q, name, id)
		}
	default:
		http.NotFound(w, q)
	}
}

// refuse answers as registries do.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{{"code": code, "message": message}}})
}

// authorized checks the credentials of a request for a scope, and answers if they are
// not good for it.
func (r *Registry) authorized(w http.ResponseWriter, q *http.Request, scope string) bool {
	if r.Users == nil && r.RegistryToken == "" {
		return true
	}
	challenge := `Basic realm="fake"`
	if r.Tokens {
		realm := r.Realm
		if realm == "" {
			realm = origin(q) + "/token"
		}
		challenge = fmt.Sprintf(`Bearer realm=%q,service="fake"`, realm)
		if scope != "" {
			challenge += fmt.Sprintf(",scope=%q", scope)
		}
	}
	unauthorized := func(status int) bool {
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", challenge)
		}
		refuse(w, status, "UNAUTHORIZED", "authentication required")
		return false
	}
	if !r.Tokens {
		user, password, ok := q.BasicAuth()
		want, known := r.Users[user]
		switch {
		case !ok || !known || password != want:
			return unauthorized(http.StatusUnauthorized)
		case !r.may(user, scope):
			refuse(w, http.StatusForbidden, "DENIED", "requested access to the resource is denied")
			return false
		}
		return true
	}
	token, ok := strings.CutPrefix(q.Header.Get("Authorization"), "Bearer ")
	if ok && token == r.RegistryToken && token != "" {
		return true
	}
	g := r.issued[token]
	if !ok || g == nil || scope != "" && !slices.Contains(g.scope, scope) {
		return unauthorized(http.StatusUnauthorized)
	}
	if g.used++; r.Life > 0 && g.used > r.Life {
		if r.Stale != 0 {
			return unauthorized(r.Stale)
		}
		return unauthorized(http.StatusUnauthorized)
	}
	return true
}

func origin(q *http.Request) string {
	if q.TLS != nil {
		return "https://" + q.Host
	}
	return "http://" + q.Host
}

// may reports whether a user has a right: repository:NAME:ACTION.
func (r *Registry) may(user, right string) bool {
	parts := strings.Split(right, ":")
	switch {
	case right == "":
		return true
	case parts[0] == "registry":
		return r.CatalogUsers == nil || slices.Contains(r.CatalogUsers, user)
	}
	users, limited := r.Readers[parts[1]]
	if parts[2] != "pull" {
		users, limited = r.Writers[parts[1]]
	}
	return !limited || slices.Contains(users, user)
}

// token gives a token for the part of the scopes that a user has a right to.
func (r *Registry) token(w http.ResponseWriter, q *http.Request) {
	user := ""
	if q.Method == http.MethodPost {
		if r.NoPost {
			http.NotFound(w, q)
			return
		}
		q.ParseForm()
		if user = r.IdentityTokens[q.PostForm.Get("refresh_token")]; user == "" || q.PostForm.Get("grant_type") != "refresh_token" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"invalid_grant","error_description":"the refresh token is not known"}`)
			return
		}
	} else {
		name, password, ok := q.BasicAuth()
		if want, known := r.Users[name]; !ok || (!known || password != want) && (r.IdentityTokens[password] == "" || !r.NoPost) {
			w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"details":"incorrect username or password"}`)
			return
		}
		user = name
	}
	g := &grant{user: user}
	for _, scope := range q.Form["scope"] {
		g.add(r, scope)
	}
	for _, scope := range q.URL.Query()["scope"] {
		g.add(r, scope)
	}
	token := rand.Text()
	if r.issued == nil {
		r.issued = make(map[string]*grant)
	}
	r.issued[token] = g
	name := "token"
	if q.Method == http.MethodPost || len(r.issued)%2 == 0 {
		name = "access_token"
	}
	json.NewEncoder(w).Encode(map[string]any{name: token, "expires_in": 300})
}

func (g *grant) add(r *Registry, scopes string) {
	for scope := range strings.FieldsSeq(scopes) {
		at := strings.LastIndexByte(scope, ':')
		for action := range strings.SplitSeq(scope[at+1:], ",") {
			if right := scope[:at+1] + action; r.may(g.user, right) {
				g.scope = append(g.scope, right)
			}
		}
	}
}

func (r *Registry) catalog(w http.ResponseWriter, q *http.Request) {
	if r.NoCatalog {
		refuse(w, http.StatusNotFound, "UNSUPPORTED", "there is no catalog")
		return
	}
	names := []string{}
	for name := range r.Repositories {
		names = append(names, name)
	}
	sort.Strings(names)
	if last := q.URL.Query().Get("last"); last != "" {
		names = names[sort.SearchStrings(names, last)+1:]
	}
	n, err := strconv.Atoi(q.URL.Query().Get("n"))
	if err == nil && n < len(names) {
		names = names[:n]
		next := fmt.Sprintf("/v2/_catalog?last=%s&n=%d", names[n-1], n)
		if r.Absolute {
			next = origin(q) + next
		}
		w.Header().Set("Link", "<"+next+`>; rel="next"`)
	}
	json.NewEncoder(w).Encode(map[string]any{"repositories": names})
}

func (r *Registry) tags(w http.ResponseWriter, name string) {
	tags, ok := r.Repositories[name]
	if !ok {
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", "repository name not known to registry")
		return
	}
	json.NewEncoder(w).Encode(map[string]any{"name": name, "tags": tags})
}

func (r *Registry) upload(w http.ResponseWriter, q *http.Request, name, id string) {
	switch {
	case r.ReadOnly:
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "the registry is read-only")
	case q.Method == http.MethodPost:
		if r.uploads == nil {
			r.uploads = make(map[string]string)
		}
		id := rand.Text()
		r.uploads[id] = name
		location := "/v2/" + name + "/blobs/uploads/" + id + "?_state=x"
		if r.Absolute {
			location = origin(q) + location
		}
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusAccepted)
	case q.Method == http.MethodDelete && r.uploads[id] == name && !r.KeepUploads:
		delete(r.uploads, id)
		w.WriteHeader(http.StatusNoContent)
	default:
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "not here")
	}
}

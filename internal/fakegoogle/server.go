package fakegoogle

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dockercfg/jet/internal/fakeaws"
)

// Scope is what tokens for registries are usually asked for.
const Scope = "https://www.googleapis.com/auth/cloud-platform"

// Server is the stand-in. Its exported fields may be changed until the first request.
type Server struct {
	// URL is where it listens, on loopback, without a slash at the end.
	URL string
	// Now is its clock, which answers show in their header Date.
	Now func() time.Time
	// Token makes the access tokens; each must be another one unless a test knows better.
	Token func() string
	// Life is how long access tokens last.
	Life time.Duration
	// Fault answers a request in place of the server if it returns true.
	Fault func(w http.ResponseWriter, r *http.Request) bool
	// Audiences are accepted in assertions, beside the address of the token endpoint.
	Audiences []string
	// Attached is the service account of the metadata server, "" for none.
	Attached string
	// AWS knows who signed a request to Amazon, and gives keys to machines there.
	AWS fakeaws.AWS

	server *httptest.Server

	mutex    sync.Mutex
	keys     map[string]*Key         // of service accounts, by id
	users    map[string]User         // by refresh token
	issuers  map[string]*Issuer      // of subject tokens, by name
	pools    map[string]bool         // workload identity providers, as audiences
	mayActAs map[string][]string     // principals that may become a service account
	issued   map[string]*accessToken // by token
	requests []Request
}

// accessToken is one that was given out.
type accessToken struct {
	principal string
	expires   time.Time
}

// Request is what a client asked for.
type Request struct {
	Method, Path string
	Form         map[string]string // of a token request
}

// NewServer starts a server on loopback.
func NewServer() *Server {
	s := &Server{
		Now:      time.Now,
		Token:    func() string { return "ya29.c." + random(32) },
		Life:     time.Hour,
		keys:     make(map[string]*Key),
		users:    make(map[string]User),
		issuers:  make(map[string]*Issuer),
		pools:    make(map[string]bool),
		mayActAs: make(map[string][]string),
		issued:   make(map[string]*accessToken),
	}
	s.server = httptest.NewServer(s)
	s.URL = s.server.URL
	return s
}

// Close ends the server, and waits for no request.
func (s *Server) Close() {
	s.server.CloseClientConnections()
	s.server.Close()
}

// TokenURI is the address of the token endpoint, as it stands in a key.
func (s *Server) TokenURI() string { return s.URL + "/token" }

// STSURI is the address of the Security Token Service.
func (s *Server) STSURI() string { return s.URL + "/v1/token" }

// ImpersonationURI is the address at which tokens of a service account are made.
func (s *Server) ImpersonationURI(email string) string {
	return s.URL + "/v1/projects/-/serviceAccounts/" + email + ":generateAccessToken"
}

// MetadataHost is what GCE_METADATA_HOST has to be.
func (s *Server) MetadataHost() string { return strings.TrimPrefix(s.URL, "http://") }

// Requests gives what was asked for so far.
func (s *Server) Requests() []Request {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.requests)
}

// Principal gives who a token was given to, "" if it is none of this server or dead.
func (s *Server) Principal(token string) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.principal(token)
}

func (s *Server) principal(token string) string {
	if t := s.issued[token]; t != nil && s.Now().Before(t.expires) {
		return t.principal
	}
	return ""
}

// Allow lets a principal make tokens of a service account, as the role Service
// Account Token Creator does.
func (s *Server) Allow(principal, serviceAccount string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.mayActAs[serviceAccount] = append(s.mayActAs[serviceAccount], principal)
}

// ServeHTTP answers all that the server is asked.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	w.Header().Set("Date", s.Now().UTC().Format(http.TimeFormat))
	request := Request{Method: r.Method, Path: r.URL.Path, Form: make(map[string]string)}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") && r.ParseForm() == nil {
		for name := range r.PostForm {
			request.Form[name] = r.PostForm.Get(name)
		}
	}
	s.mutex.Lock()
	s.requests = append(s.requests, request)
	s.mutex.Unlock()
	if s.Fault != nil && s.Fault(w, r) {
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	switch {
	case r.URL.Path == "/token":
		s.token(w, r)
	case r.URL.Path == "/v1/token":
		s.exchange(w, r)
	case strings.HasPrefix(r.URL.Path, "/v1/projects/-/serviceAccounts/"):
		s.generateAccessToken(w, r)
	case strings.HasPrefix(r.URL.Path, "/computeMetadata/"):
		s.metadata(w, r)
	case r.URL.Path == "/subject":
		s.subject(w, r)
	case strings.HasPrefix(r.URL.Path, "/latest/"):
		s.AWS.ServeHTTP(w, r)
	default:
		http.NotFound(w, r)
	}
}

// issue makes a token for a principal.
func (s *Server) issue(principal string) (token string, life time.Duration) {
	token = s.Token()
	s.issued[token] = &accessToken{principal, s.Now().Add(s.Life)}
	return token, s.Life
}

// grant answers with a token, as RFC 6749 section 5.1 has it.
func (s *Server) grant(w http.ResponseWriter, principal string, more map[string]any) {
	token, life := s.issue(principal)
	answer := map[string]any{"access_token": token, "expires_in": int(life.Seconds()), "token_type": "Bearer"}
	for name, value := range more {
		answer[name] = value
	}
	reply(w, http.StatusOK, answer)
}

// refuse answers as RFC 6749 section 5.2 has it.
func refuse(w http.ResponseWriter, code, description string) {
	status := http.StatusBadRequest
	if code == "invalid_client" {
		status = http.StatusUnauthorized
	}
	reply(w, status, map[string]string{"error": code, "error_description": description})
}

// refuseCall answers as Google's APIs do (google.aip.dev/193).
func refuseCall(w http.ResponseWriter, status int, code, message string) {
	reply(w, status, map[string]any{"error": map[string]any{"code": status, "message": message, "status": code}})
}

func reply(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(answer)
}

// random gives n random bytes in hex.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// Package fakeaws is as much of AWS as tests need to be sure that the real one would
// give jet a token: it checks what AWS checks. Signatures are computed anew from the
// request as it came, by code that knows nothing of AWS's SDK; keys, sessions, roles,
// trust policies and identity providers are looked up; requests of another time,
// region, service or partition are refused with the codes of AWS.
//
// It serves ECR and ECR Public (GetAuthorizationToken), STS (GetCallerIdentity,
// AssumeRole, AssumeRoleWithWebIdentity), the portal of single sign-on
// (GetRoleCredentials), and what gives keys to containers and instances. All stand on
// one handler, as under AWS_ENDPOINT_URL; under the names of AWS's hosts (see
// Network) the name has to fit the service and the region too.
//
// It is for tests alone.
package fakeaws

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// AWS is one, empty at first. Fields are set before it is used; methods are safe for
// concurrent use.
type AWS struct {
	// Password gives that of the tokens for the registries of an account; nil means
	// one made of the names.
	Password func(account, region string) string
	// Registry gives the proxyEndpoint of an account; nil means AWS's.
	Registry func(account, region string) string
	// Lifetime of tokens; 0 means 12 hours.
	Lifetime time.Duration
	// Ahead is how far this AWS's clock is ahead of the machine's.
	Ahead time.Duration
	// Disabled are regions that no account has enabled.
	Disabled []string

	mutex     sync.Mutex
	keys      map[string]*key      // by id
	roles     map[string]*Role     // by ARN
	providers map[string]*Provider // by account and issuer
	container string               // what a container has to show
	instance  string               // the keys that an instance has; "" for none
	sso       map[string]string    // bearer tokens, and the account and role each is good for
	calls     []Call
	imdsToken string
	onlyV1    bool
}

// Key is an access key.
type Key struct{ ID, Secret, SessionToken string }

// A key with who it is of.
type key struct {
	Key
	arn, account, partition string
	actions                 []string
	expires                 time.Time // zero: never
}

// Role is a role and its trust policy.
type Role struct {
	Account, Name string
	Partition     string   // "" means aws
	Actions       []string // that its policy allows
	Trusts        []string // ARNs of the callers that may assume it
	ExternalID    string   // that they have to show, "" for none
	// Issuer, Audience and Subject are those that a web identity token has to have;
	// Issuer "" is for a role that none is good for.
	Issuer, Audience, Subject string
}

// ARN gives that of the role.
func (r Role) ARN() string {
	partition := r.Partition
	if partition == "" {
		partition = "aws"
	}
	return "arn:" + partition + ":iam::" + r.Account + ":role/" + r.Name
}

// Provider is an OpenID Connect provider that an account trusts.
type Provider struct {
	Account, Issuer string
	Audience        string
	Key             *rsa.PublicKey
}

// Call is a request that was answered with 200.
type Call struct {
	Host, Service, Action string
	Region                string // of the signature
	ARN                   string // of who signed
	Method, Path          string
	Header                http.Header
	Body                  []byte
}

// The actions that policies allow.
const (
	Token         = "ecr:GetAuthorizationToken"
	PublicToken   = "ecr-public:GetAuthorizationToken"
	BearerToken   = "sts:GetServiceBearerToken"
	AssumeRole    = "sts:AssumeRole"
	AssumeWithWeb = "sts:AssumeRoleWithWebIdentity"
)

// AddUser adds a user to an account of a partition, with an access key, whom a policy
// allows these actions.
func (a *AWS) AddUser(partition, account, name string, actions ...string) Key {
	return a.addKey("AKIA", "arn:"+partition+":iam::"+account+":user/"+name, time.Time{}, actions)
}

// AddSession adds a temporary key.
func (a *AWS) AddSession(arn string, expires time.Time, actions ...string) Key {
	return a.addKey("ASIA", arn, expires, actions)
}

func (a *AWS) addKey(prefix, arn string, expires time.Time, actions []string) Key {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	parts := strings.Split(arn, ":")
	k := &key{
		Key: Key{ID: prefix + strings.ToUpper(random(8)), Secret: "secret/" + random(16)},
		arn: arn, partition: parts[1], account: parts[4], actions: actions, expires: expires,
	}
	if prefix == "ASIA" {
		k.SessionToken = "session+" + random(60)
	}
	if a.keys == nil {
		a.keys = make(map[string]*key)
	}
	a.keys[k.ID] = k
	return k.Key
}

// AddRole adds a role.
func (a *AWS) AddRole(r Role) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.roles == nil {
		a.roles = make(map[string]*Role)
	}
	a.roles[r.ARN()] = &r
}

// AddProvider adds an identity provider.
func (a *AWS) AddProvider(p Provider) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.providers == nil {
		a.providers = make(map[string]*Provider)
	}
	a.providers[p.Account+" "+p.Issuer] = &p
}

// Secret gives the secret of a key by its id, "" if there is none.
func (a *AWS) Secret(id string) string {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if k := a.keys[id]; k != nil {
		return k.Secret
	}
	return ""
}

// Calls gives what was answered with 200 so far.
func (a *AWS) Calls() []Call {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return slices.Clone(a.calls)
}

func (a *AWS) now() time.Time { return time.Now().Add(a.Ahead) }

func (a *AWS) password(account, region string) string {
	if a.Password != nil {
		return a.Password(account, region)
	}
	return "password of " + account + " in " + region
}

func random(n int) string {
	p := make([]byte, n)
	rand.Read(p)
	return hex.EncodeToString(p)
}

// A problem is an answer of AWS other than 200.
type problem struct {
	status        int
	code, message string
}

func (p *problem) Error() string { return p.code + ": " + p.message }

func refuse(status int, code, format string, args ...any) *problem {
	return &problem{status, code, fmt.Sprintf(format, args...)}
}

// request is one with its body.
type request struct {
	*http.Request
	body []byte
}

// ServeHTTP answers everything.
func (a *AWS) ServeHTTP(w http.ResponseWriter, plain *http.Request) {
	body, err := io.ReadAll(io.LimitReader(plain.Body, 1<<20))
	if err != nil {
		return
	}
	r := &request{plain, body}
	w.Header().Set("Date", a.now().UTC().Format(http.TimeFormat))
	id := random(4) + "-" + random(2)
	w.Header().Set("X-Amzn-Requestid", id)
	switch target := r.Header.Get("X-Amz-Target"); {
	case r.Method == http.MethodPost && target != "":
		a.json(w, r, target)
	case r.Method == http.MethodPost && (strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") || r.URL.Query().Has("Action")):
		a.query(w, r, id)
	case r.URL.Path == "/federation/credentials":
		a.portal(w, r)
	case strings.HasPrefix(r.URL.Path, "/latest/"):
		a.metadata(w, r)
	case strings.HasPrefix(r.URL.Path, "/container"):
		a.containerKeys(w, r)
	default:
		http.Error(w, "UnknownOperationException", http.StatusNotFound)
	}
}

// done keeps a call that was answered.
func (a *AWS) done(r *request, service, action string, s signed) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.calls = append(a.calls, Call{
		Host: r.Host, Service: service, Action: action, Region: s.region, ARN: s.arn,
		Method: r.Method, Path: r.RequestURI, Header: r.Header.Clone(), Body: bytes.Clone(r.body),
	})
}

// json answers as ECR and ECR Public do.
func (a *AWS) json(w http.ResponseWriter, r *request, target string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	answer, p := a.authorization(r, target)
	if p != nil {
		w.WriteHeader(p.status)
		json.NewEncoder(w).Encode(map[string]string{"__type": p.code, "message": p.message})
		return
	}
	json.NewEncoder(w).Encode(answer)
}

// allowed checks a policy. Its message is AWS's.
func allowed(s signed, actions ...string) *problem {
	for _, action := range actions {
		if !slices.Contains(s.actions, action) {
			return refuse(http.StatusBadRequest, "AccessDeniedException",
				"User: %s is not authorized to perform: %s on resource: * because no identity-based policy allows the %s action", s.arn, action, action)
		}
	}
	return nil
}

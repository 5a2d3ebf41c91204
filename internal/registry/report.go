package registry

import (
	"slices"

	"github.com/dockercfg/jet/dockercfg"
)

// Result is what came of an account or a repository.
type Result string

const (
	Works   Result = "works"
	Failed  Result = "failed"
	Skipped Result = "skipped" // it was not asked: a pattern names no registry
)

// Severity is how bad a finding is.
type Severity string

const (
	Problem Severity = "problem" // it does not work
	Warning Severity = "warning" // it works, and is probably not what is meant
	Note    Severity = "note"
)

// Name says what a finding is about. Names are stable, for scripts and advice.
type Name string

// What can be wrong. Those of the first block are problems.
const (
	NoHost             Name = "no-such-host"        // no such name
	Refused            Name = "connection-refused"  // nobody listens there
	Unreachable        Name = "unreachable"         // no way to it, for another reason
	Timeout            Name = "timeout"             // no answer in time
	Proxy              Name = "proxy"               // the proxy that the environment names does not work
	UnknownAuthority   Name = "unknown-authority"   // nobody who is trusted vouches for its certificate
	WrongHostName      Name = "wrong-host-name"     // its certificate is for another name
	CertificateExpired Name = "certificate-expired" // and is no longer valid
	CertificateEarly   Name = "certificate-early"   // and is not valid yet
	Certificate        Name = "certificate"         // something else is wrong with its certificate
	TLSFailure         Name = "tls"                 // no agreement on TLS
	SpeaksHTTP         Name = "speaks-http"         // it speaks http where https was spoken
	SpeaksHTTPS        Name = "speaks-https"        // and the reverse
	NotRegistry        Name = "not-a-registry"      // a web page, or another server
	Redirected         Name = "redirected"          // it sends callers to another host
	RealmRefused       Name = "realm-refused"       // credentials are not sent where it says
	UnknownChallenge   Name = "unknown-challenge"   // it wants credentials in a way that Docker has not
	WrongCredentials   Name = "wrong-credentials"   // it knows user and password not, or no longer
	Forbidden          Name = "forbidden"           // it answers nobody like us
	Denied             Name = "denied"              // the credentials are right, but not for this repository
	NoRepository       Name = "no-such-repository"
	NoTag              Name = "no-such-tag"
	PushDenied         Name = "push-denied"      // pulling may work, pushing does not
	ReadOnly           Name = "read-only"        // the registry takes no uploads
	RateLimited        Name = "rate-limited"     // too many requests
	ServerError        Name = "server-error"     // it is out of order
	BadAnswer          Name = "bad-answer"       // it answers what nobody understands
	NoUsername         Name = "no-username"      // a password without a user
	NoPassword         Name = "no-password"      // a user without a password
	BadEntry           Name = "bad-entry"        // a credential that no file can hold
	NoCredential       Name = "no-credential"    // where it comes from there was none to be had
	TokenNotUsable     Name = "token-not-usable" // an identity token for a registry that wants a password

	WhiteSpace   Name = "white-space"   // at an end of the password
	Placeholder  Name = "placeholder"   // the password was never filled in, it seems
	KeyFile      Name = "key-file"      // the password of _json_key is no key file
	Expired      Name = "expired"       // the credential itself says that it is over
	Unproven     Name = "unproven"      // the registry did not ask for the credentials
	NoTags       Name = "no-tags"       // not one in all the repositories
	NotVerified  Name = "insecure"      // certificates are not checked
	InTheOpen    Name = "plain-http"    // credentials were sent in the open
	WrongAddress Name = "wrong-address" // the registry thinks that it is reached by http

	Pattern       Name = "pattern"        // a pattern names no registry to ask
	NoCatalog     Name = "no-catalog"     // the registry does not list its repositories
	CatalogDenied Name = "catalog-denied" // at least not to this user
	Empty         Name = "empty"          // it has no repositories
	UploadLeft    Name = "upload-left"    // an upload that was begun could not be cancelled
)

// A Finding is one thing that is wrong, or worth knowing.
type Finding struct {
	Name     Name     `json:"name"`
	Severity Severity `json:"severity"`
	// Message is a sentence without the registry's name at its start. It holds no secret.
	Message string `json:"message"`
}

// A Report is what was found out about an account.
type Report struct {
	Name     string   `json:"name,omitempty"` // of the account; "" if it has none of its own
	Registry string   `json:"registry"`       // in normal form
	Host     string   `json:"host"`           // that was asked; "" if none was
	Username string   `json:"username"`       // "" for a token
	Result   Result   `json:"result"`
	Scheme   string   `json:"scheme"` // how the registry wants credentials: basic, bearer, or "" for not at all
	Catalog  *Catalog `json:"catalog,omitempty"`
	// Repositories are those that were asked for, in that order.
	Repositories []RepositoryReport `json:"repositories"`
	Findings     []Finding          `json:"findings"`
}

// A Catalog is the registry's list of repositories.
type Catalog struct {
	Repositories int  `json:"repositories"`
	More         bool `json:"more"` // there are more than were counted
}

// A RepositoryReport is what was found out about a repository.
type RepositoryReport struct {
	Repository string `json:"repository"` // as it was given
	// HasReference is whether a tag or a digest was asked for.
	HasReference bool   `json:"-"`
	Result       Result `json:"result"`
	Tags         int    `json:"tags"`
	More         bool   `json:"more_tags"` // there are more tags than were counted
	// Push is whether an upload could be begun, nil if that was not asked.
	Push     *bool     `json:"push,omitempty"`
	Findings []Finding `json:"findings"`
}

// Has reports whether there is a finding of this name.
func (r RepositoryReport) Has(name Name) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Name == name })
}

// All gives the findings, those of repositories too.
func (r Report) All() []Finding {
	all := slices.Clone(r.Findings)
	for _, repository := range r.Repositories {
		all = append(all, repository.Findings...)
	}
	return all
}

// Problems gives the findings that are the reason for a failure, those of
// repositories too.
func (r Report) Problems() []Finding { return r.with(Problem) }

// Warnings gives the findings that do not make it fail.
func (r Report) Warnings() []Finding { return r.with(Warning) }

func (r Report) with(s Severity) []Finding {
	return slices.DeleteFunc(r.All(), func(f Finding) bool { return f.Severity != s })
}

// Unobtained is the report of an account whose credential could not be had.
func Unobtained(a Account, problem string) Report {
	r := newReport(a)
	r.fail(&Finding{NoCredential, Problem, problem})
	return r
}

// newReport begins the report of an account.
func newReport(a Account) Report {
	r := Report{
		Name: a.Name, Registry: a.Registry(), Username: a.Entry.Username, Result: Works,
		Repositories: []RepositoryReport{}, Findings: []Finding{},
	}
	if r.Username == dockercfg.IdentityTokenUser {
		r.Username = ""
	}
	return r
}

func (r *Report) add(s Severity, name Name, message string) {
	r.Findings = append(r.Findings, Finding{name, s, message})
}

// fail adds a problem.
func (r *Report) fail(f *Finding) {
	r.Result = Failed
	r.Findings = append(r.Findings, *f)
}

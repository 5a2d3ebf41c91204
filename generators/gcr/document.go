package gcr

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/dockercfg/jet/dockercfg"
)

// The types of documents, as Google's libraries name them
// (pkg.go.dev/golang.org/x/oauth2/google, CredentialsType).
const (
	typeServiceAccount = "service_account"
	typeUser           = "authorized_user"
	typeExternal       = "external_account"
	typeExternalUser   = "external_account_authorized_user"
	typeImpersonated   = "impersonated_service_account"
)

func documentTypes() []string {
	return []string{typeServiceAccount, typeUser, typeExternal, typeExternalUser, typeImpersonated}
}

// document is one of credentials. Which fields count is for its type to say.
type document struct {
	Type           string `json:"type"`
	UniverseDomain string `json:"universe_domain"`

	// Of a service account.
	ClientEmail  string `json:"client_email"`
	PrivateKeyID string `json:"private_key_id"`
	PrivateKey   string `json:"private_key"`
	TokenURI     string `json:"token_uri"`

	// Of a user.
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	RefreshToken string `json:"refresh_token"`

	// Of an external account.
	Audience                 string           `json:"audience"`
	SubjectTokenType         string           `json:"subject_token_type"`
	TokenURL                 string           `json:"token_url"`
	CredentialSource         credentialSource `json:"credential_source"`
	WorkforcePoolUserProject string           `json:"workforce_pool_user_project"`
	ImpersonationURL         string           `json:"service_account_impersonation_url"` // of an impersonated one too
	Impersonation            struct {
		Lifetime int `json:"token_lifetime_seconds"`
	} `json:"service_account_impersonation"`

	// Of an impersonated service account.
	Delegates []string  `json:"delegates"`
	Source    *document `json:"source_credentials"`

	// What a client registered for a web site or a program has, which is no credential.
	Web       json.RawMessage `json:"web"`
	Installed json.RawMessage `json:"installed"`
}

// credentialSource is where an external account gets its subject token from.
type credentialSource struct {
	File        string            `json:"file"`
	URL         string            `json:"url"`
	Headers     map[string]string `json:"headers"`
	Executable  json.RawMessage   `json:"executable"`
	Certificate json.RawMessage   `json:"certificate"`
	Format      struct {
		Type  string `json:"type"`
		Field string `json:"subject_token_field_name"`
	} `json:"format"`

	// On Amazon's machines.
	EnvironmentID   string `json:"environment_id"`
	RegionURL       string `json:"region_url"`
	SessionTokenURL string `json:"imdsv2_session_token_url"`
}

// decodeDocument takes the fields that are used out of a document.
func decodeDocument(text string) (*document, error) {
	d := new(document)
	err := json.Unmarshal([]byte(text), d)
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &mistyped):
		return nil, fmt.Errorf("has a field %s of the wrong type", mistyped.Field)
	case err != nil:
		return nil, errors.New("is not valid JSON")
	}
	return d, nil
}

// check says what is wrong with a document, of which the universe is that of its
// servers. It decides which addresses a credential may be sent to: whoever can
// change a document must not get what it stands for sent to a host of theirs
// (cloud.google.com/docs/authentication/external/externally-sourced-credentials).
func (d *document) check(universe string) error {
	switch {
	case d.Type == "" && (d.Web != nil || d.Installed != nil):
		return advise(errors.New("is the registration of an OAuth client, which is no key"),
			"make a key of a service account: gcloud iam service-accounts keys create key.json --iam-account=EMAIL")
	case d.Type == "":
		return errors.New("is JSON without a \"type\", so it is no key of a service account")
	case d.UniverseDomain != "" && d.UniverseDomain != universe && d.Type != typeUser:
		return advise(errors.New("is of another universe_domain than "+universeName(universe)),
			universeDomain.Name+" has to name the universe whose servers may get the credential, if it is not "+universeDomain.Default)
	}
	switch d.Type {
	case typeServiceAccount:
		return d.checkServiceAccount(universe)
	case typeUser:
		return d.checkUser(universe, "token_uri", d.TokenURI)
	case typeExternalUser:
		if d.TokenURL == "" {
			return errors.New("has no token_url")
		}
		return d.checkUser(universe, "token_url", d.TokenURL)
	case typeExternal:
		return d.checkExternal(universe)
	case typeImpersonated:
		return d.checkImpersonated(universe)
	case "gdch_service_account":
		return errors.New("is of type gdch_service_account, which is for Google Distributed Cloud and for no registry of Google's")
	}
	return errors.New("has a \"type\" that is none of those that are known: " + strings.Join(documentTypes(), ", "))
}

func (d *document) checkServiceAccount(universe string) error {
	switch {
	case d.ClientEmail == "":
		return errors.New("has no client_email")
	case d.PrivateKey == "":
		return errors.New("has no private_key")
	}
	return checkAddress("token_uri", d.TokenURI, universe)
}

func (d *document) checkUser(universe, field, tokenURL string) error {
	switch {
	case d.RefreshToken == "":
		return errors.New("has no refresh_token")
	case d.ClientID == "" || d.ClientSecret == "":
		return errors.New("has no client_id with a client_secret")
	}
	return checkAddress(field, tokenURL, universe)
}

func (d *document) checkImpersonated(universe string) error {
	switch {
	case d.ImpersonationURL == "" || d.Source == nil:
		return errors.New("has no service_account_impersonation_url with source_credentials")
	case d.Source.Type == typeImpersonated:
		return errors.New("has source_credentials that are impersonated themselves; delegates are for that")
	}
	if err := checkAddress("service_account_impersonation_url", d.ImpersonationURL, universe); err != nil {
		return err
	}
	if err := d.Source.check(universe); err != nil {
		return fmt.Errorf("has source_credentials, and that %w", err)
	}
	return nil
}

func (d *document) checkExternal(universe string) error {
	source := d.CredentialSource
	switch {
	case d.Audience == "" || d.SubjectTokenType == "":
		return errors.New("has no audience with a subject_token_type")
	case source.Executable != nil:
		return advise(errors.New("has a program as its credential_source, and programs that a document names are not run"),
			"let the program write the token to a file, and name that as credential_source.file")
	case source.Certificate != nil:
		return errors.New("has a certificate as its credential_source, which is not supported")
	case source.EnvironmentID != "":
		return d.checkAmazon(universe)
	case (source.File == "") == (source.URL == ""):
		return errors.New("has a credential_source without a file or a url, or with both")
	case source.URL != "" && !isSubjectAddress(source.URL):
		return errors.New("has a credential_source.url that is neither https nor on this machine or its link")
	}
	return d.checkExchange(universe)
}

func (d *document) checkAmazon(universe string) error {
	source := d.CredentialSource
	if source.EnvironmentID != "aws1" {
		return errors.New("has a credential_source.environment_id that is not aws1, the only one there is")
	}
	for _, f := range []struct{ name, address string }{
		{"url", source.URL},
		{"region_url", source.RegionURL},
		{"imdsv2_session_token_url", source.SessionTokenURL},
	} {
		if f.address == "" {
			return errors.New("has no credential_source." + f.name)
		}
		if u, err := url.Parse(f.address); err != nil || u.Scheme != "http" || !isLinkLocal(u.Hostname()) && !isLoopback(u.Hostname()) {
			return errors.New("has a credential_source." + f.name + " that is not of the metadata server of this machine")
		}
	}
	return d.checkExchange(universe)
}

// checkExchange checks where the subject token goes.
func (d *document) checkExchange(universe string) error {
	if err := checkAddress("token_url", d.TokenURL, universe); err != nil {
		return err
	}
	return checkAddress("service_account_impersonation_url", d.ImpersonationURL, universe)
}

// checkAddress refuses an address that gets a credential and is not of a server of
// the universe. An empty one stands for the usual one.
func checkAddress(field, address, universe string) error {
	if address == "" || isServer(address, universe) {
		return nil
	}
	return advise(fmt.Errorf("has a %s that is of no server of %s, and gets no credential", field, universeName(universe)),
		"take a document that nobody has changed; "+universeDomain.Name+" names another universe than "+universeDomain.Default)
}

// universeName gives a universe for people. What a variable holds is not shown.
func universeName(universe string) string {
	if universe == universeDomain.Default {
		return universe
	}
	return "the one that " + universeDomain.Name + " names"
}

// isServer reports whether an address is of a server of a universe that may get
// credentials: https and the domain itself, or below it. In Google's own there is one
// more, which old keys name. Loopback is allowed for tests and local proxies.
func isServer(address, universe string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return false
	}
	host := u.Hostname()
	switch {
	case isLoopback(host):
		return u.Scheme == "http" || u.Scheme == "https"
	case u.Scheme != "https" || u.Port() != "" && u.Port() != "443":
		return false
	case universe == universeDomain.Default && host == "accounts.google.com":
		return true
	}
	return host == universe || strings.HasSuffix(host, "."+universe)
}

// isSubjectAddress reports whether a subject token may come from an address. It is
// another one for each kind of machine, and gets no credential of ours.
func isSubjectAddress(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && (isLoopback(u.Hostname()) || isLinkLocal(u.Hostname()))
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// isLinkLocal reports whether a host is the address of a metadata server: 169.254.169.254,
// or Amazon's fd00:ec2::254.
func isLinkLocal(host string) bool {
	address, err := netip.ParseAddr(host)
	return err == nil && (address.Is4() && address.IsLinkLocalUnicast() || address == netip.MustParseAddr("fd00:ec2::254"))
}

// isHost reports whether a text is a host with a port or without one, and nothing else.
func isHost(text string) bool {
	key, err := dockercfg.NormalizeRegistry(text)
	return err == nil && key == strings.ToLower(text)
}

// plainEmail gives the name of a service account if it looks like one, so that it
// may be shown; else "".
func plainEmail(email string) string {
	name, domain, found := strings.Cut(email, "@")
	if !found || name == "" || domain == "" || len(email) > 254 {
		return ""
	}
	for _, c := range email {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("@.-_", c)) {
			return ""
		}
	}
	return email
}

// isKnownType reports whether a document of this type can be used.
func isKnownType(name string) bool { return slices.Contains(documentTypes(), name) }

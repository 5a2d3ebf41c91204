package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/endpoint"
	"github.com/dockercfg/jet/internal/spelling"
)

// sideBySide is how many registries are asked at once. Each takes a few connections.
const sideBySide = 128

// VerifyAll verifies accounts side by side, and gives their reports in the order of the
// accounts. Done, if it is not nil, is called with each as soon as it is there, by
// several goroutines.
func VerifyAll(ctx context.Context, accounts []Account, done func(Report)) []Report {
	reports := make([]Report, len(accounts))
	places := make(chan struct{}, sideBySide)
	var all sync.WaitGroup
	for i, a := range accounts {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			reports[i] = Verify(ctx, a)
			if done != nil {
				done(reports[i])
			}
		})
	}
	all.Wait()
	return reports
}

// Verify asks a registry whether the credential of an account works there. Whatever
// does not is in the report.
//
// It takes two or three requests: the base address without and with credentials, and
// before the latter the token server, if the registry has one. Then come the catalog,
// or the tags of each repository.
func Verify(ctx context.Context, a Account) Report {
	r := newReport(a)
	for _, f := range Look(a.Entry) {
		if f.Severity == Problem {
			r.fail(&f)
		} else {
			r.Findings = append(r.Findings, f)
		}
	}
	if r.Result == Failed {
		return r
	}
	if strings.Contains(r.Registry, "*") {
		r.Result = Skipped
		r.add(Note, Pattern, "it is a pattern, which names no registry to ask")
		return r
	}
	s := newSession(a)
	defer s.client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	r.Host = s.base.Host
	switch {
	case a.TLS.PlainHTTP:
		r.add(Warning, InTheOpen, s.base.Host+" is asked over plain HTTP: everybody on the way can read the credentials")
	case a.TLS.InsecureSkipVerify:
		r.add(Warning, NotVerified, "the certificate of "+s.base.Host+" is not checked: whoever is on the way can read the credentials")
	}
	if problem := s.identify(ctx); problem != nil {
		r.blame(problem)
		r.fail(problem)
	} else {
		s.explore(ctx, &r)
		switch {
		case s.proven:
			r.drop(Placeholder, Expired) // the registry knows better
		case r.Result == Works:
			r.add(Warning, Unproven, "the registry did not ask for the credentials, so nobody knows whether they are right")
		}
	}
	r.Scheme = s.challenge.scheme
	return r
}

// blame adds the likely cause to a refusal of credentials.
func (r *Report) blame(f *Finding) {
	if f.Name != WrongCredentials {
		return
	}
	for _, name := range [...]Name{WhiteSpace, KeyFile, Placeholder, Expired} {
		for _, w := range r.Findings {
			if w.Name == name {
				f.Message += "; the likely cause: " + w.Message
				return
			}
		}
	}
}

// drop takes findings out.
func (r *Report) drop(names ...Name) {
	kept := r.Findings[:0]
	for _, f := range r.Findings {
		dropped := false
		for _, name := range names {
			dropped = dropped || f.Name == name
		}
		if !dropped {
			kept = append(kept, f)
		}
	}
	r.Findings = kept
}

// identify asks the base address (OCI distribution specification, "end-1"), as docker
// login does.
func (s *session) identify(ctx context.Context) *Finding {
	a, err := s.ask(ctx, question{method: http.MethodGet, to: s.address("/v2/")})
	if err != nil {
		return s.refusedOrBroken(ctx, err)
	}
	if f := s.unusual(a); f != nil {
		return f
	}
	switch {
	case a.status == http.StatusOK && !a.isRegistry(), a.status == http.StatusNotFound && a.isPage():
		return problem(NotRegistry, "%s answers with a web page: it is no registry, or a proxy or sign-in page stands before it", s.base.Host)
	case a.status == http.StatusOK:
		return nil
	case a.credentials && (a.status == http.StatusUnauthorized || a.status == http.StatusForbidden || a.status == http.StatusBadRequest):
		return s.wrong(a)
	case a.status == http.StatusUnauthorized:
		return problem(UnknownChallenge, "it does not say what credentials it wants: %s", s.said(a))
	case a.status == http.StatusForbidden:
		return problem(Forbidden, "it refuses before it has seen the credentials: %s", s.said(a))
	case a.status == http.StatusNotFound:
		return problem(NotRegistry, "%s has no registry at /v2/: %s", s.base.Host, s.said(a))
	}
	return problem(NotRegistry, "%s does not answer at /v2/ as a registry does: %s", s.base.Host, s.said(a))
}

// refusedOrBroken is broken, unless a token server refused the credentials.
func (s *session) refusedOrBroken(ctx context.Context, err error) *Finding {
	e, ok := errors.AsType[*tokenError](err)
	if !ok || e.answer == nil {
		return s.broken(ctx, err)
	}
	if isRefusal(e.answer.status) {
		return s.wrong(e.answer)
	}
	return s.tokenServer(e.answer)
}

// isRefusal reports whether a token server refuses with a status. That of OAuth 2.0
// for credentials that it does not know is 400 (RFC 6749 section 5.2).
func isRefusal(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusBadRequest
}

// tokenServer says what is wrong with a token server that neither gives a token nor
// refuses one.
func (s *session) tokenServer(a *answer) *Finding {
	who := s.safe(a.from.Host, "another host")
	switch {
	case a.status/100 == 3:
		return problem(Redirected, "%s, where it sends callers for a token, sends them on, and credentials are sent no further", who)
	case a.status == http.StatusTooManyRequests:
		return problem(RateLimited, "its token server is asked too often: %s", s.said(a))
	case a.status >= http.StatusInternalServerError:
		return problem(ServerError, "its token server is out of order: %s", s.said(a))
	}
	return problem(BadAnswer, "its token server gives no token: %s", s.said(a))
}

// wrong says that the credentials were refused.
func (s *session) wrong(a *answer) *Finding {
	what := "the user name or the password is wrong, or no longer valid"
	switch e := s.account.Entry; {
	case e.RegistryToken != (dockercfg.Secret{}):
		what = "the registry token is wrong, or no longer valid"
	case e.IdentityToken != (dockercfg.Secret{}):
		what = "the identity token is wrong, or no longer valid"
	}
	f := problem(WrongCredentials, "%s: %s", what, s.said(a))
	status := &endpoint.StatusError{Host: s.safe(a.from.Host, "the server"), Code: a.status, Header: a.header}
	if clock := status.Clock(); clock != "" {
		f.Message += "; " + clock + ", which makes tokens seem expired or not valid yet"
	}
	return f
}

// explore looks into the repositories, or at the catalog if none are named.
func (s *session) explore(ctx context.Context, r *Report) {
	if len(s.account.Repositories) == 0 {
		if !s.account.NoCatalog {
			s.catalog(ctx, r)
		}
		return
	}
	tags := false
	for _, repository := range s.account.Repositories {
		found := s.repository(ctx, repository)
		tags = tags || found.Tags > 0 || found.Has(NoRepository)
		if found.Result == Failed {
			r.Result = Failed
		}
		r.Repositories = append(r.Repositories, found)
	}
	if !tags && r.Result != Failed {
		r.add(Warning, NoTags, "there is not one tag in "+plural(len(r.Repositories), "the repository that was", "the repositories that were")+" asked for")
	}
}

func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

const (
	pageSize = 100 // that is asked for; several registries refuse more than 100 or 1,000
	maxPages = 50  // of the catalog
)

// catalog reads the list of repositories, which many registries do not have or do not
// show to everybody. It is no part of the OCI specification, and nothing of it is a
// failure.
func (s *session) catalog(ctx context.Context, r *Report) {
	if r.Registry == dockercfg.DockerHub {
		r.add(Note, NoCatalog, "Docker Hub does not list its repositories")
		return
	}
	page := s.address("/v2/_catalog")
	page.RawQuery = "n=" + strconv.Itoa(pageSize)
	var c Catalog
	for pages := 0; ; pages++ {
		a, err := s.ask(ctx, question{method: http.MethodGet, to: page, scope: "registry:catalog:*"})
		if pages > 0 && (err != nil || a.status != http.StatusOK) {
			c.More = true // what was counted stays true
			break
		}
		if err != nil {
			if e, ok := errors.AsType[*tokenError](err); ok && e.answer != nil && isRefusal(e.answer.status) {
				r.add(Note, CatalogDenied, "the registry does not list its repositories for them")
				return
			}
			r.add(Note, NoCatalog, "the list of repositories cannot be read: "+s.broken(ctx, err).Message)
			return
		}
		var found struct{ Repositories []json.RawMessage }
		switch {
		case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden:
			r.add(Note, CatalogDenied, "the registry does not list its repositories for them")
			return
		case a.status != http.StatusOK:
			r.add(Note, NoCatalog, fmt.Sprintf("the registry does not list its repositories (it answers %d)", a.status))
			return
		case a.cut:
			c.Repositories += countStrings(a.body)
			c.More = true
		case json.Unmarshal(a.body, &found) != nil:
			r.add(Note, NoCatalog, "what the registry gives for a list of repositories is none")
			return
		default:
			c.Repositories += len(found.Repositories)
		}
		next := nextPage(a.from, a.header.Values("Link"))
		if next == nil || c.More {
			break
		}
		if !s.isHome(next) || next.String() == page.String() || pages+1 == maxPages {
			c.More = true
			break
		}
		page = next
	}
	r.Catalog = &c
	if c.Repositories == 0 {
		r.add(Note, Empty, "there are no repositories, or none that these credentials may see")
	}
}

// countStrings counts the strings of the one list in a JSON object that was cut short.
func countStrings(body []byte) int {
	_, list, _ := bytes.Cut(body, []byte("["))
	return bytes.Count(list, []byte(`",`))
}

// The media types of manifests that a registry may answer with (OCI image
// specification; Docker's Image Manifest V2, Schema 2).
const manifestTypes = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, " +
	"application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json, */*;q=0.1"

// repository looks into one repository.
func (s *session) repository(ctx context.Context, r Repository) RepositoryReport {
	report := RepositoryReport{Repository: r.String(), HasReference: r.Reference != "", Result: Works, Findings: []Finding{}}
	path := s.account.path(r)
	var absent *Finding // that there is no repository
	fail := func(f *Finding) {
		report.Result = Failed
		report.Findings = append(report.Findings, *f)
	}
	if r.Reference != "" {
		found, f := s.manifest(ctx, path, r)
		switch {
		case f != nil:
			fail(f)
		case found:
			report.Tags, report.More = 1, true
		}
		if f != nil || found && !s.account.Push {
			return report
		}
		if !found {
			tags, more, f := s.tags(ctx, path)
			if f == nil {
				report.Tags, report.More = len(tags), more
				f = s.noTag(r, tags, more)
			}
			fail(f)
		}
	} else if tags, more, f := s.tags(ctx, path); f != nil && f.Name == NoRepository && s.account.Push {
		absent = f
	} else if f != nil {
		fail(f)
	} else {
		report.Tags, report.More = len(tags), more
	}
	if s.account.Push {
		f, note := s.push(ctx, path)
		may := f == nil
		report.Push = &may
		switch {
		case absent != nil && may: // the first push makes it
			report.Findings = append(report.Findings, Finding{NoRepository, Warning, "there is no repository " + r.String() + " yet"})
		case absent != nil:
			fail(absent)
		}
		if f != nil {
			fail(f)
		}
		if note != nil {
			report.Findings = append(report.Findings, *note)
		}
	}
	return report
}

// noTag says that a tag is not there, and which may have been meant.
func (s *session) noTag(r Repository, tags []string, more bool) *Finding {
	f := problem(NoTag, "the repository is there, and has no such tag")
	if strings.Contains(r.Reference, ":") {
		f.Message = "the repository is there, and has no such digest"
	} else if near := s.safe(spelling.Nearest(r.Reference, tags), ""); near != "" {
		f.Message += "; " + near + " is one"
	} else if !more && len(tags) == 0 {
		f.Message = "the repository is there, and has no tags at all"
	}
	return f
}

// manifest asks whether there is a manifest. It gets nothing of it, so that limits on
// pulls do not count it (docs.docker.com/docker-hub/usage/pulls).
func (s *session) manifest(ctx context.Context, path string, r Repository) (found bool, f *Finding) {
	a, err := s.ask(ctx, question{
		method: http.MethodHead, to: s.address("/v2/" + path + "/manifests/" + r.Reference),
		accept: manifestTypes, scope: "repository:" + path + ":pull",
	})
	switch {
	case err != nil:
		return false, s.deniedOrBroken(ctx, err)
	case a.status == http.StatusOK:
		return true, nil
	case a.status == http.StatusNotFound:
		return false, nil
	}
	return false, s.noAccess(a)
}

// tags gives the tags of a repository on the first page, and whether there are more.
func (s *session) tags(ctx context.Context, path string) (tags []string, more bool, f *Finding) {
	to := s.address("/v2/" + path + "/tags/list")
	to.RawQuery = "n=" + strconv.Itoa(pageSize)
	a, err := s.ask(ctx, question{method: http.MethodGet, to: to, scope: "repository:" + path + ":pull"})
	if err != nil {
		return nil, false, s.deniedOrBroken(ctx, err)
	}
	var found struct{ Tags []string }
	switch {
	case a.status != http.StatusOK:
		return nil, false, s.noAccess(a)
	case a.cut:
		return make([]string, countStrings(a.body)), true, nil
	case json.Unmarshal(a.body, &found) != nil:
		return nil, false, problem(BadAnswer, "its list of tags is none")
	}
	return found.Tags, nextPage(a.from, a.header.Values("Link")) != nil, nil
}

// deniedOrBroken is broken, unless a token server refused a token for a repository.
func (s *session) deniedOrBroken(ctx context.Context, err error) *Finding {
	e, ok := errors.AsType[*tokenError](err)
	switch {
	case !ok || e.answer == nil:
		return s.broken(ctx, err)
	case isRefusal(e.answer.status):
		return s.denied(e.answer)
	}
	return s.tokenServer(e.answer)
}

// noAccess says what an answer about a repository means that is not the one that was
// hoped for.
func (s *session) noAccess(a *answer) *Finding {
	if f := s.unusual(a); f != nil {
		return f
	}
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return s.denied(a)
	case http.StatusNotFound:
		if a.code() == "" && a.isPage() {
			return problem(NotRegistry, "it answers with a web page")
		}
		return problem(NoRepository, "there is no such repository: %s", s.said(a))
	}
	return problem(BadAnswer, "it cannot be looked into: %s", s.said(a))
}

// denied says that the credentials are good for something else.
func (s *session) denied(a *answer) *Finding {
	user := "they"
	if name := s.account.Entry.Username; name != "" && name != dockercfg.IdentityTokenUser {
		user = strconv.Quote(name)
	}
	if !s.proven {
		return problem(Denied, "the credentials are refused: they are wrong, or %s may not pull from it: %s", user, s.said(a))
	}
	return problem(Denied, "the credentials are right, and %s may not pull from it, or there is no such repository: %s", user, s.said(a))
}

// push asks whether an upload may be begun (OCI distribution specification, "end-4a"),
// and cancels it (distribution/distribution, "Canceling an Upload"): nothing is pushed.
func (s *session) push(ctx context.Context, path string) (f, note *Finding) {
	scope := "repository:" + path + ":pull,push"
	a, err := s.ask(ctx, question{method: http.MethodPost, to: s.address("/v2/" + path + "/blobs/uploads/"), scope: scope})
	if err != nil {
		f := s.deniedOrBroken(ctx, err)
		if f.Name == Denied {
			f = problem(PushDenied, "the credentials are right, and may not push to it")
		}
		return f, nil
	}
	switch a.status {
	case http.StatusAccepted:
	case http.StatusUnauthorized, http.StatusForbidden:
		return problem(PushDenied, "the credentials are right, and may not push to it: %s", s.said(a)), nil
	case http.StatusMethodNotAllowed:
		return problem(ReadOnly, "it takes no pushes: %s", s.said(a)), nil
	default:
		return s.noAccess(a), nil
	}
	left := &Finding{UploadLeft, Note, "a push is possible; the upload that proved it could not be cancelled, and the registry drops it by itself"}
	upload, err := a.from.Parse(a.header.Get("Location"))
	if err != nil || upload.Path == "" {
		return nil, left
	}
	if !s.isHome(upload) && upload.Host == s.base.Host && upload.User == nil {
		upload.Scheme = s.base.Scheme
		note = &Finding{WrongAddress, Warning, "the registry believes that it is reached by " + s.otherScheme() + " and sends those who push there: the proxy before it has to set X-Forwarded-Proto"}
	}
	if !s.isHome(upload) {
		return nil, left
	}
	a, err = s.ask(ctx, question{method: http.MethodDelete, to: upload, scope: scope})
	if err != nil || a.status/100 != 2 {
		return nil, left
	}
	return nil, note
}

func (s *session) otherScheme() string {
	if s.base.Scheme == "http" {
		return "https"
	}
	return "http"
}

package fakeaws

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dockercfg/jet/internal/fakejwt"
)

// query answers as STS does.
func (a *AWS) query(w http.ResponseWriter, r *request, id string) {
	w.Header().Set("Content-Type", "text/xml")
	escaped := func(text string) string {
		var b strings.Builder
		xml.EscapeText(&b, []byte(text))
		return b.String()
	}
	const namespace = `xmlns="https://sts.amazonaws.com/doc/2011-06-15/"`
	form, err := url.ParseQuery(string(r.body))
	if err != nil || len(r.body) == 0 {
		form = r.URL.Query() // as a federation with others sends it
	}
	action := form.Get("Action")
	answer, p := a.sts(r, form)
	if p != nil {
		w.WriteHeader(p.status)
		fmt.Fprintf(w, "<ErrorResponse %s><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>",
			namespace, p.code, escaped(p.message), id)
		return
	}
	fmt.Fprintf(w, "<%sResponse %s><%sResult>", action, namespace, action)
	for _, field := range answer {
		if field[1] == "" {
			fmt.Fprintf(w, "<%s>", field[0]) // opens or closes a structure
		} else {
			fmt.Fprintf(w, "<%s>%s</%s>", field[0], escaped(field[1]), field[0])
		}
	}
	fmt.Fprintf(w, "</%sResult><ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>", action, id, action)
}

// sts gives the fields of the answer, in XML's order.
func (a *AWS) sts(r *request, form url.Values) ([][2]string, *problem) {
	if p := wrongHost(r, "sts"); p != nil {
		return nil, p
	}
	if form.Get("Version") != "2011-06-15" {
		return nil, refuse(http.StatusBadRequest, "InvalidAction", "Could not find operation %s for version %s", form.Get("Action"), form.Get("Version"))
	}
	switch form.Get("Action") {
	case "GetCallerIdentity":
		s, p := a.verify(r, "sts", queryCodes)
		if p != nil {
			return nil, p
		}
		a.done(r, "sts", "GetCallerIdentity", s)
		return [][2]string{{"UserId", s.ID}, {"Account", s.account}, {"Arn", s.arn}}, nil
	case "AssumeRole":
		s, p := a.verify(r, "sts", queryCodes)
		if p != nil {
			return nil, p
		}
		return a.assume(r, form, s)
	case "AssumeRoleWithWebIdentity":
		return a.assumeWithWeb(r, form)
	}
	return nil, refuse(http.StatusBadRequest, "InvalidAction", "Could not find operation %s", form.Get("Action"))
}

func checkSession(form url.Values) *problem {
	if n := len(form.Get("RoleSessionName")); n < 2 || n > 64 {
		return refuse(http.StatusBadRequest, "ValidationError", "1 validation error detected: Value at 'roleSessionName' failed to satisfy constraint")
	}
	return nil
}

func (a *AWS) assume(r *request, form url.Values, s signed) ([][2]string, *problem) {
	if p := checkSession(form); p != nil {
		return nil, p
	}
	arn := form.Get("RoleArn")
	a.mutex.Lock()
	role := a.roles[arn]
	a.mutex.Unlock()
	if role == nil || !slices.Contains(role.Trusts, s.arn) || !slices.Contains(s.actions, AssumeRole) ||
		role.ExternalID != "" && form.Get("ExternalId") != role.ExternalID || !strings.HasPrefix(arn, "arn:"+s.partition+":") {
		return nil, refuse(http.StatusForbidden, "AccessDenied", "User: %s is not authorized to perform: sts:AssumeRole on resource: %s", s.arn, arn)
	}
	a.done(r, "sts", "AssumeRole", s)
	return a.session(role, form)
}

func (a *AWS) session(role *Role, form url.Values) ([][2]string, *problem) {
	lifetime := time.Hour
	if text := form.Get("DurationSeconds"); text != "" {
		var seconds int
		if _, err := fmt.Sscan(text, &seconds); err != nil || seconds < 900 || seconds > 43200 {
			return nil, refuse(http.StatusBadRequest, "ValidationError", "1 validation error detected: Value '%s' at 'durationSeconds' failed to satisfy constraint", text)
		}
		lifetime = time.Duration(seconds) * time.Second
	}
	arn := strings.Replace(strings.Replace(role.ARN(), ":iam:", ":sts:", 1), ":role/", ":assumed-role/", 1) + "/" + form.Get("RoleSessionName")
	expires := a.now().Add(lifetime)
	k := a.AddSession(arn, expires, role.Actions...)
	return [][2]string{
		{"AssumedRoleUser", ""}, {"AssumedRoleId", "AROAFAKE:" + form.Get("RoleSessionName")}, {"Arn", arn}, {"/AssumedRoleUser", ""},
		{"Credentials", ""}, {"AccessKeyId", k.ID}, {"SecretAccessKey", k.Secret}, {"SessionToken", k.SessionToken},
		{"Expiration", expires.UTC().Format(time.RFC3339)}, {"/Credentials", ""},
	}, nil
}

func (a *AWS) assumeWithWeb(r *request, form url.Values) ([][2]string, *problem) {
	if r.Header.Get("Authorization") != "" {
		return nil, refuse(http.StatusBadRequest, "InvalidClientTokenId", "this is not to be signed")
	}
	if p := checkSession(form); p != nil {
		return nil, p
	}
	a.mutex.Lock()
	role := a.roles[form.Get("RoleArn")]
	a.mutex.Unlock()
	if role == nil || role.Issuer == "" {
		return nil, refuse(http.StatusForbidden, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	}
	claims, p := a.checkJWT(form.Get("WebIdentityToken"), role)
	if p != nil {
		return nil, p
	}
	if claims.Text("aud") != role.Audience || claims.Text("sub") != role.Subject {
		return nil, refuse(http.StatusForbidden, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	}
	a.done(r, "sts", "AssumeRoleWithWebIdentity", signed{key: &key{arn: claims.Text("sub")}})
	return a.session(role, form)
}

// checkJWT verifies a token with the key of the account's provider.
func (a *AWS) checkJWT(token string, role *Role) (fakejwt.Claims, *problem) {
	invalid := func(why string) (fakejwt.Claims, *problem) {
		return nil, refuse(http.StatusBadRequest, "InvalidIdentityToken", "%s", why)
	}
	_, unverified, err := fakejwt.Read(token)
	if err != nil {
		return invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	a.mutex.Lock()
	provider := a.providers[role.Account+" "+unverified.Text("iss")]
	a.mutex.Unlock()
	if provider == nil || provider.Issuer != role.Issuer {
		return invalid("No OpenIDConnect provider found in your account for " + unverified.Text("iss"))
	}
	if expires, ok := unverified.Time("exp"); ok && !a.now().Before(expires) {
		return nil, refuse(http.StatusBadRequest, "ExpiredTokenException", "Token expired: current date/time %d must be before the expiration date/time %d", a.now().Unix(), expires.Unix())
	}
	claims, err := fakejwt.Verify(token, provider.Key)
	if err != nil {
		return invalid("Couldn't retrieve verification key from your identity provider")
	}
	if claims.Text("aud") != provider.Audience {
		return invalid("Incorrect token audience")
	}
	if issued, ok := claims.Time("iat"); !ok || issued.After(a.now().Add(maxAge)) || issued.Before(a.now().Add(-24*time.Hour)) {
		return invalid("The token was not issued within the last 24 hours")
	}
	return claims, nil
}

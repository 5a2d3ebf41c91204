package accounts

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/generators/ecr"
	"github.com/dockercfg/jet/internal/envfile"
	"github.com/dockercfg/jet/internal/registry"
	"github.com/dockercfg/jet/internal/yamledit"
)

// MaxBytes is the largest file that is read.
const MaxBytes = 4 << 20

// Parse reads a file of registry accounts, in YAML or JSON. Everything that is not
// known is an error. Errors are Errors, and quote no value.
func Parse(data []byte) (*File, error) {
	if len(data) > MaxBytes {
		return nil, Errors{{Problem: fmt.Sprintf("it is over %d MiB long", MaxBytes>>20)}}
	}
	yaml, err := yamledit.Parse(string(data))
	if err != nil {
		if invalid, ok := errors.AsType[*yamledit.Error](err); ok {
			return nil, Errors{{invalid.Line, invalid.Problem}}
		}
		return nil, Errors{{Problem: yamledit.Invalid}}
	}
	p := new(parser)
	documents := yaml.Documents()
	switch {
	case len(documents) == 0:
		return nil, Errors{{Problem: "it is empty; accounts stand under registries:"}}
	case len(documents) > 1:
		return nil, Errors{{documents[1].Line(), "a second document begins; there has to be one"}}
	}
	f := p.file(documents[0])
	if err := p.err(); err != nil {
		return nil, err
	}
	return f, nil
}

func (p *parser) file(n yamledit.Node) *File {
	top := p.fields(n, 1, "the file", []string{"interval", "registries", "outputs"})
	f := &File{Interval: top.duration("interval")}
	registries := top.list("registries")
	if registries == nil {
		return f
	}
	for _, item := range registries {
		if _, ok := resolved(item).Field("registryId"); ok {
			f.Skuid = true
		}
	}
	if f.Skuid {
		p.skuid(f, top, registries)
		return f
	}
	r := &registriesReader{parser: p, names: make(map[string]int)}
	for _, item := range registries {
		f.Accounts = append(f.Accounts, r.account(item))
	}
	if top.has("outputs") {
		p.outputs(f, top.list("outputs"), r.names)
	}
	return f
}

// list gives a list of mappings that is not empty.
func (f fields) list(name string) []yamledit.Node {
	v, ok := f.values[name]
	elements := v.value.Elements()
	switch {
	case !ok && len(f.errs) > 0: // most likely it is spelled otherwise
		return nil
	case len(elements) == 0:
		f.fail(f.lineOf(name), "%s has to be a list with at least one item: lines that begin with -", name)
	}
	return elements
}

// A registriesReader reads what stands under registries.
type registriesReader struct {
	*parser
	names     map[string]int // of accounts, and the line of each
	byDefault int            // the line of the default account, 0 for none
}

// accountNames are the fields of an account.
func accountNames() []string {
	names := []string{
		"name", "address", "backend", "envFile", "envSyntax", "variables",
		"username", "password", "passwordFile", "passwordCommand", "email",
		"repositories", "caCert", "insecureSkipVerify", "plainHTTP", "timeout", "default",
	}
	return append(names, settingNames()...)
}

func (r *registriesReader) account(n yamledit.Node) Account {
	line := beginning(n)
	fs := r.fields(n, line, "a registry", accountNames())
	a := Account{
		Name: fs.text("name"), Line: line,
		Backend: fs.text("backend"), EnvFile: fs.text("envFile"),
		Username: fs.text("username"), Password: dockercfg.NewSecret(fs.text("password")),
		PasswordFile: fs.text("passwordFile"), PasswordCommand: fs.text("passwordCommand"), Email: fs.text("email"),
		CACert: fs.text("caCert"), InsecureSkipVerify: fs.truth("insecureSkipVerify"), PlainHTTP: fs.truth("plainHTTP"),
		Timeout: fs.duration("timeout"), Default: fs.truth("default"),
	}
	r.name(fs, a)
	fs.origin(&a)
	fs.address(&a)
	fs.texts("repositories", func(text string) string {
		r, problem := repository(text, a.Address)
		a.Repositories = append(a.Repositories, r)
		return problem
	})
	switches := 0
	for _, on := range []bool{a.CACert != "", a.InsecureSkipVerify, a.PlainHTTP} {
		if on {
			switches++
		}
	}
	if switches > 1 {
		fs.fail(line, "of caCert, insecureSkipVerify and plainHTTP one is enough, and more cannot be meant")
	}
	if a.Default {
		if r.byDefault != 0 {
			r.fail(fs.lineOf("default"), "the registry of line %d is the default already", r.byDefault)
		}
		r.byDefault = line
	}
	return a
}

// name checks the name of an account.
func (r *registriesReader) name(fs fields, a Account) {
	switch {
	case !fs.has("name"):
		r.fail(fs.line, "a registry needs a name, such as production")
	case a.Name == "": // that was said
	case !isLabel(a.Name):
		r.fail(fs.lineOf("name"), "name has to be 1 to 63 lower-case letters, digits and hyphens, with no hyphen first or last")
	case r.names[a.Name] != 0:
		r.fail(fs.lineOf("name"), "the registry of line %d has this name already", r.names[a.Name])
	default:
		r.names[a.Name] = fs.line
	}
}

// isLabel reports whether a text is a DNS label (RFC 1123, 2.1) in lower case.
func isLabel(s string) bool {
	return len(s) <= 63 && s != "" && s[0] != '-' && s[len(s)-1] != '-' &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// origin reads where the credential comes from.
func (f fields) origin(a *Account) {
	passwords := f.given("password", "passwordFile", "passwordCommand")
	users := append(f.given("username", "email"), passwords...)
	backends := append(f.given("envFile", "envSyntax", "variables"), f.given(settingNames()...)...)
	switch {
	case f.has("backend") && len(users) > 0:
		f.fail(f.lineOf(users[0]), "%s does not go with backend, which makes the user name and the password", users[0])
		return
	case f.has("backend"):
		f.backend(a)
		return
	case len(users) == 0:
		f.fail(f.line, "a registry needs a backend, or a username and a password, passwordFile or passwordCommand")
	case !f.has("username"):
		f.fail(f.lineOf(users[0]), "there is %s and no username", users[0])
	case len(passwords) == 0:
		f.fail(f.lineOf("username"), "there is a username and no password: one of password, passwordFile and passwordCommand is needed")
	case len(passwords) > 1:
		f.fail(f.lineOf(passwords[1]), "there are %s; exactly one is wanted", strings.Join(passwords, " and "))
	}
	for _, name := range backends {
		f.fail(f.lineOf(name), "%s is for a backend, and there is none here", name)
	}
	if strings.ContainsAny(a.Username, ":\x00") {
		f.fail(f.lineOf("username"), "username holds a colon, which no client can send")
	}
}

// backend reads the variables of a backend.
func (f fields) backend(a *Account) {
	if a.Backend != "" && generators.CheckName(a.Backend) != nil {
		f.fail(f.lineOf("backend"), "backend has to be the name of a backend: lower-case letters, digits and hyphens")
		return
	}
	f.envSyntax(a)
	f.variables(a)
	known := settingsOf(a.Backend)
	var names []string
	for _, s := range known {
		names = append(names, s.name)
		if f.has(s.name) && s.variable != "" {
			f.set(a, s.name, s.variable, f.text(s.name))
		}
	}
	for _, name := range f.given(settingNames()...) {
		if slices.Contains(names, name) {
			continue
		}
		what := "what it needs goes into variables or envFile"
		if known != nil {
			what = "it has " + list(names)
		}
		f.fail(f.lineOf(name), "the backend %s has no %s; %s", a.Backend, name, what)
	}
	if a.Backend == "ecr" {
		f.role(a)
	}
}

// set sets a variable that a setting stands for.
func (f fields) set(a *Account, setting, variable, value string) {
	if _, twice := a.Variables[variable]; twice {
		f.fail(f.lineOf(setting), "%s is %s, which stands among the variables too", setting, variable)
		return
	}
	if a.Variables == nil {
		a.Variables = make(map[string]string)
	}
	a.Variables[variable] = value
}

// envSyntax reads how the env file is read.
func (f fields) envSyntax(a *Account) {
	text := f.text("envSyntax")
	if text == "" {
		return
	}
	syntax, err := envfile.ParseSyntax(text)
	switch {
	case err != nil:
		f.fail(f.lineOf("envSyntax"), "envSyntax has to be docker or dotenv")
	case !f.has("envFile"):
		f.fail(f.lineOf("envSyntax"), "envSyntax is for an envFile, and there is none here")
	}
	a.EnvSyntax = syntax
}

// variables reads the field of that name.
func (f fields) variables(a *Account) {
	v, ok := f.values["variables"]
	if !ok {
		return
	}
	pairs := v.value.Pairs()
	if pairs == nil {
		f.fail(v.line, "variables has to be names with their values, such as {AWS_REGION: eu-west-1}")
	}
	a.Variables = make(map[string]string)
	for _, pair := range pairs {
		value := field{pair.Line, resolved(pair.Value)}
		text, ok := value.value.Text()
		if !ok {
			text, ok = value.word()
		}
		_, twice := a.Variables[pair.Name]
		switch {
		case pair.Merge || !isVariable(pair.Name):
			f.fail(pair.Line, "what stands here is not the name of a variable: letters, digits and underscores")
		case twice:
			f.fail(pair.Line, "the variable %s is there twice", pair.Name)
		case !ok:
			f.fail(pair.Line, "the variable %s has to be a text; what YAML takes for something else stands in quotes", pair.Name)
		case strings.ContainsRune(text, 0):
			f.fail(pair.Line, "the variable %s holds a NUL character", pair.Name)
		default:
			a.Variables[pair.Name] = text
		}
	}
}

func isVariable(name string) bool {
	return name != "" && !isDigits(name[:1]) && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// role reads the role of an account of AWS: its ARN, or its name if it is in the
// account of the registry.
func (f fields) role(a *Account) {
	role := f.text("role")
	if role == "" {
		if f.has("externalId") && a.Variables["AWS_STS_ROLE"] == "" && a.EnvFile == "" {
			f.fail(f.lineOf("externalId"), "externalId is for a role, and there is none here")
		}
		return
	}
	account := ""
	if strings.HasPrefix(role, "arn:") {
		parts := strings.SplitN(role, ":", 6)
		name, ok := "", false
		if len(parts) == 6 {
			account = parts[4]
			name, ok = strings.CutPrefix(parts[5], "role/")
		}
		if _, err := ecr.Host(account, anyRegion); !ok || err != nil || parts[2] != "iam" || name == "" {
			f.fail(f.lineOf("role"), "role has to be the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME, or its name")
			return
		}
		role = name
	}
	f.set(a, "role", "AWS_STS_ROLE", role)
	if account != "" {
		f.set(a, "role", "AWS_STS_ACCOUNT", account)
	}
}

// address reads the address, or makes that of a registry of AWS.
func (f fields) address(a *Account) {
	id, region := f.word("accountId"), a.Variables["AWS_REGION"]
	made := ""
	if a.Backend == "ecr" && id != "" {
		if region == "" && !f.has("address") {
			f.fail(f.lineOf("accountId"), "accountId needs a region beside it, or an address in place of both")
			return
		}
		host, err := ecr.Host(id, cmp.Or(region, anyRegion))
		if err != nil {
			f.fail(f.lineOf("accountId"), "%s", strings.TrimPrefix(err.Error(), "ecr: "))
			return
		}
		made = host
	}
	switch {
	case f.has("address"):
		text := f.text("address")
		if text == "" {
			return
		}
		key, err := dockercfg.NormalizeRegistry(text)
		if name, ok := errors.AsType[*dockercfg.RegistryNameError](err); ok {
			f.fail(f.lineOf("address"), "address: %s", name.Problem)
			return
		}
		a.Address = key
		if id != "" && !strings.HasPrefix(key, id+".") {
			f.fail(f.lineOf("accountId"), "the address is that of another account than accountId says")
		}
	case made != "":
		a.Address = made
	case a.Backend == "ecr":
		f.fail(f.line, "a registry needs an address, such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com, or accountId and region")
	default:
		f.fail(f.line, "a registry needs an address, such as quay.io")
	}
	// The name of a role alone is that of one in the account of the registry.
	if a.Variables["AWS_STS_ROLE"] != "" && f.has("role") && a.Variables["AWS_STS_ACCOUNT"] == "" {
		account, _, _ := strings.Cut(a.Address, ".")
		if _, err := ecr.Host(account, anyRegion); err != nil {
			f.fail(f.lineOf("role"), "role has to be an ARN here, since the address does not tell the account")
			return
		}
		a.Variables["AWS_STS_ACCOUNT"] = account
	}
}

// anyRegion is one in which an account id can be looked at by itself.
const anyRegion = "us-east-1"

// repository reads the name of a repository, which may begin with the address. The
// problem is "" if it is one.
func repository(text, address string) (r registry.Repository, problem string) {
	host, r, err := registry.ParseRepository(text)
	switch {
	case err != nil:
		if name, ok := errors.AsType[*dockercfg.RegistryNameError](err); ok {
			return r, name.Problem
		}
		return r, err.Error()
	case host != "" && host != address:
		return r, "it begins with another address than that of the registry"
	}
	return r, ""
}

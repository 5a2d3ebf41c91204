package dockercfg

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/dockercfg/jet/dockercfg/internal/secret"
)

// MaxBytes is the size of the largest file that Parse takes. Kubernetes holds
// 1 MiB in a Secret, and real files have a few KiB.
const MaxBytes = 4 << 20

// maxNotices bounds what a large file of oddities costs.
const maxNotices = 20

var (
	// ErrEmpty is wrapped by the *ParseError for a text without content, or null.
	ErrEmpty = errors.New("dockercfg: empty")
	// ErrEncrypted is wrapped by the *ParseError for a text that looks encrypted.
	ErrEncrypted = errors.New("dockercfg: encrypted")
)

// ParseError says why a text is no dockercfg. It quotes nothing of the text but
// the registries that an entry or a conflict is about.
type ParseError struct {
	Line, Column int    // from 1, in characters; 0 if not known
	Entry        string // the registry of the entry at fault, in normal form; "" if it is not about one
	Problem      string
	Err          error // ErrEmpty, ErrEncrypted, a *ConflictError or nil

	within string // what the text with the place was found in
}

func (e *ParseError) Error() string {
	var text strings.Builder
	text.WriteString("Failed to parse dockercfg: ") // as people search for it
	text.WriteString(e.within)
	switch {
	case e.Column > 0:
		fmt.Fprintf(&text, "line %d, column %d: ", e.Line, e.Column)
	case e.Line > 0:
		fmt.Fprintf(&text, "line %d: ", e.Line)
	}
	if e.Entry != "" {
		fmt.Fprintf(&text, "entry %q: ", e.Entry)
	}
	text.WriteString(e.Problem)
	return text.String()
}

func (e *ParseError) Unwrap() error { return e.Err }

// at gives the error the place of an offset in text.
func (e *ParseError) at(text string, offset int) *ParseError {
	before := text[:offset]
	e.Line = 1 + strings.Count(before, "\n")
	e.Column = 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return e
}

// Parse reads a file in JSON: config.json (also Podman's auth.json and the file
// of a Quay robot), the flat .dockercfg, or a Kubernetes Secret of type
// kubernetes.io/dockerconfigjson or kubernetes.io/dockercfg, alone or as the
// only such Secret of a List. What is YAML, package dockercfg/kubernetes reads.
//
// It reads what docker/cli v29.9.3 reads, names of fields in any case included,
// but for entries that contradict each other, and text after the JSON value.
// Beyond that it takes a byte order mark and base64 without padding. Of a field
// that is given twice in an entry the last counts.
//
// A text is at most MaxBytes long and nested 100 deep. Every error is a
// *ParseError; Notices has what is odd but no error.
func Parse(data []byte) (*File, error) {
	if len(data) > MaxBytes {
		return nil, &ParseError{Problem: fmt.Sprintf("it is %d bytes long, at most %d are allowed", len(data), MaxBytes)}
	}
	source := string(data)
	text := strings.TrimPrefix(source, byteOrderMark)
	before, v, after, err := scanObject(text)
	if err != nil {
		return nil, err
	}
	if node := (jsonNode{&v}); secret.Is(node) {
		found, problem := secret.Find([]secret.Node{node})
		if problem != "" {
			return nil, &ParseError{Problem: problem}
		}
		return ParseEnvelope(data, jsonEnvelope{before, after, &v, found})
	}
	d := &document{source: source, text: text, before: before, after: after, root: v.inner}
	if err := d.read(); err != nil {
		return nil, err
	}
	return &File{d}, nil
}

// Envelope is a document in another format that holds a dockercfg as a string:
// a Kubernetes Secret.
type Envelope interface {
	// Content gives the dockercfg. Legacy says that readers will take it for
	// the flat form.
	Content() (text string, legacy bool)
	// Replace gives the document with another text in place of the dockercfg
	// and all else as it is.
	Replace(text []byte) ([]byte, error)
}

// ParseEnvelope reads the dockercfg in an envelope, of the Form KubernetesSecret;
// source is the whole document. It is for packages that read such documents;
// its errors are those of Parse.
func ParseEnvelope(source []byte, e Envelope) (*File, error) {
	const within = "in the Kubernetes Secret: "
	content, legacy := e.Content()
	text := strings.TrimPrefix(content, byteOrderMark)
	before, v, after, err := scanObject(text)
	if err != nil {
		err.within = within
		return nil, err
	}
	d := &document{source: string(source), text: text, before: before, after: after, root: v.inner, envelope: e}
	if err := d.read(); err != nil {
		err.within = within
		return nil, err
	}
	if d.flat != legacy {
		d.notices = append(d.notices, "what the Kubernetes Secret holds belongs into the other type of Secret; the kubelet finds nothing in it")
	}
	return &File{d}, nil
}

// scanObject reads a JSON object, or says what the text is instead.
func scanObject(text string) (before string, v value, after string, err *ParseError) {
	if strings.Trim(text, " \t\r\n") == "" {
		return "", value{}, "", &ParseError{Problem: "it is empty", Err: ErrEmpty}
	}
	before, v, after, problem := scan(text)
	switch {
	case problem == nil && v.object() != nil:
		return before, v, after, nil
	case problem == nil && v.text == "null":
		err = &ParseError{Problem: "it is empty: null", Err: ErrEmpty}
	case problem == nil && v.inner != nil:
		err = &ParseError{Problem: "it is a JSON array; an object is wanted"}
	case problem == nil && v.text[0] == '"':
		err = &ParseError{Problem: "it is a JSON string; an object is wanted"}
	case problem != nil && (problem.trailing && v.object() != nil || strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{")):
		err = (&ParseError{Problem: problem.problem}).at(text, problem.offset)
	default:
		// The text is no JSON from its first character on.
		name, cause := recognizeText(text)
		err = &ParseError{Err: cause}
		switch {
		case problem == nil && name == "":
			err.Problem = "it is a JSON value; an object is wanted"
		case problem != nil && (problem.trailing || name == ""):
			err.Problem = problem.problem
			err.at(text, problem.offset)
			if name != "" {
				err.Problem += ": it looks like " + name
			}
		default:
			err.Problem = "it looks like " + name
		}
	}
	return "", value{}, "", err
}

// read finds the shape of the document and its entries.
func (d *document) read() *ParseError {
	d.layout = layoutOf(d.root)
	d.index = make(map[string]*credential)
	if name := recognizeObject(d.root); name != "" {
		return &ParseError{Problem: "it is " + name}
	}
	if !isConfig(d.root) {
		if !isLegacy(d.root) {
			return &ParseError{Problem: "it is a JSON object, but none of its fields belongs into a dockercfg"}
		}
		d.flat = true
	}
	for i := range d.root.members {
		m := &d.root.members[i]
		if !d.flat && strings.EqualFold(m.key, "auths") && m.value.object() == nil && m.value.text != "null" {
			return (&ParseError{Problem: `"auths" is not an object`}).at(d.text, m.offset)
		}
	}
	for _, auths := range d.auths() {
		for i := range auths.members {
			if err := d.readEntry(&auths.members[i]); err != nil {
				return err.at(d.text, auths.members[i].offset)
			}
		}
	}
	return nil
}

// readEntry takes one member of "auths" into the index.
func (d *document) readEntry(m *member) *ParseError {
	key, nameError := normalizeKey(m.key)
	if isSideEntry(m.key) {
		return nil
	}
	m.registry = key
	e, notice, problem := readCredential(m.value)
	usable := e.Password != (Secret{}) || e.IdentityToken != (Secret{}) || e.RegistryToken != (Secret{})
	if nameError != nil {
		notice = "its key names no registry; it is left as it is"
	} else if usable && problem == "" {
		problem = e.problem()
	}
	if problem != "" {
		return &ParseError{Entry: key, Problem: problem}
	}
	if notice != "" && len(d.notices) < maxNotices {
		place := (&ParseError{}).at(d.text, m.offset)
		name := "an entry"
		if key != "" {
			name = fmt.Sprintf("entry %q", key)
		}
		d.notices = append(d.notices, fmt.Sprintf("line %d, column %d: %s: %s", place.Line, place.Column, name, notice))
	}
	if nameError != nil || !usable {
		return nil // such as the empty entries that Docker leaves beside a store
	}
	e.Registry = key
	have := d.index[key]
	if have == nil {
		d.index[key] = &credential{entry: e, spelling: m.key}
		return nil
	}
	if !have.entry.sameCredentials(e) {
		conflict := &ConflictError{Registry: key, First: have.spelling, Second: m.key}
		return &ParseError{Problem: conflict.problem(), Err: conflict}
	}
	if have.entry.Email == "" {
		have.entry.Email = e.Email
	}
	return nil
}

// readCredential reads the fields of an entry. A notice says what is odd.
func readCredential(v value) (e Entry, notice, problem string) {
	if v.text == "null" {
		return Entry{}, "", ""
	}
	fields := v.object()
	if fields == nil {
		return Entry{}, "", "it is not an object"
	}
	var texts [5]string
	for i, name := range [...]string{"auth", "username", "password", "identitytoken", "registrytoken"} {
		field := fields.get(name)
		text, ok := field.str()
		if !ok && field != (value{}) && field.text != "null" {
			return Entry{}, "", fmt.Sprintf("%q is not a string", name)
		}
		texts[i] = text
	}
	e.Email, _ = fields.get("email").str()
	e.Username, e.IdentityToken, e.RegistryToken = texts[1], NewSecret(texts[3]), NewSecret(texts[4])
	password := strings.TrimRight(texts[2], "\x00")
	if texts[0] != "" { // wins over the separate fields, as in Docker
		var padded bool
		if e.Username, password, padded, problem = decodeAuth(texts[0]); problem != "" {
			return Entry{}, "", problem
		}
		if !padded {
			notice = `"auth" is base64 without padding; Docker refuses the whole file for it`
		}
	}
	if e.IdentityToken != (Secret{}) && e.Username == IdentityTokenUser {
		e.Username = ""
	}
	switch token := e.IdentityToken != (Secret{}) || e.RegistryToken != (Secret{}); {
	case e.Username == "" && password != "":
		notice = "it has a password, but no user name"
		password = ""
	case e.Username != "" && password == "" && !token:
		notice = "it has a user name, but no password or token"
	}
	e.Password = NewSecret(password)
	return e, notice, ""
}

// isSideEntry tells the two tokens that the docker CLI keeps beside the
// credential of Docker Hub after a login in the browser. They are no
// credentials for a registry (docker/cli v29.9.3, internal/oauth/manager).
func isSideEntry(key string) bool {
	return key == DockerHub+"access-token" || key == DockerHub+"refresh-token"
}

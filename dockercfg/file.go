package dockercfg

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// File is a file of registry credentials: one entry a registry, and whatever
// else the text held that it was parsed from. The zero File is an empty
// config.json and ready for use. It is not safe for concurrent use.
type File struct {
	// fmt follows no pointers of unexported fields: this one hides the texts.
	document *document
}

// document is a text, taken apart so that nothing of it is lost, and what its
// entries say.
type document struct {
	source        string // as it was parsed, "" if it was made anew
	text          string // the JSON in it, as it was parsed
	before, after string // blanks around root
	root          *container
	layout        layout
	flat          bool     // root itself holds the entries, as in the legacy form
	envelope      Envelope // nil if the document is the JSON itself
	index         map[string]*credential
	notices       []string
}

// credential is what the members of one registry say.
type credential struct {
	entry    Entry
	spelling string // of the registry, as it first came
}

// The texts that new documents begin with.
const (
	emptyConfig  = "{\n\t\"auths\": {}\n}\n"
	emptyLegacy  = "{}\n"
	emptyCompact = `{"auths":{}}`
)

// newDocument makes a document of one of these texts.
func newDocument(text string, flat bool) *document {
	before, v, after, problem := scan(text)
	if problem != nil {
		panic("dockercfg: " + problem.problem) // a mistake in the constants above
	}
	return &document{before: before, after: after, root: v.inner, layout: layoutOf(v.inner), flat: flat, index: make(map[string]*credential)}
}

// open gives the document of a file, which has none while it is the zero File.
func (f *File) open() *document {
	if f.document == nil {
		f.document = newDocument(emptyConfig, false)
	}
	return f.document
}

// ConflictError says that one registry was given different credentials.
type ConflictError struct {
	Registry      string // normal form
	First, Second string // as spelt in the two entries
}

func (e *ConflictError) Error() string { return "dockercfg: " + e.problem() }

func (e *ConflictError) problem() string {
	if e.First == e.Second {
		return fmt.Sprintf("%q is given twice with different credentials", e.First)
	}
	return fmt.Sprintf("%q and %q name the same registry with different credentials", e.First, e.Second)
}

// AmbiguousError says that patterns of the same length stand for a registry.
type AmbiguousError struct {
	Registry string   // normal form
	Patterns []string // two or more, sorted
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("dockercfg: the patterns %q are equally long and all stand for %q", e.Patterns, e.Registry)
}

// New makes a config.json of entries; its errors are those of Add.
func New(entries ...Entry) (*File, error) {
	f := &File{}
	for _, e := range entries {
		if err := f.Add(e); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Form says what the file is, and what Encode gives.
func (f *File) Form() Form {
	switch d := f.document; {
	case d == nil:
		return Config
	case d.envelope != nil:
		return KubernetesSecret
	case d.flat:
		return Legacy
	}
	return Config
}

// Notices says what was odd in the text that the file was parsed from, a line
// each, of the first 20 oddities. It quotes nothing but names of registries.
func (f *File) Notices() []string {
	if f.document == nil {
		return nil
	}
	return slices.Clone(f.document.notices)
}

// Entries gives the entries in the order of their registries, each in normal
// form. What is in the file but is no credential is not among them: the empty
// entries that Docker leaves beside a credential store, and the two tokens that
// it keeps for itself after a login in the browser.
func (f *File) Entries() []Entry {
	if f.document == nil {
		return []Entry{}
	}
	entries := make([]Entry, 0, len(f.document.index))
	for _, key := range slices.Sorted(maps.Keys(f.document.index)) {
		entries = append(entries, f.document.index[key].entry)
	}
	return entries
}

// Lookup gives the entry for a registry, in any spelling that NormalizeRegistry
// accepts. It finds what Docker finds, and more: each spelling of Docker Hub,
// and patterns where no entry names the registry itself. The longest pattern
// wins; found is whether there is any. The Registry of the entry is then the
// pattern.
//
// The error is a *RegistryNameError or an *AmbiguousError.
func (f *File) Lookup(registry string) (e Entry, found bool, err error) {
	key, err := NormalizeRegistry(registry)
	if err != nil || f.document == nil || isSideEntry(registry) {
		return Entry{}, false, err
	}
	index := f.document.index
	if c, ok := index[key]; ok {
		return c.entry, true, nil
	}
	var best []string
	for text := range index {
		if !strings.Contains(text, "*") || !(Pattern{text}).Match(key) || best != nil && len(text) < len(best[0]) {
			continue
		}
		if best != nil && len(text) > len(best[0]) {
			best = nil
		}
		best = append(best, text)
	}
	switch len(best) {
	case 0:
		return Entry{}, false, nil
	case 1:
		return index[best[0]].entry, true, nil
	}
	slices.Sort(best)
	return Entry{}, false, &AmbiguousError{Registry: key, Patterns: best}
}

// Add puts an entry into the file. An entry for a registry that the file has
// already, with the same credentials, is merged into the one there, whose text
// stays as it is, and the earlier of two times of expiry stays.
//
// The error is a *RegistryNameError, a *EntryError or, if the file has other
// credentials for the registry, a *ConflictError. The file is then as it was.
func (f *File) Add(e Entry) error {
	added, err := e.normalize()
	if err != nil {
		return err
	}
	d := f.open()
	have, ok := d.index[added.Registry]
	if !ok {
		d.put(added, e.Registry)
		return nil
	}
	if !have.entry.sameCredentials(added) {
		return &ConflictError{Registry: added.Registry, First: have.spelling, Second: e.Registry}
	}
	if have.entry.Expires.IsZero() || !added.Expires.IsZero() && added.Expires.Before(have.entry.Expires) {
		have.entry.Expires = added.Expires
	}
	return nil
}

// Set puts an entry into the file in place of all that it has for the registry.
// Fields of the old entry that are no credentials stay, its email address too if
// the new one has none. An entry that the file has already changes no text.
//
// The error is a *RegistryNameError or a *EntryError. The file is then as it was.
func (f *File) Set(e Entry) error {
	added, err := e.normalize()
	if err != nil {
		return err
	}
	d := f.open()
	if have, ok := d.index[added.Registry]; ok {
		if added.Email == "" {
			added.Email = have.entry.Email
		}
		if have.entry.sameCredentials(added) && have.entry.Email == added.Email {
			have.entry.Expires = added.Expires
			return nil
		}
	}
	d.put(added, e.Registry)
	return nil
}

// Remove takes all entries for a registry out of the file, in whatever spelling
// they are, empty ones too, and reports whether there were any. It also takes a
// pattern, or a key of the file that names no registry.
func (f *File) Remove(registry string) bool {
	if f.document == nil {
		return false
	}
	key, err := normalizeKey(registry)
	if err != nil || isSideEntry(registry) {
		key = ""
	}
	removed := false
	for _, auths := range f.document.auths() {
		for i := len(auths.members) - 1; i >= 0; i-- {
			if m := auths.members[i]; m.key == registry || key != "" && m.registry == key {
				auths.remove(i)
				removed = true
			}
		}
	}
	delete(f.document.index, key)
	return removed
}

// Encode gives the file in its own form. What was parsed comes out the same to
// the byte, but for what was changed. A new file is a config.json as Docker
// itself writes it: indented with tabs, keys sorted, each user name and password
// as "auth" alone. It ends in a newline. The result holds the secrets.
//
// An error comes from an envelope alone: see ParseEnvelope.
func (f *File) Encode() ([]byte, error) {
	d := f.open()
	text := d.encode()
	switch {
	case d.source != "" && string(text) == d.text:
		return []byte(d.source), nil
	case d.envelope != nil:
		return d.envelope.Replace(text)
	}
	return text, nil
}

func (d *document) encode() []byte {
	out := make([]byte, 0, len(d.text)+256)
	out = append(out, d.before...)
	out = value{inner: d.root}.append(out)
	return append(out, d.after...)
}

// auths gives the objects that hold the entries. Docker reads all of them,
// should there be several.
func (d *document) auths() []*container {
	if d.flat {
		return []*container{d.root}
	}
	var all []*container
	for _, m := range d.root.members {
		if object := m.value.object(); object != nil && strings.EqualFold(m.key, "auths") {
			all = append(all, object)
		}
	}
	return all
}

// put writes a valid entry, in normal form. The first member that the registry
// has is kept, with its place and its unknown fields, and the others go: under
// its key if there is only one and Docker finds it there, else under the
// canonical one.
func (d *document) put(e Entry, spelling string) {
	depth := 2 // of the members of "auths"
	if d.flat {
		depth = 1
	}
	containers := d.auths()
	if len(containers) == 0 {
		auths := &container{open: '{'}
		if i := d.root.find("auths"); i >= 0 { // null
			d.root.members[i].value = value{inner: auths}
		} else {
			d.root.insert(0, "auths", value{inner: auths}, 1, d.layout)
		}
		containers = []*container{auths}
	}
	// Removing and inserting moves members: the one that is kept is found again
	// by its place.
	var home *container
	at, count := -1, 0
	for _, auths := range containers {
		for i := 0; i < len(auths.members); i++ {
			if auths.members[i].registry != e.Registry {
				continue
			}
			if count++; count == 1 {
				home, at = auths, i
				continue
			}
			auths.remove(i)
			i--
		}
	}
	if home == nil {
		home = containers[len(containers)-1]
		at = home.place(e.Registry)
		home.insert(at, e.Registry, value{inner: &container{open: '{'}}, depth, d.layout)
	}
	m := &home.members[at]
	m.registry = e.Registry
	if m.key != e.Registry && (count > 1 || hostOf(m.key) != e.Registry) {
		m.key, m.name = e.Registry, quote(e.Registry)
	}
	fields := m.value.object()
	if fields == nil {
		fields = &container{open: '{'}
		m.value = value{inner: fields}
	}
	for _, field := range [...]struct{ name, text string }{
		{"auth", e.auth()}, {"username", ""}, {"password", ""},
		{"identitytoken", e.IdentityToken.Reveal()}, {"registrytoken", e.RegistryToken.Reveal()},
	} {
		fields.set(field.name, field.text, depth+1, d.layout)
	}
	if e.Email == "" {
		e.Email, _ = fields.get("email").str()
	} else {
		fields.set("email", e.Email, depth+1, d.layout)
	}
	d.index[e.Registry] = &credential{entry: e, spelling: spelling}
}

// place gives where a new key belongs: among sorted keys, as Docker writes them,
// in their order, else at the end.
func (c *container) place(key string) int {
	compare := func(a, b member) int { return strings.Compare(a.key, b.key) }
	if !slices.IsSortedFunc(c.members, compare) {
		return len(c.members)
	}
	i, _ := slices.BinarySearchFunc(c.members, member{key: key}, compare)
	return i
}

// hostOf gives the name under which Docker finds a key other than the exact one
// (docker/cli v29.9.3, cli/config/credentials/file_store.go, ConvertToHostname).
func hostOf(key string) string {
	if _, after, found := strings.Cut(key, "://"); found {
		key = after
	}
	host, _, _ := strings.Cut(key, "/")
	return host
}

package helperconfig

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dockercfg/jet/dockercfg"
)

const (
	// Name is what credsStore and credHelpers call our helper.
	Name = "jet"
	// Program is the helper itself, as clients look for it on PATH.
	Program = "docker-credential-" + Name
	// StateName is the file beside config.json that says what was replaced.
	StateName = "jet-helper.json"
)

// The members of config.json that name helpers.
const (
	credsStore  = "credsStore"
	credHelpers = "credHelpers"
)

// Request says for which registries the helper is put in or taken out.
type Request struct {
	// Registries get an entry in credHelpers each, in any spelling that
	// dockercfg.NormalizeRegistry accepts. Docker Hub gets two: Docker looks for
	// https://index.docker.io/v1/, Podman and skopeo for docker.io.
	Registries []string
	// All makes ours the credsStore, which is asked for everything else.
	All bool

	// Program is where docker-credential-jet was found on PATH, "" for nowhere.
	// Install refuses that, since clients then fail for every registry.
	Program string
	// Force installs all the same: see ErrNotOnPath and HiddenError.
	Force bool
}

// ErrNotOnPath is Install's refusal to name a helper that clients do not find.
var ErrNotOnPath = errors.New("helperconfig: " + Program + " is not on PATH, and clients would fail to run it")

// ErrNothingWanted is a Request to Install for no registry at all.
var ErrNothingWanted = errors.New("helperconfig: there is no registry to install the helper for")

// HiddenError is Install's refusal to make ours the credsStore of a file that
// holds credentials itself: clients that have a credsStore ignore them.
type HiddenError struct {
	Registries []string // as the file spells them
}

func (e *HiddenError) Error() string {
	return "helperconfig: with a credsStore clients would no longer read the credentials that the file itself holds for " +
		quoted(e.Registries)
}

func quoted(names []string) string {
	shown := make([]string, len(names))
	for i, name := range names {
		shown[i] = fmt.Sprintf("%q", name)
	}
	return strings.Join(shown, ", ")
}

// Change is what Install or Uninstall makes of a file.
type Change struct {
	Config []byte // the new config.json, nil for none
	State  []byte // the new content of StateName, nil for none

	Members []MemberChange // in order of their names; none if all was as wanted
	Notices []string       // for people, one sentence each
}

// MemberChange tells what happened to one member. It is what a dry run shows: a
// difference of lines could show passwords that stand beside it.
type MemberChange struct {
	Registry      string // of credHelpers; "" for credsStore
	Before, After string // names of helpers, "" for no member
}

func (m MemberChange) String() string {
	name := credsStore
	if m.Registry != "" {
		name = fmt.Sprintf("%s %q", credHelpers, m.Registry)
	}
	switch {
	case m.Before == "":
		return fmt.Sprintf("%s: added, %q", name, m.After)
	case m.After == "":
		return fmt.Sprintf("%s: removed, was %q", name, m.Before)
	}
	return fmt.Sprintf("%s: %q, was %q", name, m.After, m.Before)
}

// wanted are members in the spelling of the file.
type wanted struct {
	store      bool
	registries []string // in order, without repetition
}

func (w wanted) isEmpty() bool { return !w.store && len(w.registries) == 0 }

// and gives what stands in either.
func (w wanted) and(other wanted) wanted {
	all := slices.Sorted(slices.Values(slices.Concat(w.registries, other.registries)))
	return wanted{w.store || other.store, slices.Compact(all)}
}

// less gives what stands in w alone.
func (w wanted) less(other wanted) wanted {
	w.store = w.store && !other.store
	w.registries = slices.DeleteFunc(slices.Clone(w.registries), func(r string) bool {
		return slices.Contains(other.registries, r)
	})
	return w
}

// hubAlias is how Podman and skopeo look Docker Hub up in credHelpers
// (containers/image, pkg/docker/config/config.go, findCredentialsInFile).
const hubAlias = "docker.io"

func (r Request) wanted() (wanted, error) {
	w := wanted{store: r.All}
	for _, name := range r.Registries {
		key, err := dockercfg.NormalizeRegistry(name)
		if err != nil {
			return wanted{}, fmt.Errorf("%q: %w", name, err)
		}
		w.registries = append(w.registries, key)
		if key == dockercfg.DockerHub {
			w.registries = append(w.registries, hubAlias)
		}
	}
	return w.and(wanted{}), nil
}

// Install names the helper in config, the content of a config.json, where nil is
// no file; stateText is that of StateName. What is there already stays.
//
// The error is ErrNothingWanted, ErrNotOnPath, a *HiddenError, a *SyntaxError, or
// wraps a *dockercfg.RegistryNameError.
func Install(config, stateText []byte, r Request) (*Change, error) {
	want, err := r.wanted()
	if err != nil {
		return nil, err
	}
	if want.isEmpty() {
		return nil, ErrNothingWanted
	}
	if r.Program == "" && !r.Force {
		return nil, ErrNotOnPath
	}
	now, err := parse(config)
	if err != nil {
		return nil, err
	}
	old, err := parseState(stateText)
	if err != nil {
		return nil, err
	}
	if want.less(now.ours()).isEmpty() {
		return &Change{Config: config, State: stateText}, nil
	}
	if read := now.inline(); want.store && len(read) > 0 && !r.Force {
		return nil, &HiddenError{read}
	}

	// From the original, so that it stays known however often this is done.
	base, exact, err := old.original(config)
	if err != nil {
		return nil, err
	}
	if exact {
		return install(config, base, want.and(old.all()), state{})
	}
	return install(config, config, want, old.only(now.ours()))
}

// install puts the wanted members into base, which is what config is to be made
// from; old is what is remembered of members that are in base already.
func install(config, base []byte, w wanted, old state) (*Change, error) {
	d, err := parse(base)
	if err != nil {
		return nil, err
	}
	after, undone, err := d.put(w)
	if err != nil {
		return nil, err
	}
	next := d.replacedBy(w, old)
	if old.isEmpty() {
		next.NewFile = base == nil
		next.Undo = &undo{Installed: checksum(after), Original: checksum(base), Changes: undone}
	}
	return newChange(config, after, next)
}

// Uninstall takes the helper out again; a Request that names nothing means
// everything that Install put in, or every member that names our helper if
// there is no state. What stood there before comes back.
//
// The error is a *SyntaxError or wraps a *dockercfg.RegistryNameError.
func Uninstall(config, stateText []byte, r Request) (*Change, error) {
	unwanted, err := r.wanted()
	if err != nil {
		return nil, err
	}
	if config == nil {
		return &Change{}, nil
	}
	now, err := parse(config)
	if err != nil {
		return nil, err
	}
	old, err := parseState(stateText)
	if err != nil {
		return nil, err
	}
	if unwanted.isEmpty() {
		if unwanted = old.all(); unwanted.isEmpty() {
			unwanted = now.ours()
		}
	}
	rest := old.all().less(unwanted)
	base, exact, err := old.original(config)
	switch {
	case err != nil:
		return nil, err
	case exact && unwanted.less(old.all()).isEmpty():
		if rest.isEmpty() {
			return newChange(config, base, state{})
		}
		return install(config, base, rest, state{})
	}
	after, err := takeOut(config, unwanted, old)
	if err != nil {
		return nil, err
	}
	return newChange(config, after, old.only(rest))
}

func newChange(before, after []byte, s state) (*Change, error) {
	text, err := s.encode()
	if err != nil {
		return nil, err
	}
	c := &Change{Config: after, State: text}
	was, err := parse(before)
	if err != nil {
		return nil, err
	}
	is, err := parse(after)
	if err != nil {
		return nil, err // never: it would be a mistake of ours, and nothing is written
	}
	if b, a := was.CredsStore, is.CredsStore; b != a {
		c.Members = append(c.Members, MemberChange{Before: b, After: a})
	}
	names := maps.Clone(was.CredHelpers)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, is.CredHelpers)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if b, a := was.CredHelpers[name], is.CredHelpers[name]; b != a {
			c.Members = append(c.Members, MemberChange{Registry: name, Before: b, After: a})
		}
	}
	still := is.inline()
	gone := slices.DeleteFunc(was.inline(), func(r string) bool { return slices.Contains(still, r) })
	if len(gone) > 0 {
		c.Notices = append(c.Notices, "clients no longer read the credentials that the file itself holds for "+quoted(gone)+": they ask the helper")
	}
	if was.mayUseDefault() && !is.mayUseDefault() && is.CredsStore == "" {
		c.Notices = append(c.Notices, "Docker no longer picks a store of its platform by itself, which it does only for a config.json that says nothing of credentials: \"docker login\" to other registries writes passwords into it")
	}
	return c, nil
}

// ours gives the members that name our helper.
func (d *document) ours() wanted {
	w := wanted{store: d.CredsStore == Name}
	for _, registry := range slices.Sorted(maps.Keys(d.CredHelpers)) {
		if d.CredHelpers[registry] == Name {
			w.registries = append(w.registries, registry)
		}
	}
	return w
}

// inline gives the registries whose credentials stand in the file and are read
// there, since no helper is asked for them.
func (d *document) inline() []string {
	if d.CredsStore != "" || d.root == nil {
		return nil
	}
	var found []string
	for registry, entry := range d.auths() {
		var credential struct{ Auth, Username, Password, IdentityToken, RegistryToken string }
		json.Unmarshal(entry, &credential) // as far as it can be read
		_, helped := d.CredHelpers[registry]
		if credential != (struct{ Auth, Username, Password, IdentityToken, RegistryToken string }{}) && !helped {
			found = append(found, registry)
		}
	}
	slices.Sort(found)
	return found
}

func (d *document) auths() map[string]json.RawMessage {
	var file struct {
		Auths map[string]json.RawMessage `json:"auths"`
	}
	if d.root != nil {
		json.Unmarshal(d.text[d.root.start:d.root.end], &file) // as far as it can be read
	}
	return file.Auths
}

// mayUseDefault reports whether Docker picks a store by itself (docker/cli
// v29.9.3, cli/config/configfile/file.go, ContainsAuth).
func (d *document) mayUseDefault() bool {
	return d.CredsStore == "" && len(d.CredHelpers) == 0 && len(d.auths()) == 0
}

// put gives the text with our members in it, and what undoes that.
//
// A name may stand there twice and in several cases, and readers differ in which
// one counts. So ours is put into each; only one that comes last and is null is
// left, since taking that away would bring an earlier one to life in docker/cli.
func (d *document) put(w wanted) ([]byte, []change, error) {
	ours := quote(Name)
	var changes []change
	var missing []pair

	if stores := d.members(credsStore); w.store && len(stores) > 0 {
		for _, m := range stores {
			if !m.holds(d.text, Name) {
				changes = append(changes, change{m.valueStart, m.valueEnd, []byte(ours)})
			}
		}
	} else if w.store {
		missing = append(missing, pair{credsStore, ours})
	}

	outer := d.layout()
	if len(w.registries) > 0 {
		objects, last, err := d.objects(credHelpers)
		if err != nil {
			return nil, nil, err
		}
		for _, o := range objects {
			var absent []pair
			for _, registry := range w.registries {
				found := false
				for _, m := range o.members {
					if m.name != registry {
						continue
					}
					found = true
					if !m.holds(d.text, Name) {
						changes = append(changes, change{m.valueStart, m.valueEnd, []byte(ours)})
					}
				}
				if !found {
					absent = append(absent, pair{registry, ours})
				}
			}
			if len(absent) > 0 {
				changes = append(changes, o.insertion(d.text, absent, outer))
			}
		}
		if !last {
			pairs := make([]pair, len(w.registries))
			for i, registry := range w.registries {
				pairs[i] = pair{registry, ours}
			}
			missing = append(missing, pair{credHelpers, outer.wrap(pairs)})
		}
	}

	if len(missing) > 0 {
		changes = append(changes, d.insertion(missing))
	}
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(a.Start, b.Start) })
	return replace(d.text, changes)
}

// layout gives the layout of the members of the document.
func (d *document) layout() layout {
	newLine := "\n"
	if bytes.Contains(d.text, []byte("\r\n")) {
		newLine = "\r\n"
	}
	outer := layout{separator: newLine, unit: "\t", colon: ": "}
	if d.root == nil || len(d.root.members) == 0 {
		return layout{newLine + "\t", "\t", ": "}
	}
	outer.unit = "" // it is what the first level is indented by
	return d.root.layoutOf(d.text, outer)
}

// insertion puts members into the document.
func (d *document) insertion(pairs []pair) change {
	l := d.layout()
	newLine, _, _ := strings.Cut(l.separator, l.unit)
	around := layout{newLine, l.unit, l.colon}
	if d.root != nil {
		return d.root.insertion(d.text, pairs, around)
	}
	start := len(d.text) - len(bytes.TrimPrefix(d.text, []byte(byteOrderMark)))
	content := bytes.TrimRight(d.text[start:], " \t\r\n")
	text := around.wrap(pairs)
	if len(content) == len(d.text[start:]) { // what ends without a line end has no line yet
		text += newLine
	}
	return change{start, start + len(content), []byte(text)}
}

// replacedBy gives the state once our members are in the document; old is what
// is remembered from earlier.
func (d *document) replacedBy(w wanted, old state) state {
	next := old
	next.Undo, next.NewFile = nil, false
	if w.store && old.CredsStore == nil && d.CredsStore != Name {
		next.CredsStore = &replaced{}
		if len(d.members(credsStore)) > 0 {
			next.CredsStore.Before = &d.CredsStore
		}
	}
	next.CredHelpers = maps.Clone(old.CredHelpers)
	for _, registry := range w.registries {
		before, there := d.CredHelpers[registry]
		if before == Name {
			continue
		}
		if next.CredHelpers == nil {
			next.CredHelpers = make(map[string]replaced)
			next.NewCredHelpers = len(d.members(credHelpers)) == 0
		}
		entry := replaced{}
		if there {
			entry.Before = &before
		}
		next.CredHelpers[registry] = entry
	}
	return next
}

// only gives what is remembered of the members in w. The way back to the original
// is lost with the rest.
func (s state) only(w wanted) state {
	kept := state{NewCredHelpers: s.NewCredHelpers}
	if w.store {
		kept.CredsStore = s.CredsStore
	}
	for _, registry := range w.registries {
		if r, ok := s.CredHelpers[registry]; ok {
			if kept.CredHelpers == nil {
				kept.CredHelpers = make(map[string]replaced)
			}
			kept.CredHelpers[registry] = r
		}
	}
	return kept
}

// takeOut takes our members out of a file that others changed since Install, and
// puts back what s remembers. What they changed stays.
func takeOut(text []byte, w wanted, s state) ([]byte, error) {
	for {
		d, err := parse(text)
		if err != nil {
			return nil, err
		}
		next, found, err := d.nextRemoval(w, s)
		if err != nil || !found {
			return text, err
		}
		if text, _, err = replace(text, []change{next}); err != nil {
			return nil, err
		}
	}
}

// nextRemoval finds one change that takes out one of our members.
func (d *document) nextRemoval(w wanted, s state) (change, bool, error) {
	if d.root == nil {
		return change{}, false, nil
	}
	giveBack := func(o object, i int, r replaced) change {
		if r.Before == nil || *r.Before == Name {
			return o.removal(i)
		}
		return change{o.members[i].valueStart, o.members[i].valueEnd, []byte(quote(*r.Before))}
	}
	for i, m := range d.root.members {
		switch {
		case w.store && m.is(credsStore) && m.holds(d.text, Name):
			var before replaced
			if s.CredsStore != nil {
				before = *s.CredsStore
			}
			return giveBack(*d.root, i, before), true, nil
		case m.is(credHelpers) && d.text[m.valueStart] == '{':
			helpers, err := parseObject(d.text, m.valueStart)
			if err != nil {
				return change{}, false, err
			}
			for j, helper := range helpers.members {
				if slices.Contains(w.registries, helper.name) && helper.holds(d.text, Name) {
					return giveBack(helpers, j, s.CredHelpers[helper.name]), true, nil
				}
			}
			if len(helpers.members) == 0 && s.NewCredHelpers {
				return d.root.removal(i), true, nil
			}
		}
	}
	return change{}, false, nil
}

// PassOn gives the name of the helper that would be asked for registry, in normal
// form, if ours were not in config: the entry in credHelpers that ours replaced,
// else the credsStore, or the one that ours replaced. It is "" for none, and
// never ours. The error is a *SyntaxError, or about the state.
func PassOn(config, stateText []byte, registry string) (string, error) {
	d, err := parse(config)
	if err != nil {
		return "", err
	}
	s, err := parseState(stateText)
	if err != nil {
		return "", err
	}
	helper := d.CredHelpers[registry]
	if helper == Name {
		helper = s.CredHelpers[registry].helper()
	}
	if helper == "" || helper == Name {
		helper = d.CredsStore
	}
	if helper == Name && s.CredsStore != nil {
		helper = s.CredsStore.helper()
	}
	if helper == Name {
		helper = ""
	}
	return helper, nil
}

package dockercfg_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/dockercfg/kubernetes"
)

// maker makes files of all forms and layouts.
type maker struct {
	*rand.Rand
	gap, colon func(depth int) string
	foldNames  bool
}

func newMaker(seed uint64) *maker {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, 1))}
	newline := pick(m, "\n", "\n", "\n", "\r\n")
	indent := pick(m, "\t", "\t", "  ", "    ", "")
	switch m.IntN(4) {
	case 0: // compact
		m.gap = func(int) string { return "" }
	case 1: // anything
		m.gap = func(int) string { return pick(m, "", " ", "\n", "\t", "\r\n  ", "   ") }
	default:
		m.gap = func(depth int) string { return newline + strings.Repeat(indent, depth) }
	}
	colon := pick(m, ": ", ":", " : ")
	m.colon = func(int) string { return colon }
	return m
}

func pick[T any](m *maker, choices ...T) T { return choices[m.IntN(len(choices))] }

// str gives a JSON string in one of its spellings.
func (m *maker) str(text string) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(m.IntN(2) == 0)
	encoder.Encode(text)
	quoted := strings.TrimSuffix(out.String(), "\n")
	if m.IntN(4) == 0 {
		quoted = strings.ReplaceAll(quoted, "/", `\/`)
	}
	if m.IntN(8) == 0 {
		quoted = strings.ReplaceAll(quoted, "a", `\u0061`)
	}
	return quoted
}

func (m *maker) word() string {
	return pick(m, "a", "x y", "ä", "密码", "🔑", "<&>", `"`, `\`, "\n", "\u2028", "", "auth", "null") + fmt.Sprint(m.IntN(1000))
}

func (m *maker) list(open, end byte, depth int, elements []string) string {
	text := string(open)
	for i, e := range elements {
		if i > 0 {
			text += ","
		}
		text += m.gap(depth+1) + e
	}
	return text + m.gap(depth) + string(end)
}

func (m *maker) any(depth int) string {
	switch m.IntN(8) {
	case 0:
		return pick(m, "true", "false", "null")
	case 1, 2:
		return pick(m, "0", "-0", "1.50", "1e400", "12345678901234567890123", "-1.0E-7", "3")
	case 3, 4, 5:
		return m.str(m.word())
	}
	if depth > 4 {
		return "[]"
	}
	var elements []string
	array := m.IntN(2) == 0
	for i := range m.IntN(4) {
		element := m.any(depth + 1)
		if !array {
			element = m.str(fmt.Sprint(m.word(), "-", i)) + m.colon(depth) + element
		}
		elements = append(elements, element)
	}
	if array {
		return m.list('[', ']', depth, elements)
	}
	return m.list('{', '}', depth, elements)
}

func (m *maker) field(name, value string, depth int) string {
	if m.foldNames && m.IntN(3) == 0 {
		name = strings.ToUpper(name)
	}
	return m.str(name) + m.colon(depth) + value
}

// entry gives a member of "auths", and the entry in it or nil.
func (m *maker) entry(key string, depth int) (string, *dockercfg.Entry) {
	var fields []string
	e := &dockercfg.Entry{Registry: key, Username: pick(m, "bob", "ns+robot", "_json_key", "ü"), Password: dockercfg.NewSecret(pick(m, passwords...))}
	password := e.Password.Reveal()
	kind := m.IntN(6)
	switch {
	case kind == 0 && json.Valid([]byte(m.str(password))) && !strings.Contains(password, "\xff"):
		fields = append(fields, m.field("username", m.str(e.Username), depth+1), m.field("password", m.str(password), depth+1))
	case kind == 1:
		e.Password, e.IdentityToken = dockercfg.Secret{}, dockercfg.NewSecret(m.word())
		fields = append(fields, m.field("auth", m.str(b64(e.Username+":")), depth+1), m.field("identitytoken", m.str(e.IdentityToken.Reveal()), depth+1))
	case kind == 2:
		e.Username, e.Password, e.RegistryToken = "", dockercfg.Secret{}, dockercfg.NewSecret(m.word())
		fields = append(fields, m.field("registrytoken", m.str(e.RegistryToken.Reveal()), depth+1))
	case kind == 3:
		e = nil
	default:
		fields = append(fields, m.field("auth", m.str(b64(e.Username+":"+password)), depth+1))
	}
	if m.IntN(3) == 0 {
		email := pick(m, "", "a@b.example")
		fields = append(fields, m.field("email", m.str(email), depth+1))
		if e != nil {
			e.Email = email
		}
	}
	for i := range m.IntN(3) {
		fields = append(fields, m.str(fmt.Sprint("unknown-", m.word(), i))+m.colon(depth)+m.any(depth+1))
	}
	m.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	return m.str(key) + m.colon(depth) + m.list('{', '}', depth, fields), e
}

// file gives a JSON text and the entries in it, sorted.
func (m *maker) file(legacy bool) (string, []string) {
	m.foldNames = m.IntN(4) == 0
	depth := 1
	if legacy {
		depth = 0
	}
	var members, want []string
	keys := []string{hub, "quay.io", "gcr.io", "localhost:5000", "*.r.example.com", "[::1]:5000", "a.example", "z.example"}
	m.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	for _, key := range keys[:m.IntN(len(keys))] {
		member, e := m.entry(key, depth+1)
		members = append(members, member)
		if e != nil {
			want = append(want, brief(*e))
		}
	}
	if legacy { // one that is certain to be a credential
		members = append(members, m.str("legacy.example")+":"+m.list('{', '}', 1, []string{`"auth":"Ym9iOnB3"`}))
		want = append(want, "legacy.example bob:pw")
	}
	slices.Sort(want)
	text := m.list('{', '}', depth, members)
	if legacy {
		return text, want
	}
	fields := []string{m.field("auths", text, 1)}
	for _, name := range []string{"credsStore", "credHelpers", "HttpHeaders", "proxies", "psFormat", "unknown", "x/y"} {
		if m.IntN(3) == 0 {
			fields = append(fields, m.str(name)+m.colon(1)+m.any(1))
		}
	}
	m.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	return m.list('{', '}', 0, fields) + m.gap(0), want
}

// wrap puts a text into a Kubernetes Secret now and then.
func (m *maker) wrap(text string, legacy bool) string {
	kind, key := "kubernetes.io/dockerconfigjson", ".dockerconfigjson"
	if legacy {
		kind, key = "kubernetes.io/dockercfg", ".dockercfg"
	}
	marshalled, _ := json.Marshal(text)
	quoted := strings.ReplaceAll(string(marshalled), "\x7f", `\u007f`) // YAML forbids it as it is
	switch m.IntN(10) {
	case 0:
		return `{"apiVersion":"v1","kind":"Secret","type":"` + kind + `","data":{"` + key + `":` + m.str(b64(text)) + `,"x":"eA=="}}`
	case 1:
		return `{"apiVersion":"v1","kind":"Secret","type":"` + kind + `","stringData":{"` + key + `":` + quoted + `}}`
	case 2:
		quote := pick(m, "", `"`, "'")
		return "# before\napiVersion: v1\nkind: Secret # kind\nmetadata:\n    name: x\ntype: " + kind + "\ndata:\n    x: eA==\n    # within\n    " + key + ": " + quote + b64(text) + quote + " # after\n    y: eA==\n"
	case 3:
		return "kind: Secret\napiVersion: v1\ntype: " + kind + "\nstringData:\n  " + key + ": " + quoted + "\n---\nkind: ConfigMap\napiVersion: v1\n"
	case 4:
		block := ""
		for i := 0; i < len(b64(text)); i += 76 {
			block += "      " + b64(text)[i:min(i+76, len(b64(text)))] + "\n"
		}
		return "kind: List\napiVersion: v1\nitems:\n- kind: Secret\n  apiVersion: v1\n  type: " + kind + "\n  data:\n    " + key + ": " + pick(m, "|", "|-") + "\n" + block + "  # end\n"
	}
	return text
}

// generic decodes JSON without knowing what it is.
func generic(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

// withoutCredentials takes out what a change to an entry concerns.
func withoutCredentials(entry any) map[string]any {
	fields, _ := entry.(map[string]any)
	kept := map[string]any{}
	for name, value := range fields {
		switch strings.ToLower(name) {
		case "auth", "username", "password", "identitytoken", "registrytoken":
		default:
			kept[name] = value
		}
	}
	return kept
}

// keysOf gives the keys of an object in their order.
func keysOf(t *testing.T, text string) []string {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	decoder.Token()
	var keys []string
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key.(string))
		var skipped json.RawMessage
		if err := decoder.Decode(&skipped); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

// TestProperty reads, writes and changes generated files of all forms.
func TestProperty(t *testing.T) {
	files := 12_000
	if testing.Short() {
		files = 1_000
	}
	forms := map[dockercfg.Form]int{}
	for seed := range files {
		m := newMaker(uint64(seed))
		legacy := m.IntN(5) == 0
		text, want := m.file(legacy)
		whole := m.wrap(text, legacy)
		if text == whole && m.IntN(20) == 0 {
			whole = "\ufeff" + whole
		}
		f, err := kubernetes.Parse([]byte(whole))
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, whole)
		}
		forms[f.Form()]++
		if got := briefs(f); !slices.Equal(got, append([]string{}, want...)) {
			t.Fatalf("seed %d: got %q, want %q\n%s", seed, got, want, whole)
		}
		if got := encode(t, f); got != whole {
			t.Fatalf("seed %d: unchanged, it is written as\n%s\nwant\n%s", seed, got, whole)
		}
		if !legacy {
			if got, err := f.EncodeAs(dockercfg.Output{}); err != nil || strings.TrimPrefix(string(got), "\ufeff") != text {
				t.Fatalf("seed %d: as config.json it is\n%s\nwant\n%s", seed, got, text)
			}
		}

		// One change.
		key := pick(m, hub, "quay.io", "*.r.example.com", "new.example")
		added := dockercfg.Entry{Registry: key, Username: "set", Password: dockercfg.NewSecret("s:et")}
		removing := m.IntN(2) == 0
		if removing {
			f.Remove(key)
		} else if err := f.Set(added); err != nil {
			t.Fatal(err)
		}
		changed := encode(t, f)
		again, err := kubernetes.Parse([]byte(changed))
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, changed)
		}
		got := briefs(again)
		if !slices.Equal(got, briefs(f)) || encode(t, again) != changed || again.Form() != f.Form() {
			t.Fatalf("seed %d: read again: got %q, want %q\n%s", seed, got, briefs(f), changed)
		}
		without := func(all []string) []string {
			return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return strings.HasPrefix(s, key+" ") })
		}
		if !slices.Equal(without(got), without(want)) || (len(got) > len(without(got))) == removing {
			t.Fatalf("seed %d: after the change: got %q, from %q", seed, got, want)
		}
		if f.Form() == dockercfg.KubernetesSecret {
			differsInOneString(t, seed, whole, changed)
			continue
		}
		before, after := generic(t, strings.TrimPrefix(whole, "\ufeff")), generic(t, strings.TrimPrefix(changed, "\ufeff"))
		beforeAuths, afterAuths := before, after
		if !legacy {
			if keys := keysOf(t, text); !slices.Equal(keysOf(t, changed), keys) {
				t.Fatalf("seed %d: the order changed from %q to\n%s", seed, keys, changed)
			}
			for name := range before {
				if strings.EqualFold(name, "auths") {
					beforeAuths, afterAuths = before[name].(map[string]any), after[name].(map[string]any)
					delete(before, name)
					delete(after, name)
				}
			}
			if !reflect.DeepEqual(before, after) {
				t.Fatalf("seed %d: the top level changed from\n%s\nto\n%s", seed, whole, changed)
			}
		}
		if _, ok := beforeAuths[key]; ok && !removing && !reflect.DeepEqual(withoutCredentials(beforeAuths[key]), withoutCredentials(afterAuths[key])) {
			t.Fatalf("seed %d: the entry changed from\n%s\nto\n%s", seed, whole, changed)
		}
		delete(beforeAuths, key)
		delete(afterAuths, key)
		if !reflect.DeepEqual(beforeAuths, afterAuths) {
			t.Fatalf("seed %d: other entries changed from\n%s\nto\n%s", seed, whole, changed)
		}
	}
	for form, least := range map[dockercfg.Form]int{dockercfg.Config: files / 4, dockercfg.Legacy: files / 20, dockercfg.KubernetesSecret: files / 4} {
		if forms[form] < least {
			t.Errorf("%d files of form %v, want at least %d", forms[form], form, least)
		}
	}
}

// differsInOneString fails if what differs reaches beyond the string that holds
// the dockercfg: into comments, or other fields.
func differsInOneString(t *testing.T, seed int, before, after string) {
	t.Helper()
	if before == after {
		return
	}
	prefix := 0
	for prefix < min(len(before), len(after)) && before[prefix] == after[prefix] {
		prefix++
	}
	suffix := 0
	for suffix < min(len(before), len(after))-prefix && before[len(before)-1-suffix] == after[len(after)-1-suffix] {
		suffix++
	}
	for _, text := range []string{before, after} {
		middle := text[prefix : len(text)-suffix]
		for _, outside := range []string{"kind", "# before", "# within", "# after", "# end", "eA=="} {
			if strings.Contains(middle, outside) {
				t.Fatalf("seed %d: changed from\n%s\nto\n%s", seed, before, after)
			}
		}
	}
}

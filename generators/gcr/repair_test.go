package gcr_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/generators/gcr"
	"github.com/dockercfg/jet/internal/fakegoogle"
)

func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// canonicalKey is the key on one line, its fields in the order of their names.
func canonicalKey(t testing.TB, key *fakegoogle.Key) string {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(key.Fields()); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

// A damage is what happens to a key on its way into a variable.
type damage struct {
	label string
	apply func(json string) string
	told  []string // parts of the notices
}

// privateKey changes the private key within the JSON.
func privateKey(change func(string) string) func(string) string {
	return func(text string) string {
		var fields map[string]string
		if json.Unmarshal([]byte(text), &fields) != nil {
			panic("it is no key any more")
		}
		fields["private_key"] = change(fields["private_key"])
		changed, _ := json.Marshal(fields)
		return string(changed)
	}
}

func replace(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }

func compact(text string) string {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		panic(err)
	}
	return b.String()
}

// wide gives UTF-16 as Windows writes it.
func wide(text string, mark bool) string {
	var b bytes.Buffer
	if mark {
		b.Write([]byte{0xff, 0xfe})
	}
	for _, unit := range utf16.Encode([]rune(text)) {
		b.Write([]byte{byte(unit), byte(unit >> 8)})
	}
	return b.String()
}

const (
	inQuotes  = "stands in quotes"
	asBase64  = "is base64"
	lineEnds  = "holds line ends within texts"
	lostEnds  = "holds a private_key that has lost its line ends"
	backslash = "holds quotes with backslashes"
)

var damages = []damage{
	{"none", func(s string) string { return s }, nil},
	{"one line", compact, nil},
	{"blanks around it", func(s string) string { return " \t\n" + s + "\r\n " }, nil},
	{"Windows line ends", replace("\n", "\r\n"), nil},
	{"byte order mark", func(s string) string { return "\ufeff" + s }, []string{"begins with a byte order mark"}},
	{"single quotes around it", func(s string) string { return "'" + compact(s) + "'" }, []string{inQuotes}},
	{"double quotes around it", func(s string) string { return `"` + compact(s) + `"` }, []string{inQuotes}},
	{"backquotes around it", func(s string) string { return "`" + s + "`" }, []string{inQuotes}},
	{"two pairs of quotes", func(s string) string { return `"'` + compact(s) + `'"` }, []string{inQuotes, inQuotes}},
	{"blanks within the quotes", func(s string) string { return "' " + s + " '" }, []string{inQuotes}},
	{"a JSON text", func(s string) string { b, _ := json.Marshal(s); return string(b) }, []string{inQuotes}},
	{"a JSON text without its quotes", func(s string) string { b, _ := json.Marshal(s); return string(b[1 : len(b)-1]) }, []string{backslash}},
	{"a JSON text of a JSON text", func(s string) string { b, _ := json.Marshal(s); b, _ = json.Marshal(string(b)); return string(b) }, nil},
	{"quotes escaped and nothing else", func(s string) string { return strings.ReplaceAll(compact(s), `"`, `\"`) }, []string{backslash, lineEnds}},
	{"base64", encode, []string{asBase64}},
	{"base64 in lines", func(s string) string {
		return regexp.MustCompile(`.{1,76}`).ReplaceAllString(encode(s), "$0\n")
	}, []string{asBase64}},
	{"base64 without padding", func(s string) string { return strings.TrimRight(encode(s+" "), "=") }, []string{asBase64}},
	{"base64 for URLs", func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) }, []string{asBase64}},
	{"base64 of base64", func(s string) string { return encode(encode(s)) }, nil},
	{"base64 in quotes", func(s string) string { return `"` + encode(s) + `"` }, []string{inQuotes, asBase64}},
	{"base64 of what stands in quotes", func(s string) string { return encode("'" + s + "'\n") }, []string{asBase64, inQuotes}},
	{"base64 of UTF-16", func(s string) string { return encode(wide(s, false)) }, []string{asBase64}},
	{"base64 of UTF-16 with a mark", func(s string) string { return encode(wide(s, true)) }, []string{asBase64}},
	{"as in a URL", url.PathEscape, []string{"is written as in a URL"}},
	{"as in a form", url.QueryEscape, []string{"is written as in a URL"}},
	{"as in HTML", html.EscapeString, []string{"as in HTML"}},
	{"typographic quotes", func(s string) string { return regexp.MustCompile(`"([^"]*)"`).ReplaceAllString(s, "“$1”") }, []string{"typographic quotes"}},
	{"as Python prints it", replace(`"`, "'"), []string{"single quotes in place of double ones"}},
	{"\\n became line ends", replace(`\n`, "\n"), []string{lineEnds}},
	{"\\n became Windows line ends", replace(`\n`, "\r\n"), []string{lineEnds}},
	{"\\n became line ends, in quotes", func(s string) string { return `"` + strings.ReplaceAll(s, `\n`, "\n") + `"` }, []string{inQuotes, lineEnds}},
	{"\\n became a backslash and a line end", replace(`\n`, "\\\n"), []string{lineEnds}},
	{"line ends became \\n", func(s string) string { return strings.ReplaceAll(s, "\n", `\n`) }, []string{lineEnds}},
	{"line ends became \\n, quotes escaped", func(s string) string { return strings.NewReplacer("\n", `\n`, `"`, `\"`).Replace(s) }, nil},
	{"no-break spaces", func(s string) string { return strings.ReplaceAll(s, "  ", "\u00a0\u00a0") }, []string{lineEnds}},
	{"\\n with two backslashes", replace(`\n`, `\\n`), []string{lostEnds}},
	{"\\n with four backslashes", replace(`\n`, `\\\\n`), []string{lostEnds}},
	{"\\r\\n with two backslashes", replace(`\n`, `\\r\\n`), []string{lostEnds}},
	{"private key with blanks", privateKey(replace("\n", " ")), []string{lostEnds}},
	{"private key on one line", privateKey(replace("\n", "")), []string{lostEnds}},
	{"private key without any blanks", privateKey(replace("\n", "", " ", "")), []string{lostEnds}},
	{"all blanks taken out", func(s string) string { return strings.Join(strings.Fields(s), "") }, []string{lostEnds}},
	{"private key that lost its backslashes", replace(`\n`, "n"), []string{lostEnds}},
	{"private key with Windows line ends lost", privateKey(replace("\n", "\\r\\n")), []string{lostEnds}},
	{"private key without its last line end", privateKey(strings.TrimSpace), nil},
	{"private key that is indented", privateKey(replace("\n", "\n    ")), nil},
	{"private key with long dashes", privateKey(replace("-----", "—–-")), []string{lostEnds}},
	{"private key without its first and last line", privateKey(func(s string) string {
		return strings.Join(strings.Split(strings.TrimSpace(s), "\n")[1:27], "\n")
	}), []string{lostEnds}},
	{"all at once", func(s string) string {
		return "'" + encode("\ufeff\""+privateKey(replace("\n", `\n`))(s)+"\"") + "'\n"
	}, nil},
}

func TestRepair(t *testing.T) {
	s := newServer(t)
	key := s.NewKey(account)
	want := canonicalKey(t, key)
	for _, d := range damages {
		t.Run(d.label, func(t *testing.T) {
			entry, notices := mustGenerate(t, original(key).with("GOOGLE_AUTH_JSON", d.apply(key.JSON()), "GOOGLE_AUTH_FORM", "json_key"))
			got := entry.Password.Reveal()
			// A private key that needs no repair is left as it is.
			if got != want && compactKey(t, got) != compactKey(t, want) {
				t.Errorf("got another key: %s", got)
			}
			if d.told != nil && !slices.EqualFunc(notices, d.told, func(notice, part string) bool {
				return strings.HasPrefix(notice, "GOOGLE_AUTH_JSON ") && strings.Contains(notice, part)
			}) {
				t.Errorf("got notices %q, want %q", notices, d.told)
			}
			checkHidden(t, key, strings.Join(notices, "\n"))
			// It is good for a token, too: the signature is right.
			entry, _ = mustGenerate(t, original(key).with("GOOGLE_AUTH_JSON", d.apply(key.JSON())))
			if s.Principal(entry.Password.Reveal()) != account {
				t.Error("the token is not the account's")
			}
		})
	}
	if len(damages) < 40 {
		t.Errorf("%d kinds of damage", len(damages))
	}
}

// compactKey drops the blanks of the private key.
func compactKey(t *testing.T, text string) string {
	t.Helper()
	return privateKey(func(s string) string { return strings.Join(strings.Fields(s), " ") })(text)
}

// checkHidden looks for parts of the key's secret in a text.
func checkHidden(t *testing.T, key *fakegoogle.Key, text string) {
	t.Helper()
	secret := strings.Join(strings.Split(key.Fields()["private_key"], "\n")[1:26], "")
	for i := 0; i+12 <= len(secret); i += 7 {
		if strings.Contains(text, secret[i:i+12]) {
			t.Fatalf("it shows the private key: %s", text)
		}
	}
}

// TestPath names a file in place of what is in it.
func TestPath(t *testing.T) {
	s := newServer(t)
	key := s.NewKey(account)
	dir := t.TempDir()
	path := filepath.Join(dir, "key.json")
	write(t, path, encode("\ufeff"+key.JSON()))
	for _, value := range []string{path, " " + path + "\n", "'" + path + "'"} {
		_, notices := mustGenerate(t, original(key).with("GOOGLE_AUTH_JSON", value))
		if !slices.ContainsFunc(notices, func(n string) bool { return strings.Contains(n, "is the path of a file, which is read") }) {
			t.Errorf("%s: got notices %q", value, notices)
		}
	}
	link := filepath.Join(dir, "again")
	write(t, link, path)
	big := filepath.Join(dir, "big")
	write(t, big, "{"+strings.Repeat(" ", 300<<10)+"}")
	for value, want := range map[string]string{
		filepath.Join(dir, "none"): "nor the path of a file with it: no such file",
		dir:                        "not a regular file",
		link:                       "nor the path of a file",
		big:                        "over 256 KiB long",
		"/dev/zero":                "not a regular file",
	} {
		_, err := generate(t, original(key).with("GOOGLE_AUTH_JSON", value))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: got %v", value, err)
		}
	}
}

// TestBeyondRepair says what is wrong with what cannot be read, and shows nothing of it.
func TestBeyondRepair(t *testing.T) {
	s := newServer(t)
	key := s.NewKey(account)
	text := key.JSON()
	line := key.Line()
	field := func(name, value string) string {
		fields := key.Fields()
		fields[name] = value
		b, _ := json.Marshal(fields)
		return string(b)
	}
	without := func(name string) string {
		fields := key.Fields()
		delete(fields, name)
		b, _ := json.Marshal(fields)
		return string(b)
	}
	for _, c := range []struct{ label, value, want string }{
		{"first line alone", strings.Split(text, "\n")[0], "is not JSON: it has no quotes"},
		{"cut off", line[:len(line)/2], "is not whole: it ends after"},
		{"without quotes", replace(`"`, "")(line), "it has no quotes around its names and texts"},
		{"twice", line + line, "is JSON with something behind it"},
		{"a comma too many", replace("}", ",}")(line), "is not valid JSON, from byte"},
		{"something else", "hunter2-hunter2", "is neither the JSON of a key, nor base64 of that"},
		{"a list", "[" + line + "]", "is neither the JSON of a key"},
		{"base64 of something else", encode("hunter2-hunter2"), "is neither the JSON of a key"},
		{"base64, cut off", encode(line)[:1001], "is neither the JSON of a key"},
		{"a variable that was not set", "$GOOGLE_KEY", "is neither the JSON of a key"},
		{"blanks", "   ", "is neither the JSON of a key"},
		{"seven pairs of quotes", strings.Repeat("'", 7) + line + strings.Repeat("'", 7), "is neither the JSON of a key"},
		{"half a percent", "%7b%zz", "is neither the JSON of a key"},
		{"too long", line + strings.Repeat(" x", 200<<10), "is over 256 KiB long"},
		{"empty", "{}", `is JSON without a "type"`},
		{"no type", without("type"), `is JSON without a "type"`},
		{"an OAuth client", `{"installed":{"client_id":"x","client_secret":"hunter2-hunter2"}}`, "is the registration of an OAuth client"},
		{"no email", without("client_email"), "has no client_email"},
		{"no private key", without("private_key"), "has no private_key"},
		{"private key cut off", field("private_key", key.Fields()["private_key"][:500]), "has a damaged private_key"},
		{"private key with a hole", privateKey(func(s string) string { return s[:300] + s[310:] })(text), "has a damaged private_key"},
		{"private key of two labels", privateKey(replace("BEGIN PRIVATE", "BEGIN RSA PRIVATE"))(text), "has a damaged private_key"},
		{"public key", privateKey(replace("PRIVATE", "PUBLIC"))(text), "has a damaged private_key"},
		{"private key no text", strings.Replace(line, `"private_key":"`, `"private_key":7,"x":"`, 1), "has a damaged private_key"},
		{"email no text", strings.Replace(line, `"client_email":"`, `"client_email":123456789012345678901234567890,"x":"`, 1), "has a field client_email of the wrong type"},
		{"unknown type", field("type", "api_key"), "is none of those that are known"},
		{"Distributed Cloud", field("type", "gdch_service_account"), "is of type gdch_service_account"},
	} {
		t.Run(c.label, func(t *testing.T) {
			_, err := generate(t, env{"GOOGLE_AUTH_JSON": c.value})
			if err == nil || !strings.HasPrefix(err.Error(), "gcr: GOOGLE_AUTH_JSON ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
			if err != nil {
				checkHidden(t, key, err.Error()+advice(err))
				if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "1234567890") || strings.Contains(err.Error(), "\n") {
					t.Errorf("it shows what it should not: %v", err)
				}
			}
		})
	}
	_, err := generate(t, env{"GOOGLE_AUTH_JSON": line[:99]})
	if !strings.Contains(advice(err), "jq -c . key.json") {
		t.Errorf("the advice is %q", advice(err))
	}
}

// TestKeepsFields does not lose or change what it does not know.
func TestKeepsFields(t *testing.T) {
	s := newServer(t)
	key := s.NewKey(account)
	value := strings.Replace(key.Line(), `"type"`, `"a":{"b":[1.50,1e400,"<&>\u00e9"]},"type"`, 1)
	entry, _ := mustGenerate(t, env{"GOOGLE_AUTH_JSON": value, "GOOGLE_AUTH_FORM": "json_key"})
	if got := entry.Password.Reveal(); !strings.HasPrefix(got, `{"a":{"b":[1.50,1e400,"<&>\u00e9"]},"auth_provider_`) {
		t.Errorf("got %.60s", got)
	}
}

// FuzzRepair opens what is not a key, or one that was damaged in several ways.
func FuzzRepair(f *testing.F) {
	s := fakegoogle.NewServer()
	f.Cleanup(s.Close)
	key := s.NewKey(account)
	want := canonicalKey(f, key)
	for i, d := range damages {
		f.Add(d.apply(key.JSON()), uint8(i), uint8(i*7))
	}
	f.Add("{\\", uint8(0), uint8(0))
	// What may follow another damage without taking away what is needed to undo it.
	wraps := slices.DeleteFunc(slices.Clone(damages), func(d damage) bool {
		return !slices.Contains([]string{"blanks around it", "single quotes around it", "backquotes around it", "base64", "base64 in lines", "base64 for URLs", "byte order mark"}, d.label)
	})
	for i := range wraps {
		if wraps[i].label == "single quotes around it" {
			wraps[i].apply = func(s string) string { return "'" + s + "'" }
		}
	}
	open := func(value string) (generators.Source, error) {
		return gcr.Backend().Open(env{"GOOGLE_AUTH_JSON": value, "GOOGLE_AUTH_FORM": "json_key"}.lookup)
	}
	f.Fuzz(func(t *testing.T, value string, inner, outer uint8) {
		damaged := wraps[int(outer)%len(wraps)].apply(damages[int(inner)%len(damages)].apply(key.JSON()))
		source, err := open(damaged)
		if err != nil {
			t.Fatalf("%s in %s: %v", damages[int(inner)%len(damages)].label, wraps[int(outer)%len(wraps)].label, err)
		}
		result, err := source.Generate(t.Context())
		if err != nil || compactKey(t, result.Entries[0].Password.Reveal()) != compactKey(t, want) {
			t.Fatalf("another key, %v", err)
		}

		if !strings.HasPrefix(strings.TrimSpace(value), "{") && len(value) < 200 {
			value = "{" + value // not a path of this machine
		}
		source, err = open(value)
		if err != nil {
			if len(value) > 40 && strings.Contains(err.Error(), value[:40]) {
				t.Errorf("the error shows the value: %v", err)
			}
			return
		}
		result, err = source.Generate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// What comes out needs no repair, and stays what it is.
		once := result.Entries[0].Password.Reveal()
		source, err = open(once)
		if err != nil {
			t.Fatalf("what comes out: %v", err)
		}
		result, err = source.Generate(t.Context())
		if err != nil || result.Notices != nil || result.Entries[0].Password.Reveal() != once {
			t.Errorf("twice: %q, %v", result.Notices, err)
		}
	})
}

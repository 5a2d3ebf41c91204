package gcr

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf16"
)

// maxDocument is how long a document may be, in bytes. Keys have 2,400.
const maxDocument = 256 << 10

// A repaired document is a JSON object, and what had to be done to read it.
type repaired struct {
	fields map[string]json.RawMessage
	// told says for people what was done, each text behind the name of the variable.
	told []string
}

func (r *repaired) tell(what string) { r.told = append(r.told, what) }

// text gives the document on one line, its fields in the order of their names.
func (r *repaired) text() string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r.fields); err != nil {
		return "" // they were decoded before
	}
	return strings.TrimSuffix(b.String(), "\n")
}

var errNoDocument = errors.New("is neither the JSON of a key, nor base64 of that, nor the path of a file with it")

// repair reads a document of credentials from a variable, whatever was done to it on
// the way there: env files keep the quotes that people put around values, shells eat
// line ends and backslashes, web forms and chat programs replace characters. A value
// that names a file is read by the function. What is wrong is said without any part
// of the document.
func repair(value string, readFile func(path string) (string, error)) (*repaired, error) {
	r := new(repaired)
	text, err := r.unwrap(value, readFile)
	if err != nil {
		return nil, err
	}
	if err := r.parse(text); err != nil {
		return nil, err
	}
	return r, r.repairPrivateKey()
}

// unwrap takes off what the document is wrapped in, until it begins with a brace.
func (r *repaired) unwrap(text string, readFile func(string) (string, error)) (string, error) {
	isFile := false
	// Each round takes one layer off; nobody has more.
	for range 6 {
		if len(text) > maxDocument {
			return "", fmt.Errorf("is over %d KiB long", maxDocument>>10)
		}
		text = strings.TrimSpace(text)
		if rest, found := strings.CutPrefix(text, "\ufeff"); found {
			text = rest
			r.tell("begins with a byte order mark, which is taken off")
			continue
		}
		if strings.HasPrefix(text, "{") {
			return text, nil
		}
		if rest, ok := unquote(text); ok {
			text = rest
			r.tell("stands in quotes, which are taken off")
			continue
		}
		if isURLEncoded(text) {
			unescape := url.PathUnescape
			if strings.Contains(strings.ToUpper(text), "%2B") {
				unescape = url.QueryUnescape // then each + stands for a blank
			}
			rest, err := unescape(text)
			if err != nil {
				return "", errNoDocument
			}
			text = rest
			r.tell("is written as in a URL, and is decoded")
			continue
		}
		if rest, ok := decodeBase64(text); ok {
			text = rest
			r.tell("is base64, and is decoded")
			continue
		}
		if isFile || !isPath(text) {
			return "", errNoDocument
		}
		rest, err := readFile(text)
		if err != nil {
			return "", fmt.Errorf("%w: %w", errNoDocument, err)
		}
		text, isFile = rest, true
		r.tell("is the path of a file, which is read")
	}
	return "", errNoDocument
}

// isPath reports whether a text may be meant as a path: no document, cut or broken.
func isPath(text string) bool {
	return text != "" && len(text) <= 1024 && !strings.ContainsAny(text, "{}\"\n\r\x00")
}

// unquote takes one pair of quotes off, and the backslashes too if it is a whole text
// of JSON.
func unquote(text string) (string, bool) {
	last := len(text) - 1
	if last < 1 || text[0] != text[last] || !strings.ContainsRune("'\"`", rune(text[0])) {
		return text, false
	}
	var inside string
	if json.Unmarshal([]byte(text), &inside) == nil {
		return inside, true
	}
	return text[1:last], true
}

// decodeBase64 decodes any kind of base64, also with line ends, of what may be a
// document, in UTF-8 or in the UTF-16 of Windows.
func decodeBase64(text string) (string, bool) {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.Join(strings.Fields(text), ""))
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return "", false
	}
	if wide := bytes.TrimPrefix(decoded, []byte{0xff, 0xfe}); len(wide) > 1 && wide[1] == 0 {
		units := make([]uint16, len(wide)/2)
		for i := range units {
			units[i] = uint16(wide[2*i]) | uint16(wide[2*i+1])<<8
		}
		decoded = []byte(string(utf16.Decode(units)))
	}
	begin := strings.TrimLeft(string(decoded), "\ufeff \t\r\n")
	if begin == "" {
		return "", false
	}
	if strings.ContainsRune("{'\"`", rune(begin[0])) || isURLEncoded(begin) {
		return string(decoded), true
	}
	_, ok := decodeBase64(begin) // of base64
	return begin, ok
}

// isURLEncoded reports whether a text begins with a brace as URLs have it.
func isURLEncoded(text string) bool {
	return len(text) > 3 && strings.EqualFold(text[:3], "%7b")
}

// parse reads what begins with a brace: as it is, or with one repair after the other
// until it is JSON.
func (r *repaired) parse(text string) error {
	steps := []struct {
		told  string
		apply func(string) string
	}{
		{"", func(text string) string { return text }},
		{"holds quotes that are written as in HTML, which are decoded", unescapeHTML},
		{"holds quotes with backslashes before them, which are taken off", unescapeQuotes},
		{"holds typographic quotes, which are replaced", strings.NewReplacer("“", `"`, "”", `"`, "„", `"`, "‟", `"`).Replace},
		{"holds single quotes in place of double ones, which are replaced", replaceSingleQuotes},
		{"holds line ends within texts, or \\n between them, which are put right", repairLineEnds},
	}
	var told []string
	for _, step := range steps {
		next := step.apply(text)
		if next == text && step.told != "" {
			continue
		}
		if text = next; step.told != "" {
			told = append(told, step.told)
		}
		err := json.Unmarshal([]byte(text), &r.fields)
		if err == nil {
			r.told = append(r.told, told...)
			return nil
		}
	}
	return whyNoJSON(text)
}

// whyNoJSON says why a text that begins with a brace is no JSON.
func whyNoJSON(text string) error {
	var syntax *json.SyntaxError
	err := json.NewDecoder(strings.NewReader(text)).Decode(new(map[string]json.RawMessage))
	switch {
	case !strings.Contains(text, `"`):
		return errors.New("is not JSON: it has no quotes around its names and texts, which a shell may have taken off")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("is not whole: it ends after %d bytes, before its last brace", len(text))
	case errors.As(err, &syntax):
		return fmt.Errorf("is not valid JSON, from byte %d of %d on", syntax.Offset, len(text))
	}
	return errors.New("is JSON with something behind it")
}

// unescapeHTML decodes what HTML escapes, if quotes are among it.
func unescapeHTML(text string) string {
	if !strings.Contains(text, "&quot;") && !strings.Contains(text, "&#34;") && !strings.Contains(text, "&#x22;") {
		return text
	}
	return strings.NewReplacer("&quot;", `"`, "&#34;", `"`, "&#x22;", `"`, "&#43;", "+", "&#x2b;", "+", "&#x2B;", "+",
		"&#61;", "=", "&#x3d;", "=", "&#x3D;", "=", "&#47;", "/", "&#x2f;", "/", "&#x2F;", "/",
		"&#39;", "'", "&#x27;", "'", "&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
}

// unescapeQuotes decodes what is the inside of a JSON text, or of a text in quotes of
// a shell: its quotes have backslashes before them.
func unescapeQuotes(text string) string {
	begin := strings.TrimLeft(strings.NewReplacer(`\n`, "", `\r`, "", `\t`, "").Replace(text[1:]), " \t\r\n")
	if !strings.HasPrefix(begin, `\"`) {
		return text
	}
	escaped := strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(text)
	var inside string
	if err := json.Unmarshal([]byte(`"`+escaped+`"`), &inside); err != nil {
		return strings.ReplaceAll(text, `\"`, `"`)
	}
	return inside
}

// replaceSingleQuotes turns what Python prints for a dictionary into JSON.
func replaceSingleQuotes(text string) string {
	if strings.Contains(text, `"`) {
		return text
	}
	return strings.ReplaceAll(text, "'", `"`)
}

// repairLineEnds escapes line ends and tabs within texts, and makes blanks of what
// is no blank in JSON between them: an \n with its backslash, a no-break space.
func repairLineEnds(text string) string {
	var b strings.Builder
	inText, escaped := false, false
	for i, c := range text {
		switch {
		case inText && escaped:
			escaped = false
			if c == '\n' { // a line that a shell was told to go on with
				b.WriteString("n")
				continue
			}
		case inText && c == '\\':
			escaped = true
		case inText && c == '\n':
			b.WriteString(`\n`)
			continue
		case inText && c == '\r':
			continue
		case inText && c == '\t':
			b.WriteString(`\t`)
			continue
		case !inText && c == '\\' && i+1 < len(text) && strings.IndexByte("nrt", text[i+1]) >= 0:
			escaped = true
			continue
		case !inText && escaped:
			escaped = false
			c = ' '
		case !inText && unicode.IsSpace(c):
			c = ' '
		case c == '"':
			inText = !inText
		}
		b.WriteRune(c)
	}
	return b.String()
}

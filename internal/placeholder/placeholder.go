// Package placeholder tells what people write where a secret is to be filled in from
// secrets.
package placeholder

import (
	"slices"
	"strings"
	"unicode"
)

// Is reports whether a value announces that it is none: a reference to
// where the value is, a blank to be filled in, or a default that everybody knows.
func Is(name, value string) bool {
	value = strings.TrimSpace(value)
	if !strings.ContainsFunc(value, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return true // "", "***", "..."
	}
	lower := strings.ToLower(value)
	return isReference(value) || isFiller(name, lower) || isSequence(lower)
}

// isReference reports whether a value only says where the value is.
func isReference(value string) bool {
	if value[0] == '$' && strings.Trim(value[1:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == "" {
		return true
	}
	lower := strings.ToLower(value)
	for _, mark := range [...]string{"${", "$(", "{{", "%{", "<%", "#{"} {
		if strings.Contains(lower, mark) {
			return true
		}
	}
	for _, prefix := range [...]string{"op://", "vault:", "arn:", "secretref:", "file:", "env:", "encrypted:", "enc[", "ej[", "ssm:", "gcp:", "sm://", "awssm:", "keyvault:", "!"} {
		if strings.HasPrefix(lower, prefix) {
			return true
		}
	}
	inner := func(open, shut string) bool {
		return len(lower) > len(open)+len(shut) && strings.HasPrefix(lower, open) && strings.HasSuffix(lower, shut)
	}
	return inner("<", ">") || inner("[", "]") || inner("__", "__") || inner("%", "%") || inner("{", "}") && !strings.Contains(lower, `"`)
}

// isFiller reports whether a value is made of words that people write where a value
// is to be filled in, or for which nobody means to keep a secret.
func isFiller(name, lower string) bool {
	for _, part := range [...]string{"changeme", "change_me", "change-me", "change this", "replace", "placeholder", "example", "dummy", "fake", "insecure", "redacted", "notreal", "not-real", "xxxx", "todo", "fixme"} {
		if strings.Contains(lower, part) {
			return true
		}
	}
	words := strings.FieldsFunc(lower, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if slices.Contains(words, "your") || strings.Trim(strings.Join(words, ""), words[0][:1]) == "" {
		return true // "your-token", "0000-0000"
	}
	ofName := Words(name)
	for _, word := range words {
		if !slices.Contains(ofName, word) && !isFillerWord(word) && !(isNumber(word) && len(word) <= 4) {
			return false
		}
	}
	return true
}

// isFillerWord reports whether a word is a filler, or several of them in one.
func isFillerWord(word string) bool {
	if slices.Contains(fillers[:], word) {
		return true
	}
	if len(word) > 40 {
		return false // nor would trying all ways to cut it end
	}
	return slices.ContainsFunc(fillers[:], func(filler string) bool {
		rest, begins := strings.CutPrefix(word, filler)
		return begins && len(filler) > 2 && isFillerWord(rest)
	})
}

// fillers are words of placeholders and of defaults that everybody knows.
var fillers = [...]string{
	"a", "the", "my", "our", "this", "that", "is", "in", "of", "for", "to", "and", "or", "not", "no", "be", "only", "use", "with", "please", "me", "it",
	"change", "changeit", "set", "insert", "enter", "put", "provide", "fill", "add", "get", "generate", "new", "random", "here", "value", "string", "text", "some", "any", "something",
	"true", "false", "yes", "on", "off", "none", "null", "nil", "undefined", "n", "na", "empty", "unset", "unused", "disabled", "enabled", "default", "real", "goes", "ignored", "removed", "hidden", "masked",
	"secret", "secrets", "password", "passwd", "pass", "pwd", "pw", "token", "key", "api", "apikey", "access", "private", "client", "auth", "credentials", "passphrase",
	"user", "username", "name", "admin", "root", "toor", "guest", "db", "database", "app", "application", "service", "server", "web",
	"dev", "devel", "development", "local", "localhost", "test", "tests", "testing", "ci", "demo", "fake", "mock", "sample", "temp", "tmp", "insecure", "unsafe",
	"foo", "bar", "baz", "qux", "abc", "xyz", "xxx", "tbd", "hello", "world", "qwerty", "keyboard", "cat",
	"postgres", "postgresql", "mysql", "mariadb", "redis", "rabbitmq", "mongo", "mongodb", "minio", "minioadmin", "elastic", "grafana", "docker", "vagrant",
}

// isSequence reports whether most characters follow the one before in the alphabet
// or in counting: 12345678, 0123456789abcdef.
func isSequence(lower string) bool {
	steps := 0
	for i := 1; i < len(lower); i++ {
		a, b := lower[i-1], lower[i]
		if b == a+1 || b == '0' && (a == '9' || a == 'f') || a == '9' && b == 'a' || a == 'z' && b == 'a' {
			steps++
		}
	}
	return len(lower) >= 3 && steps*4 >= (len(lower)-1)*3
}

// Words cuts a name into its words, in lower case: DB_PASSWORD, dbPassword and
// db.password are "db" and "password". It gives at least one.
func Words(name string) []string {
	var words []string
	start := 0
	cut := func(end int) {
		if end > start {
			words = append(words, strings.ToLower(name[start:end]))
		}
		start = end
	}
	for i := range len(name) {
		switch c := class(name[i]); {
		case c == 'o':
			cut(i)
			start = i + 1
		case i > 0 && c == 'u' && class(name[i-1]) == 'l':
			cut(i)
		}
	}
	cut(len(name))
	if words == nil {
		words = []string{""}
	}
	return words
}

func class(b byte) byte {
	switch {
	case 'a' <= b && b <= 'z':
		return 'l'
	case 'A' <= b && b <= 'Z':
		return 'u'
	case '0' <= b && b <= '9':
		return 'd'
	}
	return 'o'
}

func isNumber(word string) bool { return word != "" && strings.Trim(word, "0123456789") == "" }

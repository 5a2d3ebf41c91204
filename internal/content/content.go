// Package content tells what a plaintext is (an env file, a dockercfg, a key, …)
// and what the values in it are called, so that commands can speak about files
// without showing what is secret in them.
//
// Values, and names that may be a piece of one, are held as dockercfg.Secret,
// which does not print.
package content

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/envfile"
)

// Kind is what a plaintext is.
type Kind int

const (
	Binary           Kind = iota // not UTF-8, or with control characters
	Text                         // any other text
	EnvFile                      // one NAME=value a line
	Dockercfg                    // in any form, a Kubernetes Secret that holds one included
	KubernetesSecret             // of another type
	JSON                         // an object
	GoogleKey                    // the JSON of a Google service account
	PEM                          // keys and certificates
)

// kindNames is an array, since a map would be built at every start.
var kindNames = [...]string{
	Binary:           "binary",
	Text:             "text",
	EnvFile:          "env file",
	Dockercfg:        "dockercfg",
	KubernetesSecret: "Kubernetes Secret",
	JSON:             "JSON",
	GoogleKey:        "Google service account key",
	PEM:              "PEM",
}

// String gives the name of a kind for people.
func (k Kind) String() string {
	if k >= Binary && k <= PEM {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// Content is what is known about a plaintext.
type Content struct {
	Kind   Kind
	Form   dockercfg.Form // of a Dockercfg
	Syntax envfile.Syntax // of an EnvFile
	Items  []Item         // in the order of the text; of a Dockercfg, in that of the registries

	// Problem is why the text is not what its name or its beginning says, which
	// Kind then is: an *envfile.ParseError, a *dockercfg.ParseError, or for JSON
	// another error that gives the place. nil if nothing is wrong. It quotes no
	// value.
	Problem error
}

// Item is one value of a plaintext and what it is called. Binary and Text have none.
type Item struct {
	// Name is a variable, a registry, a member of JSON, the type of a PEM block, or
	// the key in a Kubernetes Secret. It is "" if it may be a piece of a secret,
	// as in an env file whose value was broken over several lines.
	Name string
	// Field is what of the credential for a registry this is: "user", "password",
	// "identity token", "registry token" or "email"; "" for other kinds.
	Field string
	// ID is the name, whatever it is. Items of one text differ in ID and Field.
	ID    dockercfg.Secret
	Value dockercfg.Secret
}

// String gives the item's name as it can be shown.
func (i Item) String() string {
	name := i.Name
	if name == "" {
		name = "(hidden name)"
	}
	if i.Field != "" {
		name += " " + i.Field
	}
	return name
}

// Names gives the names that can be shown, each once and in order, and how many
// there are beside these that cannot.
func (c *Content) Names() (names []string, hidden int) {
	for _, item := range c.Items {
		switch {
		case item.Name == "":
			hidden++
		case !slices.Contains(names, item.Name):
			names = append(names, item.Name)
		}
	}
	return names, hidden
}

// Parse tells what a plaintext is, by what is in it, and where that leaves a
// doubt by the name of its file: a path, with or without ".encrypted".
func Parse(data []byte, name string) *Content {
	hint := hintOf(name)
	text := strings.TrimPrefix(string(data), byteOrderMark)
	switch start := strings.TrimLeft(text, " \t\r\n"); {
	case start == "" && hint != Text:
		return ParseAs(hint, data)
	case start == "":
		return &Content{Kind: Text}
	case !isText(text):
		c := &Content{Kind: Binary}
		if hint == EnvFile || hint == Dockercfg {
			c = ParseAs(hint, data)
		}
		return c
	case strings.HasPrefix(start, "-----BEGIN "):
		if c := ParseAs(PEM, data); c.Problem == nil {
			return c
		}
	case start[0] == '{':
		return parseObject(data, hint)
	}
	if c := parseSecret(data); c != nil {
		return c
	}
	switch {
	case hint != Text && hint != JSON:
		return ParseAs(hint, data)
	case looksLikeVariables(text):
		return ParseAs(EnvFile, data)
	}
	return &Content{Kind: Text}
}

// ParseAs reads a plaintext that is meant to be of a kind. The Problem says why
// it is not.
func ParseAs(kind Kind, data []byte) *Content {
	c := &Content{Kind: kind}
	switch kind {
	case EnvFile:
		c.readVariables(data)
	case Dockercfg:
		c.readDockercfg(data)
	case KubernetesSecret:
		c.readSecret(data)
	case JSON, GoogleKey:
		c.readJSON(data)
	case PEM:
		c.readPEM(data)
	}
	return c
}

const byteOrderMark = "\ufeff"

// hintOf gives the kind that the name of a file speaks for, Text for none.
func hintOf(name string) Kind {
	base := strings.ToLower(name[strings.LastIndexAny(name, `/\`)+1:])
	base = strings.TrimSuffix(base, ".encrypted")
	words := strings.FieldsFunc(base, func(r rune) bool { return r == '.' || r == '-' || r == '_' })
	switch {
	case strings.Contains(base, "dockercfg"), strings.Contains(base, "dockerconfig"), base == "config.json", base == "auth.json":
		return Dockercfg
	case strings.HasSuffix(base, ".json"):
		return JSON
	case slices.Contains(words, "env"), slices.Contains(words, "environment"):
		return EnvFile
	}
	return Text
}

// isText tells text from other data.
func isText(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f' && r != '\v' && r != '\x1b' || r == 0x7f
	})
}

// looksLikeVariables tells an env file, without the help of its name, from other
// text: every line that is no comment sets a variable, and is no base64.
func looksLikeVariables(text string) bool {
	file, err := envfile.Parse([]byte(text), envfile.Docker)
	if err != nil || strings.HasPrefix(text, "#!") {
		return false
	}
	valued := false
	for _, v := range file.Variables {
		if !v.Plain {
			return false
		}
		valued = valued || strings.Trim(v.Value, "=") != "" || strings.Contains(v.Name, "_")
	}
	return valued
}

// readVariables reads Docker's syntax, and dotenv where that alone will do.
func (c *Content) readVariables(data []byte) {
	file, err := envfile.Parse(data, envfile.Docker)
	if err != nil {
		c.Problem = err
		if file, err = envfile.Parse(data, envfile.Dotenv); err != nil {
			return
		}
		c.Problem, c.Syntax = nil, envfile.Dotenv
	}
	place := make(map[string]int)
	for _, v := range file.Variables {
		item := Item{ID: dockercfg.NewSecret(v.Name), Value: dockercfg.NewSecret(v.Value)}
		if v.Plain {
			item.Name = v.Name
		}
		at, again := place[v.Name]
		switch {
		case !again:
			place[v.Name] = len(c.Items)
			c.Items = append(c.Items, item)
		case v.Set: // the last line that sets a variable counts
			c.Items[at] = item
		}
	}
}

// isName reports whether a name in a document looks like one and can be shown.
func isName(name string) bool {
	return name != "" && len(name) <= 100 && utf8.ValidString(name) &&
		!bytes.ContainsFunc([]byte(name), func(r rune) bool { return r < ' ' || r == 0x7f })
}

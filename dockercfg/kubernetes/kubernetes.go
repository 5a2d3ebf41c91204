// Package kubernetes reads a dockercfg in any form, Kubernetes Secrets in YAML
// included. Package dockercfg alone reads those in JSON, and writes both; this
// one brings in a YAML library (some 0.75 MB and 0.1 ms at every start), which
// is why it stands apart.
package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/dockercfg/internal/secret"
)

// Parse reads what dockercfg.Parse reads, and YAML: one Secret of type
// kubernetes.io/dockerconfigjson or kubernetes.io/dockercfg, under data or
// stringData, alone or as the only such Secret among several documents or in a
// List. A text is taken for YAML if one of its lines begins with "apiVersion:"
// or "kind:".
//
// A change to the file replaces the one string in the YAML and leaves the rest
// to the byte, wherever that can be proved by reading it again; else comments
// and order are kept, and the layout becomes that of the YAML library.
//
// Sizes and errors are those of dockercfg.Parse; in YAML the column is not known.
func Parse(data []byte) (*dockercfg.File, error) {
	text := strings.TrimLeft(strings.TrimPrefix(string(data), "\ufeff"), " \t\r\n")
	if len(data) > dockercfg.MaxBytes || strings.HasPrefix(text, "{") || !secret.IsYAML(text) {
		return dockercfg.Parse(data)
	}
	documents, err := decode(data)
	if err != nil {
		return nil, err
	}
	var nodes []secret.Node
	for _, d := range documents {
		nodes = append(nodes, node{d.Content[0]})
	}
	found, problem := secret.Find(nodes)
	if problem != "" {
		return nil, &dockercfg.ParseError{Problem: problem}
	}
	return dockercfg.ParseEnvelope(data, envelope{source: string(data), documents: documents, found: found})
}

// decode gives the documents that are not empty. Aliases are not expanded.
func decode(data []byte) ([]*yaml.Node, error) {
	var documents []*yaml.Node
	for decoder := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var d yaml.Node
		err := decoder.Decode(&d)
		if err == io.EOF {
			return documents, nil
		}
		if err != nil {
			// The library's texts quote names from the file: its line number alone is used.
			problem := &dockercfg.ParseError{Problem: "it looks like a Kubernetes object, but is not valid YAML"}
			if _, after, found := strings.Cut(err.Error(), "line "); found {
				number, _, _ := strings.Cut(after, ":")
				problem.Line, _ = strconv.Atoi(number)
			}
			return nil, problem
		}
		if len(d.Content) == 1 && d.Content[0].Tag != "!!null" {
			documents = append(documents, &d)
		}
	}
}

// node is a YAML value as package secret looks at it.
type node struct{ *yaml.Node }

func (n node) Field(name string) (secret.Node, bool) {
	if n.Kind == yaml.MappingNode {
		for i := len(n.Content) - 2; i >= 0; i -= 2 { // of two with one name the last, as in JSON
			if n.Content[i].Kind == yaml.ScalarNode && n.Content[i].Value == name {
				return node{n.Content[i+1]}, true
			}
		}
	}
	return nil, false
}

func (n node) Elements() []secret.Node {
	if n.Kind != yaml.SequenceNode {
		return nil
	}
	nodes := make([]secret.Node, len(n.Content))
	for i, c := range n.Content {
		nodes[i] = node{c}
	}
	return nodes
}

func (n node) Text() (string, bool) {
	return n.Value, n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str"
}

// envelope is Kubernetes objects in YAML.
type envelope struct {
	source    string
	documents []*yaml.Node
	found     secret.Found
}

func (e envelope) Content() (text string, legacy bool) { return e.found.Text, e.found.Legacy }

func (e envelope) Replace(text []byte) ([]byte, error) {
	place := e.found.Value.(node).Node
	sealed := e.found.Seal(text)
	for _, candidate := range e.splices(place, sealed) {
		if e.differsOnlyAt(place, sealed, candidate) {
			return []byte(candidate), nil
		}
	}
	// The place could not be told in the text: let the library write it all.
	old := *place
	defer func() { *place = old }()
	place.Value, place.Style = sealed, 0
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	for _, d := range e.documents {
		if err := encoder.Encode(d); err != nil {
			return nil, errors.New("kubernetes: the Secret cannot be written as YAML")
		}
	}
	if err := encoder.Close(); err != nil || !e.differsOnlyAt(place, sealed, out.String()) {
		return nil, errors.New("kubernetes: the Secret cannot be written as YAML")
	}
	return out.Bytes(), nil
}

// splices gives the source with another text in place of a string, in the ways
// that may be right.
func (e envelope) splices(place *yaml.Node, text string) []string {
	start := offset(e.source, place.Line, place.Column)
	rest := e.source[start:]
	end, indent := extent(rest, place.Style), ""
	if end < 0 {
		return nil
	}
	before, after := e.source[:start], rest[end:]
	if e.found.Encoded {
		quote := ""
		if place.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 && rest != "" {
			quote = rest[:1]
		}
		return []string{before + quote + text + quote + after}
	}
	var all []string
	if block := strings.SplitAfterN(rest[:end], "\n", 2); place.Style&yaml.LiteralStyle != 0 && len(block) == 2 {
		indent = block[1][:len(block[1])-len(strings.TrimLeft(block[1], " "))]
		header := "|"
		if !strings.HasSuffix(text, "\n") {
			header = "|-"
		}
		body := ""
		for line := range strings.Lines(text) {
			body += indent + line
		}
		all = append(all, before+header+"\n"+strings.TrimSuffix(body, "\n")+after)
	}
	quoted, _ := json.Marshal(text) // JSON's strings are YAML's in double quotes, but for DEL
	return append(all, before+strings.ReplaceAll(string(quoted), "\x7f", `\u007f`)+after)
}

// offset gives the place of a line and column, from 1 and in characters.
func offset(text string, line, column int) int {
	at := 0
	for ; line > 1; line-- {
		next := strings.IndexByte(text[at:], '\n')
		if next < 0 {
			return len(text)
		}
		at += next + 1
	}
	for i := range text[at:] {
		if column--; column == 0 {
			return at + i
		}
	}
	return len(text)
}

// extent gives the length of the string with which text begins, -1 if that is
// not plain to see. What it says is checked by reading the result.
func extent(text string, style yaml.Style) int {
	switch {
	case style&yaml.DoubleQuotedStyle != 0:
		for i := 1; i < len(text); i++ {
			switch text[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
	case style&yaml.SingleQuotedStyle != 0:
		for i := 1; i < len(text); i++ {
			if text[i] != '\'' {
				continue
			}
			if i+1 == len(text) || text[i+1] != '\'' {
				return i + 1
			}
			i++
		}
	case style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return blockExtent(text)
	default: // plain: base64 on one line
		return len(text) - len(strings.TrimLeft(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))
	}
	return -1
}

// blockExtent gives the length of a block string: its header, and the lines that
// are indented as deep as the first or deeper.
func blockExtent(text string) int {
	end, indent := 0, -1
	at := 0
	for line := range strings.Lines(text) {
		at += len(line)
		content := strings.TrimRight(line, "\r\n")
		if end == 0 {
			end = len(content)
			continue
		}
		depth := len(content) - len(strings.TrimLeft(content, " "))
		if depth == len(content) {
			continue // blank: within the string if more of it follows
		}
		if indent < 0 {
			indent = depth
		}
		if depth < indent || depth == 0 {
			break
		}
		end = at - len(line) + len(content)
	}
	return end
}

// differsOnlyAt reports whether a text holds the same documents, comments too,
// with another string in one place.
func (e envelope) differsOnlyAt(place *yaml.Node, text, candidate string) bool {
	documents, err := decode([]byte(candidate))
	if err != nil || len(documents) != len(e.documents) {
		return false
	}
	for i := range documents {
		if !same(e.documents[i], documents[i], place, text) {
			return false
		}
	}
	return true
}

func same(a, b, place *yaml.Node, text string) bool {
	if a.Kind != b.Kind || a.Anchor != b.Anchor || a.ShortTag() != b.ShortTag() || len(a.Content) != len(b.Content) ||
		a.HeadComment != b.HeadComment || a.LineComment != b.LineComment || a.FootComment != b.FootComment {
		return false
	}
	if a == place {
		return b.Value == text
	}
	for i := range a.Content {
		if !same(a.Content[i], b.Content[i], place, text) {
			return false
		}
	}
	return a.Value == b.Value
}

// Package kubernetes reads a dockercfg in any form, Kubernetes Secrets in YAML
// included. Package dockercfg alone reads those in JSON, and writes both; this
// one brings in a YAML library (some 0.46 MB), which is why it stands apart.
package kubernetes

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/scanner"
	"github.com/goccy/go-yaml/token"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/dockercfg/internal/secret"
)

const byteOrderMark = "\ufeff"

// Parse reads what dockercfg.Parse reads, and YAML: one Secret of type
// kubernetes.io/dockerconfigjson or kubernetes.io/dockercfg, under data or
// stringData, alone or as the only such Secret among several documents or in a
// List. A text is taken for YAML if one of its lines begins with "apiVersion:"
// or "kind:".
//
// A change to the file replaces the one string in the YAML and leaves the rest
// to the byte, if that can be proved by reading it again; else Encode gives an error.
//
// Sizes, depth and errors are those of dockercfg.Parse; in YAML the column is not
// known, and a text of more than 20000 names, values and marks is refused.
func Parse(data []byte) (*dockercfg.File, error) {
	text := strings.TrimLeft(strings.TrimPrefix(string(data), "\ufeff"), " \t\r\n")
	if len(data) > dockercfg.MaxBytes || strings.HasPrefix(text, "{") || !secret.IsYAML(text) {
		return dockercfg.Parse(data)
	}
	yaml, invalid := parse(strings.TrimPrefix(string(data), byteOrderMark))
	if invalid != nil {
		return nil, invalid
	}
	var nodes []secret.Node
	for _, d := range yaml.documents {
		nodes = append(nodes, node{d})
	}
	found, problem := secret.Find(nodes)
	if problem != "" {
		return nil, &dockercfg.ParseError{Problem: problem}
	}
	return dockercfg.ParseEnvelope(data, envelope{parsed: yaml, source: string(data), found: found})
}

// maxTokens and maxDepth bound the time and the memory that the library takes:
// both grow with the square of the number of names and of the depth.
const (
	maxTokens = 20000
	maxDepth  = 100
)

// parsed is a text in YAML.
type parsed struct {
	documents []ast.Node // those that are not empty
	comments  []string
}

// parse reads a text without its byte order mark. Aliases are not expanded.
func parse(text string) (result parsed, problem *dockercfg.ParseError) {
	// The library is not written for hostile texts; what it does not foresee must
	// not end the program.
	defer func() {
		if recover() != nil {
			result, problem = parsed{}, invalid(nil)
		}
	}()
	if at := strings.IndexFunc(text, forbidden); at >= 0 {
		return parsed{}, invalid(&token.Position{Line: 1 + strings.Count(text[:at], "\n")})
	}
	tokens, problem := tokenize(text)
	if problem != nil {
		return parsed{}, problem
	}
	// The library loses what follows an empty document: each is parsed alone.
	start := 0
	for i, t := range tokens {
		if t.Type == token.CommentType {
			result.comments = append(result.comments, t.Value)
		}
		last := i+1 == len(tokens)
		if !last && t.Type != token.DocumentEndType && tokens[i+1].Type != token.DocumentHeaderType {
			continue
		}
		file, err := parser.Parse(tokens[start:i+1], 0, parser.AllowDuplicateMapKey())
		start = i + 1
		if err != nil {
			// The library's texts quote the file: its line number alone is used.
			if e, ok := err.(interface{ GetToken() *token.Token }); ok && e.GetToken() != nil {
				return parsed{}, invalid(e.GetToken().Position)
			}
			return parsed{}, invalid(nil)
		}
		for _, d := range file.Docs {
			switch d.Body.(type) {
			case nil, *ast.NullNode, *ast.CommentGroupNode:
			default:
				result.documents = append(result.documents, d.Body)
			}
		}
	}
	return result, nil
}

func invalid(position *token.Position) *dockercfg.ParseError {
	problem := &dockercfg.ParseError{Problem: "it looks like a Kubernetes object, but is not valid YAML"}
	if position != nil {
		problem.Line = position.Line
	}
	return problem
}

// forbidden reports whether YAML has no place for a character (YAML 1.2, 5.1).
func forbidden(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f || r == utf8.RuneError || r == 0xfeff
}

// tokenize splits a text, and sees to it that it is small and shallow enough, and
// that its aliases have anchors.
func tokenize(text string) (token.Tokens, *dockercfg.ParseError) {
	var (
		tokens  token.Tokens
		s       scanner.Scanner
		anchors []string
		columns []int // of the names and list items around a token
		flow    int   // brackets around a token
	)
	s.Init(text)
	for at := 0; ; {
		more, err := s.Scan()
		if err == io.EOF {
			return tokens, nil
		}
		tokens.Add(more...)
		if err != nil {
			if bad := tokens.InvalidToken(); bad != nil {
				return nil, invalid(bad.Position)
			}
			return nil, invalid(nil)
		}
		if len(tokens) > maxTokens {
			return nil, &dockercfg.ParseError{Problem: "it is YAML of too many parts"}
		}
		for ; at < len(tokens); at++ {
			t := tokens[at]
			column := -1
			switch t.Type {
			case token.SequenceStartType, token.MappingStartType:
				flow++
			case token.SequenceEndType, token.MappingEndType:
				flow--
			case token.SequenceEntryType, token.MappingKeyType:
				column = t.Position.Column
			case token.MappingValueType:
				if at > 0 {
					column = tokens[at-1].Position.Column
				}
			case token.DirectiveType: // no Secret needs one
				return nil, invalid(t.Position)
			case token.AnchorType, token.AliasType, token.TagType:
				columns = append(columns, t.Position.Column) // each goes one deeper
			}
			if column >= 0 && flow == 0 {
				for len(columns) > 0 && columns[len(columns)-1] >= column {
					columns = columns[:len(columns)-1]
				}
				columns = append(columns, column)
			}
			if flow+len(columns) > maxDepth {
				return nil, &dockercfg.ParseError{Line: t.Position.Line, Problem: "it is YAML nested too deep"}
			}
			if at > 0 && tokens[at-1].Type == token.AnchorType {
				anchors = append(anchors, t.Value)
			}
			if at > 0 && tokens[at-1].Type == token.AliasType && !slices.Contains(anchors, t.Value) {
				return nil, invalid(t.Position)
			}
		}
	}
}

// node is a YAML value as package secret looks at it.
type node struct{ ast.Node }

func (n node) Field(name string) (secret.Node, bool) {
	fields := content(bare(n.Node))
	if _, list := bare(n.Node).(*ast.SequenceNode); list {
		return nil, false
	}
	for i := len(fields) - 2; i >= 0; i -= 2 { // of two with one name the last, as in JSON
		if key, ok := bare(fields[i]).(*ast.StringNode); ok && key.Value == name {
			return node{fields[i+1]}, true
		}
	}
	return nil, false
}

func (n node) Elements() []secret.Node {
	list, ok := bare(n.Node).(*ast.SequenceNode)
	if !ok {
		return nil
	}
	nodes := make([]secret.Node, len(list.Values))
	for i, v := range list.Values {
		nodes[i] = node{v}
	}
	return nodes
}

func (n node) Text() (string, bool) {
	switch n := bare(n.Node).(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

// bare gives a value without its anchor.
func bare(n ast.Node) ast.Node {
	if a, ok := n.(*ast.AnchorNode); ok {
		return a.Value
	}
	return n
}

// content gives the names and values of a mapping by turns, the elements of a
// list, or what else is within a value.
func content(n ast.Node) (nodes []ast.Node) {
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			nodes = append(nodes, v.Key, v.Value)
		}
	case *ast.MappingValueNode:
		return []ast.Node{n.Key, n.Value}
	case *ast.SequenceNode:
		return n.Values
	case *ast.AnchorNode:
		return []ast.Node{n.Name, n.Value}
	case *ast.AliasNode:
		return []ast.Node{n.Value}
	case *ast.TagNode:
		return []ast.Node{n.Value}
	case *ast.MappingKeyNode:
		return []ast.Node{n.Value}
	}
	return nodes
}

// envelope is Kubernetes objects in YAML.
type envelope struct {
	parsed
	source string
	found  secret.Found
}

func (e envelope) Content() (text string, legacy bool) { return e.found.Text, e.found.Legacy }

func (e envelope) Replace(text []byte) ([]byte, error) {
	place := bare(e.found.Value.(node).Node)
	sealed := e.found.Seal(text)
	for _, candidate := range e.splices(place, sealed) {
		if e.differsOnlyAt(place, sealed, candidate) {
			return []byte(candidate), nil
		}
	}
	return nil, errors.New("kubernetes: the Secret cannot be changed in this layout of YAML")
}

// splices gives the source with another text in place of a string, in the ways
// that may be right.
func (e envelope) splices(place ast.Node, text string) []string {
	first := place.GetToken()
	if block, ok := place.(*ast.LiteralNode); ok {
		first = block.Start
	}
	mark := e.source[:len(e.source)-len(strings.TrimPrefix(e.source, byteOrderMark))]
	start := len(mark) + offset(e.source[len(mark):], first.Position.Line, first.Position.Column)
	rest := e.source[start:]
	end, indent := extent(rest, first.Type), ""
	if end < 0 {
		return nil
	}
	before, after := e.source[:start], rest[end:]
	if e.found.Encoded {
		quote := ""
		if (first.Type == token.DoubleQuoteType || first.Type == token.SingleQuoteType) && rest != "" {
			quote = rest[:1]
		}
		return []string{before + quote + text + quote + after}
	}
	var all []string
	if block := strings.SplitAfterN(rest[:end], "\n", 2); first.Type == token.LiteralType && len(block) == 2 {
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
func extent(text string, style token.Type) int {
	switch style {
	case token.DoubleQuoteType:
		for i := 1; i < len(text); i++ {
			switch text[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
	case token.SingleQuoteType:
		for i := 1; i < len(text); i++ {
			if text[i] != '\'' {
				continue
			}
			if i+1 == len(text) || text[i+1] != '\'' {
				return i + 1
			}
			i++
		}
	case token.LiteralType, token.FoldedType:
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
func (e envelope) differsOnlyAt(place ast.Node, text, candidate string) bool {
	other, problem := parse(strings.TrimPrefix(candidate, byteOrderMark))
	return problem == nil && slices.Equal(e.comments, other.comments) &&
		slices.EqualFunc(e.documents, other.documents, func(a, b ast.Node) bool { return same(a, b, place, text) })
}

func same(a, b, place ast.Node, text string) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a == place {
		got, ok := node{b}.Text()
		return ok && got == text
	}
	if a.Type() != b.Type() {
		return false
	}
	within, others := content(a), content(b)
	if len(within) == 0 || a.Type() == ast.TagType {
		was, _ := node{a}.Text()
		got, _ := node{b}.Text()
		if was != got || a.GetToken().Value != b.GetToken().Value {
			return false
		}
	}
	return slices.EqualFunc(within, others, func(a, b ast.Node) bool { return same(a, b, place, text) })
}

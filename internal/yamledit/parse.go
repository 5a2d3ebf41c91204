// Package yamledit finds strings in YAML, puts others in their place, and leaves
// everything else to the byte: comments, quotes, anchors, line ends.
//
// No error quotes a text.
package yamledit

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/scanner"
	"github.com/goccy/go-yaml/token"
)

const byteOrderMark = "\ufeff"

// Bounds to the time and the memory that the library takes. Memory grows with the
// number of names, values and marks; time also with the square of the number of
// names in one mapping of lines, and with the depth.
const (
	maxTokens = 200000
	maxPairs  = 50 * 1000 * 1000 // of two names in one mapping: 10000 names, in 0.5 s
	maxDepth  = 100
)

// Problems of an Error.
const (
	Invalid  = "it is not valid YAML"
	TooLarge = "it is YAML of too many parts"
	TooDeep  = "it is YAML nested too deep"
)

// Error says why a text cannot be read.
type Error struct {
	Line    int // from 1; 0 if it is not known
	Problem string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Problem
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Problem)
}

func invalid(position *token.Position) *Error {
	e := &Error{Problem: Invalid}
	if position != nil {
		e.Line = position.Line
	}
	return e
}

// A File is a text in YAML, or in JSON, which is YAML too.
type File struct {
	source    string
	lines     lineEnds   // of source, which the library does not see
	documents []ast.Node // those that are not empty
	comments  []string
	targets   map[*ast.AliasNode]ast.Node
	extents   map[*token.Token]extent // in the text that the library sees; nil if they cannot be told
}

// Parse reads a text of one or more documents, with or without a byte order mark.
// Directives, texts of more than 200000 names, values and marks, and mappings of more
// than 10000 names are refused.
// Every error is an *Error.
func Parse(text string) (*File, error) {
	f := &File{source: text, targets: make(map[*ast.AliasNode]ast.Node)}
	if problem := f.parse(); problem != nil {
		return nil, problem
	}
	return f, nil
}

func (f *File) parse() (problem *Error) {
	// The library is not written for hostile texts; what it does not foresee must
	// not end the program.
	defer func() {
		if recover() != nil {
			problem = invalid(nil)
		}
	}()
	text, ends := simplify(f.source)
	f.lines = ends
	if at := strings.IndexFunc(text, forbidden); at >= 0 {
		return invalid(&token.Position{Line: 1 + strings.Count(text[:at], "\n")})
	}
	tokens, problem := tokenize(text)
	if problem != nil {
		return problem
	}
	f.extents = locate(text, tokens)
	// The library loses what follows an empty document: each is parsed alone.
	start := 0
	for i, t := range tokens {
		if t.Type == token.CommentType {
			f.comments = append(f.comments, t.Value)
		}
		last := i+1 == len(tokens)
		if !last && t.Type != token.DocumentEndType && tokens[i+1].Type != token.DocumentHeaderType {
			continue
		}
		parsed, err := parser.Parse(tokens[start:i+1], 0, parser.AllowDuplicateMapKey())
		start = i + 1
		if err != nil {
			// The library's texts quote the file: its line number alone is used.
			if e, ok := err.(interface{ GetToken() *token.Token }); ok && e.GetToken() != nil {
				return invalid(e.GetToken().Position)
			}
			return invalid(nil)
		}
		for _, d := range parsed.Docs {
			switch d.Body.(type) {
			case nil, *ast.NullNode, *ast.CommentGroupNode:
			default:
				f.documents = append(f.documents, d.Body)
				f.resolve(d.Body, make(map[string]ast.Node))
			}
		}
	}
	return nil
}

// resolve finds out what the aliases in a document stand for: the latest anchor
// of that name before them.
func (f *File) resolve(n ast.Node, anchors map[string]ast.Node) {
	switch n := n.(type) {
	case *ast.AnchorNode:
		anchors[n.Name.GetToken().Value] = n.Value
	case *ast.AliasNode:
		f.targets[n] = anchors[n.Value.GetToken().Value]
	}
	for _, within := range content(n) {
		if within != nil {
			f.resolve(within, anchors)
		}
	}
}

// forbidden reports whether YAML has no place for a character (YAML 1.2, 5.1).
func forbidden(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' || r == 0x7f || r == utf8.RuneError || r == 0xfeff
}

// tokenize splits a text, and sees to it that it is small and shallow enough, and
// that its aliases have anchors.
func tokenize(text string) (token.Tokens, *Error) {
	var (
		tokens  token.Tokens
		s       scanner.Scanner
		anchors = make(map[string]bool)
		columns []column // of the names and list items around a token
		pairs   int      // of names in one mapping
		flow    int      // brackets around a token
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
			return nil, &Error{Problem: TooLarge}
		}
		for ; at < len(tokens); at++ {
			t := tokens[at]
			place, isName := -1, false
			switch t.Type {
			case token.SequenceStartType, token.MappingStartType:
				flow++
			case token.SequenceEndType, token.MappingEndType:
				flow--
			case token.SequenceEntryType:
				place = t.Position.Column
			case token.MappingKeyType:
				place, isName = t.Position.Column, true
			case token.MappingValueType:
				if at > 0 {
					place, isName = tokens[at-1].Position.Column, true
				}
			case token.DirectiveType: // what is read here needs none
				return nil, invalid(t.Position)
			case token.AnchorType, token.AliasType, token.TagType:
				columns = append(columns, column{at: t.Position.Column}) // each goes one deeper
			}
			if place >= 0 && flow == 0 {
				names := 0
				for len(columns) > 0 && columns[len(columns)-1].at >= place {
					if last := columns[len(columns)-1]; last.at == place {
						names = last.names
					}
					columns = columns[:len(columns)-1]
				}
				if isName {
					pairs += names
					names++
				}
				columns = append(columns, column{place, names})
			}
			if flow+len(columns) > maxDepth {
				return nil, &Error{Line: t.Position.Line, Problem: TooDeep}
			}
			if pairs > maxPairs {
				return nil, &Error{Line: t.Position.Line, Problem: TooLarge}
			}
			if at > 0 && tokens[at-1].Type == token.AnchorType {
				anchors[t.Value] = true
			}
			if at > 0 && tokens[at-1].Type == token.AliasType && !anchors[t.Value] {
				return nil, invalid(t.Position)
			}
		}
	}
}

// A column is where a name or a list item begins that others stand within.
type column struct {
	at    int
	names int // so far, in the mapping of that name
}

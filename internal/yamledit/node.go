package yamledit

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// Node is a value in a document, without its anchor and tag. The zero Node is the
// value of a name without one. Two Nodes of one File are equal if they are the
// same place.
type Node struct {
	file *File
	node ast.Node
}

func (f *File) at(n ast.Node) Node { return Node{f, bare(n)} }

// A Pair is a name of a mapping and its value.
type Pair struct {
	Name  string // "" for what is no string
	Merge bool   // the name is "<<": the pairs of the value count as if they stood here
	Line  int    // of the name, from 1
	Value Node
}

// Documents gives the documents that are not empty.
func (f *File) Documents() []Node {
	nodes := make([]Node, len(f.documents))
	for i, d := range f.documents {
		nodes[i] = f.at(d)
	}
	return nodes
}

// Pairs gives the pairs of a mapping in the order of the text, nil for other values.
func (n Node) Pairs() (pairs []Pair) {
	switch n.node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		for field := range slices.Chunk(content(n.node), 2) {
			name := bare(field[0])
			pair := Pair{Line: line(name), Value: n.file.at(field[1])}
			switch name := name.(type) {
			case *ast.StringNode:
				pair.Name = name.Value
			case *ast.MergeKeyNode:
				pair.Merge = true
			}
			pairs = append(pairs, pair)
		}
	}
	return pairs
}

// Field gives the value of a name in a mapping; of two with one name the last, as
// in JSON. Merged mappings are not looked into.
func (n Node) Field(name string) (Node, bool) {
	pairs := n.Pairs()
	for i := len(pairs) - 1; i >= 0; i-- {
		if pairs[i].Name == name && !pairs[i].Merge {
			return pairs[i].Value, true
		}
	}
	return Node{}, false
}

// Elements gives what is in a list, nil for other values.
func (n Node) Elements() []Node {
	list, ok := n.node.(*ast.SequenceNode)
	if !ok {
		return nil
	}
	nodes := make([]Node, len(list.Values))
	for i, v := range list.Values {
		nodes[i] = n.file.at(v)
	}
	return nodes
}

// Text gives a string.
func (n Node) Text() (string, bool) {
	switch n := n.node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

// Source gives the value as it is written in YAML; "" if there is none. It may be
// a secret.
func (n Node) Source() string {
	if n.node == nil {
		return ""
	}
	return n.node.String()
}

// Target gives what an alias stands for.
func (n Node) Target() (Node, bool) {
	alias, ok := n.node.(*ast.AliasNode)
	if !ok {
		return Node{}, false
	}
	return n.file.at(n.file.targets[alias]), true
}

// Line gives the number of the line on which the value begins, from 1; 0 if there
// is none.
func (n Node) Line() int { return line(n.node) }

func line(n ast.Node) int {
	if n == nil || n.GetToken() == nil {
		return 0
	}
	return n.GetToken().Position.Line
}

// bare gives a value without its anchors and tags.
func bare(n ast.Node) ast.Node {
	for {
		switch v := n.(type) {
		case *ast.AnchorNode:
			n = v.Value
		case *ast.TagNode:
			n = v.Value
		default:
			return n
		}
	}
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

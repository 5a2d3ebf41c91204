// Package kubernetes reads a dockercfg in any form, Kubernetes Secrets in YAML
// included. Package dockercfg alone reads those in JSON, and writes both; this
// one brings in a YAML library (some 0.46 MB), which is why it stands apart.
package kubernetes

import (
	"errors"
	"strings"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/dockercfg/internal/secret"
	"github.com/dockercfg/jet/internal/yamledit"
)

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
// known, and a text of more than 200000 names, values and marks is refused.
func Parse(data []byte) (*dockercfg.File, error) {
	text := strings.TrimLeft(strings.TrimPrefix(string(data), "\ufeff"), " \t\r\n")
	if len(data) > dockercfg.MaxBytes || strings.HasPrefix(text, "{") || !secret.IsYAML(text) {
		return dockercfg.Parse(data)
	}
	yaml, err := parse(data)
	if err != nil {
		return nil, err
	}
	var nodes []secret.Node
	for _, d := range yaml.Documents() {
		nodes = append(nodes, node{d})
	}
	found, problem := secret.Find(nodes)
	if problem != "" {
		return nil, &dockercfg.ParseError{Problem: problem}
	}
	return dockercfg.ParseEnvelope(data, envelope{yaml, found})
}

// parse reads YAML. Every error is a *dockercfg.ParseError.
func parse(data []byte) (*yamledit.File, error) {
	yaml, err := yamledit.Parse(string(data))
	if invalid := (*yamledit.Error)(nil); errors.As(err, &invalid) {
		problem := invalid.Problem
		if problem == yamledit.Invalid {
			problem = "it looks like a Kubernetes object, but is not valid YAML"
		}
		return nil, &dockercfg.ParseError{Line: invalid.Line, Problem: problem}
	}
	return yaml, nil
}

// node is a YAML value as package secret looks at it.
type node struct{ yamledit.Node }

func (n node) Field(name string) (secret.Node, bool) {
	field, ok := n.Node.Field(name)
	return node{field}, ok
}

func (n node) Elements() (nodes []secret.Node) {
	for _, element := range n.Node.Elements() {
		nodes = append(nodes, node{element})
	}
	return nodes
}

// envelope is Kubernetes objects in YAML.
type envelope struct {
	yaml  *yamledit.File
	found secret.Found
}

func (e envelope) Content() (text string, legacy bool) { return e.found.Text, e.found.Legacy }

func (e envelope) Replace(text []byte) ([]byte, error) {
	changed, err := e.yaml.Replace([]yamledit.Change{{
		Place: e.found.Value.(node).Node,
		Text:  e.found.Seal(text),
		Plain: e.found.Encoded,
	}})
	if err != nil {
		return nil, errors.New("kubernetes: the Secret cannot be changed in this layout of YAML")
	}
	return []byte(changed), nil
}

// Package secret finds the dockercfg in Kubernetes objects, whatever they are
// written in.
package secret

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// Types of Secrets that hold a dockercfg, and the keys under which they hold it
// (Kubernetes, "Docker config Secrets").
const (
	TypeConfig = "kubernetes.io/dockerconfigjson"
	TypeLegacy = "kubernetes.io/dockercfg"
	KeyConfig  = ".dockerconfigjson"
	KeyLegacy  = ".dockercfg"
)

// Node is a value in a document. Documents hold content that must not be quoted.
type Node interface {
	Field(name string) (Node, bool) // of a mapping; names are exact
	Elements() []Node               // of a list
	Text() (string, bool)           // of a string
}

// Found is the place of a dockercfg.
type Found struct {
	Value   Node   // the string
	Encoded bool   // it is base64
	Legacy  bool   // it is the flat form
	Text    string // what it holds, decoded
}

// Is reports whether a document is a Kubernetes object at all.
func Is(document Node) bool {
	_, kind := document.Field("kind")
	_, version := document.Field("apiVersion")
	return kind && version
}

// IsYAML reports whether a text looks like Kubernetes objects in YAML: a line
// begins with "apiVersion:" or "kind:".
func IsYAML(text string) bool {
	for line := range strings.Lines(text) {
		name, _, found := strings.Cut(line, ":")
		switch strings.Trim(name, `"'`) {
		case "apiVersion", "kind":
			return found
		}
	}
	return false
}

// Find gives the one dockercfg in the documents, each a Secret or a List. Other
// kinds of objects and Secrets of other types may stand beside it. The problem
// says why there is none.
func Find(documents []Node) (found Found, problem string) {
	var candidates []Node
	otherTypes, otherKinds := 0, 0
	var collect func(Node)
	collect = func(n Node) {
		switch text(n, "kind") {
		case "Secret":
			if kind := text(n, "type"); kind == TypeConfig || kind == TypeLegacy {
				candidates = append(candidates, n)
			} else {
				otherTypes++
			}
		case "List", "SecretList":
			if items, ok := n.Field("items"); ok {
				for _, item := range items.Elements() {
					collect(item)
				}
			}
		default:
			otherKinds++
		}
	}
	for _, document := range documents {
		collect(document)
	}
	switch {
	case len(candidates) > 1:
		return Found{}, fmt.Sprintf("it holds %d Kubernetes Secrets with a dockercfg; give one at a time", len(candidates))
	case len(candidates) == 1:
		return open(candidates[0])
	case otherTypes > 0:
		return Found{}, "it is a Kubernetes Secret of another type; " + TypeConfig + " or " + TypeLegacy + " is wanted"
	case otherKinds > 0:
		return Found{}, "it is a Kubernetes object of another kind than Secret"
	}
	return Found{}, "it is a Kubernetes List without a Secret"
}

func open(n Node) (found Found, problem string) {
	key := KeyConfig
	if found.Legacy = text(n, "type") == TypeLegacy; found.Legacy {
		key = KeyLegacy
	}
	// stringData is written over data (Kubernetes API, core/v1, Secret).
	for _, field := range [...]string{"stringData", "data"} {
		mapping, ok := n.Field(field)
		if !ok {
			continue
		}
		value, ok := mapping.Field(key)
		if !ok {
			continue
		}
		found.Value, found.Encoded = value, field == "data"
		if found.Text, ok = value.Text(); !ok {
			return Found{}, fmt.Sprintf("the Kubernetes Secret's %q is not a string", key)
		}
		if found.Encoded {
			decoded, err := base64.StdEncoding.DecodeString(found.Text) // skips line ends
			if err != nil {
				return Found{}, fmt.Sprintf("the Kubernetes Secret's %q is not base64; as plain text it belongs under stringData", key)
			}
			found.Text = string(decoded)
		}
		return found, ""
	}
	return Found{}, fmt.Sprintf("the Kubernetes Secret has no %q under data or stringData", key)
}

// Seal gives text as the value that Found is to have.
func (f Found) Seal(text []byte) string {
	if f.Encoded {
		return base64.StdEncoding.EncodeToString(text)
	}
	return string(text)
}

func text(n Node, field string) string {
	if value, ok := n.Field(field); ok {
		text, _ := value.Text()
		return text
	}
	return ""
}

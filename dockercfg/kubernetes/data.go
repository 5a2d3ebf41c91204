package kubernetes

import (
	"encoding/base64"
	"strings"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/dockercfg/internal/secret"
)

// Datum is one value of a Secret.
type Datum struct {
	Secret string // the name of the Secret, "" if it has none
	Key    string
	Value  dockercfg.Secret // decoded, if it stands under data and is base64
}

// Data gives what Secrets of any type hold, in YAML or JSON, in the order of the
// text: what stands under stringData and data. Found is whether there is a Secret
// at all. The limits and errors are those of Parse for YAML.
func Data(source []byte) (data []Datum, found bool, err error) {
	text := strings.TrimPrefix(string(source), "\ufeff")
	if len(source) > dockercfg.MaxBytes || !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") && !secret.IsYAML(text) {
		return nil, false, nil
	}
	yaml, err := parse(source)
	if err != nil {
		return nil, false, err
	}
	var collect func(node)
	collect = func(n node) {
		switch kind(n) {
		case "Secret":
			found = true
			data = append(data, values(n)...)
		case "List", "SecretList":
			if items, ok := n.Field("items"); ok {
				for _, item := range items.Elements() {
					collect(item.(node))
				}
			}
		}
	}
	for _, d := range yaml.Documents() {
		collect(node{d})
	}
	return data, found, nil
}

func kind(n node) string {
	field, ok := n.Field("kind")
	if !ok {
		return ""
	}
	text, _ := field.Text()
	return text
}

// values gives the data of one Secret.
func values(n node) (data []Datum) {
	name := ""
	if metadata, ok := n.Field("metadata"); ok {
		if field, ok := metadata.Field("name"); ok {
			name, _ = field.Text()
		}
	}
	for _, section := range [...]string{"data", "stringData"} {
		mapping, ok := n.Field(section)
		if !ok {
			continue
		}
		for _, pair := range mapping.(node).Pairs() {
			if pair.Name == "" {
				continue
			}
			text, isText := pair.Value.Text()
			if !isText {
				text = pair.Value.Source()
			}
			if section == "data" {
				if decoded, err := base64.StdEncoding.DecodeString(text); err == nil {
					text = string(decoded)
				}
			}
			data = append(data, Datum{Secret: name, Key: pair.Name, Value: dockercfg.NewSecret(text)})
		}
	}
	return data
}

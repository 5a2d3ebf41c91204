package content

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/dockercfg/kubernetes"
)

// parseObject tells what a text that begins as a JSON object is.
func parseObject(data []byte, hint Kind) *Content {
	if c := parseSecret(data); c != nil {
		return c
	}
	file, err := kubernetes.Parse(data)
	if hint == Dockercfg || err == nil && len(file.Entries()) > 0 || hasCredentialMember(data) {
		return ParseAs(Dockercfg, data)
	}
	c := ParseAs(JSON, data)
	if c.Problem != nil && hint != JSON {
		return &Content{Kind: Text}
	}
	return c
}

// hasCredentialMember reports whether a JSON object, perhaps a broken one, has a
// member at its top that config.json alone has.
func hasCredentialMember(data []byte) bool {
	found := false
	members(data, func(name string, _ json.RawMessage) {
		found = found || name == "auths" || name == "credsStore" || name == "credHelpers"
	})
	return found || !json.Valid(data) && bytes.Contains(data, []byte(`"auths"`))
}

// parseSecret reads Kubernetes Secrets; nil if it is something else.
func parseSecret(data []byte) *Content {
	items, found, err := kubernetes.Data(data)
	if !found || err != nil {
		return nil
	}
	if _, err := kubernetes.Parse(data); err == nil && len(items) == 1 {
		return ParseAs(Dockercfg, data)
	}
	return ParseAs(KubernetesSecret, data)
}

func (c *Content) readDockercfg(data []byte) {
	file, err := kubernetes.Parse(data)
	if err != nil {
		c.Problem = err
		return
	}
	c.Form = file.Form()
	for _, entry := range file.Entries() {
		for _, f := range [...]struct {
			name  string
			value dockercfg.Secret
		}{
			{"user", dockercfg.NewSecret(entry.Username)},
			{"password", entry.Password},
			{"identity token", entry.IdentityToken},
			{"registry token", entry.RegistryToken},
			{"email", dockercfg.NewSecret(entry.Email)},
		} {
			if f.value != (dockercfg.Secret{}) {
				c.Items = append(c.Items, Item{entry.Registry, f.name, dockercfg.NewSecret(entry.Registry), f.value})
			}
		}
	}
}

func (c *Content) readSecret(data []byte) {
	values, found, err := kubernetes.Data(data)
	if err != nil || !found {
		c.Problem = errors.Join(err, errors.New("it is no Kubernetes Secret"))
		return
	}
	several := slices.ContainsFunc(values, func(v kubernetes.Datum) bool { return v.Secret != values[0].Secret })
	add := c.adder()
	for _, v := range values {
		name := v.Key
		if several {
			name = v.Secret + "/" + v.Key
		}
		add(name, v.Value.Reveal())
	}
}

func (c *Content) readJSON(data []byte) {
	var kind string
	add := c.adder()
	c.Problem = members(data, func(name string, value json.RawMessage) {
		if name == "type" && json.Unmarshal(value, &kind) != nil {
			kind = ""
		}
		add(name, string(value))
	})
	if c.Kind = JSON; kind == "service_account" {
		c.Kind = GoogleKey
	}
}

// members calls visit for each member at the top of a JSON object. The error gives
// the place and quotes nothing.
func members(data []byte, visit func(name string, value json.RawMessage)) error {
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	decoder := json.NewDecoder(bytes.NewReader(data))
	wrong := func(problem string) error {
		before := data[:min(decoder.InputOffset(), int64(len(data)))]
		return fmt.Errorf("line %d, column %d: %s", 1+bytes.Count(before, []byte("\n")),
			1+len(bytes.Runes(before[bytes.LastIndexByte(before, '\n')+1:])), problem)
	}
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return wrong("a JSON object is wanted")
	}
	for decoder.More() {
		name, err := decoder.Token()
		text, isText := name.(string)
		if err != nil || !isText {
			return wrong("not valid JSON after this")
		}
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			return wrong("not valid JSON after this")
		}
		visit(text, value)
	}
	if _, err := decoder.Token(); err != nil {
		return wrong("not valid JSON after this")
	}
	if decoder.More() {
		return wrong("something follows the JSON object")
	}
	return nil
}

func (c *Content) readPEM(data []byte) {
	add := c.adder()
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		add(block.Type, string(pem.EncodeToMemory(block)))
		data = rest
	}
	if c.Items == nil {
		c.Problem = errors.New("it has no complete PEM block")
	}
}

// adder gives a function that adds items; another of the same name gets a number.
func (c *Content) adder() func(name, value string) {
	count := make(map[string]int)
	return func(name, value string) {
		id := name
		for count[name]++; count[name] > 1; count[name]++ {
			if id = fmt.Sprintf("%s %d", name, count[name]); count[id] == 0 {
				count[id] = 1
				break
			}
		}
		item := Item{ID: dockercfg.NewSecret(id), Value: dockercfg.NewSecret(value)}
		if isName(name) {
			item.Name = id
		}
		c.Items = append(c.Items, item)
	}
}

package oracle

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	registryaccounts "github.com/dockercfg/jet/internal/accounts"
	"github.com/dockercfg/jet/internal/accounts/accountstest"
)

// registriesSchema is the schema for files of registry accounts.
func registriesSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile("../../docs/registries.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("registries.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("registries.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// instance reads YAML as an editor does, with another library than jet.
func instance(text string) (value any, err error) {
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		return nil, err
	}
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(data))
}

// TestRegistriesSchema: the schema takes what jet reads, and refuses what jet refuses
// but for what no schema can tell.
func TestRegistriesSchema(t *testing.T) {
	schema := registriesSchema(t)
	for name, text := range map[string]string{"full": accountstest.Full, "skuid": accountstest.Skuid} {
		value, err := instance(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	refused := 0
	for _, test := range accountstest.Bad() {
		value, err := instance(test.Text)
		if err == nil {
			err = schema.Validate(value)
		}
		switch {
		case err != nil:
			refused++
		case !test.Blind:
			t.Errorf("%s: the schema takes it", test.Name)
		}
	}
	if refused < 70 {
		t.Errorf("%d files refused, want at least 70", refused)
	}
}

// TestRegistriesSchemaAgrees changes every value of good files in many ways. On each
// the schema and jet have to agree.
func TestRegistriesSchemaAgrees(t *testing.T) {
	schema := registriesSchema(t)
	tried := 0
	try := func(what string, document map[string]any) {
		if blind(document) {
			return
		}
		data, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		tried++
		bySchema := schema.Validate(value)
		_, byJet := registryaccounts.Parse(data)
		if (bySchema == nil) != (byJet == nil) {
			t.Errorf("%s:\njet: %v\nschema: %v\n%s", what, byJet, bySchema, data)
		}
	}
	others := []any{nil, "", "a", "A b", "0600", "30s", "eu-west-1", "ecr", "123456789012", 7, 1.5, -1, true, false, []any{}, []any{"a"}, []any{7}, map[string]any{}, map[string]any{"A": "b"}}
	names := append(slices.Clone(registryNames), "unknown")
	for text, lists := range map[string][]string{accountstest.Full: {"registries", "outputs"}, accountstest.Skuid: {"registries"}} {
		// JSON has no octal numbers.
		text = strings.ReplaceAll(text, "mode: 0640", `mode: "0640"`)
		read := func() map[string]any {
			var document map[string]any
			if err := yaml.Unmarshal([]byte(text), &document); err != nil {
				t.Fatal(err)
			}
			return document
		}
		for _, list := range lists {
			for i := range read()[list].([]any) {
				for _, name := range names {
					document := read()
					item := document[list].([]any)[i].(map[string]any)
					document[list] = []any{item} // the others make it slow
					if list == "registries" {
						delete(document, "outputs")
					}
					if was, ok := item[name]; ok {
						delete(item, name)
						try(list+" without "+name, document)
						item[name] = was
					}
					for _, other := range others {
						item[name] = other
						try(list+" with another "+name, document)
					}
				}
			}
		}
	}
	t.Logf("%d files", tried)
	if tried < 3000 {
		t.Errorf("%d files tried, want at least 3000", tried)
	}
}

// registryNames are all names in the file.
var registryNames = []string{
	"name", "address", "backend", "envFile", "envSyntax", "variables", "username", "password", "passwordFile", "passwordCommand", "email",
	"repositories", "caCert", "insecureSkipVerify", "plainHTTP", "timeout", "default", "region", "profile", "role", "externalId",
	"accountId", "location", "serviceAccount", "tenant", "clientId", "registryId",
	"dockercfg", "kubernetesSecret", "registry", "registries", "namespaces", "force", "mode", "owner", "group",
}

// blind reports whether a file has what no schema can tell: a role or an account that
// does not fit the address, an external id for no role, an output for nobody.
func blind(document map[string]any) bool {
	known := make(map[string]bool)
	for _, item := range document["registries"].([]any) {
		registry := item.(map[string]any)
		if name, ok := registry["name"].(string); ok {
			known[name] = true
		}
		variables, _ := registry["variables"].(map[string]any)
		address, _ := registry["address"].(string)
		role, _ := registry["role"].(string)
		switch {
		case registry["externalId"] != nil && registry["role"] == nil && registry["envFile"] == nil && variables["AWS_STS_ROLE"] == nil,
			role != "" && !strings.HasPrefix(role, "arn:") && !strings.Contains(address, ".dkr.ecr.") && registry["accountId"] == nil,
			registry["accountId"] != nil && address != "":
			return true
		}
	}
	outputs, _ := document["outputs"].([]any)
	for _, item := range outputs {
		output := item.(map[string]any)
		names, _ := output["registries"].([]any)
		for _, name := range append(names, output["registry"]) {
			if name, ok := name.(string); ok && name != "" && !known[name] {
				return true
			}
		}
	}
	return false
}

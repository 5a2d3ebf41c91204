package oracle

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/xeipuuv/gojsonschema"

	"github.com/dockercfg/jet/internal/check"
	"github.com/dockercfg/jet/internal/check/corpus"
)

// sarifSchema gives the JSON schema of the standard (OASIS, SARIF 2.1.0 Errata 01),
// which the module go-sarif carries as the text of a constant.
func sarifSchema(t *testing.T) string {
	t.Helper()
	dir := moduleDir(t, "github.com/owenrumney/go-sarif/v3")
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, "pkg", "report", "v210", "sarif", "schema.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	ast.Inspect(file, func(node ast.Node) bool {
		if value, ok := node.(*ast.BasicLit); ok && value.Kind == token.STRING && len(value.Value) > len(text) {
			text, err = strconv.Unquote(value.Value)
		}
		return err == nil
	})
	if err != nil || !strings.Contains(text, "sarif-schema-2.1.0.json") {
		t.Fatalf("there is no schema in %s (%v)", dir, err)
	}
	return text
}

// TestSARIF validates what jet check writes, for every repository of its corpus,
// against the schema of the standard.
func TestSARIF(t *testing.T) {
	schema, err := gojsonschema.NewSchema(gojsonschema.NewStringLoader(sarifSchema(t)))
	if err != nil {
		t.Fatal(err)
	}
	validate := func(text []byte) error {
		result, err := schema.Validate(gojsonschema.NewBytesLoader(text))
		if err == nil && !result.Valid() {
			err = fmt.Errorf("%v", result.Errors())
		}
		return err
	}
	if validate([]byte(`{"version": "2.1.0", "runs": [{"tool": {}}]}`)) == nil {
		t.Fatal("the schema takes what is not valid")
	}
	cases, err := corpus.Load(filepath.Join("..", "check"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	results := 0
	for _, c := range cases {
		dir := t.TempDir()
		if err := c.Build(dir); err != nil {
			if runtime.GOOS == "linux" {
				t.Fatal(err)
			}
			continue // a name that the file system does not have
		}
		report, err := check.Run(t.Context(), c.Options(dir))
		if err != nil {
			t.Fatal(err)
		}
		results += len(report.Findings)
		var text bytes.Buffer
		if err := report.WriteSARIF(&text, "1.2.3"); err != nil {
			t.Fatal(err)
		}
		if err := validate(text.Bytes()); err != nil {
			t.Errorf("%s: %v\n%s", c.Name, err, text.Bytes())
		}
	}
	if results < 60 {
		t.Errorf("only %d results were validated", results)
	}
}

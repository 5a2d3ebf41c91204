package registry

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocumented finds every name of a finding in docs/verify.md, and every field of the
// reports: both are for scripts.
func TestDocumented(t *testing.T) {
	source, err := os.ReadFile("report.go")
	if err != nil {
		t.Fatal(err)
	}
	docs, err := os.ReadFile(filepath.Join("..", "..", "docs", "verify.md"))
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`\bName = "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1)
	fields := regexp.MustCompile("json:\"([a-z_]+)").FindAllStringSubmatch(string(source), -1)
	if len(names) < 35 || len(fields) < 15 {
		t.Fatalf("%d names and %d fields", len(names), len(fields))
	}
	for _, name := range names {
		if !strings.Contains(string(docs), "`"+name[1]+"`") {
			t.Errorf("the finding %s is not in docs/verify.md", name[1])
		}
	}
	for _, field := range fields {
		if !strings.Contains(string(docs), `"`+field[1]+`"`) && !strings.Contains(string(docs), "`"+field[1]+"`") {
			t.Errorf("the field %s is not in docs/verify.md", field[1])
		}
	}
}

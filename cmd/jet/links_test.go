package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

var (
	markdownLink = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	codeSpan     = regexp.MustCompile("`[^`]*`")
)

// TestLinks follows the links of the documents that stay in the repository: what they
// name is there, and the headings too.
func TestLinks(t *testing.T) {
	top := filepath.Join("..", "..")
	var documents []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "images/*.md"} {
		found, err := filepath.Glob(filepath.Join(top, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, found...)
	}
	followed := 0
	for _, document := range documents {
		prose, _ := proseAndAnchors(t, document)
		for _, match := range markdownLink.FindAllStringSubmatch(prose, -1) {
			link := match[1]
			if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
				continue
			}
			followed++
			path, anchor, _ := strings.Cut(link, "#")
			target := document
			if path != "" {
				target = filepath.Join(filepath.Dir(document), filepath.FromSlash(path))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: the link %s leads nowhere", document, link)
				continue
			}
			if anchor == "" {
				continue
			}
			if _, anchors := proseAndAnchors(t, target); !anchors[anchor] {
				t.Errorf("%s: the link %s names no heading of %s", document, link, target)
			}
		}
	}
	if len(documents) < 15 || followed < 60 {
		t.Errorf("followed %d links of %d documents, which cannot be all", followed, len(documents))
	}
}

// proseAndAnchors gives a document without its code, and the anchors that GitHub makes
// of its headings.
func proseAndAnchors(t *testing.T, path string) (prose string, anchors map[string]bool) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	anchors = make(map[string]bool)
	var b strings.Builder
	code := false
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			code = !code
			continue
		}
		if code {
			continue
		}
		if title := strings.TrimLeft(line, "#"); title != line && strings.HasPrefix(title, " ") {
			name := anchorOf(title)
			for n, first := 1, name; anchors[name]; n++ {
				name = first + "-" + strconv.Itoa(n)
			}
			anchors[name] = true
		}
		b.WriteString(codeSpan.ReplaceAllString(line, ""))
	}
	return b.String(), anchors
}

// anchorOf is how GitHub names a heading.
func anchorOf(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimSpace(title))
}

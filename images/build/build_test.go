package main

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	r, err := parse("# x\nFROM scratch\nARG TARGETARCH\nCOPY linux-${TARGETARCH}/jet /jet\nLABEL a=\"b \\\"c\\\"\" \\\n\td=\"${VERSION}\"\nUSER 1:2\nENTRYPOINT [\"/jet\", \"x\"]\n")
	if err != nil {
		t.Fatal(err)
	}
	e := r.expand("arm64", "v1")
	if e.copies[0] != (file{"linux-arm64/jet", "/jet"}) || e.labels["a"] != `b "c"` || e.labels["d"] != "v1" || e.user != "1:2" || !slices.Equal(e.entrypoint, []string{"/jet", "x"}) {
		t.Errorf("got %+v", e)
	}
	for _, text := range []string{
		"", "FROM debian", "COPY a /a\nENTRYPOINT [\"/a\"]", "FROM scratch\nCOPY a /a", "FROM scratch\nENTRYPOINT [\"/a\"]",
		"FROM scratch\nCOPY a /a\nENTRYPOINT /a", "FROM scratch\nCOPY --chmod=755 a /a\nENTRYPOINT [\"/a\"]",
		"FROM scratch\nCOPY a /a\nRUN x\nENTRYPOINT [\"/a\"]", "FROM scratch\nCOPY a /a\nLABEL a=b\nENTRYPOINT [\"/a\"]",
		"FROM scratch\nCOPY a /a\nUSER bob\nENTRYPOINT [\"/a\"]", "FROM scratch\nCOPY a /a\nUSER 1:x\nENTRYPOINT [\"/a\"]",
		"FROM scratch\nCOPY a /a\nUSER 1\nENTRYPOINT [\"/a\"]", "FROM scratch\nCOPY a /a\nUSER 1:1\nUSER 2:2\nENTRYPOINT [\"/a\"]",
		"FROM scratch\nCOPY a b\nENTRYPOINT [\"/a\"]", "FROM scratch\nFROM scratch\nCOPY a /a\nENTRYPOINT [\"/a\"]",
	} {
		if r, err := parse(text); err == nil {
			t.Errorf("%q: got %+v", text, r)
		}
	}
}

// TestReproducible makes all images twice, from two folders.
func TestReproducible(t *testing.T) {
	var digests []string
	for range 2 {
		context, out := t.TempDir(), t.TempDir()
		for _, architecture := range architectures {
			dir := filepath.Join(context, "linux-"+architecture)
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "jet"), []byte(strings.Repeat(architecture, 1000)), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := build(context, out, "v1.2.3+4", "..", false); err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, pattern := range []string{"*/index.json", "*/blobs/sha256/*", "*.tar"} {
			paths, err := filepath.Glob(filepath.Join(out, pattern))
			if err != nil || len(paths) < 6 {
				t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
			}
			for _, path := range paths {
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				all.WriteString(strings.TrimPrefix(path, out) + "\x00" + string(data) + "\x00")
			}
		}
		digests = append(digests, all.String())
	}
	if digests[0] != digests[1] {
		t.Error("two builds of the same differ")
	}
}

func TestRoots(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ca.crt")
	if err := writeRoots(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if n := strings.Count(string(text), "BEGIN CERTIFICATE"); !pool.AppendCertsFromPEM(text) || n < 100 {
		t.Errorf("%d certificates", n)
	}
}

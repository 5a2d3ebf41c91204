package dockercfg_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/dockercfg/jet/dockercfg"
)

// benchmarkFile is a config.json of about 1 KiB.
func benchmarkFile(b *testing.B) string {
	var f dockercfg.File
	for i := range 9 {
		if err := f.Add(dockercfg.Entry{Registry: fmt.Sprintf("registry-%d.example.com", i), Username: "bob", Password: dockercfg.NewSecret(strings.Repeat("x", 40))}); err != nil {
			b.Fatal(err)
		}
	}
	text, err := f.Encode()
	if err != nil || len(text) < 900 || len(text) > 1200 {
		b.Fatalf("%d bytes, %v", len(text), err)
	}
	return string(text)
}

// BenchmarkParseLookup is what a credential helper does, beside docker/cli.
func BenchmarkParseLookup(b *testing.B) {
	text := benchmarkFile(b)
	b.Run("jet", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			f, err := dockercfg.Parse([]byte(text))
			if err != nil {
				b.Fatal(err)
			}
			if _, found, err := f.Lookup("registry-5.example.com"); !found || err != nil {
				b.Fatal(found, err)
			}
		}
	})
	b.Run("docker", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			config := configfile.New("")
			if err := config.LoadFromReader(strings.NewReader(text)); err != nil {
				b.Fatal(err)
			}
			if got, err := config.GetAuthConfig("registry-5.example.com"); err != nil || got.Username == "" {
				b.Fatal(got, err)
			}
		}
	})
}

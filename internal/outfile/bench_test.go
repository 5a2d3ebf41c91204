package outfile

import (
	"path/filepath"
	"testing"
)

func BenchmarkWriteFile1KiB(b *testing.B) {
	path := filepath.Join(b.TempDir(), "out")
	data := make([]byte, 1<<10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := WriteFile(path, data, Private); err != nil {
			b.Fatal(err)
		}
	}
}

package armor

import "testing"

func BenchmarkAppendEncode(b *testing.B) {
	body := make([]byte, blockBytes)
	text := make([]byte, 0, blockChars+blockLines)
	for name, wrapped := range map[string]bool{"line": false, "wrapped": true} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(blockBytes)
			for b.Loop() {
				appendEncode(text, body, wrapped)
			}
		})
	}
}

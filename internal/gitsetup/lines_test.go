package gitsetup

import (
	"bytes"
	"testing"
)

// FuzzLines adds to texts and takes away again.
func FuzzLines(f *testing.F) {
	for _, text := range []string{"", "a", "a\n", "a\r\nb", "\n\n", "#!/bin/sh\nexit 0", attributesLine, attributesLine + "\n" + attributesLine} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if rest, found := removeLine(addLine(text, attributesLine), attributesLine); !found || !bytes.Equal(rest, text) {
			t.Errorf("of %q is left %q", text, rest)
		}
		if _, had := cutBlock(text); had {
			return
		}
		if rest, found := cutBlock(addBlock(text, block("jet"))); !found || !bytes.Equal(rest, text) {
			t.Errorf("of the hook %q is left %q", text, rest)
		}
	})
}

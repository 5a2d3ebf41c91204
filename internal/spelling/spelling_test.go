package spelling_test

import (
	"testing"

	"github.com/dockercfg/jet/internal/spelling"
)

func TestNearest(t *testing.T) {
	known := []string{"encrypt", "decrypt", "generate", "version", "help", "key"}
	for word, want := range map[string]string{
		"encypt": "encrypt", "decrpyt": "decrypt", "genrate": "generate", "versions": "version", "hlep": "",
		"helo": "help", "x": "", "": "", "no": "", "kye": "", "deploy": "",
	} {
		if got := spelling.Nearest(word, known); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}

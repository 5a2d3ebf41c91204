package shellword_test

import (
	"os/exec"
	"testing"

	"github.com/dockercfg/jet/internal/shellword"
)

func TestQuote(t *testing.T) {
	for name, want := range map[string]string{
		"a/b.env": "a/b.env", "a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "-x": "'./-x'",
		"": "''", "a\x1b[2J": "FILE", "a\nb": "FILE", "a\xffb": "FILE", "é": "'é'", "~": "'~'", "-a b": "'./-a b'",
	} {
		got := shellword.Quote(name)
		if got != want {
			t.Errorf("%q: got %s, want %s", name, got, want)
		}
		shell, err := exec.LookPath("sh")
		if err != nil || got == shellword.Untypeable {
			continue
		}
		out, err := exec.Command(shell, "-c", "printf %s "+got).Output()
		if read := string(out); err != nil || read != name && read != "./"+name {
			t.Errorf("%q: a shell reads %s as %q (%v)", name, got, read, err)
		}
	}
}

package ecr_test

import (
	"os"
	"os/exec"
	"testing"
)

// runAlone runs a test in a process of its own, with variables that net/http reads
// once for each process.
func runAlone(t *testing.T, name string, variables ...string) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.run", "^"+name+"$", "-test.v")
	cmd.Env = append(os.Environ(), variables...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

//go:build unix

package refresh

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
)

// TestPipe: a pipe in the place of an output, from which nobody reads, holds nobody up.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, target := range []Target{&PasswordFile{file(path)}, &DockercfgFile{File: file(path)}} {
		done := make(chan error, 1)
		go func() {
			_, err := target.Write(t.Context(), Content{Entries: []dockercfg.Entry{entryFor("a.test", "1")}})
			done <- err
		}()
		select {
		case err := <-done:
			if err == nil || !strings.Contains(err.Error(), "no file") {
				t.Errorf("%T: got %v", target, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%T hangs", target)
		}
	}
}

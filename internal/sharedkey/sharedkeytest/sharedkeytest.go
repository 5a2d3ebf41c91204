// Package sharedkeytest lets a test program be jet-age too, so that tests need no
// other program.
package sharedkeytest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/dockercfg/jet/internal/agefile"
	"github.com/dockercfg/jet/internal/sharedkey"
)

// Main is for TestMain: it gives the exit code of the tests, for which there is a
// jet-age on PATH, or does the work of that program where it is called by its name.
func Main(m *testing.M) int {
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	if name == sharedkey.Program {
		if err := agefile.Serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	dir, err := os.MkdirTemp("", "jet-age-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	program := filepath.Join(dir, sharedkey.Program)
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if err := os.Symlink(self, program); err != nil {
		if err := os.Link(self, program); err != nil {
			panic(err)
		}
	}
	os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return m.Run()
}

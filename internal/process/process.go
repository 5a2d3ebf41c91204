// Package process runs other programs: for us, so that they end when their context
// does, do not see the project key and cannot flood us; or in our place, so that
// nobody sees a difference.
package process

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// pipeGrace is how long somebody else may hold the output of a program open after
// it ended or was killed: the agent of gpg that it started, say.
const pipeGrace = 500 * time.Millisecond

// hidden are the variables that give away the project key.
var hidden = []string{"JET_KEY", "JET_KEY_COMMAND", "JET_IDENTITY"}

// Command is exec.CommandContext for a program of somebody else's. When the
// context is done the program is killed, with all that it started where the
// system can do that; what still holds its output open then is left behind
// shortly after, and Run gives exec.ErrWaitDelay. Its environment is ours
// without the variables that hold the project key.
func Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := command(ctx, name, args...)
	cmd.Env = Environment()
	cmd.WaitDelay = pipeGrace
	return cmd
}

// Environment gives our environment without the variables that hold the project key.
func Environment() []string {
	var kept []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if runtime.GOOS == "windows" {
			name = strings.ToUpper(name)
		}
		if !slices.Contains(hidden, name) {
			kept = append(kept, entry)
		}
	}
	return kept
}

// Bounded is a writer that keeps the first Limit bytes and drops the rest, so that
// a program may end in its own way, unless OnFull ends it.
type Bounded struct {
	Limit  int
	OnFull func() // called for what is dropped; nil for nothing

	bytes []byte
	full  bool
}

// Bytes gives what was kept.
func (b *Bounded) Bytes() []byte { return b.bytes }

// Full reports whether anything was dropped.
func (b *Bounded) Full() bool { return b.full }

// Write takes all of p.
func (b *Bounded) Write(p []byte) (int, error) {
	room := min(b.Limit-len(b.bytes), len(p))
	b.bytes = append(b.bytes, p[:room]...)
	if room < len(p) {
		b.full = true
		if b.OnFull != nil {
			b.OnFull()
		}
	}
	return len(p), nil
}

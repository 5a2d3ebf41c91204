package projectkey

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// commandTimeout is how long JET_KEY_COMMAND may take. A variable for tests.
var commandTimeout = 30 * time.Second

// pipeGrace is how long somebody else may hold the output of a command open after
// it ended or was killed: a daemon that it started, say.
const pipeGrace = 500 * time.Millisecond

// run gives what command prints, trimmed. The error quotes neither.
func (l Lookup) run(ctx context.Context, command string) ([]byte, error) {
	if strings.TrimSpace(command) == "" {
		return nil, errSetButEmpty
	}
	timed, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	cmd := shell(timed, command)
	cmd.Dir = l.Dir
	cmd.Env = environmentWithout(keyVariable, commandVariable)
	var output boundedBuffer
	cmd.Stdout = &output
	cmd.Stderr = l.Stderr
	cmd.WaitDelay = pipeGrace
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case timed.Err() != nil:
		return nil, fmt.Errorf("no answer within %v: %w", commandTimeout, timed.Err())
	case output.full:
		return nil, fmt.Errorf("its output is over %d bytes", maxKeyBytes)
	case errors.Is(err, exec.ErrWaitDelay):
		// The command itself ended well and all that it wrote has arrived.
	case err != nil:
		return nil, err // "exit status 3"
	}
	return bytes.TrimSpace(output.text), nil
}

// boundedBuffer holds up to maxKeyBytes and then refuses more.
type boundedBuffer struct {
	text []byte
	full bool
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if len(b.text)+len(p) > maxKeyBytes {
		b.full = true
		return 0, errors.New("full")
	}
	b.text = append(b.text, p...)
	return len(p), nil
}

// environmentWithout gives the environment less the variables of these names.
func environmentWithout(names ...string) []string {
	var kept []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if runtime.GOOS == "windows" {
			name = strings.ToUpper(name)
		}
		keep := true
		for _, n := range names {
			keep = keep && name != n
		}
		if keep {
			kept = append(kept, entry)
		}
	}
	return kept
}

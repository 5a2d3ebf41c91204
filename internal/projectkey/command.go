package projectkey

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/dockercfg/jet/internal/process"
)

// commandTimeout is how long JET_KEY_COMMAND may take. A variable for tests.
var commandTimeout = 30 * time.Second

// run gives what command prints, trimmed. The error quotes neither.
func (l Lookup) run(ctx context.Context, command string) ([]byte, error) {
	if strings.TrimSpace(command) == "" {
		return nil, errSetButEmpty
	}
	timed, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	cmd := process.Shell(timed, command)
	cmd.Dir = l.Dir
	output := process.Bounded{Limit: maxKeyBytes, OnFull: cancel}
	cmd.Stdout = &output
	cmd.Stderr = l.Stderr
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case output.Full():
		return nil, fmt.Errorf("its output is over %d bytes", maxKeyBytes)
	case timed.Err() != nil:
		return nil, fmt.Errorf("no answer within %v: %w", commandTimeout, timed.Err())
	case errors.Is(err, exec.ErrWaitDelay):
		// The command itself ended well and all that it wrote has arrived.
	case err != nil:
		return nil, err // "exit status 3"
	}
	return bytes.TrimSpace(output.Bytes()), nil
}

package tokencache

import (
	"context"
	"errors"
	"os"
	"time"
)

var errInUse = errors.New("it is in use")

// acquireWithin locks a file, which it makes, for as long as that is open. A lock ends
// with the process that has it.
func acquireWithin(ctx context.Context, path string, patience time.Duration) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		file, err := acquire(path)
		if !errors.Is(err, errInUse) {
			return file, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

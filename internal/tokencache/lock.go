package tokencache

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/dockercfg/jet/internal/filelock"
)

// acquireWithin locks a file, which it makes, and waits for that as long as patience
// and the context allow.
func acquireWithin(ctx context.Context, path string, patience time.Duration) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		file, err := acquire(path)
		if !errors.Is(err, filelock.ErrInUse) {
			return file, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

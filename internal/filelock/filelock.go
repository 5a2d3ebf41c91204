// Package filelock opens files under a lock that one process alone can have. A lock
// lasts while the file is open, so it ends with the process, however that ends.
package filelock

import "errors"

// ErrInUse says that somebody else has the lock.
var ErrInUse = errors.New("it is in use")

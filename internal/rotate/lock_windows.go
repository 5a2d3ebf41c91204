package rotate

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/windows"
)

// acquire opens a file beside a journal that one process alone can have open, and
// that goes with it.
func acquire(journal string) (io.Closer, error) {
	name := journal + ".lock"
	name16, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	const shareNothing = 0
	handle, err := windows.CreateFile(name16, windows.GENERIC_READ|windows.GENERIC_WRITE, shareNothing, nil,
		windows.OPEN_ALWAYS, windows.FILE_ATTRIBUTE_NORMAL|windows.FILE_FLAG_DELETE_ON_CLOSE, 0)
	switch {
	case err == windows.ERROR_SHARING_VIOLATION:
		return nil, ErrRunning
	case err != nil:
		return nil, fmt.Errorf("lock %q: %w", name, err)
	}
	return os.NewFile(uintptr(handle), name), nil
}

//go:build !linux

package outfile

import (
	"errors"
	"io/fs"
	"os"
)

func openUnnamed(string, fs.FileMode, int) (*os.File, error) { return nil, errors.ErrUnsupported }

func link(*os.File, string) error { return errors.ErrUnsupported }

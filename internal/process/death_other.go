//go:build unix && !linux

package process

import "syscall"

func dyingWithUs() *syscall.SysProcAttr { return nil }

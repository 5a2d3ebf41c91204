package process

import "syscall"

// dyingWithUs has a program killed when we are: nobody would take away after it.
func dyingWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

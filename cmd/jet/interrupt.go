package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// An interrupter lets the first interrupt end a command in good order, and the
// second one kill the process.
//
// Listening for signals takes a thread, which is an eighth of the time that a
// small file needs. So a command listens only after a moment, or at once if it
// has something to tidy up. Before that an interrupt ends the process as any
// other: that leaves nothing behind, since outputs have no name yet.
type interrupter struct {
	cancel    context.CancelFunc
	begin     sync.Once
	listening bool
	mutex     sync.Mutex
}

// listenAfter is the moment. What takes longer is worth a thread.
const listenAfter = 10 * time.Millisecond

// interruptible gives the context that an interrupt ends.
func interruptible() (context.Context, *interrupter) {
	ctx, cancel := context.WithCancel(context.Background())
	i := &interrupter{cancel: cancel}
	time.AfterFunc(listenAfter, i.listen)
	return ctx, i
}

// listen begins to listen now.
func (i *interrupter) listen() {
	if i == nil {
		return
	}
	i.begin.Do(func() {
		signals := make(chan os.Signal, 1)
		i.mutex.Lock()
		i.listening = true
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
		i.mutex.Unlock()
		go func() {
			<-signals
			i.cancel()
			signal.Stop(signals)
		}()
	})
}

// shield is for the moment in which an output takes its name, which must not be
// cut in half: an interrupt that nobody listens for is ignored from here on.
func (i *interrupter) shield() {
	if i == nil {
		return
	}
	i.mutex.Lock()
	defer i.mutex.Unlock()
	if !i.listening {
		signal.Ignore(os.Interrupt, syscall.SIGTERM)
	}
}

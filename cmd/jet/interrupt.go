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
	cancel  context.CancelFunc
	begin   sync.Once
	signals chan os.Signal
	done    chan struct{} // closed when nobody attends to signals any more

	mutex     sync.Mutex
	listening bool
	patient   bool // there is plaintext to take away, so that nothing may kill the process
	lent      bool // the terminal is another program's, and so are its signals
}

// listenAfter is the moment. What takes longer is worth a thread.
const listenAfter = 10 * time.Millisecond

// interruptible gives the context that an interrupt ends.
func interruptible() (context.Context, *interrupter) {
	ctx, cancel := context.WithCancel(context.Background())
	i := &interrupter{cancel: cancel, signals: make(chan os.Signal, 1), done: make(chan struct{})}
	time.AfterFunc(listenAfter, i.listen)
	return ctx, i
}

// listen begins to listen now.
func (i *interrupter) listen() {
	if i == nil {
		return
	}
	i.begin.Do(func() {
		i.mutex.Lock()
		i.listening = true
		i.notify(os.Interrupt, syscall.SIGTERM)
		i.mutex.Unlock()
		go i.attend()
	})
}

// notify begins to catch signals, but for those that were ignored from the start:
// SIGHUP under nohup, SIGINT in the background of a script.
func (i *interrupter) notify(signals ...os.Signal) {
	for _, s := range signals {
		if !signal.Ignored(s) {
			signal.Notify(i.signals, s)
		}
	}
}

// attend waits for the first interrupt that is ours. Unless it is patient, the
// second one kills the process.
func (i *interrupter) attend() {
	defer close(i.done)
	for s := range i.signals {
		i.mutex.Lock()
		passedOver := i.lent && (s == os.Interrupt || s == syscall.SIGQUIT)
		patient := i.patient
		i.mutex.Unlock()
		if passedOver {
			continue
		}
		i.cancel()
		if !patient {
			signal.Stop(i.signals)
			return
		}
	}
}

// protect is for a command that makes plaintext others can read: from here on
// every signal that ends programs ends it in good order, however often it comes.
func (i *interrupter) protect() {
	if i == nil {
		return
	}
	i.listen()
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.patient = true
	i.notify(os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP)
}

// lend leaves what is typed to interrupt programs (Ctrl-C) to the program that has
// the terminal now, until it is taken back.
func (i *interrupter) lend(lent bool) {
	if i == nil {
		return
	}
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.lent = lent
}

// handOver leaves all signals to another program, or to somebody who catches them
// already. Those that came before have ended the context when it returns.
func (i *interrupter) handOver() {
	if i == nil {
		return
	}
	i.begin.Do(func() { close(i.done) })
	signal.Stop(i.signals)
	close(i.signals)
	<-i.done
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

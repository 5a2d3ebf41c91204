// Package pipeline passes a stream of blocks through parallel work and keeps their order.
package pipeline

import (
	"runtime"
	"sync"
)

// Run fills blocks one after the other, works on several of them at once, and
// drains them in the order in which they were filled. It returns when the block
// for which fill reported last is drained, or at the first error in stream order:
// every block before the one that failed has then been drained, and none after.
//
// A block is made by its zero value and used again after it was drained. A stream
// of one block, the usual small file, takes no goroutine.
func Run[B any](fill func(*B) (last bool, err error), work, drain func(*B) error) error {
	var first B
	last, err := fill(&first)
	if err != nil {
		return err
	}
	if last {
		if err := work(&first); err != nil {
			return err
		}
		return drain(&first)
	}

	type job struct {
		block B
		err   error
		done  chan struct{}
	}
	workers := runtime.GOMAXPROCS(0)
	depth := 2*workers + 2
	var (
		idle  = make(chan *job, depth) // blocks to fill
		ready = make(chan *job, depth) // blocks to work on
		order = make(chan *job, depth) // all blocks on their way, in order
		stop  = make(chan struct{})
		group sync.WaitGroup
	)
	for range depth - 1 {
		idle <- &job{done: make(chan struct{}, 1)}
	}
	head := &job{block: first, done: make(chan struct{}, 1)}
	ready <- head
	order <- head

	group.Go(func() {
		defer close(order)
		defer close(ready)
		for {
			select {
			case <-stop:
				return
			case j := <-idle:
				last, err := fill(&j.block)
				if err != nil {
					j.err = err
					j.done <- struct{}{}
					order <- j
					return
				}
				ready <- j
				order <- j
				if last {
					return
				}
			}
		}
	})
	for range workers {
		group.Go(func() {
			for j := range ready {
				j.err = work(&j.block)
				j.done <- struct{}{}
			}
		})
	}

	var failed error
	for j := range order {
		<-j.done
		if failed != nil {
			continue
		}
		if failed = j.err; failed == nil {
			failed = drain(&j.block)
		}
		if failed != nil {
			close(stop)
			continue
		}
		idle <- j
	}
	group.Wait()
	return failed
}

package main

import (
	"bytes"
	"io"
	"sync/atomic"
	"time"
)

// A logQueue writes lines, each one a Write, without having anybody wait: where the
// log is not taken off, as from a pipe whose reader stands still, credentials have to
// stay alive all the same. Lines that it has no room for are lost, and counted.
type logQueue struct {
	to    io.Writer
	lost  func(lines int64) // tells it to the same writer, when there is room again
	lines chan []byte
	count atomic.Int64 // of lines that were lost since that was told
	ended chan struct{}
}

// maxQueued is how many lines wait, and lastLines how long they may be written for at
// the end.
const (
	maxQueued = 4096
	lastLines = time.Second
)

func newLogQueue(to io.Writer, lost func(int64)) *logQueue {
	q := &logQueue{to: to, lost: lost, lines: make(chan []byte, maxQueued), ended: make(chan struct{})}
	go q.run()
	return q
}

func (q *logQueue) run() {
	defer close(q.ended)
	for line := range q.lines {
		if n := q.count.Swap(0); n > 0 {
			q.lost(n)
		}
		q.to.Write(line) // nobody could be told of an error
	}
}

// Write does not fail.
func (q *logQueue) Write(line []byte) (int, error) {
	select {
	case q.lines <- bytes.Clone(line):
	default:
		q.count.Add(1)
	}
	return len(line), nil
}

// end has the last lines written, if that is possible. No Write may follow.
func (q *logQueue) end() {
	close(q.lines)
	select {
	case <-q.ended:
	case <-time.After(lastLines):
	}
}

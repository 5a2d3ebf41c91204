package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A slowWriter stands still until it is let go.
type slowWriter struct {
	goes chan struct{}
	bytes.Buffer
}

func (w *slowWriter) Write(p []byte) (int, error) {
	<-w.goes
	return w.Buffer.Write(p)
}

func TestLogQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowWriter{goes: make(chan struct{})}
		q := newLogQueue(w, func(n int64) { fmt.Fprintf(w, "lost %d\n", n) })
		for i := range maxQueued + 11 {
			fmt.Fprintf(q, "line %d\n", i)
			if i == 0 {
				synctest.Wait() // it is being written
			}
		}
		close(w.goes)
		synctest.Wait()
		fmt.Fprintf(q, "the last\n")
		q.end()
		got := strings.Split(w.String(), "\n")
		if len(got) != maxQueued+4 || got[0] != "line 0" || got[1] != "lost 10" || got[maxQueued+1] != fmt.Sprintf("line %d", maxQueued) || got[maxQueued+2] != "the last" {
			t.Errorf("%d lines: %q … %q", len(got), got[:3], got[len(got)-3:])
		}
	})
}

// TestLogQueueEnd has a writer that stands still for ever, which keeps nobody from
// ending.
func TestLogQueueEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowWriter{goes: make(chan struct{})}
		q := newLogQueue(w, func(int64) {})
		fmt.Fprintf(q, "a line\n")
		begun := time.Now()
		q.end()
		if took := time.Since(begun); took != lastLines {
			t.Errorf("it took %v", took)
		}
		close(w.goes)
	})
}

// TestLogLinesBound has a program that prints something else each time, for ever: an hour
// has so many lines, and then there are more.
func TestLogLinesBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := &logLines{log: slog.New(slog.NewJSONHandler(&log, nil))}
		count := func(wanted int) {
			t.Helper()
			for i := range 3 * maxSeen {
				fmt.Fprintf(l, "line %d\n", i)
			}
			if n := strings.Count(log.String(), "\n"); n != wanted {
				t.Errorf("%d lines", n)
			}
			log.Reset()
		}
		count(maxSeen + 1) // one says that there are more
		time.Sleep(forgetSeen - time.Second)
		count(0)
		time.Sleep(time.Second)
		count(maxSeen + 1)
	})
}

package refresh

import (
	"container/heap"
	"time"
)

// A task is something to do at a time: to ask for an account or to write an output.
type task struct {
	due     time.Time // on the wall
	index   int       // in the queue; -1 while it is not there
	running bool
	begin   func() // does it, in the background
}

// A queue holds the tasks that wait, the next one first.
type queue []*task

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push and Pop are for package heap.
func (q *queue) Push(x any) {
	t := x.(*task)
	t.index = len(*q)
	*q = append(*q, t)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	t.index = -1
	return t
}

// set makes a task due at a time. One that is running is set again when it ends.
func (q *queue) set(t *task, due time.Time) {
	t.due = due
	switch {
	case t.running:
	case t.index < 0:
		heap.Push(q, t)
	default:
		heap.Fix(q, t.index)
	}
}

// drop takes a task out, if it is there.
func (q *queue) drop(t *task) {
	if t.index >= 0 {
		heap.Remove(q, t.index)
	}
}

// next takes the first task out if it is due, else says how long that takes; false
// for an empty queue.
func (q *queue) next(now time.Time) (t *task, wait time.Duration, ok bool) {
	if len(*q) == 0 {
		return nil, 0, false
	}
	if wait := (*q)[0].due.Sub(now); wait > 0 {
		return nil, wait, true
	}
	return heap.Pop(q).(*task), 0, true
}

package pipeline_test

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/dockercfg/jet/crypto/internal/pipeline"
)

type block struct{ in, out int }

// count fills blocks with 0, 1, 2 … below n.
func count(n int) func(*block) (bool, error) {
	next := 0
	return func(b *block) (bool, error) {
		b.in = next
		next++
		return next >= n, nil
	}
}

func TestRunKeepsOrder(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 100} {
		work := func(b *block) error {
			time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond)
			b.out = b.in * b.in
			return nil
		}
		want := 0
		drain := func(b *block) error {
			if b.in != want || b.out != want*want {
				t.Errorf("%d blocks: drained %d (%d), want %d", n, b.in, b.out, want)
			}
			want++
			return nil
		}
		if err := pipeline.Run(count(n), work, drain); err != nil {
			t.Fatal(err)
		}
		if want != n {
			t.Errorf("drained %d blocks, want %d", want, n)
		}
	}
}

// An error anywhere lets exactly the blocks before it through, and leaves no goroutine.
func TestRunStopsAtTheFirstError(t *testing.T) {
	boom := errors.New("boom")
	before := runtime.NumGoroutine()
	for _, bad := range []int{0, 1, 5, 50} {
		for _, stage := range []string{"fill", "work", "drain"} {
			fails := func(name string, b *block) error {
				if name == stage && b.in == bad {
					return boom
				}
				if name == "work" && b.in > bad && stage == "work" {
					return errors.New("a later error")
				}
				return nil
			}
			drained := 0
			next := count(100)
			err := pipeline.Run(
				func(b *block) (bool, error) {
					last, _ := next(b)
					return last, fails("fill", b)
				},
				func(b *block) error { return fails("work", b) },
				func(b *block) error {
					if err := fails("drain", b); err != nil {
						return err
					}
					drained++
					return nil
				})
			if !errors.Is(err, boom) {
				t.Errorf("%s of block %d: got %v, want boom", stage, bad, err)
			}
			if drained != bad {
				t.Errorf("%s of block %d: drained %d blocks", stage, bad, drained)
			}
		}
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

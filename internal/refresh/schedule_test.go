package refresh

import (
	"testing"
	"time"
)

func TestUntilRefresh(t *testing.T) {
	const h, m, s = time.Hour, time.Minute, time.Second
	for _, c := range []struct {
		life, interval time.Duration
		latest         time.Duration
	}{
		{12 * h, 0, 6 * h},
		{12 * h, 30 * m, 30 * m},
		{12 * h, 24 * h, 6 * h},
		{m, 6 * h, 30 * s},
		{s, 0, s}, // never more often
		{0, 0, DefaultInterval},
		{0, 6 * h, 6 * h},
		{0, m, m},
	} {
		if got := untilRefresh(c.life, c.interval, 0); got != c.latest {
			t.Errorf("life %v, interval %v: got %v, want %v", c.life, c.interval, got, c.latest)
		}
		if got := untilRefresh(c.life, c.interval, 0.999); got > c.latest || got < min(c.latest, max(s, c.latest*9/10)) {
			t.Errorf("life %v, interval %v: got %v, want a tenth less than %v at most", c.life, c.interval, got, c.latest)
		}
	}
}

// TestPauses follows an outage from the middle of a life to its end: there is always
// another try, and the last one is in the last seconds.
func TestPauses(t *testing.T) {
	for _, life := range []time.Duration{15 * time.Minute, time.Hour, 12 * time.Hour} {
		for _, chance := range []float64{0, 0.5, 0.999} {
			left, failures, longest := life/2, 0, time.Duration(0)
			for left > 0 {
				failures++
				pause := pauseAfter(failures, firstPause, lastPause, left, chance)
				longest = max(longest, pause)
				if pause >= left && left > 2*leastPause {
					t.Errorf("life %v: a pause of %v where %v are left", life, pause, left)
				}
				left -= pause
			}
			if failures < 20 || longest > lastPause {
				t.Errorf("life %v: %d tries, pauses of up to %v", life, failures, longest)
			}
		}
	}
	if got := pauseAfter(1000, firstPause, lastPause, 0, 0); got != lastPause {
		t.Errorf("after 1000 failures: got %v, want %v", got, lastPause)
	}
}

func TestPatience(t *testing.T) {
	for _, c := range []struct{ timeout, left, want time.Duration }{
		{0, 0, DefaultTimeout},
		{0, time.Hour, DefaultTimeout},
		{0, time.Minute, time.Minute / 8},
		{0, time.Second, leastPatience},
		{time.Second, time.Second, time.Second},
		{time.Minute, 0, time.Minute},
	} {
		if got := patience(c.timeout, c.left); got != c.want {
			t.Errorf("timeout %v, left %v: got %v, want %v", c.timeout, c.left, got, c.want)
		}
	}
}

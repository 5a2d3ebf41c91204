package refresh

import "time"

// How long to wait. Chances are numbers from 0 up to 1.
const (
	// leastPause is the shortest time between two tries for one thing.
	leastPause = time.Second

	// Pauses after failures begin with the first and double up to the last. With
	// the last one, 2,000 registries that all fail are 9 requests a second.
	firstPause, lastPause = 5 * time.Second, 5 * time.Minute
	// The same where an output cannot be written: nobody's server is burdened.
	firstWritePause, lastWritePause = time.Second, time.Minute

	// spread is the part of the time up to a refresh that chance takes off, so that
	// credentials that came together are not all renewed together ever after.
	spread = 0.1
)

// untilRefresh is how long after it came a credential is asked for again: after
// half of its life, or after the interval, if that is sooner. A life or an interval
// of 0 has no end.
func untilRefresh(life, interval time.Duration, chance float64) time.Duration {
	wait := life / 2
	if life == 0 {
		wait = DefaultInterval
	}
	if interval > 0 && (interval < wait || life == 0) {
		wait = interval
	}
	wait -= time.Duration(spread * chance * float64(wait))
	return max(wait, leastPause)
}

// pauseAfter is how long to wait after so many failures in a row. As long as the
// credential at hand is alive (left > 0) the pause is an eighth of what is left of
// its life at most: the tries become denser towards the end, and there is always
// another one before it.
func pauseAfter(failures int, first, last, left time.Duration, chance float64) time.Duration {
	pause := last
	if doublings := failures - 1; doublings < 16 {
		pause = min(first<<doublings, last)
	}
	pause -= time.Duration(chance * float64(pause) / 2)
	if left > 0 {
		pause = min(pause, left/8)
	}
	return max(pause, leastPause)
}

// leastPatience is how long any try may take, if its own limit is not lower.
const leastPatience = 5 * time.Second

// patience is how long one try may take: a server that does not answer must not
// use up what is left of the life of the credential at hand.
func patience(timeout, left time.Duration) time.Duration {
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	if left > 0 {
		timeout = min(timeout, max(left/8, leastPatience))
	}
	return timeout
}

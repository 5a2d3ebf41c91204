package main

import (
	"testing"
	"time"
)

func TestExpires(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	const when = "2026-11-21 12:00 UTC"
	for left, want := range map[time.Duration]string{
		time.Second:           "expires " + when + ", in 1s",
		59 * time.Minute:      "expires " + when + ", in 59m",
		2 * time.Hour:         "expires " + when + ", in 2h",
		47 * time.Hour:        "expires " + when + ", in 47h",
		48 * time.Hour:        "expires " + when + ", in 2d",
		0:                     "expired " + when + ", 0s ago",
		-90 * time.Minute:     "expired " + when + ", 1h ago",
		-400 * 24 * time.Hour: "expired " + when + ", 400d ago",
	} {
		if got := expires(at, at.Add(-left)); got != want {
			t.Errorf("%v: got %q, want %q", left, got, want)
		}
	}
}

package refresh

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dockercfg/jet/generators"
)

// A herd counts the requests of many accounts to one cloud.
type herd struct {
	begun time.Time
	mutex sync.Mutex
	asked []int // by the second
	got   []int // of them those that brought a token
}

// A member is one of the herd.
type member struct {
	generators.Source
	herd *herd
}

func (m member) Generate(ctx context.Context) (generators.Result, error) {
	result, err := m.Source.Generate(ctx)
	h := m.herd
	h.mutex.Lock()
	defer h.mutex.Unlock()
	second := int(time.Since(h.begun) / time.Second)
	for len(h.asked) <= second {
		h.asked, h.got = append(h.asked, 0), append(h.got, 0)
	}
	h.asked[second]++
	if err == nil {
		h.got[second]++
	}
	return result, err
}

// between gives the requests and the tokens of a time, and the second with the most.
func (h *herd) between(from, to time.Duration) (asked, got, most int) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for s := int(from / time.Second); s < min(int(to/time.Second), len(h.asked)); s++ {
		asked, got, most = asked+h.asked[s], got+h.got[s], max(most, h.asked[s])
	}
	return asked, got, most
}

// TestHerd has a cloud with 2,000 accounts that is away until every token is long
// dead, and comes back. Neither is it overrun, nor is the log while it is away.
func TestHerd(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("half a million tries")
	}
	synctest.Test(t, func(t *testing.T) {
		const n, life, away, back = 2000, 12 * time.Hour, time.Hour, 15 * time.Hour
		clouds, disks := world(n, life)
		h := &herd{begun: time.Now()}
		p := single(0, clouds, disks)
		for i, c := range clouds {
			c.refuses = []span{{away, back}}
			p.Accounts[i].Source = member{c, h}
		}
		log := new(lines)
		r := New(Options{Log: slog.New(slog.NewJSONHandler(log, nil))})
		measure := func(what string, from, to time.Duration, limit int) (asked, got int) {
			t.Helper()
			asked, got, most := h.between(from, to)
			t.Logf("%s: %d requests, %d tokens, %.1f requests a second, %d at most", what, asked, got, float64(asked)/(to-from).Seconds(), most)
			if most > limit {
				t.Errorf("%s: %d requests in a second", what, most)
			}
			return asked, got
		}
		run(t, r, p, func() {
			sleep(back)
			told := log.count("cannot refresh")
			sleep(time.Hour)
			// 16 side by side, each a fifth of a second.
			if _, got := measure("the first round", 0, away, 80); got != n {
				t.Errorf("%d tokens at first", got)
			}
			measure("away, tokens alive", away, life, 80)
			asked, _ := measure("away, tokens dead", life+time.Hour, back, 40)
			measure("back, the first minute", back, back+time.Minute, 40)
			if _, got := measure("back, five minutes", back, back+lastPause+time.Second, 40); got != n {
				t.Errorf("%d tokens when it was back for five minutes", got)
			}
			if rate := float64(asked) / (back - life - time.Hour).Seconds(); rate > 10 {
				t.Errorf("%.1f requests a second", rate)
			}
			sleep(6 * time.Hour)
			measure("the next round", back+time.Hour, back+7*time.Hour, 80)
			t.Logf("%d lines of failures, %d bytes of log", told, len(log.String()))
			// 2, 4, 8 … of some 160 tries.
			if told < n || told > 12*n {
				t.Errorf("%d lines of failures", told)
			}
		})
	})
}

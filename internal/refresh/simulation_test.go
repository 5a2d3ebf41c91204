package refresh

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var update = flag.Bool("update", false, "write the tables of docs/refresh.md")

const (
	simulated = 48 * time.Hour
	// phases is how many runs there are of each case, with the trouble at another
	// moment of a token's life in each.
	phases = 24
	// skuidInterval is the interval of ecr-token-refresh's own example.
	skuidInterval = 30 * time.Minute
)

// A trouble is what happens in a simulation, made for a life and a phase (0 up to 1).
type trouble struct {
	name string
	make func(life, phase time.Duration, c *cloud, d *disk)
	// over is whether it lasts for over half of a life, so that tokens die.
	over bool
	// beside is whether the registry that counts has one before it that hangs.
	beside bool
}

// every gives spans of a length, one in each two and a half lives.
func every(life, phase, length time.Duration) (spans []span) {
	for from := life + phase; from < simulated; from += 5 * life / 2 {
		spans = append(spans, span{from, from + length})
	}
	return spans
}

var troubles = []trouble{
	{name: "none", make: func(time.Duration, time.Duration, *cloud, *disk) {}},
	{name: "outages of 0.45 of a life", make: func(life, phase time.Duration, c *cloud, _ *disk) {
		c.refuses = every(life, phase, life*45/100)
	}},
	{name: "no answer for 0.45 of a life", make: func(life, phase time.Duration, c *cloud, _ *disk) {
		c.hangs = every(life, phase, life*45/100)
	}},
	{name: "outages of 0.75 of a life", over: true, make: func(life, phase time.Duration, c *cloud, _ *disk) {
		c.refuses = every(life, phase, life*75/100)
	}},
	{name: "outages of 1.5 lives", over: true, make: func(life, phase time.Duration, c *cloud, _ *disk) {
		c.refuses = every(life, phase, life*3/2)
	}},
	{name: "another registry gives no answer for 24 hours", beside: true, make: func(life, phase time.Duration, c *cloud, _ *disk) {
		c.hangs = []span{{life + phase, life + phase + 24*time.Hour}}
	}},
	{name: "the key is replaced: the old one is good for another hour", make: nil},
	{name: "tokens live for a quarter of the usual time", make: func(life, _ time.Duration, c *cloud, _ *disk) {
		c.life = life / 4
	}},
	{name: "disk full for 0.45 of a life", make: func(life, phase time.Duration, _ *cloud, d *disk) {
		d.full = every(life, phase, life*45/100)
	}},
	{name: "disk read-only for 0.45 of a life", make: func(life, phase time.Duration, _ *cloud, d *disk) {
		d.fixed = every(life, phase, life*45/100)
	}},
}

// A tool refreshes files for the time of a simulation.
type tool struct {
	name string
	// run has the registries of each group in its plan, one after the other. Only
	// the last of a group counts.
	run func(t *testing.T, life time.Duration, clouds [][]*cloud, disks [][]*disk)
	// rereads is whether a replaced key is seen.
	rereads bool
}

var tools = []tool{
	{"jet refresh", func(t *testing.T, _ time.Duration, clouds [][]*cloud, disks [][]*disk) {
		runJet(t, 0, clouds, disks)
	}, true},
	{"jet refresh, 30m", func(t *testing.T, _ time.Duration, clouds [][]*cloud, disks [][]*disk) {
		runJet(t, skuidInterval, clouds, disks)
	}, true},
	{"every half of the usual life", func(t *testing.T, life time.Duration, clouds [][]*cloud, disks [][]*disk) {
		repeat(t, life/2, slices.Concat(clouds...), func(i int, c *cloud) {
			ctx, cancel := context.WithTimeout(t.Context(), DefaultTimeout)
			defer cancel()
			if result, err := c.Generate(ctx); err == nil {
				slices.Concat(disks...)[i].Write(ctx, Content{Entries: result.Entries})
			}
		})
	}, true},
	{"ecr-token-refresh, 30m", func(t *testing.T, _ time.Duration, clouds [][]*cloud, disks [][]*disk) {
		repeat(t, skuidInterval, clouds, func(i int, group []*cloud) {
			for j, c := range group {
				// No deadline, and the next one waits.
				if result, err := c.Generate(t.Context()); err == nil {
					disks[i][j].overwrite(Content{Entries: result.Entries})
				}
			}
		})
	}, false},
}

func runJet(t *testing.T, interval time.Duration, clouds [][]*cloud, disks [][]*disk) {
	r := New(Options{Random: func() float64 { return 0.5 }})
	run(t, r, single(interval, slices.Concat(clouds...), slices.Concat(disks...)), func() { time.Sleep(simulated) })
}

// repeat does something for each of several things, side by side, again and again.
func repeat[T any](t *testing.T, interval time.Duration, all []T, do func(i int, x T)) {
	begun := time.Now()
	for i, x := range all {
		go func() {
			ticker := time.NewTicker(interval)
			defer ticker.Stop()
			for time.Since(begun) < simulated && t.Context().Err() == nil {
				do(i, x)
				<-ticker.C
			}
		}()
	}
	time.Sleep(simulated)
}

// A result is what came out of a tool under a trouble: the worst of the phases.
type result struct {
	dead     time.Duration // the file held no living token
	requests int           // for one registry, on average
}

// simulate has its own clock.
func simulate(t *testing.T, u tool, x trouble, life time.Duration) (worst result) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var clouds [][]*cloud
		var disks [][]*disk
		for i := range phases {
			c := &cloud{registry: fmt.Sprintf("r%d.test", i), begun: begun, life: life}
			d := &disk{begun: begun}
			phase := life * time.Duration(i) / phases
			switch {
			case x.beside:
				other := &cloud{registry: fmt.Sprintf("other%d.test", i), begun: begun, life: life}
				x.make(life, phase, other, nil)
				clouds, disks = append(clouds, []*cloud{other, c}), append(disks, []*disk{{begun: begun}, d})
				continue
			case x.make != nil:
				x.make(life, phase, c, d)
			case !u.rereads:
				c.oldKey = func() bool { return time.Since(begun) > 12*time.Hour+phase+time.Hour }
			}
			clouds, disks = append(clouds, []*cloud{c}), append(disks, []*disk{d})
		}
		u.run(t, life, clouds, disks)
		for i, group := range disks {
			d := group[len(group)-1]
			if len(d.history) == 0 {
				t.Fatal("nothing was ever written")
			}
			worst.dead = max(worst.dead, d.dead())
			worst.requests += clouds[i][len(group)-1].asked()
		}
		worst.requests /= phases
	})
	return worst
}

// TestSimulation makes the tables of docs/refresh.md: for how long programs find an
// expired token, under each trouble, by jet and by others.
func TestSimulation(t *testing.T) {
	t.Parallel()
	if testing.Short() && !*update {
		t.Skip("some seconds")
	}
	var page strings.Builder
	for _, life := range []time.Duration{12 * time.Hour, time.Hour, 15 * time.Minute} {
		fmt.Fprintf(&page, "\nTokens that live for %s:\n\n| trouble |", words(life))
		for _, u := range tools {
			fmt.Fprintf(&page, " %s |", u.name)
		}
		page.WriteString("\n|---|" + strings.Repeat("---:|", len(tools)) + "\n")
		var calm []int
		for _, x := range troubles {
			fmt.Fprintf(&page, "| %s |", x.name)
			for i, u := range tools {
				got := simulate(t, u, x, life)
				fmt.Fprintf(&page, " %s |", grouped(int(got.dead.Round(time.Second)/time.Second)))
				if x.name == "none" {
					calm = append(calm, got.requests)
				}
				switch i {
				case 0:
					if (got.dead != 0) != x.over {
						t.Errorf("life %v, %s: jet leaves an expired token for %v", life, x.name, got.dead)
					}
				case 1:
					if got.dead != 0 && !x.over {
						t.Errorf("life %v, %s: jet with an interval leaves an expired token for %v", life, x.name, got.dead)
					}
				case 2:
					if got.dead == 0 && x.over {
						t.Errorf("life %v, %s: nobody notices it", life, x.name)
					}
				}
			}
			page.WriteString("\n")
		}
		page.WriteString("| requests for one registry, without trouble |")
		for _, n := range calm {
			fmt.Fprintf(&page, " %d |", n)
		}
		page.WriteString("\n")
	}
	compareDocument(t, "simulation", page.String())
}

// words is a life for people.
func words(d time.Duration) string {
	switch {
	case d == time.Hour:
		return "1 hour"
	case d > time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return fmt.Sprintf("%d minutes", d/time.Minute)
}

// grouped writes a number with a blank before each three digits.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s %03d", grouped(n/1000), n%1000)
}

// compareDocument compares a part of docs/refresh.md, between two marks, with what
// it should be.
func compareDocument(t *testing.T, name, want string) {
	t.Helper()
	path := filepath.Join("..", "..", "docs", "refresh.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := []byte("<!-- "+name+": made by a test -->\n"), []byte("\n<!-- end -->\n")
	before, rest, found := bytes.Cut(text, begin)
	got, after, foundEnd := bytes.Cut(rest, end)
	if !found || !foundEnd {
		t.Fatalf("%s has no marks for %s", path, name)
	}
	if string(got) == want {
		return
	}
	if !*update {
		t.Fatalf("%s: the tables are not what the simulation gives; go test ./internal/refresh -run Simulation -update writes them", path)
	}
	if err := os.WriteFile(path, slices.Concat(before, begin, []byte(want), end, after), 0o644); err != nil {
		t.Fatal(err)
	}
}

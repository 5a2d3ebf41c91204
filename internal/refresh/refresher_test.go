package refresh

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
)

// A lines is a log.
type lines struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

// count is how many lines have a message.
func (l *lines) count(message string) int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return strings.Count(l.text.String(), fmt.Sprintf(`"msg":%q`, message))
}

func (l *lines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

func logTo(l *lines) *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// world makes clouds and disks with one beginning.
func world(n int, life time.Duration) (clouds []*cloud, disks []*disk) {
	for i := range n {
		clouds = append(clouds, &cloud{registry: fmt.Sprintf("r%d.test", i), begun: time.Now(), life: life})
		disks = append(disks, &disk{begun: time.Now()})
	}
	return clouds, disks
}

// merged makes a plan of one account for each cloud, and one output of all.
func merged(clouds []*cloud, d Target) Plan {
	p := single(0, clouds, make([]*disk, len(clouds)))
	p.Outputs = []Output{{Name: "/config.json", Version: "1", Target: d}}
	for _, a := range p.Accounts {
		p.Outputs[0].Accounts = append(p.Outputs[0].Accounts, a.Name)
	}
	return p
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// problemsOf gives what /health says in short.
func problemsOf(r *Refresher) string {
	var texts []string
	for _, p := range r.Health() {
		texts = append(texts, p.Account+" "+p.Problem)
	}
	return strings.Join(texts, ", ")
}

// TestShortOutages puts hundreds of registries with lives of all kinds through outages
// of all kinds that are shorter than half of a life, and disks through theirs.
func TestShortOutages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seed := rand.Uint64()
		random := rand.New(rand.NewPCG(seed, seed))
		n := 500
		if testing.Short() {
			n = 200
		}
		clouds, disks := world(n, 0)
		for i, c := range clouds {
			c.life = time.Duration(float64(2*time.Minute) + random.Float64()*float64(13*time.Hour))
			var spans []span
			for from := time.Duration(random.Float64() * float64(2*c.life)); from < simulated; {
				length := time.Duration(random.Float64() * 0.495 * float64(c.life))
				spans = append(spans, span{from, from + length})
				from += length + time.Duration((0.6+random.Float64())*float64(c.life))
			}
			switch i % 4 {
			case 0:
				c.refuses = spans
			case 1:
				c.hangs = spans
			case 2:
				disks[i].full = spans
			case 3:
				disks[i].hangs = spans
			}
		}
		run(t, New(Options{}), single(0, clouds, disks), func() { sleep(simulated) })
		for i, d := range disks {
			if len(d.history) == 0 || d.dead() != 0 {
				t.Errorf("registry %d, tokens of %v: expired for %v, seed %d", i, clouds[i].life, d.dead(), seed)
			}
		}
	})
}

// TestMerged has one file of three registries, of which one is down from the start
// and later comes and goes.
func TestMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clouds, disks := world(3, 12*time.Hour)
		clouds[1].refuses = []span{{0, time.Hour}, {2 * time.Hour, 8 * time.Hour}}
		d := disks[0]
		registries := func() (names []string) {
			for _, e := range d.held().Entries {
				names = append(names, e.Registry)
			}
			return names
		}
		r := New(Options{})
		run(t, r, merged(clouds, d), func() {
			sleep(time.Minute)
			want(t, "after a minute", registries(), []string{"r0.test", "r2.test"})
			want(t, "missing", d.held().Missing, []string{"r1.test"})
			want(t, "ready", r.Ready(), false)
			want(t, "health", problemsOf(r), "")
			sleep(5 * time.Minute)
			want(t, "health", problemsOf(r), "a1 never had")
			sleep(time.Hour)
			want(t, "after an hour", registries(), []string{"r0.test", "r1.test", "r2.test"})
			want(t, "missing", len(d.held().Missing), 0)
			want(t, "ready", r.Ready(), true)
			want(t, "health", problemsOf(r), "")
			sleep(6*time.Hour + 30*time.Minute)
			want(t, "with an old one", registries(), []string{"r0.test", "r1.test", "r2.test"})
			want(t, "health", problemsOf(r), "")
			if d.count() < 4 || d.count() > 6 {
				t.Errorf("it was written %d times", d.count())
			}
		})
	})
}

// TestHealth follows one registry through its misfortunes.
func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clouds, disks := world(3, 10*time.Hour)
		clouds[0].refuses = []span{{time.Hour, 20 * time.Hour}}
		disks[1].full = []span{{0, time.Hour}}
		clouds[2].life = 0
		clouds[2].password = func(n int) string { return fmt.Sprint("password ", n/40) } // another one each 10 hours
		disks[2].fixed = []span{{5 * time.Hour, 15 * time.Hour}}
		var log lines
		r := New(Options{Log: logTo(&log)})
		run(t, r, single(0, clouds, disks), func() {
			at := func(moment time.Duration, problems string) {
				t.Helper()
				sleep(moment - time.Since(clouds[0].begun))
				want(t, moment.String(), problemsOf(r), problems)
			}
			at(time.Minute, "")
			at(5*time.Minute, "a1 not written")
			at(65*time.Minute, "")
			at(8*time.Hour+50*time.Minute, "")
			at(9*time.Hour+5*time.Minute, "a0 expires soon")
			at(10*time.Hour+5*time.Minute, "a0 expired, a2 not written")
			at(15*time.Hour+5*time.Minute, "a0 expired")
			at(20*time.Hour+6*time.Minute, "")
			at(26*time.Hour, "")
		})
		if log.count("unhealthy") != 2 || log.count("healthy again") != 2 {
			t.Errorf("the log tells otherwise: %s", &log)
		}
	})
}

// TestFailingTarget writes what is at hand, and asks nobody again.
func TestFailingTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clouds, disks := world(1, 12*time.Hour)
		disks[0].full = []span{{0, 5*time.Hour + 30*time.Second}}
		run(t, New(Options{}), single(0, clouds, disks), func() {
			sleep(5 * time.Hour)
			want(t, "writes", disks[0].count(), 0)
			sleep(2 * time.Minute)
			want(t, "writes", disks[0].count(), 1)
			want(t, "requests", clouds[0].asked(), 1)
		})
	})
}

// TestHanging has as many servers that never answer as there are others, and few
// places: the others do not wait for them.
func TestHanging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clouds, disks := world(400, time.Hour)
		for i := range 200 {
			clouds[i].hangs = []span{{0, simulated}}
		}
		for i := 200; i < 220; i++ {
			disks[i].hangs = []span{{0, simulated}}
		}
		r := New(Options{Parallel: 8})
		run(t, r, single(0, clouds, disks), func() {
			sleep(2 * time.Minute)
			for i := 220; i < 400; i++ {
				if disks[i].count() != 1 {
					t.Fatalf("registry %d: %d writes", i, disks[i].count())
				}
			}
			sleep(12 * time.Hour)
			for i := 220; i < 400; i++ {
				if dead := disks[i].dead(); dead != 0 {
					t.Fatalf("registry %d: expired for %v", i, dead)
				}
			}
		})
	})
}

// A busy source counts how many are asked side by side.
type busy struct {
	mutex     sync.Mutex
	now, most int
}

func (b *busy) Generate(context.Context) (generators.Result, error) {
	b.mutex.Lock()
	b.now++
	b.most = max(b.most, b.now)
	b.mutex.Unlock()
	time.Sleep(100 * time.Millisecond)
	b.mutex.Lock()
	b.now--
	b.mutex.Unlock()
	return generators.Result{Entries: []dockercfg.Entry{{Registry: "a.test", Username: "u", Password: dockercfg.NewSecret("p")}}}, nil
}

func TestParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(busy)
		clouds, disks := world(500, 0)
		p := single(0, clouds, disks)
		for i := range p.Accounts {
			p.Accounts[i].Source = b
		}
		run(t, New(Options{Parallel: 5}), p, func() { sleep(time.Minute) })
		want(t, "side by side", b.most, 5)
		for _, d := range disks {
			want(t, "writes", d.count(), 1)
		}
	})
}

// TestGathering writes a file of thousands a few times, and not thousands of times.
func TestGathering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clouds, disks := world(2000, 12*time.Hour)
		r := New(Options{})
		run(t, r, merged(clouds, disks[0]), func() {
			sleep(time.Minute)
			want(t, "ready", r.Ready(), true)
			if disks[0].count() > 30 {
				t.Errorf("%d writes", disks[0].count())
			}
		})
	})
}

// TestApply changes the plan while it is followed.
func TestApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clouds, disks := world(4, 12*time.Hour)
		d := disks[3]
		r := New(Options{})
		p := merged(clouds[:3], d)
		run(t, r, p, func() {
			apply := func(p Plan) {
				t.Helper()
				if err := r.Apply(p); err != nil {
					t.Fatal(err)
				}
				sleep(time.Minute)
			}
			asked := func(counts ...int) {
				t.Helper()
				var got []int
				for _, c := range clouds {
					got = append(got, c.asked())
				}
				want(t, "requests", got, counts)
			}
			sleep(time.Minute)
			asked(1, 1, 1, 0)
			writes := d.count()

			apply(p)
			asked(1, 1, 1, 0)
			want(t, "writes of the same plan", d.count(), writes)

			q := merged(clouds[1:], d) // the names of the accounts are now those of others
			for i := range q.Accounts {
				q.Accounts[i].Name = fmt.Sprintf("a%d", i+1)
				q.Outputs[0].Accounts[i] = q.Accounts[i].Name
			}
			apply(q)
			asked(1, 1, 1, 1)
			want(t, "gone", d.held().Gone, []string(nil)) // of the last write
			want(t, "entries", len(d.held().Entries), 3)
			sleep(48 * time.Hour)
			want(t, "requests of the one that was taken out", clouds[0].asked(), 1)

			before := clouds[1].asked()
			q.Accounts[0].Version = "2"
			apply(q)
			want(t, "requests of the one that was changed", clouds[1].asked(), before+1)

			if err := r.Apply(Plan{Accounts: []Account{{Name: "a"}}}); err == nil {
				t.Error("a plan without a source is taken")
			}
			before = clouds[2].asked()
			sleep(7 * time.Hour)
			if clouds[2].asked() == before {
				t.Error("the plan before does not stand")
			}
		})
	})
}

// TestGone takes what a plan is not about any more out of a file, once.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clouds, _ := world(3, 12*time.Hour)
		var mutex sync.Mutex
		var writes []Content
		failing := true
		last := func(i int) Content {
			mutex.Lock()
			defer mutex.Unlock()
			return writes[len(writes)-i]
		}
		target := targetFunc(func(c Content) error {
			mutex.Lock()
			defer mutex.Unlock()
			writes = append(writes, c)
			if len(c.Gone) > 0 && failing {
				failing = false
				return errors.New("not now")
			}
			return nil
		})
		r := New(Options{})
		run(t, r, merged(clouds, target), func() {
			sleep(time.Minute)
			p := merged(clouds[:2], target)
			p.Outputs[0].Version = "2"
			if err := r.Apply(p); err != nil {
				t.Fatal(err)
			}
			sleep(time.Minute)
			want(t, "gone", last(2).Gone, []string{"r2.test"})
			want(t, "gone after a failure", last(1).Gone, []string{"r2.test"})
			sleep(12 * time.Hour)
			want(t, "gone later", len(last(1).Gone), 0)
		})
	})
}

type targetFunc func(Content) error

func (f targetFunc) Write(_ context.Context, c Content) (bool, error) { return true, f(c) }

// TestLateAnswer changes the plan while a request is under way: its answer is for
// nobody.
func TestLateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clouds, disks := world(1, 12*time.Hour)
		clouds[0].hangs = []span{{0, time.Hour}}
		p := single(0, clouds, disks)
		r := New(Options{})
		run(t, r, p, func() {
			sleep(time.Second)
			p.Accounts[0].Version, p.Accounts[0].Source = "2", new(busy)
			if err := r.Apply(p); err != nil {
				t.Fatal(err)
			}
			sleep(time.Second)
			want(t, "writes", disks[0].count(), 1)
			want(t, "entry", disks[0].held().Entries[0].Registry, "a.test")
		})
	})
}

// TestUnused takes the output of a registry away while that is asked, and gives it
// back later.
func TestUnused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clouds, disks := world(2, time.Hour)
		clouds[1].hangs = []span{{0, 10 * time.Second}}
		p := single(0, clouds, disks)
		without := p
		without.Outputs = p.Outputs[:1]
		var log lines
		r := New(Options{Log: logTo(&log)})
		run(t, r, p, func() {
			apply := func(p Plan) {
				t.Helper()
				if err := r.Apply(p); err != nil {
					t.Fatal(err)
				}
			}
			for _, plan := range []Plan{p, without, without} {
				apply(plan)
				sleep(5 * time.Second)
				want(t, "requests", clouds[1].asked(), 1)
			}
			apply(p)
			sleep(time.Hour)
			if n := clouds[1].asked(); n < 3 || n > 4 {
				t.Errorf("asked %d times", n)
			}
			want(t, "health", problemsOf(r), "")
		})
		want(t, "told", log.count("no output is made of this registry, so nobody asks for it"), 2)
	})
}

// TestClock sets the clock on the wall, and lets the machine sleep.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clouds, disks := world(20, 12*time.Hour)
		var mutex sync.Mutex
		var offset time.Duration
		set := func(d time.Duration) {
			mutex.Lock()
			defer mutex.Unlock()
			offset += d
		}
		r := New(Options{Now: func() time.Time {
			mutex.Lock()
			defer mutex.Unlock()
			return time.Now().Add(offset)
		}})
		asked := func() (n int) {
			for _, c := range clouds {
				n += c.asked()
			}
			return n
		}
		run(t, r, single(0, clouds, disks), func() {
			sleep(time.Minute)
			want(t, "requests", asked(), 20)
			set(5 * time.Hour) // it slept, for less than half of a life
			sleep(time.Minute)
			want(t, "requests after a nap", asked(), 20)
			set(2 * time.Hour)
			sleep(time.Minute)
			want(t, "requests after a sleep", asked(), 40)
			set(-20 * time.Second)
			sleep(time.Minute)
			want(t, "requests after a little correction", asked(), 40)
			set(-7 * time.Hour)
			sleep(time.Minute)
			want(t, "requests after the clock was set back", asked(), 60)
		})
	})
}

// TestRest has rests after work, and none during it or without any.
func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clouds, disks := world(20, 12*time.Hour)
		clouds[0].hangs = []span{{0, 20 * time.Second}}
		var rests atomic.Int32
		r := New(Options{Rest: func() { rests.Add(1) }})
		run(t, r, single(0, clouds, disks), func() {
			sleep(10 * time.Second)
			want(t, "rests after 10 seconds", rests.Load(), 1) // what hangs is no work
			sleep(5 * time.Hour)
			want(t, "rests after 5 hours", rests.Load(), 2)
			sleep(24 * time.Hour)
			if n := rests.Load(); n < 6 || n > 5*20 {
				t.Errorf("%d rests in 29 hours", n)
			}
		})
	})
}

// TestNoEnd looks at passwords again after the interval.
func TestNoEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clouds, disks := world(1, 0)
		clouds[0].password = func(n int) string { return fmt.Sprint("password ", n/10) }
		var log lines
		r := New(Options{Log: logTo(&log)})
		run(t, r, single(time.Hour, clouds, disks), func() { sleep(18*time.Hour + 30*time.Minute) })
		if n := clouds[0].asked(); n < 18 || n > 21 {
			t.Errorf("asked %d times in 18 hours", n)
		}
		want(t, "changes", log.count("written"), 3)
	})
}

// TestAnswers has sources that do not do as they should.
func TestAnswers(t *testing.T) {
	entry := func(registry string, life time.Duration) dockercfg.Entry {
		return dockercfg.Entry{Registry: registry, Username: "u", Password: dockercfg.NewSecret("p" + registry), Expires: time.Now().Add(life)}
	}
	for _, c := range []struct {
		name    string
		first   func() (generators.Result, error)
		failure string
		entries int // that are written after two rounds
	}{
		{"nothing", func() (generators.Result, error) { return generators.Result{}, nil }, "there is no credential in the answer", 2},
		{"dead", func() (generators.Result, error) {
			return generators.Result{Entries: []dockercfg.Entry{entry("a.test", -time.Hour)}}, nil
		}, "the credential that came expired at 1999-12-31", 2},
		{"invalid", func() (generators.Result, error) {
			return generators.Result{Entries: []dockercfg.Entry{{Registry: "a.test", Username: "u:v", Password: dockercfg.NewSecret("p")}}}, nil
		}, "holds a colon", 2},
		{"a part", func() (generators.Result, error) {
			return generators.Result{Entries: []dockercfg.Entry{entry("a.test", time.Hour)}}, &generators.PartialError{Errors: []error{errors.New("b.test is down")}}
		}, "b.test is down", 2},
		{"no part at all", func() (generators.Result, error) {
			return generators.Result{}, &generators.PartialError{Errors: []error{errors.New("all are down")}}
		}, "all are down", 2},
		{"advice", func() (generators.Result, error) {
			return generators.Result{}, &generators.AdvisedError{Err: errors.New("no"), Advice: "try harder"}
		}, `"advice":"try harder"`, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var round atomic.Int32
				source := sourceFunc(func() (generators.Result, error) {
					if round.Add(1) == 2 {
						return c.first()
					}
					return generators.Result{Entries: []dockercfg.Entry{entry("a.test", time.Hour), entry("b.test", time.Hour)}, Notices: []string{"something is odd"}}, nil
				})
				d := &disk{begun: time.Now()}
				var log lines
				r := New(Options{Log: logTo(&log), Random: func() float64 { return 0 }})
				run(t, r, Plan{
					Accounts: []Account{{Name: "a", Registry: "a.test", Source: source}},
					Outputs:  []Output{{Name: "o", Accounts: []string{"a"}, Target: d}},
				}, func() {
					sleep(30*time.Minute + time.Second)
					want(t, "rounds", round.Load(), 2)
					want(t, "entries", len(d.held().Entries), c.entries)
					sleep(time.Minute)
					if n := round.Load(); n < 3 {
						t.Errorf("it is not asked again: %d", n)
					}
				})
				if !strings.Contains(log.String(), c.failure) || log.count("something is odd") != 1 {
					t.Errorf("the log is\n%s", &log)
				}
			})
		})
	}
}

type sourceFunc func() (generators.Result, error)

func (f sourceFunc) Generate(context.Context) (generators.Result, error) { return f() }

// TestStop ends a Refresher in the middle of a try and of a write.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clouds, disks := world(2, 12*time.Hour)
		clouds[0].hangs = []span{{0, time.Hour}}
		var slow bool
		p := single(0, clouds, disks)
		p.Outputs[1].Target = targetFunc(func(Content) error {
			time.Sleep(3 * time.Second)
			slow = true
			return nil
		})
		begun := time.Now()
		run(t, New(Options{}), p, func() { sleep(time.Second) })
		want(t, "the write came to its end", slow, true)
		if took := time.Since(begun); took > 4*time.Second {
			t.Errorf("it took %v", took)
		}
	})
	synctest.Test(t, func(t *testing.T) { // a write that never returns
		clouds, disks := world(1, 12*time.Hour)
		p := single(0, clouds, disks)
		never := make(chan struct{})
		p.Outputs[0].Target = targetFunc(func(Content) error { <-never; return nil })
		begun := time.Now()
		run(t, New(Options{}), p, func() { sleep(time.Second) })
		want(t, "time", time.Since(begun), time.Second+lastWrites)
		close(never)
	})
}

func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clouds, disks := world(5, time.Hour)
		clouds[1].refuses = []span{{0, time.Hour}}
		disks[2].full = []span{{0, time.Hour}}
		r := New(Options{})
		p := single(0, clouds, disks)
		p.Outputs = append(p.Outputs, Output{Name: "/config.json", Accounts: []string{"a0", "a1", "a3"}, Target: disks[4]})
		p.Accounts, p.Outputs = slices.Delete(p.Accounts, 4, 5), slices.Delete(p.Outputs, 4, 5)
		if err := r.Apply(p); err != nil {
			t.Fatal(err)
		}
		want(t, "errors", r.Once(t.Context()), "[a1: the server answers 503 /passwords/a2: no space left on device]")
		want(t, "merged", len(disks[4].held().Entries), 2)
		for i, d := range disks {
			want(t, fmt.Sprint("writes of ", i), d.count(), []int{1, 0, 0, 1, 1}[i])
		}
	})
}

func TestPlans(t *testing.T) {
	source := new(busy)
	target := &disk{}
	a, b := Account{Name: "a", Registry: "a.test", Source: source}, Account{Name: "b", Registry: "a.test", Source: source}
	o := Output{Name: "o", Accounts: []string{"a"}, Target: target}
	for _, c := range []struct {
		plan Plan
		want string
	}{
		{Plan{Accounts: []Account{a, b}, Outputs: []Output{o}}, ""},
		{Plan{Accounts: []Account{{Source: source}}}, "no name"},
		{Plan{Accounts: []Account{a, a}}, `two accounts "a"`},
		{Plan{Accounts: []Account{{Name: "a"}}}, "no source"},
		{Plan{Accounts: []Account{a}, Outputs: []Output{{Accounts: []string{"a"}, Target: target}}}, "no name"},
		{Plan{Accounts: []Account{a}, Outputs: []Output{o, o}}, `two outputs "o"`},
		{Plan{Accounts: []Account{a}, Outputs: []Output{{Name: "o", Target: target}}}, "no registries"},
		{Plan{Accounts: []Account{a}, Outputs: []Output{{Name: "o", Accounts: []string{"a"}}}}, "no target"},
		{Plan{Accounts: []Account{a}, Outputs: []Output{{Name: "o", Accounts: []string{"c"}, Target: target}}}, `no account "c"`},
		{Plan{Accounts: []Account{a}, Outputs: []Output{{Name: "o", Accounts: []string{"a", "a"}, Target: target}}}, `"a" twice`},
		{Plan{Accounts: []Account{a, b}, Outputs: []Output{{Name: "o", Accounts: []string{"a", "b"}, Target: target}}}, "both for a.test"},
	} {
		err := c.plan.check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

// TestLog checks that each line is JSON, and that none holds a secret.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clouds, disks := world(2, time.Hour)
		clouds[0].password = func(int) string { return "canary-Xq7" }
		clouds[1].refuses, disks[0].full = []span{{time.Hour, 3 * time.Hour}}, []span{{2 * time.Hour, 3 * time.Hour}}
		var log lines
		r := New(Options{Log: logTo(&log)})
		run(t, r, single(0, clouds, disks), func() { sleep(5 * time.Hour) })
		for line := range strings.Lines(log.String()) {
			var event map[string]any
			if err := json.Unmarshal([]byte(line), &event); err != nil || event["msg"] == "" {
				t.Errorf("%v: %s", err, line)
			}
		}
		if text := log.String() + fmt.Sprintf("%+v %#v", r, r) + string(r.metrics("1")); strings.Contains(text, "canary") {
			t.Error("a secret can be read")
		}
		for _, message := range []string{"refreshed", "written", "cannot refresh", "cannot write", "all outputs are written", "unhealthy", "healthy again"} {
			if log.count(message) == 0 {
				t.Errorf("nothing tells: %s", message)
			}
		}
	})
}

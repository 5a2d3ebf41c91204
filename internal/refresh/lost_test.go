package refresh

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dockercfg/jet/dockercfg"
)

// TestLost takes files away, and has others write to them.
func TestLost(t *testing.T) {
	dir := t.TempDir()
	password := &PasswordFile{file(filepath.Join(dir, "password"))}
	config := &DockercfgFile{File: file(filepath.Join(dir, "config.json"))}
	one, two := entryFor("a.test", "first"), entryFor("b.test", "second")
	put := func() {
		t.Helper()
		if _, err := password.Write(t.Context(), Content{Entries: []dockercfg.Entry{one}}); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Write(t.Context(), Content{Entries: []dockercfg.Entry{one, two}}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, passwordLost, configLost bool) {
		t.Helper()
		for range 2 { // once it was read, and once by what was seen
			if got := password.Lost(); got != passwordLost {
				t.Errorf("%s: password file: got %v", what, got)
			}
			if got := config.Lost(); got != configLost {
				t.Errorf("%s: dockercfg: got %v", what, got)
			}
		}
	}
	check("nothing was written", false, false)
	put()
	check("as they were written", false, false)
	// What another process has got is as good.
	write(t, password.Path, "another")
	write(t, config.Path, `{"auths": {"a.test": {"auth": "QVdTOmFub3RoZXI="}, "b.test": {"auth": "QVdTOmFub3RoZXI="}, "c.test": {}}}`)
	check("written by another", false, false)
	write(t, password.Path, "")
	write(t, config.Path, `{"auths": {"a.test": {"auth": "QVdTOmFub3RoZXI="}}}`)
	check("half of it is gone", true, true)
	put()
	check("written again", false, false)
	write(t, config.Path, "no dockercfg")
	check("of somebody else", false, false)
	write(t, config.Path, "")
	for _, path := range []string{password.Path, config.Path} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	check("removed", true, true)
	put()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	check("the folder too", true, true)
}

// A lossy disk can lose what it holds.
type lossy struct {
	disk
	lost bool
}

func (d *lossy) Lost() bool {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.lost
}

func (d *lossy) lose(yes bool) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.lost = yes
}

// TestLookAgain loses what was written: it is written again within seconds, without
// asking anybody, and as long as that fails it is told.
func TestLookAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clouds, _ := world(1, 12*time.Hour)
		d := &lossy{disk: disk{begun: time.Now(), full: []span{{2 * time.Hour, 3 * time.Hour}}}}
		log := new(lines)
		r := New(Options{Log: logTo(log), Random: func() float64 { return 0 }})
		run(t, r, merged(clouds, d), func() {
			sleep(time.Minute)
			want(t, "writes", d.count(), 1)
			d.lose(true)
			sleep(lookEvery + time.Second)
			d.lose(false)
			if d.count() < 2 {
				t.Error("it is not written again")
			}
			sleep(2 * time.Hour)
			writes := d.count()
			want(t, "problems", len(r.Health()), 0)
			d.lose(true) // and the disk is full
			sleep(grace + lookEvery + time.Second)
			problems := fmt.Sprint(r.Health())
			if !strings.Contains(problems, neverWritten) {
				t.Errorf("health: %s", problems)
			}
			d.lose(false)
			sleep(time.Hour)
			want(t, "writes", d.count(), writes+1)
			want(t, "problems", len(r.Health()), 0)
			want(t, "requests", clouds[0].asked(), 1)
			if n := log.count("what was written is gone, and is written again"); n < 2 || n > 3 {
				t.Errorf("told %d times:\n%s", n, log)
			}
		})
	})
}

package refresh

import (
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators/ecr"
	"github.com/dockercfg/jet/internal/fakeaws"
)

// TestRounds asks real sources again and again, over HTTP and TLS, and writes real
// files: no goroutine and no descriptor is left behind. It runs by itself, since it
// counts those of the whole process.
func TestRounds(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits until connections come to an end")
	}
	dir := t.TempDir()
	fake := &fakeaws.AWS{Lifetime: time.Hour}
	key := fake.AddUser("aws", "012345678901", "ci", fakeaws.Token)
	plain, secure := httptest.NewServer(fake), httptest.NewTLSServer(fake)
	defer plain.Close()
	defer secure.Close()
	bundle := filepath.Join(dir, "ca.pem")
	write(t, bundle, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})))
	var p Plan
	all := Output{Name: "all", Target: &DockercfgFile{File: file(filepath.Join(dir, "config.json"))}}
	for i := range 20 {
		c := ecr.Config{
			Regions:    []string{"eu-west-1"},
			Registries: []string{fmt.Sprintf("%012d.dkr.ecr.eu-west-1.amazonaws.com", i+1)},
			Keys:       ecr.Keys{ID: key.ID, Secret: dockercfg.NewSecret(key.Secret)},
			Endpoints:  ecr.Endpoints{All: plain.URL},
		}
		if i%4 == 0 { // each of these has a transport of its own
			c.Endpoints.All, c.CABundle = secure.URL, bundle
		}
		source, err := ecr.New(c)
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("a%d", i)
		p.Accounts = append(p.Accounts, Account{Name: name, Registry: c.Registries[0], Source: source})
		p.Outputs = append(p.Outputs, Output{Name: name, Accounts: []string{name}, Target: &PasswordFile{file(filepath.Join(dir, name))}})
		all.Accounts = append(all.Accounts, name)
	}
	p.Outputs = append(p.Outputs, all)
	r := New(Options{})
	if err := r.Apply(p); err != nil {
		t.Fatal(err)
	}
	rounds := func(n int) {
		t.Helper()
		for range n {
			if errs := r.Once(t.Context()); errs != nil {
				t.Fatal(errs)
			}
		}
	}
	// settled waits until what is open and idle has come to an end.
	settled := func(what string, least int, count func() int) int {
		t.Helper()
		n := count()
		for begun := time.Now(); n > least && time.Since(begun) < 12*time.Second; n = count() {
			time.Sleep(100 * time.Millisecond)
		}
		t.Logf("%s: %d", what, n)
		return n
	}
	descriptors := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			return 0 // not on this system
		}
		return len(entries)
	}
	goroutines, files := runtime.NumGoroutine(), descriptors()
	rounds(5)
	rounds(100)
	if n := settled("goroutines", goroutines+2, runtime.NumGoroutine); n > goroutines+2 {
		buffer := make([]byte, 1<<20)
		t.Errorf("%d goroutines, and %d before\n%s", n, goroutines, buffer[:runtime.Stack(buffer, true)])
	}
	if n := settled("descriptors", files+2, descriptors); n > files+2 {
		t.Errorf("%d descriptors, and %d before", n, files)
	}
}

package main_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dockercfg/jet/internal/fakeaws"
)

// TestCacheProcesses runs ten programs at once that want the same token: the cloud is
// asked once. One that is killed while it asks blocks none of the others.
func TestCacheProcesses(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("its folder of caches is not in HOME")
	}
	jet := buildProgram(t)
	keyPath, _ := writeKey(t)
	dir := t.TempDir()
	fake := new(fakeaws.AWS)
	key := fake.AddUser("aws", "012345678901", "ci", fakeaws.Token)
	var asked atomic.Int64
	hangs := make(chan struct{}) // the first request, until the test lets it go
	began := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			began <- struct{}{}
			<-hangs
		}
		time.Sleep(100 * time.Millisecond)
		fake.ServeHTTP(w, r)
	}))
	defer server.Close()
	defer close(hangs)
	start := func(i int) *exec.Cmd {
		cmd := jet.command("generate", "dockercfg", "--from", "ecr", "--key-path", keyPath, filepath.Join(dir, fmt.Sprint(i)))
		cmd.Env = append(cmd.Env, "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID="+key.ID, "AWS_SECRET_ACCESS_KEY="+key.Secret,
			"AWS_ENDPOINT_URL="+server.URL, "AWS_EC2_METADATA_DISABLED=true")
		cmd.Stderr = new(bytes.Buffer)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	killed := start(0)
	select {
	case <-began:
	case <-time.After(30 * time.Second):
		t.Fatal("nothing is asked for")
	}
	var others []*exec.Cmd
	for i := range 10 {
		others = append(others, start(i+1))
	}
	time.Sleep(200 * time.Millisecond) // so that some wait
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times while the first one has the lock", n)
	}
	killed.Process.Kill()
	killed.Wait()
	cached := 0
	var first []byte
	for i, cmd := range others {
		said := cmd.Stderr.(*bytes.Buffer)
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		if strings.Contains(said.String(), "from the cache") {
			cached++
		}
		text, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(i+1)))
		if first == nil {
			first = text
		}
		if err != nil || !bytes.Equal(text, first) {
			t.Errorf("another answer than the first: %q, %v", text, err)
		}
	}
	if n := asked.Load(); n != 2 || cached != 9 {
		t.Errorf("asked %d times, and %d from the cache; want 2, one of them killed, and 9", n, cached)
	}
}

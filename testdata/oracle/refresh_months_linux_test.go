package oracle

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A busyAWS gives tokens to whoever asks, but only so many in a second.
type busyAWS struct {
	life time.Duration
	rate int // tokens in a second; 0 for any number

	mutex         sync.Mutex
	given, denied int
	second        time.Time
	inSecond      int
	away          bool
}

func (a *busyAWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	a.mutex.Lock()
	if now := time.Now().Truncate(time.Second); !now.Equal(a.second) {
		a.second, a.inSecond = now, 0
	}
	a.inSecond++
	refused, away := a.rate > 0 && a.inSecond > a.rate, a.away
	if refused || away {
		a.denied++
	} else {
		a.given++
	}
	n := a.given
	a.mutex.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	switch {
	case away:
		w.WriteHeader(http.StatusServiceUnavailable)
	case refused:
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"__type":"ThrottlingException","message":"Rate exceeded"}`)
	default:
		token := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "AWS:token %d %s", n, strings.Repeat("x", 1500)))
		fmt.Fprintf(w, `{"authorizationData":[{"authorizationToken":%q,"expiresAt":%.3f,"proxyEndpoint":"https://000000000001.dkr.ecr.eu-west-1.amazonaws.com"}]}`,
			token, float64(time.Now().Add(a.life).UnixMilli())/1000)
	}
}

// TestRefreshMonths has one process do in a minute or more what takes it months:
// JET_MONTHS is for how many seconds, JET_MONTHS_REGISTRIES how many registries, JET_MONTHS_LIFE how
// many seconds a token lives, JET_MONTHS_RATE how many tokens AWS gives in a second, and with
// JET_MONTHS_AWAY AWS is away for the second third of the time.
func TestRefreshMonths(t *testing.T) {
	seconds := number("JET_MONTHS", 0)
	if seconds == 0 {
		t.Skip("JET_MONTHS=60 runs this for a minute")
	}
	dir := t.TempDir()
	aws := &busyAWS{life: time.Duration(number("JET_MONTHS_LIFE", 2)) * time.Second, rate: number("JET_MONTHS_RATE", 0)}
	server := httptest.NewServer(aws)
	defer server.Close()
	n := number("JET_MONTHS_REGISTRIES", 200)
	var registries, outputs strings.Builder
	for i := range n {
		fmt.Fprintf(&registries, "  - {name: a%d, address: %012d.dkr.ecr.eu-west-1.amazonaws.com, backend: ecr}\n", i, i+1)
		fmt.Fprintf(&outputs, "  - {passwordFile: p%d, registry: a%d}\n", i, i)
	}
	write(t, filepath.Join(dir, "registries.yaml"), "registries:\n"+registries.String()+"outputs:\n"+outputs.String()+"  - {dockercfg: config.json}\n")
	p := &lasting{
		name: "jet", address: fmt.Sprintf("127.0.0.1:%d", freePort(t)), dir: dir, args: []string{jet(t), "--config", "registries.yaml"},
		env: []string{"AWS_ACCESS_KEY_ID=AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_EC2_METADATA_DISABLED=true", "AWS_ENDPOINT_URL=" + server.URL, "HOME=" + dir},
	}
	begun := time.Now()
	p.start(t)
	defer func() {
		p.signal(syscall.SIGKILL)
		p.cmd.Wait()
	}()
	ready := time.Duration(0)
	var early, late [2]int // RSS in KiB and descriptors
	for step := range 3 * 4 {
		for until := begun.Add(time.Duration((step+1)*seconds) * time.Second / 12); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
			if status, _ := p.get("/ready"); status == http.StatusOK && ready == 0 {
				ready = time.Since(begun)
				t.Logf("ready after %v", ready.Round(10*time.Millisecond))
			}
		}
		aws.mutex.Lock()
		given, denied := aws.given, aws.denied
		aws.away = os.Getenv("JET_MONTHS_AWAY") != "" && step >= 3 && step < 7
		aws.mutex.Unlock()
		weight := p.weight()
		status, _ := p.get("/health")
		cpu, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
		fields := strings.Fields(string(cpu[strings.LastIndexByte(string(cpu), ')')+1:]))
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		t.Logf("after %3.0f s: %d tokens, %d refused, health %d, CPU %.1f s, log %d KiB, %s", time.Since(begun).Seconds(), given, denied, status, float64(user+system)/100, p.log.Len()>>10, weight)
		now := [2]int{figure(weight, `RSS (\d+)`), figure(weight, `(\d+) descriptors`)}
		if step < 6 {
			early = [2]int{max(early[0], now[0]), max(early[1], now[1])}
		} else {
			late = [2]int{max(late[0], now[0]), max(late[1], now[1])}
		}
	}
	if late[0] > early[0]*5/4 || late[1] > early[1]*5/4+10 {
		t.Errorf("it grows: RSS in KiB and descriptors were %d, and are %d", early, late)
	}
	if ready == 0 {
		t.Error("it is never ready")
	}
}

// figure gives the number that is found in a text.
func figure(text, pattern string) int {
	found := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(found[1])
	return n
}

// Refresh measures "jet refresh" with hundreds and thousands of registries, against
// what stands in for AWS, and prints tables in Markdown.
//
//	go run ./bench/refresh            250 to 2,000 registries, and 100 rounds of 250
//	go run ./bench/refresh -rounds 0  without the rounds, which take two minutes
//
// Each registry is an account of its own, whose token goes to a password file and into
// one dockercfg of all. It runs on Linux, on the processors that the server uses too.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dockercfg/jet/internal/fakeaws"
)

func main() {
	jet := flag.String("jet", "", "the jet to measure, in place of one built from the checkout")
	folder := flag.String("folder", os.TempDir(), "where the outputs are written")
	rounds := flag.Int("rounds", 100, "how many rounds to run for, with the least registries")
	flag.Parse()
	if err := bench(*jet, *folder, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "refresh:", err)
		os.Exit(1)
	}
}

// passwordLength is that of a token of Amazon ECR, about.
const passwordLength = 2400

var sizes = []int{250, 500, 1000, 2000}

func bench(jet, folder string, rounds int) error {
	dir, err := os.MkdirTemp(folder, "jet-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if jet == "" {
		jet = filepath.Join(dir, "jet")
		build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -buildid=", "-tags", "urfave_cli_no_docs,nethttpomithttp2", "-o", jet, "./cmd/jet")
		build.Dir, build.Env = filepath.Join("..", ".."), append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("go build: %w\n%s", err, out)
		}
	}
	if jet, err = filepath.Abs(jet); err != nil {
		return err
	}
	fmt.Printf("| registries | first complete round, s | CPU for it, s | peak, MiB | at rest, MiB | per registry, KiB | CPU of a minute at rest, ms | goroutines |\n|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	var first float64 // at rest, KiB
	for _, n := range sizes {
		p, err := start(jet, dir, n, 12*time.Hour)
		if err != nil {
			return err
		}
		took, err := p.ready()
		if err != nil {
			return err
		}
		cpu := p.cpu()
		time.Sleep(12 * time.Second)
		before := p.cpu()
		time.Sleep(15 * time.Second)
		idle := (p.cpu() - before) * 4
		peak, rest := p.memory()
		each := "" // beyond what the program itself takes
		if first == 0 {
			first = float64(rest)
		} else {
			each = fmt.Sprintf("%.0f", (float64(rest)-first)/float64(n-sizes[0]))
		}
		fmt.Printf("| %d | %.2f | %.2f | %.1f | %.1f | %s | %d | %.0f |\n", n, took.Seconds(), cpu.Seconds(), float64(peak)/1024, float64(rest)/1024,
			each, idle.Milliseconds(), p.metric("go_goroutines"))
		if err := p.end(); err != nil {
			return err
		}
	}
	if rounds == 0 {
		return nil
	}
	return benchRounds(jet, dir, rounds)
}

// benchRounds runs with tokens that live for two seconds, each of which is replaced
// every second: as many times as in weeks.
func benchRounds(jet, dir string, rounds int) error {
	n := sizes[0]
	p, err := start(jet, dir, n, 2*time.Second)
	if err != nil {
		return err
	}
	if _, err := p.ready(); err != nil {
		return err
	}
	fmt.Printf("\n| rounds of %d registries | memory, MiB | goroutines | descriptors | failures |\n|---:|---:|---:|---:|---:|\n", n)
	for _, round := range []int{1, rounds / 10, rounds / 2, rounds} {
		for int(p.metric("jet_refresh_attempts_total")) < round*n {
			time.Sleep(100 * time.Millisecond)
		}
		_, rest := p.memory()
		descriptors, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
		if err != nil {
			return err
		}
		fmt.Printf("| %d | %.1f | %.0f | %d | %.0f |\n", round, float64(rest)/1024, p.metric("go_goroutines"), len(descriptors), p.metric("jet_refresh_failures_total"))
	}
	return p.end()
}

// A process is a "jet refresh" and the server that it asks.
type process struct {
	cmd     *exec.Cmd
	server  *httptest.Server
	address string
	begun   time.Time
}

// start begins one of n registries, in a folder of its own.
func start(jet, parent string, n int, life time.Duration) (*process, error) {
	dir, err := os.MkdirTemp(parent, "run-")
	if err != nil {
		return nil, err
	}
	var count atomic.Int64
	fake := &fakeaws.AWS{Lifetime: life, Password: func(account, region string) string {
		text := fmt.Sprintf("%d %s %s ", count.Add(1), account, region)
		return text + strings.Repeat("t", passwordLength-len(text))
	}}
	key := fake.AddUser("aws", "012345678901", "ci", fakeaws.Token)
	p := &process{server: httptest.NewServer(fake)}
	var config bytes.Buffer
	config.WriteString("registries:\n")
	for i := range n {
		fmt.Fprintf(&config, "  - {name: r%d, address: %012d.dkr.ecr.eu-west-1.amazonaws.com, backend: ecr}\n", i, 100000000000+i)
	}
	config.WriteString("outputs:\n  - {dockercfg: config.json}\n")
	for i := range n {
		fmt.Fprintf(&config, "  - {passwordFile: r%d.pass, registry: r%d}\n", i, i)
	}
	path := filepath.Join(dir, "registries.yaml")
	if err := os.WriteFile(path, config.Bytes(), 0o600); err != nil {
		return nil, err
	}
	p.cmd = exec.Command(jet, "refresh", "--config", path, "--listen", "127.0.0.1:0")
	p.cmd.Env = []string{
		"AWS_ACCESS_KEY_ID=" + key.ID, "AWS_SECRET_ACCESS_KEY=" + key.Secret, "AWS_ENDPOINT_URL=" + p.server.URL, "AWS_EC2_METADATA_DISABLED=true",
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	p.begun = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(stderr)
	for p.address == "" && lines.Scan() {
		var event struct{ Msg, Address string }
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return nil, fmt.Errorf("jet: %s", lines.Text())
		}
		p.address = event.Address
	}
	go io.Copy(io.Discard, stderr)
	if p.address == "" {
		return nil, errors.New("jet does not listen")
	}
	return p, nil
}

// ready waits until everything was written once, and says how long that took.
func (p *process) ready() (time.Duration, error) {
	for time.Since(p.begun) < 5*time.Minute {
		answer, err := http.Get("http://" + p.address + "/ready")
		if err != nil {
			return 0, err
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return time.Since(p.begun), nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return 0, errors.New("jet is not ready after 5 minutes")
}

// metric gives a metric, summed up over its labels.
func (p *process) metric(name string) (sum float64) {
	answer, err := http.Get("http://" + p.address + "/metrics")
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		var value float64
		if rest, ok := strings.CutPrefix(lines.Text(), name); ok && rest != "" && (rest[0] == ' ' || rest[0] == '{') {
			fmt.Sscan(rest[strings.LastIndexByte(rest, ' ')+1:], &value)
			sum += value
		}
	}
	return sum
}

// memory gives the largest and the present resident size in KiB (proc(5)).
func (p *process) memory() (peak, now int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0
	}
	value := func(name string) (kib int64) {
		_, after, _ := strings.Cut(string(text), name+":")
		fmt.Sscan(after, &kib)
		return kib
	}
	return value("VmHWM"), value("VmRSS")
}

// cpu is the time on processors so far.
func (p *process) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var user, system int64 // in hundredths of a second, fields 14 and 15 of proc(5)
	fmt.Sscan(fields[11], &user)
	fmt.Sscan(fields[12], &system)
	return time.Duration(user+system) * 10 * time.Millisecond
}

func (p *process) end() error {
	defer p.server.Close()
	p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("jet: %w", err)
	}
	return nil
}

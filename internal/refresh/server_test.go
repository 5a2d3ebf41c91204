package refresh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func get(t *testing.T, h http.Handler, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

// TestHandler asks on a good day and on a bad one.
func TestHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clouds, disks := world(60, 10*time.Hour)
		for _, c := range clouds {
			c.refuses = []span{{time.Hour, 20 * time.Hour}}
		}
		disks[0].full = []span{{0, time.Minute}}
		r := New(Options{Random: func() float64 { return 0 }})
		h := r.Handler("1.2.3")
		run(t, r, single(0, clouds, disks), func() {
			sleep(30 * time.Second)
			answer := get(t, h, "GET", "/ready")
			want(t, "ready", answer.Code, http.StatusServiceUnavailable)
			sleep(30 * time.Minute)
			answer = get(t, h, "GET", "/ready")
			want(t, "ready", answer.Code, http.StatusOK)
			answer = get(t, h, "GET", "/health")
			want(t, "health", answer.Code, http.StatusOK)
			want(t, "health", answer.Body, `{"status":"healthy"}`) // to the byte
			want(t, "health", answer.Header().Get("Content-Type"), "application/json")
			sleep(10 * time.Hour)
			answer = get(t, h, "GET", "/health")
			want(t, "health", answer.Code, http.StatusServiceUnavailable)
			var got health
			if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			want(t, "problems", len(got.Problems)+got.More, 60)
			want(t, "problem", got.Problems[0], "{a0 r0.test /passwords/a0 expired 2000-01-01 10:00:00 +0000 UTC}")
			want(t, "elsewhere", get(t, h, "GET", "/").Code, http.StatusNotFound)
			want(t, "another method", get(t, h, "POST", "/health").Code, http.StatusMethodNotAllowed)
			want(t, "head", get(t, h, "HEAD", "/health").Code, http.StatusServiceUnavailable)
		})
	})
}

// samples reads a page of metrics, strictly.
func samples(t *testing.T, page string) map[string]float64 {
	t.Helper()
	line := regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)+\})? (\S+)$`)
	values, kinds := make(map[string]float64), make(map[string]string)
	for text := range strings.Lines(page) {
		text, ended := strings.CutSuffix(text, "\n")
		if words := strings.SplitN(text, " ", 4); words[0] == "#" && len(words) == 4 {
			if words[1] == "TYPE" {
				kinds[words[2]] = words[3]
			}
			continue
		}
		m := line.FindStringSubmatch(text)
		if m == nil || !ended || kinds[m[1]] == "" {
			t.Fatalf("not a sample: %q", text)
		}
		if kinds[m[1]] == "counter" != strings.HasSuffix(m[1], "_total") {
			t.Errorf("%s is a %s", m[1], kinds[m[1]])
		}
		value, err := strconv.ParseFloat(m[3], 64)
		if _, twice := values[m[1]+m[2]]; err != nil || twice {
			t.Errorf("%q: %v, twice %v", text, err, twice)
		}
		values[m[1]+m[2]] = value
	}
	return values
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clouds, disks := world(2, 10*time.Hour)
		clouds[1].life = 0
		clouds[0].refuses = []span{{0, time.Second}, {4 * time.Hour, 5*time.Hour + 10*time.Second}}
		p := single(0, clouds, disks)
		const odd = "a \"name\" with \\ and\na line"
		p.Accounts[1].Name, p.Outputs[1].Accounts = odd, []string{odd}
		r := New(Options{Random: func() float64 { return 0 }})
		h := r.Handler("1.2.3")
		run(t, r, p, func() {
			sleep(6 * time.Hour)
			answer := get(t, h, "GET", "/metrics")
			want(t, "type", answer.Header().Get("Content-Type"), "text/plain; version=0.0.4; charset=utf-8")
			got := samples(t, answer.Body.String())
			labels := `{account="a0",registry="r0.test"}`
			came := got["jet_refresh_last_success_timestamp_seconds"+labels]
			now := float64(time.Now().Unix())
			for name, wanted := range map[string]float64{
				"jet_refresh_attempts_total" + labels:                                                     4,
				"jet_refresh_failures_total" + labels:                                                     2,
				"jet_refresh_credential_expiry_timestamp_seconds" + labels:                                came + 36000,
				"jet_refresh_credential_age_seconds" + labels:                                             now - came,
				`jet_refresh_attempts_total{account="a \"name\" with \\ and\na line",registry="r1.test"}`: 24,
				"jet_refresh_healthy":                                                                     1, "jet_refresh_ready": 1, "jet_refresh_config_usable": 1,
				`jet_refresh_output_expiry_timestamp_seconds{output="/passwords/a0"}`: came + 36000,
				`jet_refresh_output_failures_total{output="/passwords/a0"}`:           0,
				`jet_refresh_output_writes_total{output="/passwords/a0"}`:             2,
			} {
				if value, ok := got[name]; !ok || math.Abs(value-wanted) > 1e-3 {
					t.Errorf("%s: got %v, %v, want %v", name, value, ok, wanted)
				}
			}
			if now-came < 3580 || now-came > 3605 {
				t.Errorf("it came %v s ago", now-came)
			}
			for name := range got {
				if strings.Contains(name, "expiry") && strings.Contains(name, "r1.test") {
					t.Errorf("%s: it has none", name)
				}
			}
		})
		if out := os.Getenv("JET_METRICS_PAGE"); out != "" { // for a look by other programs
			if err := os.WriteFile(out, r.metrics("1.2.3"), 0o644); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestServe asks over a connection, and ends.
func TestServe(t *testing.T) {
	listener, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if _, err := Listen(address); err == nil || strings.Contains(err.Error(), address) {
		t.Errorf("the same address twice: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- Serve(ctx, listener, New(Options{}).Handler("1")) }()
	answer, err := http.Get("http://" + address + "/health")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	want(t, "answer", fmt.Sprint(string(body), err), `{"status":"healthy"}<nil>`)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + address + "/health"); err == nil {
		t.Error("it still answers")
	}
}

// TestManyConnections opens more connections than there may be, which say nothing.
func TestManyConnections(t *testing.T) {
	listener, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- Serve(ctx, listener, New(Options{}).Handler("1")) }()
	var open []net.Conn
	dial := func() net.Conn {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		connection.SetReadDeadline(time.Now().Add(3 * time.Second))
		open = append(open, connection)
		return connection
	}
	for range maxConnections {
		dial()
	}
	if n, err := dial().Read(make([]byte, 1)); n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("one too many is kept open: %v", err)
	}
	for _, connection := range open {
		connection.Close()
	}
	for try := 0; ; try++ { // until the server has seen that
		answer, err := http.Get("http://" + address + "/health")
		if err == nil {
			answer.Body.Close()
			break
		}
		if try == 100 {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestFollow changes a configuration under way.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clouds, disks := world(3, 12*time.Hour)
		var log lines
		r := New(Options{Log: logTo(&log)})
		h := r.Handler("1")
		plans := map[string]Plan{"one": single(0, clouds[:1], disks), "two": single(0, clouds[:2], disks)}
		text := make(chan string, 1)
		text <- "one"
		now := func() string { s := <-text; text <- s; return s }
		set := func(s string) { <-text; text <- s }
		tries := make(chan int, 1)
		tries <- 0
		c := Config{
			Read: func() ([]byte, error) {
				if s := now(); s != "" {
					return []byte(s), nil
				}
				return nil, errors.New("there is no such file")
			},
			Plan: func(_ context.Context, data []byte) (Plan, error) {
				tries <- 1 + <-tries
				if p, ok := plans[string(data)]; ok {
					return p, nil
				}
				return Plan{}, errors.New("line 1: it is broken")
			},
		}
		asked := make(chan struct{}, 1)
		run(t, r, plans["one"], func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go r.Follow(ctx, c, []byte("one"), asked)
			state := func(what string, usable, reloads, failures float64, requests ...int) {
				t.Helper()
				got := samples(t, get(t, h, "GET", "/metrics").Body.String())
				want(t, what+": metrics", []float64{got["jet_refresh_config_usable"], got["jet_refresh_config_reloads_total"], got["jet_refresh_config_failures_total"]}, []float64{usable, reloads, failures})
				for i, n := range requests {
					want(t, what+": requests", clouds[i].asked(), n)
				}
				answer := get(t, h, "GET", "/health")
				want(t, what+": health", answer.Code, 200)
				want(t, what+": health tells", strings.Contains(answer.Body.String(), "configuration"), usable == 0)
			}
			sleep(time.Minute)
			state("at first", 1, 0, 0, 1, 0)
			set("two")
			sleep(10 * time.Second)
			state("another registry", 1, 1, 0, 1, 1)
			set("broken")
			sleep(10 * time.Second)
			state("broken", 0, 1, 1, 1, 1)
			sleep(10 * time.Minute)
			state("broken for long", 0, 1, 1, 1, 1)
			if n := <-tries; n < 8 || n > 13 {
				t.Errorf("%d tries to make a plan", n)
			} else {
				tries <- n
			}
			set("")
			sleep(10 * time.Second)
			state("gone", 0, 1, 2, 1, 1)
			set("two")
			sleep(10 * time.Second)
			state("mended", 1, 2, 2, 1, 1)
			asked <- struct{}{}
			sleep(time.Second)
			state("on request", 1, 3, 2, 1, 1)
			clouds[0].fail(true)
			sleep(13 * time.Hour)
			before := clouds[0].asked()
			asked <- struct{}{}
			sleep(time.Second)
			want(t, "requests of what fails, on request", clouds[0].asked(), before+1)
			clouds[0].fail(false)
			asked <- struct{}{}
			sleep(time.Minute)
			want(t, "health", problemsOf(r), "")
			requests := clouds[1].asked()
			set("one")
			sleep(24 * time.Hour)
			state("one less", 1, 6, 2)
			want(t, "requests of what was taken out", clouds[1].asked(), requests)
		})
		want(t, "told", log.count("the configuration cannot be used; the one before stands"), 2)
	})
}

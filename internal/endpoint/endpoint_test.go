package endpoint

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const canary = "canary-7Yq2mW"

func post(t *testing.T, url string) *http.Request {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/token?secret="+canary, strings.NewReader("password="+canary))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request
}

type token struct {
	Token string `json:"token"`
}

// TestAsk meets what token endpoints do on a bad day.
func TestAsk(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	for _, c := range []struct {
		label  string
		answer func(w http.ResponseWriter, r *http.Request, try int)
		want   string // "" for a token
		tries  int
	}{
		{"good", func(w http.ResponseWriter, _ *http.Request, _ int) { fmt.Fprint(w, `{"token":"t"}`) }, "", 1},
		{"500 twice", func(w http.ResponseWriter, _ *http.Request, try int) {
			if try < 3 {
				http.Error(w, canary, 500)
				return
			}
			fmt.Fprint(w, `{"token":"t"}`)
		}, "", 3},
		{"busy, with a time", func(w http.ResponseWriter, _ *http.Request, try int) {
			if try == 1 {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(429)
				return
			}
			fmt.Fprint(w, `{"token":"t"}`)
		}, "", 2},
		{"busy for longer than there is time", func(w http.ResponseWriter, _ *http.Request, try int) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
		}, "answers 429 Too Many Requests and asks to wait 1h0m0s", 1},
		{"out of order", func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(503) }, "answers 503 Service Unavailable", 4},
		{"refused", func(w http.ResponseWriter, _ *http.Request, _ int) { http.Error(w, canary, 400) }, "answers 400 Bad Request", 1},
		{"cut off once", func(w http.ResponseWriter, _ *http.Request, try int) {
			if try == 1 {
				panic(http.ErrAbortHandler)
			}
			fmt.Fprint(w, `{"token":"t"}`)
		}, "", 2},
		{"web page", func(w http.ResponseWriter, _ *http.Request, _ int) { fmt.Fprint(w, "<html>"+canary) }, "is a web page", 1},
		{"no JSON", func(w http.ResponseWriter, _ *http.Request, _ int) { fmt.Fprint(w, canary) }, "is not JSON", 1},
		{"damaged JSON", func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"token":"`+canary)
		}, "is not valid JSON", 1},
		{"empty", func(http.ResponseWriter, *http.Request, int) {}, "is empty", 1},
		{"10 MB", func(w http.ResponseWriter, _ *http.Request, _ int) {
			fmt.Fprint(w, `{"token":"`)
			w.Write([]byte(strings.Repeat("x", 10<<20)))
		}, "is over 1024 KiB long", 1},
		{"redirect to another host", func(w http.ResponseWriter, r *http.Request, _ int) {
			http.Redirect(w, r, other.URL+"/?"+canary, http.StatusTemporaryRedirect)
		}, "answers with a redirect to " + strings.TrimPrefix(other.URL, "http://"), 1},
		{"redirect to nowhere", func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Header().Set("Location", "http://%zz/"+canary)
			w.WriteHeader(http.StatusFound)
		}, "is not followed", 1},
		{"redirect to itself", func(w http.ResponseWriter, r *http.Request, _ int) { http.Redirect(w, r, "/", http.StatusFound) }, "is not followed", 1},
	} {
		t.Run(c.label, func(t *testing.T) {
			tries := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				tries++
				if got := r.FormValue("password"); got != canary {
					t.Errorf("try %d: the server got %q", tries, got)
				}
				c.answer(w, r, tries)
			}))
			defer server.Close()
			server.Config.ErrorLog = nil
			var got token
			err := Ask(NewClient(Options{Wait: time.Millisecond}), post(t, server.URL), &got)
			switch {
			case c.want == "" && (err != nil || got.Token != "t"):
				t.Errorf("got %q, %v", got.Token, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			case err != nil && (strings.Contains(err.Error(), canary) || !strings.Contains(err.Error(), strings.TrimPrefix(server.URL, "http://"))):
				t.Errorf("it shows a secret, or not the host: %v", err)
			}
			if tries != c.tries {
				t.Errorf("asked %d times, want %d", tries, c.tries)
			}
		})
	}
	// Nor by a client that is built around the transport, as libraries do.
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	if err := Ask(&http.Client{Transport: NewClient(Options{}).Transport}, post(t, server.URL), nil); err == nil || !strings.Contains(err.Error(), "is not followed") {
		t.Errorf("another client: got %v", err)
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("the other host was asked %d times", n)
	}
}

func TestStatusError(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(403)
		fmt.Fprint(w, canary)
	}))
	defer server.Close()
	err := Ask(NewClient(Options{}), post(t, server.URL), nil)
	status, ok := errors.AsType[*StatusError](err)
	if !ok || status.Code != 403 || string(status.Body) != canary || strings.Contains(err.Error(), canary) {
		t.Fatalf("got %v", err)
	}
	if ahead, ok := status.Skew(); !ok || ahead < 59*time.Minute || ahead > 61*time.Minute {
		t.Errorf("the clock is ahead by %v, %v", ahead, ok)
	}
	if _, ok := (&StatusError{}).Skew(); ok {
		t.Error("a skew without a date")
	}
}

// TestDeadline meets servers that never answer, or never end.
func TestDeadline(t *testing.T) {
	for label, handler := range map[string]http.HandlerFunc{
		"hangs": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"trickles": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				fmt.Fprint(w, " ")
				w.(http.Flusher).Flush()
				time.Sleep(5 * time.Millisecond)
			}
		},
		"always busy": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
	} {
		t.Run(label, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body) // else the server does not see the client go
				handler(w, r)
			}))
			defer server.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			began := time.Now()
			err := Ask(NewClient(Options{Tries: 1000, Wait: 10 * time.Millisecond}), post(t, server.URL).WithContext(ctx), nil)
			if err == nil || strings.Contains(err.Error(), canary) {
				t.Errorf("got %v", err)
			}
			if label != "always busy" && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want the deadline", err)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	err := Ask(NewClient(Options{Wait: time.Millisecond}), post(t, server.URL), nil)
	if err == nil || !strings.Contains(err.Error(), "refused") || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v", err)
	}
	err = Ask(NewClient(Options{}), post(t, "http://none.invalid"), nil)
	if err == nil || !strings.Contains(err.Error(), "none.invalid") || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v", err)
	}
}

// TestRoots asks a server whose authority is in none of the usual files.
func TestRoots(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"token":"t"}`) }))
	defer server.Close()
	var got token
	err := Ask(NewClient(Options{}), post(t, server.URL), &got)
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("unknown authority: got %v", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	if err := Ask(NewClient(Options{Roots: roots}), post(t, server.URL), &got); err != nil || got.Token != "t" {
		t.Errorf("with its authority: got %v", err)
	}
}

// TestQuickRoots looks a server up that the quick file lacks and the system has.
func TestQuickRoots(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"token":%q}`, r.FormValue("password"))
	}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	q := &quickRoots{quick: Options{}.transport(x509.NewCertPool()), full: Options{}.transport(roots)}
	var got token
	if err := Ask(&http.Client{Transport: q}, post(t, server.URL), &got); err != nil || got.Token != canary {
		t.Errorf("got %v", err)
	}
}

// TestPermit asks about each connection before it is made, and no more often.
func TestPermit(t *testing.T) {
	var served atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		served.Add(1)
		fmt.Fprint(w, `{"token":"t"}`)
	}))
	defer server.Close()
	_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
	refusal := errors.New("not there")
	var asked []string
	client := NewClient(Options{Permit: func(address string, remote netip.AddrPort) error {
		asked = append(asked, address+" "+remote.Addr().String())
		if strings.HasPrefix(address, "localhost") {
			return refusal
		}
		return nil
	}})
	var got token
	if err := Ask(client, post(t, "http://localhost:"+port), &got); !errors.Is(err, refusal) || served.Load() != 0 {
		t.Errorf("refused: got %v, %d requests", err, served.Load())
	}
	asked = nil
	for range 2 {
		if err := Ask(client, post(t, server.URL), &got); err != nil {
			t.Error(err)
		}
	}
	if want := []string{"127.0.0.1:" + port + " 127.0.0.1"}; !slices.Equal(asked, want) {
		t.Errorf("asked about %q, want %q", asked, want)
	}
	client.CloseIdleConnections()
	if err := Ask(client, post(t, server.URL), &got); err != nil || len(asked) != 2 {
		t.Errorf("after the connections were closed: %v, asked about %q", err, asked)
	}
}

// TestInsecure talks to a server that nobody vouches for.
func TestInsecure(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"token":"t"}`) }))
	defer server.Close()
	var got token
	if err := Ask(NewClient(Options{InsecureSkipVerify: true}), post(t, server.URL), &got); err != nil || got.Token != "t" {
		t.Errorf("got %v", err)
	}
}

// TestRedirects gives redirects to who wants them, and follows none.
func TestRedirects(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	answer, err := NewClient(Options{Redirects: true}).Do(post(t, server.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusTemporaryRedirect || elsewhere.Load() != 0 {
		t.Errorf("got %d, %d requests elsewhere", answer.StatusCode, elsewhere.Load())
	}
}

// TestReach asks a server that takes connections and says nothing.
func TestReach(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	began := time.Now()
	err = Ask(NewClient(Options{Reach: 50 * time.Millisecond}), post(t, "https://"+listener.Addr().String()), nil)
	if took := time.Since(began); err == nil || took > 3*time.Second {
		t.Errorf("got %v after %v", err, took)
	}
}

// TestRetry asks a server that has its own way to say "not yet".
func TestRetry(t *testing.T) {
	tries := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if tries++; tries < 3 {
			w.WriteHeader(http.StatusGone)
			return
		}
		fmt.Fprint(w, `{"token":"t"}`)
	}))
	defer server.Close()
	var got token
	if err := Ask(NewClient(Options{Wait: time.Millisecond}), post(t, server.URL), &got); err == nil || tries != 1 {
		t.Errorf("got %v after %d tries", err, tries)
	}
	tries = 0
	o := Options{Wait: time.Millisecond, Retry: []int{http.StatusNotFound, http.StatusGone}}
	if err := Ask(NewClient(o), post(t, server.URL), &got); err != nil || tries != 3 {
		t.Errorf("got %v after %d tries", err, tries)
	}
}

// TestDial has a host of another name on loopback.
func TestDial(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, `{"token":%q}`, r.Host) }))
	defer server.Close()
	var dialled string
	o := Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled = address
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}}
	var got token
	if err := Ask(NewClient(o), post(t, "http://login.example"), &got); err != nil || got.Token != "login.example" || dialled != "login.example:80" {
		t.Errorf("got %q at %s, %v", got.Token, dialled, err)
	}
}

// TestNoProxy has an environment that names a proxy. It is read once in a process,
// so the transport is looked at instead of asked.
func TestNoProxy(t *testing.T) {
	if (Options{}).transport(nil).Proxy == nil || (Options{NoProxy: true}).transport(nil).Proxy != nil {
		t.Error("the proxy is not as the options say")
	}
}

// TestConnections has hundreds of clients, one after the other, as a process that
// runs for months has: they leave no connections behind.
func TestConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits until connections come to an end")
	}
	ask := func(client *http.Client, url string) {
		t.Helper()
		var got token
		if err := Ask(client, post(t, url), &got); err != nil {
			t.Fatal(err)
		}
	}
	counting := func(start func(*httptest.Server)) (server *httptest.Server, open, all *atomic.Int32) {
		open, all = new(atomic.Int32), new(atomic.Int32)
		server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"token":"t"}`) }))
		server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				open.Add(1)
				all.Add(1)
			case http.StateClosed, http.StateHijacked:
				open.Add(-1)
			}
		}
		start(server)
		t.Cleanup(server.Close)
		return server, open, all
	}
	plain, openPlain, allPlain := counting((*httptest.Server).Start)
	secure, openSecure, allSecure := counting((*httptest.Server).StartTLS)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	for range 200 {
		ask(NewClient(Options{}), plain.URL)
		ask(NewClient(Options{Roots: roots}), secure.URL)
	}
	if n := allPlain.Load(); n > 5 {
		t.Errorf("200 clients of one kind made %d connections", n)
	}
	if n := allSecure.Load(); n != 200 {
		t.Errorf("200 clients with authorities of their own made %d connections", n)
	}
	for begun := time.Now(); openPlain.Load()+openSecure.Load() > 0; time.Sleep(50 * time.Millisecond) {
		if time.Since(begun) > 2*idleTime {
			t.Fatalf("after %v there are still %d and %d connections", time.Since(begun), openPlain.Load(), openSecure.Load())
		}
	}
}

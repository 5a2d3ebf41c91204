package refresh

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// DefaultAddress is where ecr-token-refresh answers, on all interfaces: the kubelet
// asks from outside of the container.
const DefaultAddress = ":3277"

// maxProblems is how many problems /health names.
const maxProblems = 50

// health is the answer of /health. While nothing is wrong it is that of
// ecr-token-refresh.
type health struct {
	Status string `json:"status"` // healthy or unhealthy
	// Configuration says that a changed configuration is not followed.
	Configuration string    `json:"configuration,omitempty"`
	Problems      []Problem `json:"problems,omitempty"`
	More          int       `json:"more_problems,omitempty"`
}

// Handler answers /health, /ready and /metrics, and holds no secret. The version is
// that of the program.
func (r *Refresher) Handler(version string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		status, answer := http.StatusOK, health{Status: "healthy", Problems: r.Health()}
		if answer.Problems != nil {
			status, answer.Status = http.StatusServiceUnavailable, "unhealthy"
		}
		if more := len(answer.Problems) - maxProblems; more > 0 {
			answer.Problems, answer.More = answer.Problems[:maxProblems], more
		}
		if since := r.brokenSince(); !since.IsZero() {
			answer.Configuration = "cannot be used since " + stamp(since) + ", as the log says; the one before stands"
		}
		body, err := json.Marshal(answer)
		if err != nil {
			status, body = http.StatusInternalServerError, nil
		}
		reply(w, status, "application/json", body)
	})
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if !r.Ready() {
			reply(w, http.StatusServiceUnavailable, "text/plain; charset=utf-8", []byte("not ready: not everything was written once\n"))
			return
		}
		reply(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ready\n"))
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, "text/plain; version=0.0.4; charset=utf-8", r.metrics(version))
	})
	return mux
}

func (r *Refresher) brokenSince() time.Time {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.config.broken
}

func reply(w http.ResponseWriter, status int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(body)
}

// Listen opens the address that Serve answers at, a host and a port of TCP.
func Listen(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		err = operation.Err // which does not repeat the address
	}
	return listener, err
}

// maxConnections is how many there are at a time: thousands, which cost nothing to who
// opens them, would take more memory than all else here.
const maxConnections = 256

// A boundedListener closes connections that are too many.
type boundedListener struct {
	net.Listener
	places chan struct{}
}

func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		connection, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.places <- struct{}{}:
			return &boundedConnection{Conn: connection, leave: sync.OnceFunc(func() { <-l.places })}, nil
		default:
			connection.Close()
		}
	}
}

// A boundedConnection leaves its place when it is closed.
type boundedConnection struct {
	net.Conn
	leave func()
}

func (c *boundedConnection) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// Serve answers requests until the context is done, those of 256 connections at a time.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // what scanners send concerns nobody
	}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	err := server.Serve(&boundedListener{listener, make(chan struct{}, maxConnections)})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

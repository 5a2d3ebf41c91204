package endpoint

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestEcho meets servers that give back what they were sent where errors quote them.
func TestEcho(t *testing.T) {
	const header = "key-9XwLq4Tz"
	for answer, want := range map[string]string{
		"HTTP/" + canary + " 200 OK\r\n\r\n":                                  "is none of HTTP",
		"HTTP/1.1 " + header + "\r\n\r\n":                                     "is none of HTTP",
		"HTTP/1.1 200 OK\r\nContent-Length: " + canary + "\r\n\r\n":           "is none of HTTP",
		"HTTP/1.1 307 Go\r\nLocation: https://" + canary + ".example\r\n\r\n": "redirect to another host",
		"HTTP/1.1 307 Go\r\nLocation: https://" + header + ".example\r\n\r\n": "redirect to another host",
		"HTTP/1.1 307 Go\r\nLocation: https://login.example/\r\n\r\n":         "redirect to login.example",
		"SSH-2.0-OpenSSH_9.2\r\n":                                             "malformed HTTP response",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			connection, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(connection, answer)
			connection.Close()
		}))
		request := post(t, server.URL)
		request.Header.Set("Authorization", "Bearer "+header)
		_, _, err := Fetch(NewClient(Options{Tries: 1}), request)
		server.Close()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), header) {
			t.Errorf("%q: got %v", answer, err)
		}
	}
}

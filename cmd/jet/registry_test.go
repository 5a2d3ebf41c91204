package main

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dockercfg/jet/internal/fakeregistry"
)

// startRegistries is the command of scripts "fakeregistries": it starts what stands in
// for registries, whose user bob has the password $SECRET, and puts their hosts into
// variables. BASIC asks for the password and has team/app (1.2, latest), team/web, to
// which bob may not push, team/empty without tags, and team/secret, from which he may
// not pull. TOKENS has the same and asks for tokens, EMPTY is empty, TLS is one whose
// certificate is from the authority in ca.pem, PAGE is a web page, NOWHERE nothing. The
// env files basic.env and wrong.env are for BASIC and TOKENS, the latter with a wrong
// password.
func startRegistries(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: fakeregistries")
	}
	const user, secret = "bob", "canary-7Yq2mW"
	ts.Setenv("SECRET", secret)
	fake := func(tokens bool) *fakeregistry.Registry {
		return &fakeregistry.Registry{
			Users: map[string]string{user: secret}, Tokens: tokens,
			Repositories: map[string][]string{"team/app": {"1.2", "latest"}, "team/web": {"latest"}, "team/empty": nil, "team/secret": {"1"}},
			Readers:      map[string][]string{"team/secret": nil},
			Writers:      map[string][]string{"team/web": nil},
		}
	}
	start := func(name string, h http.Handler) {
		server := httptest.NewServer(h)
		ts.Defer(server.Close)
		ts.Setenv(name, server.Listener.Addr().String())
	}
	start("BASIC", fake(false))
	start("TOKENS", fake(true))
	start("EMPTY", &fakeregistry.Registry{Users: map[string]string{user: secret}})
	start("PAGE", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }))
	server := httptest.NewUnstartedServer(fake(false))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	ts.Defer(server.Close)
	ts.Setenv("TLS", strings.TrimPrefix(server.URL, "https://"))
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), authority, 0o600))
	for name, variables := range map[string][2]string{"basic.env": {"BASIC", secret}, "wrong.env": {"TOKENS", "wrong-9182"}} {
		ts.Check(os.WriteFile(ts.MkAbs(name), fmt.Appendf(nil, "DOCKER_USERNAME=%s\nDOCKER_PASSWORD=%s\nDOCKER_REGISTRY=%s\n", user, variables[1], ts.Getenv(variables[0])), 0o600))
	}
	nothing := httptest.NewServer(nil)
	nothing.Close()
	ts.Setenv("NOWHERE", nothing.Listener.Addr().String())
}

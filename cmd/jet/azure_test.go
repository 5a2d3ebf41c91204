package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dockercfg/jet/internal/fakeazure"
	"github.com/dockercfg/jet/internal/fakejwt"
)

// startAzure is azure FOLDER: it starts an Azure, with one registry and a machine that
// has an identity, and writes env files for it.
func startAzure(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: azure FOLDER")
	}
	const (
		tenant = "33333333-aaaa-4bbb-8ccc-dddddddddddd"
		app    = "44444444-aaaa-4bbb-8ccc-dddddddddddd"
		secret = "canary-secret-Zq8v"
	)
	cloud := &fakeazure.Cloud{Tenant: tenant, Identities: []string{"vm"}, Apps: map[string]*fakeazure.App{
		app: {Secret: secret, Federated: &fakeazure.Federation{Issuer: "https://oidc.example", Subject: "ci", Key: fakejwt.Key("cluster").Public()}},
	}}
	registry := &fakeazure.Registry{Cloud: cloud, Roles: map[string][]string{app: {"pull"}, "vm": {"pull"}}}
	start := func(h http.Handler) string {
		server := httptest.NewServer(h)
		ts.Defer(server.Close)
		return server.URL
	}
	address := strings.Replace(start(registry), "127.0.0.1", "localhost", 1)
	registry.Host = strings.TrimPrefix(address, "http://")
	entra := start(cloud.Entra())
	common := "AZURE_REGISTRY=" + registry.Host + "\nAZURE_REGISTRY_ENDPOINT=" + address + "\nAZURE_AUTHORITY_HOST=" + entra + "\n"
	principal := "AZURE_TENANT_ID=" + tenant + "\nAZURE_CLIENT_ID=" + app + "\n"
	ts.Check(os.MkdirAll(ts.MkAbs(args[0]), 0o700))
	for name, text := range map[string]string{
		"principal.env": common + principal + "AZURE_CLIENT_SECRET=" + secret + "\n",
		"wrong.env":     common + principal + "AZURE_CLIENT_SECRET=canary-of-before\n",
		"workload.env":  common + principal + "AZURE_FEDERATED_TOKEN_FILE=" + ts.MkAbs(args[0]+"/token") + "\n",
		"machine.env":   common + "AZURE_POD_IDENTITY_AUTHORITY_HOST=" + start(cloud.Metadata()) + "\n",
		"token":         fakejwt.Sign(fakejwt.Key("cluster"), nil, fakejwt.Claims{"iss": "https://oidc.example", "sub": "ci", "aud": "api://AzureADTokenExchange", "exp": 1 << 32}),
	} {
		ts.Check(os.WriteFile(ts.MkAbs(args[0]+"/"+name), []byte(text), 0o600))
	}
}

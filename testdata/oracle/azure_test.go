package oracle

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/containers/azcontainerregistry"

	"github.com/dockercfg/jet/internal/fakeazure"
	"github.com/dockercfg/jet/internal/fakejwt"
)

const (
	azureTenant = "33333333-aaaa-4bbb-8ccc-dddddddddddd"
	azurePuller = "44444444-aaaa-4bbb-8ccc-dddddddddddd"
	azurePusher = "55555555-aaaa-4bbb-8ccc-dddddddddddd"
	azureSecret = "s~cret#1 of $nobody"
)

// newAzure makes a directory with two applications.
func newAzure(t *testing.T) *fakeazure.Cloud {
	t.Helper()
	return &fakeazure.Cloud{
		Tenant: azureTenant, Identities: []string{"vm"}, IdentityHeader: "header",
		Apps: map[string]*fakeazure.App{
			azurePuller: {
				Secret: azureSecret, Certificate: selfSigned(t, "app"),
				Federated: &fakeazure.Federation{Issuer: "https://oidc.example", Subject: "ci", Key: fakejwt.Key("cluster").Public()},
			},
			azurePusher: {Secret: azureSecret},
		},
	}
}

// selfSigned makes a certificate of a key.
func selfSigned(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	key := fakejwt.Key(name)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// TestAzureSDK has Azure's own libraries talk to what stands in for Azure: the
// generators' tests are worth as much as that is like Azure.
func TestAzureSDK(t *testing.T) {
	cloud := newAzure(t)
	const host = "myregistry.azurecr.io"
	registry := &fakeazure.Registry{Cloud: cloud, Host: host, Roles: map[string][]string{azurePuller: {"pull"}, "vm": {"pull"}}}
	network := fakeazure.NewNetwork(t, map[string]http.Handler{
		"login.microsoftonline.com": cloud.Entra(), host: registry, "169.254.169.254": cloud.Metadata(), "127.0.0.1": cloud.AppService(),
	})
	client := &http.Client{Transport: &http.Transport{DialContext: network.Dial, TLSClientConfig: &tls.Config{RootCAs: network.Roots()}}}
	options := policy.ClientOptions{Transport: client, Retry: policy.RetryOptions{MaxRetries: -1}}

	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	write(t, token, fakejwt.Sign(fakejwt.Key("cluster"), nil, fakejwt.Claims{
		"iss": "https://oidc.example", "sub": "ci", "aud": "api://AzureADTokenExchange", "exp": time.Now().Unix() + 600,
	}))
	secret := func(secret string) func() (azcore.TokenCredential, error) {
		return func() (azcore.TokenCredential, error) {
			return azidentity.NewClientSecretCredential(azureTenant, azurePuller, secret,
				&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true})
		}
	}
	certificate := func(certificate *x509.Certificate, key string) func() (azcore.TokenCredential, error) {
		return func() (azcore.TokenCredential, error) {
			return azidentity.NewClientCertificateCredential(azureTenant, azurePuller, []*x509.Certificate{certificate}, fakejwt.Key(key),
				&azidentity.ClientCertificateCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true})
		}
	}
	machine := func(id azidentity.ManagedIDKind) func() (azcore.TokenCredential, error) {
		return func() (azcore.TokenCredential, error) {
			return azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ClientOptions: options, ID: id})
		}
	}
	site := func(header string) func() (azcore.TokenCredential, error) {
		return func() (azcore.TokenCredential, error) {
			t.Setenv("IDENTITY_ENDPOINT", "http://127.0.0.1/msi/token/")
			t.Setenv("IDENTITY_HEADER", header)
			return machine(nil)()
		}
	}
	for _, c := range []struct {
		label string
		open  func() (azcore.TokenCredential, error)
		want  string // what is refused, "" for nothing
	}{
		{"secret", secret(azureSecret), ""},
		{"wrong secret", secret("x"), "AADSTS7000215"},
		{"certificate", certificate(cloud.Apps[azurePuller].Certificate, "app"), ""},
		{"another certificate", certificate(selfSigned(t, "other"), "other"), "AADSTS700027"},
		{"federated", func() (azcore.TokenCredential, error) {
			return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
				ClientOptions: options, DisableInstanceDiscovery: true, TenantID: azureTenant, ClientID: azurePuller, TokenFilePath: token,
			})
		}, ""},
		// The library keeps the tokens of managed identities for the whole process, so
		// there is one of each.
		{"machine", machine(azidentity.ClientID("vm")), ""},
		{"machine, another id", machine(azidentity.ClientID("x")), "Identity not found"},
		{"site, wrong header", site("x"), "403"},
		{"site", site("header"), ""},
	} {
		credential, err := c.open()
		if err != nil {
			t.Errorf("%s: %v", c.label, err)
			continue
		}
		access, err := azcontainerregistry.NewClient("https://"+host, credential, &azcontainerregistry.ClientOptions{ClientOptions: options})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		_, err = access.NewListRepositoriesPager(nil).NextPage(ctx)
		cancel()
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.label, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %s", c.label, err, c.want)
		}
	}
	if len(cloud.Refused()) == 0 {
		t.Error("nothing was refused")
	}
}

// startAzureRegistry runs docker-registry behind the token service of an Azure
// registry, and gives their name.
func startAzureRegistry(t *testing.T, cloud *fakeazure.Cloud, roles map[string][]string, passwords map[string]string) *fakeazure.Registry {
	t.Helper()
	dir := t.TempDir()
	keyFile, certificateFile := filepath.Join(dir, "token.key"), filepath.Join(dir, "token.crt")
	writeSigner(t, keyFile, certificateFile)
	decode := func(path string) []byte {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(text)
		return block.Bytes
	}
	key, err := x509.ParseECPrivateKey(decode(keyFile))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := fmt.Sprintf("localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	behind := startDistribution(t, dir, fmt.Sprintf("auth: {token: {realm: \"http://%s/oauth2/token\", service: %q, issuer: Azure Container Registry, rootcertbundle: %s}}\n",
		host, host, certificateFile))
	target := &url.URL{Scheme: "http", Host: behind}
	g := &fakeazure.Registry{
		Cloud: cloud, Host: host, Roles: roles, Passwords: passwords, Key: key, Certificate: decode(certificateFile),
		Next: &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(target)
				r.Out.Host = r.In.Host // the registry makes addresses of it
			},
			ErrorLog: log.New(io.Discard, "", 0), // clients hang up when they know enough
		},
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: g}}
	server.Start()
	t.Cleanup(server.Close)
	return g
}

// TestAzureUse is the main job: a service principal goes in, Entra signs it in, the
// registry exchanges its token, and real clients use a real registry with what jet
// writes.
func TestAzureUse(t *testing.T) {
	cloud := newAzure(t)
	entra := httptest.NewServer(cloud.Entra())
	defer entra.Close()
	const password = `adm1n "p" $w`
	g := startAzureRegistry(t, cloud, map[string][]string{azurePuller: {"pull"}, azurePusher: {"pull", "push"}}, map[string]string{"myregistry": password})
	p := newProject(t)
	place := fmt.Sprintf("AZURE_REGISTRY=%s\nAZURE_REGISTRY_ENDPOINT=http://%s\nAZURE_AUTHORITY_HOST=%s\n", g.Host, g.Host, entra.URL)
	principal := func(id, secret string) string {
		return place + fmt.Sprintf("AZURE_TENANT_ID=%s\nAZURE_CLIENT_ID=%s\nAZURE_CLIENT_SECRET=%s\n", azureTenant, id, secret)
	}
	write(t, filepath.Join(p.dir, "pusher.env"), principal(azurePusher, azureSecret))
	write(t, filepath.Join(p.dir, "puller.env"), principal(azurePuller, azureSecret))
	write(t, filepath.Join(p.dir, "admin.env"), fmt.Sprintf("AZURE_USERNAME=myregistry\nAZURE_PASSWORD=%s\nAZURE_REGISTRY=%s\n", password, g.Host))
	write(t, filepath.Join(p.dir, "wrong.env"), fmt.Sprintf("AZURE_USERNAME=myregistry\nAZURE_PASSWORD=%sx\nAZURE_REGISTRY=%s\n", password, g.Host))
	pusher, puller, admin, wrong := p.config(t, "pusher.env"), p.config(t, "puller.env"), p.config(t, "admin.env"), p.config(t, "wrong.env")
	if text, err := os.ReadFile(filepath.Join(puller, "config.json")); err != nil || strings.Contains(string(text), azureSecret) {
		t.Fatalf("the secret is in the config, or %v", err)
	}
	// A token of another key, as somebody would make it up.
	forged := p.config(t, p.env(t, "forged.env", g.Host, account{fakeazure.Nobody, (&fakeazure.Registry{Cloud: cloud, Host: g.Host}).RefreshToken(azurePusher, g.Host)}))
	for _, c := range clients(t) {
		image := fmt.Sprintf("%s/team/%s:1", g.Host, c.name)
		for label, config := range map[string]string{"a token to pull with": puller, "a forged token": forged, "a wrong password": wrong} {
			if out, err := c.push(t, config, image); err == nil {
				t.Errorf("%s pushes with %s\n%s", c.name, label, out)
			}
		}
		if out, err := c.push(t, pusher, image); err != nil {
			t.Errorf("%s does not push: %v\n%s", c.name, err, out)
			continue
		}
		for _, config := range []string{puller, admin} {
			if out, err := c.pull(t, config, image); err != nil {
				t.Errorf("%s does not pull: %v\n%s", c.name, err, out)
			}
		}
		for label, config := range map[string]string{"a forged token": forged, "a wrong password": wrong} {
			if out, err := c.pull(t, config, image); err == nil || !refused.MatchString(out) {
				t.Errorf("%s pulls with %s: %v\n%s", c.name, label, err, out)
			}
		}
	}
	if asked := strings.Join(cloud.Asked(), "\n"); strings.Count(asked, "/oauth2/exchange") != 2 {
		t.Errorf("two exchanges were expected:\n%s", asked)
	}
}

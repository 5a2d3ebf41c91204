package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/dockercfg/jet"

// listed is what go list says about a package.
type listed struct {
	ImportPath string
	Imports    []string // of the files that are built, without those of tests
}

// listPackages gives the packages of patterns and all they need, by path.
func listPackages(t *testing.T, patterns ...string) map[string]listed {
	t.Helper()
	args := append([]string{"list", "-deps", "-tags=urfave_cli_no_docs,nethttpomithttp2", "-json=ImportPath,Imports"}, patterns...)
	cmd := exec.Command("go", args...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("needs the go command")
	}
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, problems.Bytes())
	}
	packages := make(map[string]listed)
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := decoder.Decode(&p); err == io.EOF {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages[p.ImportPath] = p
	}
}

// within reports whether path is the package at root of our module, or below it.
func within(path, root string) bool {
	rest, ok := strings.CutPrefix(path, module+"/"+root)
	return ok && (rest == "" || rest[0] == '/')
}

// A rule says what packages may not import.
type rule struct {
	name  string
	of    func(importer string) bool
	never func(importer, imported string) bool
}

// backendOf gives the name of the backend that a package belongs to, "" for none.
func backendOf(path string) string {
	rest, ok := strings.CutPrefix(path, module+"/generators/")
	name, _, _ := strings.Cut(rest, "/")
	if !ok || name == "internal" || name == "backendtest" {
		return ""
	}
	return name
}

// isFake reports whether a package stands in for a cloud, in tests alone.
func isFake(path string) bool { return strings.HasPrefix(path, module+"/internal/fake") }

var rules = []rule{
	{
		"crypto knows no files, network, credentials or command line",
		func(p string) bool { return within(p, "crypto") },
		func(_, i string) bool {
			return within(i, "dockercfg") || within(i, "generators") || within(i, "cmd") || within(i, "internal") ||
				i == "os" || strings.HasPrefix(i, "os/") || i == "net" || strings.HasPrefix(i, "net/")
		},
	},
	{
		"dockercfg knows no files, network, formats or command line",
		func(p string) bool { return within(p, "dockercfg") },
		func(_, i string) bool {
			return within(i, "crypto") || within(i, "generators") || within(i, "cmd") ||
				within(i, "internal") && !within(i, "internal/yamledit") || i == "net/http" || i == "os" || strings.HasPrefix(i, "os/")
		},
	},
	{
		"the root of generators knows no backend",
		func(p string) bool { return p == module+"/generators" },
		func(_, i string) bool {
			return backendOf(i) != "" || within(i, "crypto") || within(i, "cmd") || within(i, "internal")
		},
	},
	{
		"a backend knows no other backend, no formats and no command line",
		func(p string) bool { return backendOf(p) != "" },
		func(p, i string) bool {
			return backendOf(i) != "" && backendOf(i) != backendOf(p) || within(i, "crypto") || within(i, "cmd")
		},
	},
	{
		"nothing imports cmd",
		func(string) bool { return true },
		func(_, i string) bool { return within(i, "cmd") },
	},
	{
		"nothing but cmd, the store's own packages and the helper run credential helpers",
		func(p string) bool {
			return strings.HasPrefix(p, module) && !within(p, "cmd") && !within(p, "generators/store") &&
				!within(p, "internal/credentialstore") && !within(p, "internal/credentialhelper") &&
				!within(p, "internal/userstore") && !within(p, "internal/storedkey")
		},
		func(_, i string) bool {
			return within(i, "internal/credentialstore") || strings.HasPrefix(i, "github.com/docker/docker-credential-helpers")
		},
	},
	{
		"dockercfg itself reads no YAML",
		func(p string) bool { return within(p, "dockercfg") && !within(p, "dockercfg/kubernetes") },
		func(_, i string) bool {
			return within(i, "dockercfg/kubernetes") || within(i, "internal/yamledit")
		},
	},
	{
		"only internal/yamledit knows the YAML library",
		func(p string) bool { return strings.HasPrefix(p, module) && !within(p, "internal/yamledit") },
		func(_, i string) bool { return strings.HasPrefix(i, "github.com/goccy/") },
	},
	{
		"only backends, what they are made of, and what asks or is a server know the network",
		func(p string) bool {
			return strings.HasPrefix(p, module) && backendOf(p) == "" && !isFake(p) &&
				!within(p, "internal/endpoint") && !within(p, "internal/registry") &&
				!within(p, "internal/kubernetes") && !within(p, "internal/refresh")
		},
		func(_, i string) bool { return i == "net/http" || i == "crypto/tls" || i == "net/http/httptest" },
	},
	{
		"only jet-age knows age",
		func(p string) bool {
			return strings.HasPrefix(p, module) && !within(p, "internal/agefile") && !within(p, "cmd/jet-age") && !within(p, "internal/sharedkey/sharedkeytest")
		},
		func(_, i string) bool { return strings.HasPrefix(i, "filippo.io/") || within(i, "internal/agefile") },
	},
	{
		"nothing but tests knows what stands in for clouds",
		func(p string) bool { return strings.HasPrefix(p, module) && !isFake(p) },
		func(_, i string) bool { return isFake(i) },
	},
	{
		"only the program that reads profiles knows the whole of AWS's SDK",
		func(p string) bool {
			return strings.HasPrefix(p, module) && !within(p, "internal/awsprofile/resolver")
		},
		func(_, i string) bool { return strings.HasPrefix(i, "github.com/aws/aws-sdk-go-v2/config") },
	},
	{
		"only cmd/jet knows terminals",
		func(p string) bool { return strings.HasPrefix(p, module) && !within(p, "cmd/jet") },
		func(_, i string) bool { return i == "golang.org/x/term" },
	},
	{
		"only cmd/jet knows the command line library",
		func(p string) bool { return p != module+"/cmd/jet" && strings.HasPrefix(p, module) },
		func(_, i string) bool { return strings.HasPrefix(i, "github.com/urfave/cli") },
	},
}

// TestImports checks the direct imports of every package of this module.
func TestImports(t *testing.T) {
	packages := listPackages(t, module+"/...")
	count := 0
	for path, p := range packages {
		if !within(path, "") && !strings.HasPrefix(path, module+"/") {
			continue
		}
		count++
		for _, r := range rules {
			if !r.of(path) {
				continue
			}
			for _, imported := range p.Imports {
				if r.never(path, imported) {
					t.Errorf("%s: %s imports %s", r.name, path, imported)
				}
			}
		}
	}
	if count < 8 {
		t.Errorf("%d packages looked at, want at least 8", count)
	}
}

// TestLinked checks what is linked into jet: what is not there cannot be slow or
// large. That offline commands reach no network is for a test with real parts.
func TestLinked(t *testing.T) {
	const main = module + "/cmd/jet"
	packages := listPackages(t, main)
	importers := make(map[string][]string) // of each package
	queue := []string{main}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		for _, imported := range packages[path].Imports {
			if importers[imported] == nil {
				queue = append(queue, imported)
			}
			importers[imported] = append(importers[imported], path)
		}
	}
	if len(importers) < 50 || importers["os"] == nil {
		t.Fatalf("%d packages found, so something is wrong with the search", len(importers))
	}
	for never, but := range map[string]string{
		"testing": "",
		// The generated schemas of these take 0.6 ms of every start; jet-aws-profile has them.
		"github.com/aws/aws-sdk-go-v2/config":          "",
		"github.com/aws/aws-sdk-go-v2/service/sso":     "",
		"github.com/aws/aws-sdk-go-v2/service/ssooidc": "",
		"github.com/aws/aws-sdk-go-v2/service/signin":  "",
		// Its regular expressions take 0.1 ms of every start.
		"golang.org/x/oauth2/google/externalaccount": "",
		// The two take 0.4 ms of every start; jet-age has them.
		"filippo.io/age":          "",
		"golang.org/x/crypto/ssh": "",
		// HTTP/2, which one request at a time does not gain from, would be 0.6 MB.
		"vendor/golang.org/x/net/http2/hpack": "",
		// Its tables and regular expressions would cost every start a tenth of a small job.
		"go.yaml.in/yaml/v3":                      "",
		"github.com/cpuguy83/go-md2man/v2/md2man": "",
	} {
		for _, importer := range importers[never] {
			if importer == but {
				continue
			}
			path := []string{never}
			for importer != main {
				path = append(path, importer)
				importer = importers[importer][0]
			}
			slices.Reverse(path)
			t.Errorf("%s is linked: %s -> %s", never, main, strings.Join(path, " -> "))
		}
	}
}

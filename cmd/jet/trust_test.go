package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestOnlyTrustedKeysEncrypt looks through all code for the ways around package
// trustedkey, by which a key that somebody put into the repository would be used.
func TestOnlyTrustedKeysEncrypt(t *testing.T) {
	// Who may call what, as package and function; every other call is a mistake.
	allowed := map[string][]string{
		// Only trustedkey encrypts. Elsewhere its Key does that, and program.writingKey
		// gives one. The corpus makes samples for tests, with keys of its own.
		module + "/crypto.Encrypt": {"internal/trustedkey/trustedkey.go", "internal/check/corpus/corpus.go"},
		// Keys that nothing vouches for: that of rotate, which the user names, and one for
		// the user's own folder.
		module + "/internal/trustedkey.Named": {"internal/rotate/seal.go", "internal/tokencache/entry.go"},
	}
	files, found := 0, 0
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if entry.IsDir() && (name == "testdata" || name == "crypto" || name == "bin" || strings.HasPrefix(entry.Name(), ".") && name != ".") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		files++
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		imported := make(map[string]string) // by the name that the file calls it
		for _, spec := range file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			called := path[strings.LastIndex(path, "/")+1:]
			if spec.Name != nil {
				called = spec.Name.Name
			}
			if called == "." && (strings.HasPrefix(path, module)) {
				t.Errorf("%s: a dot import of %s hides what it calls", name, path)
			}
			imported[called] = path
		}
		ast.Inspect(file, func(node ast.Node) bool {
			selector, ok := node.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if of, ok := selector.X.(*ast.Ident); ok && imported[of.Name] != "" {
				function := imported[of.Name] + "." + selector.Sel.Name
				callers, watched := allowed[function]
				if !watched {
					return true
				}
				found++
				ok := false
				for _, caller := range callers {
					ok = ok || caller == name
				}
				if !ok {
					t.Errorf("%s uses %s: the key may have been swapped in the repository; take a trustedkey.Key, which program.writingKey gives", name, function)
				}
			}
			return true
		})
		return nil
	})
	if err != nil || files < 80 || found == 0 {
		t.Errorf("%d files and %d calls found, so something is wrong with the search (%v)", files, found, err)
	}
}

// TestTrustKeyFlag: whoever writes encrypted files can be told to trust a key.
func TestTrustKeyFlag(t *testing.T) {
	found := 0
	var look func(commands []*cli.Command)
	look = func(commands []*cli.Command) {
		for _, c := range commands {
			writes, trusts := findFlag(c.Flags, "format") != nil, findFlag(c.Flags, "trust-key") != nil
			if writes && !trusts {
				t.Errorf("%s has the flag --format and not --trust-key", c.Name)
			}
			if trusts {
				found++
			}
			look(c.Subcommands)
		}
	}
	look(new(program).app().Commands)
	if found < 6 {
		t.Errorf("%d commands have --trust-key, want 6 at least", found)
	}
}

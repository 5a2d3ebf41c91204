package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/urfave/cli/v2"
)

var update = flag.Bool("update", false, "rewrite the generated files in docs")

// TestDocs compares what is generated from the app with the files in docs:
//
//	go test ./cmd/jet -run TestDocs -update
func TestDocs(t *testing.T) {
	for name, content := range map[string][]byte{
		"jet.1":       md2man.Render([]byte(manual())),
		"commands.md": []byte(reference()),
	} {
		path := filepath.Join("..", "..", "docs", name)
		if *update {
			if err := os.WriteFile(path, content, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(bytes.ReplaceAll(have, []byte("\r\n"), []byte("\n")), content) {
			t.Errorf("%s differs from the program: go test ./cmd/jet -run TestDocs -update", name)
		}
	}
}

// TestBackendsExample compares the code in docs/backends.md with the example that
// is compiled and run.
func TestBackendsExample(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "backends.md")
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join("..", "..", "generators", "example_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(source), "// begin of the example\n\n")
	const start = "<!-- generators/example_test.go -->\n```go\n"
	before, rest, found := strings.Cut(string(have), start)
	_, after, closed := strings.Cut(rest, "```\n")
	if code == "" || !found || !closed {
		t.Fatalf("there is no place for the example in %s", path)
	}
	want := before + start + code + "```\n" + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	} else if want != string(have) {
		t.Errorf("backends.md has another example than generators: go test ./cmd/jet -run TestBackendsExample -update")
	}
}

// TestManual has mandoc read the manual page.
func TestManual(t *testing.T) {
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		t.Skip("needs mandoc")
	}
	out, err := exec.Command(mandoc, "-T", "lint", "-W", "error", filepath.Join("..", "..", "docs", "jet.1")).CombinedOutput()
	if err != nil {
		t.Errorf("mandoc: %v\n%s", err, out)
	}
}

// walk calls visit for each command below the app, in order.
func walk(app *cli.App, visit func(line string, c *cli.Command)) {
	var below func(line string, commands []*cli.Command)
	below = func(line string, commands []*cli.Command) {
		for _, c := range commands {
			visit(line+" "+c.Name, c)
			below(line+" "+c.Name, c.Subcommands)
		}
	}
	below(app.Name, app.Commands)
}

// reference is docs/commands.md.
func reference() string {
	app := new(program).app()
	var b strings.Builder
	b.WriteString("# Commands\n\nGenerated from the program by `go test ./cmd/jet -run TestDocs -update`.\n\n")
	b.WriteString("<!-- commands -->\n| command | does |\n|---|---|\n")
	walk(app, func(line string, c *cli.Command) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", strings.ReplaceAll(strings.TrimSuffix(synopsis(line, c), " [flags]"), "|", `\|`), c.Usage)
	})
	b.WriteString("<!-- /commands -->\n")
	walk(app, func(line string, c *cli.Command) {
		fmt.Fprintf(&b, "\n## %s\n\n```text\n%s```\n", line, helpText(app, line, c))
	})
	return b.String()
}

// manual is the manual page in Markdown.
func manual() string {
	app := new(program).app()
	var b strings.Builder
	text := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n\n", args...) }
	code := func(lines string) {
		for line := range strings.Lines(lines) {
			b.WriteString("    " + line)
		}
		b.WriteString("\n\n")
	}
	rows := func(rows [][2]string) {
		for _, row := range rows {
			text("**%s**\n: %s", escape(row[0]), escape(row[1]))
		}
	}

	text(`%% JET 1 "" "jet" "User Commands"`)
	text("# NAME")
	text("jet - %s", strings.TrimSuffix(strings.ToLower(app.Usage[:1])+app.Usage[1:], "."))
	text("# SYNOPSIS")
	walk(app, func(line string, c *cli.Command) {
		if c.Subcommands == nil {
			text("**%s**%s", line, escape(strings.TrimPrefix(synopsis(line, c), line)))
		}
	})
	text("# DESCRIPTION")
	text(`jet encrypts files with the key of a project, so that they can be kept in its repository, and makes Docker
credentials of what they hold. Flags may stand before, between and after the paths. \-\- ends the flags, \- stands for
standard input or output.`)
	text("%s", keyLookup)
	text(`An output appears when it is complete, or not at all. What is decrypted, and keys, can be read by their owner
alone.`)
	text("# COMMANDS")
	walk(app, func(line string, c *cli.Command) {
		text("## %s", escape(strings.TrimSuffix(synopsis(line, c), " [flags]")))
		text("%s", escape(c.Usage))
		if c.Description != "" {
			text("%s", escape(c.Description))
		}
		rows(flagRows(c.Flags))
		if variables := backendRows(c); variables != nil {
			text("Backends and their variables:")
			rows(variables)
		}
	})
	text("# OPTIONS")
	text("These may stand on every line.")
	rows(flagRows(globalFlags()))
	text("# ENVIRONMENT")
	for _, v := range variables() {
		rows([][2]string{{v.name, v.text}})
	}
	text("# FILES")
	rows([][2]string{
		{"codeship.aes", "The project key: one line of 44 characters, base64 of 32 bytes. Never in git; whoever has it can read everything."},
		{"*.encrypted", "Encrypted files, by convention; these belong into git."},
		{"~/.docker/config.json", "Where Docker looks for credentials."},
	})
	text("# EXIT STATUS")
	rows([][2]string{
		{"0", "Done."},
		{"1", "Failed, for a reason outside the command line: a file, the key, what a file holds."},
		{"2", "The command line alone is wrong: an unknown flag, too many arguments, the same file twice."},
	})
	text("jet without arguments prints its help and exits with 0.")
	text("# EXAMPLES")
	code(firstSteps)
	walk(app, func(line string, c *cli.Command) {
		if c.Subcommands == nil {
			code(c.UsageText)
		}
	})
	text("# SEE ALSO")
	text("**docker**(1), **git**(1), **openssl-enc**(1)")
	return b.String()
}

// escape keeps Markdown from reading text as markup.
func escape(text string) string {
	return strings.NewReplacer("*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, "--", `\-\-`, "|", `\|`, "`", "").Replace(text)
}

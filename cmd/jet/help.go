package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

func (p *program) helpCommand() *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "Show the help of jet or of a command.",
		ArgsUsage: "[COMMAND]",
		UsageText: `jet help
jet help generate dockercfg`,
		Action: func(c *cli.Context) error { return p.printHelp(c.App, c.Args().Slice()) },
	}
}

// printHelp prints the help of the command that names lead to, for a person:
// what it is for, what to type, then the rest.
func (p *program) printHelp(app *cli.App, names []string) error {
	command := root(app)
	for _, name := range names {
		if command = command.Command(name); command == nil {
			return unknownCommand(app, strings.Join(names, " "))
		}
	}
	_, err := io.WriteString(p.stdout, helpText(app, commandLine(app, names), command))
	return err
}

// firstSteps are the examples of jet itself.
const firstSteps = `jet generate                        # a key in codeship.aes: share it, not in git
jet encrypt app.env app.env.encrypted         # what comes out belongs into git
jet decrypt app.env.encrypted app.env
jet generate dockercfg ~/.docker/config.json --env-file hub.env.encrypted`

// A variable of the environment, and who reads it: the commands that have a flag, or
// one command of them.
type variable struct{ name, flag, command, text string }

func variables() []variable {
	return []variable{
		{"JET_KEY", "key-path", "", "the project key itself, in base64"},
		{"JET_KEY_COMMAND", "key-path", "", "a command that prints the project key"},
		{"JET_KEY_PATH", "key-path", "", "the file with the project key"},
		{"JET_IDENTITY", "key-path", "", "a private key of age or SSH that opens codeship.aes.age"},
		{"JET_IDENTITY_PATH", "key-path", "", "files with such keys, separated as in PATH"},
		{"JET_FORMAT", "format", "", "as --format"},
		{"JET_REQUIRE", "require", "", "as --require"},
		{"JET_DOCKERCFG", "dockercfg", "token", "as --dockercfg"},
		{"JET_REGISTRIES", "config", "token", "full path of registries.yaml, for what the dockercfg does not have"},
		{"JET_NO_CACHE", "no-cache", "", "as --no-cache, if it is not empty"},
	}
}

// keyLookup is where the project key comes from.
const keyLookup = "The project key comes from --key-path, JET_KEY, JET_KEY_COMMAND, JET_KEY_PATH, codeship.aes or codeship.aes.age in this folder or one above it up to the top of the git work tree, or the system's store; the first of these that is there decides."

// exitCodes are the same for all commands, but for those that run a program.
const (
	exitCodes        = "0 done, 1 failed, 2 used wrongly"
	exitCodesProgram = "those of the command; 125 jet failed, 126 the command cannot be run, 127 it is not there, 2 jet is used wrongly"
)

func helpText(app *cli.App, line string, command *cli.Command) string {
	var b strings.Builder
	isRoot := line == app.Name
	examples := command.UsageText
	if isRoot {
		examples = firstSteps
	}
	fmt.Fprintf(&b, "%s\n\n", command.Usage)
	for example := range strings.Lines(examples) {
		b.WriteString("  " + example)
	}
	b.WriteString("\n\nUsage: " + synopsis(line, command) + "\n")
	if command.Description != "" {
		b.WriteString("\n" + fold(command.Description, "") + "\n")
	}
	if readsKey(command) {
		b.WriteString("\n" + fold(keyLookup, "") + "\n")
	}
	var rows [][2]string
	for _, sub := range command.Subcommands {
		rows = append(rows, [2]string{sub.Name, sub.Usage})
	}
	section(&b, "Commands", rows)
	section(&b, "Backends and their variables", backendRows(command))
	section(&b, "Flags", flagRows(append(append([]cli.Flag{}, command.Flags...), globalFlags()...)))
	section(&b, "Environment", variableRows(command))
	codes := exitCodes
	if runsProgram(command) {
		codes = exitCodesProgram
	}
	b.WriteString("\n" + fold("Exit codes: "+codes, "") + "\n")
	if isRoot {
		b.WriteString("\n\"jet COMMAND --help\" tells more about a command.\n")
	}
	return b.String()
}

// synopsis is a command in the notation of manual pages.
func synopsis(line string, command *cli.Command) string {
	switch {
	case runsProgram(command):
		return line + " [flags] " + command.ArgsUsage
	case command.ArgsUsage != "":
		line += " " + command.ArgsUsage
	case command.Subcommands != nil:
		line += " COMMAND"
	}
	if command.Flags != nil {
		line += " [flags]"
	}
	return line
}

// usageOf is the hint for a command that is used wrongly.
func usageOf(line string, command *cli.Command) string {
	return fmt.Sprintf(`usage: %s; "%s --help" has examples`, synopsis(line, command), line)
}

// readsKey tells commands that use the key from the one that makes it.
func readsKey(command *cli.Command) bool {
	f := findFlag(command.Flags, "key-path")
	return f != nil && strings.HasPrefix(usage(f), "read ")
}

func variableRows(command *cli.Command) (rows [][2]string) {
	for _, v := range variables() {
		if findFlag(command.Flags, v.flag) != nil && (v.command == "" || v.command == command.Name) && (v.flag != "key-path" || readsKey(command)) {
			rows = append(rows, [2]string{v.name, v.text})
		}
	}
	return rows
}

func flagRows(flags []cli.Flag) (rows [][2]string) {
	for _, f := range flags {
		names := ""
		for i, name := range f.Names() {
			if i > 0 {
				names += ", "
			}
			if names += "--" + name; len(name) == 1 {
				names = names[:len(names)-3] + "-" + name
			}
		}
		if takesValue(f) {
			names += " " + placeholder(f)
		}
		rows = append(rows, [2]string{names, strings.ReplaceAll(usage(f), "`", "")})
	}
	return rows
}

func usage(f cli.Flag) string {
	d, _ := f.(cli.DocGenerationFlag)
	return d.GetUsage()
}

// placeholder is the word between backquotes in the usage of a flag.
func placeholder(f cli.Flag) string {
	_, after, _ := strings.Cut(usage(f), "`")
	word, _, _ := strings.Cut(after, "`")
	return word
}

// backendRows describes the backends, for the command that runs them.
func backendRows(command *cli.Command) (rows [][2]string) {
	if findFlag(command.Flags, "from") == nil {
		return nil
	}
	registry, err := backends(backendConfig{})
	if err != nil {
		return nil
	}
	for _, b := range registry.All() {
		rows = append(rows, [2]string{b.Name, b.Summary})
		for _, v := range b.Variables {
			text := v.Summary
			if v.Aliases != nil {
				text += "; also " + strings.Join(v.Aliases, ", ")
			}
			if v.Default != "" {
				text += " (" + v.Default + ")"
			} else if !v.Required {
				text += " (optional)"
			}
			rows = append(rows, [2]string{"  " + v.Name, text})
		}
	}
	return rows
}

// section prints a table under a heading, if it has rows.
func section(b *strings.Builder, heading string, rows [][2]string) {
	if rows == nil {
		return
	}
	width := 0
	for _, row := range rows {
		if n := len(row[0]); n <= widestName {
			width = max(width, n)
		}
	}
	b.WriteString("\n" + heading + ":\n")
	indent := strings.Repeat(" ", width+4)
	for _, row := range rows {
		name := fmt.Sprintf("  %-*s  ", width, row[0])
		if len(row[0]) > width {
			name = "  " + row[0] + "\n" + indent
		}
		b.WriteString(name + fold(row[1], indent) + "\n")
	}
}

// widestName is how many characters a name may have for its text to stand beside it,
// and not below.
const widestName = 26

// lineWidth is how wide help is, in characters.
const lineWidth = 80

// fold breaks text into lines; those after the first begin with indent.
func fold(text, indent string) string {
	var b strings.Builder
	column := len(indent)
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > lineWidth:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

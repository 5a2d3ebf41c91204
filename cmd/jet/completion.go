package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

func (p *program) completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "Print a script that completes commands, flags and files in your shell.",
		ArgsUsage: "bash|zsh|fish|powershell",
		UsageText: `source <(jet completion bash)    # in ~/.bashrc
source <(jet completion zsh)     # in ~/.zshrc, after compinit
jet completion fish > ~/.config/fish/completions/jet.fish
jet completion powershell | Out-String | Invoke-Expression    # in $PROFILE`,
		Action: func(c *cli.Context) error {
			if err := wantPaths(c, 1); err != nil {
				return err
			}
			script, ok := completionScript(c.App, c.Args().First())
			if !ok {
				return misuse("there is no completion for %q", c.Args().First()).hint(usageOf(c.Command.HelpName, c.Command))
			}
			_, err := io.WriteString(p.stdout, script)
			return err
		},
	}
}

// completionScript gives the script for a shell. It holds everything it needs
// and does not run jet at each Tab.
func completionScript(app *cli.App, shell string) (script string, ok bool) {
	places := completionPlaces(app)
	switch shell {
	case "bash":
		return bashCompletion(places), true
	case "zsh":
		return zshCompletion(places), true
	case "fish":
		return fishCompletion(places), true
	case "powershell":
		return powershellCompletion(places), true
	}
	return "", false
}

// A place is a command and what may follow it.
type place struct {
	line     string // "jet generate"
	commands []*cli.Command
	flags    []cli.Flag
	words    []string // arguments
	files    bool     // arguments are files
}

func completionPlaces(app *cli.App) []place {
	var places []place
	var walk func(line string, c *cli.Command)
	walk = func(line string, c *cli.Command) {
		at := place{line: line, commands: c.Subcommands, flags: append(append([]cli.Flag{}, c.Flags...), globalFlags()...)}
		switch {
		case c.Subcommands != nil || c.ArgsUsage == "":
		case strings.Contains(c.ArgsUsage, "|"):
			at.words = strings.Split(c.ArgsUsage, "|")
		case c.Name == "help":
			at.commands = app.Commands
		default:
			at.files = c.ArgsUsage != "HOST"
		}
		places = append(places, at)
		for _, sub := range c.Subcommands {
			walk(line+" "+sub.Name, sub)
		}
	}
	walk(app.Name, root(app))
	return places
}

// lines gives the lines of all commands but jet itself, quoted and joined.
func lines(places []place, separator string) string {
	var all []string
	for _, at := range places[1:] {
		all = append(all, `"`+at.line+`"`)
	}
	return strings.Join(all, separator)
}

// flagValues gives the values a flag takes, nil for file names.
func flagValues(name string) []string {
	switch name {
	case "format", "require":
		return []string{"jet:v1", "codeship:v2"}
	case "output-format":
		return []string{"dockercfg", "legacy", "kubernetes-secret", "env"}
	case "env-syntax":
		return []string{"docker", "dotenv"}
	case "from":
		var names []string
		if registry, err := backends(backendConfig{}); err == nil {
			for _, b := range registry.All() {
				names = append(names, b.Name)
			}
		}
		return names
	}
	return nil
}

// valueFlags gives the long names of all flags with a value, each once.
func valueFlags(places []place) (names []string) {
	seen := make(map[string]bool)
	for _, at := range places {
		for _, f := range at.flags {
			if name := f.Names()[0]; takesValue(f) && !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

// words gives everything but files that may come next, and the flags apart.
func (at place) candidates() (words, flags []string) {
	for _, c := range at.commands {
		words = append(words, c.Name)
	}
	words = append(words, at.words...)
	for _, f := range at.flags {
		flags = append(flags, "--"+f.Names()[0])
	}
	return words, flags
}

// bashCompletion works in bash 3.2, which macOS has. bash takes "=" for a word of
// its own, and completes file names itself where nothing is offered.
func bashCompletion(places []place) string {
	var b strings.Builder
	b.WriteString(`# bash completion for jet
_jet() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} line=jet words= flags= i
    COMPREPLY=()
    if [[ $current == = ]]; then
        current=
    elif [[ $previous == = ]]; then
        previous=${COMP_WORDS[COMP_CWORD-2]}
    fi
    case $previous in
`)
	var files []string
	for _, name := range valueFlags(places) {
		if values := flagValues(name); values != nil {
			fmt.Fprintf(&b, "        --%s) COMPREPLY=($(compgen -W %q -- \"$current\")); return ;;\n", name, strings.Join(values, " "))
		} else {
			files = append(files, "--"+name)
		}
	}
	fmt.Fprintf(&b, `        %s) return ;;
    esac
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$line ${COMP_WORDS[i]}" in
            %s) line+=" ${COMP_WORDS[i]}" ;;
        esac
    done
    case $line in
`, strings.Join(files, "|"), lines(places, "|"))
	for _, at := range places {
		words, flags := at.candidates()
		fmt.Fprintf(&b, "        %q) words=%q flags=%q ;;\n", at.line, strings.Join(words, " "), strings.Join(flags, " "))
	}
	b.WriteString(`    esac
    [[ $current == -* ]] && words=$flags
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _jet jet
`)
	return b.String()
}

// zshCompletion works when it is sourced and as a file _jet in $fpath.
func zshCompletion(places []place) string {
	var b strings.Builder
	b.WriteString(`#compdef jet
_jet() {
    local line=jet word previous=${words[CURRENT-1]}
    local -a commands flags
    if [[ $PREFIX == --*=* ]]; then
        previous=${PREFIX%%=*}
        compset -P '*='
    fi
    case $previous in
`)
	for _, name := range valueFlags(places) {
		if values := flagValues(name); values != nil {
			fmt.Fprintf(&b, "        (--%s) compadd -- %s; return ;;\n", name, strings.Join(values, " "))
		} else {
			fmt.Fprintf(&b, "        (--%s) _files; return ;;\n", name)
		}
	}
	fmt.Fprintf(&b, `    esac
    for word in "${(@)words[2,CURRENT-1]}"; do
        case "$line $word" in
            (%s) line+=" $word" ;;
        esac
    done
    case $line in
`, lines(places, "|"))
	for _, at := range places {
		fmt.Fprintf(&b, "        (%q)\n", at.line)
		b.WriteString("            flags=(")
		for _, f := range at.flags {
			fmt.Fprintf(&b, "\n                %s", zshItem("--"+f.Names()[0], usage(f)))
		}
		b.WriteString("\n            )\n            if [[ $PREFIX == -* ]]; then _describe -o flag flags; return; fi\n")
		switch {
		case at.commands != nil:
			b.WriteString("            commands=(")
			for _, c := range at.commands {
				fmt.Fprintf(&b, "\n                %s", zshItem(c.Name, c.Usage))
			}
			b.WriteString("\n            )\n            _describe command commands\n")
		case at.words != nil:
			fmt.Fprintf(&b, "            compadd -- %s\n", strings.Join(at.words, " "))
		case at.files:
			b.WriteString("            _files\n")
		}
		b.WriteString("            ;;\n")
	}
	b.WriteString(`    esac
}
if [[ ${funcstack[1]} == _jet ]]; then
    _jet "$@"
else
    compdef _jet jet
fi
`)
	return b.String()
}

func zshItem(word, text string) string {
	return singleQuoted(word + ":" + strings.NewReplacer("`", "", ":", `\:`).Replace(text))
}

// singleQuoted is for the POSIX-like shells; none of our texts needs more.
func singleQuoted(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

func fishCompletion(places []place) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# fish completion for jet
function __jet_at
    set -l line jet
    for word in (commandline -opc)[2..-1]
        contains -- "$line $word" %s; and set line "$line $word"
    end
    test "$line" = "$argv[1]"
end
complete -c jet -f
`, lines(places, " "))
	for _, at := range places {
		complete := fmt.Sprintf("complete -c jet -n '__jet_at \"%s\"'", at.line)
		for _, c := range at.commands {
			fmt.Fprintf(&b, "%s -a %s -d %s\n", complete, c.Name, singleQuoted(c.Usage))
		}
		if at.words != nil {
			fmt.Fprintf(&b, "%s -a %s\n", complete, singleQuoted(strings.Join(at.words, " ")))
		}
		if at.files {
			fmt.Fprintf(&b, "%s -F\n", complete)
		}
		for _, f := range at.flags {
			name := f.Names()[0]
			value := ""
			if values := flagValues(name); values != nil {
				value = " -x -a " + singleQuoted(strings.Join(values, " "))
			} else if takesValue(f) {
				value = " -r -F"
			}
			fmt.Fprintf(&b, "%s -l %s%s -d %s\n", complete, name, value, singleQuoted(strings.ReplaceAll(usage(f), "`", "")))
		}
	}
	return b.String()
}

// powershellCompletion offers nothing where files are wanted: PowerShell then
// completes them itself.
func powershellCompletion(places []place) string {
	var b strings.Builder
	b.WriteString(`# PowerShell completion for jet
Register-ArgumentCompleter -Native -CommandName jet -ScriptBlock {
    param($current, $tree, $position)
    $words = @($tree.CommandElements | Where-Object { $_.Extent.EndOffset -lt $position } | ForEach-Object { $_.ToString() })
    $values = @{
`)
	for _, name := range valueFlags(places) {
		fmt.Fprintf(&b, "        '--%s' = @(%s)\n", name, powershellList(flagValues(name)))
	}
	b.WriteString("    }\n    $commands = @{\n")
	for _, at := range places {
		words, _ := at.candidates()
		fmt.Fprintf(&b, "        '%s' = @(%s)\n", at.line, powershellList(words))
	}
	b.WriteString("    }\n    $flags = @{\n")
	for _, at := range places {
		_, flags := at.candidates()
		fmt.Fprintf(&b, "        '%s' = @(%s)\n", at.line, powershellList(flags))
	}
	b.WriteString(`    }
    $line = 'jet'
    foreach ($word in $words | Select-Object -Skip 1) {
        if ($commands.ContainsKey("$line $word")) { $line = "$line $word" }
    }
    $previous = $words | Select-Object -Last 1
    if ($values.ContainsKey("$previous")) { $offered = $values["$previous"] }
    elseif ($current -like '-*') { $offered = $flags[$line] }
    else { $offered = $commands[$line] }
    $offered | Where-Object { $_ -like "$current*" } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }
}
`)
	return b.String()
}

func powershellList(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return "'" + strings.Join(words, "', '") + "'"
}

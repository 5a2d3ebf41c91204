package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/internal/spelling"
)

// A line is a command line taken apart. Flags may stand before, between and after
// the paths; urfave/cli takes those after the first path for paths, so the words
// are brought into its order first. "--" ends the flags, "-" is a path.
type line struct {
	names         []string // of the command and its parents, without the program's
	flags         []givenFlag
	paths         []string
	before        int // how many paths stand before "--"; -1 without one
	help, version bool
}

type givenFlag struct {
	flag  cli.Flag
	word  string // as it was written, without its value
	value string
	bare  bool // no value was given, and none is needed
}

// globalFlags may stand on every line.
func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show this help"},
		&cli.BoolFlag{Name: "version", Usage: "show the version"},
	}
}

// parseLine reads the words after the program's name. An error is about the
// words alone.
func parseLine(app *cli.App, words []string) (*line, error) {
	l := &line{before: -1}
	command := root(app)
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		switch {
		case word == "--":
			l.before = len(l.paths)
			l.paths = append(l.paths, words...)
			words = nil
		case len(word) > 1 && word[0] == '-':
			var err error
			if words, err = l.addFlag(app, command, word, words); err != nil {
				return nil, err
			}
		default:
			if sub := command.Command(word); sub != nil && len(l.paths) == 0 {
				command = sub
				l.names = append(l.names, sub.Name)
			} else {
				l.paths = append(l.paths, word)
			}
		}
	}
	// A flag may come before the name of its command; only now it is known which
	// command that is.
	for _, given := range l.flags {
		if findFlag(command.Flags, given.flag.Names()[0]) == nil {
			return nil, unknownFlag(app, l.names, command, given.word)
		}
	}
	if runsProgram(command) && !l.help && !l.version {
		return l, l.checkProgram(app, command)
	}
	return l, nil
}

// runsProgram tells a command that takes the words of another program's.
func runsProgram(command *cli.Command) bool { return strings.HasPrefix(command.ArgsUsage, "-- ") }

// checkProgram checks that the words of another program stand behind "--", where
// its flags cannot be taken for ours.
func (l *line) checkProgram(app *cli.App, command *cli.Command) error {
	line := commandLine(app, l.names)
	var m *failure
	switch {
	case len(l.paths) == 0 || l.before == len(l.paths):
		m = misuse("%s needs a command to run, after --", line)
	case l.before != 0:
		m = misuse("%s: the command to run, with its flags, stands after --, and %q stands before it", line, l.paths[0])
	case l.paths[0] == "":
		m = misuse("%s: the name of the command is empty", line)
	default:
		return nil
	}
	return m.hint(usageOf(line, command))
}

// addFlag takes in the flag that word names and gives the words that are left
// after its value.
func (l *line) addFlag(app *cli.App, command *cli.Command, word string, words []string) ([]string, error) {
	name, value, hasValue := strings.Cut(word, "=")
	given := givenFlag{word: name, value: value}
	name = strings.TrimPrefix(strings.TrimPrefix(name, "-"), "-")

	if global := findFlag(globalFlags(), name); global != nil && !hasValue {
		if global.Names()[0] == "help" {
			l.help = true
		} else {
			l.version = true
		}
		return words, nil
	}
	given.flag = findFlagBelow(command, name)
	switch {
	case given.flag == nil:
		return nil, unknownFlag(app, l.names, command, given.word)
	case hasValue:
	case !takesValue(given.flag):
		given.bare = true
	case len(words) == 0:
		return nil, misuse("flag %s needs a value", given.word).hint(usageOf(commandLine(app, l.names), command))
	default:
		given.value = words[0]
		words = words[1:]
	}
	if err := given.check(); err != nil {
		return nil, err
	}
	l.flags = append(l.flags, given)
	return words, nil
}

// check refuses a value that the library would refuse in the words of a programmer.
func (g givenFlag) check() error {
	name := "--" + g.flag.Names()[0]
	switch g.flag.(type) {
	case *cli.DurationFlag:
		if _, err := time.ParseDuration(g.value); err != nil {
			return misuse("%s: %q is no time", name, g.value).hint("a time has a unit: 30s, 2m, 12h")
		}
	case *cli.IntFlag:
		if _, err := strconv.Atoi(g.value); err != nil {
			return misuse("%s: %q is no number", name, g.value).hint("it is digits alone, such as 1")
		}
	case *cli.BoolFlag:
		if _, err := strconv.ParseBool(g.value); err != nil && !g.bare {
			return misuse("%s: %q is neither true nor false", name, g.value).hint(name + " alone turns it on")
		}
	}
	return nil
}

// arrange gives the words as urfave/cli wants them.
func (l *line) arrange() []string {
	words := append([]string{"jet"}, l.names...)
	for _, given := range l.flags {
		word := "--" + given.flag.Names()[0]
		if !given.bare {
			word += "=" + given.value
		}
		words = append(words, word)
	}
	words = append(words, "--")
	return append(words, l.paths...)
}

// root is the command that the app itself is.
func root(app *cli.App) *cli.Command {
	return &cli.Command{Name: app.Name, Usage: app.Usage, Subcommands: app.Commands}
}

func findFlag(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == name {
				return f
			}
		}
	}
	return nil
}

// findFlagBelow also looks at the commands below. Flags of one name take a value
// in all of them or in none.
func findFlagBelow(command *cli.Command, name string) cli.Flag {
	if f := findFlag(command.Flags, name); f != nil {
		return f
	}
	for _, sub := range command.Subcommands {
		if f := findFlagBelow(sub, name); f != nil {
			return f
		}
	}
	return nil
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

func unknownFlag(app *cli.App, names []string, command *cli.Command, word string) error {
	line := commandLine(app, names)
	m := misuse("%s has no flag %s", line, printable(word))
	var known []string
	for _, f := range append(globalFlags(), command.Flags...) {
		for _, n := range f.Names() {
			if len(n) > 1 {
				known = append(known, "--"+n)
			}
		}
	}
	if near := spelling.Nearest("--"+strings.TrimLeft(word, "-"), known); near != "" {
		return m.hint("did you mean " + near + `? "` + line + ` --help" lists all flags`)
	}
	return m.hint(`"` + line + ` --help" lists all flags; "--" stands before a path that begins with "-"`)
}

func unknownCommand(app *cli.App, word string) error {
	m := misuse("there is no command %q", word)
	var known []string
	for _, c := range app.Commands {
		known = append(known, c.Names()...)
	}
	if near := spelling.Nearest(word, known); near != "" {
		return m.hint(`did you mean "jet ` + near + `"? "jet --help" lists all commands`)
	}
	return m.hint(`"jet --help" lists all commands`)
}

// commandLine is how one types the command.
func commandLine(app *cli.App, names []string) string {
	return strings.Join(append([]string{app.Name}, names...), " ")
}

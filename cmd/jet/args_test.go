package main

import (
	"errors"
	"slices"
	"testing"

	"github.com/urfave/cli/v2"
)

func testApp() *cli.App {
	value := func(name string) cli.Flag { return &cli.StringFlag{Name: name, Aliases: []string{name[:1]}} }
	return &cli.App{Name: "jet", Commands: []*cli.Command{
		{Name: "move", Flags: []cli.Flag{value("key"), &cli.BoolFlag{Name: "quick"}}},
		{Name: "make", Flags: []cli.Flag{value("key")}, Subcommands: []*cli.Command{
			{Name: "house", Flags: []cli.Flag{value("roof"), value("key")}},
		}},
	}}
}

func TestParseLine(t *testing.T) {
	for _, test := range []struct {
		name        string
		words, want []string
	}{
		{"nothing", nil, []string{"jet", "--"}},
		{"before", []string{"move", "--key", "k", "a", "b"}, []string{"jet", "move", "--key=k", "--", "a", "b"}},
		{"between", []string{"move", "a", "--key", "k", "b"}, []string{"jet", "move", "--key=k", "--", "a", "b"}},
		{"after", []string{"move", "a", "b", "--key", "k"}, []string{"jet", "move", "--key=k", "--", "a", "b"}},
		{"before the command", []string{"--key", "k", "move", "a"}, []string{"jet", "move", "--key=k", "--", "a"}},
		{"between the commands", []string{"make", "--roof=r", "house", "a"}, []string{"jet", "make", "house", "--roof=r", "--", "a"}},
		{"equals", []string{"move", "a", "--key=k=l", "b"}, []string{"jet", "move", "--key=k=l", "--", "a", "b"}},
		{"empty value", []string{"move", "--key=", "a"}, []string{"jet", "move", "--key=", "--", "a"}},
		{"one hyphen", []string{"move", "-key", "k"}, []string{"jet", "move", "--key=k", "--"}},
		{"short", []string{"move", "a", "-k", "k"}, []string{"jet", "move", "--key=k", "--", "a"}},
		{"short with equals", []string{"move", "-k=k", "a"}, []string{"jet", "move", "--key=k", "--", "a"}},
		{"bool takes no value", []string{"move", "--quick", "a"}, []string{"jet", "move", "--quick", "--", "a"}},
		{"bool with equals", []string{"move", "a", "--quick=false"}, []string{"jet", "move", "--quick=false", "--", "a"}},
		{"value begins with a hyphen", []string{"move", "--key", "-k", "a"}, []string{"jet", "move", "--key=-k", "--", "a"}},
		{"value is a flag", []string{"move", "--key", "--quick", "a"}, []string{"jet", "move", "--key=--quick", "--", "a"}},
		{"value is two hyphens", []string{"move", "--key", "--", "a"}, []string{"jet", "move", "--key=--", "--", "a"}},
		{"value is the name of a command", []string{"--key", "move", "make"}, []string{"jet", "make", "--key=move", "--"}},
		{"hyphen is a path", []string{"move", "-", "-", "--quick"}, []string{"jet", "move", "--quick", "--", "-", "-"}},
		{"two hyphens end flags", []string{"move", "a", "--", "--key", "-k"}, []string{"jet", "move", "--", "a", "--key", "-k"}},
		{"two hyphens twice", []string{"move", "--", "a", "--"}, []string{"jet", "move", "--", "a", "--"}},
		{"help after two hyphens", []string{"move", "--", "--help"}, []string{"jet", "move", "--", "--help"}},
		{"command after a path", []string{"make", "a", "house"}, []string{"jet", "make", "--", "a", "house"}},
		{"empty path", []string{"move", ""}, []string{"jet", "move", "--", ""}},
		{"repeated", []string{"move", "-k", "a", "--key", "b"}, []string{"jet", "move", "--key=a", "--key=b", "--"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l, err := parseLine(testApp(), test.words)
			if err != nil {
				t.Fatal(err)
			}
			if got := l.arrange(); !slices.Equal(got, test.want) || l.help || l.version {
				t.Errorf("got %q, help %v, version %v; want %q", got, l.help, l.version, test.want)
			}
		})
	}
}

func TestParseLineMisuse(t *testing.T) {
	for _, words := range [][]string{
		{"--nothing"},
		{"-n"},
		{"move", "a", "b", "--nothing"},
		{"move", "a", "b", "--nothing=1"},
		{"move", "a", "b", "-x"},
		{"move", "a", "--roof", "r"},
		{"--roof", "r", "move", "a"},
		{"make", "--roof", "r"},
		{"move", "a", "b", "--key"},
		{"move", "a", "b", "-k"},
		{"move", "--help=yes"},
		{"move", "---key"},
		{"move", "--=a"},
		{"move", "--help", "--nothing"},
	} {
		_, err := parseLine(testApp(), words)
		var f *failure
		if !errors.As(err, &f) || !f.misuse || len(f.hints) == 0 {
			t.Errorf("%q: got %v, want misuse with a hint", words, err)
		}
	}
}

func TestParseLineHelp(t *testing.T) {
	for _, words := range [][]string{
		{"move", "--help"}, {"move", "-h"}, {"move", "a", "-help", "b", "c"}, {"--help", "move"},
	} {
		l, err := parseLine(testApp(), words)
		if err != nil || !l.help || !slices.Equal(l.names, []string{"move"}) {
			t.Errorf("%q: got %+v, %v, want help on move", words, l, err)
		}
	}
	if l, err := parseLine(testApp(), []string{"move", "a", "--version"}); err != nil || !l.version {
		t.Errorf("got %+v, %v, want the version", l, err)
	}
}

// TestFlagsAgree: findFlagBelow needs flags of one name to take a value in all
// commands or in none, and a flag may not hide a global one.
func TestFlagsAgree(t *testing.T) {
	takes := make(map[string]bool)
	for _, f := range globalFlags() {
		for _, name := range f.Names() {
			takes[name] = false
		}
	}
	count := 0
	var walk func(commands []*cli.Command)
	walk = func(commands []*cli.Command) {
		for _, c := range commands {
			for _, f := range c.Flags {
				for _, name := range f.Names() {
					count++
					if before, ok := takes[name]; ok && (before != takesValue(f) || findFlag(globalFlags(), name) != nil) {
						t.Errorf("%s: flag --%s is another one elsewhere", c.Name, name)
					}
					takes[name] = takesValue(f)
				}
			}
			walk(c.Subcommands)
		}
	}
	walk(new(program).app().Commands)
	if count < 10 {
		t.Errorf("%d flags looked at, want at least 10", count)
	}
}

package main

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/internal/projectkey"
)

// A program is jet and what it takes from the system around it.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	lookupEnv      func(name string) (value string, ok bool)
	signals        *interrupter // nil where nobody interrupts

	keysMutex sync.Mutex                     // guards keys, also while one is looked up
	keys      map[[2]string]projectkey.Found // by folder and --key-path: what findKeyFrom found
}

// run does what the words after the program's name say and gives the exit code.
func (p *program) run(ctx context.Context, words []string) int {
	app := p.app()
	line, err := parseLine(app, words)
	switch {
	case err != nil:
	case line.help:
		err = p.printHelp(app, line.names)
	case line.version:
		err = p.printVersion(false)
	default:
		err = app.RunContext(ctx, line.arrange())
	}
	command := "jet COMMAND"
	if line != nil {
		command = commandLine(app, line.names)
	}
	return p.report(ctx, command, err)
}

// app is the model that the command line, the help, the completions and the man
// page come from. The library's own help and exits are off: they would print to
// the wrong place, and leave without running what is deferred.
func (p *program) app() *cli.App {
	app := &cli.App{
		Name:                      "jet",
		Usage:                     "Keep credentials encrypted in git, and make Docker credentials of them.",
		Writer:                    p.stdout,
		ErrWriter:                 p.stderr,
		Reader:                    p.stdin,
		Compiled:                  time.Unix(0, 0), // else the library looks the program's file up
		HideHelp:                  true,            // help and version are found by parseLine
		HideHelpCommand:           true,
		HideVersion:               true,
		DisableSliceFlagSeparator: true, // file names may hold commas
		ExitErrHandler:            func(*cli.Context, error) {},
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return p.printHelp(c.App, nil)
			}
			return unknownCommand(c.App, c.Args().First())
		},
		Commands: []*cli.Command{
			p.encryptCommand(),
			p.decryptCommand(),
			p.editCommand(),
			p.setCommand(),
			p.getCommand(),
			p.unsetCommand(),
			p.execCommand(),
			p.inspectCommand(),
			p.diffCommand(),
			p.mergeFileCommand(),
			p.generateCommand(),
			p.dockercfgCommand(),
			p.tokenCommand(),
			p.verifyCommand(),
			p.refreshCommand(),
			p.helperCommand(),
			p.cacheCommand(),
			p.checkCommand(),
			p.gitCommand(),
			p.keyCommand(),
			p.rotateCommand(),
			p.doctorCommand(),
			p.completionCommand(),
			p.versionCommand(),
			p.helpCommand(),
		},
	}
	app.OnUsageError = onUsageError
	silence(app.Commands)
	return app
}

// silence turns the library's own help and usage messages off for each command:
// what is set on the app does not count for them.
func silence(commands []*cli.Command) {
	for _, c := range commands {
		c.HideHelp = true
		c.HideHelpCommand = true
		c.OnUsageError = onUsageError
		silence(c.Subcommands)
	}
}

// onUsageError is for what parseLine leaves to the library, such as --encrypt=maybe.
func onUsageError(c *cli.Context, err error, _ bool) error {
	return misuse("%v", err).hint(usageOf(c.Command.HelpName, c.Command))
}

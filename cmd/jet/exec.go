package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/crypto"
	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/dockerconfig"
	"github.com/dockercfg/jet/internal/envfile"
	"github.com/dockercfg/jet/internal/helperconfig"
	"github.com/dockercfg/jet/internal/privatedir"
	"github.com/dockercfg/jet/internal/process"
)

// Exit codes of exec, as env(1), nice(1) and docker run have them. The others are
// those of the command.
const (
	exitOwn         = 125 // we failed, and the command did not run
	exitNotRunnable = 126
	exitNotFound    = 127
)

func (p *program) execCommand() *cli.Command {
	return &cli.Command{
		Name:      "exec",
		Usage:     "Run a command with variables and credentials of encrypted files.",
		ArgsUsage: "-- COMMAND [ARGUMENT…]",
		UsageText: `jet exec --env-file app.env.encrypted -- ./server --port 8080
jet exec --dockercfg dockercfg.encrypted -- docker push registry.example.com/app
jet exec --env-file base.env --env-file secret.env.encrypted -- printenv`,
		Description: `The variables are added to the environment, each byte as it stands in the file: of several files the later wins, and all win over the environment. A bare NAME takes its value from the environment, as with docker run --env-file. --dockercfg gives the command a configuration of Docker (DOCKER_CONFIG, and REGISTRY_AUTH_FILE for podman and skopeo) with the credentials of that file and of no other, in a private folder that is gone afterwards; all else in it is from your own. Files may be encrypted or not. JET_KEY, JET_KEY_COMMAND and JET_IDENTITY are kept from the command. Signals and the terminal are the command's, and so is the exit code; 125 means that jet failed, 126 that the command cannot be run, 127 that there is none of that name.`,
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "env-file", Usage: "set the variables of `FILE`; may be repeated"},
			&cli.StringFlag{Name: "env-syntax", Usage: "read env files as `SYNTAX`: docker (as docker run --env-file, the default) or dotenv"},
			&cli.StringFlag{Name: "dockercfg", Usage: "give the command the Docker credentials of `FILE`"},
			&cli.BoolFlag{Name: "keep-key", Usage: "leave JET_KEY, JET_KEY_COMMAND and JET_IDENTITY in the command's environment"},
			keyPathFlag(), requireFlag(),
		},
		Action: func(c *cli.Context) error {
			err := p.exec(c)
			var own *ending
			if err == nil || errors.As(err, &own) {
				return err
			}
			return &ending{err, exitOwn}
		},
	}
}

func (p *program) exec(c *cli.Context) error {
	files, err := p.newScopeReader(c, "-")
	if err != nil {
		return err
	}
	credentials := c.String("dockercfg")
	switch {
	case credentials == "" && c.IsSet("dockercfg"):
		return misuse("--dockercfg: the name is empty")
	case credentials == "-" && slices.Contains(files.files, "-"):
		return misuse("--env-file and --dockercfg both want stdin")
	}
	inherited := process.Environment()
	if c.Bool("keep-key") {
		inherited = os.Environ()
	}
	if credentials != "" { // Docker would prefer those in this variable
		inherited = slices.DeleteFunc(inherited, func(entry string) bool {
			return strings.HasPrefix(envKey(entry), dockercfg.EnvironmentVariable+"=")
		})
	}
	environment := newEnvironment(inherited)
	if err := files.addTo(c.Context, environment); err != nil {
		return err
	}
	var config []byte
	if credentials != "" {
		if config, err = files.dockerConfig(c.Context, credentials); err != nil {
			return err
		}
	}
	words := c.Args().Slice()
	path, err := process.LookPath(words[0], environment.get("PATH"))
	if err != nil {
		return notRun(words[0], "", err, environment)
	}

	if config == nil && process.CanReplace {
		p.signals.handOver()
		if err := c.Context.Err(); err != nil {
			return err
		}
		return notRun(words[0], path, process.Replace(path, words, environment.entries), environment)
	}
	if config != nil {
		dir, err := p.privateDir()
		if err != nil {
			return err
		}
		defer func() {
			if err := dir.Remove(); err != nil {
				p.warn("credentials are left behind: %v", err)
			}
		}()
		if err := p.makeDockerFolder(dir, config); err != nil {
			return err
		}
		environment.set("DOCKER_CONFIG", dir.Path())
		environment.set("REGISTRY_AUTH_FILE", filepath.Join(dir.Path(), dockerconfig.FileName)) // containers-auth.json(5)
	}
	foreground := process.NewForeground()
	p.signals.handOver()
	if err := c.Context.Err(); err != nil {
		return err
	}
	status, err := foreground.Run(path, words, environment.entries)
	switch {
	case err != nil:
		return notRun(words[0], path, err, environment)
	case status != 0:
		return &ending{code: status}
	}
	return nil
}

// notRun says why a command did not run; path is where it was found, "" for nowhere.
func notRun(name, path string, err error, environment *environment) error {
	code := exitNotRunnable
	f := fail("%q cannot be run: %w", name, err)
	switch {
	case errors.Is(err, fs.ErrNotExist) && path != "" && exists(path):
		code = exitNotFound // as env(1) has it
		f = fail("%q cannot be run: the program that its first line names, or that loads it, is not there", name)
	case errors.Is(err, fs.ErrNotExist):
		code = exitNotFound
		f = fail("there is no command %q", name)
	case errors.Is(err, syscall.ENOEXEC):
		f = fail("%q cannot be run: it is no program for this system, nor a script that begins with #!", name).
			hint("a script of the shell without that line runs as -- sh " + shellWord(path))
	case errors.Is(err, syscall.E2BIG):
		longest := environment.longest()
		f = fail("%q cannot be run: the arguments and the environment are too large; the largest variable is %s, with %d bytes", name, longest.name, longest.size)
		if runtime.GOOS == "linux" {
			f.hint("Linux takes at most 128 KiB for one variable")
		}
	}
	return &ending{f, code}
}

// An environment is what a program is started with.
type environment struct {
	entries   []string       // NAME=value
	place     map[string]int // in entries, by key
	inherited map[string]string
}

// newEnvironment begins with variables that are inherited, of which nothing is
// lost, not even what is no NAME=value.
func newEnvironment(inherited []string) *environment {
	e := &environment{place: make(map[string]int), inherited: make(map[string]string)}
	for _, entry := range inherited {
		e.entries = append(e.entries, entry)
		if at := strings.IndexByte(entry, '='); at > 0 {
			e.place[envKey(entry[:at])] = len(e.entries) - 1
			e.inherited[envKey(entry[:at])] = entry[at+1:]
		}
	}
	return e
}

// envKey is what two names of one variable have in common.
func envKey(name string) string {
	if runtime.GOOS == "windows" {
		return strings.ToUpper(name)
	}
	return name
}

func (e *environment) get(name string) string {
	if at, ok := e.place[envKey(name)]; ok {
		_, value, _ := strings.Cut(e.entries[at], "=")
		return value
	}
	return ""
}

func (e *environment) set(name, value string) {
	entry := name + "=" + value
	if at, ok := e.place[envKey(name)]; ok {
		e.entries[at] = entry
		return
	}
	e.place[envKey(name)] = len(e.entries)
	e.entries = append(e.entries, entry)
}

// add adds the variables of a file. A bare NAME is set to what was inherited, if
// there is something.
func (e *environment) add(file envfile.File) {
	for _, v := range file.Variables {
		value := v.Value
		if !v.Set {
			inherited, ok := e.inherited[envKey(v.Name)]
			if !ok {
				continue
			}
			value = inherited
		}
		e.set(v.Name, value)
	}
}

// sized is a variable, of which the name may be shown, and its length in bytes.
type sized struct {
	name string
	size int
}

// longest gives the variable that takes most room.
func (e *environment) longest() (longest sized) {
	for _, entry := range e.entries {
		if name, _, _ := strings.Cut(entry, "="); len(entry) > longest.size {
			longest = sized{printable(name[:min(len(name), 100)]), len(entry)}
		}
	}
	return longest
}

// addTo adds the variables of the env files to an environment.
func (r *scopeReader) addTo(ctx context.Context, e *environment) error {
	var errs failures
	for _, name := range r.files {
		file, format, err := r.envFile(ctx, name)
		if err == nil {
			err = r.refusePlain(display(name, "stdin"), format)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		e.add(file)
	}
	if errs != nil {
		return errs
	}
	return nil
}

// refusePlain refuses a file that is not encrypted where a format is required: who
// can write to the repository could put it in the place of one that is.
func (r *reader) refusePlain(shown string, format crypto.Format) error {
	if format == 0 && r.required != 0 {
		return fail("%w: %s is not encrypted, and at least %v is required", crypto.ErrWeakFormat, shown, r.required)
	}
	return nil
}

// dockerConfig gives the credentials of a file as a config.json.
func (r *reader) dockerConfig(ctx context.Context, name string) ([]byte, error) {
	f, err := r.dockercfg(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := r.refusePlain(f.shown(), f.format); err != nil {
		return nil, err
	}
	text, _, err := r.program.encode(f.File, dockercfg.Output{Form: dockercfg.Config}, f.shown()+": ")
	return text, err
}

// makeDockerFolder makes a folder that Docker takes for its configuration: these
// credentials, and all else from the user's own, such as contexts and plugins.
func (p *program) makeDockerFolder(dir *privatedir.Dir, config []byte) error {
	users, err := helperconfig.Path(p.lookupEnv)
	if err != nil {
		users = "" // there is no home folder, as in some containers
	}
	var own []byte
	if users != "" {
		own, err = os.ReadFile(users)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			p.warn("the command does without your own configuration of Docker: %v", err)
		}
	}
	merged, err := dockerconfig.WithCredentials(own, config)
	if err != nil {
		p.warn("the command does without your own configuration of Docker: %q: %v", users, err)
		merged = config
	}
	if _, err := dir.WriteFile(dockerconfig.FileName, merged); err != nil {
		return err
	}
	if users == "" {
		return nil
	}
	if err := dockerconfig.LinkOthers(filepath.Dir(users), dir.Path()); err != nil {
		p.warn("the command does without your own contexts and plugins of Docker: %v", err)
	}
	return nil
}

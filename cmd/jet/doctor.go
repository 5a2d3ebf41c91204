package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dockercfg/jet/internal/credentialstore"
	"github.com/dockercfg/jet/internal/doctor"
	"github.com/dockercfg/jet/internal/helperconfig"
	"github.com/dockercfg/jet/internal/projectkey"
)

func (p *program) doctorCommand() *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "Say what is wrong with a project or this machine, and what to do.",
		UsageText: `jet doctor
jet doctor --json`,
		Description: `Looks at the key, at the encrypted files and what is in them, at what git has, at Docker's configuration and its helpers, at the user's file of registry accounts, at the clock, and for known slips in services, steps and env files. It changes nothing, asks nobody over the network and shows no secrets. The exit code is 1 if there is a problem, 0 if there are notes alone.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "write one JSON object"},
			&cli.BoolFlag{Name: "no-key", Usage: "do not look for the project key"},
			keyPathFlag(), requireFlag(),
		},
		Action: p.doctor,
	}
}

func (p *program) doctor(c *cli.Context) error {
	if err := wantPaths(c, 0); err != nil {
		return err
	}
	if c.Bool("no-key") && c.IsSet("key-path") {
		return misuse("--no-key and --key-path exclude each other")
	}
	required, err := p.requiredFormat(c)
	if err != nil {
		return err
	}
	known, err := backends(backendConfig{})
	if err != nil {
		return err
	}
	options := doctor.Options{LookupEnv: p.lookupEnv, Require: required, Known: known, FindHelper: findStoreProgram}
	if !c.Bool("no-key") {
		options.FindKey = func(ctx context.Context) (projectkey.Found, error) {
			lookup := p.keyLookup("", c.String("key-path"))
			lookup.Stored = p.storedKey
			found, err := lookup.Find(ctx)
			if err != nil {
				err = adviseKey(err)
			}
			return found, err
		}
	}
	if path, err := helperconfig.Path(p.lookupEnv); err == nil {
		options.DockerFolder = filepath.Dir(path)
	}
	examination, err := doctor.Examine(c.Context, options)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		encoder := json.NewEncoder(p.stdout)
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(examination)
	} else {
		err = p.printFindingsOfDoctor(examination)
	}
	if err != nil {
		return err
	}
	problems, notes := examination.Problems(), len(examination.Findings)-examination.Problems()
	said := count(notes, "note")
	switch {
	case problems > 0:
		said = count(problems, "problem")
		if notes > 0 {
			said += " and " + count(notes, "note")
		}
		return fail("%s", said)
	case notes == 0:
		said = "nothing is wrong"
	}
	p.note("%s; looked at %s", said, strings.Join(examination.Looked, ", "))
	return nil
}

func (p *program) printFindingsOfDoctor(e doctor.Examination) error {
	var b strings.Builder
	for _, f := range e.Findings {
		where := ""
		if f.Path != "" {
			where = shownPath(f.Path)
			if f.Line > 0 {
				where += fmt.Sprintf(", line %d", f.Line)
			}
			where += ": "
		}
		fmt.Fprintf(&b, "%s %s: %s%s\n", f.Severity, f.Name, where, printable(f.Message))
		for _, hint := range f.Hints {
			fmt.Fprintf(&b, "  %s\n", printable(hint))
		}
	}
	_, err := io.WriteString(p.stdout, b.String())
	return err
}

// findStoreProgram looks for a credential helper as Docker does, on PATH, and else where
// it may lie.
func findStoreProgram(name string) (onPath []string, elsewhere string) {
	if credentialstore.CheckName(name) != nil {
		return nil, ""
	}
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		path, err := exec.LookPath(filepath.Join(folder, "docker-credential-"+name))
		if err == nil && filepath.IsAbs(path) && !slices.ContainsFunc(onPath, func(have string) bool { return sameProgram(have, path) }) {
			onPath = append(onPath, path)
		}
	}
	if onPath == nil {
		if found, err := credentialstore.Find(name, credentialstore.Options{}); err == nil {
			elsewhere = found.Path()
		}
	}
	return onPath, elsewhere
}

func sameProgram(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

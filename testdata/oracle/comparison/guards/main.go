// Guards lets other guards judge the commits of jet check's corpus, and writes a
// table for docs/comparison.md. It wants them on PATH, or named:
//
//	npm install @dotenvx/dotenvx@2.38.2
//	go install github.com/zricethezav/gitleaks/v8@v8.30.0
//	cd testdata/oracle && go run ./comparison/guards -dotenvx …/node_modules/.bin/dotenvx
//
// Only cases about a commit are used, and of these the ones that a guard means to
// judge: dotenvx knows files named as env files, and gitleaks whatever is readable.
// Neither knows jet's formats, so what is wrong with an encrypted file is not asked.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dockercfg/jet/internal/check"
	"github.com/dockercfg/jet/internal/check/corpus"
)

// A guard says whether it stops a commit.
type guard struct {
	name    string
	applies func(corpus.Case) bool
	stops   func(ctx context.Context, c corpus.Case, dir string) (bool, error)

	missed, alarms   []string // guilty commits that pass, innocent ones that do not
	guilty, innocent int
	version          string
}

func main() {
	log.SetFlags(0)
	folder := flag.String("corpus", filepath.Join("..", "check"), "the `FOLDER` of the corpus")
	dotenvx := flag.String("dotenvx", "dotenvx", "the `PROGRAM`")
	gitleaks := flag.String("gitleaks", "gitleaks", "the `PROGRAM`")
	flag.Parse()
	if err := compare(*folder, *dotenvx, *gitleaks); err != nil {
		log.Fatal(err)
	}
}

func compare(folder, dotenvx, gitleaks string) error {
	cases, err := corpus.Load(folder)
	if err != nil {
		return err
	}
	guards := []*guard{
		{name: "jet check --staged", version: "this version", applies: isCommit, stops: jet},
		{name: "dotenvx precommit", applies: knownToDotenvx, stops: program(1, dotenvx, "precommit")},
		{name: "gitleaks git --staged", applies: readable, stops: program(3, gitleaks, "git", "--staged", "--no-banner", "--exit-code", "3", ".")},
	}
	for i, command := range [][]string{{dotenvx, "--version"}, {gitleaks, "version"}} {
		out, err := exec.Command(command[0], command[1:]...).Output()
		if err != nil {
			return err
		}
		guards[i+1].version = strings.TrimSpace(string(out))
	}
	fmt.Println("| commit | label | jet | dotenvx | gitleaks |\n|---|---|---|---|---|")
	for _, c := range cases {
		if !isCommit(c) || !knownToDotenvx(c) && !readable(c) {
			continue
		}
		row := []string{c.Name, map[bool]string{true: "guilty", false: "innocent"}[c.Guilty]}
		for _, g := range guards {
			said, err := g.judge(c)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", c.Name, g.name, err)
			}
			row = append(row, said)
		}
		fmt.Printf("| %s |\n", strings.Join(row, " | "))
	}
	fmt.Println("\n| guard | version | guilty commits | passed | innocent commits | stopped |\n|---|---|---|---|---|---|")
	for _, g := range guards {
		fmt.Printf("| %s | %s | %d | %d | %d | %d |\n", g.name, g.version, g.guilty, len(g.missed), g.innocent, len(g.alarms))
	}
	return nil
}

// judge builds the repository anew, since a guard may change it.
func (g *guard) judge(c corpus.Case) (string, error) {
	if !g.applies(c) {
		return "", nil
	}
	dir, err := os.MkdirTemp("", "guards")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := c.Build(dir); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	stops, err := g.stops(ctx, c, dir)
	if err != nil {
		return "", err
	}
	said := map[bool]string{true: "stops it", false: "lets it pass"}[stops]
	if c.Guilty {
		g.guilty++
	} else {
		g.innocent++
	}
	switch {
	case c.Guilty && !stops:
		g.missed = append(g.missed, c.Name)
		said = "**" + said + "**"
	case !c.Guilty && stops:
		g.alarms = append(g.alarms, c.Name)
		said = "**" + said + "**"
	}
	return said, nil
}

func jet(ctx context.Context, c corpus.Case, dir string) (bool, error) {
	report, err := check.Run(ctx, c.Options(dir))
	if err != nil {
		return false, err
	}
	return len(report.Findings) > 0, nil
}

// program runs another guard, which ends with this exit code to stop the commit.
func program(stop int, name string, args ...string) func(context.Context, corpus.Case, string) (bool, error) {
	return func(ctx context.Context, _ corpus.Case, dir string) (bool, error) {
		// Another program may set itself up at home.
		home, err := os.MkdirTemp("", "guards-home")
		if err != nil {
			return false, err
		}
		defer os.RemoveAll(home)
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "HOME="+home, "XDG_CONFIG_HOME="+home)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		switch {
		case err == nil:
			return false, nil
		case errors.As(err, &exit) && exit.ExitCode() == stop:
			return true, nil
		}
		return false, fmt.Errorf("%w: %s", err, out)
	}
}

// isCommit: the case is about what a commit brings.
func isCommit(c corpus.Case) bool { return slices.Equal(c.Check, []string{"--staged"}) }

// knownToDotenvx: the files that matter have names that dotenvx takes for env files
// (its patterns .env* and *.env), and none of them is in a format of jet's.
func knownToDotenvx(c corpus.Case) bool {
	isEnv := func(name string) bool {
		return strings.HasPrefix(path.Base(name), ".env") || strings.HasSuffix(name, ".env")
	}
	if !isCommit(c) || !slices.ContainsFunc(c.Paths(), isEnv) ||
		slices.ContainsFunc(c.Paths(), func(name string) bool { return strings.HasSuffix(name, ".encrypted") || name == check.AllowFile }) {
		return false
	}
	return !slices.ContainsFunc(c.Findings, func(f corpus.Finding) bool { return !isEnv(f.Path) })
}

// readable: the commit brings a readable secret, or nothing that is wrong.
func readable(c corpus.Case) bool {
	return isCommit(c) && !slices.Contains(c.Paths(), check.AllowFile) &&
		!slices.ContainsFunc(c.Findings, func(f corpus.Finding) bool { return f.Rule != check.PlainSecrets && f.Rule != check.KeyInGit })
}

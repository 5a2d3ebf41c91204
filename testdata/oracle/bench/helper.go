package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// emptySource is the least that a program on urfave/cli, such as jet, can be.
const emptySource = `package main

import (
	"os"

	"github.com/urfave/cli/v2"
)

func main() {
	app := &cli.App{Name: "empty", Action: func(*cli.Context) error { return nil }}
	if err := app.Run(os.Args); err != nil {
		os.Exit(1)
	}
}
`

// helperRegistry is what the helpers are asked for.
const helperRegistry = "registry.test:5000"

// helperBars are ratios of medians that docker-credential-jet has to reach.
var helperBars = []struct {
	peer    string
	largest float64
}{
	{"empty urfave/cli program", 1.5},
	{"docker-credential-pass get", 0.1},
}

// benchHelper measures one question to docker-credential-jet beside the same one to
// docker-credential-pass, of the version in go.mod. It needs pass and gpg.
func benchHelper(dir, jet string, runs int) (err error) {
	jobs, stop, err := helperJobs(dir, jet)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	results, err := measureInTurn(dir, jobs, runs)
	if err != nil {
		return err
	}
	byName := make(map[string]*result)
	for _, r := range results {
		byName[r.name] = r
	}
	fmt.Printf("\n### The credential of one registry, %d runs\n\n", runs)
	printResults(results)
	fmt.Printf("\n| docker-credential-jet get | measured | bar | |\n|---|---|---|---|\n")
	own := median(byName["docker-credential-jet get"].wall)
	for _, b := range helperBars {
		printBar("docker-credential-jet get / "+b.peer, own/median(byName[b.peer].wall), b.largest)
	}
	return nil
}

// helperJobs gives each helper a store of its own, and a function that ends what runs
// on for the sake of pass.
func helperJobs(dir, jet string) (jobs []job, stop func() error, err error) {
	path := func(elements ...string) string { return filepath.Join(append([]string{dir}, elements...)...) }
	source := path("empty.go")
	if err := os.WriteFile(source, []byte(emptySource), 0o600); err != nil {
		return nil, nil, err
	}
	helper, pass := path("docker-credential-jet"), path("docker-credential-pass")
	const tag = "urfave_cli_no_docs"
	err = errors.Join(
		goBuild(".", path("empty"), append(stripped, "-tags", tag, source)...),
		goBuild(".", pass, append(stripped, "github.com/docker/docker-credential-helpers/pass/cmd")...),
		goBuild(filepath.Join("..", ".."), helper, append(stripped, "-tags", tag, "./cmd/docker-credential-jet")...),
	)
	if err != nil {
		return nil, nil, err
	}

	project, gpg := path("project"), path("gpg")
	if err := errors.Join(os.Mkdir(project, 0o700), os.Mkdir(gpg, 0o700)); err != nil {
		return nil, nil, err
	}
	env := []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "DOCKER_CONFIG=" + path("docker"),
		"GNUPGHOME=" + gpg, "PASSWORD_STORE_DIR=" + path("store")}
	run := func(stdin string, args ...string) error {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir, cmd.Env, cmd.Stdin = project, env, strings.NewReader(stdin)
		if message, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, message)
		}
		return nil
	}
	const user, secret = "bob", "a password"
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + secret))
	config := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, helperRegistry, auth)
	stop = func() error { return run("", "gpgconf", "--kill", "all") }
	const mail = "jet@example.test"
	for _, step := range []struct {
		stdin string
		args  []string
	}{
		{"", []string{jet, "generate"}},
		{config, []string{jet, "encrypt", "-", "dockercfg.encrypted"}},
		{"", []string{"gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", mail, "default", "default", "never"}},
		{"", []string{"pass", "init", mail}},
		{fmt.Sprintf(`{"ServerURL":%q,"Username":%q,"Secret":%q}`, helperRegistry, user, secret), []string{pass, "store"}},
	} {
		if err := run(step.stdin, step.args...); err != nil {
			return nil, nil, errors.Join(err, stop())
		}
	}
	get := func(name, helper string) job {
		return job{name: name, args: []string{helper, "get"}, dir: project, env: slices.Clip(env), stdin: helperRegistry, want: secret}
	}
	return []job{
		{name: "empty urfave/cli program", args: []string{path("empty")}},
		get("docker-credential-jet get", helper),
		get("docker-credential-pass get", pass),
	}, stop, nil
}

// Package awsprofile gets the keys of the profiles in AWS's configuration from
// programs that can read them: jet-aws-profile, which comes with jet, or else the AWS
// CLI.
//
// A profile can mean single sign-on, a sign-in in the browser, a program, a chain of
// roles. The part of AWS's SDK that knows all of them brings schemas of three services
// along, whose tables would cost every start of jet 0.6 ms and 2 MB; so it is a
// program of its own (package resolver).
//
// What either program sees of AWS's variables is what it is given: those of the
// process are taken away.
package awsprofile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
	"unicode"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/generators/ecr"
	"github.com/dockercfg/jet/internal/process"
)

// Program is the name of the program that comes with jet.
const Program = "jet-aws-profile"

// Version is that of Request and Answer.
const Version = 1

// Request is what Program reads from stdin, as JSON.
type Request struct {
	Version int
	Profile string `json:",omitempty"` // "" is the default one
	// Variables are AWS's own, by name, and all that the program is to know of them.
	Variables map[string]string `json:",omitempty"`
}

// Answer is what a program prints, as JSON: that of AWS's own interface for programs
// that give keys (AWS SDKs and Tools reference guide, "Process credential provider"),
// with a region. Without keys it is for a profile that says nothing of any.
type Answer struct {
	Version         int
	AccessKeyID     string     `json:"AccessKeyId,omitempty"`
	SecretAccessKey string     `json:",omitempty"`
	SessionToken    string     `json:",omitempty"`
	Expiration      *time.Time `json:",omitempty"`
	Region          string     `json:",omitempty"`
}

// HintPrefix begins the line of stderr, after that of the error, that says what a
// person can do about it.
const HintPrefix = "hint: "

const (
	maxAnswer = 64 << 10 // bytes of stdout
	maxStderr = 4 << 10  // bytes of stderr that are looked at
)

// Reader runs the programs. The zero Reader is ready for use.
type Reader struct {
	// Folders are where Program is looked for before PATH; nil means that of this
	// executable.
	Folders []string
}

var _ ecr.Profiles = Reader{}

// Keys gives the keys of a profile, see ecr.Profiles. Without a file of profiles it
// runs nothing.
func (r Reader) Keys(ctx context.Context, profile string, variables map[string]dockercfg.Secret) (ecr.ProfileKeys, error) {
	if profile == "" && !anyFile(variables) {
		return ecr.ProfileKeys{}, ecr.ErrNoKeys
	}
	if path := r.find(Program); path != "" {
		return r.ask(ctx, path, profile, variables)
	}
	if path := r.find("aws"); path != "" {
		return r.askCLI(ctx, path, profile, variables)
	}
	return ecr.ProfileKeys{}, &generators.AdvisedError{
		Err:    fmt.Errorf("there is no program to read profiles with: neither %s beside jet or on PATH, nor the AWS CLI (aws) on PATH", Program),
		Advice: "install " + Program + ", which comes in jet's archive, beside jet; or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
	}
}

// anyFile reports whether there is a file of profiles.
func anyFile(variables map[string]dockercfg.Secret) bool {
	for variable, name := range map[string]string{"AWS_CONFIG_FILE": "config", "AWS_SHARED_CREDENTIALS_FILE": "credentials"} {
		path := variables[variable].Reveal()
		if path == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				continue
			}
			path = filepath.Join(home, ".aws", name)
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() > 0 {
			return true
		}
	}
	return false
}

// find gives the path of a program, "" for none. Relative entries of PATH are passed
// over: what they lead to differs from folder to folder.
func (r Reader) find(program string) string {
	var folders []string
	if program == Program {
		if folders = r.Folders; folders == nil {
			folders = besideExecutable()
		}
	}
	for _, folder := range append(folders, filepath.SplitList(os.Getenv("PATH"))...) {
		if !filepath.IsAbs(folder) {
			continue
		}
		if path, err := exec.LookPath(filepath.Join(folder, program)); err == nil {
			return path
		}
	}
	return ""
}

// besideExecutable gives the folder of this program, and that of the file which it is
// if it was started by a link to that.
func besideExecutable() []string {
	own, err := os.Executable()
	if err != nil {
		return nil
	}
	folders := []string{filepath.Dir(own)}
	if file, err := filepath.EvalSymlinks(own); err == nil && file != own {
		folders = append(folders, filepath.Dir(file))
	}
	return folders
}

// ask runs Program.
func (r Reader) ask(ctx context.Context, path, profile string, variables map[string]dockercfg.Secret) (ecr.ProfileKeys, error) {
	request := Request{Version: Version, Profile: profile, Variables: make(map[string]string)}
	for name, value := range variables {
		request.Variables[name] = value.Reveal()
	}
	input, err := json.Marshal(request)
	if err != nil {
		return ecr.ProfileKeys{}, err
	}
	answer, err := run(ctx, Program, path, nil, input)
	if err != nil {
		return ecr.ProfileKeys{}, err
	}
	keys, err := decode(Program, answer)
	if err == nil && keys.ID == "" {
		return keys, ecr.ErrNoKeys
	}
	return keys, err
}

// askCLI runs the AWS CLI, version 2.11 or 1.27 at least.
func (r Reader) askCLI(ctx context.Context, path, profile string, variables map[string]dockercfg.Secret) (ecr.ProfileKeys, error) {
	environment := []string{"AWS_PAGER="}
	for name, value := range variables {
		environment = append(environment, name+"="+value.Reveal())
	}
	var whose []string
	if profile != "" {
		whose = []string{"--profile=" + profile}
	}
	answer, err := run(ctx, "aws configure export-credentials", path, environment, nil, append([]string{"configure", "export-credentials", "--format=process"}, whose...)...)
	if err != nil {
		return ecr.ProfileKeys{}, err
	}
	keys, err := decode("aws configure export-credentials", answer)
	if err == nil && keys.ID == "" {
		err = errors.New("aws configure export-credentials gives no keys")
	}
	if err != nil || variables["AWS_REGION"] != (dockercfg.Secret{}) {
		return keys, err
	}
	// It fails where there is none.
	if text, err := run(ctx, "aws configure get", path, environment, nil, append([]string{"configure", "get", "region"}, whose...)...); err == nil {
		keys.Region = strings.TrimSpace(string(text))
	} else if ctx.Err() != nil {
		return ecr.ProfileKeys{}, err
	}
	return keys, nil
}

// run runs a program and gives what it printed. Nothing of that is in an error; of
// stderr it is the first line.
func run(ctx context.Context, name, path string, environment []string, input []byte, args ...string) ([]byte, error) {
	bounded, cancel := context.WithCancel(ctx)
	defer cancel()
	stdout := process.Bounded{Limit: maxAnswer, OnFull: cancel} // who fills it is not waited for
	stderr := process.Bounded{Limit: maxStderr}
	cmd := process.Command(bounded, path, args...)
	cmd.Env = append(withoutAWS(cmd.Env), environment...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &stdout, &stderr
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s: %w", name, context.Cause(ctx))
	case stdout.Full():
		return nil, fmt.Errorf("%s: its answer is over %d bytes", name, maxAnswer)
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return stdout.Bytes(), nil
	}
	text, hint := "", ""
	for line := range strings.Lines(string(stderr.Bytes())) {
		line = strings.TrimSpace(strings.Map(func(r rune) rune {
			if unicode.IsPrint(r) {
				return r
			}
			return ' '
		}, line))
		if rest, found := strings.CutPrefix(line, HintPrefix); found {
			hint = rest
		} else if text == "" {
			text = line
		}
	}
	if text == "" {
		text = err.Error()
	}
	failure := fmt.Errorf("%s: %s", name, text)
	if hint == "" && strings.Contains(text, "SSO") {
		hint = "aws sso login"
	}
	if hint == "" {
		return nil, failure
	}
	return nil, &generators.AdvisedError{Err: failure, Advice: hint}
}

// withoutAWS takes AWS's variables out of an environment, those of the CLI too.
func withoutAWS(environment []string) []string {
	var kept []string
	for _, entry := range environment {
		name := entry
		if runtime.GOOS == "windows" {
			name = strings.ToUpper(entry)
		}
		if !strings.HasPrefix(name, "AWS_") {
			kept = append(kept, entry)
		}
	}
	return kept
}

// decode reads an answer. Its errors quote nothing of it.
func decode(name string, data []byte) (ecr.ProfileKeys, error) {
	var a Answer
	if err := json.Unmarshal(data, &a); err != nil {
		return ecr.ProfileKeys{}, fmt.Errorf("%s: its answer is not the JSON that was expected", name)
	}
	switch {
	case a.Version != Version:
		return ecr.ProfileKeys{}, fmt.Errorf("%s: its answer has version %d, and %d was expected", name, a.Version, Version)
	case (a.AccessKeyID == "") != (a.SecretAccessKey == "") || a.AccessKeyID == "" && a.SessionToken != "":
		return ecr.ProfileKeys{}, fmt.Errorf("%s: its answer has a part of a key", name)
	case a.Expiration != nil && time.Now().After(*a.Expiration):
		return ecr.ProfileKeys{}, fmt.Errorf("%s: the keys expired at %s", name, a.Expiration.UTC().Format(time.RFC3339))
	}
	return ecr.ProfileKeys{Region: a.Region, Keys: ecr.Keys{
		ID: a.AccessKeyID, Secret: dockercfg.NewSecret(a.SecretAccessKey), SessionToken: dockercfg.NewSecret(a.SessionToken),
	}}, nil
}

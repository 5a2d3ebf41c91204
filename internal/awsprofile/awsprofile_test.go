package awsprofile_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/generators"
	"github.com/dockercfg/jet/generators/ecr"
	"github.com/dockercfg/jet/internal/awsprofile"
)

const canary = "canary-7Yq2mW"

// place writes a program in sh in a folder of its own.
func place(t *testing.T, name, script string) (folder string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs sh")
	}
	folder = t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return folder
}

// files gives variables that name a file of profiles.
func files(t *testing.T) map[string]dockercfg.Secret {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte("[default]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]dockercfg.Secret{
		"AWS_CONFIG_FILE": dockercfg.NewSecret(path), "AWS_SHARED_CREDENTIALS_FILE": dockercfg.NewSecret(path + "-none"),
	}
}

const keys = `{"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"` + canary + `","SessionToken":"s","Region":"eu-west-1"}`

func TestAsk(t *testing.T) {
	for _, c := range []struct {
		label, profile, script string
		want                   string // "" for keys
		advice                 string
	}{
		{"keys", "p", `cat >/dev/null; echo '` + keys + `'`, "", ""},
		{"keys that last", "p", `cat >/dev/null; echo '{"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"` + canary + `","SessionToken":"s","Expiration":"2999-01-01T00:00:00Z","Region":"eu-west-1"}'`, "", ""},
		{"it does not read", "p", `echo '` + keys + `'`, "", ""},
		{"no keys", "p", `echo '{"Version":1,"Region":"eu-west-1"}'`, ecr.ErrNoKeys.Error(), ""},
		{"it fails", "p", `echo ` + canary + `; printf 'the session is over\nhint: aws sso login\nmore\n' >&2; exit 1`, "jet-aws-profile: the session is over", "aws sso login"},
		{"it fails without a word", "p", `echo ` + canary + `; exit 3`, "jet-aws-profile: exit status 3", ""},
		{"it speaks to the terminal", "p", `printf 'a\033[31mb\n' >&2; exit 1`, "jet-aws-profile: a [31mb", ""},
		{"no JSON", "p", `echo ` + canary, "not the JSON", ""},
		{"another version", "p", `echo '{"Version":2}'`, "version 2, and 1 was expected", ""},
		{"a part", "p", `echo '{"Version":1,"SecretAccessKey":"` + canary + `"}'`, "a part of a key", ""},
		{"a part of a session", "p", `echo '{"Version":1,"SessionToken":"` + canary + `"}'`, "a part of a key", ""},
		{"expired", "p", `echo '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"` + canary + `","Expiration":"2015-01-01T00:00:00Z"}'`, "expired at 2015-01-01T00:00:00Z", ""},
		{"endless", "p", `while :; do echo ` + canary + canary + canary + canary + canary + canary + `; done`, "over 65536 bytes", ""},
	} {
		t.Run(c.label, func(t *testing.T) {
			reader := awsprofile.Reader{Folders: []string{place(t, awsprofile.Program, c.script)}}
			got, err := reader.Keys(t.Context(), c.profile, files(t))
			if c.want == "" {
				if err != nil || got.ID != "AKIA" || got.Secret.Reveal() != canary || got.SessionToken.Reveal() != "s" || got.Region != "eu-west-1" {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if advised, ok := errors.AsType[*generators.AdvisedError](err); ok != (c.advice != "") || ok && advised.Advice != c.advice {
				t.Errorf("advice %+v, want %q", advised, c.advice)
			}
			if errors.Is(err, ecr.ErrNoKeys) && got.Region != "eu-west-1" {
				t.Errorf("the region is %q", got.Region)
			}
		})
	}
}

// TestWhatItSees looks at the request, the arguments and the environment.
func TestWhatItSees(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAWRONG")
	t.Setenv("AWS_PROFILE", "wrong")
	t.Setenv("JET_KEY", canary)
	folder := place(t, awsprofile.Program, `d=${0%/*}; cat >"$d/stdin"; env >"$d/env"; echo "$@" >"$d/args"; echo '`+keys+`'`)
	variables := files(t)
	variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = dockercfg.NewSecret(canary)
	if _, err := (awsprofile.Reader{Folders: []string{folder}}).Keys(t.Context(), "my profile", variables); err != nil {
		t.Fatal(err)
	}
	for name, holds := range map[string]bool{"stdin": true, "env": false, "args": false} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || strings.Contains(string(text), canary) != holds {
			t.Errorf("%s: it holds a secret: %v, %v", name, !holds, err)
		}
		if name == "env" && (strings.Contains(string(text), "\nAWS_") || !strings.Contains(string(text), "HOME=")) {
			t.Errorf("the environment is\n%s", text)
		}
		if name == "stdin" && (!strings.HasPrefix(string(text), `{"Version":1,"Profile":"my profile","Variables":{"AWS_`) || strings.Contains(string(text), "WRONG")) {
			t.Errorf("the request is %s", text)
		}
	}
}

// TestCLI is for where there is no program of jet's.
func TestCLI(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAWRONG")
	folder := place(t, "aws", `
case "$AWS_ACCESS_KEY_ID $*" in
" configure export-credentials --format=process --profile=my profile") echo '`+strings.Replace(keys, `,"Region":"eu-west-1"`, "", 1)+`' ;;
" configure get region --profile=my profile") echo "$AWS_CONFIG_FILE" >"${0%/*}/config"; echo us-east-1 ;;
*) echo "aws: $*: another call" >&2; exit 1 ;;
esac
`)
	t.Setenv("PATH", "relative"+string(os.PathListSeparator)+folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	reader := awsprofile.Reader{Folders: []string{}}
	variables := files(t)
	got, err := reader.Keys(t.Context(), "my profile", variables)
	if err != nil || got.ID != "AKIA" || got.Region != "us-east-1" {
		t.Errorf("got %v, %v", got, err)
	}
	if text, err := os.ReadFile(filepath.Join(folder, "config")); err != nil || strings.TrimSpace(string(text)) != variables["AWS_CONFIG_FILE"].Reveal() {
		t.Errorf("it sees the configuration %q, %v", text, err)
	}
	variables["AWS_REGION"] = dockercfg.NewSecret("eu-west-1")
	if got, err = reader.Keys(t.Context(), "my profile", variables); err != nil || got.Region != "" {
		t.Errorf("with a region: got %v, %v", got, err)
	}
	if _, err = reader.Keys(t.Context(), "other", variables); err == nil || !strings.Contains(err.Error(), "aws configure export-credentials: aws: configure export-credentials --format=process --profile=other: another call") {
		t.Errorf("got %v", err)
	}
}

func TestNone(t *testing.T) {
	t.Setenv("PATH", "")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("USERPROFILE", t.TempDir())
	reader := awsprofile.Reader{Folders: []string{"relative"}}
	if _, err := reader.Keys(t.Context(), "", nil); !errors.Is(err, ecr.ErrNoKeys) {
		t.Errorf("no files: got %v", err)
	}
	for _, profile := range []string{"", "p"} {
		_, err := reader.Keys(t.Context(), profile, files(t))
		advised, ok := errors.AsType[*generators.AdvisedError](err)
		if !ok || !strings.Contains(err.Error(), "neither jet-aws-profile beside jet or on PATH, nor the AWS CLI") || !strings.Contains(advised.Advice, "install jet-aws-profile") {
			t.Errorf("profile %q: got %v", profile, err)
		}
	}
}

func TestDeadline(t *testing.T) {
	reader := awsprofile.Reader{Folders: []string{place(t, awsprofile.Program, "sleep 20")}}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := reader.Keys(ctx, "p", files(t)); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
		t.Errorf("got %v after %v", err, time.Since(began))
	}
}

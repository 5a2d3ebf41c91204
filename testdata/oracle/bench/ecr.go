package main

import (
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dockercfg/jet/internal/fakeaws"
)

// ecrPause is how long the slow server takes for an answer.
const ecrPause = 200 * time.Millisecond

// benchECR measures a token for Amazon ECR beside what the shell script of Codeship's
// generator runs, on the same server on loopback. It needs the AWS CLI, and says so
// where that is not there.
func benchECR(dir, jet string, runs int) error {
	cli := ""
	for _, path := range append([]string{"/usr/bin"}, filepath.SplitList(os.Getenv("PATH"))...) {
		if _, err := os.Stat(filepath.Join(path, "aws")); err == nil {
			cli = filepath.Join(path, "aws")
			break
		}
	}
	if cli == "" {
		fmt.Printf("\n### Amazon ECR: not measured, since the AWS CLI is not here\n")
		return nil
	}
	jobs, stop, err := ecrJobs(dir, jet, cli)
	if err != nil {
		return err
	}
	defer stop()
	results, err := measureInTurn(dir, jobs, runs)
	if err != nil {
		return err
	}
	byName := make(map[string]*result)
	for _, r := range results {
		byName[r.name] = r
	}
	fmt.Printf("\n### A token for Amazon ECR, %d runs\n\n", runs)
	printResults(results)
	fmt.Printf("\n| jet generate dockercfg --from ecr | measured | bar | |\n|---|---|---|---|\n")
	time := func(name string) float64 { return median(byName[name].wall) }
	script := func(how string) float64 {
		return time("aws sts get-caller-identity, "+how) + time("aws ecr get-login-password, "+how)
	}
	printLeast("times as fast as the script's commands, HTTP", script("HTTP")/time("jet, HTTP"), 80)
	printLeast("times as fast as the script's commands, TLS", script("TLS")/time("jet, TLS"), 45)
	printBar("ten registries / one, if an answer takes 200 ms", time("jet, ten regions, slow")/time("jet, slow"), 2)
	printBar("ten env files / one, if an answer takes 200 ms", time("jet, ten env files, slow")/time("jet, slow"), 2)
	printBar("peak memory / aws ecr get-login-password", float64(byName["jet, ten regions, slow"].peakKiB)/float64(byName["aws ecr get-login-password, HTTP"].peakKiB), 0.25)
	return nil
}

// printLeast is printBar for what has to be large.
func printLeast(what string, measured, least float64) {
	verdict := "held"
	if measured < least {
		verdict = "**missed**"
	}
	fmt.Printf("| %s | %.0f | at least %.0f | %s |\n", what, measured, least, verdict)
}

func ecrJobs(dir, jet, cli string) (jobs []job, stop func(), err error) {
	const account = "012345678901"
	fake := &fakeaws.AWS{}
	key := fake.AddUser("aws", account, "ci", fakeaws.Token)
	plain, secure := httptest.NewServer(fake), httptest.NewTLSServer(fake)
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(ecrPause)
		fake.ServeHTTP(w, r)
	}))
	stop = func() {
		for _, server := range []*httptest.Server{plain, secure, slow} {
			server.Close()
		}
	}
	// As many authorities as a system has, and that of the server.
	authorities := filepath.Join(dir, "authorities.pem")
	bundle, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		stop()
		return nil, nil, err
	}
	bundle = append(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})...)
	if err := os.WriteFile(authorities, bundle, 0o600); err != nil {
		stop()
		return nil, nil, err
	}
	variables := func(url, region string) []string {
		v := []string{"AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=" + key.ID, "AWS_SECRET_ACCESS_KEY=" + key.Secret, "AWS_ENDPOINT_URL=" + url, "AWS_EC2_METADATA_DISABLED=true"}
		if url == secure.URL {
			v = append(v, "AWS_CA_BUNDLE="+authorities)
		}
		return v
	}
	var files []string // of ten scopes
	var regions []string
	for i := range 10 {
		region := fmt.Sprintf("eu-west-%d", i+1)
		file := filepath.Join(dir, region+".env")
		err = errors.Join(err, os.WriteFile(file, []byte(strings.Join(variables(slow.URL, region), "\n")+"\n"), 0o600))
		files, regions = append(files, "--env-file", file), append(regions, region)
	}
	if err != nil {
		stop()
		return nil, nil, err
	}
	output := filepath.Join(dir, "dockercfg")
	generate := func(name string, env []string, args ...string) job {
		return job{
			name: "jet, " + name, env: append([]string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "DOCKER_CONFIG=" + dir, "JET_NO_CACHE=1"}, env...), dir: dir,
			args: append([]string{jet, "generate", "dockercfg", output, "--from", "ecr"}, args...),
		}
	}
	command := func(how, url string, args ...string) job {
		env := append(variables(url, "eu-west-1"), "HOME="+dir, "PATH="+os.Getenv("PATH"), "AWS_DEFAULT_REGION=eu-west-1", "AWS_PAGER=")
		return job{
			name: "aws " + strings.Join(args, " ") + ", " + how, env: env, dir: dir, want: account,
			args: append([]string{cli, "--endpoint-url", url}, args...),
		}
	}
	return []job{
		generate("HTTP", variables(plain.URL, "eu-west-1")),
		command("HTTP", plain.URL, "sts", "get-caller-identity"),
		command("HTTP", plain.URL, "ecr", "get-login-password"),
		generate("TLS", variables(secure.URL, "eu-west-1")),
		command("TLS", secure.URL, "sts", "get-caller-identity"),
		command("TLS", secure.URL, "ecr", "get-login-password"),
		generate("slow", variables(slow.URL, "eu-west-1")),
		generate("ten regions, slow", variables(slow.URL, strings.Join(regions, ","))),
		generate("ten env files, slow", nil, files...),
	}, stop, nil
}

package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/dockercfg/jet/internal/fakeaws"
)

// cacheBars are the largest ratios that are accepted.
var cacheBars = []struct {
	name, peer string
	largest    float64
}{
	{"jet token, kept", "jet token, asked for", 0.1},
	{"jet token, kept", "docker-credential-ecr-login get, kept", 1.5},
	{"docker-credential-jet get, kept", "docker-credential-ecr-login get, kept", 2.5},
}

// benchCache measures a token that is kept beside one that is asked for, of a server
// that takes 200 ms for an answer, and beside what Amazon's own helper keeps.
func benchCache(dir, jet string, runs int) error {
	jobs, stop, err := cacheJobs(dir, jet)
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
	fmt.Printf("\n### A token for Amazon ECR that is kept, %d runs\n\n", runs)
	printResults(results)
	fmt.Printf("\n| a token that is kept | measured | bar | |\n|---|---|---|---|\n")
	for _, b := range cacheBars {
		printBar(b.name+" / "+b.peer, median(byName[b.name].wall)/median(byName[b.peer].wall), b.largest)
	}
	return nil
}

func cacheJobs(dir, jet string) (jobs []job, stop func(), err error) {
	const account, region = "012345678901", "eu-west-1"
	const host = account + ".dkr.ecr." + region + ".amazonaws.com"
	fake := &fakeaws.AWS{}
	key := fake.AddUser("aws", account, "ci", fakeaws.Token)
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(ecrPause)
		fake.ServeHTTP(w, r)
	}))
	folder := filepath.Join(dir, "kept")
	helper, peer := filepath.Join(dir, "docker-credential-jet"), filepath.Join(dir, "docker-credential-ecr-login")
	accounts := filepath.Join(folder, "registries.yaml")
	err = errors.Join(
		os.MkdirAll(folder, 0o700),
		os.WriteFile(accounts, []byte("registries:\n  - name: production\n    address: "+host+"\n    backend: ecr\n"), 0o600),
		goBuild(filepath.Join("..", ".."), helper, append(stripped, "-tags", "urfave_cli_no_docs", "./cmd/docker-credential-jet")...),
		goBuild(".", peer, append(stripped, "github.com/awslabs/amazon-ecr-credential-helper/ecr-login/cli/docker-credential-ecr-login")...),
	)
	if err != nil {
		slow.Close()
		return nil, nil, err
	}
	env := []string{
		"HOME=" + folder, "PATH=" + filepath.Dir(jet) + string(os.PathListSeparator) + os.Getenv("PATH"), "DOCKER_CONFIG=" + folder, "XDG_CACHE_HOME=" + folder,
		"JET_KEY=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "JET_REGISTRIES=" + accounts,
		"AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=" + key.ID, "AWS_SECRET_ACCESS_KEY=" + key.Secret,
		"AWS_ENDPOINT_URL=" + slow.URL, "AWS_EC2_METADATA_DISABLED=true",
	}
	with := func(more string) []string { return append(env[:len(env):len(env)], more) }
	token := []string{jet, "token", "production", "--config", accounts}
	return []job{
		{name: "jet token, asked for", dir: folder, env: with("JET_NO_CACHE=1"), args: token, want: "password of " + account},
		{name: "jet token, kept", dir: folder, env: env, args: token, want: "password of " + account},
		{name: "docker-credential-jet get, asked for", dir: folder, env: with("JET_NO_CACHE=1"), args: []string{helper, "get"}, stdin: host, want: "AWS"},
		{name: "docker-credential-jet get, kept", dir: folder, env: env, args: []string{helper, "get"}, stdin: host, want: "AWS"},
		{name: "docker-credential-ecr-login get, asked for", dir: folder, env: with("AWS_ECR_DISABLE_CACHE=1"), args: []string{peer, "get"}, stdin: host, want: "AWS"},
		{name: "docker-credential-ecr-login get, kept", dir: folder, env: env, args: []string{peer, "get"}, stdin: host, want: "AWS"},
	}, slow.Close, nil
}

package oracle

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	v1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/internal/fakeaws"
)

// replica is a jet refresh in what it takes for a Pod.
type replica struct {
	*exec.Cmd
	log   string // a file
	token string // a file
	good  string // token of its service account
}

// events are those of the log with this message.
func (r *replica) events(t *testing.T, message string) (events []map[string]any) {
	t.Helper()
	text, err := os.ReadFile(r.log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var event map[string]any
		if json.Unmarshal([]byte(line), &event) == nil && event["msg"] == message {
			events = append(events, event)
		}
	}
	return events
}

// status asks what a probe asks.
func (r *replica) status(t *testing.T, path string) int {
	t.Helper()
	events := r.events(t, "listening")
	if len(events) == 0 {
		return 0
	}
	answer, err := http.Get("http://" + events[0]["address"].(string) + path)
	if err != nil {
		return 0
	}
	answer.Body.Close()
	return answer.StatusCode
}

// probe gives the path of one.
func probe(p *v1.Probe) string { return p.HTTPGet.Path }

// testRefresh runs what the manifests of Deployment and CronJob run, with the
// configuration and the rights of the manifests: two replicas, through the troubles that
// a cluster has.
func testRefresh(t *testing.T, c *cluster) {
	const registry = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
	var password atomic.Value
	password.Store("first-canary")
	fake := &fakeaws.AWS{Password: func(string, string) string { return password.Load().(string) }}
	url, key := startAWS(t, fake)

	var deployment appsv1.Deployment
	var job batchv1.CronJob
	var config v1.ConfigMap
	for name, into := range map[string]any{"deployment.yaml": &deployment, "cronjob.yaml": &job, "config.yaml": &config} {
		text, err := os.ReadFile(filepath.Join(manifests, name))
		if err == nil {
			err = yaml.UnmarshalStrict(text, into)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	container := deployment.Spec.Template.Spec.Containers[0]
	account := deployment.Spec.Template.Spec.ServiceAccountName
	// The key takes the place of the cloud's own identity, and the interval that of hours.
	start := func(arguments []string) *replica {
		t.Helper()
		dir := t.TempDir()
		write(t, filepath.Join(dir, "registries.yaml"), "interval: 1s\n"+config.Data["registries.yaml"])
		good := c.token(t, deployment.Namespace, account)
		folder, pod := c.pod(t, deployment.Namespace, good)
		r := &replica{log: filepath.Join(dir, "log"), token: filepath.Join(folder, "token"), good: good}
		log, err := os.Create(r.log)
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		var words []string
		for _, word := range arguments {
			words = append(words, strings.Replace(word, "/etc/jet/", dir+"/", 1))
		}
		r.Cmd = exec.Command(jet(t), words...)
		r.Dir, r.Stdout, r.Stderr = "/", log, log
		r.Env = append(awsVariables(url, key), "HOME=/nonexistent")
		for name, value := range pod {
			r.Env = append(r.Env, name+"="+value)
		}
		if err := r.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if r.ProcessState == nil {
				r.Process.Kill()
				r.Wait()
			}
			if text, err := os.ReadFile(r.log); t.Failed() && err == nil {
				t.Logf("jet refresh said:\n%s", text[max(0, len(text)-4000):])
			}
		})
		return r
	}
	holds := func(want string) func() bool {
		return func() bool {
			for _, namespace := range []string{"apps", "jobs"} {
				s := c.secret(t, namespace, "regcred")
				file, err := dockercfg.Parse(s.Data[v1.DockerConfigJsonKey])
				if err != nil {
					t.Fatal(err)
				}
				e, found, err := file.Lookup(registry)
				if err != nil || !found || e.Password.Reveal() != want {
					return false
				}
				checkSecret(t, s, []kubeLogin{{dockercfg.Entry{Registry: registry, Username: "AWS", Password: dockercfg.NewSecret(want)}, registry + "/team/app:1"}})
			}
			return true
		}
	}

	// A CronJob is done when both namespaces have it.
	once := start(job.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Args)
	if err := once.Wait(); err != nil {
		t.Fatalf("the job: %v", err)
	}
	if !holds("first-canary")() {
		t.Fatal("the job did not write the Secrets")
	}

	var replicas []*replica
	for range *deployment.Spec.Replicas {
		replicas = append(replicas, start(append(container.Args, "--listen=127.0.0.1:0")))
	}
	for _, r := range replicas {
		eventually(t, "ready", func() bool { return r.status(t, probe(container.StartupProbe)) == http.StatusOK })
	}
	version := c.secret(t, "apps", "regcred").ResourceVersion
	time.Sleep(2500 * time.Millisecond) // two rounds of each, with nothing new
	if now := c.secret(t, "apps", "regcred").ResourceVersion; now != version {
		t.Errorf("nothing was new, and the version %s became %s", version, now)
	}
	password.Store("second-canary")
	eventually(t, "another token", holds("second-canary"))

	// The API server is away: what was written stays, and nobody is unhealthy for it.
	c.stop(t)
	password.Store("third-canary")
	for _, r := range replicas {
		eventually(t, "a failure", func() bool { return len(r.events(t, "cannot write")) > 0 })
		if code := r.status(t, probe(container.ReadinessProbe)); code != http.StatusOK {
			t.Errorf("the API server is away for a moment: /health says %d", code)
		}
	}
	c.start(t)
	eventually(t, "the API server again", holds("third-canary"))

	// A token that the cluster does not know, until the kubelet writes another.
	for _, r := range replicas {
		write(t, r.token, forge(r.good))
	}
	password.Store("fourth-canary")
	for _, r := range replicas {
		eventually(t, "a refusal", func() bool {
			for _, e := range r.events(t, "cannot write") {
				if strings.Contains(e["error"].(string), "does not accept the token") {
					return true
				}
			}
			return false
		})
	}
	if !holds("third-canary")() {
		t.Error("a Secret changed without a token")
	}
	for _, r := range replicas {
		write(t, r.token, r.good)
	}
	eventually(t, "another token of the service account", holds("fourth-canary"))

	for _, r := range replicas {
		if code := r.status(t, probe(container.LivenessProbe)); code != http.StatusOK {
			t.Errorf("a probe says %d", code)
		}
		r.Process.Signal(syscall.SIGTERM)
		if err := r.Wait(); err != nil {
			t.Errorf("SIGTERM: %v", err)
		}
		if usage, ok := r.ProcessState.SysUsage().(*syscall.Rusage); ok {
			t.Logf("resident memory at most %d KiB, %v of CPU", usage.Maxrss, r.ProcessState.UserTime()+r.ProcessState.SystemTime())
		}
		text, err := os.ReadFile(r.log)
		if err != nil || strings.Contains(string(text), "canary") || strings.Contains(string(text), key.Secret) {
			t.Errorf("the log holds a secret, %v", err)
		}
	}
}

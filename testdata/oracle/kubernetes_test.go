package oracle

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	batchv1 "k8s.io/api/batch/v1"
	v1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/dockercfg/jet/dockercfg"
	configuration "github.com/dockercfg/jet/internal/accounts"
	"github.com/dockercfg/jet/internal/kubernetes"
)

// manifests is the folder of those that users are given.
const manifests = "../../docs/kubernetes"

// apiServer gives the API server that "make test-kubernetes" built. Its build takes
// minutes, so elsewhere the tests with it are skipped unless there is one.
func apiServer(t *testing.T) string {
	t.Helper()
	path := os.Getenv("JET_KUBE_APISERVER")
	if path == "" {
		pins, err := os.ReadFile("apiserver/go.mod")
		if err != nil {
			t.Fatal(err)
		}
		version := regexp.MustCompile(`k8s.io/kubernetes v(\S+)`).FindSubmatch(pins)
		cache, err := os.UserCacheDir()
		if err != nil || version == nil {
			t.Fatalf("no cache or no version: %v", err)
		}
		path = filepath.Join(cache, "jet-test", "kube-apiserver-"+string(version[1]))
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%v: \"make test-kubernetes\" builds it, which takes minutes", err)
	}
	return path
}

// cluster is an API server and its storage, without anything that runs Pods.
type cluster struct {
	dir, host, port string
	arguments       []string // of the API server
	server          *exec.Cmd
	client          *http.Client
	kubectlPath     string
}

const clusterAdmin = "jet-test-administrator"

func startCluster(t *testing.T) *cluster {
	t.Helper()
	program, etcd := apiServer(t), find(t, "etcd", "etcd-server")
	c := &cluster{dir: t.TempDir(), host: "127.0.0.1", port: fmt.Sprint(freePort(t)), kubectlPath: find(t, "kubectl", "kubernetes-client")}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	write(t, c.path("sa.key"), string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
	write(t, c.path("sa.pub"), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})))
	write(t, c.path("tokens.csv"), clusterAdmin+`,admin,1,"system:masters"`+"\n")

	storage, peers := fmt.Sprintf("http://127.0.0.1:%d", freePort(t)), fmt.Sprintf("http://127.0.0.1:%d", freePort(t))
	startServer(t, t.TempDir(), exec.Command(etcd, "--data-dir", c.path("etcd"), "--unsafe-no-fsync",
		"--listen-client-urls", storage, "--advertise-client-urls", storage, "--listen-peer-urls", peers,
		"--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers))
	waitForStatus(t, "etcd", storage+"/health", http.StatusOK)
	c.arguments = []string{
		program, "--etcd-servers", storage, "--cert-dir", c.path("certificates"),
		"--bind-address", c.host, "--advertise-address", c.host, "--secure-port", c.port,
		"--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", c.path("sa.pub"),
		"--service-account-signing-key-file", c.path("sa.key"), "--service-cluster-ip-range", "10.96.0.0/24",
		"--authorization-mode", "RBAC", "--token-auth-file", c.path("tokens.csv"),
		// No controller makes the default service account of each namespace.
		"--disable-admission-plugins", "ServiceAccount", "--endpoint-reconciler-type", "none",
	}
	t.Cleanup(func() { c.stop(t) })
	c.start(t)
	return c
}

func (c *cluster) path(name string) string { return filepath.Join(c.dir, name) }

// start starts the API server and waits until it answers.
func (c *cluster) start(t *testing.T) {
	t.Helper()
	log, err := os.OpenFile(c.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	c.server = exec.Command(c.arguments[0], c.arguments[1:]...)
	c.server.Stdout, c.server.Stderr = log, log
	if err := c.server.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "kube-apiserver", func() bool {
		if c.client == nil {
			authority, err := os.ReadFile(c.path("certificates/apiserver.crt"))
			roots := x509.NewCertPool()
			if err != nil || !roots.AppendCertsFromPEM(authority) {
				return false
			}
			c.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}, Timeout: 10 * time.Second}
		}
		code, _ := c.try(http.MethodGet, "/readyz", "", "")
		return code == http.StatusOK
	})
}

// stop kills the API server, as a node that goes away does.
func (c *cluster) stop(t *testing.T) {
	t.Helper()
	if c.server == nil {
		return
	}
	c.server.Process.Signal(syscall.SIGKILL)
	c.server.Wait()
	c.server = nil
	if text, err := os.ReadFile(c.path("log")); t.Failed() && err == nil {
		t.Logf("kube-apiserver said:\n%s", text[max(0, len(text)-4000):])
	}
}

// try asks as the administrator; code is 0 if there is no answer.
func (c *cluster) try(method, path, contentType, body string) (code int, answer string) {
	return c.tryAs(clusterAdmin, method, path, contentType, body)
}

func (c *cluster) tryAs(token, method, path, contentType, body string) (code int, answer string) {
	request, err := http.NewRequest(method, "https://"+c.host+":"+c.port+path, strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", contentType)
	response, err := c.client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

// do asks for what has to work, and decodes the answer, unless into is nil.
func (c *cluster) do(t *testing.T, method, path string, body, into any) {
	t.Helper()
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	code, answer := c.try(method, path, "application/json", string(text))
	if code/100 != 2 {
		t.Fatalf("%s %s: %d %s", method, path, code, answer)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(answer), into); err != nil {
			t.Fatal(err)
		}
	}
}

// kubectl runs it as the administrator.
func (c *cluster) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return c.kubectlAs(t, clusterAdmin, args...)
}

func (c *cluster) kubectlAs(t *testing.T, token string, args ...string) string {
	t.Helper()
	env := []string{"KUBECONFIG=" + c.path("none"), "KUBECACHEDIR=" + c.path("cache")}
	return mustRun(t, c.dir, env, c.kubectlPath, append([]string{
		"--server", "https://" + c.host + ":" + c.port, "--certificate-authority", c.path("certificates/apiserver.crt"), "--token", token,
	}, args...)...)
}

func (c *cluster) namespace(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		c.do(t, http.MethodPost, "/api/v1/namespaces", v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, nil)
	}
}

// token gives one of a service account, which is made if it is not there.
func (c *cluster) token(t *testing.T, namespace, name string) string {
	t.Helper()
	accounts := "/api/v1/namespaces/" + namespace + "/serviceaccounts"
	if code, _ := c.try(http.MethodGet, accounts+"/"+name, "", ""); code == http.StatusNotFound {
		c.do(t, http.MethodPost, accounts, v1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, nil)
	}
	var request authenticationv1.TokenRequest
	c.do(t, http.MethodPost, accounts+"/"+name+"/token", request, &request)
	return request.Status.Token
}

// pod makes the folder that a Pod has of its service account, and gives the environment
// that leads to it.
func (c *cluster) pod(t *testing.T, namespace, token string) (folder string, env map[string]string) {
	t.Helper()
	folder = t.TempDir()
	authority, err := os.ReadFile(c.path("certificates/apiserver.crt"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "ca.crt"), string(authority))
	write(t, filepath.Join(folder, "namespace"), namespace)
	write(t, filepath.Join(folder, "token"), token)
	return folder, map[string]string{"KUBERNETES_SERVICE_HOST": c.host, "KUBERNETES_SERVICE_PORT": c.port, kubernetes.FolderVariable: folder}
}

// writer gives a client as jet in a Pod has it.
func (c *cluster) writer(t *testing.T, namespace, token string) *kubernetes.Client {
	t.Helper()
	_, env := c.pod(t, namespace, token)
	config, err := kubernetes.InCluster(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	return kubernetes.New(config)
}

// secret reads one as the administrator.
func (c *cluster) secret(t *testing.T, namespace, name string) (s v1.Secret) {
	t.Helper()
	c.do(t, http.MethodGet, "/api/v1/namespaces/"+namespace+"/secrets/"+name, nil, &s)
	return s
}

// eventually waits for what the API server learns of itself with a delay: rights.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 15 s", what)
		}
	}
}

// pullSecret is a Secret of random logins, the same for the same seed.
func pullSecret(seed uint64, namespace, name string) (kubernetes.Secret, []kubeLogin) {
	logins := loginsOf(seed)
	s := kubernetes.Secret{Namespace: namespace, Name: name}
	for _, l := range logins {
		s.Entries = append(s.Entries, l.entry)
	}
	return s, logins
}

func reasonOf(err error) kubernetes.Reason {
	if e, ok := errors.AsType[*kubernetes.Error](err); ok {
		return e.Reason
	}
	return -1
}

// TestKubernetes has a real API server.
func TestKubernetes(t *testing.T) {
	c := startCluster(t)
	for _, part := range []struct {
		name string
		test func(*testing.T, *cluster)
	}{
		{"manifests", testManifests},
		{"rights", testRights},
		{"no change", testNoChange},
		{"kept", testKept},
		{"other owner", testOtherOwner},
		{"other type", testOtherType},
		{"replicas", testReplicas},
		{"token", testToken},
		{"away", testAway},
		{"refresh", testRefresh},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.test(t, c) }) && c.server == nil {
			c.start(t)
		}
	}
}

// testManifests applies every file of the documentation, in the order of the README,
// and starts every Pod in it, as far as that goes without anything that runs Pods.
func testManifests(t *testing.T, c *cluster) {
	c.namespace(t, "apps", "jobs", "spinnaker")
	files, err := filepath.Glob(filepath.Join(manifests, "*.yaml"))
	if err != nil || len(files) < 7 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	slices.SortStableFunc(files, func(a, b string) int { // for the namespace
		return strings.Compare(strings.Replace(a, "rbac", "", 1), strings.Replace(b, "rbac", "", 1))
	})
	pods := 0
	for _, file := range files {
		path, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		// The server knows every field, which "apply" of an old kubectl does not check.
		said := c.kubectl(t, "apply", "--server-side", "-f", path)
		if strings.Contains(said, "Warning") {
			t.Errorf("%s: %s", file, said)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range strings.Split("\n"+string(text), "\n---\n") {
			if template, ok := podOf(t, document); ok {
				pods++
				// In jet, which rbac.yaml makes a namespace for what is confined.
				pod := v1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("pod", pods), Labels: template.Labels}, Spec: template.Spec}
				c.do(t, http.MethodPost, "/api/v1/namespaces/jet/pods", pod, nil)
			}
		}
	}
	if pods != 5 {
		t.Errorf("%d Pods, want 5", pods)
	}
	// Nothing of it is lost: unconfined, the same Pod is refused.
	code, _ := c.try(http.MethodPost, "/api/v1/namespaces/jet/pods", "application/json", `{"metadata":{"name":"open"},"spec":{"containers":[{"name":"a","image":"a"}]}}`)
	if code != http.StatusForbidden {
		t.Errorf("a Pod that is not confined: %d, want 403", code)
	}
}

// TestManifests reads the configurations in them as jet does.
func TestManifests(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(manifests, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	configurations := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range strings.Split("\n"+string(text), "\n---\n") {
			var config v1.ConfigMap
			if err := yaml.Unmarshal([]byte(document), &config); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			for name, data := range config.Data {
				if strings.HasPrefix(name, "clouddriver") {
					continue
				}
				configurations++
				read, err := configuration.Parse([]byte(data))
				if err != nil || len(read.Outputs) == 0 || len(read.Notices) > 0 {
					t.Errorf("%s: %s: %v, %+v", file, name, err, read)
				}
			}
		}
	}
	if configurations != 5 {
		t.Errorf("%d configurations, want 5", configurations)
	}
}

// podOf gives the Pod that a Deployment, a StatefulSet or a CronJob makes.
func podOf(t *testing.T, document string) (template v1.PodTemplateSpec, ok bool) {
	t.Helper()
	var kind metav1.TypeMeta
	var deployment appsv1.Deployment
	var set appsv1.StatefulSet
	var job batchv1.CronJob
	read := func(into any) {
		t.Helper()
		if err := yaml.Unmarshal([]byte(document), into); err != nil {
			t.Fatal(err)
		}
	}
	switch read(&kind); kind.Kind {
	case "Deployment":
		read(&deployment)
		return deployment.Spec.Template, true
	case "StatefulSet":
		read(&set)
		return set.Spec.Template, true
	case "CronJob":
		read(&job)
		return job.Spec.JobTemplate.Spec.Template, true
	}
	return template, false
}

// testRights writes with the rights of rbac.yaml, and with less.
func testRights(t *testing.T, c *cluster) {
	token := c.token(t, "jet", "jet-refresh")
	w := c.writer(t, "jet", token)
	apply := func(namespace, name string) error {
		s, _ := pullSecret(1, namespace, name)
		_, err := w.Apply(t.Context(), s)
		return err
	}
	for _, namespace := range []string{"apps", "jobs"} {
		if err := apply(namespace, "regcred"); err != nil {
			t.Fatal(err)
		}
		_, logins := pullSecret(1, namespace, "regcred")
		checkSecret(t, c.secret(t, namespace, "regcred"), logins)
	}
	for _, other := range []struct{ namespace, name string }{{"apps", "other"}, {"jet", "regcred"}, {"default", "regcred"}, {"nowhere", "regcred"}} {
		err := apply(other.namespace, other.name)
		if reasonOf(err) != kubernetes.Forbidden || !strings.Contains(err.Error(), "system:serviceaccount:jet:jet-refresh may not patch") {
			t.Errorf("%s/%s: got %v", other.namespace, other.name, err)
		}
	}
	for _, request := range []struct{ method, path string }{
		{"GET", "apps/secrets/regcred"}, {"GET", "apps/secrets"}, {"GET", "apps/secrets?watch=true&timeoutSeconds=1"}, {"DELETE", "apps/secrets/regcred"},
		{"PUT", "apps/secrets/regcred"}, {"POST", "apps/secrets"}, {"GET", "apps/configmaps"}, {"GET", "jet/serviceaccounts/jet-refresh"},
		{"GET", "jet/pods"}, {"DELETE", "apps/secrets"},
	} {
		body := `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"regcred","namespace":"apps"}}`
		code, answer := c.tryAs(token, request.method, "/api/v1/namespaces/"+request.path, "application/json", body)
		if code != http.StatusForbidden {
			t.Errorf("%s %s is allowed: %d %s", request.method, request.path, code, answer)
		}
	}

	// Each verb less, and it fails: on the first or on every write.
	role := "/apis/rbac.authorization.k8s.io/v1/namespaces/apps/roles/jet-refresh"
	var granted rbacv1.Role
	c.do(t, http.MethodGet, role, nil, &granted)
	verbs := granted.Rules[0].Verbs
	if len(granted.Rules) != 1 || !slices.Equal(verbs, []string{"create", "patch"}) {
		t.Fatalf("rbac.yaml grants %+v", granted.Rules)
	}
	set := func(verbs []string) {
		t.Helper()
		patch, err := json.Marshal(map[string]any{"rules": []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{"regcred"}, Verbs: verbs}}})
		if err != nil {
			t.Fatal(err)
		}
		if code, answer := c.try(http.MethodPatch, role, "application/merge-patch+json", string(patch)); code != http.StatusOK {
			t.Fatalf("%d %s", code, answer)
		}
	}
	remove := func() {
		t.Helper()
		if code, answer := c.try(http.MethodDelete, "/api/v1/namespaces/apps/secrets/regcred", "", ""); code != http.StatusOK {
			t.Fatalf("%d %s", code, answer)
		}
	}
	for _, without := range verbs {
		set(slices.DeleteFunc(slices.Clone(verbs), func(v string) bool { return v == without }))
		remove()
		eventually(t, "a right less", func() bool {
			err := apply("apps", "regcred")
			if err == nil {
				remove()
				return false
			}
			if reasonOf(err) != kubernetes.Forbidden || !strings.Contains(err.Error(), "may not "+without+" the Secret regcred in the namespace apps") {
				t.Fatalf("without %s: got %v", without, err)
			}
			return true
		})
		set(verbs)
		eventually(t, "the right again", func() bool { return apply("apps", "regcred") == nil })
	}
	// To change one that is there takes one verb alone.
	set([]string{"patch"})
	remove()
	eventually(t, "a right less", func() bool {
		err := apply("apps", "regcred")
		if err == nil {
			remove()
		}
		return err != nil
	})
	c.kubectl(t, "--namespace=apps", "create", "secret", "docker-registry", "regcred", "--docker-server=a.test", "--docker-username=a", "--docker-password=b")
	s, _ := pullSecret(1, "apps", "regcred")
	s.Force = true
	if _, err := w.Apply(t.Context(), s); err != nil {
		t.Errorf("with patch alone: %v", err)
	}
	set(verbs)

	// What the advice says makes it work.
	c.namespace(t, "advised")
	err := apply("advised", "regcred")
	e, ok := errors.AsType[*kubernetes.Error](err)
	if !ok || len(e.Advice()) != 2 {
		t.Fatalf("got %v", err)
	}
	for _, command := range e.Advice() {
		words := strings.Fields(command)
		if words[0] != "kubectl" {
			t.Fatalf("the advice is %q", command)
		}
		c.kubectl(t, words[1:]...)
	}
	eventually(t, "the advice", func() bool { return apply("advised", "regcred") == nil })
	if err := apply("advised", "other"); reasonOf(err) != kubernetes.Forbidden {
		t.Errorf("the advice grants too much: %v", err)
	}

	// With the rights for it, but without the namespace.
	admin := c.writer(t, "jet", clusterAdmin)
	s.Namespace = "nowhere"
	if _, err := admin.Apply(t.Context(), s); reasonOf(err) != kubernetes.NoNamespace {
		t.Errorf("no namespace: got %v", err)
	}
}

// admin gives a client that may do everything in a new namespace, for what is not about
// rights.
func (c *cluster) admin(t *testing.T, namespace string) *kubernetes.Client {
	t.Helper()
	c.namespace(t, namespace)
	return c.writer(t, namespace, clusterAdmin)
}

// testNoChange applies the same again: nothing is written, and nobody who watches wakes.
func testNoChange(t *testing.T, c *cluster) {
	w := c.admin(t, "same")
	s, logins := pullSecret(2, "", "regcred")
	apply := func(s kubernetes.Secret, want bool) v1.Secret {
		t.Helper()
		if changed, err := w.Apply(t.Context(), s); err != nil || changed != want {
			t.Fatalf("changed is %v, want %v (%v)", changed, want, err)
		}
		return c.secret(t, "same", "regcred")
	}
	first := apply(s, true)
	checkSecret(t, first, logins)
	slices.Reverse(s.Entries)
	again := apply(s, false)
	if again.ResourceVersion != first.ResourceVersion || first.ResourceVersion == "" {
		t.Errorf("version %s became %s", first.ResourceVersion, again.ResourceVersion)
	}
	other, logins := pullSecret(3, "", "regcred")
	third := apply(other, true)
	if third.ResourceVersion == first.ResourceVersion || third.UID != first.UID {
		t.Error("another content did not change the Secret, or made another one")
	}
	checkSecret(t, third, logins)
	// Of what others added nothing goes away.
	c.kubectl(t, "--namespace=same", "label", "secret", "regcred", "example.test/team=a")
	apply(s, true)
	if got := c.secret(t, "same", "regcred").Labels["example.test/team"]; got != "a" {
		t.Errorf("a label of others became %q", got)
	}
}

// testKept writes while one of the registries cannot be asked.
func testKept(t *testing.T, c *cluster) {
	w := c.admin(t, "kept")
	login := func(registry, password string) dockercfg.Entry {
		return dockercfg.Entry{Registry: registry, Username: "bob", Password: dockercfg.NewSecret(password)}
	}
	apply := func(s kubernetes.Secret) {
		t.Helper()
		s.Name = "regcred"
		if _, err := w.Apply(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	want := func(passwords map[string]string) {
		t.Helper()
		var logins []kubeLogin
		for registry, password := range passwords {
			logins = append(logins, kubeLogin{login(registry, password), registry + "/app:1"})
		}
		s := c.secret(t, "kept", "regcred")
		checkSecret(t, s, logins)
		if file, err := dockercfg.Parse(s.Data[v1.DockerConfigJsonKey]); err != nil || len(file.Entries()) != len(passwords) {
			t.Errorf("%d entries, want %d (%v)", len(file.Entries()), len(passwords), err)
		}
	}
	apply(kubernetes.Secret{Entries: []dockercfg.Entry{login("a.test", "1")}, Keep: []string{"b.test"}})
	want(map[string]string{"a.test": "1"})
	apply(kubernetes.Secret{Entries: []dockercfg.Entry{login("a.test", "2"), login("b.test", "2"), login("c.test", "2")}})
	apply(kubernetes.Secret{Entries: []dockercfg.Entry{login("a.test", "3")}, Keep: []string{"b.test"}})
	want(map[string]string{"a.test": "3", "b.test": "2"})
}

// testOtherOwner meets Secrets of kubectl and of a tool that applies its own manifests.
func testOtherOwner(t *testing.T, c *cluster) {
	w := c.admin(t, "owned")
	c.kubectl(t, "--namespace=owned", "create", "secret", "docker-registry", "by-kubectl", "--docker-server=a.test", "--docker-username=a", "--docker-password=canary-1")
	path := c.path("helm.yaml")
	write(t, path, "apiVersion: v1\nkind: Secret\nmetadata:\n  name: by-helm\ntype: kubernetes.io/dockerconfigjson\ndata:\n  .dockerconfigjson: "+base64.StdEncoding.EncodeToString([]byte(`{"auths":{}}`))+"\n")
	c.kubectl(t, "--namespace=owned", "apply", "--server-side", "--field-manager=helm", "-f", path)
	for name, manager := range map[string]string{"by-kubectl": "kubectl-create", "by-helm": "helm"} {
		before := c.secret(t, "owned", name)
		s, logins := pullSecret(4, "", name)
		_, err := w.Apply(t.Context(), s)
		if reasonOf(err) != kubernetes.Conflict || !strings.Contains(err.Error(), manager) || !strings.Contains(err.Error(), "data") {
			t.Errorf("%s: got %v, want %s", name, err, manager)
		}
		if after := c.secret(t, "owned", name); after.ResourceVersion != before.ResourceVersion {
			t.Errorf("%s was changed", name)
		}
		s.Force = true
		if _, err := w.Apply(t.Context(), s); err != nil {
			t.Fatalf("%s, with force: %v", name, err)
		}
		after := c.secret(t, "owned", name)
		checkSecret(t, after, logins)
		if !slices.ContainsFunc(after.ManagedFields, func(m metav1.ManagedFieldsEntry) bool { return m.Manager == kubernetes.FieldManager }) {
			t.Errorf("%s belongs to %v", name, after.ManagedFields)
		}
		// From then on it is jet's.
		s.Force = false
		if _, err := w.Apply(t.Context(), s); err != nil {
			t.Errorf("%s, afterwards: %v", name, err)
		}
	}
}

// testOtherType meets a Secret of another type, which nothing can change.
func testOtherType(t *testing.T, c *cluster) {
	w := c.admin(t, "opaque")
	c.kubectl(t, "--namespace=opaque", "create", "secret", "generic", "regcred", "--from-literal=a=canary-1")
	s, _ := pullSecret(5, "", "regcred")
	s.Force = true
	_, err := w.Apply(t.Context(), s)
	e, ok := errors.AsType[*kubernetes.Error](err)
	if !ok || e.Reason != kubernetes.Immutable || len(e.Advice()) != 1 {
		t.Fatalf("got %v", err)
	}
	_, command, found := strings.Cut(e.Advice()[0], "kubectl ")
	if !found {
		t.Fatalf("the advice is %q", e.Advice())
	}
	c.kubectl(t, strings.Fields(command)...)
	if _, err := w.Apply(t.Context(), s); err != nil {
		t.Errorf("after the advice: %v", err)
	}
}

// testReplicas has two Pods that write the same Secret side by side, each with tokens of
// its own, while somebody reads: it is one of theirs and whole at every moment.
func testReplicas(t *testing.T, c *cluster) {
	c.admin(t, "replicas")
	const rounds = 40
	failed := make(chan error, 2)
	for i := range uint64(2) {
		w := c.writer(t, "replicas", clusterAdmin)
		go func() {
			for n := range uint64(rounds) {
				s, _ := pullSecret(100*(i+1)+n, "", "regcred")
				if _, err := w.Apply(t.Context(), s); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	seen := make(map[string]bool)
	for running := 2; running > 0; {
		select {
		case err := <-failed:
			if err != nil {
				t.Error(err)
			}
			running--
		default:
			code, answer := c.try(http.MethodGet, "/api/v1/namespaces/replicas/secrets/regcred", "", "")
			if code == http.StatusNotFound {
				continue
			}
			var s v1.Secret
			if err := json.Unmarshal([]byte(answer), &s); err != nil || code != http.StatusOK {
				t.Fatalf("%d %v", code, err)
			}
			seen[string(s.Data[v1.DockerConfigJsonKey])] = true
		}
	}
	whole := make(map[string]bool)
	for i := range uint64(2) {
		for n := range uint64(rounds) {
			s, _ := pullSecret(100*(i+1)+n, "", "regcred")
			whole[configOf(t, s)] = true
		}
	}
	for text := range seen {
		if !whole[text] {
			t.Error("a Secret was read that nobody wrote")
		}
	}
	if len(seen) < 2 {
		t.Errorf("%d Secrets were read, want 2 at least", len(seen))
	}
	t.Logf("%d writes, %d different Secrets read", 2*rounds, len(seen))
}

// configOf is the config.json of a Secret.
func configOf(t *testing.T, s kubernetes.Secret) string {
	t.Helper()
	file, err := dockercfg.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Entries {
		if err := file.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	text, err := file.EncodeAs(dockercfg.Output{Form: dockercfg.KubernetesSecret, Name: "regcred"})
	if err != nil {
		t.Fatal(err)
	}
	var secret v1.Secret
	if err := yaml.Unmarshal(text, &secret); err != nil {
		t.Fatal(err)
	}
	return string(secret.Data[v1.DockerConfigJsonKey])
}

// forge changes the signature of a token.
func forge(token string) string {
	changed := []byte(token)
	changed[len(changed)-20] ^= 1
	return string(changed)
}

// testToken has one that the cluster did not sign, and then one that it did, as when the
// kubelet replaces it.
func testToken(t *testing.T, c *cluster) {
	c.admin(t, "token")
	good := c.token(t, "jet", "jet-refresh")
	forged := forge(good)
	folder, env := c.pod(t, "apps", forged)
	config, err := kubernetes.InCluster(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	w := kubernetes.New(config)
	s, logins := pullSecret(6, "", "regcred")
	s.Force = true
	_, err = w.Apply(t.Context(), s)
	if reasonOf(err) != kubernetes.Unauthorized || strings.Contains(err.Error(), forged) {
		t.Fatalf("got %v", err)
	}
	write(t, filepath.Join(folder, "token"), good)
	if _, err := w.Apply(t.Context(), s); err != nil {
		t.Errorf("with another token: %v", err)
	}
	checkSecret(t, c.secret(t, "apps", "regcred"), logins)
}

// testAway has an API server that is away for a while, and is there again.
func testAway(t *testing.T, c *cluster) {
	w := c.admin(t, "away")
	s, _ := pullSecret(7, "", "regcred")
	if _, err := w.Apply(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	c.stop(t)
	if _, err := w.Apply(t.Context(), s); reasonOf(err) != kubernetes.Unreachable {
		t.Errorf("got %v", err)
	}
	c.start(t)
	s, logins := pullSecret(8, "", "regcred")
	if _, err := w.Apply(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	checkSecret(t, c.secret(t, "away", "regcred"), logins)
}

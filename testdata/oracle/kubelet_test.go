package oracle

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/apis/core"
	corev1 "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/credentialprovider"
	"k8s.io/kubernetes/pkg/credentialprovider/secrets"
	"sigs.k8s.io/yaml"

	"github.com/dockercfg/jet/dockercfg"
	"github.com/dockercfg/jet/dockercfg/kubernetes"
)

// wantSecrets is how many generated files are handed to Kubernetes' own code.
const wantSecrets = 2000

// login of a generated file, and an image that it is for.
type kubeLogin struct {
	entry dockercfg.Entry
	image string
}

// randomLogins makes up to six logins of registries that are not each other's.
func randomLogins(r *rand.Rand) (logins []kubeLogin) {
	pick := func(choices ...string) string { return choices[r.IntN(len(choices))] }
	texts := []string{
		"hunter2", "a:b::c", ":", "=", "==", "  spaces ", "ü 漢字 🔑", "<&>", `"quoted"`, `{"type":"service_account"}`,
		"line\nline\n", "\t", "\x01", "\u2028", "%s ${HOME}", strings.Repeat("long", 1000), "\xff\xfe",
	}
	for i := range 1 + r.IntN(6) {
		host := fmt.Sprintf("h%d.%s", i, pick("registry.test", "example.test", "dkr.ecr.eu-west-1.amazonaws.com", "azurecr.io"))
		port := pick("", "", ":5000", ":443")
		key, image := host+port, host+port+"/team/app:1"
		switch r.IntN(8) {
		case 0:
			key, image = "*."+host+port, "any."+host+port+"/app@sha256:"+strings.Repeat("0", 64)
		case 1:
			key, image = "https://"+host+port+"/v2/", host+port+"/app"
		case 2:
			if i == 0 {
				key, image = pick("docker.io", "https://index.docker.io/v1/"), pick("debian", "bob/app:1", "docker.io/library/debian")
			}
		case 3:
			key, image = strings.ToUpper(host)+port, host+port+"/app"
		}
		user := pick("bob", "AWS", "_json_key", "ns+robot", "00000000-0000-0000-0000-000000000000", "Zoë Ω", "user@example.test")
		password := pick(texts...) + fmt.Sprint(r.IntN(1000))
		if r.IntN(3) == 0 {
			password = fmt.Sprint(r.IntN(1000)) + pick(texts...)
		}
		logins = append(logins, kubeLogin{dockercfg.Entry{Registry: key, Username: user, Password: dockercfg.NewSecret(password)}, image})
	}
	return logins
}

// loginsOf makes those of a seed.
func loginsOf(seed uint64) []kubeLogin { return randomLogins(rand.New(rand.NewPCG(seed, 4))) }

func newFile(t *testing.T, logins []kubeLogin) *dockercfg.File {
	t.Helper()
	file, err := dockercfg.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range logins {
		if err := file.Add(l.entry); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// checkSecret has the code of the API server check a Secret, and that of the kubelet
// find in it the credentials for each image, and no others.
func checkSecret(t *testing.T, secret v1.Secret, logins []kubeLogin) {
	t.Helper()
	checked := secret
	if checked.Namespace == "" {
		checked.Namespace = "default" // as kubectl does
	}
	var internal core.Secret
	if err := corev1.Convert_v1_Secret_To_core_Secret(&checked, &internal, nil); err != nil {
		t.Fatal(err)
	}
	if problems := validation.ValidateSecret(&internal); len(problems) > 0 {
		t.Fatalf("the API server refuses it: %v", problems.ToAggregate())
	}
	keyring, err := secrets.MakeDockerKeyring([]v1.Secret{secret}, &credentialprovider.BasicDockerKeyring{})
	if err != nil {
		t.Fatalf("the kubelet does not read it: %v", err)
	}
	for _, l := range logins {
		found, ok := keyring.Lookup(l.image)
		if !ok || len(found) != 1 {
			t.Errorf("the kubelet finds %d credentials for %s, want that of %s", len(found), l.image, l.entry.Registry)
			continue
		}
		if found[0].Username != l.entry.Username || found[0].Password != l.entry.Password.Reveal() {
			t.Errorf("the kubelet finds other credentials for %s than those of %s", l.image, l.entry.Registry)
		}
	}
	if _, ok := keyring.Lookup("elsewhere.test/app"); ok {
		t.Error("the kubelet finds credentials for a registry that is not in the file")
	}
}

// TestKubelet hands generated files to the code of Kubernetes: that of the API server
// accepts every Secret, and that of the kubelet finds the same credentials in it.
// What Kubernetes' own encoder makes of them is read again.
func TestKubelet(t *testing.T) {
	for seed := range uint64(wantSecrets) {
		r := rand.New(rand.NewPCG(seed, 2))
		logins := randomLogins(r)
		file := newFile(t, logins)
		output := dockercfg.Output{Form: dockercfg.KubernetesSecret, Name: fmt.Sprintf("pull-%d.secret", seed)}
		if r.IntN(2) == 0 {
			output.Namespace, output.Labels = "team-a", map[string]string{"example.test/team": "a", "n": fmt.Sprint(seed), "yes": "true", "empty": ""}
		}
		text, err := file.EncodeAs(output)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var secret v1.Secret
		if err := yaml.UnmarshalStrict(text, &secret); err != nil {
			t.Fatalf("seed %d: the YAML is no Secret: %v", seed, err)
		}
		if secret.Kind != "Secret" || secret.APIVersion != "v1" || secret.Type != v1.SecretTypeDockerConfigJson ||
			secret.Name != output.Name || secret.Namespace != output.Namespace || len(secret.Labels) != len(output.Labels) {
			t.Fatalf("seed %d: another Secret than was asked for: %s %s", seed, secret.Type, secret.ObjectMeta.String())
		}
		for key, value := range output.Labels {
			if secret.Labels[key] != value {
				t.Fatalf("seed %d: label %s is %q, want %q", seed, key, secret.Labels[key], value)
			}
		}
		checkSecret(t, secret, logins)

		legacy, err := file.EncodeAs(dockercfg.Output{Form: dockercfg.Legacy})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		old := v1.Secret{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: metav1.ObjectMeta{Name: "old"},
			Type: v1.SecretTypeDockercfg, Data: map[string][]byte{v1.DockerConfigKey: legacy},
		}
		checkSecret(t, old, logins)
		for _, s := range []v1.Secret{secret, old} {
			checkReadBack(t, s, file)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// checkReadBack reads a Secret in the YAML and the JSON that Kubernetes makes of it.
func checkReadBack(t *testing.T, secret v1.Secret, want *dockercfg.File) {
	t.Helper()
	asYAML, err := yaml.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range [][]byte{asYAML, asJSON} {
		read, err := kubernetes.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		got, wanted := read.Entries(), want.Entries()
		if len(got) != len(wanted) {
			t.Fatalf("%d entries were read, want %d", len(got), len(wanted))
		}
		for i := range got {
			if got[i] != wanted[i] {
				t.Errorf("the entry of %s was read otherwise", wanted[i].Registry)
			}
		}
	}
}

// TestKubectl has kubectl take Secrets to an API server, of which it needs no more
// than the list of its resources, and reads the Secret that kubectl itself makes.
func TestKubectl(t *testing.T) {
	kubectl := find(t, "kubectl", "kubernetes-client")
	dir := t.TempDir()
	env := []string{"KUBECONFIG=" + filepath.Join(dir, "none"), "KUBECACHEDIR=" + filepath.Join(dir, "cache")}
	var lock sync.Mutex
	var created []v1.Secret
	answer := func(w http.ResponseWriter, value any) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(value)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/api":
			answer(w, metav1.APIVersions{TypeMeta: metav1.TypeMeta{Kind: "APIVersions"}, Versions: []string{"v1"}})
		case r.URL.Path == "/apis":
			answer(w, metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}})
		case r.URL.Path == "/api/v1":
			answer(w, metav1.APIResourceList{
				TypeMeta: metav1.TypeMeta{Kind: "APIResourceList"}, GroupVersion: "v1",
				APIResources: []metav1.APIResource{{Name: "secrets", Kind: "Secret", Namespaced: true, Verbs: metav1.Verbs{"create", "get"}}},
			})
		case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/secrets"):
			body, err := io.ReadAll(r.Body)
			var secret v1.Secret
			if err != nil || json.Unmarshal(body, &secret) != nil {
				http.Error(w, "no Secret", http.StatusBadRequest)
				return
			}
			lock.Lock()
			created = append(created, secret)
			lock.Unlock()
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusCreated)
			w.Write(body)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()

	var manifest strings.Builder
	var all [][]kubeLogin
	for seed := range uint64(10) {
		logins := randomLogins(rand.New(rand.NewPCG(seed, 3)))
		text, err := newFile(t, logins).EncodeAs(dockercfg.Output{
			Form: dockercfg.KubernetesSecret, Name: fmt.Sprintf("pull-%d", seed), Namespace: "team-a", Labels: map[string]string{"yes": "true"},
		})
		if err != nil {
			t.Fatal(err)
		}
		manifest.WriteString("---\n" + string(text))
		all = append(all, logins)
	}
	path := filepath.Join(dir, "secrets.yaml")
	write(t, path, manifest.String())
	mustRun(t, dir, env, kubectl, "--server", server.URL, "create", "--validate=false", "-f", path)
	lock.Lock()
	defer lock.Unlock()
	if len(created) != len(all) {
		t.Fatalf("kubectl created %d Secrets, want %d", len(created), len(all))
	}
	for i, secret := range created {
		checkSecret(t, secret, all[i])
	}

	const password = `a "b": ${c}, #d`
	made := mustRun(t, dir, env, kubectl, "create", "secret", "docker-registry", "pull", "--dry-run=client", "-o", "yaml",
		"--docker-server=registry.test:5000", "--docker-username=bob", "--docker-password="+password, "--docker-email=bob@example.test")
	file, err := kubernetes.Parse([]byte(made))
	if err != nil {
		t.Fatal(err)
	}
	entry, found, err := file.Lookup("registry.test:5000")
	if err != nil || !found || entry.Username != "bob" || entry.Password.Reveal() != password || entry.Email != "bob@example.test" {
		t.Errorf("the Secret of kubectl was read as %v, %v, %v", entry, found, err)
	}
}

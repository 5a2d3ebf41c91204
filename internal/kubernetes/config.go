// Package kubernetes writes image pull secrets into a cluster from within it, as the
// service account of a pod. It speaks to the API server itself: what client-go would
// add is 20 MB, and one request is all there is to make.
//
// A Secret is written by server-side apply (kubernetes.io/docs/reference/using-api/server-side-apply):
// the same request creates it or changes it, takes over nothing that others own, and
// changes nothing if the content is the same, so that nobody who watches it wakes up.
// It needs the verbs create and patch, of that one name, and no right to read.
package kubernetes

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// Folder is where a pod has the files of its service account: token, ca.crt and
// namespace (kubernetes.io/docs/tasks/run-application/access-api-from-pod).
const Folder = "/var/run/secrets/kubernetes.io/serviceaccount"

// FolderVariable names another folder with these files, for pods that mount a token of
// their own, and for tests.
const FolderVariable = "JET_SERVICE_ACCOUNT_PATH"

// Config says how to reach the API server, and as whom.
type Config struct {
	// Address is the host and port of the API server; the scheme is https.
	Address string
	// TokenFile holds the bearer token of a service account. It is read for every
	// request, since the kubelet replaces it before it ends.
	TokenFile string
	// CAFile holds the certificate authorities of the API server in PEM, and no
	// others are trusted. It is read for every request too.
	CAFile string
	// Namespace is that of Secrets that name none.
	Namespace string
}

// InCluster gives the configuration of the pod that this process runs in: the address
// from KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, the rest from Folder, or
// from the folder that FolderVariable names. The error is an *Error.
func InCluster(getenv func(string) string) (Config, error) {
	host, port := getenv("KUBERNETES_SERVICE_HOST"), getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return Config{}, &Error{
			Problem: "this is not a pod of a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set",
			hints: []string{
				"run it in a pod: docs/kubernetes has manifests",
				"from elsewhere: jet generate dockercfg - --config FILE --output-format kubernetes-secret --name NAME | kubectl apply --server-side --field-manager=jet -f -",
			},
		}
	}
	folder := getenv(FolderVariable)
	if folder == "" {
		folder = Folder
	}
	namespace, failed := readFile(filepath.Join(folder, "namespace"))
	if failed != nil {
		return Config{}, failed
	}
	return Config{
		Address:   net.JoinHostPort(host, port),
		TokenFile: filepath.Join(folder, "token"),
		CAFile:    filepath.Join(folder, "ca.crt"),
		Namespace: namespace,
	}, nil
}

// readFile gives the text of a file of the service account, without white space
// around it.
func readFile(path string) (text string, failed *Error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", &Error{
			Problem: "the service account cannot be used",
			err:     err,
			hints: []string{fmt.Sprintf(
				"let the Pod mount its token (automountServiceAccountToken: true), or name the folder that has token, ca.crt and namespace: %s=FOLDER", FolderVariable)},
		}
	}
	text = strings.TrimSpace(string(data))
	if text == "" {
		return "", &Error{Problem: "the service account cannot be used: " + path + " is empty"}
	}
	return text, nil
}

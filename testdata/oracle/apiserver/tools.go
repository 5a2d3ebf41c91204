//go:build tools

// Package apiserver pins the Kubernetes API server that "make test-kubernetes" builds.
// It is a module of its own: what it needs is for no other test.
package apiserver

import _ "k8s.io/kubernetes/cmd/kube-apiserver"

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/dockercfg/jet/internal/accounts"
	"github.com/dockercfg/jet/internal/kubernetes"
	"github.com/dockercfg/jet/internal/refresh"
)

// secrets makes the outputs that are Secrets of Kubernetes.
func (f *refresher) secrets(o accounts.Output, registries []string) (outputs []refresh.Output, err error) {
	if f.cluster == nil {
		config, err := kubernetes.InCluster(func(name string) string {
			value, _ := f.program.lookupEnv(name)
			return value
		})
		if err != nil {
			return nil, adviseSecret(err)
		}
		f.cluster, f.namespace = kubernetes.New(config), config.Namespace
	}
	namespaces := o.Namespaces
	if namespaces == nil {
		namespaces = []string{f.namespace}
	}
	for _, namespace := range namespaces {
		outputs = append(outputs, refresh.Output{
			Name: "secret " + namespace + "/" + o.KubernetesSecret, Accounts: registries,
			Version: fmt.Sprint(o.Force), Target: secretTarget{f.cluster, namespace, o.KubernetesSecret, o.Force},
		})
	}
	return outputs, nil
}

// adviseSecret takes over the advice of an error about Kubernetes.
func adviseSecret(err error) error {
	refused, ok := errors.AsType[*kubernetes.Error](err)
	if !ok {
		return err
	}
	f := fail("%w", err)
	for _, advice := range refused.Advice() {
		f.hint(advice)
	}
	return f
}

// A secretTarget is a Secret of Kubernetes.
type secretTarget struct {
	client          *kubernetes.Client
	namespace, name string
	force           bool
}

func (t secretTarget) Write(ctx context.Context, c refresh.Content) (changed bool, err error) {
	return t.client.Apply(ctx, kubernetes.Secret{Namespace: t.namespace, Name: t.name, Entries: c.Entries, Keep: c.Missing, Force: t.force})
}

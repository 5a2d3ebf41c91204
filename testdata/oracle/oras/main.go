// Oras prints the digest of an image at a registry without TLS. It reads Docker's
// configuration with the library that helm and the oras program read it with, which
// take longer to build than the tests to run.
package main

import (
	"context"
	"fmt"
	"os"

	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
)

func main() {
	if err := resolve(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "oras:", err)
		os.Exit(1)
	}
}

func resolve(ctx context.Context, image string) error {
	store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
	if err != nil {
		return err
	}
	repository, err := remote.NewRepository(image)
	if err != nil {
		return err
	}
	repository.PlainHTTP = true
	repository.Client = &auth.Client{Credential: credentials.Credential(store)}
	descriptor, err := repository.Resolve(ctx, repository.Reference.Reference)
	if err != nil {
		return err
	}
	fmt.Println(descriptor.Digest)
	return nil
}

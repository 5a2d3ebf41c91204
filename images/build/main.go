// Build makes the container images, without a container engine:
// for each Containerfile in the folder above an OCI image layout with an image for
// every platform, and a docker-archive of each, which "docker load" reads. The same
// input gives the same bytes.
//
//	go run . -context CONTEXT -out OUT -version VERSION
//
// The context holds linux-amd64/jet and linux-arm64/jet. The program writes
// ca-certificates.crt beside them, so that an engine can build the Containerfiles
// from the same context; with -roots it does only that.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	context := flag.String("context", "", "the `folder` with the files that go into images")
	out := flag.String("out", "", "the `folder` for the images")
	version := flag.String("version", "unknown", "the `version` of jet")
	files := flag.String("files", "..", "the `folder` with a folder for each Containerfile")
	rootsOnly := flag.Bool("roots", false, "write ca-certificates.crt into the context, and nothing else")
	flag.Parse()
	if err := build(*context, *out, *version, *files, *rootsOnly); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

// architectures are those of the images, all for Linux.
var architectures = []string{"amd64", "arm64"}

func build(context, out, version, files string, rootsOnly bool) error {
	if context == "" || out == "" && !rootsOnly {
		return fmt.Errorf("-context and -out are needed")
	}
	if err := writeRoots(filepath.Join(context, "ca-certificates.crt")); err != nil || rootsOnly {
		return err
	}
	paths, err := filepath.Glob(filepath.Join(files, "*", "Containerfile"))
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		return fmt.Errorf("there is no Containerfile below %s", files)
	}
	for _, path := range paths {
		name := filepath.Base(filepath.Dir(path))
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		recipe, err := parse(string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		sizes, err := writeImages(recipe, name, context, out, version)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		fmt.Printf("%-34s %s\n", name, sizes)
	}
	return nil
}

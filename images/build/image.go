package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/google/go-containerregistry/pkg/name"
)

// repository is the prefix of the images' names.
const repository = "ghcr.io/dockercfg/"

// writeImages makes the images of a recipe: OUT/NAME, an OCI image layout with all
// platforms, and OUT/NAME-ARCHITECTURE.tar. It gives their sizes, for people.
func writeImages(r *recipe, title, context, out, version string) (sizes string, err error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, architecture := range architectures {
		image, unpacked, err := newImage(r.expand(architecture, version), context, architecture)
		if err != nil {
			return "", err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: "linux", Architecture: architecture},
		}})
		tag, err := name.NewTag(repository + title + ":" + tagOf(version))
		if err != nil {
			return "", err
		}
		if err := os.MkdirAll(out, 0o755); err != nil {
			return "", err
		}
		if err := tarball.WriteToFile(filepath.Join(out, title+"-"+architecture+".tar"), tag, image); err != nil {
			return "", err
		}
		packed, err := packedSize(image)
		if err != nil {
			return "", err
		}
		sizes += fmt.Sprintf("%s: %.2f MB unpacked, %.2f MB compressed  ", architecture, float64(unpacked)/1e6, float64(packed)/1e6)
	}
	dir := filepath.Join(out, title)
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	_, err = layout.Write(dir, index)
	return strings.TrimSpace(sizes), err
}

// tagOf makes a tag of a version: a plus sign may stand in one only.
func tagOf(version string) string {
	return strings.Map(func(r rune) rune {
		if r == '+' || r == '~' {
			return '-'
		}
		return r
	}, version)
}

// newImage makes an image and gives the size of its files in bytes.
func newImage(r *recipe, context, architecture string) (image v1.Image, unpacked int64, err error) {
	image = mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	epoch := v1.Time{Time: time.Unix(0, 0).UTC()}
	for _, c := range r.copies {
		path := filepath.Join(context, filepath.FromSlash(c.from))
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, 0, err
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, 0, err
		}
		unpacked += int64(len(data))
		archive, err := layerOf(c.to, data, int64(info.Mode().Perm()))
		if err != nil {
			return nil, 0, err
		}
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive)), nil },
			tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(9))
		if err != nil {
			return nil, 0, err
		}
		image, err = mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{
			Created: epoch, CreatedBy: "COPY " + c.from + " " + c.to,
		}})
		if err != nil {
			return nil, 0, err
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, 0, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", architecture, epoch
	config.Config.Entrypoint, config.Config.Labels, config.Config.User = r.entrypoint, r.labels, r.user
	config.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"} // as engines set it
	config.Config.WorkingDir = ""
	image, err = mutate.ConfigFile(image, config)
	return image, unpacked, err
}

// layerOf is an archive of one file and the folders it stands in, all of root.
func layerOf(path string, data []byte, mode int64) ([]byte, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i := range parts {
		header := &tar.Header{Name: strings.Join(parts[:i+1], "/"), Mode: mode, ModTime: time.Unix(0, 0), Size: int64(len(data)), Typeflag: tar.TypeReg}
		if i < len(parts)-1 {
			header.Name += "/"
			header.Mode, header.Size, header.Typeflag = 0o755, 0, tar.TypeDir
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	return archive.Bytes(), w.Close()
}

// packedSize is what a registry keeps of an image in bytes.
func packedSize(image v1.Image) (int64, error) {
	layers, err := image.Layers()
	if err != nil {
		return 0, err
	}
	var total int64
	for _, layer := range layers {
		size, err := layer.Size()
		if err != nil {
			return 0, err
		}
		total += size
	}
	return total, nil
}

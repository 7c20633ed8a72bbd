package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// imageName is what an image is called once it is loaded.
const imageName = "nsviz"

// imageDescription is the label org.opencontainers.image.description.
const imageDescription = "Shows container isolation as the kernel makes it: namespaces, cgroups, OOM kills"

// images writes an image from scratch for each architecture, as a tar that is both an OCI layout and what `docker save` writes: older
// versions of Docker load no other.
func (r *release) images(ctx context.Context) error {
	for _, arch := range r.architectures {
		content, err := r.image(ctx, arch)
		if err != nil {
			return fmt.Errorf("make the image for %s: %w", arch, err)
		}
		path := filepath.Join(r.out, fmt.Sprintf("nsviz-%s-linux-%s.oci.tar", r.version(), arch))
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
		fmt.Fprintln(r.log, "packages: made", path)
	}
	return nil
}

// layout is an OCI layout that is being made.
type layout struct {
	files map[string][]byte
	order []string
}

func (l *layout) add(name string, content []byte) {
	if l.files[name] == nil {
		l.files[name], l.order = content, append(l.order, name)
	}
}

// blob adds a blob and returns its descriptor.
func (l *layout) blob(mediaType string, content []byte) v1.Descriptor {
	sum := digest.FromBytes(content)
	l.add(blobPath(sum), content)
	return v1.Descriptor{MediaType: mediaType, Digest: sum, Size: int64(len(content))}
}

func (r *release) image(ctx context.Context, arch string) ([]byte, error) {
	program, err := os.ReadFile(r.binary(arch))
	if err != nil {
		return nil, err
	}
	licenses, err := r.licenses(ctx)
	if err != nil {
		return nil, err
	}
	// Folders on which the host's files are mounted, and a place to write recordings to.
	layer, err := tarOf(r.time, []entry{
		{"nsviz", program, 0o755}, {"licenses.txt", licenses, 0o644},
		{"etc/", nil, 0o755}, {"etc/passwd", []byte("root:x:0:0:root:/:/nsviz\n"), 0o644}, {"tmp/", nil, 0o1777},
	})
	if err != nil {
		return nil, err
	}
	zipped := compressedAt(gzip.DefaultCompression, layer) // the best one takes twice as long for half a percent
	created := r.time
	labels := map[string]string{
		v1.AnnotationTitle: imageName, v1.AnnotationDescription: imageDescription, v1.AnnotationVersion: r.version(), v1.AnnotationRevision: r.revision,
		v1.AnnotationLicenses: license, v1.AnnotationCreated: created.Format(time.RFC3339),
		v1.AnnotationVendor: "The nsviz authors",
	}
	l := &layout{files: map[string][]byte{}}
	config := v1.Image{
		Created: &created, Author: "The nsviz authors", Platform: v1.Platform{Architecture: arch, OS: "linux"},
		Config: v1.ImageConfig{
			Entrypoint: []string{"/nsviz"}, Cmd: []string{"serve", "--web.listen-address=:10064"}, WorkingDir: "/tmp", Labels: labels,
			ExposedPorts: map[string]struct{}{"10064/tcp": {}}, Env: []string{"PATH=/"}, StopSignal: "SIGTERM",
		},
		RootFS:  v1.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromBytes(layer)}},
		History: []v1.History{{Created: &created, CreatedBy: "make images"}},
	}
	configBlob := l.blob(v1.MediaTypeImageConfig, encode(config))
	layerBlob := l.blob(v1.MediaTypeImageLayerGzip, zipped)
	manifest := l.blob(v1.MediaTypeImageManifest, encode(v1.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest,
		Config: configBlob, Layers: []v1.Descriptor{layerBlob}, Annotations: labels,
	}))
	tag := imageName + ":" + tagOf(r.version())
	manifest.Platform = &config.Platform
	manifest.Annotations = map[string]string{v1.AnnotationRefName: tagOf(r.version()), "io.containerd.image.name": "docker.io/library/" + tag}
	l.add(v1.ImageLayoutFile, encode(v1.ImageLayout{Version: v1.ImageLayoutVersion}))
	l.add(v1.ImageIndexFile, encode(v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: []v1.Descriptor{manifest}}))
	l.add("manifest.json", encode([]map[string]any{{
		"Config": blobPath(configBlob.Digest), "RepoTags": []string{tag}, "Layers": []string{blobPath(layerBlob.Digest)},
	}}))
	entries := []entry{{"blobs/", nil, 0o755}, {"blobs/sha256/", nil, 0o755}}
	for _, name := range l.order {
		entries = append(entries, entry{name, l.files[name], 0o644})
	}
	return tarOf(r.time, entries)
}

func blobPath(sum digest.Digest) string { return "blobs/sha256/" + sum.Encoded() }

// tagOf returns a version as a tag, in which no + may be.
func tagOf(version string) string { return unpackaged.ReplaceAllString(version, "-") }

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain values, which can be encoded
	}
	return append(text, '\n')
}

// entry is a file of a tar, or a folder if its name ends with a slash.
type entry struct {
	name    string
	content []byte
	mode    int64
}

func tarOf(at time.Time, entries []entry) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.content)), ModTime: at, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		if e.name[len(e.name)-1] == '/' {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// release is what packages, images and checksums are made of.
type release struct {
	source, out   string
	described     string // version, as git describe has it
	revision      string
	time          time.Time
	architectures []string
	formats       []string // of packages
	goTool        string
	log           io.Writer
	work          string // a folder for what is made on the way
	licensed      []byte // the licenses of the parts, once they are known
}

var (
	tagged      = regexp.MustCompile(`^v?(\d+\.\d+\.\d+(?:-[a-z][a-z0-9.]*)?)(?:-(\d+)-g([0-9a-f]+))?(-dirty)?$`)
	unpackaged  = regexp.MustCompile(`[^0-9A-Za-z.+~]+`)
	describesTo = "the version must be as git describe has it, such as v1.2.3 or v1.2.3-4-gabcdef0"
)

// version returns the version as nsviz prints it.
func (r *release) version() string { return strings.TrimPrefix(r.described, "v") }

// packageVersion returns the version in the form that both dpkg and rpm sort as intended: 1.2.3~rc.1 before 1.2.3, 1.2.3+4.gabcdef0 after
// it, and what has no tag before all others.
func (r *release) packageVersion() (string, error) {
	if r.described == "" {
		return "", fmt.Errorf("no version is given: build in a clone with git, or say make VERSION=1.2.3")
	}
	m := tagged.FindStringSubmatch(r.described)
	if m == nil {
		if strings.ContainsAny(r.described, ". \n/") {
			return "", fmt.Errorf("version %q: %s", r.described, describesTo)
		}
		// A commit; its time puts it into order.
		return "0.0.0~" + r.time.Format("20060102150405") + "." + unpackaged.ReplaceAllString(r.described, "."), nil
	}
	version := strings.Replace(m[1], "-", "~", 1)
	if m[2] != "" {
		version += "+" + m[2] + ".g" + m[3]
	}
	if m[4] != "" {
		version += "+dirty"
	}
	return version, nil
}

// binary returns the file of an architecture's nsviz.
func (r *release) binary(arch string) string { return filepath.Join(r.work, "nsviz-"+arch) }

// build compiles nsviz for all architectures, and for the one of this host, whose nsviz prints the man pages and completions.
func (r *release) build(ctx context.Context) error {
	for _, arch := range slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(r.architectures), runtime.GOARCH)))) {
		fmt.Fprintf(r.log, "packages: building for %s\n", arch)
		// What the version control system knows is passed on: what the go command finds itself depends on the folder.
		cmd := exec.CommandContext(ctx, r.goTool, "build", "-trimpath", "-buildvcs=false", "-ldflags",
			fmt.Sprintf("-s -w -buildid= -X main.version=%s -X main.revision=%s", r.described, r.revision), "-o", r.binary(arch), "./cmd/nsviz")
		cmd.Dir, cmd.Stderr = r.source, r.log
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off")
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("build nsviz for %s: %w", arch, err)
		}
	}
	return nil
}

// nsviz runs this host's nsviz and returns what it prints.
func (r *release) nsviz(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, r.binary(runtime.GOARCH), args...)
	// Nothing of this host and its user may show in what is packaged.
	cmd.Env = []string{"PATH=/usr/bin:/bin", "XDG_CONFIG_HOME=/nonexistent", fmt.Sprint("SOURCE_DATE_EPOCH=", r.time.Unix())}
	cmd.Stderr = r.log
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("nsviz %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// settings returns the package's /etc/nsviz/config.yaml: every key with its default, and each as a comment, so that a new version may
// bring other defaults.
func (r *release) settings(ctx context.Context) ([]byte, error) {
	printed, err := r.nsviz(ctx, "config")
	if err != nil {
		return nil, err
	}
	_, keys, _ := bytes.Cut(printed, []byte("\n\n")) // after a heading about the files of this host
	var b bytes.Buffer
	b.WriteString("# Settings of nsviz for this host. ~/.config/nsviz/config.yaml, the environment and the command line take precedence over them.\n" +
		"# These are the defaults: remove the # before a key to set it. See nsviz(8).\n\n")
	for line := range bytes.Lines(keys) {
		if len(bytes.TrimSpace(line)) > 0 && line[0] != '#' {
			b.WriteByte('#')
		}
		b.Write(line)
	}
	return b.Bytes(), nil
}

// compressed returns text as gzip -9n does, without a time and a name.
func compressed(text []byte) []byte { return compressedAt(gzip.BestCompression, text) }

// compressedAt returns content as gzip -n does at one of its levels.
func compressedAt(level int, content []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, level) // a level that there is
	_, _ = w.Write(content)                // memory
	_ = w.Close()
	return b.Bytes()
}

// write writes a file below the folder for what is made on the way and returns its path.
func (r *release) write(name string, content []byte) (string, error) {
	path := filepath.Join(r.work, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, content, 0o644)
}

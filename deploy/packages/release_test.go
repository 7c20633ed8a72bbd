package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What the release that the tests look at is called.
const builtVersion, builtRevision = "v1.2.3-4-gabcdef0", "abcdef0123456789abcdef0123456789abcdef01"

// buildFrom makes a release from a copy of the source in a folder, and returns where it is.
func buildFrom(t *testing.T, folder string, architectures ...string) string {
	t.Helper()
	source := filepath.Join(folder, "src")
	for _, part := range []string{"bpf", "cmd", "gen", "internal", "deploy", "docs"} {
		if err := os.CopyFS(filepath.Join(source, part), os.DirFS(filepath.Join("../..", part))); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"go.mod", "go.sum", "README.md", "CHANGELOG.md"} {
		content, err := os.ReadFile(filepath.Join("../..", file))
		if err == nil {
			err = os.WriteFile(filepath.Join(source, file), content, 0o600) // other rights than in a clone
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	r := release{
		source: source, out: filepath.Join(folder, "dist"), described: builtVersion, revision: builtRevision, time: time.Unix(1767225600, 0).UTC(),
		architectures: architectures, formats: []string{"deb", "rpm"}, goTool: "go", log: &log,
	}
	if err := r.all(t.Context(), []func(context.Context) error{r.packages, r.images, r.binaries, r.boms, r.checksums}); err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	return r.out
}

// says runs a program and returns what it prints.
func says(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("this test needs %s; test/setup installs it: %v", name, err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func TestRelease(t *testing.T) {
	dist := buildFrom(t, t.TempDir(), "amd64", "arm64")
	// With another umask, another time and another place.
	earlier := syscall.Umask(0o077)
	t.Cleanup(func() { syscall.Umask(earlier) })
	again := buildFrom(t, filepath.Join(t.TempDir(), "another", "place"), "amd64")
	syscall.Umask(earlier)
	t.Run("two builds give the same bytes", func(t *testing.T) { testSameBytes(t, dist, again) })
	t.Run("checksums", func(t *testing.T) { testChecksums(t, dist) })
	t.Run("binaries", func(t *testing.T) { testBinaries(t, dist) })
	t.Run("deb", func(t *testing.T) { testDeb(t, dist) })
	t.Run("rpm", func(t *testing.T) { testRPM(t, dist) })
	t.Run("parts", func(t *testing.T) { testParts(t, dist) })
	t.Run("image", func(t *testing.T) { testImage(t, dist) })
}

func testSameBytes(t *testing.T, one, another string) {
	entries, err := os.ReadDir(another)
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for _, e := range entries {
		if e.Name() == "SHA256SUMS" {
			continue // of fewer architectures
		}
		a, err := os.ReadFile(filepath.Join(one, e.Name()))
		if err != nil {
			t.Error(err)
			continue
		}
		b, err := os.ReadFile(filepath.Join(another, e.Name()))
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs, %v", e.Name(), err)
		}
		same++
	}
	if same != 5 { // deb, rpm, image, binary, list of parts
		t.Errorf("%d files are compared", same)
	}
}

func testChecksums(t *testing.T, dist string) {
	out := says(t, "sh", "-c", `cd "$0" && sha256sum --check --strict SHA256SUMS`, dist)
	entries, err := os.ReadDir(dist)
	if err != nil {
		t.Fatal(err)
	}
	if sums := strings.Count(out, ": OK\n"); sums != len(entries)-1 || sums != 10 {
		t.Errorf("%d sums of %d files\n%s", sums, len(entries)-1, out)
	}
}

func testBinaries(t *testing.T, dist string) {
	if got := says(t, filepath.Join(dist, "nsviz-1.2.3-4-gabcdef0-linux-"+runtime.GOARCH), "version"); !strings.HasPrefix(got, "nsviz 1.2.3-4-gabcdef0 (") {
		t.Errorf("it says %s", got)
	}
	for arch, machine := range map[string]string{"amd64": "GOARCH=amd64", "arm64": "GOARCH=arm64"} {
		if got := says(t, "go", "version", "-m", filepath.Join(dist, "nsviz-1.2.3-4-gabcdef0-linux-"+arch)); !strings.Contains(got, machine) {
			t.Errorf("%s: %s", arch, got)
		}
	}
}

func testDeb(t *testing.T, dist string) {
	for _, arch := range []string{"amd64", "arm64"} {
		file := filepath.Join(dist, "nsviz_1.2.3+4.gabcdef0_"+arch+".deb")
		for field, want := range map[string]string{"Package": "nsviz", "Version": "1.2.3+4.gabcdef0", "Architecture": arch, "Section": "admin"} {
			if got := strings.TrimSpace(says(t, "dpkg-deb", "--field", file, field)); got != want {
				t.Errorf("%s: %s is %q", arch, field, got)
			}
		}
	}
	file := filepath.Join(dist, "nsviz_1.2.3+4.gabcdef0_amd64.deb")
	says(t, "lintian", "--no-cfg", "--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0", file)
	dir := t.TempDir()
	says(t, "dpkg-deb", "--raw-extract", file, dir)
	if conffiles, err := os.ReadFile(dir + "/DEBIAN/conffiles"); err != nil || strings.TrimSpace(string(conffiles)) != "/etc/nsviz/config.yaml" {
		t.Errorf("the files of settings are %q, %v", conffiles, err)
	}
	checkTree(t, dir)
	out := says(t, "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", "--root="+dir, "nsviz.service")
	if !strings.Contains(out, "Overall exposure level") {
		t.Errorf("systemd-analyze says\n%s", out)
	}
}

func testRPM(t *testing.T, dist string) {
	for arch, name := range map[string]string{"x86_64": "x86_64", "aarch64": "aarch64"} {
		file := filepath.Join(dist, "nsviz-1.2.3+4.gabcdef0-1."+name+".rpm")
		if got := says(t, "rpm", "-qp", "--nosignature", "--queryformat", "%{NAME} %{VERSION} %{RELEASE} %{ARCH} %{LICENSE}", file); got !=
			"nsviz 1.2.3+4.gabcdef0 1 "+arch+" "+license {
			t.Errorf("it is %s", got)
		}
		if got := says(t, "rpm", "--checksig", "--nosignature", file); !strings.Contains(got, "digests OK") {
			t.Error(got)
		}
	}
	file := filepath.Join(dist, "nsviz-1.2.3+4.gabcdef0-1.x86_64.rpm")
	for line := range strings.Lines(says(t, "rpm", "-qp", "--nosignature", "--requires", file)) {
		if !strings.HasPrefix(line, "rpmlib(") && !strings.HasPrefix(line, "/bin/sh") {
			t.Errorf("it requires %s", line)
		}
	}
	if got := says(t, "rpm", "-qp", "--nosignature", "--configfiles", file); got != "/etc/nsviz/config.yaml\n" {
		t.Errorf("the files of settings are %q", got)
	}
	scripts := says(t, "rpm", "-qp", "--nosignature", "--scripts", file)
	for _, want := range []string{"postinstall scriptlet", "preuninstall scriptlet", "postuninstall scriptlet", "try-restart nsviz.service"} {
		if !strings.Contains(scripts, want) {
			t.Errorf("no %q in\n%s", want, scripts)
		}
	}
	dir := t.TempDir()
	says(t, "sh", "-c", `cd "$0" && rpm2cpio "$1" | cpio --quiet --extract --make-directories --no-absolute-filenames`, dir, file)
	checkTree(t, dir)
}

// checkTree checks what a package has unpacked: its nsviz runs, reads the settings, and the man pages and examples are there.
func checkTree(t *testing.T, dir string) {
	t.Helper()
	program := filepath.Join(dir, "usr/bin/nsviz")
	if runtime.GOARCH == "amd64" {
		if got := says(t, program, "version"); !strings.HasPrefix(got, "nsviz 1.2.3-4-gabcdef0 (") {
			t.Errorf("it says %s", got)
		}
		// A mistake in the file would be one of usage.
		says(t, program, "--config", dir+"/etc/nsviz/config.yaml", "completion", "bash")
	}
	settings, err := os.ReadFile(dir + "/etc/nsviz/config.yaml")
	if err != nil || !bytes.Contains(settings, []byte("\n#theme: auto\n")) || regexp.MustCompile(`(?m)^[^#\n]`).Match(settings) {
		t.Errorf("%v, the settings are\n%s", err, settings)
	}
	for _, file := range []string{
		"usr/share/man/man8/nsviz.8.gz", "usr/share/man/man8/nsviz-serve.8.gz", "usr/share/bash-completion/completions/nsviz",
		"usr/lib/systemd/system/nsviz.socket", "usr/share/doc/nsviz/copyright", "usr/share/doc/nsviz/examples/docker-group.conf",
		// What the example of a configuration of Prometheus loads, and where the links of the dashboards lead.
		"usr/share/doc/nsviz/examples/nsviz.rules.yml", "usr/share/doc/nsviz/examples/nsviz.fleet.rules.yml",
		"usr/share/doc/nsviz/examples/nsviz-fleet.json", "usr/share/doc/nsviz/examples/nsviz-workload.json",
	} {
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Size() == 0 || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v", file, err)
		}
	}
	checkGuides(t, filepath.Join(dir, "usr/share/doc/nsviz"))
	licenses := says(t, "zcat", dir+"/usr/share/doc/nsviz/licenses.txt.gz")
	for _, want := range []string{"github.com/cilium/ebpf v", "github.com/prometheus/client_golang v", "MIT License"} {
		if !strings.Contains(licenses, want) {
			t.Errorf("the licenses have no %q", want)
		}
	}
}

// checkGuides follows every link of the documents of a package.
func checkGuides(t *testing.T, dir string) {
	t.Helper()
	pages, links := 0, 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		pages++
		text, err := os.ReadFile(path)
		for _, match := range regexp.MustCompile(`\]\(([^):#\s]+)[#)]`).FindAllSubmatch(text, -1) {
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), string(match[1]))); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		return err
	})
	if err != nil || pages < 30 || links < 100 {
		t.Errorf("%d pages with %d links, %v", pages, links, err)
	}
}

// testParts compares the list of parts with what Go's own tool reads from the binary.
func testParts(t *testing.T, dist string) {
	binary := filepath.Join(dist, "nsviz-1.2.3-4-gabcdef0-linux-amd64")
	content, err := os.ReadFile(binary + ".cdx.json")
	if err != nil {
		t.Fatal(err)
	}
	var bom struct {
		BOMFormat, SpecVersion string
		Metadata               struct{ Component struct{ Version string } }
		Components             []struct{ Name, Version, PURL string }
	}
	if err := json.Unmarshal(content, &bom); err != nil {
		t.Fatal(err)
	}
	var listed, recorded []string
	for _, c := range bom.Components {
		if c.Name != "std" {
			listed = append(listed, c.Name+" "+c.Version)
		}
	}
	for line := range strings.Lines(says(t, "go", "version", "-m", binary)) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[0] == "dep" {
			recorded = append(recorded, fields[1]+" "+fields[2])
		}
	}
	slices.Sort(listed)
	slices.Sort(recorded)
	if !slices.Equal(listed, recorded) || len(listed) < 20 || bom.BOMFormat != "CycloneDX" || bom.Metadata.Component.Version != "1.2.3-4-gabcdef0" {
		t.Errorf("%s %s of %s lists\n%q\nthe binary has\n%q", bom.BOMFormat, bom.SpecVersion, bom.Metadata.Component.Version, listed, recorded)
	}
}

// testImage unpacks the layout with tar, and follows its descriptors from the index to the layer.
func testImage(t *testing.T, dist string) {
	dir := t.TempDir()
	says(t, "tar", "-C", dir, "-xf", filepath.Join(dist, "nsviz-1.2.3-4-gabcdef0-linux-arm64.oci.tar"))
	read := func(name string, into any) {
		t.Helper()
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(content, into); err != nil {
			t.Fatal(err)
		}
	}
	type descriptor struct {
		MediaType, Digest string
		Size              int64
		Platform          struct{ Architecture, OS string }
	}
	blob := func(d descriptor) string {
		name := "blobs/sha256/" + strings.TrimPrefix(d.Digest, "sha256:")
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() != d.Size {
			t.Errorf("%s has another size than %d, %v", name, d.Size, err)
		}
		if sum := says(t, "sha256sum", filepath.Join(dir, name)); !strings.HasPrefix(sum, filepath.Base(name)) {
			t.Errorf("%s has the sum %s", name, sum)
		}
		return name
	}
	var index struct{ Manifests []descriptor }
	read("index.json", &index)
	if len(index.Manifests) != 1 || index.Manifests[0].Platform.Architecture != "arm64" {
		t.Fatalf("%+v", index)
	}
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	read(blob(index.Manifests[0]), &manifest)
	var config struct {
		Architecture string
		Config       struct {
			Entrypoint []string
			Labels     map[string]string
		}
	}
	read(blob(manifest.Config), &config)
	for label, want := range map[string]string{"title": "nsviz", "version": "1.2.3-4-gabcdef0", "revision": builtRevision, "created": "2026-01-01T00:00:00Z"} {
		if got := config.Config.Labels["org.opencontainers.image."+label]; got != want {
			t.Errorf("the label %s is %q", label, got)
		}
	}
	if len(manifest.Layers) != 1 || config.Architecture != "arm64" {
		t.Fatalf("%+v, %+v", manifest, config)
	}
	if listed := says(t, "tar", "-tzf", filepath.Join(dir, blob(manifest.Layers[0]))); !strings.HasPrefix(listed, "nsviz\n") {
		t.Errorf("the layer has\n%s", listed)
	}
}

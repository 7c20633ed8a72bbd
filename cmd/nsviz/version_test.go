package main

import (
	"archive/zip"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/nsviz/nsviz/internal/metrics"
)

func TestBuildInfo(t *testing.T) {
	recorded := func(version string) *debug.BuildInfo {
		return &debug.BuildInfo{
			Main:     debug.Module{Path: "github.com/nsviz/nsviz", Version: version},
			Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123abcd"}},
		}
	}
	for name, tt := range map[string]struct {
		version, revision string
		recorded          *debug.BuildInfo
		want              metrics.BuildInfo
	}{
		"make build at a tag":       {"v1.2.3", "4567", recorded("v1.2.3"), metrics.BuildInfo{Version: "1.2.3", Revision: "4567"}},
		"make build after one":      {"v1.2.3-4-gabcdef0-dirty", "", recorded(""), metrics.BuildInfo{Version: "1.2.3-4-gabcdef0-dirty", Revision: "0123abcd"}},
		"make build without tags":   {"abcdef0", "", &debug.BuildInfo{}, metrics.BuildInfo{Version: "abcdef0"}},
		"go install @v1.2.3":        {"", "", &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, metrics.BuildInfo{Version: "1.2.3"}},
		"go build in a clone":       {"", "", recorded("v1.2.4-0.20261129160000-0123abcd0123+dirty"), metrics.BuildInfo{Version: "1.2.4-0.20261129160000-0123abcd0123+dirty", Revision: "0123abcd"}},
		"go build without VCS":      {"", "", &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, metrics.BuildInfo{Version: "unknown"}},
		"a word that begins with v": {"vendored", "", &debug.BuildInfo{}, metrics.BuildInfo{Version: "vendored"}},
		"nothing is known":          {"", "", &debug.BuildInfo{}, metrics.BuildInfo{Version: "unknown"}},
	} {
		tt.want.GoVersion = runtime.Version()
		if got := buildInfo(tt.version, tt.revision, tt.recorded); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

// `go install` of a module's version, from a proxy that is a folder, records the version where buildInfo looks for it.
func TestVersionByGoInstall(t *testing.T) {
	const module, version = "nsviz.example/nsviz", "v1.2.3"
	source := "package main\n\nimport (\n\t\"fmt\"\n\t\"runtime/debug\"\n)\n\nfunc main() {\n\tinfo, _ := debug.ReadBuildInfo()\n\tfmt.Print(info.Main.Version)\n}\n"
	dir := t.TempDir()
	proxy := filepath.Join(dir, module, "@v")
	if err := os.MkdirAll(proxy, 0o755); err != nil {
		t.Fatal(err)
	}
	goMod := "module " + module + "\n\ngo 1.26\n"
	files := map[string][]byte{
		"list": []byte(version + "\n"), version + ".info": []byte(`{"Version":"` + version + `"}`), version + ".mod": []byte(goMod),
		version + ".zip": zipped(t, module+"@"+version, map[string]string{"go.mod": goMod, "main.go": source}),
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(proxy, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	install := exec.CommandContext(t.Context(), "go", "install", "-modcacherw", module+"@"+version)
	install.Dir = dir
	install.Env = append(os.Environ(), "GOPROXY=file://"+dir, "GOFLAGS=-mod=mod", "GOSUMDB=off", "GOBIN="+dir,
		"GOMODCACHE="+filepath.Join(dir, "modules"))
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	recorded, err := exec.CommandContext(t.Context(), filepath.Join(dir, "nsviz")).Output()
	if err != nil {
		t.Fatal(err)
	}
	got := buildInfo("", "", &debug.BuildInfo{Main: debug.Module{Version: string(recorded)}})
	if got.Version != "1.2.3" {
		t.Errorf("%q is recorded, so the version is %q", recorded, got.Version)
	}
}

// zipped returns a zip of files below a folder.
func zipped(t *testing.T, folder string, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range files {
		f, err := w.Create(folder + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Package rules_test holds the rules of this repository that a compiler does not know: who may import
// whom, and what no file may do. CONTRIBUTING.md gives the reasons.
package rules_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/nsviz/nsviz/"

// listed is what `go list` says of a package.
type listed struct {
	ImportPath   string
	Doc          string
	Standard     bool
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// name is the package's path below the module.
func (p listed) name() string { return strings.TrimPrefix(p.ImportPath, module) }

func listPackages(t *testing.T) []listed {
	t.Helper()
	// Test files with a tag import things, too; -e, since a package that does not build has imports.
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json", "-tags", "root,e2e,systemd", "./...")
	cmd.Dir = root(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var packages []listed
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p listed
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages = append(packages, p)
	}
	if len(packages) < 5 {
		t.Fatalf("go list names only %d packages", len(packages))
	}
	return packages
}

// A privilege lets only some packages import what begins with a path.
type privilege struct {
	path string
	only []string
}

var privileges = []privilege{
	// test/vm/btf is no part of nsviz: it makes what a test of internal/probes reads.
	{"github.com/cilium/ebpf", []string{"internal/probes", "gen", "test/vm/btf"}},
	{"github.com/gdamore/tcell", []string{"internal/ui"}},
	{"github.com/prometheus/client_golang", []string{"internal/metrics", "deploy"}},
	{"github.com/docker/docker", []string{"internal/container/docker"}},
}

// A barrier keeps a package from importing what begins with some paths.
type barrier struct {
	who   string
	never []string
	why   string
}

var barriers = []barrier{
	{"internal/ui", ends, "a view reads snapshots only"},
	{"internal/metrics", ends, "a view reads snapshots only"},
	{"internal/story", ends, "a view reads snapshots only"},
	{"internal/anatomy", []string{module + "internal/probes", module + "internal/container", module + "gen", module + "internal/ui"}, "it asks the kernel's files only, and shows nothing"},
	{"internal/event", []string{module}, "what happened is plain values"},
	{"internal/host", above, "a reader answers questions, and knows nobody who asks them"},
	{"internal/vmm", above, "a reader answers questions, and knows nobody who asks them"},
	{"internal/host/pseudofs", []string{module}, "the other readers are above it"},
}

// ends are the packages at which facts enter.
var ends = []string{
	module + "gen", module + "internal/probes", module + "internal/host", module + "internal/vmm", module + "internal/container", module + "internal/anatomy",
}

// above are the packages that ask the readers of the host's files.
var above = []string{
	module + "gen", module + "internal/probes", module + "internal/container", module + "internal/enginefiles", module + "internal/anatomy",
	module + "internal/isolation", module + "internal/pipeline",
}

// below tells whether a path is the other, or in its tree.
func below(path, tree string) bool {
	return path == tree || strings.HasPrefix(path, strings.TrimSuffix(tree, "/")+"/")
}

// forbidden says why a package must not import a path, or nothing.
func forbidden(who, path string, test bool) string {
	for _, p := range privileges {
		allowed := slices.ContainsFunc(p.only, func(tree string) bool { return below(who, tree) })
		if below(path, p.path) && !allowed {
			return "only " + strings.Join(p.only, " and ") + " may"
		}
	}
	if test { // a test may look from both sides
		return ""
	}
	for _, b := range barriers {
		walled := slices.ContainsFunc(b.never, func(tree string) bool { return below(path, tree) })
		if below(who, b.who) && walled {
			return b.why
		}
	}
	standard := !strings.Contains(strings.SplitN(path, "/", 2)[0], ".")
	if who == "internal/isolation" && !standard && path != module+"internal/event" {
		return "the model knows events and nothing else"
	}
	return ""
}

func TestImports(t *testing.T) {
	for _, p := range listPackages(t) {
		for _, path := range p.Imports {
			if why := forbidden(p.name(), path, false); why != "" {
				t.Errorf("%s imports %s: %s", p.name(), path, why)
			}
		}
		for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
			if why := forbidden(p.name(), path, true); why != "" {
				t.Errorf("a test of %s imports %s: %s", p.name(), path, why)
			}
		}
	}
}

func TestForbiddenImports(t *testing.T) {
	tests := []struct {
		who, path string
		forbidden bool
	}{
		{"internal/probes", "github.com/cilium/ebpf/link", false},
		{"gen", "github.com/cilium/ebpf", false},
		{"test/vm/btf", "github.com/cilium/ebpf/btf", false},
		{"test/vm", "github.com/cilium/ebpf/btf", true},
		{"internal/isolation", "github.com/cilium/ebpf", true},
		{"cmd/nsviz", "github.com/cilium/ebpf/rlimit", true},
		{"internal/ui", "github.com/gdamore/tcell/v2", false},
		{"internal/demo", "github.com/gdamore/tcell/v2", true},
		{"internal/container/docker", "github.com/docker/docker/client", false},
		{"internal/container", "github.com/docker/docker/client", true},
		{"internal/demo", "github.com/docker/docker/client", true},
		{"internal/container/dockerfile", "github.com/docker/docker/client", true},
		{"internal/ui", module + "internal/isolation", false},
		{"internal/ui", module + "internal/host/procfs", true},
		{"internal/metrics", module + "internal/vmm", true},
		{"internal/metrics", module + "internal/container/docker", true},
		{"internal/ui", module + "internal/anatomy", true},
		{"internal/anatomy", module + "internal/host", false},
		{"internal/host/nsfs", module + "internal/event", false},
		{"internal/host/procfs", module + "internal/host/nsfs", false},
		{"internal/host/procfs", module + "internal/container", true},
		{"internal/host/pseudofs", module + "internal/host/procfs", true},
		{"internal/vmm", module + "internal/isolation", true},
		{"internal/anatomy", module + "internal/container/docker", true},
		{"internal/isolation", module + "internal/event", false},
		{"internal/isolation", "time", false},
		{"internal/isolation", module + "internal/record", true},
		{"internal/isolation", "golang.org/x/sys/unix", true},
		{"internal/event", module + "internal/isolation", true},
		{"internal/event", "encoding/json", false},
	}
	for _, test := range tests {
		why := forbidden(test.who, test.path, false)
		if (why != "") != test.forbidden {
			t.Errorf("%s imports %s: verdict %q, want forbidden %v", test.who, test.path, why, test.forbidden)
		}
	}
}

func TestPackageDocs(t *testing.T) {
	for _, p := range listPackages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.name())
		}
	}
}

func TestNoReplace(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go mod edit: %v", err)
	}
	var mod struct {
		Replace []struct{ Old struct{ Path string } }
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	for _, r := range mod.Replace {
		t.Errorf("go.mod replaces %s: 'go install' would refuse the module", r.Old.Path)
	}
}

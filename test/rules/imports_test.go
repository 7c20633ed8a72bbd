// Package rules_test holds the rules of this repository that a compiler does not check: who may import whom, and what files may
// contain. CONTRIBUTING.md gives the reasons.
package rules_test

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/nsviz/nsviz/"

// A privilege allows only some packages to import paths with a prefix.
type privilege struct {
	path string
	only []string
}

var privileges = []privilege{
	// test/vm/btf is not part of nsviz: it makes data for a test of internal/probes.
	{"github.com/cilium/ebpf", []string{"internal/probes", "gen", "test/vm/btf"}},
	{"github.com/cenkalti/backoff", []string{"internal/pause"}},
	{"github.com/gdamore/tcell", []string{"internal/ui"}},
	{"github.com/prometheus/client_golang", []string{"internal/metrics", "internal/server", "internal/otlp"}},
	{"github.com/prometheus/exporter-toolkit", []string{"internal/server"}},
	{"github.com/docker/docker", []string{"internal/container/engine/docker"}},
	{"github.com/coreos/go-systemd/v22/journal", []string{"internal/logging"}},
	{"github.com/chromedp", []string{"test/e2e"}},
	{"k8s.io/cri-api", []string{"internal/container/engine/cri", "test/e2e"}},
	{"google.golang.org/grpc", []string{"internal/container/engine/cri", "internal/otlp", "test/e2e"}},
	{"go.opentelemetry.io", []string{"internal/otlp", "test/collector"}},
}

// A barrier keeps a package from importing paths with some prefixes.
type barrier struct {
	who   string
	never []string
	why   string
}

var barriers = []barrier{
	{"internal/ui", ends, "a view reads snapshots only"},
	{"internal/query", append([]string{module + "internal/ui"}, ends...), "it names what is in rows, and draws none"},
	{"internal/groups", append([]string{module + "internal/ui", module + "internal/report"}, ends...), "it arranges rows, and draws none"},
	{"internal/floorplan", append([]string{module + "internal/ui", module + "internal/report", module + "internal/story"}, ends...), "it places rooms, and draws none"},
	{"internal/metrics", ends, "a view reads snapshots only"},
	{"internal/metrics", []string{"net", module + "internal/story", module + "internal/server"}, "it makes samples, and serves nothing"},
	{"internal/server", ends, "a view reads snapshots only"},
	{"internal/webui", append([]string{module + "internal/ui", module + "internal/server"}, ends...), "a view reads snapshots only"},
	{"internal/story", ends, "a view reads snapshots only"},
	{"internal/otlp", append([]string{module + "internal/ui", module + "internal/report", module + "internal/server", module + "internal/pipeline"}, ends...), "it is given facts and snapshots, and shows nothing"},
	{"internal/diagram", ends, "a view reads snapshots only"},
	{"internal/drawing", append([]string{module + "internal/ui", module + "internal/webui", module + "internal/diagram", "net/http"}, ends...), "it draws what it is given"},
	{"internal/report", []string{
		module + "internal/probes", module + "internal/container", module + "internal/pipeline", module + "internal/ui", module + "gen", "os", "net/http",
	}, "a document depends on the values that it is made from"},
	{"internal/anatomy", []string{module + "internal/probes", module + "internal/container", module + "gen", module + "internal/ui"}, "it asks the kernel's files only, and shows nothing"},
	{"internal/event", []string{module}, "what happened is plain values"},
	{"internal/host", above, "a reader answers questions, and knows nobody who asks them"},
	{"internal/vmm", above, "a reader answers questions, and knows nobody who asks them"},
	{"internal/host/pseudofs", []string{module}, "the other readers are above it"},
	{"internal/container/runtime", []string{module}, "it is a table"},
	{"internal/collect/kills", []string{module + "internal/probes", module + "internal/model", module + "internal/container"}, "it reads of what the kernel names"},
	{"internal/collect/limits", []string{module + "internal/probes", module + "internal/model", module + "internal/container/engine"}, "the kernel's files say who writes"},
	{"internal/collect/survey", []string{module + "gen", module + "internal/probes", module + "internal/model", module + "internal/namespaces", module + "internal/container/engine"}, "it is given what is known, and does not look it up"},
	{"internal/namespaces", []string{module + "gen", module + "internal/probes", module + "internal/host", module + "internal/container", module + "internal/model", module + "internal/pipeline", module + "internal/store"}, "it is a table, and reads nothing"},
	{"internal/collect", []string{module + "internal/pipeline", module + "internal/store", module + "internal/ui", module + "internal/container/engine/cri", module + "internal/container/engine/docker", module + "internal/container/engine/ondisk"}, "what reads hands over, and does not know to whom"},
	{"internal/collect/find", []string{module + "gen", module + "internal/probes", module + "internal/model"}, "it asks for what is known, and does not look it up"},
	{"internal/collect/findings", []string{module + "gen", module + "internal/probes", module + "internal/container"}, "it is given what inspects"},
	{"internal/collect/ownmemory", []string{module + "internal/probes", module + "internal/container", module + "internal/model"}, "it looks at nsviz's own cgroups alone"},
	{"internal/collect/sample", []string{module + "internal/probes", module + "internal/container"}, "it is given the containers, with their cgroups"},
	{"internal/collect/victim", []string{module + "internal/probes", module + "internal/container", module + "internal/model"}, "it is given the cgroup, and judges as the kernel does"},
	{"internal/container/engine/ondisk", []string{
		module + "gen", module + "internal/probes", module + "internal/model", module + "internal/pipeline", module + "internal/container/engine/cri", module + "internal/container/engine/docker", "net",
	}, "it reads what is on the host, and connects to nothing"},
	{"internal/pipeline", []string{module + "internal/container/engine/cri", module + "internal/container/engine/docker", module + "internal/container/engine/ondisk"}, "it is given an engine, whichever that is"},
	{"internal/logging", append([]string{module + "internal/ui", module + "internal/pipeline", module + "internal/store"}, ends...), "it words events, and is given them"},
	{"internal/output", []string{module}, "it does not matter what is written"},
	{"internal/redraw", append([]string{module + "internal/model", module + "internal/report", module + "internal/client"}, ends...), "it does not matter what is written"},
	{"internal/place", []string{module}, "it looks at its own process alone"},
	{"internal/spelling", []string{module}, "it compares words"},
	{"internal/turns", []string{module + "internal/server", module + "internal/webui", module + "internal/model"}, "it does not matter whose turn it is"},
	{"internal/pause", []string{module}, "it does not matter what is done again"},
	{"internal/mishap", []string{module}, "it does not matter what the work is"},
}

// table is the package that may be used by whoever describes or recognises something.
const table = module + "internal/container/runtime"

// ends are the packages at which facts enter.
var ends = []string{
	module + "gen", module + "internal/probes", module + "internal/host", module + "internal/vmm", module + "internal/container", module + "internal/anatomy",
}

// above lists the packages that use the readers of the host's files.
var above = []string{
	module + "gen", module + "internal/probes", module + "internal/container", module + "internal/enginefiles", module + "internal/anatomy",
	module + "internal/model", module + "internal/pipeline",
}

// below reports whether a path is the other one or in its tree.
func below(path, tree string) bool {
	return path == tree || strings.HasPrefix(path, strings.TrimSuffix(tree, "/")+"/")
}

// isForTests reports whether a package of this module is made for tests: it is below test, or its name ends in it.
func isForTests(path string) bool {
	return below(path, module+"test") || strings.HasPrefix(path, module) && strings.HasSuffix(path, "test")
}

// forbidden returns the reason why a package must not import a path, or "".
func forbidden(who, path string, test bool) string {
	for _, p := range privileges {
		allowed := slices.ContainsFunc(p.only, func(tree string) bool { return below(who, tree) })
		if below(path, p.path) && !allowed {
			return "only " + strings.Join(p.only, " and ") + " may"
		}
	}
	if test { // a test may use both sides
		return ""
	}
	if isForTests(path) && !below(who, "test") {
		return "it is for tests alone"
	}
	for _, b := range barriers {
		walled := slices.ContainsFunc(b.never, func(tree string) bool { return below(path, tree) })
		if below(who, b.who) && walled && path != table {
			return b.why
		}
	}
	standard := !strings.Contains(strings.SplitN(path, "/", 2)[0], ".")
	if only := selfContained[who]; only != nil && !standard && !slices.Contains(only, path) {
		return "it may import only " + strings.Join(only, " and ")
	}
	return ""
}

// selfContained lists all permitted imports, beside the standard library, of packages that depend on hardly anything.
var selfContained = map[string][]string{
	"internal/fact":  {module + "internal/event"},
	"internal/model": {module + "internal/event", module + "internal/fact"},
	"internal/store": {module + "internal/event", module + "internal/fact", module + "internal/model", module + "internal/record"},
}

// wrongImports lists the forbidden imports of a Go file. It reads files with any build tags: some tags exclude each other, so
// that no single go list reads all files.
func wrongImports(path string, content []byte) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, content, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var wrong []string
	for _, spec := range file.Imports {
		imported := strings.Trim(spec.Path.Value, "\"`")
		if why := forbidden(filepath.ToSlash(filepath.Dir(path)), imported, strings.HasSuffix(path, "_test.go")); why != "" {
			wrong = append(wrong, fmt.Sprintf("%s imports %s: %s", path, imported, why))
		}
	}
	return wrong, nil
}

func TestImports(t *testing.T) {
	eachFile(t, []string{".go"}, func(path string, content []byte) {
		wrong, err := wrongImports(path, content)
		if err != nil {
			t.Error(err)
		}
		for _, w := range wrong {
			t.Error(w)
		}
	})
}

func TestWrongImports(t *testing.T) {
	tests := []struct {
		path, source string
		wrong        int
	}{
		{"internal/ui/a.go", "package ui\nimport \"github.com/cilium/ebpf\"", 1},
		{"internal/ui/a_test.go", "//go:build root && vm\n\npackage ui\nimport (\n\t\"github.com/cilium/ebpf\"\n\t. \"github.com/docker/docker/client\"\n)", 2},
		{"internal/ui/a_test.go", "//go:build root && !vm\n\npackage ui\nimport _ `github.com/cilium/ebpf`", 1},
		{"internal/ui/a_test.go", "//go:build e2e\n\npackage ui_test\nimport \"" + module + "internal/host\"", 0},
		{"internal/ui/a.go", "package ui\nimport \"" + module + "internal/host\"", 1},
	}
	for _, test := range tests {
		wrong, err := wrongImports(test.path, []byte(test.source))
		if err != nil {
			t.Fatal(err)
		}
		if len(wrong) != test.wrong {
			t.Errorf("found %q in %s, want %d\n%s", wrong, test.path, test.wrong, test.source)
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
		{"internal/model", "github.com/cilium/ebpf", true},
		{"cmd/nsviz", "github.com/cilium/ebpf/rlimit", true},
		{"internal/ui", "github.com/gdamore/tcell/v2", false},
		{"internal/demo", "github.com/gdamore/tcell/v2", true},
		{"internal/container/engine/docker", "github.com/docker/docker/client", false},
		{"internal/container", "github.com/docker/docker/client", true},
		{"internal/demo", "github.com/docker/docker/client", true},
		{"internal/container/engine/dockerfile", "github.com/docker/docker/client", true},
		{"internal/ui", module + "internal/model", false},
		{"internal/server", module + "internal/metrics/metricstest", true},
		{"cmd/nsviz", module + "test/lsns", true},
		{"test/vm", module + "test/setup", false},
		{"internal/collect/kills", module + "internal/store", true},
		{"internal/collect/kills", module + "internal/probes", true},
		{"internal/collect/kills", module + "internal/container", true},
		{"internal/collect/limits", module + "internal/pipeline", true},
		{"internal/collect/limits", module + "internal/store", true},
		{"internal/collect/limits", module + "internal/probes", true},
		{"internal/collect/limits", module + "internal/container", false},
		{"internal/collect/names", module + "internal/pipeline", true},
		{"internal/collect/find", module + "internal/probes", true},
		{"internal/collect/find", module + "internal/container/engine", false},
		{"internal/collect/ownmemory", module + "internal/model", true},
		{"internal/collect/victim", module + "internal/model", true},
		{"internal/collect/victim", module + "internal/host/procfs", false},
		{"internal/collect/sample", module + "internal/model", false},
		{"internal/collect/sample", module + "internal/store", true},
		{"internal/collect/sample", module + "internal/container", true},
		{"internal/collect/survey", module + "internal/probes", true},
		{"internal/collect/survey", module + "internal/namespaces", true},
		{"internal/collect/survey", module + "internal/store", true},
		{"internal/collect/survey", module + "internal/container", false},
		{"internal/namespaces", module + "internal/collect/survey", false},
		{"internal/namespaces", module + "internal/host/nsfs", true},
		{"internal/namespaces", module + "internal/model", true},
		{"internal/store", module + "internal/event", false},
		{"internal/store", module + "internal/pipeline", true},
		{"internal/ui", module + "internal/host/procfs", true},
		{"internal/metrics", module + "internal/vmm", true},
		{"internal/host/nsfs", module + "internal/event", false},
		{"internal/host/procfs", module + "internal/host/nsfs", false},
		{"internal/host/procfs", module + "internal/container", true},
		{"internal/host/pseudofs", module + "internal/host/procfs", true},
		{"internal/vmm", module + "internal/model", true},
		{"internal/metrics", module + "internal/container/engine/docker", true},
		{"internal/metrics", "github.com/prometheus/client_golang/prometheus", false},
		{"internal/metrics", "net/http", true},
		{"internal/server", "net/http", false},
		{"internal/server", "github.com/prometheus/client_golang/prometheus/promhttp", false},
		{"internal/server", module + "internal/metrics", false},
		{"internal/server", module + "internal/host", true},
		{"internal/ui", "github.com/prometheus/client_golang/prometheus", true},
		{"internal/ui", module + "internal/anatomy", true},
		{"internal/query", module + "internal/host", true},
		{"internal/query", module + "internal/ui", true},
		{"internal/ui", module + "internal/query", false},
		{"internal/diagram", module + "internal/host", true},
		{"internal/report", module + "internal/anatomy", false},
		{"internal/report", module + "internal/pipeline", true},
		{"internal/report", "os", true},
		{"internal/anatomy", module + "internal/host", false},
		{"internal/anatomy", module + "internal/container/engine/docker", true},
		{"internal/anatomy", table, false},
		{"internal/story", table, false},
		{"internal/story", module + "internal/container", true},
		{"internal/model", table, true},
		{"internal/container/runtime", module + "internal/event", true},
		{"internal/pipeline", module + "internal/container/engine", false},
		{"internal/pipeline", module + "internal/container/engine/docker", true},
		{"internal/pipeline", module + "internal/container/engine/ondisk", true},
		{"internal/pipeline", module + "internal/container/engine/cri", true},
		{"internal/container/engine/cri", "k8s.io/cri-api/pkg/apis/runtime/v1", false},
		{"internal/container/engine/cri", "google.golang.org/grpc/status", false},
		{"internal/container/engine/docker", "google.golang.org/grpc", true},
		{"internal/container/engine/ondisk", module + "internal/container/engine/docker", true},
		{"internal/container/engine/ondisk", module + "internal/container/engine", false},
		{"internal/container/runtime", "regexp", false},
		{"internal/logging", "github.com/coreos/go-systemd/v22/journal", false},
		{"internal/server", "github.com/coreos/go-systemd/v22/journal", true},
		{"internal/logging", module + "internal/pipeline", true},
		{"internal/model", module + "internal/event", false},
		{"internal/model", module + "internal/fact", false},
		{"internal/fact", module + "internal/event", false},
		{"internal/fact", module + "internal/model", true},
		{"internal/fact", "golang.org/x/sys/unix", true},
		{"internal/event", module + "internal/fact", true},
		{"internal/model", "time", false},
		{"internal/model", module + "internal/record", true},
		{"internal/model", "golang.org/x/sys/unix", true},
		{"internal/event", module + "internal/model", true},
		{"internal/event", "encoding/json", false},
	}
	for _, test := range tests {
		why := forbidden(test.who, test.path, false)
		if (why != "") != test.forbidden {
			t.Errorf("%s imports %s: %q, want forbidden %v", test.who, test.path, why, test.forbidden)
		}
	}
}

func TestPackageDocs(t *testing.T) {
	documented := map[string]bool{}
	eachFile(t, []string{".go"}, func(path string, content []byte) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, content, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Error(err)
			return
		}
		dir := filepath.Dir(path)
		documented[dir] = documented[dir] || file.Doc.Text() != ""
	})
	for dir, is := range documented {
		if !is {
			t.Errorf("%s has no package comment", dir)
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

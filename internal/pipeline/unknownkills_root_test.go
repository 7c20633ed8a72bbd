//go:build root

package pipeline_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/pipeline"
)

// Where the container's cgroup has no memory controller nobody knows what the OOM killer took before nsviz came.
func TestKillsWithoutTheMemoryController(t *testing.T) {
	// Beside a hierarchy of the memory controller the unified one has none. Elsewhere it is not handed down twice.
	l := layout(t)
	root := l.Dir
	if l.Controller != "" {
		unified, there := l.Others[""]
		if !there {
			t.Fatal("no unified hierarchy is mounted")
		}
		root = unified.Dir
	}
	home := root
	for _, name := range []string{"nsviz-test-without-memory", runtime.DemoPrefix + "unknown"} {
		home = filepath.Join(home, name+"-"+strconv.Itoa(os.Getpid()))
		if err := os.Mkdir(home, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.Remove(home); err != nil {
				t.Error(err)
			}
			home = filepath.Dir(home)
		})
	}
	// As a container's program it is in a mount namespace of its own.
	p := start(t, "unshare", "--mount", "sh", "-c", "echo there; read line; true")
	p.line()
	if err := os.WriteFile(filepath.Join(home, "cgroup.procs"), []byte(strconv.Itoa(int(p.pid))), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.end) // before its cgroup is removed

	cfg := config(t)
	cfg.Roots = host.Roots{Cgroup: root}
	look, err := pipeline.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s, err := look.Once(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Containers {
		if c := &s.Containers[i]; c.ID == filepath.Base(home) {
			if c.State != model.Running || c.OOMKills != nil || c.OOMKillsUnobserved != nil || c.Memory.UsageBytes != nil {
				t.Errorf("%s, %v OOM kills, %v unobserved, memory %+v; want all unknown", c.State, c.OOMKills, c.OOMKillsUnobserved, c.Memory)
			}
			return
		}
	}
	t.Errorf("no container %s among %+v", filepath.Base(home), s.Containers)
}
